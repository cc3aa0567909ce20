"""Whole lives of disputes, both countries: what happens if …?"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.commands import (
    Accept,
    AgreeToClose,
    Appeal,
    Ask,
    AskForHelp,
    Claim,
    Close,
    Confirm,
    Decide,
    Fulfil,
    Hold,
    Inspect,
    Nature,
    Offer,
    Receive,
    Refuse,
    RefuseReason,
    Reject,
    Release,
    Remedy,
    Reopen,
    Resume,
    RetryRefund,
    Say,
    SendBack,
    Verdict,
    Withdraw,
)
from domain.deadlines import reckon
from domain.goods import Condition, Received
from domain.notices import NoticeName
from domain.orders import Line
from domain.parties import Party
from domain.policy import Window
from domain.ports import RefundCommand, RefundReport, RefundState
from domain.stages import Stage
from domain.view import CaseView
from policies import read_calendar, read_policy
from store.archive import Archive
from store.cases import CaseRegister
from tests.life import (
    AGENT,
    LEAD,
    PLATFORM,
    SECOND,
    Life,
    Played,
    RefusedCommand,
    World,
    not_travelled,
)
from tests.skipping import let_pass
from workflows.dispute.process import Dispute

BY_MAIL = True

BOTH_COUNTRIES = pytest.mark.parametrize("country", ["PL", "SI"])
WHOLE = 25999
WHOLE_ORDER = (Received(sku="A", quantity=2), Received(sku="B", quantity=1))


def due_of(country: str, window: str, start: datetime) -> datetime:
    """When a window of the country's policy file is due, reckoned apart from the case."""
    policy = read_policy(country)
    rules: Window = getattr(policy.dispute, window)
    calendar = read_calendar(country, start.year, start.year + 2)
    return reckon(rules.counting, rules.length, start, calendar).due


def in_stage(stage: Stage) -> Callable[[CaseView], bool]:
    """Whether a case has come to a stage."""
    return lambda view: view.stage is stage


def lines(view: CaseView) -> list[str]:
    """The timeline's lines, without the stages."""
    return [entry.what for entry in view.timeline if not entry.what.startswith("stage ")]


async def with_agent(world: World, country: str = "PL", **more: Any) -> Life:
    """A dispute that both traders have brought to an agent."""
    life = await world.dispute(country, **more)
    await life.buyer(AskForHelp)
    await life.seller(AskForHelp)
    return life


async def decided(world: World, **decision: Any) -> Life:
    """A dispute that an agent has decided."""
    life = await with_agent(world)
    award = {"verdict": Verdict.FOR_BUYER, "remedy": Remedy.FULL_REFUND} | decision
    await life.agent(Decide, reasoning="The photos show it.", **award)
    return life


# The traders among themselves.


@BOTH_COUNTRIES
async def test_offer_accepted_is_refunded_and_closed(world: World, country: str) -> None:
    life = await world.dispute(country)
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
    receipt = await life.buyer(Accept)
    assert receipt.outcome == "accepted"
    assert (await life.ends()).ending == "settled"
    assert life.paid == [5000]
    told = ["dispute_received", "offer_made", "offer_accepted", "refund_confirmed", "closed"]
    assert life.letters(Party.BUYER) == told
    told = ["dispute_opened", "offer_accepted", "refund_confirmed", "closed"]
    assert life.letters(Party.SELLER) == told
    assert life.breaches() == []


@BOTH_COUNTRIES
async def test_the_seller_has_24_working_hours_and_the_letters_say_so(
    world: World, country: str
) -> None:
    life = await world.dispute(country)
    view = await life.view()
    due = due_of(country, "seller_reply", view.clocks[0].started_at)
    assert (view.awaited, view.due) == (Party.SELLER, due)
    assert await life.dues(NoticeName.DISPUTE_OPENED) == [due]
    assert await life.dues(NoticeName.DISPUTE_RECEIVED) == [due]
    await life.buyer(Withdraw)
    await life.ends()


@BOTH_COUNTRIES
async def test_silent_seller_is_warned_then_escalated(world: World, country: str) -> None:
    life = await world.dispute(country)
    due = (await life.view()).due
    assert due
    await life.passes_until(due)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert lines(view) == ["opened", "reminded", "silence", "breach"]
    assert [(b.window, b.due) for b in view.breaches] == [("seller_reply", due)]
    assert view.breaches[0].at - due < timedelta(seconds=1)
    assert view.awaited is Party.AGENT
    assert view.due == due_of(country, "decision", view.breaches[0].at)
    [task] = await life.tasks()
    queue = f"disputes-{country.lower()}"
    assert (task.queue, task.purpose, task.state) == (queue, "decide", "open")
    assert task.due == view.due
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="Delivered as described.")
    assert (await life.ends()).ending == "decided"
    assert life.breaches() == ["seller_reply"]
    assert await life.dues(NoticeName.REPLY_REMINDER) == [due]
    assert await life.dues(NoticeName.REPLY_BREACH) == [due]
    assert await life.dues(NoticeName.AGENT_JOINS) == [view.due] * 2
    # One timer for each wake: the reminder, the breach, the appeal; none fires early and again.
    assert len(await life.timers()) == 4  # the agent's, which the decision cut short, is the third
    assert all(seconds > 1 for seconds in await life.timers())


