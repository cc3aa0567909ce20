"""Which files were uploaded for which case, and what of the others has come so far."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Engine, func
from sqlmodel import col, delete, select

from domain.base import Value
from store.engine import insert_new, transaction
from store.tables import FileRow, PieceRow, UploadRow

MOST_OLD = 20
"""Uploads that are forgotten at once."""


class Kept(Value):
    """A file that was uploaded for a case: `size` in bytes; `role` and `person` uploaded it."""

    case_id: str
    sha256: str
    size: int
    media_type: str
    role: str
    person: str


class Upload(Value):
    """A file on its way: `received` of `size` bytes; `sha256` once it is whole and kept."""

    id: str
    case_id: str
    role: str
    person: str
    size: int
    media_type: str
    sha256: str | None
    received: int = 0


class Piece(Value):
    """A piece of a file: where it begins, how many bytes it has, and their digest."""

    offset: int
    size: int
    digest: str


class Uploads:
    """Remembers files and uploads; the bytes are elsewhere."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, kept: Kept, at: datetime) -> None:
        """A file is there for a case; whoever was first has uploaded it."""
        with transaction(self._engine) as session:
            insert_new(session, [FileRow(**kept.model_dump(), at=at)])

    def of_case(self, case_id: str, digests: Iterable[str]) -> dict[str, Kept]:
        """The files of a case, of those with these digests."""
        statement = select(FileRow).where(
            FileRow.case_id == case_id, col(FileRow.sha256).in_([*digests])
        )
        with transaction(self._engine) as session:
            rows = session.exec(statement).all()
        return {row.sha256: Kept.model_validate(row.model_dump(exclude={"at"})) for row in rows}

    def count(self, case_id: str, role: str, person: str, since: datetime) -> int:
        """How many files and open uploads somebody has for a case, kept after an instant."""
        files = (
            select(func.count())
            .select_from(FileRow)
            .where(FileRow.case_id == case_id, FileRow.role == role, FileRow.person == person)
            .where(FileRow.at > since)
        )
        coming = (
            select(func.count())
            .select_from(UploadRow)
            .where(UploadRow.case_id == case_id, UploadRow.role == role)
            .where(UploadRow.person == person, col(UploadRow.sha256).is_(None))
        )
        with transaction(self._engine) as session:
            return session.exec(files).one() + session.exec(coming).one()

    def begin(self, upload: Upload, at: datetime) -> None:
        """A file is on its way."""
        with transaction(self._engine) as session:
            insert_new(session, [UploadRow(**upload.model_dump(exclude={"received"}), at=at)])

    def find(self, upload_id: str) -> Upload | None:
        """How far an upload has come; None for one that is not known, or no more."""
        with transaction(self._engine) as session:
            row = session.get(UploadRow, upload_id)
            if row is None:
                return None
            has = select(func.sum(PieceRow.size)).where(PieceRow.upload_id == upload_id)
            received = session.exec(has).one() or 0
            return Upload(**row.model_dump(exclude={"at"}), received=int(received))

    def add_piece(self, upload_id: str, piece: Piece) -> bool:
        """Keep that a piece has come; False if another one has come to the same place before."""
        with transaction(self._engine) as session:
            row = PieceRow(upload_id=upload_id, **piece.model_dump())
            if insert_new(session, [row]):
                return True
            kept = session.get_one(PieceRow, (upload_id, piece.offset))
            return (kept.size, kept.digest) == (piece.size, piece.digest)

    def pieces(self, upload_id: str) -> list[Piece]:
        """The pieces of an upload, in the order of the file."""
        statement = (
            select(PieceRow).where(PieceRow.upload_id == upload_id).order_by(col(PieceRow.offset))
        )
        with transaction(self._engine) as session:
            rows = session.exec(statement).all()
        return [Piece.model_validate(row.model_dump(exclude={"upload_id"})) for row in rows]

    def complete(self, upload_id: str, kept: Kept, at: datetime) -> None:
        """The file is whole and kept; its pieces are needed no more."""
        with transaction(self._engine) as session:
            insert_new(session, [FileRow(**kept.model_dump(), at=at)])
            if row := session.get(UploadRow, upload_id):
                row.sha256 = kept.sha256
            session.exec(delete(PieceRow).where(col(PieceRow.upload_id) == upload_id))

    def old(self, before: datetime) -> list[str]:
        """Uploads that were begun before an instant, the oldest first, a few of them."""
        statement = (
            select(UploadRow.id)
            .where(col(UploadRow.at) < before)
            .order_by(col(UploadRow.at))
            .limit(MOST_OLD)
        )
        with transaction(self._engine) as session:
            return [*session.exec(statement)]

    def forget(self, upload_id: str) -> None:
        """Forget an upload and its pieces; files that came of it stay."""
        with transaction(self._engine) as session:
            session.exec(delete(PieceRow).where(col(PieceRow.upload_id) == upload_id))
            session.exec(delete(UploadRow).where(col(UploadRow.id) == upload_id))
