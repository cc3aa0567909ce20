"""What the database knows: the agents' queue, the headline figures, the archive."""

import json
from datetime import datetime

from rich.text import Text

from cli.database import with_database
from cli.paper import paper, print_table
from cli.words import printable
from domain.deadlines import spoken
from domain.kinds import Kind
from domain.money import Money
from pages.words import amount_in_words, local
from service import records
from service.countries import country_of, zone_of
from service.messages import check_words, search
from store.cases import Headline


def print_tasks(queue: str | None, owner: str | None, as_json: bool) -> None:
    """The agents' tasks that are not done, the most urgent first."""
    tasks = with_database(lambda engine: records.tasks(engine, queue, owner))
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
    figures = with_database(lambda engine: records.headline(engine, since, kind))
    if as_json:
        print(json.dumps({name: _as_json(one) for name, one in figures.items()}, indent=2))
        return
    counted = "cases of all kinds" if kind is None else kind.plural
    print(f"Closed {counted}, by country:")
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


def print_recoveries(seller: str, as_json: bool) -> None:
    """What carriers have paid a seller for lost and damaged parcels, newest first (P5)."""
    recoveries = with_database(lambda engine: records.recoveries(engine, seller), "recoveries")
    if as_json:
        for one in recoveries:
            print(one.model_dump_json())
    elif not recoveries:
        print("Nothing was recovered.")
    else:
        print_table(
            "Case",
            "Order",
            "Amount",
            "When",
            rows=(
                (
                    one.case_id,
                    one.order_id,
                    amount_in_words(one.amount),
                    local(one.at, zone_of(country_of(one.case_id))),
                )
                for one in recoveries
            ),
        )


def print_inactive_buyers(seller: str, as_json: bool) -> None:
    """The buyers whom a seller has reported, those with the most parcels first (P4)."""
    buyers = with_database(
        lambda engine: records.inactive_buyers(engine, seller), "non_collections"
    )
    if as_json:
        for buyer in buyers:
            print(buyer.model_dump_json())
    elif not buyers:
        print("None.")
    else:
        rows = ((one.buyer_id, one.parcels, f"{one.last_at:%Y-%m-%d}") for one in buyers)
        print_table("Buyer", "Parcels", "Last", rows=rows)


def print_costs(seller: str, as_json: bool) -> None:
    """What uncollected parcels have cost a seller, newest first (P4, P6)."""
    costs = with_database(lambda engine: records.costs(engine, seller), "cost_claims")
    if as_json:
        for cost in costs:
            print(cost.model_dump_json())
    elif not costs:
        print("None.")
    else:
        print_table(
            "Case",
            "Cost",
            "Amount",
            "Deducted",
            "Reported",
            rows=(
                (
                    one.case_id,
                    one.cost,
                    amount_in_words(one.amount),
                    amount_in_words(
                        Money(amount_minor=one.deducted_minor, currency=one.amount.currency)
                    ),
                    local(one.at, zone_of(country_of(one.case_id))),
                )
                for one in costs
            ),
        )


def print_found(
    words: str, seller: str | None, case_id: str | None, limit: int, as_json: bool
) -> None:
    """The archived messages that hold every word, newest first (H1); of a case, all."""
    check_words(words, case_id)  # before the database is reached
    found = with_database(lambda engine: search(engine, words, seller, case_id, limit))
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
