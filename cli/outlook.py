"""Printing what is ahead of a case, or would be of an order with no case yet."""

import json
from datetime import UTC, datetime

from cli.connecting import with_cases
from cli.database import with_database
from cli.marketplace import ask_order
from cli.paper import print_page
from config import Settings
from domain.accounts import refunded_lines
from domain.kinds import Kind
from domain.orders import Line
from domain.ports import Past
from domain.view import TakingBackView
from pages.outlook import order_page, outlook_page
from service.failures import RefusedError
from service.foreseeing import Foreseen, foresee_case, foresee_opening, opening_for
from service.orders import past_of


def show_case(case_id: str, *, whole: bool, why: bool, as_json: bool) -> None:
    """Print what is ahead of a case; `whole`: every way on from every stage."""
    now = datetime.now(UTC)
    case, outlook = with_cases(lambda client, engine: foresee_case(client, engine, case_id, now))
    if as_json:
        print(outlook.model_dump_json(indent=2))
    else:
        print_page(outlook_page(case.view, outlook, whole=whole, why=why))


def show_order(
    order_id: str,
    country: str | None,
    kind: Kind | None,
    units: tuple[Line, ...],
    *,
    whole: bool,
    why: bool,
    as_json: bool,
) -> None:
    """Print what would be ahead if a case of this kind, or of each, were opened for an order.

    Raises RefusedError where the one kind that is asked for could not be opened now.
    """
    order, past = ask_order(order_id), _past(order_id)
    now, where, policies = datetime.now(UTC), country or order.country, Settings.read().policies
    openings = [opening_for(one, order, where, units) for one in ([kind] if kind else Kind)]
    found = [foresee_opening(opening, order, past, now, policies) for opening in openings]
    if kind and (refusal := found[0].whole.view.refusal):
        raise RefusedError(refusal.code, refusal.sentence)
    if as_json:
        print(json.dumps([_as_json(one, past) for one in found], indent=2, ensure_ascii=False))
        return
    print_page(order_page(order, past, found, alone=bool(kind), whole=whole, why=why))


def _past(order_id: str) -> Past | None:
    """What the database knows of an order; None where none is configured."""
    if "database_url" not in Settings.read().model_fields_set:
        return None
    return with_database(lambda engine: past_of(engine, order_id))


def _as_json(found: Foreseen, past: Past | None) -> dict[str, object]:
    view = found.whole.view
    refund = view.preview if isinstance(view, TakingBackView) else None
    refunded = past and [unit.model_dump() for unit in refunded_lines(past.money_back)]
    return {
        "kind": view.kind,
        "refusal": view.refusal and view.refusal.model_dump(mode="json"),
        "right_until": view.right_until and view.right_until.isoformat(),
        "at_stake": view.at_stake and view.at_stake.model_dump(mode="json"),
        "refund": refund and refund.model_dump(mode="json"),
        "refunded_before": refunded,
        "open_cases": past and [case.model_dump(mode="json") for case in past.open_cases],
        "outlook": found.outlook and found.outlook.model_dump(mode="json"),
    }
