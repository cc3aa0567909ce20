"""Whole lives of withdrawals, all countries: two clocks, the goods, the money, and what if …?"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date, format_time
from temporalio.service import RPCError

from domain.commands import (
    Accept,
    Attachment,
    Claim,
    ClaimException,
    Close,
    Decide,
    Deduct,
    Explain,
    HandOver,
    Hold,
    Inspect,
    Offer,
    Receive,
    Refund,
    Reject,
    Remedy,
    Resume,
    RetryRefund,
    Revoke,
    Say,
    Verdict,
)
from domain.deadlines import Counting, Due, reckon
from domain.goods import Condition, ExceptionReason, Received, ReturnReason, Scan, Way
from domain.notices import NoticeName
from domain.orders import Line
from domain.parties import Party
from domain.policy import Window
from domain.ports import RefundReport, RefundState
from domain.stages import Stage
from domain.view import CaseView, Recalculate
from policies import read_calendar, read_policy
from standin.books import WAY_BACK
from store.archive import Archive
from tests.life import (
    AGENT,
    LOCALE,
    PLATFORM,
    SECOND,
    Life,
    Played,
    RefusedCommand,
    World,
    not_travelled,
)
from tests.policies import COUNTRIES, EVERY_COUNTRY, dear_lines
from tests.test_templates import words_of
from workflows.kernel.case import Case
from workflows.withdrawal.process import Withdrawal

WHOLE = 25999
LABEL = {
    country: WAY_BACK[policy.currency]
    if policy.goods_return and policy.goods_return.way is Way.PLATFORM_LABEL
    else 0
    for country, policy in ((country, read_policy(country)) for country in COUNTRIES)
}
"""What the way back costs the buyer: with the platform's label, or by a carrier of their own."""
ONE_A = (Line(sku="A", quantity=1),)
ALL = (Received(sku="A", quantity=2), Received(sku="B", quantity=1))
PHOTO = Attachment(name="lamp.jpg", size=90_000, media_type="image/jpeg", sha256="ab" * 32)
BURNT = {"text": "The socket is burnt.", "attachments": (PHOTO,)}
WORN = {"reason": ExceptionReason.SEAL_BROKEN_HYGIENE, "text": "Unsealed.", "attachments": (PHOTO,)}


async def withdrawn(
    world: World, country: str = "PL", order: dict[str, Any] | None = None, **opening: Any
) -> Life:
    """The buyer, who has had the goods for a day, withdraws."""
    order_id = await world.in_hand(country, **{**dear_lines(country), **(order or {})})
    return await world.withdrawal(country, order_id=order_id, **opening)


def whole(country: str) -> int:
    """What was paid for the whole order."""
    return 2_500_999 if dear_lines(country) else WHOLE


def in_stage(stage: Stage) -> Callable[[CaseView], bool]:
    """Whether a case has come to a stage."""
    return lambda view: view.stage is stage


def reckoned(country: str, window: str, start: datetime) -> Due:
    """When a window of the country's policy file is due and safe, reckoned apart from the case."""
    rules: Window = getattr(read_policy(country).withdrawal, window)
    calendar = read_calendar(country, start.year, start.year + 2)
    due = reckon(rules.counting, rules.length, start, calendar).due
    if not rules.counting.by_days or rules.counting is Counting.WORKING_DAYS:
        return Due(due=due)
    safe = reckon(Counting.SELLER_DAYS, rules.length, start, calendar).safe
    return Due(due=due, safe=safe)


def clocks(view: CaseView) -> dict[str, Due]:
    """The ends of the clocks that are shown, which run."""
    return {c.window: Due(due=c.due, safe=c.safe) for c in view.clocks if c.due}


async def told(life: Life, name: NoticeName) -> list[Due]:
    """The deadlines that the letters of this name gave."""
    return [
        Due(due=notice.facts.due, safe=notice.facts.safe)
        for notice in await life.told(name)
        if notice.facts.due
    ]


async def back_of(life: Life) -> Life:
    """The return of a withdrawal, always the same life, for commands have ids of their own."""
    view = await life.sees(lambda view: view.returns)
    known = (each for each in life.world.lives if each.handle.id == view.returns[-1])
    return next(known, None) or await life.goods_back()


async def labelled(life: Life) -> Life:
    """The return, once its label is there: by then it is known what the way back costs."""
    back = await back_of(life)
    if LABEL[life.country]:
        await back.dues(NoticeName.LABEL_READY)
    return back


async def on_the_way(life: Life) -> Life:
    """The buyer has handed the goods over: the return, and the withdrawal that knows it."""
    back = await labelled(life)
    await back.buyer(HandOver, carrier="Post")
    await life.sees(in_stage(Stage.AWAITING_REFUND))
    return back


async def arrived(life: Life) -> Life:
    """The goods are with the seller, not yet inspected."""
    back = await labelled(life)
    await back.scanned(Scan.ARRIVED)
    await life.sees(lambda view: "deduct" in view.may[Party.SELLER] or not view.lines)
    return back


async def inspected(life: Life, *units: Received) -> Life:
    """The goods are with the seller, who has found nothing amiss with them."""
    back = await labelled(life)
    await receipt(back, *(units or ALL))
    await life.sees(lambda view: any(entry.what == "return ended" for entry in view.timeline))
    return back


async def receipt(back: Life, *units: Received) -> None:
    """The seller receives and inspects a parcel."""
    await back.seller(Receive, units=units)
    await back.sees(in_stage(Stage.INSPECTING))
    await back.seller(Inspect)


async def refunded_early(life: Life) -> None:
    """The seller refunds and lets the buyer keep the goods: the platform closes the return."""
    await life.seller(Refund)
    await life.sees(in_stage(Stage.WATCHING))
    await kept(life)


async def kept(life: Life) -> None:
    """The platform closes the return: the buyer keeps the goods."""
    back = await back_of(life)
    with suppress(RPCError):  # the test server forgets the updates of a workflow that has closed
        await back.send(PLATFORM, Close, reason="Keep them.")
    await back.sees(in_stage(Stage.CLOSED))


async def ended(life: Life, ending: str, *paid: int) -> None:
    """How it has ended, with no more time passing, and what was paid."""
    await life.sees(in_stage(Stage.CLOSED))
    assert (await life.ends()).ending == ending
    assert life.paid == list(paid)


