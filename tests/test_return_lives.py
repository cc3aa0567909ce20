"""Whole lives of returns: what happens to goods on their way back if …?"""

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands import (
    Accept,
    AcceptComplaint,
    BeginWork,
    Claim,
    Close,
    Decide,
    Explain,
    FinishWork,
    HandOver,
    Hold,
    Inspect,
    Offer,
    ProvideLabel,
    PutBack,
    Receive,
    Refund,
    Reject,
    Remedy,
    Say,
    ShipBack,
    Verdict,
    Withdraw,
)
from domain.goods import (
    CallOff,
    Condition,
    Custody,
    ParcelEvent,
    Purpose,
    Received,
    ReturnReason,
    Scan,
    Way,
)
from domain.notices import NoticeName
from domain.openings import OpenReturn
from domain.orders import Line
from domain.parcels import LATER, Parcels, Scans
from domain.parties import Party
from domain.ports import RefundState
from domain.stages import Stage
from domain.view import CaseView, Closed, ReturnView
from tests.life import LEAD, PLATFORM, SECOND, Life, RefusedCommand, V, World, arrows
from workflows.goods_return.process import GoodsReturn

WHOLE = 25999
WAY_BACK = 1299
ONE_A, ONE_B = Line(sku="A", quantity=1), Line(sku="B", quantity=1)
PARCEL = {"carrier": "Kurier", "tracking": "BACK-1", "expected_on": date(2099, 5, 6)}
FOR_BUYER: dict[str, Any] = {"verdict": Verdict.FOR_BUYER, "reasoning": "The proof shows it."}
FOR_SELLER: dict[str, Any] = {"verdict": Verdict.FOR_SELLER, "reasoning": "Nothing shows it."}

TRAVELLED: set[tuple[Stage, Stage]] = set()
"""The steps from stage to stage that the returns of this module have taken."""

_events = itertools.count(1)


def in_stage(stage: Stage) -> Callable[[CaseView], bool]:
    """Whether a case has come to a stage."""
    return lambda view: view.stage is stage


def found(sku: str = "A", quantity: int = 1, condition: str = "as-sent") -> Received:
    """Units as a seller finds them."""
    return Received(sku=sku, quantity=quantity, condition=Condition(condition))


def where(view: ReturnView) -> set[tuple[str, int, str]]:
    """How many of what are where."""
    return {(kept.sku, kept.quantity, kept.custody.value) for kept in view.custody}


async def coming(
    world: World,
    country: str = "PL",
    *,
    lines: tuple[Line, ...] = (ONE_A,),
    purpose: Purpose = Purpose.REFUND,
    way: Way | None = None,
    parent: str = "dispute",
) -> Life:
    """A return whose case has ended meanwhile: what it tells reaches nobody."""
    order = world.order(country, dear=country == "HU")  # cheap goods need not come back
    opening = OpenReturn(
        country=country,
        order_id=order,
        opened_by=PLATFORM,
        lines=lines,
        purpose=purpose,
        way=way,
        belongs_to=f"{parent}:{country}:{order}:1",
    )
    return await world.open(opening, GoodsReturn.run)


async def settled(
    world: World, remedy: Remedy, country: str = "PL", **more: Any
) -> tuple[Life, Life]:
    """A dispute that was settled by a remedy about goods, and its return."""
    dispute = await world.dispute(country, **more)
    await dispute.seller(Offer, remedy=remedy)
    await dispute.buyer(Accept)
    return dispute, await dispute.goods_back()


async def withdrawn(world: World, country: str = "PL", **more: Any) -> tuple[Life, Life]:
    """A withdrawal from goods in hand, and its return."""
    fields = more.pop("order", {})
    order = await world.in_hand(country, **fields)
    withdrawal = await world.withdrawal(country, order_id=order, **more)
    return withdrawal, await withdrawal.goods_back()


async def scan(life: Life, what: Scan, tracking: str | None = None, **more: Any) -> None:
    """A machine tells of a parcel."""
    now = await life.world.environment.get_current_time()
    fields = {"event_id": f"m{next(_events)}", "at": now, **more}
    await life.signals("parcel", ParcelEvent(scan=what, tracking=tracking, **fields))


async def ended(life: Life[ReturnView]) -> Closed:
    """How a return ends: nobody is awaited, and each unit is somewhere."""
    closed = await life.ends()
    view = await life.view()
    TRAVELLED.update(arrows(view))
    assert (view.stage, view.awaited, view.task) == (Stage.CLOSED, None, None)
    kept: dict[str, int] = {}
    for each in view.custody:
        kept[each.sku] = kept.get(each.sku, 0) + each.quantity
    assert kept == {line.sku: line.quantity for line in view.units}
    assert await life.tasks() == []
    return closed


async def labelled(life: Life) -> None:
    """The buyer has the platform's label."""
    await life.sees(lambda _: "label_ready" in life.letters(Party.BUYER))


async def arrived(life: Life[ReturnView], tracking: str | None = None) -> ReturnView:
    """A parcel has come to the seller."""
    await scan(life, Scan.ARRIVED, tracking)
    return await life.sees(in_stage(Stage.INSPECTING))


async def call_off(life: Life) -> None:
    """The case that the return belongs to needs it no more."""
    now = await life.world.environment.get_current_time()
    await life.signals("call_off", CallOff(at=now))


async def silent(life: Life[V], *expected: Callable[[V], object]) -> V:
    """The view once the running time has passed and what is expected has come."""
    view = await life.view()
    assert view.due
    await life.passes_until(view.due)
    return await life.sees(*expected)


# What machines tell of parcels.

INSTANTS = [datetime(2026, 3, day, tzinfo=UTC) for day in range(1, 8)]
EVENTS = st.lists(
    st.builds(
        ParcelEvent,
        event_id=st.sampled_from("abcdefgh"),
        scan=st.sampled_from(LATER),
        at=st.sampled_from(INSTANTS),
        tracking=st.sampled_from([None, "T1", "T2"]),
    ),
    max_size=8,
    unique_by=lambda event: event.event_id,
)


