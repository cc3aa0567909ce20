"""An order's account: what was sold and paid, and what of it came back, unit by unit.

All of it works inside the caller's transaction, which holds the account: refunds of one order are
entered one after the other, whatever their cases and processes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, delete, select

from domain.accounts import Account, Back, MoneyBack, Unit, as_money_back
from domain.money import Money, step_of
from domain.orders import Line
from domain.ports import LinePaid, RefundState
from store.engine import insert
from store.errors import ContradictionError
from store.tables import (
    AccountRow,
    PayoutRow,
    ReducedUnitRow,
    RefundedUnitRow,
    RefundRow,
    SoldLineRow,
    storable,
)


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


def agree(
    session: Session,
    order_id: str,
    sold: Iterable[Line],
    paid: Money,
    prices: Iterable[LinePaid] = (),
) -> None:
    """ContradictionError if the account knows other quantities, prices or another sum than these.

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
    lines, told = _lines(session, order_id), counted(sold)
    if not lines:
        lines = [
            SoldLineRow(order_id=order_id, sku=sku, sold=number) for sku, number in told.items()
        ]
        session.add_all(lines)
    elif {line.sku: line.sold for line in lines} != told:
        raise ContradictionError(
            f"Order {order_id} was sold in other quantities when it was refunded before; "
            "an agent must ask the marketplace what was sold."
        )
    costs = {storable(price.sku): price.paid_minor for price in prices}
    for line in lines:
        cost = costs.get(line.sku, line.paid_minor)
        if line.paid_minor not in (None, cost):
            raise ContradictionError(
                f"{line.sku!r} of order {order_id} had another price when it was refunded before; "
                "an agent must ask the marketplace what was paid for it."
            )
        line.paid_minor = cost
    session.flush()


def money_back(session: Session, order_id: str) -> tuple[MoneyBack, ...]:
    """The units that are refunded or being refunded, and those whose price is reduced."""
    return as_money_back(_back(session, order_id))


def delivery_back(session: Session, order_id: str, but: str = "") -> int:
    """How much of what was paid for the delivery has come back, or is about to, in minor units.

    Where a refund does not say it, and of money that others paid, it is what the amount is above
    what was left of the price of its units. `but`: a refund that is left out.
    """
    account = session.get(AccountRow, order_id)
    lines = {line.sku: line for line in _lines(session, order_id)}
    if account is None or not _is_known(account, lines):
        return 0
    refund, payout = RefundRow, PayoutRow
    refunds = select(refund.key, refund.amount_minor, refund.delivery_minor).where(
        refund.order_id == order_id,
        refund.key != but,
        refund.state != RefundState.FAILED,
        col(refund.reduction).is_(False),
    )
    payouts = select(payout.key, payout.amount_minor).where(
        payout.order_id == order_id, payout.key != but
    )
    found: list[tuple[str, int, int | None]] = [
        *session.exec(refunds),
        *((key, minor, None) for key, minor in session.exec(payouts)),
    ]
    units = _refunded(session, order_id)
    back = 0
    for key, minor, delivery in found:
        prices = _prices(lines, Money(amount_minor=minor, currency=account.currency))
        left = (prices.price((sku, n)) - less for by, sku, n, less in units if by == key)
        above = minor - sum(max(0, one) for one in left)
        back += max(0, above) if delivery is None else delivery
    return min(back, _delivery_paid(account, lines))


def _is_known(account: AccountRow, lines: Mapping[str, SoldLineRow]) -> bool:
    """Whether it is known what was paid, for the order and for each of its lines."""
    return account.paid_minor is not None and all(
        line.paid_minor is not None for line in lines.values()
    )


def _delivery_paid(account: AccountRow, lines: Mapping[str, SoldLineRow]) -> int:
    """What was paid for the delivery, where it is known what was paid for each line."""
    goods = sum(line.paid_minor or 0 for line in lines.values())
    return max(0, (account.paid_minor or 0) - goods)


def _prices(lines: Mapping[str, SoldLineRow], amount: Money) -> Account:
    """The lines as they were sold. What was reckoned before amounts had to be whole is priced as it
    was then.
    """
    sold = {sku: (line.sold, line.paid_minor or 0) for sku, line in lines.items()}
    return Account(sold, step=step_of(amount.currency) if amount.is_made else 1)


