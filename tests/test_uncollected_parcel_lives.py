"""Whole lives of uncollected parcels (P1-P4, P6): what is chosen, what silence does, who pays."""

import asyncio
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from temporalio.testing import WorkflowEnvironment

from domain.commands import (
    Attachment,
    CancelOrder,
    Claim,
    Close,
    CommandBase,
    CostKind,
    Decide,
    Hold,
    Refund,
    ReportBuyer,
    ReportCost,
    RetryRefund,
    Say,
    SendAgain,
    Ship,
    Verdict,
    WithdrawFromContract,
)
from domain.goods import ParcelEvent, Scan
from domain.money import Money
from domain.notices import NoticeName
from domain.orders import Line
from domain.parties import Party
from domain.ports import CostClaim, RedeliveryPaid, RefundReport, RefundState
from domain.refusals import Code
from domain.stages import Stage
from domain.view import Announced, CaseView, UncollectedParcelView
from policies import DEMO
from store.refunds import RefundLedger
from store.seller_reports import SellerReportBook
from tests.conftest import world_on
from tests.life import AGENT, BUYER, PLATFORM, SELLER, Life, RefusedCommand, World
from tests.policies import laid_over

BILL = Attachment(name="bill.pdf", size=9, media_type="application/pdf", sha256="a" * 64)
WAY_BACK = 1300
ALL = 25999
RESEND = {"PL": 1499, "SI": 490, "CZ": 8900, "SK": 490, "HU": 149_000}


async def cost(life: Life, kind: CostKind = CostKind.WAY_BACK, minor: int = WAY_BACK) -> None:
    """The seller reports a cost, with its bill."""
    await life.seller(ReportCost, cost=kind, amount=life.money(minor), attachments=(BILL,))


async def at(life: Life[UncollectedParcelView], stage: Stage) -> datetime:
    """The instant until which the case stands at this stage."""
    view = await life.sees(lambda view: view.stage is stage, lambda view: view.due)
    assert view.due
    return view.due


async def silent(life: Life, stage: Stage, then: Stage) -> None:
    """Nobody says anything at a stage, until the next."""
    await life.passes_until(await at(life, stage))
    await at(life, then)


async def may_withdraw(life: Life) -> None:
    """The buyer is silent, asked and asked for the last time."""
    await silent(life, Stage.AWAITING_BUYER, Stage.FURTHER_PERIOD)
    await silent(life, Stage.FURTHER_PERIOD, Stage.MAY_WITHDRAW)


async def pays(life: Life) -> None:
    """The buyer pays for sending it again, and the marketplace tells the case."""
    await at(life, Stage.AWAITING_PAYMENT)
    view = await life.view()
    assert view.redelivery
    path = f"/standin/redeliveries/{quote(view.redelivery.key, safe='')}/pay"
    paid = await asyncio.to_thread(requests.post, life.world.marketplace + path, timeout=5)
    assert paid.ok, paid.text
    await life.signals("redelivery_paid", RedeliveryPaid(key=view.redelivery.key))
    await at(life, Stage.AWAITING_DISPATCH)


async def ships(life: Life, tracking: str = "PX2") -> None:
    """The seller sends it again."""
    await life.seller(Ship, carrier="Poczta", tracking=tracking, expected_on=date(2099, 1, 4))
    await at(life, Stage.IN_TRANSIT)


async def sent_again(life: Life, tracking: str = "PX2") -> None:
    """The buyer wants it sent again and pays, and the seller sends it."""
    await life.buyer(SendAgain)
    await pays(life)
    await ships(life, tracking)


async def seen(life: Life, scan: Scan, tracking: str | None = None, hours_ago: float = 0) -> None:
    """A carrier's machine tells of a parcel."""
    now = await life.world.environment.get_current_time()
    event = ParcelEvent(
        event_id=f"{scan}-{tracking}-{hours_ago}-{now}",
        scan=scan,
        at=now - timedelta(hours=hours_ago),
        tracking=tracking,
    )
    await life.signals("parcel", event)


def charges(life: Life) -> list[tuple[str, bool]]:
    """What became of each charge for sending again: its state, and whether it was given back."""
    ledger = requests.get(f"{life.world.marketplace}/standin/ledger", timeout=5).json()
    mine = [one for one in ledger["redeliveries"] if one["order_id"] == life.order_id]
    return [(one["state"], one["given_back"]) for one in mine]