@given(EVENTS, st.randoms(use_true_random=False), st.integers(min_value=0, max_value=8))
def test_scans_in_any_order_and_repeated_tell_the_same(
    events: list[ParcelEvent], random: Any, again: int
) -> None:
    straight, mixed, scans = Parcels(), Parcels(), Scans()
    for event in events:
        straight.see(event)
    shuffled = [*events, *events[:again]]
    random.shuffle(shuffled)
    assert sum(scans.take(event) and mixed.see(event) for event in shuffled) == len(events)
    assert sorted(event.event_id for event in scans) == sorted(event.event_id for event in events)
    for of in ("scanned", "sent_at", "under_way", "missing"):
        assert getattr(mixed, of) == getattr(straight, of), of


@given(EVENTS, EVENTS)
def test_late_scans_of_an_inspected_parcel_bring_it_not_again(
    events: list[ParcelEvent], late: list[ParcelEvent]
) -> None:
    parcels = Parcels()
    told = [e.model_copy(update={"tracking": "T1"}) for e in events]
    for event in told:
        parcels.see(event)
    parcels.inspected(INSTANTS[-1])
    for n, event in enumerate(late):
        tracking = "T1" if told else None  # without a number, the time tells that it is late
        parcels.see(event.model_copy(update={"event_id": f"late{n}", "tracking": tracking}))
    assert parcels.scanned is None


# Each way back.


async def test_goods_come_back_by_the_platforms_label_and_their_price_is_refunded(
    world: World,
) -> None:
    withdrawal, life = await withdrawn(world, lines=(ONE_A,))
    await labelled(life)
    view = await life.view()
    assert (view.stage, view.awaited) == (Stage.AWAITING_GOODS, Party.BUYER)
    assert view.due == next(c.due for c in (await withdrawal.view()).clocks if c.window != "refund")
    assert view.belongs_to == withdrawal.handle.id
    assert where(view) == {("A", 1, "with-buyer")}
    sent = await life.buyer(HandOver, carrier="Poczta", tracking="PL1")
    assert (sent.stage, sent.awaited) == (Stage.IN_TRANSIT, Party.PLATFORM)
    assert where(await life.view()) == {("A", 1, "in-transit")}
    await withdrawal.sees(in_stage(Stage.AWAITING_REFUND))  # it is withheld no longer
    view = await arrived(life)
    assert (where(view), view.awaited) == ({("A", 1, "arrived")}, Party.SELLER)
    received = await life.seller(Receive, units=(found(),))
    assert received.stage is Stage.INSPECTING
    view = await life.view()
    assert (where(view), view.accepted) == ({("A", 1, "with-seller")}, ())
    with pytest.raises(RefusedCommand, match="already-done"):
        await life.seller(Receive, units=(found(),))
    await life.seller(PutBack)
    assert (await ended(life)).accepted == (ONE_A,)
    view = await life.view()
    assert (view.ending, where(view)) == ("returned", {("A", 1, "put-back")})
    assert (view.ruling, life.paid) == (None, [])  # money is the case's affair
    await withdrawal.seller(Refund)
    assert (await withdrawal.ends()).ending == "refunded"
    refund = (await withdrawal.view()).refund
    assert refund
    assert refund.state is RefundState.CONFIRMED
    assert life.letters(Party.BUYER) == [
        "return_opened",
        "label_ready",
        "goods_handed_over",
        "goods_arrived",
        "goods_received",
        "goods_accepted",
    ]


async def test_sellers_label_reaches_the_buyer_and_goods_come_before_any_scan(
    world: World,
) -> None:
    life = await coming(world, way=Way.SELLERS_LABEL, parent="withdrawal")
    view = await life.view()
    assert (view.stage, view.awaited) == (Stage.AWAITING_LABEL, Party.SELLER)
    assert await life.dues(NoticeName.LABEL_WANTED) == [view.due]
    provided = await life.seller(ProvideLabel, label="https://labels.example/1.pdf")
    assert (provided.stage, provided.awaited) == (Stage.AWAITING_GOODS, Party.BUYER)
    assert await life.dues(NoticeName.LABEL_READY) == [provided.due]
    received = await life.seller(Receive, units=(found(),))
    assert received.stage is Stage.INSPECTING
    await life.seller(Inspect)
    assert (await ended(life)).ending == "returned"
    view = await life.view()
    assert where(view) == {("A", 1, "with-seller")}
    assert any(entry.what == "news not taken" for entry in view.timeline)  # its case has ended


async def test_seller_without_a_label_is_breached_and_the_platforms_label_costs_nobody(
    world: World,
) -> None:
    """What the window `label` does."""
    withdrawal, life = await withdrawn(world, way=Way.SELLERS_LABEL)
    view = await silent(life, in_stage(Stage.AWAITING_GOODS))
    assert [b.window for b in view.breaches] == ["label"]
    await labelled(life)
    assert life.letters(Party.BUYER) == ["return_opened", "label_overdue", "label_ready"]
    assert life.letters(Party.SELLER).count("label_wanted") == 2  # once as a reminder
    await scan(life, Scan.HANDED_OVER)
    await withdrawal.sees(in_stage(Stage.AWAITING_REFUND))
    await withdrawal.seller(Refund)
    await life.seller(Receive, units=(found(quantity=2), found("B")))
    await life.seller(Inspect)
    await ended(life)
    await withdrawal.ends()
    assert withdrawal.paid == [WHOLE]  # the missed duty is not the buyer's to pay
    assert life.breaches() == ["label"]


async def test_buyers_own_way_needs_no_label(world: World) -> None:
    life = await coming(world, "HU")
    await life.buyer(HandOver, carrier="Posta")
    await arrived(life)
    await life.seller(Inspect, units=(found(condition="damaged"),))
    assert (await ended(life)).accepted == (ONE_A,)  # what it is worth is the money's affair
    assert "label_ready" not in life.letters()
    assert [kept.condition for kept in (await life.view()).custody] == [Condition.DAMAGED]


async def test_seller_who_collects_is_waited_for_and_one_who_does_not_answers_to_an_agent(
    world: World,
) -> None:
    life = await coming(world, way=Way.SELLER_COLLECTS)
    arranged = await life.seller(ProvideLabel, label="Tuesday, from nine to twelve")
    assert (arranged.stage, arranged.awaited) == (Stage.AWAITING_GOODS, Party.SELLER)
    view = await silent(life, in_stage(Stage.WITH_AGENT))
    assert view.task
    assert view.task.purpose == "goods-missing"
    assert where(view) == {("A", 1, "with-buyer")}
    await life.agent(Decide, **FOR_BUYER)
    assert (await ended(life)).accepted == (ONE_A,)
    view = await life.view()
    assert where(view) == {("A", 1, "with-buyer")}
    assert view.ruling
    assert view.ruling.verdict is Verdict.FOR_BUYER


