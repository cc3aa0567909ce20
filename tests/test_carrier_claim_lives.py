"""Whole lives of claims against carriers: when, for how much, what an answer or none leads to."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import requests
from temporalio.service import RPCError

from domain.commands import (
    Accept,
    Appeal,
    Attachment,
    CarrierSays,
    Claim,
    Close,
    Decide,
    FileClaim,
    Hold,
    Refuse,
    RefuseReason,
    ReportAnswer,
    ReportRecovered,
    Resume,
    Say,
    SendAgain,
    Ship,
    Verdict,
    Withdraw,
)
from domain.goods import ParcelEvent, Scan
from domain.money import Money
from domain.notices import Ending, NoticeName
from domain.openings import CarrierTrouble
from domain.parties import Party
from domain.refusals import Code
from domain.stages import Stage
from domain.view import CarrierClaimView, CaseView, NonDeliveryView, Outcome, ParcelClaimView
from store.recoveries import Recoveries
from tests.life import AGENT, BUYER, PLATFORM, Life, RefusedCommand, V, World, not_travelled
from workflows.carrier_claim.process import CarrierClaim

INVOICE = Attachment(name="invoice.pdf", size=9, media_type="application/pdf", sha256="0" * 64)
PHOTO = Attachment(name="box.jpg", size=9, media_type="image/jpeg", sha256="1" * 64)
ALL = 25999
"""What the order's goods cost, with the delivery."""


async def damaged(world: World, country: str = "PL", regime: str = "postal") -> Life:
    """A parcel that came damaged yesterday is to be claimed."""
    order = await world.parcel(country, regime, posted=4, in_hand=1)
    return await world.carrier_claim(country, order_id=order, trouble=CarrierTrouble.DAMAGE)


async def filed(world: World, country: str = "PL", regime: str = "contract") -> Life:
    """A damaged parcel is claimed, for 200.00."""
    life = await damaged(world, country, regime)
    await claims(life)
    await at(life, Stage.WITH_CARRIER)
    return life


async def claims(life: Life, minor: int = 20000, **more: Any) -> None:
    """The seller files the claim."""
    proof = {"proof_of_value": (INVOICE,), "damage_record": (PHOTO,), **more}
    await life.seller(FileClaim, amount=life.money(minor), **proof)


async def answers(life: Life, answer: CarrierSays, minor: int = 0) -> None:
    """The carrier answers, as the platform reports."""
    amount = life.money(minor) if minor else None
    await life.send(PLATFORM, ReportAnswer, answer=answer, amount=amount)


async def at(life: Life[V], stage: Stage) -> V:
    """The case, once it stands there."""
    return await life.sees(lambda view: view.stage is stage)


async def lapses(life: Life) -> None:
    """The time that runs now ends."""
    due = (await life.sees(lambda view: view.due)).due
    assert due
    await life.passes_until(due)


async def pays(life: Life, minor: int = 20000) -> Ending:
    """The carrier's money comes."""
    await life.seller(ReportRecovered, amount=life.money(minor))
    return (await life.ends()).ending


def claim(view: CarrierClaimView) -> ParcelClaimView:
    """The claim of a case."""
    assert view.carrier_claim
    return view.carrier_claim


def kept(life: Life, what: str) -> list[dict[str, Any]]:
    """The claims or the bookings of this order that the marketplace has."""
    ledger = requests.get(f"{life.world.marketplace}/standin/ledger", timeout=5).json()
    return [one for one in ledger[what] if one["order_id"] == life.order_id]


def recovered(life: Life) -> list[Money]:
    """What the store has as recovered in this case."""
    found = Recoveries(life.world.engine).of_seller("seller")
    return [one.amount for one in found if one.case_id == life.handle.id]


async def refusal(life: Life) -> tuple[Code, str]:
    """Why the case was not opened."""
    assert (await life.ends()).ending is Ending.NOT_OPENED
    refused = (await life.view()).refusal
    assert refused
    assert life.letters() == []
    return refused.code, refused.sentence


# From when, and until when.


