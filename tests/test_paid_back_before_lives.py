"""Do letters name what is really paid, and does a case of which nothing is owed end at once?"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.commands import (
    Accept,
    AcceptComplaint,
    Claim,
    Close,
    Decide,
    Inspect,
    Offer,
    Receive,
    Refund,
    Remedy,
    Verdict,
)
from domain.goods import Received, Scan, Way
from domain.kinds import Kind
from domain.money import Money
from domain.notices import Facts, NoticeName
from domain.orders import Line
from domain.parties import Party
from domain.ports import Payout, PayoutKind
from domain.preview import Stops, as_if_opened
from domain.stages import Stage
from domain.view import CaseView
from service.foreseeing import foresee
from store.refunds import RefundLedger
from tests.life import PLATFORM, Life, World
from tests.test_preview import ahead_of, asked

WHOLE = 25999
ALL = (Line(sku="A", quantity=2), Line(sku="B", quantity=1))
GIFT = {"sku": "G", "title": "Free pen", "quantity": 1, "unit_price_minor": 0}
LAMP = {"sku": "A", "title": "Lamp", "quantity": 1, "unit_price_minor": 10000}
RECEIVED = (Received(sku="A", quantity=2), Received(sku="B", quantity=1))
ONE_GIFT = (Line(sku="G", quantity=1),)
RULING = {"verdict": Verdict.FOR_BUYER, "reasoning": "The photo shows it."}
ANNOUNCES = "Zlecamy teraz"
"""How the Polish letters say that a refund is ordered now, and its confirmation is to follow."""


def at(*stages: Stage) -> Callable[[CaseView], bool]:
    """Whether a case has come to one of these stages."""
    return lambda view: view.stage in stages


def charged_back(world: World, life: Life, minor: int = WHOLE, *units: Line) -> None:
    """The buyer's bank has taken the money for these units back, past us."""
    payout = Payout(
        key=f"cb-{life.handle.id}",
        kind=PayoutKind.CHARGEBACK,
        order_id=life.order_id,
        amount=Money(amount_minor=minor, currency="PLN"),
        units=units or ALL,
        sold=ALL,
        paid=Money(amount_minor=WHOLE, currency="PLN"),
    )
    RefundLedger(world.engine).report_payout(payout, datetime.now(UTC))


async def facts(life: Life, name: NoticeName) -> list[tuple[Party, Facts]]:
    """What the letters of this name say, and to whom."""
    return [(notice.to, notice.facts) for notice in await life.notices(name)]


async def explained(life: Life, agreed: int | None, left: int = 0) -> None:
    """Both have read once what is left to pay, and that other money came back before."""
    await life.sees(lambda _: life.letters().count("paid_back_before") >= 2)
    told = await facts(life, NoticeName.PAID_BACK_BEFORE)
    assert {to for to, _ in told} == {Party.BUYER, Party.SELLER}
    assert len(told) == 2
    for _, said in told:
        assert said.amount == life.money(left)
        assert said.agreed == (None if agreed is None else life.money(agreed))


def last(life: Life) -> list[str]:
    """The texts of the last letter to each."""
    return [life.letters_whole(to)[-1].text for to in (Party.BUYER, Party.SELLER)]


# What was agreed, and had come back before.


async def agreed(world: World) -> Life:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.sees(lambda _: "offer_made" in life.letters())
    charged_back(world, life)
    await life.buyer(Accept)
    return life


async def decided(world: World) -> Life:
    life = await world.dispute()
    await life.passes(days=8)
    await life.agent(Claim)
    charged_back(world, life)
    await life.agent(Decide, **RULING, remedy=Remedy.FULL_REFUND)
    return life


async def final(world: World) -> Life:
    life = await world.dispute()
    await life.passes(days=8)
    await life.agent(Claim)
    await life.agent(Decide, **RULING, remedy=Remedy.FULL_REFUND)
    await life.sees(at(Stage.DECIDED))
    charged_back(world, life)
    return life


