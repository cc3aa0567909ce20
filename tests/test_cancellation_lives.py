"""Whole lives of cancellations, all countries: who was first, what is refunded, and what if …?"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import requests
from pydantic import ValidationError
from temporalio.common import WorkflowIDConflictPolicy

from domain.commands import (
    Accept,
    Claim,
    Close,
    Decide,
    Offer,
    Refund,
    Remedy,
    ReportSent,
    RetryRefund,
    Say,
    Verdict,
)
from domain.goods import Scan
from domain.notices import Ending, NoticeName
from domain.openings import OpenCancellation
from domain.orders import Line
from domain.parties import Party
from domain.ports import RefundReport, RefundState
from domain.refunds import WayBack
from domain.refusals import Code
from domain.stages import Stage
from domain.view import CaseView
from policies import read_policy
from tests.life import AGENT, BUYER, PLATFORM, SELLER, Life, RefusedCommand, World, not_travelled
from tests.policies import EVERY_COUNTRY
from tests.skipping import let_pass
from workflows.cancellation.process import Cancellation

ONE_A = (Line(sku="A", quantity=1),)
REST = (Line(sku="A", quantity=1), Line(sku="B", quantity=1))
SHARE = {"PL": 399, "SI": 0, "HU": 300}
"""What comes back of the delivery of 9.99 with 100.00 of 250.00; in Slovenia nothing does."""


async def dear(world: World, country: str = "PL", **fields: Any) -> str:
    """An order placed now for 25,009.99, which is refunded when the seller orders it."""
    now = (await world.environment.get_current_time()).isoformat()
    return world.alter(world.order(country, dear=True), placed_at=now, **fields)


async def cancelled(world: World, order_id: str = "", **more: Any) -> Life:
    """Cancel a fresh order, and see what the marketplace says to it."""
    life = await world.cancellation(order_id=order_id or await world.fresh(), **more)
    await life.sees(lambda view: view.stage is not Stage.STOPPING)
    return life


def ship(world: World, order_id: str) -> int:
    """The seller enters a tracking number; what the marketplace answers."""
    url = f"{world.marketplace}/standin/orders/{order_id}/shipment"
    return requests.post(url, json={"tracking": "PX123"}, timeout=5).status_code


def stops(world: World, order_id: str) -> list[str]:
    """What the marketplace has decided about the order's cancellations."""
    ledger = requests.get(f"{world.marketplace}/standin/ledger", timeout=5).json()
    return [c["state"] for c in ledger["cancellations"] if c["order_id"] == order_id]


async def refusal(life: Life) -> tuple[Code, str]:
    """Why the case was not opened."""
    assert (await life.ends()).ending == "not-opened"
    refused = (await life.view()).refusal
    assert refused
    assert life.letters() == []
    return refused.code, refused.sentence


async def no_parcel_comes(life: Life) -> Ending:
    """The refund is settled, and no parcel is seen while one is looked out for."""
    view = await life.sees(watching)
    assert view.due
    await life.passes_until(view.due)
    return (await life.ends()).ending


def watching(view: CaseView) -> bool:
    """Whether only a parcel is looked out for."""
    return view.stage is Stage.WATCHING


# In time, or not.


@pytest.mark.parametrize("country", SHARE)
async def test_a_part_then_the_rest_is_cancelled_and_what_was_paid_comes_back(
    world: World, country: str
) -> None:
    order = await world.fresh(country)
    life = await world.cancellation(country, order_id=order, lines=ONE_A)
    view = await life.sees(watching)
    assert view.right_until
    assert view.right_until - view.opened_at >= timedelta(days=3)
    assert view.preview
    assert sum(part.amount_minor for part in view.preview.parts) == view.preview.refund_minor
    assert life.paid == [10000 + SHARE[country]]
    assert await no_parcel_comes(life) == "cancelled"
    assert life.letters(Party.BUYER) == ["cancelled", "refund_confirmed", "closed"]
    assert life.letters(Party.SELLER) == ["stop_dispatch", "refund_confirmed", "closed"]

    world.alter(order, placed_at=(await world.environment.get_current_time()).isoformat())
    rest = await world.cancellation(country, order_id=order, number=2)
    view = await rest.sees(watching)
    assert view.units == REST
    assert sum(rest.paid) == 25999
    third = await world.cancellation(country, order_id=order, number=3)
    assert (await refusal(third))[0] is Code.UNITS_REFUNDED
    assert stops(world, order) == ["stopped", "stopped"]
    assert ship(world, order) == 409
    await no_parcel_comes(rest)


