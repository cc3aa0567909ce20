"""Taking files for cases: piece by piece, looked at before they are kept."""

import hashlib
from asyncio import to_thread
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from uuid import uuid4

from sqlalchemy import Engine

from domain.commands import Attachment
from domain.kinds import kind_of
from domain.policy import MessageLimits
from domain.refusals import Code
from service.database import from_database
from service.failures import RefusedError
from service.file_types import is_of_type
from service.files import Shelf, digest_of, name_of, name_of_piece
from service.scanning import scan
from store.uploads import Kept, Piece, Upload, Uploads

LASTS = timedelta(days=1)
"""How long an upload may take; then it is forgotten."""

EVER = datetime.min.replace(tzinfo=UTC)

MOST = 200
"""Files, with uploads under way, that one person has for one case."""

UNKNOWN = "attachment-unknown"


@dataclass(frozen=True)
class Takes:
    """What files are taken with: the books, the shelf, and who looks at them."""

    engine: Engine
    shelf: Shelf
    scanner: str

    @property
    def books(self) -> Uploads:
        """Which files there are."""
        return Uploads(self.engine)


async def begin(takes: Takes, upload: Upload, limits: MessageLimits) -> Upload:
    """Begin an upload, if the rules take such a file. Uploads that were left are cleared away."""
    await check(takes, upload, limits)
    now = datetime.now(UTC)
    for old in await from_database(takes.books.old, now - LASTS):
        left = await from_database(takes.books.pieces, old)
        await _drop(takes, [name_of_piece(old, one.offset, one.digest) for one in left])
        await from_database(takes.books.forget, old)
    new = upload.model_copy(update={"id": uuid4().hex})
    await from_database(takes.books.begin, new, now)
    return new


async def check(takes: Takes, upload: Upload, limits: MessageLimits) -> None:
    """RefusedError for a file that the rules do not take."""
    if upload.size > limits.attachment_bytes:
        raise RefusedError(
            Code.ATTACHMENT_REFUSED,
            f"The file has {upload.size} bytes; upload at most {limits.attachment_bytes}.",
        )
    if upload.media_type not in limits.media_types:
        raise RefusedError(
            Code.ATTACHMENT_REFUSED,
            f"Files of this type are not taken; upload one of {', '.join(limits.media_types)}.",
        )
    # What is uploaded before a case is opened is for no case, and counts by the day.
    since = EVER if kind_of(upload.case_id) else datetime.now(UTC) - timedelta(days=1)
    has = await from_database(takes.books.count, upload.case_id, upload.role, upload.person, since)
    if has >= MOST:
        raise RefusedError(
            Code.TOO_MANY_ATTACHMENTS, f"You have uploaded {MOST} files for this case; that is all."
        )


async def add_piece(takes: Takes, upload: Upload, offset: int, content: bytes) -> int:
    """Take the piece that begins at an offset; how many bytes there are then. The same piece may
    come again; any other that does not begin where the last one ended is refused.
    """
    digest = hashlib.sha256(content).hexdigest()
    piece = Piece(offset=offset, size=len(content), digest=digest)
    pieces = {one.offset: one for one in await from_database(takes.books.pieces, upload.id)}
    received = sum(one.size for one in pieces.values())
    if pieces.get(offset) == piece:
        return received
    end = offset + piece.size
    if upload.sha256 or offset != received or end > upload.size:
        raise _offset_differs(upload, received)
    await to_thread(takes.shelf.put, name_of_piece(upload.id, offset, digest), [content])
    if not await from_database(takes.books.add_piece, upload.id, piece):
        raise _offset_differs(upload, end)
    return end


def _offset_differs(upload: Upload, received: int) -> RefusedError:
    there = upload.size if upload.sha256 else received
    return RefusedError(
        "offset-differs", f"{there} of {upload.size} bytes have come; send what begins there."
    )


async def complete(takes: Takes, upload: Upload) -> Kept:
    """Put a whole upload together, look at it, and keep it. Asked again, it answers the same."""
    if upload.sha256:
        found = await from_database(takes.books.of_case, upload.case_id, [upload.sha256])
        return found[upload.sha256]
    if upload.received != upload.size:
        raise _offset_differs(upload, upload.received)
    pieces = await from_database(takes.books.pieces, upload.id)
    names = [name_of_piece(upload.id, one.offset, one.digest) for one in pieces]

    def content() -> Iterator[bytes]:
        return chain.from_iterable(takes.shelf.get(name) for name in names)

    kept = await _keep(takes, upload, content)
    await from_database(takes.books.complete, upload.id, kept, datetime.now(UTC))
    await _drop(takes, names)
    return kept


async def keep(takes: Takes, upload: Upload, content: bytes, limits: MessageLimits) -> Kept:
    """Take a file that comes whole, look at it, and keep it."""
    await check(takes, upload, limits)
    kept = await _keep(takes, upload, lambda: iter([content]))
    await from_database(takes.books.keep, kept, datetime.now(UTC))
    return kept


async def _keep(takes: Takes, upload: Upload, content: Callable[[], Iterator[bytes]]) -> Kept:
    """Put a file on the shelf, if it is what it is said to be and does no harm."""
    sha256, size = await to_thread(lambda: digest_of(content()))
    if size != upload.size:  # somebody else has completed it meanwhile, and its pieces are gone
        raise RefusedError(
            Code.ATTACHMENT_REFUSED, "The file is just being completed; ask for it again."
        )
    if not await to_thread(lambda: is_of_type(upload.media_type, content())):
        raise RefusedError(
            Code.ATTACHMENT_REFUSED,
            f"What is in the file is no {upload.media_type}; say its type as it is.",
        )
    await scan(takes.scanner, upload.media_type, content)
    await to_thread(lambda: takes.shelf.put(name_of(sha256), content()))
    return Kept(
        case_id=upload.case_id,
        sha256=sha256,
        size=upload.size,
        media_type=upload.media_type,
        role=upload.role,
        person=upload.person,
    )


async def _drop(takes: Takes, names: Iterable[str]) -> None:
    for name in names:
        await to_thread(takes.shelf.drop, name)


async def check_uploaded(engine: Engine, files: Sequence[Attachment], among: str) -> None:
    """RefusedError unless each of these files was uploaded, as it is named here. `among`: for what
    it was, a case or somebody's openings.
    """
    if not files:
        return
    known = await _uploaded(engine, files, among)
    for file in files:
        kept = known.get(file.sha256)
        if kept is None or (kept.size, kept.media_type) != (file.size, file.media_type):
            raise RefusedError(
                UNKNOWN, "A file that is named was not uploaded for this; upload it first."
            )


async def adopt(engine: Engine, files: Sequence[Attachment], among: str, case_id: str) -> None:
    """Let files that were uploaded for something else be the case's as well."""
    if not files or among == case_id:
        return
    for kept in (await _uploaded(engine, files, among)).values():
        own = kept.model_copy(update={"case_id": case_id})
        await from_database(Uploads(engine).keep, own, datetime.now(UTC))


async def _uploaded(engine: Engine, files: Sequence[Attachment], among: str) -> dict[str, Kept]:
    return await from_database(Uploads(engine).of_case, among, {file.sha256 for file in files})
