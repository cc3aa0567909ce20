"""`/v1/cases/{id}/commands`: doing something in a case."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.actions import DECIDES, OF_OPS, may_now
from api.answers import answers, check_unchanged, takes, told
from api.bodies import body_of
from api.cases import told_of
from api.deeds import only_asks
from api.fields import seen
from api.forms import COMMAND_FORM, COMMANDS, command_from, command_id_of
from api.parameters import CaseId, IdempotencyKey, IfMatch, unquoted
from api.parts import Parts, parts_of
from api.problems import Problem, not_allowed
from api.reach import case_within_reach
from api.roles import Person, Role
from api.tokens import Asking
from domain.base import Value
from domain.commands import Command
from domain.parties import Party
from domain.preview import On, WayOn
from domain.refusals import Code
from domain.view import CaseView, Receipt
from service.foreseeing import foresee_case
from service.receipts import taken
from service.sending import (
    OF_A_RETURN,
    submit,
    taken_before,
    where_goods_are,
    would_refuse,
)
from service.uploading import adopt, check_uploaded

router = APIRouter(tags=["cases"])

DryRun = Annotated[
    bool, Query(description="Only say whether it would be taken, and what it would cause.")
]


@router.post(
    "/cases/{case_id}/commands",
    summary="Send a command into a case",
    responses=answers(
        "DoneOrTried",
        403,
        404,
        409,
        412,
        413,
        415,
        428,
        what="The receipt, and the case as it stands then; of a dry run, what would come of it.",
    ),
    openapi_extra=takes("Command", {"verb": "say", "text": "Buty odesłałam dziś rano."}),
)
async def send(  # noqa: PLR0917 - each is a parameter of its own
    request: Request,
    person: Asking,
    case_id: CaseId,
    idempotency_key: IdempotencyKey,
    form: Annotated[Value, Depends(body_of(COMMAND_FORM, tuple(COMMANDS)))],
    _if_match: IfMatch = None,
    dry_run: DryRun = False,
) -> Response:
    """The command's author is the token's person. The same Idempotency-Key of the same person with
    the same body answers the same receipt, `repeated`; with another body it is refused (422).
    What is about goods that come back goes to the return, as `case_id` of the answer says.
    """
    parts, if_match = parts_of(request), request.headers.get("if-match")
    key = unquoted(idempotency_key)
    command = command_from(form, person, key)
    if dry_run:
        await only_asks(request)
        view = await case_within_reach(parts, person, case_id)
        check_allowed(command, person)
        check_seen(if_match, command, view, person)
        check_claimed(command, view, person)
        await _check_files(parts, case_id, command)
        return told(await _tried(parts, person, case_id, command))
    target, receipt, now = await carried_out(parts, person, case_id, command, if_match)
    return told(done(target, receipt, key, now, person))


async def carried_out(
    parts: Parts, person: Person, case_id: str, command: Command, if_match: str | None
) -> tuple[str, Receipt, CaseView]:
    """Send somebody's command, unless they may not: the case that took it, its receipt, and the
    case as it stands then.
    """
    view, known = await _looked_up(parts, person, case_id, command)
    check_allowed(command, person)
    if known:
        # Sent again, because nobody heard the answer, it is about the case as it was then.
        return case_id, known, view
    check_seen(if_match, command, view, person)
    check_claimed(command, view, person)
    of_return = isinstance(command, OF_A_RETURN)
    await _check_files(parts, case_id, command)
    target, receipt = await submit(
        parts.client,
        parts.engine,
        case_id,
        lambda _: command,
        of_return=of_return,
        needs_case=False,
        may_be_known=of_return,
    )
    return target, receipt, await case_within_reach(parts, person, target)


async def _looked_up(
    parts: Parts, person: Person, case_id: str, command: Command
) -> tuple[CaseView, Receipt | None]:
    """The case, and what was answered to the command before, if it was: asked side by side."""
    before = asyncio.create_task(taken_before(parts.client, case_id, command))
    try:
        return await case_within_reach(parts, person, case_id), await before
    finally:
        before.cancel()


async def _check_files(parts: Parts, case_id: str, command: Command) -> None:
    """RefusedError for a file that was not uploaded for the case; with a command that goes to the
    return, its files do too.
    """
    if command.files:
        of_return = isinstance(command, OF_A_RETURN)
        target = await where_goods_are(parts.engine, case_id) if of_return else case_id
        await check_uploaded(parts.engine, command.files, case_id)
        await adopt(parts.engine, command.files, case_id, target)


async def _tried(parts: Parts, person: Person, case_id: str, command: Command) -> dict[str, Any]:
    """Whether a case would take a command, and what that would cause."""
    target = case_id
    if isinstance(command, OF_A_RETURN):
        target = await where_goods_are(parts.engine, case_id)
    refusal = await would_refuse(parts.client, target, command)
    ways: list[WayOn] = []
    if refusal is None:
        _, outlook = await foresee_case(parts.client, parts.engine, target, datetime.now(UTC))
        here = outlook.stages[0].ways if outlook.stages else ()
        ways = [way for way in here if way.on is On.COMMAND and way.what == command.verb]
    return {
        "case_id": target,
        "would_be": "refused" if refusal else "taken",
        "refusal": seen(refusal, person),
        "ways": seen(tuple(ways), person),
    }


@router.get(
    "/cases/{case_id}/commands/{command_id}",
    summary="What became of a command",
    responses=answers("Taken", 404, what="The receipt; null while the case is at work on it."),
)
async def receipt(
    request: Request,
    person: Asking,
    case_id: CaseId,
    command_id: Annotated[
        str, Path(pattern="^[A-Za-z0-9._:-]{1,100}$", description="Its Idempotency-Key.")
    ],
) -> Response:
    """What was answered to your command of this id, by the case that took it: for goods that come
    back, that is the return.
    """
    parts = parts_of(request)
    await case_within_reach(parts, person, case_id)
    found = await taken(parts.client, case_id, command_id_of(person, command_id))
    actor = person.actor
    if found is None or (found.command.by.party, found.command.by.id) != (actor.party, actor.id):
        raise Problem(404, "command-unknown", "The case has taken no such command of yours.")
    receipt = found.receipt and under(command_id, found.receipt)
    return told({"case_id": case_id, "verb": found.command.verb, "receipt": receipt})


def under(key: str, receipt: Receipt) -> Receipt:
    """A receipt that names the command as its sender does."""
    return receipt.model_copy(update={"command_id": key})


def done(
    case_id: str, receipt: Receipt, key: str, view: CaseView, person: Person
) -> dict[str, Any]:
    """What is answered to a command that was taken."""
    return {"case_id": case_id, "receipt": under(key, receipt), "case": told_of(view, person)}


def check_allowed(command: Command, person: Person) -> None:
    """Problem 403 for what ops never send."""
    if person.role is Role.OPS and command.verb not in OF_OPS:
        raise not_allowed(f"Ops send {', '.join(sorted(OF_OPS))}.")


def check_seen(if_match: str | None, command: Command, view: CaseView, person: Person) -> None:
    """Problem 412 for a command about a case that has changed since its sender saw it; 428 for an
    agent's decision that does not say which case it has seen.
    """
    decides = person.role.party is Party.AGENT and command.verb in DECIDES
    if decides and if_match is None:
        raise Problem(
            428,
            "look-first",
            "A decision is about a case as it was seen: send If-Match with its ETag.",
        )
    check_unchanged(if_match, lambda: told_of(view, person))


def check_claimed(command: Command, view: CaseView, person: Person) -> None:
    """Problem 409 for an agent who decides what they have not claimed; what their party may not
    send now anyway, the case says.
    """
    agents = person.role.party is Party.AGENT
    may = command.verb in view.may.get(Party.AGENT, ())
    if agents and command.verb == "decide" and may and command.verb not in may_now(view, person):
        raise Problem(
            409, Code.TASK_NOT_CLAIMED, "An agent decides what they have claimed; claim it first."
        )
