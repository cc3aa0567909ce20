"""Is every refund of the money table right, and does no split lose or make a minor unit?"""

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.accounts import (
    Account,
    Back,
    MoneyBack,
    Unit,
    as_money_back,
    left_for,
    refunded_lines,
    told_of,
)
from domain.money import Payment, step_of
from domain.orders import Line, Sale
from domain.refunds import (
    DeliveryShare,
    Event,
    RefundError,
    RefundPreview,
    RefundQuestion,
    SoldLine,
    reckon_refund,
    refund_question,
)

MUG = {"sku": "MUG", "quantity": 3, "unit_price_minor": 1999, "discount_minor": 100}
LAMP = {"sku": "LAMP", "quantity": 1, "unit_price_minor": 5000}
EXPRESS = {"paid_minor": 1499, "cheapest_standard_minor": 899}
CHARGED = {"charged_minor": 1800, "announced": True}
GOODS = 5897 + 5000


def asked(event: str, **more: Any) -> RefundQuestion:
    order = {"currency": "PLN", "lines": [MUG, LAMP], "delivery": EXPRESS}
    return RefundQuestion.model_validate({"event": event, **order, **more})


def preview(event: str, **more: Any) -> RefundPreview:
    return reckon_refund(asked(event, **more))


def units(**quantities: int) -> list[dict[str, object]]:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]


def amounts(found: RefundPreview) -> dict[str, int]:
    return {part.what: part.amount_minor for part in found.parts}


def why(found: RefundPreview, what: str) -> str:
    (part,) = [part for part in found.parts if part.what == what]
    return part.why


def test_full_withdrawal_is_the_price_and_the_cheapest_standard_delivery() -> None:
    found = preview("withdrawal")
    assert amounts(found) == {"3 × MUG": 5897, "1 × LAMP": 5000, "delivery": 899}
    assert found.refund_minor == GOODS + 899
    assert "surcharge of 6.00 PLN" in why(found, "delivery")
    assert "stays with the buyer" in why(found, "delivery")


def test_full_withdrawal_with_only_one_delivery_offered_is_all_of_it() -> None:
    found = preview("withdrawal", delivery={"paid_minor": 899})
    assert amounts(found)["delivery"] == 899
    assert "surcharge" not in why(found, "delivery")


def test_cheapest_delivery_above_the_paid_one_brings_back_only_what_was_paid() -> None:
    found = preview("withdrawal", delivery={"paid_minor": 500, "cheapest_standard_minor": 899})
    assert amounts(found)["delivery"] == 500


def test_dearer_delivery_where_the_standard_one_was_free_stays_with_the_buyer() -> None:
    found = preview("withdrawal", delivery={"paid_minor": 1000, "cheapest_standard_minor": 0})
    assert found.refund_minor == GOODS
    assert "surcharge of 10.00 PLN" in why(found, "delivery")


def test_order_without_delivery_has_no_part_for_it() -> None:
    assert amounts(preview("withdrawal", delivery=None)) == {"3 × MUG": 5897, "1 × LAMP": 5000}


def test_cancellation_is_legally_a_withdrawal_and_nothing_is_deducted() -> None:
    found = preview("cancellation", diminished_minor=500, way_back=CHARGED)
    assert found.refund_minor == GOODS + 899
    assert amounts(found)["diminished value"] == amounts(found)["way back"] == 0


