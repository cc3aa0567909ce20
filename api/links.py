"""`/v1/cases/{case_id}/links`: links by which a buyer or seller gets to a case without a token."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import TypeAdapter

from activities.links import Linked
from api.answers import answers, takes, told
from api.bodies import body_of
from api.parameters import CaseId
from api.parts import parts_of
from api.problems import Problem, not_allowed
from api.reach import case_within_reach
from api.roles import Role
from api.tokens import Asking
from domain.base import Value
from domain.parties import Party

router = APIRouter(tags=["links"])


class LinkWanted(Value):
    """For whom a link is."""

    party: Literal[Party.BUYER, Party.SELLER]


WANTED: TypeAdapter[LinkWanted] = TypeAdapter(LinkWanted)


@router.post(
    "/cases/{case_id}/links",
    status_code=201,
    summary="Make a link to a case",
    responses=answers("Link", 403, 404, 409, 413, 415, status=201, what="The link."),
    openapi_extra=takes("LinkWanted", {"party": "buyer"}),
)
async def make_link(
    request: Request,
    person: Asking,
    case_id: CaseId,
    wanted: Annotated[LinkWanted, Depends(body_of(WANTED))],
) -> Response:
    """A signed link, which is a bearer token for this one case: who has it sees it and acts in it
    as the buyer or the seller, until it ends. Letters carry one where the address of a case's page
    asks for it.
    """
    if person.role is not Role.PLATFORM:
        raise not_allowed("Links are made by the platform.")
    parts = parts_of(request)
    view = await case_within_reach(parts, person, case_id)
    links = parts.settings.links
    if links is None:
        raise Problem(409, "no-links", "No links are made here: RECOURSE_LINK_SECRETS is not set.")
    trader = view.buyer_id if wanted.party is Party.BUYER else view.seller_id
    linked = Linked(case_id=case_id, party=wanted.party, person_id=trader)
    link, until = links.make(linked, datetime.now(UTC))
    made: dict[str, Any] = {"link": link, "until": until}
    return told(made, 201)
