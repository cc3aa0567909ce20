"""What came back past us while a case waited: is it known before a letter names what is left?"""

import pytest

from domain.commands import (
    Accept,
    AcceptComplaint,
    CancelOrder,
    Claim,
    Decide,
    Inspect,
    NameAmount,
    Offer,
    Receive,
    Refuse,
    RefuseReason,
    Remedy,
    Terminate,
    Verdict,
)
from domain.goods import Received, Scan
from domain.kinds import Kind
from domain.money import Money
from domain.notices import NoticeName
from domain.orders import Line
from domain.parties import Party
from domain.preview import Stops, as_if_opened
from domain.refusals import Code
from domain.stages import Stage
from service.foreseeing import foresee
from tests.life import Life, RefusedCommand, World
from tests.test_non_delivery_lives import lapses, with_choice
from tests.test_paid_back_before_lives import (
    ALL,
    GIFT,
    LAMP,
    WHOLE,
    at,
    charged_back,
    explained,
    facts,
)
from tests.test_preview import asked
from tests.test_uncollected_parcel_lives import silent

WAY_BACK = 1299
"""What the label for the way back costs in Poland."""
ONE_A = Line(sku="A", quantity=1)
CASH = {"payment": "cash-on-delivery"}
RULING = {"verdict": Verdict.FOR_BUYER, "reasoning": "It never came."}


async def ended_for_nothing(life: Life, agreed: int | None = WHOLE) -> None:
    """All has come back elsewhere: the case ends, both read why, and nothing is paid."""
    assert (await life.ends()).ending == "nothing-owed"
    await explained(life, agreed)
    assert life.paid == []


# A withdrawal.


async def sent_back(world: World) -> tuple[Life, Life]:
    """A withdrawal, beside which no other case runs, and its return, whose label is paid for."""
    life = await world.withdrawal(order_id=await world.in_hand())
    back = await life.goods_back()
    await back.sees(lambda _: "label_ready" in back.letters())
    return life, back


def agreed(life: Life) -> tuple[Money, Money]:
    """What was to be paid before: the way back is charged as the goods are handed over, before or
    after it is learned what has come back.
    """
    return life.money(WHOLE), life.money(WHOLE - WAY_BACK)


async def test_a_refund_that_falls_due_is_named_as_it_is_by_then(world: World) -> None:
    life, back = await sent_back(world)
    charged_back(world, life, 10000, ONE_A)
    await back.scanned(Scan.HANDED_OVER)
    await life.sees(lambda _: "refund_due" in life.letters())
    [(_, due)] = await facts(life, NoticeName.REFUND_DUE)
    assert due.amount
    assert due.amount.amount_minor < WHOLE - 9000
    told = await facts(life, NoticeName.PAID_BACK_BEFORE)
    assert {to for to, _ in told} == {Party.BUYER, Party.SELLER}
    assert all(said.agreed in agreed(life) for _, said in told)


async def test_no_seller_is_asked_for_a_refund_when_goods_come_after_the_money(
    world: World,
) -> None:
    life, back = await sent_back(world)
    charged_back(world, life)
    await back.scanned(Scan.HANDED_OVER)
    await life.sees(lambda _: life.letters().count("paid_back_before") >= 2)
    told = await facts(life, NoticeName.PAID_BACK_BEFORE)
    assert [to for to, _ in told] == [Party.BUYER, Party.SELLER]
    assert all(said.amount == life.money(0) for _, said in told)
    assert all(said.agreed in agreed(life) for _, said in told)
    assert "refund_due" not in life.letters()
    assert life.breaches() == []


async def test_a_seller_reads_what_is_deducted_from_a_refund_that_is_due(world: World) -> None:
    life, back = await sent_back(world)
    await back.scanned(Scan.HANDED_OVER)
    await back.scanned(Scan.ARRIVED)
    await back.seller(Receive, units=(Received(sku="A", quantity=2), Received(sku="B", quantity=1)))
    await back.sees(at(Stage.INSPECTING))
    await back.seller(Inspect)
    await life.sees(lambda view: view.preview and view.preview.refund_minor < WHOLE)
    while len(asks := await facts(life, NoticeName.REFUND_DUE)) < 2:
        await life.passes(days=1)
    amount, deducted, price = asks[-1][1].amount, asks[-1][1].deducted, asks[-1][1].price
    assert amount
    assert deducted
    assert price
    assert amount.amount_minor + deducted.amount_minor == WHOLE
    text = next(
        one.text for one in life.letters_whole(Party.SELLER)[::-1] if "Potrącono" in one.text
    )
    assert "Cena towarów" in text


# A complaint.


async def wants_less(world: World, minor: int = 20000) -> Life:
    """The buyer wants the price reduced by so much."""
    wished = Money(amount_minor=minor, currency="PLN")
    return await world.complaint(wanted=Remedy.PARTIAL_REFUND, amount=wished)


