"""Who did what over HTTP: append only, as the archive is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import Engine, insert
from sqlmodel import col, select

from domain.base import Value
from store.engine import transaction
from store.tables import DeedRow


class Deed(Value):
    """Something that somebody did over HTTP, or was refused. No text is in it, and of people their
    ids alone.

    `token` tells which token it was, not the token: its `jti`, or a digest of it. `code` is that of
    the refusal, empty where there was none; `request` is the request's id in the log.
    """

    number: int = 0
    at: AwareDatetime
    role: str
    person: str
    token: str
    method: str
    route: str
    case_id: str | None = None
    command_id: str | None = None
    status: int
    code: str | None = None
    request: str


ADD = insert(DeedRow)
"""Made once: each command waits for its deed."""


@dataclass(frozen=True)
class Sought:
    """What the trail is narrowed to; None leaves a side open."""

    case_id: str | None = None
    person: str | None = None
    since: datetime | None = None


class AuditTrail:
    """Keeps deeds. Nothing here changes or deletes one, nor can the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, deeds: Sequence[Deed]) -> None:
        """Keep these, in one transaction."""
        rows = [deed.model_dump(exclude={"number"}) for deed in deeds]
        with transaction(self._engine) as session:
            session.connection().execute(ADD, rows)

    def page(self, sought: Sought, limit: int, before: int | None = None) -> list[Deed]:
        """At most `limit` deeds, the last one first; those of a lower number than `before`."""
        statement = select(DeedRow).order_by(col(DeedRow.number).desc()).limit(limit)
        if before is not None:
            statement = statement.where(col(DeedRow.number) < before)
        if sought.case_id is not None:
            statement = statement.where(DeedRow.case_id == sought.case_id)
        if sought.person is not None:
            statement = statement.where(DeedRow.person == sought.person)
        if sought.since is not None:
            statement = statement.where(col(DeedRow.at) >= sought.since)
        with transaction(self._engine) as session:
            return [Deed.model_validate(row.model_dump()) for row in session.exec(statement)]