@pytest.mark.parametrize(
    ("regime", "country", "due", "window"),
    [
        ("postal", "PL", None, "loss_from_postal"),
        ("transport", "SI", -3, "loss_from_transport"),
        ("contract", "HU", None, "loss_from_contract"),
    ],
)
async def test_a_lost_parcel_is_claimed_once_it_counts_as_lost_and_the_money_is_booked(
    world: World, regime: str, country: str, due: float | None, window: str
) -> None:
    order = await world.parcel(country, regime, due=due)
    whole = ALL // 100 * 100 if country == "HU" else ALL  # forints are claimed whole
    life = await world.carrier_claim(country, order_id=order)
    view = await at(life, Stage.TOO_EARLY)
    assert [clock.window for clock in view.clocks] == [window]
    start = view.clocks[0].started_at
    assert (start > view.opened_at) is (due is not None)
    assert view.at_stake == life.money(ALL)
    assert view.due
    assert claim(view).claimable_from == view.due
    assert (view.awaited, "file-claim" in view.may[Party.SELLER]) == (Party.PLATFORM, False)
    with pytest.raises(RefusedCommand, match="too-early: .*" + f"{view.due.year}-") as early:
        await claims(life)
    assert early.value.code == Code.TOO_EARLY

    await lapses(life)
    view = await at(life, Stage.AWAITING_SELLER)
    assert [clock.window for clock in view.clocks] == ["loss"]
    assert view.clocks[0].started_at == start
    await claims(life, whole, damage_record=())
    view = await at(life, Stage.WITH_CARRIER)
    assert [clock.window for clock in view.clocks] == [f"answer_{regime}"]
    sent = kept(life, "claims")
    assert [(one["amount_minor"], one["tracking"], one["trouble"]) for one in sent] == [
        (whole, "PX 1", "loss")
    ]
    assert [file["sha256"] for file in sent[0]["evidence"]] == ["0" * 64]
    assert claim(view).reference == sent[0]["reference"]

    said = ReportAnswer(command_id="m1", by=PLATFORM, answer=CarrierSays.ACCEPTED)
    await life.signals(CarrierClaim.carrier_answered, said)
    await life.signals(CarrierClaim.carrier_answered, said)
    again = said.model_copy(update={"command_id": "m2", "answer": CarrierSays.REFUSED})
    await life.signals(CarrierClaim.carrier_answered, again)
    view = await at(life, Stage.AWAITING_PAYMENT)
    assert (claim(view).owed, claim(view).deemed) == (life.money(whole), False)
    assert [entry.what for entry in view.timeline].count("report-answer") == 1
    assert await pays(life, whole) is Ending.RECOVERED
    assert recovered(life) == [life.money(whole)]
    assert [(one["seller_id"], one["amount_minor"]) for one in kept(life, "bookings")] == [
        ("seller", whole)
    ]
    assert life.letters(Party.BUYER) == []
    assert life.letters(Party.SELLER) == [
        "carrier_claim_not_yet",
        "carrier_claim_wanted",
        "carrier_claim_filed",
        "carrier_owes",
        "carrier_paid",
    ]


async def test_who_does_not_claim_a_damage_in_time_is_warned_and_told_that_it_may_be_lost(
    world: World,
) -> None:
    life = await damaged(world)
    view = await at(life, Stage.AWAITING_SELLER)
    assert view.due
    # Received yesterday: seven days, the day of receipt not counted.
    assert timedelta(days=5) < view.due - view.opened_at < timedelta(days=10)
    await life.passes(days=4)
    await life.sees(lambda view: any(entry.what == "reminded" for entry in view.timeline))
    await lapses(life)
    assert (await life.ends()).ending is Ending.LAPSED
    wanted = "carrier_claim_wanted"
    assert life.letters() == [wanted, wanted, "carrier_claim_lapsed"]
    assert life.letters_whole()[1].subject.startswith(("Reminder", "Przypomnienie"))
    assert kept(life, "claims") == []


async def test_who_does_not_claim_a_loss_within_the_year_is_warned_and_told_that_it_may_be_lost(
    world: World,
) -> None:
    life = await world.carrier_claim(order_id=await world.parcel(posted=330))
    await at(life, Stage.AWAITING_SELLER)
    await life.passes(days=10)
    await life.sees(lambda view: any(entry.what == "reminded" for entry in view.timeline))
    assert (await life.ends()).ending is Ending.LAPSED
    assert life.letters()[-2:] == ["carrier_claim_wanted", "carrier_claim_lapsed"]


async def test_a_claim_that_is_opened_too_late_says_so_at_once(world: World) -> None:
    order = await world.parcel(posted=20, in_hand=15)
    life = await world.carrier_claim(order_id=order, trouble=CarrierTrouble.DAMAGE)
    assert (await life.ends()).ending is Ending.LAPSED
    assert life.letters() == ["carrier_claim_lapsed"]


async def scanned(life: Life, event: str, scan: Scan, hours: float = 0, to: str = "PX 1") -> None:
    """A machine has seen a parcel, so many hours after one some hours ago."""
    now = await life.world.environment.get_current_time()
    at = now - timedelta(hours=5) + timedelta(hours=hours)
    told = ParcelEvent(event_id=event, scan=scan, at=at, tracking=to)
    await life.signals(CarrierClaim.parcel, told)


