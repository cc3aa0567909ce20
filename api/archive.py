"""`/v1/messages`: searching all that was said."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.answers import answers, told
from api.cursors import After, Limit, cursor, place_of
from api.fields import seen
from api.lists import narrowed
from api.parts import parts_of
from api.problems import not_allowed
from api.roles import Person, Role
from api.tokens import Asking
from domain.base import Value
from domain.kinds import CaseId
from domain.parties import Party
from service.database import from_database
from service.searching import check_words
from service.shown import messages_shown
from store.archive import Archive, Found
from store.searching import Hit, Search
from store.standings import Filters

router = APIRouter(tags=["cases"])

SEARCHERS = (Role.PLATFORM, Role.AGENT, Role.LEAD, Role.SELLER)

AT_ONCE = 200
"""Messages that are read at once, of which a seller may have been shown a few only."""


class Place(Value):
    """Where a search goes on: at the messages before this number."""

    before: Annotated[int, Field(ge=1, le=2**62)]


@router.get(
    "/messages",
    summary="Search what was said",
    responses=answers("FoundPage", 403, what="The newest first."),
)
async def search(  # noqa: PLR0917 - each is a parameter of its own
    request: Request,
    person: Asking,
    q: Annotated[
        str,
        Query(
            max_length=500,
            description="Every word must be in a message, in whatever case and with whatever "
            "accents; words in quotation marks one after the other.",
            examples=["pęknięte szkło"],
        ),
    ],
    case: Annotated[CaseId | None, Query(description="Only in this case.")] = None,
    seller: Annotated[
        str | None,
        Query(pattern=r"^[^\x00-\x1f\x7f]{1,100}$", description="Only in this seller's cases."),
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """In the cases that you may know of; a seller finds what they wrote or were shown."""
    if person.role not in SEARCHERS:
        raise not_allowed("The archive is searched by the platform, agents and sellers.")
    if person.role is Role.SELLER and seller not in (None, person.id):
        raise not_allowed("Sellers search their own cases; leave this filter out.")
    check_words(q)
    among = None if case is None else (case,)
    within = narrowed(Filters(seller=seller, among=among, open=None), person)
    engine, place = parts_of(request).engine, place_of(after, Place)
    archive, before = Archive(engine), place.before if place else None
    found: list[Hit] = []
    while len(found) <= limit:
        # What somebody may not read must not even show in where a page ends.
        size = limit + 1 if person.role is not Role.SELLER else AT_ONCE
        hits = await from_database(Search(engine).page, q, within, size, before)
        shown = await from_database(_shown, archive, hits, person)
        found += shown
        if len(hits) < size:
            break
        before = hits[-1].number
    page = found[:limit]
    following = cursor(Place(before=page[-1].number)) if len(found) > limit else None
    items = seen(tuple(Found(case_id=one.case_id, message=one.message) for one in page), person)
    return told({"items": items, "next": following})


def _shown(archive: Archive, hits: Iterable[Hit], person: Person) -> list[Hit]:
    """What of it somebody may read: a seller what they wrote, or was quoted to them."""
    if person.role is not Role.SELLER:
        return [*hits]
    letters = {
        case_id: [one for one in archive.letters(case_id) if one.to is Party.SELLER]
        for case_id in {hit.case_id for hit in hits}
    }
    return [
        hit
        for hit in hits
        if any(messages_shown([hit.message], letters[hit.case_id], Party.SELLER))
    ]