@EVERY_COUNTRY
async def test_after_its_window_it_is_refused_and_the_reckoning_shown(
    world: World, country: str
) -> None:
    placed = await world.environment.get_current_time() - timedelta(days=10)
    order = await world.fresh(country, placed_at=placed.isoformat())
    code, sentence = await refusal(await world.cancellation(country, order_id=order))
    assert code is Code.TOO_LATE
    rules = read_policy(country).cancellation
    assert rules
    assert f"{rules.cancel.length} calendar days from the purchase. Reckoned: " in sentence
    assert "withdraw instead" in sentence
    assert stops(world, order) == []


async def test_its_last_moment_is_in_time_and_the_next_is_not(world: World) -> None:
    order = await world.fresh()
    first = await world.cancellation(order_id=order, lines=ONE_A)
    until = (await first.view()).right_until
    assert until
    now = await world.environment.get_current_time()
    await let_pass(world.environment, until - now - timedelta(seconds=30))
    last = await world.cancellation(order_id=order, lines=ONE_A, number=2)
    await last.sees(watching)
    await first.passes_until(until)
    late = await world.cancellation(order_id=order, number=3)
    assert (await refusal(late))[0] is Code.TOO_LATE
    for life in (first, last):
        await no_parcel_comes(life)


async def test_an_order_sent_before_is_not_cancelled(world: World) -> None:
    order = await world.fresh()
    assert ship(world, order) == 200
    code, sentence = await refusal(await cancelled(world, order))
    assert code is Code.ALREADY_SENT
    assert "withdraw instead" in sentence
    assert stops(world, order) == []


# The race: one winner, and both are told.


async def test_a_tracking_number_entered_while_it_is_decided_wins(world: World) -> None:
    order = await world.fresh()
    world.behaves(order_id=order, shipments="hang", times=1)
    life = await world.cancellation(order_id=order)
    assert (await life.view()).stage is Stage.STOPPING
    await life.buyer(Say, text="Please hurry.")
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.seller(ReportSent)
    assert ship(world, order) == 200
    assert (await life.ends()).ending == "sent-before"
    assert stops(world, order) == ["already-shipped"]
    assert life.letters(Party.BUYER) == ["sent_before", "closed"]
    assert life.letters(Party.SELLER) == ["sent_before", "message", "closed"]
    assert life.paid == []


async def test_a_tracking_number_entered_while_the_answer_is_lost_comes_too_late(
    world: World,
) -> None:
    order = await world.fresh()
    world.behaves(order_id=order, shipments="stop-then-hang", times=1)
    life = await world.cancellation(order_id=order)
    await wait_until(lambda: stops(world, order) == ["stopped"])
    assert ship(world, order) == 409
    assert await no_parcel_comes(life) == "cancelled"
    assert stops(world, order) == ["stopped"]
    assert "cancelled" in life.letters(Party.BUYER)
    assert "stop_dispatch" in life.letters(Party.SELLER)
    assert life.paid == [25999]


async def test_of_a_tracking_number_and_a_cancellation_at_once_one_wins(
    real_world: World,
) -> None:
    world = real_world
    orders = [await world.fresh() for _ in range(8)]

    async def race(number: int, order: str) -> bool:
        async def send() -> int:
            await asyncio.sleep(number * 0.02)  # from before the case asks to after it
            return await asyncio.to_thread(ship, world, order)

        life, shipped = await asyncio.gather(cancelled(world, order), send())
        if shipped == 409:
            view = await life.sees(watching)
            assert await asyncio.to_thread(stops, world, order) == ["stopped"]
            assert life.paid == [25999]
            await life.send(PLATFORM, Close, reason="done")
            assert (await life.ends()).ending == "closed-by-platform"
            return True
        view = await life.sees(lambda view: view.stage is Stage.CLOSED)
        assert shipped == 200
        assert "stopped" not in await asyncio.to_thread(stops, world, order)
        assert view.ending == "sent-before" or (
            view.refusal and view.refusal.code is Code.ALREADY_SENT
        )
        assert life.paid == []
        return False

    won = await asyncio.gather(*(race(n, order) for n, order in enumerate(orders)))
    assert len(won) == len(orders)