async def refused(life: Life, ending: str = "not-opened") -> str:
    """Why it was not opened: the code, and the sentence."""
    await ended(life, ending)
    assert life.letters() == []
    refusal = (await life.view()).refusal
    assert refusal
    return f"{refusal.code}: {refusal.sentence}"


# The statement.


@EVERY_COUNTRY
async def test_the_statement_is_acknowledged_and_both_clocks_run_side_by_side(
    world: World, country: str
) -> None:
    text = f"I withdraw from the contract, {country}."
    life = await withdrawn(world, country, text=text)
    await back_of(life)
    view = await life.sees(lambda view: view.clocks)
    send, refund = (
        reckoned(country, window, view.opened_at) for window in ("send_goods", "refund")
    )
    assert clocks(view) == {"send_goods": send, "refund": refund}
    assert [c.awaited for c in view.clocks] == [Party.BUYER, Party.SELLER]
    assert (view.stage, view.awaited) == (Stage.AWAITING_GOODS, Party.BUYER)
    assert await life.dues(NoticeName.WITHDRAWAL_ACKNOWLEDGED) == [send.due]
    assert await told(life, NoticeName.WITHDRAWAL_STATED) == [refund]
    assert view.preview
    assert view.preview.refund_minor == whole(country)
    # On a durable medium: the content, the date and the time (art. 11(3)).
    await refunded_early(life)
    acknowledged, *_ = life.letters_whole(Party.BUYER)
    local = view.opened_at.astimezone(ZoneInfo(read_policy(country).zone))
    locale = words_of(acknowledged.locale)["region"]
    assert acknowledged.name == "withdrawal_acknowledged"
    assert acknowledged.locale == LOCALE[country]
    year = str(local.year)
    said = (text, "Lamp", "Shade", life.order_id, year, format_time(local, "short", locale=locale))
    for part in said:
        assert part in acknowledged.text, part
    month = format_date(local, "MMMM", locale=locale)
    assert month.lower()[:3] in acknowledged.text.lower()
    await ended(life, "refunded", whole(country))


@EVERY_COUNTRY
async def test_goods_sent_inspected_and_refunded(world: World, country: str) -> None:
    life = await withdrawn(world, country, reason=ReturnReason.CHANGED_MIND)
    before = clocks(await life.sees(lambda view: view.clocks))
    back = await on_the_way(life)
    view = await life.sees(lambda view: view.awaited is Party.SELLER)
    assert clocks(view) == {"refund": before["refund"]}
    assert await told(life, NoticeName.REFUND_DUE) == [before["refund"]]
    await inspected(life)
    await life.seller(Refund)
    await ended(life, "refunded", whole(country) - LABEL[country])
    assert (await back.ends()).ending == "returned"
    told_buyer = ["withdrawal_acknowledged", "refund_confirmed", "closed"]
    assert life.letters(Party.BUYER) == told_buyer
    told_seller = ["withdrawal_stated", "refund_due", "refund_confirmed", "closed"]
    assert life.letters(Party.SELLER) == told_seller
    assert life.breaches() == []
    view = await life.view()
    assert view.reason == "changed-mind"
    assert view.preview
    assert view.preview.refund_minor == whole(country) - LABEL[country]


@pytest.mark.parametrize(("country", "share"), [("PL", 399), ("SI", 0), ("SK", 399)])
async def test_part_of_an_order_and_then_the_rest_never_the_same_unit_twice(
    world: World, country: str, share: int
) -> None:
    life = await withdrawn(world, country, lines=ONE_A)
    # The seller need not wait for the goods; who has paid still sees them come.
    await life.seller(Refund)
    await life.sees(in_stage(Stage.WATCHING))
    await receipt(await back_of(life), Received(sku="A", quantity=1))
    await ended(life, "refunded", 10000 + share)
    again = await world.withdrawal(
        country, order_id=life.order_id, number=2, lines=(Line(sku="A", quantity=2),)
    )
    refusal = (await again.view()).refusal
    assert refusal
    assert refusal.code == "units-refunded"
    rest = await world.withdrawal(country, order_id=life.order_id, number=3)
    assert (await rest.view()).units == (*ONE_A, Line(sku="B", quantity=1))
    await refunded_early(rest)
    await ended(rest, "refunded", 10000 + share, 15999 - share)
    last = await world.withdrawal(country, order_id=life.order_id, number=4)
    refusal = (await last.view()).refusal
    assert refusal
    assert refusal.code == "units-refunded"


@EVERY_COUNTRY
async def test_a_late_statement_is_refused_with_its_reckoning(world: World, country: str) -> None:
    """What the window `statement` does."""
    order = await world.in_hand(country, days_ago=30)
    why = await refused(await world.withdrawal(country, order_id=order))
    assert why.startswith("too-late: The time to withdraw is over: it lasted until the end of ")
    rules = read_policy(country).withdrawal
    assert rules
    days = rules.statement.length
    assert f"{days} calendar days from the last parcel in hand" in why
    assert "not counted, the event's day" in why
    assert f"day {days} counted" in why
    assert f"Calendar: {country} " in why


async def test_the_last_parcel_counts_and_what_is_not_in_hand_yet_can_be_withdrawn_from(
    world: World,
) -> None:
    now = await world.environment.get_current_time()
    early, late = ((now - timedelta(days=days)).isoformat() for days in (30, 2))
    parcels = [
        {"id": "p1", "lines": [{"sku": "A", "quantity": 2}], "in_hand_at": early},
        {"id": "p2", "lines": [{"sku": "B", "quantity": 1}], "in_hand_at": late},
    ]
    both = await withdrawn(world, order={"parcels": parcels})
    view = await both.view()
    assert view.right_until == reckoned("PL", "statement", datetime.fromisoformat(late)).due
    coming = [parcels[0], {**parcels[1], "in_hand_at": None}]
    one = await withdrawn(world, "SI", order={"parcels": coming})
    none = await world.withdrawal("SK", order_id=await world.fresh("SK"))
    for life in (one, none):
        assert (await life.view()).right_until is None
    for life in (both, one, none):
        await refunded_early(life)
        await ended(life, "refunded", WHOLE)