def kept(life: Life) -> dict[str, CostClaim]:
    """The costs that are kept for the seller, by what they are."""
    costs = SellerReportBook(life.world.engine).costs("seller")
    return {one.cost: one for one in costs if one.case_id == life.handle.id}


async def refused(life: Life, code: str, by: Any, verb: type[CommandBase], **more: Any) -> None:
    """The command is refused with this code."""
    with pytest.raises(RefusedCommand) as refusal:
        await life.send(by, verb, **more)
    assert refusal.value.code == code, refusal.value


async def turned_into(life: Life, kind: str) -> Life:
    """The case that goes on instead of this one."""
    assert (await life.ends()).ending == f"became-{kind}"
    view = await life.view()
    entry = next(entry for entry in view.timeline if entry.what == f"became-{kind}")
    other = life.world.follow(life, entry.detail)
    await other.sees(lambda view: view.stage is not Stage.OPENING)
    assert "closed" not in life.letters()
    return other


async def gone_on(life: Life) -> None:
    """The platform closes the case that went on, for the next test not to meet it."""
    await life.send(PLATFORM, Close, reason="done")
    await life.sees(lambda view: view.stage is Stage.CLOSED)


# Nobody chooses, and the seller withdraws by an act of their own.


@pytest.mark.parametrize("country", RESEND)
async def test_silence_then_a_last_period_then_the_sellers_own_act(
    world: World, country: str
) -> None:
    order = world.alter(world.order(country), return_cost_announced=False)
    life = await world.uncollected_parcel(country, order_id=order)
    view = await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    assert (view.round, view.tracking, view.resend_cost) == (1, "PX1", life.money(RESEND[country]))
    assert await life.dues(NoticeName.PARCEL_CAME_BACK) == [view.due, view.due]
    assert view.preview
    assert view.preview.refund_minor == ALL
    await refused(life, "wrong-stage", SELLER, WithdrawFromContract)
    await cost(life, CostKind.STORAGE, 500)
    await cost(life)
    await refused(
        life, "already-done", SELLER, ReportCost,
        cost=CostKind.WAY_BACK, amount=life.money(100), attachments=(BILL,),
    )  # fmt: skip
    told = (await life.view()).costs
    assert [(one.announced, one.deducted) for one in told] == [(None, False), (None, False)]

    await silent(life, Stage.AWAITING_BUYER, Stage.FURTHER_PERIOD)
    view = await life.view()
    assert [one.announced for one in view.costs] == [None, Announced.IN_THE_LAST_LETTER]
    assert [one.deducted for one in view.costs] == [False, True]
    assert view.costs[1].attachments == (BILL,)
    assert view.preview
    assert view.preview.refund_minor == ALL - WAY_BACK
    assert (await life.dues(NoticeName.PARCEL_LAST_PERIOD))[0] == view.due
    await refused(life, "wrong-stage", SELLER, WithdrawFromContract)
    await silent(life, Stage.FURTHER_PERIOD, Stage.MAY_WITHDRAW)
    assert life.paid == []  # nothing withdraws by itself
    await life.seller(WithdrawFromContract, text="I give up.")
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL - WAY_BACK]
    assert kept(life)["way-back"].deducted_minor == WAY_BACK
    assert kept(life)["storage"].deducted_minor == 0
    assert kept(life)["way-back"].evidence == ("a" * 64,)
    assert life.letters(Party.BUYER) == [
        "parcel_came_back", "parcel_came_back", "parcel_last_period", "parcel_last_period",
        "seller_may_withdraw", "seller_withdrew", "refund_confirmed", "closed",
    ]  # fmt: skip
    assert life.breaches() == []
    assert (await life.view()).messages[-1].text == "I give up."


@pytest.mark.parametrize(
    ("announced", "early", "deducted"),
    [(True, False, WAY_BACK), (False, False, 0), (True, True, WAY_BACK)],
)
async def test_the_way_back_is_deducted_only_if_announced_before(
    world: World, announced: bool, early: bool, deducted: int
) -> None:
    order = world.alter(world.order(), return_cost_announced=announced)
    life = await world.uncollected_parcel(order_id=order)
    if early:
        await cost(life)
    await may_withdraw(life)
    if not early:
        await cost(life)  # after the last letter that gave time
    [told] = (await life.view()).costs
    assert told.announced == (Announced.WITH_THE_ORDER if announced else None)
    assert told.deducted is bool(deducted)
    await life.seller(WithdrawFromContract)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL - deducted]
    assert kept(life)["way-back"].deducted_minor == deducted


