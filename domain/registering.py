"""Whether an opening fits its order, and what is at stake if it does."""

from domain.money import Money
from domain.openings import OpenDispute, Opening
from domain.orders import Line, Order
from domain.parties import Party
from domain.ports import Registration, Rules
from domain.refusals import Code, Refusal
from domain.writing import text_refusal


def register(opening: Opening, order: Order, rules: Rules) -> Registration:
    """The registration of a case, or the refusal that says why it cannot be opened."""
    process = rules.dispute or rules.inquiry
    refusal = (
        _order_refusal(opening, order)
        or _lines_refusal(opening, order)
        or ((process is None and _no_policy(order)) or None)
        or (process and text_refusal(opening.text, opening.attachments, process.messages))
    )
    if refusal:
        return Registration(refusal=refusal)
    lines = _lines(opening, order)
    return Registration(
        order_id=order.id,
        buyer_id=order.buyer.id,
        seller_id=order.seller.id,
        lines=lines,
        at_stake=_paid_for(lines, order),
        policy_version=rules.policy_version,
        dispute=rules.dispute,
        inquiry=rules.inquiry,
        calendar=rules.calendar,
    )


def _no_policy(order: Order) -> Refusal:
    return Refusal(
        code=Code.POLICY_UNKNOWN,
        sentence=f"There is no policy for this process in {order.country}; add one to policies/.",
    )


def _order_refusal(opening: Opening, order: Order) -> Refusal | None:
    if order.country != opening.country:
        return Refusal(
            code=Code.ORDER_DIFFERS,
            sentence=f"The order was placed in {order.country}, not {opening.country}; "
            "open the case there.",
        )
    if opening.opened_by.party is Party.BUYER and opening.opened_by.id != order.buyer.id:
        return Refusal(
            code=Code.ORDER_DIFFERS,
            sentence="The order belongs to another buyer; only its own buyer can open a case.",
        )
    if opening.opened_by.party not in (Party.BUYER, Party.PLATFORM):
        return Refusal(
            code=Code.NOT_YOURS, sentence="Only the order's buyer or the platform opens a case."
        )
    return None


def _lines_refusal(opening: Opening, order: Order) -> Refusal | None:
    if not isinstance(opening, OpenDispute):
        return None
    ordered = {line.sku: line.quantity for line in order.lines}
    skus = [line.sku for line in opening.lines]
    if len(set(skus)) != len(skus):
        return Refusal(
            code=Code.LINES_UNKNOWN, sentence="A line is named twice; name each line once."
        )
    for line in opening.lines:
        if line.quantity > ordered.get(line.sku, 0):
            return Refusal(
                code=Code.LINES_UNKNOWN,
                sentence=f"The order has {ordered.get(line.sku, 0)} of {line.sku}, "
                f"not {line.quantity}; name lines and quantities of the order.",
            )
    if opening.amount:
        at_stake = _paid_for(_lines(opening, order), order)
        if opening.amount.currency != at_stake.currency:
            return Refusal(
                code=Code.CURRENCY_DIFFERS,
                sentence=f"The order was paid in {at_stake.currency}; name the amount in it.",
            )
        if opening.amount.amount_minor > at_stake.amount_minor:
            return Refusal(
                code=Code.AMOUNT_TOO_HIGH,
                sentence=f"{at_stake.amount_minor} minor units were paid for these lines; "
                "claim at most that.",
            )
    return None


def _lines(opening: Opening, order: Order) -> tuple[Line, ...]:
    if isinstance(opening, OpenDispute) and opening.lines:
        return opening.lines
    return tuple(Line(sku=line.sku, quantity=line.quantity) for line in order.lines)


def _paid_for(lines: tuple[Line, ...], order: Order) -> Money:
    """What was paid for these units; with the whole order, its delivery too.

    A line's discount is shared by its units; what does not divide stays with the last ones.
    """
    ordered = {line.sku: line for line in order.lines}
    if {line.sku: line.quantity for line in lines} == {
        line.sku: line.quantity for line in order.lines
    }:
        return order.paid
    total = sum(
        ordered[line.sku].paid_minor * line.quantity // ordered[line.sku].quantity for line in lines
    )
    return Money(amount_minor=total, currency=order.currency)
