"""Every refusal has a code, and every code is met; what is repeated does no harm."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.commands import (
    Accept,
    Ask,
    AskForHelp,
    Attachment,
    BecomeDispute,
    Claim,
    ClaimException,
    Close,
    CommandBase,
    Confirm,
    Decide,
    Deduct,
    FileClaim,
    Hold,
    NoAnswerNeeded,
    Offer,
    Receive,
    Reject,
    Release,
    Remedy,
    Reopen,
    Resume,
    RetryRefund,
    Say,
    ShipBack,
    Verdict,
    Withdraw,
)
from domain.goods import ExceptionReason, Received, ReturnReason
from domain.money import Money
from domain.openings import CarrierTrouble
from domain.orders import BuyerClass, Line
from domain.parties import Actor, Party
from domain.refusals import Code
from domain.stages import Stage
from domain.view import Recalculate
from policies import HERE as SHIPPED
from policies import PROCESSES
from tests.conftest import world_on
from tests.life import AGENT, BUYER, PLATFORM, SECOND, SELLER, Life, RefusedCommand, World
from tests.policies import laid_over, write_layer
from workflows.kernel.case import Case
from workflows.kernel.inbox import COMMANDS

BY_MAIL = True

MET: set[str] = set()
"""The codes that the tests of this module have met."""

LIMITS: dict[str, object] = {
    "every_process.messages.text_length": 60,
    "every_process.messages.per_day": 3,
    "every_process.messages.per_case": 5,
    "every_process.messages.attachments": 1,
    "every_process.messages.attachment_bytes": 1000,
    "dispute.offers_per_party": 2,
    "dispute.questions_per_party": 1,
}

INQUIRIES_ALONE: dict[str, object] = {"without": sorted(PROCESSES.keys() - {"inquiry"})}


@pytest.fixture(scope="module")
async def strict(
    skipping: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A world with small limits, whose policies can be edited."""
    folder = tmp_path_factory.mktemp("strict")
    policies = laid_over(SHIPPED, folder / "policies", {"pl": LIMITS, "si": INQUIRIES_ALONE})
    async with world_on(skipping, folder, policies, first_order=701) as world:
        yield world


async def refused(life: Life, code: Code, by: Actor, verb: type[CommandBase], **more: Any) -> None:
    """The command is refused with this code, and changes nothing."""
    before = await life.view()
    with pytest.raises(RefusedCommand) as refusal:
        await life.send(by, verb, **more)
    assert refusal.value.code == code
    assert (await life.view()).timeline == before.timeline
    MET.add(code)


async def ended(life: Life) -> None:
    """The case is over, for the next test not to meet it."""
    await life.send(PLATFORM, Close, reason="done")
    await life.ends()


@pytest.mark.parametrize(
    ("code", "opening"),
    [
        (Code.ORDER_UNKNOWN, {"order_id": "PL-none"}),
        (Code.ORDER_DIFFERS, {"opened_by": Actor(party=Party.BUYER, id="somebody")}),
        (Code.ORDER_DIFFERS, {"country": "SI", "order_id": "PL-799"}),
        (Code.LINES_UNKNOWN, {"lines": (Line(sku="Z", quantity=1),)}),
        (Code.LINES_UNKNOWN, {"lines": (Line(sku="A", quantity=3),)}),
        (Code.LINES_UNKNOWN, {"lines": (Line(sku="A", quantity=1), Line(sku="A", quantity=1))}),
        (Code.CURRENCY_DIFFERS, {"amount": Money(amount_minor=1, currency="EUR")}),
        (Code.AMOUNT_TOO_HIGH, {"amount": Money(amount_minor=26000, currency="PLN")}),
        (Code.TEXT_TOO_LONG, {"text": "x" * 61}),
        (Code.CHARACTER_REFUSED, {"text": "x\x00"}),
        (Code.POLICY_UNKNOWN, {"country": "SI"}),
        (
            Code.AMOUNT_NOT_WHOLE,
            {"country": "HU", "amount": Money(amount_minor=12_345, currency="HUF")},
        ),
    ],
)
async def test_what_does_not_fit_is_not_opened(
    strict: World, code: Code, opening: dict[str, Any]
) -> None:
    life = await strict.dispute(**opening)
    assert (await life.ends()).ending == "not-opened"
    view = await life.view()
    assert view.refusal
    assert view.refusal.code == code
    assert all(not verbs for verbs in view.may.values())
    assert life.letters() == []
    MET.add(code)