async def complaint_accepted(world: World) -> Life:
    life = await world.complaint(wanted=Remedy.FULL_REFUND)
    charged_back(world, life)
    await life.seller(AcceptComplaint)
    return life


@pytest.mark.parametrize(("plays", "ending"), [(agreed, "settled"), (final, "decided")])
async def test_nothing_is_announced_that_was_paid_back_before(
    world: World, plays: Callable[[World], Awaitable[Life]], ending: str
) -> None:
    life = await plays(world)
    assert (await life.ends()).ending == ending
    assert life.paid == []
    await explained(life, WHOLE)
    assert "refund_confirmed" not in life.letters()
    for text in last(life):
        assert ANNOUNCES not in text
        assert "nie pozostało nic do zwrotu" in text
        assert "259,99" in text


async def test_a_decision_names_what_is_really_left(world: World) -> None:
    life = await decided(world)
    await life.sees(lambda view: view.stage is Stage.DECIDED and "decision" in life.letters())
    await explained(life, WHOLE)
    assert [said.amount for _, said in await facts(life, NoticeName.DECISION)] == [None, None]
    assert (await life.ends()).ending == "decided"
    assert life.paid == []
    assert not any(ANNOUNCES in letter.text for letter in life.letters_whole())


async def test_an_offer_of_all_that_is_left_names_what_that_is(world: World) -> None:
    life = await world.dispute()
    charged_back(world, life, 10000, Line(sku="A", quantity=1))
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.sees(lambda _: "offer_made" in life.letters())
    [(to, said)] = await facts(life, NoticeName.OFFER_MADE)
    assert (to, said.amount) == (Party.BUYER, life.money(15999))
    await life.buyer(Accept)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [15999]
    assert {said.amount for _, said in await facts(life, NoticeName.OFFER_ACCEPTED)} == {
        life.money(15999)
    }


