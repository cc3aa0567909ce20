"""Whole lives of goods that did not come: delivered late, sent again, or paid back; what if …?"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.commands import (
    Accept,
    Attachment,
    Claim,
    Close,
    Decide,
    Hold,
    Offer,
    ProveDelivery,
    Refund,
    Refuse,
    RefuseReason,
    Reject,
    Remedy,
    Resume,
    RetryRefund,
    Say,
    SendAgain,
    Ship,
    Terminate,
    Verdict,
    Withdraw,
)
from domain.deadlines import day_of
from domain.goods import ParcelEvent, Scan
from domain.notices import NoticeName
from domain.orders import Line
from domain.parties import Party
from domain.ports import RefundReport, RefundState
from domain.refusals import Code
from domain.stages import Stage
from domain.view import CaseView, Outcome
from policies import DEMO
from tests.conftest import world_on
from tests.life import AGENT, BUYER, PLATFORM, SELLER, Life, RefusedCommand, V, World, not_travelled
from tests.policies import laid_over
from workflows.non_delivery.process import NonDelivery

ROOT = Path(__file__).parents[1]
ONE_A = (Line(sku="A", quantity=1),)
TWO_A = (Line(sku="A", quantity=2),)
REST = (Line(sku="A", quantity=1), Line(sku="B", quantity=1))
HALF = ({"sku": "A", "quantity": 1},)
ALL, ALL_OF_THE_DEAR = 25999, 2500999
PROOF = (Attachment(name="signed.jpg", size=9, media_type="image/jpeg", sha256="0" * 64),)
LATER = date(9000, 1, 1)
SHIPPED = {"carrier": "Poczta", "tracking": "PX-2", "expected_on": LATER}


def at(stage: Stage) -> Callable[[CaseView], bool]:
    """Whether the case stands there."""
    return lambda view: view.stage is stage


async def lapses(life: Life[V]) -> V:
    """Nobody moves until the next deadline; the case after it."""
    before = await life.sees(lambda view: view.due)
    assert before.due
    await life.passes_until(before.due)
    return await life.sees(lambda view: view.due != before.due)


async def with_choice(world: World, order_id: str = "", **more: Any) -> Life:
    """A case in which the buyer may end the contract at once: the date was essential."""
    life = await world.non_delivery(
        order_id=order_id, opened_by=PLATFORM, essential_date=True, **more
    )
    await life.sees(at(Stage.AWAITING_BUYER))
    return life


async def sent_again(world: World) -> Life:
    """The buyer wants the goods sent again."""
    life = await with_choice(world)
    await life.buyer(SendAgain)
    return life


async def under_way(world: World) -> Life:
    """The seller has sent the goods within the further period."""
    life = await world.non_delivery()
    await life.seller(Ship, **SHIPPED)
    return life


async def delivered(world: World) -> Life:
    """The seller proves that the buyer has the goods."""
    life = await world.non_delivery()
    await life.seller(ProveDelivery, text="It was signed for.", attachments=PROOF)
    return life


async def contested(world: World) -> Life:
    """The buyer contests that the goods were delivered, and an agent is called."""
    life = await delivered(world)
    await life.buyer(Reject, text="That is not my signature.")
    await life.sees(lambda view: view.task)
    return life


async def seen(life: Life, scan: Scan, tracking: str) -> None:
    """A carrier's machine tells of a parcel by its number."""
    now = await life.world.environment.get_current_time()
    event = ParcelEvent(event_id=f"{scan} {tracking} {now}", scan=scan, at=now, tracking=tracking)
    await life.signals("parcel", event)


async def came_back(world: World) -> Life:
    """The carrier says that nobody collected the parcel that the seller has sent."""
    life = await under_way(world)
    await seen(life, Scan.RETURNED, "PX-2")
    await life.sees(at(Stage.CAME_BACK))
    return life


async def dear(world: World, **fields: Any) -> Life:
    """The buyer has ended the contract for an order whose refund the seller has to order."""
    order = world.alter(world.order(dear=True), **fields)
    life = await with_choice(world, order)
    await life.buyer(Terminate)
    return life


async def letter(life: Life, name: NoticeName) -> str:
    """The buyer's letter of this name, once it is there."""
    await life.sees(lambda _: name in life.letters(Party.BUYER))
    return next(one.text for one in life.letters_whole(Party.BUYER) if one.name == name)


async def refused(sent: Awaitable[Any]) -> str:
    """The code by which it is refused."""
    with pytest.raises(RefusedCommand) as refusal:
        await sent
    return refusal.value.code


# The further period, and the buyer's choice after it.


