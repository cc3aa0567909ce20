"""Who may complain, until when, and which remedies are open: the rights behind a complaint (W3).

Articles are those of directive (EU) 2019/771, as the countries have made them their law: repair or
replacement comes first (art. 13(2)), a reduced price or the end of the contract after it (13(4)).
"""

from collections import Counter
from datetime import datetime

from domain.calendars import Calendar
from domain.commands import Remedy
from domain.deadlines import Counting, day_of, reckon
from domain.goods import count
from domain.money import Money
from domain.openings import OpenComplaint
from domain.orders import BuyerClass, Line, Parcel, Sale
from domain.policy import ComplaintPolicy, OnSilence
from domain.refusals import Code, Refusal
from domain.remedies import amount_refusal
from domain.timely import impossible
from domain.withdrawing import INSTANT, Right, counted, too_late

FIRST_TIER = (Remedy.REPAIR, Remedy.REPLACEMENT)
"""The seller makes good what is wrong."""

TERMINATION = (Remedy.RETURN_FOR_REFUND, Remedy.FULL_REFUND)
"""The contract ends; only a full refund leaves the goods where they are."""

SECOND_TIER = (Remedy.PARTIAL_REFUND, *TERMINATION)
"""The price is reduced, or the contract ends."""

NONE_SUCH = Refusal(
    code=Code.REMEDY_BARRED,
    sentence="A complaint is about goods that came; name repair, replacement, partial-refund, "
    "return-for-refund or full-refund.",
)


def delivered_at(sale: Sale, units: tuple[Line, ...]) -> datetime | None:
    """When the buyer had the last of these units in hand; None if some were not delivered.

    Of what no scan tells, the buyer's own word.
    """
    hands, scanned = _hands(sale, units)
    if not scanned and sale.said_in_hand_at:
        return max([*hands, sale.said_in_hand_at])
    return max(hands, default=None) if scanned else None


def by_word(sale: Sale, units: tuple[Line, ...]) -> bool:
    """Whether the buyer's word alone tells that they have all of these units."""
    return sale.said_in_hand_at is not None and not _hands(sale, units)[1]


def _hands(sale: Sale, units: tuple[Line, ...]) -> tuple[list[datetime], bool]:
    """When the parcels with such units were in hand, and whether they held all of them."""
    named = count(units)
    there: Counter[str] = Counter()
    hands: list[datetime] = []
    for parcel in sale.parcels:
        held = _held(parcel, sale)
        if parcel.in_hand_at and named.keys() & held.keys():
            there.update(held)
            hands.append(parcel.in_hand_at)
    return hands, bool(hands) and all(there[sku] >= n for sku, n in named.items())


def parcels_of(sale: Sale, units: tuple[Line, ...]) -> tuple[Parcel, ...]:
    """The posted parcels, with a tracking number, that the buyer has and that held such units.

    A parcel that no scan tells of is one of them if the buyer says to have the goods.
    """
    named = count(units).keys()
    return tuple(
        parcel
        for parcel in sale.parcels
        if parcel.tracking
        and parcel.posted_at
        and (parcel.in_hand_at or sale.said_in_hand_at)
        and named & _held(parcel, sale).keys()
    )


def _held(parcel: Parcel, sale: Sale) -> dict[str, int]:
    """What is in a parcel: what it names, or all that was bought."""
    return count(parcel.lines) or {line.sku: line.quantity for line in sale.lines}


def right_to_complain(
    sale: Sale, units: tuple[Line, ...], terms: ComplaintPolicy, calendar: Calendar
) -> Right:
    """Two years from the delivery (art. 10); a longer time is policy."""
    delivered = delivered_at(sale, units)
    if delivered is None:
        return Right(None)
    return counted(terms.liability, delivered, calendar, "the delivery")