async def test_seller_who_arranges_no_collection_gives_the_buyer_a_label_and_a_time(
    world: World,
) -> None:
    life = await coming(world, way=Way.SELLER_COLLECTS)
    assert await life.dues(NoticeName.RETURN_OPENED) == [None]
    view = await silent(life, in_stage(Stage.AWAITING_GOODS))
    assert (view.awaited, [b.window for b in view.breaches]) == (Party.BUYER, ["label"])
    assert (await ended(life)).ending == "not-sent"
    assert await life.dues(NoticeName.RETURN_OPENED) == [None, view.due, view.due]


async def test_goods_are_sent_while_the_label_service_is_down(world: World) -> None:
    order = world.order()
    world.behaves(order_id=order, shipments="fail")
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND, order_id=order)
    assert (await life.view()).stage is Stage.AWAITING_GOODS
    await life.buyer(HandOver, carrier="Poczta")
    await life.seller(Receive, units=(found(quantity=2), found("B")))
    await life.seller(Inspect)
    assert (await ended(life)).ending == "returned"
    assert "label_ready" not in life.letters()
    await dispute.ends()
    assert dispute.paid == [WHOLE]


async def test_refused_label_is_an_agents_to_provide_and_the_buyers_time_stands_still(
    world: World,
) -> None:
    order = world.order()
    world.behaves(order_id=order, shipments="refuse")
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND, order_id=order)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert view.task
    assert view.task.purpose == "label-refused"
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.agent(Decide, **FOR_BUYER)
    await life.passes(days=20)
    await life.agent(Claim)
    with pytest.raises(RefusedCommand, match="task-taken"):
        await life.send(SECOND, ProvideLabel, label="X")
    provided = await life.agent(ProvideLabel, label="https://labels.example/by-hand.pdf")
    assert (provided.stage, provided.awaited) == (Stage.AWAITING_GOODS, Party.BUYER)
    assert await life.dues(NoticeName.LABEL_READY) == [provided.due]
    assert (await life.view()).clocks[0].held
    assert (await ended(life)).ending == "not-sent"
    assert (await dispute.ends()).ending == "not-sent"
    assert dispute.paid == []


async def test_buyer_does_not_wait_for_a_refused_label(world: World) -> None:
    order = world.order()
    world.behaves(order_id=order, shipments="refuse")
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND, order_id=order)
    await life.sees(in_stage(Stage.WITH_AGENT))
    sent = await life.buyer(HandOver, carrier="Poczta")
    assert sent.stage is Stage.IN_TRANSIT
    assert await life.tasks() == []
    await arrived(life)
    assert (await ended(life)).ending == "returned"
    await dispute.ends()
    assert dispute.paid == [WHOLE]


# Parcels.


async def test_two_parcels_that_arrive_together_are_inspected_one_after_the_other(
    world: World,
) -> None:
    life = await coming(world, lines=(ONE_A, ONE_B))
    for what, tracking in (
        (Scan.ARRIVED, "T1"),
        (Scan.HANDED_OVER, "T1"),
        (Scan.ARRIVED, "T2"),
        (Scan.IN_TRANSIT, "T2"),
    ):
        await scan(life, what, tracking)
    await life.sees(in_stage(Stage.INSPECTING))
    await life.seller(Receive, units=(found(),))
    first = await life.seller(Inspect)
    assert first.stage is Stage.INSPECTING  # the other one is there too
    await scan(life, Scan.ARRIVED, "T1")
    view = await life.view()
    assert (view.accepted, where(view)) == (
        (ONE_A,),
        {("A", 1, "with-seller"), ("B", 1, "arrived")},
    )
    await life.seller(Inspect, units=(found("B"),))
    assert (await ended(life)).accepted == (ONE_A, ONE_B)
    assert life.letters(Party.BUYER).count("goods_accepted") == 2


async def test_partial_receipts_and_a_rest_that_never_comes(world: World) -> None:
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND)
    await life.buyer(HandOver, carrier="Poczta", tracking="T1")
    with pytest.raises(RefusedCommand, match="units-differ"):
        await life.seller(Receive, units=(found(quantity=3),))
    await asyncio.gather(
        life.seller(Receive, units=(found(),)), life.seller(Receive, units=(found(),))
    )
    with pytest.raises(RefusedCommand, match="units-differ"):
        await life.seller(Inspect, units=(found(),))
    inspected = await life.seller(Inspect)
    assert (inspected.stage, inspected.awaited) == (Stage.IN_TRANSIT, Party.PLATFORM)
    view = await silent(life, in_stage(Stage.WITH_AGENT))
    assert where(view) == {("A", 1, "with-seller"), ("B", 1, "lost")}
    assert life.letters(Party.SELLER).count("goods_handed_over") == 1
    await life.agent(Decide, **FOR_SELLER)
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("returned", (Line(sku="A", quantity=2),))
    assert (await dispute.ends()).ending == "settled"
    assert dispute.paid == [20000]  # only what came back


async def test_nothing_arrives_and_an_agent_rules_that_it_counts(world: World) -> None:
    """What the window `transit` does."""
    withdrawal, life = await withdrawn(world)
    await labelled(life)
    await life.buyer(HandOver, carrier="Poczta")
    await life.buyer(HandOver, carrier="Poczta", tracking="T1")  # its number, later
    view = await silent(life, in_stage(Stage.WITH_AGENT))
    assert view.task
    assert (view.task.purpose, view.task.due) == ("goods-missing", view.due)
    await withdrawal.seller(Refund)  # dispatch sufficed
    await life.agent(Decide, **FOR_BUYER)
    closed = await ended(life)
    assert (closed.ending, len(closed.accepted)) == ("returned", 2)
    view = await life.view()
    assert {kept.custody for kept in view.custody} == {Custody.LOST}
    assert view.ruling
    assert (await withdrawal.ends()).ending == "refunded"
    assert withdrawal.paid == [WHOLE - WAY_BACK]


async def test_nothing_arrives_and_an_agent_rules_that_it_does_not_count(world: World) -> None:
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND)
    await scan(life, Scan.LOST)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    await life.agent(Decide, **FOR_SELLER)
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("not-taken-back", ())
    assert view.task
    assert view.task.purpose == "goods-missing"
    assert (await dispute.ends()).ending == "not-taken-back"
    assert dispute.paid == []