async def test_less_is_told_at_once_though_the_marketplace_confirms_later(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    charged_back(world, life, 10000, Line(sku="A", quantity=1))
    life.marketplace(refunds="later")
    await life.buyer(Accept)
    view = await life.sees(lambda view: view.refund and view.clocks)
    assert view.refund
    await life.sees(lambda _: "paid_back_before" in life.letters())
    await explained(life, WHOLE, 15999)
    world.settle(view.refund.key)
    assert (await life.ends()).ending == "settled"
    assert life.paid == [15999]


async def test_goods_that_go_back_after_the_money_are_told_to_bring_none(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.RETURN_FOR_REFUND)
    charged_back(world, life)
    await life.buyer(Accept)
    await life.goods_back()
    await explained(life, WHOLE)
    other = await world.complaint(wanted=Remedy.RETURN_FOR_REFUND)
    charged_back(world, other)
    await other.seller(AcceptComplaint)
    await other.goods_back()
    await explained(other, WHOLE)


async def test_a_complaint_pays_what_is_left_and_says_so(world: World) -> None:
    life = await complaint_accepted(world)
    assert (await life.ends()).ending == "nothing-owed"
    await explained(life, WHOLE)
    assert not any(ANNOUNCES in letter.text for letter in life.letters_whole())
    named = await world.complaint(wanted=Remedy.PARTIAL_REFUND)
    await named.seller(AcceptComplaint, amount=named.money(5000))
    await named.sees(at(Stage.AMOUNT_NAMED))
    charged_back(world, named)
    await named.buyer(Accept)
    assert (await named.ends()).ending == "nothing-owed"
    await explained(named, 5000)
    assert life.paid == named.paid == []


async def test_no_seller_is_asked_to_lower_a_price_of_which_nothing_is_left(world: World) -> None:
    order = await world.in_hand()
    life = await world.complaint(order_id=order, wanted=Remedy.PARTIAL_REFUND)
    other = await world.complaint(order_id=order, number=2, wanted=Remedy.FULL_REFUND)
    await other.seller(AcceptComplaint)
    assert (await other.ends()).ending == "refunded"
    view = await life.view()
    assert view.due
    await life.passes_until(view.due)  # in Poland silence accepts it
    assert (await life.ends()).ending == "nothing-owed"
    assert "amount_wanted" not in life.letters()
    assert life.breaches() == []


# The seller's duty to refund.


async def test_a_refund_that_is_owed_no_more_is_neither_reminded_of_nor_a_breach(
    world: World,
) -> None:
    life = await world.withdrawal(order_id=await world.in_hand(), way=Way.SELLER_COLLECTS)
    view = await life.sees(at(Stage.AWAITING_REFUND))
    charged_back(world, life)
    closed = await life.ends()
    assert closed.ending == "nothing-owed"
    assert view.due
    assert (await life.view()).timeline[-1].at < view.due  # when the seller would be reminded
    assert life.letters(Party.SELLER).count("withdrawal_stated") == 1
    assert life.breaches() == []
    await explained(life, WHOLE)


async def test_a_reminder_names_what_is_left(world: World) -> None:
    life = await world.withdrawal(order_id=await world.in_hand(), way=Way.SELLER_COLLECTS)
    await life.sees(at(Stage.AWAITING_REFUND))
    charged_back(world, life, 10000, Line(sku="A", quantity=1))
    view = await life.sees(lambda view: view.clocks)
    assert view.clocks[0].due
    await life.sees(lambda _: "withdrawal_stated" in life.letters())
    while len(asks := await facts(life, NoticeName.WITHDRAWAL_STATED)) < 2:
        await life.passes(days=1)
    left = asks[1][1].amount
    assert left
    assert left.amount_minor < WHOLE
    await explained(life, WHOLE, left.amount_minor)
    await life.seller(Refund)
    await life.sees(at(Stage.WATCHING))
    assert life.paid == [left.amount_minor]


# Nothing owed.


async def test_a_gift_that_is_withdrawn_closes_at_once(world: World) -> None:
    order = await world.in_hand(lines=[LAMP, GIFT], delivery_paid_minor=0)
    life = await world.withdrawal(order_id=order, lines=ONE_GIFT)
    await life.sees(at(Stage.CLOSED))
    view = await life.view()
    assert (view.ending, view.returns, life.breaches()) == ("nothing-owed", (), [])
    await life.handle.result()
    for to, names in (
        (Party.BUYER, ["withdrawal_acknowledged", "closed"]),
        (Party.SELLER, ["withdrawal_stated", "closed"]),
    ):
        assert life.letters(to) == names
        assert len(life.letters_whole(to)) == 1
        assert "nie pozostało nic do zwrotu" in life.letters_whole(to)[0].text


async def test_goods_whose_whole_price_has_come_back_close_at_once(world: World) -> None:
    order = await world.in_hand()
    first = await world.dispute(order_id=order, lines=(Line(sku="B", quantity=1),))
    await first.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=first.money(5000))
    await first.buyer(Accept)
    assert (await first.ends()).ending == "settled"
    life = await world.withdrawal(
        "PL", order_id=order, lines=(Line(sku="B", quantity=1),), number=1
    )
    view = await life.sees(lambda view: view.ending or view.clocks)
    assert view.preview
    # The delivery comes back like the goods: only what is really nothing ends at once.
    assert (view.ending == "nothing-owed") is (view.preview.refund_minor == 0)


