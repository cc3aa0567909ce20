"""The rights behind a complaint: who, until when, of what, and which remedies are open?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.commands import Remedy
from domain.complaining import (
    FIRST_TIER,
    SECOND_TIER,
    by_word,
    chooses_freely,
    complaining_refusal,
    delivered_at,
    grant_refusal,
    has_consumers_rights,
    parcels_of,
    right_to_complain,
    same_day,
    terms_for,
)
from domain.goods import ReturnReason
from domain.money import Money
from domain.openings import OpenComplaint
from domain.orders import BuyerClass, Line, OrderedLine, Parcel, Sale
from domain.parties import Actor, Party
from domain.policy import ComplaintPolicy, OnSilence
from domain.refusals import Refusal
from policies import read_calendar, read_policy
from tests.policies import EVERY_COUNTRY, OF_THE_FIVE

BUYER = Actor(party=Party.BUYER, id="b-1")
PLACED = datetime(2026, 3, 2, 10, tzinfo=UTC)
HAND = datetime(2026, 3, 10, 15, tzinfo=UTC)
AT = datetime(2026, 4, 1, 9, tzinfo=UTC)
A, B = Line(sku="A", quantity=2), Line(sku="B", quantity=1)
ONE_A = Line(sku="A", quantity=1)


def sale(*parcels: Parcel, buyer: BuyerClass = BuyerClass.CONSUMER) -> Sale:
    return Sale(
        currency="PLN",
        placed_at=PLACED,
        lines=(
            OrderedLine(sku="A", title="Lamp", quantity=2, unit_price_minor=10_000),
            OrderedLine(sku="B", title="Shade", quantity=1, unit_price_minor=5_000),
        ),
        delivery_paid_minor=999,
        buyer_class=buyer,
        parcels=parcels,
    )


def parcel(number: int, *lines: Line, hand: datetime | None = HAND, **more: Any) -> Parcel:
    return Parcel(id=f"p{number}", lines=lines, in_hand_at=hand, **more)


def terms(country: str = "PL") -> ComplaintPolicy:
    found = read_policy(country).complaint
    assert found
    return found


def refused(
    bought: Sale, at: datetime = AT, lines: tuple[Line, ...] = (A, B), **opening: Any
) -> Refusal | None:
    complaint = OpenComplaint(
        **{
            "country": "PL",
            "order_id": "1",
            "opened_by": BUYER,
            "text": "It is broken.",
            "reason": ReturnReason.DEFECTIVE,
            "wanted": Remedy.REPAIR,
            **opening,
        }
    )
    calendar = read_calendar("PL", 2026, 2031)
    return complaining_refusal(
        complaint, bought, lines, terms(), calendar, at=at, left=bought.paid_for(lines)
    )


def code(refusal: Refusal | None) -> str | None:
    return refusal.code if refusal else None


def test_goods_are_delivered_once_all_the_units_named_are_in_hand() -> None:
    later = HAND + timedelta(days=4)
    two = sale(parcel(1, ONE_A, B), parcel(2, ONE_A, hand=later))
    assert delivered_at(two, (ONE_A, B)) == later
    assert delivered_at(two, (B,)) == HAND
    assert delivered_at(two, (A,)) == later
    missing = sale(parcel(1, ONE_A, B), parcel(2, ONE_A, hand=None))
    assert delivered_at(missing, (ONE_A,)) == HAND
    assert delivered_at(missing, (A,)) is None
    assert delivered_at(sale(), (B,)) is None
    assert delivered_at(sale(parcel(1)), (A, B)) == HAND


def test_what_was_not_delivered_is_no_complaint() -> None:
    refusal = refused(sale(parcel(1, A), parcel(2, B, hand=None)))
    assert refusal
    assert refusal.code == "not-delivered"
    assert "open a non-delivery" in refusal.sentence
    assert refused(sale(parcel(1, A), parcel(2, B, hand=None)), lines=(A,)) is None
    assert code(refused(sale())) == "not-delivered"


def test_of_what_no_scan_tells_the_buyers_word_counts() -> None:
    later = HAND + timedelta(days=2)

    def told(*parcels: Parcel, said: datetime = later) -> Sale:
        return sale(*parcels).model_copy(update={"said_in_hand_at": said})

    unscanned = (told(), told(parcel(1, hand=None)), told(parcel(1, A), parcel(2, B, hand=None)))
    for bought in unscanned:
        assert delivered_at(bought, (A, B)) == later
        assert by_word(bought, (A, B))
        assert refused(bought) is None
    # What scans tell counts before it, and the last of them all.
    assert delivered_at(unscanned[2], (A,)) == HAND
    assert not by_word(unscanned[2], (A,))
    early = told(parcel(1, A), parcel(2, B, hand=None), said=HAND - timedelta(days=5))
    assert delivered_at(early, (A, B)) == HAND
    right = right_to_complain(told(), (A, B), terms(), read_calendar("PL", 2026, 2031))
    assert right.until
    assert code(refused(told(), at=right.until)) == "too-late"


def test_a_complaint_is_too_late_two_years_after_the_delivery_and_the_reckoning_says_so() -> None:
    bought = sale(parcel(1))
    right = right_to_complain(bought, (A, B), terms(), read_calendar("PL", 2026, 2031))
    assert right.until
    assert refused(bought, at=right.until - timedelta(seconds=1)) is None
    refusal = refused(bought, at=right.until)
    assert refusal
    assert refusal.code == "too-late"
    assert "2 calendar years from the delivery" in refusal.sentence
    assert right.until >= datetime(2028, 3, 10, tzinfo=UTC)
    # Opened in time where it was opened first.
    there: dict[str, Any] = {"external_id": "X-1", "happened_at": right.until - timedelta(days=1)}
    assert refused(bought, at=right.until + timedelta(days=1), **there) is None


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        ({"wanted": Remedy.SEND_AGAIN}, "remedy-barred"),
        ({"amount": Money(amount_minor=1, currency="PLN")}, "amount-needless"),
        (
            {"wanted": Remedy.RETURN_FOR_REFUND, "amount": Money(amount_minor=1, currency="PLN")},
            "amount-needless",
        ),
        (
            {"wanted": Remedy.PARTIAL_REFUND, "amount": Money(amount_minor=1, currency="EUR")},
            "currency-differs",
        ),
        (
            {"wanted": Remedy.PARTIAL_REFUND, "amount": Money(amount_minor=26_000, currency="PLN")},
            "amount-too-high",
        ),
        ({"wanted": Remedy.PARTIAL_REFUND}, None),
        ({"wanted": Remedy.FULL_REFUND}, None),
        ({"wanted": None, "reason": None}, None),
        ({"decision_due": AT}, "not-yours"),
        ({"happened_at": AT}, "not-yours"),
        ({"happened_at": PLACED - timedelta(days=1), "external_id": "X"}, "not-yours"),
        ({"happened_at": AT + timedelta(days=1), "external_id": "X"}, "not-yours"),
        # The marketplace's clock need not be ours.
        ({"happened_at": AT + timedelta(minutes=10), "external_id": "X"}, None),
        ({"happened_at": PLACED - timedelta(minutes=10), "external_id": "X"}, None),
        ({"happened_at": AT + timedelta(minutes=20), "external_id": "X"}, "not-yours"),
        ({"happened_at": AT, "decision_due": AT, "external_id": "X"}, None),
    ],
)
def test_what_a_complaint_can_ask_for(opening: dict[str, Any], expected: str | None) -> None:
    assert code(refused(sale(parcel(1)), **opening)) == expected


@OF_THE_FIVE
def test_every_remedy_is_open_at_once_only_in_slovenia_and_only_soon(country: str) -> None:
    bought, calendar = sale(parcel(1)), read_calendar(country, 2026, 2031)

    def free(days: int) -> bool:
        at = HAND + timedelta(days=days)
        return chooses_freely(bought, (A, B), terms(country), calendar, at)

    assert free(29) is (country == "SI")
    assert not free(35)
    assert not chooses_freely(sale(), (A, B), terms(country), calendar, HAND)


@EVERY_COUNTRY
@pytest.mark.parametrize("buyer", BuyerClass)
def test_silence_has_the_laws_effects_for_consumers(country: str, buyer: BuyerClass) -> None:
    bought, rules = sale(buyer=buyer), terms(country)
    like_one = buyer is BuyerClass.CONSUMER or (
        rules.sole_traders and buyer is BuyerClass.SOLE_TRADER
    )
    assert has_consumers_rights(bought, rules) is like_one
    silence = terms_for(bought, rules).answer.on_silence
    assert silence is (rules.answer.on_silence if like_one else OnSilence.BREACH_AND_ESCALATE)


def test_a_seller_gives_what_is_asked_for_or_first_a_repair_or_a_replacement() -> None:
    for wanted in (*FIRST_TIER, *SECOND_TIER):
        for remedy in Remedy:
            refusal = grant_refusal(remedy, wanted, second_tier=False)
            money_for_money = (
                remedy is wanted or Remedy.PARTIAL_REFUND not in (remedy, wanted)
            ) and remedy is not Remedy.SEND_AGAIN
            first = remedy in FIRST_TIER or wanted in FIRST_TIER
            fits = remedy is not Remedy.SEND_AGAIN and (first or money_for_money)
            assert (refusal is None) is fits, (wanted, remedy)
    assert code(grant_refusal(Remedy.REPAIR, Remedy.FULL_REFUND, second_tier=True)) == (
        "remedy-barred"
    )
    assert grant_refusal(Remedy.REPAIR, Remedy.REPLACEMENT, second_tier=True) is None


def test_carriers_answer_for_posted_parcels_that_held_the_goods() -> None:
    sent: dict[str, Any] = {"tracking": "T-1", "posted_at": PLACED}
    mine, others = parcel(1, A, **sent), parcel(2, B, **sent)
    assert parcels_of(sale(mine, others), (ONE_A,)) == (mine,)
    whole = parcel(1, **sent)
    assert parcels_of(sale(whole), (B,)) == (whole,)
    missing: dict[str, Any]
    for missing in ({"tracking": None}, {"posted_at": None}, {"hand": None}):
        assert parcels_of(sale(parcel(1, **{**sent, **missing})), (B,)) == ()


def test_two_ends_are_on_one_day_though_one_is_its_midnight() -> None:
    midnight = datetime(2026, 5, 4, 22, tzinfo=UTC)  # the end of 4 May in Warsaw
    assert same_day(midnight, midnight - timedelta(hours=5), "Europe/Warsaw")
    assert same_day(midnight, midnight - timedelta(seconds=1), "Europe/Warsaw")
    assert not same_day(midnight, midnight + timedelta(seconds=1), "Europe/Warsaw")
