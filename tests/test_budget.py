"""What a case may cost: billed actions, events and bytes, beside a bare workflow's."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.testing import WorkflowEnvironment

from bench.counting import Weight, records, weigh
from bench.floor import WRITTEN
from bench.ground import write_policies
from bench.lives import LIVES, Life, play
from bench.workers import CASES, FLOORS, hollow
from bench.written import of_life
from config import Settings, data_converter
from domain.base import Value
from domain.commands import Accept, Offer, Remedy
from domain.notices import Mailing, Notice
from tests.life import Life as Played
from tests.life import World
from tests.record_histories import (
    carrier_claim_recovered,
    non_delivery_lost,
    uncollected_sent_again,
)

V = TypeVar("V", bound=Value)


class Budget(NamedTuple):
    """What a life may cost, its return included."""

    actions: int
    events: int
    history_bytes: int
    records: int
    record_bytes: int


BUDGETS = {
    "reference dispute": Budget(13, 29, 14_700, 5, 6_200),
    "silent seller": Budget(22, 49, 19_200, 9, 11_500),
    "dispute with a repair": Budget(37, 79, 33_900, 13, 13_500),
    "cancellation": Budget(9, 22, 11_900, 5, 5_200),
    "withdrawal": Budget(34, 72, 34_100, 13, 13_000),
    "complaint": Budget(16, 36, 17_800, 8, 7_200),
}
"""As `steady` and `within` count. Events and bytes have a little room, and so have the records:
one more where the database is so quick that what happens beside a step is a step of its own.
"""

RECORDED: dict[Callable[[World], Awaitable[Played]], Budget] = {
    uncollected_sent_again: Budget(32, 72, 21_700, 12, 12_500),
    non_delivery_lost: Budget(32, 73, 22_700, 12, 11_500),
    carrier_claim_recovered: Budget(20, 43, 16_700, 9, 9_700),
}
"""Lives of the processes that have no floor in the bench; their activities are real."""


@pytest.fixture(scope="module")
async def queues(
    server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[str, str]]:
    """The task queues of a worker for cases and one for their floors, with emptied activities."""
    policies = write_policies(tmp_path_factory.mktemp("budget") / "policies")
    case, floor = (Settings.read(task_queue=f"budget-{side}", policies=policies) for side in "cf")
    async with hollow(server.client, case, CASES), hollow(server.client, floor, FLOORS):
        yield case.task_queue, floor.task_queue


WORKFLOW_TASKS = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
)


def steady(histories: Sequence[Sequence[HistoryEvent]]) -> Weight:
    """What histories weigh, whatever the machine's pace.

    Without workflow tasks, which several events share where the worker is slow; without the records
    of steps, of which several become one while the database is slow; and as if no letter had waited
    for the one before, and left together with more.
    """
    lasting = [
        [event for event in without_records(events) if event.event_type not in WORKFLOW_TASKS]
        for events in histories
    ]
    weight, together = weigh(lasting), 0
    for event in (event for events in lasting for event in events):
        if (mailing := argument(event, "send", Mailing)) and mailing.notices:
            together += len({notice.step for notice in mailing.notices}) - 1
    return replace(weight, actions=weight.actions + together)


def without_records(events: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """A history without what orders the records of steps, and what became of it."""
    ordered = {event.event_id for event in records(events)}
    return [
        event
        for event in events
        if event.event_id not in ordered
        and event.activity_task_started_event_attributes.scheduled_event_id not in ordered
        and event.activity_task_completed_event_attributes.scheduled_event_id not in ordered
    ]


def within(histories: Sequence[Sequence[HistoryEvent]], budget: Budget) -> None:
    """The records of a life's steps are no more, and no bigger, than its budget has them."""
    ordered = [event for events in histories for event in records(events)]
    spent = len(ordered), sum(event.ByteSize() for event in ordered)
    assert spent[0] <= budget.records, spent
    assert spent[1] <= budget.record_bytes, spent


def argument(event: HistoryEvent, activity: str, form: type[V]) -> V | None:
    """The argument of an activity of this name, if the event schedules one."""
    scheduled = event.activity_task_scheduled_event_attributes
    if scheduled.activity_type.name != activity:
        return None
    [told] = data_converter().payload_converter.from_payloads(scheduled.input.payloads, [form])
    assert isinstance(told, form)
    return told


def effects(events: Sequence[HistoryEvent]) -> list[str]:
    """What a workflow did to the world, sorted: its activities, each letter with the facts that it
    names, its signals, and the updates that it took.
    """
    done = []
    for event in without_records(events):
        match event.event_type:
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                if mailing := argument(event, "send", Mailing):
                    done += [said(notice) for notice in mailing.notices]
                else:
                    done.append(event.activity_task_scheduled_event_attributes.activity_type.name)
            case EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
                done.append("signal")
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
                done.append("update")
    return sorted(done)


def said(notice: Notice) -> str:
    """To whom a letter goes, which one, and the facts that it names."""
    facts = ", ".join(notice.facts.model_dump(exclude_defaults=True))
    return f"{notice.to}: {notice.name} ({facts})"


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name.replace(" ", "-"))
async def test_costs_little_more_than_a_bare_workflow(
    life: Life, queues: tuple[str, str], server: WorkflowEnvironment
) -> None:
    played = await play(server.client, queues[0], life, f"{life.country}-901")
    WRITTEN.update(of_life(life, f"{life.country}-901", played))
    bare_played = await play(server.client, queues[1], life, f"{life.country}-902", bare=True)
    assert list(map(effects, played)) == list(map(effects, bare_played)), (
        "the floor must do what the case does"
    )
    case, bare, budget = steady(played), steady(bare_played), BUDGETS[life.name]
    assert case.actions <= budget.actions
    assert case.events <= budget.events
    assert case.history_bytes <= budget.history_bytes
    within(played, budget)
    whole, bare_whole = weigh(played), weigh(bare_played)
    assert bare_whole.records == whole.records, "the floor must record what the case does"
    assert abs(bare_whole.record_bytes - whole.record_bytes) <= 60 * whole.records
    if life.actions_at_most:
        assert whole.actions <= life.actions_at_most
    assert whole.actions <= 1.16 * bare_whole.actions
    # The workflow tasks, of which both have as many, would make it 1.1.
    assert case.history_bytes + whole.record_bytes <= 1.13 * (
        bare.history_bytes + bare_whole.record_bytes
    )


@pytest.mark.parametrize("life", RECORDED, ids=lambda life: life.__name__)
async def test_a_life_without_a_floor_stays_within_its_budget(
    life: Callable[[World], Awaitable[Played]], world: World
) -> None:
    played = await life(world)
    await played.ends()
    spent, budget = steady([(await played.handle.fetch_history()).events]), RECORDED[life]
    for name in ("actions", "events", "history_bytes"):
        assert getattr(spent, name) <= getattr(budget, name), (name, spent)
    within([(await played.handle.fetch_history()).events], budget)


async def test_reference_dispute_with_real_activities_costs_no_more_actions(
    real_world: World,
) -> None:
    life = await real_world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
    await life.buyer(Accept)
    await life.ends()
    assert life.paid == [5000]
    events = (await life.handle.fetch_history()).events
    reference, *_ = LIVES
    assert reference.actions_at_most
    assert steady([events]).actions + len(records(events)) <= reference.actions_at_most
