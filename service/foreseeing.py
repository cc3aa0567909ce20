"""What is ahead of a case, or would be of an order with no case yet."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine
from temporalio.client import Client

from activities.cases import rules_for
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
from policies import PolicyError
from service.failures import InputError, RefusedError, SilentError
from service.looking import look_through
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


async def foresee_case(
    client: Client, engine: Engine, case_id: str, at: datetime
) -> tuple[WholeCase, Outlook]:
    """A case, and what is ahead of it; RefusedError for one that could not be opened."""
    whole = await look_through(client, engine, case_id)
    if refusal := whole.view.refusal:
        raise RefusedError(refusal.code, refusal.sentence)
    if whole.view.stage is Stage.OPENING:
        raise SilentError("The case is still being registered; look again in a moment.")
    return whole, foresee(whole, at)


def foresee_opening(
    opening: Opening, order: Order, past: Past | None, at: datetime, policies: Path
) -> Foreseen:
    """The case that an opening would open at this instant, under the first number that is free.

    `past`: None where it is not known; `policies`: the folder of the rules. InputError where they
    have none for the order's country.
    """
    past = past or NO_PAST
    opening = _not_yet_open(opening, past.open_cases)
    try:
        rules = rules_for(order, opening.kind, at, policies)
    except PolicyError as error:
        raise InputError(str(error)) from None
    whole = as_if_opened(opening, order, rules, at, past)
    if any(case.case_id == opening.case_id for case in past.open_cases):
        whole = _refused(whole, Code.ALREADY_DONE, IS_OPEN.format(whole.view.id))
    elif opening.kind in OF_WHAT_WAS_SENT and not was_sent(order):
        whole = _refused(whole, Code.PARCEL_UNKNOWN, NOTHING_SENT)
    return Foreseen(whole, None if whole.view.refusal else foresee(whole, at))


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
