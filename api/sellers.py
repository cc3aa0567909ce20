"""`/v1/sellers/{seller_id}/…`: what is booked to a seller, page by page."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from api.answers import answers, told
from api.cursors import After, Limit, cursor, place_of
from api.fields import seen
from api.parts import parts_of
from api.problems import not_allowed
from api.roles import Person, Role
from api.tokens import Asking
from domain.base import Value
from service.records import costs, inactive_buyers, recoveries
from store.seller_reports import InactiveBuyer

router = APIRouter(prefix="/sellers/{seller_id}", tags=["sellers"])

V = TypeVar("V", bound=Value)

SellerId = Annotated[
    str, Path(pattern=r"^[^\x00-\x1f\x7f/]{1,100}$", description="The seller's id.")
]

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST_YEAR = 8000
"""Years after the first instant that a place can lie."""


class Place(Value):
    """Where a list goes on: behind what has this key, at an instant in microseconds; of buyers, so
    many `parcels`.
    """

    parcels: Annotated[int, Field(ge=0, le=2**31)] = 0
    at: Annotated[int, Field(ge=0, le=LAST_YEAR * 365 * 86_400_000_000)]
    key: Annotated[str, Field(pattern=r"^[^\x00]{1,500}$")]


def check_reader(person: Person, seller_id: str) -> None:
    """Problem 403 for whose it is not to read: other sellers, buyers, and agents."""
    if person.role in (Role.PLATFORM, Role.OPS):
        return
    if person.role is not Role.SELLER or person.id != seller_id:
        raise not_allowed("What is booked to a seller is for that seller, the platform and ops.")


def _microseconds(at: datetime) -> int:
    return (at - FIRST) // timedelta(microseconds=1)


def _behind(after: str | None) -> tuple[datetime, str] | None:
    place = place_of(after, Place)
    return (FIRST + timedelta(microseconds=place.at), place.key) if place else None


def _page(
    found: Sequence[V], limit: int, place: Callable[[V], Place], person: Person
) -> dict[str, Any]:
    """A page, of what has one more than is shown where it is not the last."""
    following = cursor(place(found[limit - 1])) if len(found) > limit else None
    return {"items": seen(tuple(found[:limit]), person), "next": following}


@router.get(
    "/recoveries",
    summary="What carriers have paid a seller",
    responses=answers("RecoveryPage", 403, what="The newest first."),
)
async def recovered(
    request: Request, person: Asking, seller_id: SellerId, after: After = None, limit: Limit = 50
) -> Response:
    """What came of claims for lost and damaged parcels."""
    check_reader(person, seller_id)
    found = await recoveries(parts_of(request).engine, seller_id, limit + 1, _behind(after))
    return told(
        _page(found, limit, lambda one: Place(at=_microseconds(one.at), key=one.key), person)
    )


@router.get(
    "/costs",
    summary="What uncollected parcels have cost a seller",
    responses=answers("CostPage", 403, what="The newest first."),
)
async def claimed(
    request: Request, person: Asking, seller_id: SellerId, after: After = None, limit: Limit = 50
) -> Response:
    """What the seller claims; `deducted_minor` of it a refund was less by."""
    check_reader(person, seller_id)
    found = await costs(parts_of(request).engine, seller_id, limit + 1, _behind(after))
    return told(
        _page(found, limit, lambda one: Place(at=_microseconds(one.at), key=one.key), person)
    )


@router.get(
    "/inactive-buyers",
    summary="The buyers whom a seller has reported",
    responses=answers("InactiveBuyerPage", 403, what="Those with the most parcels first."),
)
async def reported(
    request: Request, person: Asking, seller_id: SellerId, after: After = None, limit: Limit = 50
) -> Response:
    """Who did not collect prepaid parcels, by id: no names are kept here."""
    check_reader(person, seller_id)
    place = place_of(after, Place)
    behind = None
    if place:
        last_at = FIRST + timedelta(microseconds=place.at)
        behind = InactiveBuyer(buyer_id=place.key, parcels=place.parcels, last_at=last_at)
    found = await inactive_buyers(parts_of(request).engine, seller_id, limit + 1, behind)

    def stands(one: InactiveBuyer) -> Place:
        return Place(parcels=one.parcels, at=_microseconds(one.last_at), key=one.buyer_id)

    return told(_page(found, limit, stands, person))
