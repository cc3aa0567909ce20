"""Whole lives of complaints: what each country's clock means, which remedy follows, what if …?"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.commands import (
    Accept,
    AcceptComplaint,
    AskForHelp,
    AskInformation,
    Choose,
    Claim,
    Clarify,
    Close,
    CommandBase,
    Decide,
    Explain,
    FinishWork,
    Hold,
    Inspect,
    Meaning,
    NameAmount,
    Receive,
    Refuse,
    RefuseReason,
    Reject,
    Remedy,
    ReportFailed,
    Resume,
    RetryRefund,
    Say,
    ShipBack,
    SupplyInformation,
    Verdict,
    Withdraw,
)
from domain.deadlines import Counting, Due, day_of, reckon
from domain.goods import ParcelEvent, Received, ReturnReason, Scan
from domain.notices import Facts, NoticeName
from domain.openings import OpenComplaint
from domain.orders import Line
from domain.parties import Actor, Party
from domain.policy import Window
from domain.ports import RefundReport, RefundState
from domain.stages import Stage
from domain.view import CaseView, Outcome
from policies import DEMO, read_calendar, read_policy
from service.allegro import openings
from store.archive import Archive
from tests.conftest import world_on
from tests.life import (
    AGENT,
    BUYER,
    PLATFORM,
    SELLER,
    Life,
    Played,
    RefusedCommand,
    V,
    World,
    not_travelled,
)
from tests.policies import EVERY_COUNTRY, dear_lines, laid_over
from tests.skipping import skipping_server
from worker import working
from workflows.complaint.process import Complaint

WHOLE = 25999
SECOND = timedelta(seconds=1)
EXAMPLES = Path(__file__).parents[1] / "examples"
ONE_A = Line(sku="A", quantity=1)
ALL = (Received(sku="A", quantity=2), Received(sku="B", quantity=1))
PARCEL = {"carrier": "Poczta", "tracking": "PX-9", "expected_on": date(9000, 1, 1)}
NOT_BROKEN = {"reason": RefuseReason.NOT_DEFECTIVE, "text": "It was dropped."}
RULED = {"reasoning": "The photo shows it."}
FOR_BUYER = {"verdict": Verdict.FOR_BUYER, **RULED}
FOR_SELLER = {"verdict": Verdict.FOR_SELLER, **RULED}
BROKEN = {"text": "It went dark again."}
UNCLEAR: dict[str, Any] = {"reason": None, "wanted": None, "text": "I do not want it like this."}
ENDS_THE_CONTRACT = {"wanted": Remedy.RETURN_FOR_REFUND}


def at(stage: Stage) -> Callable[[CaseView], bool]:
    """Whether the case stands there."""
    return lambda view: view.stage is stage


def asked(view: CaseView) -> str | None:
    """What agents were called about."""
    return view.task.purpose if view.task else None


def steps(view: CaseView) -> list[str]:
    """What its timeline says."""
    return [entry.what for entry in view.timeline]


async def lapses(life: Life[V]) -> V:
    """Nobody moves until the next deadline; the case after it."""
    before = await life.sees(lambda view: view.due)
    assert before.due
    await life.passes_until(before.due)
    return await life.sees(lambda view: view.due != before.due)


async def refused(sent: Awaitable[Any]) -> str:
    """The code by which it is refused."""
    with pytest.raises(RefusedCommand) as refusal:
        await sent
    return refusal.value.code


async def shut(life: Life) -> None:
    """The platform closes the case, and a return that still runs."""
    await life.send(PLATFORM, Close, reason="The order was a test.")
    assert (await life.ends()).ending == "closed-by-platform"


async def ended(life: Life, ending: str, *paid: int) -> None:
    """The case ends so, with these payments."""
    assert (await life.ends()).ending == ending
    assert sorted(life.paid) == sorted(paid)


async def told(life: Life, name: NoticeName) -> list[Facts]:
    """What the letters of this name say."""
    return [notice.facts for notice in await life.told(name)]


async def received(life: Life, *units: Received) -> Life:
    """The goods are with the seller, who finds nothing amiss."""
    number = len((await life.sees(lambda view: view.stage is Stage.SETTLING)).returns)
    await life.sees(lambda view: len(view.returns) >= max(number, 1))
    back = await life.goods_back()
    await back.seller(Receive, units=units or ALL)
    await back.sees(at(Stage.INSPECTING))
    await back.seller(Inspect)
    return back


async def made_good(life: Life, *units: Received) -> Life:
    """The goods are repaired or replaced, and on their way to the buyer."""
    back = await received(life, *units)
    await back.sees(at(Stage.WORKING))
    await back.seller(FinishWork)
    await back.seller(ShipBack, **PARCEL)
    await life.sees(at(Stage.WATCHING))
    return back


async def silent(life: Life[V]) -> V:
    """The seller says nothing in time."""
    await life.sees(at(Stage.AWAITING_SELLER))
    return await lapses(life)


def reckoned(country: str, window: str, start: datetime) -> Due:
    """When a window of the country's policy is due and safe, reckoned apart from the case."""
    rules: Window = getattr(read_policy(country).complaint, window)
    calendar = read_calendar(country, start.year, start.year + 2)
    due = reckon(rules.counting, rules.length, start, calendar).due
    if rules.counting is Counting.WORKING_DAYS:
        return Due(due=due)
    safe = reckon(Counting.SELLER_DAYS, rules.length, start, calendar).safe
    return Due(due=due, safe=safe)


# What the seller's silence means.


