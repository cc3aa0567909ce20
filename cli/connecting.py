"""Reaching Temporal and the store from the command line, once, for one piece of work."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TypeVar

from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig

from cli.database import database
from config import connect

T = TypeVar("T")


def with_temporal(work: Callable[[Client], Awaitable[T]]) -> T:
    """Do `work` with a client; Temporal's own log is kept off the terminal."""

    async def connected() -> T:
        return await work(await connect(runtime=_runtime()))

    return asyncio.run(connected())


def with_cases(work: Callable[[Client, Engine], Awaitable[T]]) -> T:
    """Do `work` with a client and the store that has the records of cases."""
    with database("feed") as engine:
        return with_temporal(lambda client: work(client, engine))


@cache
def _runtime() -> Runtime:
    return Runtime(telemetry=TelemetryConfig(logging=None))
