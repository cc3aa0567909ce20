"""Does who gave back all get all back, in amounts that are paid, and where limits hold?"""

from typing import Any

import pytest

from domain.commands import Accept, Close, Offer, Refund, Remedy
from domain.orders import Line
from domain.parties import Party
from domain.refusals import Code
from domain.stages import Stage
from store.refunds import RefundLedger
from tests.life import PLATFORM, Life, RefusedCommand, World

TWO_A, ONE_A, ONE_B = ((Line(sku=sku, quantity=n),) for sku, n in (("A", 2), ("A", 1), ("B", 1)))
GIFT = [
    {"sku": "A", "title": "Lamp", "quantity": 1, "unit_price_minor": 10_000},
    {"sku": "B", "title": "Gift", "quantity": 1, "unit_price_minor": 0},
]
FORINTS = [
    {"sku": "A", "title": "Lamp", "quantity": 3, "unit_price_minor": 49_700, "discount_minor": 100},
    {"sku": "B", "title": "Shade", "quantity": 1, "unit_price_minor": 300_000},
]
HUNGARIAN: dict[str, Any] = {"lines": FORINTS, "delivery_paid_minor": 99_000}


async def refunded(life: Life) -> Life:
    """The seller refunds a withdrawal early; the case is closed, with whatever goods are out."""
    await life.sees(lambda view: "refund" in view.may[Party.SELLER])
    await life.seller(Refund)
    await life.sees(lambda view: view.refund is not None and view.refund.state == "confirmed")
    return life


async def closed(*lives: Life) -> None:
    for life in lives:
        if (await life.view()).stage is not Stage.CLOSED:
            await life.send(PLATFORM, Close, reason="done")
            await life.ends()


@pytest.mark.parametrize(("country", "each"), [("SI", [20_000, 5_999]), ("PL", [20_799, 5_200])])
async def test_two_statements_pay_what_one_would(
    world: World, country: str, each: list[int]
) -> None:
    order = await world.in_hand(country)
    first = await refunded(await world.withdrawal(country, order_id=order, lines=TWO_A))
    second = await world.withdrawal(country, order_id=order, lines=ONE_B, number=2)
    view = await second.sees(lambda view: view.preview)
    assert view.preview
    assert view.preview.refund_minor == each[1]
    await refunded(second)
    assert second.paid == each
    assert RefundLedger(world.engine).come_back(order)[1] == 999
    await closed(first, second)


async def test_two_statements_made_side_by_side_pay_what_one_would(world: World) -> None:
    order = await world.in_hand("SI")
    one = await world.withdrawal("SI", order_id=order, lines=TWO_A)
    other = await world.withdrawal("SI", order_id=order, lines=ONE_B, number=2)
    await other.sees(lambda view: view.preview)
    await refunded(one)
    await refunded(other)
    assert other.paid == [20_000, 5_999]
    await closed(one, other)


async def test_goods_that_never_came_and_goods_that_did_pay_what_one_would(world: World) -> None:
    order = await world.fresh("SI")
    cancelled = await world.cancellation("SI", order_id=order, lines=ONE_B)
    await cancelled.sees(lambda view: view.stage is Stage.WATCHING)
    now = (await world.environment.get_current_time()).isoformat()
    parcel = {"id": "p1", "lines": [{"sku": "A", "quantity": 2}], "in_hand_at": now}
    coming = {"id": "p2", "lines": [{"sku": "B", "quantity": 1}]}
    world.alter(order, shipped=True, parcels=[parcel, coming])
    withdrawn = await world.withdrawal("SI", order_id=order, lines=TWO_A)
    view = await withdrawn.view()
    assert view.right_until is not None, "nothing more is to come"
    await refunded(withdrawn)
    assert withdrawn.paid == [5_000, 20_999]
    await closed(cancelled, withdrawn)


async def test_a_dispute_over_the_last_of_the_goods_brings_back_the_delivery(world: World) -> None:
    order = await world.in_hand("SI")
    first = await refunded(await world.withdrawal("SI", order_id=order, lines=TWO_A))
    dispute = await world.dispute("SI", order_id=order, lines=ONE_B, wanted=Remedy.FULL_REFUND)
    await dispute.sees(lambda view: "offer" in view.may[Party.SELLER])
    await dispute.seller(Offer, remedy=Remedy.FULL_REFUND)
    offered = (await dispute.sees(lambda view: view.offers)).offers[-1]
    await dispute.buyer(Accept, offer_id=offered.id)
    await dispute.sees(lambda view: view.refund is not None and view.refund.state == "confirmed")
    assert dispute.paid == [20_000, 5_999]
    await closed(first, dispute)


async def test_a_gift_that_is_kept_keeps_no_delivery_back(world: World) -> None:
    order = await world.in_hand("SI", lines=GIFT)
    life = await refunded(await world.withdrawal("SI", order_id=order, lines=ONE_A))
    assert life.paid == [10_999]
    await closed(life)


async def test_forints_are_paid_and_shown_whole(world: World) -> None:
    order = await world.in_hand("HU", **HUNGARIAN)
    first = await refunded(await world.withdrawal("HU", order_id=order, lines=ONE_A))
    rest = await refunded(await world.withdrawal("HU", order_id=order, number=2))
    assert sum(rest.paid) == 149_000 + 300_000 + 99_000
    assert all(minor % 100 == 0 for minor in rest.paid)
    mails = [letter.text for life in (first, rest) for letter in life.letters_whole()]
    assert any(f"{rest.paid[0] // 100}\u00a0Ft" in text for text in mails)
    assert not any(",00\u00a0Ft" in text or ".00" in text for text in mails)
    await closed(first, rest)


async def test_no_part_of_a_forint_is_offered_or_claimed(world: World) -> None:
    life = await world.dispute("HU", order_id=await world.in_hand("HU", **HUNGARIAN))
    await life.sees(lambda view: "offer" in view.may[Party.SELLER])
    with pytest.raises(RefusedCommand) as refusal:
        await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(12_345))
    assert refusal.value.code == Code.AMOUNT_NOT_WHOLE
    assert str(refusal.value).endswith(
        "HUF is paid in whole amounts; name 123 or 124 HUF, not 123.45 HUF."
    )
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(12_300))
    wish: dict[str, Any] = {"wanted": Remedy.PARTIAL_REFUND, "amount": life.money(12_345)}
    other = await world.dispute("HU", order_id=await world.in_hand("HU", **HUNGARIAN), **wish)
    assert (await other.ends()).ending == "not-opened"
    told = (await other.view()).refusal
    assert told
    assert told.code is Code.AMOUNT_NOT_WHOLE
    await closed(life)


async def test_an_order_in_another_currency_than_its_country_is_refused(world: World) -> None:
    sentences = []
    for opened in (
        world.dispute("PL", order_id=await world.in_hand("PL", currency="EUR")),
        world.cancellation("PL", order_id=await world.fresh("PL", currency="HUF")),
        world.withdrawal("HU", order_id=await world.in_hand("HU", currency="EUR")),
    ):
        life = await opened
        assert (await life.ends()).ending == "not-opened"
        told = (await life.view()).refusal
        assert told
        assert told.code is Code.ORDER_CURRENCY
        sentences.append(told.sentence)
    assert sentences[-1] == (
        "The order was paid in EUR, and the limits and costs of HU are in HUF; let the platform "
        "see to it without a case."
    )