async def test_who_was_not_informed_has_longer(world: World) -> None:
    ago: dict[str, Any] = {"days_ago": 200, "informed": False}
    life = await world.withdrawal(order_id=await world.in_hand(**ago))
    now = await world.environment.get_current_time()
    told_late: dict[str, Any] = {"informed_at": (now - timedelta(days=20)).isoformat()}
    why = await refused(await world.withdrawal(order_id=await world.in_hand(**ago, **told_late)))
    assert "from the information that came late" in why
    await refunded_early(life)
    await ended(life, "refunded", WHOLE)


@pytest.mark.parametrize(
    ("country", "buyer_class", "may"),
    [
        ("PL", "sole-trader", True),
        ("SI", "sole-trader", False),
        ("PL", "business", False),
        ("SI", "business", False),
    ],
)
async def test_who_may_withdraw(world: World, country: str, buyer_class: str, may: bool) -> None:
    life = await withdrawn(world, country, {"buyer_class": buyer_class})
    if may:
        await refunded_early(life)
        await ended(life, "refunded", WHOLE)
    else:
        assert f"no-right: A {buyer_class} has no right to withdraw in {country}" in await refused(
            life
        )


async def test_reasons_of_complaint_and_statements_of_others_open_nothing(world: World) -> None:
    assert "reason-differs" in await refused(await withdrawn(world, reason=ReturnReason.DEFECTIVE))
    now = await world.environment.get_current_time()
    assert "not-yours" in await refused(await withdrawn(world, stated_at=now - timedelta(days=1)))
    too_many = (Line(sku="A", quantity=3),)
    assert "lines-unknown" in await refused(await withdrawn(world, lines=too_many))
    # A buyer's word that the seller has the goods already is not enough.
    life = await withdrawn(world, goods_in="return:PL:PL-1:1")
    assert (await life.view()).stage is Stage.AWAITING_GOODS
    await refunded_early(life)
    await ended(life, "refunded", WHOLE)


async def test_a_statement_that_came_by_letter_counts_from_when_it_was_made(world: World) -> None:
    """The buyer's time runs from the statement, the seller's from its receipt."""
    now = await world.environment.get_current_time()
    stated = now - timedelta(days=10)
    order = await world.in_hand(days_ago=20)
    life = await world.withdrawal(order_id=order, opened_by=PLATFORM, stated_at=stated)
    view = await life.sees(lambda view: view.clocks)
    assert clocks(view) == {
        "send_goods": reckoned("PL", "send_goods", stated),
        "refund": reckoned("PL", "refund", view.opened_at),
    }
    await refunded_early(life)
    await ended(life, "refunded", WHOLE)


async def test_a_statement_by_a_clock_that_is_ahead_counts_from_when_it_came(world: World) -> None:
    now = await world.environment.get_current_time()
    ahead = now + timedelta(minutes=10)
    order = await world.in_hand(days_ago=2)
    life = await world.withdrawal(order_id=order, opened_by=PLATFORM, stated_at=ahead)
    view = await life.sees(lambda view: view.clocks)
    assert clocks(view)["send_goods"] == reckoned("PL", "send_goods", view.opened_at)
    await refunded_early(life)
    await ended(life, "refunded", WHOLE)
    order, much = await world.in_hand(days_ago=2), now + timedelta(days=1)
    life = await world.withdrawal(order_id=order, opened_by=PLATFORM, stated_at=much)
    assert "date-impossible" in await refused(life)


# The goods.


@EVERY_COUNTRY
async def test_goods_never_sent_stay_withheld_and_the_case_does_not_stay_open(
    world: World, country: str
) -> None:
    """What the windows `send_goods` and `unsent` do, and `refund` while it may be withheld."""
    life = await withdrawn(world, country)
    view = await life.sees(lambda view: view.clocks)
    await life.passes_until(clocks(view)["send_goods"].due)
    view = await life.sees(in_stage(Stage.WITHHELD), lambda view: len(view.clocks) == 1)
    assert view.breaches == ()
    unsent = reckoned(country, "unsent", view.clocks[0].started_at)
    assert clocks(view) == {"unsent": unsent}
    assert await told(life, NoticeName.REFUND_WITHHELD) == []
    if country == "PL":  # a seller who has refunded does not wait for ever either
        await life.seller(Refund)
        view = await life.sees(in_stage(Stage.WATCHING))
        assert view.due
        unsent = Due(due=view.due)
    back = await back_of(life)
    await life.passes_until(unsent.due)
    if country == "PL":
        await ended(life, "refunded", whole(country))
        return
    await ended(life, "nothing-came-back")
    assert (await back.ends()).ending == "called-off"
    assert life.letters(Party.BUYER) == ["withdrawal_acknowledged", "refund_withheld", "closed"]
    assert life.letters(Party.SELLER)[-2:] == ["refund_withheld", "closed"]
    assert life.breaches() == []
    assert life.letters(Party.BUYER).count("refund_due") == 0


@pytest.mark.parametrize("country", ["PL", "SI"])
async def test_a_late_scan_ends_the_withholding_and_the_silent_seller_is_in_breach(
    world: World, country: str
) -> None:
    """What the window `refund_after_goods` does."""
    life = await withdrawn(world, country)
    view = await life.sees(lambda view: view.clocks)
    back = await back_of(life)
    in_time = view.opened_at + timedelta(days=2)
    await life.passes_until(clocks(view)["send_goods"].due)
    await life.sees(in_stage(Stage.WITHHELD))
    await life.passes(days=3)
    # Handed over in time, and told late by the machine: then, too, it takes no more than days.
    await back.scanned(Scan.HANDED_OVER, at=in_time)
    view = await life.sees(in_stage(Stage.AWAITING_REFUND), lambda view: view.clocks)
    soon = reckoned(country, "refund_after_goods", view.clocks[0].started_at)
    assert {name: due.due for name, due in clocks(view).items()} == {"refund_after_goods": soon.due}
    assert [due.due for due in await told(life, NoticeName.REFUND_DUE)] == [soon.due]
    await life.passes_until(soon.due)
    view = await life.sees(in_stage(Stage.WITH_AGENT), lambda view: view.task)
    assert [(b.window, b.due) for b in view.breaches] == [("refund_after_goods", soon.due)]
    assert view.task
    assert (view.task.purpose, view.task.queue) == (
        "refund-overdue",
        f"withdrawals-{country.lower()}",
    )
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="It was sent.")
    await life.sees(in_stage(Stage.WATCHING))
    await receipt(back, *ALL)
    await ended(life, "refunded", WHOLE - LABEL[country])
    assert life.breaches() == ["refund_after_goods"]


