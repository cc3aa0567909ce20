"""What carriers have paid, and to which seller it belongs (P5)."""

from datetime import datetime

from sqlalchemy import Engine, and_, or_
from sqlmodel import col, select

from domain.money import Money
from domain.ports import Recovery
from store.engine import insert_new, transaction
from store.errors import ContradictionError
from store.tables import RecoveryRow


class Recoveries:
    """Keeps recovered money, once each by its key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, recovery: Recovery) -> None:
        """Keep it; ContradictionError if other money came under this key before."""
        row = RecoveryRow(
            key=recovery.key,
            seller_id=recovery.seller_id,
            case_id=recovery.case_id,
            order_id=recovery.order_id,
            amount_minor=recovery.amount.amount_minor,
            currency=recovery.amount.currency,
            at=recovery.at,
        )
        with transaction(self._engine) as session:
            insert_new(session, [row])
            known = _recovery(session.get_one(RecoveryRow, recovery.key))
        if known.amount != recovery.amount or known.seller_id != recovery.seller_id:
            raise ContradictionError(
                f"Under {recovery.key} {known.amount.figures} are booked to {known.seller_id} "
                "already; book other money under a key of its own."
            )

    def of_seller(
        self, seller_id: str, limit: int | None = None, behind: tuple[datetime, str] | None = None
    ) -> list[Recovery]:
        """What a seller has got back from carriers, newest first; `behind` the one of an instant
        and a key.
        """
        at, key = col(RecoveryRow.at), col(RecoveryRow.key)
        statement = (
            select(RecoveryRow)
            .where(RecoveryRow.seller_id == seller_id)
            .order_by(at.desc(), key)
            .limit(limit)
        )
        if behind:
            instant, last = behind
            statement = statement.where(or_(at < instant, and_(at == instant, key > last)))
        with transaction(self._engine) as session:
            return [_recovery(row) for row in session.exec(statement)]


def _recovery(row: RecoveryRow) -> Recovery:
    return Recovery(
        key=row.key,
        case_id=row.case_id,
        order_id=row.order_id,
        seller_id=row.seller_id,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        at=row.at,
    )