async def test_christmas_is_not_counted_in_poland_and_is_on_its_eve_in_slovenia(
    world: World,
) -> None:
    now = await world.environment.get_current_time()
    eves = (datetime(now.year + n, 12, 24, 11, tzinfo=UTC) for n in range(4))
    eve = next(day for day in eves if day > now and day.weekday() < 5)
    await let_pass(world.environment, eve - now)
    polish, slovenian = await world.dispute("PL"), await world.dispute("SI")
    until = {}
    for life in (polish, slovenian):
        view = await life.view()
        until[life.country] = view.due
        await life.buyer(Withdraw)
        await life.ends()
    assert until["PL"]
    assert until["SI"]
    # Noon to midnight of the eve counts in Slovenia alone: Poland's clock starts after Christmas.
    assert abs(until["PL"] - until["SI"] - timedelta(hours=12)) < timedelta(seconds=30)


async def test_a_holding_reply_does_not_stop_the_clock(world: World) -> None:
    life = await world.dispute()
    due = (await life.view()).due
    assert due
    for nature in (Nature.HOLDING, Nature.AUTOMATIC):
        receipt = await life.seller(Say, text="We look into it.", nature=nature)
        assert (receipt.stage, receipt.due) == (Stage.AWAITING_SELLER, due)
    await life.passes_until(due)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert [b.window for b in view.breaches] == ["seller_reply"]
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"
    assert life.letters(Party.BUYER).count("message") == 2


@BOTH_COUNTRIES
async def test_silent_buyer_is_reminded_and_the_case_closed_as_such(
    world: World, country: str
) -> None:
    life = await world.dispute(country)
    receipt = await life.seller(Say, text="Which bulb is in it?")
    answered = (await life.view()).clocks[0].started_at
    assert receipt.due == due_of(country, "buyer_reply", answered)
    assert receipt.due
    await life.passes_until(receipt.due)
    view = await life.sees(in_stage(Stage.REOPENABLE))
    assert view.awaited is Party.BUYER
    assert view.due == due_of(country, "reopening", view.clocks[0].started_at)
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.seller(Offer, remedy=Remedy.REPAIR)
    assert (await life.ends()).ending == "buyer-silent"
    assert await life.dues(NoticeName.REPLY_REMINDER) == [receipt.due]
    assert await life.dues(NoticeName.BUYER_SILENT) == [view.due] * 2
    assert life.letters(Party.BUYER) == [
        "dispute_received",
        "message",
        "reply_reminder",
        "buyer_silent",
        "closed",
    ]
    assert life.paid == []
    assert life.breaches() == []
    assert len(await life.timers()) == 4


async def test_reopened_case_goes_on_and_silence_closes_it_again(world: World) -> None:
    life = await world.dispute()
    receipt = await life.seller(Refuse, reason=RefuseReason.AS_DESCRIBED, text="As described.")
    assert receipt.due
    await life.passes_until(receipt.due)
    await life.sees(in_stage(Stage.REOPENABLE))
    reopened = await life.buyer(Reopen, text="I was away.")
    assert (reopened.stage, reopened.awaited) == (Stage.AWAITING_SELLER, Party.SELLER)
    assert await life.dues(NoticeName.REOPENED) == [reopened.due]
    again = await life.seller(Offer, remedy=Remedy.REPAIR)
    assert again.due
    await life.passes_until(again.due)
    await life.sees(in_stage(Stage.REOPENABLE))
    assert (await life.ends()).ending == "buyer-silent"
    assert life.letters(Party.BUYER).count("buyer_silent") == 2


async def test_buyer_takes_the_case_back_while_it_rests(world: World) -> None:
    life = await world.dispute()
    receipt = await life.seller(Say, text="Sent as ordered.")
    assert receipt.due
    await life.passes_until(receipt.due)
    await life.sees(in_stage(Stage.REOPENABLE))
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"


@BOTH_COUNTRIES
async def test_question_holds_the_askers_clock(world: World, country: str) -> None:
    life = await world.dispute(country)
    first = (await life.view()).clocks[0]
    await life.passes(hours=3)
    asked = await life.seller(Ask, text="Which serial number?")
    assert (asked.stage, asked.awaited) == (Stage.AWAITING_BUYER, Party.BUYER)
    await life.passes(days=2)
    answered = await life.buyer(Say, text="A-17.")
    assert (answered.stage, answered.awaited) == (Stage.AWAITING_SELLER, Party.SELLER)
    clock = (await life.view()).clocks[0]
    assert clock.started_at == first.started_at
    [held] = clock.held
    assert held.until - held.since >= timedelta(days=2)
    policy = read_policy(country).dispute
    assert policy
    calendar = read_calendar(country, first.started_at.year, first.started_at.year + 2)
    rules = policy.seller_reply
    due = reckon(rules.counting, rules.length, first.started_at, calendar, [held]).due
    assert answered.due == clock.due == due
    assert await life.dues(NoticeName.QUESTION) == [asked.due]
    assert due in await life.dues(NoticeName.MESSAGE)
    await life.passes_until(due)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert view.breaches[0].due == due
    await life.send(PLATFORM, Close, reason="test")
    await life.ends()