async def test_goods_count_where_no_proof_was_given(world: World) -> None:
    life = await withdrawn(world, "SK")
    await inspected(life)
    await life.sees(in_stage(Stage.AWAITING_REFUND))
    await life.seller(Refund)
    await ended(life, "refunded", WHOLE)
    assert (await life.view()).stage is Stage.CLOSED


async def test_used_goods_are_no_bar_and_what_never_came_back_is_not_refunded(
    world: World,
) -> None:
    used = await withdrawn(world)
    worn = [unit.model_copy(update={"condition": Condition.DAMAGED}) for unit in ALL]
    await inspected(used, *worn)
    await used.seller(Refund)
    await ended(used, "refunded", WHOLE - LABEL["PL"])
    # One lamp of two was in the parcel, and the buyer says so.
    part = await withdrawn(world, "SK")
    back = await back_of(part)
    found = (
        Received(sku="A", quantity=1),
        Received(sku="A", quantity=1, condition=Condition.MISSING),
        Received(sku="B", quantity=1),
    )
    await receipt(back, *found)
    view = await part.sees(lambda view: view.clocks and view.clocks[0].held_since)
    assert view.stage is Stage.AWAITING_REFUND
    await back.buyer(Accept)
    view = await part.sees(lambda view: view.units == (*ONE_A, Line(sku="B", quantity=1)))
    assert view.clocks[0].held_since is None
    await part.seller(Refund)
    await ended(part, "refunded", 15000 + 999 * 15000 // 25000)
    # An empty parcel brings nothing back, and nothing is owed.
    empty = await withdrawn(world, "SI", lines=ONE_A)
    back = await back_of(empty)
    await receipt(back, Received(sku="A", quantity=1, condition=Condition.EMPTY))
    await back.sees(lambda view: "accept" in view.may[Party.BUYER])
    await back.buyer(Accept)
    await ended(empty, "nothing-owed")


async def test_a_parcel_lost_on_its_way_was_sent_all_the_same_and_the_sellers_time_runs(
    world: World,
) -> None:
    life = await withdrawn(world)
    view = await life.sees(lambda view: view.clocks)
    back = await back_of(life)
    await life.passes_until(clocks(view)["refund"].due)
    await life.sees(in_stage(Stage.WITHHELD))
    await back.scanned(Scan.LOST)
    view = await life.sees(in_stage(Stage.AWAITING_REFUND), lambda view: view.clocks)
    assert view.clocks[0].window == "refund_after_goods"
    assert view.clocks[0].due  # the proof of dispatch is enough (art. 13(3))
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.seller(Deduct, amount=life.money(100), **BURNT)  # goods that never came
    await back.sees(lambda view: view.task)
    await back.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="The carrier lost it.")
    await back.sees(in_stage(Stage.CLOSED))
    await life.seller(Refund)
    await ended(life, "refunded", WHOLE - LABEL["PL"])


@pytest.mark.parametrize("late", [False, True])
async def test_a_return_that_ends_without_goods_is_for_an_agent(world: World, late: bool) -> None:
    life = await withdrawn(world, "SI")
    if late:
        view = await life.sees(lambda view: view.clocks)
        await life.passes_until(clocks(view)["send_goods"].due)
        await life.sees(in_stage(Stage.WITHHELD))
    await kept(life)
    view = await life.sees(lambda view: view.task)
    assert view.task
    assert (view.stage, view.task.purpose) == (Stage.WITH_AGENT, "goods-missing")
    if late:
        await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="Nothing was sent.")
        await ended(life, "nothing-owed")
    else:
        await life.seller(Refund)
        await ended(life, "refunded", WHOLE)


async def test_goods_that_are_not_worth_the_way_back_are_refunded_without_it(world: World) -> None:
    cheap = {"lines": [{"sku": "A", "title": "Bulb", "quantity": 2, "unit_price_minor": 400}]}
    life = await withdrawn(world, order=cheap)
    view = await life.sees(in_stage(Stage.AWAITING_REFUND))
    assert {"deduct", "revoke"} & set(view.may[Party.SELLER]) == {"revoke"}
    await life.seller(Refund)
    await ended(life, "refunded", 800 + 999)
    assert "refund_due" in life.letters(Party.SELLER)


async def explained(world: World, back: Life) -> Life:
    """The withdrawal that a return has opened for the goods that it brought."""
    await back.sees(lambda view: any(entry.what == "explained" for entry in view.timeline))
    return world.follow(back, f"withdrawal:PL:{back.order_id}:1")


async def test_seller_has_the_goods_already(real_world: World) -> None:
    back = await real_world.goods_return(order_id=await real_world.in_hand())
    await back.buyer(Explain, reason=ReturnReason.NO_REASON, text="I changed my mind.")
    life = await explained(real_world, back)
    view = await life.sees(in_stage(Stage.AWAITING_REFUND), lambda view: view.clocks)
    assert [c.window for c in view.clocks] == ["refund"]
    assert view.units == ONE_A
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.buyer(Revoke)
    assert (await back.ends()).ending == "explained"
    await life.seller(Deduct, amount=life.money(1000), **BURNT)
    await life.sees(in_stage(Stage.AWAITING_BUYER))
    await life.buyer(Accept)
    await life.seller(Refund)
    await ended(life, "refunded", 10000 + 399 - 1000)
    assert (await life.view()).returns == ()
    # What is excepted is not refunded, even if the seller has it.
    back = await real_world.goods_return(order_id=await real_world.in_hand())
    await back.buyer(Explain, reason=ReturnReason.NO_REASON, text="I changed my mind.")
    life = await explained(real_world, back)
    await life.sees(in_stage(Stage.AWAITING_REFUND))
    await life.seller(ClaimException, **WORN)
    await life.buyer(Accept)
    await ended(life, "excepted")


