"""The time-skipping server, and how tests live with a defect of it (version 1.40, Java).

It stops skipping while an activity is at work, and never goes on if meanwhile that activity is
cancelled, even as it completes, or its workflow ends; one that waits to be tried again does no
harm. The same when a child ends later than its parent. Each leaves a lock on the clock, which has
to be undone. `tests/test_skipping.py` shows both. In Recourse the first happens where one of two
questions about a refund is answered, and the case ends while the other is on its way; the second
where a case becomes another one. On a real server neither matters.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.api.testservice.v1 import UnlockTimeSkippingRequest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from config import add_attributes, data_converter
from tests.processes import binary
from workflows.kernel import attributes

PATIENCE = 3.0
"""Seconds without any activity at work after which a sleep is taken for one that never ends."""


class AtWork(Interceptor):
    """Counts the activities that are at work on the workers of this process."""

    def __init__(self) -> None:
        self.now = 0

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Count what is run."""
        return _Counted(next, self)


class _Counted(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, at_work: AtWork) -> None:
        super().__init__(following)
        self.at_work = at_work

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        self.at_work.now += 1
        try:
            return await super().execute_activity(input)
        finally:
            self.at_work.now -= 1


AT_WORK = AtWork()

STALLS: list[str] = []
"""For each lock that was undone, how long the sleep was meant to be that it kept from ending."""


@asynccontextmanager
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server: weeks in milliseconds, one clock for all its cases."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server"), data_converter=data_converter()
    ) as environment:
        await add_attributes(environment.client, [key.name for key in attributes.ALL])
        yield environment


LONGEST_WORK = 40.0
"""Seconds after which an activity that is still counted as at work has ended unseen."""


async def let_pass(environment: WorkflowEnvironment, span: timedelta) -> None:
    """Let time pass, and undo whatever lock keeps it from passing. Real clocks just run."""
    if not environment.supports_time_skipping:
        await environment.sleep(span)
        return
    sleep = asyncio.create_task(environment.sleep(span))
    began = idle_since = time.monotonic()
    while not (await asyncio.wait({sleep}, timeout=0.05))[0]:
        if AT_WORK.now and time.monotonic() - began < LONGEST_WORK:
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > PATIENCE:
            STALLS.append(f"{span}")
            server = environment.client.test_service
            await server.unlock_time_skipping(UnlockTimeSkippingRequest())
            idle_since = time.monotonic()
    await sleep


async def see_that_it_skips(environment: WorkflowEnvironment) -> None:
    """Undo whatever lock was left, with as little time passing as that takes."""
    began = time.monotonic()
    await let_pass(environment, timedelta(seconds=1))
    if time.monotonic() - began > 0.9:
        # It ran as a real clock does: something was at work, or a lock was left.
        await let_pass(environment, timedelta(seconds=5 * PATIENCE))
