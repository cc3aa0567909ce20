"""What sellers report of parcels that nobody collected: costs, and buyers. Ids only, no names."""

from pydantic import AwareDatetime
from sqlalchemy import Engine, func, update
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

    def costs(self, seller_id: str) -> list[CostClaim]:
        """What a seller claims, newest first."""
        statement = (
            select(CostClaimRow)
            .where(CostClaimRow.seller_id == seller_id)
            .order_by(col(CostClaimRow.at).desc(), col(CostClaimRow.key))
        )
        with transaction(self._engine) as session:
            return [_cost(row) for row in session.exec(statement)]

    def inactive_buyers(self, seller_id: str) -> list[InactiveBuyer]:
        """The buyers that a seller has reported, those with the most parcels first."""
        parcels, last = func.count(), func.max(col(NonCollectionRow.at))
        statement = (
            select(NonCollectionRow.buyer_id, parcels, last)
            .where(NonCollectionRow.seller_id == seller_id)
            .group_by(NonCollectionRow.buyer_id)
            .order_by(parcels.desc(), last.desc(), col(NonCollectionRow.buyer_id))
        )
        with transaction(self._engine) as session:
            return [
                InactiveBuyer(buyer_id=buyer, parcels=number, last_at=at)
                for buyer, number, at in session.exec(statement)
            ]


def _cost(row: CostClaimRow) -> CostClaim:
    return CostClaim(
        **row.model_dump(exclude={"amount_minor", "currency", "cost"}),
        cost=CostKind(row.cost),
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
    )
