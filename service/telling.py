"""Telling cases what machines saw: a parcel scanned, a payment made."""

import re

from temporalio.client import Client

from domain.goods import ParcelEvent, Scan
from domain.kinds import Kind, kind_of
from domain.openings import OpenUncollectedParcel
from domain.ports import RedeliveryPaid, RefundReport
from domain.refusals import Code
from domain.stages import Stage
from service.failures import RefusedError
from service.opening import open_case, registered
from service.reaching import answer, case
from service.recorded import recorded
from service.sending import where_goods_are
from service.standing import standing

OF_PARCELS = (
    Kind.RETURN,
    Kind.CANCELLATION,
    Kind.UNCOLLECTED_PARCEL,
    Kind.NON_DELIVERY,
    Kind.CARRIER_CLAIM,
)
"""The kinds of cases that hear of parcels themselves; others by the return that they have opened.
Of a cancelled order it may be the parcel on its way out, not the one that comes back."""


async def report_parcel(client: Client, case_id: str, event: ParcelEvent) -> str:
    """Tell a case, or its return, what a carrier's machine saw; answers which it was."""
    hears = (await standing(client, case_id)).case_id.split(":")[0] in OF_PARCELS
    target = case_id if hears else await where_goods_are(client, case_id)
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


OF_ORDERS = (Kind.UNCOLLECTED_PARCEL, Kind.NON_DELIVERY, Kind.CARRIER_CLAIM)
"""The kinds of cases that are told what is known of an order's parcel."""


async def report_of_order(
    client: Client, opening: OpenUncollectedParcel, event: ParcelEvent, task_queue: str
) -> list[str]:
    """Tell of an order's parcel: to the cases that run for it; one that came back opens its own,
    unless a buyer's case sees to it already.

    Answers which cases these are.
    """
    hearing = [
        case_id
        for case_id in await answer(_running(client, opening))
        if await _hears_of(client, case_id, opening.tracking)
    ]
    ids = sorted(hearing, reverse=True)  # the buyers' cases before the claims
    for case_id in ids:
        await answer(case(client, case_id).signal("parcel", event), case_id)
    if not all(kind_of(case_id) is Kind.CARRIER_CLAIM for case_id in ids):
        return ids
    if event.scan is Scan.RETURNED:
        await _open_its_own(client, opening, task_queue)
        return [opening.case_id, *ids]
    if not ids:
        raise RefusedError(
            Code.UNKNOWN_COMMAND,
            f"No case runs for this parcel, and only one that is {Scan.RETURNED} opens one.",
        )
    return ids


async def _running(client: Client, opening: OpenUncollectedParcel) -> list[str]:
    """The cases of an order's parcels that are open."""
    kinds = (f"{kind}:{opening.country}:{opening.order_id}:" for kind in OF_ORDERS)
    about = " OR ".join(f"WorkflowId STARTS_WITH '{begins}'" for begins in kinds)
    query = f"({about}) AND ExecutionStatus = 'Running'"
    return [one.id async for one in client.list_workflows(query)]


async def _hears_of(client: Client, case_id: str, tracking: str) -> bool:
    """Whether a case is open, which lists tell late, and is about this parcel."""
    if (await standing(client, case_id)).stage is Stage.CLOSED:
        return False
    return (await recorded(client, case_id)).is_about(tracking)


async def _open_its_own(client: Client, opening: OpenUncollectedParcel, task_queue: str) -> None:
    """The case of a parcel that nobody collected."""
    await answer(open_case(client, opening, task_queue), opening.case_id)
    there = await registered(client, opening.case_id)
    if there and there.over:
        raise RefusedError(
            Code.CASE_CLOSED,
            f"{there.case_id} is closed: {there.ending}. If the parcel came back once "
            "more, open an uncollected-parcel with the next `number`.",
        )


async def report_payment(client: Client, case_id: str, key: str | None) -> str:
    """Tell a case that its buyer has paid for sending again; answers under which key."""
    found = await standing(client, case_id)
    hears = kind_of(found.case_id) is Kind.UNCOLLECTED_PARCEL
    charge = key
    if hears and key is None:
        charge = (await recorded(client, case_id)).charge
    if not hears or charge is None:
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
