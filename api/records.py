"""`/v1/cases/{id}/…`: what there is of a case besides how it stands, to whoever may read it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.answers import answers, told
from api.fields import seen
from api.parameters import CaseId
from api.parts import parts_of
from api.problems import not_allowed
from api.reach import case_within_reach
from api.roles import TRADERS, Person, Role
from api.tokens import Asking
from domain.letters import Letter
from domain.parties import Audience, Party
from domain.view import RefundingView, TakingBackView
from service.database import from_database
from service.export_document import make_document
from service.exporting import read_case
from service.foreseeing import foresee_case
from service.looking import look_through
from service.shown import entries_shown, messages_shown
from store.archive import Archive

router = APIRouter(prefix="/cases/{case_id}", tags=["cases"])


def reader_of(person: Person) -> Party | None:
    """As which party somebody reads; None for who reads everything."""
    return person.role.party if person.role in TRADERS else None


def items(found: Any, person: Person) -> dict[str, Any]:
    """A whole list, as far as a person sees it."""
    return {"items": seen(tuple(found), person)}


@router.get(
    "/timeline",
    summary="What has happened",
    responses=answers(
        "Timeline", 404, what="In order; traders see their own deeds and the stages."
    ),
)
async def timeline(request: Request, person: Asking, case_id: CaseId) -> Response:
    """The steps of the case, without a text."""
    view = await case_within_reach(parts_of(request), person, case_id)
    return told(items(entries_shown(view.timeline, reader_of(person)), person))


@router.get(
    "/messages",
    summary="What was said",
    responses=answers(
        "Messages", 404, what="In order; traders see theirs, and those they were sent."
    ),
)
async def messages(request: Request, person: Asking, case_id: CaseId) -> Response:
    """What people wrote. What agents write to each other is not among it."""
    parts = parts_of(request)
    await case_within_reach(parts, person, case_id)
    archive, reader = Archive(parts.engine), reader_of(person)
    written = await from_database(archive.messages, case_id)
    letters = await from_database(archive.letters, case_id) if reader else []
    own = [letter for letter in letters if letter.to is reader]
    return told(items(messages_shown(written, own, reader), person))


@router.get(
    "/letters",
    summary="What was written to the parties",
    responses=answers("Letters", 404, what="In order; traders see those to them."),
)
async def letters(request: Request, person: Asking, case_id: CaseId) -> Response:
    """The letters, word for word; `sent_at` is empty until one has left."""
    parts = parts_of(request)
    await case_within_reach(parts, person, case_id)
    found: list[Letter] = await from_database(Archive(parts.engine).letters, case_id)
    reader = reader_of(person)
    return told(items([one for one in found if reader in (None, one.to)], person))


@router.get(
    "/deadlines",
    summary="Whose time runs until when, and why",
    responses=answers(
        "Deadlines", 404, 409, what="The clocks that run or are held, and the others."
    ),
)
async def deadlines(request: Request, person: Asking, case_id: CaseId) -> Response:
    """Each with the reckoning that a person can check."""
    parts = parts_of(request)
    view = await case_within_reach(parts, person, case_id)
    whole = await look_through(parts.client, parts.engine, case_id)
    over = [clock for clock in whole.deadlines if clock not in whole.view.clocks]
    return told({**items(view.clocks, person), "over": seen(over, person)})


@router.get(
    "/refund-preview",
    summary="What would be refunded, part by part",
    responses=answers(
        "PreviewOfCase", 404, what="`preview` is empty where nothing can be reckoned."
    ),
)
async def refund_preview(request: Request, person: Asking, case_id: CaseId) -> Response:
    """The refund as it is reckoned now, and the one that was ordered."""
    view = await case_within_reach(parts_of(request), person, case_id)
    stake = view.at_stake
    refunding = view if isinstance(view, RefundingView) else None
    return told(
        {
            "preview": seen(view.preview, person) if isinstance(view, TakingBackView) else None,
            "currency": stake.currency if stake else None,
            "refund": seen(refunding and refunding.refund, person),
            "refund_amount": seen(refunding and refunding.refund_amount, person),
        }
    )


@router.get(
    "/ahead",
    summary="What is ahead",
    responses=answers("Outlook", 404, 409, what="Every way on, with its instants and its money."),
)
async def ahead(request: Request, person: Asking, case_id: CaseId) -> Response:
    """What each can still do, what silence does and when, and what money would move."""
    parts = parts_of(request)
    await case_within_reach(parts, person, case_id)
    _, outlook = await foresee_case(parts.client, parts.engine, case_id, datetime.now(UTC))
    return told(seen(outlook, person))


@router.get(
    "/export",
    summary="The whole case in one document",
    responses=answers("CaseExport", 403, 404, what="The document, by docs/export.schema.json."),
)
async def export(
    request: Request,
    person: Asking,
    case_id: CaseId,
    reader: Annotated[
        Audience | None,
        Query(alias="for", description="Who reads it; traders get their own."),
    ] = None,
) -> Response:
    """All that is known of the case, cut to what its reader has a right to."""
    own = {Role.BUYER: Audience.BUYER, Role.SELLER: Audience.SELLER}.get(person.role)
    if person.role is Role.OPS or (own and reader not in (None, own)):
        raise not_allowed("Traders export a case for themselves, and ops for nobody.")
    parts = parts_of(request)
    await case_within_reach(parts, person, case_id)
    known = await read_case(parts.client, parts.engine, case_id)
    made = make_document(known, own or reader or Audience.AUTHORITY, datetime.now(UTC))
    return told(made.model_dump(mode="json"))