@pytest.mark.parametrize("scan", [Scan.DELIVERED, Scan.RETURNED])
async def test_a_parcel_that_turns_up_is_not_claimed_as_lost(world: World, scan: Scan) -> None:
    early = scan is Scan.DELIVERED
    life = await world.carrier_claim(order_id=await world.parcel(posted=1 if early else 40))
    await at(life, Stage.TOO_EARLY if early else Stage.AWAITING_SELLER)
    for number, tracking, seen in ((1, "PX 2", scan), (2, "PX 1", Scan.LOST), (3, "PX 1", scan)):
        await scanned(life, f"e{number}", seen, to=tracking)
    assert (await life.ends()).ending is Ending.DELIVERED
    assert life.letters()[-1] == "parcel_found"
    assert f"parcel {scan}" in [entry.what for entry in (await life.view()).timeline]


async def test_a_parcel_that_turns_up_after_it_was_claimed_is_told_and_the_claim_goes_on(
    world: World,
) -> None:
    lost = await world.carrier_claim(order_id=await world.parcel(posted=40))
    await at(lost, Stage.AWAITING_SELLER)
    await claims(lost)
    before = await at(lost, Stage.WITH_CARRIER)
    await scanned(lost, "e1", Scan.RETURNED)
    await scanned(lost, "e1", Scan.RETURNED)
    await scanned(lost, "e2", Scan.RETURNED, hours=1)  # seen once more
    await scanned(lost, "e3", Scan.DELIVERED, hours=-1)  # before it came back
    await scanned(lost, "e4", Scan.DELIVERED, hours=2, to="PX 2")
    found = [NoticeName.PARCEL_FOUND_LATE.value]
    await lost.sees(lambda _: lost.letters()[2:] == found)
    assert "wróciła do Państwa" in lost.letters_whole()[-1].text
    assert "uszkodzona" not in lost.letters_whole()[-1].text  # the buyer never had it
    view = await lost.view()
    assert (view.stage, view.due, view.ending) == (before.stage, before.due, None)
    await answers(lost, CarrierSays.ACCEPTED)
    await at(lost, Stage.AWAITING_PAYMENT)
    await scanned(lost, "e5", Scan.DELIVERED, hours=3)  # sent once more, it is there
    await lost.sees(lambda _: lost.letters()[2:] == [*found, "carrier_owes", *found])
    assert "została doręczona kupującemu" in lost.letters_whole()[-1].text
    assert "uszkodzona" in lost.letters_whole()[-1].text
    assert "withdraw" in (await lost.view()).may[Party.SELLER]
    assert await pays(lost) is Ending.RECOVERED
    assert lost.letters()[-1] == "carrier_paid"

    broken = await filed(world)  # that a damaged parcel is there was never in doubt
    await scanned(broken, "e1", Scan.DELIVERED)
    await broken.seller(Withdraw)
    assert (await broken.ends()).ending is Ending.WITHDRAWN
    assert found[0] not in broken.letters()


# What is refused.


async def test_a_parcel_that_the_order_does_not_have_opens_no_claim(world: World) -> None:
    life = await world.carrier_claim(order_id=await world.parcel(tracking="PX 2"))
    code, sentence = await refusal(life)
    assert code is Code.PARCEL_UNKNOWN
    assert "no parcel with the tracking number PX 1" in sentence
    assert (await life.view()).carrier_claim is None


async def test_a_claim_needs_its_evidence_and_is_for_what_the_parcel_was_worth(
    world: World,
) -> None:
    part = [{"sku": "A", "quantity": 1}]
    order = await world.parcel(posted=4, in_hand=1, lines=part)
    life = await world.carrier_claim(order_id=order, trouble=CarrierTrouble.DAMAGE)
    view = await at(life, Stage.AWAITING_SELLER)
    assert view.at_stake == life.money(10399)
    assert [(unit.sku, unit.quantity) for unit in view.units] == [("A", 1)]
    huge = INVOICE.model_copy(update={"size": 10**9})
    for minor, more, code in (
        (10399, {"damage_record": ()}, Code.EVIDENCE_MISSING),
        (10400, {}, Code.AMOUNT_TOO_HIGH),
        (0, {}, Code.AMOUNT_TOO_HIGH),
        (10399, {"proof_of_value": (huge,)}, Code.ATTACHMENT_REFUSED),
        (10399, {"proof_of_value": (INVOICE,) * 5}, Code.TOO_MANY_ATTACHMENTS),
    ):
        with pytest.raises(RefusedCommand) as refused:
            await claims(life, minor, **more)
        assert refused.value.code == code
    euros = Money(amount_minor=1, currency="EUR")
    with pytest.raises(RefusedCommand, match="currency-differs"):
        await life.seller(
            FileClaim, amount=euros, proof_of_value=(INVOICE,), damage_record=(PHOTO,)
        )
    with pytest.raises(RefusedCommand, match="not-yours"):
        await life.buyer(Say, text="Where is it?")
    assert view.may[Party.BUYER] == ()
    await claims(life, 10399)
    with pytest.raises(RefusedCommand, match=r"already-done|wrong-stage"):
        await claims(life)
    view = await at(life, Stage.WITH_CARRIER)
    assert [file.name for file in claim(view).evidence] == ["invoice.pdf", "box.jpg"]
    for said, amount, code in (
        (CarrierSays.PARTLY, None, Code.AMOUNT_MISSING),
        (CarrierSays.PARTLY, life.money(10400), Code.AMOUNT_TOO_HIGH),
        (CarrierSays.PARTLY, euros, Code.CURRENCY_DIFFERS),
        (CarrierSays.REFUSED, life.money(1), Code.AMOUNT_NEEDLESS),
    ):
        with pytest.raises(RefusedCommand) as refused:
            await life.seller(ReportAnswer, answer=said, amount=amount)
        assert refused.value.code == code
    with pytest.raises(RefusedCommand, match="wrong-stage: The carrier still has time"):
        await life.seller(Appeal, reason="Hurry.")
    await answers(life, CarrierSays.ACCEPTED)
    await at(life, Stage.AWAITING_PAYMENT)
    with pytest.raises(RefusedCommand, match="already-done"):
        await answers(life, CarrierSays.REFUSED)
    with pytest.raises(RefusedCommand, match="amount-too-high"):
        await life.seller(ReportRecovered, amount=life.money(10400))
    assert await pays(life, 10399) is Ending.RECOVERED


