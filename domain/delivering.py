"""When goods are due: no seller is called on to deliver before (directive 2011/83 art. 18)."""

from datetime import date, datetime, timedelta

from domain.calendars import Calendar
from domain.deadlines import day_of
from domain.orders import Sale
from domain.policy import NonDeliveryPolicy
from domain.refusals import Code, Refusal

DAY = timedelta(days=1)


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
