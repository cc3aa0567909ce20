"""`/v1/events` and `/v1/cases/{id}/events`: what happens, as pages and as streams."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.answers import answers, told
from api.cursors import Limit
from api.feed import stream
from api.parameters import CaseId
from api.parts import Parts, parts_of
from api.problems import Problem
from api.reach import case_within_reach
from api.roles import AGENTS, Person, Role
from api.tasks import queues_of
from api.tokens import Asking
from service.database import from_database
from store.public_events import Listener, PublicEvents

router = APIRouter(tags=["events"])

MOST_NUMBER = 2**62
AT_ONCE = 100
"""Events that a stream reads at once."""

MOST_STREAMS = 10
"""Streams of one caller that a process of the API keeps open: each looks at all that happens."""

After = Annotated[
    int, Query(ge=0, le=MOST_NUMBER, description="The `number` of the last event that you have.")
]
From = Annotated[
    int | None,
    Query(
        alias="after",
        ge=0,
        le=MOST_NUMBER,
        description="The `number` of the last event that you have; only what is new without it.",
    ),
]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        pattern="^[0-9]{1,18}$",
        description="The same, as a listener sends that comes back; it counts before `after`.",
    ),
]


def listener(person: Person, asked: str | None = None) -> Listener:
    """What somebody hears of; by a link, of its case alone."""
    case_id = asked or person.only
    match person.role:
        case Role.BUYER:
            return Listener(buyer=person.id, case_id=case_id)
        case Role.SELLER:
            return Listener(seller=person.id, case_id=case_id)
        case role if role in AGENTS:
            return Listener(called=True, queues=queues_of(person), case_id=case_id)
    return Listener(case_id=case_id)


async def _read(parts: Parts, heard: Listener, after: int, limit: int) -> list[dict[str, Any]]:
    found = await from_database(PublicEvents(parts.engine).after, after, limit, heard)
    return [event.model_dump(mode="json") for event in found]


async def _page(
    request: Request, person: Person, after: int, limit: int, case_id: str | None = None
) -> Response:
    heard = listener(person, case_id)
    found = await _read(parts_of(request), heard, after, limit)
    following = found[-1]["number"] if found else after
    headers = {}
    if len(found) == limit:
        query = urlencode({**request.query_params, "after": following})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return told({"items": found, "next": following}, headers=headers)


async def _stream(
    request: Request, person: Person, after: int | None, last: str | None, case_id: str | None
) -> Response:
    parts, caller = parts_of(request), (person.role.value, person.id)
    if parts.feed.streams[caller] >= MOST_STREAMS:
        raise Problem(
            429,
            "too-many-requests",
            f"You have {MOST_STREAMS} streams open, which is all; end one, or ask for pages.",
            headers={"Retry-After": "60"},
        )
    heard = listener(person, case_id)
    newest = await parts.feed.last()
    begins = int(last) if last else newest if after is None else after

    async def read(number: int) -> list[dict[str, Any]]:
        return await _read(parts, heard, number, AT_ONCE)

    async def counted() -> AsyncIterator[bytes]:
        parts.feed.streams[caller] += 1
        try:
            async for chunk in stream(parts.feed, begins, read):
                yield chunk
        finally:
            parts.feed.streams[caller] -= 1

    return StreamingResponse(
        counted(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _streams(*refusals: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: a stream, and the refusals."""
    what = "As they happen, until the connection ends. `id` is the event's `number`."
    found = answers("EventStream", *refusals, what=what)
    found[200]["content"] = {"text/event-stream": found[200]["content"]["application/json"]}
    return found


@router.get(
    "/events",
    summary="What has happened",
    responses=answers("EventPage", what="In order. Ask on with `next`, also of an empty page."),
)
async def events(request: Request, person: Asking, after: After = 0, limit: Limit = 50) -> Response:
    """What has happened in the cases that you may know of, after a number."""
    return await _page(request, person, after, limit)


@router.get(
    "/events/stream",
    summary="What happens",
    response_class=StreamingResponse,
    responses=_streams(),
)
async def stream_of_all(
    request: Request, person: Asking, after: From = None, last_event_id: LastEventId = None
) -> Response:
    """The same rows as they come."""
    return await _stream(request, person, after, last_event_id, None)


@router.get(
    "/cases/{case_id}/events",
    summary="What has happened in a case",
    responses=answers("EventPage", 404, what="In order. Ask on with `next`."),
)
async def events_of_case(
    request: Request, person: Asking, case_id: CaseId, after: After = 0, limit: Limit = 50
) -> Response:
    """What has happened in it, after a number."""
    await case_within_reach(parts_of(request), person, case_id)
    return await _page(request, person, after, limit, case_id)


@router.get(
    "/cases/{case_id}/events/stream",
    summary="What happens in a case",
    response_class=StreamingResponse,
    responses=_streams(404),
)
async def stream_of_case(
    request: Request,
    person: Asking,
    case_id: CaseId,
    after: From = None,
    last_event_id: LastEventId = None,
) -> Response:
    """The same rows as they come."""
    await case_within_reach(parts_of(request), person, case_id)
    return await _stream(request, person, after, last_event_id, case_id)
