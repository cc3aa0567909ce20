"""Telling cases what machines saw: a parcel scanned, a payment made."""

import re

from sqlalchemy import Engine
from temporalio.client import Client

from domain.claiming import units_of
from domain.goods import ParcelEvent, Scan, count
from domain.kinds import Kind, kind_of
from domain.openings import OpenUncollectedParcel
from domain.ports import RedeliveryPaid, RefundReport, Registration
from domain.refusals import Code
from domain.stages import Stage
from domain.view import (
    CarrierClaimView,
    CaseView,
    NonDeliveryView,
    ParcelClaimView,
    RedeliveryView,
    UncollectedParcelView,
)
from service.database import from_database
from service.failures import RefusedError
from service.opening import open_case, registered
from service.reaching import answer, case
from service.sending import where_goods_are
from service.standing import standing
from store.cases import CaseRegister
from store.standings import Filters, Standings

OF_PARCELS = (
    Kind.RETURN,
    Kind.CANCELLATION,
    Kind.UNCOLLECTED_PARCEL,
    Kind.NON_DELIVERY,
    Kind.CARRIER_CLAIM,
)
"""The kinds of cases that hear of parcels themselves; others by the return that they have opened.
Of a cancelled order it may be the parcel on its way out, not the one that comes back."""


async def report_parcel(client: Client, engine: Engine, case_id: str, event: ParcelEvent) -> str:
    """Tell a case, or its return, what a carrier's machine saw; answers which it was."""
    await standing(client, engine, case_id)
    hears = kind_of(case_id) in OF_PARCELS
    target = case_id if hears else await where_goods_are(engine, case_id)
    if target == case_id and not hears:
        raise RefusedError(
            Code.UNKNOWN_COMMAND,
            "A case of this kind hears of parcels by its return, and has none; those that "
            f"hear themselves are {', '.join(OF_PARCELS)}.",
        )
    await answer(case(client, target).signal("parcel", event), target)
    return target


async def report_refund(client: Client, report: RefundReport) -> str:
    """Tell a case that the fate of its refund is known, so that it asks at once; answers which case
    it was: a refund's key begins with its id.
    """
    case_id = report.key.rpartition(":refund:")[0]
    await answer(case(client, case_id).signal("refund_reported", report), case_id)
    return case_id


MOST = 500
"""Open cases of one order that are looked at: far more than an order ever has."""


async def report_of_order(
    client: Client,
    engine: Engine,
    opening: OpenUncollectedParcel,
    event: ParcelEvent,
    task_queue: str,
) -> list[str]:
    """Tell of an order's parcel: to the cases that run for it; one that came back opens its own,
    unless a buyer's case sees to it already.

    Answers which cases these are.
    """
    ids = await from_database(_hearing, Standings(engine), CaseRegister(engine), opening)
    for case_id in ids:
        await answer(case(client, case_id).signal("parcel", event), case_id)
    if not all(kind_of(case_id) is Kind.CARRIER_CLAIM for case_id in ids):
        return ids
    if event.scan is Scan.RETURNED:
        await _open_its_own(client, engine, opening, task_queue)
        return [opening.case_id, *ids]
    if not ids:
        raise RefusedError(
            Code.UNKNOWN_COMMAND,
            f"No case runs for this parcel, and only one that is {Scan.RETURNED} opens one.",
        )
    return ids


def _hearing(
    standings: Standings, register: CaseRegister, opening: OpenUncollectedParcel
) -> list[str]:
    """The open cases of an order that are about this parcel: the buyers' before the claims."""
    of_order = Filters(order=opening.order_id, country=opening.country)
    running, _ = standings.page(of_order, limit=MOST)
    found = []
    for one in running:
        view, registration = standings.brief(one.case_id), register.find(one.case_id)
        if view and registration and _is_about(view, registration, opening.tracking):
            found.append(one.case_id)
    return sorted(found, reverse=True)


def _is_about(view: CaseView, registration: Registration, tracking: str) -> bool:
    """Whether a case is about this parcel; a number that the order does not know is one under
    which goods were sent again.
    """
    match view:
        case UncollectedParcelView():
            return tracking == view.tracking
        case CarrierClaimView(carrier_claim=ParcelClaimView(tracking=claimed)):
            return tracking == claimed
        case NonDeliveryView() if registration.sale:
            sent = count(units_of(registration.sale, tracking))
            return bool(count(registration.lines).keys() & sent.keys())
    return False


async def _open_its_own(
    client: Client, engine: Engine, opening: OpenUncollectedParcel, task_queue: str
) -> None:
    """The case of a parcel that nobody collected."""
    await answer(open_case(client, opening, task_queue), opening.case_id)
    there = await registered(client, engine, opening.case_id)
    if there and there.over:
        raise RefusedError(
            Code.CASE_CLOSED,
            f"{there.case_id} is closed: {there.ending}. If the parcel came back once "
            "more, open an uncollected-parcel with the next `number`.",
        )


async def report_payment(client: Client, engine: Engine, case_id: str, key: str | None) -> str:
    """Tell a case that its buyer has paid for sending again; answers under which key."""
    await standing(client, engine, case_id)
    charge = key or await from_database(_charge, Standings(engine), case_id)
    if kind_of(case_id) is not Kind.UNCOLLECTED_PARCEL or charge is None:
        raise RefusedError(
            Code.WRONG_STAGE, "Nobody is asked to pay for sending again in this case now."
        )
    if not re.fullmatch(rf"{re.escape(case_id)}:redelivery:[0-9]{{1,9}}", charge, re.ASCII):
        raise RefusedError(
            Code.WRONG_STAGE, "No charge of this case has this key; leave it out, or correct it."
        )
    paid = RedeliveryPaid(key=charge)
    await answer(case(client, case_id).signal("redelivery_paid", paid), case_id)
    return charge


def _charge(standings: Standings, case_id: str) -> str | None:
    """The key of what a buyer is asked to pay for goods that are not sent again yet."""
    match standings.brief(case_id):
        case UncollectedParcelView(redelivery=RedeliveryView(key=key), stage=stage):
            return None if stage is Stage.IN_TRANSIT else key
    return None