async def test_a_cost_above_what_was_paid_takes_no_more_than_that(world: World) -> None:
    shade = (Line(sku="B", quantity=1),)
    life = await world.uncollected_parcel(lines=shade)
    await cost(life, minor=99_999)
    await may_withdraw(life)
    await life.seller(WithdrawFromContract)
    assert (await life.ends()).ending == "nothing-owed"
    assert life.paid == []
    assert 0 < kept(life)["way-back"].deducted_minor < 99_999
    assert RefundLedger(world.engine).refunded(life.order_id) == shade  # no other case pays them


async def test_cash_on_delivery_refunds_nothing_and_costs_are_claims(world: World) -> None:
    order = world.alter(world.order("SI"), payment="cash-on-delivery")
    life = await world.uncollected_parcel("SI", order_id=order, opened_by=PLATFORM)
    await cost(life)
    await refused(life, "no-right", SELLER, ReportBuyer)
    await may_withdraw(life)
    await life.seller(WithdrawFromContract)
    assert (await life.ends()).ending == "nothing-owed"
    assert life.paid == []
    assert RefundLedger(world.engine).refunded(order) == ()  # what is paid later may come back
    assert kept(life)["way-back"].deducted_minor == 0
    assert not (await life.view()).costs[0].deducted
    assert "Nothing was paid" in next(
        letter.text
        for letter in life.letters_whole(Party.SELLER)
        if letter.name == "seller_withdrew"
    )


@pytest.mark.parametrize(
    ("verdict", "ending", "paid"),
    [(Verdict.FOR_BUYER, "refunded", [ALL]), (Verdict.FOR_SELLER, "contract-stands", [])],
)
async def test_a_seller_who_does_nothing_is_asked_again_then_an_agent_is(
    world: World, verdict: Verdict, ending: str, paid: list[int]
) -> None:
    life = await world.uncollected_parcel()
    await may_withdraw(life)
    first = await at(life, Stage.MAY_WITHDRAW)
    await life.passes_until(first)
    await life.sees(lambda view: view.due and view.due > first)
    await silent(life, Stage.MAY_WITHDRAW, Stage.WITH_AGENT)
    view = await life.view()
    assert view.task
    assert view.task.purpose == "withdrawal-unused"
    assert {"send-again", "cancel-order"} <= set(view.may[Party.BUYER])
    assert "withdraw-from-contract" in view.may[Party.SELLER]
    await refused(life, "wrong-stage", SELLER, Ship,
                  carrier="P", tracking="X", expected_on=date(2099, 1, 1))  # fmt: skip
    shared: dict[str, Any] = {"verdict": Verdict.SHARED, "amount": life.money(1)}
    await refused(life, "verdict-differs", AGENT, Decide, reasoning="x", **shared)
    await life.agent(Claim)
    await life.agent(Decide, verdict=verdict, reasoning="So be it.")
    assert (await life.ends()).ending == ending
    assert life.paid == paid
    assert life.letters(Party.SELLER).count("seller_may_withdraw") == 4  # twice, each reminded
    assert life.breaches() == []


async def test_the_seller_still_acts_while_an_agent_is_asked(world: World) -> None:
    life = await world.uncollected_parcel()
    await may_withdraw(life)
    for _ in range(2):
        view = await life.view()
        assert view.due
        await life.passes_until(view.due)
    await at(life, Stage.WITH_AGENT)
    await life.seller(WithdrawFromContract)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL]
    assert await life.tasks() == []


@pytest.mark.parametrize("stage", [Stage.AWAITING_BUYER, Stage.MAY_WITHDRAW])
async def test_a_parcel_that_is_collected_after_all_ends_it_and_nothing_is_paid(
    world: World, stage: Stage
) -> None:
    life = await world.uncollected_parcel()
    if stage is Stage.MAY_WITHDRAW:
        await may_withdraw(life)
    else:
        await seen(life, Scan.DELIVERED, "PX1", hours_ago=9)  # before it came back
        await seen(life, Scan.DELIVERED, "PX9")
        assert (await life.view()).stage is stage
    await seen(life, Scan.DELIVERED, "PX1")
    assert (await life.ends()).ending == "delivered"
    assert life.paid == []
    assert "closed" in life.letters(Party.BUYER)


