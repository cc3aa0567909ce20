"""Sending commands into cases."""

import hashlib
from collections.abc import Callable
from uuid import uuid4

from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.commands import (
    BeginWork,
    Close,
    Command,
    CommandBase,
    FinishWork,
    HandOver,
    Inspect,
    ProvideLabel,
    PutBack,
    Receive,
    ShipBack,
)
from domain.parties import Party
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import Outcome, Receipt, RefundingView
from service.database import from_database
from service.failures import RefusedError, SilentError
from service.opening import registered
from service.reaching import CaseHandle, answer, case
from service.standing import Standing, settled, standing
from store.standings import Standings
from workflows.kernel.case import WOULD_BE_TAKEN, Case

OF_A_RETURN: tuple[type[CommandBase], ...] = (
    ProvideLabel,
    HandOver,
    Receive,
    Inspect,
    PutBack,
    BeginWork,
    FinishWork,
    ShipBack,
)
"""What a return alone takes: sent to a case that has goods brought back, it goes to the return."""


async def submit(
    client: Client,
    engine: Engine,
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
    stands = await standing(client, engine, case_id) if needs_case else None
    if stands and stands.stage is Stage.OPENING:  # nobody knows yet whose it is
        stands = await registered(client, engine, case_id) or stands
    if stands and (why := stands.refusal):
        raise RefusedError(Code.CASE_CLOSED, f"It was not opened: {why.code}: {why.sentence}")
    target = await where_goods_are(engine, case_id) if of_return else case_id
    try:
        said = command(stands)
        receipt = await send(client, target, said, may_be_known)
        ends = isinstance(said, Close)
        return target, await after_its_effect(client, engine, target, receipt, ends)
    except RefusedError as error:
        if target == case_id:
            raise
        where = f"{error} It was sent to {target}."
        if error.code == Code.CASE_CLOSED:
            where = f"The return {target} is closed; look at how it ended."
        raise RefusedError(error.code, where) from None


async def where_goods_are(engine: Engine, case_id: str) -> str:
    """The return that brings the case's goods back, the last one that was opened; else the case
    itself.
    """
    found = await from_database(Standings(engine).brief, case_id)
    returns = found.returns if isinstance(found, RefundingView) else ()
    return returns[-1] if returns else case_id


async def send(
    client: Client, case_id: str, command: Command, may_be_known: bool = True
) -> Receipt:
    """Send a command; answers even after the case is closed, if it was taken before."""
    handle, update_id = case(client, case_id), update_id_of(command)
    again = f"The command may still be taken: send it again with --command-id {command.command_id}."
    if may_be_known and (receipt := await answer(_known(handle, update_id), case_id, again)):
        return receipt
    update = handle.execute_update(Case.submit, command, id=update_id)
    return await answer(update, case_id, again)


async def taken_before(client: Client, case_id: str, command: Command) -> Receipt | None:
    """What was answered to this very command, if the case has taken it before."""
    known = _known(case(client, case_id), update_id_of(command))
    return await answer(known, case_id)


async def would_refuse(client: Client, case_id: str, command: Command) -> Refusal | None:
    """Why a case could not take a command now; None if it could, or has taken it before."""
    tried = case(client, case_id).execute_update(Case.try_out, command, id=f"try:{uuid4()}")
    try:
        await answer(tried, case_id)
    except RefusedError as error:
        if error.code == WOULD_BE_TAKEN:
            return None
        return Refusal(code=Code(error.code), sentence=str(error))
    raise AssertionError("What is tried out is refused.")


async def after_its_effect(
    client: Client, engine: Engine, case_id: str, receipt: Receipt, ends: bool = False
) -> Receipt:
    """The receipt with the case as it stands once it is no more at work on the command.

    `ends`: the command closes the case, though that may first have to call off a return.
    """
    asks_server = receipt.awaited is Party.PLATFORM and receipt.due is None
    waits = receipt.working or asks_server or ends or receipt.outcome is Outcome.REPEATED
    if receipt.stage is Stage.CLOSED or not waits:
        return receipt
    try:
        now = await settled(client, engine, case_id, over=ends)
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
