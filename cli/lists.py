"""Printing lists: as tables, or as one JSON object a line."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Engine

from cli.connecting import with_temporal
from cli.database import with_database
from cli.paper import print_list
from domain.base import Value
from domain.kinds import Kind
from pages.lists import (
    cases_list,
    costs_list,
    headline_list,
    inactive_buyers_list,
    messages_list,
    recoveries_list,
    tasks_list,
)
from pages.parts import Page
from service import listing, records
from service.searching import check_words, search
from store.cases import Headline
from store.standings import Filters

V = TypeVar("V", bound=Value)


def print_values(values: Sequence[V], page: Callable[[Sequence[V]], Page], as_json: bool) -> None:
    """Print them as a page says it, or as JSON."""
    if as_json:
        for one in values:
            print(one.model_dump_json())
    else:
        print_list(page(values))


def print_cases(
    filters: Filters,
    limit: int,
    *,
    only_those_stuck: bool,
    tells_of_closed: bool,
    as_json: bool,
) -> None:
    """Cases, the one due first at the top; what is not shown is told beside."""
    if only_those_stuck:
        asked = filters
        filters = with_temporal(lambda client: listing.only_stuck(client, asked))
    closed = replace(filters, open=False)

    async def ask(engine: Engine) -> tuple[listing.ListPage, int]:
        found = await listing.page(engine, filters, limit)
        return found, await listing.count(engine, closed) if tells_of_closed else 0

    found, hidden = with_database(ask, "feed")
    print_values(found.cases, cases_list, as_json)
    if found.after:
        print(f"There are more than {limit}; narrow the list or raise --limit.", file=sys.stderr)
    if hidden:
        are = "case is" if hidden == 1 else "cases are"
        print(f"{hidden} closed {are} not shown; `list --all` shows all.", file=sys.stderr)


def print_tasks(queue: str | None, owner: str | None, as_json: bool) -> None:
    """The agents' tasks that are not done."""
    tasks = with_database(lambda engine: records.tasks(engine, queue, owner))
    print_values(tasks, tasks_list, as_json)


def print_headline(since: datetime | None, kind: Kind | None, as_json: bool) -> None:
    """The headline figures of closed cases, in all and for each country."""
    figures = with_database(lambda engine: records.headline(engine, since, kind))
    if as_json:
        print(json.dumps({name: _as_json(one) for name, one in figures.items()}, indent=2))
    else:
        print_list(headline_list(figures, kind))


def print_recoveries(seller: str, as_json: bool) -> None:
    """What carriers have paid a seller."""
    found = with_database(lambda engine: records.recoveries(engine, seller), "recoveries")
    print_values(found, recoveries_list, as_json)


def print_inactive_buyers(seller: str, as_json: bool) -> None:
    """The buyers whom a seller has reported."""
    found = with_database(lambda engine: records.inactive_buyers(engine, seller), "non_collections")
    print_values(found, inactive_buyers_list, as_json)


def print_costs(seller: str, as_json: bool) -> None:
    """What uncollected parcels have cost a seller."""
    found = with_database(lambda engine: records.costs(engine, seller), "cost_claims")
    print_values(found, costs_list, as_json)


def print_found(
    words: str, seller: str | None, case_id: str | None, limit: int, as_json: bool
) -> None:
    """The archived messages that hold every word; of a case, all."""
    check_words(words, case_id)  # before the database is reached
    found = with_database(lambda engine: search(engine, words, seller, case_id, limit))
    print_values(found, messages_list, as_json)


def _as_json(figures: Headline) -> dict[str, float | int | None]:
    return {
        "closed": figures.closed,
        "solved": figures.solved,
        "solved_share": figures.solved_share,
        "without_agent": figures.without_agent,
        "without_agent_share": figures.without_agent_share,
    }