async def test_buyer_silent_after_a_question_rests_and_is_not_a_breach(world: World) -> None:
    life = await world.dispute()
    asked = await life.seller(Ask, text="Which serial number?")
    assert asked.due
    await life.passes_until(asked.due)
    view = await life.sees(in_stage(Stage.REOPENABLE))
    assert view.breaches == ()
    assert (await life.ends()).ending == "buyer-silent"


async def test_question_answered_by_a_question_and_then_by_both(world: World) -> None:
    life = await world.dispute()
    await life.seller(Ask, text="Which serial number?")
    back = await life.buyer(Ask, text="Where is it written?")
    assert back.awaited is Party.SELLER
    answered = await life.seller(Say, text="On its foot.")
    assert answered.awaited is Party.BUYER
    assert len((await life.view()).clocks[0].held) == 1
    await life.buyer(Withdraw)
    await life.ends()


async def test_counter_offer_is_accepted_by_the_seller(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(1000))
    countered = await life.buyer(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(9000))
    assert countered.awaited is Party.SELLER
    assert [o.state for o in (await life.view()).offers] == ["countered", "open"]
    await life.seller(Accept)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [9000]


async def test_rejected_and_replaced_offers_are_kept_as_history(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.REPAIR)
    rejected = await life.buyer(Reject, text="It broke twice.")
    assert rejected.awaited is Party.SELLER
    await life.seller(Offer, remedy=Remedy.REPLACEMENT)
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    view = await life.view()
    assert [o.state for o in view.offers] == ["rejected", "replaced", "open"]
    await life.buyer(Accept)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [WHOLE]
    assert life.letters(Party.SELLER).count("offer_rejected") == 1


async def test_expired_offer_lapses_and_can_be_made_anew(world: World) -> None:
    life = await world.dispute()
    now = await world.environment.get_current_time()
    end = now + timedelta(hours=5)
    await life.seller(Offer, remedy=Remedy.FULL_REFUND, expires_at=end, command_id="first")
    await life.passes_until(end)
    with pytest.raises(RefusedCommand, match="offer-expired"):
        await life.buyer(Accept)
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    await life.ends()
    assert life.paid == [WHOLE]


async def test_offer_open_at_the_end_has_lapsed(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.REPAIR)
    await life.buyer(Withdraw)
    await life.ends()
    assert [o.state for o in (await life.view()).offers] == ["lapsed"]


async def test_an_offer_that_is_open_when_an_agent_decides_has_lapsed(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(100))
    await life.buyer(AskForHelp)
    await life.sees(in_stage(Stage.WITH_AGENT))
    assert [o.state for o in (await life.view()).offers] == ["open"]
    await life.agent(Claim)
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="It is as described.")
    view = await life.sees(in_stage(Stage.DECIDED))
    assert [o.state for o in view.offers] == ["lapsed"]
    await life.seller(Appeal, reason="Still.")
    view = await life.sees(in_stage(Stage.ON_APPEAL))
    assert [o.state for o in view.offers] == ["lapsed"]
    await life.buyer(Withdraw)
    await life.ends()


async def test_refusal_passes_the_turn_to_the_buyer(world: World) -> None:
    life = await world.dispute()
    receipt = await life.seller(
        Refuse, reason=RefuseReason.DAMAGED_BY_BUYER, text="It was dropped."
    )
    assert (receipt.stage, receipt.awaited) == (Stage.AWAITING_BUYER, Party.BUYER)
    assert await life.dues(NoticeName.CLAIM_REFUSED) == [receipt.due]
    await life.buyer(AskForHelp)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert view.awaited is Party.AGENT
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"
    assert await life.tasks() == []


async def test_goods_sent_again_are_settled_by_the_sellers_word(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.SEND_AGAIN)
    accepted = await life.buyer(Accept)
    assert (accepted.stage, accepted.awaited) == (Stage.SETTLING, Party.SELLER)
    assert await life.dues(NoticeName.FULFILMENT_ASKED) == [accepted.due]
    assert await life.dues(NoticeName.FULFILMENT_EXPECTED) == [accepted.due]
    await life.seller(Fulfil, text="Done.")
    assert (await life.ends()).ending == "settled"
    assert (life.paid, (await life.view()).returns) == ([], ())
    assert "fulfilled" in life.letters(Party.BUYER)


@pytest.mark.parametrize("amount", [None, 9000])
async def test_partial_return_refunds_what_came_back_and_no_more_than_agreed(
    world: World, amount: int | None
) -> None:
    life = await world.dispute()
    agreed = amount and life.money(amount)
    await life.seller(Offer, remedy=Remedy.RETURN_FOR_REFUND, amount=agreed)
    await life.buyer(Accept)
    back = await life.goods_back()
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.seller(Fulfil)
    await back.seller(
        Receive,
        units=(
            Received(sku="A", quantity=1),
            Received(sku="A", quantity=1, condition=Condition.MISSING),
            Received(sku="B", quantity=1, condition=Condition.EMPTY),
        ),
    )
    await back.seller(Inspect)
    await back.buyer(Accept)
    assert (await back.ends()).accepted == (Line(sku="A", quantity=1),)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [amount or 10000]