async def test_an_order_in_a_currency_that_no_limit_is_in_is_not_opened(world: World) -> None:
    life = await world.dispute(order_id=await world.in_hand(currency="EUR"))
    assert (await life.ends()).ending == "not-opened"
    told = (await life.view()).refusal
    assert told
    assert told.code is Code.ORDER_CURRENCY
    MET.add(told.code)


async def test_what_cannot_be_taken_back_is_not_opened(world: World) -> None:
    long_ago = "2026-01-05T10:00:00Z"
    cancelled = await world.fresh()
    before = await world.cancellation(order_id=cancelled)
    await before.sees(lambda view: view.stage is Stage.WATCHING)
    await ended(before)
    withdrawn = await world.in_hand()
    await world.withdrawal(order_id=withdrawn)
    for code, opened in (
        (Code.TOO_LATE, world.cancellation(order_id=await world.fresh(placed_at=long_ago))),
        (Code.ALREADY_SENT, world.cancellation(order_id=await world.fresh(shipped=True))),
        (Code.UNITS_REFUNDED, world.cancellation(order_id=cancelled, number=2)),
        (
            Code.NO_RIGHT,
            world.withdrawal(order_id=await world.in_hand(buyer_class=BuyerClass.BUSINESS)),
        ),
        (
            Code.REASON_DIFFERS,
            world.withdrawal(order_id=await world.in_hand(), reason=ReturnReason.DEFECTIVE),
        ),
        (Code.UNITS_IN_ANOTHER_CASE, world.withdrawal(order_id=withdrawn, number=2)),
    ):
        life = await opened
        assert (await life.ends()).ending == "not-opened"
        view = await life.view()
        assert view.refusal
        assert view.refusal.code == code
        MET.add(code)


async def test_a_complaint_is_about_goods_that_came_and_asks_for_what_can_be_given(
    world: World,
) -> None:
    for code, opening in (
        (Code.NOT_DELIVERED, {"order_id": await world.fresh()}),
        (Code.REMEDY_BARRED, {"wanted": Remedy.SEND_AGAIN}),
        (Code.DATE_IMPOSSIBLE, {"in_hand_on": date(2999, 1, 1)}),
    ):
        refusal = (await (await world.complaint(**opening)).view()).refusal
        assert refusal
        assert refusal.code == code
        MET.add(code)


async def test_a_claim_against_a_carrier_has_its_time_and_its_evidence(world: World) -> None:
    for code, order in (
        (Code.PARCEL_UNKNOWN, await world.parcel(tracking="PX 2")),
        (Code.PARCEL_ELSEWHERE, await world.parcel(in_hand=1)),
    ):
        refusal = (await (await world.carrier_claim(order_id=order)).view()).refusal
        assert refusal
        assert refusal.code == code
        MET.add(code)
    proof = Attachment(name="a.png", size=10, media_type="image/png", sha256="0" * 64)
    early = await world.carrier_claim(order_id=await world.parcel())
    broken = await world.carrier_claim(
        order_id=await world.parcel(in_hand=1), trouble=CarrierTrouble.DAMAGE
    )
    for life, code in ((early, Code.TOO_EARLY), (broken, Code.EVIDENCE_MISSING)):
        claim = {"amount": life.money(1), "proof_of_value": (proof,)}
        await refused(life, code, SELLER, FileClaim, **claim)
        await ended(life)


