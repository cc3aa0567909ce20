"""Reaching Temporal from the command line: connected to once, for one piece of work."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TypeVar

from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig

from config import connect

T = TypeVar("T")


def with_temporal(work: Callable[[Client], Awaitable[T]]) -> T:
    """Do `work` with a client; Temporal's own log is kept off the terminal."""

    async def connected() -> T:
        return await work(await connect(runtime=_runtime()))

    return asyncio.run(connected())


@cache
def _runtime() -> Runtime:
    return Runtime(telemetry=TelemetryConfig(logging=None))