async def test_return_that_the_platform_closes_brings_the_agents_back(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.REPAIR)
    await life.buyer(Accept)
    back = await life.goods_back()
    await back.send(PLATFORM, Close, reason="Lost in the system.")
    assert (await back.ends()).ending == "closed-by-platform"
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert view.task
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="It works.")
    assert (await life.ends()).ending == "decided"
    assert life.paid == []


async def test_some_lines_and_quantities_are_disputed_and_no_more_is_paid(world: World) -> None:
    life = await world.dispute(lines=(Line(sku="A", quantity=1),))
    assert (await life.view()).at_stake == life.money(10000)
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    await life.ends()
    assert life.paid == [10000]


async def test_platform_opens_a_case_by_itself(world: World) -> None:
    life = await world.dispute(opened_by=PLATFORM)
    assert (await life.view()).opened_by == PLATFORM
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    await life.ends()
    assert life.paid == [WHOLE]
    assert life.letters()[0:2] == ["dispute_opened", "dispute_received"]


async def test_both_agree_that_it_is_solved(world: World) -> None:
    life = await world.dispute()
    noted = await life.buyer(AgreeToClose)
    assert noted.outcome == "noted"
    await life.seller(AgreeToClose)
    assert (await life.ends()).ending == "solved"


async def test_platform_closes(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.REPAIR)
    await life.send(PLATFORM, Close, reason="The order was a test.")
    assert (await life.ends()).ending == "closed-by-platform"


async def test_unknown_order_opens_nothing_and_writes_to_nobody(world: World) -> None:
    life = await world.dispute(order_id="PL-none")
    assert (await life.ends()).ending == "not-opened"
    assert life.letters() == []


# An agent joins.


async def test_one_side_alone_gets_help_only_once_the_window_allows_it(world: World) -> None:
    """What the window `help_opens` does."""
    life = await world.dispute()
    early = await life.buyer(AskForHelp)
    assert (early.outcome, early.stage) == ("noted", Stage.AWAITING_SELLER)
    with pytest.raises(RefusedCommand, match="help-not-yet"):
        await life.buyer(AskForHelp)
    await life.seller(Ask, text="Which serial number?")  # the seller has answered by now
    receipt = await life.buyer(AskForHelp)
    assert receipt.stage is Stage.WITH_AGENT
    await life.buyer(Withdraw)
    await life.ends()
    assert life.letters(Party.SELLER).count("help_wanted") == 1


async def test_both_get_help_at_any_time(world: World) -> None:
    life = await with_agent(world)
    view = await life.view()
    assert (view.stage, view.awaited) == (Stage.WITH_AGENT, Party.AGENT)
    await life.send(PLATFORM, Close, reason="test")
    assert (await life.ends()).ending == "closed-by-platform"


async def test_traders_still_agree_while_the_agent_reads(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(700))
    await life.buyer(AskForHelp)
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(800))
    await life.buyer(Reject)
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(900))
    receipt = await life.buyer(Accept)
    assert receipt.stage is not Stage.WITH_AGENT
    assert (await life.ends()).ending == "settled"
    assert life.paid == [900]
    assert await life.tasks() == []


async def test_task_is_claimed_released_and_times_out_to_the_queue_and_the_lead(
    world: World,
) -> None:
    """What the window `lead_decision` does."""
    life = await with_agent(world)
    claimed = await life.agent(Claim)
    [task] = await life.tasks()
    assert (task.owner, task.state) == (AGENT.id, "claimed")
    with pytest.raises(RefusedCommand, match="task-taken"):
        await life.send(SECOND, Decide, verdict=Verdict.FOR_SELLER, reasoning="No.")
    await life.agent(Release)
    assert (await life.tasks())[0].owner is None
    claimed = await life.agent(Claim)
    assert claimed.due
    decision_due = (await life.tasks())[0].due
    assert decision_due
    await life.passes_until(claimed.due)
    view = await life.sees(lambda view: view.task and view.task.owner is None)
    assert view.due == decision_due
    late = await life.agent(Claim)
    assert late.due
    await life.passes_until(decision_due)
    view = await life.sees(lambda view: view.task and view.task.queue == "leads")
    assert (view.awaited, view.stage) == (Party.AGENT, Stage.WITH_AGENT)
    await life.passes(seconds=1)
    [task] = await life.tasks()
    assert (task.queue, task.priority, task.owner, task.due) == ("leads", 1, None, view.due)
    assert view.due
    await life.passes_until(view.due)
    again = await life.sees(lambda after: after.due != view.due)
    assert again.task
    assert (again.task.queue, again.task.due) == ("leads", again.due)
    await life.send(LEAD, Decide, verdict=Verdict.FOR_SELLER, reasoning="No defect.")
    assert (await life.ends()).ending == "decided"
    assert await life.tasks() == []


