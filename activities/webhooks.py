"""Sending events to an endpoint: in order within a case, the cases side by side."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from standardwebhooks import Webhook
from temporalio import activity

from domain.base import Value
from domain.public_events import PublicEvent
from domain.webhooks import (
    Answered,
    Due,
    Endpoint,
    EndpointId,
    Tried,
    after_attempt,
    why_pause,
)

log = logging.getLogger("recourse.webhooks")

LOOKS = 0.3
"""Seconds between two looks for what is to be sent, while nothing else happens."""

PASS = 300.0
"""Seconds after which a pass ends: the workflow begins another one."""

AT_ONCE = 16
"""Events that are on their way to an endpoint at the same time, each of another case."""

USER_AGENT = "Recourse-Webhooks/1"


class Look(Protocol):
    """An endpoint, what is to be sent to it now, and whether more is in the feed."""

    @property
    def endpoint(self) -> Endpoint:
        """Where to."""

    @property
    def due(self) -> list[Due]:
        """What, in order."""

    @property
    def news(self) -> bool:
        """Whether there is more."""


class Book(Protocol):
    """Where endpoints and deliveries are kept."""

    def look(
        self, endpoint_id: str, at: datetime, busy: Collection[str], limit: int
    ) -> Look | None:
        """What is to be sent now, of none of the cases that are busy; None without an endpoint."""

    def take_up(self, endpoint_id: str, at: datetime) -> int:
        """Take the next events up from the feed; how many of it were read."""

    def secrets(self, endpoint_id: str, at: datetime) -> list[str]:
        """What is signed with now."""

    def settle(self, endpoint_id: str, tried: Sequence[Tried]) -> datetime | None:
        """Keep what became of attempts; since when the endpoint fails, if it does."""

    def pause(self, endpoint_id: str, why: str, at: datetime) -> None:
        """Send nothing more to it."""


class Posting(Protocol):
    """Posts."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """What was answered, or why nothing was."""


class Poster(Protocol):
    """Keeps connections."""

    def open(self) -> AbstractAsyncContextManager[Posting]:
        """Until the block ends."""


class After(StrEnum):
    """How a pass ended."""

    GOES_ON = "goes-on"
    PAUSED = "paused"
    GONE = "gone"


class Passed(Value):
    """What the workflow hears of a pass."""

    after: After


class Webhooks:
    """Sends events to endpoints."""

    def __init__(self, book: Book, poster: Poster, lasts: float = PASS) -> None:
        self._book = book
        self._poster = poster
        self._lasts = lasts

    @activity.defn(name="deliver_webhooks")
    async def deliver(self, to: EndpointId) -> Passed:
        """Send what there is, and what comes, until the pass is over or the worker ends.

        What was on its way when a worker died is sent again, under the same id.
        """
        async with self._poster.open() as posting:
            return Passed(after=await Pass(self._book, posting, to.endpoint_id).run(self._lasts))


class Pass:
    """One pass over an endpoint. `_sent`: what is on its way, by its task."""

    def __init__(self, book: Book, posting: Posting, endpoint_id: str) -> None:
        self._book = book
        self._posting = posting
        self._id = endpoint_id
        self._sent: dict[asyncio.Task[Tried], Due] = {}

    async def run(self, lasts: float) -> After:
        """Until it is over; what is on its way then is waited for."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + lasts
        try:
            while loop.time() < ends and not activity.is_worker_shutdown():
                busy = {due.event.case_id for due in self._sent.values()}
                room = AT_ONCE - len(self._sent)
                looked = await asyncio.to_thread(self._book.look, self._id, _now(), busy, room)
                if looked is None:
                    return After.GONE
                if looked.endpoint.paused_at:
                    return After.PAUSED
                if looked.news and len(looked.due) < room and await self._take_up():
                    continue
                await self._send(looked)
                await self._settle(await self._some())
            await self._settle(await self._all())
        finally:
            for task in self._sent:
                task.cancel()
        return After.GOES_ON

    async def _take_up(self) -> bool:
        return await asyncio.to_thread(self._book.take_up, self._id, _now()) > 0

    async def _send(self, looked: Look) -> None:
        if looked.due:
            secrets = await asyncio.to_thread(self._book.secrets, self._id, _now())
            for due in looked.due:
                sending = self._attempt(looked.endpoint.url, secrets, due)
                self._sent[asyncio.create_task(sending)] = due

    async def _attempt(self, url: str, secrets: Sequence[str], due: Due) -> Tried:
        body = due.event.model_dump_json().encode()
        headers = signed(due.event, body, secrets, _now())
        answered = await self._posting.post(url, headers, body)
        return after_attempt(due, answered, _now())

    async def _some(self) -> list[Tried]:
        if not self._sent:
            await asyncio.sleep(LOOKS)
            return []
        done, _ = await asyncio.wait(self._sent, timeout=LOOKS, return_when=asyncio.FIRST_COMPLETED)
        return self._ended(done)

    async def _all(self) -> list[Tried]:
        if not self._sent:
            return []
        done, _ = await asyncio.wait(self._sent)
        return self._ended(done)

    def _ended(self, done: Collection[asyncio.Task[Tried]]) -> list[Tried]:
        for task in done:
            del self._sent[task]
        return [task.result() for task in done]

    async def _settle(self, tried: Sequence[Tried]) -> None:
        if not tried:
            return
        failing_since = await asyncio.to_thread(self._book.settle, self._id, tried)
        for one in tried:
            if why := why_pause(failing_since, one):
                log.warning("webhook endpoint %s is paused: %s", self._id, why)
                await asyncio.to_thread(self._book.pause, self._id, why, _now())


def signed(event: PublicEvent, body: bytes, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers of a delivery after the Standard Webhooks specification: signed with each secret
    that holds.
    """
    text = body.decode()
    signatures = [Webhook(secret).sign(event.id, at, text) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": event.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _now() -> datetime:
    return datetime.now(UTC)