@pytest.mark.parametrize("how", ["scan", "receipt", "refused-first"])
async def test_goods_come_after_all_while_an_agent_looks(world: World, how: str) -> None:
    life = await coming(world)
    if how == "refused-first":
        await scan(life, Scan.REFUSED)
    else:
        await life.buyer(HandOver, carrier="Poczta")
        await silent(life)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    assert view.task
    wanted = "refused-on-arrival" if how == "refused-first" else "goods-missing"
    assert view.task.purpose == wanted
    if how == "scan":
        await arrived(life)
    else:
        came = await life.seller(Receive, units=(found(),))
        assert came.stage is Stage.INSPECTING
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.agent(Decide, **FOR_SELLER)
    await life.seller(Inspect)
    assert (await ended(life)).ending == "returned"
    assert await life.tasks() == []
    assert life.letters(Party.BUYER).count("ruling") == 0


async def test_task_of_a_return_goes_back_to_the_queue_and_to_the_lead(world: World) -> None:
    """What the windows `decision`, `lead_decision` and `claim` do."""
    life = await coming(world)
    await scan(life, Scan.LOST)
    view = await life.sees(in_stage(Stage.WITH_AGENT))
    decision = view.due
    claimed = await life.agent(Claim)
    assert claimed.due
    await life.passes_until(claimed.due)
    view = await life.sees(lambda view: view.task and view.task.owner is None)
    assert (view.due, decision) == (decision, view.due)
    lead = await silent(life, lambda view: view.task and view.task.queue == "leads")
    await silent(life, lambda view: view.due != lead.due)
    await life.send(LEAD, Decide, **FOR_SELLER)
    assert (await ended(life)).ending == "not-taken-back"


async def test_hold_of_a_returns_clock_ends_by_itself(world: World) -> None:
    """What the window `hold` does."""
    life = await coming(world)
    due = (await life.view()).due
    held = await life.agent(Hold, reason="The carrier is asked.")
    assert (held.due, due is None) == (None, False)
    await life.passes(days=60)
    assert (await ended(life)).ending == "not-sent"
    view = await life.view()
    assert "clock runs again" in [entry.what for entry in view.timeline]
    assert due
    assert view.timeline[-1].at - due > timedelta(days=13)


# What the seller finds.


@pytest.mark.parametrize(
    ("condition", "sent_back"), [("wrong", True), ("empty", False), ("missing", False)]
)
async def test_finding_accepted_is_not_refunded_and_wrong_goods_go_back(
    world: World, condition: str, sent_back: bool
) -> None:
    life = await coming(world)
    await arrived(life)
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.buyer(Accept)
    asked = await life.seller(Inspect, units=(found(condition=condition),), text="See the photo.")
    assert (asked.stage, asked.awaited) == (Stage.AWAITING_BUYER, Party.BUYER)
    assert await life.dues(NoticeName.FINDING) == [asked.due]
    accepted = await life.buyer(Accept)
    if sent_back:
        assert (accepted.stage, accepted.awaited) == (Stage.SENDING_BACK, Party.SELLER)
        await life.seller(ShipBack, **PARCEL)
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("not-taken-back", ())
    assert where(await life.view()) == {("A", 1, "on-the-way-back" if sent_back else "lost")}
    letters = life.letters(Party.BUYER)
    assert ("shipped_back" in letters, "goods_accepted" in letters) == (sent_back, False)
    if sent_back:
        [shipped] = [notice.facts for notice in await life.notices(NoticeName.SHIPPED_BACK)]
        assert (shipped.tracking, shipped.expected_on) == ("BACK-1", PARCEL["expected_on"])


@pytest.mark.parametrize("verdict", [Verdict.FOR_BUYER, Verdict.FOR_SELLER])
async def test_contested_finding_is_ruled_by_an_agent_and_refunded_as_ruled(
    world: World, verdict: Verdict
) -> None:
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND, lines=(ONE_A,))
    await life.seller(Receive, units=(found(condition="empty"),))
    await life.seller(Inspect)
    contested = await life.buyer(Reject, text="I packed the lamp.")
    assert (contested.stage, contested.awaited) == (Stage.WITH_AGENT, Party.AGENT)
    answers = await asyncio.gather(
        life.agent(Decide, verdict=verdict, reasoning="The scale says so."),
        life.send(SECOND, Decide, verdict=Verdict.SHARED, reasoning="Who knows?"),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Exception) for answer in answers) == 1
    if isinstance(answers[0], Exception):
        verdict = Verdict.SHARED
    closed = await ended(life)
    view = await life.view()
    assert view.ruling
    assert view.ruling.verdict is verdict
    assert where(view) == {("A", 1, "lost")}
    for_seller = verdict is Verdict.FOR_SELLER
    assert closed.accepted == (() if for_seller else (ONE_A,))
    assert (await dispute.ends()).ending == ("not-taken-back" if for_seller else "settled")
    assert dispute.paid == ([] if for_seller else [10000])


async def test_buyer_silent_about_a_finding_brings_an_agent(world: World) -> None:
    """What the window `finding_answer` does."""
    life = await coming(world)
    await life.seller(Receive, units=(found(condition="wrong"),))
    await life.seller(Inspect)
    view = await silent(life, in_stage(Stage.WITH_AGENT))
    assert view.task
    assert view.task.purpose == "finding-contested"
    assert life.letters(Party.BUYER).count("finding") == 2  # once as a reminder
    await life.agent(Decide, **FOR_SELLER)
    await life.sees(in_stage(Stage.SENDING_BACK))
    view = await silent(life, in_stage(Stage.WITH_AGENT))
    assert view.task
    assert (view.task.purpose, [b.window for b in view.breaches]) == (
        "sending-overdue",
        ["ship_back"],
    )
    late = await life.seller(ShipBack, **PARCEL)
    assert late.stage is Stage.CLOSED
    assert (await ended(life)).ending == "not-taken-back"
    assert where(await life.view()) == {("A", 1, "on-the-way-back")}


