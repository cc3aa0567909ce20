"""What is ahead of a case, or would be of an order with no case yet."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from activities.cases import rules_for
from cli.records import database
from config import Settings
from domain.accounts import refunded_lines
from domain.commands import Remedy
from domain.goods import Received, ReturnReason, lines
from domain.kinds import Kind
from domain.openings import (
    CarrierTrouble,
    OpenCancellation,
    OpenCarrierClaim,
    OpenComplaint,
    OpenDispute,
    Opening,
    OpenInquiry,
    OpenNonDelivery,
    OpenReturn,
    OpenUncollectedParcel,
    OpenWithdrawal,
)
from domain.orders import Line, Order
from domain.parties import Actor, Party
from domain.ports import NO_PAST, OpenCase, Past
from domain.preview import Outlook, as_if_opened, look_ahead
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import WholeCase
from pages.case import print_parts
from pages.outlook import case_page, order_page, past_line
from service.failures import RefusedError, SilentError
from service.orders import ask_order
from service.reaching import look_through, with_temporal
from store.cases import CaseRegister
from workflows.processes import PROCESSES

NO_TRACKING = "unknown"
"""The tracking number of an order's parcel that has none yet."""

OF_WHAT_WAS_SENT = (Kind.RETURN, Kind.UNCOLLECTED_PARCEL, Kind.CARRIER_CLAIM)
"""The kinds of cases that begin with goods on their way. A carrier's scan or goods that lie there
open one whatever the order says; without them it is what the order says that counts."""

IS_OPEN = "It is open already; look at what is ahead of it: preview {}."
"""Of a case that is known by its parcel, and so opened but once."""

NOTHING_SENT = (
    "The order does not say that anything was sent: none of it can be lost, left uncollected or "
    "come back."
)

BEGINS = {Kind.RETURN: Stage.UNEXPLAINED}
"""Where the plainest opening leads, if not to the first stage that its process declares."""


class Foreseen(NamedTuple):
    """A case, real or as if it were opened, and what is ahead of it; nothing if it is refused."""

    whole: WholeCase
    outlook: Outlook | None


def show_case(case_id: str, *, whole: bool, why: bool, as_json: bool) -> None:
    """Print what is ahead of a case; `whole`: every way on from every stage."""
    found = _case(case_id, datetime.now(UTC))
    assert found.outlook is not None
    if as_json:
        print(found.outlook.model_dump_json(indent=2))
    else:
        print_parts(case_page(found.whole.view, found.outlook, whole=whole, why=why))


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
    now, where = datetime.now(UTC), country or order.country
    openings = [opening_for(one, order, where, units) for one in ([kind] if kind else Kind)]
    found = [_as_if(opening, order, past, now) for opening in openings]
    if kind and (refusal := found[0].whole.view.refusal):
        raise RefusedError(refusal.code, refusal.sentence)
    if as_json:
        print(json.dumps([_as_json(one, past) for one in found], indent=2, ensure_ascii=False))
        return
    print_parts(
        [
            past_line(past, order.currency),
            "",
            *(
                part
                for one in found
                for part in order_page(
                    one.whole.view, one.outlook, alone=bool(kind), whole=whole, why=why
                )
            ),
        ]
    )


def _case(case_id: str, now: datetime) -> Foreseen:
    whole = with_temporal(lambda client: look_through(client, case_id))
    view = whole.view
    if view.refusal:
        raise RefusedError(view.refusal.code, view.refusal.sentence)
    if view.stage is Stage.OPENING:
        raise SilentError("The case is still being registered; look again in a moment.")
    return Foreseen(whole, foresee(whole, now))


def _past(order_id: str) -> Past | None:
    """What the database knows of an order; None where none is configured."""
    if "database_url" not in Settings.read().model_fields_set:
        return None
    with database() as engine:
        return CaseRegister(engine).of_order(order_id)


def _as_if(opening: Opening, order: Order, past: Past | None, now: datetime) -> Foreseen:
    """The case that an opening would open now, under the first number that is free."""
    past = past or NO_PAST
    opening = _not_yet_open(opening, past.open_cases)
    rules = rules_for(order, opening.kind, now, Settings.read().policies)
    whole = as_if_opened(opening, order, rules, now, past)
    if any(case.case_id == opening.case_id for case in past.open_cases):
        whole = _refused(whole, Code.ALREADY_DONE, IS_OPEN.format(whole.view.id))
    elif opening.kind in OF_WHAT_WAS_SENT and not was_sent(order):
        whole = _refused(whole, Code.PARCEL_UNKNOWN, NOTHING_SENT)
    return Foreseen(whole, None if whole.view.refusal else foresee(whole, now))


