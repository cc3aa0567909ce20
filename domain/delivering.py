"""When goods are due, and which of them the buyer has: no seller is called on to deliver before
(directive 2011/83 art. 18), and no time of the buyer's runs before the last has come (art. 9).
"""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import NamedTuple

from domain.calendars import Calendar
from domain.deadlines import day_of
from domain.goods import count
from domain.money import Payment
from domain.orders import Line, Sale
from domain.policy import NonDeliveryPolicy
from domain.refusals import Code, Refusal

DAY = timedelta(days=1)


class Refunds(NamedTuple):
    """The units of an order that were refunded; `never_came`: those that the buyer never had."""

    refunded: tuple[Line, ...] = ()
    never_came: tuple[Line, ...] = ()


NO_REFUNDS = Refunds()


def in_hand(sale: Sale) -> Counter[str]:
    """How many of each line the buyer has, or had; all, where they say so themselves. Of a parcel
    that names no lines, as many as no other is to bring, once no such parcel is to come.
    """
    ordered = Counter({line.sku: line.quantity for line in sale.lines})
    if sale.said_in_hand_at:
        return ordered
    there, to_come, unnamed = Counter[str](), Counter[str](), []
    for parcel in sale.parcels:
        if not parcel.lines:
            unnamed.append(parcel)
        elif parcel.in_hand_at:
            there.update(count(parcel.lines))
        else:
            to_come.update(count(parcel.lines))
    if unnamed and all(parcel.in_hand_at for parcel in unnamed):
        there |= ordered - to_come
    return there & ordered


def had(sale: Sale, units: tuple[Line, ...]) -> bool:
    """Whether the buyer has, or had, as many of each of these lines."""
    return Counter(count(units)) <= in_hand(sale)


def never_paid(sale: Sale, units: tuple[Line, ...]) -> bool:
    """Whether nobody has paid for these units: the order should have been paid beforehand, and was
    not; or it is paid on delivery, and the buyer has not had them (P4).
    """
    cash = sale.payment is Payment.CASH_ON_DELIVERY
    return sale.unpaid or (cash and not had(sale, units))


def last_in_hand(sale: Sale, refunds: Refunds) -> datetime | None:
    """When the buyer had the last of the goods that were owed in hand; None while some are to come.

    A unit that was refunded is owed no more. What came after it was refunded as never delivered
    began nothing anew.
    """
    ordered = Counter({line.sku: line.quantity for line in sale.lines})
    ended, there = Counter(count(refunds.never_came)), in_hand(sale)
    if (ordered - Counter(count(refunds.refunded))) & (ordered - ended - there):
        return None
    late = ended + there - ordered
    named = [parcel.lines for parcel in sale.parcels] or [()]
    hands = [(at, units) for at, units in zip(sale.hands, named, strict=False) if at]
    for at, units in sorted(hands, key=lambda hand: hand[0], reverse=True):
        held = Counter(count(units)) or ordered
        if held - late:
            return at
        late -= held
    return None


def last_day(sale: Sale, terms: NonDeliveryPolicy, calendar: Calendar) -> date:
    """The last day of delivery: the agreed one, else so many days from the order (art. 18(1)), to
    the end of a working day (Regulation 1182/71 art. 3(4)).
    """
    if sale.deliver_by:
        return sale.deliver_by
    day = day_of(sale.placed_at, calendar.zone) + terms.deliver_within_days * DAY
    while day.year >= calendar.first_year and not calendar.is_working(day):
        day += DAY
    return day


def undue_refusal(
    sale: Sale, terms: NonDeliveryPolicy, calendar: Calendar, at: datetime
) -> Refusal | None:
    """Why a buyer cannot call on the seller to deliver yet: the goods are not due."""
    day = last_day(sale, terms, calendar)
    if day_of(at, calendar.zone) > day:
        return None
    why = (
        f"Delivery until {day} was agreed"
        if sale.deliver_by
        else f"No day of delivery was agreed, so the seller has {terms.deliver_within_days} days "
        f"from the order, until {day}"
    )
    return Refusal(
        code=Code.TOO_EARLY,
        sentence=f"{why}; open it from {day + DAY} on. Until then ask the seller in an inquiry.",
    )