# It is sent again, at the buyer's cost.


async def test_it_is_paid_for_sent_again_and_delivered(world: World) -> None:
    life = await world.uncollected_parcel()
    await life.buyer(SendAgain)
    view = await life.sees(lambda view: view.stage is Stage.AWAITING_PAYMENT, lambda v: v.clocks)
    assert view.redelivery
    assert (view.redelivery.charge, view.redelivery.paid) == (life.money(1499), False)
    assert await life.dues(NoticeName.REDELIVERY_CHARGED) == [view.due, view.due]
    await life.signals("redelivery_paid", RedeliveryPaid(key="another"))
    await refused(life, "wrong-stage", BUYER, SendAgain)
    await refused(life, "wrong-stage", SELLER, Ship,
                  carrier="P", tracking="X", expected_on=date(2099, 1, 1))  # fmt: skip
    await pays(life)
    await life.signals("redelivery_paid", RedeliveryPaid(key=view.redelivery.key))
    due = await at(life, Stage.AWAITING_DISPATCH)
    assert await life.dues(NoticeName.REDELIVERY_WANTED) == [due, due]
    await refused(life, "already-done", SELLER, Ship,
                  carrier="P", tracking="PX1", expected_on=date(2099, 1, 1))  # fmt: skip
    await refused(life, "date-past", SELLER, Ship,
                  carrier="P", tracking="PX2", expected_on=date(2020, 1, 1))  # fmt: skip
    await ships(life)
    assert (await life.view()).tracking == "PX2"
    await seen(life, Scan.RETURNED, "PX1")  # late word of the first parcel
    await seen(life, Scan.RETURNED, None, hours_ago=3)
    await seen(life, Scan.IN_TRANSIT, "PX2")
    view = await life.view()
    assert (view.stage, view.round) == (Stage.IN_TRANSIT, 1)
    await refused(life, "wrong-stage", BUYER, CancelOrder)
    await seen(life, Scan.DELIVERED, "PX2")
    assert (await life.ends()).ending == "delivered"
    assert (life.paid, charges(life)) == ([], [("paid", False)])
    assert "shipped_back" in life.letters(Party.BUYER)


async def test_sending_again_for_nothing_needs_no_payment(world: World) -> None:
    life = await world.uncollected_parcel(resend_cost=Money(amount_minor=0, currency="PLN"))
    await life.buyer(SendAgain)
    await at(life, Stage.AWAITING_DISPATCH)
    await ships(life)
    await seen(life, Scan.DELIVERED)
    assert (await life.ends()).ending == "delivered"
    assert charges(life) == []


async def test_who_does_not_pay_is_asked_again_and_not_for_ever(world: World) -> None:
    life = await world.uncollected_parcel()
    for then in (Stage.AWAITING_BUYER, Stage.FURTHER_PERIOD, Stage.MAY_WITHDRAW):
        await life.buyer(SendAgain)
        await silent(life, Stage.AWAITING_PAYMENT, then)
    await refused(life, "wrong-stage", BUYER, SendAgain)
    assert charges(life) == [("voided", False)] * 3
    await life.signals("redelivery_paid", RedeliveryPaid(key=f"{life.handle.id}:redelivery:3"))
    view = await life.sees(lambda view: view.timeline[-1].what == "void redelivery paid")
    assert view.stage is Stage.MAY_WITHDRAW
    asked = [one.text for one in life.letters_whole(Party.BUYER) if one.name == "parcel_came_back"]
    assert len(asked) == 2
    assert asked[0] != asked[1]  # it says that it was not paid for
    await life.seller(WithdrawFromContract)
    assert (await life.ends()).ending == "refunded"


