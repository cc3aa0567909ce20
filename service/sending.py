"""Sending commands into cases, and asking them to take up edited rules."""

import hashlib
from collections.abc import Callable

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from cli.failures import failure
from config import Settings
from domain.commands import Close, Command
from domain.goods import ParcelEvent, Scan
from domain.kinds import Kind
from domain.openings import OpenUncollectedParcel
from domain.parties import Party
from domain.ports import RedeliveryPaid
from domain.refusals import Code
from domain.stages import Stage
from domain.view import Outcome, Recalculate, Recalculated, Receipt
from service.failures import RefusedError, SilentError
from service.opening import open_case, registered
from service.reaching import CaseHandle, answer, case, with_temporal
from service.recorded import recorded
from service.standing import Standing, return_of, settled, standing
from workflows.dispute.process import Dispute


def submit(
    case_id: str,
    command: Callable[[Standing | None], Command],
    *,
    of_return: bool,
    needs_case: bool,
    may_be_known: bool,
) -> tuple[str, Receipt]:
    """Make a command, from how the case stands if that is needed, and send it; where it went.

    `of_return`: it is for the return, if the case has goods brought back.
    `may_be_known`: it may have been sent before; then the answer is what it was then.
    """

    async def work(client: Client) -> tuple[str, Receipt]:
        stands = await standing(client, case_id) if needs_case else None
        if stands and stands.stage is Stage.OPENING:  # nobody knows yet whose it is
            stands = await registered(client, case_id) or stands
        if stands and (why := stands.refusal):
            raise RefusedError(Code.CASE_CLOSED, f"It was not opened: {why.code}: {why.sentence}")
        target = await where_goods_are(client, case_id) if of_return else case_id
        try:
            said = command(stands)
            receipt = await send(client, target, said, may_be_known)
            return target, await after_its_effect(client, target, receipt, isinstance(said, Close))
        except RefusedError as error:
            if target == case_id:
                raise
            where = f"{error} It was sent to {target}."
            if error.code == Code.CASE_CLOSED:
                where = f"The return {target} is closed; look at how it ended."
            raise RefusedError(error.code, where) from None

    return with_temporal(work)


OF_PARCELS = (
    Kind.RETURN,
    Kind.CANCELLATION,
    Kind.UNCOLLECTED_PARCEL,
    Kind.NON_DELIVERY,
    Kind.CARRIER_CLAIM,
)
"""The kinds of cases that hear of parcels themselves; others by the return that they have opened.
Of a cancelled order it may be the parcel on its way out, not the one that comes back."""


async def where_goods_are(client: Client, case_id: str) -> str:
    """The return that brings the case's goods back, if it has one; else the case itself."""
    if case_id.startswith(f"{Kind.RETURN}:") or case_id.count(":") < 2:
        return case_id
    return await return_of(client, case_id) or case_id


def report_parcel(case_id: str, event: ParcelEvent) -> str:
    """Tell a case, or its return, what a carrier's machine saw; answers which it was."""

    async def work(client: Client) -> str:
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

    return with_temporal(work)


OF_ORDERS = (Kind.UNCOLLECTED_PARCEL, Kind.NON_DELIVERY, Kind.CARRIER_CLAIM)
"""The kinds of cases that are told what is known of an order's parcel."""


def report_of_order(opening: OpenUncollectedParcel, event: ParcelEvent) -> list[str]:
    """Tell of an order's parcel: to the cases that run for it; one that came back opens its own,
    unless a buyer's case sees to it already.

    Answers which cases these are.
    """

    async def work(client: Client) -> list[str]:
        hearing = [
            case_id
            for case_id in await answer(_running(client, opening))
            if await _hears_of(client, case_id, opening.tracking)
        ]
        ids = sorted(hearing, reverse=True)  # the buyers' cases before the claims
        for case_id in ids:
            await answer(case(client, case_id).signal("parcel", event), case_id)
        if not all(case_id.startswith(f"{Kind.CARRIER_CLAIM}:") for case_id in ids):
            return ids
        if event.scan is Scan.RETURNED:
            await answer(open_case(client, opening, Settings.read().task_queue), opening.case_id)
            there = await registered(client, opening.case_id)
            if there and there.over:
                raise RefusedError(
                    Code.CASE_CLOSED,
                    f"{there.case_id} is closed: {there.ending}. If the parcel came back once "
                    "more, open an uncollected-parcel with the next `number`.",
                )
            return [opening.case_id, *ids]
        if not ids:
            raise RefusedError(
                Code.UNKNOWN_COMMAND,
                f"No case runs for this parcel, and only one that is {Scan.RETURNED} opens one.",
            )
        return ids

    return with_temporal(work)


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