async def test_of_one_line_the_good_unit_is_taken_and_the_wrong_one_goes_back(
    world: World,
) -> None:
    life = await coming(world, lines=(Line(sku="A", quantity=2), ONE_B))
    await arrived(life, "T1")
    with pytest.raises(RefusedCommand, match="units-differ"):
        await life.seller(Receive, units=(found(condition="wrong"), found("A", 2)))
    await life.seller(Receive, units=(found(condition="wrong"), found()))
    with pytest.raises(RefusedCommand, match="units-differ"):
        await life.seller(PutBack)
    await life.seller(Inspect)
    await scan(life, Scan.IN_TRANSIT, "T2")
    rest = await life.buyer(Accept)
    assert rest.stage is Stage.IN_TRANSIT
    await arrived(life, "T2")
    await life.seller(PutBack)
    sent = await life.seller(ShipBack, **PARCEL)
    assert sent.stage is Stage.CLOSED
    assert (await ended(life)).accepted == (ONE_A, ONE_B)
    kept = {(k.sku, k.condition, k.custody) for k in (await life.view()).custody}
    assert kept == {
        ("A", Condition.WRONG, Custody.ON_THE_WAY_BACK),
        ("A", Condition.AS_SENT, Custody.WITH_SELLER),
        ("B", Condition.AS_SENT, Custody.PUT_BACK),
    }


async def test_second_parcel_comes_while_the_buyer_or_an_agent_weighs_the_first(
    world: World,
) -> None:
    for contest in (False, True):
        life = await coming(world, lines=(ONE_A, ONE_B))
        await life.seller(Receive, units=(found(condition="missing"),))
        await life.seller(Inspect)
        if contest:
            await life.buyer(Reject)
        with pytest.raises(RefusedCommand, match="wrong-stage"):
            await life.seller(Receive, units=(found("B"),))
        await scan(life, Scan.ARRIVED, "T2")
        if contest:
            await life.agent(Decide, **FOR_SELLER)
        else:
            await life.buyer(Accept)
        await life.sees(in_stage(Stage.INSPECTING))
        await life.seller(Inspect)
        assert (await ended(life)).accepted == (ONE_B,)


async def test_rest_still_travels_after_an_agents_ruling(world: World) -> None:
    life = await coming(world, lines=(ONE_A, ONE_B))
    await life.seller(Receive, units=(found(condition="empty"),))
    await life.seller(Inspect)
    await life.buyer(Reject)
    ruled = await life.agent(Decide, **FOR_BUYER)
    assert ruled.stage is Stage.IN_TRANSIT
    await life.send(PLATFORM, Close, reason="test")
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("closed-by-platform", (ONE_A,))


# The seller is silent.


async def test_silent_inspection_accepts_the_goods_in_poland(world: World) -> None:
    """What the window `inspection` does."""
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND)
    view = await arrived(life)
    assert await life.dues(NoticeName.GOODS_ARRIVED) == [view.due, view.due]
    closed = await ended(life)
    assert (closed.ending, len(closed.accepted)) == ("returned", 2)
    assert (life.breaches(), (await life.view()).ruling) == ([], None)
    assert (await dispute.ends()).ending == "settled"
    assert dispute.paid == [WHOLE]


@pytest.mark.parametrize("verdict", [Verdict.FOR_BUYER, Verdict.FOR_SELLER])
async def test_silent_inspection_brings_an_agent_in_hungary(world: World, verdict: Verdict) -> None:
    life = await coming(world, "HU")
    await arrived(life)
    view = await silent(life, in_stage(Stage.WITH_AGENT))
    assert view.task
    assert (view.task.purpose, [b.window for b in view.breaches]) == (
        "inspection-overdue",
        ["inspection"],
    )
    ruled = await life.agent(Decide, verdict=verdict, reasoning="It was there for days.")
    if verdict is Verdict.FOR_SELLER:
        assert ruled.stage is Stage.SENDING_BACK
        with pytest.raises(RefusedCommand, match="wrong-stage"):
            await life.seller(Inspect)
        await life.seller(ShipBack, **PARCEL)
    closed = await ended(life)
    assert closed.accepted == ((ONE_A,) if verdict is Verdict.FOR_BUYER else ())


async def test_seller_inspects_after_all_while_an_agent_looks(world: World) -> None:
    life = await coming(world, "HU")
    await arrived(life)
    await silent(life, in_stage(Stage.WITH_AGENT))
    inspected = await life.seller(Inspect, units=(found(condition="wrong"),))
    assert inspected.stage is Stage.AWAITING_BUYER
    await life.buyer(Accept)
    await silent(life, in_stage(Stage.WITH_AGENT))
    await life.agent(Decide, **FOR_BUYER)  # what a seller keeps, a seller has taken back
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("returned", (ONE_A,))
    assert where(await life.view()) == {("A", 1, "with-seller")}
    assert life.breaches() == ["ship_back", "inspection"]


# Nothing is sent.


async def test_goods_under_the_limit_need_not_come_back(world: World) -> None:
    order = world.alter(
        world.order(),
        lines=[{"sku": "A", "title": "Lamp", "quantity": 1, "unit_price_minor": 2000}],
        delivery_paid_minor=0,
    )
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND, order_id=order)
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("returnless", (ONE_A,))
    assert where(await life.view()) == {("A", 1, "with-buyer")}
    assert life.letters(Party.BUYER) == ["returnless"]
    assert (await dispute.ends()).ending == "settled"
    assert dispute.paid == [2000]


async def test_goods_not_sent_end_a_disputes_return(world: World) -> None:
    """What the window `send_goods` does."""
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND)
    due = (await life.view()).due
    assert (await ended(life)).ending == "not-sent"
    assert await life.dues(NoticeName.RETURN_OPENED) == [due, due]
    assert "goods_not_sent" in life.letters(Party.BUYER)
    assert (await dispute.ends()).ending == "not-sent"
    assert dispute.paid == []


async def test_goods_not_sent_leave_a_withdrawals_return_waiting_until_it_is_called_off(
    world: World,
) -> None:
    withdrawal, life = await withdrawn(world)
    await silent(life, lambda view: view.due is None)
    assert (await life.view()).stage is Stage.AWAITING_GOODS
    await withdrawal.sees(in_stage(Stage.WITHHELD))
    assert (await withdrawal.ends()).ending == "nothing-came-back"
    assert (await ended(life)).ending == "called-off"
    assert where(await life.view()) == {("A", 2, "with-buyer"), ("B", 1, "with-buyer")}
    assert withdrawal.paid == []


