"""Which parcel can be claimed from its carrier, by whom, from when, and for how much?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.claiming import claimable, counted_from, lost_from, on_clock
from domain.kinds import Kind
from domain.openings import CarrierTrouble, OpenCarrierClaim
from domain.orders import Line, Order, OrderedLine, Parcel, Person, Regime
from domain.parties import Actor, Party
from domain.policy import CarrierClaimPolicy
from domain.ports import Registration, Rules
from domain.refusals import Code
from domain.registering import register
from policies import read_calendar, read_policy

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
YESTERDAY, LAST_WEEK = NOW - timedelta(days=1), NOW - timedelta(days=7)
LOSS, DAMAGE = CarrierTrouble.LOSS, CarrierTrouble.DAMAGE
SELLER = Actor(party=Party.SELLER, id="s")


def ordered(*parcels: Parcel) -> Order:
    """Two lamps at 100.00, one shade at 50.00 less 5.00, delivery 9.99."""
    person = {"name": "Ewa", "email": "e@example.test", "locale": "pl"}
    return Order(
        id="1",
        country="PL",
        currency="PLN",
        placed_at=LAST_WEEK - timedelta(days=1),
        buyer=Person(id="b", **person),
        seller=Person(id="s", **person),
        lines=(
            OrderedLine(sku="A", title="Lamp", quantity=2, unit_price_minor=10000),
            OrderedLine(
                sku="B", title="Shade", quantity=1, unit_price_minor=5000, discount_minor=500
            ),
        ),
        delivery_paid_minor=999,
        parcels=parcels,
    )


def parcel(**more: Any) -> Parcel:
    """A parcel that was posted last week."""
    return Parcel(**{"id": "p", "tracking": "PX/1", "posted_at": LAST_WEEK, **more})


def rules() -> Rules:
    """Poland's, now."""
    policy = read_policy("PL")
    return Rules(
        policy_version=policy.version,
        terms=policy.terms(Kind.CARRIER_CLAIM),
        calendar=read_calendar("PL", 2025, 2029),
    )


def opened(order: Order, trouble: CarrierTrouble = LOSS, **more: Any) -> Registration:
    """What becomes of a claim that is opened now."""
    opening = OpenCarrierClaim(
        **{
            "country": "PL",
            "order_id": "1",
            "opened_by": SELLER,
            "tracking": "PX/1",
            "trouble": trouble,
            **more,
        }
    )
    return register(opening, order, rules(), NOW)


@pytest.mark.parametrize(
    ("trouble", "told", "code", "says"),
    [
        (LOSS, {"tracking": "PX/2"}, Code.PARCEL_UNKNOWN, "tracking number PX/1; check"),
        (DAMAGE, {"tracking": None}, Code.PARCEL_UNKNOWN, "tracking number PX/1; check"),
        (LOSS, {"posted_at": None}, Code.PARCEL_ELSEWHERE, "No carrier has taken"),
        (LOSS, {"in_hand_at": YESTERDAY}, Code.PARCEL_ELSEWHERE, "claim a damage instead"),
        (DAMAGE, {}, Code.PARCEL_ELSEWHERE, "claim its loss instead"),
        (LOSS, {"posted_at": NOW.replace(year=2020)}, Code.PARCEL_ELSEWHERE, "be reckoned"),
    ],
)
def test_a_parcel_that_cannot_be_claimed_says_why(
    trouble: CarrierTrouble, told: dict[str, Any], code: Code, says: str
) -> None:
    refused = opened(ordered(parcel(**told)), trouble).refusal
    assert refused
    assert refused.code is code
    assert says in refused.sentence


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"opened_by": Actor(party=Party.BUYER, id="b")}, Code.NOT_YOURS),
        ({"opened_by": Actor(party=Party.SELLER, id="x")}, Code.ORDER_DIFFERS),
        ({"belongs_to": "non-delivery:PL:1:1"}, Code.NOT_YOURS),
        ({"country": "SI"}, Code.ORDER_DIFFERS),
    ],
)
def test_only_the_orders_seller_or_the_platform_claims(more: dict[str, Any], code: Code) -> None:
    refused = opened(ordered(parcel()), **more).refusal
    assert refused
    assert refused.code is code
    platform = Actor(party=Party.PLATFORM, id="platform")
    beside = opened(ordered(parcel()), opened_by=platform, belongs_to="dispute:PL:1:1")
    assert beside.refusal is None


def test_early_and_late_claims_are_opened_all_the_same() -> None:
    assert opened(ordered(parcel(posted_at=YESTERDAY))).refusal is None
    late = parcel(posted_at=LAST_WEEK - timedelta(days=40), in_hand_at=LAST_WEEK - timedelta(30))
    assert opened(ordered(late), DAMAGE).refusal is None


