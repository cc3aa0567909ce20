"""An order's account: what was sold and paid, which units and how much of it are refunded.

All of it works inside the caller's transaction, which holds the account: refunds of one order are
entered one after the other, whatever their cases and processes.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, delete, select

from domain.money import Money
from domain.orders import Line
from store.engine import insert
from store.errors import ContradictionError
from store.tables import AccountRow, RefundedUnitRow, RefundRow, SoldLineRow, storable


def counted(units: Iterable[Line]) -> Counter[str]:
    """How many of each line; a line that is named twice counts twice."""
    numbers: Counter[str] = Counter()
    for line in units:
        numbers[storable(line.sku)] += line.quantity
    return numbers


def as_lines(units: Counter[str]) -> tuple[Line, ...]:
    """The same as lines, in the order of their skus."""
    return tuple(Line(sku=sku, quantity=units[sku]) for sku in sorted(units))


def as_json(units: Iterable[Line]) -> list[dict[str, Any]]:
    """The same as the tables keep it."""
    return [line.model_dump() for line in as_lines(counted(units))]


def hold(session: Session, order_id: str, paid: Money) -> None:
    """Hold the order's account until the transaction ends; it is opened if there is none.

    It must be the first that a transaction does: a row lock on PostgreSQL, on SQLite the file's.
    """
    opened = insert(session, AccountRow).values(
        order_id=order_id,
        currency=paid.currency,
        paid_minor=paid.amount_minor,
        refunded_minor=0,
    )
    session.exec(
        opened.on_conflict_do_update(
            index_elements=["order_id"], set_={"refunded_minor": col(AccountRow.refunded_minor)}
        )
    )


def hold_of_refund(session: Session, key: str) -> None:
    """The same for the order of a refund, if there is such a refund."""
    order_id = select(RefundRow.order_id).where(RefundRow.key == key).scalar_subquery()
    session.exec(
        update(AccountRow)
        .where(col(AccountRow.order_id) == order_id)
        .values(refunded_minor=AccountRow.refunded_minor)
    )


def agree(session: Session, order_id: str, sold: Iterable[Line], paid: Money) -> None:
    """ContradictionError if the account knows other quantities or another sum than these.

    What it does not know yet, it learns.
    """
    account = _account(session, order_id)
    if account.paid_minor is None and account.refunded_minor <= paid.amount_minor:
        account.paid_minor = paid.amount_minor
    if (account.paid_minor, account.currency) != (paid.amount_minor, paid.currency):
        raise ContradictionError(
            f"Order {order_id} was not paid with {paid.figures} when it was refunded before; "
            "an agent must ask the marketplace what was paid."
        )
    known, told = _sold(session, order_id), counted(sold)
    if not known:
        session.add_all(
            SoldLineRow(order_id=order_id, sku=sku, sold=number) for sku, number in told.items()
        )
        session.flush()
    elif known != told:
        raise ContradictionError(
            f"Order {order_id} was sold in other quantities when it was refunded before; "
            "an agent must ask the marketplace what was sold."
        )


def refunded(session: Session, order_id: str) -> Counter[str]:
    """How many units of each line are refunded or being refunded."""
    skus = select(RefundedUnitRow.sku).where(RefundedUnitRow.order_id == order_id)
    return Counter(session.exec(skus))


def take(
    session: Session, order_id: str, key: str, units: Counter[str], amount: Money, *, advice: str
) -> None:
    """Give units and an amount to the refund or payout of this key.

    ContradictionError, ending in `advice`, if there are not as many left, or if more would be
    refunded than was paid.
    """
    sold, taken = _sold(session, order_id), _taken(session, order_id)
    for sku, wanted in units.items():
        if sku not in sold:
            raise ContradictionError(f"Order {order_id} has no line {sku!r}; name one of its own.")
        of, gone = sold[sku], taken.get(sku, {})
        free = [number for number in range(1, of + 1) if number not in gone]
        if len(free) < wanted:
            by = f" by {', '.join(sorted(set(gone.values())))}" if gone else ""
            raise ContradictionError(
                f"{wanted} of {sku!r} cannot be refunded: of the {of} in order {order_id} "
                f"{len(gone)} are refunded already{by}; {advice}."
            )
        session.add_all(
            RefundedUnitRow(order_id=order_id, sku=sku, number=number, of=of, refund_key=key)
            for number in free[:wanted]
        )
    account = _account(session, order_id)
    total = account.refunded_minor + amount.amount_minor
    if account.paid_minor is not None and total > account.paid_minor:
        paid, before = _money(account.paid_minor, account), _money(account.refunded_minor, account)
        raise ContradictionError(
            f"{amount.figures} cannot be refunded: of the {paid} that were paid for order "
            f"{order_id} {before} are refunded already; {advice}."
        )
    account.refunded_minor = total
    session.flush()


def release(session: Session, order_id: str, key: str, amount: Money) -> None:
    """Take back what was given to this key."""
    session.exec(
        delete(RefundedUnitRow).where(
            col(RefundedUnitRow.order_id) == order_id, col(RefundedUnitRow.refund_key) == key
        )
    )
    _account(session, order_id).refunded_minor -= amount.amount_minor
    session.flush()


def _account(session: Session, order_id: str) -> AccountRow:
    return session.get_one(AccountRow, order_id)


def _sold(session: Session, order_id: str) -> dict[str, int]:
    lines = session.exec(select(SoldLineRow).where(SoldLineRow.order_id == order_id))
    return {line.sku: line.sold for line in lines}


def _taken(session: Session, order_id: str) -> dict[str, dict[int, str]]:
    """The keys of refunds and payouts, by the units that they have."""
    taken: dict[str, dict[int, str]] = {}
    for unit in session.exec(select(RefundedUnitRow).where(RefundedUnitRow.order_id == order_id)):
        taken.setdefault(unit.sku, {})[unit.number] = unit.refund_key
    return taken


def _money(minor: int, account: AccountRow) -> str:
    return Money(amount_minor=minor, currency=account.currency).figures
