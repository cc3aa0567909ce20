"""`/v1/cases/{id}/attachments`: files for a case, uploaded before a command names them."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, TypeAdapter

from api.answers import SCHEMAS, answers, takes, told
from api.bodies import body_of, raw_body
from api.fields import seen
from api.parameters import CaseId
from api.parts import Parts, parts_of
from api.problems import Problem, not_allowed
from api.reach import case_within_reach
from api.records import reader_of
from api.roles import TRADERS, Person, Role
from api.tokens import Asking
from domain.base import Value
from domain.policy import MessageLimits
from domain.refusals import Code
from domain.view import CaseView
from policies import PolicyError, read_policy
from service.database import from_database
from service.failures import RefusedError
from service.files import name_of
from service.shown import messages_shown
from service.uploading import Takes, add_piece, begin, complete, keep
from store.archive import Archive
from store.cases import CaseRegister
from store.uploads import Kept, Upload, Uploads

router = APIRouter(tags=["files"])

PIECE = 5_000_000
"""Bytes that come at once: a small file, or a piece of a larger one."""

MediaType = Annotated[str, Field(pattern=r"^[a-z0-9.+-]{1,100}/[a-z0-9.+-]{1,100}$")]
TypeOfFile = Annotated[
    str,
    Header(alias="Content-Type", max_length=200, description="Of the file, like image/jpeg."),
]
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="The digest of its content.")]
UploadId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As it was begun.")]

BYTES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"$ref": SCHEMAS + "File"}},
        },
    }
}


class UploadForm(Value):
    """A file that is to come in pieces: its `size` in bytes, and what it is."""

    size: Annotated[int, Field(ge=1, le=10**12)]
    media_type: MediaType


def pool_of(person: Person) -> str:
    """What files are kept for that somebody uploads before a case is opened: no id of a case."""
    return f"{person.role} {person.id}"


def takes_of(parts: Parts) -> Takes:
    """What files are taken with."""
    return Takes(parts.engine, parts.shelf, parts.settings.scanner_url)


async def _may_upload(parts: Parts, person: Person, case_id: str) -> MessageLimits:
    """What is taken for a case that is within reach; ops send no files."""
    if person.role is Role.OPS:
        raise not_allowed("Ops send no files into cases.")
    await case_within_reach(parts, person, case_id)
    registration = await from_database(CaseRegister(parts.engine).find, case_id)
    if registration is None or registration.terms is None:
        raise RefusedError(Code.CASE_CLOSED, "The case was not opened; no files are taken for it.")
    return registration.terms.messages


def _new(person: Person, case_id: str, size: int, media_type: str) -> Upload:
    return Upload(
        id="",
        case_id=case_id,
        role=person.role,
        person=person.id,
        size=size,
        media_type=media_type,
        sha256=None,
    )


def _kept(kept: Kept) -> Response:
    """As a command names it, but for the `name` that its sender gives it."""
    place = {}
    if " " not in kept.case_id:
        place["Location"] = f"/v1/cases/{quote(kept.case_id, safe=':')}/attachments/{kept.sha256}"
    return told(kept.model_dump(include={"sha256", "size", "media_type"}), 201, place)


def _plain(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


@router.post(
    "/cases/{case_id}/attachments",
    summary="Upload a file",
    status_code=201,
    responses=answers(
        "Attached", 403, 404, 409, 413, status=201, what="The file, as a command names it."
    ),
    openapi_extra=BYTES,
)
async def attach(
    request: Request,
    person: Asking,
    case_id: CaseId,
    content_type: TypeOfFile,
    content: Annotated[bytes, Depends(raw_body(PIECE))],
) -> Response:
    """A file of at most 5 MB, as it is; larger ones come in pieces. Its type is looked at, and what
    is in it. The same file twice is one. Commands name it by `sha256`, `size` and `media_type`.
    """
    parts = parts_of(request)
    limits = await _may_upload(parts, person, case_id)
    new = _new(person, case_id, len(content), _plain(content_type))
    return _kept(await keep(takes_of(parts), new, content, limits))


@router.post(
    "/attachments",
    summary="Upload a file for an opening",
    status_code=201,
    responses=answers(
        "Attached", 403, 404, 409, 413, status=201, what="The file, as an opening names it."
    ),
    openapi_extra=BYTES,
)
async def attach_to_opening(
    request: Request,
    person: Asking,
    content_type: TypeOfFile,
    country: Annotated[str, Query(pattern="^[A-Z]{2}$", description="Whose rules hold.")],
    content: Annotated[bytes, Depends(raw_body(PIECE))],
) -> Response:
    """A file of at most 5 MB that an opening of yours is to name: there is no case yet."""
    if person.role not in (*TRADERS, Role.PLATFORM):
        raise not_allowed("Files come with openings of buyers, sellers and the platform.")
    parts = parts_of(request)
    try:
        rules = read_policy(country, parts.settings.policies)
    except PolicyError:
        raise Problem(404, Code.POLICY_UNKNOWN, "There are no rules for this country.") from None
    limits = next(
        terms.messages
        for terms in (rules.dispute, rules.inquiry, rules.withdrawal, rules.complaint)
        if terms
    )
    new = _new(person, pool_of(person), len(content), _plain(content_type))
    return _kept(await keep(takes_of(parts), new, content, limits))


@router.post(
    "/cases/{case_id}/uploads",
    summary="Begin to upload a file in pieces",
    status_code=201,
    responses=answers("Upload", 403, 404, 409, 413, 415, status=201, what="Where it goes."),
    openapi_extra=takes("UploadForm", {"size": 7_340_032, "media_type": "video/mp4"}),
)
async def begin_upload(
    request: Request,
    person: Asking,
    case_id: CaseId,
    form: Annotated[UploadForm, Depends(body_of(TypeAdapter(UploadForm)))],
) -> Response:
    """Then PUT its pieces, one after the other, and complete it within a day."""
    parts = parts_of(request)
    limits = await _may_upload(parts, person, case_id)
    new = _new(person, case_id, form.size, form.media_type)
    begun = await begin(takes_of(parts), new, limits)
    place = f"/v1/cases/{quote(case_id, safe=':')}/uploads/{begun.id}"
    return told(_coming(begun, 0), 201, {"Location": place})


def _coming(upload: Upload, received: int) -> dict[str, Any]:
    return {
        "id": upload.id,
        "size": upload.size,
        "received": received,
        "piece": PIECE,
        "sha256": upload.sha256,
    }


async def _mine(parts: Parts, person: Person, case_id: str, upload_id: str) -> Upload:
    """An upload of one's own for a case that is still within reach."""
    await case_within_reach(parts, person, case_id)
    found = await from_database(Uploads(parts.engine).find, upload_id)
    own = (case_id, person.role, person.id)
    if found is None or (found.case_id, found.role, found.person) != own:
        raise Problem(404, "upload-unknown", "There is no such upload of yours; begin another one.")
    return found