# The seller's silence, and agents.


async def test_a_seller_who_collects_withholds_nothing_and_silence_is_a_breach(
    world: World,
) -> None:
    """What the windows `refund`, `claim`, `decision` and `lead_decision` do."""
    life = await withdrawn(world, way=Way.SELLER_COLLECTS)
    view = await life.sees(lambda view: view.clocks)
    refund = reckoned("PL", "refund", view.opened_at)
    assert (view.stage, view.awaited) == (Stage.AWAITING_REFUND, Party.SELLER)
    assert clocks(view) == {"refund": refund}
    assert await life.dues(NoticeName.WITHDRAWAL_ACKNOWLEDGED) == [None]
    await life.passes_until(refund.due)
    view = await life.sees(in_stage(Stage.WITH_AGENT), lambda view: view.task)
    assert [(b.window, b.due) for b in view.breaches] == [("refund", refund.due)]
    assert [
        (n.to, n.facts.due, n.facts.amount) for n in await life.told(NoticeName.REFUND_OVERDUE)
    ] == [(party, refund.due, life.money(WHOLE)) for party in (Party.BUYER, Party.SELLER)]
    assert view.due == reckoned("PL", "decision", view.breaches[0].at).due
    await life.agent(Claim)
    with pytest.raises(RefusedCommand, match="task-taken"):
        await life.send(SECOND, Decide, verdict=Verdict.FOR_SELLER, reasoning="No.")
    view = await life.sees(lambda view: len(view.clocks) == 2)
    claimed = next(c for c in view.clocks if c.window == "claim").due
    assert claimed
    await life.passes_until(claimed)
    view = await life.sees(lambda view: view.task and view.task.owner is None)
    for window in ("decision", "lead_decision"):
        assert view.due
        assert [c.window for c in view.clocks] == [window]
        await life.passes_until(view.due)
        before = view.due
        view = await life.sees(lambda view, before=before: view.due and view.due > before)  # type: ignore[misc]
        assert view.task
        assert view.task.queue == "leads"
    # The seller pays after all; that does not erase the breach.
    await refunded_early(life)
    await ended(life, "refunded", WHOLE)
    assert life.breaches() == ["refund"]
    assert await life.tasks() == []


async def test_an_agent_rules_for_a_seller_who_did_not_refund(world: World) -> None:
    life = await withdrawn(world, "SI", way=Way.SELLER_COLLECTS)
    view = await life.sees(lambda view: view.clocks)
    await life.passes_until(clocks(view)["refund"].due)
    await life.sees(lambda view: view.task)
    for amount, verdict in ((life.money(100), Verdict.SHARED), (None, Verdict.SHARED)):
        with pytest.raises(RefusedCommand, match=r"amount-needless|verdict-differs"):
            await life.agent(Decide, verdict=verdict, amount=amount, reasoning="Half.")
    back = await back_of(life)
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="It was never bought.")
    await ended(life, "nothing-owed")
    assert (await back.ends()).ending == "called-off"


# Exceptions.


async def test_an_exception_that_the_buyer_accepts_ends_it(world: World) -> None:
    life = await withdrawn(world)
    with pytest.raises(RefusedCommand, match="proof-missing"):
        await life.seller(ClaimException, **{**WORN, "attachments": ()})
    too_many = (Line(sku="A", quantity=3),)
    with pytest.raises(RefusedCommand, match="units-differ"):
        await life.seller(ClaimException, **WORN, units=too_many)
    receipt = await life.seller(ClaimException, **WORN)
    view = await life.view()
    answer = reckoned("PL", "exception_answer", view.clocks[0].started_at)
    assert (receipt.stage, receipt.due) == (Stage.AWAITING_BUYER, answer.due)
    assert [c.window for c in view.clocks if c.held_since] == ["refund"]
    assert (await told(life, NoticeName.EXCEPTION_CLAIMED))[0].due == answer.due
    assert [p.state for p in view.proposals] == ["open"]
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.buyer(Revoke)
    back = await back_of(life)
    await life.buyer(Accept)
    await ended(life, "excepted")
    assert (await back.ends()).ending == "called-off"
    assert [p.state for p in (await life.view()).proposals] == ["accepted"]


