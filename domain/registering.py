"""Whether an opening fits its order, and what is at stake if it does."""

from collections import Counter
from datetime import datetime, time
from zoneinfo import ZoneInfo

from domain.accounts import left_for, left_with_delivery, refunded_lines
from domain.calendars import Calendar
from domain.claiming import claim_refusal, claimable, parcel_of, units_of
from domain.commands import Remedy
from domain.complaining import FIRST_TIER, complaining_refusal, right_to_complain, terms_for
from domain.deadlines import day_of
from domain.delivering import never_paid, undue_refusal
from domain.goods import ReturnReason, Way, count, lines
from domain.kinds import Kind
from domain.money import Money
from domain.openings import (
    Offered,
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
)
from domain.orders import Line, Order
from domain.parties import Party
from domain.policy import (
    CancellationPolicy,
    CarrierClaimPolicy,
    ComplaintPolicy,
    NonDeliveryPolicy,
    Terms,
    WithdrawalPolicy,
)
from domain.ports import NO_PAST, OpenCase, Past, Registration, Rules
from domain.refusals import Code, Refusal
from domain.remedies import whole_refusal
from domain.timely import OTHERS_CLOCK, date_refusal, impossible
from domain.withdrawing import (
    cancellation_refusal,
    right_to_cancel,
    right_to_withdraw,
    withdrawal_refusal,
)
from domain.writing import character_refusal, text_refusal

TAKES_BACK = (
    OpenCancellation | OpenWithdrawal | OpenUncollectedParcel | OpenNonDelivery | OpenComplaint
)
"""Who opens these is, or may be, paid for units, which are then not paid for again."""

ALONE = (Kind.CANCELLATION, Kind.WITHDRAWAL, Kind.UNCOLLECTED_PARCEL, Kind.NON_DELIVERY)
"""Of these kinds, no two open cases take back the same units: both would move the goods."""

CLAIMS = (*ALONE, Kind.DISPUTE, Kind.COMPLAINT)
"""The kinds in which a party claims something for units; such cases know of each other."""


def register(
    opening: Opening,
    order: Order,
    rules: Rules,
    at: datetime,
    past: Past = NO_PAST,
    *,
    now: datetime | None = None,
) -> Registration:
    """The registration of a case, or the refusal that says why it cannot be opened.
    `at` is when the case was asked for, `now` when it is registered.
    """
    money_back = past.money_back
    refunded = refunded_lines(money_back)
    terms, calendar = rules.terms, rules.calendar
    order = order.model_copy(update={"said_in_hand_at": _said_in_hand_at(opening, calendar, at)})
    if isinstance(terms, ComplaintPolicy):
        terms = terms_for(order, terms)
    goods_in = getattr(opening, "goods_in", None)
    itself = (opening.case_id, opening.instead_of, goods_in)
    others = tuple(
        case for case in past.open_cases if case.kind in CLAIMS and case.case_id not in itself
    )
    refusal = (
        _order_refusal(opening, order)
        or date_refusal(opening, order, now or at)
        or _in_hand_refusal(opening, order, calendar, at)
        or _lines_refusal(opening, order, past)
        or (_no_policy(order) if terms is None else None)
        or _currency_refusal(order, rules)
        or _whole_refusal(opening)
        or (terms and _writing_refusal(opening, terms))
    )
    rivals = tuple(case for case in others if {case.kind, opening.kind} <= set(ALONE))
    taken = sum((Counter(count(case.units)) for case in rivals), Counter[str]())
    units = _units(opening, order, refunded, taken)
    if terms and not refusal:
        refusal = (
            _right_refusal(opening, order, units, terms, calendar, at=at, past=past)
            or _refunded_refusal(opening, order, units, refunded)
            or _other_case_refusal(order, units, refunded, rivals)
        )
    if refusal:
        return Registration(refusal=refusal)
    return Registration(
        order_id=order.id,
        buyer_id=order.buyer.id,
        seller_id=order.seller.id,
        lines=units,
        at_stake=_at_stake(opening, order, units),
        policy_version=rules.policy_version,
        terms=terms,
        calendar=calendar,
        sale=order.sale,
        refunded=refunded,
        money_back=money_back,
        delivery_back_minor=past.delivery_back_minor,
        right_until=_right_until(order, units, terms, calendar, past),
        beside=_beside(opening, units, others),
    )


