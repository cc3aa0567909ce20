"""One SKU in two lines, and other orders that the port's page does not forbid."""

import itertools
from typing import Any

import pytest
from pydantic import ValidationError

from domain.commands import Close, HandOver, Inspect, Receive, Refund
from domain.goods import Condition, Received
from domain.line_names import resolved
from domain.notices import NoticeName
from domain.orders import MOST_BYTES, MOST_LINES, Line, Order, Sale
from domain.parties import Party
from domain.refusals import Code
from standin.books import as_told
from tests.life import PLATFORM, Life, RefusedCommand, World

CHEAP = {"sku": "A", "title": "Lamp", "quantity": 2, "unit_price_minor": 10_000}
DEAR = {"sku": "A", "title": "Lamp", "quantity": 1, "unit_price_minor": 12_000}
SHADE = {"sku": "B", "title": "Shade", "quantity": 1, "unit_price_minor": 5_000}
LABEL = 1299
"""What the way back costs the buyer."""

PERSON = {"id": "p", "name": "N", "email": "n@x.example", "locale": "pl"}
ORDER: dict[str, Any] = {
    "id": "PL-1",
    "country": "PL",
    "currency": "PLN",
    "placed_at": "2026-01-05T10:00:00Z",
    "buyer": PERSON,
    "seller": PERSON,
    "lines": [CHEAP, DEAR, SHADE],
}


def order(**more: Any) -> Order:
    return Order.model_validate(ORDER | more)


def names(sale: Sale) -> dict[str, int]:
    return {line.sku: line.unit_price_minor for line in sale.lines}


@pytest.mark.parametrize("lines", list(itertools.permutations([CHEAP, DEAR, SHADE])))
def test_is_a_line_called_the_same_in_whatever_order_they_come(lines: Any) -> None:
    named = order(lines=lines)
    assert names(named) == {"A#1": 10_000, "A#2": 12_000, "B": 5_000}
    assert {line.article for line in named.lines if line.sku != "B"} == {"A"}
    assert Order.model_validate_json(named.model_dump_json()) == named
    again = Order.model_validate(as_told(named))
    assert again == named


def test_is_a_line_called_by_the_marketplaces_id_where_its_sku_is_not_its_own() -> None:
    lines = [DEAR | {"id": "7"}, CHEAP | {"id": "9"}, SHADE | {"id": "8"}]
    named = order(lines=lines)
    assert names(named) == {"A#9": 10_000, "A#7": 12_000, "B": 5_000}
    assert {line.line_id for line in named.lines} == {"7", "8", "9"}
    assert Order.model_validate(as_told(named)) == named


@pytest.mark.parametrize(
    "lines",
    [
        [CHEAP | {"id": "7"}, SHADE | {"id": "7"}],
        [CHEAP | {"id": ""}],
        [CHEAP | {"id": 7}],
        [CHEAP | {"id": ["7"]}],
        [CHEAP | {"sku": ["A"]}, DEAR],
        [CHEAP | {"quantity": "x"}, DEAR],
        [{"title": "Lamp", "quantity": 1}, DEAR],
        [7, DEAR],
        {"sku": "A"},
        [],
        [SHADE] * (MOST_LINES + 1),
    ],
)
def test_is_rubbish_in_lines_refused(lines: Any) -> None:
    with pytest.raises(ValidationError):
        order(lines=lines)


@pytest.mark.parametrize(
    "parcels",
    [
        7,
        [7],
        [{"id": "p", "lines": 7}],
        [{"id": "p", "lines": [{"sku": ["A"], "quantity": 1}]}],
        [{"id": "p", "lines": [{"sku": "A", "quantity": "x"}]}],
        [{"id": "p", "lines": [{"quantity": 1}]}],
        [{"id": "p", "lines": [{"sku": "A", "quantity": 1, "colour": 1}]}],
    ],
)
def test_is_rubbish_in_parcels_refused(parcels: Any) -> None:
    with pytest.raises(ValidationError):
        order(parcels=parcels)


@pytest.mark.parametrize(
    ("parcels", "told"),
    [
        ([{"A": 3}], [{"A#1": 2, "A#2": 1}]),
        ([{"A": 1}, {"A": 2, "B": 1}], [{"A#1": 1}, {"A#1": 1, "A#2": 1, "B": 1}]),
        ([{"A#2": 1}, {"A#1": 2}], [{"A#2": 1}, {"A#1": 2}]),
        ([{"A": 4}], [{"A#1": 2, "A#2": 2}]),  # more than was ordered, which is not ours to mend
        ([{"Z": 1}], [{"Z": 1}]),
        ([{}], [{}]),
    ],
)
def test_do_parcels_hold_the_lines_by_their_names(
    parcels: list[dict[str, int]], told: list[dict[str, int]]
) -> None:
    given = [
        {"id": str(n), "lines": [{"sku": sku, "quantity": q} for sku, q in held.items()]}
        for n, held in enumerate(parcels)
    ]
    found = [
        {line.sku: line.quantity for line in one.lines} for one in order(parcels=given).parcels
    ]
    assert found == told


