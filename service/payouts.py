"""Money that reached a buyer without us."""

from datetime import datetime

from sqlalchemy import Engine

from domain.money import Money
from domain.orders import Line, Order
from domain.ports import Payout, PayoutKind
from service.database import from_database
from service.failures import InputError, RefusedError
from store.errors import ContradictionError
from store.refunds import RefundLedger


def payout_of(
    order: Order, key: str, kind: PayoutKind, amount: Money, units: tuple[Line, ...]
) -> Payout:
    """A payout for units of an order, however they are called; InputError for one of nothing."""
    if not amount.amount_minor:
        raise InputError("The amount must be more than nothing.")
    return Payout(
        key=key,
        kind=kind,
        order_id=order.id,
        amount=amount,
        units=order.named(units),
        sold=tuple(Line(sku=line.sku, quantity=line.quantity) for line in order.lines),
        paid=order.paid,
    )


async def record_payout(engine: Engine, payout: Payout, at: datetime) -> None:
    """Record what the platform reports, once for each key: its units are never refunded again."""
    try:
        await from_database(RefundLedger(engine).report_payout, payout, at)
    except ContradictionError as error:
        raise RefusedError("payout-contradicts", str(error)) from None
