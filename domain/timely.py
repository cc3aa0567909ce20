"""Whether what somebody tells us can have happened when they say that it did."""

from datetime import datetime, timedelta

from domain.openings import Opening
from domain.orders import Sale
from domain.refusals import Code, Refusal

OTHERS_CLOCK = timedelta(minutes=15)
"""How far another machine's clock may be from ours."""

FORESEEABLE = timedelta(days=2 * 366)
"""How far ahead what is promised may lie: within what a case's calendar covers."""


def impossible(at: datetime, now: datetime, sale: Sale | None) -> str:
    """Why nothing can have happened then, in codes and days; empty if it can.

    Nothing has happened in the future, and nothing to an order before it was placed.
    """
    if at > now + OTHERS_CLOCK:
        return f"{at:%Y-%m-%d} is still to come"
    if sale and at < sale.placed_at - OTHERS_CLOCK:
        return f"{at:%Y-%m-%d} is before the order"
    return ""


def date_refusal(opening: Opening, order: Sale, at: datetime) -> Refusal | None:
    """Why an order's or an opening's dates cannot be, seen at an instant; None if they can.

    Nothing that they tell of has happened in the future, and nothing was said about the order
    before it was placed. What is only promised lies within a year or two.
    """
    happened = {"placed_at": order.placed_at, "informed_at": order.informed_at}
    for parcel in order.parcels:
        happened |= {f"in_hand_at of {parcel.id}": parcel.in_hand_at}
        happened |= {f"posted_at of {parcel.id}": parcel.posted_at}
    for name, instant in happened.items():
        if instant and instant > at + OTHERS_CLOCK:
            return _impossible(f"The order's {name} is still to come; the marketplace mends it.")
    # A marketplace's own list can tell of a trouble that its order, as changed since, seems to
    # follow: only what people state about an order must come after it.
    for name, order_known in (("happened_at", None), ("stated_at", order)):
        told = getattr(opening, name, None)
        if told and (why := impossible(told, at, order_known)):
            return _impossible(f"{name} cannot be: {why}; open the case with the real time.")
    for name, promised in (
        ("decision_due", getattr(opening, "decision_due", None)),
        *((f"due_at of {parcel.id}", parcel.due_at) for parcel in order.parcels),
    ):
        if promised and not order.placed_at <= promised <= at + FORESEEABLE:
            return _impossible(
                f"{name} must lie between the order and {(at + FORESEEABLE).year}; correct it."
            )
    return None


def _impossible(sentence: str) -> Refusal:
    return Refusal(code=Code.DATE_IMPOSSIBLE, sentence=sentence)
