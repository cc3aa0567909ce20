"""`python -m tests.record_histories [LIFE ...]`: play the main branches of each process, or those
that are named, and keep their histories in tests/histories/, which every test run replays.

Record anew only what no case that runs in production depends on: see CONTRIBUTING.md.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from domain.commands import (
    Accept,
    AcceptComplaint,
    Appeal,
    AskForHelp,
    AskInformation,
    Attachment,
    BecomeDispute,
    BeginWork,
    CancelOrder,
    CarrierSays,
    Choose,
    Claim,
    Clarify,
    Close,
    CostKind,
    Decide,
    Deduct,
    FileClaim,
    FinishWork,
    Fulfil,
    HandOver,
    Inspect,
    Meaning,
    NameAmount,
    Offer,
    ProveDelivery,
    Receive,
    Refund,
    Refuse,
    RefuseReason,
    Reject,
    Remedy,
    Reopen,
    ReportAnswer,
    ReportBuyer,
    ReportCost,
    ReportFailed,
    ReportRecovered,
    ResendLetters,
    Say,
    SendAgain,
    Ship,
    ShipBack,
    SupplyInformation,
    Terminate,
    Verdict,
    Withdraw,
    WithdrawFromContract,
)
from domain.goods import Condition, ParcelEvent, Received, Scan, Way
from domain.money import Money
from domain.openings import CarrierTrouble
from domain.orders import Line
from domain.ports import Payout, PayoutKind, RedeliveryPaid, RefundReport, RefundState
from domain.stages import Stage
from policies import DEMO
from store.refunds import RefundLedger
from tests.absent import Absent, absent_on, unhurried_policies
from tests.conftest import world_on
from tests.life import PLATFORM, SECOND, Life, World
from tests.skipping import skipping_server
from workflows.carrier_claim.process import CarrierClaim
from workflows.dispute.process import Dispute

FOLDER = Path(__file__).parent / "histories"
PAPER = Attachment(name="paper.pdf", size=9, media_type="application/pdf", sha256="0" * 64)
MACHINE = ("identity", "taskId", "workerVersion", "requestId", "historySizeBytes")


async def dispute_settled(world: World) -> Life:
    """The seller offers, the buyer accepts, the money is paid back."""
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
    await life.buyer(Accept)
    return life


async def dispute_decided(world: World) -> Life:
    """The seller is silent, an agent decides, nobody appeals."""
    life = await world.dispute()
    await life.passes(days=8)
    await life.agent(Claim)
    await life.agent(
        Decide, verdict=Verdict.FOR_BUYER, reasoning="No answer.", remedy=Remedy.FULL_REFUND
    )
    await life.passes(days=20)
    return life


async def dispute_reopened(world: World) -> Life:
    """The buyer is silent, and takes the dispute up again."""
    life = await world.dispute()
    await life.seller(Say, text="Which bulb do you use?")
    await life.passes(days=12)
    await life.buyer(Reopen, text="I was away.")
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    return life


async def dispute_appealed(world: World) -> Life:
    """The seller refuses, an agent decides for the seller, the buyer appeals, another decides."""
    life = await world.dispute()
    await life.seller(Refuse, reason=RefuseReason.AS_DESCRIBED, text="It is as described.")
    await life.buyer(AskForHelp)
    await life.sees(lambda view: view.stage is Stage.WITH_AGENT)
    await life.agent(Claim)
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="It is as described.")
    await life.sees(lambda view: view.stage is Stage.DECIDED)
    await life.buyer(Appeal, reason="It is not.")
    await life.sees(lambda view: view.stage is Stage.ON_APPEAL)
    await life.send(SECOND, Claim)
    await life.send(
        SECOND,
        Decide,
        verdict=Verdict.SHARED,
        reasoning="Both are right.",
        remedy=Remedy.PARTIAL_REFUND,
        amount=life.money(5000),
    )
    return life


async def dispute_refund_unconfirmed(world: World) -> Life:
    """The marketplace takes the refund and is silent for days, then reports it paid."""
    life = await world.dispute()
    life.marketplace(refunds="later")
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    await life.passes(days=6)
    view = await life.sees(lambda view: view.task)
    assert view.refund
    key = view.refund.key
    await asyncio.to_thread(world.settle, key)
    await life.signals(Dispute.refund_reported, RefundReport(key=key, state=RefundState.CONFIRMED))
    return life


async def dispute_unreached(world: World) -> Life:
    """The seller's address is wrong: the letter is held for, left to the lead, and sent again."""
    order = world.order()
    world.mailbox.refuse_recipient(f"alfa{order.rpartition('-')[2]}@seller.example")
    life = await world.dispute(order_id=order)
    await life.sees(lambda view: view.letters_task and view.clocks[0].held_since)
    await life.passes(days=6)
    await life.sees(lambda view: view.letters_task and view.letters_task.queue == "leads")
    world.mailbox.accept_again()
    await life.agent(ResendLetters)
    await life.sees(lambda view: view.due and not view.undelivered)
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
    await life.buyer(Accept)
    return life


