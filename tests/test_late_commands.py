"""What is a command told that meets the end of its case, on either server?"""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.refusals import Code
from service.failures import RefusedError
from service.reaching import answer
from tests.skipping import AT_WORK


@activity.defn
async def work() -> None:
    """Be at work for a while."""
    await asyncio.sleep(0.1)


@workflow.defn
class Ending:
    """Ends as soon as it is told to, whatever else it is doing."""

    def __init__(self) -> None:
        self.over = False

    @workflow.run
    async def run(self) -> None:
        """Wait for the end."""
        await workflow.wait_condition(lambda: self.over)

    @workflow.update
    async def end(self) -> None:
        """End it."""
        self.over = True

    @workflow.update(unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def do(self) -> None:
        """Do something that takes a while."""
        await workflow.execute_activity(work, start_to_close_timeout=timedelta(seconds=5))


async def test_it_is_told_that_the_case_is_closed(server: WorkflowEnvironment) -> None:
    await told_that_it_is_closed(server)


async def test_the_time_skipping_server_is_understood_too(skipping: WorkflowEnvironment) -> None:
    await told_that_it_is_closed(skipping)


async def told_that_it_is_closed(server: WorkflowEnvironment) -> None:
    """Commands race with the end, and one comes after it."""
    async with Worker(
        server.client,
        task_queue="late",
        workflows=[Ending],
        activities=[work],
        interceptors=[AT_WORK],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        told: list[str | None] = []
        for _ in range(8):
            handle = await server.client.start_workflow(
                Ending.run, id=f"late-{uuid4()}", task_queue="late"
            )
            updates = [handle.execute_update(name) for name in ("do", "end", "do", "end", "end")]
            met = await asyncio.gather(
                *(answer(update, handle.id) for update in updates), return_exceptions=True
            )
            after = await asyncio.gather(
                answer(handle.execute_update("end"), handle.id), return_exceptions=True
            )
            told += [_code(one) for one in (*met, *after)]
        nobody = server.client.get_workflow_handle("dispute:PL:nobody:1")
        with pytest.raises(RefusedError, match="There is no case"):
            await answer(nobody.execute_update("end"), nobody.id)
    assert set(told) == {None, Code.CASE_CLOSED}


def _code(answered: object) -> str | None:
    """The code of a refusal; None for an answer. Anything else is raised."""
    if isinstance(answered, RefusedError):
        return answered.code
    if isinstance(answered, BaseException):
        raise answered
    return None
