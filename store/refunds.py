"""The ledger of refunds: one per case that did not fail, whatever is sent twice."""

from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import Engine, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from domain.base import Value
from domain.money import Money
from domain.ports import RefundCommand, RefundReport, RefundState
from store.engine import insert_new, transaction
from store.errors import ContradictionError
from store.tables import RefundRow

GIVES_WAY: dict[RefundState, tuple[RefundState, ...]] = {
    RefundState.REQUESTED: (),
    RefundState.UNCONFIRMED: (RefundState.REQUESTED,),
    RefundState.FAILED: (RefundState.REQUESTED, RefundState.UNCONFIRMED),
    RefundState.CONFIRMED: (RefundState.REQUESTED, RefundState.UNCONFIRMED, RefundState.FAILED),
}
"""For each reported state, the states that give way to it. Confirmed gives way to nothing; failed
gives way to confirmed, because money that moved has moved."""


class Refund(Value):
    """A refund as the ledger has it."""

    command: RefundCommand
    state: RefundState
    reason: str
    requested_at: AwareDatetime
    reported_at: AwareDatetime | None


class RefundLedger:
    """Records what was ordered and what became of it. It moves no money."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def request(self, command: RefundCommand, at: datetime) -> Refund:
        """Enter a refund before it is ordered, and answer what the ledger has under its key.

        ContradictionError if the key was used for another refund, or if the case has a refund
        already that did not fail.
        """
        row = RefundRow(
            key=command.key,
            case_id=command.case_id,
            order_id=command.order_id,
            amount_minor=command.amount.amount_minor,
            currency=command.amount.currency,
            state=RefundState.REQUESTED,
            reason="",
            requested_at=at,
        )
        with transaction(self._engine) as session:
            insert_new(session, [row])
            stored = session.get(RefundRow, command.key)
            if stored is None:
                raise ContradictionError(
                    f"Case {command.case_id} has another refund that did not fail; "
                    "wait until that one is known to have failed."
                )
            refund = _refund(stored)
        if refund.command != command:
            raise ContradictionError(
                f"The key {command.key} belongs to another refund; give this one a key of its own."
            )
        return refund

    def report(self, report: RefundReport, at: datetime) -> Refund:
        """Enter what the marketplace says, and answer what the ledger has now.

        News that is older than what is known changes nothing. ContradictionError if the refund is
        unknown, if it was confirmed and now is said to have failed, or if it is confirmed after
        all while another refund of the case stands: a person must look.
        """
        statement = (
            update(RefundRow)
            .where(
                col(RefundRow.key) == report.key,
                col(RefundRow.state).in_(GIVES_WAY[report.state]),
            )
            .values(state=report.state, reason=report.reason, reported_at=at)
        )
        try:
            with transaction(self._engine) as session:
                session.exec(statement)
                stored = session.get(RefundRow, report.key)
                refund = _refund(stored) if stored else None
        except IntegrityError:
            raise ContradictionError(
                f"Refund {report.key} was paid after it had failed, and its case has another one; "
                "an agent must stop or reclaim one of the two."
            ) from None
        if refund is None:
            raise ContradictionError(
                f"Refund {report.key} is not in the ledger; request it before reporting on it."
            )
        if refund.state is RefundState.CONFIRMED and report.state is RefundState.FAILED:
            raise ContradictionError(
                f"Refund {report.key} was confirmed and is now said to have failed; "
                "an agent must ask the marketplace which is true."
            )
        return refund

    def find(self, key: str) -> Refund | None:
        """One refund, if it was ever requested."""
        with transaction(self._engine) as session:
            row = session.get(RefundRow, key)
            return _refund(row) if row else None

    def of_case(self, case_id: str) -> list[Refund]:
        """A case's refunds in the order of their requests: failed ones, then perhaps one more."""
        statement = (
            select(RefundRow)
            .where(RefundRow.case_id == case_id)
            .order_by(col(RefundRow.requested_at), col(RefundRow.key))
        )
        with transaction(self._engine) as session:
            return [_refund(row) for row in session.exec(statement)]


def _refund(row: RefundRow) -> Refund:
    return Refund(
        command=RefundCommand(
            key=row.key,
            case_id=row.case_id,
            order_id=row.order_id,
            amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        ),
        state=RefundState(row.state),
        reason=row.reason,
        requested_at=row.requested_at,
        reported_at=row.reported_at,
    )