@router.get(
    "/cases/{case_id}/uploads/{upload_id}",
    summary="How far an upload has come",
    responses=answers("Upload", 404, what="`received` is where the next piece begins."),
)
async def upload_state(
    request: Request, person: Asking, case_id: CaseId, upload_id: UploadId
) -> Response:
    """For whoever was interrupted."""
    upload = await _mine(parts_of(request), person, case_id, upload_id)
    return told(_coming(upload, upload.size if upload.sha256 else upload.received))


@router.put(
    "/cases/{case_id}/uploads/{upload_id}",
    summary="Send a piece of a file",
    responses=answers("Upload", 404, 409, 413, what="How far it has come."),
    openapi_extra=BYTES,
)
async def put_piece(  # noqa: PLR0917 - each is a parameter of its own
    request: Request,
    person: Asking,
    case_id: CaseId,
    upload_id: UploadId,
    offset: Annotated[int, Query(ge=0, le=10**12, description="Where it begins in the file.")],
    content: Annotated[bytes, Depends(raw_body(PIECE))],
) -> Response:
    """At most 5 MB. It begins where the last one ended; the same piece may come again."""
    parts = parts_of(request)
    upload = await _mine(parts, person, case_id, upload_id)
    return told(_coming(upload, await add_piece(takes_of(parts), upload, offset, content)))


@router.post(
    "/cases/{case_id}/uploads/{upload_id}/complete",
    summary="Say that a file is whole",
    status_code=201,
    responses=answers("Attached", 404, 409, status=201, what="The file, as a command names it."),
)
async def complete_upload(
    request: Request, person: Asking, case_id: CaseId, upload_id: UploadId
) -> Response:
    """Its type is looked at, and what is in it. Asked again, it answers the same."""
    parts = parts_of(request)
    upload = await _mine(parts, person, case_id, upload_id)
    return _kept(await complete(takes_of(parts), upload))


@router.get(
    "/cases/{case_id}/attachments/{sha256}",
    summary="Download a file",
    response_class=Response,
    responses={
        **answers("Attached", 403, 404),
        200: {
            "description": "The file, to be kept and not to be shown in a page.",
            "content": {"application/octet-stream": {"schema": {"$ref": SCHEMAS + "File"}}},
        },
    },
)
async def download(request: Request, person: Asking, case_id: CaseId, sha256: Sha256) -> Response:
    """Whoever may see where it is named may have it, and whoever uploaded it."""
    if person.role is Role.OPS:
        raise not_allowed("Ops do not read what people send each other.")
    parts = parts_of(request)
    view = await case_within_reach(parts, person, case_id)
    found = await from_database(Uploads(parts.engine).of_case, case_id, [sha256])
    kept = found.get(sha256)
    if kept is None or not await _may_have(parts, person, view, kept):
        raise Problem(404, "attachment-unknown", "There is no such file of yours.")
    return StreamingResponse(
        parts.shelf.get(name_of(sha256)),
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(kept.size),
            "Content-Disposition": f'attachment; filename="{sha256[:16]}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        },
    )


async def _may_have(parts: Parts, person: Person, view: CaseView, kept: Kept) -> bool:
    if person.role not in TRADERS or (kept.role, kept.person) == (person.role, person.id):
        return True
    archive, reader = Archive(parts.engine), reader_of(person)
    written = await from_database(archive.messages, view.id)
    letters = await from_database(archive.letters, view.id)
    own = [letter for letter in letters if letter.to is reader]
    shown = [*messages_shown(written, own, reader)]
    return kept.sha256 in {*_named(seen(view, person)), *_named(seen(shown, person))}


def _named(told: Any) -> list[str]:
    """The digests of the files that something that was told names."""
    match told:
        case {"sha256": str(digest)}:
            return [digest]
        case dict():
            return [one for value in told.values() for one in _named(value)]
        case list():
            return [one for value in told for one in _named(value)]
    return []