def _writing_refusal(opening: Opening, terms: Terms) -> Refusal | None:
    """A case that opens another one hands on words that were taken once, by the rules of then."""
    handed_on = opening.instead_of is not None or getattr(opening, "belongs_to", None) is not None
    return text_refusal(opening.text, opening.attachments, terms.messages, widened=handed_on) or (
        None if handed_on else character_refusal(opening)
    )


def _at_stake(opening: Opening, order: Order, units: tuple[Line, ...]) -> Money:
    if isinstance(opening, OpenCarrierClaim):
        return claimable(order, opening.tracking)
    if isinstance(opening, OpenDispute) and never_paid(order, units):
        return Money(amount_minor=0, currency=order.currency)
    return order.paid_for(units)


def _no_policy(order: Order) -> Refusal:
    return Refusal(
        code=Code.POLICY_UNKNOWN,
        sentence=f"There is no policy for this process in {order.country}; add one to policies/.",
    )


def _currency_refusal(order: Order, rules: Rules) -> Refusal | None:
    """The limits and costs of a policy are in its currency, and say nothing of any other."""
    if rules.currency in (None, order.currency):
        return None
    return Refusal(
        code=Code.ORDER_CURRENCY,
        sentence=f"The order was paid in {order.currency}, and the limits and costs of "
        f"{order.country} are in {rules.currency}; let the platform see to it without a case.",
    )


def _whole_refusal(opening: Opening) -> Refusal | None:
    """Why an amount that the opening names cannot be paid."""
    named = (getattr(opening, name, None) for name in ("amount", "resend_cost"))
    return next((whole_refusal(amount) for amount in named if amount and not amount.is_made), None)


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


def _said_in_hand_at(opening: Opening, calendar: Calendar, at: datetime) -> datetime | None:
    """Since when the buyer says to have the goods: the beginning of the day that they name. Goods
    that the buyer has sent back already were in hand by now at the latest.
    """
    said = getattr(opening, "in_hand_on", None)
    if said is None and isinstance(opening, OpenComplaint) and opening.goods_in:
        said = day_of(at, calendar.zone)
    return datetime.combine(said, time(), ZoneInfo(calendar.zone)) if said else None


def _in_hand_refusal(
    opening: Opening, order: Order, calendar: Calendar, at: datetime
) -> Refusal | None:
    """A day on which the buyer cannot have got the goods."""
    said = getattr(opening, "in_hand_on", None)
    known = (order.placed_at - OTHERS_CLOCK, order.placed_at, at + OTHERS_CLOCK)
    earliest, first, last = (day_of(instant, calendar.zone) for instant in known)
    if said is None or earliest <= said <= last:
        return None
    return Refusal(
        code=Code.DATE_IMPOSSIBLE,
        sentence=f"Goods that were ordered on {first} cannot be in hand since {said}; name a day "
        "from then to today in `in_hand_on`.",
    )


def _lines_refusal(opening: Opening, order: Order, past: Past) -> Refusal | None:
    ordered = {line.sku: line.quantity for line in order.lines}
    named = _named(opening, order)
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
    if isinstance(opening, OpenUncollectedParcel):
        return _uncollected_refusal(opening, order)
    if isinstance(opening, OpenDispute) and opening.amount:
        reduced = opening.wanted is Remedy.PARTIAL_REFUND
        left = (left_for if reduced else left_with_delivery)(
            order, _units(opening, order), past.money_back, past.delivery_back_minor
        )
        if opening.amount.currency != left.currency:
            return Refusal(
                code=Code.CURRENCY_DIFFERS,
                sentence=f"The order was paid in {left.currency}; name the amount in it.",
            )
        if opening.amount.amount_minor > left.amount_minor:
            return Refusal(
                code=Code.AMOUNT_TOO_HIGH,
                sentence=f"{left.figures} are left of what was paid for these lines; claim at most "
                "that.",
            )
    return None