@pytest.mark.parametrize("event", ["withdrawal", "cancellation"])
def test_partial_withdrawal_is_the_price_of_those_items_without_delivery(event: str) -> None:
    found = preview(event, units=units(MUG=2))
    assert amounts(found) == {"2 × MUG": 5897 * 2 // 3, "delivery": 0}
    assert "no delivery" in why(found, "delivery")


@pytest.mark.parametrize("share", ["proportional", "proportional-to-value"])
def test_partial_withdrawal_with_a_proportional_share_goes_by_value(share: str) -> None:
    found = preview("withdrawal", units=units(MUG=2), delivery_share=share)
    assert amounts(found) == {"2 × MUG": 3931, "delivery": 899 * 3931 // GOODS}
    assert "surcharge" in why(found, "delivery")


def test_order_that_was_free_shares_its_delivery_by_units() -> None:
    free = [{"sku": "GIFT", "quantity": 3, "unit_price_minor": 0}]
    more = {"lines": free, "delivery": {"paid_minor": 100}, "delivery_share": "proportional"}
    first = preview("withdrawal", units=units(GIFT=1), **more)
    rest = preview("withdrawal", already_refunded=[units(GIFT=1)], **more)
    assert (first.refund_minor, rest.refund_minor) == (33, 67)
    assert "1 of 3 units" in why(first, "delivery")


def test_free_delivery_is_not_clawed_back_and_the_return_is_free() -> None:
    found = preview(
        "withdrawal",
        delivery=None,
        units=units(MUG=1),
        free_delivery_programme=True,
        way_back=CHARGED,
    )
    assert amounts(found) == {"1 × MUG": 1965, "free-delivery programme": 0, "way back": 0}
    assert "W4" in why(found, "free-delivery programme")
    assert "W4" in why(found, "way back")


def test_withdrawal_from_all_has_nothing_to_claw_back() -> None:
    found = preview("withdrawal", free_delivery_programme=True, way_back=CHARGED)
    assert "free-delivery programme" not in amounts(found)
    assert amounts(found)["way back"] == 0


def test_uncollected_parcel_of_the_free_delivery_programme_bears_its_way_back() -> None:
    found = preview("uncollected", free_delivery_programme=True, way_back=CHARGED)
    assert amounts(found)["way back"] == -1800


def test_diminished_value_is_less_the_loss_if_the_buyer_was_informed() -> None:
    found = preview("withdrawal", units=units(LAMP=1), diminished_minor=1200)
    assert amounts(found)["diminished value"] == -1200
    assert found.refund_minor == 3800


def test_diminished_value_is_never_above_the_price_of_what_is_refunded_now() -> None:
    found = preview("withdrawal", units=units(LAMP=1), diminished_minor=9999, delivery=None)
    assert amounts(found) == {"1 × LAMP": 5000, "diminished value": -5000}
    assert "up to the price" in why(found, "diminished value")


def test_diminished_value_does_not_touch_the_delivery() -> None:
    assert preview("withdrawal", diminished_minor=10**12).refund_minor == 899


def test_diminished_value_of_a_buyer_who_was_not_informed_is_nothing() -> None:
    found = preview("withdrawal", diminished_minor=1200, buyer_informed=False)
    assert amounts(found)["diminished value"] == 0
    assert "not informed" in why(found, "diminished value")


@pytest.mark.parametrize("event", ["cancellation", "complaint", "not-delivered", "uncollected"])
def test_diminished_value_is_deducted_in_a_withdrawal_alone(event: str) -> None:
    found = preview(event, diminished_minor=1200)
    assert amounts(found)["diminished value"] == 0


def test_accepted_complaint_is_the_price_and_transport_is_the_sellers() -> None:
    found = preview("complaint", units=units(LAMP=1), way_back=CHARGED)
    share = 1499 - 1499 * 5897 // GOODS  # what does not divide is with the last line
    assert amounts(found) == {"1 × LAMP": 5000, "delivery": share, "way back": 0}
    assert "both ways" in why(found, "way back")


@pytest.mark.parametrize("event", ["complaint", "not-delivered", "uncollected"])
def test_what_is_no_withdrawal_brings_back_all_of_the_delivery(event: str) -> None:
    assert preview(event).refund_minor == GOODS + 1499


def test_lost_parcel_is_everything_paid_and_the_carrier_is_the_sellers_matter() -> None:
    found = preview("not-delivered", way_back=CHARGED)
    assert found.refund_minor == GOODS + 1499
    assert amounts(found)["way back"] == 0
    assert "carrier" in why(found, "way back")


def test_uncollected_is_paid_less_the_really_charged_and_announced_way_back() -> None:
    found = preview("uncollected", way_back=CHARGED)
    assert amounts(found)["way back"] == -1800
    assert found.refund_minor == GOODS + 1499 - 1800


@pytest.mark.parametrize("event", ["uncollected", "withdrawal"])
@pytest.mark.parametrize(
    ("way_back", "reason"),
    [
        ({"charged_minor": 1800, "announced": False}, "not told beforehand"),
        ({"charged_minor": 0, "announced": True}, "charged nothing"),
    ],
)
def test_way_back_not_announced_or_not_charged_is_not_deducted(
    event: str, way_back: dict[str, object], reason: str
) -> None:
    found = preview(event, way_back=way_back)
    assert amounts(found)["way back"] == 0
    assert reason in why(found, "way back")


def test_withdrawal_deducts_the_announced_way_back() -> None:
    assert preview("withdrawal", way_back=CHARGED).refund_minor == GOODS + 899 - 1800


def test_way_back_dearer_than_the_refund_leaves_a_claim_and_no_debit() -> None:
    found = preview(
        "withdrawal", units=units(MUG=1), diminished_minor=1000, way_back=CHARGED, delivery=None
    )
    assert amounts(found) == {"1 × MUG": 1965, "diminished value": -1000, "way back": -965}
    assert found.refund_minor == 0
    assert "8.35 PLN are not covered and stay a claim" in why(found, "way back")


@pytest.mark.parametrize("event", ["uncollected", "cancellation", "not-delivered"])
def test_cash_on_delivery_never_collected_refunds_nothing(event: str) -> None:
    found = preview(event, payment="cash-on-delivery", way_back=CHARGED)
    assert found.refund_minor == 0
    assert amounts(found) == {"nothing was paid": 0, "way back": 0}
    assert "P4" in why(found, "nothing was paid")


@pytest.mark.parametrize("event", list(Event))
def test_an_order_that_was_never_paid_refunds_nothing(event: Event) -> None:
    found = preview(event, payment="unpaid")
    assert found.refund_minor == 0
    assert "not paid yet" in why(found, "nothing was paid")


@pytest.mark.parametrize("event", ["withdrawal", "complaint"])
def test_cash_on_delivery_that_was_collected_was_paid(event: str) -> None:
    cash = preview(event, payment="cash-on-delivery", way_back=CHARGED)
    assert cash == preview(event, payment="prepaid", way_back=CHARGED)
    assert cash.refund_minor > 0


def test_last_units_of_an_order_refunded_in_parts_bring_back_the_delivery() -> None:
    found = preview("withdrawal", already_refunded=[units(MUG=3)], free_delivery_programme=True)
    assert amounts(found) == {"1 × LAMP": 5000, "delivery": 899, "free-delivery programme": 0}
    assert "the last of all that was paid for" in why(found, "delivery")
    assert "surcharge of 6.00 PLN" in why(found, "delivery")


def test_who_has_given_back_all_gets_all_back_however_many_statements_it_took() -> None:
    lines = [{"sku": sku, "quantity": 1, "unit_price_minor": 1000} for sku in "ABC"]
    order = {"lines": lines, "delivery": {"paid_minor": 490}, "delivery_share": "none"}
    for before, now, refund in (
        ([], units(A=1), 1000),
        ([units(A=1)], units(B=1), 1000),
        ([units(A=1), units(B=1)], units(C=1), 1490),
        ([units(A=1, B=1)], units(C=1), 1490),
        ([units(A=1)], units(B=1, C=1), 2490),
        ([], None, 3490),
    ):
        found = preview("withdrawal", **order, already_refunded=before, units=now)
        assert found.refund_minor == refund


GIFT = {"sku": "GIFT", "quantity": 2, "unit_price_minor": 500, "discount_minor": 1000}


@pytest.mark.parametrize("share", ["none", "proportional"])
@pytest.mark.parametrize("event", ["withdrawal", "cancellation"])
def test_a_gift_that_is_kept_keeps_nothing_of_the_delivery_back(event: str, share: str) -> None:
    order = {"lines": [MUG, GIFT], "delivery_share": share}
    found = preview(event, **order, units=units(MUG=3))
    assert amounts(found)["delivery"] == 899
    later = preview(event, **order, already_refunded=[units(MUG=3)])
    assert amounts(later) == {"2 × GIFT": 0, "delivery": 0}
    first = preview(event, **order, units=units(GIFT=2))
    assert first.refund_minor == 0
    then = preview(event, **order, already_refunded=[units(GIFT=2)])
    assert amounts(then)["delivery"] == 899


def test_of_an_order_that_was_all_a_gift_all_must_come_back() -> None:
    order = {"lines": [GIFT], "delivery_share": "none"}
    assert preview("withdrawal", **order, units=units(GIFT=1)).refund_minor == 0
    assert preview("withdrawal", **order, already_refunded=[units(GIFT=1)]).refund_minor == 899


@pytest.mark.parametrize(
    ("event", "back", "delivery"),
    [
        ("withdrawal", 0, 899),
        ("withdrawal", 500, 399),
        ("withdrawal", 899, 0),
        ("withdrawal", 1499, 0),
        ("cancellation", 0, 899),
        # What the seller is liable for brings back its own share of all that was paid, too.
        ("complaint", 0, 899 + 688 - 413),
        ("complaint", 1499 - 688, 688),
        ("not-delivered", 1400, 99),
    ],
)
def test_what_came_back_of_the_delivery_is_not_paid_twice(
    event: str, back: int, delivery: int
) -> None:
    found = preview(event, already_refunded=[units(MUG=3)], delivery_back_minor=back)
    assert amounts(found)["delivery"] == delivery


def test_a_case_that_was_opened_before_is_reckoned_as_it_was_then() -> None:
    last = asked("withdrawal", already_refunded=[units(MUG=3)])
    assert reckon_refund(last, as_before=True).refund_minor == 5000
    forints = asked("withdrawal", currency="HUF", units=units(MUG=1))
    assert reckon_refund(forints, as_before=True).refund_minor == 1965


FORINTS: dict[str, Any] = {
    "currency": "HUF",
    "lines": [
        {"sku": "MUG", "quantity": 3, "unit_price_minor": 49_700, "discount_minor": 100},
        {"sku": "LAMP", "quantity": 1, "unit_price_minor": 100_000},
    ],
    "delivery": {"paid_minor": 99_000},
    "delivery_share": "proportional",
}


def test_forints_are_whole_and_what_does_not_divide_is_with_the_last() -> None:
    found = preview("withdrawal", **FORINTS, units=units(MUG=1))
    assert amounts(found) == {"1 × MUG": 49_600, "delivery": 19_700}
    assert "496 HUF of 2490 HUF of their price" in why(found, "delivery")
    rest = preview("withdrawal", **FORINTS, already_refunded=[units(MUG=1)])
    assert amounts(rest) == {"2 × MUG": 99_400, "1 × LAMP": 100_000, "delivery": 79_300}


def test_of_a_forint_no_part_is_deducted() -> None:
    way_back = {"charged_minor": 12_345, "announced": True}
    found = preview("withdrawal", **FORINTS, diminished_minor=10_050, way_back=way_back)
    assert amounts(found)["diminished value"] == -10_000
    assert amounts(found)["way back"] == -12_300


def test_what_was_paid_in_parts_of_a_forint_comes_back_to_the_last_of_them() -> None:
    order = {
        "currency": "HUF",
        "lines": [{"sku": "A", "quantity": 3, "unit_price_minor": 12_345}],
        "delivery": None,
    }
    first = preview("withdrawal", **order, units=units(A=1)).refund_minor
    rest = preview("withdrawal", **order, already_refunded=[units(A=1)]).refund_minor
    assert (first, rest) == (12_300, 3 * 12_345 - 12_300)


def test_same_sku_twice_in_units_is_summed() -> None:
    twice = preview("complaint", units=[*units(MUG=1), *units(MUG=2)])
    assert twice == preview("complaint", units=units(MUG=3))


def test_flat_list_of_earlier_units_says_the_same_as_a_list_of_refunds() -> None:
    flat = preview("complaint", already_refunded=[*units(MUG=1), *units(MUG=1)])
    assert flat == preview("complaint", already_refunded=[units(MUG=1), [], units(MUG=1)])
    assert flat == preview("complaint", already_refunded=[units(MUG=2)])
    assert amounts(flat)["1 × MUG"] == 5897 - 5897 * 2 // 3


def back(sku: str, first: int, last: int, reduced: int | None = None) -> dict[str, object]:
    """So many units of a line that are refunded, or by how much their price is reduced."""
    return {"sku": sku, "first": first, "last": last, "reduced_minor": reduced}


def test_price_that_was_reduced_before_is_a_part_and_is_not_paid_twice() -> None:
    reduced = [back("LAMP", 1, 1, 2000)]
    found = preview("withdrawal", money_back=reduced)
    assert amounts(found) == {
        "3 × MUG": 5897,
        "1 × LAMP": 5000,
        "price reduced before": -2000,
        "delivery": 899,
    }
    assert "came back before" in why(found, "price reduced before")
    assert "not paid twice" in why(preview("complaint", money_back=reduced), "price reduced before")
    # A loss in value is never above what is left of the price.
    lost = preview("withdrawal", units=units(LAMP=1), money_back=reduced, diminished_minor=9999)
    assert (amounts(lost)["diminished value"], lost.refund_minor) == (-3000, 0)
    # Nothing else is any less, and there is nothing to say about it.
    assert "price reduced before" not in amounts(preview("complaint", units=units(MUG=3)))
    unpaid = preview("cancellation", payment="unpaid", money_back=reduced)
    assert amounts(unpaid) == {"nothing was paid": 0}


def test_order_that_was_altered_since_is_reckoned_and_not_below_nothing() -> None:
    """The marketplace may take off an order what came back of it; a case must not stop at that."""
    told = ({"sku": "A", "title": "Lamp", "quantity": 2, "unit_price_minor": 400},)
    sale = Sale.model_validate({"currency": "EUR", "placed_at": "2026-01-01T12:00Z", "lines": told})
    reduced = MoneyBack(sku="A", first=1, last=2, reduced_minor=500)
    gone = (MoneyBack(sku="A", first=3, last=3), MoneyBack(sku="B", first=1, last=1))
    one = (Line(sku="A", quantity=1),)
    for back, left in (((reduced, *gone), 0), (gone, 400)):
        asked = refund_question(Event.WITHDRAWAL, sale, one, money_back=back)
        assert reckon_refund(asked).refund_minor == left
        assert left_for(sale, one, back).amount_minor == left


def test_least_reduced_units_are_refunded_first() -> None:
    reduced = [back("MUG", 1, 1, 500), back("MUG", 2, 2, 300)]
    first = preview("complaint", units=units(MUG=1), money_back=reduced, delivery=None)
    assert amounts(first) == {"1 × MUG": 5897 - 5897 * 2 // 3}
    reduced.append(back("MUG", 3, 3))
    second = preview("complaint", units=units(MUG=1), money_back=reduced, delivery=None)
    assert amounts(second)["price reduced before"] == -300
    rest = preview("complaint", units=units(MUG=2), money_back=reduced, delivery=None)
    assert rest.refund_minor == 5897 * 2 // 3 - 800


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"money_back": [back("CUP", 1, 1)]}, "'CUP' in money_back is not a line of the order"),
        ({"money_back": [back("MUG", 1, 4)]}, "'MUG' was sold 3 times, and money_back has its"),
        (
            {"money_back": [back("MUG", 1, 2)], "already_refunded": [units(MUG=2)]},
            "'MUG' was sold 3 times but refunded 4 times",
        ),
        ({"units": units(MUG=4)}, "'MUG' has 3 left to refund, not 4"),
        ({"units": [*units(MUG=2), *units(MUG=2)]}, "'MUG' has 3 left to refund, not 4"),
        (
            {"units": units(MUG=2), "already_refunded": [units(MUG=1), units(MUG=1)]},
            "'MUG' has 1 left to refund, not 2",
        ),
        (
            {"units": units(MUG=1), "already_refunded": [units(MUG=3)]},
            "'MUG' has 0 left to refund, not 1",
        ),
        ({"already_refunded": [units(MUG=3, LAMP=1)]}, "Nothing is left to refund"),
        ({"already_refunded": [units(MUG=3), units(MUG=1)]}, "'MUG' was sold 3 times but refunded"),
        ({"units": units(CUP=1)}, "'CUP' in units is not a line of the order"),
        ({"already_refunded": [units(CUP=1)]}, "'CUP' in already_refunded is not a line"),
        ({"lines": [MUG, MUG]}, "'MUG' is in lines twice"),
        ({"lines": [{**LAMP, "unit_price_minor": 10**12}]}, "The order adds up to more than"),
        ({"lines": [{**MUG, "unit_price_minor": 10**12}]}, "The order adds up to more than"),
    ],
)
def test_contradiction_is_one_sentence_that_says_what_to_do(
    more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RefundError) as caught:
        preview("complaint", **more)
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).endswith(".")