async def test_what_a_seller_says_against_a_refund_has_limits(world: World) -> None:
    life = await world.withdrawal(order_id=await world.in_hand(informed=False))
    photo = Attachment(name="a.png", size=10, media_type="image/png", sha256="0" * 64)
    claim = {"reason": ExceptionReason.PERISHABLE, "text": "It rots."}
    more = (Line(sku="A", quantity=3),)
    await refused(life, Code.PROOF_MISSING, SELLER, ClaimException, **claim)
    await refused(
        life, Code.UNITS_DIFFER, SELLER, ClaimException, units=more, attachments=(photo,), **claim
    )
    await refused(
        life, Code.DEDUCTION_BARRED, SELLER, Deduct, amount=life.money(1), text="A scratch."
    )
    back = await life.goods_back()
    received = (Received(sku="A", quantity=3),)
    await refused(back, Code.UNITS_DIFFER, SELLER, Receive, units=received)
    await life.send(PLATFORM, Close, reason="done")
    await back.ends()
    await life.ends()


async def test_goods_are_not_expected_on_a_day_that_has_passed(world: World) -> None:
    back = await world.goods_return(order_id=await world.in_hand())
    view = await back.view()
    assert view.due
    await back.passes_until(view.due)
    await back.sees(lambda view: view.stage is Stage.SENDING_BACK)
    parcel = {"carrier": "InPost", "tracking": "B1"}
    await refused(back, Code.DATE_PAST, SELLER, ShipBack, expected_on=date(2020, 1, 1), **parcel)
    await back.seller(ShipBack, expected_on=date(2040, 1, 2), **parcel)
    await back.ends()


async def test_offers_have_limits(strict: World) -> None:
    life = await strict.dispute()
    part = {"remedy": Remedy.PARTIAL_REFUND}
    euro = Money(amount_minor=1, currency="EUR")
    past = await strict.environment.get_current_time() - timedelta(hours=1)
    await refused(life, Code.AMOUNT_MISSING, SELLER, Offer, **part)
    await refused(life, Code.AMOUNT_TOO_HIGH, SELLER, Offer, amount=life.money(26000), **part)
    await refused(life, Code.AMOUNT_TOO_HIGH, SELLER, Offer, amount=life.money(0), **part)
    await refused(life, Code.CURRENCY_DIFFERS, SELLER, Offer, amount=euro, **part)
    repair = {"remedy": Remedy.REPAIR}
    await refused(life, Code.AMOUNT_NEEDLESS, SELLER, Offer, amount=life.money(1), **repair)
    await refused(life, Code.OFFER_EXPIRED, SELLER, Offer, expires_at=past, **repair)
    await refused(life, Code.NO_OPEN_OFFER, BUYER, Accept)
    await life.seller(Offer, command_id="mine", **repair)
    await refused(life, Code.OWN_OFFER, SELLER, Accept, offer_id="mine")
    await refused(life, Code.NO_OPEN_OFFER, BUYER, Reject, offer_id="other")
    await life.seller(Offer, **repair)
    await refused(life, Code.TOO_MANY_OFFERS, SELLER, Offer, **repair)
    await life.buyer(Withdraw)
    await life.ends()