async def test_agents_question_holds_the_agents_clock_until_the_answer(world: World) -> None:
    life = await with_agent(world)
    before = (await life.view()).due
    asked = await life.agent(Ask, text="A photo, please.", to=Party.SELLER)
    assert asked.awaited is Party.SELLER
    assert await life.dues(NoticeName.QUESTION) == [asked.due]
    await life.buyer(Say, text="I have one too.")
    assert (await life.view()).awaited is Party.SELLER
    await life.passes(days=1)
    await life.seller(Say, text="Attached.")
    view = await life.view()
    assert view.awaited is Party.AGENT
    assert view.due
    assert before
    assert view.due >= before
    assert len(view.clocks[0].held) == 1
    assert [task.due for task in await life.tasks()] == [view.due]
    await life.agent(Say, text="Thank you.")
    await life.send(PLATFORM, Close, reason="test")
    await life.ends()
    assert life.letters(Party.BUYER).count("question") == 0


async def test_agents_question_unanswered_is_decided_without(world: World) -> None:
    """What the window `agent_question` does."""
    life = await with_agent(world)
    await life.agent(Claim)
    asked = await life.agent(Ask, text="A photo, please.")
    assert asked.due
    assert asked.awaited is Party.BUYER
    await life.passes_until(asked.due)
    view = await life.sees(lambda view: view.awaited is Party.AGENT)
    assert view.task
    assert view.task.owner == AGENT.id
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="No photo.")
    await life.ends()
    assert "reply_reminder" in life.letters(Party.BUYER)


async def test_acceptance_while_the_agent_awaits_an_answer_settles_at_once(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(700))
    await life.buyer(AskForHelp)
    await life.agent(Ask, text="A photo, please.")
    await life.buyer(Accept)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [700]
    assert not any(line == "silence" for line in lines(await life.view()))


async def test_second_agent_confirms_while_a_trader_owes_an_answer(world: World) -> None:
    life = await with_agent(world, order_id=world.order(dear=True))
    await life.agent(Claim)
    await life.agent(Ask, text="A photo, please.")
    await life.agent(
        Decide, verdict=Verdict.FOR_BUYER, reasoning="Clear.", remedy=Remedy.FULL_REFUND
    )
    await life.send(SECOND, Claim)
    receipt = await life.send(SECOND, Confirm)
    assert receipt.stage is Stage.DECIDED
    await life.buyer(Accept)
    await life.seller(Accept)
    assert (await life.ends()).ending == "decided"


@BOTH_COUNTRIES
async def test_award_above_the_limit_needs_a_second_agent(world: World, country: str) -> None:
    life = await with_agent(world, country, order_id=world.order(country, dear=True))
    policy = read_policy(country).dispute
    assert policy
    too_much = life.money(policy.agent_limit_minor + 1)
    award = {"verdict": Verdict.SHARED, "remedy": Remedy.PARTIAL_REFUND}
    await life.agent(Claim)
    await life.agent(Decide, reasoning="Much.", amount=too_much, **award)
    view = await life.view()
    assert (view.stage, view.awaited) == (Stage.WITH_AGENT, Party.AGENT)
    [task] = await life.tasks()
    assert (task.purpose, task.owner, task.state) == ("confirm", None, "open")
    with pytest.raises(RefusedCommand, match="other-agent-needed"):
        await life.agent(Confirm)
    with pytest.raises(RefusedCommand, match="second-agent-needed"):
        await life.send(SECOND, Decide, reasoning="Less.", amount=life.money(1), **award)
    await life.send(SECOND, SendBack, reason="Too much.")
    assert (await life.tasks())[0].purpose == "decide"
    await life.agent(Decide, reasoning="Still much.", amount=too_much, **award)
    await life.send(SECOND, Confirm)
    view = await life.view()
    assert view.stage is Stage.DECIDED
    assert view.decision
    assert view.decision.confirmed_by == SECOND
    assert (await life.ends()).ending == "decided"
    assert life.paid == [too_much.amount_minor]


async def test_award_at_the_limit_needs_one_agent(world: World) -> None:
    life = await with_agent(world, order_id=world.order(dear=True))
    policy = read_policy("PL").dispute
    assert policy
    most = life.money(policy.agent_limit_minor)
    await life.agent(
        Decide,
        verdict=Verdict.SHARED,
        reasoning="Fair.",
        remedy=Remedy.PARTIAL_REFUND,
        amount=most,
    )
    assert (await life.ends()).ending == "decided"
    assert life.paid == [most.amount_minor]


@BOTH_COUNTRIES
async def test_decision_stands_after_the_appeal_window(world: World, country: str) -> None:
    life = await with_agent(world, country)
    receipt = await life.agent(
        Decide, verdict=Verdict.FOR_BUYER, reasoning="Broken.", remedy=Remedy.FULL_REFUND
    )
    assert (receipt.stage, receipt.awaited) == (Stage.DECIDED, Party.SELLER)
    started = (await life.view()).clocks[0].started_at
    assert receipt.due == due_of(country, "appeal", started)
    assert await life.dues(NoticeName.DECISION) == [receipt.due] * 2
    assert life.paid == []
    assert (await life.ends()).ending == "decided"
    assert life.paid == [WHOLE]
    view = await life.view()
    assert view.decision
    assert view.decision.final