def test_contradiction_is_told_though_nothing_was_paid() -> None:
    with pytest.raises(RefundError, match="3 left"):
        preview("uncollected", payment="cash-on-delivery", units=units(MUG=4))


def test_discount_above_the_price_is_refused() -> None:
    with pytest.raises(ValidationError, match="above its price; give at most 5000"):
        asked("withdrawal", lines=[{**LAMP, "discount_minor": 5001}])


def test_question_and_answer_survive_being_stored_as_json() -> None:
    question = asked("withdrawal", units=units(MUG=2), already_refunded=units(MUG=1))
    found = reckon_refund(question)
    assert RefundQuestion.model_validate_json(question.model_dump_json()) == question
    assert RefundPreview.model_validate_json(found.model_dump_json()) == found


AMOUNT = st.one_of(st.integers(0, 5), st.integers(0, 30_000), st.integers(0, 10**10))


@st.composite
def lines(draw: st.DrawFn) -> list[dict[str, Any]]:
    drawn = []
    for number in range(draw(st.integers(1, 4))):
        quantity, price = draw(st.integers(1, 6)), draw(AMOUNT)
        drawn.append(
            {
                "sku": f"SKU-{number}",
                "quantity": quantity,
                "unit_price_minor": price,
                "discount_minor": draw(st.integers(0, price * quantity)),
            }
        )
    return drawn


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    delivery = {"paid_minor": draw(AMOUNT), "cheapest_standard_minor": draw(st.none() | AMOUNT)}
    return {
        "currency": draw(st.sampled_from(["PLN", "EUR", "CZK", "HUF"])),
        "lines": draw(lines()),
        "delivery": draw(st.none() | st.just(delivery)),
        "event": draw(st.sampled_from(Event)),
        "delivery_share": draw(st.sampled_from(DeliveryShare)),
        "free_delivery_programme": draw(st.booleans()),
    }


