"""Searching the archive within some cases, page by page."""

from typing import NamedTuple

from sqlalchemy import Engine
from sqlmodel import col, select

from domain.notices import Message
from store.archive import holding, message_in
from store.engine import transaction
from store.standings import Filters, asked
from store.tables import MessageRow, StandingRow


class Hit(NamedTuple):
    """A message that was found, its case, and its number in the archive."""

    number: int
    case_id: str
    message: Message


class Search:
    """Reads the archive."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, words: str, within: Filters, limit: int, before: int | None = None) -> list[Hit]:
        """At most `limit` messages that hold every word, of cases within the filters; the one that
        was archived last first, those archived `before` a number.
        """
        cases = select(StandingRow.case_id).where(*asked(within))
        statement = select(MessageRow).where(*holding(words), col(MessageRow.case_id).in_(cases))
        if before is not None:
            statement = statement.where(col(MessageRow.number) < before)
        newest = statement.order_by(col(MessageRow.number).desc()).limit(limit)
        with transaction(self._engine) as session:
            return [
                Hit(row.number or 0, row.case_id, message_in(row)) for row in session.exec(newest)
            ]
