"""The windows that sellers missed (H7). A recorded breach is never taken back."""

from sqlalchemy import Engine
from sqlmodel import col, select

from domain.ports import BreachReport
from store.engine import insert_new, transaction
from store.tables import BreachRow


class Breaches:
    """Records breaches, once each by their key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, report: BreachReport) -> None:
        """Keep the breach: the first report under a key counts."""
        with transaction(self._engine) as session:
            insert_new(session, [BreachRow(**report.model_dump())])

    def of_seller(self, seller_id: str) -> list[BreachReport]:
        """A seller's breaches, newest first."""
        statement = (
            select(BreachRow)
            .where(BreachRow.seller_id == seller_id)
            .order_by(col(BreachRow.at).desc(), col(BreachRow.key))
        )
        with transaction(self._engine) as session:
            return [
                BreachReport.model_validate(row.model_dump()) for row in session.exec(statement)
            ]