async def wait_until(happened: Any) -> None:
    """Wait for something outside of the case; five seconds at most."""
    for _ in range(100):
        if await asyncio.to_thread(happened):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not within five seconds")


# What is refunded, and when.


@pytest.mark.parametrize("payment", ["cash-on-delivery", "unpaid"])
async def test_what_was_not_paid_is_not_refunded(world: World, payment: str) -> None:
    order = await world.fresh(payment=payment)
    life = await cancelled(world, order)
    view = await life.sees(watching)
    assert view.preview
    assert view.preview.refund_minor == 0
    assert await no_parcel_comes(life) == "cancelled"
    assert life.paid == []
    assert life.letters(Party.BUYER) == ["cancelled", "closed"]


async def test_a_dearer_delivery_comes_back_as_the_cheapest_standard_one(world: World) -> None:
    life = await cancelled(world, await world.fresh(cheapest_standard_minor=500))
    await no_parcel_comes(life)
    assert life.paid == [25500]  # a withdrawal like any other


async def test_above_the_limit_the_seller_orders_the_refund(world: World) -> None:
    life = await cancelled(world, await dear(world))
    view = await life.view()
    assert (view.stage, view.awaited) == (Stage.AWAITING_REFUND, Party.SELLER)
    assert await life.dues(NoticeName.STOP_DISPATCH) == [view.due]
    assert await life.dues(NoticeName.CANCELLED) == [view.due]
    assert view.clocks[0].safe
    await life.passes(days=13)
    await life.sees(lambda view: "reminded" in [entry.what for entry in view.timeline])
    assert life.paid == []
    await life.seller(Refund)
    with pytest.raises(RefusedCommand):
        await life.seller(Refund)
    assert await no_parcel_comes(life) == "cancelled"
    assert life.paid == [2500999]
    assert life.breaches() == []
    assert life.letters(Party.SELLER).count("stop_dispatch") == 2  # the second reminds


@pytest.mark.parametrize(
    ("by", "command", "ending"),
    [
        (AGENT, (Decide, {"verdict": Verdict.FOR_BUYER, "reasoning": "x"}), "cancelled"),
        (AGENT, (Decide, {"verdict": Verdict.FOR_SELLER, "reasoning": "x"}), "nothing-owed"),
        (SELLER, (Refund, {}), "cancelled"),
        (PLATFORM, (Close, {"reason": "x"}), "closed-by-platform"),
    ],
)
async def test_silent_seller_is_a_breach_and_an_agent_orders_the_refund(
    world: World, by: Any, command: Any, ending: str
) -> None:
    life = await cancelled(world, await dear(world))
    due = (await life.view()).due
    assert due
    await life.passes_until(due)
    view = await life.sees(lambda view: view.task)
    assert view.task
    assert (view.stage, view.task.purpose) == (Stage.WITH_AGENT, "refund-overdue")
    assert await life.tasks() == [view.task]
    await life.agent(Claim)
    if by is AGENT:
        await life.seller(ReportSent)  # which answers nothing of the refund
    assert [b.due for b in (await life.view()).breaches] == [due]
    with pytest.raises(RefusedCommand, match="verdict-differs"):
        await life.agent(
            Decide, verdict=Verdict.SHARED, reasoning="x", amount=life.money(1), command_id="half"
        )
    verb, more = command
    await life.send(by, verb, **more)
    paid = ending == "cancelled"
    if paid and by is AGENT:
        back = await life.goods_back()
        assert (await back.ends()).ending == "not-sent"
        assert (await life.ends()).ending == ending
    else:
        assert (await no_parcel_comes(life) if paid else (await life.ends()).ending) == ending
        assert (await life.view()).returns == ()  # goods that are not paid for are the buyer's
    assert life.paid == ([2500999] if paid else [])
    assert life.breaches() == ["refund"]
    assert life.letters(Party.BUYER).count("refund_overdue") == 1