def test_do_parcels_hold_lines_by_their_ids() -> None:
    lines = [CHEAP | {"id": "c"}, DEAR | {"id": "d"}, SHADE | {"id": "s"}]
    held = [{"id": "d", "quantity": 1}, {"id": "s", "sku": "B", "quantity": 1}]
    [parcel] = order(lines=lines, parcels=[{"id": "p", "lines": held}]).parcels
    assert {line.sku: line.quantity for line in parcel.lines} == {"A#d": 1, "B": 1}


@pytest.mark.parametrize(
    ("called", "meant"),
    [
        ({"A#1": 1}, {"A#1": 1}),
        ({"A": 3}, {"A#1": 2, "A#2": 1}),
        ({"A": 2}, {"A": 2}),
        ({"A": 4}, {"A": 4}),
        ({"B": 1}, {"B": 1}),
        ({"8": 1}, {"B": 1}),
        ({"Z": 1}, {"Z": 1}),
    ],
)
def test_whose_units_are_meant(called: dict[str, int], meant: dict[str, int]) -> None:
    sale = order(lines=[CHEAP, DEAR, SHADE | {"id": "8"}])
    found = sale.named(Line(sku=sku, quantity=n) for sku, n in called.items())
    assert {line.sku: line.quantity for line in found} == meant


def test_are_units_of_one_sku_in_two_conditions_not_guessed() -> None:
    units = (
        Received(sku="A", quantity=2),
        Received(sku="A", quantity=1, condition=Condition.DAMAGED),
    )
    assert resolved(units, order().lines) == units
    [first, second] = resolved((Received(sku="A", quantity=3),), order().lines)
    assert (first.sku, first.quantity, second.sku, second.quantity) == ("A#1", 2, "A#2", 1)


def test_are_units_told_to_the_marketplace_as_it_knows_them() -> None:
    units = (Line(sku="A#1", quantity=1), Line(sku="A#2", quantity=1), Line(sku="B", quantity=1))
    told = [there.model_dump() for there in order().there(units)]
    assert told == [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}]
    sale = order(lines=[CHEAP | {"id": "c"}, DEAR | {"id": "d"}])
    [told_by_id] = [there.model_dump() for there in sale.there((Line(sku="A#d", quantity=1),))]
    assert told_by_id == {"sku": "A", "quantity": 1, "line_id": "d"}


# What is only shown is shortened.


@pytest.mark.parametrize("title", ["Ż" * 200, "Ż" * 201, "Ż" * 10_000])
def test_is_a_long_title_shortened(title: str) -> None:
    [line] = order(lines=[CHEAP | {"title": title}]).lines
    assert len(line.title) == 200
    assert line.title == title or line.title == f"{title[:199]}…"


def test_are_long_names_shortened_and_long_ids_taken() -> None:
    told = order(
        id="x" * 100,
        buyer=PERSON | {"name": "N" * 5000, "email": f"{'e' * 300}@x.example"},
        lines=[CHEAP | {"sku": "S" * 200}],
        parcels=[{"id": "p" * 100, "carrier": "C" * 500}],
    )
    assert len(told.buyer.name) == 100
    assert told.parcels[0].carrier == f"{'C' * 59}…"
    assert told.lines[0].sku == "S" * 200


@pytest.mark.parametrize(
    ("locale", "language"),
    [("pl-PL", "pl"), ("pl_PL", "pl"), ("PL", "pl"), ("sr-Latn-RS", "sr"), ("fil", "fil")],
)
def test_is_the_language_of_a_locale_taken(locale: str, language: str) -> None:
    assert order(buyer=PERSON | {"locale": locale}).buyer.locale == language


@pytest.mark.parametrize("locale", ["", "p", "-PL", "polski", 7, None])
def test_is_no_language_refused(locale: object) -> None:
    with pytest.raises(ValidationError):
        order(buyer=PERSON | {"locale": locale})


