"""Whole lives of inquiries, both countries: what happens if …?"""

import asyncio

import pytest

from domain.commands import (
    BecomeDispute,
    Close,
    Hold,
    Nature,
    NoAnswerNeeded,
    Offer,
    Remedy,
    Resume,
    Say,
    Withdraw,
)
from domain.deadlines import reckon
from domain.notices import NoticeName
from domain.parties import Party
from domain.stages import Stage
from policies import read_calendar, read_policy
from tests.life import PLATFORM, World, not_travelled
from workflows.inquiry.process import Inquiry

BOTH_COUNTRIES = pytest.mark.parametrize("country", ["PL", "SI"])


@BOTH_COUNTRIES
async def test_each_message_has_24_working_hours(world: World, country: str) -> None:
    life = await world.inquiry(country)
    view = await life.view()
    start = view.clocks[0].started_at
    policy = read_policy(country).inquiry
    assert policy
    calendar = read_calendar(country, start.year, start.year + 2)
    due = reckon(policy.seller_reply.counting, policy.seller_reply.length, start, calendar).due
    assert (view.awaited, view.due) == (Party.SELLER, due)
    assert await life.dues(NoticeName.INQUIRY_OPENED) == [due]
    assert await life.dues(NoticeName.INQUIRY_RECEIVED) == [due]
    await life.seller(Say, text="Yes.")
    assert (await life.ends()).ending == "inactive"
    assert life.breaches() == []


@BOTH_COUNTRIES
async def test_silent_seller_is_warned_then_breached_and_the_question_stays_open(
    world: World, country: str
) -> None:
    life = await world.inquiry(country)
    due = (await life.view()).due
    assert due
    await life.passes_until(due)
    view = await life.sees(lambda view: view.breaches)
    assert [(b.window, b.due) for b in view.breaches] == [("seller_reply", due)]
    assert (view.stage, view.awaited) == (Stage.AWAITING_SELLER, Party.SELLER)
    assert await life.dues(NoticeName.REPLY_REMINDER) == [due]
    assert await life.dues(NoticeName.REPLY_BREACH) == [due, due]
    late = await life.seller(Say, text="Yes, sorry.")
    assert late.awaited is Party.BUYER
    assert (await life.ends()).ending == "inactive"
    assert life.breaches() == ["seller_reply"]


async def test_seller_who_never_answers_is_not_awaited_for_ever(world: World) -> None:
    """What the window `inactivity` does."""
    life = await world.inquiry()
    assert (await life.ends()).ending == "inactive"
    assert life.breaches() == ["seller_reply"]


async def test_every_unanswered_message_has_a_clock_of_its_own(world: World) -> None:
    life = await world.inquiry()
    first = (await life.view()).due
    assert first
    await life.passes(hours=2)
    second = await life.buyer(Say, text="And can it be turned?")
    assert second.due == first
    clocks = [c for c in (await life.view()).clocks if c.window == "seller_reply"]
    assert len(clocks) == 2
    assert clocks[1].due
    assert await life.dues(NoticeName.MESSAGE) == [clocks[1].due]
    await life.passes_until(clocks[1].due)
    await life.sees(lambda view: len(view.breaches) == 2)
    await life.seller(Say, text="Both.")
    await life.ends()
    assert life.breaches() == ["seller_reply"] * 2


@pytest.mark.parametrize("nature", [Nature.HOLDING, Nature.AUTOMATIC])
async def test_a_reply_that_answers_nothing_does_not_stop_the_clock(
    world: World, nature: Nature
) -> None:
    life = await world.inquiry()
    due = (await life.view()).due
    receipt = await life.seller(Say, text="We are on holiday.", nature=nature)
    assert (receipt.due, receipt.awaited) == (due, Party.SELLER)
    assert due
    await life.passes_until(due)
    await life.sees(lambda view: view.breaches)
    await life.ends()


