"""Finding cases: by the records of their steps, and those that are stuck by what Temporal says."""

import base64
from dataclasses import replace
from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import Engine
from temporalio.client import Client

from domain.kinds import Kind
from service.database import from_database
from service.failures import InputError
from service.reaching import answer
from store.standings import Filters, Listed, Place, Standings

SECONDS = 60.0
"""Seconds that Temporal may take for a list."""


PLACE = TypeAdapter(Place)
FROM_NOWHERE = "The list cannot go on after this; take `after` from the page before."
FARTHEST = 10**18
"""No case stands farther up or down a list, in microseconds."""


class ListPage(NamedTuple):
    """Some cases in their order; `after` asks for the next ones, None at the end."""

    cases: list[Listed]
    after: str | None


async def page(engine: Engine, filters: Filters, limit: int, after: str | None = None) -> ListPage:
    """At most `limit` cases: the one due first at the top, closed ones behind, the last one first.

    `after`: from the page before. InputError for one that comes from nowhere.
    """
    _check(filters)
    place = None if after is None else _place(after)
    cases, following = await from_database(Standings(engine).page, filters, limit, place)
    return ListPage(cases, following and _as_text(following))


async def changed(engine: Engine, filters: Filters, since: int, limit: int) -> list[Listed]:
    """At most `limit` cases that have changed after a number, the one changed first at the top.

    Asked again with the last one's `changed`, none is missed; one that changes meanwhile comes
    again.
    """
    _check(filters)
    return await from_database(Standings(engine).changed, filters, since, limit)


async def count(engine: Engine, filters: Filters) -> int:
    """How many cases there are."""
    _check(filters)
    return await from_database(Standings(engine).count, filters)


async def only_stuck(client: Client, filters: Filters) -> Filters:
    """The same, narrowed to cases whose workflow task fails, which Temporal alone knows."""
    kinds = ", ".join(f"'{kind.process}'" for kind in Kind)
    query = f"WorkflowType IN ({kinds}) AND TemporalReportedProblems IS NOT NULL"

    async def ids() -> list[str]:
        return [found.id async for found in client.list_workflows(query)]

    return replace(filters, among=await answer(ids(), patience=SECONDS))


def _check(filters: Filters) -> None:
    for text in (filters.country, filters.seller, filters.buyer, filters.queue, filters.order):
        if text is not None and not text.isprintable():
            raise InputError("A filter cannot hold line breaks or control characters.")


def _as_text(place: Place) -> str:
    return base64.urlsafe_b64encode(PLACE.dump_json(place)).decode().rstrip("=")


def _place(text: str) -> Place:
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        place = PLACE.validate_json(raw)
    except ValueError:
        raise InputError(FROM_NOWHERE) from None
    if abs(place.rank) > FARTHEST or not place.case_id.isprintable():
        raise InputError(FROM_NOWHERE)
    return place
