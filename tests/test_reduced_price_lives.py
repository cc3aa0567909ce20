"""Does a reduced price leave the buyer the right to its rest, and does that come back once?"""

from collections.abc import Callable
from typing import Any

import pytest

from domain.accounts import MoneyBack
from domain.commands import (
    Accept,
    AcceptComplaint,
    Close,
    Deduct,
    Inspect,
    Offer,
    Receive,
    Refund,
    Remedy,
    RetryRefund,
)
from domain.goods import Received, Scan, Way
from domain.notices import Facts, NoticeName
from domain.orders import Line
from domain.parties import Party
from domain.ports import RefundReport, RefundState
from domain.stages import Stage
from domain.view import CaseView
from store.refunds import RefundLedger
from tests.life import PLATFORM, Life, RefusedCommand, World
from workflows.dispute.process import Dispute

WHOLE = 25999
ONE_A = (Line(sku="A", quantity=1),)
SHADE = (Line(sku="B", quantity=1),)
ALL = (Received(sku="A", quantity=2), Received(sku="B", quantity=1))
PROOF: dict[str, Any] = {"name": "a.jpg", "size": 9, "media_type": "image/jpeg", "sha256": "0" * 64}
BURNT: dict[str, Any] = {"text": "The shade is burnt.", "attachments": (PROOF,)}
PRICE = {"remedy": Remedy.PARTIAL_REFUND}


def at(stage: Stage) -> Callable[[CaseView], bool]:
    """Whether a case has come to a stage."""
    return lambda view: view.stage is stage


async def reduced(world: World, order: str, minor: int, number: int = 1, **more: Any) -> Life:
    """A dispute that the traders have settled by a lower price."""
    life = await world.dispute(order_id=order, number=number, **more)
    await life.seller(Offer, **PRICE, amount=life.money(minor))
    await life.buyer(Accept)
    assert (await life.ends()).ending == "settled"
    return life


async def withdrawn(world: World, order: str, **more: Any) -> Life:
    """A withdrawal of which the seller collects the goods, and so withholds nothing."""
    life = await world.withdrawal(order_id=order, way=Way.SELLER_COLLECTS, **more)
    await life.sees(at(Stage.AWAITING_REFUND))
    return life


async def refunded(life: Life) -> None:
    """The seller refunds, and lets the buyer keep the goods."""
    await life.seller(Refund)
    await life.sees(at(Stage.WATCHING))
    await (await life.goods_back()).send(PLATFORM, Close, reason="Keep them.")
    assert (await life.ends()).ending == "refunded"


async def facts(life: Life, name: NoticeName) -> list[Facts]:
    """What the letters of this name say."""
    return [notice.facts for notice in await life.told(name)]


def back(world: World, order: str) -> tuple[MoneyBack, ...]:
    """What of the order has come back."""
    return RefundLedger(world.engine).money_back(order)


async def test_a_buyer_with_two_reductions_withdraws_and_gets_the_rest(world: World) -> None:
    order = await world.in_hand()
    await reduced(world, order, 2000, lines=ONE_A)
    second = await world.dispute(order_id=order, number=2, lines=SHADE)
    await second.seller(Offer, **PRICE, amount=second.money(1500))
    await second.buyer(Accept)
    assert (await second.ends()).ending == "settled"
    third = await world.dispute(order_id=order, number=3, lines=SHADE)
    view = await third.view()
    assert (view.at_stake, view.claimed) == (third.money(5000), third.money(3500))
    with pytest.raises(RefusedCommand, match=r"amount-too-high: .* at most 35\.00 PLN"):
        await third.seller(Offer, **PRICE, amount=third.money(3501))
    whole = await world.dispute(order_id=order, number=4)
    with pytest.raises(RefusedCommand, match=r"amount-too-high: .* at most 215\.00 PLN"):
        await whole.seller(Offer, **PRICE, amount=whole.money(21501))
    more = {"remedy": Remedy.RETURN_FOR_REFUND, "amount": whole.money(22500)}
    with pytest.raises(RefusedCommand, match=r"amount-too-high: .* at most 224\.99 PLN"):
        await whole.seller(Offer, **more)
    complaint = await world.complaint(order_id=order, lines=SHADE, wanted=Remedy.PARTIAL_REFUND)
    with pytest.raises(RefusedCommand, match="amount-too-high"):
        await complaint.seller(AcceptComplaint, amount=complaint.money(3501))
    for each in (third, whole, complaint):
        await each.send(PLATFORM, Close, reason="A test.")
    life = await withdrawn(world, order)
    view = await life.view()
    assert view.units == (Line(sku="A", quantity=2), *SHADE)
    assert view.preview
    assert [(part.what, part.amount_minor) for part in view.preview.parts][:4] == [
        ("2 × A", 20000),
        ("1 × B", 5000),
        ("price reduced before", -3500),
        ("delivery", 999),
    ]
    (told,) = await facts(life, NoticeName.WITHDRAWAL_ACKNOWLEDGED)
    assert (told.price, told.reduced, told.delivery, told.deducted, told.amount) == (
        life.money(25000),
        life.money(3500),
        life.money(999),
        None,
        life.money(WHOLE - 3500),
    )
    await refunded(life)
    assert life.paid == [2000, 1500, WHOLE - 3500]
    ended = [await life.view(), await second.view()]
    amounts = [life.money(WHOLE - 3500), life.money(1500)]
    assert [view.refund_amount for view in ended] == amounts
    assert [view.refund_reduces for view in ended] == [False, True]


