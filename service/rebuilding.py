"""A store that has lost records gets them back from the histories, which have every one."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory

from config import data_converter
from domain.base import Value
from domain.kinds import Kind
from domain.ports import CloseCase, Task, TaskState
from domain.stages import Stage
from domain.step_record import Grown, Snapshot, SoFar, StepRecord, follow, snapshot
from domain.view import Entry
from service.asking import ask_for_the_whole
from service.database import from_database
from service.failures import RefusedError, SilentError
from service.reaching import answer, case
from store.archive import Archive
from store.step_records import StepBook

PATIENCE = 60.0
"""Seconds for a long history to be fetched."""


class Rebuilt(Value):
    """What came of a case: how many `records` its history has, and whether the store lacked any.

    A case from before records were written has none: it is recorded as it says that it stands.
    `why`: nothing was done, for it does not say so.
    """

    case_id: str
    records: int
    lacked: bool
    why: str = ""


async def every_case(client: Client) -> list[str]:
    """The ids of all cases that Temporal still has, open and closed."""
    kinds = ", ".join(f"'{kind.process}'" for kind in Kind)
    query = f"WorkflowType IN ({kinds})"
    return [found.id async for found in client.list_workflows(query)]


async def rebuild(client: Client, engine: Engine, case_id: str, *, only_look: bool) -> Rebuilt:
    """Compare what the store has of a case with its history, and put it right.

    So does a case that ops have ended by force, which could not record that itself.
    """
    handle = case(client, case_id)
    history = await answer(handle.fetch_history(), case_id, patience=PATIENCE)
    records = list(records_of(history.events))
    now = _followed(records)
    try:
        whole = _in_one(records, now) if now else await _as_it_says(client, case_id, history)
    except (RefusedError, SilentError) as error:
        return Rebuilt(case_id=case_id, records=0, lacked=False, why=str(error))
    if at := _ended_by_force(history.events[-1]):
        whole = _given_up(whole, at)
    lacked = await from_database(_lacks, StepBook(engine), Archive(engine), whole)
    if lacked and not only_look:
        await from_database(StepBook(engine).put_right, whole)
    return Rebuilt(case_id=case_id, records=len(records), lacked=lacked)


def records_of(events: Sequence[HistoryEvent]) -> Iterator[StepRecord]:
    """The records that a history has ordered and that were kept, in order."""
    converter = data_converter().payload_converter
    done = {
        event.activity_task_completed_event_attributes.scheduled_event_id
        for event in events
        if event.HasField("activity_task_completed_event_attributes")
    }
    for event in events:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == "record_step" and event.event_id in done:
            (record,) = converter.from_payloads(scheduled.input.payloads, [StepRecord])
            yield record


def _lacks(book: StepBook, archive: Archive, whole: StepRecord) -> bool:
    """Whether the store has less of a case than its history, which was read before it."""
    kept, now = book.so_far(whole.case_id), follow(None, whole)
    archived = {message.id for message in archive.messages(whole.case_id)}
    if not {message.id for message in whole.messages} <= archived:
        return True
    if kept is None or now is None or kept.run != now.run or kept.number < now.number:
        return True
    return kept.number == now.number and kept != now


def _followed(records: Sequence[StepRecord]) -> SoFar | None:
    now: SoFar | None = None
    for record in records:
        if not (now and now.has(record)):
            now = follow(now, record) or now
    return now


def _in_one(records: Sequence[StepRecord], now: SoFar) -> StepRecord:
    """All records as one."""
    tasks: dict[str, Task] = {task.id: task for record in records for task in record.tasks}
    last = records[-1]
    return StepRecord(
        case_id=last.case_id,
        run=now.run,
        number=now.number,
        at=last.at,
        whole=True,
        facts=now.stands.facts,
        lists=_all_of(now.stands),
        events=now.events,
        messages=tuple(message for record in records for message in record.messages),
        tasks=tuple(tasks.values()),
        over=last.over,
    )


async def _as_it_says(client: Client, case_id: str, history: WorkflowHistory) -> StepRecord:
    """A record of a case that writes none, under the number 0. Its messages are archived."""
    case_says = await ask_for_the_whole(client, case_id)
    view, started = case_says.view, case_says.deadlines
    stands = snapshot(
        view,
        started,
        case_says.decisions,
        running=tuple(started.index(clock) for clock in view.clocks if clock in started),
        rules=case_says.registration,
    )
    last = history.events[-1].event_time.ToDatetime(UTC)
    over = CloseCase(
        case_id=case_id,
        ending=view.ending,
        at=last,
        escalated=bool(case_says.decisions),
        breaches=len(view.breaches),
    )
    return StepRecord(
        case_id=case_id,
        run=history.events[0].workflow_execution_started_event_attributes.original_execution_run_id,
        number=0,
        at=last,
        whole=True,
        facts=stands.facts,
        lists=_all_of(stands),
        events=view.timeline,
        over=over if view.stage is Stage.CLOSED else None,
    )


def _all_of(stands: Snapshot) -> dict[str, Grown]:
    return {name: Grown(kept=0, then=entries) for name, entries in stands.lists.items()}


def _ended_by_force(last: HistoryEvent) -> datetime | None:
    """When ops, or a defect, ended a case before its time; None of one that runs or has ended."""
    if last.event_type in ENDED_BY_FORCE:
        return last.event_time.ToDatetime(UTC)
    return None


def _given_up(whole: StepRecord, at: datetime) -> StepRecord:
    """A case that was ended by force: nobody is awaited, and agents have nothing to do."""
    facts = {name: fact for name, fact in whole.facts.items() if name not in OF_OPEN_CASES}
    lists = {name: entries for name, entries in whole.lists.items() if name not in OF_OPEN_CASES}
    over = CloseCase(case_id=whole.case_id, ending=None, at=at, escalated=False, breaches=0)
    tasks = [Task.model_validate(whole.facts[name]) for name in TASKS if name in whole.facts]
    return whole.model_copy(
        update={
            "number": whole.number + 1,
            "facts": {**facts, "stage": Stage.CLOSED.value},
            "lists": lists,
            "events": (*whole.events, Entry(at=at, what=BY_FORCE)),
            "tasks": tuple(
                task.model_copy(update={"state": TaskState.DONE, "revision": task.revision + 1})
                for task in tasks
            ),
            "over": over,
        }
    )


BY_FORCE = "ended by force"

ENDED_BY_FORCE = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
)

TASKS = ("task", "letters_task")

OF_OPEN_CASES = ("awaited", "due", "working", "may", "running", *TASKS)
"""What only an open case has."""
