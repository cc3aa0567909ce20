"""Printing lists: as tables, or as one JSON object a line."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from cli.database import with_database
from cli.paper import print_list
from domain.base import Value
from domain.kinds import Kind
from pages.lists import (
    costs_list,
    headline_list,
    inactive_buyers_list,
    messages_list,
    recoveries_list,
    tasks_list,
)
from pages.parts import Page
from service import records
from service.messages import check_words, search
from store.cases import Headline

V = TypeVar("V", bound=Value)


def print_values(values: Sequence[V], page: Callable[[Sequence[V]], Page], as_json: bool) -> None:
    """Print them as a page says it, or as JSON."""
    if as_json:
        for one in values:
            print(one.model_dump_json())
    else:
        print_list(page(values))


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
