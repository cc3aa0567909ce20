"""`/v1/recalculations`: open cases take up the rules as they are now."""

import asyncio
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, TypeAdapter, field_validator

from api.answers import answers, takes, told
from api.bodies import body_of
from api.deeds import note
from api.fields import seen
from api.forms import command_id_of
from api.parameters import IdempotencyKey, unquoted
from api.parts import Parts, parts_of
from api.problems import Problem, not_allowed, problem_of
from api.reach import case_within_reach
from api.roles import Person, Role
from api.tokens import Asking
from domain.base import Value
from domain.kinds import CaseId
from domain.view import Recalculate, Recalculated
from service.failures import SilentError
from service.recalculating import recalculate

router = APIRouter(tags=["operations"])

MOST = 500
"""Cases of one request."""

AT_ONCE = 10
"""Cases that are asked side by side."""


class Recalculations(Value):
    """Which cases are to take up edited rules, and why; that is kept in their timelines."""

    cases: Annotated[tuple[CaseId, ...], Field(min_length=1, max_length=MOST)]
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]

    @field_validator("cases")
    @classmethod
    def _once(cls, cases: tuple[str, ...]) -> tuple[str, ...]:
        if len({*cases}) != len(cases):
            raise ValueError("name each case once")
        return cases


@router.post(
    "/recalculations",
    summary="Let cases take up edited rules",
    responses=answers(
        "Recalculations",
        403,
        413,
        415,
        what="What became of each case, in their order: `recalculated`, or the `problem`.",
    ),
    openapi_extra=takes(
        "RecalculationsWanted",
        {"cases": ["dispute:PL:PL-1001:1"], "reason": "Wigilia is a holiday since 2025."},
    ),
)
async def recalculate_all(
    request: Request,
    person: Asking,
    idempotency_key: IdempotencyKey,
    wanted: Annotated[Recalculations, Depends(body_of(TypeAdapter(Recalculations)))],
) -> Response:
    """Deadlines move later, never earlier. Sent again under the same key, with the same reason, a
    case that was recalculated answers as it did.
    """
    if person.role not in (Role.PLATFORM, Role.LEAD):
        raise not_allowed("Cases are recalculated by the platform and by leads.")
    parts = parts_of(request)
    reason = hashlib.sha256(wanted.reason.encode()).hexdigest()
    command_id = command_id_of(person, f"{unquoted(idempotency_key)}:{reason}")
    wish = Recalculate(command_id=command_id, by=person.actor, reason=wanted.reason)
    results: list[dict[str, Any]] = []
    for start in range(0, len(wanted.cases), AT_ONCE):
        some = wanted.cases[start : start + AT_ONCE]
        results += await asyncio.gather(*(_one(parts, person, case_id, wish) for case_id in some))
    for result in results:
        note(request, result["case_id"], code=result.get("problem", {}).get("code"))
    return told({"results": results})


async def _one(parts: Parts, person: Person, case_id: str, wish: Recalculate) -> dict[str, Any]:
    """What became of a case. A server that is away ends the whole with 503: what was recalculated
    is not recalculated twice.
    """
    try:
        await case_within_reach(parts, person, case_id)
    except Problem as problem:
        return {"case_id": case_id, "problem": problem.document()}
    result = (await recalculate(parts.client, {case_id: wish}))[case_id]
    if isinstance(result, Recalculated):
        return {"case_id": case_id, "recalculated": seen(result, person)}
    if isinstance(result, SilentError):
        raise result
    problem_there = problem_of(result)
    assert problem_there
    return {"case_id": case_id, "problem": problem_there.document()}