async def dispute_fulfilled(world: World) -> Life:
    """It is agreed that the goods are sent again, and they are."""
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.SEND_AGAIN)
    await life.buyer(Accept)
    await life.sees(lambda view: view.stage is Stage.SETTLING)
    await life.seller(Fulfil, text="It is on its way.")
    return life


async def repaired(world: World) -> tuple[Life, Life]:
    """A repair is agreed: the goods come, are repaired and go back."""
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.REPAIR)
    await life.buyer(Accept)
    back = await life.goods_back()
    await came_back(back)
    await back.seller(BeginWork)
    await back.seller(FinishWork)
    await back.seller(ShipBack, carrier="InPost", tracking="B1", expected_on=date(2040, 3, 1))
    return life, back


async def dispute_repaired(world: World) -> Life:
    """A dispute that a repair settles."""
    return (await repaired(world))[0]


async def return_repaired(world: World) -> Life:
    """The return of goods that are repaired."""
    return (await repaired(world))[1]


async def came_back(back: Life) -> None:
    """The buyer hands everything over, the seller receives and inspects it."""
    await back.sees(lambda view: view.stage is Stage.AWAITING_GOODS)
    await back.buyer(HandOver, carrier="InPost", tracking="T1")
    await back.scanned(Scan.ARRIVED)
    await back.sees(lambda view: view.stage is Stage.INSPECTING)
    view = await back.view()
    units = tuple(Received(sku=unit.sku, quantity=unit.quantity) for unit in view.units)
    await back.seller(Receive, units=units)
    await back.seller(Inspect)


async def withdrawn(world: World) -> tuple[Life, Life]:
    """The goods come back, the seller refunds."""
    life = await world.withdrawal(order_id=await world.in_hand())
    back = await life.goods_back()
    await came_back(back)
    await life.sees(lambda view: "return ended" in [entry.what for entry in view.timeline])
    await life.seller(Refund)
    return life, back


async def withdrawal_refunded(world: World) -> Life:
    """An ordinary withdrawal."""
    return (await withdrawn(world))[0]


async def return_inspected(world: World) -> Life:
    """The ordinary return of a withdrawal."""
    return (await withdrawn(world))[1]


async def withdrawal_contested(world: World) -> Life:
    """The seller deducts, the buyer contests it, and an agent shares it."""
    life = await world.withdrawal(order_id=await world.in_hand())
    await came_back(await life.goods_back())
    await life.sees(lambda view: "return ended" in [entry.what for entry in view.timeline])
    await life.seller(Deduct, amount=life.money(5000), text="Scratched.", attachments=(PAPER,))
    await life.buyer(Reject, text="It was so.")
    await life.sees(lambda view: view.stage is Stage.WITH_AGENT)
    await life.agent(
        Decide, verdict=Verdict.SHARED, amount=life.money(2000), reasoning="Partly so."
    )
    await life.sees(lambda view: view.stage is Stage.AWAITING_REFUND)
    await life.seller(Refund)
    return life


async def withdrawal_overdue(world: World) -> Life:
    """There is proof of dispatch, the seller is silent, an agent orders the refund."""
    life = await world.withdrawal(order_id=await world.in_hand())
    back = await life.goods_back()
    await came_back(back)
    await life.passes(days=21)
    await life.sees(lambda view: view.stage is Stage.WITH_AGENT)
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="The goods are back.")
    return life


async def withdrawal_unsent(world: World) -> Life:
    """The goods are never sent."""
    life = await world.withdrawal(order_id=await world.in_hand())
    await life.goods_back()
    await life.passes(days=120)
    return life


