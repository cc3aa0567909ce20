"""What is refunded when a sale goes wrong, part by part, and why: the money table as arithmetic.

All amounts are whole minor units of one currency. Each unit has its own price and its own share of
the delivery, whatever was refunded before. So refunds and reductions, in any order, add up exactly
to what was paid.

Articles are those of the Consumer Rights Directive 2011/83/EU.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from domain.accounts import Account, Back, MoneyBack, Unit
from domain.base import Value
from domain.money import Currency, Money, Payment, part_of, step_of
from domain.orders import Line, Quantity, Sale, Sku

MOST = 10**12
"""The highest amount that is reckoned with, in minor units; also of an order as a whole."""

Amount = Annotated[int, Field(ge=0, le=MOST)]


class RefundError(ValueError):
    """What was asked contradicts itself; the message says what to do in one sentence."""


class Event(StrEnum):
    """What went wrong with a sale."""

    WITHDRAWAL = "withdrawal"
    CANCELLATION = "cancellation"
    COMPLAINT = "complaint"
    NOT_DELIVERED = "not-delivered"
    UNCOLLECTED = "uncollected"


class DeliveryShare(StrEnum):
    """How much of the delivery comes back when a part of an order is withdrawn from."""

    NONE = "none"
    PROPORTIONAL = "proportional"

    @classmethod
    def _missing_(cls, value: object) -> "DeliveryShare | None":
        spoken = ("proportional-to-value", "proportional to value")
        return cls.PROPORTIONAL if value in spoken else None


class SoldLine(Value):
    """A line as it was sold; `discount_minor` is for the whole line."""

    sku: Sku
    quantity: Quantity
    unit_price_minor: Amount
    discount_minor: Amount = 0

    @model_validator(mode="after")
    def _discount_within_price(self) -> "SoldLine":
        if self.paid_minor < 0:
            price = self.unit_price_minor * self.quantity
            raise RefundError(
                f"The discount of {self.sku!r} is above its price; give at most {price}."
            )
        return self

    @property
    def paid_minor(self) -> int:
        """What was paid for the whole line."""
        return self.unit_price_minor * self.quantity - self.discount_minor


class Delivery(Value):
    """What the buyer paid for delivery, and the cheapest standard one offered, if dearer ones were.

    Without the cheapest, the one that was paid is taken for it.
    """

    paid_minor: Amount
    cheapest_standard_minor: Amount | None = None

    @property
    def standard_minor(self) -> int:
        """What the buyer paid without the surcharge of a dearer delivery (art. 13(2))."""
        if self.cheapest_standard_minor is None:
            return self.paid_minor
        return min(self.paid_minor, self.cheapest_standard_minor)


class WayBack(Value):
    """What the carrier really charged for the way back, and whether the buyer was told before."""

    charged_minor: Amount
    announced: bool


def _one_list_for_each_refund(given: Any) -> Any:
    """A flat list of units says the same as a list of lists."""
    if not isinstance(given, list | tuple):
        return given
    return tuple(tuple(one) if isinstance(one, list | tuple) else (one,) for one in given)


class RefundQuestion(Value):
    """All that a refund depends on.

    `units` are those refunded now, None for all that are left; `already_refunded` holds the units
    of each earlier refund. Who knows which units those were, and by how much the price of others
    was reduced, says so in `money_back`. `delivery_back_minor`: how much of the delivery has come
    back with them; left out, as much as this way of reckoning gives. `delivery_share` counts for
    withdrawals and cancellations alone.
    """

    event: Event
    currency: Currency
    lines: Annotated[tuple[SoldLine, ...], Field(min_length=1)]
    delivery: Delivery | None = None
    units: Annotated[tuple[Line, ...], Field(min_length=1)] | None = None
    already_refunded: Annotated[
        tuple[tuple[Line, ...], ...], BeforeValidator(_one_list_for_each_refund)
    ] = ()
    money_back: tuple[MoneyBack, ...] = ()
    delivery_back_minor: Amount | None = None
    delivery_share: DeliveryShare = DeliveryShare.NONE
    free_delivery_programme: bool = False
    buyer_informed: bool = True
    diminished_minor: Amount = 0
    way_back: WayBack | None = None
    payment: Payment = Payment.PREPAID


def refund_question(
    event: Event,
    sale: Sale,
    units: tuple[Line, ...],
    delivery_share: DeliveryShare = DeliveryShare.NONE,
    money_back: tuple[MoneyBack, ...] = (),
    *,
    delivery_back_minor: int | None = None,
) -> RefundQuestion:
    """What is asked of an order's units; the deductions that a case knows of are added to it.

    Of units that the order no longer has nothing is asked: the ledger contradicts, not this.
    """
    sold = {line.sku: line.quantity for line in sale.lines}
    return RefundQuestion(
        event=event,
        currency=sale.currency,
        lines=tuple(
            SoldLine(**line.model_dump(include=set(SoldLine.model_fields))) for line in sale.lines
        ),
        delivery=Delivery(
            paid_minor=sale.delivery_paid_minor,
            cheapest_standard_minor=sale.cheapest_standard_minor,
        ),
        units=units,
        money_back=tuple(told for told in money_back if told.last <= sold.get(told.sku, 0)),
        delivery_back_minor=delivery_back_minor,
        delivery_share=delivery_share,
        free_delivery_programme=sale.free_delivery,
        buyer_informed=sale.informed or sale.informed_at is not None,
        way_back=WayBack(charged_minor=0, announced=sale.return_cost_announced),
        payment=sale.payment,
    )


def worthless(
    event: Event,
    sale: Sale,
    units: tuple[Line, ...],
    delivery_share: DeliveryShare,
    *,
    money_back: tuple[MoneyBack, ...],
    delivery_back_minor: int | None,
) -> bool:
    """Whether nothing can be owed for units that are taken back, paid for or not: a gift, or goods
    whose whole price has come back. `delivery_back_minor`: how much of the delivery has; None
    in a case that was registered before that was kept.
    """
    paid = sale.model_copy(update={"payment": Payment.PREPAID})
    asked = refund_question(
        event,
        paid,
        units,
        delivery_share,
        money_back,
        delivery_back_minor=delivery_back_minor,
    )
    return not reckon_refund(asked, as_before=delivery_back_minor is None).refund_minor


class RefundPart(Value):
    """One part of a refund, in minor units; what is deducted is negative."""

    what: str
    amount_minor: int
    why: str


class RefundPreview(Value):
    """A refund and its parts, whose amounts add up to it."""

    refund_minor: Amount
    parts: tuple[RefundPart, ...]

    @property
    def delivery_minor(self) -> int:
        """How much of it is for the delivery, before anything is deducted."""
        return sum(part.amount_minor for part in self.parts if part.what == "delivery")


WITHDRAWALS = {Event.WITHDRAWAL, Event.CANCELLATION}
"""Cancelling is legally a withdrawal (W2)."""

GOODS_WHY = {
    Event.WITHDRAWAL: "W1, art. 13(1): the price paid for these units, the discount taken off.",
    Event.CANCELLATION: "W2: cancelling is legally a withdrawal; the price paid for these units.",
    Event.COMPLAINT: "Money table, accepted complaint: the price paid for these units.",
    Event.NOT_DELIVERED: "P5: the way to the buyer is the seller's risk; everything paid.",
    Event.UNCOLLECTED: "P3: not collected; the price paid, once the seller withdraws.",
}

REDUCED = "price reduced before"
"""What is a part of a refund, and no deduction: money that the buyer has had already."""

NO_DIMINISHED_VALUE_WHY = {
    Event.CANCELLATION: "W2: the goods were never sent; nothing is deducted for their value.",
    Event.COMPLAINT: "Money table: less value is deducted in a withdrawal, not in a complaint.",
    Event.NOT_DELIVERED: "P5: the goods are the seller's risk; no loss of value is deducted.",
    Event.UNCOLLECTED: "P3: of an uncollected parcel the way back alone may be deducted.",
}

NO_WAY_BACK_WHY = {
    Event.CANCELLATION: "W2: the order was cancelled before it was sent; the seller bears it.",
    Event.COMPLAINT: "Money table: in an accepted complaint the seller bears transport both ways.",
    Event.NOT_DELIVERED: "P5: the seller bears transport, and claims it from the carrier.",
}


def reckon_refund(question: RefundQuestion, *, as_before: bool = False) -> RefundPreview:
    """The refund and its parts, goods first, then the delivery, then what is deducted.

    Where all that was paid for has come back with it, so does the delivery, however many refunds
    that took. What does not divide is reckoned in amounts that are made of the currency: whole
    forints. `as_before`: as it was reckoned before either was so; for cases that were opened then.
    Raises RefundError where lines, units and earlier refunds do not go together.
    """
    _check_order(question)
    account = _account(question, 1 if as_before else step_of(question.currency))
    now = _refunded_now(question, account)
    if _nothing_was_paid(question):
        why = "The order was not paid yet, so nothing is refunded."
        if question.payment is Payment.CASH_ON_DELIVERY:
            why = "P4: cash on delivery that was never collected, so nothing is refunded."
        parts = [RefundPart(what="nothing was paid", amount_minor=0, why=why)]
        price = 0
    else:
        parts = _goods(question, account, now)
        price = sum(part.amount_minor for part in parts)
        parts += _delivery(question, account, now, as_before)
    parts += _diminished_value(question, account, price)
    parts += _way_back(question, account, sum(part.amount_minor for part in parts))
    return RefundPreview(refund_minor=sum(part.amount_minor for part in parts), parts=tuple(parts))


def _check_order(question: RefundQuestion) -> None:
    seen = set()
    for line in question.lines:
        if line.sku in seen:
            raise RefundError(f"{line.sku!r} is in lines twice; give one line for each sku.")
        seen.add(line.sku)
    delivery = question.delivery.paid_minor if question.delivery else 0
    if sum(line.paid_minor for line in question.lines) + delivery > MOST:
        raise RefundError(f"The order adds up to more than {MOST}; give amounts in minor units.")


def _account(question: RefundQuestion, step: int) -> Account:
    """What of the order has come back before."""
    account = Account.of(question.lines, question.money_back, step)
    for sku, number in account.back:
        _check_known((sku,), account.sold, "money_back")
        if number > account.sold[sku][0]:
            raise RefundError(
                f"{sku!r} was sold {account.sold[sku][0]} times, and money_back has its unit "
                f"{number}; correct money_back."
            )
    before = _counted(units for refund in question.already_refunded for units in refund)
    _check_known(before, account.sold, "already_refunded")
    for sku, units in before.items():
        if units > len(account.free(sku)):
            raise RefundError(
                f"{sku!r} was sold {account.sold[sku][0]} times but refunded "
                f"{units + account.sold[sku][0] - len(account.free(sku))} times; "
                "correct already_refunded."
            )
    account.back.update(dict.fromkeys(account.pick(before), Back(refunded=True)))
    return account


def _refunded_now(question: RefundQuestion, account: Account) -> dict[str, list[Unit]]:
    """Which units of each line are refunded now."""
    gone = sum(back.refunded for back in account.back.values())
    if gone == sum(quantity for quantity, _paid in account.sold.values()):
        raise RefundError("Nothing is left to refund: already_refunded holds the whole order.")
    if question.units is None:
        return {sku: units for sku in account.sold if (units := account.free(sku))}
    named = _counted(question.units)
    _check_known(named, account.sold, "units")
    now = {sku: account.free(sku)[:units] for sku, units in named.items()}
    for sku, wanted in named.items():
        if wanted > len(now[sku]):
            raise RefundError(
                f"{sku!r} has {len(now[sku])} left to refund, not {wanted}; "
                "name at most what is left."
            )
    return now


def _counted(lines: Iterable[Line]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for line in lines:
        counted[line.sku] = counted.get(line.sku, 0) + line.quantity
    return counted


def _check_known(named: Iterable[str], known: Collection[str], where: str) -> None:
    for sku in named:
        if sku not in known:
            raise RefundError(
                f"{sku!r} in {where} is not a line of the order; name a sku of lines."
            )


def _nothing_was_paid(question: RefundQuestion) -> bool:
    """Cash is paid when goods are collected; goods withdrawn from or complained of were (P4)."""
    if question.payment is Payment.UNPAID:
        return True
    return question.payment is Payment.CASH_ON_DELIVERY and question.event in {
        Event.CANCELLATION,
        Event.NOT_DELIVERED,
        Event.UNCOLLECTED,
    }


def _goods(
    question: RefundQuestion, account: Account, now: dict[str, list[Unit]]
) -> list[RefundPart]:
    parts, reduced = [], 0
    for line in question.lines:
        if units := now.get(line.sku):
            price = sum(account.price(unit) for unit in units)
            reduced += price - account.left(units)
            parts.append(
                RefundPart(
                    what=f"{len(units)} × {line.sku}",
                    amount_minor=price,
                    why=GOODS_WHY[question.event],
                )
            )
    if reduced:
        why = "Art. 13(1): the price as it was paid in the end; so much of it came back before."
        if question.event not in WITHDRAWALS:
            why = "Money table: so much of the price came back before, and is not paid twice."
        parts.append(RefundPart(what=REDUCED, amount_minor=-reduced, why=why))
    return parts


def _delivery(
    question: RefundQuestion, account: Account, now: dict[str, list[Unit]], as_before: bool
) -> list[RefundPart]:
    whole = all(len(now.get(line.sku, ())) == line.quantity for line in question.lines)
    withdrawn = question.event in WITHDRAWALS
    parts = []
    if question.delivery and question.delivery.paid_minor:
        paid = question.delivery.paid_minor
        basis = question.delivery.standard_minor if withdrawn else paid
        amount, why = _own_share(question, account, now, basis)
        shared = amount
        if whole:
            amount, why = basis, "the delivery comes back with the whole order"
        elif not as_before and account.is_back(_units(now)):
            amount = max(amount, _all_of_it(question, account, now))
            if amount > shared:
                why = "the delivery comes back with the last of all that was paid for"
        if question.delivery_back_minor is not None:
            amount = min(amount, max(0, paid - question.delivery_back_minor))
        rule = "Art. 13(1)" if withdrawn else "Money table"
        if not why:
            rule, why = "Money table", "a part of the order brings back no delivery here"
        elif paid > basis:
            rule = "Art. 13(2)"
            surcharge = Money(amount_minor=paid - basis, currency=question.currency).figures
            why += f"; the surcharge of {surcharge} for a dearer one stays with the buyer"
        parts.append(RefundPart(what="delivery", amount_minor=amount, why=f"{rule}: {why}."))
    if withdrawn and question.free_delivery_programme and not whole:
        why = "W4: the order keeps free delivery and free return; nothing is clawed back."
        parts.append(RefundPart(what="free-delivery programme", amount_minor=0, why=why))
    return parts


def _units(units: dict[str, list[Unit]]) -> list[Unit]:
    return [unit for line in units.values() for unit in line]


def _own_share(
    question: RefundQuestion, account: Account, now: dict[str, list[Unit]], basis: int
) -> tuple[int, str]:
    """What units bring back of the delivery by themselves, and why; no reason where it is none."""
    if question.event in WITHDRAWALS and question.delivery_share is DeliveryShare.NONE:
        return 0, ""
    amount, share = _delivery_share(question, account, now, basis)
    return amount, f"the delivery comes back like the goods, {share}"


def _all_of_it(question: RefundQuestion, account: Account, now: dict[str, list[Unit]]) -> int:
    """What is left of the delivery for who has given back all that was paid for, however many
    refunds it took: the standard one (art. 13(1)), and where it was not the buyer who changed
    their mind, the surcharge of a dearer one for the units of this refund.
    """
    assert question.delivery
    standard, paid = question.delivery.standard_minor, question.delivery.paid_minor
    before = {
        line.sku: [unit for unit in account.units(line.sku) if account.refunded(unit)]
        for line in question.lines
    }
    withdrawn = question.event in WITHDRAWALS
    back, due = question.delivery_back_minor, standard
    if back is None and account.is_back(()):
        back = standard
    elif back is None:
        back, _why = _own_share(question, account, before, standard if withdrawn else paid)
    if not withdrawn:
        due += _delivery_share(question, account, now, paid)[0]
        due -= _delivery_share(question, account, now, standard)[0]
    return due - back


def _delivery_share(
    question: RefundQuestion, account: Account, now: dict[str, list[Unit]], basis: int
) -> tuple[int, str]:
    """The share of units in the delivery, and how it is measured: by what was paid for them, or by
    their number where all of it was free.

    Each unit of the order has its own share, in the order of lines and numbers: what does not
    divide is always with the same ones.
    """
    free = not any(line.paid_minor for line in question.lines)
    of = sum(line.quantity if free else line.paid_minor for line in question.lines)
    before = part = share = 0
    for line in question.lines:
        for sku, number in now.get(line.sku, ()):
            done, then = (
                before + (n if free else account.first(sku, n)) for n in (number - 1, number)
            )
            part += then - done
            share += part_of(basis, then, of, account.step) - part_of(basis, done, of, account.step)
        before += line.quantity if free else line.paid_minor
    return share, _shown(question, part, of, "units" if free else "of their price")


def _shown(question: RefundQuestion, part: int, of: int, measure: str) -> str:
    """A share as people read it."""
    if measure == "units":
        return f"{part} of {of} units"
    figures = [Money(amount_minor=n, currency=question.currency).figures for n in (part, of)]
    return f"{figures[0]} of {figures[1]} {measure}"


def _deducted(minor: int, most: int, account: Account) -> int:
    """So much of a deduction as there is to deduct from, in amounts that are made."""
    return most if minor >= most else minor // account.step * account.step


def _diminished_value(question: RefundQuestion, account: Account, price: int) -> list[RefundPart]:
    """Only the loss from handling beyond what is needed to inspect, and never above the price."""
    if not question.diminished_minor:
        return []
    amount = 0
    if question.event is not Event.WITHDRAWAL:
        why = NO_DIMINISHED_VALUE_WHY[question.event]
    elif not question.buyer_informed:
        why = "Art. 14(2): the buyer was not informed of the right of withdrawal, so bears no loss."
    else:
        amount = _deducted(question.diminished_minor, price, account)
        why = "Art. 14(2): the loss from handling beyond what is needed to inspect"
        why += ", up to the price." if price < question.diminished_minor else "."
    return [RefundPart(what="diminished value", amount_minor=-amount, why=why)]


def _way_back(question: RefundQuestion, account: Account, left: int) -> list[RefundPart]:
    """A cost is a claim, never a debit by itself: at most what is left is deducted (P3, P4, P6)."""
    way_back = question.way_back
    if not way_back:
        return []
    amount = 0
    if question.event in NO_WAY_BACK_WHY:
        why = NO_WAY_BACK_WHY[question.event]
    elif question.event is Event.WITHDRAWAL and question.free_delivery_programme:
        why = "W4: in the free-delivery programme the return is free."
    elif not way_back.charged_minor:
        why = "P3: the carrier has charged nothing for it so far."
    elif not way_back.announced:
        why = "P3, art. 14(1): the buyer was not told beforehand, so the seller bears it."
    else:
        amount = _deducted(way_back.charged_minor, left, account)
        why = "P3, art. 14(1): really charged, and the buyer was told beforehand"
        if unpaid := way_back.charged_minor - amount:
            rest = Money(amount_minor=unpaid, currency=question.currency).figures
            why += f"; {rest} are not covered and stay a claim, never a debit"
        why += "."
    return [RefundPart(what="way back", amount_minor=-amount, why=why)]
