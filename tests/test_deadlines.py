"""Is time counted as the policies say? By worked examples, and by a second count in minutes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendars import Calendar
from domain.deadlines import Counting, Due, Held, UnreckonableError, explain, reckon, spoken
from policies import countries, read_calendar

CALENDARS = {country: read_calendar(country, 2025, 2028) for country in countries()}
LONG = read_calendar("SI", 2020, 2060)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

HOURS = Counting.WORKING_HOURS
DAYS = Counting.CALENDAR_DAYS
DUTY = Counting.SELLER_DAYS
WORKDAYS = Counting.WORKING_DAYS


def local(country: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(CALENDARS[country].zone))


def held(country: str, since: str, until: str) -> Held:
    return Held(since=local(country, since), until=local(country, until))


@pytest.mark.parametrize(
    ("counting", "amount", "country", "start", "due"),
    [
        pytest.param(HOURS, 24, "SI", "2026-04-03T16:30", "2026-04-07T16:30", id="1"),
        pytest.param(HOURS, 24, "CZ", "2026-04-03T16:30", "2026-04-08T00:00", id="2"),
        pytest.param(HOURS, 24, "SI", "2026-03-27T16:30", "2026-03-30T16:30", id="3"),
        pytest.param(HOURS, 24, "SI", "2026-05-02T09:00", "2026-05-05T00:00", id="4"),
        pytest.param(HOURS, 24, "PL", "2026-12-24T14:00", "2026-12-29T00:00", id="5"),
        pytest.param(DAYS, 14, "PL", "2026-12-11", "2026-12-29T00:00", id="6"),
        pytest.param(DAYS, 14, "SI", "2026-12-10", "2026-12-25T00:00", id="7"),
        pytest.param(Counting.HOURS, 24, "PL", "2026-10-24T12:00", "2026-10-25T11:00", id="11"),
        pytest.param(WORKDAYS, 2, "PL", "2026-04-02T10:00", "2026-04-08T00:00", id="two-days"),
        pytest.param(HOURS, 24, "HU", "2026-08-07T12:00", "2026-08-08T12:00", id="worked-saturday"),
        pytest.param(
            Counting.SECONDS, 6, "SI", "2026-04-04T12:00:01", "2026-04-04T12:00:07", id="seconds"
        ),
    ],
)
def test_worked_examples_are_due_when_policy_says(
    counting: Counting, amount: int, country: str, start: str, due: str
) -> None:
    found = reckon(counting, amount, local(country, start), CALENDARS[country])
    assert found == Due(due=local(country, due).astimezone(UTC))


def test_example_3_crosses_the_change_to_summer_time() -> None:
    due = reckon(HOURS, 24, local("SI", "2026-03-27T16:30"), CALENDARS["SI"]).due
    assert due == datetime(2026, 3, 30, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "country", "start", "due", "safe"),
    [
        pytest.param(14, "PL", "2026-04-17T12:00+02:00", "2026-05-05", "2026-05-01", id="8"),
        pytest.param(8, "SI", "2026-04-17T12:00+02:00", "2026-04-29", "2026-04-25", id="9"),
        pytest.param(14, "PL", "2026-11-18T23:30Z", "2026-12-04", "2026-12-04", id="10"),
        pytest.param(
            1, "PL", "2026-05-01T12:00+02:00", "2026-05-05", "2026-05-01", id="safe-before-start"
        ),
    ],
)
def test_a_sellers_duty_has_a_safe_end_before_the_due_one(
    amount: int, country: str, start: str, due: str, safe: str
) -> None:
    found = reckon(DUTY, amount, datetime.fromisoformat(start), CALENDARS[country])
    assert found == Due(
        due=local(country, due).astimezone(UTC), safe=local(country, safe).astimezone(UTC)
    )


def test_example_12_does_not_count_held_time() -> None:
    spans = [held("SI", "2026-06-16T14:00", "2026-06-17T14:00")]
    due = reckon(HOURS, 24, local("SI", "2026-06-15T20:00"), CALENDARS["SI"], spans).due
    assert due == local("SI", "2026-06-17T20:00")


MONTHS = Counting.CALENDAR_MONTHS
YEARS = Counting.CALENDAR_YEARS


@pytest.mark.parametrize(
    ("counting", "amount", "start", "due"),
    [
        pytest.param(YEARS, 1, "2027-06-01T10:00", "2028-06-02", id="over-a-leap-day"),
        pytest.param(MONTHS, 12, "2027-06-01T10:00", "2028-06-02", id="as-many-months"),
        pytest.param(YEARS, 2, "2026-03-10T23:59", "2028-03-11", id="two-years"),
        pytest.param(YEARS, 1, "2028-02-29T10:00", "2029-03-01", id="from-a-leap-day"),
        pytest.param(YEARS, 4, "2028-02-29T10:00", "2032-03-02", id="leap-to-leap-on-a-sunday"),
        pytest.param(MONTHS, 1, "2027-01-31T10:00", "2027-03-02", id="clipped-then-a-sunday"),
        pytest.param(MONTHS, 1, "2029-01-30T10:00", "2029-03-01", id="no-30-february"),
        pytest.param(MONTHS, 1, "2027-02-28T10:00", "2027-03-31", id="not-to-the-31st-but-easter"),
        pytest.param(MONTHS, 3, "2026-11-30T00:00", "2027-03-02", id="over-the-year"),
        pytest.param(MONTHS, 6, "2026-07-01T10:00", "2027-01-05", id="from-new-year-to-the-4th"),
    ],
)
def test_months_and_years_end_on_the_same_date_or_the_months_last_day(
    counting: Counting, amount: int, start: str, due: str
) -> None:
    assert reckon(counting, amount, local("SI", start), LONG) == Due(
        due=local("SI", due).astimezone(UTC)
    )


def test_the_explanation_of_months_names_their_last_day_and_what_was_held() -> None:
    start = local("SI", "2027-01-31T10:00")
    lines = explain(MONTHS, 1, start, LONG)
    assert lines[2:-1] == [
        "Sun 31 Jan 2027: not counted, the event's day.",
        "1 calendar month later: Sun 28 Feb 2027, the month's last day, as it has no such date.",
        "Sun 28 Feb 2027: the last day is no working day (Sunday), so the end moves to the next "
        "one.",
        "Due: until the end of Mon 1 Mar 2027.",
    ]
    spans = [held("SI", "2027-02-10", "2027-02-12")]
    lines = explain(MONTHS, 1, start, LONG, spans)
    assert lines[4] == "These are 28 days; what was held of them is not counted."
    assert "Wed 10 Feb 2027 to Thu 11 Feb 2027: held, not counted." in lines
    assert "Tue 2 Mar 2027: day 28 counted." in lines
    assert lines[-2] == "Due: until the end of Tue 2 Mar 2027."


def test_what_is_held_after_the_last_day_of_months_moves_nothing() -> None:
    start = local("SI", "2026-06-15T10:00")
    for span in (
        ("2026-06-15T00:00", "2026-06-16T00:00"),
        ("2026-07-16T00:00", "2026-07-20T00:00"),
    ):
        assert reckon(MONTHS, 1, start, LONG, [held("SI", *span)]).due == local("SI", "2026-07-16")


@pytest.mark.parametrize(
    ("counting", "amount", "start", "due"),
    [
        pytest.param(DAYS, 14, "2026-07-25T10:00", "2026-08-11", id="worked-saturday"),
        pytest.param(DAYS, 14, "2025-12-27T10:00", "2026-01-13", id="another"),
        pytest.param(MONTHS, 1, "2026-07-08T10:00", "2026-08-11", id="months"),
        pytest.param(YEARS, 1, "2025-08-08T10:00", "2026-08-11", id="years"),
        pytest.param(WORKDAYS, 1, "2026-08-07T10:00", "2026-08-09", id="working-days"),
        pytest.param(DAYS, 14, "2026-08-07T10:00", "2026-08-25", id="a-day-off-in-exchange"),
    ],
)
def test_a_right_ends_on_no_saturday_even_where_it_is_worked(
    counting: Counting, amount: int, start: str, due: str
) -> None:
    found = reckon(counting, amount, local("HU", start), CALENDARS["HU"]).due
    assert found == local("HU", due)


def test_a_sellers_duty_ends_on_a_saturday_that_is_worked() -> None:
    end = local("HU", "2026-08-09").astimezone(UTC)
    due = reckon(DUTY, 14, local("HU", "2026-07-25T10:00"), CALENDARS["HU"])
    assert due == Due(due=end, safe=end)


def test_a_calendar_that_was_pinned_before_lets_a_right_end_on_a_saturday_that_is_worked() -> None:
    known = CALENDARS["HU"].model_dump(mode="json", exclude={"periods_end_on_worked"})
    pinned = Calendar.model_validate(known)
    start = local("HU", "2026-07-25T10:00")
    assert reckon(DAYS, 14, start, pinned).due == local("HU", "2026-08-09")
    lines = explain(DAYS, 14, start, CALENDARS["HU"])
    assert (
        "Sat 8 Aug 2026: the last day is worked, but no period ends on a Saturday, so the end "
        "moves to the next one." in lines
    )
    assert "Sun 9 Aug 2026: skipped, Sunday." in lines


def test_a_state_holiday_that_is_a_working_day_moves_nothing_but_its_weekend_does() -> None:
    calendar = read_calendar("SK", 2025, 2035)
    for start, due in (("2026-11-03", "2026-11-18"), ("2029-11-03", "2029-11-20")):
        assert reckon(DAYS, 14, local("SK", f"{start}T10:00"), calendar).due == local("SK", due)


@pytest.mark.parametrize(
    ("spans", "due"),
    [
        pytest.param([], "2026-06-17", id="none"),
        pytest.param([("2026-06-16T10:00", "2026-06-17T10:00")], "2026-06-18", id="a-day-in-all"),
        pytest.param([("2026-06-16T10:00", "2026-06-16T10:01")], "2026-06-18", id="a-minute"),
        pytest.param(
            [("2026-06-16T10:00", "2026-06-17T09:00"), ("2026-06-16T12:00", "2026-06-17T10:01")],
            "2026-06-19",
            id="overlapping-and-a-minute-more",
        ),
        pytest.param([("2026-06-01T00:00", "2026-06-16T00:00")], "2026-06-17", id="before"),
        pytest.param([("2026-06-16T10:00", "2026-06-16T10:00")], "2026-06-17", id="empty"),
    ],
)
def test_a_held_day_counts_by_its_share_and_a_begun_day_whole(
    spans: list[tuple[str, str]], due: str
) -> None:
    ledger = [held("SI", since, until) for since, until in spans]
    start = local("SI", "2026-06-15T20:00")
    found = reckon(WORKDAYS, 1, start, CALENDARS["SI"], ledger).due
    assert found == local("SI", due)


def test_a_day_of_23_hours_is_one_day_whatever_of_it_was_held() -> None:
    calendar = CALENDARS["PL"]
    start = local("PL", "2026-03-28T12:00")
    first_half = [held("PL", "2026-03-29T00:00", "2026-03-29T12:00")]
    with_next_half = [*first_half, held("PL", "2026-03-30T12:00", "2026-03-31T00:00")]
    assert reckon(DAYS, 1, start, calendar, first_half).due == local("PL", "2026-03-31")
    assert reckon(DAYS, 1, start, calendar, with_next_half).due == local("PL", "2026-03-31")


def test_a_hold_inside_the_hour_that_comes_twice_never_adds_time() -> None:
    calendar = CALENDARS["PL"]
    start = local("PL", "2026-10-24T12:00")
    # 02:45 in summer time to 02:15 in winter time: 30 minutes that seem to go backwards.
    span = Held(
        since=datetime(2026, 10, 25, 0, 45, tzinfo=UTC),
        until=datetime(2026, 10, 25, 1, 15, tzinfo=UTC),
    )
    assert reckon(DAYS, 1, start, calendar, [span]).due == local("PL", "2026-10-27")


# A deliberately dumb second opinion: walks minute by minute, and shares nothing with the real one.


def is_held(instant: datetime, spans: Sequence[Held]) -> bool:
    return any(span.since <= instant < span.until for span in spans)


def works(day: date, calendar: Calendar) -> bool:
    if day in calendar.working:
        return True
    return day.isoweekday() <= 5 and day not in calendar.holidays


def days_of(months: int, begin: date) -> int:
    """How many days there are to the same date so many months later, or the month's last day."""
    day, left = begin, months
    while left:
        day += DAY
        left -= day.day == 1
    while day.day < begin.day and (day + DAY).month == day.month:
        day += DAY
    return (day - begin).days


