"""Calling the API over HTTP, as the people of a world do."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from demo.tokens import AUDIENCE, ISSUER, Issuer
from tests.life import World
from tests.processes import Program, api_program

Json = dict[str, Any]

SECRET = "a-secret-of-the-tests-that-is-long"
"""It signs links."""


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of a problem, whose form is checked on the way; empty of what is none."""
        if self.status < 400:
            return ""
        assert self.headers["content-type"] == "application/problem+json", self
        assert {"type", "title", "status", "code", "detail", "request_id"} <= set(self.body), self
        assert self.body["type"] == f"/refusals#{self.body['code']}"
        assert self.body["status"] == self.status
        assert self.body["request_id"] == self.headers["x-request-id"]
        return str(self.body["code"])

    @property
    def etag(self) -> str:
        """The mark of what it says."""
        return self.headers["etag"]


@dataclass
class Caller:
    """Somebody with a token, or without one."""

    base: str
    session: aiohttp.ClientSession
    token: str = ""

    async def get(self, path: str, **headers: str) -> Answer:
        """Ask for something."""
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Send something."""
        return await self.ask("POST", path, json.dumps(body).encode(), headers=headers)

    async def say(self, case_id: str, verb: str, key: str = "", **more: Any) -> Answer:
        """Send a command under a key, or one of its own; `match` is an ETag."""
        headers = {"Idempotency-Key": key or uuid4().hex}
        if match := more.pop("match", ""):
            headers["If-Match"] = match
        path = f"/v1/cases/{case_id}/commands"
        body = json.dumps({"verb": verb, **more}).encode()
        return await self.ask("POST", path, body, headers=headers)

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Any request."""
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            own["Content-Type"] = "application/json"
        content = None if body is None else BytesIO(body)
        async with self.session.request(
            method, f"{self.base}{path}", data=content, headers={**own, **(headers or {})}
        ) as answer:
            streams = answer.content_type == "text/event-stream"
            text = b"" if streams else await answer.read()  # it has no end
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, found, read(text))


def read(text: bytes) -> Any:
    """JSON, or the text where it is none."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode(errors="replace")


@dataclass
class Door:
    """The API of a world, served by a process of its own."""

    world: World
    program: Program
    issuer: Issuer
    base: str
    session: aiohttp.ClientSession
    people: dict[str, Caller] = field(default_factory=dict)

    def caller(self, role: str, id: str, name: str = "", queues: tuple[str, ...] = ()) -> Caller:
        """Somebody with a token of their own."""
        return Caller(self.base, self.session, self.issuer.token(role, id, name, queues))

    def nobody(self, token: str = "") -> Caller:
        """Somebody without a token, or with this one."""
        return Caller(self.base, self.session, token)

    @property
    def buyer(self) -> Caller:
        """The buyer of every order."""
        return self.caller("buyer", "buyer", "Ewa Zielona")

    @property
    def seller(self) -> Caller:
        """The seller of every order."""
        return self.caller("seller", "seller")

    @property
    def agent(self) -> Caller:
        """An agent for disputes and withdrawals in Poland."""
        queues = ("disputes-pl", "withdrawals-pl")
        return self.caller("agent", "agent-1", "Anna Nowak", queues)

    @property
    def platform(self) -> Caller:
        """The platform's own service."""
        return self.caller("platform", "shop")

    def dispute(self, **more: Any) -> Json:
        """What opens a dispute about a fresh order."""
        return {
            "kind": "dispute",
            "country": "PL",
            "order_id": self.world.order(),
            "reason": "defect",
            "wanted": "full-refund",
            "text": "The lamp does not light.",
            **more,
        }

    async def opened(self, **more: Any) -> str:
        """A dispute that its buyer has opened; its id."""
        answer = await self.buyer.post("/v1/cases", self.dispute(**more))
        assert answer.status == 201, answer
        return str(answer.body["id"])


@asynccontextmanager
async def door_of(world: World, folder: Path, **settings: str) -> AsyncIterator[Door]:
    """The API of a world, which has a worker."""
    issuer = Issuer(folder / "keys.json")
    env = {
        "TEMPORAL_ADDRESS": world.client.service_client.config.target_host,
        "RECOURSE_LINK_SECRETS": SECRET,
        "DATABASE_URL": world.engine.url.render_as_string(hide_password=False),
        "RECOURSE_TASK_QUEUE": world.settings.task_queue,
        "RECOURSE_POLICIES": str(world.settings.policies),
        "RECOURSE_MARKETPLACE_URL": world.marketplace,
        "RECOURSE_API_KEYS": str(issuer.file),
        "RECOURSE_API_ISSUER": ISSUER,
        "RECOURSE_API_AUDIENCE": AUDIENCE,
        "RECOURSE_API_REQUESTS_A_MINUTE": "0",
        "RECOURSE_WEBHOOKS_MAY_REACH": "127.0.0.0/8",
        "RECOURSE_FILES": str(folder / "files"),
        **settings,
    }
    with api_program(folder, env) as program:
        await program.start()
        base = f"http://{program.settings['RECOURSE_API_ADDRESS']}"
        limit = aiohttp.ClientTimeout(total=60)
        # The server ends a connection that is quiet for five seconds, maybe as it is used again.
        kept = aiohttp.TCPConnector(keepalive_timeout=2)
        async with aiohttp.ClientSession(timeout=limit, connector=kept) as session:
            yield Door(world, program, issuer, base, session)
