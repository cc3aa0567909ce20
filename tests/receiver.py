"""A receiver of webhooks, as a platform would run one: it checks each delivery, and keeps it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

from tests.processes import free_port

Json = dict[str, Any]

Behaviour = Callable[[Json, int], Awaitable[int]]
"""What is answered to an event that comes for the so-manieth time."""


async def taken(_event: Json, _times: int) -> int:
    """Everything arrives."""
    return 204


@dataclass
class Receiver:
    """Listens on a port of its own. `secrets`: what a delivery may be signed with, any of them."""

    behaviour: Behaviour = taken
    secrets: list[str] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    came: list[Json] = field(default_factory=list)
    arrived: list[Json] = field(default_factory=list)
    signatures: list[int] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/events"

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_post("/events", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        """Listen no more."""
        assert self._runner
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body, headers = await request.read(), dict(request.headers)
        for secret in self.secrets:
            Webhook(secret).verify(body, {name.lower(): each for name, each in headers.items()})
        event: Json = json.loads(body)
        assert headers["webhook-id"] == event["id"]
        self.signatures.append(len(headers["webhook-signature"].split()))
        self.came.append(event)
        times = sum(one["id"] == event["id"] for one in self.came)
        status = await self.behaviour(event, times)
        if status < 300:
            self.arrived.append(event)
        return web.Response(status=status)

    def ids(self) -> set[str]:
        """What has arrived."""
        return {one["id"] for one in self.arrived}

    async def has(self, ids: set[str], within: float = 20) -> None:
        """Wait until all of these have arrived."""
        async with asyncio.timeout(within):
            while not ids <= self.ids():  # noqa: ASYNC110 - they come over HTTP
                await asyncio.sleep(0.05)

    def in_order(self) -> bool:
        """Whether each case's events arrived in their order, but for those that came again."""
        last: dict[str, int] = {}
        seen = set[str]()
        for event in self.arrived:
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            if event["sequence"] < last.get(event["case_id"], -1):
                return False
            last[event["case_id"]] = event["sequence"]
        return True
