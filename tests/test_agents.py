"""What a cancellation and a withdrawal do alike when they need an agent: the agents' own windows.

Disputes and returns have more to show of theirs, in their own lives.
"""

from collections.abc import Awaitable, Callable

import pytest

from domain.commands import (
    AskForHelp,
    Attachment,
    Claim,
    ClaimException,
    Close,
    Decide,
    FileClaim,
    Hold,
    Refuse,
    RefuseReason,
    Reject,
    Release,
    ResendLetters,
    SendAgain,
    Verdict,
)
from domain.goods import ExceptionReason, Scan
from domain.openings import CarrierTrouble
from domain.parties import Party
from domain.refusals import Code
from domain.stages import Stage
from tests.life import AGENT, LEAD, PLATFORM, SECOND, Life, RefusedCommand, World

BY_MAIL = True


async def cancellation(world: World) -> Life:
    """The marketplace does not say whether the order was sent."""
    order = await world.fresh()
    world.behaves(order_id=order, shipments="refuse")
    return await world.cancellation(order_id=order)


async def withdrawal(world: World) -> Life:
    """The buyer contests what the seller claims."""
    life = await world.withdrawal(order_id=await world.in_hand())
    photo = Attachment(name="seal.jpg", size=9, media_type="image/jpeg", sha256="0" * 64)
    await life.goods_back()
    await life.seller(
        ClaimException,
        reason=ExceptionReason.SEAL_BROKEN_HYGIENE,
        text="It was opened.",
        attachments=(photo,),
    )
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    await life.buyer(Reject)
    return life


async def non_delivery(world: World) -> Life:
    """The buyer contests that the goods were delivered."""
    life = await world.non_delivery()
    await life.scanned(Scan.DELIVERED)
    await life.sees(lambda view: view.stage is Stage.DELIVERED)
    await life.buyer(Reject, text="They are not here.")
    return life


async def uncollected_parcel(world: World) -> Life:
    """The buyer cannot be charged for sending it again."""
    life = await world.uncollected_parcel()
    life.marketplace(shipments="refuse")
    await life.buyer(SendAgain)
    return life


async def carrier_claim(world: World) -> Life:
    """The marketplace does not send the claim to the carrier."""
    order = await world.parcel(regime="contract", posted=2, in_hand=1)
    life = await world.carrier_claim(order_id=order, trouble=CarrierTrouble.DAMAGE)
    life.marketplace(claims="refuse")
    proof = Attachment(name="a.pdf", size=9, media_type="application/pdf", sha256="0" * 64)
    await life.seller(
        FileClaim, amount=life.money(100), proof_of_value=(proof,), damage_record=(proof,)
    )
    return life


async def complaint(world: World) -> Life:
    """The buyer contests the seller's refusal."""
    life = await world.complaint()
    await life.seller(Refuse, reason=RefuseReason.NOT_DEFECTIVE, text="It was dropped.")
    await life.sees(lambda view: view.stage is Stage.REFUSED)
    await life.buyer(AskForHelp)
    return life


@pytest.mark.parametrize(
    "open_case",
    [cancellation, withdrawal, non_delivery, uncollected_parcel, carrier_claim, complaint],
)
async def test_silent_agents_lose_the_task_and_a_forgotten_hold_ends(
    world: World, open_case: Callable[[World], Awaitable[Life]]
) -> None:
    """What the windows `decision`, `lead_decision`, `claim` and `hold` do."""
    life = await open_case(world)
    view = await life.sees(lambda view: view.task)
    assert (view.stage, view.awaited) == (Stage.WITH_AGENT, Party.AGENT)
    assert view.task
    assert view.task.queue == f"{view.kind.plural}-pl"
    before = view.due
    assert before
    await life.agent(Hold, reason="The courier is asked.")
    await life.passes(days=13)
    assert (await life.view()).due is None
    await life.passes(days=6)
    view = await life.sees(lambda view: view.due)
    assert view.due
    assert view.due > before
    decision_due = view.due

    claimed = await life.agent(Claim)
    assert [task.owner for task in await life.tasks()] == [AGENT.id]
    assert claimed.due
    assert claimed.due < decision_due
    for verb, facts in ((Claim, {}), (Decide, {"verdict": Verdict.SHARED, "reasoning": "Half."})):
        with pytest.raises(RefusedCommand) as refused:
            await life.send(SECOND, verb, **facts)
        assert refused.value.code == Code.TASK_TAKEN, "whose it is comes before what is unfit"
    with pytest.raises(RefusedCommand) as refused:
        await life.send(SECOND, Release)
    assert refused.value.code == Code.TASK_NOT_CLAIMED
    await life.passes_until(claimed.due)
    await life.sees(lambda view: view.task and view.task.owner is None)

    await life.passes_until(decision_due)
    view = await life.sees(lambda view: view.task and view.task.queue == "leads")
    assert view.due
    leads_due = view.due
    await life.passes_until(leads_due)
    again = await life.sees(lambda after: after.due and after.due > leads_due)
    assert again.task
    assert (again.task.queue, again.task.due) == ("leads", again.due)
    assert await life.tasks() == [again.task]

    await life.send(LEAD, Decide, verdict=Verdict.FOR_SELLER, reasoning="No proof.")
    for other in world.lives:
        if other.order_id == life.order_id:
            await other.ends()
    assert await life.tasks() == []
    assert life.breaches() == []
    assert life.paid == []


async def order_for(world: World, kind: str) -> str:
    """An order that a case of this kind can be opened for."""
    match kind:
        case "cancellation":
            return await world.fresh()
        case "withdrawal" | "complaint":
            return await world.in_hand()
        case "carrier_claim":
            return await world.parcel(regime="contract", posted=2, in_hand=1)
        case _:
            return world.order()


@pytest.mark.parametrize(
    "kind",
    [
        "inquiry",
        "dispute",
        "cancellation",
        "withdrawal",
        "goods_return",
        "non_delivery",
        "uncollected_parcel",
        "carrier_claim",
        "complaint",
    ],
)
async def test_letters_that_do_not_arrive_are_seen_to_by_agents_then_the_lead(
    world: World, kind: str
) -> None:
    """What the window `undelivered` does, in every process: nobody's silence counts meanwhile."""
    order = await order_for(world, kind)
    number = order.rpartition("-")[2]
    for address in (f"ewa{number}@buyer.example", f"alfa{number}@seller.example"):
        world.mailbox.refuse_recipient(address)
    more = {"trouble": CarrierTrouble.DAMAGE} if kind == "carrier_claim" else {}
    life = await getattr(world, kind)(order_id=order, **more)
    view = await life.sees(lambda view: view.letters_task and not view.working)
    assert view.letters_task
    assert view.letters_task.queue == "letters-pl"
    asked = [clock for clock in view.clocks if clock.awaited in (Party.BUYER, Party.SELLER)]
    assert all(clock.held_for == ("undelivered",) for clock in asked), asked
    assert view.letters_task.due
    await life.passes_until(view.letters_task.due)
    after = await life.sees(lambda view: view.letters_task and view.letters_task.queue == "leads")
    if asked:
        await life.passes(days=40)
        after = await life.view()
    assert after.stage is view.stage
    assert life.breaches() == []
    world.mailbox.accept_again()
    await life.agent(ResendLetters)
    view = await life.sees(lambda view: not view.undelivered and view.letters_task is None)
    assert not any("undelivered" in clock.held_for for clock in view.clocks)
    await life.send(PLATFORM, Close, reason="Enough.")
    for other in world.lives:
        if other.order_id == life.order_id:
            await other.ends()
    assert await life.tasks() == []
