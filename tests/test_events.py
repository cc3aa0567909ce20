"""Does whoever listens hear all that happens in their cases, once, in order, and nothing else?"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.events import MOST_STREAMS
from domain.public_events import DATA, EventType
from tests.calling import Caller, Door, door_of
from tests.life import World

Json = dict[str, Any]


class Stream:
    """A stream that is read event by event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> Json:
        """The next event, within ten seconds; EOFError at the end."""
        async with asyncio.timeout(10):
            fields: dict[str, str] = {}
            while line := (await self.answer.content.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
                if line == "\n":
                    if "data" in fields:
                        event: Json = json.loads(fields["data"])
                        assert (fields["id"], fields["event"]) == (
                            str(event["number"]),
                            event["type"],
                        )
                        return event
                    fields = {}
        raise EOFError

    async def until(self, type_: EventType) -> list[Json]:
        """All up to the first of this type."""
        found = [await self.next()]
        while found[-1]["type"] != type_:
            found.append(await self.next())
        return found


@asynccontextmanager
async def listening(caller: Caller, path: str, **headers: str) -> AsyncIterator[Stream]:
    """Listen to a stream."""
    own = {"Authorization": f"Bearer {caller.token}", **headers}
    async with caller.session.get(f"{caller.base}{path}", headers=own) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield Stream(answer)


async def all_of(caller: Caller, path: str, limit: int = 2) -> list[Json]:
    """All pages, one after the other."""
    found: list[Json] = []
    after = 0
    while True:
        answer = await caller.get(f"{path}?after={after}&limit={limit}")
        assert answer.status == 200, answer
        assert ("link" in answer.headers) is (len(answer.body["items"]) == limit)
        if not answer.body["items"]:
            assert answer.body["next"] == after
            return found
        found += answer.body["items"]
        after = answer.body["next"]


async def settled(door: Door) -> str:
    """A dispute in which an offer was made, answered by another one and accepted."""
    case_id = await door.opened()
    one = await door.seller.say(
        case_id,
        "offer",
        "o-1",
        remedy="partial-refund",
        amount={"amount_minor": 500, "currency": "PLN"},
        text="Five?",
    )
    assert one.status == 200, one
    assert (await door.buyer.say(case_id, "say", "m-1", text="Ten!")).status == 200
    assert (
        await door.buyer.say(case_id, "accept", "a-1", offer_id=one.body["case"]["offers"][0]["id"])
    ).status == 200
    async with asyncio.timeout(20):
        while (await door.buyer.get(f"/v1/cases/{case_id}")).body["stage"] != "closed":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return case_id


def told(events: list[Json], type_: EventType) -> list[Json]:
    """The bodies of the events of a type."""
    return [one["data"] for one in events if one["type"] == type_]


async def test_a_life_is_told_in_order_without_a_word_that_was_said(door: Door) -> None:
    async with listening(door.platform, "/v1/events/stream") as stream:
        case_id = await settled(door)
        heard = [one for one in await stream.until(EventType.CLOSED) if one["case_id"] == case_id]
    events = await all_of(door.platform, f"/v1/cases/{case_id}/events")
    assert events == heard
    assert [one["sequence"] for one in events] == [*range(len(events))]
    assert [one["id"] for one in events] == [f"{case_id}#{n}" for n in range(len(events))]
    numbers = [one["number"] for one in events]
    assert numbers == sorted({*numbers})
    assert all({*one["data"]} == {*DATA[EventType(one["type"])].model_fields} for one in events)

    assert events[0]["type"] == EventType.OPENED
    assert [one["stage"] for one in told(events, EventType.STAGE_CHANGED)] == [
        "awaiting-seller",
        "awaiting-buyer",
        "awaiting-seller",
        "settling",
        "closed",
    ]
    awaited = told(events, EventType.PARTY_AWAITED)
    assert [one["party"] for one in awaited] == ["seller", "buyer", "seller"]
    assert awaited[1]["safe"]
    assert awaited[0]["on_silence"] == "breach-and-escalate"
    assert [one["state"] for one in told(events, EventType.OFFER)] == ["open", "accepted"]
    assert [one["state"] for one in told(events, EventType.REFUND)] == ["requested", "confirmed"]
    said = (await door.platform.get(f"/v1/cases/{case_id}/messages")).body["items"]
    written = [one["message_id"] for one in told(events, EventType.MESSAGE)]
    assert written == [one["id"] for one in said[1:]]
    assert told(events, EventType.CLOSED) == [{"ending": "settled", "refusal": None}]
    assert not [word for word in ("Five", "Ten", "Ewa", "lamp") if word in json.dumps(events)]


async def test_who_comes_back_to_a_stream_hears_what_came_meanwhile_once(door: Door) -> None:
    case_id = await door.opened()
    path = f"/v1/cases/{case_id}/events"
    async with listening(door.buyer, f"{path}/stream?after=0") as stream:
        first = await stream.until(EventType.PARTY_AWAITED)
    assert (await door.buyer.say(case_id, "say", "m-1", text="Hello?")).status == 200
    last = {"Last-Event-ID": str(first[-1]["number"])}
    async with listening(door.buyer, f"{path}/stream?after=0", **last) as stream:
        then = await stream.until(EventType.MESSAGE)
    assert first + then == await all_of(door.buyer, path)


async def test_traders_hear_of_their_own_cases_and_of_their_own_messages(door: Door) -> None:
    case_id = await door.opened()
    assert (await door.buyer.say(case_id, "say", "m-1", text="Hello?")).status == 200
    path = f"/v1/cases/{case_id}/events"
    others = door.caller("seller", "another")
    assert (await others.get(path)).status == 404
    assert (await others.get("/v1/events?limit=100")).body["items"] == []
    assert EventType.MESSAGE in {one["type"] for one in await all_of(door.buyer, path)}
    sellers = await all_of(door.seller, path)
    assert EventType.PARTY_AWAITED in {one["type"] for one in sellers}
    assert EventType.MESSAGE not in {one["type"] for one in sellers}


async def test_open_streams_end_with_the_process_which_takes_no_time(
    real_world: World, tmp_path: Path
) -> None:
    async with door_of(real_world, tmp_path) as door, AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(listening(door.platform, "/v1/events/stream"))
            for _ in range(5)
        ]
        began = time.monotonic()
        ended = asyncio.to_thread(door.program.send, signal.SIGTERM)
        *_, code = await asyncio.gather(*(at_its_end(one) for one in streams), ended)
        assert code == 0
        assert time.monotonic() - began < 5  # two seconds, on a machine that is not busy


async def at_its_end(stream: Stream) -> None:
    """Read a stream until it ends."""
    with pytest.raises(EOFError):
        await stream.until(EventType.CLOSED)


async def test_nobody_keeps_more_streams_open_than_their_share(door: Door) -> None:
    listening, path = door.caller("buyer", "listener"), "/v1/events/stream"
    headers = {"Authorization": f"Bearer {listening.token}"}
    async with AsyncExitStack() as streams:
        for _ in range(MOST_STREAMS):
            asked = door.session.get(f"{door.base}{path}", headers=headers)
            answer = await streams.enter_async_context(asked)
            assert answer.status == 200
            await answer.content.readline()
        assert (await listening.get(path)).code == "too-many-requests"
        assert (await listening.get("/v1/events")).status == 200