def _not_yet_open(opening: Opening, open_cases: Sequence[OpenCase]) -> Opening:
    """The opening under the first number that no open case has."""
    running = {case.case_id for case in open_cases}
    numbers = range(1, len(running) + 2)
    each = [opening.model_copy(update={"number": number}) for number in numbers]
    return next((one for one in each if one.case_id not in running), opening)


def was_sent(order: Order) -> bool:
    """Whether the order says that some of its goods were sent."""
    return order.shipped or any(
        parcel.tracking or parcel.posted_at or parcel.in_hand_at for parcel in order.parcels
    )


def _refused(whole: WholeCase, code: Code, sentence: str) -> WholeCase:
    """A case that cannot be opened, or that nobody has a reason to open."""
    refusal = Refusal(code=code, sentence=sentence)
    return whole.model_copy(update={"view": whole.view.model_copy(update={"refusal": refusal})})


def foresee(whole: WholeCase, at: datetime) -> Outlook:
    """What is ahead of a case at an instant, by what its process declares."""
    process = PROCESSES[whole.view.kind]
    begins = BEGINS.get(whole.view.kind)
    return look_ahead(process.AHEAD, process.PERMITTED, whole, at, begins)


def opening_for(kind: Kind, order: Order, country: str, units: tuple[Line, ...]) -> Opening:
    """The plainest opening of a kind for an order, by who usually opens it."""
    all_units = units or lines({line.sku: line.quantity for line in order.lines})
    tracking = next((p.tracking for p in order.parcels if p.tracking), NO_TRACKING)
    buyer = Actor(party=Party.BUYER, id=order.buyer.id)
    seller = Actor(party=Party.SELLER, id=order.seller.id)
    text = "What would be ahead?"

    def common(by: Actor) -> dict[str, object]:
        return {"country": country, "order_id": order.id, "opened_by": by, "text": text}

    given: dict[Kind, tuple[type[Opening], Actor, dict[str, object]]] = {
        Kind.INQUIRY: (OpenInquiry, buyer, {}),
        Kind.DISPUTE: (
            OpenDispute,
            buyer,
            {"reason": "other", "wanted": Remedy.FULL_REFUND, "lines": units},
        ),
        Kind.CANCELLATION: (OpenCancellation, buyer, {"lines": units}),
        Kind.WITHDRAWAL: (OpenWithdrawal, buyer, {"lines": units}),
        Kind.RETURN: (
            OpenReturn,
            seller,
            {"received": tuple(Received(**dict(unit)) for unit in all_units)},
        ),
        Kind.UNCOLLECTED_PARCEL: (
            OpenUncollectedParcel,
            seller,
            {"tracking": tracking, "lines": units},
        ),
        Kind.NON_DELIVERY: (OpenNonDelivery, buyer, {"lines": units}),
        Kind.CARRIER_CLAIM: (
            OpenCarrierClaim,
            seller,
            {"tracking": tracking, "trouble": CarrierTrouble.LOSS},
        ),
        Kind.COMPLAINT: (
            OpenComplaint,
            buyer,
            {"reason": ReturnReason.DEFECTIVE, "wanted": Remedy.REPAIR, "lines": units},
        ),
    }
    model, by, more = given[kind]
    return model(**{**common(by), **more})


def _as_json(found: Foreseen, past: Past | None) -> dict[str, object]:
    view = found.whole.view
    refunded = past and [unit.model_dump() for unit in refunded_lines(past.money_back)]
    return {
        "kind": view.kind,
        "refusal": view.refusal and view.refusal.model_dump(mode="json"),
        "right_until": view.right_until and view.right_until.isoformat(),
        "at_stake": view.at_stake and view.at_stake.model_dump(mode="json"),
        "refund": view.preview and view.preview.model_dump(mode="json"),
        "refunded_before": refunded,
        "open_cases": past and [case.model_dump(mode="json") for case in past.open_cases],
        "outlook": found.outlook and found.outlook.model_dump(mode="json"),
    }
