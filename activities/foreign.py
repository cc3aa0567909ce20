"""Threads apart for each foreign server, and signs of life from whatever takes long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.pulse import Pulse

BUSY = "server-busy"
"""The type of the failure of an attempt that found no thread; it is made again later."""

BEATS = 3
"""Signs of life in each heartbeat timeout: one may be late."""


@dataclass(frozen=True)
class Server:
    """A server that is not ours: however slow it is, it holds no thread but these.

    `patience` is how long an attempt waits for a thread, in seconds: with the longest work that
    may follow it stays below its timeout (options.py). `pulse` tells whether the work comes to
    anything.
    """

    name: str
    threads: ThreadPoolExecutor
    turns: asyncio.Semaphore
    patience: float = 5.0
    pulse: Pulse = field(default_factory=Pulse)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A thread of this server is free for the block; else raises an ApplicationError."""
        try:
            async with asyncio.timeout(self.patience):
                await self.turns.acquire()
        except TimeoutError:
            raise ApplicationError(
                f"All threads wait for the {self.name}; it is tried again.", type=BUSY
            ) from None
        try:
            yield
        finally:
            self.turns.release()


@dataclass
class Attendance(Interceptor):
    """Runs each activity in the threads of the server that it talks to, and tells that it lives.

    Whatever has a heartbeat timeout beats from the first third of it on, so that what is quick
    costs nothing. The beats come from the worker, not from the work: they end when the worker
    dies, and work that takes too long ends at its own deadline.
    """

    servers: dict[Callable[..., Any], Server] = field(default_factory=dict)

    def talks(self, server: Server, work: Iterable[Callable[..., Any]]) -> None:
        """These activities talk to a server."""
        self.servers.update(dict.fromkeys(work, server))

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Every activity is attended."""
        return Attended(next, self.servers)


class Attended(ActivityInboundInterceptor):
    """One attempt at an activity."""

    def __init__(
        self,
        following: ActivityInboundInterceptor,
        servers: dict[Callable[..., Any], Server],
    ) -> None:
        super().__init__(following)
        self._servers = servers
        self._outbound: ActivityOutboundInterceptor | None = None

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        """Keep the way out for signs of life."""
        self._outbound = outbound
        super().init(outbound)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Do the work."""
        timeout = activity.info().heartbeat_timeout
        if timeout is None:
            return await self._work(input)
        beating = asyncio.create_task(self._beat(timeout.total_seconds() / BEATS))
        try:
            return await self._work(input)
        finally:
            beating.cancel()

    async def _work(self, work: ExecuteActivityInput) -> Any:
        server = self._servers.get(work.fn)
        if server is None:
            return await self.next.execute_activity(work)
        async with server.turn():
            work.executor = server.threads
            try:
                done = await self.next.execute_activity(work)
            except Exception as error:
                # What no retry mends is about what was asked, not about who was.
                if not (isinstance(error, ApplicationError) and error.non_retryable):
                    server.pulse.failed()
                raise
            server.pulse.went_well()
            return done

    async def _beat(self, seconds: float) -> None:
        assert self._outbound
        while True:
            await asyncio.sleep(seconds)
            self._outbound.heartbeat()
