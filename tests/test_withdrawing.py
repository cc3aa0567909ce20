"""Who may withdraw, and until when: the pure rights (W1, directive 2011/83 art. 9-10)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.delivering import NO_REFUNDS, Refunds
from domain.orders import Line, Sale
from domain.policy import CancellationPolicy, WithdrawalPolicy
from domain.refusals import Code
from domain.withdrawing import (
    cancellation_refusal,
    right_to_cancel,
    right_to_withdraw,
    withdrawal_refusal,
)
from policies import read_calendar, read_policy
from tests.policies import COUNTRIES, EVERY_COUNTRY, OF_THE_FIVE


def sale(*hands: str | datetime | None, **more: Any) -> Sale:
    """An order whose parcels the buyer had in hand then."""
    return Sale.model_validate(
        {
            "currency": "EUR",
            "placed_at": "2026-01-02T10:00:00Z",
            "lines": [{"sku": "A", "title": "Lamp", "quantity": 1, "unit_price_minor": 100}],
            "parcels": [{"id": f"p{n}", "in_hand_at": hand} for n, hand in enumerate(hands)],
            **more,
        }
    )


def terms(country: str) -> WithdrawalPolicy:
    """The country's rules of withdrawals."""
    found = read_policy(country).withdrawal
    assert found
    return found


def last_day(country: str, of: Sale, refunds: Refunds = NO_REFUNDS) -> str | None:
    """The last local day on which the buyer may withdraw."""
    until = right_to_withdraw(of, terms(country), read_calendar(country, 2025, 2030), refunds).until
    if until is None:
        return None
    local = until.astimezone(ZoneInfo(read_policy(country).zone))
    assert (local.hour, local.minute) == (0, 0)
    return (local - timedelta(seconds=1)).date().isoformat()


@pytest.mark.parametrize(
    ("country", "hands", "last"),
    [
        pytest.param("PL", ["2026-12-11T15:00+01:00"], "2026-12-28", id="example 6"),
        pytest.param("SI", ["2026-12-10T15:00+01:00"], "2026-12-24", id="example 7"),
        pytest.param("PL", ["2026-12-10T15:00+01:00"], "2026-12-28", id="24 December is a holiday"),
        pytest.param("CZ", ["2026-03-02T23:59+01:00"], "2026-03-16", id="the event's day"),
        pytest.param("CZ", ["2026-03-02T23:30Z"], "2026-03-17", id="is the local one"),
        pytest.param("SK", ["2026-03-02T12:00Z", "2026-03-09T12:00Z"], "2026-03-23", id="last"),
        pytest.param("HU", ["2026-03-09T12:00Z", "2026-03-02T12:00Z"], "2026-03-23", id="of any"),
        pytest.param("SK", ["2026-03-02T12:00Z", None], None, id="one is still to come"),
        pytest.param("HU", [None], None, id="none is in hand"),
        pytest.param("PL", [], None, id="nothing was sent yet"),
    ],
)
def test_until_when_may_a_buyer_withdraw(
    country: str, hands: list[str | None], last: str | None
) -> None:
    assert last_day(country, sale(*hands)) == last


def parcel(number: int, hand: str | None, **lines: int) -> dict[str, Any]:
    named = [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]
    return {"id": f"p{number}", "lines": named, "in_hand_at": hand}


def named(**lines: int) -> tuple[Line, ...]:
    return tuple(Line(sku=sku, quantity=quantity) for sku, quantity in lines.items())


EARLY, LATE = "2026-03-02T12:00Z", "2026-03-30T12:00Z"


