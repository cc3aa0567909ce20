"""Does time go on for a test where the time-skipping server itself would stand still for ever?"""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.skipping import AT_WORK, PATIENCE, STALLS, let_pass, see_that_it_skips

ATTEMPT = timedelta(seconds=30)


@activity.defn
async def work(seconds: float) -> None:
    """Be at work for so long."""
    await asyncio.sleep(seconds)


@workflow.defn
class EndsMeanwhile:
    """Ends while an activity of it is at work."""

    @workflow.run
    async def run(self) -> None:
        """Wait for one of two activities."""
        workflow.start_activity(work, 0.5, start_to_close_timeout=ATTEMPT)
        await workflow.execute_activity(work, 0.0, start_to_close_timeout=ATTEMPT)


@workflow.defn
class WorksLong:
    """Is at work for longer than anybody is patient."""

    @workflow.run
    async def run(self) -> None:
        """Do it."""
        length = PATIENCE + 1
        await workflow.execute_activity(work, length, start_to_close_timeout=ATTEMPT)


@workflow.defn
class Later:
    """Ends an hour later."""

    @workflow.run
    async def run(self) -> None:
        """Sleep, and do something."""
        await workflow.sleep(3600)
        await workflow.execute_activity(work, 0.0, start_to_close_timeout=ATTEMPT)


@workflow.defn
class Parent:
    """Ends long before its child."""

    @workflow.run
    async def run(self) -> None:
        """Start a child, and leave it alone."""
        await workflow.start_child_workflow(
            Later.run, id="child", parent_close_policy=workflow.ParentClosePolicy.ABANDON
        )


@pytest.fixture
async def working(skipping: WorkflowEnvironment) -> AsyncIterator[WorkflowEnvironment]:
    """A server with a worker for these."""
    async with Worker(
        skipping.client,
        task_queue="skipping",
        workflows=[EndsMeanwhile, WorksLong, Later, Parent],
        activities=[work],
        interceptors=[AT_WORK],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        STALLS.clear()
        yield skipping


async def run(server: WorkflowEnvironment, workflow: type) -> None:
    """Run a workflow to its end, and let what it began be done."""
    handle = await server.client.start_workflow(
        workflow.__name__, id=f"{workflow.__name__}-{uuid4()}", task_queue="skipping"
    )
    with server.auto_time_skipping_disabled():
        await handle.result()
    while AT_WORK.now:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)


@pytest.mark.parametrize("workflow", [EndsMeanwhile, Parent])
async def test_time_passes_though_a_lock_was_left(
    workflow: type, working: WorkflowEnvironment
) -> None:
    await run(working, workflow)
    before = await working.get_current_time()
    await let_pass(working, timedelta(days=1))
    assert await working.get_current_time() - before >= timedelta(days=1)
    assert len(STALLS) == 1
    await let_pass(working, timedelta(days=1))
    assert len(STALLS) == 1, "once undone, the lock is gone"


async def test_a_lock_that_a_test_has_left_is_undone_for_the_next(
    working: WorkflowEnvironment,
) -> None:
    await run(working, EndsMeanwhile)
    await see_that_it_skips(working)
    assert len(STALLS) == 1
    began = time.monotonic()
    await let_pass(working, timedelta(seconds=1))
    assert time.monotonic() - began < 0.9


async def test_work_that_takes_long_is_no_lock(working: WorkflowEnvironment) -> None:
    handle = await working.client.start_workflow(
        WorksLong.run, id="works-long", task_queue="skipping"
    )
    await let_pass(working, timedelta(days=1))
    assert not STALLS
    await handle.result()
