"""How do streams wait for what happens?"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from api import feed
from api.feed import Feed, stream
from service.failures import SilentError
from store.engine import connect, migrate
from store.public_events import PublicEvents

Json = dict[str, Any]
Read = Callable[[int], Awaitable[list[Json]]]


async def nothing(_after: int) -> list[Json]:
    """Nothing happens."""
    return []


@pytest.fixture
async def news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Feed]:
    """A feed of a database in which nothing happens, whose last number a test says."""
    engine = connect(f"sqlite:///{tmp_path / 'recourse.db'}")
    migrate(engine)
    monkeypatch.setattr(feed, "LOOKS", 0.02)
    monkeypatch.setattr(feed, "STIRS", 0.1)
    found = Feed(engine)
    yield found
    await found.close()
    engine.dispose()


async def of(listening: AsyncIterator[bytes], count: int) -> list[bytes]:
    """The next so many pieces of a stream, within five seconds."""
    async with asyncio.timeout(5):
        return [await anext(listening) for _ in range(count)]


async def test_a_stream_in_which_nothing_happens_says_that_it_is_there(news: Feed) -> None:
    assert await of(stream(news, 0, nothing), 3) == [b"retry: 1000\n\n", b": \n\n", b": \n\n"]


async def test_however_many_listen_one_looks_and_none_reads_until_something_happens(
    news: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "STIRS", 5.0)
    looks, reads, last = 0, 0, 0

    def look(_events: PublicEvents) -> int:
        nonlocal looks
        looks += 1
        return last

    async def read(after: int) -> list[Json]:
        nonlocal reads
        reads += 1
        return [{"number": 7, "type": "case.opened"}] if after < 7 <= last else []

    monkeypatch.setattr(PublicEvents, "last", look)
    listeners = [stream(news, 0, read) for _ in range(20)]
    heard = [asyncio.create_task(of(one, 2)) for one in listeners]
    await asyncio.sleep(0.3)
    assert reads == 20
    assert looks <= 16
    last = 7
    for one in await asyncio.gather(*heard):
        assert one[1].startswith(b"id: 7\nevent: case.opened\ndata: {")
    assert reads == 40


async def test_streams_end_when_the_process_does_and_when_the_database_is_away(news: Feed) -> None:
    async def away(_after: int) -> list[Json]:
        raise SilentError("It is away.")

    assert [piece async for piece in stream(news, 0, away)] == [b"retry: 1000\n\n"]
    listening = stream(news, 0, nothing)
    await of(listening, 2)
    await news.close()
    async with asyncio.timeout(1):
        assert [piece async for piece in listening if piece != b": \n\n"] == []
