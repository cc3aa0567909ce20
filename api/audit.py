"""`/v1/audit`: who did what over HTTP, for those who answer for it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.answers import answers, told
from api.cursors import After, Limit, cursor, place_of
from api.parameters import Time
from api.parts import parts_of
from api.problems import not_allowed
from api.roles import Role
from api.tokens import Asking
from domain.base import Value
from service.database import from_database
from store.audit_trail import AuditTrail, Sought

router = APIRouter(tags=["operations"])

READERS = (Role.PLATFORM, Role.OPS)


class Place(Value):
    """Where the trail goes on: before this number."""

    before: Annotated[int, Field(ge=0, le=2**62)]


@router.get(
    "/audit",
    summary="Who did what",
    responses=answers("DeedPage", 403, what="The last deed first."),
)
async def audit(  # noqa: PLR0917 - each is a parameter of its own
    request: Request,
    person: Asking,
    case: Annotated[str | None, Query(max_length=300, description="Only in this case.")] = None,
    by: Annotated[
        str | None, Query(alias="person", max_length=100, description="Only of whom has this id.")
    ] = None,
    since: Annotated[Time | None, Query(description="Only from this instant on.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """What people and services have done over HTTP, or were refused, without a text. It grows and
    is never changed.
    """
    if person.role not in READERS:
        raise not_allowed("The audit trail is for the platform and ops.")
    trail, place = AuditTrail(parts_of(request).engine), place_of(after, Place)
    sought = Sought(case_id=case, person=by, since=since)
    found = await from_database(trail.page, sought, limit + 1, place.before if place else None)
    page = found[:limit]
    following = cursor(Place(before=page[-1].number)) if len(found) > limit else None
    return told({"items": [deed.model_dump(mode="json") for deed in page], "next": following})