@pytest.mark.parametrize("then", ["for-buyer", "for-seller", "ships"])
async def test_a_seller_who_does_not_send_it_is_in_breach_and_an_agent_rules(
    world: World, then: str
) -> None:
    life = await world.uncollected_parcel()
    await cost(life)
    await life.buyer(SendAgain)
    await pays(life)
    await silent(life, Stage.AWAITING_DISPATCH, Stage.WITH_AGENT)
    view = await life.view()
    assert view.task
    assert view.task.purpose == "redelivery-overdue"
    assert [breach.window for breach in view.breaches] == ["dispatch"]
    assert view.preview
    assert view.preview.refund_minor == ALL  # the seller bears the way back then
    await refused(life, "wrong-stage", SELLER, WithdrawFromContract)
    await refused(life, "already-done", BUYER, SendAgain)
    if then == "ships":
        await ships(life)
    else:
        await life.agent(Decide, verdict=Verdict(then), reasoning="So be it.")
    if then == "for-buyer":
        assert (await life.ends()).ending == "refunded"
        assert (life.paid, charges(life)) == ([ALL], [("voided", True)])
    else:
        if then == "for-seller":
            await at(life, Stage.AWAITING_DISPATCH)
            await ships(life)
        await seen(life, Scan.DELIVERED, "PX2")
        assert (await life.ends()).ending == "delivered"
        assert (life.paid, charges(life)) == ([], [("paid", False)])
    assert life.breaches() == ["dispatch"]


async def test_what_comes_back_again_is_another_round_until_the_seller_may_withdraw_at_once(
    world: World,
) -> None:
    life = await world.uncollected_parcel(order_id=world.alter(world.order(), free_delivery=True))
    for number in (2, 3):
        await sent_again(life, f"PX{number}")
        await cost(life, minor=100 * (number - 1))
        await seen(life, Scan.RETURNED, f"PX{number}")
        view = await life.sees(lambda view: view.stage is not Stage.IN_TRANSIT)
        assert view.round == number
    assert view.stage is Stage.FURTHER_PERIOD  # P2: the last time too, but only to cancel
    await refused(life, "wrong-stage", BUYER, SendAgain)
    await refused(life, "wrong-stage", SELLER, WithdrawFromContract)
    assert "cancel-order" in view.may[Party.BUYER]
    assert (await life.dues(NoticeName.PARCEL_LAST_PERIOD))[0] == view.due
    assert life.letters(Party.BUYER).count("parcel_came_back") == 2
    await cost(life, minor=50)  # of which the order told
    await silent(life, Stage.FURTHER_PERIOD, Stage.MAY_WITHDRAW)
    asked = {one.name: one.text for one in life.letters_whole(Party.BUYER)}
    assert "14,99" in asked[NoticeName.PARCEL_CAME_BACK]
    assert "14,99" not in asked[NoticeName.PARCEL_LAST_PERIOD]
    await life.seller(ReportBuyer)
    await refused(life, "already-done", SELLER, ReportBuyer)
    await life.seller(WithdrawFromContract)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL - 350]
    assert charges(life) == [("paid", False)] * 2
    assert "non_collection_reported" in life.letters(Party.BUYER)
    book = SellerReportBook(world.engine)
    [inactive] = book.inactive_buyers("seller")
    assert (inactive.buyer_id, inactive.parcels >= 1) == ("buyer", True)


# It goes on as another case.


@pytest.mark.parametrize("stage", [Stage.AWAITING_BUYER, Stage.AWAITING_DISPATCH])
async def test_cancelling_refunds_with_the_cancellations_clock(
    real_world: World, stage: Stage
) -> None:
    life = await real_world.uncollected_parcel()
    await cost(life)
    if stage is Stage.AWAITING_DISPATCH:
        await life.buyer(SendAgain)
        await pays(life)
    await life.buyer(CancelOrder)
    other = await turned_into(life, "cancellation")
    assert (await other.ends()).ending == "cancelled"
    assert life.paid == [ALL - WAY_BACK]
    assert charges(life) == ([("voided", True)] if stage is Stage.AWAITING_DISPATCH else [])
    assert other.letters(Party.BUYER) == ["uncollected_cancelled", "refund_confirmed", "closed"]
    view = await other.view()
    assert view.preview
    assert [part.amount_minor for part in view.preview.parts][-1] == -WAY_BACK
    assert kept(life)["way-back"].deducted_minor == WAY_BACK  # no claim beside the deduction
    told = [one for one in life.letters(Party.BUYER) if one == "refund_confirmed"]
    assert len(told) == (1 if stage is Stage.AWAITING_DISPATCH else 0)  # of the charge


async def test_cancelling_what_cost_more_than_it_was_settles_its_units(real_world: World) -> None:
    shade = (Line(sku="B", quantity=1),)
    life = await real_world.uncollected_parcel(lines=shade)
    await cost(life, minor=99_999)
    await life.buyer(CancelOrder)
    other = await turned_into(life, "cancellation")
    assert (await other.ends()).ending == "cancelled"
    assert life.paid == []
    assert RefundLedger(real_world.engine).refunded(life.order_id) == shade