async def test_no_answer_needed_stops_the_clock_and_is_counted(world: World) -> None:
    life = await world.inquiry()
    await life.seller(Say, text="Yes.")
    await life.buyer(Say, text="Thank you!")
    receipt = await life.seller(NoAnswerNeeded)
    assert receipt.awaited is Party.BUYER
    assert (await life.view()).needless_answers == 1
    assert (await life.ends()).ending == "inactive"
    assert life.breaches() == []


async def test_agent_takes_part_and_stops_no_clock(world: World) -> None:
    life = await world.inquiry()
    due = (await life.view()).due
    receipt = await life.agent(Say, text="Please answer within the day.")
    assert receipt.due == due
    await life.seller(Say, text="Yes.")
    assert (await life.ends()).ending == "inactive"
    for party in (Party.BUYER, Party.SELLER):
        assert "message" in life.letters(party)


async def test_held_clock_outlasts_a_new_message_which_has_its_own(world: World) -> None:
    """What the window `hold` does."""
    life = await world.inquiry()
    await life.agent(Hold, reason="The maker is asked.")
    assert (await life.view()).due is None
    new = await life.buyer(Say, text="Is it white?")
    assert new.due
    view = await life.view()
    assert view.clocks[0].held_since
    resumed = await life.agent(Resume)
    assert resumed.due
    await life.seller(Say, text="Yes.")
    assert (await life.ends()).ending == "inactive"


# On the real server: after a child case, the time-skipping one skips no more time.


@BOTH_COUNTRIES
async def test_inquiry_becomes_a_dispute_in_one_command(real_world: World, country: str) -> None:
    life = await real_world.inquiry(country)
    receipt = await life.buyer(
        BecomeDispute,
        reason="defect",
        wanted=Remedy.PARTIAL_REFUND,
        amount=life.money(4000),
        text="It is broken.",
    )
    assert receipt.outcome == "accepted"
    assert (await life.ends()).ending == "became-dispute"
    assert "inquiry_became_dispute" in life.letters(Party.SELLER)
    case_id = f"dispute:{country}:{life.order_id}-inquiry-1"
    dispute = real_world.follow(life, case_id)
    view = await dispute.sees(lambda view: view.stage is Stage.AWAITING_SELLER)
    assert (view.preceding, view.claimed) == (life.handle.id, life.money(4000))
    assert view.order_id == life.order_id
    await dispute.seller(Offer, remedy=Remedy.FULL_REFUND)
    await dispute.buyer(Withdraw)
    assert (await dispute.ends()).ending == "withdrawn"


async def test_a_message_sent_with_the_wish_does_not_swallow_the_dispute(real_world: World) -> None:
    life = await real_world.inquiry()
    wish = {"reason": "defect", "wanted": Remedy.FULL_REFUND, "text": "Broken."}
    _, wished, _ = await asyncio.gather(
        life.buyer(Say, text="Hello?"),
        life.buyer(BecomeDispute, **wish),
        life.seller(Say, text="?"),
        return_exceptions=True,  # a message that comes after the end is refused
    )
    assert not isinstance(wished, BaseException)
    assert (await life.ends()).ending == "became-dispute"
    dispute = real_world.follow(life, f"dispute:PL:{life.order_id}-inquiry-1")
    await dispute.sees(lambda view: view.stage is Stage.AWAITING_SELLER)
    await dispute.buyer(Withdraw)
    await dispute.ends()


async def test_platform_closes(world: World) -> None:
    life = await world.inquiry()
    await life.send(PLATFORM, Close, reason="Spam.")
    assert (await life.ends()).ending == "closed-by-platform"


async def test_unknown_order_opens_nothing(world: World) -> None:
    life = await world.inquiry(order_id="PL-none")
    assert (await life.ends()).ending == "not-opened"


async def test_every_arrow_of_the_flow_is_travelled(world: World) -> None:
    assert not_travelled(Inquiry.FLOW, await world.played("inquiry")) == set()