@EVERY_COUNTRY
async def test_the_seller_is_told_warned_and_silence_is_what_the_countrys_law_says(
    world: World, country: str
) -> None:
    """What the window `answer` does."""
    life = await world.complaint(country, order=dear_lines(country))
    view = await life.sees(at(Stage.AWAITING_SELLER))
    [clock] = view.clocks
    own = Due(due=clock.due, safe=clock.safe) if clock.due else None
    assert own == reckoned(country, "answer", view.opened_at)
    rules = read_policy(country).complaint
    assert rules
    silence = rules.answer.on_silence
    for name in (NoticeName.COMPLAINT_OPENED, NoticeName.COMPLAINT_RECEIVED):
        [letter] = await told(life, name)
        assert (letter.due, letter.silence, letter.remedy) == (own.due, silence, Remedy.REPAIR)
        assert letter.text == "The lamp does not light."
    view = await lapses(life)
    reminders = await told(life, NoticeName.COMPLAINT_OPENED)
    assert [letter.again for letter in reminders] == [None, True]
    assert [letter.safe for letter in reminders] == [own.safe, own.safe]
    assert life.breaches() == ([] if silence == "deemed-accepted" else ["answer"])
    match silence, country:
        case "deemed-accepted", _:  # deemed accepted: the goods go back to be repaired
            assert view.stage is Stage.SETTLING
            [letter, _] = await told(life, NoticeName.COMPLAINT_DEEMED_ACCEPTED)
            assert (letter.due, letter.remedy) == (own.due, Remedy.REPAIR)
            await made_good(life)
            await ended(life, "repaired")
        case "breach-and-escalate", "SI":  # breach and agent
            assert (view.stage, asked(view)) == (Stage.WITH_AGENT, "seller-silent")
            assert life.letters()[-3:] == ["reply_breach", "agent_joins", "agent_joins"]
            await life.agent(Decide, **FOR_SELLER)
            await ended(life, "decided")
        case "breach-and-escalate", _:  # breach and agent; what was missed can still be done
            assert (view.stage, asked(view)) == (Stage.WITH_AGENT, "seller-silent")
            assert await refused(life.seller(Refuse, **NOT_BROKEN)) == "wrong-stage"
            await life.seller(AcceptComplaint)
            await life.sees(at(Stage.SETTLING))
            await lapses(await life.goods_back())
            await ended(life, "not-sent")
            assert await life.tasks() == []
        case "second-tier", "CZ":  # breach, and the buyer chooses: here the end of the contract
            assert (view.stage, view.awaited) == (Stage.CHOOSING, Party.BUYER)
            assert await refused(life.buyer(Choose, remedy=Remedy.REPAIR)) == "remedy-barred"
            await life.buyer(Choose, remedy=Remedy.FULL_REFUND)
            back = await received(life)
            await ended(life, "refunded", WHOLE)
            assert (await back.view()).ending == "returned"  # goods first, where none has said else
        case "second-tier", _:  # breach, and the buyer chooses: here a reduced price
            assert view.stage is Stage.CHOOSING
            assert [letter.reason for letter in await told(life, NoticeName.SECOND_TIER_OPEN)] == [
                "seller-silent",
                "seller-silent",
            ]
            await life.buyer(Choose, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
            await life.sees(at(Stage.AWAITING_AMOUNT))
            await life.seller(NameAmount, amount=life.money(5000))  # as much as was asked for
            await ended(life, "price-reduced", 5000)


@pytest.mark.parametrize(
    ("country", "buyer", "deemed"),
    [
        ("PL", "business", False),
        ("PL", "sole-trader", True),
        ("CZ", "sole-trader", False),
    ],
)
async def test_a_business_is_never_deemed_to_have_its_complaint_accepted(
    world: World, country: str, buyer: str, deemed: bool
) -> None:
    life = await world.complaint(country, order={"buyer_class": buyer})
    [letter] = await told(life, NoticeName.COMPLAINT_RECEIVED)
    assert letter.silence == ("deemed-accepted" if deemed else "breach-and-escalate")
    view = await silent(life)
    assert view.stage is (Stage.SETTLING if deemed else Stage.WITH_AGENT)
    assert life.breaches() == ([] if deemed else ["answer"])
    if not deemed:
        await life.agent(Decide, **FOR_BUYER, remedy=Remedy.FULL_REFUND)
        await ended(life, "decided" if deemed else "refunded", WHOLE)
    else:
        await shut(life)
        assert (await (await life.goods_back()).view()).ending == "called-off"


@pytest.mark.parametrize(
    ("wanted", "lines", "paid"),
    [
        (Remedy.RETURN_FOR_REFUND, (ONE_A,), 10399),
        (Remedy.FULL_REFUND, (), WHOLE),
    ],
)
async def test_silence_ends_the_contract_in_poland_if_that_was_asked_for(
    world: World, wanted: Remedy, lines: tuple[Line, ...], paid: int
) -> None:
    life = await world.complaint(wanted=wanted, lines=lines)
    [letter] = await told(life, NoticeName.COMPLAINT_RECEIVED)
    assert letter.repairable
    await silent(life)
    await received(life, *(Received(sku=line.sku, quantity=1) for line in lines))
    await ended(life, "refunded", paid)
    view = await life.view()
    assert view.preview
    assert view.preview.refund_minor == paid


# Repair and replacement.


async def test_the_second_failed_repair_opens_the_second_tier_and_a_price_is_agreed(
    world: World,
) -> None:
    life = await world.complaint(lines=(ONE_A,))
    assert await refused(life.buyer(ReportFailed, **BROKEN)) == "wrong-stage"
    await life.seller(AcceptComplaint)
    lamp = Received(sku="A", quantity=1)
    first = await made_good(life, lamp)
    assert (await told(life, NoticeName.REMEDY_TRIAL))[0].due == (await life.view()).due
    await life.buyer(ReportFailed, **BROKEN)
    await life.sees(lambda view: len(view.returns) == 2)
    second = await made_good(life, lamp)
    assert first.handle.id != second.handle.id
    await life.buyer(ReportFailed, **BROKEN)
    view = await life.sees(at(Stage.CHOOSING))
    assert len(view.returns) == 2
    [letter, _] = await told(life, NoticeName.SECOND_TIER_OPEN)
    assert (letter.reason, letter.due) == ("failed", view.due)
    assert [facts.text for facts in await told(life, NoticeName.REMEDY_FAILED)] == [
        BROKEN["text"],
        BROKEN["text"],
    ]
    await life.buyer(Choose, remedy=Remedy.PARTIAL_REFUND)
    await life.sees(at(Stage.AWAITING_AMOUNT))
    too_much = life.seller(NameAmount, amount=life.money(10001))
    assert await refused(too_much) == "amount-too-high"
    await life.seller(NameAmount, amount=life.money(3000), text="It still shines a little.")
    view = await life.sees(at(Stage.AMOUNT_NAMED))
    [letter] = await told(life, NoticeName.AMOUNT_NAMED)
    assert (letter.due, letter.amount) == (view.due, life.money(3000))
    await life.buyer(Accept)
    await ended(life, "price-reduced", 3000)
    assert life.breaches() == []
    assert life.letters(Party.BUYER) == [
        "complaint_received",
        "complaint_accepted",
        "remedy_trial",
        "remedy_trial",
        "second_tier_open",
        "amount_named",
        "refund_confirmed",
        "closed",
    ]
    # Each stage of the repair was announced by the return itself (H6).
    assert first.letters(Party.BUYER)[-3:] == ["goods_accepted", "work_done", "shipped_back"]


@pytest.mark.parametrize("given", [Remedy.REPAIR, Remedy.REPLACEMENT])
async def test_goods_that_hold_after_the_trial_end_the_case(world: World, given: Remedy) -> None:
    """What the window `trial` does."""
    life = await world.complaint(wanted=Remedy.REPAIR)
    if given is Remedy.REPLACEMENT:
        asked_why = life.seller(AcceptComplaint, remedy=given)
        assert await refused(asked_why) == "proof-missing"
    await life.seller(AcceptComplaint, remedy=given, text="That is quicker.")
    await made_good(life)
    view = await life.view()
    assert (view.awaited, [clock.window for clock in view.clocks]) == (Party.BUYER, ["trial"])
    await ended(life, "repaired" if given is Remedy.REPAIR else "replaced")


async def test_work_that_is_not_done_is_an_agents_and_the_money_goes_without_another_return(
    world: World,
) -> None:
    life = await world.complaint()
    await life.seller(AcceptComplaint)
    back = await received(life)
    await back.sees(at(Stage.WORKING))
    await lapses(back)
    view = await life.sees(at(Stage.WITH_AGENT))
    assert asked(view) == "not-fulfilled"
    assert back.breaches() == ["work"]
    again = life.agent(Decide, **FOR_BUYER, remedy=Remedy.REPAIR)
    assert await refused(again) == "remedy-barred"
    assert await refused(life.buyer(Withdraw)) == "wrong-stage"
    assert await refused(life.seller(AcceptComplaint)) == "wrong-stage"
    await life.agent(Decide, **FOR_BUYER, remedy=Remedy.RETURN_FOR_REFUND)
    await ended(life, "refunded", WHOLE)
    assert (await life.view()).returns == (back.handle.id,)


# What the seller may accept with.


async def test_a_full_refund_that_the_seller_accepts_needs_no_goods_back(world: World) -> None:
    life = await world.complaint(wanted=Remedy.FULL_REFUND)
    await life.seller(AcceptComplaint)
    await ended(life, "refunded", WHOLE)
    assert (await life.view()).returns == ()
    [letter, _] = await told(life, NoticeName.COMPLAINT_ACCEPTED)
    assert letter.remedy is Remedy.FULL_REFUND


async def test_repair_comes_before_the_end_of_the_contract_except_soon_in_slovenia(
    world: World,
) -> None:
    soon = await world.complaint("SI", **ENDS_THE_CONTRACT)
    for name in (NoticeName.COMPLAINT_RECEIVED, NoticeName.COMPLAINT_OPENED):
        assert (await told(soon, name))[0].repairable is None
    first = soon.seller(AcceptComplaint, remedy=Remedy.REPAIR, text="It can be mended.")
    assert await refused(first) == "remedy-barred"
    another = soon.seller(AcceptComplaint, remedy=Remedy.PARTIAL_REFUND, amount=soon.money(100))
    assert await refused(another) == "remedy-barred"
    assert await refused(soon.seller(AcceptComplaint, amount=soon.money(1))) == "amount-needless"
    assert await refused(soon.seller(AcceptComplaint, remedy=Remedy.SEND_AGAIN)) == (
        "remedy-barred"
    )
    await soon.seller(AcceptComplaint)
    await received(soon)
    await ended(soon, "refunded", WHOLE)

    order = await world.in_hand("SI", days_ago=40)
    later = await world.complaint("SI", order_id=order, **ENDS_THE_CONTRACT)
    for name in (NoticeName.COMPLAINT_RECEIVED, NoticeName.COMPLAINT_OPENED):
        assert (await told(later, name))[0].repairable
    await later.seller(AcceptComplaint, remedy=Remedy.REPLACEMENT, text="A new one is better.")
    await later.sees(at(Stage.SETTLING))
    await shut(later)


async def test_a_seller_who_does_not_repair_offers_money_and_the_buyer_chooses(
    world: World,
) -> None:
    """What the window `choice` does, and what follows from each choice."""
    offer: dict[str, Any] = {"remedy": Remedy.PARTIAL_REFUND, "text": "It cannot be mended."}
    paid = {None: 4000, 4000: 4000}
    for wished, expected in paid.items():
        life = await world.complaint()
        assert await refused(life.seller(AcceptComplaint, **offer)) == "amount-missing"
        await life.seller(AcceptComplaint, amount=life.money(4000), **offer)
        view = await life.sees(at(Stage.CHOOSING))
        [letter, _] = await told(life, NoticeName.SECOND_TIER_OPEN)
        assert (letter.reason, letter.remedy, letter.amount, letter.due) == (
            "not-granted",
            Remedy.PARTIAL_REFUND,
            life.money(4000),
            view.due,
        )
        amount = life.money(wished) if wished else None
        await life.buyer(Choose, remedy=Remedy.PARTIAL_REFUND, amount=amount)
        await ended(life, "price-reduced", expected)

    more = await world.complaint()
    await more.seller(AcceptComplaint, amount=more.money(4000), **offer)
    await more.sees(at(Stage.CHOOSING))
    await more.buyer(Choose, remedy=Remedy.PARTIAL_REFUND, amount=more.money(9000))
    await more.sees(at(Stage.AWAITING_AMOUNT))
    assert (await told(more, NoticeName.AMOUNT_WANTED))[0].amount == more.money(9000)
    await shut(more)

    whole = await world.complaint()
    await whole.seller(AcceptComplaint, remedy=Remedy.FULL_REFUND, text="Keep it.")
    await whole.sees(at(Stage.CHOOSING))
    await whole.buyer(Choose, remedy=Remedy.FULL_REFUND)
    await ended(whole, "refunded", WHOLE)
    assert (await whole.view()).returns == ()

    silent_buyer = await world.complaint()
    await silent_buyer.seller(AcceptComplaint, remedy=Remedy.FULL_REFUND, text="Keep it.")
    await silent_buyer.sees(at(Stage.CHOOSING))
    await ended(silent_buyer, "buyer-silent")


# Refusal.


@EVERY_COUNTRY
async def test_a_refusal_is_given_with_reasons_and_stands_if_the_buyer_is_silent(
    world: World, country: str
) -> None:
    """What the window `objection` does."""
    life = await world.complaint(country)
    await life.seller(Refuse, **NOT_BROKEN)
    view = await life.sees(at(Stage.REFUSED))
    [letter] = await told(life, NoticeName.COMPLAINT_REFUSED)
    assert (letter.refused, letter.text, letter.due) == (
        RefuseReason.NOT_DEFECTIVE,
        "It was dropped.",
        view.due,
    )
    await ended(life, "refused")
    mails = [one for one in life.letters_whole(Party.BUYER) if one.name == "complaint_refused"]
    assert len(mails) == 2  # the second is the reminder
    assert all("> It was dropped." in mail.text for mail in mails)
    assert life.breaches() == []


async def test_a_contested_refusal_is_ruled_by_an_agent_who_names_what_follows(
    world: World,
) -> None:
    life = await world.complaint(lines=(ONE_A,))
    await life.seller(Refuse, **NOT_BROKEN)
    await life.sees(at(Stage.REFUSED))
    await life.buyer(AskForHelp, text="I never dropped it.")
    view = await life.sees(lambda view: view.task)
    assert (view.stage, asked(view)) == (Stage.WITH_AGENT, "refusal-contested")
    partly: dict[str, Any] = {"verdict": Verdict.SHARED, **RULED, "remedy": Remedy.PARTIAL_REFUND}
    for ruling, code in (
        ({**FOR_SELLER, "remedy": Remedy.REPAIR}, "verdict-differs"),
        (FOR_BUYER, "verdict-differs"),
        (partly, "amount-missing"),
        ({**partly, "amount": life.money(10001)}, "amount-too-high"),
        ({**FOR_BUYER, "remedy": Remedy.SEND_AGAIN}, "remedy-barred"),
        ({**FOR_BUYER, "remedy": Remedy.REPAIR, "amount": life.money(1)}, "amount-needless"),
    ):
        assert await refused(life.agent(Decide, **ruling)) == code, ruling
    await life.agent(Decide, **partly, amount=life.money(2500))
    await ended(life, "price-reduced", 2500)
    [letter, _] = await told(life, NoticeName.DECISION_FINAL)
    assert (letter.remedy, letter.amount, letter.text) == (
        Remedy.PARTIAL_REFUND,
        life.money(2500),
        RULED["reasoning"],
    )
    assert await life.tasks() == []


@pytest.mark.parametrize(
    ("given", "with_agent"),
    [
        ("repair", False),
        *((given, agent) for given in ("offer", "refund", "price") for agent in (False, True)),
    ],
)
async def test_a_seller_who_has_refused_may_still_accept(
    world: World, given: str, with_agent: bool
) -> None:
    wanted = {"refund": Remedy.FULL_REFUND, "price": Remedy.PARTIAL_REFUND}
    life = await world.complaint(wanted=wanted.get(given, Remedy.REPAIR))
    await life.seller(Refuse, **NOT_BROKEN)
    await life.sees(at(Stage.REFUSED))
    if with_agent:
        await life.buyer(AskForHelp)
        await life.sees(at(Stage.WITH_AGENT))
    match given:
        case "repair":
            await life.seller(AcceptComplaint)
            await life.sees(at(Stage.SETTLING))
            await shut(life)
        case "offer":
            await life.seller(AcceptComplaint, remedy=Remedy.FULL_REFUND, text="It cannot be.")
            await life.sees(at(Stage.CHOOSING))
            await shut(life)
        case "refund":
            await life.seller(AcceptComplaint)
            await ended(life, "refunded", WHOLE)
        case _:
            await life.seller(AcceptComplaint, amount=life.money(8000))
            await life.sees(at(Stage.AMOUNT_NAMED))
            await life.buyer(Accept)
            await ended(life, "price-reduced", 8000)
    assert await life.tasks() == []


# What is missing is asked for, once.


@pytest.mark.parametrize("supplied", [True, False])
@pytest.mark.parametrize("country", ["PL", "SI"])
async def test_missing_information_is_asked_for_once_and_holds_the_clock_as_policy_says(
    world: World, country: str, supplied: bool
) -> None:
    """What the window `information` does."""
    life = await world.complaint(country)
    before = (await life.sees(lambda view: view.due)).due
    assert before
    await life.seller(AskInformation, text="Send a photo of the socket.")
    view = await life.sees(at(Stage.AWAITING_BUYER))
    answer = next(clock for clock in view.clocks if clock.window == "answer")
    holds = read_policy(country).complaint
    assert holds
    assert (answer.held_since is not None) is holds.information_holds is (country == "SI")
    [letter] = await told(life, NoticeName.INFORMATION_WANTED)
    assert letter.due
    assert letter.due == next(c.due for c in view.clocks if c.window == "information")
    assert await refused(life.seller(AskInformation, text="And another.")) == "wrong-stage"
    if supplied:
        await life.passes(days=3)
        await life.buyer(SupplyInformation, text="Here it is.")
    else:
        await life.passes_until(letter.due)
    view = await life.sees(at(Stage.AWAITING_SELLER))
    [letter] = await told(life, NoticeName.INFORMATION_SUPPLIED)
    assert (letter.text, letter.due) == ("Here it is." if supplied else None, view.due)
    assert view.due
    assert (view.due > before) is holds.information_holds
    if holds.information_holds:  # the buyer had been told of the earlier end
        [moved] = await told(life, NoticeName.DEADLINE_MOVED)
        assert (moved.due, moved.awaited) == (view.due, Party.SELLER)
    assert await refused(life.seller(AskInformation, text="And another.")) == "already-done"
    await life.seller(Refuse, **NOT_BROKEN)
    await ended(life, "refused")
    assert life.letters().count("deadline_moved") == (1 if holds.information_holds else 0)


@pytest.mark.parametrize(
    "given", ["silence", "no price", "breach", "refuse", "accept", "offer", "price", "refund"]
)
async def test_the_seller_can_answer_while_information_is_awaited(world: World, given: str) -> None:
    asks = {"price": Remedy.PARTIAL_REFUND, "no price": Remedy.PARTIAL_REFUND}
    wanted = asks.get(given, Remedy.FULL_REFUND if given == "refund" else Remedy.REPAIR)
    buyer = "business" if given == "breach" else "consumer"
    life = await world.complaint(wanted=wanted, order={"buyer_class": buyer})
    await life.passes(days=12)  # the time to supply it ends after the time to answer
    await life.seller(AskInformation, text="Send a photo.")
    await life.sees(at(Stage.AWAITING_BUYER))
    match given:
        case "silence" | "no price" | "breach":  # in Poland the seller's time goes on
            await lapses(life)
            after = {"silence": Stage.SETTLING, "no price": Stage.AWAITING_AMOUNT}
            await life.sees(at(after.get(given, Stage.WITH_AGENT)))
        case "refuse":
            await life.seller(Refuse, **NOT_BROKEN)
            await life.sees(at(Stage.REFUSED))
        case "accept":
            await life.seller(AcceptComplaint)
            await life.sees(at(Stage.SETTLING))
        case "offer":
            await life.seller(AcceptComplaint, remedy=Remedy.FULL_REFUND, text="Keep it.")
            await life.sees(at(Stage.CHOOSING))
        case "price":
            await life.seller(AcceptComplaint, amount=life.money(100))
            await life.sees(at(Stage.AMOUNT_NAMED))
        case _:
            await life.seller(AcceptComplaint)
            await ended(life, "refunded", WHOLE)
            return
    assert await refused(life.buyer(SupplyInformation, text="Here.")) == "wrong-stage"
    await shut(life)


# A reduced price: the amount is a person's to say.


async def test_a_deemed_accepted_price_is_the_sellers_to_name_and_else_an_agents(
    world: World,
) -> None:
    """What the window `amount` does."""
    life = await world.complaint(wanted=Remedy.PARTIAL_REFUND)
    view = await silent(life)
    assert (view.stage, view.awaited) == (Stage.AWAITING_AMOUNT, Party.SELLER)
    view = await lapses(life)
    assert (view.stage, asked(view)) == (Stage.WITH_AGENT, "amount-missing")
    assert life.paid == []
    # Accepted is accepted, and an amount is missing.
    assert await refused(life.agent(Decide, **FOR_SELLER)) == "verdict-differs"
    assert await refused(life.seller(AcceptComplaint)) == "wrong-stage"
    await life.agent(Decide, **FOR_BUYER, remedy=Remedy.PARTIAL_REFUND, amount=life.money(7000))
    await ended(life, "price-reduced", 7000)


@pytest.mark.parametrize("how", ["rejected", "silent"])
async def test_an_amount_that_is_not_accepted_is_set_by_an_agent(world: World, how: str) -> None:
    """What the window `amount_answer` does."""
    wished = {"amount_minor": 9000, "currency": "PLN"}
    life = await world.complaint(wanted=Remedy.PARTIAL_REFUND, amount=wished)
    await silent(life)
    view = await lapses(life)
    assert asked(view) == "amount-missing"
    await life.seller(NameAmount, amount=life.money(4000))  # late, and still heard
    await life.sees(at(Stage.AMOUNT_NAMED))
    if how == "rejected":
        await life.buyer(Reject, text="Too little.")
    else:
        await lapses(life)
    view = await life.sees(at(Stage.WITH_AGENT))
    assert asked(view) == "amount-contested"
    assert await refused(life.seller(NameAmount, amount=life.money(1))) == "wrong-stage"
    if how == "rejected":
        await life.agent(Decide, **FOR_SELLER)
        await ended(life, "price-reduced", 4000)
    else:
        remedy = {"remedy": Remedy.PARTIAL_REFUND, "amount": life.money(6000)}
        await life.agent(Decide, **FOR_BUYER, **remedy)
        await ended(life, "price-reduced", 6000)


async def test_as_much_as_was_asked_for_is_paid_at_once(world: World) -> None:
    wished: dict[str, Any] = {"amount_minor": 9000, "currency": "PLN"}
    asks: dict[str, Any] = {"wanted": Remedy.PARTIAL_REFUND, "amount": wished}
    life = await world.complaint(**asks)
    assert (await life.view()).claimed == life.money(9000)
    await life.seller(AcceptComplaint)
    await ended(life, "price-reduced", 9000)
    late = await world.complaint(**asks)
    await silent(late)
    await lapses(late)
    await late.seller(NameAmount, amount=late.money(9500))
    await ended(late, "price-reduced", 9500)


async def test_units_refunded_elsewhere_meanwhile_have_no_price_left(world: World) -> None:
    order = await world.in_hand()
    life = await world.complaint(order_id=order, wanted=Remedy.PARTIAL_REFUND)
    other = await world.complaint(order_id=order, number=2, wanted=Remedy.FULL_REFUND)
    await other.seller(AcceptComplaint)
    await ended(other, "refunded", WHOLE)
    await life.seller(AcceptComplaint, amount=life.money(1000))
    await ended(life, "nothing-owed", WHOLE)  # and no buyer is asked whether to accept it

    order = await world.in_hand()
    life = await world.complaint(order_id=order, wanted=Remedy.PARTIAL_REFUND)
    lamps = (Line(sku="A", quantity=2),)
    other = await world.complaint(order_id=order, number=2, wanted=Remedy.FULL_REFUND, lines=lamps)
    await other.seller(AcceptComplaint)
    assert (await other.ends()).ending == "refunded"
    await life.seller(AcceptComplaint, amount=life.money(25000))
    await life.sees(at(Stage.AMOUNT_NAMED))
    await life.buyer(Accept)
    assert (await life.ends()).ending == "price-reduced"
    assert life.paid == [20000 + 999 * 20000 // 25000, 5000]
    names = NoticeName.AMOUNT_NAMED, NoticeName.PAID_BACK_BEFORE, NoticeName.REFUND_CONFIRMED
    for letter in [letter for name in names for letter in await told(life, name)]:
        assert letter.amount == life.money(5000)
    for letter in await told(life, NoticeName.PAID_BACK_BEFORE):
        assert letter.agreed == life.money(25000)


# A complaint or a withdrawal?


@EVERY_COUNTRY
async def test_an_unclear_statement_is_asked_about_while_both_clocks_run(
    world: World, country: str
) -> None:
    """What the window `clarification` does."""
    life = await world.complaint(country, **UNCLEAR)
    view = await life.sees(at(Stage.CLARIFYING))
    assert (view.awaited, view.wanted, view.reason) == (Party.BUYER, None, "")
    clocks = {clock.window: clock.due for clock in view.clocks}
    assert clocks.keys() == {"clarification", "answer", "refund_if_withdrawal"}
    withdrawal = read_policy(country).withdrawal
    assert withdrawal
    calendar = read_calendar(country, view.opened_at.year, view.opened_at.year + 1)
    refund = withdrawal.refund
    assert clocks["refund_if_withdrawal"] == (
        reckon(refund.counting, refund.length, view.opened_at, calendar).due
    )
    [letter] = await told(life, NoticeName.MEANING_ASKED)
    assert letter.due == clocks["clarification"] == view.due
    [letter] = await told(life, NoticeName.MEANING_UNCLEAR)
    assert (letter.due, letter.refund_due) == (clocks["answer"], clocks["refund_if_withdrawal"])
    assert await refused(life.seller(AcceptComplaint)) == "wrong-stage"
    if country == "PL":
        clarified = life.buyer(Clarify, meant=Meaning.WITHDRAWAL, wanted=Remedy.REPAIR)
        assert await refused(clarified) == "remedy-barred"
        clarified = life.buyer(Clarify, meant=Meaning.COMPLAINT, wanted=Remedy.SEND_AGAIN)
        assert await refused(clarified) == "remedy-barred"
        await life.buyer(Clarify, meant=Meaning.COMPLAINT, wanted=Remedy.REPLACEMENT)
        view = await life.sees(at(Stage.AWAITING_SELLER))
        assert (view.wanted, view.due) == (Remedy.REPLACEMENT, clocks["answer"])
        [letter] = await told(life, NoticeName.COMPLAINT_RECEIVED)
        assert letter.remedy is Remedy.REPLACEMENT
    else:
        view = await lapses(life)
        assert (view.stage, view.wanted, view.due) == (
            Stage.AWAITING_SELLER,
            Remedy.REPAIR,
            clocks["answer"],
        )
        [letter] = await told(life, NoticeName.COMPLAINT_TAKEN)
        assert (letter.reason, letter.due) == ("silence", clocks["answer"])
        assert (await told(life, NoticeName.COMPLAINT_OPENED))[0].due == clocks["answer"]
    await shut(life)


async def test_meant_as_a_withdrawal_it_becomes_one_whose_clock_has_run_from_the_statement(
    real_world: World,
) -> None:
    """What the window `refund_if_withdrawal` does: it is the withdrawal's own, to the instant."""
    life = await real_world.complaint(lines=(ONE_A,), **UNCLEAR)
    view = await life.sees(at(Stage.CLARIFYING))
    shown = next(c for c in view.clocks if c.window == "refund_if_withdrawal")
    await asyncio.sleep(0.2)
    await life.buyer(Clarify, meant=Meaning.WITHDRAWAL)
    assert (await life.handle.result()).ending == "became-withdrawal"
    assert "closed" not in life.letters()
    other = real_world.follow(life, f"withdrawal:PL:{life.order_id}:1")
    after = await other.sees(lambda view: view.clocks)
    own = next(c for c in after.clocks if c.window == "refund")
    assert (own.due, own.started_at) == (shown.due, shown.started_at)
    assert after.units == (ONE_A,)
    assert [message.text for message in after.messages] == [UNCLEAR["text"]]
    [letter] = await told(other, NoticeName.WITHDRAWAL_STATED)
    assert (letter.due, letter.at) == (shown.due, view.opened_at)
    back = await other.goods_back()
    await back.send(PLATFORM, Close, reason="It was a test.")
    await back.handle.result()
    await other.send(PLATFORM, Close, reason="It was a test.")
    await other.handle.result()


async def test_who_can_withdraw_no_more_goes_on_with_a_complaint(world: World) -> None:
    order = await world.in_hand(days_ago=40)
    life = await world.complaint(order_id=order, **UNCLEAR)
    view = await life.sees(at(Stage.CLARIFYING))
    await life.buyer(Clarify, meant=Meaning.WITHDRAWAL)
    after = await life.sees(at(Stage.AWAITING_SELLER))
    assert after.due == next(c.due for c in view.clocks if c.window == "answer")
    [letter] = await told(life, NoticeName.COMPLAINT_TAKEN)
    assert letter.reason == "no-right"
    await shut(life)


# Beside it, and before it.


async def test_damage_on_the_way_is_claimed_from_the_carrier_beside_it(real_world: World) -> None:
    now = datetime.now(UTC)
    hand, posted = (now - timedelta(days=n) for n in (1, 3))
    in_hand = {"in_hand_at": hand.isoformat(), "posted_at": posted.isoformat()}
    parcels = [
        {"id": "p1", "lines": [{"sku": "A", "quantity": 2}], "tracking": "T 1", **in_hand},
        {"id": "p2", "lines": [{"sku": "B", "quantity": 1}], "tracking": "T 2", **in_hand},
    ]
    # What was taken for lost has come after all: its damage is a claim of its own.
    order = await real_world.parcel(tracking="T 1")
    lost = await real_world.carrier_claim(order_id=order, tracking="T 1")
    came = ParcelEvent(event_id="e1", scan=Scan.DELIVERED, at=now, tracking="T 1")
    await lost.signals("parcel", came)
    assert (await lost.ends()).ending == "delivered"
    real_world.alter(order, parcels=parcels)
    damaged: dict[str, Any] = {"order_id": order, "reason": ReturnReason.DAMAGED}
    life = await real_world.complaint(lines=(ONE_A,), wanted=Remedy.FULL_REFUND, **damaged)
    claim = f"carrier-claim:PL:{order}:T-1:damage"
    assert claim != lost.handle.id
    view = await life.sees(lambda view: view.carrier_claims)
    assert view.carrier_claims == (claim,)
    await life.seller(AcceptComplaint)  # nothing of it awaits the claim
    await ended(life, "refunded", 10399)
    # Another complaint of the same parcel finds the claim there.
    again = await real_world.complaint(number=2, lines=(ONE_A,), **damaged)
    await again.sees(lambda view: view.carrier_claims == (claim,))
    await shut(again)
    other = real_world.follow(life, claim)
    view = await other.sees(at(Stage.AWAITING_SELLER))
    assert view.belongs_to == life.handle.id
    await other.send(PLATFORM, Close, reason="It was a test.")
    # What is wrong without damage is no carrier's.
    order = await real_world.in_hand(parcels=parcels)
    life = await real_world.complaint(order_id=order)
    await life.seller(Refuse, **NOT_BROKEN)
    assert (await life.view()).carrier_claims == ()
    await shut(life)


async def test_a_complaint_from_a_marketplace_counts_from_there_and_says_where_it_differs(
    world: World,
) -> None:
    now = await world.environment.get_current_time()
    there = now - timedelta(days=3)
    order = await world.in_hand(days_ago=5)
    due = reckoned("PL", "answer", there).due
    same: dict[str, Any] = {
        "order_id": order,
        "external_id": "claim-1",
        "happened_at": there,
        "decision_due": due - timedelta(hours=3),
    }
    life = await world.complaint(**same)
    view = await life.view()
    assert (view.id, view.due, view.decision_due) == ("complaint:PL:claim-1", due, None)
    assert view.happened_at == there
    [letter] = await told(life, NoticeName.COMPLAINT_OPENED)
    assert (letter.due, letter.at, letter.decision_due) == (due, there, None)
    await shut(life)

    earlier = due - timedelta(days=2)
    life = await world.complaint(**same | {"external_id": "claim-2", "decision_due": earlier})
    view = await life.view()
    assert (view.due, view.decision_due) == (due, earlier)  # its own clock stands
    [letter] = await told(life, NoticeName.COMPLAINT_OPENED)
    assert (letter.due, letter.decision_due) == (due, earlier)
    assert "decided by another day there" in {entry.what for entry in view.timeline}
    await shut(life)

    # Its clock is ahead of ours: it cannot have been opened there after it was opened here.
    ahead = await world.environment.get_current_time() + timedelta(minutes=10)
    life = await world.complaint(**same | {"external_id": "claim-0", "happened_at": ahead})
    view = await life.view()
    assert view.refusal is None
    assert view.due == reckoned("PL", "answer", view.opened_at).due
    await shut(life)

    # Nobody knows here whether it was answered there in time: the seller has the whole time.
    long_ago = now - timedelta(days=30)
    order = await world.in_hand(days_ago=40)
    over = reckoned("PL", "answer", long_ago).due
    for number, (theirs, told_there) in enumerate(((due, due), (over - SECOND, None)), 3):
        life = await world.complaint(
            order_id=order,
            external_id=f"claim-{number}",
            happened_at=long_ago,
            decision_due=theirs,
        )
        view = await life.view()
        assert view.due == view.answer_due == reckoned("PL", "answer", view.opened_at).due
        assert (view.answer_was_due, view.decision_due) == (over, told_there)
        assert "time to answer was over there" in {entry.what for entry in view.timeline}
        await shut(life)


async def test_the_clock_of_a_listed_claim_agrees_with_its_decision_date(tmp_path: Path) -> None:
    listed = [
        claim
        for file in ("allegro-issues", "allegro-claim")
        for claim in openings(json.loads((EXAMPLES / f"{file}.json").read_text()))
        if isinstance(claim, OpenComplaint)
    ]
    assert len(listed) == 3
    # The claims are of a day that the clock of other tests may have left years behind.
    async with skipping_server() as server, world_on(server, tmp_path) as world:
        for claim in listed:
            assert claim.happened_at
            assert claim.decision_due
            hand = (claim.happened_at - timedelta(days=1)).isoformat()
            placed = (claim.happened_at - timedelta(days=4)).isoformat()
            order = await world.in_hand(
                placed_at=placed, parcels=[{"id": "p1", "in_hand_at": hand}]
            )
            mine = {"order_id": order, "opened_by": BUYER}
            life = await world.open(claim.model_copy(update=mine), Complaint.run)
            view = await life.view()
            assert view.answer_was_due == claim.decision_due + SECOND
            assert view.decision_due is None
            [letter] = await told(life, NoticeName.COMPLAINT_OPENED)
            assert (letter.due, letter.decision_due) == (view.due, None)
            await shut(life)


async def test_what_was_not_delivered_or_long_ago_opens_no_complaint(world: World) -> None:
    """What the window `liability` does."""
    for order, code in (
        (await world.fresh(), "not-delivered"),
        (await world.in_hand(days_ago=740), "too-late"),
    ):
        life = await world.complaint(order_id=order)
        assert (await life.ends()).ending == "not-opened"
        refusal = (await life.view()).refusal
        assert refusal
        assert refusal.code == code
        assert life.letters() == []
    life = await world.complaint(order_id=await world.in_hand(days_ago=700))
    view = await life.view()
    assert view.right_until
    assert view.right_until > view.opened_at
    await shut(life)


# On the buyer's word that the goods are in hand.


async def unscanned(world: World, country: str = "PL", days_ago: int = 3, **more: Any) -> Life:
    """A complaint about goods of which no scan tells that they came: letter post, say."""
    now = await world.environment.get_current_time()
    placed = (now - timedelta(days=10)).isoformat()
    parcels = more.pop("parcels", [])
    order = world.alter(world.order(country), placed_at=placed, shipped=True, parcels=parcels)
    said = day_of(now - timedelta(days=days_ago), read_calendar(country, now.year, now.year).zone)
    return await world.complaint(country, order_id=order, **{"in_hand_on": said, **more})


CONTESTED: dict[str, Any] = {"reason": RefuseReason.NOT_DELIVERED, "text": "It never came."}


async def test_the_buyers_word_that_goods_are_in_hand_opens_a_complaint(world: World) -> None:
    untold = [{"id": "p1", "tracking": "RR1", "posted_at": "2020-01-01T10:00:00Z"}]
    for country, parcels in (("PL", []), ("SI", untold), ("CZ", [{"id": "p1"}])):
        life = await unscanned(world, country, parcels=parcels)
        view = await life.sees(at(Stage.AWAITING_SELLER))
        assert view.said_in_hand_at
        assert view.right_until == reckoned(country, "liability", view.said_in_hand_at).due
        [letter] = await told(life, NoticeName.COMPLAINT_OPENED)
        assert letter.said_on == day_of(view.said_in_hand_at, view.zone)
        three_days_ago = view.opened_at - timedelta(days=3)
        assert letter.said_on == day_of(three_days_ago, view.zone)
        await shut(life)
    scanned = await unscanned(world, parcels=[{"id": "p1", "in_hand_at": "2020-01-02T10:00:00Z"}])
    refusal = (await scanned.view()).refusal
    assert refusal
    assert refusal.code == "too-late"  # what a scan tells counts before it


async def test_a_day_on_which_goods_cannot_have_come_is_refused(world: World) -> None:
    for days_ago in (-2, 12):  # a day nearer it may be another clock that is a little off
        life = await unscanned(world, days_ago=days_ago)
        refusal = (await life.view()).refusal
        assert refusal
        assert refusal.code == "date-impossible"


async def test_the_seller_contests_the_buyers_word_and_an_agent_rules(world: World) -> None:
    life = await unscanned(world)
    before = (await life.sees(at(Stage.AWAITING_SELLER))).due
    assert before
    await life.seller(Refuse, **CONTESTED)
    view = await life.sees(lambda view: view.stage is Stage.WITH_AGENT and view.task)
    assert asked(view) == "delivery-unproven"
    await life.sees(lambda _: "delivery_contested" in life.letters(Party.BUYER))
    [buyers] = [one for one in life.letters_whole(Party.BUYER) if "delivery_contested" in one.key]
    assert "agent_joins" in buyers.key
    await life.passes(days=1)
    await life.agent(Claim)
    for ruling in (
        {**FOR_BUYER, "remedy": Remedy.REPAIR},
        {**FOR_BUYER, "verdict": Verdict.SHARED},
    ):
        assert await refused(life.agent(Decide, **ruling)) == "verdict-differs"
    await life.agent(Decide, **FOR_BUYER)
    view = await life.sees(at(Stage.AWAITING_SELLER))
    assert view.due
    assert view.due > before  # the seller's time did not run meanwhile
    assert await refused(life.seller(Refuse, **CONTESTED)) == "already-done"
    await life.seller(AcceptComplaint)
    await life.sees(at(Stage.SETTLING))
    await shut(life)

    lost = await unscanned(world)
    await lost.sees(at(Stage.AWAITING_SELLER))
    await lost.seller(AskInformation, text="Where was it left?")
    await lost.sees(at(Stage.AWAITING_BUYER))
    await lost.seller(Refuse, **CONTESTED)
    await lost.sees(lambda view: view.task)
    await lost.agent(Claim)
    await lost.agent(Decide, **FOR_SELLER)
    assert (await lost.ends()).ending == "decided"
    assert lost.breaches() == []

    given_in = await unscanned(world, wanted=Remedy.FULL_REFUND)
    await given_in.seller(Refuse, **CONTESTED)
    await given_in.sees(lambda view: view.task)
    await given_in.seller(AcceptComplaint)
    await ended(given_in, "refunded", WHOLE)


async def test_what_a_scan_or_the_seller_has_told_is_not_contested(world: World) -> None:
    life = await world.complaint()
    await life.sees(at(Stage.AWAITING_SELLER))
    assert await refused(life.seller(Refuse, **CONTESTED)) == "already-done"
    await shut(life)


async def test_a_damaged_parcel_that_no_scan_tells_of_is_claimed_from_its_carrier(
    real_world: World,
) -> None:
    now = await real_world.environment.get_current_time()
    posted = (now - timedelta(days=4)).isoformat()
    parcel = {"id": "p1", "tracking": "PX 1", "carrier": "Poczta", "posted_at": posted}
    life = await unscanned(real_world, days_ago=1, parcels=[parcel], reason=ReturnReason.DAMAGED)
    view = await life.sees(lambda view: view.carrier_claims)
    claim = real_world.follow(life, view.carrier_claims[0])
    view = await claim.sees(lambda view: view.clocks)
    assert view.clocks[0].window == "damage"
    await life.send(PLATFORM, Close, reason="A test.")
    await claim.send(PLATFORM, Close, reason="A test.")


async def test_goods_that_came_back_were_in_hand_though_no_scan_tells_it(real_world: World) -> None:
    unexplained = await real_world.goods_return(order_id=await real_world.fresh())
    await unexplained.buyer(Explain, reason=ReturnReason.DEFECTIVE, text="It is dark.")
    life = real_world.follow(unexplained, f"complaint:PL:{unexplained.order_id}:1")
    await life.sees(at(Stage.AWAITING_SELLER))
    assert await refused(life.seller(Refuse, **CONTESTED)) == "already-done"
    await life.send(PLATFORM, Close, reason="A test.")


async def test_goods_that_came_before_the_complaint_go_back_if_it_is_refused(
    real_world: World,
) -> None:
    order = await real_world.in_hand()
    unexplained = await real_world.goods_return(order_id=order)
    await unexplained.buyer(Explain, reason=ReturnReason.DEFECTIVE, text="It is dark.")
    life = real_world.follow(unexplained, f"complaint:PL:{order}:1")
    await life.sees(at(Stage.AWAITING_SELLER))
    assert (await unexplained.handle.result()).ending == "explained"
    await life.seller(Refuse, **NOT_BROKEN)
    await life.sees(at(Stage.REFUSED))
    await life.buyer(Withdraw)
    assert (await life.handle.result()).ending == "withdrawn"
    [sent] = (await life.view()).returns
    back = real_world.follow(life, sent)
    await back.sees(at(Stage.SENDING_BACK))
    await back.seller(ShipBack, **PARCEL)
    assert (await back.handle.result()).ending == "called-off"
    assert "work_wanted" not in back.letters()  # nobody is asked to repair what was refused


# Money that does not come.


async def test_a_refund_that_nobody_confirms_bars_a_second_one_and_is_an_agents(
    world: World,
) -> None:
    life = await world.complaint(wanted=Remedy.FULL_REFUND)
    life.marketplace(refunds="later")
    await life.seller(AcceptComplaint)
    view = await life.sees(lambda view: view.clocks and view.stage is Stage.REFUNDING)
    assert await refused(life.send(PLATFORM, Close, reason="x")) == "refund-unconfirmed"
    view = await lapses(life)
    assert asked(view) == "refund-unconfirmed"
    assert view.refund
    key = view.refund.key
    world.settle(key)
    report = RefundReport(key=key, state=RefundState.CONFIRMED)
    await life.signals(Complaint.refund_reported, report)
    await ended(life, "refunded", WHOLE)

    failing = await world.complaint(
        wanted=Remedy.PARTIAL_REFUND, amount={"amount_minor": 100, "currency": "PLN"}
    )
    failing.marketplace(refunds="refuse", times=1)
    await failing.seller(AcceptComplaint)
    await failing.sees(lambda view: asked(view) == "refund-failed")
    await failing.agent(RetryRefund)
    await ended(failing, "price-reduced", 100)

    # Before it is ordered again another case has refunded some of the units: only the rest is left.
    asks: dict[str, Any] = {"amount": {"amount_minor": 25000, "currency": "PLN"}}
    life = await world.complaint(wanted=Remedy.PARTIAL_REFUND, **asks)
    life.marketplace(refunds="refuse", times=1)
    await life.seller(AcceptComplaint)
    await life.sees(lambda view: asked(view) == "refund-failed")
    both: dict[str, Any] = {"wanted": Remedy.FULL_REFUND, "lines": (Line(sku="A", quantity=2),)}
    other = await world.complaint(order_id=life.order_id, number=2, **both)
    await other.seller(AcceptComplaint)
    assert (await other.ends()).ending == "refunded"
    await life.agent(RetryRefund)
    assert (await life.ends()).ending == "price-reduced"
    assert life.paid == [20000 + 999 * 20000 // 25000, 5000]


# Late, lost, and in between.


async def test_repaired_goods_that_never_arrive_are_an_agents_and_nothing_is_to_be_sent(
    world: World,
) -> None:
    life = await reach(world, Stage.WATCHING)
    await life.buyer(AskForHelp, text="Nothing has come.")
    view = await life.sees(at(Stage.WITH_AGENT))
    assert (asked(view), len(view.returns)) == ("not-fulfilled", 1)
    barred = life.agent(Decide, **FOR_BUYER, remedy=Remedy.REPAIR)
    assert await refused(barred) == "remedy-barred"
    await life.agent(Decide, **FOR_BUYER, remedy=Remedy.RETURN_FOR_REFUND)
    await ended(life, "refunded", WHOLE)
    assert len((await life.view()).returns) == 1


async def test_a_refusal_after_the_time_to_answer_changes_nothing_even_if_the_worker_was_away(
    real_world: World, tmp_path: Path
) -> None:
    """The end of the time and the refusal come to the case at once."""
    short = laid_over(DEMO, tmp_path / "policies", {"pl": {"complaint.answer.length": 6}})
    more = {"task_queue": f"{real_world.settings.task_queue}-away", "policies": short}
    settings = real_world.settings.model_copy(update=more)
    away = replace(
        real_world, settings=settings, lives=[], first_order=700
    )  # looked at by nobody afterwards
    async with working(away.client, settings, away.engine):
        life = await away.complaint(wanted=Remedy.PARTIAL_REFUND)
        due = (await life.sees(at(Stage.AWAITING_SELLER))).due
        assert due
    await asyncio.sleep((due - datetime.now(UTC)).total_seconds() + 0.2)
    refusing = asyncio.create_task(refused(life.seller(Refuse, **NOT_BROKEN)))
    await asyncio.sleep(0.3)
    async with working(away.client, settings, away.engine):
        assert await refusing == "wrong-stage"
        view = await life.sees(lambda view: "stage awaiting-amount" in steps(view))
        assert "deemed accepted" in steps(view)
        await shut(life)


# Ends, holds and repetitions.


async def reach(world: World, stage: Stage) -> Life:
    """A complaint that stands at this stage."""
    wanted = Remedy.PARTIAL_REFUND if "amount" in stage else Remedy.REPAIR
    opening = UNCLEAR if stage is Stage.CLARIFYING else {"wanted": wanted}
    life = await world.complaint(**opening)
    match stage:
        case Stage.AWAITING_BUYER:
            await life.seller(AskInformation, text="Send a photo.")
        case Stage.REFUSED | Stage.WITH_AGENT:
            await life.seller(Refuse, **NOT_BROKEN)
        case Stage.CHOOSING:
            await life.seller(AcceptComplaint, remedy=Remedy.FULL_REFUND, text="Keep it.")
        case Stage.AWAITING_AMOUNT:
            await silent(life)
        case Stage.AMOUNT_NAMED:
            await life.seller(AcceptComplaint, amount=life.money(100))
        case Stage.WATCHING:
            await life.seller(AcceptComplaint)
            await made_good(life)
        case Stage.REFUNDING:
            life.marketplace(refunds="refuse")
            await life.seller(AcceptComplaint, remedy=Remedy.FULL_REFUND, text="Keep it.")
            await life.sees(at(Stage.CHOOSING))
            await life.buyer(Choose, remedy=Remedy.FULL_REFUND)
            await life.sees(lambda view: view.task)
    if stage is Stage.WITH_AGENT:
        await life.sees(at(Stage.REFUSED))
        await life.buyer(AskForHelp)
    await life.sees(at(stage))
    return life


@pytest.mark.parametrize(
    "stage", [stage for stage in Complaint.FLOW if stage not in (Stage.OPENING, Stage.SETTLING)]
)
async def test_the_platform_closes_and_the_buyer_gives_up_wherever_it_stands(
    world: World, stage: Stage
) -> None:
    life = await reach(world, stage)
    if stage in (Stage.CLARIFYING, Stage.AWAITING_BUYER, Stage.CHOOSING, Stage.WITH_AGENT):
        await life.buyer(Withdraw)
        await ended(life, "withdrawn")
    else:
        if stage in (Stage.WATCHING, Stage.REFUNDING):
            assert await refused(life.buyer(Withdraw)) == "wrong-stage"
        await shut(life)
    assert await life.tasks() == []
    assert life.paid == []


async def test_a_held_clock_is_not_counted_and_two_reasons_hold_it(world: World) -> None:
    life = await world.complaint("SI")
    before = (await life.sees(lambda view: view.due)).due
    assert before
    await life.seller(AskInformation, text="Send a photo.")
    await life.sees(at(Stage.AWAITING_BUYER))
    await life.agent(Hold, reason="The post is on strike.")
    await life.passes(days=2)
    await life.buyer(SupplyInformation, text="Here.")
    view = await life.sees(at(Stage.AWAITING_SELLER))
    assert view.due is None  # still held by hand
    await life.passes(days=2)
    await life.agent(Resume)
    view = await life.sees(lambda view: view.due)
    assert view.due
    assert view.due >= before + timedelta(days=3)
    await shut(life)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_sent_in_whatever_order_the_case_ends_and_pays_once(
    world: World, seed: int
) -> None:
    dice = random.Random(seed)
    amount = {"amount_minor": dice.choice((100, 9000, 99999)), "currency": "PLN"}
    wanted = dice.choice([*Remedy])
    moves: list[tuple[Actor, type[CommandBase], dict[str, Any]]] = [
        (SELLER, AcceptComplaint, {}),
        (SELLER, AcceptComplaint, {"remedy": Remedy.FULL_REFUND, "text": "Keep it."}),
        (SELLER, AcceptComplaint, {"remedy": Remedy.PARTIAL_REFUND, "amount": amount}),
        (SELLER, Refuse, NOT_BROKEN),
        (SELLER, AskInformation, {"text": "Which socket?"}),
        (SELLER, NameAmount, {"amount": amount}),
        (BUYER, SupplyInformation, {"text": "The left one."}),
        (BUYER, AskForHelp, {}),
        (BUYER, Choose, {"remedy": Remedy.PARTIAL_REFUND}),
        (BUYER, Choose, {"remedy": Remedy.FULL_REFUND}),
        (BUYER, Accept, {}),
        (BUYER, Reject, {}),
        (BUYER, ReportFailed, BROKEN),
        (BUYER, Clarify, {"meant": Meaning.COMPLAINT, "wanted": Remedy.FULL_REFUND}),
        (AGENT, Decide, {**FOR_BUYER, "remedy": Remedy.FULL_REFUND}),
        (AGENT, Decide, FOR_SELLER),
        (BUYER, Say, {"text": "Hello?"}),
    ]
    opening = UNCLEAR if dice.random() < 0.3 or wanted is Remedy.SEND_AGAIN else {"wanted": wanted}
    life = await world.complaint(**opening)
    for number in range(20):
        by, verb, more = dice.choice(moves)
        command = {"command_id": f"r{number}", **more}
        try:
            first = await life.send(by, verb, **command)
            again = await life.send(by, verb, **command)
        except RefusedCommand as refusal:
            assert refusal.code  # noqa: PT017 - some are refused, some are not
            continue
        assert (first.outcome, again.outcome) == (Outcome.ACCEPTED, Outcome.REPEATED)
        view = await life.view()
        assert view.stage is Stage.CLOSED or view.awaited
        if view.stage in (Stage.CLOSED, Stage.SETTLING):
            break
        if dice.random() < 0.2:
            await life.passes(days=5)
    view = await life.view()
    if view.stage not in (Stage.CLOSED, Stage.REFUNDING):
        await shut(life)
    await life.handle.result()
    assert len(life.paid) <= 1
    assert sum(life.paid) <= WHOLE


# Whatever was played.


@pytest.fixture(scope="module")
async def played(world: World, real_world: World) -> Played:
    """Every complaint that was played, as it ended."""
    return await world.played("complaint") + await real_world.played("complaint")


async def test_no_life_lost_or_doubled_a_message_a_letter_or_money(played: Played) -> None:
    for life, view in played:
        if view.refusal:
            continue
        assert view.stage is Stage.CLOSED, life.handle.id
        assert view.awaited is None
        archived = Archive(life.world.engine).messages(life.handle.id)
        assert [m.id for m in archived] == [m.id for m in view.messages]
        keys = [(letter.key, letter.to) for letter in life.letters_whole()]
        assert len(keys) == len(set(keys))
        assert await life.tasks() == []
        assert life.breaches() == [breach.window for breach in reversed(view.breaches)]


async def test_every_arrow_of_the_flow_is_travelled(played: Played) -> None:
    assert not_travelled(Complaint.FLOW, played) == set()