async def test_the_buyers_own_withdrawal_is_one_and_the_goods_are_there(real_world: World) -> None:
    life = await real_world.uncollected_parcel()
    await cost(life)
    await life.buyer(WithdrawFromContract, text="I withdraw.")
    other = await turned_into(life, "withdrawal")
    view = await other.view()
    assert (view.stage, view.returns) == (Stage.AWAITING_REFUND, ())
    await other.seller(Refund)
    assert (await other.ends()).ending == "refunded"
    assert life.paid == [ALL]


async def test_a_withdrawal_on_the_way_waits_for_the_goods(real_world: World) -> None:
    life = await real_world.uncollected_parcel()
    await sent_again(life)
    await life.buyer(WithdrawFromContract)
    other = await turned_into(life, "withdrawal")
    view = await other.sees(lambda view: view.returns)
    assert view.stage is Stage.AWAITING_GOODS
    assert charges(life) == [("paid", False)]
    await gone_on(other)


async def test_who_has_no_right_to_withdraw_is_asked_again(real_world: World) -> None:
    business = real_world.alter(real_world.order(), buyer_class="business")
    life = await real_world.uncollected_parcel(order_id=business)
    await refused(life, "no-right", BUYER, WithdrawFromContract)
    await life.send(PLATFORM, Close, reason="done")
    trader = real_world.alter(real_world.order("SI"), buyer_class="sole-trader")
    life = await real_world.uncollected_parcel("SI", order_id=trader)
    await life.buyer(WithdrawFromContract)
    await life.sees(lambda v: "it could not be opened" in [entry.what for entry in v.timeline])
    await life.sees(lambda _: life.letters(Party.BUYER).count("parcel_came_back") == 2)
    [why] = [one.text for one in life.letters_whole(Party.BUYER) if "choice_refused" in one.key]
    assert "samo potrošniki" in why

    await sent_again(life)  # while the parcel is under way, a refusal does not stop it
    due = await at(life, Stage.IN_TRANSIT)
    await life.buyer(WithdrawFromContract)
    await life.sees(lambda _: life.letters(Party.BUYER).count("choice_refused") == 2)
    assert await at(life, Stage.IN_TRANSIT) == due
    await refused(life, "wrong-stage", SELLER, WithdrawFromContract)
    await seen(life, Scan.DELIVERED, "PX2")
    assert (await life.ends()).ending == "delivered"
    assert (life.paid, charges(life)) == ([], [("paid", False)])


async def test_a_parcel_lost_on_the_way_is_a_non_delivery(real_world: World) -> None:
    life = await real_world.uncollected_parcel()
    await sent_again(life)
    await seen(life, Scan.LOST, "PX2")
    other = await turned_into(life, "non-delivery")
    view = await other.view()
    assert view.kind == "non-delivery"
    assert charges(life) == [("voided", True)]

    def unclaimed(view: CaseView) -> list[str]:
        return [entry.detail for entry in view.timeline if entry.what == "no carrier claim"]

    # The order does not know PX2; PX1 came back, so that there is nothing to claim for it.
    await other.sees(lambda view: unclaimed(view) == ["PX2: parcel-unknown"])
    await seen(other, Scan.DELIVERED, "PX2")
    await at(other, Stage.DELIVERED)
    await gone_on(other)


async def test_a_missing_parcel_whose_case_cannot_be_opened_is_ruled_by_an_agent(
    real_world: World,
) -> None:
    life = await real_world.uncollected_parcel()
    await cost(life)
    await sent_again(life)
    real_world.alter(life.order_id, country="SI")
    await seen(life, Scan.LOST, "PX2")
    view = await life.sees(lambda view: view.task and view.task.purpose == "redelivery-missing")
    assert "send-again" not in view.may[Party.BUYER]
    assert "withdraw-from-contract" not in view.may[Party.SELLER]
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="Lost on its way.")
    assert (await life.ends()).ending == "refunded"
    assert (life.paid, charges(life)) == ([ALL], [("voided", True)])  # the seller's risk (P5)


