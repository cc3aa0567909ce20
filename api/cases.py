"""`/v1/cases`: opening cases, and looking at one."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.actions import actions
from api.answers import answers, takes, told, told_if_new
from api.attachments import pool_of
from api.bodies import body_of
from api.deeds import note
from api.fields import case_seen
from api.forms import OPENING_FORM, OPENINGS, opening_from
from api.parameters import CaseId, IfNoneMatch, OpeningKey, unquoted
from api.parts import Parts, parts_of
from api.problems import Problem, no_such_order, not_allowed, unreachable
from api.reach import case_within_reach
from api.roles import Person, Role
from api.tokens import Asking
from domain.base import Value
from domain.openings import Opening
from domain.refusals import Code
from domain.view import CaseView
from service.database import from_database
from service.failures import RefusedError
from service.opening import Opened, differing, open_and_look
from service.uploading import adopt, check_uploaded
from store.opening_keys import OpeningKeys

router = APIRouter(tags=["cases"])

OPENERS = (Role.PLATFORM, Role.BUYER, Role.SELLER)

OPENING = {
    "kind": "withdrawal",
    "country": "PL",
    "order_id": "PL-2001",
    "lines": [{"sku": "BUTY-TREK-39", "quantity": 1}],
    "reason": "does-not-fit",
    "text": "Odstępuję od umowy: buty są za małe.",
}


def told_of(view: CaseView, person: Person) -> dict[str, Any]:
    """A case as a person sees it, with what they may do."""
    return {**case_seen(view, person), "actions": actions(view, person)}


@router.post(
    "/cases",
    summary="Open a case",
    responses=answers(
        "Case", 403, 404, 409, 413, 415, status=201, also=(200,), what="The case; 200: it was open."
    ),
    openapi_extra=takes("Opening", OPENING),
)
async def open_case(
    request: Request,
    person: Asking,
    form: Annotated[Value, Depends(body_of(OPENING_FORM, tuple(OPENINGS)))],
    idempotency_key: OpeningKey = None,
) -> Response:
    """Opening a case twice is opening it once: it is known by its business key, made of its kind,
    country, order and number. With another text than before it is refused. An Idempotency-Key, if
    there is one, is for this opening alone.
    """
    if person.role not in OPENERS:
        raise not_allowed("Cases are opened by buyers, sellers and the platform.")
    parts, opening = parts_of(request), opening_from(form, person)
    note(request, opening.case_id)
    await check_uploaded(parts.engine, opening.attachments, pool_of(person))
    if idempotency_key is not None:
        await _keep_key(parts, person, unquoted(idempotency_key), opening)
    opened = await _opened(parts, person, opening)
    if opened.view is None:  # no worker has come to it; it is kept for one
        raise unreachable()
    view = await _own(parts, person, opening)
    if opened.before and (differs := differing(_by(opened.before, person), opening)):
        raise Problem(
            409,
            "opening-differs",
            f"The case was opened before with another {differs}; nothing was changed. If something "
            "else is the matter, open another one under the next `number`.",
        )
    await adopt(parts.engine, opening.attachments, pool_of(person), view.id)
    place = {"Location": f"/v1/cases/{view.id}"}
    return told(told_of(view, person), 200 if opened.before else 201, place)


async def _keep_key(parts: Parts, person: Person, key: str, opening: Opening) -> None:
    """Problem 422 where the caller has used the key for another opening."""
    sent = opening.model_dump_json(exclude={"opened_by"})
    digest = hashlib.sha256(sent.encode()).hexdigest()
    caller = f"{person.role} {person.id}"
    keys, now = OpeningKeys(parts.engine), datetime.now(UTC)
    if await from_database(keys.is_other, caller, key, opening.case_id, digest, now):
        sentence = "Another opening was sent under this key before; give each its own."
        raise Problem(422, Code.COMMAND_ID_REUSED, sentence)


def _by(before: Opening, person: Person) -> Opening:
    """The same opening; whoever has opened it may have another name by now."""
    by = before.opened_by
    if (by.party, by.id) != (person.actor.party, person.actor.id):
        return before
    return before.model_copy(update={"opened_by": person.actor})


async def _opened(parts: Parts, person: Person, opening: Opening) -> Opened:
    try:
        return await open_and_look(parts.client, parts.engine, opening, parts.settings.task_queue)
    except RefusedError as error:
        if error.code == Code.ORDER_DIFFERS and person.role is not Role.PLATFORM:
            raise no_such_order() from None
        raise


async def _own(parts: Parts, person: Person, opening: Opening) -> CaseView:
    """The case that was opened, or was there, if it is the opener's to see."""
    try:
        return await case_within_reach(parts, person, opening.case_id)
    except Problem as problem:
        if person.role is Role.PLATFORM or problem.status != 404:
            raise
        raise no_such_order() from None


@router.get(
    "/cases/{case_id}",
    summary="Look at a case",
    responses=answers("Case", 304, 404, what="The case, as far as you may see it."),
)
async def look_at(
    request: Request, person: Asking, case_id: CaseId, if_none_match: IfNoneMatch = None
) -> Response:
    """The case as its last step left it, with what you may do now in `actions`."""
    view = await case_within_reach(parts_of(request), person, case_id)
    return told_if_new(request, told_of(view, person))