DEDUCTIONS = st.fixed_dictionaries(
    {
        "buyer_informed": st.booleans(),
        "diminished_minor": AMOUNT,
        "way_back": st.none()
        | st.fixed_dictionaries({"charged_minor": AMOUNT, "announced": st.booleans()}),
        "payment": st.sampled_from(Payment),
    }
)


@st.composite
def splits(draw: st.DrawFn, order: dict[str, Any]) -> list[list[dict[str, object]]]:
    """All units of an order in any order, cut into any refunds."""
    every: list[str] = []
    for line in order["lines"]:
        every += [line["sku"]] * line["quantity"]
    refunds: list[list[str]] = [[]]
    shuffled: list[str] = draw(st.permutations(every))
    for sku in shuffled:
        if draw(st.booleans()) and refunds[-1]:
            refunds.append([])
        refunds[-1].append(sku)
    return [units(**Counter(refund)) for refund in refunds]


def paid(order: dict[str, Any]) -> int:
    total = int(order["delivery"]["paid_minor"]) if order["delivery"] else 0
    for line in order["lines"]:
        total += line["unit_price_minor"] * line["quantity"] - line["discount_minor"]
    return total


def delivery_basis(order: dict[str, Any]) -> int:
    delivery = order["delivery"] or {"paid_minor": 0, "cheapest_standard_minor": None}
    cheapest = delivery["cheapest_standard_minor"]
    if order["event"] in {"withdrawal", "cancellation"} and cheapest is not None:
        return int(min(delivery["paid_minor"], cheapest))
    return int(delivery["paid_minor"])


