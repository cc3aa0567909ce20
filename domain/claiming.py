"""Claiming a parcel from its carrier (P5): whether one can, from when, and for how much at most."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.calendars import Calendar
from domain.deadlines import Due, UnreckonableError, reckon, spoken
from domain.goods import count, lines
from domain.money import Money, part_of, step_of
from domain.openings import CarrierTrouble, OpenCarrierClaim
from domain.orders import Line, Order, Parcel, Regime, Sale
from domain.policy import CarrierClaimPolicy, Window
from domain.refusals import Code, Refusal


def parcel_of(sale: Sale, tracking: str) -> Parcel | None:
    """The order's parcel that has this tracking number."""
    return next((parcel for parcel in sale.parcels if parcel.tracking == tracking), None)


def units_of(sale: Sale, tracking: str) -> tuple[Line, ...]:
    """What is in a parcel of an order: all of it, unless the parcel says otherwise."""
    parcel = parcel_of(sale, tracking)
    if parcel and parcel.lines:
        return parcel.lines
    return tuple(Line(sku=line.sku, quantity=line.quantity) for line in sale.lines)


def claimable(order: Order, tracking: str) -> Money:
    """The most that can be claimed for a parcel: what its goods cost, and its share of the
    delivery.
    """
    worth = order.price_of(units_of(order, tracking)) + delivery_share(order, tracking)
    return Money(amount_minor=worth, currency=order.currency)


def delivery_share(sale: Sale, tracking: str) -> int:
    """A parcel's part of what was paid for the delivery, in minor units: by what was paid for its
    goods, or by their number where all of it was free.

    The parcels come in their order: what does not divide is always with the same ones, and units
    that were sent before bring nothing. So claims over them all are never for more than was paid,
    even if the order learns of further parcels in between.
    """
    free = not any(line.paid_minor for line in sale.lines)
    ordered = Counter({line.sku: line.quantity for line in sale.lines})

    def share_of(units: Counter[str]) -> int:
        measure = units.total() if free else sale.price_of(lines(units))
        of = ordered.total() if free else sale.price_of(lines(ordered))
        return part_of(sale.delivery_paid_minor, measure, of, step_of(sale.currency))

    sent: Counter[str] = Counter()
    for parcel in sale.parcels:
        before, sent = sent, (sent + Counter(count(parcel.lines or lines(ordered)))) & ordered
        if parcel.tracking == tracking:
            return share_of(sent) - share_of(before)
    return 0


def counted_from(
    parcel: Parcel, trouble: CarrierTrouble, said: datetime | None = None
) -> datetime | None:
    """The event from which the time to claim is counted; None if it has not happened.

    A damage: when the parcel was received, which the buyer has `said` where no scan tells it. A
    loss: when it was posted; under transport law, when the carriage should have ended, if that was
    promised.
    """
    if trouble is CarrierTrouble.DAMAGE:
        return parcel.in_hand_at or said
    if parcel.regime is Regime.TRANSPORT and parcel.due_at:
        return parcel.due_at
    return parcel.posted_at


def lost_from(policy: CarrierClaimPolicy, regime: Regime) -> Window:
    """The window after which a parcel counts as lost."""
    match regime:
        case Regime.POSTAL:
            return policy.loss_from_postal
        case Regime.TRANSPORT:
            return policy.loss_from_transport
        case Regime.CONTRACT:
            return policy.loss_from_contract


def on_clock(instant: datetime, zone: str) -> str:
    """A local instant to the minute: "2026-12-29 00:00+01:00"."""
    return instant.astimezone(ZoneInfo(zone)).isoformat(" ", "minutes")


def claim_refusal(
    opening: OpenCarrierClaim, order: Order, terms: CarrierClaimPolicy, calendar: Calendar
) -> Refusal | None:
    """Why this parcel cannot be claimed for at all; that it is too early or too late is no reason.

    A claim that is early waits, and one that is late is told to be.
    """
    parcel = parcel_of(order, opening.tracking)
    if parcel is None:
        return Refusal(
            code=Code.PARCEL_UNKNOWN,
            sentence=f"The order has no parcel with the tracking number {opening.tracking}; "
            "check the number.",
        )
    loss = opening.trouble is CarrierTrouble.LOSS
    if not loss and counted_from(parcel, opening.trouble, order.said_in_hand_at) is None:
        return _elsewhere(
            "Nobody has this parcel in hand, so that no damage is known; claim its loss instead. "
            "If the buyer has it, say since which day in `in_hand_on`."
        )
    if loss and parcel.in_hand_at:
        return _elsewhere(
            "This parcel has reached the buyer "
            f"({spoken(parcel.in_hand_at, calendar.zone)}); claim a damage instead."
        )
    if loss and parcel.posted_at is None:
        return _elsewhere(
            "No carrier has taken this parcel yet; claim its loss once the order says when it was "
            "posted."
        )
    since = counted_from(parcel, opening.trouble, order.said_in_hand_at)
    assert since is not None
    windows = (terms.loss, lost_from(terms, parcel.regime)) if loss else (terms.damage,)
    try:
        for window in windows:
            _end(window, since, calendar)
    except UnreckonableError as error:
        return _elsewhere(f"The parcel's time to claim cannot be reckoned: {error}")
    return None


def _end(window: Window, since: datetime, calendar: Calendar) -> Due:
    return reckon(window.counting, window.length, since, calendar)


def _elsewhere(sentence: str) -> Refusal:
    return Refusal(code=Code.PARCEL_ELSEWHERE, sentence=sentence)