async def return_contested(world: World) -> Life:
    """Goods come that are not what was sent; an agent rules, and they go back."""
    life = await world.withdrawal(order_id=await world.in_hand())
    back = await life.goods_back()
    await back.seller(Receive, units=(Received(sku="B", quantity=1),))
    wrong = Received(sku="A", quantity=2, condition=Condition.WRONG)
    await back.seller(Receive, units=(wrong,))
    await back.seller(Inspect)
    await back.buyer(Reject, text="They are yours.")
    await back.sees(lambda view: view.stage is Stage.WITH_AGENT)
    await back.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="Another make.")
    await back.sees(lambda view: view.stage is Stage.SENDING_BACK)
    await back.seller(ShipBack, carrier="InPost", tracking="B1", expected_on=date(2040, 3, 1))
    await life.sees(lambda view: "return ended" in [entry.what for entry in view.timeline])
    await life.seller(Refund)
    return back


async def cancellation_stopped(world: World) -> Life:
    """The dispatch is stopped and the money goes back by itself."""
    life = await world.cancellation(order_id=await world.fresh())
    await life.passes(days=12)
    return life


async def inquiry_answered(world: World) -> Life:
    """The seller answers, and nobody has anything to add."""
    life = await world.inquiry()
    await life.seller(Say, text="Yes, with a dimmer.")
    await life.passes(days=25)
    return life


async def inquiry_breached(world: World) -> Life:
    """The seller never answers."""
    life = await world.inquiry()
    await life.passes(days=25)
    return life


async def inquiry_became_dispute(world: World) -> Life:
    """The buyer turns the inquiry into a dispute."""
    life = await world.inquiry()
    await life.buyer(
        BecomeDispute, reason="defect", wanted=Remedy.FULL_REFUND, text="It does not dim."
    )
    return life


async def lapses(life: Life, stage: Stage) -> None:
    """Nobody does anything at this stage, until its time ends."""
    view = await life.sees(lambda view: view.stage is stage, lambda view: view.due)
    assert view.due
    await life.passes_until(view.due)


async def non_delivery_lost(world: World) -> Life:
    """The seller is silent, sends the goods again, and they get lost: the buyer ends it."""
    life = await world.non_delivery()
    await lapses(life, Stage.FURTHER_PERIOD)
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    await life.buyer(SendAgain)
    await life.seller(Ship, carrier="Poczta", tracking="PX-2", expected_on=date(9000, 1, 1))
    await life.scanned(Scan.LOST)
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    await life.buyer(Terminate)
    return life


async def non_delivery_contested(world: World) -> Life:
    """The buyer contests that the goods were delivered, wins, and waits for the refund."""
    life = await world.non_delivery(order_id=world.order(dear=True))
    await life.seller(ProveDelivery, text="It was signed for.", attachments=(PAPER,))
    await life.buyer(Reject, text="That is not my signature.")
    await life.sees(lambda view: view.task)
    await life.agent(Claim)
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="The signature.")
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    await life.buyer(Terminate)
    await life.sees(lambda view: view.stage is Stage.AWAITING_REFUND)
    await life.seller(Refund)
    return life


async def non_delivery_too_late(world: World) -> Life:
    """The goods come after the buyer has ended the contract, and go back beside the refund."""
    life = await world.non_delivery(
        order_id=world.order(dear=True), opened_by=PLATFORM, essential_date=True
    )
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    await life.buyer(Terminate)
    await life.sees(lambda view: view.stage is Stage.AWAITING_REFUND)
    await life.scanned(Scan.DELIVERED)
    back = await life.goods_back()
    await life.seller(Refund)
    await life.sees(lambda view: view.stage is Stage.WATCHING)
    await back.send(PLATFORM, Close, reason="done")
    return life


async def non_delivery_came_back(world: World) -> Life:
    """The parcel comes back, the buyer could have collected it, and it goes on as such."""
    life = await world.non_delivery()
    await life.seller(Ship, carrier="Poczta", tracking="PX-2", expected_on=date(9000, 1, 1))
    await life.sees(lambda view: view.stage is Stage.IN_TRANSIT)
    await life.scanned(Scan.RETURNED)
    await life.sees(lambda view: view.stage is Stage.CAME_BACK)
    await life.buyer(Reject, text="Nobody told me.")
    await life.sees(lambda view: view.task)
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="There were two notices.")
    return life


