"""A country's calendar as a case pins it: which local dates are working days, and why not."""

from datetime import date, timedelta
from functools import cached_property

from pydantic import Field

from domain.base import Value

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SATURDAY = 5


class Calendar(Value):
    """Weekends and public holidays of one country between two years, both included.

    The zone is kept by name: an offset would forget the changes of the clock.
    `working` are dates that count as working days though they fall on a weekend or holiday;
    `periods_end_on_worked`: whether a period of days, months or years can end on them. Calendars
    that were pinned before that was asked let it.
    """

    country: str
    zone: str
    version: str
    first_year: int
    last_year: int
    holidays: dict[date, str]
    working: dict[date, str] = Field(default_factory=dict)
    periods_end_on_worked: bool = True

    def is_working(self, day: date) -> bool:
        """Whether `day` is a working day. The caller sees to it that the calendar covers it."""
        return day in self.working or (day.weekday() < SATURDAY and day not in self.holidays)

    def why_not(self, day: date) -> str:
        """Why `day` is no working day: the holiday's name, Saturday or Sunday; else empty."""
        if self.is_working(day):
            return ""
        return self.holidays.get(day) or WEEKDAYS[day.weekday()]

    def ends_periods(self, day: date) -> bool:
        """Whether a period that is a right of somebody's can end on `day`: on no Saturday, Sunday
        or public holiday (Regulation 1182/71 art. 3(4)).
        """
        return not self.why_no_end(day)

    def why_no_end(self, day: date) -> str:
        """Why no such period ends on `day`: the holiday's name, Saturday or Sunday; else empty."""
        if self.is_working(day) and (day not in self.working or self.periods_end_on_worked):
            return ""
        weekend = WEEKDAYS[day.weekday()] if day.weekday() >= SATURDAY else ""
        return self.holidays.get(day) or weekend

    @cached_property
    def block_totals(self) -> dict[tuple[date, date], tuple[timedelta, timedelta]]:
        """What `domain.deadlines` has found of whole months and years: no part of the value."""
        return {}