async def test_goods_of_a_withdrawal_may_come_very_late(world: World) -> None:
    withdrawal, life = await withdrawn(world)
    await silent(life, lambda view: view.due is None)
    await scan(life, Scan.HANDED_OVER)
    await withdrawal.sees(in_stage(Stage.AWAITING_REFUND))
    await withdrawal.seller(Refund)
    await life.seller(Receive, units=(found(quantity=2), found("B")))
    await life.seller(Inspect)
    await ended(life)
    assert (await withdrawal.ends()).ending == "refunded"
    assert withdrawal.paid == [WHOLE - WAY_BACK]


# Called off.


async def test_called_off_before_the_goods_moved_stops_at_once(world: World) -> None:
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND)
    await dispute.send(PLATFORM, Close, reason="They made up.")
    assert (await ended(life)).ending == "called-off"
    assert (await dispute.ends()).ending == "closed-by-platform"
    assert "called_off" in life.letters(Party.BUYER)
    assert {kept.custody for kept in (await life.view()).custody} == {Custody.WITH_BUYER}
    assert dispute.paid == []


async def test_called_off_on_the_way_the_goods_arrive_and_go_back(world: World) -> None:
    dispute, life = await settled(world, Remedy.RETURN_FOR_REFUND)
    await life.buyer(HandOver, carrier="Poczta")
    await dispute.send(PLATFORM, Close, reason="They made up.")
    await dispute.buyer(Say, text="And my lamp?")
    await scan(life, Scan.ARRIVED)
    await life.sees(in_stage(Stage.SENDING_BACK))
    # Talk goes on while the goods travel.
    await dispute.sees(lambda _: "message" in dispute.letters(Party.SELLER))
    await life.seller(ShipBack, **PARCEL)
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("called-off", ())
    assert {k.custody for k in (await life.view()).custody} == {Custody.ON_THE_WAY_BACK}
    assert (await dispute.ends()).ending == "closed-by-platform"


async def test_called_off_on_the_way_the_goods_are_lost(world: World) -> None:
    life = await coming(world)
    await life.buyer(HandOver, carrier="Poczta")
    await call_off(life)
    await scan(life, Scan.LOST)
    assert (await ended(life)).ending == "called-off"
    assert where(await life.view()) == {("A", 1, "lost")}


async def test_called_off_between_two_parcels_what_came_goes_back(world: World) -> None:
    life = await coming(world, lines=(ONE_A, ONE_B))
    await life.seller(Receive, units=(found(),))
    await life.seller(Inspect)
    await call_off(life)
    await scan(life, Scan.LOST, "T2")
    await life.sees(in_stage(Stage.SENDING_BACK))
    await life.seller(ShipBack, **PARCEL)
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("called-off", ())
    assert where(await life.view()) == {("A", 1, "on-the-way-back"), ("B", 1, "lost")}


@pytest.mark.parametrize("stage", ["inspecting", "finding", "agent", "ruling", "missing", "work"])
async def test_called_off_at_the_sellers_whatever_came_goes_back(world: World, stage: str) -> None:
    life = await coming(world, "HU", purpose=Purpose.REPAIR)
    if stage == "missing":
        await scan(life, Scan.LOST)
        await life.sees(in_stage(Stage.WITH_AGENT))
    else:
        condition = "as-sent" if stage == "work" else "wrong"
        await life.seller(Receive, units=(found(condition=condition),))
    if stage in ("finding", "ruling", "work"):
        await life.seller(Inspect)
    if stage == "ruling":
        await life.buyer(Reject)
    if stage == "agent":
        await silent(life, in_stage(Stage.WITH_AGENT))
    await call_off(life)
    if stage != "missing":
        await life.sees(in_stage(Stage.SENDING_BACK))
        await life.seller(ShipBack, **PARCEL)
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("called-off", ())
    assert await life.tasks() == []
    assert life.letters(Party.BUYER).count("called_off") == 1
    way = "lost" if stage == "missing" else "on-the-way-back"
    assert where(await life.view()) == {("A", 1, way)}


async def test_call_off_that_comes_too_late_changes_nothing(world: World) -> None:
    life = await coming(world)
    await life.seller(Receive, units=(found(condition="wrong"),))
    await life.seller(Inspect)
    await life.buyer(Accept)
    await call_off(life)
    await life.seller(ShipBack, **PARCEL)
    assert (await ended(life)).ending == "called-off"
    assert life.letters(Party.SELLER).count("ship_back_wanted") == 1  # and not asked for twice


@pytest.mark.parametrize(
    "stage", ["label", "goods", "transit", "inspecting", "finding", "agent", "work", "sending"]
)
async def test_platform_closes_a_return_at_any_stage(world: World, stage: str) -> None:
    life = await coming(
        world,
        lines=(ONE_A, ONE_B),
        purpose=Purpose.REPAIR,
        way=Way.SELLERS_LABEL if stage == "label" else None,
    )
    if stage == "transit":
        await life.buyer(HandOver, carrier="Poczta")
    elif stage == "inspecting":
        await life.seller(Receive, units=(found(),))
    elif stage in ("finding", "agent"):
        await life.seller(Receive, units=(found(condition="wrong"),))
        await life.seller(Inspect)
        if stage == "agent":
            await life.buyer(Reject)
    elif stage in ("work", "sending"):
        await life.seller(Receive, units=(found(), found("B")))
        await life.seller(Inspect)
        if stage == "sending":
            await life.seller(FinishWork)
    await life.send(PLATFORM, Close, reason="The order was a test.")
    assert (await ended(life)).ending == "closed-by-platform"
    assert await life.tasks() == []
    assert "work_wanted" not in life.letters() or stage in ("work", "sending")


# Goods with no case.


async def test_goods_with_no_case_are_explained_and_become_a_withdrawal(real_world: World) -> None:
    order = await real_world.in_hand()
    life = await real_world.goods_return(order_id=order)
    view = await life.view()
    assert (view.stage, view.awaited, view.belongs_to) == (Stage.UNEXPLAINED, Party.BUYER, None)
    assert where(view) == {("A", 1, "with-seller")}
    with pytest.raises(RefusedCommand, match="reason-differs"):
        await life.buyer(
            Explain, reason=ReturnReason.DOES_NOT_FIT, wanted=Remedy.REPAIR, text="Too large."
        )
    await life.buyer(Explain, reason=ReturnReason.DOES_NOT_FIT, text="Too large.")
    assert (await ended(life)).ending == "explained"
    withdrawal = real_world.follow(life, f"withdrawal:PL:{order}:1")
    view = await withdrawal.sees(in_stage(Stage.AWAITING_REFUND))
    assert (view.units, view.returns) == ((ONE_A,), ())
    await withdrawal.seller(Refund)
    assert (await withdrawal.ends()).ending == "refunded"
    assert withdrawal.paid == [10000 + 399]  # with its share of the delivery


