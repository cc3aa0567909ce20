"""What a case may cost: billed actions, events and bytes, beside a bare workflow's."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from bench.counting import effects, weigh
from bench.ground import write_policies
from bench.lives import LIVES, Life, play
from bench.workers import CASES, FLOORS, hollow
from config import Settings
from domain.commands import Accept, Offer, Remedy
from tests.life import World

SETTLED, SILENT = LIVES
ACTIONS = {SETTLED.name: 15, SILENT.name: 26}
EVENTS = {SETTLED.name: 65, SILENT.name: 110}
BYTES = {SETTLED.name: 18_000, SILENT.name: 26_000}
"""Events and bytes have some room: how workflow tasks fall depends on the machine's pace."""


@pytest.fixture(scope="module")
async def queues(
    server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[str, str]]:
    """The task queues of a worker for cases and one for their floors, with emptied activities."""
    policies = write_policies(tmp_path_factory.mktemp("budget") / "policies")
    case, floor = (Settings.read(task_queue=f"budget-{side}", policies=policies) for side in "cf")
    async with hollow(server.client, case, CASES), hollow(server.client, floor, FLOORS):
        yield case.task_queue, floor.task_queue


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name.replace(" ", "-"))
async def test_costs_little_more_than_a_bare_workflow(
    life: Life, queues: tuple[str, str], server: WorkflowEnvironment
) -> None:
    events, bare_events = await asyncio.gather(
        play(server.client, queues[0], life, f"{life.country}-901"),
        play(server.client, queues[1], life, f"{life.country}-902", bare=True),
    )
    case, bare = weigh(events), weigh(bare_events)
    assert effects(events) == effects(bare_events), "the floor must do what the case does"
    assert case.actions <= ACTIONS[life.name]
    assert case.actions <= 1.25 * bare.actions
    assert case.events <= EVENTS[life.name]
    assert case.history_bytes <= BYTES[life.name]
    assert case.history_bytes <= 2 * bare.history_bytes


async def test_reference_dispute_with_real_activities_costs_at_most_15_actions(
    real_world: World,
) -> None:
    life = await real_world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
    await life.buyer(Accept)
    await life.ends()
    assert life.paid == [5000]
    assert weigh((await life.handle.fetch_history()).events).actions <= 15