@settings(deadline=None)
@given(st.data(), orders(), DEDUCTIONS)
def test_parts_add_up_and_the_refunds_of_an_order_are_never_above_what_was_paid(
    data: st.DataObject, order: dict[str, Any], deductions: dict[str, Any]
) -> None:
    refunded = 0
    split = data.draw(splits(order))
    for number, now in enumerate(split):
        found = reckon_refund(
            RefundQuestion(**order, **deductions, units=now, already_refunded=split[:number])
        )
        assert found.refund_minor == sum(part.amount_minor for part in found.parts)
        assert found.refund_minor >= 0
        assert all(part.why.endswith(".") for part in found.parts)
        refunded += found.refund_minor
    assert refunded <= paid(order)


@settings(deadline=None)
@given(st.data(), orders())
def test_refunds_one_after_the_other_add_up_exactly_to_what_was_paid(
    data: st.DataObject, order: dict[str, Any]
) -> None:
    order["delivery_share"] = DeliveryShare.PROPORTIONAL
    split = data.draw(splits(order))
    goods: Counter[str] = Counter()
    delivery = 0
    for number, now in enumerate(split):
        last = number == len(split) - 1 and data.draw(st.booleans())
        found = reckon_refund(
            RefundQuestion(**order, units=None if last else now, already_refunded=split[:number])
        )
        for part in found.parts:
            if " × " in part.what:
                goods[part.what.split(" × ")[1]] += part.amount_minor
            elif part.what == "delivery":
                delivery += part.amount_minor
    for line in order["lines"]:
        whole = line["unit_price_minor"] * line["quantity"] - line["discount_minor"]
        assert goods[line["sku"]] == whole
    assert delivery == delivery_basis(order)


