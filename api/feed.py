"""Streams of events: every process looks for news once for all who listen to it."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from sqlalchemy import Engine

from service.database import from_database
from service.failures import SilentError
from store.public_events import PublicEvents

log = logging.getLogger("recourse.api")

LOOKS = 0.2
"""Seconds between two looks for news."""

STIRS = 15.0
"""Seconds after which a stream in which nothing happens says that it is there."""

LONGEST = 15 * 60.0
"""Seconds that a stream lasts; then its listener comes back with a token that still holds."""


class Feed:
    """Knows the last number of the feed, and wakes those who wait for a higher one."""

    def __init__(self, engine: Engine) -> None:
        self._events = PublicEvents(engine)
        self.seen = 0
        self._news = asyncio.Condition()
        self._looking: asyncio.Task[None] | None = None
        self._listeners = 0
        self.streams: Counter[tuple[str, str]] = Counter()
        self.closed = False

    async def last(self) -> int:
        """The last number, as the database has it now."""
        return await from_database(self._events.last)

    async def beyond(self, number: int, within: float) -> bool:
        """Wait until there is something after a number; False if nothing came in time, or the
        process ends.
        """
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(lambda: self.closed or self.seen > number)
        except TimeoutError:
            return False
        return not self.closed

    async def close(self) -> None:
        """End all streams."""
        self.closed = True
        if self._looking:
            self._looking.cancel()
        async with self._news:
            self._news.notify_all()

    async def __aenter__(self) -> "Feed":
        """Somebody listens."""
        self._listeners += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        """They have gone."""
        self._listeners -= 1
        if not self._listeners and self._looking:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        while True:
            try:
                last = await self.last()
            except SilentError as error:
                log.warning("away: %s", type(error).__name__)
                last = self.seen
            if last > self.seen:
                async with self._news:
                    self.seen = last
                    self._news.notify_all()
            await asyncio.sleep(LOOKS)


async def stream(
    feed: Feed, after: int, read: Callable[[int], Awaitable[list[dict[str, Any]]]]
) -> AsyncIterator[bytes]:
    """Server-sent events, from after a number on; `read` has the next ones after a number.

    It ends when the database is away, and when the process ends: a listener comes back by itself.
    """
    ends = asyncio.get_running_loop().time() + LONGEST
    yield b"retry: 1000\n\n"
    async with feed:
        while not feed.closed and asyncio.get_running_loop().time() < ends:
            looked = feed.seen
            try:
                found = await read(after)
            except SilentError as error:
                log.warning("away: %s", type(error).__name__)
                return
            for one in found:
                after = one["number"]
                yield sent(one)
            if not found:
                # What others hear of is passed over: it is not looked for again.
                after = max(after, looked)
                if not await feed.beyond(after, STIRS):
                    yield b": \n\n"


def sent(event: dict[str, Any]) -> bytes:
    """An event as a stream sends it."""
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event['number']}\nevent: {event['type']}\ndata: {body}\n\n".encode()