@pytest.mark.parametrize(
    ("parcels", "refunds", "last"),
    [
        pytest.param(
            [parcel(1, EARLY, A=2), parcel(2, None, B=1)], Refunds(), None, id="B is to come"
        ),
        pytest.param(
            [parcel(1, EARLY, A=2), parcel(2, None, B=1)],
            Refunds(named(B=1), named(B=1)),
            "2026-03-16",
            id="the contract for B was ended",
        ),
        pytest.param(
            [parcel(1, EARLY, A=2), parcel(2, None, B=1)],
            Refunds(named(B=1)),
            "2026-03-16",
            id="B was refunded by whatever way",
        ),
        pytest.param(
            [parcel(1, EARLY, A=1), parcel(2, None, A=1), parcel(3, None, B=1)],
            Refunds(named(A=1, B=1), named(A=1, B=1)),
            "2026-03-16",
            id="one A came and one never did",
        ),
        pytest.param(
            [parcel(1, EARLY, A=1, B=1), parcel(2, None, A=1)],
            Refunds(named(A=1)),
            None,
            id="of two A the one that came was given back",
        ),
        pytest.param(
            [parcel(1, EARLY, A=2), parcel(2, None, B=1), parcel(3, EARLY, B=1)],
            Refunds(),
            "2026-03-16",
            id="lost and sent again",
        ),
        pytest.param([parcel(1, EARLY, A=2)], Refunds(), None, id="B has no parcel yet"),
        pytest.param(
            [parcel(1, EARLY, A=2), parcel(2, LATE, B=1)],
            Refunds(named(B=1), named(B=1)),
            "2026-03-16",
            id="B came after its contract was ended",
        ),
        pytest.param(
            [parcel(1, EARLY, A=2), parcel(2, LATE, B=1)],
            Refunds(named(B=1)),
            "2026-04-13",
            id="B came last and was given back",
        ),
        pytest.param(
            [parcel(1, EARLY), parcel(2, None)], Refunds(), None, id="nobody knows what is in them"
        ),
        pytest.param(
            [parcel(1, EARLY, A=2), parcel(2, None)],
            Refunds(named(B=1), named(B=1)),
            "2026-03-16",
            id="nothing is left for the last one",
        ),
        pytest.param(
            [parcel(1, EARLY), parcel(2, None, B=1)], Refunds(), None, id="all but B is in it"
        ),
        pytest.param(
            [parcel(1, None, A=2, B=1)],
            Refunds(named(A=2, B=1), named(A=2, B=1)),
            None,
            id="nothing ever came",
        ),
    ],
)
def test_the_time_begins_with_the_last_of_the_units_that_are_owed(
    parcels: list[dict[str, Any]], refunds: Refunds, last: str | None
) -> None:
    lines = [
        {"sku": sku, "title": sku, "quantity": quantity, "unit_price_minor": 100}
        for sku, quantity in {"A": 2, "B": 1}.items()
    ]
    bought = sale(lines=lines, parcels=parcels)
    assert last_day("SK", bought, refunds) == last


@pytest.mark.parametrize(
    ("told", "last"),
    [
        pytest.param(None, "2027-03-16", id="never: 12 months more"),
        pytest.param("2026-03-01T12:00Z", "2026-03-16", id="before the goods came"),
        pytest.param("2026-03-05T12:00Z", "2026-03-19", id="soon after them"),
        pytest.param("2026-09-07T12:00Z", "2026-09-21", id="half a year later"),
        pytest.param("2027-03-01T12:00Z", "2027-03-15", id="just before the end"),
        pytest.param("2027-03-10T12:00Z", "2027-03-16", id="no longer than never"),
        pytest.param("2027-06-01T12:00Z", "2027-03-16", id="when it was over"),
    ],
)
def test_until_when_if_the_buyer_was_not_informed(told: str | None, last: str) -> None:
    of = sale("2026-03-02T12:00Z", informed=False, informed_at=told)
    assert last_day("CZ", of) == last


@pytest.mark.parametrize(
    ("country", "hand", "last"),
    [
        pytest.param("PL", "2026-12-11T15:00+01:00", "2027-12-28", id="from the end that moved"),
        pytest.param("CZ", "2027-02-20T12:00Z", "2028-03-08", id="by the calendar's months"),
        pytest.param("CZ", "2028-02-15T12:00Z", "2029-02-28", id="a month that is shorter"),
        pytest.param("SI", "2026-04-17T12:00Z", "2027-05-04", id="to a working day"),
    ],
)
def test_twelve_months_are_counted_from_the_end_of_the_fourteen_days(
    country: str, hand: str, last: str
) -> None:
    assert last_day(country, sale(hand, informed=False)) == last