@settings(deadline=None)
@given(st.data(), orders())
def test_reductions_and_refunds_in_any_order_failed_or_not_add_up_exactly(
    data: st.DataObject, order: dict[str, Any]
) -> None:
    order |= {"event": Event.COMPLAINT}
    sold = [SoldLine(**line) for line in order["lines"]]
    refunded: dict[int, dict[Unit, int]] = {}  # each unit with what its refund was less by
    reduced: dict[int, dict[Unit, int]] = {}
    money: dict[int, int] = {}

    def money_back() -> tuple[MoneyBack, ...]:
        off = sum((Counter(one) for one in reduced.values()), Counter[Unit]())
        back = {unit: Back(refunded=False, reduced_minor=minor) for unit, minor in off.items()}
        for less in refunded.values():
            back |= {u: Back(refunded=True, unpaid_minor=n - off[u]) for u, n in less.items()}
        return as_money_back(back)

    step = step_of(order["currency"])

    def refund(number: int, some: dict[str, int]) -> None:
        account = Account.of(sold, money_back(), step)
        picked = account.pick(some)
        if not picked:
            return
        named = units(**Counter(sku for sku, _number in picked))
        found = reckon_refund(RefundQuestion(**order, units=named, money_back=money_back()))
        goods = found.refund_minor - sum(
            part.amount_minor for part in found.parts if part.what == "delivery"
        )
        assert goods == account.left(picked)
        refunded[number] = {unit: account.reduced(unit) for unit in picked}
        money[number] = found.refund_minor

    def reduce(number: int, some: dict[str, int], part: Fraction) -> None:
        account = Account.of(sold, money_back(), step)
        picked = account.pick_reduced(some)
        minor = int(account.left(picked) * part)
        shares = account.spread(picked, minor)
        assert sum(shares.values()) == minor
        assert all(0 < share <= account.left([unit]) for unit, share in shares.items())
        reduced[number], money[number] = shares, minor

    some = st.dictionaries(
        st.sampled_from([line.sku for line in sold]), st.integers(1, 6), min_size=1
    )
    for number in range(data.draw(st.integers(0, 8))):
        match data.draw(st.sampled_from(["reduce", "reduce", "refund", "fail"])):
            case "reduce":
                reduce(number, data.draw(some), data.draw(st.fractions(0, 1)))
            case "refund":
                refund(number, data.draw(some))
            case _ if money:
                failed = data.draw(st.sampled_from(sorted(money)))
                for known in (refunded, reduced):
                    known.pop(failed, None)
                del money[failed]
    whole = {line.sku: line.quantity for line in sold}
    reduce(-1, whole, Fraction(data.draw(st.integers(0, 1))))
    refund(-2, whole)
    reduce(-3, whole, Fraction(1))  # what refunds were less by for reductions that failed since
    assert sum(money.values()) == paid(order)