# The carrier's answer, or its silence.


async def test_a_silent_post_has_accepted_by_law_and_its_late_answer_changes_nothing(
    world: World,
) -> None:
    life = await filed(world, regime="postal")
    await lapses(life)
    view = await at(life, Stage.AWAITING_PAYMENT)
    assert (claim(view).deemed, claim(view).owed) == (True, life.money(20000))
    late = await life.send(PLATFORM, ReportAnswer, answer=CarrierSays.REFUSED)
    assert (late.outcome, late.stage) == (Outcome.ACCEPTED, Stage.AWAITING_PAYMENT)
    with pytest.raises(RefusedCommand, match="already-done"):
        await answers(life, CarrierSays.ACCEPTED)
    after = await life.view()
    assert (claim(after).answer, claim(after).owed) == (CarrierSays.REFUSED, life.money(20000))
    assert after.due == view.due
    assert await pays(life) is Ending.RECOVERED
    assert life.letters(Party.SELLER)[-2:] == ["carrier_owes", "carrier_paid"]


@pytest.mark.parametrize(
    ("country", "regime"), [("PL", "transport"), ("CZ", "contract"), ("SK", "postal")]
)
async def test_another_silent_carrier_is_chased_once_and_then_the_claim_ends_here(
    world: World, country: str, regime: str
) -> None:
    life = await filed(world, country, regime)
    await lapses(life)
    await life.sees(lambda view: len(life.letters()) == 3)
    view = await at(life, Stage.WITH_CARRIER)
    assert (view.clocks[0].window, view.awaited) == (f"answer_{regime}", Party.PLATFORM)
    await lapses(life)
    assert (await life.ends()).ending is Ending.REFUSED
    assert life.letters()[2:] == ["carrier_silent", "carrier_claim_lost"]
    assert kept(life, "bookings") == []


async def test_a_silent_carrier_is_appealed_to_once_with_the_sellers_words(world: World) -> None:
    life = await filed(world)
    await lapses(life)
    await life.sees(lambda view: "appeal" in view.may[Party.SELLER])
    await life.seller(Appeal, reason="You have had a month.")
    view = await life.sees(lambda view: claim(view).appealed and view.stage is Stage.WITH_CARRIER)
    first, appeal = kept(life, "claims")
    assert (appeal["appeal_of"], appeal["reason"]) == (first["reference"], "You have had a month.")
    assert claim(view).reference == appeal["reference"]
    await lapses(life)
    await life.sees(lambda view: len(life.letters()) == 5)
    with pytest.raises(RefusedCommand, match="already-done"):
        await life.seller(Appeal, reason="And again.")
    await lapses(life)
    assert (await life.ends()).ending is Ending.REFUSED
    filing = "carrier_claim_filed"
    assert life.letters()[1:] == [
        filing,
        "carrier_silent",
        filing,
        "carrier_silent",
        "carrier_claim_lost",
    ]


@pytest.mark.parametrize("content", [True, False])
async def test_an_answer_that_the_seller_leaves_stands(world: World, content: bool) -> None:
    """At once if it is accepted, else when the time to appeal has passed."""
    partly, refused = await filed(world), await filed(world)
    await answers(partly, CarrierSays.PARTLY, 4000)
    await answers(refused, CarrierSays.REFUSED)
    for life in (partly, refused):
        view = await at(life, Stage.DECIDED)
        assert (view.clocks[0].window, view.awaited) == ("appeal", Party.SELLER)
        if content:
            await life.seller(Accept)
    if not content:
        await partly.passes(days=11)  # both are reminded
        await lapses(partly)
    assert claim(await at(partly, Stage.AWAITING_PAYMENT)).owed == partly.money(4000)
    assert await pays(partly, 4000) is Ending.RECOVERED
    assert recovered(partly) == [partly.money(4000)]
    assert (await refused.ends()).ending is Ending.REFUSED
    for life in (partly, refused):
        assert life.letters().count("carrier_answered") == (1 if content else 2)


