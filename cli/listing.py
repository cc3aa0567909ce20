"""Printing lists of cases."""

from cli.paper import print_table
from domain.deadlines import spoken
from domain.money import Money
from pages.words import amount_in_words
from service.countries import currency_of, zone_of
from service.listing import Listed


def print_list(cases: list[Listed], as_json: bool) -> None:
    """Print the cases as a table, or as one JSON object a line."""
    if as_json:
        for one in cases:
            print(one.model_dump_json())
        return
    if not cases:
        print("No cases.")
        return
    print_table(
        "Case",
        "Stage",
        "Awaited",
        "Until",
        "At stake",
        "Seller",
        "",
        rows=(
            (
                one.case_id,
                _stage(one),
                one.awaited or "",
                spoken(one.due, zone_of(one.country or "")) if one.due else "",
                _amount(one),
                one.seller or "",
                ", ".join(
                    word
                    for word, is_so in (
                        ("breached", one.breached),
                        ("undelivered", one.undelivered),
                    )
                    if is_so
                ),
            )
            for one in cases
        ),
    )


def _stage(one: Listed) -> str:
    if one.refusal:
        return f"not opened: {one.refusal}"
    return f"{one.stage}: {one.ending}" if one.ending else one.stage or ""


def _amount(one: Listed) -> str:
    currency = currency_of(one.country or "")
    if one.amount_minor is None or not currency:
        return ""
    return amount_in_words(Money(amount_minor=one.amount_minor, currency=currency))