@settings(deadline=None)
@given(st.data(), orders())
def test_any_statements_add_up_to_the_refund_of_one_gifts_or_not(
    data: st.DataObject, order: dict[str, Any]
) -> None:
    whole = reckon_refund(RefundQuestion(**order))
    split = data.draw(splits(order))
    if any(
        line["unit_price_minor"] * line["quantity"] > line["discount_minor"]
        for line in order["lines"]
    ):
        kept = {
            line["sku"]
            for line in order["lines"]
            if line["unit_price_minor"] * line["quantity"] == line["discount_minor"]
        }
        if data.draw(st.booleans()):
            split = [[one for one in now if one["sku"] not in kept] for now in split]
            split = [now for now in split if now]
    told = data.draw(st.booleans())
    total = delivery = 0
    for number, now in enumerate(split):
        known = {"delivery_back_minor": delivery} if told else {}
        found = reckon_refund(
            RefundQuestion(**order, **known, units=now, already_refunded=split[:number])
        )
        total += found.refund_minor
        delivery += found.delivery_minor
    assert delivery == delivery_basis(order) == whole.delivery_minor
    assert total == whole.refund_minor


@settings(deadline=None)
@given(st.data(), orders())
def test_whatever_takes_the_units_back_all_of_them_bring_back_the_standard_delivery(
    data: st.DataObject, order: dict[str, Any]
) -> None:
    split = data.draw(splits(order))
    delivery = 0
    for number, now in enumerate(split):
        order |= {
            "event": data.draw(st.sampled_from(Event)),
            "delivery_share": data.draw(st.sampled_from(DeliveryShare)),
        }
        found = reckon_refund(
            RefundQuestion(
                **order, units=now, already_refunded=split[:number], delivery_back_minor=delivery
            )
        )
        delivery += found.delivery_minor
    standard = delivery_basis(order | {"event": "withdrawal"})
    assert standard <= delivery <= delivery_basis(order | {"event": "complaint"})