async def test_an_exception_for_some_units_leaves_the_others(world: World) -> None:
    life = await withdrawn(world, "CZ")
    await life.seller(ClaimException, **WORN, units=(Line(sku="B", quantity=1),))
    receipt = await life.buyer(Accept)
    assert receipt.stage is Stage.AWAITING_GOODS
    with pytest.raises(RefusedCommand, match="already-done"):
        await life.seller(ClaimException, **WORN)
    assert (await life.view()).units == (Line(sku="A", quantity=2),)
    await refunded_early(life)
    await ended(life, "refunded", 20000 + 999 * 20000 // 25000)


@pytest.mark.parametrize(
    ("verdict", "silent"),
    [(Verdict.FOR_BUYER, True), (Verdict.FOR_SELLER, False)],
)
async def test_an_exception_that_is_contested_or_not_answered_is_for_an_agent(
    world: World, verdict: Verdict, silent: bool
) -> None:
    """What the window `exception_answer` does."""
    life = await withdrawn(world)
    receipt = await life.seller(ClaimException, **WORN)
    if silent:
        assert receipt.due
        await life.passes_until(receipt.due)
    else:
        await life.buyer(Reject, text="It was sealed.")
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert view.task
    assert view.task.purpose == "exception-contested"
    with pytest.raises(RefusedCommand, match="amount-needless"):
        await life.agent(Decide, verdict=Verdict.SHARED, amount=life.money(100), reasoning="Half.")
    await life.agent(Decide, verdict=verdict, reasoning="By the photo.")
    if verdict is Verdict.FOR_SELLER:
        await ended(life, "excepted")
        return
    view = await life.sees(in_stage(Stage.AWAITING_GOODS))
    assert view.clocks[1].held  # the time in which it was weighed does not count
    await refunded_early(life)
    await ended(life, "refunded", WHOLE)
    assert (await life.view()).proposals[0].state == "rejected"


async def test_exceptions_are_weighed_while_the_refund_is_withheld_and_once_goods_are_there(
    world: World,
) -> None:
    life = await withdrawn(world)
    other = await withdrawn(world, "SK")
    view = await other.sees(lambda view: view.clocks)
    await life.passes_until(clocks(view)["send_goods"].due)
    for each in (life, other):
        await each.sees(in_stage(Stage.WITHHELD))
        await each.seller(ClaimException, **WORN, units=ONE_A)
    assert (await life.buyer(Accept)).stage is Stage.WITHHELD
    await other.buyer(Reject)
    await other.sees(in_stage(Stage.WITH_AGENT))
    await other.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="Sealed.")
    view = await other.sees(in_stage(Stage.WITHHELD))
    await refunded_early(other)  # a seller need not withhold
    await ended(other, "refunded", WHOLE)
    await arrived(life)
    await life.sees(in_stage(Stage.AWAITING_REFUND))
    await life.seller(Refund)
    await life.sees(in_stage(Stage.WATCHING))
    assert life.paid == [15000 + 999 * 15000 // 25000 - LABEL["PL"]]
    await (await back_of(life)).seller(Inspect)
    assert (await life.ends()).ending == "refunded"


# Deductions.


async def test_a_deduction_that_the_buyer_accepts_is_taken_off(world: World) -> None:
    life = await withdrawn(world)
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.seller(Deduct, amount=life.money(3000), **BURNT)
    back = await arrived(life)
    for wrong, code in (
        ({"amount": life.money(25001)}, "amount-too-high"),
        ({"amount": life.money(0)}, "amount-too-high"),
        ({"amount": life.money(100).model_copy(update={"currency": "EUR"})}, "currency-differs"),
        ({"amount": life.money(100), "attachments": ()}, "proof-missing"),
    ):
        with pytest.raises(RefusedCommand, match=code):
            await life.seller(Deduct, **{**BURNT, **wrong})
    receipt = await life.seller(Deduct, amount=life.money(3000), **BURNT)
    view = await life.view()
    assert receipt.due == reckoned("PL", "deduction_answer", view.clocks[0].started_at).due
    assert await life.dues(NoticeName.DEDUCTION_PROPOSED) == [receipt.due]
    assert (await life.buyer(Accept)).stage is Stage.AWAITING_REFUND
    with pytest.raises(RefusedCommand, match="already-done"):
        await life.seller(Deduct, amount=life.money(100), **BURNT)
    await back.seller(Inspect)
    await back.ends()
    await life.seller(Refund)
    await ended(life, "refunded", WHOLE - 3000 - LABEL["PL"])
    assert life.letters(Party.BUYER).count("proposal_accepted") == 1


@pytest.mark.parametrize(
    ("verdict", "shared", "silent", "deducted"),
    [
        (Verdict.FOR_BUYER, None, False, 0),
        (Verdict.FOR_SELLER, None, True, 3000),
        (Verdict.SHARED, 1200, False, 1200),
    ],
)
async def test_a_deduction_that_is_contested_or_not_answered_is_for_an_agent(
    world: World, verdict: Verdict, shared: int | None, silent: bool, deducted: int
) -> None:
    """What the window `deduction_answer` does."""
    life = await withdrawn(world, "HU")
    back = await arrived(life)
    await back.seller(Inspect)
    await back.ends()
    receipt = await life.seller(Deduct, amount=life.money(3000), **BURNT)
    if silent:
        assert receipt.due
        await life.passes_until(receipt.due)
    else:
        await life.buyer(Reject, text="It was like that.")
    await life.sees(in_stage(Stage.WITH_AGENT))
    with pytest.raises(RefusedCommand, match="amount-too-high"):
        await life.agent(Decide, verdict=Verdict.SHARED, amount=life.money(3100), reasoning="?")
    amount = life.money(shared) if shared else None
    await life.agent(Decide, verdict=verdict, amount=amount, reasoning="By the photo.")
    view = await life.sees(in_stage(Stage.AWAITING_REFUND))
    assert view.preview
    assert view.preview.refund_minor == whole("HU") - deducted
    assert life.letters(Party.BUYER).count("ruling") <= 1
    await life.seller(Refund)
    await ended(life, "refunded", whole("HU") - deducted)
    assert life.letters(Party.BUYER).count("ruling") == 1


async def test_a_buyer_who_was_not_informed_bears_no_loss_of_value(world: World) -> None:
    life = await withdrawn(world, "SI", {"informed": False})
    back = await labelled(life)
    await back.scanned(Scan.ARRIVED)
    await life.sees(in_stage(Stage.AWAITING_REFUND))
    with pytest.raises(RefusedCommand, match="deduction-barred"):
        await life.seller(Deduct, amount=life.money(100), **BURNT)
    await back.seller(Inspect)
    await back.ends()
    await life.seller(Refund)
    await ended(life, "refunded", WHOLE - LABEL["SI"])


@pytest.mark.parametrize("contested", [False, True])
async def test_a_seller_who_pays_drops_the_proposal(world: World, contested: bool) -> None:
    life = await withdrawn(world, "CZ")
    back = await arrived(life)
    await life.seller(Deduct, amount=life.money(3000), **BURNT)
    if contested:
        await life.buyer(Reject)
        await life.sees(in_stage(Stage.WITH_AGENT))
    await life.seller(Refund)
    await life.sees(in_stage(Stage.WATCHING))
    await back.seller(Inspect)
    await ended(life, "refunded", WHOLE)
    assert (await life.view()).proposals[0].state == "rejected"
    assert await life.tasks() == []


# Taken back, called off, and at once.


@pytest.mark.parametrize("sent", [False, True])
async def test_a_withdrawal_is_revoked_by_both_and_not_by_one(world: World, sent: bool) -> None:
    life = await withdrawn(world)
    back = await on_the_way(life) if sent else await back_of(life)
    assert (await life.buyer(Revoke)).outcome == "noted"
    with pytest.raises(RefusedCommand, match="already-done"):
        await life.buyer(Revoke)
    assert (await life.view()).stage is (Stage.AWAITING_REFUND if sent else Stage.AWAITING_GOODS)
    await life.seller(Revoke)
    if sent:
        await life.sees(in_stage(Stage.WATCHING))
        with pytest.raises(RefusedCommand, match=r"already-done|wrong-stage"):
            await life.seller(Refund)
        await kept(life)
    await ended(life, "revoked")
    assert life.letters(Party.SELLER).count("revocation_wanted") == 1
    if not sent:
        assert (await back.ends()).ending == "called-off"


async def test_the_platform_closes_and_the_return_is_called_off(world: World) -> None:
    life = await withdrawn(world)
    back = await back_of(life)
    await life.buyer(Say, text="Is somebody there?")
    await life.send(PLATFORM, Close, reason="Opened by mistake.")
    await ended(life, "closed-by-platform")
    assert (await back.ends()).ending == "called-off"
    assert "message" in life.letters(Party.SELLER)
    # Once the return is over, it closes at once.
    life = await withdrawn(world)
    await inspected(life)
    await life.send(PLATFORM, Close, reason="Paid by hand.")
    await ended(life, "closed-by-platform")
    # An exception that is open does not keep it open.
    life = await withdrawn(world)
    await inspected(life)
    await life.seller(ClaimException, **WORN)
    await life.send(PLATFORM, Close, reason="Paid by hand.")
    await ended(life, "closed-by-platform")


async def disputed(world: World, country: str, order: str, lines: tuple[Line, ...] = ()) -> Life:
    """A dispute about the same units, which the seller settles with all the money."""
    life = await world.dispute(country, order_id=order, lines=lines)
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    await life.sees(in_stage(Stage.CLOSED))
    return life


async def test_units_withdrawn_from_and_disputed_are_paid_once(world: World) -> None:
    order = await world.in_hand("SI")
    first = await world.withdrawal("SI", order_id=order, lines=ONE_A)
    more = await world.withdrawal("SI", order_id=order, number=2, way=Way.SELLER_COLLECTS)
    view = await more.sees(lambda view: view.clocks)
    assert view.units == (Line(sku="A", quantity=1), Line(sku="B", quantity=1))
    await disputed(world, "SI", order, (Line(sku="A", quantity=2),))
    await first.seller(Refund)
    # Of the second one unit is left: silence is a breach for that alone.
    await first.passes_until(clocks(view)["refund"].due)
    view = await more.sees(lambda view: view.task)
    assert view.units == (Line(sku="B", quantity=1),)
    await refunded_early(more)
    await ended(first, "nothing-owed", 20000, 5999)
    await ended(more, "refunded", 20000, 5999)
    assert first.breaches() == []


async def test_a_seller_whose_refund_another_case_has_paid_is_in_no_breach(world: World) -> None:
    order = await world.in_hand("SK")
    life = await world.withdrawal("SK", order_id=order, way=Way.SELLER_COLLECTS)
    view = await life.sees(lambda view: view.clocks)
    await disputed(world, "SK", order)
    await life.passes_until(clocks(view)["refund"].due)
    await ended(life, "nothing-owed", WHOLE)
    assert life.breaches() == []


async def test_commands_at_once_have_one_outcome(world: World) -> None:
    lives = [await withdrawn(world) for _ in range(3)]
    await asyncio.gather(*(back_of(life) for life in lives))
    paid, claimed, revoked = lives
    await asyncio.gather(
        paid.seller(Refund),
        paid.send(PLATFORM, Close, reason="By hand."),
        paid.seller(ClaimException, **WORN),
        paid.seller(Refund),
        return_exceptions=True,
    )
    view = await paid.sees(lambda view: view.stage in (Stage.WATCHING, Stage.CLOSED))
    if paid.paid:
        await kept(paid)
    view = await paid.sees(in_stage(Stage.CLOSED))
    assert (view.ending, paid.paid) in [("refunded", [WHOLE]), ("closed-by-platform", [])]
    # A wish to revoke is no answer to a proposal.
    answers = await asyncio.gather(
        claimed.seller(ClaimException, **WORN), claimed.seller(Revoke), return_exceptions=True
    )
    view = await claimed.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    assert [p.state for p in view.proposals] == ["open"]
    assert not isinstance(answers[0], BaseException)
    await claimed.buyer(Reject)
    await claimed.sees(in_stage(Stage.WITH_AGENT))
    rulings = await asyncio.gather(
        claimed.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="Sealed."),
        claimed.send(SECOND, Decide, verdict=Verdict.FOR_SELLER, reasoning="Open."),
        claimed.seller(Refund),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, BaseException) for answer in rulings) <= 2
    awaiting = (Stage.AWAITING_GOODS, Stage.WATCHING, Stage.CLOSED)
    view = await claimed.sees(lambda view: view.stage in awaiting)
    if view.stage is Stage.AWAITING_GOODS:
        await claimed.seller(Refund)
        await claimed.sees(in_stage(Stage.WATCHING))
    if claimed.paid:
        await kept(claimed)
    view = await claimed.sees(in_stage(Stage.CLOSED))
    assert (view.ending, claimed.paid) in [("refunded", [WHOLE]), ("excepted", [])]
    await asyncio.gather(revoked.buyer(Revoke), revoked.seller(Revoke))
    await ended(revoked, "revoked")