async def test_writing_has_limits(strict: World) -> None:
    life = await strict.dispute()
    file = {"name": "a.png", "size": 10, "media_type": "image/png", "sha256": "0" * 64}
    one, big = Attachment(**file), Attachment(**file | {"size": 1001})
    odd = Attachment(**file | {"media_type": "application/zip"})
    await refused(life, Code.TEXT_TOO_LONG, SELLER, Say, text="x" * 61)
    await refused(life, Code.TEXT_TOO_LONG, SELLER, Offer, remedy=Remedy.REPAIR, text="x" * 61)
    await refused(life, Code.TEXT_TOO_LONG, SELLER, Say, text="ż" * 31)
    await refused(life, Code.CHARACTER_REFUSED, SELLER, Say, text="a\x1b[2Jb")
    named = Attachment(**file | {"name": "gpj.\u202eexe"})
    await refused(life, Code.CHARACTER_REFUSED, SELLER, Say, text="x", attachments=(named,))
    await refused(life, Code.TOO_MANY_ATTACHMENTS, SELLER, Say, text="x", attachments=(one, one))
    await refused(life, Code.ATTACHMENT_REFUSED, SELLER, Say, text="x", attachments=(big,))
    await refused(life, Code.ATTACHMENT_REFUSED, SELLER, Say, text="x", attachments=(odd,))
    await life.buyer(Say, text="x" * 60, attachments=(one,))
    await life.buyer(Say, text="3")  # the opening was the first
    await refused(life, Code.TOO_MANY_MESSAGES, BUYER, Say, text="4")
    await life.agent(Hold, reason="So that the seller's time does not end.")
    await life.passes(days=1)
    await life.buyer(Say, text="4")
    await life.buyer(Say, text="5")
    await life.passes(days=1)
    await refused(life, Code.TOO_MANY_MESSAGES, BUYER, Say, text="6")
    await refused(life, Code.TOO_MANY_MESSAGES, BUYER, Ask, text="6")
    await life.buyer(Withdraw, text="Enough.")  # a right is not a message
    await life.ends()


async def test_questions_and_help_have_limits(strict: World) -> None:
    life = await strict.dispute()
    await life.buyer(Ask, text="When?")
    await refused(life, Code.TOO_MANY_QUESTIONS, BUYER, Ask, text="Where?")
    await life.buyer(AskForHelp)
    await refused(life, Code.HELP_NOT_YET, BUYER, AskForHelp)
    await refused(life, Code.NOT_YOURS, SELLER, Withdraw)
    await refused(life, Code.NOT_YOURS, BUYER, Hold, reason="x")
    await refused(life, Code.WRONG_STAGE, BUYER, Reopen)
    await refused(life, Code.WRONG_STAGE, AGENT, Claim)
    await refused(life, Code.UNKNOWN_COMMAND, SELLER, NoAnswerNeeded)
    nameless = Actor(party=Party.AGENT, id="agent-9", name="Anna")
    await refused(life, Code.NAME_MISSING, nameless, Say, text="Hello.")
    await refused(life, Code.CLOCK_RUNNING, AGENT, Resume)
    await life.agent(Hold, reason="x")
    await refused(life, Code.CLOCK_HELD, AGENT, Hold, reason="x")
    await ended(life)


async def test_a_stranger_learns_nothing_of_a_case(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.REPAIR, command_id="o")
    buyer, seller = (Actor(party=side, id="stranger") for side in (Party.BUYER, Party.SELLER))
    for by, verb, more in (
        (buyer, Accept, {"offer_id": "none"}),
        (buyer, Say, {"text": "x" * 99_999}),
        (seller, Offer, {"remedy": Remedy.FULL_REFUND, "command_id": "o"}),
        (seller, NoAnswerNeeded, {}),
        (seller, Reopen, {}),
        (buyer, Resume, {}),
        (buyer, Hold, {"reason": "x"}),
    ):
        with pytest.raises(RefusedCommand, match=f"^not-yours: This case has another {by.party}"):
            await life.send(by, verb, **more)
    await life.buyer(Withdraw)
    await life.ends()