def _uncollected_refusal(opening: OpenUncollectedParcel, order: Order) -> Refusal | None:
    """A parcel that the buyer has is not uncollected; sending it again costs no more than it."""
    parcel = parcel_of(order, opening.tracking)
    known = [one.tracking for one in order.parcels if one.tracking]
    sent_again = opening.instead_of  # by a number that the order need not know
    if known and len(known) == len(order.parcels) and parcel is None and not sent_again:
        return Refusal(
            code=Code.PARCEL_UNKNOWN,
            sentence=f"The order has no parcel {opening.tracking}; it has {', '.join(known)}.",
        )
    could_be = (parcel,) if parcel else order.parcels
    if could_be and all(one.in_hand_at for one in could_be):
        return Refusal(
            code=Code.ALREADY_DONE,
            sentence="The order says that the buyer has this parcel in hand; check its tracking "
            "number.",
        )
    cost = opening.resend_cost
    if cost and cost.currency != order.currency:
        return Refusal(
            code=Code.CURRENCY_DIFFERS,
            sentence=f"The order was paid in {order.currency}; name `resend_cost` in it.",
        )
    if cost and cost.amount_minor > order.paid.amount_minor:
        return Refusal(
            code=Code.AMOUNT_TOO_HIGH,
            sentence=f"The whole order cost {order.paid.figures}; name a `resend_cost` of at most "
            "that.",
        )
    return None