def report_payment(case_id: str, key: str | None) -> str:
    """Tell a case that its buyer has paid for sending again; answers under which key."""

    async def work(client: Client) -> str:
        found = await standing(client, case_id)
        hears = found.case_id.startswith(f"{Kind.UNCOLLECTED_PARCEL}:")
        charge = key or ((await recorded(client, case_id)).charge if hears else None)
        if not hears or charge is None:
            raise RefusedError(
                Code.WRONG_STAGE, "Nobody is asked to pay for sending again in this case now."
            )
        paid = RedeliveryPaid(key=charge)
        await answer(case(client, case_id).signal("redelivery_paid", paid), case_id)
        return charge

    return with_temporal(work)


async def send(
    client: Client, case_id: str, command: Command, may_be_known: bool = True
) -> Receipt:
    """Send a command; answers even after the case is closed, if it was taken before."""
    handle, update_id = case(client, case_id), update_id_of(command)
    again = f"The command may still be taken: send it again with --command-id {command.command_id}."
    if may_be_known and (receipt := await answer(_known(handle, update_id), case_id, again)):
        return receipt
    update = handle.execute_update(Dispute.submit, command, id=update_id)
    return await answer(update, case_id, again)


async def after_its_effect(
    client: Client, case_id: str, receipt: Receipt, ends: bool = False
) -> Receipt:
    """The receipt with the case as it stands once it is no more at work on the command.

    `ends`: the command closes the case, though that may first have to call off a return.
    """
    asks_server = receipt.awaited is Party.PLATFORM and receipt.due is None
    waits = receipt.working or asks_server or ends or receipt.outcome is Outcome.REPEATED
    if receipt.stage is Stage.CLOSED or not waits:
        return receipt
    try:
        now = await settled(client, case_id, over=ends)
    except (RefusedError, SilentError):  # the command is taken all the same
        return receipt.model_copy(update={"working": True})
    works = now.working or (ends and not now.over)
    return receipt.model_copy(
        update={"stage": now.stage, "awaited": now.awaited, "due": now.due, "working": works}
    )


def update_id_of(command: Command) -> str:
    """The command's id, and a mark of its content.

    The server answers a known update id without asking the case: under the bare id, another
    command with the same id would be taken for this one instead of being refused.
    """
    mark = hashlib.sha256(command.model_dump_json().encode()).hexdigest()[:16]
    return f"{command.command_id}:{mark}"


async def _known(handle: CaseHandle, update_id: str) -> Receipt | None:
    """What the server answered to this update before, if it knows it."""
    try:
        receipt: Receipt = await handle.get_update_handle(update_id, result_type=Receipt).result()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return receipt.model_copy(update={"outcome": Outcome.REPEATED})


def recalculate(
    wanted: dict[str, Recalculate],
) -> dict[str, Recalculated | tuple[int, str, str]]:
    """Ask each case to take up the rules as they are now; a failure stands in its place."""

    async def work(client: Client) -> dict[str, Recalculated | tuple[int, str, str]]:
        return {case_id: await one(client, case_id, wish) for case_id, wish in wanted.items()}

    async def one(
        client: Client, case_id: str, wish: Recalculate
    ) -> Recalculated | tuple[int, str, str]:
        try:
            return await answer(
                case(client, case_id).execute_update(
                    Dispute.recalculate,
                    wish,
                    id=wish.command_id,
                ),
                case_id,
            )
        except (RefusedError, SilentError) as error:
            known = failure(error)
            assert known is not None
            return known

    return with_temporal(work)
