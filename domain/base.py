"""What all values of the domain have in common."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9500, 1, 1, tzinfo=UTC)


def _of_our_time(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise ValueError(f"must lie between the years {EARLIEST.year} and {LATEST.year}")
    return at


Instant = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
"""An instant that somebody outside tells us, far enough from either end of Python's time to reckon
with. That it cannot have happened is for the case to say (domain/timely.py).
"""


def _day_of_our_time(day: date) -> date:
    if not EARLIEST.date() <= day < LATEST.date():
        raise ValueError(f"must lie between the years {EARLIEST.year} and {LATEST.year}")
    return day


Day = Annotated[date, AfterValidator(_day_of_our_time)]
"""A day that somebody outside tells us, bounded like an instant."""


class Value(BaseModel):
    """An immutable value that refuses fields it does not know.

    Its errors do not repeat what was given: that could be a person's words, and errors are logged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