def by_minutes(
    counting: Counting, amount: int, start: datetime, calendar: Calendar, spans: Sequence[Held]
) -> Due:
    zone = ZoneInfo(calendar.zone)
    if counting in (Counting.HOURS, Counting.WORKING_HOURS):
        minutes, at = 0, start
        while minutes < amount * 60:
            counts = counting is Counting.HOURS or works(at.astimezone(zone).date(), calendar)
            if counts and not is_held(at, spans):
                minutes += 1
            at += MINUTE
        return Due(due=at)
    minutes, day = 0, start.astimezone(zone).date()
    if counting in (Counting.CALENDAR_MONTHS, Counting.CALENDAR_YEARS):
        amount = days_of(amount * (12 if counting is Counting.CALENDAR_YEARS else 1), day)
    while minutes < amount * 24 * 60:
        day += DAY
        if counting is Counting.WORKING_DAYS and not works(day, calendar):
            continue
        begins, ends = end_of(day - DAY, zone), end_of(day, zone)
        if not any(span.since < ends and begins < span.until for span in spans):
            minutes += 24 * 60
            continue
        wall, free = datetime(day.year, day.month, day.day), True  # noqa: DTZ001 - the local clock
        for _ in range(24 * 60):
            instant = wall.replace(tzinfo=zone).astimezone(UTC)
            exists = instant.astimezone(zone).replace(tzinfo=None) == wall
            # A minute that the clock skips is as free as the last one before it.
            free = not is_held(instant, spans) if exists else free
            minutes += free
            wall += MINUTE
    unmoved = day
    if counting is Counting.SELLER_DAYS:
        while not works(day, calendar):
            day += DAY
    elif counting is not Counting.WORKING_DAYS:
        while day.isoweekday() > 5 or day in calendar.holidays:
            day += DAY
    due = Due(due=end_of(day, zone))
    if counting is Counting.SELLER_DAYS:
        while not works(unmoved, calendar):
            unmoved -= DAY
        return due.model_copy(update={"safe": end_of(unmoved, zone)})
    return due