async def test_a_complaint_whose_goods_the_seller_has_pays_what_a_dispute_has_left(
    world: World,
) -> None:
    order = await world.in_hand()
    life = await world.complaint(order_id=order, wanted=Remedy.RETURN_FOR_REFUND)
    await life.seller(AcceptComplaint)
    goods = await life.goods_back()
    await goods.scanned(Scan.ARRIVED)
    await reduced(world, order, 3000)
    await goods.seller(Receive, units=ALL)
    await goods.sees(at(Stage.INSPECTING))
    await goods.seller(Inspect)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [3000, WHOLE - 3000]
    assert "refund reckoned anew" in [entry.what for entry in (await life.view()).timeline]


async def test_a_dispute_pays_back_what_a_reduction_meanwhile_has_left(world: World) -> None:
    order = await world.in_hand()
    full = await world.dispute(order_id=order)
    most = await world.dispute(order_id=order, number=2)
    await full.seller(Offer, remedy=Remedy.FULL_REFUND)
    await most.seller(Offer, **PRICE, amount=most.money(24000))
    complaint = await world.complaint(order_id=order, wanted=Remedy.PARTIAL_REFUND)
    await complaint.seller(AcceptComplaint, amount=complaint.money(4000))
    await complaint.sees(at(Stage.AMOUNT_NAMED))
    await complaint.buyer(Accept)
    assert (await complaint.ends()).ending == "price-reduced"
    await most.buyer(Accept)
    assert (await most.ends()).ending == "settled"
    assert [told.agreed for told in await facts(most, NoticeName.REFUND_CONFIRMED)] == [
        most.money(24000)
    ] * 2
    assert most.paid == [4000, 21000]
    await full.buyer(Accept)
    assert (await full.ends()).ending == "settled"
    assert full.paid == [4000, 21000, 999]
    # Everything has come back: what is settled now moves nothing, and says so.
    last = await world.dispute(order_id=order, number=3)
    with pytest.raises(RefusedCommand, match="amount-too-high: All that was paid"):
        await last.seller(Offer, **PRICE, amount=last.money(1))
    await last.seller(Offer, remedy=Remedy.FULL_REFUND)
    await last.buyer(Accept)
    assert (await last.ends()).ending == "settled"
    assert "nothing is owed" in [entry.what for entry in (await last.view()).timeline]
    assert sum(last.paid) == WHOLE


async def test_a_dispute_pays_all_of_a_full_refund_once_that_of_another_case_has_failed(
    world: World,
) -> None:
    order = await world.in_hand()
    other = await withdrawn(world, order, lines=ONE_A)
    other.marketplace(refunds="later")
    await other.seller(Refund)
    view = await other.sees(lambda view: view.refund and view.clocks)
    assert view.refund
    life = await world.dispute(order_id=order, lines=(Line(sku="A", quantity=2), *SHADE))
    assert (await life.view()).claimed == life.money(15600)  # and what is left of the delivery
    key = view.refund.key
    world.settle(key, "fail")
    await other.signals(Dispute.refund_reported, RefundReport(key=key, state=RefundState.FAILED))
    await other.sees(lambda view: view.task and view.task.purpose == "refund-failed")
    life.marketplace(refunds="confirm")
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [WHOLE]
    await other.send(PLATFORM, Close, reason="A test.")


@pytest.mark.parametrize("kind", ["dispute", "complaint"])
async def test_a_reduction_that_fails_after_the_withdrawal_is_paid_all_the_same(
    world: World, kind: str
) -> None:
    order = await world.in_hand()
    opened = world.dispute if kind == "dispute" else world.complaint
    wish: dict[str, Any] = {} if kind == "dispute" else {"wanted": Remedy.PARTIAL_REFUND}
    life = await opened(order_id=order, lines=ONE_A, **wish)
    life.marketplace(refunds="later")
    verb = Offer if kind == "dispute" else AcceptComplaint
    await life.seller(verb, **PRICE, amount=life.money(2000))
    await life.sees(lambda view: "accept" in view.may[Party.BUYER])
    await life.buyer(Accept)
    view = await life.sees(lambda view: view.refund and view.clocks)
    assert view.refund
    life.marketplace(refunds="confirm")
    await refunded(await withdrawn(world, order))
    assert life.paid == [WHOLE - 2000]
    key = view.refund.key
    world.settle(key, "fail")
    await life.signals(Dispute.refund_reported, RefundReport(key=key, state=RefundState.FAILED))
    await life.sees(lambda view: view.task and view.task.purpose == "refund-failed")
    assert [one.unpaid_minor for one in back(world, order) if one.sku == "A"] == [2000, 0]
    await life.agent(RetryRefund)
    assert (await life.ends()).ending == ("settled" if kind == "dispute" else "price-reduced")
    assert life.paid == [WHOLE - 2000, 2000]


async def test_units_of_which_the_whole_price_was_deducted_are_paid_by_no_other_case(
    world: World,
) -> None:
    order = await world.in_hand()
    life = await world.withdrawal(order_id=order, lines=ONE_A)
    goods = await life.goods_back()
    await goods.dues(NoticeName.LABEL_READY)  # by then it is known what the way back costs
    await goods.scanned(Scan.ARRIVED)
    await life.sees(lambda view: "deduct" in view.may[Party.SELLER])
    await life.seller(Deduct, amount=life.money(10000), **BURNT)
    await life.buyer(Accept)
    await goods.seller(Receive, units=(Received(sku="A", quantity=1),))
    await goods.sees(at(Stage.INSPECTING))
    await goods.seller(Inspect)
    await goods.ends()
    await life.seller(Refund)
    assert (await life.ends()).ending == "nothing-owed"
    assert (life.paid, back(world, order)) == ([], (MoneyBack(sku="A", first=1, last=1),))
    both = (Line(sku="A", quantity=2),)
    again = await world.complaint(order_id=order, wanted=Remedy.RETURN_FOR_REFUND, lines=both)
    refusal = (await again.view()).refusal
    assert refusal
    assert refusal.code == "units-refunded"