async def test_an_amount_that_is_named_is_what_is_left_of_the_price(world: World) -> None:
    life = await wants_less(world)
    charged_back(world, life, 10000, ONE_A)
    await life.seller(AcceptComplaint, amount=life.money(18000))
    await life.sees(at(Stage.AMOUNT_NAMED))
    await life.sees(lambda _: "amount_named" in life.letters())
    [(_, named)] = await facts(life, NoticeName.AMOUNT_NAMED)
    assert named.amount
    left = named.amount.amount_minor
    assert left < 16000
    await explained(life, 18000, left)
    await life.buyer(Accept)
    assert (await life.ends()).ending == "price-reduced"
    assert life.paid == [left]


async def test_no_buyer_is_asked_about_an_amount_of_which_nothing_is_left(world: World) -> None:
    life = await wants_less(world)
    charged_back(world, life)
    await life.seller(AcceptComplaint, amount=life.money(5000))
    await ended_for_nothing(life, 5000)
    assert "amount_named" not in life.letters()


async def test_no_seller_is_asked_to_name_what_came_back_past_us(world: World) -> None:
    life = await world.complaint(wanted=Remedy.PARTIAL_REFUND)
    charged_back(world, life)
    await lapses(life)  # in Poland silence accepts it
    assert (await life.ends()).ending == "nothing-owed"
    assert "amount_wanted" not in life.letters()


async def test_what_a_seller_names_later_is_told_as_it_is_by_then(world: World) -> None:
    life = await world.complaint(wanted=Remedy.PARTIAL_REFUND)
    await lapses(life)
    await life.sees(at(Stage.AWAITING_AMOUNT))
    charged_back(world, life)
    await life.seller(NameAmount, amount=life.money(5000))
    await ended_for_nothing(life, 5000)
    assert "amount_named" not in life.letters()


async def test_an_acceptance_names_what_is_paid_and_says_why_it_is_less(world: World) -> None:
    life = await wants_less(world)
    charged_back(world, life, 10000, ONE_A)
    await life.seller(AcceptComplaint)
    assert (await life.ends()).ending == "price-reduced"
    [paid] = life.paid
    assert paid < 16000
    accepted = await facts(life, NoticeName.COMPLAINT_ACCEPTED)
    assert {said.amount for _, said in accepted} == {life.money(paid)}
    await explained(life, 20000, paid)


# A non-delivery.


async def test_no_buyer_is_promised_by_a_failed_delivery_what_has_come_back(world: World) -> None:
    life = await world.non_delivery()
    charged_back(world, life)
    await life.seller(Refuse, reason=RefuseReason.OTHER, text="Sold out.")
    await ended_for_nothing(life)
    assert "delivery_failed" not in life.letters()


async def test_a_failed_delivery_names_what_is_left(world: World) -> None:
    life = await world.non_delivery()
    charged_back(world, life, 10000, ONE_A)
    await life.seller(Refuse, reason=RefuseReason.OTHER, text="Sold out.")
    await life.sees(at(Stage.AWAITING_BUYER))
    await explained(life, WHOLE, 15999)
    whole = await with_choice(world)
    less = await with_choice(world, world.alter(world.order(), **CASH))
    for one, amount in ((whole, None), (less, 0)):
        while one.letters().count("delivery_failed") < 2:
            await one.sees(at(Stage.AWAITING_BUYER))
        told = await facts(one, NoticeName.DELIVERY_FAILED)
        assert {said.amount for _, said in told} == {None if amount is None else one.money(amount)}


@pytest.mark.parametrize("ends", [True, False])
async def test_a_choice_of_which_nothing_is_left_ends_with_an_explanation(
    world: World, ends: bool
) -> None:
    life = await with_choice(world)
    charged_back(world, life)
    if ends:
        await life.buyer(Terminate)
    else:
        view = await life.view()
        assert view.due
        await life.passes_until(view.due)
    await ended_for_nothing(life)
    assert "contract_goes_on" not in life.letters()


# An uncollected parcel.


async def test_the_last_period_names_what_is_left(world: World) -> None:
    life = await world.uncollected_parcel()
    await life.sees(at(Stage.AWAITING_BUYER))
    charged_back(world, life, 10000, ONE_A)
    await silent(life, Stage.AWAITING_BUYER, Stage.FURTHER_PERIOD)
    await life.sees(lambda _: "parcel_last_period" in life.letters())
    told = await facts(life, NoticeName.PARCEL_LAST_PERIOD)
    assert {said.amount for _, said in told} == {life.money(15999)}
    await explained(life, WHOLE, 15999)