@pytest.mark.parametrize("country", ["PL", "HU"])
async def test_a_silent_seller_is_in_breach_and_the_buyer_is_paid_back(
    world: World, country: str
) -> None:
    life = await world.non_delivery(country)
    view = await life.sees(at(Stage.FURTHER_PERIOD))
    assert (view.awaited, view.clocks[0].window) == (Party.SELLER, "further_period")
    assert await life.dues(NoticeName.DELIVERY_DEMANDED) == [view.due]
    assert await life.dues(NoticeName.DELIVERY_AWAITED) == [view.due]
    assert view.preview
    assert view.preview.refund_minor == ALL
    assert view.may[Party.SELLER] == ("prove-delivery", "refuse", "say", "ship")
    assert view.may[Party.BUYER] == ("say", "withdraw")
    for verb in (Terminate, SendAgain):
        assert await refused(life.buyer(verb)) == "wrong-stage"
    assert await refused(life.seller(Terminate)) == "not-yours"
    assert await refused(life.seller(Refund)) == "wrong-stage"
    assert await refused(life.seller(Accept)) == "unknown-command"
    await life.buyer(Say, text="It was a present.")

    choice = await lapses(life)
    assert (choice.stage, choice.awaited) == (Stage.AWAITING_BUYER, Party.BUYER)
    assert [breach.due for breach in choice.breaches] == [view.due]
    assert await life.dues(NoticeName.DELIVERY_FAILED) == [choice.due, choice.due]
    assert await refused(life.seller(Ship, **SHIPPED)) == "wrong-stage"
    ended = await life.buyer(Terminate, command_id="t")
    again = await life.buyer(Terminate, command_id="t")
    assert (ended.outcome, again.outcome) == (Outcome.ACCEPTED, Outcome.REPEATED)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL]
    assert life.breaches() == ["further_period"]
    assert life.letters(Party.BUYER) == [
        "delivery_awaited",
        "delivery_failed",
        "contract_ended",
        "refund_confirmed",
        "closed",
    ]
    assert life.letters(Party.SELLER) == [
        "delivery_demanded",
        "message",
        "delivery_demanded",  # the second reminds
        "delivery_failed",
        "buyer_ended_contract",
        "refund_confirmed",
        "closed",
    ]


async def test_a_held_further_period_ends_later(world: World) -> None:
    life = await world.non_delivery(opened_by=PLATFORM, instead_of="uncollected-parcel:PL:x:P1")
    before = (await life.view()).due
    assert before
    await life.agent(Hold, reason="A strike of the carrier.")
    await life.passes(days=8)
    held = await life.sees(lambda view: view.clocks[0].held_since)
    assert (held.stage, held.due) == (Stage.FURTHER_PERIOD, None)
    await life.agent(Resume)
    after = await life.sees(lambda view: view.due)
    assert after.due
    assert after.due >= before + timedelta(days=7)
    await life.seller(Refuse, reason=RefuseReason.OTHER, text="Sold out.")
    await life.sees(at(Stage.AWAITING_BUYER))
    assert (await life.ends()).ending == "buyer-silent"


async def test_a_buyer_who_does_not_choose_leaves_the_contract_as_it_is(world: World) -> None:
    life = await with_choice(world)
    view = await life.view()
    assert view.breaches == ()
    assert NoticeName.DELIVERY_DEMANDED not in life.letters()
    assert (await life.ends()).ending == "buyer-silent"
    assert life.letters(Party.BUYER) == ["delivery_failed"] * 2 + ["contract_goes_on"]
    assert life.letters(Party.SELLER) == ["delivery_failed", "contract_goes_on"]
    assert (life.paid, life.breaches()) == ([], [])

    anew = await world.non_delivery(order_id=life.order_id, number=2)
    await anew.sees(at(Stage.FURTHER_PERIOD))
    await anew.buyer(Withdraw, text="They have come.")
    assert (await anew.ends()).ending == "withdrawn"


async def test_sent_again_late_or_lost_again_it_is_the_buyers_choice_anew(world: World) -> None:
    life = await world.non_delivery()
    proof = life.seller(Refuse, reason=RefuseReason.DELIVERED, text="You have it.")
    assert await refused(proof) == "proof-missing"
    await life.seller(Refuse, reason=RefuseReason.OTHER, text="Sold out.")
    await life.sees(at(Stage.AWAITING_BUYER))

    await life.buyer(SendAgain)
    await life.sees(at(Stage.AWAITING_DISPATCH))
    assert await refused(life.buyer(Terminate)) == "wrong-stage"
    assert (await lapses(life)).stage is Stage.AWAITING_BUYER

    await life.buyer(SendAgain)
    past = {**SHIPPED, "expected_on": date(2020, 1, 1)}
    assert await refused(life.seller(Ship, **past)) == "date-past"
    await life.seller(Ship, **SHIPPED)
    view = await life.sees(at(Stage.IN_TRANSIT))
    assert (view.awaited, view.clocks[0].window) == (Party.PLATFORM, "transit")
    assert await life.dues(NoticeName.DELIVERY_UNDER_WAY) == [view.due]
    assert await refused(life.seller(Ship, **SHIPPED)) == "wrong-stage"
    await life.scanned(Scan.IN_TRANSIT)
    await life.scanned(Scan.LOST, at=view.opened_at)  # which was of the parcel before
    assert (await life.view()).stage is Stage.IN_TRANSIT
    await life.scanned(Scan.LOST)
    await life.sees(at(Stage.AWAITING_BUYER))

    await life.buyer(SendAgain)
    await life.seller(Ship, **SHIPPED | {"tracking": "PX-3"})
    assert (await lapses(life)).stage is Stage.AWAITING_BUYER

    await life.buyer(SendAgain)
    await life.seller(Refuse, reason=RefuseReason.OTHER, text="Enough.")
    await life.sees(at(Stage.AWAITING_BUYER))
    await life.buyer(Terminate)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL]
    assert life.breaches() == ["dispatch"]  # a carrier's delay is no silence of the seller
    view = await life.view()
    reasons = [entry.detail for entry in view.timeline if entry.what == "undelivered"]
    assert reasons == ["refused", "not-sent", "lost", "not-arrived", "refused"]
    assert view.carrier_claims == ()
    unclaimed = [entry.detail for entry in view.timeline if entry.what == "no carrier claim"]
    assert unclaimed == ["PX-2: parcel-unknown", "PX-3: parcel-unknown"]
    assert life.letters(Party.SELLER).count("dispatch_demanded") == 5  # one of them reminds
    assert life.letters(Party.BUYER).count("delivery_under_way") == 2


