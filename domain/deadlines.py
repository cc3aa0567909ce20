"""Counting time: each way to count it, held clocks, and the explanation of a reckoning.

Pure, and therefore fit for a workflow: everything depends on the arguments alone.
`reckon` and `explain` read the same walk over the same days, so they cannot disagree.
"""

from bisect import bisect_left
from calendar import monthrange
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from domain.base import Value
from domain.calendars import WEEKDAYS, Calendar

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
NOTHING = timedelta(0)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
YEAR = timedelta(days=366)
TEN_YEARS = 10 * YEAR

BLOCKS_ABOVE = timedelta(days=31)
"""Longer amounts are walked by whole months and years where no clock was held: quicker, and
readable."""

IDLE_DAYS = 400
"""A calendar without a working day for so long has none."""


class Counting(StrEnum):
    """How an amount of time is counted."""

    WORKING_HOURS = "working-hours"
    CALENDAR_DAYS = "calendar-days"
    SELLER_DAYS = "seller-days"
    WORKING_DAYS = "working-days"
    CALENDAR_MONTHS = "calendar-months"
    CALENDAR_YEARS = "calendar-years"
    HOURS = "hours"
    SECONDS = "seconds"

    @property
    def unit(self) -> timedelta:
        """What one of the counted units is worth; of months and years, so many are never more."""
        match self:
            case Counting.SECONDS:
                return timedelta(seconds=1)
            case Counting.HOURS | Counting.WORKING_HOURS:
                return HOUR
            case Counting.CALENDAR_MONTHS:
                return YEAR / 12
            case Counting.CALENDAR_YEARS:
                return YEAR
            case _:
                return DAY

    @property
    def most(self) -> int:
        """The largest amount that is reckoned: ten years' worth of the unit."""
        return TEN_YEARS // self.unit

    @property
    def by_days(self) -> bool:
        """Whether whole local days are counted, and the end is the end of a day."""
        return self.unit >= DAY

    @property
    def months(self) -> int:
        """How many calendar months one of the counted units is; 0 if it is counted otherwise."""
        return {Counting.CALENDAR_MONTHS: 1, Counting.CALENDAR_YEARS: 12}.get(self, 0)

    def words(self, amount: int) -> str:
        """An amount as a person says it: "1 working day", "14 calendar days, seller's duty"."""
        plural = "" if amount == 1 else "s"
        if self is Counting.SELLER_DAYS:
            return f"{amount} calendar day{plural}, seller's duty"
        return f"{amount} {self.value.removesuffix('s').replace('-', ' ')}{plural}"


BY_HAND = "by hand"
"""Why a clock is held that an agent holds."""


class Held(Value):
    """A span in which a clock was held: not counted."""

    since: AwareDatetime
    until: AwareDatetime


class Due(Value):
    """When something is due, in UTC. `safe` only for a seller's duty: the last working day's end.

    `safe` can lie before the start, where a short period holds no working day.
    """

    due: AwareDatetime
    safe: AwareDatetime | None = None


class UnreckonableError(ValueError):
    """A deadline that cannot be reckoned; the message says why in one sentence."""


def reckon(
    counting: Counting,
    amount: int,
    start: datetime,
    calendar: Calendar,
    held: Sequence[Held] = (),
) -> Due:
    """When `amount` of `counting` from `start` is due, `held` spans not counted.

    Held spans may overlap and reach beyond what is counted; empty ones change nothing. Days are
    held by their share of the local clock's 24 hours, whatever a change of the clock made of them.
    The end of a day is the exclusive instant, 00:00 of the next local day (Regulation 1182/71).
    Months and years end with the day of the same date, or the month's last day where there is none
    (art. 3(2)(c)); a held clock has as many days to count as lie between.
    Raises `UnreckonableError` for an amount below 1 or above ten years, a span that ends before
    it begins, a start without an offset, and dates that the calendar does not cover.
    """
    walk = _walk(counting, amount, start, calendar, held)
    return Due(due=walk.due, safe=walk.safe)


