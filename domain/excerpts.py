"""What one answer about a case holds: the newest of all that grows; the rest comes in pages.

A case lives for months, and whoever takes part in it adds to it. What Temporal carries in one
piece has an end (2 MB), so no answer may grow with the case.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel
from pydantic_core import to_json

from domain.base import Value

V = TypeVar("V", bound=BaseModel)


class Room(NamedTuple):
    """The most entries of one list that an answer holds, and the most bytes of them."""

    entries: int
    size: int


SOME = Room(50, 24_000)

ROOM = {
    "messages": Room(20, 200_000),
    "timeline": Room(300, 64_000),
    "offers": SOME,
    "proposals": SOME,
    "costs": SOME,
    "breaches": SOME,
    "beside": SOME,
    "returns": SOME,
    "carrier_claims": SOME,
    "undelivered": SOME,
    "deadlines": Room(40, 200_000),
    "decisions": Room(20, 100_000),
}
"""The lists of a case that grow while it lives. The newest entry is held whatever its size."""

PAGE = Room(1_000, 300_000)
"""What one page of a list holds."""


class PageAsked(Value):
    """Asks for what stands in one list of a case before its `before`th entry."""

    of: str
    before: int


class Page(Value):
    """Some entries of a list in their order, of which the `first`th is the first one."""

    first: int
    entries: tuple[Any, ...]


def excerpt(whole: V) -> V:
    """The same with the newest of each list that grows; `in_all` then says how many there are."""
    held: dict[str, Any] = {}
    in_all: dict[str, int] = {}
    for name in ROOM.keys() & type(whole).model_fields.keys():
        entries = getattr(whole, name)
        newest = entries[fitting(entries, len(entries), ROOM[name]) :]
        if len(newest) < len(entries):
            held[name], in_all[name] = newest, len(entries)
    return whole.model_copy(update={**held, "in_all": in_all}) if held else whole


def page_before(entries: Sequence[Any], before: int) -> Page:
    """The page that ends before the `before`th entry."""
    end = max(0, min(before, len(entries)))
    first = fitting(entries, end, PAGE)
    return Page(first=first, entries=tuple(entries[first:end]))


def fitting(entries: Sequence[Any], end: int, room: Room) -> int:
    """From which entry on those before `end` fit into a room: the last one always does."""
    first, size = end, 0
    while first > max(0, end - room.entries):
        size += len(to_json(entries[first - 1]))
        if size > room.size and first < end:
            break
        first -= 1
    return first