async def test_a_parcel_that_does_not_arrive_is_a_non_delivery(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    quick: dict[str, object] = {"uncollected_parcel.transit.length": 1}
    policies = laid_over(DEMO, tmp_path / "policies", {"pl": quick})
    # Not on the server that skips time: a case that outlives its parent stops it.
    async with world_on(server, tmp_path, policies, first_order=601) as quick_world:
        life = await quick_world.uncollected_parcel()
        await life.buyer(SendAgain)
        await pays(life)
        await life.seller(Ship, carrier="P", tracking="PX2", expected_on=date(2099, 1, 4))
        other = await turned_into(life, "non-delivery")
        assert ("silence", "transit") in [
            (entry.what, entry.detail) for entry in (await life.view()).timeline
        ]
        await gone_on(other)


# Commands at once, holds, closings, failures.


async def test_of_two_choices_at_once_one_counts(world: World) -> None:
    life = await world.uncollected_parcel()
    results = await asyncio.gather(
        life.buyer(SendAgain), life.buyer(SendAgain), return_exceptions=True
    )
    assert sum(isinstance(one, RefusedCommand) for one in results) == 1
    await life.sees(lambda view: view.stage is Stage.AWAITING_PAYMENT)
    receipt = await life.seller(Say, text="Thank you.", command_id="again")
    repeated = await life.seller(Say, text="Thank you.", command_id="again")
    assert (receipt.outcome, repeated.outcome) == ("accepted", "repeated")
    await life.send(PLATFORM, Close, reason="done")
    assert (await life.ends()).ending == "closed-by-platform"
    assert charges(life) == [("voided", False)]


async def test_a_hold_stops_the_buyers_time_and_ends_by_itself(world: World) -> None:
    life = await world.uncollected_parcel()
    due = await at(life, Stage.AWAITING_BUYER)
    await life.agent(Hold, reason="The carrier is asked.")
    await life.passes_until(due)
    assert (await life.view()).stage is Stage.AWAITING_BUYER
    await life.passes(days=9)
    view = await life.sees(lambda view: view.due)
    assert view.due
    assert view.due > due
    await life.send(PLATFORM, Close, reason="done")
    assert (await life.ends()).ending == "closed-by-platform"


async def test_a_failed_refund_is_ordered_again_or_given_up(world: World) -> None:
    for command, ending in ((RetryRefund, "refunded"), (Close, "closed-by-platform")):
        life = await world.uncollected_parcel()
        life.marketplace(refunds="refuse", times=1)
        await may_withdraw(life)
        await life.seller(WithdrawFromContract)
        await life.sees(lambda view: view.task and view.task.purpose == "refund-failed")
        said = {"reason": "x"} if command is Close else {}
        await life.send(PLATFORM if command is Close else AGENT, command, **said)
        assert (await life.ends()).ending == ending
        assert life.paid == ([ALL] if command is RetryRefund else [])


async def test_a_refund_that_nobody_confirms_is_an_agents_task_and_paid_once(world: World) -> None:
    life = await world.uncollected_parcel()
    await may_withdraw(life)
    life.marketplace(refunds="later")
    await life.seller(WithdrawFromContract)
    await life.passes_until(await at(life, Stage.REFUNDING))
    view = await life.sees(lambda view: view.task and view.task.purpose == "refund-unconfirmed")
    assert view.refund
    await refused(life, "refund-unconfirmed", PLATFORM, Close, reason="x")
    world.settle(view.refund.key)
    confirmed = RefundReport(key=view.refund.key, state=RefundState.CONFIRMED)
    await life.signals("refund_reported", confirmed)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL]


async def test_units_refunded_meanwhile_are_not_refunded_again(world: World) -> None:
    one = (Line(sku="A", quantity=1),)
    order = world.order()
    life = await world.uncollected_parcel(order_id=order, lines=one)
    assert (await life.view()).units == one
    other = await world.dispute(order_id=order, lines=one)
    await may_withdraw(life)
    await life.seller(WithdrawFromContract)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [10399]  # with its share of the delivery
    await other.send(PLATFORM, Close, reason="done")


