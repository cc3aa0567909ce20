"""Sending commands into cases, and asking them to take up edited rules."""

import hashlib
from collections.abc import Callable

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from cli.failures import RefusedError, SilentError, failure
from cli.reaching import CaseHandle, answer, case, look, with_temporal
from domain.commands import Command
from domain.goods import ParcelEvent
from domain.kinds import Kind
from domain.refusals import Code
from domain.view import CaseView, Outcome, Recalculate, Recalculated, Receipt
from workflows.dispute import Dispute


def submit(
    case_id: str,
    command: Callable[[CaseView | None], Command],
    *,
    of_return: bool,
    needs_view: bool,
    may_be_known: bool,
) -> tuple[str, Receipt]:
    """Make a command, from the case's view if that is needed, and send it; where it went.

    `of_return`: it is for the return, if the case has goods brought back.
    `may_be_known`: it may have been sent before; then the answer is what it was then.
    """

    async def work(client: Client) -> tuple[str, Receipt]:
        looks = needs_view or (of_return and not case_id.startswith(f"{Kind.RETURN}:"))
        view = await look(client, case_id) if looks else None
        target = where_goods_are(view) if of_return and view else case_id
        try:
            return target, await send(client, target, command(view), may_be_known)
        except RefusedError as error:
            if target == case_id:
                raise
            raise RefusedError(error.code, f"{error} It was sent to {target}.") from None

    return with_temporal(work)


def where_goods_are(view: CaseView) -> str:
    """The return that brings the case's goods back, if it has one; else the case itself."""
    return view.returns[-1] if view.returns else view.id


def report_parcel(case_id: str, event: ParcelEvent) -> str:
    """Tell a return or a cancellation what a carrier's machine saw; answers which it was."""

    async def work(client: Client) -> str:
        view = await look(client, case_id)
        # Of a cancelled order it may be the parcel on its way out, not the one that comes back.
        target = case_id if view.kind is Kind.CANCELLATION else where_goods_are(view)
        if target == case_id and view.kind not in (Kind.RETURN, Kind.CANCELLATION):
            raise RefusedError(
                Code.UNKNOWN_COMMAND,
                "Only returns and cancellations hear of parcels, and this case has no return.",
            )
        await answer(case(client, target).signal("parcel", event), target)
        return target

    return with_temporal(work)


async def send(
    client: Client, case_id: str, command: Command, may_be_known: bool = True
) -> Receipt:
    """Send a command; answers even after the case is closed, if it was taken before."""
    handle, update_id = case(client, case_id), update_id_of(command)
    again = f"The command may still be taken: send it again with --command-id {command.command_id}."
    if may_be_known and (receipt := await answer(_known(handle, update_id), case_id, again)):
        return receipt
    return await answer(
        handle.execute_update(Dispute.submit, command, id=update_id), case_id, again
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