# Clocks held and moved.


async def test_a_held_clock_resumes_though_another_was_waited_for_meanwhile(world: World) -> None:
    life = await withdrawn(world)
    before = clocks(await life.sees(lambda view: len(view.clocks) == 2))
    await life.agent(Hold, reason="The courier is asked.")
    await life.passes(days=5)
    view = await life.view()
    assert (view.stage, view.due) == (Stage.AWAITING_GOODS, None)
    await life.seller(ClaimException, **WORN)
    await life.agent(Resume)
    await life.buyer(Reject)
    await life.sees(in_stage(Stage.WITH_AGENT))
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="Sealed.")
    view = await life.sees(in_stage(Stage.AWAITING_GOODS), lambda view: len(view.clocks) == 2)
    for name, due in clocks(view).items():
        assert due.due > before[name].due
    assert len(clocks(view)) == 2
    await refunded_early(life)
    await ended(life, "refunded", WHOLE)


async def test_forgotten_hold_ends_by_itself_and_rules_are_taken_up_anew(world: World) -> None:
    """What the window `hold` does."""
    life = await withdrawn(world, "SK")
    before = clocks(await life.sees(lambda view: len(view.clocks) == 2))
    wanted = Recalculate(command_id="r1", by=PLATFORM, reason="A new holiday.")
    moved = await life.handle.execute_update(Case.recalculate, wanted)
    assert moved.due_after == moved.due_before == before["send_goods"].due
    await life.agent(Hold, reason="The courier is asked.")
    await life.passes(days=40)
    view = await life.sees(in_stage(Stage.WITHHELD))
    assert "clock runs again" in [entry.what for entry in view.timeline]
    assert view.breaches == ()
    await refunded_early(life)
    await ended(life, "refunded", WHOLE)