async def paid_for(life: Life) -> None:
    """The buyer wants it sent again and pays, and the marketplace tells the case."""
    await life.buyer(SendAgain)
    view = await life.sees(lambda view: view.redelivery and view.due)
    assert view.redelivery
    key = view.redelivery.key
    url = f"{life.world.marketplace}/standin/redeliveries/{quote(key, safe='')}/pay"
    (await asyncio.to_thread(requests.post, url, timeout=5)).raise_for_status()
    await life.signals("redelivery_paid", RedeliveryPaid(key=key))


async def uncollected_withdrawn(world: World) -> Life:
    """Nobody chooses; a cost and the buyer are reported; the seller withdraws."""
    life = await world.uncollected_parcel()
    amount = life.money(1299)
    await life.seller(ReportCost, cost=CostKind.WAY_BACK, amount=amount, attachments=(PAPER,))
    await life.seller(ReportBuyer)
    for stage in (Stage.AWAITING_BUYER, Stage.FURTHER_PERIOD):
        await lapses(life, stage)
    await life.sees(lambda view: view.stage is Stage.MAY_WITHDRAW)
    await life.seller(WithdrawFromContract)
    return life


async def uncollected_sent_again(world: World) -> Life:
    """It is paid for, not the first time but the second, sent again, and delivered."""
    life = await world.uncollected_parcel()
    await life.buyer(SendAgain)
    await lapses(life, Stage.AWAITING_PAYMENT)
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    await paid_for(life)
    await life.sees(lambda view: view.stage is Stage.AWAITING_DISPATCH)
    await life.seller(Ship, carrier="InPost", tracking="PX2", expected_on=date(2099, 1, 4))
    await life.sees(lambda view: view.stage is Stage.IN_TRANSIT)
    await life.scanned(Scan.DELIVERED)
    return life


async def uncollected_overdue(world: World) -> Life:
    """It is paid for and not sent: an agent ends the contract, and all that was paid goes back."""
    life = await world.uncollected_parcel()
    await paid_for(life)
    await lapses(life, Stage.AWAITING_DISPATCH)
    await life.sees(lambda view: view.stage is Stage.WITH_AGENT)
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="It was not sent.")
    return life


async def uncollected_cancelled(world: World) -> Life:
    """The buyer pays for sending it again, then cancels the order."""
    life = await world.uncollected_parcel()
    await paid_for(life)
    await life.sees(lambda view: view.stage is Stage.AWAITING_DISPATCH)
    await life.buyer(CancelOrder)
    return life


async def carrier_claim_recovered(world: World) -> Life:
    """A parcel counts as lost; the post is silent, so it has accepted; its money is booked."""
    life = await world.carrier_claim(order_id=await world.parcel())
    await lapses(life, Stage.TOO_EARLY)
    await life.sees(lambda view: view.stage is Stage.AWAITING_SELLER)
    await life.seller(FileClaim, amount=life.money(20000), proof_of_value=(PAPER,))
    await lapses(life, Stage.WITH_CARRIER)
    await life.sees(lambda view: view.stage is Stage.AWAITING_PAYMENT)
    await life.seller(ReportRecovered, amount=life.money(20000))
    return life


async def carrier_claim_appealed(world: World) -> Life:
    """The carrier accepts a part, is appealed to, and refuses; it pays after an agent asks."""
    order = await world.parcel(regime="contract", posted=4, in_hand=1)
    life = await world.carrier_claim(order_id=order, trouble=CarrierTrouble.DAMAGE)
    papers = {"proof_of_value": (PAPER,), "damage_record": (PAPER,)}
    await life.seller(FileClaim, amount=life.money(20000), **papers)
    await life.sees(lambda view: view.stage is Stage.WITH_CARRIER)
    partly = ReportAnswer(
        command_id="m1", by=PLATFORM, answer=CarrierSays.PARTLY, amount=life.money(4000)
    )
    await life.signals(CarrierClaim.carrier_answered, partly)
    await life.sees(lambda view: view.stage is Stage.DECIDED)
    await life.seller(Appeal, reason="The box was whole when it left.")
    await life.sees(lambda view: view.stage is Stage.WITH_CARRIER)
    await life.send(PLATFORM, ReportAnswer, answer=CarrierSays.REFUSED)
    await lapses(life, Stage.AWAITING_PAYMENT)
    await life.sees(lambda view: view.stage is Stage.WITH_AGENT)
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="It has been asked.")
    await life.sees(lambda view: view.stage is Stage.AWAITING_PAYMENT)
    await life.seller(ReportRecovered, amount=life.money(4000))
    return life


