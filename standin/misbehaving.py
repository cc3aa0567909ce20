"""Answers of a server that is out of order, slow, or hostile."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from standin.behaviour import Behaviour
from standin.problems import ProblemError

HUGE = 1_000
"""Megabytes of an answer that is far too large."""

MEGABYTE = bytes(1_000_000)


async def misbehave(request: Request, how: str, behaviour: Behaviour) -> Response | None:
    """The bad answer that is asked for; None if it is not to be one."""
    match how:
        case "refuse":
            raise ProblemError(422, behaviour.refusal, "This is refused for good.")
        case "fail":
            raise ProblemError(503, "out-of-order", "The marketplace is out of order; try again.")
        case "hang":
            return await never(request)
        case "garbage":
            return Response("<html>Welcome back!</html>", media_type="text/html")
        case "drip":
            drops = _drops(behaviour.drip_seconds)
            return StreamingResponse(drops, media_type="application/json")
        case "drip-headers":
            return await _drip_headers(request, behaviour.drip_seconds)
        case "huge":
            return StreamingResponse(_megabytes(), media_type="application/json")
        case "huge-headers":
            return Response("{}", headers={"X-Huge": "x" * len(MEGABYTE)})
        case "bomb":
            packed = {"Content-Encoding": "gzip"}
            return StreamingResponse(_bomb(), media_type="application/json", headers=packed)
        case _:
            return None


async def never(request: Request) -> Response:
    """Waits until the caller has gone away; nobody reads the response."""
    await request.body()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=204)


async def _drops(seconds: float) -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(seconds)


async def _drip_headers(request: Request, seconds: float) -> Response:
    """Headers without an end; nobody reads the response."""
    # The server would send headers all at once, so they go past it.
    transport: asyncio.Transport = request.receive.__self__.transport  # type: ignore[attr-defined]
    transport.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not transport.is_closing():
        transport.write(b"x")
        await asyncio.sleep(seconds)
    return Response(status_code=204)


def _megabytes() -> Iterator[bytes]:
    for _ in range(HUGE):
        yield MEGABYTE


def _bomb() -> Iterator[bytes]:
    """Zeros, packed so that a thousandth of them travels."""
    packing = zlib.compressobj(wbits=zlib.MAX_WBITS + 16)
    head = packing.compress(b"") + packing.flush(zlib.Z_FULL_FLUSH)
    block = packing.compress(MEGABYTE) + packing.flush(zlib.Z_FULL_FLUSH)
    yield head
    for _ in range(HUGE):
        yield block