# Money.


async def test_cheapest_delivery_the_programme_and_the_way_back(world: World) -> None:
    dearer = {"delivery_paid_minor": 1999, "cheapest_standard_minor": 899}
    free = {"delivery_paid_minor": 0, "free_delivery": True}
    untold = {"return_cost_announced": False}
    lives: tuple[tuple[dict[str, Any], dict[str, Any], int], ...] = (
        (dearer, {}, 25000 + 899 - LABEL["PL"]),  # the surcharge stays with the buyer
        (free, {"lines": ONE_A}, 10000),  # no claw-back, and the way back is free
        (untold, {}, WHOLE),  # the way back was not announced
    )
    for order, opening, paid in lives:
        life = await withdrawn(world, order=order, **opening)
        await inspected(life, *((Received(sku="A", quantity=1),) if opening else ALL))
        await life.seller(Refund)
        await ended(life, "refunded", paid)


async def test_cash_on_delivery_is_refunded_once_it_was_paid(world: World) -> None:
    cash = {"payment": "cash-on-delivery"}
    had = await withdrawn(world, order=cash)
    await refunded_early(had)
    await ended(had, "refunded", WHOLE)
    coming = await withdrawn(world, "SI", {**cash, "parcels": []})
    view = await coming.view()
    assert view.preview
    assert view.preview.refund_minor == 0
    with pytest.raises(RefusedCommand, match="Nothing has been paid"):
        await coming.seller(Refund)
    await inspected(coming)  # they were collected all the same
    await coming.seller(Refund)
    await ended(coming, "refunded", WHOLE - LABEL["SI"])
    never = await withdrawn(world, order={**cash, "parcels": []}, way=Way.SELLER_COLLECTS)
    view = await never.sees(lambda view: view.clocks)
    await never.passes_until(clocks(view)["refund"].due)
    await ended(never, "nothing-owed")
    assert never.breaches() == []


async def test_the_buyers_word_that_goods_are_in_hand_counts_where_no_scan_tells(
    world: World,
) -> None:
    """Cash on delivery was paid for them, the right to withdraw lapses, and they can be sent."""
    now = await world.environment.get_current_time()
    placed = (now - timedelta(days=40)).isoformat()
    unscanned = {"payment": "cash-on-delivery", "parcels": [], "placed_at": placed}
    said = now - timedelta(days=5)
    life = await withdrawn(world, order=unscanned, in_hand_on=said.date())
    view = await life.view()
    assert view.said_in_hand_at
    assert view.preview
    assert view.preview.refund_minor == WHOLE
    await life.goods_back()
    await life.passes_until(clocks(await life.view())["send_goods"].due)
    await life.sees(lambda view: view.stage is Stage.WITHHELD)  # no agent looks for the goods
    assert await life.tasks() == []
    await life.send(PLATFORM, Close, reason="A test.")
    a_month_ago = (now - timedelta(days=30)).date()
    late = await withdrawn(world, order=unscanned, in_hand_on=a_month_ago)
    refusal = (await late.view()).refusal
    assert refusal
    assert refusal.code == "too-late"


async def test_a_refund_that_fails_is_an_agents_task_and_paid_once_on_retry(world: World) -> None:
    life = await withdrawn(world)
    life.marketplace(refunds="refuse", times=1)
    await inspected(life)
    await life.seller(Refund)
    view = await life.sees(lambda view: view.task)
    assert view.task
    assert (view.stage, view.task.purpose) == (Stage.REFUNDING, "refund-failed")
    await life.agent(RetryRefund)
    await ended(life, "refunded", WHOLE - LABEL["PL"])
    assert await life.tasks() == []
    given_up = await withdrawn(world)
    given_up.marketplace(refunds="refuse")
    await inspected(given_up)
    await given_up.seller(Refund)
    await given_up.sees(lambda view: view.task)
    await given_up.send(PLATFORM, Close, reason="Paid by hand.")
    await ended(given_up, "closed-by-platform")


async def test_a_refund_that_nobody_confirms_is_chased_by_an_agent_and_not_paid_twice(
    world: World,
) -> None:
    """What the window `refund_confirmation` does."""
    life = await withdrawn(world)
    life.marketplace(refunds="later")
    await inspected(life)
    await life.seller(Refund)
    view = await life.sees(lambda view: view.clocks and view.awaited is Party.PLATFORM)
    for verb, by in ((RetryRefund, AGENT), (Close, PLATFORM)):
        with pytest.raises(RefusedCommand, match="refund-unconfirmed"):
            await life.send(by, verb, **({"reason": "x"} if verb is Close else {}))
    assert view.due
    await life.passes_until(view.due)
    view = await life.sees(lambda view: view.task)
    assert view.task
    assert view.task.purpose == "refund-unconfirmed"
    assert view.refund
    key = view.refund.key
    world.settle(key)
    await life.signals(
        Withdrawal.refund_reported, RefundReport(key=key, state=RefundState.CONFIRMED)
    )
    await ended(life, "refunded", WHOLE - LABEL["PL"])
    assert life.letters(Party.BUYER).count("refund_delayed") == 1
    assert await life.tasks() == []


# Whatever was played.


@pytest.fixture(scope="module")
async def played(world: World, real_world: World) -> Played:
    """Every withdrawal that was played, as it ended."""
    return await world.played("withdrawal") + await real_world.played("withdrawal")


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
        assert sum(life.paid) <= whole(life.country) + 1000  # the dearest delivery is 10.00 dearer
        assert await life.tasks() == []
        assert life.breaches() == [breach.window for breach in reversed(view.breaches)]


async def test_every_arrow_of_the_flow_is_travelled(played: Played) -> None:
    assert not_travelled(Withdrawal.FLOW, played) == set()