# Delivered after all, or not.


async def test_goods_that_are_said_to_be_delivered_are_so_unless_contested(world: World) -> None:
    life = await under_way(world)
    await life.scanned(Scan.DELIVERED, event="d")
    view = await life.sees(at(Stage.DELIVERED))
    assert (view.awaited, view.clocks[0].window) == (Party.BUYER, "objection")
    assert await life.dues(NoticeName.DELIVERY_REPORTED) == [view.due, view.due]
    await life.scanned(Scan.DELIVERED, event="d")
    await life.scanned(Scan.LOST)
    assert await refused(life.buyer(Reject)) == "proof-missing"
    assert (await life.ends()).ending == "delivered"
    assert (life.paid, life.breaches()) == ([], [])
    assert life.letters(Party.SELLER) == ["delivery_demanded", "delivery_reported", "closed"]


@pytest.mark.parametrize("verdict", [Verdict.FOR_BUYER, Verdict.FOR_SELLER])
async def test_a_contested_delivery_is_ruled_by_an_agent(world: World, verdict: Verdict) -> None:
    life = await contested(world)
    view = await life.view()
    assert view.task
    assert (view.stage, view.task.purpose) == (Stage.WITH_AGENT, "delivery-contested")
    assert await life.tasks() == [view.task]
    assert await refused(life.seller(Refund)) == "wrong-stage"
    shared = life.agent(Decide, verdict=Verdict.SHARED, reasoning="x", amount=life.money(1))
    assert await refused(shared) == "verdict-differs"
    await life.agent(Claim)
    ruled_at = await world.environment.get_current_time()
    await life.agent(Decide, verdict=verdict, reasoning="The signature.")
    if verdict is Verdict.FOR_SELLER:
        assert (await life.ends()).ending == "delivered"
        assert life.paid == []
        return
    await life.sees(at(Stage.AWAITING_BUYER))
    assert await life.tasks() == []
    proof = life.seller(ProveDelivery, text="Again.", attachments=PROOF)
    assert await refused(proof) == "already-done"
    await life.scanned(Scan.DELIVERED, at=ruled_at)
    assert (await life.view()).stage is Stage.AWAITING_BUYER

    await life.buyer(SendAgain)
    await life.sees(at(Stage.AWAITING_DISPATCH))
    await life.passes(seconds=2)
    await life.scanned(Scan.DELIVERED)  # found by the carrier after all
    await life.sees(at(Stage.DELIVERED))
    await life.buyer(Reject, text="Not here.")
    await life.sees(lambda view: view.task)
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="Another street.")
    await life.sees(at(Stage.AWAITING_BUYER))
    await life.buyer(Terminate)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL]


async def test_the_parcel_is_found_while_the_buyer_may_choose(world: World) -> None:
    life = await with_choice(world)
    await life.seller(ProveDelivery, text="It is with the neighbour.", attachments=PROOF)
    await life.sees(at(Stage.DELIVERED))
    assert (await life.ends()).ending == "delivered"
    for late in (sent_again, under_way):
        life = await late(world)
        await life.seller(ProveDelivery, text="It was signed for.", attachments=PROOF)
        await life.sees(at(Stage.DELIVERED))
        await life.buyer(Withdraw)
        assert (await life.ends()).ending == "withdrawn"
    life = await with_choice(world)
    await life.scanned(Scan.LOST)  # which leads nowhere: the buyer is choosing already
    await life.scanned(Scan.DELIVERED)
    await life.sees(at(Stage.DELIVERED))
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"


# Come back to the seller.


async def goes_on(life: Life) -> Life:
    """The uncollected parcel that goes on instead of this case; the platform closes it."""
    assert (await life.ends()).ending == "became-uncollected-parcel"
    view = await life.view()
    [case_id] = [e.detail for e in view.timeline if e.what == "became-uncollected-parcel"]
    other = life.world.follow(life, case_id)
    await other.sees(at(Stage.AWAITING_BUYER))
    assert await letter(other, NoticeName.PARCEL_CAME_BACK)
    assert "closed" not in life.letters()
    assert (life.paid, life.breaches()) == ([], [])
    await other.send(PLATFORM, Close, reason="done")
    await other.sees(at(Stage.CLOSED))
    return other


