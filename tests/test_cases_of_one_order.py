"""Do the cases of one order know of each other, and does only one of them take a unit back?"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.accounts import MoneyBack
from domain.commands import Close
from domain.kinds import Kind
from domain.openings import OPENING
from domain.orders import Line, Order, Parcel
from domain.ports import OpenCase, Past, Registration, Rules
from domain.refusals import Code
from domain.registering import register
from domain.stages import Stage
from domain.view import CaseView
from policies import read_calendar, read_policy
from store.cases import CaseRegister
from tests.life import PLATFORM, Life, World

NOW = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
ORDER = Order.model_validate(
    {
        "id": "7",
        "country": "PL",
        "currency": "PLN",
        "placed_at": "2026-04-01T10:00:00Z",
        "buyer": {"id": "buyer", "name": "Ewa Z.", "email": "e@buyer.example", "locale": "pl"},
        "seller": {"id": "seller", "name": "Alfa", "email": "a@seller.example", "locale": "pl"},
        "lines": [
            {"sku": "A", "title": "Lamp", "quantity": 2, "unit_price_minor": 10000},
            {"sku": "B", "title": "Shade", "quantity": 1, "unit_price_minor": 5000},
        ],
        "delivery_paid_minor": 999,
        "shipped": True,
        "parcels": [{"id": "p1", "in_hand_at": "2026-04-08T10:00:00Z"}],
    }
)
ONE_A, TWO_A, ONE_B = {"A": 1}, {"A": 2}, {"B": 1}
ALL = {"A": 2, "B": 1}
TAKING = (Kind.CANCELLATION, Kind.WITHDRAWAL, Kind.UNCOLLECTED_PARCEL, Kind.NON_DELIVERY)
MORE: dict[Kind, dict[str, Any]] = {
    Kind.UNCOLLECTED_PARCEL: {"tracking": "T1"},
    Kind.DISPUTE: {"reason": "defect", "wanted": "full-refund"},
    Kind.COMPLAINT: {"reason": "defective", "wanted": "repair"},
    Kind.RETURN: {"received": [{"sku": "A", "quantity": 1}]},
}
NEITHER_SENT_NOR_THERE = {"shipped": False, "parcels": (), "placed_at": NOW}


def units(named: dict[str, int]) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": number} for sku, number in named.items()]


def as_lines(named: dict[str, int]) -> tuple[Line, ...]:
    return tuple(Line(sku=sku, quantity=number) for sku, number in named.items())


def opened(kind: Kind, named: dict[str, int], case_id: str = "") -> OpenCase:
    return OpenCase(case_id=case_id or f"{kind}:PL:7:1", kind=kind, units=as_lines(named))


def registered(
    kind: Kind,
    named: dict[str, int],
    *others: OpenCase,
    refunded: dict[str, int] | None = None,
    reduced: tuple[MoneyBack, ...] = (),
    parcels: tuple[Parcel, ...] = (),
    **more: Any,
) -> Registration:
    """The registration of a case for these units, opened beside those."""
    by = {"party": "platform", "id": "platform"}
    about = {} if kind in (Kind.RETURN, Kind.INQUIRY) else {"lines": units(named)}
    opening = OPENING.validate_python(
        {
            "kind": kind,
            "country": "PL",
            "order_id": "7",
            "number": 9,
            "opened_by": by,
            "text": "Because.",
            **about,
            **MORE.get(kind, {}),
            **more,
        }
    )
    before = kind in (Kind.CANCELLATION, Kind.NON_DELIVERY, Kind.UNCOLLECTED_PARCEL)
    sent = NEITHER_SENT_NOR_THERE | {"parcels": parcels}
    order = ORDER.model_copy(update=sent) if before else ORDER
    rules = Rules(
        policy_version="1",
        terms=read_policy("PL").terms(kind),
        calendar=read_calendar("PL", 2025, 2030),
    )
    gone = (MoneyBack(sku=sku, first=1, last=n) for sku, n in (refunded or {}).items())
    return register(opening, order, rules, NOW, Past((*gone, *reduced), others))


def code(registration: Registration) -> Code | None:
    return registration.refusal.code if registration.refusal else None


@pytest.mark.parametrize("kind", TAKING)
@pytest.mark.parametrize("other", TAKING)
def test_no_two_open_cases_take_back_the_same_unit(kind: Kind, other: Kind) -> None:
    there = opened(other, TWO_A)
    refused = registered(kind, ONE_A, there)
    assert refused.refusal
    assert refused.refusal.code is Code.UNITS_IN_ANOTHER_CASE
    assert refused.refusal.sentence == (
        f"Of A, 2 of 2 are taken back already in {other}:PL:7:1, and 0 are left; "
        "see to it there, or name at most those."
    )
    assert code(registered(kind, ONE_B, there)) is None


@pytest.mark.parametrize("kind", TAKING)
@pytest.mark.parametrize("other", [Kind.DISPUTE, Kind.COMPLAINT, Kind.RETURN, Kind.INQUIRY])
def test_other_cases_run_beside_and_only_claims_are_told(kind: Kind, other: Kind) -> None:
    there = opened(other, ALL)
    found = registered(kind, TWO_A, there)
    assert code(found) is None
    assert found.lines == as_lines(TWO_A)
    told = (there.case_id,) if other in (Kind.DISPUTE, Kind.COMPLAINT) else ()
    assert found.beside == told


@pytest.mark.parametrize(
    ("kind", "knows"),
    [(Kind.DISPUTE, True), (Kind.COMPLAINT, True), (Kind.RETURN, False), (Kind.INQUIRY, False)],
)
def test_complaints_and_disputes_run_beside_whatever_is_open(kind: Kind, knows: bool) -> None:
    found = registered(kind, ONE_A, opened(Kind.WITHDRAWAL, ALL))
    assert code(found) is None
    assert found.beside == (("withdrawal:PL:7:1",) if knows else ())


def test_quantities_are_counted_and_a_refund_is_not_counted_twice() -> None:
    one = opened(Kind.WITHDRAWAL, ONE_A)
    assert code(registered(Kind.WITHDRAWAL, ONE_A, one)) is None
    assert code(registered(Kind.WITHDRAWAL, TWO_A, one)) is Code.UNITS_IN_ANOTHER_CASE
    two = opened(Kind.NON_DELIVERY, ONE_A)
    refused = registered(Kind.WITHDRAWAL, ONE_A, one, two).refusal
    assert refused
    assert "in withdrawal:PL:7:1 and non-delivery:PL:7:1, and 0 are left" in refused.sentence
    # The refunded unit is another one than the one that is still being taken back.
    left = registered(Kind.WITHDRAWAL, ONE_A, one, refunded=ONE_A)
    assert code(left) is Code.UNITS_IN_ANOTHER_CASE
    # A case that has had its only unit refunded takes back no other one.
    done = opened(Kind.WITHDRAWAL, {})
    assert code(registered(Kind.WITHDRAWAL, ONE_A, done, refunded=ONE_A)) is None
    assert code(registered(Kind.WITHDRAWAL, TWO_A, done, refunded=ONE_A)) is Code.UNITS_REFUNDED


def test_refunded_goods_that_the_buyer_was_left_with_are_still_repaired_and_not_paid_again() -> (
    None
):
    assert code(registered(Kind.COMPLAINT, ONE_B, refunded=ONE_B)) is None
    for_money = registered(Kind.COMPLAINT, ONE_B, refunded=ONE_B, wanted="return-for-refund")
    assert code(for_money) is Code.UNITS_REFUNDED


def test_what_the_order_says_has_come_is_not_missing_unless_it_is_named() -> None:
    def missing(named: dict[str, int], *there: dict[str, int], **more: Any) -> dict[str, int]:
        parcels = tuple(
            Parcel(id=f"p{n}", in_hand_at=NOW, lines=as_lines(each)) for n, each in enumerate(there)
        )
        case = registered(Kind.NON_DELIVERY, named, parcels=parcels, **more)
        return {line.sku: line.quantity for line in case.lines}

    assert missing({}) == ALL
    assert missing({}, TWO_A) == ONE_B
    assert missing({}, ONE_A, refunded=ONE_A) == ONE_A | ONE_B
    assert missing(ONE_A, TWO_A) == ONE_A
    assert missing({}, TWO_A, ONE_B) == ALL


def test_units_at_a_reduced_price_are_not_refunded_and_claims_are_for_what_is_left() -> None:
    reduced = (MoneyBack(sku="B", first=1, last=1, reduced_minor=2000),)
    withdrawn = registered(Kind.WITHDRAWAL, {}, reduced=reduced)
    assert (withdrawn.lines, withdrawn.refunded) == (as_lines(ALL), ())
    assert withdrawn.money_back == reduced
    for kind in (Kind.DISPUTE, Kind.COMPLAINT):
        for minor, expected in ((3000, None), (3001, Code.AMOUNT_TOO_HIGH)):
            amount = {"amount_minor": minor, "currency": "PLN"}
            asks: dict[str, Any] = {"wanted": "partial-refund", "amount": amount}
            assert code(registered(kind, ONE_B, reduced=reduced, **asks)) is expected
    # The delivery is no price that could be reduced; it comes back with the whole order alone.
    for wanted, most in (("partial-refund", 23000), ("return-for-refund", 23999)):
        for minor, expected in ((most, None), (most + 1, Code.AMOUNT_TOO_HIGH)):
            asks = {"wanted": wanted, "amount": {"amount_minor": minor, "currency": "PLN"}}
            assert code(registered(Kind.DISPUTE, {}, reduced=reduced, **asks)) is expected


def test_no_lines_mean_all_that_no_other_case_takes_back() -> None:
    rest = registered(Kind.WITHDRAWAL, {}, opened(Kind.WITHDRAWAL, ONE_A), refunded=ONE_B)
    assert rest.lines == as_lines(ONE_A)
    assert rest.beside == ("withdrawal:PL:7:1",)
    whole = opened(Kind.WITHDRAWAL, TWO_A)
    assert code(registered(Kind.WITHDRAWAL, {}, whole, refunded=ONE_B)) is (
        Code.UNITS_IN_ANOTHER_CASE
    )
    assert code(registered(Kind.WITHDRAWAL, {}, refunded=ALL)) is Code.UNITS_REFUNDED
    assert registered(Kind.COMPLAINT, {}, whole).lines == as_lines(ALL)


def test_a_case_does_not_stand_in_its_own_way_nor_does_the_one_it_replaces() -> None:
    before = opened(Kind.UNCOLLECTED_PARCEL, ALL, "uncollected-parcel:PL:7:T1")
    itself = opened(Kind.WITHDRAWAL, ALL, "withdrawal:PL:7:9")
    assert code(registered(Kind.WITHDRAWAL, ALL, before)) is Code.UNITS_IN_ANOTHER_CASE
    for name in ("instead_of", "goods_in"):
        more: dict[str, Any] = {name: before.case_id}
        found = registered(Kind.WITHDRAWAL, ALL, before, itself, **more)
        assert code(found) is None
        assert found.beside == ()


@pytest.mark.parametrize(
    ("kind", "reason", "process"),
    [
        (Kind.WITHDRAWAL, "defective", "complaint"),
        (Kind.COMPLAINT, "changed-mind", "withdrawal"),
    ],
)
def test_a_reason_of_the_other_kind_is_told_which_case_to_open(
    kind: Kind, reason: str, process: str
) -> None:
    refusal = registered(kind, ALL, reason=reason).refusal
    assert refusal
    assert refusal.code is Code.REASON_DIFFERS
    assert refusal.sentence == (
        f'"{reason}" is a reason of {process}; open a {process}, or give another reason.'
    )


# Lives.


def knows(*others: Life | str) -> Callable[[CaseView], bool]:
    """Sees a case that knows of these others, and of no more, and has noted each once."""
    ids = sorted(other if isinstance(other, str) else other.handle.id for other in others)

    def seen(view: CaseView) -> bool:
        noted = sorted(entry.detail for entry in view.timeline if entry.what == "case beside")
        return sorted(view.beside) == noted == ids

    return seen


async def test_cases_about_the_same_units_know_of_each_other(world: World) -> None:
    order = await world.in_hand()
    first = await world.dispute(order_id=order, lines=as_lines(ONE_A))
    apart = await world.dispute(order_id=order, number=2, lines=as_lines(ONE_B))
    taking = await world.withdrawal(order_id=order, lines=as_lines(TWO_A))
    complaint = await world.complaint(order_id=order, lines=as_lines(ONE_A))
    await first.sees(knows(taking, complaint))
    await taking.sees(knows(first, complaint))
    await complaint.sees(knows(first, taking))
    for alone in (apart, await taking.goods_back()):
        await alone.sees(knows())
    for life in (first, apart, taking, complaint):
        await life.send(PLATFORM, Close, reason="The order was a test.")


async def test_a_case_that_ends_before_it_is_told_disturbs_nobody(world: World) -> None:
    order = world.order()
    gone = f"dispute:PL:{order}:1"
    opening = OPENING.validate_python(
        {
            "kind": "dispute",
            "country": "PL",
            "order_id": order,
            "opened_by": {"party": "buyer", "id": "buyer"},
            "text": "It does not light.",
            **MORE[Kind.DISPUTE],
        }
    )
    mine = ORDER.model_copy(update={"id": order})
    row = Registration(order_id=order, buyer_id="buyer", seller_id="seller", lines=as_lines(ALL))
    CaseRegister(world.engine).register(gone, opening, mine, lambda *_: row, NOW)
    life = await world.dispute(order_id=order, number=2)
    view = await life.sees(
        knows(gone), lambda view: view.timeline[-1].what == "case beside had ended"
    )
    assert view.stage is Stage.AWAITING_SELLER
    await life.send(PLATFORM, Close, reason="The order was a test.")
    assert (await life.ends()).ending == "closed-by-platform"


async def test_a_second_case_for_the_same_units_opens_only_when_the_first_is_over(
    world: World,
) -> None:
    order = await world.in_hand()
    first = await world.withdrawal(order_id=order, lines=as_lines(ONE_A))
    refused = await world.withdrawal(order_id=order, number=2, lines=as_lines(TWO_A))
    view = await refused.view()
    assert view.refusal
    assert view.refusal.code is Code.UNITS_IN_ANOTHER_CASE
    assert first.handle.id in view.refusal.sentence
    rest = await world.withdrawal(order_id=order, number=3)
    assert (await rest.view()).units == (Line(sku="A", quantity=1), Line(sku="B", quantity=1))
    await rest.sees(knows(first))
    await first.send(PLATFORM, Close, reason="The buyer keeps it.")
    assert (await first.ends()).ending == "closed-by-platform"
    again = await world.withdrawal(order_id=order, number=4, lines=as_lines(ONE_A))
    await again.sees(knows(rest))
    assert (await again.view()).stage is Stage.AWAITING_GOODS
    for life in (rest, again):
        await life.send(PLATFORM, Close, reason="The order was a test.")