async def test_the_platform_closes_it_before_the_seller_refunds(world: World) -> None:
    life = await cancelled(world, await dear(world))
    await life.send(PLATFORM, Close, reason="Fraud.")
    assert (await life.ends()).ending == "closed-by-platform"
    assert life.paid == []


async def test_a_failed_refund_is_ordered_again_or_given_up(world: World) -> None:
    for command, ending in ((RetryRefund, "cancelled"), (Close, "closed-by-platform")):
        order = await world.fresh()
        world.behaves(order_id=order, refunds="refuse", times=1)
        life = await cancelled(world, order)
        view = await life.sees(lambda view: view.task)
        assert view.refund
        assert view.refund.state is RefundState.FAILED
        await life.seller(ReportSent)  # which the agent need not answer
        assert (await life.view()).task == view.task
        again = command is RetryRefund
        await life.send(AGENT if again else PLATFORM, command, **({} if again else {"reason": "x"}))
        if again:
            await (await life.goods_back()).ends()
        assert (await life.ends()).ending == ending
        assert life.paid == ([25999] if again else [])


async def test_a_refund_that_nobody_confirms_is_an_agents_task_and_paid_once(
    world: World,
) -> None:
    """What the window `refund_confirmation` does."""
    order = await world.fresh()
    world.behaves(order_id=order, refunds="later")
    life = await cancelled(world, order)
    view = await life.sees(lambda view: view.clocks)
    with pytest.raises(RefusedCommand, match="refund-unconfirmed"):
        await life.send(PLATFORM, Close, reason="x")
    assert view.due
    await life.passes_until(view.due)
    view = await life.sees(lambda view: view.task)
    assert view.task
    assert view.task.purpose == "refund-unconfirmed"
    assert view.refund
    world.settle(view.refund.key)
    await life.signals(
        Cancellation.refund_reported,
        RefundReport(key=view.refund.key, state=RefundState.CONFIRMED),
    )
    assert await no_parcel_comes(life) == "cancelled"
    assert life.paid == [25999]
    assert life.letters(Party.BUYER).count("refund_delayed") == 1


async def test_what_another_case_refunds_meanwhile_is_not_refunded_again(world: World) -> None:
    order = await dear(world)
    life = await cancelled(world, order)
    dispute = await world.dispute(order_id=order)
    await dispute.seller(Offer, remedy=Remedy.FULL_REFUND)
    await dispute.buyer(Accept)
    assert (await dispute.ends()).ending == "settled"
    await life.seller(Refund)
    assert (await life.ends()).ending == "nothing-owed"
    assert life.paid == [2500999]


# A parcel that left all the same.


async def test_a_parcel_reported_sent_before_the_refund_becomes_a_return_at_once(
    world: World,
) -> None:
    life = await cancelled(world, await dear(world))
    await life.seller(ReportSent, tracking="PX9")
    with pytest.raises(RefusedCommand, match="already-done"):
        await life.seller(ReportSent)
    back = await life.goods_back()
    view = await back.view()
    assert (view.belongs_to, view.stage) == (life.handle.id, Stage.AWAITING_GOODS)
    assert (await life.view()).stage is Stage.AWAITING_REFUND
    await life.seller(Refund)
    await life.sees(watching)
    await back.scanned(Scan.ARRIVED)  # the buyer refused it at the door
    await back.sees(lambda view: view.stage is Stage.INSPECTING)
    assert (await back.ends()).ending == "returned"
    assert (await life.ends()).ending == "cancelled"
    assert life.paid == [2500999]
    assert life.letters(Party.BUYER).count("sent_all_the_same") == 1