moments = st.integers(0, 730 * 1440).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@settings(deadline=None)
@given(country=st.sampled_from(COUNTRIES), hand=moments, told=moments)
def test_being_told_late_never_gives_longer_than_never_nor_shorter_than_in_time(
    country: str, hand: datetime, told: datetime
) -> None:
    calendar = read_calendar(country, 2026, 2030)
    in_time, late, never = (
        right_to_withdraw(of, terms(country), calendar).until
        for of in (
            sale(hand),
            sale(hand, informed=False, informed_at=told),
            sale(hand, informed=False),
        )
    )
    assert in_time
    assert late
    assert never
    assert in_time <= late <= never
    assert in_time - hand >= timedelta(days=14) - timedelta(hours=1)


@EVERY_COUNTRY
@pytest.mark.parametrize("buyer_class", ["consumer", "sole-trader", "business"])
def test_who_has_the_right_in_which_country(country: str, buyer_class: str) -> None:
    rules = terms(country)
    may = buyer_class == "consumer" or (rules.sole_traders and buyer_class == "sole-trader")
    of = sale("2026-03-02T12:00Z", buyer_class=buyer_class)
    at = datetime(2026, 3, 3, tzinfo=UTC)
    refusal = withdrawal_refusal(of, terms(country), read_calendar(country, 2026, 2028), at)
    assert (refusal is None) is may
    if refusal:
        assert refusal.code is Code.NO_RIGHT
        assert f"A {buyer_class} has no right to withdraw in {country}" in refusal.sentence


@OF_THE_FIVE
def test_the_last_instant_is_in_time_and_the_next_is_refused_with_the_reckoning(
    country: str,
) -> None:
    of, calendar = sale("2026-03-02T12:00Z"), read_calendar(country, 2026, 2028)
    end = datetime(2026, 3, 17, tzinfo=ZoneInfo(read_policy(country).zone))
    before = end - timedelta(microseconds=1)
    assert withdrawal_refusal(of, terms(country), calendar, before) is None
    refusal = withdrawal_refusal(of, terms(country), calendar, end)
    assert refusal
    assert refusal.code is Code.TOO_LATE
    for said in (
        "it lasted until the end of Mon 16 Mar 2026, 14 calendar days from the last parcel in hand",
        "Mon 2 Mar 2026: not counted, the event's day.",
        "Mon 16 Mar 2026: day 14 counted.",
        f"Calendar: {calendar.version}.",
        "open a dispute",
    ):
        assert said in refusal.sentence


def test_a_refusal_says_which_of_the_longer_times_has_ended() -> None:
    calendar, at = read_calendar("SI", 2025, 2030), datetime(2028, 1, 10, tzinfo=UTC)
    of = sale("2026-03-02T12:00Z", informed=False)
    refusal = withdrawal_refusal(of, terms("SI"), calendar, at)
    assert refusal
    assert "it lasted until the end of Tue 16 Mar 2027, 12 months longer" in refusal.sentence
    late = sale("2026-03-02T12:00Z", informed=False, informed_at="2026-09-07T12:00Z")
    refusal = withdrawal_refusal(late, terms("SI"), calendar, at)
    assert refusal
    assert "Mon 21 Sep 2026" in refusal.sentence
    assert "from the information that came late" in refusal.sentence
    # Older than the case's calendar: over, and nothing is reckoned.
    refusal = withdrawal_refusal(sale("2019-03-02T12:00Z"), terms("SI"), calendar, at)
    assert refusal
    assert "the last parcel in hand was in 2019" in refusal.sentence


@OF_THE_FIVE
def test_an_order_is_cancelled_for_three_days_unless_it_was_sent(country: str) -> None:
    rules = read_policy(country).cancellation
    assert isinstance(rules, CancellationPolicy)
    calendar, of = read_calendar(country, 2026, 2028), sale(placed_at="2026-03-02T12:00Z")
    end = datetime(2026, 3, 6, tzinfo=ZoneInfo(read_policy(country).zone))
    assert right_to_cancel(of, rules, calendar).until == end
    assert cancellation_refusal(of, rules, calendar, end - timedelta(seconds=1)) is None
    late = cancellation_refusal(of, rules, calendar, end)
    assert late
    assert late.code is Code.TOO_LATE
    assert "Thu 5 Mar 2026: day 3 counted." in late.sentence
    sent = cancellation_refusal(sale(shipped=True), rules, calendar, end - timedelta(days=2))
    assert sent
    assert sent.code is Code.ALREADY_SENT