async def test_goods_with_no_case_are_explained_and_become_a_complaint(real_world: World) -> None:
    """The seller has them: they are repaired where they are, and nobody is asked to send them."""
    order = await real_world.in_hand()
    life = await real_world.goods_return(order_id=order)
    await life.buyer(Explain, reason=ReturnReason.DEFECTIVE, text="It does not light.")
    assert (await ended(life)).ending == "explained"
    complaint = real_world.follow(life, f"complaint:PL:{order}:1")
    view = await complaint.sees(in_stage(Stage.AWAITING_SELLER))
    assert (view.reason, view.wanted, view.units) == ("defective", "repair", (ONE_A,))
    await complaint.seller(AcceptComplaint)
    back = await complaint.goods_back()
    view = await back.sees(in_stage(Stage.WORKING))
    assert where(view) == {("A", 1, "with-seller")}
    await back.seller(FinishWork)
    await back.seller(ShipBack, **PARCEL)
    closed = await ended(back)
    assert (closed.ending, closed.accepted) == ("repaired", (ONE_A,))
    assert set(back.letters(Party.BUYER)) == {"work_done", "shipped_back"}
    await complaint.sees(in_stage(Stage.WATCHING))
    await complaint.send(PLATFORM, Close, reason="The order was a test.")
    await complaint.ends()


async def test_goods_of_a_complaint_that_comes_to_nothing_go_back(real_world: World) -> None:
    order = await real_world.in_hand()
    life = await real_world.goods_return(order_id=order)
    await life.buyer(
        Explain, reason=ReturnReason.WRONG_GOODS, wanted=Remedy.REPLACEMENT, text="Not my lamp."
    )
    assert (await ended(life)).ending == "explained"
    complaint = real_world.follow(life, f"complaint:PL:{order}:1")
    assert (await complaint.sees(in_stage(Stage.AWAITING_SELLER))).wanted == "replacement"
    await complaint.buyer(Withdraw, text="It is my lamp after all.")
    back = await complaint.goods_back()
    await back.sees(in_stage(Stage.SENDING_BACK))
    await back.seller(ShipBack, **PARCEL)
    closed = await ended(back)
    assert (closed.ending, closed.accepted) == ("called-off", ())
    assert where(await back.view()) == {("A", 1, "on-the-way-back")}
    assert "work_wanted" not in back.letters()
    assert (await complaint.ends()).ending == "withdrawn"
    assert life.paid == []


async def test_goods_that_the_seller_has_already_are_taken_back_at_once(world: World) -> None:
    back = await world.open(
        OpenReturn(
            country="PL",
            order_id=world.order(),
            opened_by=PLATFORM,
            lines=(ONE_A,),
            belongs_to="complaint:PL:7:1",
            goods_in="return:PL:7:1",
        ),
        GoodsReturn.run,
    )
    closed = await ended(back)
    assert (closed.ending, closed.accepted) == ("returned", (ONE_A,))
    assert where(await back.view()) == {("A", 1, "with-seller")}


async def test_goods_with_no_case_that_came_too_late_go_back(world: World) -> None:
    order = await world.in_hand(days_ago=30)
    life = await world.goods_return(order_id=order)
    await life.buyer(Explain, reason=ReturnReason.NO_REASON, text="I do not need it.")
    await life.sees(in_stage(Stage.SENDING_BACK))
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.buyer(Explain, reason=ReturnReason.NO_REASON, text="Please.")
    await life.seller(ShipBack, **PARCEL)
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("not-taken-back", ())
    assert life.paid == []


async def test_goods_that_nobody_explains_go_back_or_an_agent_rules(world: World) -> None:
    """What the windows `explanation` and `ship_back` do."""
    life = await world.goods_return()
    due = (await life.view()).due
    view = await silent(life, in_stage(Stage.SENDING_BACK))
    assert await life.dues(NoticeName.RETURN_UNEXPLAINED) == [due, due]
    assert await life.dues(NoticeName.SHIP_BACK_WANTED) == [view.due]
    view = await silent(life, in_stage(Stage.WITH_AGENT))
    assert view.task
    assert view.task.purpose == "sending-overdue"
    assert [b.window for b in view.breaches] == ["ship_back"]
    await life.agent(Decide, **FOR_SELLER)
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("not-taken-back", ())
    assert where(await life.view()) == {("A", 1, "with-seller")}


async def test_empty_parcel_with_no_case_is_no_withdrawal_from_the_whole_order(
    world: World,
) -> None:
    order = await world.in_hand()
    life = await world.goods_return(order_id=order, received=(found(condition="empty"),))
    await life.buyer(Explain, reason=ReturnReason.NO_REASON, text="I do not need it.")
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("not-taken-back", ())
    assert life.paid == []


async def test_withdrawal_for_goods_that_came_takes_the_next_free_number(real_world: World) -> None:
    order = await real_world.in_hand()
    first = await real_world.withdrawal(order_id=order, lines=(ONE_B,))
    back = await first.goods_back()
    life = await real_world.goods_return(order_id=order, number=2)
    await life.buyer(Explain, reason=ReturnReason.FOUND_CHEAPER, text="Elsewhere.")
    assert (await ended(life)).ending == "explained"
    second = real_world.follow(life, f"withdrawal:PL:{order}:2")
    await second.sees(in_stage(Stage.AWAITING_REFUND))
    await second.seller(Refund)
    assert (await second.ends()).ending == "refunded"
    await back.seller(Receive, units=(found("B"),))
    await back.seller(Inspect)
    await ended(back)
    await first.seller(Refund)
    assert (await first.ends()).ending == "refunded"
    assert sorted(life.paid) == [5000 + 200 - WAY_BACK, 10000 + 399]


@pytest.mark.parametrize("received", [(), (found("X"),), (found("A", 3),)])
async def test_goods_that_did_not_come_or_are_not_of_the_order_open_no_return(
    world: World, received: tuple[Received, ...]
) -> None:
    life = await world.goods_return(received=received)
    assert (await ended(life)).ending == "not-opened"
    assert life.letters() == []