def end_of(day: date, zone: ZoneInfo) -> datetime:
    following = day + DAY
    return datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)


TIMES_TO_TRY = [
    datetime(2026, 3, 27, tzinfo=UTC),
    datetime(2026, 4, 1, tzinfo=UTC),
    datetime(2026, 4, 29, tzinfo=UTC),
    datetime(2026, 8, 6, tzinfo=UTC),
    datetime(2026, 10, 23, tzinfo=UTC),
    datetime(2026, 12, 22, tzinfo=UTC),
]
"""Around changes of the clock, holidays, and a Saturday that is worked (HU)."""


@st.composite
def starts(draw: st.DrawFn) -> datetime:
    return draw(st.sampled_from(TIMES_TO_TRY)) + MINUTE * draw(st.integers(0, 4 * 1440))


@st.composite
def ledgers(draw: st.DrawFn, start: datetime) -> list[Held]:
    spans = []
    for _ in range(draw(st.integers(0, 4))):
        since = start + MINUTE * draw(st.integers(-1440, 5 * 1440))
        length = draw(st.one_of(st.integers(0, 90), st.integers(0, 3 * 1440)))
        spans.append(Held(since=since, until=since + MINUTE * length))
    return spans


COUNTINGS = st.sampled_from(Counting)
CALENDAR = st.sampled_from(list(CALENDARS.values()))
AMOUNTS = {
    Counting.WORKING_HOURS: 60,
    Counting.HOURS: 100,
    Counting.SECONDS: 500_000,
    Counting.CALENDAR_DAYS: 9,
    Counting.SELLER_DAYS: 9,
    Counting.WORKING_DAYS: 5,
    Counting.CALENDAR_MONTHS: 3,
    Counting.CALENDAR_YEARS: 1,
}


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_it_agrees_with_a_count_by_minutes(data: st.DataObject) -> None:
    counting = data.draw(COUNTINGS.filter(lambda counting: counting is not Counting.SECONDS))
    amount = data.draw(st.integers(1, AMOUNTS[counting]))
    calendar, start = data.draw(CALENDAR), data.draw(starts())
    spans = data.draw(ledgers(start))
    expected = by_minutes(counting, amount, start, calendar, spans)
    assert reckon(counting, amount, start, calendar, spans) == expected


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_more_time_or_a_later_start_is_never_due_earlier(data: st.DataObject) -> None:
    counting, calendar = data.draw(COUNTINGS), data.draw(CALENDAR)
    start, amount = data.draw(starts()), data.draw(st.integers(1, AMOUNTS[counting]))
    spans = data.draw(ledgers(start))
    later = start + timedelta(seconds=data.draw(st.integers(0, 400_000)))
    more = amount + data.draw(st.integers(0, 40 if not counting.months else 12 // counting.months))
    if counting.months:
        spans = []  # what is held on the 31st delays whoever began on the 30th, not the one after
    base = reckon(counting, amount, start, calendar, spans)
    for other in (
        reckon(counting, more, start, calendar, spans),
        reckon(counting, amount, later, calendar, spans),
    ):
        assert base.due <= other.due
        # The last day only moves forward, and so does the last working day at or before it.
        if base.safe is not None and other.safe is not None:
            assert base.safe <= other.safe
    assert start < base.due


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_holding_a_clock_never_makes_it_due_earlier(data: st.DataObject) -> None:
    counting, calendar = data.draw(COUNTINGS), data.draw(CALENDAR)
    start, amount = data.draw(starts()), data.draw(st.integers(1, AMOUNTS[counting]))
    spans = data.draw(ledgers(start))
    without = reckon(counting, amount, start, calendar)
    assert reckon(counting, amount, start, calendar, spans).due >= without.due
    order = data.draw(st.permutations(spans))
    assert reckon(counting, amount, start, calendar, order) == reckon(
        counting, amount, start, calendar, [*spans, *spans]
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_held_time_adds_up(data: st.DataObject) -> None:
    counting = data.draw(st.sampled_from([Counting.HOURS, Counting.SECONDS]))
    amount = data.draw(st.integers(1, AMOUNTS[counting]))
    start = data.draw(starts())
    # Spans that do not touch, so that their lengths can simply be added.
    at, spans = start, []
    for gap, length in data.draw(
        st.lists(st.tuples(st.integers(1, 9000), st.integers(1, 90_000)), max_size=5)
    ):
        since = at + timedelta(seconds=gap)
        at = since + timedelta(seconds=length)
        spans.append(Held(since=since, until=at))
    due = reckon(counting, amount, start, LONG, spans).due
    passed = [span.until - span.since for span in spans if span.since < due]
    assert due - start == counting.unit * amount + sum(passed, timedelta(0))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_explanation_says_what_is_reckoned(data: st.DataObject) -> None:
    counting, calendar = data.draw(COUNTINGS), data.draw(CALENDAR)
    start, amount = data.draw(starts()), data.draw(st.integers(1, AMOUNTS[counting]))
    spans = data.draw(ledgers(start))
    found = reckon(counting, amount, start, calendar, spans)
    lines = explain(counting, amount, start, calendar, spans)
    zone = ZoneInfo(calendar.zone)
    said = {line.split(":")[0]: line for line in lines}
    assert_says(said["Due"], found.due.astimezone(zone))
    if found.safe is not None:
        assert_says(said["Safe"], found.safe.astimezone(zone))
    assert calendar.version in lines[-1]
    if counting is Counting.WORKING_HOURS:
        last = [line for line in lines if "so far" in line][-1]
        assert f" {amount} h so far" in last


def assert_says(line: str, moment: datetime) -> None:
    """Whether a line names a local moment, the end of a day by that day."""
    before = moment - timedelta(seconds=1)
    if moment.time().isoformat() == "00:00:00":
        assert f"until the end of {before:%a} {before.day} {before:%b} {before.year}" in line
    else:
        assert f"{moment:%a} {moment.day} {moment:%b} {moment.year} {moment:%H:%M}" in line


@pytest.mark.parametrize("counting", [HOURS, DAYS, DUTY, WORKDAYS])
def test_each_local_day_has_its_line_counted_or_skipped(counting: Counting) -> None:
    start = local("SI", "2026-04-17T10:00")
    amount = 200 if counting is HOURS else 12
    lines = explain(counting, amount, start, CALENDARS["SI"])
    first, last = date(2026, 4, 17), reckon(counting, amount, start, CALENDARS["SI"]).due.date()
    day = first
    while day < last:
        name = f"{day:%a} {day.day} {day:%b} {day.year}: "
        assert any(line.startswith(name) for line in lines), name
        day += DAY


def test_the_explanation_names_the_reason_of_each_skipped_day() -> None:
    lines = explain(HOURS, 24, local("SI", "2026-04-03T16:30"), CALENDARS["SI"])
    assert lines == [
        "24 working hours, SI (Europe/Ljubljana).",
        "Starts Fri 3 Apr 2026 16:30.",
        "Fri 3 Apr 2026: 7 h 30 min counted, 7 h 30 min so far.",
        "Sat 4 Apr 2026: skipped, Saturday.",
        "Sun 5 Apr 2026: skipped, Easter Sunday.",
        "Mon 6 Apr 2026: skipped, Easter Monday.",
        "Tue 7 Apr 2026: 16 h 30 min counted, 24 h so far.",
        "Due: Tue 7 Apr 2026 16:30.",
        f"Calendar: {CALENDARS['SI'].version}.",
    ]


def test_the_explanation_shows_how_an_end_is_rolled() -> None:
    lines = explain(DUTY, 14, local("PL", "2026-04-17"), CALENDARS["PL"])
    assert lines[2] == "Fri 17 Apr 2026: not counted, the event's day."
    assert lines[-6:-1] == [
        "Fri 1 May 2026: the last day is no working day (National Day), "
        "so the end moves to the next one.",
        "Sat 2 May 2026: skipped, Saturday.",
        "Sun 3 May 2026: skipped, National Day of the Third of May.",
        "Due: until the end of Mon 4 May 2026.",
        "Safe: until the end of Thu 30 Apr 2026, the last working day before Fri 1 May 2026.",
    ]


@pytest.mark.parametrize("counting", list(Counting))
def test_ten_years_are_reckoned_by_blocks_as_by_days(counting: Counting) -> None:
    start = local("SI", "2026-02-01T16:30")
    # A minute held in the middle of each month makes every month be walked day by day.
    minutes = [
        Held(since=at, until=at + MINUTE)
        for year in range(2026, 2041)
        for month in range(1, 13)
        for at in [datetime(year, month, 15, 12, tzinfo=UTC)]
    ]
    amount = counting.most
    free = reckon(counting, amount, start, LONG).due
    walked = reckon(counting, amount, start, LONG, minutes).due
    assert timedelta(0) <= walked - free <= timedelta(days=5)
    assert len(explain(counting, amount, start, LONG)) < 150
    if counting is Counting.HOURS:
        assert free - start == timedelta(hours=amount)


def test_whole_months_count_the_same_as_their_days() -> None:
    for counting in (HOURS, WORKDAYS):
        unit = 24 if counting is HOURS else 1
        at = local("SI", "2026-01-01").astimezone(UTC)
        end = reckon(counting, 500 * unit, at, LONG).due
        worked = sum(
            works(date(2026, 1, 1) + DAY * n, LONG)
            for n in range(1 if counting is WORKDAYS else 0, 1500)
            if end_of(date(2026, 1, 1) + DAY * n, ZoneInfo(LONG.zone)) <= end
        )
        assert worked == 500


@pytest.mark.parametrize("counting", list(Counting))
@pytest.mark.parametrize("amount", [0, -1, 10**18, True, 1.5, float("nan"), "24"])
def test_an_absurd_amount_is_refused(counting: Counting, amount: int) -> None:
    with pytest.raises(UnreckonableError, match="amount"):
        reckon(counting, amount, local("SI", "2026-04-03"), LONG)


@pytest.mark.parametrize("counting", [HOURS, DAYS, DUTY, WORKDAYS])
@pytest.mark.parametrize("year", [1, 2019, 2061, 9999])
def test_a_year_that_the_calendar_does_not_cover_is_named(counting: Counting, year: int) -> None:
    with pytest.raises(UnreckonableError, match=f"2020 to 2060, and {year} is needed"):
        reckon(counting, 5, datetime(year, 6, 1, tzinfo=UTC), LONG)


@pytest.mark.parametrize("counting", list(Counting))
@pytest.mark.parametrize(
    "start",
    [
        datetime.fromisoformat("0001-01-01T00:00+14:00"),
        datetime.fromisoformat("9999-12-31T23:59Z"),
        datetime.fromisoformat("9999-12-31T23:59-14:00"),
    ],
)
def test_dates_beyond_all_dates_are_refused(counting: Counting, start: datetime) -> None:
    with pytest.raises(UnreckonableError):
        reckon(counting, counting.most, start, LONG)


def test_a_start_without_an_offset_is_refused() -> None:
    with pytest.raises(UnreckonableError, match="offset"):
        reckon(HOURS, 24, datetime(2026, 4, 3), LONG)  # noqa: DTZ001 - that is the point


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    span = held("SI", "2026-06-17T14:00", "2026-06-16T14:00")
    with pytest.raises(UnreckonableError, match="ends before it begins"):
        reckon(HOURS, 24, local("SI", "2026-06-15T20:00"), LONG, [span])


@pytest.mark.parametrize("counting", [HOURS, DAYS, DUTY, WORKDAYS])
def test_a_clock_held_for_ages_ends_at_the_calendars_edge(counting: Counting) -> None:
    ages = Held(since=datetime(2026, 6, 1, tzinfo=UTC), until=datetime(9999, 6, 1, tzinfo=UTC))
    with pytest.raises(UnreckonableError, match="9999 is needed"):
        reckon(counting, 24, datetime(2026, 6, 1, tzinfo=UTC), LONG, [ages])


@pytest.mark.parametrize("counting", [HOURS, DAYS, DUTY, WORKDAYS])
def test_a_calendar_without_a_working_day_is_refused(counting: Counting) -> None:
    never = Calendar(
        country="SI",
        zone="Europe/Ljubljana",
        version="never",
        first_year=1,
        last_year=9999,
        holidays={date(2026, 1, 1) + DAY * n: "rest" for n in range(-800, 800)},
    )
    with pytest.raises(UnreckonableError, match="no working day between"):
        reckon(counting, 5, datetime(2026, 1, 1, tzinfo=UTC), never)


def test_an_unknown_zone_is_refused() -> None:
    nowhere = LONG.model_copy(update={"zone": "Europe/Nowhere"})
    with pytest.raises(UnreckonableError, match="Europe/Nowhere"):
        reckon(HOURS, 24, datetime(2026, 1, 1, tzinfo=UTC), nowhere)


def test_a_calendar_that_was_reckoned_with_is_still_the_same_value() -> None:
    fresh = read_calendar("SI", 2020, 2060).model_copy(deep=True)
    used = Calendar.model_validate_json(fresh.model_dump_json())
    reckon(WORKDAYS, 1000, datetime(2026, 1, 1, tzinfo=UTC), used)
    assert used.block_totals
    assert used == Calendar.model_validate_json(fresh.model_dump_json())
    assert used.model_dump_json() == fresh.model_dump_json()


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-04-07T16:30", "Tue 7 Apr 2026 16:30"),
        ("2026-12-29T00:00", "end of Mon 28 Dec 2026"),
        ("2026-12-29T00:00:30", "Tue 29 Dec 2026 00:00"),
        ("2027-01-01T00:00", "end of Thu 31 Dec 2026"),
    ],
)
def test_an_instant_is_spoken_as_a_person_says_it(moment: str, words: str) -> None:
    assert spoken(local("SI", moment).astimezone(UTC), "Europe/Ljubljana") == words