async def test_a_parcel_unpaid_in_the_end_is_not_called_back(real_world: World) -> None:
    world = real_world
    life = await cancelled(world, await dear(world))
    await life.seller(ReportSent)
    back = await life.goods_back()
    await life.send(PLATFORM, Close, reason="Fraud.")
    assert (await back.ends()).ending == "called-off"
    assert (await life.ends()).ending == "closed-by-platform"


async def test_a_parcel_that_a_carrier_sees_after_the_refund_becomes_a_return(
    world: World,
) -> None:
    life = await cancelled(world)
    await life.sees(watching)
    await life.scanned(Scan.IN_TRANSIT, event="e1")
    await life.scanned(Scan.IN_TRANSIT, event="e1")
    back = await life.goods_back()
    assert (await back.ends()).ending == "not-sent"
    assert (await life.ends()).ending == "cancelled"
    view = await life.view()
    assert view.returns == (back.handle.id,)
    assert [e.what for e in view.timeline].count("parcel in-transit") == 1
    assert life.paid == [25999]


async def test_a_parcel_of_the_rest_is_not_the_one_that_was_cancelled(world: World) -> None:
    order = await world.fresh()
    life = await cancelled(world, order, lines=ONE_A)
    await life.sees(watching)
    assert ship(world, order) == 200
    await life.scanned(Scan.IN_TRANSIT)
    assert (await life.view()).returns == ()
    await life.seller(ReportSent)  # the seller alone knows what is in the parcel
    await (await life.goods_back()).ends()
    assert (await life.ends()).ending == "cancelled"


async def test_without_a_parcel_it_ends_when_none_is_looked_out_for_any_more(
    world: World,
) -> None:
    life = await cancelled(world)
    view = await life.sees(watching)
    assert [(clock.window, clock.length) for clock in view.clocks] == [("sent_anyway", 7)]
    assert await no_parcel_comes(life) == "cancelled"
    assert (await life.view()).returns == ()


# The marketplace in trouble.


async def test_a_marketplace_that_is_down_is_asked_until_it_answers(world: World) -> None:
    order = await world.fresh()
    world.behaves(order_id=order, shipments="fail", times=4)
    life = await world.cancellation(order_id=order)
    assert (await life.view()).awaited is Party.PLATFORM
    await life.passes(minutes=1)
    assert await no_parcel_comes(life) == "cancelled"
    assert stops(world, order) == ["stopped"]
    assert life.paid == [25999]


@pytest.mark.parametrize(
    ("order", "by", "command", "ending"),
    [
        ("dear", AGENT, (Decide, {"verdict": Verdict.FOR_BUYER, "reasoning": "x"}), "cancelled"),
        ("cash", AGENT, (Decide, {"verdict": Verdict.FOR_BUYER, "reasoning": "x"}), "cancelled"),
        ("paid", AGENT, (Decide, {"verdict": Verdict.FOR_SELLER, "reasoning": "x"}), "sent-before"),
        ("paid", PLATFORM, (Close, {"reason": "x"}), "closed-by-platform"),
    ],
)
async def test_a_marketplace_that_refuses_for_good_leaves_an_agent_to_find_out(
    world: World, order: str, by: Any, command: Any, ending: str
) -> None:
    cash = {"payment": "cash-on-delivery"} if order == "cash" else {}
    order_id = await dear(world, **cash) if order == "dear" else await world.fresh(**cash)
    world.behaves(order_id=order_id, shipments="refuse")
    life = await cancelled(world, order_id)
    view = await life.sees(lambda view: view.task)
    assert view.task
    assert (view.stage, view.task.purpose) == (Stage.WITH_AGENT, "dispatch-unknown")
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.seller(Refund)
    if ending == "sent-before":
        await life.seller(ReportSent)
        assert (await life.view()).task == view.task
    verb, more = command
    await life.send(by, verb, **more)
    if order == "dear":
        await life.sees(lambda view: view.stage is Stage.AWAITING_REFUND)
        await life.seller(Refund)
    if ending == "cancelled":
        await no_parcel_comes(life)
    assert (await life.ends()).ending == ending
    assert life.paid == ([2500999] if order == "dear" else [])
    told = ending == "sent-before"
    assert life.letters(Party.SELLER).count("sent_before") == int(told)
    assert life.letters(Party.SELLER).count("agent_joins") == 1
    assert (await life.view()).returns == ()


