"""`starter.py payout`: the platform reports money that reached a buyer without us."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import ValidationError

from cli.misfits import mistyped
from cli.typed import amount_from
from cli.verbs import AsJson
from domain.orders import Line
from domain.ports import PayoutKind
from service.failures import InputError

# What speaks to a marketplace or a database is imported when it runs: --help can spare it.
# ruff: noqa: PLC0415


def payout_command(  # noqa: PLR0917 - each is an option of its own
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id, like PL-1001.")],
    units: Annotated[
        list[str],
        typer.Argument(metavar="UNITS...", help="What the money is for, like SKU=1."),
    ],
    amount: Annotated[str, typer.Option(help="In the order's currency, like 50.00.")],
    kind: Annotated[PayoutKind, typer.Option(help="How the money reached the buyer.")],
    key: Annotated[
        str, typer.Option(help="Its id with the platform; reported again, it is the same money.")
    ],
    as_json: AsJson = False,
) -> None:
    """Report money that reached a buyer without us: its units are never refunded again."""
    from cli.database import with_database
    from cli.marketplace import ask_order
    from service.payouts import payout_of, record_payout

    named = read_units(units)
    bought = ask_order(order)
    try:
        payout = payout_of(bought, key, kind, amount_from(amount, bought.currency), named)
    except ValidationError as error:
        names = {"key": "--key", "order_id": "ORDER", "units": "UNITS", "amount": "--amount"}
        raise mistyped(error, names) from None
    with_database(
        lambda engine: record_payout(engine, payout, datetime.now(UTC)), table="order_accounts"
    )
    if as_json:
        print(payout.model_dump_json(exclude={"sold", "paid"}))
    else:
        print(f"Recorded: {payout.amount.figures} for {', '.join(units)} of {order}.")


def read_units(texts: Sequence[str]) -> tuple[Line, ...]:
    """Units as they are typed: SKU=QUANTITY each."""
    return tuple(_line(text) for text in texts)


def _line(text: str) -> Line:
    written = re.fullmatch(r"(.{1,300})=0*([1-9][0-9]{0,3}|10000)", text, re.ASCII)
    if written is None:
        raise InputError(
            f"Units are written like SKU=1, at least 1 and at most 10000 of them, not {text!r}."
        )
    return Line(sku=written[1], quantity=int(written[2]))