@pytest.fixture
async def quick_world(server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[World]:
    """A world in real time, whose seconds are few: a case that outlives the one that opened it
    stops the server that skips time.
    """
    quick: dict[str, object] = {
        f"non_delivery.{window}.{key}": value
        for window in ("objection", "refund")
        for key, value in {"length": 2, "remind_after": 1}.items()
    }
    policies = laid_over(DEMO, tmp_path / "policies", {"pl": quick})
    async with world_on(server, tmp_path, policies, first_order=701) as world:
        yield world


async def test_a_parcel_that_nobody_collected_is_so_unless_the_buyer_contests_it(
    quick_world: World,
) -> None:
    world = quick_world
    posted = [parcel(1, "A", posted_at="2026-01-06T10:00Z")]
    order = world.alter(world.order(), shipped=True, parcels=posted)
    life = await world.non_delivery(order_id=order, lines=TWO_A)
    await life.sees(lambda view: view.carrier_claims)
    await seen(life, Scan.RETURNED, "PX-1")
    other = await goes_on(life)
    assert other.handle.id == f"uncollected-parcel:PL:{life.order_id}:PX-1"
    assert (await other.view()).units == TWO_A
    came_back = ["delivery_came_back", "delivery_came_back"]  # the second reminds
    assert life.letters(Party.BUYER) == ["delivery_awaited", *came_back]
    beside = world.follow(life, (await life.view()).carrier_claims[0])
    assert (await beside.ends()).ending == "delivered"  # it was not lost


async def test_goods_that_an_agent_does_not_have_paid_back_stay_with_the_buyer(
    quick_world: World,
) -> None:
    life = await dear(quick_world)
    await life.sees(lambda view: view.task)
    await life.scanned(Scan.DELIVERED)
    back = await life.goods_back()
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="They were there in time.")
    assert (await back.ends()).ending == "called-off"
    assert (await life.ends()).ending == "nothing-owed"
    assert life.paid == []


async def test_an_agent_rules_whether_a_parcel_could_have_been_collected(
    real_world: World,
) -> None:
    world = real_world
    life = await under_way(world)
    await seen(life, Scan.RETURNED, "PX-2")
    view = await life.sees(at(Stage.CAME_BACK), lambda view: view.due)
    assert (view.awaited, view.clocks[0].window) == (Party.BUYER, "objection")
    assert await life.dues(NoticeName.DELIVERY_CAME_BACK) == [view.due, view.due]
    assert view.may[Party.SELLER] == ("say", "ship")
    assert view.may[Party.BUYER] == ("reject", "say", "withdraw")
    assert await refused(life.buyer(Reject)) == "proof-missing"
    assert await refused(life.seller(Ship, **SHIPPED)) == "already-done"
    await life.buyer(Reject, text="Nobody told me where it was.")
    view = await life.sees(lambda view: view.task)
    assert view.task
    assert view.task.purpose == "non-collection-contested"
    assert await refused(life.seller(Refund)) == "wrong-stage"
    other = world.uncollected_parcel(order_id=life.order_id, tracking="PX-2")
    assert (await (await other).ends()).ending == "not-opened"  # it is seen to in this case
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="There are two notices.")
    assert (await goes_on(life)).handle.id.endswith(":PX-2:2")


async def test_who_could_not_collect_it_may_end_the_contract(world: World) -> None:
    life = await came_back(world)
    await life.buyer(Reject, text="The street was wrong.")
    await life.sees(lambda view: view.task)
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="The label was torn.")
    await life.sees(at(Stage.AWAITING_BUYER))
    assert "wróciła do sprzedającego" in await letter(life, NoticeName.DELIVERY_FAILED)
    await seen(life, Scan.RETURNED, "PX-2")  # which is known, and was ruled about
    await life.buyer(SendAgain)
    await life.sees(at(Stage.AWAITING_DISPATCH))
    await seen(life, Scan.RETURNED, "PX-2")
    await life.seller(Ship, **SHIPPED | {"tracking": "PX-3"})
    await life.sees(at(Stage.IN_TRANSIT))
    await seen(life, Scan.RETURNED, "PX-2")
    assert (await life.view()).stage is Stage.IN_TRANSIT
    await seen(life, Scan.LOST, "PX-3")
    await life.sees(at(Stage.AWAITING_BUYER))
    await life.buyer(Terminate)
    assert (await life.ends()).ending == "refunded"
    assert (life.paid, life.breaches()) == ([ALL], [])


async def test_a_parcel_that_came_back_is_sent_again_or_was_with_the_buyer(world: World) -> None:
    life = await world.non_delivery()
    await seen(life, Scan.RETURNED, "PX-1")  # of an order that tells no parcel
    await life.sees(at(Stage.CAME_BACK))
    await life.seller(Ship, **SHIPPED)
    await life.sees(at(Stage.IN_TRANSIT))
    await life.passes(seconds=2)
    await seen(life, Scan.RETURNED, "PX-2")
    await life.sees(at(Stage.CAME_BACK))
    before = (await life.view()).opened_at
    await life.scanned(Scan.DELIVERED, at=before)  # which its coming back has overtaken
    assert (await life.view()).stage is Stage.CAME_BACK
    await life.passes(seconds=2)
    await seen(life, Scan.DELIVERED, "PX-2")  # the carrier was mistaken
    await life.sees(at(Stage.DELIVERED))
    assert (await life.ends()).ending == "delivered"


