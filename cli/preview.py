"""`starter.py preview`: what is ahead of a case, or would be of an order with no case yet."""

import re
from typing import Annotated

import typer

from cli.payouts import read_units
from cli.verbs import AsJson
from domain.kinds import Kind
from service.failures import InputError


def preview_command(  # noqa: PLR0917 - each is an option of its own
    case: Annotated[
        str | None,
        typer.Argument(metavar="[CASE]", help="The case's id, like dispute:PL:PL-1001:1."),
    ] = None,
    order: Annotated[
        str | None, typer.Option(help="Instead of a case: an order with no case yet.")
    ] = None,
    country: Annotated[
        str | None, typer.Option(help="Where the order was placed, like PL.")
    ] = None,
    kind: Annotated[
        Kind | None,
        typer.Option(help="Of an order: only this process. Without it, what comes first in each."),
    ] = None,
    units: Annotated[
        list[str] | None,
        typer.Option(help="Of an order: only these units, like SKU=1; can be given again."),
    ] = None,
    whole: Annotated[
        bool | None,
        typer.Option(
            "--all/--short",
            help="Every way on from every stage that can still come, or only what silence does. "
            "A case is shown whole unless told otherwise, an order in short.",
        ),
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="How each deadline is reckoned.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is still ahead: who must act, what silence does, what money moves.

    preview CASE: every branch that a case can still take, stage by stage.

    preview CASE --short: what can be done now, the way that silence takes, what else can come.

    preview --order PL-1001 --kind withdrawal: if the buyer withdrew today.

    preview --order PL-1001: every process that could be opened for it now.

    What runs is due exactly then. What follows is reckoned as if everybody
    stayed silent; where somebody has to act first, as if that came at once.
    """
    if (case is None) is (order is None):
        raise InputError("Give the id of a case, or --order and the id of an order.")
    from cli.outlook import show_case, show_order  # noqa: PLC0415 - brings Temporal along

    if order is not None and not order.strip():
        raise InputError("--order is empty; give the id of an order.")
    if country is not None and not re.fullmatch("[A-Z]{2}", country):
        raise InputError(f"--country must be two capital letters, like PL, not {country!r}.")
    if case is not None:
        if country or kind or units:
            raise InputError("--country, --kind and --units go with --order; leave them out.")
        show_case(case, whole=whole is not False, why=why, as_json=as_json)
    elif order is not None:
        goods = read_units(units or ())
        show_order(order, country, kind, goods, whole=bool(whole), why=why, as_json=as_json)