@pytest.mark.parametrize("again", [RetryRefund, Close])
async def test_a_paid_charge_that_cannot_be_given_back_is_an_agents_task(
    world: World, again: type[CommandBase]
) -> None:
    life = await world.uncollected_parcel()
    await life.buyer(SendAgain)
    await pays(life)
    await silent(life, Stage.AWAITING_DISPATCH, Stage.WITH_AGENT)
    life.marketplace(shipments="refuse")
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="Never sent.")
    view = await life.sees(lambda view: view.task and view.task.purpose == "redelivery-not-voided")
    assert life.paid == [ALL]  # the refund does not wait for it
    assert {"retry-refund", "claim"} <= set(view.may[Party.AGENT])
    assert view.may[Party.BUYER] == ("say",)
    await refused(life, "already-done", AGENT, Decide, verdict=Verdict.FOR_BUYER, reasoning="x")
    if again is RetryRefund:
        first = view.task
        await life.agent(RetryRefund)
        await life.sees(lambda view: view.task and first and view.task.id != first.id)
        life.marketplace(shipments="ok")
        await life.agent(RetryRefund)
    else:
        await life.send(PLATFORM, Close, reason="Paid by hand.")
    assert (await life.ends()).ending == "refunded"
    assert (life.paid, await life.tasks()) == ([ALL], [])
    assert charges(life) == ([("voided", True)] if again is RetryRefund else [("paid", False)])
    confirmed = life.letters(Party.BUYER).count("refund_confirmed")
    assert confirmed == (2 if again is RetryRefund else 1)
    assert "refund_delayed" in life.letters(Party.BUYER)


async def test_a_charge_that_cannot_be_voided_is_noted_and_ends_nothing(world: World) -> None:
    life = await world.uncollected_parcel()
    await life.buyer(SendAgain)
    await at(life, Stage.AWAITING_PAYMENT)
    life.marketplace(shipments="refuse")
    await silent(life, Stage.AWAITING_PAYMENT, Stage.AWAITING_BUYER)
    assert "void refused" in [entry.what for entry in (await life.view()).timeline]
    await life.send(PLATFORM, Close, reason="done")
    await life.ends()


# What can be opened.


async def test_what_is_not_uncollected_is_not_opened(world: World) -> None:
    dear = Money(amount_minor=26_000, currency="PLN")
    foreign = Money(amount_minor=1, currency="EUR")
    has = {"id": "p1", "tracking": "PX1", "in_hand_at": "2026-01-08T10:00:00Z"}
    for code, more in (
        (Code.AMOUNT_TOO_HIGH, {"resend_cost": dear}),
        (Code.CURRENCY_DIFFERS, {"resend_cost": foreign}),
        (Code.ALREADY_DONE, {"order_id": world.alter(world.order(), parcels=[has])}),
        (Code.NOT_YOURS, {"opened_by": BUYER}),
    ):
        life = await world.uncollected_parcel(**more)
        assert (await life.ends()).ending == "not-opened"
        refusal = (await life.view()).refusal
        assert refusal
        assert refusal.code is code
        assert life.letters() == []


async def test_of_several_parcels_only_the_one_that_came_back_counts(world: World) -> None:
    a, b = {"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}
    hand = "2026-01-08T10:00:00Z"
    parcels = [
        {"id": "p1", "tracking": "PX1", "lines": [b]},
        {"id": "p2", "tracking": "PX9", "lines": [a], "in_hand_at": hand},
    ]
    order = world.alter(world.order(), parcels=parcels)
    mistyped = await (await world.uncollected_parcel(order_id=order, tracking="PX7")).view()
    assert mistyped.refusal
    assert mistyped.refusal.code == "parcel-unknown"
    life = await world.uncollected_parcel(order_id=order, tracking="PX1")
    assert (await life.view()).units == (Line(sku="B", quantity=1),)
    await life.send(PLATFORM, Close, reason="done")
    await life.ends()


async def test_a_cost_needs_an_amount_in_the_orders_currency_and_a_file(world: World) -> None:
    life = await world.uncollected_parcel()
    said = {"cost": CostKind.STORAGE, "attachments": (BILL,)}
    nothing, foreign = life.money(0), Money(amount_minor=1, currency="EUR")
    await refused(life, "amount-missing", SELLER, ReportCost, amount=nothing, **said)
    await refused(life, "currency-differs", SELLER, ReportCost, amount=foreign, **said)
    big = BILL.model_copy(update={"size": 10**9})
    more = {**said, "attachments": (big,)}
    await refused(life, "attachment-refused", SELLER, ReportCost, amount=life.money(1), **more)
    await refused(life, "not-yours", BUYER, ReportCost, amount=life.money(1), **said)
    await life.send(PLATFORM, Close, reason="done")
    await life.ends()