async def carrier_claim_withdrawn(world: World) -> Life:
    """A lost parcel comes back after it was claimed: the seller is told, and withdraws."""
    order = await world.parcel(posted=40)
    belongs = f"non-delivery:PL:{order}:1"
    life = await world.carrier_claim(order_id=order, opened_by=PLATFORM, belongs_to=belongs)
    await life.seller(FileClaim, amount=life.money(20000), proof_of_value=(PAPER,))
    await life.sees(lambda view: view.stage is Stage.WITH_CARRIER)
    now = await world.environment.get_current_time()
    came = ParcelEvent(event_id="e1", scan=Scan.RETURNED, at=now, tracking="PX 1")
    await life.signals(CarrierClaim.parcel, came)
    await life.sees(lambda view: any(entry.what == "parcel returned" for entry in view.timeline))
    await life.seller(Withdraw)
    return life


async def non_delivery_claimed(world: World) -> Life:
    """The claim over the parcel is there already, and learns from the case that it came."""
    order = await world.parcel(posted=40)
    await world.carrier_claim(order_id=order)
    life = await world.non_delivery(order_id=order)
    await life.sees(lambda view: view.carrier_claims)
    now = await world.environment.get_current_time()
    came = ParcelEvent(event_id="e1", scan=Scan.DELIVERED, at=now, tracking="PX 1")
    await life.signals("parcel", came)
    await life.sees(lambda view: view.stage is Stage.DELIVERED)
    await life.buyer(Withdraw)
    return life


async def repair_fails(life: Life, times: int) -> None:
    """The lamp goes to be repaired, comes back, and does not hold: so many times by now."""
    await life.sees(lambda view: len(view.returns) == times)
    back = await life.goods_back()
    await back.seller(Receive, units=(Received(sku="A", quantity=1),))
    await back.sees(lambda view: view.stage is Stage.INSPECTING)
    await back.seller(Inspect)
    await back.sees(lambda view: view.stage is Stage.WORKING)
    await back.seller(FinishWork)
    await back.seller(ShipBack, carrier="InPost", tracking="B1", expected_on=date(2040, 3, 1))
    await life.sees(lambda view: view.stage is Stage.WATCHING)
    await life.buyer(ReportFailed, text="It went dark again.")


async def complaint_repaired_twice(world: World) -> Life:
    """Two repairs do not hold: the buyer chooses a lower price, and takes what is named."""
    life = await world.complaint(lines=(Line(sku="A", quantity=1),))
    await life.seller(AcceptComplaint)
    await repair_fails(life, 1)
    await repair_fails(life, 2)
    await life.sees(lambda view: view.stage is Stage.CHOOSING)
    await life.buyer(Choose, remedy=Remedy.PARTIAL_REFUND)
    await life.sees(lambda view: view.stage is Stage.AWAITING_AMOUNT)
    await life.seller(NameAmount, amount=life.money(3000))
    await life.sees(lambda view: view.stage is Stage.AMOUNT_NAMED)
    await life.buyer(Accept)
    return life


async def complaint_deemed_accepted(world: World) -> Life:
    """The seller is silent, so a lower price is accepted; nobody names it, so an agent does."""
    life = await world.complaint(wanted=Remedy.PARTIAL_REFUND)
    await lapses(life, Stage.AWAITING_SELLER)
    await lapses(life, Stage.AWAITING_AMOUNT)
    await life.sees(lambda view: view.stage is Stage.WITH_AGENT)
    await life.agent(
        Decide,
        verdict=Verdict.FOR_BUYER,
        reasoning="The photo shows it.",
        remedy=Remedy.PARTIAL_REFUND,
        amount=life.money(7000),
    )
    return life


async def complaint_contested(world: World) -> Life:
    """The seller asks for what is missing, then refuses; an agent ends the contract."""
    life = await world.complaint()
    await life.seller(AskInformation, text="Which bulb do you use?")
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    await life.buyer(SupplyInformation, text="The one that came with it.")
    await life.sees(lambda view: view.stage is Stage.AWAITING_SELLER)
    await life.seller(Refuse, reason=RefuseReason.NOT_DEFECTIVE, text="It was dropped.")
    await life.sees(lambda view: view.stage is Stage.REFUSED)
    await life.buyer(AskForHelp)
    await life.sees(lambda view: view.stage is Stage.WITH_AGENT)
    ruling = {"verdict": Verdict.FOR_BUYER, "reasoning": "The photo shows it."}
    await life.agent(Decide, remedy=Remedy.RETURN_FOR_REFUND, **ruling)
    await came_back(await life.goods_back())
    return life