def take(
    session: Session,
    order_id: str,
    key: str,
    units: Counter[str],
    amount: Money,
    *,
    advice: str,
    reduction: bool = False,
    priced: bool = True,
) -> None:
    """Give units and an amount to the refund or payout of this key; or take it off their price.

    ContradictionError, ending in `advice`, if there are not as many left, if more would be paid
    back than was paid for the order, or, where it is `priced` and the prices are known, than is
    left of theirs and of the delivery.
    """
    lines = {line.sku: line for line in _lines(session, order_id)}
    account = _prices(lines, amount)
    account.back.update(_back(session, order_id))
    for sku, wanted in units.items():
        if sku not in lines:
            raise ContradictionError(f"Order {order_id} has no line {sku!r}; name one of its own.")
        free, of = len(account.free(sku)), lines[sku].sold
        if (of if reduction else free) < wanted:
            gone = sorted({key for key, line, *_ in _refunded(session, order_id) if line == sku})
            by = f" by {', '.join(gone)}" if gone else ""
            raise ContradictionError(
                f"{wanted} of {sku!r} cannot be refunded: of the {of} in order {order_id} "
                f"{of - free} are refunded already{by}; {advice}."
            )
    picked = account.pick_reduced(units) if reduction else account.pick(units)
    row = _account(session, order_id)
    known = _is_known(row, lines)
    if reduction and not known:
        raise ContradictionError(
            f"The price of units of order {order_id} cannot be reduced before it is known what "
            "was paid for each line; name it."
        )
    if known and priced:
        left = account.left(picked)
        if not reduction:
            left += max(0, _delivery_paid(row, lines) - delivery_back(session, order_id, but=key))
        if amount.amount_minor > left:
            raise ContradictionError(
                f"{amount.figures} cannot be refunded: of what was paid for these units of order "
                f"{order_id} {_money(left, row)} are left; {advice}."
            )
    if reduction:
        session.add_all(
            ReducedUnitRow(
                order_id=order_id,
                sku=sku,
                number=number,
                of=lines[sku].sold,
                refund_key=key,
                amount_minor=share,
            )
            for (sku, number), share in account.spread(picked, amount.amount_minor).items()
        )
    else:
        session.add_all(
            RefundedUnitRow(
                order_id=order_id,
                sku=sku,
                number=number,
                of=lines[sku].sold,
                refund_key=key,
                less_minor=account.reduced((sku, number)) if priced else 0,
            )
            for sku, number in picked
        )
    total = row.refunded_minor + amount.amount_minor
    if row.paid_minor is not None and total > row.paid_minor:
        paid, before = _money(row.paid_minor, row), _money(row.refunded_minor, row)
        raise ContradictionError(
            f"{amount.figures} cannot be refunded: of the {paid} that were paid for order "
            f"{order_id} {before} are refunded already; {advice}."
        )
    row.refunded_minor = total
    session.flush()


def release(session: Session, order_id: str, key: str, amount: Money) -> None:
    """Take back what was given to this key."""
    for row in (RefundedUnitRow, ReducedUnitRow):
        session.exec(delete(row).where(col(row.order_id) == order_id, col(row.refund_key) == key))
    _account(session, order_id).refunded_minor -= amount.amount_minor
    session.flush()


def _account(session: Session, order_id: str) -> AccountRow:
    return session.get_one(AccountRow, order_id)


def _lines(session: Session, order_id: str) -> list[SoldLineRow]:
    return list(session.exec(select(SoldLineRow).where(SoldLineRow.order_id == order_id)))


def _refunded(session: Session, order_id: str) -> list[tuple[str, str, int, int]]:
    """By which refund or payout each unit is refunded, and what that was less by."""
    row = RefundedUnitRow
    asked = select(row.refund_key, row.sku, row.number, row.less_minor)
    return list(session.exec(asked.where(row.order_id == order_id)))


def _back(session: Session, order_id: str) -> dict[Unit, Back]:
    """What has come back of each unit, if anything."""
    reduced: Counter[Unit] = Counter()
    row = ReducedUnitRow
    asked = select(row.sku, row.number, row.amount_minor).where(row.order_id == order_id)
    for sku, number, minor in session.exec(asked):
        reduced[sku, number] += minor
    back = {unit: Back(refunded=False, reduced_minor=minor) for unit, minor in reduced.items()}
    for _key, sku, number, less in _refunded(session, order_id):
        unpaid = less - reduced[sku, number]
        back[sku, number] = Back(refunded=True, unpaid_minor=max(0, unpaid))
    return back


def _money(minor: int, account: AccountRow) -> str:
    return Money(amount_minor=minor, currency=account.currency).figures