async def test_what_cannot_go_on_as_an_uncollected_parcel_is_the_buyers_choice(
    world: World,
) -> None:
    for contested in (False, True):
        life = await came_back(world)
        world.alter(life.order_id, country="SI")
        if contested:
            await life.buyer(Reject, text="I was not told.")
            await life.sees(lambda view: view.task)
            await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="You were.")
        else:
            await lapses(life)
        view = await life.sees(at(Stage.AWAITING_BUYER))
        assert "it could not be opened" in [entry.what for entry in view.timeline]
        await life.buyer(Withdraw)
        assert (await life.ends()).ending == "withdrawn"


async def test_one_parcel_of_several_that_came_back_changes_nothing(world: World) -> None:
    parcels = [parcel(1, "A"), parcel(2, "B")]
    life = await world.non_delivery(order_id=world.alter(world.order(), parcels=parcels))
    await seen(life, Scan.RETURNED, "PX-1")
    await life.scanned(Scan.RETURNED)
    assert (await life.view()).stage is Stage.FURTHER_PERIOD
    await seen(life, Scan.DELIVERED, "PX-1")  # the first came in the end
    await seen(life, Scan.RETURNED, "PX-2")
    view = await life.sees(at(Stage.CAME_BACK))
    assert view.units == REST[1:]
    assert "Lamp A" not in await letter(life, NoticeName.DELIVERY_CAME_BACK)
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"


async def test_a_coming_back_of_what_is_not_all_or_not_the_last_changes_nothing(
    world: World,
) -> None:
    unnumbered = [parcel(1, "A"), parcel(2, "B", tracking=None)]
    life = await world.non_delivery(order_id=world.alter(world.order(), parcels=unnumbered))
    await seen(life, Scan.RETURNED, "PX-1")
    assert (await life.view()).stage is Stage.FURTHER_PERIOD
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"

    life = await under_way(world)
    await seen(life, Scan.DELIVERED, "PX-2")
    await life.sees(at(Stage.DELIVERED))
    await life.passes(seconds=2)
    await seen(life, Scan.RETURNED, "PX-1")  # of the parcel before
    await life.buyer(Say, text="Yes, it is here.")
    assert (await life.view()).stage is Stage.DELIVERED
    assert (await life.ends()).ending == "delivered"


async def test_a_coming_back_overtakes_a_delivery_in_whatever_order_they_are_told(
    world: World,
) -> None:
    for first in (True, False):
        life = await world.non_delivery()
        start = (await life.view()).opened_at

        async def tells(scan: Scan, seconds: int, life: Life = life, start: Any = start) -> None:
            told = start + timedelta(seconds=seconds)
            event = ParcelEvent(event_id=f"{scan}", scan=scan, at=told, tracking="PX-1")
            await life.signals("parcel", event)

        if first:
            await tells(Scan.DELIVERED, 1)
            await life.sees(at(Stage.DELIVERED))
        await tells(Scan.RETURNED, 2)
        await life.sees(at(Stage.CAME_BACK))
        await tells(Scan.DELIVERED, 1)
        await life.buyer(Say, text="Where is it?")
        assert (await life.view()).stage is Stage.CAME_BACK
        await life.buyer(Withdraw)
        assert (await life.ends()).ending == "withdrawn"


# Come too late, and back to the seller.


async def test_goods_that_come_after_the_end_go_back_and_no_refund_waits(world: World) -> None:
    life = await dear(world)
    await life.sees(at(Stage.AWAITING_REFUND))
    await life.scanned(Scan.DELIVERED, event="d")
    await life.scanned(Scan.DELIVERED, event="d")
    await life.scanned(Scan.DELIVERED, event="again")
    back = await life.goods_back()
    view = await back.sees(at(Stage.AWAITING_GOODS))
    assert (view.belongs_to, view.units) == (life.handle.id, (*TWO_A, REST[1]))
    assert await letter(back, NoticeName.LABEL_READY)
    assert "wstrzymany" not in await letter(back, NoticeName.RETURN_OPENED)
    assert (await life.view()).stage is Stage.AWAITING_REFUND
    assert "withdraw" in (await life.view()).may[Party.BUYER]
    await life.seller(Refund)
    await life.sees(at(Stage.WATCHING))
    assert life.paid == [ALL_OF_THE_DEAR]
    assert await refused(life.buyer(Withdraw)) == "wrong-stage"
    await back.scanned(Scan.ARRIVED)
    await back.sees(at(Stage.INSPECTING))
    assert (await back.ends()).ending == "returned"
    assert (await life.ends()).ending == "refunded"
    assert (await life.view()).returns == (back.handle.id,)
    for party in (Party.BUYER, Party.SELLER):
        assert life.letters(party).count("came_all_the_same") == 1
    assert "wycofać tę sprawę" in await letter(life, NoticeName.CAME_ALL_THE_SAME)