async def complaint_became_withdrawal(world: World) -> Life:
    """It is not clear what was meant, and it was a withdrawal."""
    life = await world.complaint(reason=None, wanted=None, text="I do not want it like this.")
    await life.sees(lambda view: view.stage is Stage.CLARIFYING)
    await life.buyer(Clarify, meant=Meaning.WITHDRAWAL)
    return life


async def dispute_told_once_paid(world: World) -> Life:
    """What is agreed, paid and closed is one letter; the marketplace answers at once."""
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    return life


async def dispute_charged_back(world: World) -> Life:
    """The buyer's bank has taken the money back before the traders agree to it."""
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    _charge_back(world, life)
    await life.buyer(Accept)
    return life


async def withdrawal_charged_back(world: World) -> Life:
    """The money has come back before the seller would be reminded of the refund."""
    life = await world.withdrawal(order_id=await world.in_hand(), way=Way.SELLER_COLLECTS)
    await life.sees(lambda view: view.stage is Stage.AWAITING_REFUND)
    _charge_back(world, life)
    await life.ends()
    return life


async def withdrawal_of_a_gift(world: World) -> Life:
    """Nothing is owed for what was free."""
    gift = {"sku": "G", "title": "Pen", "quantity": 1, "unit_price_minor": 0}
    lamp = {"sku": "A", "title": "Lamp", "quantity": 1, "unit_price_minor": 10000}
    order = await world.in_hand(lines=[lamp, gift], delivery_paid_minor=0)
    return await world.withdrawal(order_id=order, lines=(Line(sku="G", quantity=1),))


async def complaint_charged_back(world: World) -> Life:
    """The money has come back before the seller names by how much the price is reduced."""
    life = await world.complaint(wanted=Remedy.PARTIAL_REFUND)
    _charge_back(world, life)
    await life.seller(AcceptComplaint, amount=life.money(5000))
    return life


async def non_delivery_charged_back(world: World) -> Life:
    """The money has come back before the buyer would be asked to choose."""
    life = await world.non_delivery()
    _charge_back(world, life)
    await life.seller(Refuse, reason=RefuseReason.OTHER, text="Sold out.")
    return life


async def uncollected_charged_back(world: World) -> Life:
    """The money has come back before the buyer would be asked for the last time."""
    life = await world.uncollected_parcel()
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    _charge_back(world, life)
    await life.ends()
    return life


async def complaint_on_the_buyers_word(world: World) -> Life:
    """No scan tells of the goods: the seller contests that they came, and then pays for them."""
    now = await world.environment.get_current_time()
    placed = (now - timedelta(days=10)).isoformat()
    order = world.alter(world.order(), placed_at=placed, shipped=True, parcels=[])
    life = await world.complaint(
        order_id=order, in_hand_on=(now - timedelta(days=3)).date(), wanted=Remedy.FULL_REFUND
    )
    await life.seller(Refuse, reason=RefuseReason.NOT_DELIVERED, text="It never came.")
    await life.sees(lambda view: view.task)
    await life.agent(Claim)
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="The photo shows it.")
    await life.sees(lambda view: view.stage is Stage.AWAITING_SELLER)
    await life.seller(AcceptComplaint)
    return life


async def non_delivery_not_believed(world: World) -> Life:
    """A machine tells of what is still to come, and of what was before the order."""
    life = await world.non_delivery()
    for year in (2001, 2999):
        told = {"scan": Scan.LOST, "at": datetime(year, 6, 1, tzinfo=UTC)}
        await life.signals("parcel", ParcelEvent(event_id=f"e{year}", **told))
    await life.sees(lambda view: "parcel not believed" in [one.what for one in view.timeline])
    await life.send(PLATFORM, Close, reason="Enough.")
    return life


async def dispute_never_paid(world: World) -> Life:
    """A refund is agreed of an order that was never paid."""
    life = await world.dispute(order_id=world.alter(world.order(), payment="unpaid"))
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    return life


