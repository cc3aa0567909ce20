"""Writes one record a step into the store, one after the other."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from temporalio import workflow

from activities.step_records import StepRecords
from domain.notices import Message
from domain.ports import CloseCase, Task
from domain.step_record import Snapshot, StepKept, StepRecord, changed_facts, changed_lists
from domain.view import Entry
from workflows.kernel.errands import Errands
from workflows.kernel.options import STEP_RECORDS

AT_ONCE = 20
"""Messages that are recorded together: far below Temporal's 2 MB for an argument."""


class Step(NamedTuple):
    """A case at the end of a step: how it stands, and all that has happened and was said in it."""

    at: datetime
    stands: Snapshot
    events: tuple[Entry, ...]
    messages: tuple[Message, ...]
    over: CloseCase | None = None


class Recorder:
    """Keeps the steps of a case. While one is being written, those that follow become one.

    `said_before`: how many messages are archived when it is registered: the opening's words, of a
    case that is opened. `keeps`: whether the case is one that keeps records; `stands`: how it
    stands now; `at_work`: whether its timeline has still to see to something.
    `contradicted` hears of a message under whose id the archive has another text.
    """

    def __init__(
        self,
        case_id: str,
        errands: Errands,
        *,
        said_before: int,
        keeps: Callable[[], bool],
        stands: Callable[[], Step],
        at_work: Callable[[], bool],
        contradicted: Callable[[str], None],
    ) -> None:
        self._case_id = case_id
        self._run = workflow.info().run_id
        self._errands = errands
        self._keeps = keeps
        self._stands = stands
        self._at_work = at_work
        self._contradicted = contradicted
        self._stood = Snapshot()
        self._happened, self._said = 0, said_before
        self._tasks: dict[str, Task] = {}
        self._next: Step | None = None
        self._last: Step | None = None
        self._number = 0
        self._steps = self._written = 0
        self._writing = self._soon = False

    @property
    def settled(self) -> bool:
        """Whether everything is."""
        return self._written == self._steps

    def keep_task(self, task: Task) -> None:
        """The agents' queue learns of a task with the record of its step."""
        self._tasks[task.id] = task

    def record(self) -> None:
        """Let the store have the case as it stands, unless nothing has changed."""
        if not self._keeps():
            return
        step = self._stands()
        if self._tasks or self._last is None or step[1:] != self._last[1:]:
            self._next = self._last = step
            self._steps += 1
            if not self._writing:
                self._writing = True
                self._errands.run(self._write())

    def record_soon(self) -> None:
        """What happens beside the timeline is recorded once that has seen to it."""
        if self._keeps() and not self._soon:
            self._soon = True
            self._errands.run(self._record_beside())

    async def _record_beside(self) -> None:
        await workflow.wait_condition(lambda: not self._at_work())
        self._soon = False
        self.record()

    async def have_recorded(self) -> None:
        """Wait until the store has the case as it stands: whoever has sent something reads their
        own deed once they have an answer.
        """
        self.record()
        step = self._steps
        if self._written < step:
            await workflow.wait_condition(lambda: self._written >= step)

    async def _write(self) -> None:
        while step := self._next:
            self._next, written = None, self._steps
            tasks, self._tasks = tuple(self._tasks.values()), {}
            self._number += 1
            record = self._record(step, tasks)
            kept = await self._told(record)
            if not kept.taken:
                kept = await self._told(self._whole(step, record))
            for message in kept.contradicted:
                self._contradicted(message)
            self._stood, self._happened = step.stands, len(step.events)
            self._said += len(record.messages)
            if self._said < len(step.messages):
                self._next = self._next or step
            else:
                self._written = written
        self._writing = False

    async def _told(self, record: StepRecord) -> StepKept:
        """Regular, not local: see Case.own_database. Its name says all, so it has no summary."""
        kept: StepKept = await workflow.execute_activity_method(
            StepRecords.record, record, **STEP_RECORDS
        )
        return kept

    def _record(self, step: Step, tasks: tuple[Task, ...]) -> StepRecord:
        return StepRecord(
            case_id=self._case_id,
            run=self._run,
            number=self._number,
            at=step.at,
            facts=changed_facts(self._stood, step.stands),
            lists=changed_lists(self._stood, step.stands),
            happened=self._happened,
            events=step.events[self._happened :],
            messages=step.messages[self._said :][:AT_ONCE],
            tasks=tasks,
            over=step.over,
        )

    def _whole(self, step: Step, record: StepRecord) -> StepRecord:
        """The same with all that was recorded before but the texts, of which the archive loses
        none, and which would be too much for one activity.
        """
        nothing = Snapshot()
        return record.model_copy(
            update={
                "whole": True,
                "facts": changed_facts(nothing, step.stands),
                "lists": changed_lists(nothing, step.stands),
                "happened": 0,
                "events": step.events,
            }
        )