async def test_opened_by_the_seller_or_for_what_was_not_ordered_it_is_not_opened(
    world: World,
) -> None:
    order = await world.fresh()
    life = await cancelled(world, order, opened_by=SELLER)
    assert (await refusal(life))[0] is Code.NOT_YOURS
    life = await cancelled(world, order, lines=(Line(sku="A", quantity=3),), number=2)
    assert (await refusal(life))[0] is Code.LINES_UNKNOWN
    opening = OpenCancellation(country="PL", order_id=order, opened_by=BUYER, text="No.", number=3)
    ids = [await opened(world, opening) for _ in range(2)]
    assert ids[0] == ids[1]
    life = world.follow(life, opening.case_id)
    assert await no_parcel_comes(life) == "cancelled"
    assert life.paid == [25999]


async def opened(world: World, opening: OpenCancellation) -> str:
    """Open it, again if need be: opening twice is opening once."""
    handle = await world.client.start_workflow(
        Cancellation.run,
        opening,
        id=opening.case_id,
        task_queue=world.settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    return str(handle.result_run_id or handle.first_execution_run_id)


# Instead of an uncollected parcel: the goods came back, and nothing is stopped or looked out for.


async def test_uncollected_goods_are_refunded_less_the_way_back_that_was_announced(
    world: World,
) -> None:
    paid = {True: 25999 - 1299, False: 25999}
    for announced, refunded in paid.items():
        life = await came_back(world, way_back=WayBack(charged_minor=1299, announced=announced))
        assert (await life.ends()).ending == "cancelled"
        assert life.paid == [refunded]
        assert stops(world, life.order_id) == []
        assert life.letters(Party.BUYER) == ["uncollected_cancelled", "refund_confirmed", "closed"]
        assert life.letters(Party.SELLER)[0] == "uncollected_given_up"


async def test_uncollected_goods_above_the_limit_are_refunded_by_the_seller_in_time(
    world: World,
) -> None:
    life = await came_back(world, world.order(dear=True))
    view = await life.view()
    assert (view.stage, [clock.window for clock in view.clocks]) == (
        Stage.AWAITING_REFUND,
        ["refund"],
    )
    assert await life.dues(NoticeName.UNCOLLECTED_GIVEN_UP) == [view.due]
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.seller(ReportSent)
    await life.scanned(Scan.HANDED_OVER)
    await life.seller(Refund)
    assert (await life.ends()).ending == "cancelled"
    assert (life.paid, (await life.view()).returns) == ([2500999], ())


async def test_uncollected_cash_on_delivery_is_not_refunded(world: World) -> None:
    order = world.alter(world.order(), payment="cash-on-delivery")
    life = await came_back(world, order)
    assert (await life.ends()).ending == "cancelled"
    assert life.paid == []


async def test_only_the_platform_cancels_what_came_back(world: World) -> None:
    life = await came_back(world, opened_by=BUYER)
    assert (await refusal(life))[0] is Code.NOT_YOURS
    for odd in ({"text": ""}, {"way_back": WayBack(charged_minor=1, announced=True)}):
        with pytest.raises(ValidationError):
            OpenCancellation(
                **{"country": "PL", "order_id": "1", "opened_by": BUYER, "text": "No.", **odd}
            )


async def came_back(world: World, order_id: str = "", **more: Any) -> Life:
    """Cancel an old order whose parcel nobody collected."""
    instead = {"opened_by": PLATFORM, "instead_of": "uncollected-parcel:PL:none:PX1", "text": ""}
    order_id = order_id or world.order()
    return await world.cancellation(order_id=order_id, **{**instead, **more})


async def test_every_arrow_of_the_flow_is_travelled(world: World) -> None:
    assert not_travelled(Cancellation.FLOW, await world.played("cancellation")) == set()