@pytest.mark.parametrize(
    ("by", "verb", "more", "ending"),
    [
        (BUYER, Withdraw, {"text": "I keep it."}, "withdrawn"),
        (PLATFORM, Close, {"reason": "Fraud."}, "closed-by-platform"),
    ],
)
async def test_goods_that_are_not_paid_back_stay_with_the_buyer(
    real_world: World, by: Any, verb: Any, more: Any, ending: str
) -> None:
    life = await dear(real_world)
    await life.sees(at(Stage.AWAITING_REFUND))
    await life.scanned(Scan.DELIVERED)
    back = await life.goods_back()
    await life.send(by, verb, **more)
    assert (await back.ends()).ending == "called-off"
    assert (await life.ends()).ending == ending
    assert life.paid == []


async def test_parcels_that_come_one_after_the_other_go_back_each_by_itself(world: World) -> None:
    order = world.order()
    world.alter(order, parcels=[parcel(1, "A"), parcel(2, "B")])
    world.behaves(order_id=order, refunds="later")
    life = await with_choice(world, order)
    await life.buyer(Terminate)
    view = await life.sees(lambda view: view.stage is Stage.REFUNDING and view.clocks)
    await seen(life, Scan.DELIVERED, "PX-1")
    first = await life.goods_back()
    await seen(life, Scan.DELIVERED, "PX-1")
    await seen(life, Scan.DELIVERED, "PX-2")
    await life.sees(lambda view: len(view.returns) > 1)
    second = await life.goods_back()
    assert (await first.view()).units == TWO_A
    assert (await second.view()).units == REST[1:]
    came = await letter(life, NoticeName.CAME_ALL_THE_SAME)
    assert "wycofać tę sprawę" not in came  # the refund is ordered
    assert view.refund
    world.settle(view.refund.key)
    await life.signals(
        NonDelivery.refund_reported,
        RefundReport(key=view.refund.key, state=RefundState.CONFIRMED),
    )
    await life.sees(at(Stage.WATCHING))
    await life.send(PLATFORM, Close, reason="x")
    assert (await life.ends()).ending == "refunded"
    for back in (first, second):
        assert (await back.ends()).ending == "called-off"
    assert life.paid == [ALL]


async def test_goods_that_came_before_the_end_go_back_too_and_once(world: World) -> None:
    order = world.order(dear=True)
    halves = [parcel(1, "A", lines=list(HALF)), parcel(2, "A", lines=list(HALF)), parcel(3, "B")]
    world.alter(order, parcels=halves)
    life = await world.non_delivery(order_id=order)
    await seen(life, Scan.DELIVERED, "PX-1")
    await life.seller(Refuse, reason=RefuseReason.OTHER, text="Sold out.")
    for scan in (Scan.DELIVERED, Scan.RETURNED):
        await seen(life, scan, "PX-3")  # which is with the seller again
    await life.buyer(Terminate)
    await life.sees(at(Stage.AWAITING_REFUND))
    first = await life.goods_back()
    assert (await first.view()).units == ONE_A
    await life.passes(seconds=2)
    await seen(life, Scan.DELIVERED, "PX-1")  # told again
    await seen(life, Scan.DELIVERED, "PX-2")
    await life.sees(lambda view: len(view.returns) > 1)
    assert (await (await life.goods_back()).view()).units == ONE_A
    await life.send(PLATFORM, Close, reason="x")
    assert (await life.ends()).ending == "closed-by-platform"
    assert len((await life.view()).returns) == 2


async def test_what_an_agent_found_not_delivered_is_not_sent_for(world: World) -> None:
    life = await world.non_delivery()
    await seen(life, Scan.DELIVERED, "PX-1")
    await life.sees(at(Stage.DELIVERED))
    await life.buyer(Reject, text="Not here.")
    await life.sees(lambda view: view.task)
    await life.passes(seconds=2)
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="Another street.")
    await life.sees(at(Stage.AWAITING_BUYER))
    await life.buyer(SendAgain)
    await life.seller(Ship, **SHIPPED)
    await life.sees(at(Stage.IN_TRANSIT))
    await seen(life, Scan.LOST, "PX-2")
    await life.sees(at(Stage.AWAITING_BUYER))
    await life.buyer(Terminate)
    assert (await life.ends()).ending == "refunded"
    assert (await life.view()).returns == ()


# What is not due yet.


async def test_a_buyer_complains_once_the_goods_are_due(world: World) -> None:
    today = day_of(await world.environment.get_current_time(), "Europe/Warsaw")
    for due in (today, today + timedelta(days=9)):
        order = world.alter(world.order(), deliver_by=due.isoformat())
        life = await world.non_delivery(order_id=order)
        assert (await life.ends()).ending == "not-opened"
        refusal = (await life.view()).refusal
        assert refusal
        assert refusal.code is Code.TOO_EARLY
        assert f"until {due} was agreed" in refusal.sentence
        assert f"from {due + timedelta(days=1)} on" in refusal.sentence
    # The platform knows when something is lost before it is due.
    life = await with_choice(world, order, number=2)
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"

    early = await world.non_delivery(order_id=await world.fresh())
    refusal = (await early.view()).refusal
    assert refusal
    assert refusal.code is Code.TOO_EARLY
    assert "30 days from the order" in refusal.sentence
    late = await world.non_delivery(
        order_id=await world.fresh(deliver_by=(today - timedelta(days=2)).isoformat())
    )
    await late.sees(at(Stage.FURTHER_PERIOD))
    await late.buyer(Withdraw)
    assert (await late.ends()).ending == "withdrawn"


