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
    case that is opened.
    `contradicted` hears of a message under whose id the archive has another text.
    """

    def __init__(
        self,
        case_id: str,
        errands: Errands,
        *,
        said_before: int,
        contradicted: Callable[[str], None],
    ) -> None:
        self._case_id = case_id
        self._run = workflow.info().run_id
        self._errands = errands
        self._contradicted = contradicted
        self._stood = Snapshot()
        self._happened, self._said = 0, said_before
        self._tasks: dict[str, Task] = {}
        self._next: Step | None = None
        self._last: Step | None = None
        self._number = 0
        self._steps = self._written = 0
        self._writing = False

    @property
    def written(self) -> int:
        """Up to which step everything is in the store."""
        return self._written

    @property
    def settled(self) -> bool:
        """Whether everything is."""
        return self._written == self._steps

    def keep_task(self, task: Task) -> None:
        """The agents' queue learns of a task with the record of its step."""
        self._tasks[task.id] = task

    def keep(self, step: Step) -> int:
        """Let a step be written, unless nothing has changed; answers which `written` will be."""
        if self._tasks or self._last is None or step[1:] != self._last[1:]:
            self._next = self._last = step
            self._steps += 1
            if not self._writing:
                self._writing = True
                self._errands.run(self._write())
        return self._steps

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
