"""A store that has lost records gets them back from the histories, which have every one."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Engine
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from config import data_converter
from domain.base import Value
from domain.kinds import Kind
from domain.notices import Message
from domain.ports import Task
from domain.step_record import SoFar, StepRecord, follow
from service.database import from_database
from service.reaching import answer, case
from store.archive import Archive
from store.step_records import StepBook

PATIENCE = 60.0
"""Seconds for a long history to be fetched."""


class Rebuilt(Value):
    """What came of a case: how many `records` its history has, and whether the store lacked any."""

    case_id: str
    records: int
    lacked: bool


async def every_case(client: Client) -> list[str]:
    """The ids of all cases that Temporal still has, open and closed."""
    kinds = ", ".join(f"'{kind.process}'" for kind in Kind)
    query = f"WorkflowType IN ({kinds})"
    return [found.id async for found in client.list_workflows(query)]


async def rebuild(client: Client, engine: Engine, case_id: str, *, only_look: bool) -> Rebuilt:
    """Compare what the store has of a case with its history, and put it right.

    Cases from before records were written have none: they are asked themselves, as before.
    """
    handle = case(client, case_id)
    history = await answer(handle.fetch_history(), case_id, patience=PATIENCE)
    records = list(records_of(history.events))
    now = _followed(records)
    if now is None:
        return Rebuilt(case_id=case_id, records=len(records), lacked=False)
    book, archive = StepBook(engine), Archive(engine)
    kept = await from_database(book.so_far, case_id)
    archived = {message.id for message in await from_database(archive.messages, case_id)}
    messages = [message for record in records for message in record.messages]
    lacked = _lacks(kept, now) or not {message.id for message in messages} <= archived
    if lacked and not only_look:
        await from_database(book.forget, case_id)
        await from_database(book.keep, _whole(records, now, messages))
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


def _lacks(kept: SoFar | None, now: SoFar) -> bool:
    """Whether the store has less of a case than its history, which was read before it."""
    if kept is None or kept.run != now.run or kept.number < now.number:
        return True
    return kept.number == now.number and kept != now


def _followed(records: Sequence[StepRecord]) -> SoFar | None:
    now: SoFar | None = None
    for record in records:
        if not (now and now.has(record)):
            now = follow(now, record) or now
    return now


def _whole(records: Sequence[StepRecord], now: SoFar, messages: Sequence[Message]) -> StepRecord:
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
        lists={name: {"kept": 0, "then": each} for name, each in now.stands.lists.items()},
        events=now.events,
        messages=tuple(messages),
        tasks=tuple(tasks.values()),
        over=last.over,
    )