@pytest.mark.parametrize(
    ("lines", "worth"),
    [
        ((), 25499),
        ((Line(sku="A", quantity=2), Line(sku="B", quantity=1)), 25499),
        ((Line(sku="B", quantity=1),), 4500 + 183),
    ],
)
def test_a_parcel_is_worth_its_goods_and_the_delivery(lines: tuple[Line, ...], worth: int) -> None:
    order = ordered(parcel(lines=lines))
    assert claimable(order, "PX/1").amount_minor == worth
    registration = opened(order)
    assert registration.at_stake == claimable(order, "PX/1")
    assert registration.lines == (lines or (Line(sku="A", quantity=2), Line(sku="B", quantity=1)))


ONE_A, ONE_B = (Line(sku="A", quantity=1),), (Line(sku="B", quantity=1),)


def shares(order: Order) -> list[int]:
    """What the claims over the parcels of an order can be for beyond the price of their goods."""
    return [
        claimable(order, parcel.tracking).amount_minor - order.price_of(parcel.lines)
        for parcel in order.parcels
        if parcel.tracking
    ]


@pytest.mark.parametrize(
    ("delivery", "known"),
    [
        (999, [407, 408, 184]),  # of 10000, 10000 and 4500
        (1000, [408, 408, 184]),
        (1, [0, 0, 1]),
        (0, [0, 0, 0]),
    ],
)
def test_parcels_share_what_was_paid_for_the_delivery_like_their_goods_and_never_exceed_it(
    delivery: int, known: list[int]
) -> None:
    each = (ONE_A, ONE_A, ONE_B)
    parcels = [parcel(id=f"p{n}", tracking=f"PX/{n}", lines=each[n]) for n in range(3)]
    again = parcel(id="p3", tracking="PX/3", lines=ONE_A)
    paid = {"delivery_paid_minor": delivery}
    for n in (1, 2, 3):  # a parcel that the order learns of later changes no share before
        assert shares(ordered(*parcels[:n]).model_copy(update=paid)) == known[:n]
    order = ordered(*parcels, again).model_copy(update=paid)
    assert shares(order) == [*known, 0]  # what is sent again was paid for once
    assert sum(known) == delivery
    gifts = tuple(
        line.model_copy(update={"unit_price_minor": 0, "discount_minor": 0}) for line in order.lines
    )
    free = order.model_copy(update={"lines": gifts})
    assert shares(free) == [
        delivery // 3,
        delivery * 2 // 3 - delivery // 3,
        delivery - delivery * 2 // 3,
        0,
    ]


@pytest.mark.parametrize(
    ("trouble", "regime", "due", "since"),
    [
        (LOSS, Regime.POSTAL, NOW, LAST_WEEK),
        (LOSS, Regime.CONTRACT, NOW, LAST_WEEK),
        (LOSS, Regime.TRANSPORT, NOW, NOW),
        (LOSS, Regime.TRANSPORT, None, LAST_WEEK),
        (DAMAGE, Regime.TRANSPORT, NOW, YESTERDAY),
    ],
)
def test_the_time_to_claim_is_counted_from_what_the_law_says(
    trouble: CarrierTrouble, regime: Regime, due: datetime | None, since: datetime
) -> None:
    there = parcel(regime=regime, due_at=due, in_hand_at=YESTERDAY)
    assert counted_from(there, trouble) == since


def test_each_regime_has_a_time_of_its_own_until_a_parcel_counts_as_lost() -> None:
    terms = rules().terms
    assert isinstance(terms, CarrierClaimPolicy)
    lengths = {regime: lost_from(terms, regime).length for regime in Regime}
    assert lengths == {Regime.POSTAL: 14, Regime.TRANSPORT: 30, Regime.CONTRACT: 14}


def test_an_instant_is_told_on_the_local_clock() -> None:
    assert on_clock(NOW, "Europe/Warsaw") == "2026-11-20 13:00+01:00"


def test_claims_over_parcels_are_for_whole_forints_and_add_up() -> None:
    units = (OrderedLine(sku="A", title="Lamp", quantity=3, unit_price_minor=49_700),)
    parcels = [parcel(id=f"p{n}", tracking=f"PX/{n}", lines=ONE_A) for n in range(3)]
    more = {"lines": units, "currency": "HUF", "delivery_paid_minor": 100_000}
    order = ordered(*parcels).model_copy(update=more)
    assert shares(order) == [33_300, 33_300, 33_400]