def safe_end(
    counting: Counting,
    amount: int,
    start: datetime,
    calendar: Calendar,
    held: Sequence[Held] = (),
) -> datetime | None:
    """The end of the last working day at or before the last day, before that was moved; None where
    the end is not the end of a calendar day. Raises as `reckon` does.
    """
    walk = _walk(counting, amount, start, calendar, held)
    if walk.unmoved is None or counting is Counting.WORKING_DAYS:
        return None
    return walk.safe or _safe(walk.unmoved, calendar)


def explain(
    counting: Counting,
    amount: int,
    start: datetime,
    calendar: Calendar,
    held: Sequence[Held] = (),
) -> list[str]:
    """The same reckoning as lines a person can check: each day counted or skipped, and why.

    Above 31 days, whole months and years without a held clock are one line each.
    Raises `UnreckonableError` exactly where `reckon` does.
    """
    walk = _walk(counting, amount, start, calendar, held)
    zone = _zone(calendar.zone)
    lines = [
        f"{counting.words(amount)}, {calendar.country} ({calendar.zone}).",
        f"Starts {_moment(walk.start, zone)}.",
    ]
    if counting.by_days:
        lines.append(f"{_day(walk.start.astimezone(zone).date())}: not counted, the event's day.")
    elif counting is not Counting.WORKING_HOURS:
        lines.append("All time counts, weekends and holidays too.")
    if counting.months:
        lines += _months_lines(walk, counting, amount, zone)
    counted = NOTHING
    for step in walk.steps:
        if isinstance(step, _Step):
            counted += step.counted
        lines.append(_step_line(step, counting, calendar, counted))
    lines += _rolled_lines(walk, calendar)
    lines.append(f"Due: {_until(walk.due, zone)}.")
    if walk.safe is not None and walk.unmoved is not None:
        safe = f"Safe: {_until(walk.safe, zone)}"
        if calendar.is_working(walk.unmoved):
            lines.append(f"{safe}, the last day itself.")
        else:
            lines.append(f"{safe}, the last working day before {_day(walk.unmoved)}.")
    lines.append(f"Calendar: {calendar.version}.")
    return lines