async def test_decision_accepted_by_both_is_final_at_once(world: World) -> None:
    life = await decided(world)
    await life.buyer(Accept)
    with pytest.raises(RefusedCommand, match="already-done"):
        await life.buyer(Appeal, reason="After all.")
    due = (await life.view()).due
    await life.seller(Accept)
    assert (await life.ends()).ending == "decided"
    assert due
    assert await world.environment.get_current_time() < due
    assert life.paid == [WHOLE]


async def test_withdrawn_after_the_decision(world: World) -> None:
    life = await decided(world)
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"
    assert life.paid == []


async def test_appeal_goes_to_another_agent_and_is_final(world: World) -> None:
    life = await decided(world)
    appealed = await life.seller(Appeal, reason="The photos are of another lamp.")
    assert (appealed.stage, appealed.awaited) == (Stage.ON_APPEAL, Party.AGENT)
    assert await life.dues(NoticeName.APPEALED) == [appealed.due] * 2
    with pytest.raises(RefusedCommand, match="other-agent-needed"):
        await life.agent(Claim)
    with pytest.raises(RefusedCommand, match="other-agent-needed"):
        await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="Again.")
    await life.send(
        SECOND, Decide, verdict=Verdict.SHARED, reasoning="Half.", remedy=Remedy.RETURN_FOR_REFUND
    )
    view = await life.sees(in_stage(Stage.SETTLING))
    assert view.decision
    assert view.decision.final
    assert view.decision.by == SECOND
    back = await life.goods_back()
    await back.seller(Receive, units=WHOLE_ORDER)
    await back.seller(Inspect)
    await back.ends()
    assert (await life.ends()).ending == "decided"
    assert life.paid == [WHOLE]
    assert life.letters(Party.BUYER).count("decision") == 1
    assert life.letters(Party.BUYER).count("decision_final") == 1


async def test_appeal_can_end_for_the_seller(world: World) -> None:
    life = await decided(world)
    await life.seller(Appeal, reason="No.")
    await life.send(SECOND, Decide, verdict=Verdict.FOR_SELLER, reasoning="Right.")
    assert (await life.ends()).ending == "decided"
    assert life.paid == []


async def test_goods_not_fulfilled_are_a_breach_and_an_agent_decides_again(world: World) -> None:
    life = await decided(world, remedy=Remedy.SEND_AGAIN)
    await life.buyer(Accept)
    settling = await life.seller(Accept)
    assert settling.stage is Stage.SETTLING
    assert settling.due
    await life.passes_until(settling.due)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert [(b.window, b.due) for b in view.breaches] == [("fulfilment", settling.due)]
    again = await life.agent(
        Decide, verdict=Verdict.FOR_BUYER, reasoning="Pay.", remedy=Remedy.FULL_REFUND
    )
    assert again.stage is Stage.DECIDED  # this decision can be appealed like any other
    assert (await life.ends()).ending == "decided"
    assert life.paid == [WHOLE]
    assert life.breaches() == ["fulfilment"]


async def test_decision_by_signal_decides_where_it_fits_and_is_noted_where_not(
    world: World,
) -> None:
    life = await world.dispute()
    early = Decide(command_id="s1", by=AGENT, verdict=Verdict.FOR_SELLER, reasoning="Early.")
    await life.signals(Dispute.decide, early)
    view = await life.sees(lambda view: "decide refused" in lines(view))
    assert view.timeline[-1].detail == "wrong-stage"
    assert view.stage is Stage.AWAITING_SELLER
    assert [message.id for message in view.messages] == ["#opening"]
    await life.buyer(AskForHelp)
    await life.seller(AskForHelp)
    right = Decide(command_id="s2", by=AGENT, verdict=Verdict.FOR_SELLER, reasoning="Right.")
    await life.signals(Dispute.decide, right)
    await life.signals(Dispute.decide, right)
    await life.sees(in_stage(Stage.DECIDED))
    assert (await life.ends()).ending == "decided"
    assert lines(await life.view()).count("decide") == 1


# Clocks held by hand.


async def test_held_clock_does_not_run_and_resumes_later(world: World) -> None:
    life = await world.dispute()
    due = (await life.view()).due
    held = await life.agent(Hold, reason="The courier is asked.")
    assert held.due is None
    assert due
    await life.passes_until(due)
    view = await life.view()
    assert (view.stage, view.breaches) == (Stage.AWAITING_SELLER, ())
    resumed = await life.agent(Resume)
    assert resumed.due
    assert resumed.due > due
    assert await life.dues(NoticeName.CLOCK_RESUMED) == [resumed.due] * 2
    await life.passes_until(resumed.due)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert view.breaches[0].due == resumed.due
    await life.buyer(Withdraw)
    await life.ends()


async def test_forgotten_hold_ends_by_itself(world: World) -> None:
    life = await world.dispute()
    await life.agent(Hold, reason="The courier is asked.")
    await life.passes(days=60)
    await life.sees(in_stage(Stage.WITH_AGENT))
    await life.buyer(Withdraw)
    await life.ends()
    view = await life.view()
    assert "clock runs again" in lines(view)
    assert [b.window for b in view.breaches] == ["seller_reply"]