async def test_agents_have_limits(world: World) -> None:
    life = await world.dispute(order_id=world.order(dear=True))
    await life.buyer(AskForHelp)
    await life.seller(AskForHelp)
    await refused(life, Code.TASK_NOT_CLAIMED, AGENT, Release)
    await refused(life, Code.WRONG_STAGE, SECOND, Confirm)
    await refused(life, Code.WRONG_STAGE, AGENT, RetryRefund)
    for_seller = {"verdict": Verdict.FOR_SELLER, "reasoning": "No."}
    for_buyer = {"verdict": Verdict.FOR_BUYER, "reasoning": "Yes."}
    await refused(life, Code.VERDICT_DIFFERS, AGENT, Decide, **for_buyer)
    await refused(
        life, Code.VERDICT_DIFFERS, AGENT, Decide, remedy=Remedy.FULL_REFUND, **for_seller
    )
    await life.agent(Claim)
    await refused(life, Code.ALREADY_DONE, AGENT, Claim)
    await refused(life, Code.TASK_TAKEN, SECOND, Claim)
    await life.agent(Decide, remedy=Remedy.FULL_REFUND, **for_buyer)
    await refused(life, Code.OTHER_AGENT_NEEDED, AGENT, Confirm)
    await refused(life, Code.SECOND_AGENT_NEEDED, SECOND, Decide, **for_seller)
    await ended(life)


async def test_unconfirmed_refund_bars_another(world: World) -> None:
    life = await world.dispute()
    life.marketplace(refunds="later")
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    await life.sees(lambda view: view.clocks and view.awaited is Party.PLATFORM)
    await refused(life, Code.REFUND_UNCONFIRMED, PLATFORM, Close, reason="x")
    view = await life.view()
    assert view.refund
    world.settle(view.refund.key)
    await life.ends()


async def test_late_commands_are_refused_while_the_last_letters_leave(world: World) -> None:
    world.mailbox.refuse_next(10)
    life = await world.dispute()
    await life.buyer(Withdraw)
    await life.sees(lambda view: view.stage is Stage.CLOSED)
    await refused(life, Code.CASE_CLOSED, SELLER, Say, text="Too late.")
    world.mailbox.refuse_next(0)
    assert (await life.ends()).ending == "withdrawn"


async def test_repeated_command_gets_the_same_receipt(world: World) -> None:
    life = await world.dispute()
    first = await life.seller(Offer, remedy=Remedy.REPAIR, command_id="o")
    again = await life.seller(Offer, remedy=Remedy.REPAIR, command_id="o")
    assert again == first.model_copy(update={"outcome": "repeated"})
    await refused(
        life, Code.COMMAND_ID_REUSED, SELLER, Offer, remedy=Remedy.SEND_AGAIN, command_id="o"
    )
    twice = await asyncio.gather(*(life.buyer(Say, text="Once.", command_id="s") for _ in range(5)))
    assert sorted(receipt.outcome for receipt in twice) == ["accepted"] + ["repeated"] * 4
    view = await life.view()
    assert len(view.offers) == 1
    assert [m.text for m in view.messages].count("Once.") == 1
    await life.buyer(Withdraw)
    await life.ends()


async def test_commands_before_the_registration_are_taken_after_it(world: World) -> None:
    order = world.order()
    world.behaves(order_id=order, orders="hang", times=2)
    opening = asyncio.create_task(world.dispute(order_id=order))
    await asyncio.sleep(0.5)
    life = Life(world, world.client.get_workflow_handle(f"dispute:PL:{order}:1"), "PL", order)
    assert (await life.view()).stage is Stage.OPENING
    said, mistaken = await asyncio.gather(
        life.buyer(Say, text="And it smells.", command_id="early"),
        life.send(SELLER, Withdraw, command_id="early-2"),
        return_exceptions=True,
    )
    assert not isinstance(said, BaseException)
    assert said.stage is Stage.AWAITING_SELLER
    assert isinstance(mistaken, RefusedCommand)
    assert mistaken.code == Code.NOT_YOURS
    life = await opening
    assert [m.id for m in (await life.view()).messages] == ["#opening", "early"]
    await life.buyer(Withdraw)
    await life.ends()