@pytest.mark.parametrize(
    ("first", "second", "owed"),
    [
        ((CarrierSays.REFUSED, 0), (CarrierSays.PARTLY, 5000), 5000),
        ((CarrierSays.PARTLY, 4000), (CarrierSays.REFUSED, 0), 4000),
        ((CarrierSays.PARTLY, 4000), (CarrierSays.ACCEPTED, 0), 20000),
        ((CarrierSays.REFUSED, 0), (CarrierSays.REFUSED, 0), None),
    ],
)
async def test_an_appeal_is_heard_once_and_takes_nothing_back(
    world: World,
    first: tuple[CarrierSays, int],
    second: tuple[CarrierSays, int],
    owed: int | None,
) -> None:
    life = await filed(world)
    await answers(life, *first)
    await at(life, Stage.DECIDED)
    await life.seller(Appeal, reason="The box was whole when it left.")
    with pytest.raises(RefusedCommand, match=r"already-done|wrong-stage"):
        await life.seller(Appeal, reason="And again.")
    await at(life, Stage.WITH_CARRIER)
    await answers(life, *second)
    if owed is None:
        assert (await life.ends()).ending is Ending.REFUSED
        assert life.letters()[-2:] == ["carrier_answered", "carrier_claim_lost"]
        return
    view = await at(life, Stage.AWAITING_PAYMENT)
    assert (claim(view).owed, claim(view).appealed) == (life.money(owed), True)
    assert await pays(life, owed) is Ending.RECOVERED


async def test_a_silence_after_an_appeal_leaves_what_was_accepted(world: World) -> None:
    life = await filed(world)
    await answers(life, CarrierSays.PARTLY, 4000)
    await at(life, Stage.DECIDED)
    await life.seller(Appeal, reason="It was worth more.")
    await at(life, Stage.WITH_CARRIER)
    await lapses(life)
    await life.sees(lambda view: "carrier_silent" in life.letters())
    await lapses(life)
    assert claim(await at(life, Stage.AWAITING_PAYMENT)).owed == life.money(4000)
    await life.send(PLATFORM, Close, reason="Paid on account.")
    assert (await life.ends()).ending is Ending.CLOSED_BY_PLATFORM


# The money.


async def test_a_carrier_that_does_not_pay_is_an_agents_task_and_waited_for_again(
    world: World,
) -> None:
    life = await filed(world)
    await answers(life, CarrierSays.ACCEPTED)
    await at(life, Stage.AWAITING_PAYMENT)
    await lapses(life)
    view = await at(life, Stage.WITH_AGENT)
    assert view.task
    assert (view.task.purpose, view.task.queue) == ("carrier-does-not-pay", "carrier-claims-pl")
    with pytest.raises(RefusedCommand, match="verdict-differs"):
        await life.agent(Decide, verdict=Verdict.SHARED, reasoning="Half.")
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="They promised it.")
    await at(life, Stage.AWAITING_PAYMENT)
    await lapses(life)
    await at(life, Stage.WITH_AGENT)
    await life.send(PLATFORM, ReportRecovered, amount=life.money(15000))
    assert (await life.ends()).ending is Ending.RECOVERED
    assert recovered(life) == [life.money(15000)]
    assert await life.tasks() == []
    assert life.letters().count("agent_joins") == 2
    assert life.letters().count("carrier_owes") == 2


async def test_an_agent_can_end_a_claim_that_is_not_paid(world: World) -> None:
    life = await filed(world)
    await answers(life, CarrierSays.ACCEPTED)
    await at(life, Stage.AWAITING_PAYMENT)
    await lapses(life)
    await at(life, Stage.WITH_AGENT)
    await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="The carrier is insolvent.")
    assert (await life.ends()).ending is Ending.REFUSED
    last = life.letters_whole()[-1]
    assert (last.name, "The carrier is insolvent." in last.text) == ("carrier_claim_lost", True)


async def test_money_that_cannot_be_booked_is_booked_by_hand_and_lost_answers_book_it_once(
    world: World,
) -> None:
    for behaviour, bookings in (
        ({"claims": "refuse"}, 0),
        ({"claims": "file-then-hang", "times": 1}, 1),
        ({"claims": "fail", "times": 1}, 1),
    ):
        life = await filed(world)
        await answers(life, CarrierSays.ACCEPTED)
        await at(life, Stage.AWAITING_PAYMENT)
        life.marketplace(**behaviour)
        receipt = await life.seller(ReportRecovered, amount=life.money(20000), command_id="r1")
        assert receipt.outcome is Outcome.ACCEPTED
        if not bookings:
            view = await at(life, Stage.WITH_AGENT)
            assert view.task
            assert view.task.purpose == "booking-refused"
            with pytest.raises(RefusedCommand, match="verdict-differs"):
                await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="No.")
            with pytest.raises(RefusedCommand, match="already-done"):
                await life.seller(ReportRecovered, amount=life.money(1))
            await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="Booked by hand.")
        assert (await life.ends()).ending is Ending.RECOVERED
        assert recovered(life) == [life.money(20000)]
        assert len(kept(life, "bookings")) == bookings