async def test_answer_ends_a_hold_without_a_letter_about_a_deadline_gone_by(world: World) -> None:
    life = await world.dispute()
    await life.agent(Hold, reason="The courier is asked.")
    receipt = await life.seller(Say, text="It was delivered.")
    assert (receipt.awaited, (await life.view()).due) == (Party.BUYER, receipt.due)
    assert receipt.due
    with pytest.raises(RefusedCommand, match="clock-running"):
        await life.agent(Resume)
    await life.buyer(Withdraw)
    await life.ends()
    assert "clock_resumed" not in life.letters()


async def test_hold_outlasts_the_claiming_of_the_task(world: World) -> None:
    life = await with_agent(world)
    await life.agent(Hold, reason="The laboratory is asked.")
    await life.agent(Claim)
    view = await life.view()
    assert view.clocks[0].held_since
    await life.agent(Resume)
    view = await life.view()
    assert view.clocks[0].held_since is None
    assert [task.due for task in await life.tasks()] == [view.clocks[0].due]
    await life.buyer(Withdraw)
    await life.ends()


# Money.


async def test_refused_refund_becomes_an_agents_task_and_is_paid_once_on_retry(
    world: World,
) -> None:
    life = await world.dispute()
    life.marketplace(refunds="refuse", refusal="payment-method-closed", times=1)
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    view = await life.sees(lambda view: view.refund and view.refund.state is RefundState.FAILED)
    assert view.refund
    assert view.refund.reason == "payment-method-closed"
    view = await life.sees(lambda view: view.awaited is Party.AGENT)
    assert view.task
    assert (view.task.purpose, view.task.due) == ("refund-failed", view.due)
    assert "retry-refund" in view.may[Party.AGENT]
    assert view.due
    await life.passes_until(view.due)
    await life.sees(lambda view: view.task and view.task.queue == "leads")
    await life.agent(RetryRefund)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [WHOLE]
    assert await life.tasks() == []


async def test_failed_refund_can_be_closed_by_the_platform(world: World) -> None:
    life = await world.dispute()
    life.marketplace(refunds="refuse")
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    await life.sees(lambda view: view.awaited is Party.AGENT)
    await life.send(PLATFORM, Close, reason="Paid by hand.")
    assert (await life.ends()).ending == "closed-by-platform"
    assert life.paid == []
    assert await life.tasks() == []


async def test_two_retries_at_once_are_one(world: World) -> None:
    life = await world.dispute()
    life.marketplace(refunds="refuse", times=1)
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    await life.sees(lambda view: view.awaited is Party.AGENT)
    answers = await asyncio.gather(
        life.agent(RetryRefund), life.send(SECOND, RetryRefund), return_exceptions=True
    )
    assert sum(isinstance(answer, RefusedCommand) for answer in answers) <= 1
    assert (await life.ends()).ending == "settled"
    assert life.paid == [WHOLE]
    view = await life.view()
    assert view.refund
    assert view.refund.key.endswith(":refund:2")


async def test_paid_but_unanswered_refund_is_found_out_and_not_paid_twice(world: World) -> None:
    life = await world.dispute()
    life.marketplace(refunds="pay-then-hang", times=1)
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [WHOLE]
    assert "refund_delayed" not in life.letters()


async def test_unconfirmed_refund_blocks_retry_and_close_and_goes_to_an_agent(
    world: World,
) -> None:
    """What the window `refund_confirmation` does."""
    life = await world.dispute()
    life.marketplace(refunds="later")
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    view = await life.sees(lambda view: view.clocks and view.awaited is Party.PLATFORM)
    for verb, by in ((RetryRefund, AGENT), (Close, PLATFORM)):
        with pytest.raises(RefusedCommand, match="refund-unconfirmed"):
            await life.send(by, verb, **({"reason": "x"} if verb is Close else {}))
    assert view.due
    await life.passes_until(view.due)
    view = await life.sees(lambda view: view.awaited is Party.AGENT)
    assert view.task
    assert view.task.purpose == "refund-unconfirmed"
    await life.agent(Claim)
    assert view.due
    await life.passes_until(view.due)
    view = await life.sees(lambda view: view.task and view.task.queue == "leads")
    assert view.task
    assert view.task.owner is None
    assert view.refund
    key = view.refund.key
    world.settle(key, "fail")
    await life.signals(Dispute.refund_reported, RefundReport(key=key, state=RefundState.FAILED))
    view = await life.sees(lambda view: view.task and view.task.purpose == "refund-failed")
    await life.passes(seconds=1)
    assert [task.purpose for task in await life.tasks()] == ["refund-failed"]
    life.marketplace(refunds="confirm")
    await life.agent(RetryRefund)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [WHOLE]
    assert life.letters(Party.BUYER).count("refund_delayed") == 2  # when it is late, and has failed
    assert await life.tasks() == []


async def test_report_of_the_marketplace_makes_the_case_ask_at_once(world: World) -> None:
    life = await world.dispute()
    life.marketplace(refunds="later")
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    view = await life.sees(lambda view: view.clocks and view.awaited is Party.PLATFORM)
    await life.passes(hours=2)
    assert view.refund
    key = view.refund.key
    other = RefundReport(key="another", state=RefundState.CONFIRMED)
    await life.signals(Dispute.refund_reported, other)
    world.settle(key)
    before = await world.environment.get_current_time()
    await life.signals(Dispute.refund_reported, RefundReport(key=key, state=RefundState.CONFIRMED))
    await life.sees(in_stage(Stage.CLOSED))
    assert await world.environment.get_current_time() - before < timedelta(minutes=2)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [WHOLE]


