"""What the database knows: the agents' queue, the headline figures, the archive."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.text import Text
from sqlalchemy import Engine, inspect

from cli.failures import InputError, SilentError
from cli.paper import paper, print_table
from cli.words import country_of, local, printable, zone_of
from config import Settings
from domain.deadlines import spoken
from domain.kinds import Kind
from policies import countries
from store.archive import LONGEST_SEARCH, Archive
from store.cases import CaseRegister, Headline
from store.engine import connect
from store.tasks import TaskQueue


@contextmanager
def database(table: str = "cases") -> Iterator[Engine]:
    """The store, once a worker has made this table in it."""
    engine = connect(Settings.read().database_url)
    try:
        if not inspect(engine).has_table(table):
            raise SilentError(
                "The database at DATABASE_URL has no tables yet, or old ones; "
                "start a worker, which makes them."
            )
        yield engine
    finally:
        engine.dispose()


def print_tasks(queue: str | None, owner: str | None, as_json: bool) -> None:
    """The agents' tasks that are not done, the most urgent first."""
    with database() as engine:
        tasks = TaskQueue(engine).waiting(queue, owner)
    if as_json:
        for task in tasks:
            print(task.model_dump_json())
    elif not tasks:
        print("No tasks.")
    else:
        print_table(
            "Case",
            "Purpose",
            "Queue",
            "Priority",
            "Due",
            "Owner",
            rows=(
                (
                    task.case_id,
                    task.purpose,
                    task.queue,
                    task.priority,
                    spoken(task.due, zone_of(country_of(task.case_id))) if task.due else "",
                    task.owner or "",
                )
                for task in tasks
            ),
        )


def print_headline(since: datetime | None, kind: Kind | None, as_json: bool) -> None:
    """The headline figures of closed cases, in all and for each country (D2)."""
    with database() as engine:
        cases = CaseRegister(engine)
        figures = {"all": cases.headline(since=since, kind=kind)}
        figures |= {one: cases.headline(one, since=since, kind=kind) for one in countries()}
    if as_json:
        print(json.dumps({name: _as_json(one) for name, one in figures.items()}, indent=2))
        return
    print_table(
        "Country",
        "Closed",
        "Ended in a solution",
        "Without an agent",
        rows=(
            (name, one.closed, _percent(one.solved_share), _percent(one.without_agent_share))
            for name, one in figures.items()
            if one.closed or name == "all"
        ),
    )


def print_found(
    words: str, seller: str | None, case_id: str | None, limit: int, as_json: bool
) -> None:
    """The archived messages that hold every word, newest first (H1)."""
    if not words.split() or len(words) > LONGEST_SEARCH:
        raise InputError(f"Search for at least one word and at most {LONGEST_SEARCH} characters.")
    with database() as engine:
        found = Archive(engine).search(words, seller, case_id, limit)
    if as_json:
        for one in found:
            print(one.model_dump_json())
        return
    if not found:
        print("Nothing found.")
    console = paper()
    for one in found:
        by, zone = one.message.by, zone_of(country_of(one.case_id))
        console.print(
            Text.assemble(
                (one.case_id, "bold"),
                f" · {local(one.message.at, zone)} · {by.party} {printable(by.name or by.id)}",
            )
        )
        console.print(Text(f"  {printable(one.message.text)}"), soft_wrap=True)


def _as_json(figures: Headline) -> dict[str, float | int | None]:
    return {
        "closed": figures.closed,
        "solved": figures.solved,
        "solved_share": figures.solved_share,
        "without_agent": figures.without_agent,
        "without_agent_share": figures.without_agent_share,
    }


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