async def complaint_never_paid(world: World) -> Life:
    """A lower price is granted of an order that was never paid."""
    order = await world.in_hand(payment="unpaid")
    lower = Money(amount_minor=1000, currency="PLN")
    life = await world.complaint(order_id=order, wanted=Remedy.PARTIAL_REFUND, amount=lower)
    await life.seller(AcceptComplaint)
    return life


async def dispute_refund_told(world: World) -> Life:
    """The marketplace takes the refund for later, and tells by itself that it is paid."""
    life = await world.dispute()
    life.marketplace(refunds="later")
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    view = await life.sees(lambda view: view.refund and view.refund.key)
    assert view.refund
    key = view.refund.key
    await life.passes(hours=5)
    await asyncio.to_thread(world.settle, key)
    await life.signals(Dispute.refund_reported, RefundReport(key=key, state=RefundState.CONFIRMED))
    return life


async def withdrawal_used_up(world: World) -> Life:
    """The goods have lost all that they were worth: the deduction settles them."""
    life = await world.withdrawal(order_id=await world.in_hand(delivery_paid_minor=0))
    await came_back(await life.goods_back())
    await life.sees(lambda view: "return ended" in [entry.what for entry in view.timeline])
    await life.seller(Deduct, amount=life.money(25000), text="Burnt.", attachments=(PAPER,))
    await life.buyer(Accept)
    await life.seller(Refund)
    return life


async def uncollected_taken_over(world: World) -> Life:
    """What was sent again in a non-delivery came back: it goes on where that one ended."""
    first = await non_delivery_came_back(world)
    await first.sees(lambda view: view.stage is Stage.CLOSED)
    life = world.follow(first, f"uncollected-parcel:PL:{first.order_id}:PX-2")
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    await life.send(PLATFORM, Close, reason="Enough.")
    return life


async def inquiry_answered_late(absent: Absent) -> Life:
    """The seller answers while no worker is there, after the time to answer has run out."""
    life = await absent.world.inquiry()
    view = await life.sees(lambda view: view.due and not view.working)
    await absent.goes()
    now = await absent.world.environment.get_current_time()
    assert view.due
    await asyncio.sleep((view.due - now).total_seconds() + 1)
    answer = asyncio.create_task(life.seller(Say, text="Yes, with a dimmer."))
    await asyncio.sleep(0.5)
    await absent.comes()
    await answer
    await life.send(PLATFORM, Close, reason="Enough.")
    return life


async def non_delivery_lost_and_found(absent: Absent) -> Life:
    """What was sent again is lost and found again while no worker is there."""
    world = absent.world
    order = await world.parcel(posted=40)
    life = await world.non_delivery(order_id=order)
    again = {"carrier": "Poczta", "tracking": "PX 2"}
    await life.seller(Ship, **again, expected_on=date(2999, 1, 1))
    now = await world.environment.get_current_time()
    parcel = {"id": "p2", "regime": "postal", "posted_at": now.isoformat(), **again}
    world.alter(order, parcels=[parcel])
    await life.sees(lambda view: view.stage is Stage.IN_TRANSIT and not view.working)
    await absent.goes()
    for minutes, scan in ((20, Scan.LOST), (10, Scan.DELIVERED)):
        at = now - timedelta(minutes=minutes)
        event = ParcelEvent(event_id=f"e-{scan}", scan=scan, at=at, tracking="PX 2")
        await life.signals("parcel", event)
    await absent.comes()
    await life.sees(lambda view: view.carrier_claims and not view.working)
    view = await life.view()
    if view.stage is not Stage.CLOSED:
        await life.send(PLATFORM, Close, reason="Enough.")
    return life


def _charge_back(world: World, life: Life) -> None:
    """The buyer's bank takes the money for the whole order back."""
    units = (Line(sku="A", quantity=2), Line(sku="B", quantity=1))
    whole = life.money(25999)
    payout = Payout(
        key=f"cb-{life.handle.id}",
        kind=PayoutKind.CHARGEBACK,
        order_id=life.order_id,
        amount=whole,
        units=units,
        sold=units,
        paid=whole,
    )
    RefundLedger(world.engine).report_payout(payout, datetime.now(UTC))


