"""The ledger of refunds: one per case and one per unit that did not fail, whatever is sent twice.

A reduction of a price is not the unit's refund: what is left of the price can be refunded later.
All refunds of an order together, and the pay-outs that others made, are never more than was paid.
"""

from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from domain.accounts import Back, MoneyBack, Unit, refunded_lines, told_of
from domain.base import Value
from domain.money import Money
from domain.orders import Line
from domain.ports import Payout, RefundCommand, RefundReport, RefundState
from store.accounts import (
    agree,
    as_json,
    counted,
    delivery_back,
    hold,
    hold_of_refund,
    money_back,
    release,
    take,
)
from store.engine import insert_new, transaction
from store.errors import ContradictionError, StaleError
from store.tables import PayoutRow, RefundRow, storable

GIVES_WAY: dict[RefundState, tuple[RefundState, ...]] = {
    RefundState.REQUESTED: (),
    RefundState.UNCONFIRMED: (RefundState.REQUESTED,),
    RefundState.FAILED: (RefundState.REQUESTED, RefundState.UNCONFIRMED),
    RefundState.CONFIRMED: (RefundState.REQUESTED, RefundState.UNCONFIRMED, RefundState.FAILED),
}
"""For each reported state, the states that give way to it. Confirmed gives way to nothing; failed
gives way to confirmed, because money that moved has moved."""

LEFT = "ask for no more than what is left"
TWO_PAID = "an agent must stop or reclaim one of the two"
"""What to do about a contradiction: before money moves, and after."""


class Refund(Value):
    """A refund as the ledger has it; `units` are unknown of those ordered before they were kept.

    A `reduction` is of the price of its units, which can still be refunded.
    """

    key: str
    case_id: str
    order_id: str
    amount: Money
    units: tuple[Line, ...] | None
    state: RefundState
    reason: str
    requested_at: AwareDatetime
    reported_at: AwareDatetime | None
    reduction: bool = False