async def test_no_last_period_is_given_for_goods_that_are_paid_back(world: World) -> None:
    life = await world.uncollected_parcel()
    view = await life.sees(lambda view: view.due)
    charged_back(world, life)
    assert view.due
    await life.passes_until(view.due)
    await ended_for_nothing(life)
    assert "parcel_last_period" not in life.letters()


async def test_who_cancels_what_is_paid_back_reads_why_nothing_follows(world: World) -> None:
    life = await world.uncollected_parcel()
    await life.sees(at(Stage.AWAITING_BUYER))
    charged_back(world, life)
    await life.buyer(CancelOrder)
    await ended_for_nothing(life)


async def test_an_uncollected_gift_closes_at_once_as_a_preview_shows(world: World) -> None:
    order = world.alter(world.order(), lines=[{**GIFT, "sku": "G"}], delivery_paid_minor=0)
    now = await world.environment.get_current_time()
    outlook = foresee(as_if_opened(*asked(world, Kind.UNCOLLECTED_PARCEL, order, now), now), now)
    assert outlook.silent
    assert (outlook.silent.stage, outlook.silent.stops) == (Stage.CLOSED, Stops.CLOSED)
    life = await world.uncollected_parcel(order_id=order)
    await life.sees(at(Stage.CLOSED))
    assert (await life.view()).ending == "nothing-owed"
    await life.handle.result()
    for to in Party.BUYER, Party.SELLER:
        assert life.letters(to) == ["paid_back_before", "closed"]
    assert await life.tasks() == []


async def test_an_uncollected_parcel_whose_price_was_given_back_closes_at_its_next_step(
    world: World,
) -> None:
    order = world.alter(world.order(), lines=[LAMP], delivery_paid_minor=0)
    life = await world.uncollected_parcel(order_id=order)
    view = await life.sees(lambda view: view.due)
    other = await world.dispute(order_id=order)
    await other.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=other.money(10000))
    await other.buyer(Accept)
    assert (await other.ends()).ending == "settled"
    assert view.due
    await life.passes_until(view.due)
    assert (await life.ends()).ending == "nothing-owed"
    await explained(life, 10000)
    assert life.paid == [10000]  # by the dispute


# A dispute over what was never collected.


async def test_a_dispute_over_cash_that_was_never_collected_promises_no_money(
    world: World,
) -> None:
    life = await world.dispute(order_id=world.alter(world.order(), **CASH))
    view = await life.view()
    assert view.at_stake == life.money(0)
    opened = await facts(life, NoticeName.DISPUTE_OPENED)
    assert [said.amount for _, said in opened] == [life.money(0)]
    with pytest.raises(RefusedCommand) as refused:
        await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(1000))
    assert refused.value.code == Code.AMOUNT_TOO_HIGH
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    await life.buyer(Accept)
    assert (await life.ends()).ending == "settled"
    assert life.paid == []
    for name in NoticeName.OFFER_MADE, NoticeName.OFFER_ACCEPTED:
        assert {said.amount for _, said in await facts(life, name)} == {None}
    told = await facts(life, NoticeName.PAID_BACK_BEFORE)
    assert {said.unpaid for _, said in told} == {True}


async def test_a_decision_over_what_was_never_collected_orders_no_money(world: World) -> None:
    life = await world.dispute(order_id=world.alter(world.order(), **CASH))
    await life.passes(days=8)
    await life.agent(Claim)
    await life.agent(Decide, **RULING, remedy=Remedy.FULL_REFUND)
    assert (await life.ends()).ending == "decided"
    assert life.paid == []
    for name in NoticeName.DECISION, NoticeName.DECISION_FINAL:
        assert {said.amount for _, said in await facts(life, name)} == {None}


async def test_cash_for_goods_that_the_buyer_has_is_at_stake(world: World) -> None:
    had = await world.dispute(order_id=await world.in_hand(payment="cash-on-delivery"))
    assert (await had.view()).at_stake == had.money(WHOLE)
    await had.seller(Offer, remedy=Remedy.FULL_REFUND)
    await had.buyer(Accept)
    assert (await had.ends()).ending == "settled"
    assert had.paid == [WHOLE]
    sent = await world.dispute(order_id=world.alter(world.order(), **CASH))
    await sent.seller(Offer, remedy=Remedy.RETURN_FOR_REFUND)
    await sent.buyer(Accept)
    back = await sent.goods_back()
    await back.scanned(Scan.HANDED_OVER)
    await back.scanned(Scan.ARRIVED)
    await back.seller(
        Receive, units=tuple(Received(sku=one.sku, quantity=one.quantity) for one in ALL)
    )
    await back.sees(at(Stage.INSPECTING))
    await back.seller(Inspect)
    assert (await sent.ends()).ending == "settled"
    assert sent.paid == [WHOLE]  # they were collected all the same