# The port.


async def test_a_claim_that_the_marketplace_refuses_is_filed_by_hand_or_ends(
    world: World,
) -> None:
    for verdict in (Verdict.FOR_SELLER, Verdict.FOR_BUYER):
        life = await damaged(world)
        life.marketplace(claims="refuse", refusal="carrier-unknown")
        await claims(life)
        view = await at(life, Stage.WITH_AGENT)
        assert view.task
        assert view.task.purpose == "claim-refused-by-port"
        with pytest.raises(RefusedCommand, match="wrong-stage"):
            await life.seller(ReportRecovered, amount=life.money(1))
        await life.agent(Claim)
        await life.agent(Decide, verdict=verdict, reasoning="By letter.")
        if verdict is Verdict.FOR_BUYER:
            assert (await life.ends()).ending is Ending.REFUSED
            continue
        assert claim(await at(life, Stage.WITH_CARRIER)).reference == ""
        await answers(life, CarrierSays.PARTLY, 4000)
        await at(life, Stage.DECIDED)
        await life.seller(Appeal, reason="More.")
        await at(life, Stage.WITH_AGENT)
        await life.agent(Decide, verdict=Verdict.FOR_BUYER, reasoning="There is no appeal.")
        assert claim(await at(life, Stage.AWAITING_PAYMENT)).owed == life.money(4000)
        life.marketplace()
        assert kept(life, "claims") == []


async def test_a_claim_whose_answer_is_lost_is_filed_once(world: World) -> None:
    for how in ("file-then-hang", "garbage"):
        life = await damaged(world)
        life.marketplace(claims=how, times=1)
        await claims(life)
        view = await at(life, Stage.FILING)
        assert (view.awaited, view.due) == (Party.PLATFORM, None)
        with pytest.raises(RefusedCommand, match="wrong-stage"):
            await answers(life, CarrierSays.ACCEPTED)
        view = await at(life, Stage.WITH_CARRIER)
        assert [one["reference"] for one in kept(life, "claims")] == [claim(view).reference]
        await life.send(PLATFORM, Close, reason="Enough seen.")
        await life.ends()


async def test_a_claim_that_is_on_its_way_is_neither_closed_nor_left_there_for_ever(
    world: World,
) -> None:
    life = await damaged(world)
    life.marketplace(claims="fail")
    await claims(life)
    await at(life, Stage.FILING)
    await life.seller(Say, text="Is it under way?")
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.send(PLATFORM, Close, reason="The carrier is gone.")
    await life.passes(hours=25)
    view = await at(life, Stage.WITH_AGENT)
    assert view.task
    assert view.task.purpose == "claim-refused-by-port"
    await life.send(PLATFORM, Close, reason="The carrier is gone.")
    assert (await life.ends()).ending is Ending.CLOSED_BY_PLATFORM
    assert kept(life, "claims") == []
    assert life.letters() == ["carrier_claim_wanted", "agent_joins", "closed"]


# By hand.


async def everywhere(world: World) -> list[tuple[Life, Stage]]:
    """A claim at each stage at which it can be ended."""
    lives = [
        await world.carrier_claim(order_id=await world.parcel()),
        await damaged(world),
        await filed(world),
        await filed(world),
        await filed(world),
        await damaged(world),
    ]
    await answers(lives[3], CarrierSays.REFUSED)
    await answers(lives[4], CarrierSays.ACCEPTED)
    lives[5].marketplace(claims="refuse")
    await claims(lives[5])
    stages = (
        Stage.TOO_EARLY,
        Stage.AWAITING_SELLER,
        Stage.WITH_CARRIER,
        Stage.DECIDED,
        Stage.AWAITING_PAYMENT,
        Stage.WITH_AGENT,
    )
    for life, stage in zip(lives, stages, strict=True):
        await at(life, stage)
    return list(zip(lives, stages, strict=True))