class RefundLedger:
    """Records what was ordered and what became of it. It moves no money."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def request(self, command: RefundCommand, at: datetime) -> Refund:
        """Enter a refund before it is ordered, and answer what the ledger has under its key.

        Its units and amount are taken from the order in the same transaction. ContradictionError
        if the key was used for another refund, if the case has a refund already that did not
        fail, if its units are refunded already, if more would be paid back than is left of what
        was paid, for the order or for these units, or if the order was known otherwise.
        StaleError if other money for the order came back since `after`.
        """
        order_id, key = command.order_id, command.key
        _need_units(key, command.units)
        with transaction(self._engine) as session:
            hold(session, order_id, command.paid)
            row = session.get(RefundRow, key)
            new = row is None
            if row is None:
                row = _insert(session, command, at)
            if _differs(row, command) or session.get(PayoutRow, key) is not None:
                raise _taken_key(key)
            _need_currency(command.amount, command.paid)
            agree(session, order_id, command.sold, command.paid, command.prices)
            if row.units is None and row.state != RefundState.FAILED:
                # Ordered before units were kept: it takes them now that it says which.
                release(session, order_id, key, command.amount)
                row.units = as_json(command.units)
                new = True
            if new:
                _need_known_units(session, order_id, key)
                if command.after is not None and _told(command.after) != _told(
                    money_back(session, order_id)
                ):
                    raise StaleError(
                        f"Other money for order {order_id} came back since the amount was "
                        "reckoned; reckon it anew."
                    )
                take(
                    session,
                    order_id,
                    key,
                    counted(command.units),
                    command.amount,
                    advice=LEFT,
                    reduction=command.reduction,
                )
            return _refund(row)

    def report(self, report: RefundReport, at: datetime) -> Refund:
        """Enter what the marketplace says, and answer what the ledger has now.

        News that is older than what is known changes nothing. A refund that failed gives back its
        units and amount. ContradictionError if the refund is unknown, if it was confirmed and now
        is said to have failed, or if it is confirmed after all while another refund of the case
        stands or its units were refunded meanwhile: a person must look.
        """
        try:
            with transaction(self._engine) as session:
                hold_of_refund(session, report.key)
                row = session.get(RefundRow, report.key)
                if row is None:
                    raise ContradictionError(
                        f"Refund {report.key} is not in the ledger; "
                        "request it before reporting on it."
                    )
                if row.state in GIVES_WAY[report.state]:
                    failed = row.state == RefundState.FAILED
                    row.state, row.reason, row.reported_at = report.state, report.reason, at
                    session.flush()
                    if report.state is RefundState.FAILED:
                        release(session, row.order_id, row.key, _amount(row))
                    elif failed:
                        _take_after_all(session, row)
                refund = _refund(row)
        except IntegrityError:
            raise ContradictionError(
                f"Refund {report.key} was paid after it had failed, and its case has another one; "
                f"{TWO_PAID}."
            ) from None
        if refund.state is RefundState.CONFIRMED and report.state is RefundState.FAILED:
            raise ContradictionError(
                f"Refund {report.key} was confirmed and is now said to have failed; "
                "an agent must ask the marketplace which is true."
            )
        return refund

    def report_payout(self, payout: Payout, at: datetime) -> None:
        """Enter money that reached the buyer without us; reported again it is the same.

        ContradictionError if the key was used for something else, if its units are refunded or
        being refunded already, if more would be refunded than was paid, or if the order was known
        otherwise.
        """
        order_id, key = payout.order_id, payout.key
        _need_units(key, payout.units)
        row = PayoutRow(
            key=key,
            kind=payout.kind,
            order_id=order_id,
            amount_minor=payout.amount.amount_minor,
            currency=payout.amount.currency,
            units=as_json(payout.units),
            reported_at=at,
        )
        with transaction(self._engine) as session:
            hold(session, order_id, payout.paid)
            new = insert_new(session, [row])
            stored = session.get_one(PayoutRow, key)
            same = stored.model_dump(exclude={"reported_at"}) == row.model_dump(
                exclude={"reported_at"}
            )
            if not same or session.get(RefundRow, key) is not None:
                raise _taken_key(key)
            _need_currency(payout.amount, payout.paid)
            agree(session, order_id, payout.sold, payout.paid)
            if new:
                _need_known_units(session, order_id, key)
                take(
                    session,
                    order_id,
                    key,
                    counted(payout.units),
                    payout.amount,
                    advice=TWO_PAID,
                    priced=False,  # what others paid, they paid
                )

    def refunded(self, order_id: str) -> tuple[Line, ...]:
        """The units of an order whose refund is under way or paid, by any case or payout."""
        return refunded_lines(self.money_back(order_id))

    def money_back(self, order_id: str) -> tuple[MoneyBack, ...]:
        """The same unit by unit, and the units whose price is reduced."""
        with transaction(self._engine) as session:
            return money_back(session, order_id)

    def come_back(self, order_id: str) -> tuple[tuple[MoneyBack, ...], int]:
        """The same, and how much of what was paid for the delivery, in minor units."""
        with transaction(self._engine) as session:
            return money_back(session, order_id), delivery_back(session, order_id)

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


def _insert(session: Session, command: RefundCommand, at: datetime) -> RefundRow:
    row = RefundRow(
        key=command.key,
        case_id=command.case_id,
        order_id=command.order_id,
        amount_minor=command.amount.amount_minor,
        currency=command.amount.currency,
        state=RefundState.REQUESTED,
        reason="",
        requested_at=at,
        units=as_json(command.units),
        reduction=command.reduction,
        delivery_minor=command.delivery_minor,
    )
    insert_new(session, [row])
    stored = session.get(RefundRow, command.key)
    if stored is None:
        raise ContradictionError(
            f"Case {command.case_id} has another refund that did not fail; "
            "wait until that one is known to have failed."
        )
    return stored


def _differs(row: RefundRow, command: RefundCommand) -> bool:
    """A reduction may be entered as a refund: before the two were told apart, it was."""
    return (
        (row.case_id, row.order_id, _amount(row))
        != (command.case_id, command.order_id, command.amount)
        or (row.reduction and not command.reduction)
        or row.units not in (None, as_json(command.units))
    )


def _told(known: tuple[MoneyBack, ...]) -> dict[Unit, Back]:
    return {(storable(sku), number): back for (sku, number), back in told_of(known).items()}


def _taken_key(key: str) -> ContradictionError:
    return ContradictionError(
        f"The key {key} belongs to another refund or payout; give this one a key of its own."
    )


def _need_units(key: str, units: tuple[Line, ...]) -> None:
    if not units:
        raise ContradictionError(f"{key} names no units; name those that the money is for.")


def _need_currency(amount: Money, paid: Money) -> None:
    if amount.currency != paid.currency:
        raise ContradictionError(
            f"The order was paid in {paid.currency}; name the amount in it, "
            f"not in {amount.currency}."
        )


def _need_known_units(session: Session, order_id: str, key: str) -> None:
    """ContradictionError if the order has another refund of which the units are unknown."""
    statement = select(RefundRow.key).where(
        RefundRow.order_id == order_id,
        RefundRow.key != key,
        RefundRow.state != RefundState.FAILED,
        col(RefundRow.units).is_(None),
    )
    if other := session.exec(statement).first():
        raise ContradictionError(
            f"Order {order_id} has the refund {other}, ordered before units were kept, so its "
            "units may be refunded already; an agent must look which they are."
        )


def _take_after_all(session: Session, row: RefundRow) -> None:
    """Take what a refund that failed has moved nevertheless."""
    _need_known_units(session, row.order_id, row.key)
    if row.units is None and money_back(session, row.order_id):
        raise ContradictionError(
            f"Refund {row.key} was paid after it had failed, and units of its order were refunded "
            f"meanwhile; {TWO_PAID}."
        )
    take(
        session,
        row.order_id,
        row.key,
        counted(_units(row) or ()),
        _amount(row),
        advice=TWO_PAID,
        reduction=row.reduction,
        priced=row.units is not None,
    )


def _amount(row: RefundRow) -> Money:
    return Money(amount_minor=row.amount_minor, currency=row.currency)


def _units(row: RefundRow) -> tuple[Line, ...] | None:
    return None if row.units is None else tuple(Line.model_validate(unit) for unit in row.units)


def _refund(row: RefundRow) -> Refund:
    return Refund(
        key=row.key,
        case_id=row.case_id,
        order_id=row.order_id,
        amount=_amount(row),
        units=_units(row),
        state=RefundState(row.state),
        reason=row.reason,
        requested_at=row.requested_at,
        reported_at=row.reported_at,
        reduction=row.reduction,
    )
