"""`/v1/cases` as a list, and what there is of an order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import answers, told
from api.cursors import After, Limit
from api.fields import seen
from api.parameters import OrderId, Time
from api.parts import Parts, parts_of
from api.problems import no_such_order, not_allowed, unreachable
from api.roles import AGENTS, STAFF, Person, Role
from api.tasks import queues_of
from api.tokens import Asking
from domain.accounts import refunded_lines
from domain.kinds import Kind
from domain.parties import Party
from domain.ports import Past
from domain.stages import Stage
from service.foreseeing import Foreseen, foresee_opening, opening_for
from service.listing import changed, only_stuck, page
from service.orders import ask_order, past_of
from store.standings import Filters, Listed

router = APIRouter(tags=["cases"])

OF_BUYERS = tuple(kind for kind in Kind if kind is not Kind.CARRIER_CLAIM)
"""The kinds that a buyer may know of."""

MOST_NUMBER = 2**62

Country = Annotated[str | None, Query(pattern="^[A-Z]{2}$", description="Like PL.")]
Id = Annotated[str | None, Query(min_length=1, max_length=100)]


@dataclass(frozen=True)
class Asked:
    """What a list is narrowed to by whoever asks for it."""

    kind: Annotated[Kind | None, Query()] = None
    stage: Annotated[Stage | None, Query()] = None
    country: Country = None
    awaited: Annotated[Party | None, Query(description="Whose turn it is.")] = None
    seller: Id = None
    buyer: Id = None
    queue: Id = None
    due_before: Annotated[Time | None, Query()] = None
    breached: Annotated[bool | None, Query()] = None
    undelivered: Annotated[bool | None, Query(description="Letters did not arrive.")] = None
    open: Annotated[bool | None, Query(description="Left out: closed ones as well.")] = None


def narrowed(filters: Filters, person: Person) -> Filters:
    """The same, narrowed to what a person may know of."""
    match person.role:
        case Role.BUYER:
            return replace(filters, buyer=person.id, kinds=OF_BUYERS)
        case Role.SELLER:
            return replace(filters, seller=person.id)
        case role if role in AGENTS:
            return replace(filters, called=True, queues=queues_of(person))
    return filters


@router.get(
    "/cases",
    summary="List cases",
    responses=answers("CasePage", 403, what="The one due first at the top, closed ones behind."),
)
async def cases(  # noqa: PLR0917 - each is a parameter of its own
    request: Request,
    person: Asking,
    asked: Annotated[Asked, Depends()],
    after: After = None,
    limit: Limit = 50,
    stuck: Annotated[
        bool, Query(description="Only those that cannot go on until ops mend them.")
    ] = False,
    changed_since: Annotated[
        int | None,
        Query(
            ge=0,
            le=MOST_NUMBER,
            description="Instead: what has changed after this number, in the order of change. Ask "
            "again with `changed_since` of the answer: nothing is missed, some may come again.",
        ),
    ] = None,
) -> Response:
    """The cases that you may know of. `next`, and the Link header, lead to the next page."""
    for_staff = (asked.seller, asked.buyer, asked.queue, asked.undelivered)
    if person.role not in STAFF and for_staff != (None,) * 4:
        raise not_allowed("Traders list their own cases; leave these filters out.")
    filters = narrowed(Filters(**vars(asked)), person)
    engine = parts_of(request).engine
    if stuck:
        if person.role not in (Role.PLATFORM, Role.OPS):
            raise not_allowed("Which cases are stuck is for the platform and ops.")
        filters = await only_stuck(parts_of(request).client, filters)
    if changed_since is not None:
        found = await changed(engine, filters, changed_since, limit)
        last = found[-1].changed if found else changed_since
        return told({"items": seen(tuple(found), person), "next": None, "changed_since": last})
    listed = await page(engine, filters, limit, after)
    return _page(request, listed.cases, listed.after, person)


def _page(
    request: Request, found: Sequence[Listed], following: str | None, person: Person
) -> Response:
    headers = {}
    if following:
        query = urlencode({**request.query_params, "after": following})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    content = {"items": seen(tuple(found), person), "next": following, "changed_since": None}
    return told(content, headers=headers)


@router.get(
    "/orders/{order_id}/cases",
    summary="The cases of an order",
    responses=answers("CasePage", what="Those that you may know of."),
    tags=["orders"],
)
async def of_order(
    request: Request, person: Asking, order_id: OrderId, after: After = None, limit: Limit = 50
) -> Response:
    """Open ones first."""
    filters = narrowed(Filters(order=order_id, open=None), person)
    listed = await page(parts_of(request).engine, filters, limit, after)
    return _page(request, listed.cases, listed.after, person)


@router.get(
    "/orders/{order_id}/ahead",
    summary="What would be ahead of an order",
    responses=answers("OrderAhead", 404, what="Of each kind of case, as if it were opened now."),
    tags=["orders"],
)
async def ahead_of_order(request: Request, person: Asking, order_id: OrderId) -> Response:
    """What could be opened for the order now, or why not, and what would be ahead and refunded."""
    parts = parts_of(request)
    if parts.marketplace is None:
        raise unreachable()
    order = await ask_order(parts.marketplace, order_id)
    owner = {Role.BUYER: order.buyer.id, Role.SELLER: order.seller.id}.get(person.role, person.id)
    if owner != person.id or not await _reaches(parts, person, order_id):
        raise no_such_order()
    past, now = await past_of(parts.engine, order_id), datetime.now(UTC)
    kinds = OF_BUYERS if person.role is Role.BUYER else tuple(Kind)
    found = [
        foresee_opening(
            opening_for(kind, order, order.country, ()), order, past, now, parts.settings.policies
        )
        for kind in kinds
    ]
    return told({"items": [_foreseen(one, past, kinds, person) for one in found]})


async def _reaches(parts: Parts, person: Person, order_id: str) -> bool:
    """Whether an agent has to do with the order; others have, or it is theirs."""
    if person.role not in AGENTS:
        return True
    filters = narrowed(Filters(order=order_id, open=None), person)
    return bool((await page(parts.engine, filters, 1)).cases)


def _foreseen(found: Foreseen, past: Past, kinds: Sequence[Kind], person: Person) -> dict[str, Any]:
    view = found.whole.view
    return {
        "kind": view.kind,
        "refusal": seen(view.refusal, person),
        "right_until": view.right_until,
        "at_stake": seen(view.at_stake, person),
        "refund": seen(getattr(view, "preview", None), person),
        "refunded_before": [dict(line) for line in refunded_lines(past.money_back)],
        "open_cases": [case.case_id for case in past.open_cases if case.kind in kinds],
        "outlook": seen(found.outlook, person),
    }