def _right_refusal(
    opening: Opening,
    order: Order,
    units: tuple[Line, ...],
    terms: Terms,
    calendar: Calendar,
    *,
    at: datetime,
    past: Past,
) -> Refusal | None:
    """Why the buyer may not, or not any more, do what the opening says."""
    match opening, terms:
        case OpenWithdrawal(reason=ReturnReason(complains=True) as reason), _:
            return _reason_refusal(reason, "complaint")
        case OpenComplaint(reason=ReturnReason(complains=False) as reason), _:
            return _reason_refusal(reason, "withdrawal")
        case OpenWithdrawal(stated_at=stated), _ if stated and (
            impossible(stated, at, order) or opening.opened_by.party is not Party.PLATFORM
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
        case OpenNonDelivery(essential_date=True), _ if opening.opened_by.party is Party.BUYER:
            return Refusal(
                code=Code.NOT_YOURS,
                sentence="Only the platform, which knows what was agreed, says that a date was "
                "essential; leave `essential_date` out.",
            )
        case OpenNonDelivery(), NonDeliveryPolicy() if opening.opened_by.party is Party.BUYER:
            return undue_refusal(order, terms, calendar, at)
        case OpenWithdrawal(stated_at=stated), WithdrawalPolicy():
            return withdrawal_refusal(order, terms, calendar, stated or at, past.refunds)
        case OpenCancellation(instead_of=None), CancellationPolicy():
            return cancellation_refusal(order, terms, calendar, at)
        case OpenCarrierClaim(), CarrierClaimPolicy():
            return claim_refusal(opening, order, terms, calendar)
        case OpenComplaint(), ComplaintPolicy():
            left = left_for(order, units, past.money_back, past.delivery_back_minor)
            return complaining_refusal(opening, order, units, terms, calendar, at=at, left=left)
    return None


def _reason_refusal(reason: ReturnReason, process: str) -> Refusal:
    """A reason on the return form chooses the process (W3)."""
    return Refusal(
        code=Code.REASON_DIFFERS,
        sentence=f'"{reason}" is a reason of {process}; open a {process}, or give another reason.',
    )


def _right_until(
    order: Order, units: tuple[Line, ...], terms: Terms | None, calendar: Calendar, past: Past
) -> datetime | None:
    match terms:
        case WithdrawalPolicy():
            return right_to_withdraw(order, terms, calendar, past.refunds).until
        case CancellationPolicy():
            return right_to_cancel(order, terms, calendar).until
        case ComplaintPolicy():
            return right_to_complain(order, units, terms, calendar).until
    return None


def _refunded_refusal(
    opening: Opening, order: Order, units: tuple[Line, ...], refunded: tuple[Line, ...]
) -> Refusal | None:
    """One refund at most ever leaves for one unit: what was refunded cannot be taken back again.

    A complaint may yet want goods repaired or replaced that the buyer was left with.
    """
    if not isinstance(opening, TAKES_BACK):
        return None
    if isinstance(opening, OpenComplaint) and opening.wanted in FIRST_TIER:
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
    if all(gone.get(line.sku, 0) >= line.quantity for line in order.lines):
        return Refusal(
            code=Code.UNITS_REFUNDED,
            sentence="Every unit of the order has had a refund; an agent sees to the rest.",
        )
    return None


def _other_case_refusal(
    order: Order, units: tuple[Line, ...], refunded: tuple[Line, ...], rivals: tuple[OpenCase, ...]
) -> Refusal | None:
    """What an open case takes back already is not taken back by another one too."""
    gone, wanted = count(refunded), count(units)
    for line in order.lines:
        whose = {case.case_id: count(case.units).get(line.sku, 0) for case in rivals}
        taken = sum(whose.values())
        left = max(0, line.quantity - gone.get(line.sku, 0) - taken)
        if taken and (not wanted or wanted.get(line.sku, 0) > left):
            cases = " and ".join(case_id for case_id, number in whose.items() if number)
            return Refusal(
                code=Code.UNITS_IN_ANOTHER_CASE,
                sentence=f"Of {line.sku}, {taken} of {line.quantity} are taken back already in "
                f"{cases}, and {left} are left; see to it there, or name at most those.",
            )
    return None


def _beside(
    opening: Opening, units: tuple[Line, ...], others: tuple[OpenCase, ...]
) -> tuple[str, ...]:
    """The open cases about any of the same lines, which should know of this one and it of them."""
    if opening.kind not in CLAIMS:
        return ()
    mine = count(units).keys()
    return tuple(case.case_id for case in others if mine & count(case.units).keys())


def _named(opening: Opening, order: Order) -> tuple[Line, ...]:
    """The lines that the opening names, by their names; none where it means all."""
    match opening:
        case OpenReturn(received=received) if received:
            found: dict[str, int] = {}
            for each in order.named(received):
                found[each.sku] = found.get(each.sku, 0) + each.quantity
            return lines(found)
        case OpenInquiry() | OpenCarrierClaim():
            return ()
        case OpenComplaint(offer=Offered(id=offer, quantity=quantity)):
            return order.offered(offer, quantity)
        case _:
            return order.named(opening.lines)


def _units(
    opening: Opening,
    order: Order,
    refunded: tuple[Line, ...] = (),
    taken: Counter[str] | None = None,
) -> tuple[Line, ...]:
    """The units that the case is about: those named, else all that can still be taken back."""
    if named := _named(opening, order):
        return named
    if isinstance(opening, OpenCarrierClaim):
        return units_of(order, opening.tracking)
    gone = Counter(count(refunded) if isinstance(opening, TAKES_BACK) else {}) + (
        taken or Counter()
    )
    ordered = Counter({line.sku: line.quantity for line in order.lines})
    left = ordered - gone
    if isinstance(opening, OpenUncollectedParcel):
        there = Counter(count(units_of(order, opening.tracking)))
        if parcel_of(order, opening.tracking) is None:
            there -= _in_hand(order)
        return lines(dict(there & left))
    if isinstance(opening, OpenNonDelivery):
        left = left & (ordered - _in_hand(order)) or left
    return lines(dict(left))


def _in_hand(order: Order) -> Counter[str]:
    """What the order says that the buyer has of it, as far as it tells parcels by their goods."""
    return sum(
        (Counter(count(one.lines)) for one in order.parcels if one.in_hand_at), Counter[str]()
    )