def complaining_refusal(
    opening: OpenComplaint,
    sale: Sale,
    units: tuple[Line, ...],
    terms: ComplaintPolicy,
    calendar: Calendar,
    *,
    at: datetime,
    left: Money,
) -> Refusal | None:
    """Why these units cannot be complained about, or not so; `left` is of their price."""
    if delivered_at(sale, units) is None:
        return Refusal(
            code=Code.NOT_DELIVERED,
            sentence="The order does not say that the goods are delivered, or not all of them; "
            "open a non-delivery for those, and name the lines that came. If the buyer has them "
            "all, say since which day in `in_hand_on`.",
        )
    happened = opening.happened_at or opening.decision_due
    if happened and opening.external_id is None:
        return Refusal(
            code=Code.NOT_YOURS,
            sentence="Only a marketplace's own document says when it was opened and is to be "
            "decided; name its `external_id`, or leave both out.",
        )
    if opening.happened_at and impossible(opening.happened_at, at, sale):
        return Refusal(
            code=Code.NOT_YOURS,
            sentence="A complaint is opened after the order was placed and not in the future; "
            "check `happened_at`.",
        )
    right = right_to_complain(sale, units, terms, calendar)
    if right.lapsed(opening.happened_at or at):
        return too_late("complain", right, "open a dispute if the seller promised more")
    return wish_refusal(opening.wanted, opening.amount, left)


def wish_refusal(wanted: Remedy | None, amount: Money | None, left: Money) -> Refusal | None:
    """Why a buyer cannot wish for this: a reduced price may leave its amount to the seller."""
    if wanted is Remedy.SEND_AGAIN:
        return NONE_SUCH
    if amount is None:
        return None
    if wanted is not Remedy.PARTIAL_REFUND:
        return Refusal(
            code=Code.AMOUNT_NEEDLESS,
            sentence="Only a partial refund, the reduced price, names an amount; leave it out.",
        )
    return amount_refusal(wanted, amount, left)


def grant_refusal(remedy: Remedy, wanted: Remedy, *, second_tier: bool) -> Refusal | None:
    """Why a seller cannot accept a complaint with this remedy; `second_tier`: whether it is open.

    Instead of what is asked for a seller can give another remedy of the first tier, until the
    second one is open. Giving one of the second tier instead of the first is to say that there
    will be none of the first: then the buyer chooses.
    """
    if remedy is Remedy.SEND_AGAIN:
        return NONE_SUCH
    if wanted in FIRST_TIER or remedy is wanted or {remedy, wanted} <= set(TERMINATION):
        return None
    if remedy in FIRST_TIER and not second_tier:
        return None
    said = (
        "the buyer need not take a repair or a replacement any more"
        if remedy in FIRST_TIER
        else "the buyer has asked for another remedy"
    )
    return Refusal(code=Code.REMEDY_BARRED, sentence=f"Accept with {wanted}, or refuse: {said}.")


def chooses_freely(
    sale: Sale,
    units: tuple[Line, ...],
    terms: ComplaintPolicy,
    calendar: Calendar,
    at: datetime,
) -> bool:
    """Whether the buyer complains so soon after the delivery that every remedy is open."""
    delivered = delivered_at(sale, units)
    if delivered is None or not terms.free_choice_days:
        return False
    return at < reckon(Counting.CALENDAR_DAYS, terms.free_choice_days, delivered, calendar).due


def has_consumers_rights(sale: Sale, terms: ComplaintPolicy) -> bool:
    """Whether the seller's silence has the effects that the law gives it for consumers."""
    return sale.buyer_class is BuyerClass.CONSUMER or (
        terms.sole_traders and sale.buyer_class is BuyerClass.SOLE_TRADER
    )


def terms_for(sale: Sale, terms: ComplaintPolicy) -> ComplaintPolicy:
    """The rules for this buyer: a business has an agent where a consumer has the law."""
    if has_consumers_rights(sale, terms):
        return terms
    answer = terms.answer.model_copy(update={"on_silence": OnSilence.BREACH_AND_ESCALATE})
    return terms.model_copy(update={"answer": answer})


def same_day(one: datetime, other: datetime, zone: str) -> bool:
    """Whether two ends are on one local day; midnight ends the day before."""
    return day_of(one - INSTANT, zone) == day_of(other - INSTANT, zone)
