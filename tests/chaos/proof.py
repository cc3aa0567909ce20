"""What must hold once everything runs undisturbed again. What does not is a finding, in a line."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from sqlalchemy import Engine, text
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import WorkflowExecutionStatus, WorkflowHistory
from temporalio.worker import Replayer

from config import data_converter
from domain.commands import Ask, Close, Hold, Say, SendBack
from domain.kinds import Kind
from domain.notices import Mailing
from domain.parties import Party
from domain.ports import RefundState, TaskState
from domain.refusals import Code
from domain.stages import Stage
from domain.view import CaseView, RefundingView
from gate import workflow_runner
from service.asking import ask
from service.failures import RefusedError, SilentError
from service.reaching import case
from service.rebuilding import rebuild
from service.sending import send
from store.archive import Archive
from store.standings import Standings
from store.tasks import TaskQueue
from tests.chaos.parts import Site
from tests.chaos.people import PAID_MINOR, Life, Record
from tests.life import PLATFORM
from tests.recorded import differences
from tests.test_random_orders import readers_of, unsettled, waits_for
from workflows.processes import PROCESSES

QUIET_WITHIN = 150.0
"""Seconds until nothing is under way any more: a step that died with its worker is run again up to
a minute after it began, and what failed often waits longer each time."""

LATE = timedelta(seconds=20)
"""So long after its end a clock has been heard, even where the machine is busy."""

TRADERS = (Party.BUYER, Party.SELLER)

HARMLESS = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE,
)
"""Causes of failed workflow tasks that are no defect: something came as a case was ending, or an
update was answered by a worker that another one had replaced."""

TOO_BUSY = "TMPRL1101"
"""What the SDK says of a step that took over two seconds: here, that the machine was busy."""


async def cases(site: Site, query: str = "") -> AsyncIterator[str]:
    """The ids of all cases, or of those that the query finds."""
    async for found in site.client.list_workflows(query):
        yield found.id


async def under_way(site: Site) -> dict[str, list[str]]:
    """What is being done, or is to be done again, in the cases that run."""
    busy: dict[str, list[str]] = {}
    async for case_id in cases(site, 'ExecutionStatus = "Running"'):
        described = await case(site.client, case_id).describe()
        raw = described.raw_description
        pending = [each.activity_type.name for each in raw.pending_activities]
        if raw.HasField("pending_workflow_task"):
            pending.append("a workflow task")
        if pending:
            busy[case_id] = pending
    return busy


async def come_to_rest(site: Site, record: Record, lives: list[Life]) -> int:
    """Wait until nothing is under way; how many cases there are. What never ends is a finding."""
    of_order = {life.opening.order_id: life for life in lives}
    answer = await asyncio.to_thread(
        requests.post, f"{site.marketplace}/standin/behaviour", json={}, timeout=10
    )
    assert answer.ok, answer.text
    began = time.monotonic()
    settled: set[str] = set()
    while True:
        views = [view async for view in all_views(site, record)]
        for view in views:
            if (refund := unsettled(view)) and refund.key not in settled:
                settled.add(refund.key)
                if view.order_id in of_order:
                    await of_order[view.order_id].settle_refund(view.id, refund.key)
        busy = await under_way(site)
        if not busy and not any(view.working or unsettled(view) for view in views):
            return len(views)
        if time.monotonic() - began > QUIET_WITHIN:
            working = [view.id for view in views if view.working]
            unclear = [view.id for view in views if unsettled(view)]
            record.find(
                f"not at rest after {QUIET_WITHIN:.0f} s: {busy} working: {working} "
                f"unsettled: {unclear}"
            )
            return len(views)
        await asyncio.sleep(1)


async def all_views(site: Site, record: Record) -> AsyncIterator[CaseView]:
    """Every case that can be read; one that cannot is a finding, once."""
    async for case_id in cases(site):
        try:
            yield await ask(site.client, case_id)
        except (SilentError, RefusedError) as error:
            record.find(f"{case_id} cannot be read: {error}")


async def every_case_waits(site: Site, record: Record, engine: Engine) -> None:
    """Every open case waits for somebody, until a deadline or with a task that tells of it.

    Cases are read one after the other, and a clock may end meanwhile: what is wrong stays wrong.
    """
    wrong = None
    for _ in range(3):
        views = [view async for view in all_views(site, record)]
        found = set(waiting_for_nobody(views, engine))
        wrong = found if wrong is None else wrong & found
        if not wrong:
            return
        await asyncio.sleep(3)
    for what in sorted(wrong or ()):
        record.find(what)


def waiting_for_nobody(views: list[CaseView], engine: Engine) -> Iterator[str]:
    """What is wrong with the cases that are open, and with what is left of those that are not."""
    running = {view.id for view in views if view.stage is not Stage.CLOSED}
    queue, now = TaskQueue(engine), datetime.now(UTC)
    for view in views:
        if view.id not in running:
            if view.awaited or view.task or view.ending is None:
                yield f"{view.id} is closed and still awaits {view.awaited}"
            continue
        if view.awaited is None:
            yield f"{view.id} at {view.stage} awaits nobody"
        runs = [clock for clock in view.clocks if clock.due or clock.held_since]
        beside = waits_for(view) & running
        if not (runs or unsettled(view) or beside):
            yield f"{view.id} at {view.stage}: nothing will ever happen"
        if view.due and now - view.due > LATE:
            yield f"{view.id} at {view.stage}: its clock ended at {view.due}"
        if view.awaited is Party.AGENT and view.task is None:
            yield f"{view.id} awaits an agent, and no task tells them"
        for task in (view.task, view.letters_task):
            if task and (kept := queue.find(task.id)) != task:
                yield f"{view.id}: its task is {task}, the queue has {kept}"


async def close_all(site: Site, record: Record) -> None:
    """The platform closes what is still open, returns first, and what that opens; all of it ends.

    Goods that are with the seller when their case is closed go back by a return of their own.
    """
    refused: list[str] = []
    for _ in range(4):
        views = [view async for view in all_views(site, record)]
        if not (still := [view for view in views if view.stage is not Stage.CLOSED]):
            return
        refused = await close(site, record, still)
        await asyncio.sleep(1)  # one that is just being settled closes by itself
    record.find(f"still open: {[view.id for view in still]}; {'; '.join(refused)}")


async def close(site: Site, record: Record, still: list[CaseView]) -> list[str]:
    """The platform closes these, and they end; why some could not be closed."""
    why: list[str] = []
    told: list[str] = []
    for view in sorted(still, key=lambda view: view.kind is not Kind.RETURN):
        over = Close(command_id="the-end", by=PLATFORM, reason=f"over-{view.id}.")
        try:
            await send(site.client, view.id, over)
            record.taken.setdefault(view.id, {})[over.command_id] = over
        except RefusedError as refused:
            if refused.code != Code.CASE_CLOSED:
                why.append(f"{view.id} at {view.stage}: cannot be closed: {refused}")
        except SilentError as silent:
            why.append(f"{view.id} at {view.stage}: does not answer: {silent}")
        else:
            told.append(view.id)
    async with asyncio.TaskGroup() as ending:
        for case_id in told:
            ending.create_task(ends(site, record, case_id))
    return why


async def ends(site: Site, record: Record, case_id: str) -> None:
    """A closed case has a result."""
    try:
        await asyncio.wait_for(case(site.client, case_id).result(), timeout=QUIET_WITHIN)
    except TimeoutError:
        record.find(f"{case_id} does not end")
    except Exception as failed:  # whatever it failed by, it is a finding
        record.find(f"{case_id} failed: {failed!r} {failed.__cause__!r}")


async def histories(site: Site) -> list[WorkflowHistory]:
    """The history of every case, of each of its runs."""
    return [
        await site.client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history()
        async for found in site.client.list_workflows("")
    ]


async def replays(kept: list[WorkflowHistory], record: Record, folder: Path) -> None:
    """Every history replays, and no task of it failed; one that does not is kept in a file."""
    replayer = Replayer(
        workflows=[*PROCESSES.values()],
        data_converter=data_converter(),
        workflow_runner=workflow_runner(),
    )
    for history in kept:
        wrong = [
            f"a task failed: {WorkflowTaskFailedCause.Name(failed.cause)} {failed.failure.message}"
            for event in history.events
            if (failed := event.workflow_task_failed_event_attributes)
            and event.HasField("workflow_task_failed_event_attributes")
            and failed.cause not in HARMLESS
            and TOO_BUSY not in failed.failure.message
        ]
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure:
            wrong.append(f"does not replay: {result.replay_failure}")
        if wrong:
            file = folder / f"{history.workflow_id.replace(':', '-')}.json"
            file.write_text(history.to_json())
            record.find(f"{history.workflow_id}: {'; '.join(wrong)} ({file})")


async def dead(site: Site, record: Record) -> None:
    """No case is stuck in a failing task, and none was ended but by itself."""
    async for found in site.client.list_workflows("TemporalReportedProblems IS NOT NULL"):
        record.find(f"{found.id} is dead: Temporal reports problems of it")
    async for found in site.client.list_workflows(""):
        if found.status not in (
            WorkflowExecutionStatus.RUNNING,
            WorkflowExecutionStatus.COMPLETED,
        ):
            record.find(f"{found.id} is {found.status.name if found.status else 'of no status'}")


def texts_are_archived(record: Record, engine: Engine, kept: list[WorkflowHistory]) -> None:
    """Every acknowledged text is archived once, under its command's id, and nothing else is; and
    who was to read it got one letter with it.
    """
    archive = Archive(engine)
    for case_id in sorted({history.workflow_id for history in kept}):
        taken = record.taken.get(case_id, {})
        written = {
            id: command.words
            for id, command in taken.items()
            if command.words and not isinstance(command, Hold | SendBack)
        }
        messages = archive.messages(case_id)
        archived = Counter((message.id, message.text) for message in messages)
        for id, words in written.items():
            if archived[id, words] != 1:
                record.find(f"{case_id}: the text of {id} is archived {archived[id, words]} times")
        ours = record.openings.keys()
        if case_id in ours:
            extra = {m.id for m in messages} - written.keys() - {"#opening"}
            if extra:
                record.find(f"{case_id}: archived, and never acknowledged: {extra}")
        letters = archive.letters(case_id)
        for id, command in taken.items():
            if isinstance(command, Say | Ask):
                readers = sorted(
                    letter.to for letter in letters if f" {command.words}" in f" {letter.text} "
                )
                meant = readers_of(command)
                if case_id.startswith(f"{Kind.CARRIER_CLAIM}:"):
                    meant = [party for party in meant if party is Party.SELLER]
                if readers != sorted(meant):
                    record.find(
                        f"{case_id}: {id}, {command.verb} by {command.by.party}, was to be read "
                        f"by {sorted(meant)}, and went to {readers}"
                    )


async def letters_were_sent(
    site: Site, record: Record, engine: Engine, kept: list[WorkflowHistory]
) -> int:
    """Every letter that a case ordered was written and sent; how many mails came twice."""
    mails = Counter(str(mail["Message-ID"]) for mail in site.mailbox.messages())
    archive, converter = Archive(engine), data_converter().payload_converter
    known: set[str] = set()
    for history in kept:
        ordered: set[tuple[str, Party]] = set()
        for event in history.events:
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled and scheduled.activity_type.name == "send":
                (mailing,) = converter.from_payloads(scheduled.input.payloads, [Mailing])
                ordered.update(
                    (n.key, n.to) for n in mailing.notices if n.to in (Party.BUYER, Party.SELLER)
                )
        letters = archive.letters(history.workflow_id)
        # What one step says to one reader is one letter.
        written = {(key, letter.to) for letter in letters for key in letter.key.split("+")}
        if written != ordered:
            record.find(
                f"{history.workflow_id}: ordered, and not written: {ordered - written}; "
                f"written, and not ordered: {written - ordered}"
            )
        for letter in letters:
            known.add(letter.id)
            if letter.sent_at is None or not mails[letter.id]:
                record.find(f"{letter.case_id}: {letter.name} was never sent")
    if strangers := mails.keys() - known:
        record.find(f"{len(strangers)} mails are of no letter")
    return sum(times - 1 for times in mails.values())


def money_agrees(site: Site, record: Record, engine: Engine, views: list[CaseView]) -> None:
    """What the cases, the database and the marketplace say was paid back is the same."""
    ledger = requests.get(f"{site.marketplace}/standin/ledger", timeout=10).json()
    paid = {payment["key"]: payment["amount_minor"] for payment in ledger["payments"]}
    if len(paid) != len(ledger["payments"]):
        record.find("the marketplace paid one key twice")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT key, amount_minor, state FROM refunds")).all()
        units = connection.execute(text("SELECT order_id, sku, number FROM refunded_units")).all()
    booked = {key: amount for key, amount, state in rows if state == RefundState.CONFIRMED}
    told = {
        view.refund.key: view.refund_amount.amount_minor
        for view in views
        if isinstance(view, RefundingView)
        if view.refund and view.refund_amount and view.refund.state is RefundState.CONFIRMED
    }
    if paid != booked:
        record.find(f"paid {paid.items() - booked.items()}, booked {booked.items() - paid.items()}")
    if paid != told:
        record.find(f"paid {paid.items() - told.items()}, told {told.items() - paid.items()}")
    twice = [unit for unit, times in Counter(map(tuple, units)).items() if times > 1]
    if twice:
        record.find(f"refunded twice: {twice}")
    by_order: Counter[str] = Counter()
    for payment in ledger["payments"]:
        by_order[payment["order_id"]] += payment["amount_minor"]
    if more := {order: minor for order, minor in by_order.items() if minor > PAID_MINOR}:
        record.find(f"more than was paid came back: {more}")


async def steps_are_recorded(site: Site, record: Record, engine: Engine) -> None:
    """What the store has of each case is what the case itself says, and what its history has."""
    book = Standings(engine)
    for view in [view async for view in all_views(site, record)]:
        for difference in differences(view, book.view(view.id)):
            record.find(f"recorded otherwise: {difference[:500]}")
        if (await rebuild(site.client, engine, view.id, only_look=True)).lacked:
            record.find(f"{view.id}: the store lacks records that its history has")


def no_task_is_left(record: Record, engine: Engine) -> None:
    """No agent has a task of a case that is closed."""
    for task in TaskQueue(engine).waiting():
        if task.state is not TaskState.DONE:
            record.find(f"{task.case_id} is closed, and its task {task.purpose} waits")


def differ(one: str, ones: dict[str, int], other: str, others: dict[str, int]) -> str:
    """What two accounts have that the other has not."""
    return (
        f"{one}, and not {other}: {ones.items() - others.items()}; "
        f"{other}, and not {one}: {others.items() - ones.items()}"
    )
