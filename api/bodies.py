"""Reading what is sent: JSON of a known form, whole, and not too large."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from api.problems import Problem, misfit

LARGEST = 500_000
"""Bytes of a body; what people may write is less, and policy."""

T = TypeVar("T")


def body_of(
    adapter: TypeAdapter[T], kinds: Sequence[str] = (), largest: int = LARGEST
) -> Callable[[Request], Awaitable[T]]:
    """Reads a body of this form. `kinds`: of which it is one, by the field that says so.

    Strictly: no number is read from a text, and no truth value from a number.
    """

    async def read(request: Request) -> T:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in (
            "application/json",
            "",
        ):
            raise Problem(415, "media-type", "Send JSON, with Content-Type: application/json.")
        text = await _text(request, largest)
        try:
            return adapter.validate_json(text, strict=True)
        except ValidationError as error:
            raise misfit(error, kinds) from None

    return read


def raw_body(largest: int) -> Callable[[Request], Awaitable[bytes]]:
    """Reads a body of whatever bytes, but for none."""

    async def read(request: Request) -> bytes:
        content = await _text(request, largest)
        if not content:
            raise Problem(422, "bad-input", "Nothing was sent.")
        return content

    return read


async def _text(request: Request, largest: int) -> bytes:
    read, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > largest:
            raise Problem(413, "too-large", f"At most {largest} bytes are taken here.")
        read.append(piece)
    return b"".join(read)
