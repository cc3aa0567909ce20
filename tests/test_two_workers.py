"""What if the worker of a case freezes, somebody looks, and another worker goes on with it?"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory, WorkflowQueryFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from config import data_converter, register_attributes
from domain.commands import Say
from domain.openings import CarrierTrouble
from gate import workflow_runner
from policies import DEMO
from service.reaching import CaseHandle
from tests.life import SELLER, Life, RefusedCommand
from tests.processes import Program, binary, worker_program
from tests.test_durability import Elsewhere, elsewhere
from workflows.processes import PROCESSES

LOOKING = 14
"""Seconds for which people look: a server lets a frozen worker's tasks wait for ten."""


async def each_kind(world: Elsewhere) -> list[Life]:
    """A case of every kind, a clock of which will run out while its worker is frozen."""
    withdrawal = await world.withdrawal(order_id=await world.in_hand())
    parcel = await world.parcel(posted=4, in_hand=1)
    return [
        await world.inquiry(),
        await world.dispute(),
        await world.cancellation(order_id=await world.fresh()),
        withdrawal,
        await withdrawal.goods_back(),
        await world.non_delivery(),
        await world.carrier_claim(order_id=parcel, trouble=CarrierTrouble.DAMAGE),
        await world.uncollected_parcel(),
        await world.complaint(),
    ]


@contextmanager
def second_worker(world: Elsewhere, folder: Path) -> Iterator[Program]:
    """Another worker of the same world, not yet started."""
    own = ("RECOURSE_HEALTH_ADDRESS", "RECOURSE_METRICS_ADDRESS")
    folder.mkdir()
    env = {name: value for name, value in world.worker.settings.items() if name not in own}
    with worker_program(folder, env) as program:
        yield program


async def look_all_the_time(handles: list[CaseHandle], seconds: float) -> None:
    """Look at every case as often as an impatient person does; what is answered does not matter."""

    async def look(handle: CaseHandle) -> None:
        try:
            async with asyncio.timeout(8):
                await handle.query("view")
        except (TimeoutError, RPCError, WorkflowQueryFailedError):
            return

    async with asyncio.TaskGroup() as people:
        for _ in range(round(seconds / 0.4)):
            for handle in handles:
                people.create_task(look(handle))
            await asyncio.sleep(0.4)


async def say_something(life: Life) -> None:
    """A command that this case takes, or refuses; what it says does not matter."""
    try:
        # The step can be with the frozen worker, and then its record as well.
        async with asyncio.timeout(30):
            await life.send(SELLER, Say, text="Is anybody there?")
    except (RefusedCommand, RPCError):
        return


def broken_tasks(history: WorkflowHistory) -> list[str]:
    """Why workflow tasks failed; a busy machine that took too long over one is no reason."""
    failed = [
        event.workflow_task_failed_event_attributes
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
    return [one.failure.message for one in failed if "deadlock" not in one.failure.message]


async def replays(handle: CaseHandle) -> str:
    """Why a case cannot go on; empty if it can."""
    history = await handle.fetch_history()
    if why := broken_tasks(history):
        return f"{handle.id}: {why}"
    replayer = Replayer(
        workflows=[*PROCESSES.values()],
        data_converter=data_converter(),
        workflow_runner=workflow_runner(),
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return f"{handle.id}: {result.replay_failure}" if result.replay_failure else ""


@pytest.fixture
async def own_server() -> AsyncIterator[WorkflowEnvironment]:
    """A development server of its own, so that others' looks do not disturb."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"),
        data_converter=data_converter(),
        ui=False,
        dev_server_log_level="error",
    ) as environment:
        await register_attributes(environment.client)
        yield environment


@pytest.mark.slow
@pytest.mark.parametrize("gone", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "killed"])
async def test_looks_at_cases_whose_worker_is_gone_poison_none(
    own_server: WorkflowEnvironment, tmp_path: Path, gone: signal.Signals
) -> None:
    address = own_server.client.service_client.config.target_host
    async with elsewhere(own_server, address, tmp_path, DEMO) as world:
        await world.worker.start()
        lives = [*await each_kind(world), *await each_kind(world)]
        opening = asyncio.gather(*(world.dispute() for _ in range(4)), return_exceptions=True)
        await asyncio.sleep(0.3)  # some of these are just being registered
        handles = [life.handle for life in lives]
        with second_worker(world, tmp_path / "second") as second:
            await second.start()
            world.worker.leave(gone)
            await look_all_the_time(handles, LOOKING)
            await asyncio.gather(*map(say_something, lives))
            world.worker.leave(signal.SIGCONT)
            world.worker.end()
            second.send(signal.SIGTERM)
        await opening
        await world.worker.start()
        poisoned = [why for handle in handles if (why := await replays(handle))]
        assert not poisoned
