"""Who may take back an order, and until when: the rights behind cancellation and withdrawal."""

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.calendars import Calendar
from domain.deadlines import explain, months_later, reckon, spoken
from domain.delivering import NO_REFUNDS, Refunds, last_in_hand
from domain.money import Payment
from domain.orders import BuyerClass, Sale
from domain.policy import CancellationPolicy, Window, WithdrawalPolicy
from domain.refunds import Event
from domain.refusals import Code, Refusal

DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
"""Ends of days are kept as the first instant of the next one."""


class Right(NamedTuple):
    """Until when a right lasts; `until` is empty while its time has not begun."""

    until: datetime | None
    why: str = ""

    def lapsed(self, at: datetime) -> bool:
        """Whether `at` is after its end."""
        return self.until is not None and at >= self.until


def right_to_withdraw(
    sale: Sale, terms: WithdrawalPolicy, calendar: Calendar, refunds: Refunds = NO_REFUNDS
) -> Right:
    """14 days from the last of the goods in hand (directive 2011/83 art. 9); 12 months longer for a
    buyer who was not told of the right, or 14 days from being told late (art. 10).
    """
    last = last_in_hand(sale, refunds)
    if last is None:
        return Right(None)
    ordinary = counted(terms.statement, last, calendar, "the last parcel in hand")
    if sale.informed:
        return ordinary
    longest = _months_longer(ordinary, terms.uninformed_months, calendar)
    if sale.informed_at is None or longest.lapsed(sale.informed_at):
        return longest
    if sale.informed_at <= last:
        return ordinary
    told = counted(terms.statement, sale.informed_at, calendar, "the information that came late")
    return min(told, longest, key=lambda right: right.until or last)


def withdrawn_as(sale: Sale, *, had: bool) -> Event:
    """What the refund of a withdrawal is reckoned as: cash on delivery was paid for goods that the
    buyer has had, and for no others (P4).
    """
    cash = sale.payment is Payment.CASH_ON_DELIVERY
    return Event.UNCOLLECTED if cash and not had else Event.WITHDRAWAL


def right_to_cancel(sale: Sale, terms: CancellationPolicy, calendar: Calendar) -> Right:
    """A few days from the purchase (W2)."""
    return counted(terms.cancel, sale.placed_at, calendar, "the purchase")


def withdrawal_refusal(
    sale: Sale,
    terms: WithdrawalPolicy,
    calendar: Calendar,
    stated_at: datetime,
    refunds: Refunds = NO_REFUNDS,
) -> Refusal | None:
    """Why this buyer may not withdraw, or not any more."""
    entitled = {BuyerClass.CONSUMER} | ({BuyerClass.SOLE_TRADER} if terms.sole_traders else set())
    if sale.buyer_class not in entitled:
        return Refusal(
            code=Code.NO_RIGHT,
            sentence=f"A {sale.buyer_class} has no right to withdraw in {calendar.country}; "
            "open a dispute if something is wrong with the goods.",
        )
    right = right_to_withdraw(sale, terms, calendar, refunds)
    if right.lapsed(stated_at):
        return too_late("withdraw", right, "open a dispute if something is wrong with the goods")
    return None


def cancellation_refusal(
    sale: Sale, terms: CancellationPolicy, calendar: Calendar, at: datetime
) -> Refusal | None:
    """Why this order cannot be cancelled any more."""
    if sale.shipped:
        return Refusal(
            code=Code.ALREADY_SENT,
            sentence="The seller has set the shipment's status or entered a tracking number; "
            "withdraw instead.",
        )
    right = right_to_cancel(sale, terms, calendar)
    if right.lapsed(at):
        return too_late("cancel", right, "withdraw instead")
    return None


def too_late(what: str, right: Right, instead: str) -> Refusal:
    """A right has lapsed; `instead` is what can still be done."""
    return Refusal(
        code=Code.TOO_LATE, sentence=f"The time to {what} is over: {right.why} Please {instead}."
    )


def counted(window: Window, start: datetime, calendar: Calendar, event: str) -> Right:
    """A right that lasts for a window from `start`, which `event` names."""
    if start.year < calendar.first_year:
        return Right(start, f"{event} was in {start.year}.")
    due = reckon(window.counting, window.length, start, calendar).due
    reckoning = explain(window.counting, window.length, start, calendar)
    return Right(
        due,
        f"it lasted until {_said(due, calendar)}, {window.counting.words(window.length)} "
        f"from {event}. Reckoned: {' '.join(reckoning)}",
    )


def _months_longer(ordinary: Right, months: int, calendar: Calendar) -> Right:
    """So many months from the end of the ordinary time, to the end of a day on which a period can
    end (art. 10(1), Regulation 1182/71 art. 3).
    """
    assert ordinary.until is not None
    zone = ZoneInfo(calendar.zone)
    day = months_later((ordinary.until - INSTANT).astimezone(zone).date(), months)
    while day.year >= calendar.first_year and not calendar.ends_periods(day):
        day += DAY
    due = datetime.combine(day + DAY, time(), zone).astimezone(UTC)
    return Right(
        due,
        f"the buyer was not informed of the right in time, so it lasted until "
        f"{_said(due, calendar)}, {months} months longer. Without that: {ordinary.why}",
    )


def _said(due: datetime, calendar: Calendar) -> str:
    """An end as a person says it."""
    said = spoken(due, calendar.zone)
    return f"{'the ' if said.startswith('end') else ''}{said}"