async def test_a_seller_withdraws_a_claim_at_every_stage_and_is_to_tell_the_carrier(
    world: World,
) -> None:
    lives = await everywhere(world)
    for life, _ in lives:
        for other in (PLATFORM, AGENT, BUYER):
            with pytest.raises(RefusedCommand, match="not-yours"):
                await life.send(other, Withdraw)
        await life.seller(Withdraw, text="It is not worth it.", command_id="w")
    for life, stage in lives:
        assert (await life.ends()).ending is Ending.WITHDRAWN
        last = life.letters_whole()[-1]
        assert (last.name, last.to) == ("carrier_claim_withdrawn", Party.SELLER)
        assert "closed" not in life.letters()
        assert life.letters(Party.BUYER) == []
        assert (await life.tasks(), kept(life, "bookings")) == ([], [])
        sent = kept(life, "claims")
        unsent = stage in (Stage.TOO_EARLY, Stage.AWAITING_SELLER)
        assert bool(sent) is (not unsent and stage is not Stage.WITH_AGENT)
        assert ("Do przewoźnika nic nie wysłano" in last.text) is unsent
        assert ("Nie powiadamiamy przewoźnika" in last.text) is not unsent
        assert not sent or sent[0]["reference"] in last.text


async def test_a_claim_that_is_being_filed_or_is_paid_is_not_withdrawn(world: World) -> None:
    life = await damaged(world)
    life.marketplace(claims="file-then-hang", times=1)
    await claims(life)
    await at(life, Stage.FILING)
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.seller(Withdraw)
    await at(life, Stage.WITH_CARRIER)
    await answers(life, CarrierSays.ACCEPTED)
    await at(life, Stage.AWAITING_PAYMENT)
    life.marketplace(claims="refuse")
    await life.seller(ReportRecovered, amount=life.money(20000))
    await at(life, Stage.WITH_AGENT)
    with pytest.raises(RefusedCommand, match="already-done: The money"):
        await life.seller(Withdraw)
    await life.agent(Decide, verdict=Verdict.FOR_SELLER, reasoning="Booked by hand.")
    assert (await life.ends()).ending is Ending.RECOVERED


async def test_a_claim_and_its_withdrawal_that_come_at_once_do_not_both_count(
    world: World,
) -> None:
    life = await damaged(world)
    both = (claims(life), life.seller(Withdraw, command_id="w"))
    filed, withdrawn = await asyncio.gather(*both, return_exceptions=True)
    assert isinstance(filed, RefusedCommand) is not isinstance(withdrawn, RefusedCommand)
    if isinstance(withdrawn, RefusedCommand):
        await at(life, Stage.WITH_CARRIER)
        await life.seller(Withdraw)
    assert (await life.ends()).ending is Ending.WITHDRAWN
    assert len(kept(life, "claims")) == isinstance(withdrawn, RefusedCommand)


async def test_the_platform_closes_a_claim_at_every_stage(world: World) -> None:
    lives = await everywhere(world)
    for life, _ in lives:
        await life.send(PLATFORM, Close, reason="The seller has left.", command_id="close")
    for life, _ in lives:
        assert (await life.ends()).ending is Ending.CLOSED_BY_PLATFORM
        assert life.letters(Party.SELLER)[-1] == "closed"
        assert life.letters(Party.BUYER) == []
        assert await life.tasks() == []


async def test_a_hold_stops_the_carriers_time_but_not_the_laws(world: World) -> None:
    life = await damaged(world)
    await at(life, Stage.AWAITING_SELLER)
    with pytest.raises(RefusedCommand, match="wrong-stage"):
        await life.agent(Hold, reason="The carrier asks for a photo.")
    await claims(life)
    before = (await at(life, Stage.WITH_CARRIER)).due
    assert before
    await life.agent(Hold, reason="The carrier asks for a photo.")
    assert (await life.view()).due is None
    await life.passes(days=3)
    await life.agent(Resume)
    after = (await life.sees(lambda view: view.due)).due
    assert after
    assert after > before
    await life.send(AGENT, Say, text="It has the photo now.")
    await life.send(PLATFORM, Close, reason="Settled elsewhere.")
    await life.ends()
    assert life.letters(Party.BUYER) == []
    assert life.letters(Party.SELLER)[2:] == ["clock_held", "clock_resumed", "message", "closed"]
    assert NoticeName.CLOSED in life.letters()


async def test_a_claim_beside_a_buyers_case_knows_it(world: World) -> None:
    order = await world.parcel()
    belongs = f"non-delivery:PL:{order}:1"
    life = await world.carrier_claim(order_id=order, opened_by=PLATFORM, belongs_to=belongs)
    assert (await at(life, Stage.TOO_EARLY)).belongs_to == belongs
    await life.send(PLATFORM, Close, reason="Enough seen.")
    await life.ends()


async def missing(world: World, order: str) -> Life[NonDeliveryView]:
    """The buyer's case about a parcel that did not come, which lists the claim over it."""
    life = await world.non_delivery(order_id=order)
    claim = f"carrier-claim:PL:{order}:PX-1"
    await life.sees(lambda view: view.carrier_claims == (claim,))
    return life


