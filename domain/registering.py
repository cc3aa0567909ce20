"""Whether an opening fits its order, and what is at stake if it does."""

from datetime import datetime

from domain.calendars import Calendar
from domain.goods import Way, count, lines
from domain.openings import (
    OpenCancellation,
    OpenCarrierClaim,
    OpenComplaint,
    OpenDispute,
    Opening,
    OpenInquiry,
    OpenNonDelivery,
    OpenReturn,
    OpenUncollectedParcel,
    OpenWithdrawal,
    complaint_refusal,
)
from domain.orders import Line, Order
from domain.parties import Party
from domain.policy import CancellationPolicy, Terms, WithdrawalPolicy
from domain.ports import Registration, Rules
from domain.refusals import Code, Refusal
from domain.withdrawing import (
    cancellation_refusal,
    right_to_cancel,
    right_to_withdraw,
    withdrawal_refusal,
)
from domain.writing import text_refusal

TAKES_BACK = (
    OpenCancellation | OpenWithdrawal | OpenUncollectedParcel | OpenNonDelivery | OpenComplaint
)
"""Who opens these is, or may be, paid for units, which are then not paid for again."""


def register(
    opening: Opening, order: Order, rules: Rules, at: datetime, refunded: tuple[Line, ...] = ()
) -> Registration:
    """The registration of a case, or the refusal that says why it cannot be opened.

    `refunded` are the order's units for which money has left or is leaving.
    """
    terms, calendar = rules.terms, rules.calendar
    refusal = (
        _order_refusal(opening, order)
        or _lines_refusal(opening, order)
        or (_no_policy(order) if terms is None else None)
        or (terms and text_refusal(opening.text, opening.attachments, terms.messages))
    )
    units = _units(opening, order, refunded)
    if terms and not refusal:
        refusal = _right_refusal(opening, order, terms, calendar, at) or _refunded_refusal(
            opening, order, units, refunded
        )
    if refusal:
        return Registration(refusal=refusal)
    return Registration(
        order_id=order.id,
        buyer_id=order.buyer.id,
        seller_id=order.seller.id,
        lines=units,
        at_stake=order.paid_for(units),
        policy_version=rules.policy_version,
        terms=terms,
        calendar=calendar,
        sale=order.sale,
        refunded=refunded,
        right_until=_right_until(order, terms, calendar),
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
    by = opening.opened_by
    if by.party is not Party.PLATFORM:
        for name in ("belongs_to", "instead_of"):
            if getattr(opening, name, None):
                return Refusal(
                    code=Code.NOT_YOURS,
                    sentence=f"A case opens other cases by itself; leave `{name}` out.",
                )
    if isinstance(opening, OpenReturn) and not (opening.belongs_to or opening.received):
        return Refusal(
            code=Code.LINES_UNKNOWN,
            sentence="Name in `received` what has come; goods that are still to come back need a "
            "withdrawal or a dispute.",
        )
    sellers = OpenReturn | OpenUncollectedParcel | OpenCarrierClaim
    trader = Party.SELLER if isinstance(opening, sellers) else Party.BUYER
    if by.party not in (trader, Party.PLATFORM):
        return Refusal(
            code=Code.NOT_YOURS,
            sentence=f"Only the order's {trader} or the platform opens such a case.",
        )
    if by.id != {Party.BUYER: order.buyer.id, Party.SELLER: order.seller.id}.get(by.party, by.id):
        return Refusal(
            code=Code.ORDER_DIFFERS,
            sentence=f"The order belongs to another {by.party}; "
            f"only its own {by.party} can open a case.",
        )
    return None


def _lines_refusal(opening: Opening, order: Order) -> Refusal | None:
    ordered = {line.sku: line.quantity for line in order.lines}
    named = _named(opening)
    skus = [line.sku for line in named]
    if len(set(skus)) != len(skus):
        return Refusal(
            code=Code.LINES_UNKNOWN, sentence="A line is named twice; name each line once."
        )
    for line in named:
        if line.quantity > ordered.get(line.sku, 0):
            return Refusal(
                code=Code.LINES_UNKNOWN,
                sentence=f"The order has {ordered.get(line.sku, 0)} of {line.sku}, "
                f"not {line.quantity}; it has {', '.join(f'{s}={n}' for s, n in ordered.items())}.",
            )
    if isinstance(opening, OpenDispute) and opening.amount:
        at_stake = order.paid_for(_units(opening, order))
        if opening.amount.currency != at_stake.currency:
            return Refusal(
                code=Code.CURRENCY_DIFFERS,
                sentence=f"The order was paid in {at_stake.currency}; name the amount in it.",
            )
        if opening.amount.amount_minor > at_stake.amount_minor:
            return Refusal(
                code=Code.AMOUNT_TOO_HIGH,
                sentence=f"{at_stake.figures} were paid for these lines; claim at most that.",
            )
    return None


def _right_refusal(
    opening: Opening, order: Order, terms: Terms, calendar: Calendar, at: datetime
) -> Refusal | None:
    """Why the buyer may not, or not any more, do what the opening says."""
    match opening, terms:
        case OpenWithdrawal(reason=reason), _ if reason and reason.complains:
            return complaint_refusal(reason)
        case OpenWithdrawal(stated_at=stated), _ if stated and (
            not order.placed_at <= stated <= at or opening.opened_by.party is not Party.PLATFORM
        ):
            return Refusal(
                code=Code.NOT_YOURS,
                sentence="Only the platform files a statement made earlier, after the order was "
                "placed and not in the future; leave `stated_at` out.",
            )
        case OpenWithdrawal(way=Way.SELLERS_LABEL | Way.SELLER_COLLECTS), _ if (
            opening.opened_by.party is Party.BUYER
        ):
            return Refusal(
                code=Code.NOT_YOURS,
                sentence="Only the platform, for the seller, says that the seller collects or "
                "gives the label; leave `way` out.",
            )
        case OpenWithdrawal(stated_at=stated), WithdrawalPolicy():
            return withdrawal_refusal(order, terms, calendar, stated or at)
        case OpenCancellation(), CancellationPolicy():
            return cancellation_refusal(order, terms, calendar, at)
    return None


def _right_until(order: Order, terms: Terms | None, calendar: Calendar) -> datetime | None:
    match terms:
        case WithdrawalPolicy():
            return right_to_withdraw(order, terms, calendar).until
        case CancellationPolicy():
            return right_to_cancel(order, terms, calendar).until
    return None


def _refunded_refusal(
    opening: Opening, order: Order, units: tuple[Line, ...], refunded: tuple[Line, ...]
) -> Refusal | None:
    """One refund at most ever leaves for one unit: what was refunded cannot be taken back again."""
    if not isinstance(opening, TAKES_BACK):
        return None
    gone, wanted = count(refunded), count(units)
    for line in order.lines:
        left = line.quantity - gone.get(line.sku, 0)
        if wanted.get(line.sku, 0) > left:
            return Refusal(
                code=Code.UNITS_REFUNDED,
                sentence=f"Of {line.sku}, {left} of {line.quantity} are left that were not "
                "refunded before; name at most those.",
            )
    if not wanted:
        return Refusal(
            code=Code.UNITS_REFUNDED,
            sentence="Every unit of the order has had a refund; an agent sees to the rest.",
        )
    return None


def _named(opening: Opening) -> tuple[Line, ...]:
    """The lines that the opening names; none where it means all."""
    match opening:
        case OpenReturn(received=received) if received:
            found: dict[str, int] = {}
            for each in received:
                found[each.sku] = found.get(each.sku, 0) + each.quantity
            return lines(found)
        case OpenInquiry() | OpenCarrierClaim():
            return ()
        case _:
            return opening.lines


def _units(opening: Opening, order: Order, refunded: tuple[Line, ...] = ()) -> tuple[Line, ...]:
    """The units that the case is about: those named, else all that can still be taken back."""
    if named := _named(opening):
        return named
    gone = count(refunded) if isinstance(opening, TAKES_BACK) else {}
    return lines({line.sku: line.quantity - gone.get(line.sku, 0) for line in order.lines})