def test_is_a_large_order_kept_with_short_titles_and_a_larger_one_refused() -> None:
    lines = [
        {"sku": f"A{n}", "title": "Ż" * 200, "quantity": 1, "unit_price_minor": 1}
        for n in range(MOST_LINES)
    ]
    kept = order(lines=lines).within_bounds()
    assert len(kept.sale.model_dump_json().encode()) <= MOST_BYTES
    assert len({line.sku for line in kept.lines}) == MOST_LINES
    longer = [line | {"sku": f"{line['sku']}{'x' * 190}"} for line in lines]
    with pytest.raises(ValueError, match="at most 100000 bytes"):
        order(lines=longer).within_bounds()


# Whole lives.


async def bought(world: World, **more: Any) -> str:
    return await world.in_hand(lines=[CHEAP, DEAR, SHADE], **more)


async def labelled(life: Life) -> Life:
    """The return of the case's goods, once its label is made and charged."""
    back = await life.goods_back()
    await back.dues(NoticeName.LABEL_READY)
    return back


async def brought_back(life: Life, *received: Received) -> None:
    back = await labelled(life)
    await back.buyer(HandOver, carrier="InPost")
    await back.seller(Receive, units=received)
    await back.seller(Inspect)


async def refunded(life: Life) -> None:
    view = await life.sees(lambda view: view.refund or "refund" in view.may[Party.SELLER])
    if not view.refund:
        await life.seller(Refund)
    assert (await life.ends()).ending == "refunded"


async def test_a_part_by_name_then_the_rest_comes_back_to_the_grosz(world: World) -> None:
    order = await bought(world)
    dear = await world.withdrawal(order_id=order, lines=(Line(sku="A#2", quantity=1),))
    view = await dear.sees(lambda view: view.at_stake)
    assert view.at_stake == dear.money(12_000)
    await brought_back(dear, Received(sku="A#2", quantity=1))
    await refunded(dear)
    rest = await world.withdrawal(order_id=order, number=2)
    view = await rest.sees(lambda view: view.units)
    held = {unit.sku: unit.quantity for unit in view.units}
    assert held == {"A#1": 2, "B": 1}
    await brought_back(rest, Received(sku="A", quantity=2), Received(sku="B", quantity=1))
    await refunded(rest)
    assert sum(rest.paid) == 10_000 * 2 + 12_000 + 5_000 + 999 - 2 * LABEL


async def test_all_of_an_sku_is_all_of_its_lines(world: World) -> None:
    life = await world.withdrawal(order_id=await bought(world), lines=(Line(sku="A", quantity=3),))
    view = await life.sees(lambda view: view.units)
    assert {unit.sku: unit.quantity for unit in view.units} == {"A#1": 2, "A#2": 1}
    assert view.at_stake == life.money(32_000)
    back = await labelled(life)
    await back.buyer(HandOver, carrier="InPost")
    with pytest.raises(RefusedCommand, match="A#1=2, A#2=1"):
        await back.seller(Receive, units=(Received(sku="A", quantity=2),))
    await back.seller(Receive, units=(Received(sku="A", quantity=3),), command_id="r")
    again = await back.seller(Receive, units=(Received(sku="A", quantity=3),), command_id="r")
    assert again.outcome == "repeated"
    await back.seller(Inspect)
    await refunded(life)
    assert sum(life.paid) == 32_000 + 864 - LABEL  # with its part of the delivery


async def test_a_part_of_an_sku_in_two_lines_is_asked_about(world: World) -> None:
    life = await world.withdrawal(order_id=await bought(world), lines=(Line(sku="A", quantity=1),))
    assert (await life.ends()).ending == "not-opened"
    refusal = (await life.view()).refusal
    assert refusal
    assert refusal.code is Code.LINES_UNKNOWN
    assert "A#1=2, A#2=1, B=1" in refusal.sentence


async def test_a_cancellation_names_lines_as_the_marketplace_does(world: World) -> None:
    lines = [CHEAP | {"id": "c"}, DEAR | {"id": "d"}]
    order = await world.fresh(lines=lines)
    life = await world.cancellation(order_id=order, lines=(Line(sku="d", quantity=1),))
    view = await life.sees(lambda view: view.stage != "opening")
    assert {unit.sku for unit in view.units} == {"A#d"}
    await life.passes(days=30)
    await life.ends()
    assert 12_000 <= sum(life.paid) <= 12_999


async def test_goods_that_came_by_their_sku_are_known_by_their_lines(world: World) -> None:
    life = await world.goods_return(
        order_id=await bought(world), received=(Received(sku="A", quantity=3),)
    )
    view = await life.sees(lambda view: view.custody)
    assert {unit.sku: unit.quantity for unit in view.units} == {"A#1": 2, "A#2": 1}
    assert {kept.sku for kept in view.custody} == {"A#1", "A#2"}
    await life.send(PLATFORM, Close, reason="done")
    await life.ends()