async def test_marketplace_down_at_refund_time_pays_later_and_once(world: World) -> None:
    life = await world.dispute()
    life.marketplace(refunds="fail", statuses="fail", times=4)
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [WHOLE]


async def test_reports_of_a_refund_at_any_moment_are_asked_about_beside_and_pay_once(
    world: World,
) -> None:
    life = await world.dispute()
    life.marketplace(refunds="later")
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    view = await life.sees(lambda view: view.refund)
    assert view.refund
    key = view.refund.key
    report = RefundReport(key=key, state=RefundState.CONFIRMED)

    async def reported(after: float) -> None:
        await asyncio.sleep(after)
        await life.signals(Dispute.refund_reported, report)

    for n in range(4):  # while the first asking is at work, has just ended, or waits
        await asyncio.gather(life.passes(seconds=1), reported(n / 100), reported(n / 40))
    assert len(await life.scheduled("confirm_refund", RefundCommand)) == 2
    world.settle(key)
    await life.passes(minutes=2)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [WHOLE]
    view = await life.view()
    assert [entry.what for entry in view.timeline].count("refund confirmed") == 1


# Mail.


async def test_mail_server_down_for_hours_loses_and_doubles_no_letter(world: World) -> None:
    world.mailbox.refuse_next(40)
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(300))
    receipt = await life.buyer(Accept)
    assert receipt.stage is not Stage.AWAITING_BUYER  # the case went on
    await life.sees(in_stage(Stage.CLOSED))
    assert life.paid == [300]
    await life.passes(days=1)
    assert (await life.ends()).ending == "settled"
    letters = life.letters_whole()
    assert len(letters) == 5  # that it is agreed, paid and closed is one to each
    assert all(letter.sent_at for letter in letters)
    assert sorted(life.mails()) == sorted(letter.id for letter in letters)


# Commands that race.


async def test_accept_and_withdraw_at_once_end_the_case_one_way(world: World) -> None:
    for _ in range(3):
        life = await world.dispute()
        await life.seller(Offer, remedy=Remedy.FULL_REFUND)
        answers = await asyncio.gather(
            life.buyer(Accept), life.buyer(Withdraw), return_exceptions=True
        )
        ending = (await life.ends()).ending
        assert ending in ("settled", "withdrawn")
        assert life.paid == ([WHOLE] if ending == "settled" else [])
        assert sum(not isinstance(answer, Exception) for answer in answers) == 1


async def test_message_racing_an_acceptance_is_delivered(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    said, accepted = await asyncio.gather(
        life.buyer(Say, text="Well then."), life.buyer(Accept), return_exceptions=True
    )
    assert not isinstance(accepted, BaseException)
    assert (await life.ends()).ending == "settled"
    told = 0 if isinstance(said, BaseException) else 1  # refused, where the end came first
    assert life.letters(Party.SELLER).count("message") == told


async def test_twenty_voices_at_once_are_all_heard_once(world: World) -> None:
    life = await world.dispute()
    await asyncio.gather(
        *(life.buyer(Say, text=f"Point {n}.") for n in range(9)),
        *(life.seller(Say, text=f"Reply {n}.") for n in range(9)),
    )
    await life.buyer(Withdraw)
    await life.ends()
    assert len(Archive(world.engine).messages(life.handle.id)) == 19
    assert life.letters().count("message") == 18


# All of them.


async def test_headline_counts_solutions_and_those_without_an_agent(world: World) -> None:
    now = await world.environment.get_current_time()
    register = CaseRegister(world.engine)
    for opener, ending in ((Withdraw, "withdrawn"), (Close, "closed-by-platform")):
        life = await world.dispute("SI")
        by = PLATFORM if opener is Close else (await life.view()).opened_by
        await life.send(by, opener, **({"reason": "x"} if opener is Close else {}))
        assert (await life.ends()).ending == ending
    life = await with_agent(world, "SI")
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="No.")
    await life.ends()
    headline = register.headline("SI", since=now)
    assert (headline.closed, headline.solved, headline.without_agent) == (3, 2, 2)


@pytest.fixture(scope="module")
async def played(world: World) -> Played:
    """Every dispute that this module has played, as it ended."""
    return await world.played("dispute")


async def test_no_life_lost_or_doubled_a_message_a_letter_or_money(
    world: World, played: Played
) -> None:
    archive = Archive(world.engine)
    for life, view in played:
        if view.refusal:
            continue
        assert view.stage is Stage.CLOSED, life.handle.id
        assert view.awaited is None
        assert [m.id for m in archive.messages(life.handle.id)] == [m.id for m in view.messages]
        keys = [(letter.key, letter.to) for letter in life.letters_whole()]
        assert len(keys) == len(set(keys))
        assert len(life.paid) <= 1
        assert await life.tasks() == []
        assert life.breaches() == [breach.window for breach in reversed(view.breaches)]


async def test_every_arrow_of_the_flow_is_travelled(played: Played) -> None:
    assert not_travelled(Dispute.FLOW, played) == set()