# Repair and replacement.


@pytest.mark.parametrize(
    ("remedy", "ending", "custody"),
    [
        (Remedy.REPAIR, "repaired", "on-the-way-back"),
        (Remedy.REPLACEMENT, "replaced", "with-seller"),
    ],
)
async def test_each_stage_of_the_work_is_announced_to_the_buyer(
    world: World, remedy: Remedy, ending: str, custody: str
) -> None:
    dispute, life = await settled(world, remedy, lines=(ONE_A,))
    await labelled(life)
    await life.buyer(HandOver, carrier="Poczta", tracking="PL1")
    await life.seller(Receive, units=(found(condition="damaged"),))
    working = await life.seller(Inspect)
    assert (working.stage, working.awaited) == (Stage.WORKING, Party.SELLER)
    assert await life.dues(NoticeName.WORK_WANTED) == [working.due]
    await life.seller(BeginWork, text="The socket is changed.")
    with pytest.raises(RefusedCommand, match="already-done"):
        await life.seller(BeginWork)
    ready = await life.seller(FinishWork)
    assert (ready.stage, ready.awaited) == (Stage.SENDING_BACK, Party.SELLER)
    await life.seller(ShipBack, **PARCEL)
    assert (await ended(life)).ending == ending
    assert life.letters(Party.BUYER) == [
        "return_opened",
        "label_ready",
        "goods_handed_over",
        "goods_received",
        "goods_accepted",
        "work_begun",
        "work_done",
        "shipped_back",
    ]
    assert where(await life.view()) == {("A", 1, custody)}
    assert (await dispute.ends()).ending == "settled"
    assert (dispute.paid, (await dispute.view()).refund) == ([], None)


@pytest.mark.parametrize("finished", [False, True])
async def test_overdue_work_is_a_breach_and_an_agent_decides_the_dispute_anew(
    world: World, finished: bool
) -> None:
    """What the window `work` does."""
    dispute, life = await settled(world, Remedy.REPAIR, lines=(ONE_A,))
    await life.seller(Receive, units=(found(),))
    await life.seller(Inspect)
    if finished:
        await life.seller(FinishWork)
    assert (await ended(life)).ending == "not-fulfilled"
    assert life.breaches() == ["ship_back" if finished else "work"]
    assert "duty_overdue" in life.letters(Party.BUYER)
    view = await dispute.sees(in_stage(Stage.WITH_AGENT))
    assert view.task
    await dispute.agent(Decide, **FOR_BUYER, remedy=Remedy.FULL_REFUND)
    assert (await dispute.ends()).ending == "decided"
    assert dispute.paid == [10000]
    assert where(await life.view()) == {("A", 1, "with-seller")}


async def test_only_what_is_taken_is_repaired_and_the_rest_goes_back_first(world: World) -> None:
    life = await coming(world, lines=(Line(sku="A", quantity=2),), purpose=Purpose.REPAIR)
    await life.seller(Receive, units=(found(quantity=2),))
    await life.seller(Inspect, units=(found(), found(condition="wrong")))
    await life.buyer(Accept)
    sent = await life.seller(ShipBack, **PARCEL)
    assert sent.stage is Stage.WORKING
    answers = await asyncio.gather(
        *(life.seller(ShipBack, **{**PARCEL, "tracking": f"N{n}"}) for n in range(3)),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    closed = await ended(life)
    assert (closed.ending, closed.accepted) == ("repaired", (ONE_A,))
    assert life.letters(Party.BUYER).count("shipped_back") == 2
    assert life.letters(Party.BUYER).count("goods_received") == 1


async def test_work_begins_after_an_empty_box_or_an_agents_ruling(world: World) -> None:
    for country in ("PL", "HU"):
        life = await coming(world, country, lines=(ONE_A, ONE_B), purpose=Purpose.REPLACEMENT)
        if country == "PL":
            await life.seller(Receive, units=(found(), found("B", condition="empty")))
            await life.seller(Inspect)
            moved = await life.buyer(Accept)
        else:
            await arrived(life)
            await silent(life, in_stage(Stage.WITH_AGENT))
            moved = await life.agent(Decide, **FOR_BUYER)
        assert moved.stage is Stage.WORKING
        await life.seller(ShipBack, **PARCEL)
        assert (await ended(life)).ending == "replaced"


# What races.


async def test_scan_that_comes_before_the_case_is_registered_is_not_lost(world: World) -> None:
    order = world.order()
    opening = OpenReturn(
        country="PL",
        order_id=order,
        opened_by=PLATFORM,
        lines=(ONE_A,),
        belongs_to=f"dispute:PL:{order}:1",
    )
    now = await world.environment.get_current_time()
    handle = await world.client.start_workflow(
        GoodsReturn.run,
        opening,
        id=opening.case_id,
        task_queue=world.settings.task_queue,
        start_signal="parcel",
        start_signal_args=[ParcelEvent(event_id="e", scan=Scan.REFUSED, at=now)],
    )
    life = Life(world, handle, "PL", order)
    world.lives.append(life)
    await life.sees(in_stage(Stage.WITH_AGENT))
    await call_off(life)
    assert (await ended(life)).ending == "called-off"


async def test_receipt_and_ruling_at_once_have_one_winner(world: World) -> None:
    for _ in range(3):
        life = await coming(world)
        await scan(life, Scan.LOST)
        await life.sees(in_stage(Stage.WITH_AGENT))
        ruled, received = await asyncio.gather(
            life.agent(Decide, **FOR_SELLER),
            life.seller(Receive, units=(found(),)),
            return_exceptions=True,
        )
        assert isinstance(ruled, RefusedCommand) is not isinstance(received, RefusedCommand)
        closed = await ended(life)
        view = await life.view()
        if isinstance(ruled, RefusedCommand):
            assert (closed.accepted, view.ruling) == ((ONE_A,), None)
        else:
            assert view.ruling
            assert (closed.accepted, view.ruling.verdict) == ((), Verdict.FOR_SELLER)


# All of them.


async def test_every_arrow_of_the_flow_is_travelled() -> None:
    drawn = {(a, b) for a, following in GoodsReturn.FLOW.items() for b in following}
    assert drawn - TRAVELLED == set()
