"""What if a worker comes back and finds many things at once: is it as if it had been there?"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.commands import (
    AcceptComplaint,
    Command,
    CommandBase,
    HandOver,
    Offer,
    Remedy,
    Say,
    SendAgain,
    Ship,
)
from domain.export import Relation
from domain.goods import ParcelEvent, Scan
from domain.kin import kin
from domain.openings import OpenCancellation
from domain.parties import Actor
from domain.stages import Stage
from domain.view import CaseView, Closed, Receipt
from policies import DEMO
from store.archive import Archive
from tests.absent import Absent, absent_on, unhurried_policies
from tests.life import BUYER, SELLER, Life, RefusedCommand, World
from tests.test_durability import becomes
from tests.test_two_workers import replays
from workflows.cancellation.process import Cancellation
from workflows.kernel.one_step import OneStep


@pytest.fixture
async def absent(tmp_path: Path) -> AsyncIterator[Absent]:
    """A worker that comes and goes, where days are seconds."""
    async with absent_on(tmp_path, DEMO) as absent:
        yield absent


@pytest.fixture
async def unhurried(tmp_path: Path) -> AsyncIterator[Absent]:
    """A worker that comes and goes, where no clock runs out meanwhile."""
    async with absent_on(tmp_path, unhurried_policies(tmp_path)) as absent:
        yield absent


async def rests(life: Life[CaseView]) -> CaseView:
    """The case, once it is no more at work."""
    return await life.sees(lambda view: not view.working)


# What is said after a clock has run out comes after the silence.


async def withdrawn(world: World) -> Life:
    """A withdrawal whose goods are to be sent back."""
    withdrawal = await world.withdrawal(order_id=await world.in_hand())
    return await withdrawal.goods_back()


Late = tuple[str, Callable[[World], Awaitable[Life]], Actor, type[CommandBase], dict[str, Any]]

LATE: tuple[Late, ...] = (
    ("seller_reply", lambda world: world.inquiry(), SELLER, Say, {"text": "It can."}),
    ("seller_reply", lambda world: world.dispute(), SELLER, Offer, {"remedy": Remedy.FULL_REFUND}),
    ("answer", lambda world: world.complaint(), SELLER, AcceptComplaint, {}),
    ("notice", lambda world: world.uncollected_parcel(), BUYER, SendAgain, {}),
    (
        "further_period",
        lambda world: world.non_delivery(),
        SELLER,
        Ship,
        {"carrier": "Poczta", "tracking": "PX-2", "expected_on": "2999-01-01"},
    ),
    ("send_goods", withdrawn, BUYER, HandOver, {"carrier": "InPost", "tracking": "T1"}),
)
"""A window, a case in which it runs, and the answer that then comes too late."""


@pytest.mark.slow
async def test_an_answer_after_the_end_comes_after_the_silence_though_no_worker_was_there(
    absent: Absent,
) -> None:
    lives = [await opens(absent.world) for _, opens, _, _, _ in LATE]
    running = [await rests(life) for life in lives]
    for (window, *_), view in zip(LATE, running, strict=True):
        assert window in [clock.window for clock in view.clocks]
    await absent.goes()
    last = max(clock.due for view in running for clock in view.clocks[:1] if clock.due)
    now = await absent.world.environment.get_current_time()
    await asyncio.sleep((last - now).total_seconds() + 1)
    answers = [
        asyncio.create_task(life.send(by, verb, **more))
        for life, (_, _, by, verb, more) in zip(lives, LATE, strict=True)
    ]
    await asyncio.sleep(0.5)
    await absent.comes()
    await asyncio.gather(*answers, return_exceptions=True)
    for life, (window, _, _, verb, _) in zip(lives, LATE, strict=True):
        said = [(entry.what, entry.detail) for entry in (await life.view()).timeline]
        silence = said.index(("silence", window))
        assert verb.word() not in [what for what, _ in said[:silence]], life.handle.id
        assert not await replays(life.handle)


# What comes together is as if one had come after the other.

SCANS = (Scan.IN_TRANSIT, Scan.LOST, Scan.RETURNED, Scan.DELIVERED, Scan.REFUSED)


async def never_came(world: World) -> Life:
    """A parcel that did not come and was sent again: if that is lost too, its claim is opened."""
    order = await world.parcel(posted=40)
    life = await world.non_delivery(order_id=order)
    again = {"carrier": "Poczta", "tracking": "PX 2"}
    await life.seller(Ship, **again, expected_on="2999-01-01")
    now = (await world.environment.get_current_time()).isoformat()
    world.alter(order, parcels=[{"id": "p2", "regime": "postal", "posted_at": now, **again}])
    return life


async def tell(life: Life, number: int, scan: Scan) -> None:
    """What a machine saw, some minutes after what it saw before; a closed case hears nothing."""
    now = await life.world.environment.get_current_time()
    at = now - timedelta(hours=1) + timedelta(minutes=number)
    event = ParcelEvent(event_id=f"e{number}", scan=scan, at=at, tracking="PX 2")
    try:
        await life.handle.signal("parcel", event)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def all_at_once(life: Life, scans: list[Scan]) -> None:
    """What machines saw, told without waiting."""
    for number, scan in enumerate(scans):
        await tell(life, number, scan)


async def one_by_one(life: Life, scans: list[Scan]) -> None:
    """The same, told while a worker is there, each after what came of the one before."""
    for number, scan in enumerate(scans):
        await tell(life, number, scan)
        await rests(life)
        await asyncio.sleep(0.2)


def stages(view: CaseView) -> list[str]:
    """The stages that a case has gone through."""
    return [entry.what for entry in view.timeline if entry.what.startswith("stage ")]


def alike(one: list[str], other: list[str]) -> bool:
    """Whether two cases went the same way, as far as both have gone: clocks go on in both."""
    return all(mine == others for mine, others in zip(one, other, strict=False))


async def ways(life: Life) -> list[list[str]]:
    """The way of a case, and of each claim beside it."""
    view = await rests(life)
    beside = [
        life.world.follow(life, claim)
        for relation, claim in kin(view)
        if relation is Relation.CARRIER_CLAIM
    ]
    return [stages(view), *[stages(await rests(claim)) for claim in beside]]


@pytest.mark.slow
async def test_scans_that_come_in_one_step_reach_case_and_claim_as_if_one_had_come_after_the_other(
    unhurried: Absent,
) -> None:
    chance = random.Random(11)
    told = [[Scan.LOST, Scan.RETURNED], [Scan.LOST, Scan.DELIVERED]]
    told += [chance.sample(SCANS, chance.randint(2, 3)) for _ in range(6)]
    together = [await never_came(unhurried.world) for _ in told]
    apart = [await never_came(unhurried.world) for _ in told]
    for life in (*together, *apart):
        await rests(life)
    await unhurried.goes()
    for life, scans in zip(together, told, strict=True):
        await all_at_once(life, scans)
    await unhurried.comes()
    await asyncio.gather(
        *(one_by_one(life, scans) for life, scans in zip(apart, told, strict=True))
    )
    await asyncio.sleep(1)
    for scans, one, other in zip(told, together, apart, strict=True):
        at_once, in_turn = await ways(one), await ways(other)
        assert len(at_once) == len(in_turn), scans
        assert all(alike(*both) for both in zip(at_once, in_turn, strict=True)), scans
        assert not await replays(one.handle)


def kept(life: Life, text: str) -> bool:
    """Whether a text is in the archive."""
    archive = Archive(life.world.engine)
    return any(text in message.text for message in archive.messages(life.handle.id))


@pytest.mark.slow
async def test_commands_and_scans_in_one_step_lose_nothing_and_stop_no_case(
    unhurried: Absent,
) -> None:
    chance = random.Random(5)
    world = unhurried.world
    opens: list[Callable[[World], Awaitable[Life]]] = [
        never_came,
        withdrawn,
        lambda world: world.uncollected_parcel(),
        lambda world: world.complaint(),
        lambda world: world.dispute(),
    ]
    lives = [await each(world) for each in opens * 2]
    for life in lives:
        await rests(life)
    await unhurried.goes()
    said = []
    for n, life in enumerate(lives):
        scans = chance.sample(SCANS, 2)
        texts = [f"Where is it, {n}?", f"It is here, {n}."]
        said.append(
            [
                asyncio.create_task(life.send(by, Say, text=text))
                for by, text in zip((BUYER, SELLER), texts, strict=True)
            ]
        )
        await all_at_once(life, scans)
    await asyncio.sleep(0.5)
    await unhurried.comes()
    for life, sent in zip(lives, said, strict=True):
        answers = await asyncio.gather(*sent, return_exceptions=True)
        view = await rests(life)
        assert view.stage is Stage.CLOSED or view.awaited
        for answer, text in zip(answers, ("Where is it", "It is here"), strict=True):
            if isinstance(answer, Receipt):  # what was acknowledged is kept
                await becomes(partial(kept, life, text))
            else:
                assert isinstance(answer, RefusedCommand | RPCError)
        assert not await replays(life.handle)


@pytest.mark.slow
async def test_what_was_asked_for_in_time_is_in_time_though_a_worker_came_later(
    absent: Absent,
) -> None:
    world = absent.world
    opening = OpenCancellation(
        country="PL", order_id=await world.fresh(), opened_by=BUYER, text="Not any more."
    )
    await absent.goes()
    await world.client.start_workflow(
        Cancellation.run, opening, id=opening.case_id, task_queue=world.settings.task_queue
    )
    await asyncio.sleep(5)  # an order may be cancelled for three seconds there
    await absent.comes()
    handle = world.client.get_workflow_handle(opening.case_id, result_type=Closed)
    life = Life(world, handle, "PL", opening.order_id)
    view = await life.sees(lambda view: view.stage is not Stage.OPENING)
    assert view.refusal is None


@pytest.mark.slow
async def test_a_payment_after_the_end_comes_after_the_silence_though_no_worker_was_there(
    absent: Absent,
) -> None:
    life = await absent.world.uncollected_parcel()
    await life.buyer(SendAgain)
    view = await life.sees(lambda view: view.redelivery and view.due)
    assert view.redelivery
    assert view.due
    await absent.goes()
    now = await absent.world.environment.get_current_time()
    await asyncio.sleep((view.due - now).total_seconds() + 1)
    await life.handle.signal("redelivery_paid", {"key": view.redelivery.key})
    await absent.comes()
    view = await life.sees(lambda view: "silence" in [entry.what for entry in view.timeline])
    said = [entry.what for entry in view.timeline]
    assert not [what for what in said[: said.index("silence")] if "paid" in what]


# A step is taken until the timeline has heard of it, and asks for the next.


def test_a_step_stays_taken_until_it_is_heard_and_the_next_is_asked_for() -> None:
    waiting: list[Command] = []
    step, offer = OneStep(waiting.__contains__), Say(command_id="1", by=SELLER, text="Yes.")
    assert not step.taken
    step.take(offer)
    waiting.append(offer)
    step.next()
    assert step.taken, "it was not heard of yet"
    waiting.clear()
    assert step.taken, "nobody has asked for another"
    step.next()
    assert not step.taken
    step.take_by_itself()
    assert step.taken
    step.next()
    assert not step.taken