async def test_inquiry_refuses_what_is_not_its_own(world: World) -> None:
    life = await world.inquiry()
    await refused(life, Code.UNKNOWN_COMMAND, SELLER, Offer, remedy=Remedy.REPAIR)
    with pytest.raises(RefusedCommand, match=r"takes .*, leave-letters, .*, resend-letters, "):
        await life.agent(Claim)
    await refused(life, Code.NOT_YOURS, BUYER, NoAnswerNeeded)
    wish = {"reason": "defect", "wanted": Remedy.PARTIAL_REFUND, "text": "Broken."}
    await refused(
        life, Code.AMOUNT_TOO_HIGH, BUYER, BecomeDispute, amount=life.money(26000), **wish
    )
    await life.seller(Say, text="Yes.")
    await refused(life, Code.WRONG_STAGE, SELLER, NoAnswerNeeded)
    await ended(life)


# A policy that is edited.


async def test_recalculation_moves_later_never_earlier_and_keeps_what_happened(
    strict: World,
) -> None:
    file = strict.settings.policies / "pl.toml"
    original = file.read_text("utf-8")
    life = await strict.inquiry()
    due = (await life.view()).due
    assert due
    await life.passes_until(due)
    breached = await life.sees(lambda view: view.breaches)
    await life.buyer(Say, text="Well?")
    await life.agent(Hold, reason="The maker is asked.")
    await life.passes(hours=5)
    before = (await life.agent(Resume)).due
    assert before

    async def recalculated(length: int, command_id: str) -> Any:
        write_layer(file, LIMITS | {"inquiry.seller_reply.length": length})
        return await life.handle.execute_update(
            Case.recalculate,
            Recalculate(command_id=command_id, by=AGENT, reason="The rule was changed."),
        )

    try:
        shorter = await recalculated(20, "r1")
        assert (shorter.due_before, shorter.due_after) == (before, before)
        longer = await recalculated(48, "r2")
        assert longer.due_before == before
        assert longer.due_after - before >= timedelta(hours=24)
        assert await recalculated(96, "r2") == longer
        view = await life.view()
        assert view.breaches == breached.breaches
        assert view.due == longer.due_after
        assert len([c for c in view.clocks if c.held]) == 2  # the reply's and the inactivity's
        assert [e.what for e in view.timeline].count("recalculated") == 2
        assert life.letters(Party.SELLER).count("deadline_moved") <= 1
        with pytest.raises(WorkflowUpdateFailedError):
            await life.handle.execute_update(
                Case.recalculate, Recalculate(command_id="r3", by=BUYER, reason="More!")
            )
        await life.passes_until(longer.due_after)
        view = await life.sees(lambda view: len(view.breaches) == 2)
        assert view.breaches[1].due == longer.due_after
        await life.ends()
    finally:
        file.write_text(original, "utf-8")
    assert life.letters(Party.SELLER).count("deadline_moved") == 1


async def test_a_party_that_sends_without_end_is_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, Party.AGENT, 2)
    life = await world.dispute()
    await life.agent(Hold, reason="Let me see.")
    await life.agent(Resume)
    await refused(life, Code.TOO_MANY_COMMANDS, AGENT, Hold, reason="Once more.")
    await ended(life)


async def test_what_is_no_command_is_rejected(world: World) -> None:
    life = await world.dispute()
    with pytest.raises(WorkflowUpdateFailedError) as rejected:
        await life.handle.execute_update("submit", {"verb": "dance"})
    cause = rejected.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == Code.UNREADABLE
    assert "dance" not in cause.message
    MET.add(Code.UNREADABLE)
    await ended(life)


async def test_every_code_is_met() -> None:
    assert {str(code) for code in Code} - MET == set()


async def test_a_process_says_who_may_do_what(world: World) -> None:
    life = await world.dispute()
    may = (await life.view()).may
    assert "offer" in may[Party.SELLER]
    assert "withdraw" not in may[Party.SELLER]
    assert may[Party.PLATFORM] == ("close", "hold", "say")
    await ended(life)
