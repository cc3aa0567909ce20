"""Goods on their way back: why, how, where they are, and in which condition they came."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.base import Instant, Value
from domain.kinds import CaseId
from domain.orders import Line, Minor, Quantity, Sku, Tracking

Label = Annotated[str, Field(min_length=1, max_length=500)]
"""Where a label is found, or the code that a parcel shop prints it by."""


class ReturnReason(StrEnum):
    """Why goods come back, as the return form asks: of exactly two kinds (W3)."""

    CHANGED_MIND = "changed-mind"
    DOES_NOT_FIT = "does-not-fit"
    FOUND_CHEAPER = "found-cheaper"
    CAME_TOO_LATE = "came-too-late"
    NO_REASON = "no-reason"
    DEFECTIVE = "defective"
    DAMAGED = "damaged"
    WRONG_GOODS = "wrong-goods"
    INCOMPLETE = "incomplete"
    NOT_AS_DESCRIBED = "not-as-described"

    @property
    def complains(self) -> bool:
        """Whether it is a reason of complaint; every other is one of withdrawal."""
        return self in (
            ReturnReason.DEFECTIVE,
            ReturnReason.DAMAGED,
            ReturnReason.WRONG_GOODS,
            ReturnReason.INCOMPLETE,
            ReturnReason.NOT_AS_DESCRIBED,
        )


class Way(StrEnum):
    """How goods come back, and who sees to the label."""

    PLATFORM_LABEL = "platform-label"
    SELLERS_LABEL = "sellers-label"
    BUYERS_OWN = "buyers-own"
    SELLER_COLLECTS = "seller-collects"


class Purpose(StrEnum):
    """What is to become of goods that come back."""

    REFUND = "refund"
    REPAIR = "repair"
    REPLACEMENT = "replacement"


class Condition(StrEnum):
    """What a seller finds in a parcel."""

    AS_SENT = "as-sent"
    DAMAGED = "damaged"
    WRONG = "wrong"
    EMPTY = "empty"
    MISSING = "missing"

    @property
    def came_back(self) -> bool:
        """Whether it is the goods themselves, in whatever state."""
        return self in (Condition.AS_SENT, Condition.DAMAGED)


class Received(Value):
    """Some units as the seller received them."""

    sku: Sku
    quantity: Quantity
    condition: Condition = Condition.AS_SENT


class Custody(StrEnum):
    """Who has the goods: neither money nor a decision."""

    WITH_BUYER = "with-buyer"
    IN_TRANSIT = "in-transit"
    ARRIVED = "arrived"
    WITH_SELLER = "with-seller"
    PUT_BACK = "put-back"
    ON_THE_WAY_BACK = "on-the-way-back"
    LOST = "lost"


class Kept(Value):
    """So many units of a line, and who has them."""

    sku: Sku
    quantity: Quantity
    custody: Custody
    condition: Condition | None = None


class Scan(StrEnum):
    """What a carrier's machine says of a parcel."""

    HANDED_OVER = "handed-over"
    IN_TRANSIT = "in-transit"
    ARRIVED = "arrived"
    REFUSED = "refused"
    LOST = "lost"
    DELIVERED = "delivered"
    """The buyer has it."""
    RETURNED = "returned"
    """It came back to the seller: the buyer did not collect it."""


class Undelivered(StrEnum):
    """Why a buyer may end the contract: the goods are not there (directive 2011/83 art. 18)."""

    NOT_SENT = "not-sent"
    NOT_ARRIVED = "not-arrived"
    LOST = "lost"
    REFUSED = "refused"
    ESSENTIAL_DATE = "essential-date"
    NOT_PROVEN = "not-proven"
    CAME_BACK = "came-back"


FINDS = (Scan.DELIVERED, Scan.RETURNED)
"""Scans that say where a parcel is which was held for lost."""


class ParcelEvent(Value):
    """A carrier's event, which may come late, twice, or before an earlier one.

    `at`: when it happened, not when it was told.
    """

    event_id: Annotated[str, Field(min_length=1, max_length=100)]
    scan: Scan
    at: Instant
    tracking: Tracking | None = None


class News(StrEnum):
    """What a return tells the case that it belongs to."""

    SENT = "sent"
    """There is proof of dispatch."""
    CAME = "came"
    """The goods are with the seller."""
    QUESTIONED = "questioned"
    """What came is not what was sent, says the seller."""


class GoodsNews(Value):
    """News of the goods: with the first, the refund may be withheld no longer.

    `charged_minor`: what the carrier charged for the way back, if anything.
    """

    what: News
    at: Instant
    charged_minor: Minor = 0


class Adopted(Value):
    """A case has been opened for goods that had come without one."""

    case_id: CaseId


class Goods(Value):
    """Some units of a line as a letter names them."""

    title: str
    quantity: int
    condition: Condition | None = None


class CallOff(Value):
    """The case that a return belongs to needs it no more; goods that came go back."""

    at: Instant


class ExceptionReason(StrEnum):
    """Goods that a consumer cannot send back (directive 2011/83 art. 16)."""

    MADE_TO_ORDER = "made-to-order"
    PERISHABLE = "perishable"
    SEAL_BROKEN_HYGIENE = "seal-broken-hygiene"
    SEAL_BROKEN_RECORDING = "seal-broken-recording"
    MIXED_INSEPARABLY = "mixed-inseparably"
    PRICE_OF_MARKETS = "price-of-markets"
    PERIODICAL = "periodical"
    DIGITAL_BEGUN = "digital-begun"
    SERVICE_DONE = "service-done"
    DATED_LEISURE = "dated-leisure"


def count(units: tuple[Line, ...]) -> dict[str, int]:
    """How many of each line."""
    return {line.sku: line.quantity for line in units}


def lines(units: dict[str, int]) -> tuple[Line, ...]:
    """The lines of which there are any."""
    return tuple(Line(sku=sku, quantity=n) for sku, n in units.items() if n > 0)