@pytest.mark.parametrize("payment", ["unpaid", "cash-on-delivery"])
async def test_no_seller_is_asked_to_refund_what_was_never_paid(world: World, payment: str) -> None:
    order = await world.in_hand(payment=payment, **({} if payment == "unpaid" else NO_SCAN))
    life = await world.withdrawal(order_id=order)
    back = await life.goods_back()
    await life.sees(lambda _: "withdrawal_stated" in life.letters())
    [(_, stated)] = await facts(life, NoticeName.WITHDRAWAL_STATED)
    assert (stated.unpaid, stated.due) == (True, None)
    if payment == "unpaid":
        await back.scanned(Scan.ARRIVED)
        await back.seller(Receive, units=RECEIVED)
        await back.sees(at(Stage.INSPECTING))
        await back.seller(Inspect)
        assert (await life.ends()).ending == "nothing-owed"
    else:
        await life.passes(days=16)  # an agent finds out where the goods are
        await life.send(PLATFORM, Close, reason="A test.")
    assert life.letters(Party.SELLER).count("withdrawal_stated") == 1
    assert "refund_due" not in life.letters()
    assert life.breaches() == []
    assert life.paid == []


NO_SCAN: dict[str, Any] = {"parcels": []}


async def test_a_preview_shows_that_a_withdrawn_gift_ends_at_once(world: World) -> None:
    order = await world.in_hand(lines=[LAMP, GIFT], delivery_paid_minor=0)
    now = await world.environment.get_current_time()
    opening, bought, rules = asked(world, Kind.WITHDRAWAL, order, now)
    opening = opening.model_copy(update={"lines": ONE_GIFT})
    outlook = foresee(as_if_opened(opening, bought, rules, now), now)
    assert outlook.silent
    assert (outlook.silent.stage, outlook.silent.stops) == (Stage.CLOSED, Stops.CLOSED)
    assert [(way.what, way.to) for way in outlook.stages[0].ways] == [
        ("nothing is owed", (Stage.CLOSED,))
    ]
    assert [stage.stage for stage in outlook.stages] == [Stage.OPENING]


async def test_a_preview_promises_no_breach_where_nothing_is_owed(world: World) -> None:
    order = await world.in_hand(payment="unpaid")
    life = await world.withdrawal(order_id=order, way=Way.SELLER_COLLECTS)
    await life.sees(lambda view: view.clocks)

    outlook = await ahead_of(life)
    refunds = [way for way in outlook.stages[0].ways if way.what == "refund"]
    assert refunds
    for way in refunds:
        assert Stage.WITH_AGENT not in way.to
        assert "breach" not in way.means or "no breach" in way.means


# What was never paid.


def said_to_the_buyer(life: Life) -> str:
    """All that the buyer has read."""
    return "\n".join(letter.text for letter in life.letters_whole(Party.BUYER))


async def test_a_dispute_about_an_order_that_was_never_paid_moves_no_money(world: World) -> None:
    life = await world.dispute(order_id=world.alter(world.order(), payment="unpaid"))
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    await life.ends()
    assert life.paid == []
    assert "za te towary nic nie zapłacono" in said_to_the_buyer(life)


async def test_a_lower_price_of_what_was_never_paid_moves_no_money(world: World) -> None:
    order = await world.in_hand(payment="unpaid")
    life = await world.complaint(
        order_id=order,
        wanted=Remedy.PARTIAL_REFUND,
        amount=Money(amount_minor=1000, currency="PLN"),
    )
    await life.seller(AcceptComplaint)
    assert (await life.ends()).ending == "nothing-owed"
    assert life.paid == []


async def test_nothing_that_was_free_is_said_to_be_paid_or_paid_back(world: World) -> None:
    complaint = await world.complaint(
        order_id=await world.in_hand(lines=[LAMP, GIFT]), lines=ONE_GIFT, wanted=Remedy.FULL_REFUND
    )
    await complaint.seller(AcceptComplaint)
    dispute = await world.dispute(
        order_id=world.alter(world.order(), lines=[LAMP, GIFT]), lines=ONE_GIFT
    )
    await dispute.seller(Offer, remedy=Remedy.FULL_REFUND)
    await dispute.buyer(Accept)
    for life in (complaint, dispute):
        await life.ends()
        assert life.paid == []
        said = said_to_the_buyer(life)
        assert "zwrócono już wcześniej" not in said
        assert ANNOUNCES not in said
