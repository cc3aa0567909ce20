"""What sellers report of parcels that nobody collected: costs, and buyers. Ids only, no names."""

from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import Engine, and_, func, or_, update
from sqlmodel import col, select

from domain.base import Value
from domain.commands import CostKind
from domain.money import Money
from domain.ports import CostClaim, NonCollection
from store.engine import insert_new, transaction
from store.tables import CostClaimRow, NonCollectionRow


class InactiveBuyer(Value):
    """A buyer who did not collect prepaid parcels of one seller (P4)."""

    buyer_id: str
    parcels: int
    last_at: AwareDatetime


class SellerReportBook:
    """Keeps reports, once each by their key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep_cost(self, cost: CostClaim) -> None:
        """Keep the cost: the first report under a key counts, and so does the first deduction."""
        row = CostClaimRow(
            **cost.model_dump(exclude={"amount", "evidence"}),
            amount_minor=cost.amount.amount_minor,
            currency=cost.amount.currency,
            evidence=list(cost.evidence),
        )
        deducted = (
            update(CostClaimRow)
            .where(col(CostClaimRow.key) == cost.key, col(CostClaimRow.deducted_minor) == 0)
            .values(deducted_minor=cost.deducted_minor)
        )
        with transaction(self._engine) as session:
            if not insert_new(session, [row]) and cost.deducted_minor:
                session.exec(deducted)

    def keep_non_collection(self, report: NonCollection) -> None:
        """Keep the report: the first of a case counts."""
        with transaction(self._engine) as session:
            insert_new(session, [NonCollectionRow(**report.model_dump())])

    def costs(
        self, seller_id: str, limit: int | None = None, behind: tuple[datetime, str] | None = None
    ) -> list[CostClaim]:
        """What a seller claims, newest first; `behind` the one of an instant and a key."""
        at, key = col(CostClaimRow.at), col(CostClaimRow.key)
        statement = (
            select(CostClaimRow)
            .where(CostClaimRow.seller_id == seller_id)
            .order_by(at.desc(), key)
            .limit(limit)
        )
        if behind:
            instant, last = behind
            statement = statement.where(or_(at < instant, and_(at == instant, key > last)))
        with transaction(self._engine) as session:
            return [_cost(row) for row in session.exec(statement)]

    def inactive_buyers(
        self, seller_id: str, limit: int | None = None, behind: InactiveBuyer | None = None
    ) -> list[InactiveBuyer]:
        """The buyers that a seller has reported, those with the most parcels first; `behind` the
        one that was last on the page before.
        """
        parcels, last = func.count(), func.max(col(NonCollectionRow.at))
        buyer = col(NonCollectionRow.buyer_id)
        statement = (
            select(NonCollectionRow.buyer_id, parcels, last)
            .where(NonCollectionRow.seller_id == seller_id)
            .group_by(NonCollectionRow.buyer_id)
            .order_by(parcels.desc(), last.desc(), buyer)
            .limit(limit)
        )
        if behind:
            earlier = or_(
                last < behind.last_at, and_(last == behind.last_at, buyer > behind.buyer_id)
            )
            fewer = or_(parcels < behind.parcels, and_(parcels == behind.parcels, earlier))
            statement = statement.having(fewer)
        with transaction(self._engine) as session:
            return [
                InactiveBuyer(buyer_id=reported, parcels=number, last_at=at)
                for reported, number, at in session.exec(statement)
            ]


def _cost(row: CostClaimRow) -> CostClaim:
    return CostClaim(
        **row.model_dump(exclude={"amount_minor", "currency", "cost"}),
        cost=CostKind(row.cost),
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
    )