LIVES: tuple[Callable[[World], Awaitable[Life]], ...] = (
    dispute_settled,
    dispute_decided,
    dispute_reopened,
    dispute_appealed,
    dispute_refund_unconfirmed,
    dispute_fulfilled,
    dispute_unreached,
    dispute_repaired,
    inquiry_answered,
    inquiry_breached,
    inquiry_became_dispute,
    cancellation_stopped,
    withdrawal_refunded,
    withdrawal_contested,
    withdrawal_overdue,
    withdrawal_unsent,
    return_inspected,
    return_repaired,
    return_contested,
    non_delivery_lost,
    non_delivery_contested,
    non_delivery_claimed,
    non_delivery_too_late,
    uncollected_withdrawn,
    uncollected_sent_again,
    uncollected_overdue,
    carrier_claim_recovered,
    carrier_claim_appealed,
    carrier_claim_withdrawn,
    complaint_repaired_twice,
    complaint_deemed_accepted,
    complaint_contested,
    dispute_told_once_paid,
    dispute_charged_back,
    withdrawal_charged_back,
    withdrawal_of_a_gift,
    complaint_charged_back,
    non_delivery_charged_back,
    uncollected_charged_back,
    complaint_on_the_buyers_word,
    non_delivery_not_believed,
    dispute_never_paid,
    dispute_refund_told,
    complaint_never_paid,
    withdrawal_used_up,
    # What outlives the case that opened it stops the clock for good, so these come last.
    uncollected_cancelled,
    complaint_became_withdrawal,
    non_delivery_came_back,
    uncollected_taken_over,
)

AWAY: tuple[tuple[Callable[[Absent], Awaitable[Life]], bool], ...] = (
    (inquiry_answered_late, True),
    (non_delivery_lost_and_found, False),
)
"""What only a worker that was away finds in its cases, played on the real server, which keeps it
for the worker; and whether clocks run out meanwhile."""

ANEW = {
    f"{play.__name__}_step_by_step": play
    for play in (
        dispute_decided,
        inquiry_breached,
        cancellation_stopped,
        withdrawal_refunded,
        return_inspected,
        uncollected_sent_again,
        non_delivery_lost,
        carrier_claim_recovered,
        complaint_repaired_twice,
    )
}
"""Lives of every kind once more, of cases that write one record a step."""

ANEW |= {
    f"{play.__name__}_ending_quietly": play
    for play in (dispute_decided, withdrawal_refunded, carrier_claim_recovered)
}
"""And of cases whose end changes no search attribute."""

ALL = (*(play.__name__ for play in (*LIVES, *(play for play, _ in AWAY))), *ANEW)


def without_machine(value: Any) -> Any:
    """The history without what names the machine and the process that it was recorded on."""
    if isinstance(value, dict):
        return {key: without_machine(each) for key, each in value.items() if key not in MACHINE}
    if isinstance(value, list):
        return [without_machine(each) for each in value]
    return value


async def record(name: str, world: World, played: Awaitable[Life]) -> None:
    """Play a life to its end and keep its history."""
    life = await played
    await life.sees(lambda view: view.stage is Stage.CLOSED)
    with world.environment.auto_time_skipping_disabled():
        await life.handle.result()
    history = await life.handle.fetch_history()
    kept = {"workflow_id": life.handle.id, **without_machine(history.to_json_dict())}
    text = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n")
    sys.stdout.write(f"{name}: {len(history.events)} events, {len(text)} characters\n")


async def main(names: Sequence[str]) -> None:
    """Record the lives that are named; none means every life."""
    if unknown := set(names) - set(ALL):
        sys.exit(f"There is no life {', '.join(sorted(unknown))}; see LIVES in this file.")
    FOLDER.mkdir(exist_ok=True)
    wanted = set(names or ALL)
    lives = {play.__name__: play for play in LIVES} | ANEW
    if wanted & set(lives):
        async with (
            skipping_server() as environment,
            in_a_folder("recorded") as folder,
            world_on(environment, folder) as world,
        ):
            for name, play in lives.items():
                if name in wanted:
                    await record(name, world, play(world))
    for away, hurried in AWAY:
        if away.__name__ in wanted:
            async with in_a_folder("away") as folder:
                policies = DEMO if hurried else unhurried_policies(folder)
                async with absent_on(folder, policies) as absent:
                    await record(away.__name__, absent.world, away(absent))


@asynccontextmanager
async def in_a_folder(name: str) -> AsyncIterator[Path]:
    """A folder of this name, which the task queue has too, the same each time."""
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / name
        folder.mkdir()
        yield folder


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