# What is refunded, and when.


async def test_a_part_then_the_rest_brings_everything_back(world: World) -> None:
    order = world.order()
    life = await with_choice(world, order, lines=ONE_A)
    await life.buyer(Terminate)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [10000 + 399]
    rest = await with_choice(world, order, number=2)
    assert (await rest.view()).units == REST
    await rest.buyer(Terminate)
    assert (await rest.ends()).ending == "refunded"
    assert sum(rest.paid) == ALL
    third = await world.non_delivery(order_id=order, number=3)
    assert (await third.ends()).ending == "not-opened"
    refusal = (await third.view()).refusal
    assert refusal
    assert refusal.code is Code.UNITS_REFUNDED
    assert third.letters() == []


@pytest.mark.parametrize("more", [{"opened_by": SELLER}, {"essential_date": True}])
async def test_the_seller_opens_none_and_the_buyer_none_without_a_further_period(
    world: World, more: Any
) -> None:
    life = await world.non_delivery(**more)
    assert (await life.ends()).ending == "not-opened"
    refusal = (await life.view()).refusal
    assert refusal
    assert refusal.code is Code.NOT_YOURS
    assert life.letters() == []


async def test_what_was_not_paid_is_not_refunded(world: World) -> None:
    life = await with_choice(world, world.alter(world.order(), payment="cash-on-delivery"))
    await life.buyer(Terminate)
    assert (await life.ends()).ending == "nothing-owed"
    assert life.paid == []
    assert life.letters(Party.BUYER) == ["delivery_failed", "contract_ended", "closed"]
    assert "Nic nie zostało zapłacone" in life.letters_whole(Party.SELLER)[-1].text


async def test_a_dear_order_is_refunded_when_the_seller_orders_it(world: World) -> None:
    life = await dear(world)
    view = await life.sees(at(Stage.AWAITING_REFUND))
    assert view.awaited is Party.SELLER
    assert await life.dues(NoticeName.BUYER_ENDED_CONTRACT) == [view.due]
    assert await life.dues(NoticeName.CONTRACT_ENDED) == [view.due]
    assert life.paid == []
    await life.seller(Refund)
    with pytest.raises(RefusedCommand):
        await life.seller(Refund)
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL_OF_THE_DEAR]
    assert life.breaches() == []


@pytest.mark.parametrize(
    ("by", "verb", "more", "ending"),
    [
        (AGENT, Decide, {"verdict": Verdict.FOR_BUYER, "reasoning": "x"}, "refunded"),
        (AGENT, Decide, {"verdict": Verdict.FOR_SELLER, "reasoning": "x"}, "nothing-owed"),
        (SELLER, Refund, {}, "refunded"),
        (BUYER, Withdraw, {}, "withdrawn"),
    ],
)
async def test_a_seller_who_does_not_refund_in_time_is_in_breach_and_an_agent_decides(
    world: World, by: Any, verb: Any, more: Any, ending: str
) -> None:
    life = await dear(world)
    await lapses(life)
    view = await life.sees(lambda view: view.task)
    assert view.task
    assert (view.stage, view.task.purpose) == (Stage.WITH_AGENT, "refund-overdue")
    await life.send(by, verb, **more)
    assert (await life.ends()).ending == ending
    assert life.paid == ([ALL_OF_THE_DEAR] if ending == "refunded" else [])
    assert life.breaches() == ["refund"]
    assert life.letters(Party.BUYER).count("refund_overdue") == 1
    assert await life.tasks() == []


async def test_a_refund_that_fails_or_is_not_confirmed_is_an_agents_task(world: World) -> None:
    for verb, by, ending in ((RetryRefund, AGENT, "refunded"), (Close, PLATFORM, "closed-by-p")):
        order = world.order()
        world.behaves(order_id=order, refunds="refuse", times=1)
        life = await with_choice(world, order)
        await life.buyer(Terminate)
        view = await life.sees(lambda view: view.task)
        assert view.refund
        assert (view.stage, view.refund.state) == (Stage.REFUNDING, RefundState.FAILED)
        assert await refused(life.buyer(Withdraw)) == "wrong-stage"
        await life.send(by, verb, **({"reason": "x"} if verb is Close else {}))
        assert (await life.ends()).ending.startswith(ending)
        assert life.paid == ([ALL] if verb is RetryRefund else [])

    order = world.order()
    world.behaves(order_id=order, refunds="later")
    life = await with_choice(world, order)
    await life.buyer(Terminate)
    view = await life.sees(lambda view: view.stage is Stage.REFUNDING and view.clocks)
    assert await refused(life.send(PLATFORM, Close, reason="x")) == "refund-unconfirmed"
    await lapses(life)
    view = await life.sees(lambda view: view.task)
    assert view.refund
    world.settle(view.refund.key)
    await life.signals(
        NonDelivery.refund_reported,
        RefundReport(key=view.refund.key, state=RefundState.CONFIRMED),
    )
    assert (await life.ends()).ending == "refunded"
    assert life.paid == [ALL]


