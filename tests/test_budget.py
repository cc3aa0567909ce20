"""What a case may cost: billed actions, events and bytes, beside a bare workflow's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.testing import WorkflowEnvironment

from bench.counting import weigh
from bench.ground import write_policies
from bench.lives import LIVES, Life, play
from bench.workers import CASES, FLOORS, hollow
from config import Settings, data_converter
from domain.commands import Accept, Offer, Remedy
from domain.notices import Mailing, Notice
from tests.life import Life as Played
from tests.life import World
from tests.record_histories import (
    carrier_claim_recovered,
    non_delivery_lost,
    uncollected_sent_again,
)


class Budget(NamedTuple):
    """What a life may cost, its return included."""

    actions: int
    events: int
    history_bytes: int


BUDGETS = {
    "reference dispute": Budget(15, 65, 21_000),
    "silent seller": Budget(27, 110, 30_000),
    "dispute with a repair": Budget(43, 190, 51_000),
    "cancellation": Budget(12, 60, 18_000),
    "withdrawal": Budget(37, 165, 48_000),
    "complaint": Budget(17, 75, 24_000),
}
"""Events and bytes have some room: how workflow tasks fall depends on the machine's pace."""

RECORDED: dict[Callable[[World], Awaitable[Played]], Budget] = {
    uncollected_sent_again: Budget(32, 150, 27_000),
    non_delivery_lost: Budget(31, 145, 27_000),
    carrier_claim_recovered: Budget(22, 110, 21_000),
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


def effects(events: Sequence[HistoryEvent]) -> list[str]:
    """What a workflow did to the world, sorted: its activities, the letters of each mailing with
    the facts that they name, its signals, and the updates that it took.
    """
    converter = data_converter().payload_converter
    done = []
    for event in events:
        match event.event_type:
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                activity = event.activity_task_scheduled_event_attributes
                name = activity.activity_type.name
                if name == "send":
                    [mailing] = converter.from_payloads(activity.input.payloads, [Mailing])
                    name += "".join(f" {said(notice)}" for notice in mailing.notices)
                    name += " message" * len(mailing.messages)
                done.append(name)
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
    played, bare_played = await asyncio.gather(
        play(server.client, queues[0], life, f"{life.country}-901"),
        play(server.client, queues[1], life, f"{life.country}-902", bare=True),
    )
    assert list(map(effects, played)) == list(map(effects, bare_played)), (
        "the floor must do what the case does"
    )
    case, bare, budget = weigh(played), weigh(bare_played), BUDGETS[life.name]
    assert case.actions <= budget.actions
    assert case.actions <= 1.25 * bare.actions
    assert case.events <= budget.events
    assert case.history_bytes <= budget.history_bytes
    assert case.history_bytes <= 2 * bare.history_bytes


@pytest.mark.parametrize("life", RECORDED, ids=lambda life: life.__name__)
async def test_a_life_without_a_floor_stays_within_its_budget(
    life: Callable[[World], Awaitable[Played]], world: World
) -> None:
    played = await life(world)
    await played.ends()
    spent, budget = weigh([(await played.handle.fetch_history()).events]), RECORDED[life]
    for name in Budget._fields:
        assert getattr(spent, name) <= getattr(budget, name), (name, spent)


async def test_reference_dispute_with_real_activities_costs_at_most_15_actions(
    real_world: World,
) -> None:
    life = await real_world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
    await life.buyer(Accept)
    await life.ends()
    assert life.paid == [5000]
    assert weigh([(await life.handle.fetch_history()).events]).actions <= 15