@pytest.mark.parametrize("told", ["buyer's case", "claim", "both"])
async def test_what_a_machine_tells_the_claim_or_the_buyers_case_both_learn_once(
    world: World, told: str
) -> None:
    order = await world.parcel(posted=40)
    life = await world.carrier_claim(order_id=order)  # before the buyer missed it
    buyers = await missing(world, order)
    await life.sees(lambda view: view.beside == (buyers.handle.id,))
    await scanned(buyers, "e0", Scan.IN_TRANSIT, to="PX 2")
    hear: dict[str, list[Life]] = {
        "buyer's case": [buyers],
        "claim": [life],
        "both": [life, buyers],
    }
    for each in hear[told]:
        await scanned(each, "e1", Scan.DELIVERED)
        await scanned(each, "e1", Scan.DELIVERED)
    assert (await life.ends()).ending is Ending.DELIVERED
    assert life.letters()[-1] == "parcel_found"
    view = await at(buyers, Stage.DELIVERED)
    for one in (await life.view(), view):
        assert [e.what for e in one.timeline].count("parcel delivered") == 1
    await buyers.buyer(Withdraw)
    assert (await buyers.ends()).ending is Ending.WITHDRAWN
    assert buyers.letters(Party.BUYER).count("delivery_reported") == 1

    # The claim has ended: another case of the parcel's buyer knows of it, and opens none.
    again = await world.non_delivery(order_id=order, number=2)
    await again.sees(lambda view: view.carrier_claims == (life.handle.id,))
    await again.buyer(Withdraw)
    await again.ends()


async def test_only_a_claim_that_can_be_opened_is_opened_and_listed(real_world: World) -> None:
    world = real_world
    order = await world.parcel(posted=None)
    first = await world.carrier_claim(order_id=order)
    assert (await refusal(first))[0] is Code.PARCEL_ELSEWHERE
    now = await world.environment.get_current_time()
    posted = {"posted_at": (now - timedelta(days=1)).isoformat()}
    there = {"id": "p1", "tracking": "PX 1", **posted}
    old = {"id": "p2", "tracking": "PX 2", "posted_at": "2019-01-05T10:00Z"}
    long_ago = (now - timedelta(days=40)).isoformat()
    world.alter(order, placed_at=long_ago, parcels=[there, old])
    buyers = await missing(world, order)  # a claim that was refused before is no obstacle
    claim = world.follow(buyers, first.handle.id)
    assert (await at(claim, Stage.TOO_EARLY)).belongs_to == buyers.handle.id

    def unclaimed(view: CaseView) -> list[str]:
        return [entry.detail for entry in view.timeline if entry.what == "no carrier claim"]

    async def sent_again_and_lost(event: str) -> NonDeliveryView:
        """It stands at the buyer's choice; answers once both claims have been tried."""
        before = await at(buyers, Stage.AWAITING_BUYER)
        tried = len(unclaimed(before))
        await buyers.buyer(SendAgain)
        await at(buyers, Stage.AWAITING_DISPATCH)
        day = (now + timedelta(days=3)).date()
        await buyers.seller(Ship, carrier="Poczta", tracking="PX 3", expected_on=day)
        await at(buyers, Stage.IN_TRANSIT)
        await scanned(buyers, event, Scan.LOST, to="PX 3")
        await scanned(buyers, f"{event}, later", Scan.RETURNED, to="PX 3")
        return await buyers.sees(
            lambda view: len(unclaimed(view)) + len(view.carrier_claims) == tried + 3
        )

    await buyers.sees(lambda view: unclaimed(view) == [f"PX 2: {Code.PARCEL_ELSEWHERE}"])
    await buyers.seller(Refuse, reason=RefuseReason.OTHER, text="No.")
    view = await sent_again_and_lost("e1")
    assert view.carrier_claims == (claim.handle.id,)
    assert f"PX 3: {Code.PARCEL_UNKNOWN}" in unclaimed(view)
    world.alter(order, parcels=[there, old, {**there, "id": "p3", "tracking": "PX 3"}])
    world.behaves(order_id=order, orders="fail", times=2)
    view = await sent_again_and_lost("e2")  # now the order knows it
    last = world.follow(buyers, f"carrier-claim:PL:{order}:PX-3")
    assert view.carrier_claims == (claim.handle.id, last.handle.id)
    # What was told while the claim was still being judged reaches it when it opens.
    assert (await last.ends()).ending is Ending.DELIVERED
    await at(claim, Stage.TOO_EARLY)
    await claim.seller(Withdraw)
    with pytest.raises(RPCError, match="not found"):
        await world.client.get_workflow_handle(f"carrier-claim:PL:{order}:PX-2").describe()
    await buyers.buyer(Withdraw)
    assert (await buyers.ends()).ending is Ending.WITHDRAWN


async def test_every_step_that_is_drawn_was_taken(world: World) -> None:
    """Runs last: the lives above have gone every way there is."""
    assert not_travelled(CarrierClaim.FLOW, await world.played("carrier-claim")) == set()