@settings(deadline=None)
@given(st.data(), orders(), DEDUCTIONS)
def test_whole_forints_bring_back_whole_forints(
    data: st.DataObject, order: dict[str, Any], deductions: dict[str, Any]
) -> None:
    for line in order["lines"]:
        line["unit_price_minor"] = min(line["unit_price_minor"], 10**6) * 100
        whole = line["unit_price_minor"] * line["quantity"]
        line["discount_minor"] = min(line["discount_minor"] * 100, whole)
    if delivery := order["delivery"]:
        delivery = {key: minor and minor // 100 * 100 for key, minor in delivery.items()}
    order |= {"currency": "HUF", "delivery": delivery}
    split = data.draw(splits(order))
    for number, now in enumerate(split):
        found = reckon_refund(
            RefundQuestion(**order, **deductions, units=now, already_refunded=split[:number])
        )
        assert all(part.amount_minor % 100 == 0 for part in found.parts)


BACK = st.one_of(
    st.builds(Back, st.just(False), st.integers(1, 3), st.just(0)),
    st.builds(Back, st.just(True), st.just(0), st.integers(0, 2)),
)


@settings(deadline=None)
@given(st.dictionaries(st.tuples(st.sampled_from("AB"), st.integers(1, 9)), BACK))
def test_what_came_back_is_told_in_spans_and_understood_again(found: dict[Unit, Back]) -> None:
    told = as_money_back(found)
    assert told_of(told) == found
    assert all(
        (one.sku, one.last + 1, one.back) != (two.sku, two.first, two.back)
        for one, two in pairwise(told)
    )
    gone = Counter(sku for (sku, _number), back in found.items() if back.refunded)
    assert {line.sku: line.quantity for line in refunded_lines(told)} == gone


@settings(deadline=None)
@given(st.data(), orders())
def test_more_units_than_are_left_is_an_error_that_says_how_many(
    data: st.DataObject, order: dict[str, Any]
) -> None:
    split = data.draw(splits(order))
    before = split[: data.draw(st.integers(0, len(split) - 1))]
    line = data.draw(st.sampled_from(order["lines"]))
    sku, gone = line["sku"], Counter[str]()
    for refund in before:
        for part in refund:
            gone[str(part["sku"])] += int(str(part["quantity"]))
    left = line["quantity"] - gone[sku]
    too_many = units(**{sku: left + data.draw(st.integers(1, 5))})
    with pytest.raises(RefundError, match=f"{sku}' has {left} left"):
        reckon_refund(RefundQuestion(**order, units=too_many, already_refunded=before))