@pytest.mark.parametrize(
    "stage",
    [
        "further-period",
        "awaiting-buyer",
        "awaiting-dispatch",
        "came-back",
        "dear",
        "dear and ordered",
        "dear and come",
    ],
)
async def test_what_another_case_pays_back_is_neither_owed_nor_missed(
    world: World, stage: str
) -> None:
    opens = {
        "awaiting-buyer": with_choice,
        "awaiting-dispatch": sent_again,
        "came-back": came_back,
    }
    if stage.startswith("dear"):
        life = await dear(world)
    else:
        life = await (opens[stage](world) if stage in opens else world.non_delivery())
    dispute = await world.dispute(order_id=life.order_id)
    await dispute.seller(Offer, remedy=Remedy.FULL_REFUND)
    await dispute.buyer(Accept)
    assert (await dispute.ends()).ending == "settled"
    if stage == "awaiting-buyer":
        await life.buyer(Terminate)
    elif stage == "dear and ordered":
        await life.seller(Refund)
    elif stage == "dear and come":
        await life.scanned(Scan.DELIVERED)
        back = await life.goods_back()
        await lapses(life)
        await life.sees(at(Stage.WATCHING))  # they are the seller's, whoever has paid for them
        assert (await back.ends()).ending == "not-sent"
    assert (await life.ends()).ending == "nothing-owed"
    assert life.paid == [ALL_OF_THE_DEAR if stage.startswith("dear") else ALL]
    assert life.breaches() == []


# It can end at any stage.

REACHED: dict[Stage, Callable[[World], Awaitable[Life]]] = {
    Stage.FURTHER_PERIOD: lambda world: world.non_delivery(),
    Stage.AWAITING_BUYER: with_choice,
    Stage.AWAITING_DISPATCH: sent_again,
    Stage.IN_TRANSIT: under_way,
    Stage.DELIVERED: delivered,
    Stage.CAME_BACK: came_back,
    Stage.WITH_AGENT: contested,
    Stage.AWAITING_REFUND: dear,
}


@pytest.mark.parametrize("stage", REACHED)
async def test_the_buyer_withdraws_it_or_the_platform_closes_it(world: World, stage: Stage) -> None:
    for by, verb, more, ending in (
        (BUYER, Withdraw, {"text": "They have come."}, "withdrawn"),
        (PLATFORM, Close, {"reason": "Fraud."}, "closed-by-platform"),
    ):
        life = await REACHED[stage](world)
        await life.sees(at(stage))
        await life.send(by, verb, **more)
        assert (await life.ends()).ending == ending
        assert (life.paid, life.breaches(), await life.tasks()) == ([], [], [])
        assert life.letters().count("closed") == 2


# The parcels, and the seller's claim against the carrier.


def parcel(n: int, sku: str, **more: Any) -> dict[str, Any]:
    """A parcel of an order, with one of its lines."""
    lines = [{"sku": sku, "quantity": 2 if sku == "A" else 1}]
    return {"id": f"p{n}", "tracking": f"PX-{n}", "lines": lines, "carrier": "Poczta", **more}


async def test_a_claim_against_the_carrier_is_opened_beside_it_for_each_parcel_sent(
    real_world: World,
) -> None:
    world = real_world
    posted = "2026-01-06T10:00Z"
    order = world.alter(
        world.order(),
        shipped=True,
        parcels=[
            parcel(1, "A", posted_at=posted),
            parcel(2, "A"),
            parcel(3, "A", posted_at=posted, in_hand_at="2026-01-08T10:00Z"),
            parcel(4, "B", posted_at=posted),
        ],
    )
    life = await world.non_delivery(order_id=order, lines=ONE_A)
    claim = f"carrier-claim:PL:{order}:PX-1"
    view = await life.sees(lambda view: "carrier claim beside" in [e.what for e in view.timeline])
    assert view.carrier_claims == (claim,)
    beside = world.follow(life, claim)
    assert (await beside.handle.describe()).workflow_type == "CarrierClaim"

    async def event(n: int) -> CaseView:
        now = await world.environment.get_current_time()
        told = ParcelEvent(event_id=f"e{n}", scan=Scan.DELIVERED, at=now, tracking=f"PX-{n}")
        await life.signals("parcel", told)
        return await life.view()

    assert (await event(4)).stage is Stage.FURTHER_PERIOD  # a parcel of other goods
    assert (await event(1)).stage is Stage.FURTHER_PERIOD  # another is still to come
    await life.scanned(Scan.LOST)
    await event(2)
    await life.sees(at(Stage.DELIVERED))
    await life.buyer(Withdraw, text="They have come.")
    assert (await life.ends()).ending == "withdrawn"
    assert (await beside.ends()).ending == "delivered"  # it has learned of it too


async def test_every_arrow_of_the_flow_is_travelled(world: World) -> None:
    assert not_travelled(NonDelivery.FLOW, await world.played("non-delivery")) == set()
