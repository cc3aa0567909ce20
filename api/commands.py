"""`/v1/cases/{id}/commands`: doing something in a case."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.actions import DECIDES, OF_OPS, may_now
from api.answers import answers, check_unchanged, takes, told
from api.bodies import body_of
from api.cases import told_of
from api.forms import COMMAND_FORM, COMMANDS, command_from
from api.parameters import CaseId, IdempotencyKey, IfMatch, unquoted
from api.parts import parts_of
from api.problems import Problem, not_allowed
from api.reach import case_within_reach
from api.roles import Person, Role
from api.tokens import Asking
from domain.base import Value
from domain.commands import Command
from domain.parties import Party
from domain.refusals import Code
from domain.view import CaseView
from service.sending import OF_A_RETURN, submit, taken_before

router = APIRouter(tags=["cases"])


@router.post(
    "/cases/{case_id}/commands",
    summary="Send a command into a case",
    responses=answers(
        "Done",
        403,
        404,
        409,
        412,
        413,
        415,
        428,
        what="The receipt, and the case as it stands then.",
    ),
    openapi_extra=takes("Command", {"verb": "say", "text": "Buty odesłałam dziś rano."}),
)
async def send(
    request: Request,
    person: Asking,
    case_id: CaseId,
    idempotency_key: IdempotencyKey,
    form: Annotated[Value, Depends(body_of(COMMAND_FORM, tuple(COMMANDS)))],
    _if_match: IfMatch = None,
) -> Response:
    """The command's author is the token's person, its id the Idempotency-Key: the same key with
    the same body answers the same receipt, `repeated`; with another body it is refused (422).
    What is about goods that come back goes to the return, as `case_id` of the answer says.
    """
    parts = parts_of(request)
    view = await case_within_reach(parts, person, case_id)
    command = command_from(form, person, unquoted(idempotency_key))
    check_allowed(command, person)
    try:
        check_seen(request, command, view, person)
        check_claimed(command, view, person)
    except Problem:
        # Sent again, because nobody heard the answer, it is about the case as it was then.
        if receipt := await taken_before(parts.client, case_id, command):
            return told({"case_id": case_id, "receipt": receipt, "case": told_of(view, person)})
        raise
    target, receipt = await submit(
        parts.client,
        parts.engine,
        case_id,
        lambda _: command,
        of_return=isinstance(command, OF_A_RETURN),
        needs_case=False,
        may_be_known=True,
    )
    now = await case_within_reach(parts, person, target)
    return told({"case_id": target, "receipt": receipt, "case": told_of(now, person)})


def check_allowed(command: Command, person: Person) -> None:
    """Problem 403 for what ops never send."""
    if person.role is Role.OPS and command.verb not in OF_OPS:
        raise not_allowed(f"Ops send {', '.join(sorted(OF_OPS))}.")


def check_seen(request: Request, command: Command, view: CaseView, person: Person) -> None:
    """Problem 412 for a command about a case that has changed since its sender saw it; 428 for an
    agent's decision that does not say which case it has seen.
    """
    decides = person.role.party is Party.AGENT and command.verb in DECIDES
    if decides and "if-match" not in request.headers:
        raise Problem(
            428,
            "look-first",
            "A decision is about a case as it was seen: send If-Match with its ETag.",
        )
    check_unchanged(request, told_of(view, person))


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