def months_later(day: date, months: int) -> date:
    """The same date so many months later, or the last day of a month that has none such."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    if year > MAXYEAR:
        raise OverflowError("the date is after the year 9999")
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def day_of(instant: datetime, zone: str) -> date:
    """The local day of an instant."""
    return instant.astimezone(_zone(zone)).date()


def spoken(instant: datetime, zone: str) -> str:
    """An instant in short, for summaries: "Tue 7 Apr 2026 16:30", "end of Mon 28 Dec 2026" at
    midnight.

    Seconds are left out, so what is said is never later than what is meant.
    """
    local = instant.astimezone(_zone(zone))
    if _is_midnight(local):
        return f"end of {_day(local.date() - DAY)}"
    return f"{_day(local.date())} {local:%H:%M}"


class _Step(NamedTuple):
    """Some days of a walk, both included: what they counted, what was held, why not counted."""

    first: date
    last: date
    counted: timedelta
    held: timedelta = NOTHING
    why: str = ""
    block: bool = False


class _Span(NamedTuple):
    """A held span, in UTC."""

    since: datetime
    until: datetime


@dataclass
class _Walk:
    """A reckoning with the way that led to it. `unmoved` is the last day before it was rolled."""

    start: datetime
    steps: list[_Step | _Span]
    due: datetime
    unmoved: date | None = None
    last: date | None = None
    safe: datetime | None = None


def _walk(
    counting: Counting, amount: int, start: datetime, calendar: Calendar, held: Sequence[Held]
) -> _Walk:
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise UnreckonableError("The amount must be a whole number.")
    if not 1 <= amount <= counting.most:
        raise UnreckonableError(
            f"The amount of {counting.value} must be between 1 and {counting.most} (ten years)."
        )
    if start.utcoffset() is None:
        raise UnreckonableError("The start needs an offset or a zone.")
    try:
        start = start.astimezone(UTC)
        spans = _merged(held, start)
        if counting.months:
            walk = _count_months(counting.months * amount, start, calendar, spans)
        elif counting.by_days:
            walk = _count_days(counting, amount, start, calendar, spans)
        elif counting is Counting.WORKING_HOURS:
            walk = _count_working_hours(counting, amount, start, calendar, spans)
        else:
            walk = _count_elapsed(counting.unit * amount, start, spans)
        # Said here, so that `reckon` refuses what `explain` could not show.
        walk.due.astimezone(_zone(calendar.zone))
        start.astimezone(_zone(calendar.zone))
    except OverflowError:
        raise UnreckonableError("The dates must lie between the years 1 and 9999.") from None
    return walk


def _count_elapsed(left: timedelta, start: datetime, spans: deque[_Span]) -> _Walk:
    at = start
    steps: list[_Step | _Span] = []
    for span in spans:
        if span.since - at >= left:
            break
        left -= span.since - at
        at = span.until
        steps.append(span)
    return _Walk(start, steps, at + left)


def _count_working_hours(
    counting: Counting, amount: int, start: datetime, calendar: Calendar, spans: deque[_Span]
) -> _Walk:
    zone = _zone(calendar.zone)
    left = HOUR * amount
    by_block = left > BLOCKS_ABOVE
    steps: list[_Step | _Span] = []
    day = busy = start.astimezone(zone).date()
    at = start
    while True:
        _check(busy, day, calendar)
        # The first day may have begun before the start: it is never part of a block.
        if by_block and day.day == 1 and at > start:
            block = _block(counting, day, left, calendar, spans)
            if block:
                steps.append(block)
                left -= block.counted
                busy = block.last if block.counted else busy
                day = block.last + DAY
                at = _midnight(day, zone)
                continue
        end = _midnight(day + DAY, zone)
        if not calendar.is_working(day):
            steps.append(_Step(day, day, NOTHING, why=calendar.why_not(day)))
        elif whole := _whole_days_held(day, at, end, spans, zone):
            steps.append(whole)
            busy = day = whole.last
            end = _midnight(day + DAY, zone)
        else:
            busy = day
            counted = NOTHING
            for since, until in _free(at, end, spans):
                if until - since >= left:
                    due = since + left
                    steps.append(_Step(day, day, counted + left, due - at - counted - left))
                    return _Walk(start, steps, due)
                counted += until - since
                left -= until - since
            steps.append(_Step(day, day, counted, end - at - counted))
        at = end
        day += DAY


def _count_days(
    counting: Counting, amount: int, start: datetime, calendar: Calendar, spans: deque[_Span]
) -> _Walk:
    zone = _zone(calendar.zone)
    working_only = counting is Counting.WORKING_DAYS
    left = DAY * amount
    by_block = left > BLOCKS_ABOVE
    steps: list[_Step | _Span] = []
    busy = start.astimezone(zone).date()
    _check(busy, busy, calendar)
    day = busy + DAY
    while True:
        _check(busy, day, calendar)
        if by_block and day.day == 1:
            block = _block(counting, day, left, calendar, spans)
            if block:
                steps.append(block)
                left -= block.counted
                busy = block.last if block.counted else busy
                day = block.last + DAY
                continue
        if working_only and not calendar.is_working(day):
            steps.append(_Step(day, day, NOTHING, why=calendar.why_not(day)))
            day += DAY
            continue
        busy = day
        if spans:
            midnight, end = _midnight(day, zone), _midnight(day + DAY, zone)
            if whole := _whole_days_held(day, midnight, end, spans, zone):
                steps.append(whole)
                busy = whole.last
                day = whole.last + DAY
                continue
            held_share = _held_share(midnight, end, spans, zone)
        else:
            held_share = NOTHING
        steps.append(_Step(day, day, DAY - held_share, held_share))
        left -= DAY - held_share
        if left <= NOTHING:
            break
        day += DAY
    if working_only:
        return _Walk(start, steps, _midnight(day + DAY, zone), day, day)
    if counting is Counting.CALENDAR_DAYS:
        return _ended(start, steps, day, calendar)
    last = _next_working(day, calendar, DAY)
    return _Walk(start, steps, _midnight(last + DAY, zone), day, last, safe=_safe(day, calendar))


def _count_months(months: int, start: datetime, calendar: Calendar, spans: deque[_Span]) -> _Walk:
    zone = _zone(calendar.zone)
    begin = start.astimezone(zone).date()
    _check(begin, begin, calendar)
    day = months_later(begin, months)
    while spans and spans[0].until <= _midnight(begin + DAY, zone):
        spans.popleft()
    if spans and spans[0].since < _midnight(day + DAY, zone):
        return _count_days(Counting.CALENDAR_DAYS, (day - begin).days, start, calendar, spans)
    return _ended(start, [], day, calendar)


def _ended(start: datetime, steps: list[_Step | _Span], day: date, calendar: Calendar) -> _Walk:
    """A walk whose last day is known: it moves on to one that a period can end on."""
    _check(day, day, calendar)
    last = day
    while not calendar.ends_periods(last):
        last += DAY
        _check(day, last, calendar)
    return _Walk(start, steps, _midnight(last + DAY, _zone(calendar.zone)), day, last)


def _safe(day: date, calendar: Calendar) -> datetime:
    """The end of the last working day at or before this one."""
    return _midnight(_next_working(day, calendar, -DAY) + DAY, _zone(calendar.zone))


def _merged(held: Sequence[Held], start: datetime) -> deque[_Span]:
    """The held spans in order, without overlaps, and none before `start`."""
    merged: deque[_Span] = deque()
    if not held:
        return merged
    for since, until in sorted((h.since.astimezone(UTC), h.until.astimezone(UTC)) for h in held):
        if until < since:
            raise UnreckonableError(f"The span held from {since} ends before it begins: {until}.")
        begin = max(since, start)
        if until <= begin:
            continue
        if merged and begin <= merged[-1].until:
            merged[-1] = _Span(merged[-1].since, max(until, merged[-1].until))
        else:
            merged.append(_Span(begin, until))
    return merged


def _free(at: datetime, end: datetime, spans: deque[_Span]) -> Iterator[tuple[datetime, datetime]]:
    """The parts of [at, end) in which no clock was held. Spans that are over are dropped."""
    while spans and spans[0].until <= at:
        spans.popleft()
    for span in spans:
        if span.since >= end:
            break
        if at < span.since:
            yield at, span.since
        at = span.until
    if at < end:
        yield at, end


def _held_share(
    midnight: datetime, end: datetime, spans: deque[_Span], zone: ZoneInfo
) -> timedelta:
    """How much of a day was held, on the local clock: 24 hours are the whole day."""
    while spans and spans[0].until <= midnight:
        spans.popleft()
    share = NOTHING
    for span in spans:
        if span.since >= end:
            break
        since = NOTHING if span.since <= midnight else _clock(span.since, zone)
        until = DAY if span.until >= end else _clock(span.until, zone)
        share += until - since
    return share


def _clock(instant: datetime, zone: ZoneInfo) -> timedelta:
    """What the local clock shows. In an hour that comes twice, it stands during the second pass:
    else a span across the change would be worth less than nothing.
    """
    local = instant.astimezone(zone)
    if local.fold:
        whole = instant.replace(microsecond=0)
        # Changes of the clock fall on whole seconds, and no hour comes twice for longer than a day.
        back = bisect_left(
            range(86_400),
            True,
            key=lambda seconds: not (whole - timedelta(seconds=seconds)).astimezone(zone).fold,
        )
        local = (whole - timedelta(seconds=back)).astimezone(zone) + timedelta(seconds=1)
        if local.hour == local.minute == local.second == 0:
            return DAY
    return timedelta(
        hours=local.hour,
        minutes=local.minute,
        seconds=local.second,
        microseconds=local.microsecond,
    )


def _whole_days_held(
    day: date, at: datetime, end: datetime, spans: deque[_Span], zone: ZoneInfo
) -> _Step | None:
    """The days from `day` that one span covers wholly, in one step: a span can last for ages."""
    while spans and spans[0].until <= at:
        spans.popleft()
    if not spans or spans[0].since > at or spans[0].until < end:
        return None
    last = spans[0].until.astimezone(zone).date() - DAY
    last = max(last, day)
    return _Step(day, last, NOTHING, _midnight(last + DAY, zone) - at)


def _block(
    counting: Counting, first: date, left: timedelta, calendar: Calendar, spans: deque[_Span]
) -> _Step | None:
    """The whole year, or else month, that begins with `first`, as one step: where no clock was held
    in it, and more than all of it is left to count.
    """
    zone = _zone(calendar.zone)
    while spans and spans[0].until <= _midnight(first, zone):
        spans.popleft()
    for last in _ends_of_blocks(first):
        if spans and spans[0].since < _midnight(last + DAY, zone):
            continue
        if counting in (Counting.CALENDAR_DAYS, Counting.SELLER_DAYS):
            worth = last + DAY - first
        else:
            worth = _working_time(counting, first, last, calendar)
        if worth < left:
            return _Step(first, last, worth, block=True)
    return None


@lru_cache(maxsize=4096)
def _ends_of_blocks(first: date) -> tuple[date, ...]:
    """The last days of the year and the month that begin with `first`."""
    month = first.replace(day=monthrange(first.year, first.month)[1])
    return (first.replace(month=12, day=31), month) if first.month == 1 else (month,)


def _working_time(counting: Counting, first: date, last: date, calendar: Calendar) -> timedelta:
    """What the working days of a block are worth: by count, or by their real length."""
    total = calendar.block_totals.get((first, last))
    if total is None:
        count = sum(calendar.is_working(day) for day in _days(first, last))
        changes = _clock_changes(first.year, _zone(calendar.zone))
        gained = [
            by for day, by in changes.items() if first <= day <= last and calendar.is_working(day)
        ]
        total = calendar.block_totals[first, last] = (DAY * count, sum(gained, DAY * count))
    return total[0] if counting is Counting.WORKING_DAYS else total[1]


@lru_cache(maxsize=4096)
def _clock_changes(year: int, zone: ZoneInfo) -> dict[date, timedelta]:
    """The days of a year that are not 24 hours long, and by how much they are longer."""
    changes = {}
    begin = _midnight(date(year, 1, 1), zone)
    for day in _days(date(year, 1, 1), date(year, 12, 31)):
        end = _midnight(day + DAY, zone)
        if end - begin != DAY:
            changes[day] = end - begin - DAY
        begin = end
    return changes


def _days(first: date, last: date) -> list[date]:
    return [first + DAY * n for n in range((last - first).days + 1)]


def _next_working(day: date, calendar: Calendar, step: timedelta) -> date:
    """The first working day from `day` on, itself included; back in time by a negative step."""
    begin = day
    while not calendar.is_working(day):
        day += step
        _check(begin, day, calendar)
    return day


def _check(busy: date, day: date, calendar: Calendar) -> None:
    """Ends a walk that leaves the calendar, or has met no working day since `busy`."""
    if not calendar.first_year <= day.year <= calendar.last_year:
        raise UnreckonableError(
            f"The calendar of {calendar.country} covers the years {calendar.first_year} to "
            f"{calendar.last_year}, and {day.year} is needed."
        )
    if not -IDLE_DAYS < day.toordinal() - busy.toordinal() < IDLE_DAYS:
        first, last = sorted((busy, day))
        raise UnreckonableError(
            f"The calendar of {calendar.country} has no working day between {first} and {last}."
        )


@lru_cache(maxsize=100_000)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UnreckonableError(f"There is no time zone {name!r}.") from None


def _step_line(
    step: _Step | _Span, counting: Counting, calendar: Calendar, counted: timedelta
) -> str:
    if isinstance(step, _Span):
        zone = _zone(calendar.zone)
        return f"{_moment(step.since, zone)} to {_moment(step.until, zone)}: held, not counted."
    if step.block:
        return _block_line(step, counting, calendar, counted)
    days = _day(step.first)
    if step.last != step.first:
        return f"{days} to {_day(step.last)}: held, not counted."
    if step.why:
        return f"{days}: skipped, {step.why}."
    if not step.counted:
        return f"{days}: held, not counted."
    worked = calendar.working.get(step.first)
    working_only = counting in (Counting.WORKING_HOURS, Counting.WORKING_DAYS)
    note = f" (a working day: {worked})" if worked and working_only else ""
    held = f", {_length(step.held)} held" if step.held else ""
    if counting.by_days and not step.held and not counted % DAY:
        return f"{days}: day {counted // DAY} counted{note}."
    return f"{days}: {_length(step.counted)} counted{held}, {_length(counted)} so far{note}."


def _block_line(step: _Step, counting: Counting, calendar: Calendar, counted: timedelta) -> str:
    days = _days(step.first, step.last)
    is_month = step.first.month == step.last.month
    block = f"{MONTHS[step.first.month - 1]} {step.first.year}" if is_month else step.first.year
    so_far = f"{_length(counted)} so far"
    if counting.by_days and not counted % DAY:
        so_far = f"{counted // DAY} days so far"
    if counting in (Counting.CALENDAR_DAYS, Counting.SELLER_DAYS):
        return f"{block}: all {len(days)} days counted, {so_far}."
    idle = [day for day in days if not calendar.is_working(day)]
    holidays = [day for day in idle if day in calendar.holidays]
    skipped = [f"{len(idle) - len(holidays)} days of weekends"]
    if is_month:
        skipped += [f"{_short_day(day)} ({calendar.holidays[day]})" for day in holidays]
    else:
        skipped.append(f"{len(holidays)} holidays")
    return (
        f"{block}: {len(days) - len(idle)} working days counted, "
        f"{', '.join(skipped)} skipped, {so_far}."
    )


def _months_lines(walk: _Walk, counting: Counting, amount: int, zone: ZoneInfo) -> list[str]:
    begin = walk.start.astimezone(zone).date()
    end = months_later(begin, counting.months * amount)
    which = "the same date"
    if end.day != begin.day:
        which = "the month's last day, as it has no such date"
    lines = [f"{counting.words(amount)} later: {_day(end)}, {which}."]
    if walk.steps:
        lines.append(f"These are {(end - begin).days} days; what was held of them is not counted.")
    return lines


def _rolled_lines(walk: _Walk, calendar: Calendar) -> list[str]:
    if walk.unmoved is None or walk.last is None or walk.last == walk.unmoved:
        return []
    day = walk.unmoved
    if calendar.is_working(day):
        why = f"the last day is worked, but no period ends on a {calendar.why_no_end(day)}"
    else:
        why = f"the last day is no working day ({calendar.why_not(day)})"
    lines = [f"{_day(day)}: {why}, so the end moves to the next one."]
    while (day := day + DAY) < walk.last:
        lines.append(f"{_day(day)}: skipped, {calendar.why_no_end(day)}.")
    return lines


def _until(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    if _is_midnight(local):
        return f"until the end of {_day(local.date() - DAY)}"
    return _moment(instant, zone)


def _moment(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    # Only where the clock was set back does an hour come twice.
    again = " (the second time that the clock shows it)" if local.fold else ""
    time = f"{local:%H:%M:%S}" if local.second or local.microsecond else f"{local:%H:%M}"
    return f"{_day(local.date())} {time}{again}"


def _is_midnight(local: datetime) -> bool:
    """Whether a local instant ends a day; the first of all days has none before it."""
    return (
        local.hour == local.minute == local.second == local.microsecond == 0
        and local.date() > date.min
    )


def _day(day: date) -> str:
    return f"{_short_day(day)} {day.year}"


def _short_day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()][:3]} {day.day} {MONTHS[day.month - 1][:3]}"


def _length(span: timedelta) -> str:
    """A length of time in hours, minutes and seconds: "7 h 30 min"."""
    seconds = round(span.total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (seconds, "s")]
    return " ".join(f"{value} {unit}" for value, unit in parts if value) or "0 h"
