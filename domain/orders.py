"""The marketplace's order, as far as a case needs it."""

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from domain.base import Day, Instant, Value
from domain.line_names import Units, named_lines, resolved
from domain.money import Currency, Money, Payment, part_of, step_of

Quantity = Annotated[int, Field(ge=1, le=10_000)]
Minor = Annotated[int, Field(ge=0, le=10**12)]
Sku = Annotated[str, Field(min_length=1, max_length=300)]
"""The name of a line: its SKU, unless that stands in several (domain/line_names.py)."""

Tracking = Annotated[str, Field(pattern=r"^[A-Za-z0-9 ./-]{1,60}$")]


LONGEST_SKU = 200
"""Characters of an SKU as the marketplace tells it: a line's name may have its id behind it."""

LineId = Annotated[str, Field(min_length=1, max_length=90)]
U = TypeVar("U", bound=Units)


class Line(Value):
    """Some units of one line of an order."""

    sku: Sku
    quantity: Quantity


MOST_LINES = 500
"""Lines that an order, a case or a parcel can have (docs/marketplace-api.md)."""

MOST_BYTES = 100_000
"""An order without its people, as a case carries it with it."""

TITLES = (200, 60, 20)
"""Characters of a title: fewer in an order that is too large otherwise."""

Lines = Annotated[tuple[Line, ...], Field(max_length=MOST_LINES)]


class LineThere(Line):
    """Some units of a line to which the marketplace gave an id."""

    line_id: LineId


UnitsThere = tuple[LineThere | Line, ...]
"""Units of lines as the marketplace knows them: by SKU, and by their ids where it gave some."""


def shortened(text: str, longest: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def shown(longest: int) -> BeforeValidator:
    """Shortens a text that is only shown: what it says at its end is not worth a refusal."""
    return BeforeValidator(
        lambda given: shortened(given, longest) if isinstance(given, str) else given
    )


def _is_empty(text: Any) -> bool:
    return text is None or (isinstance(text, str) and not text.strip())


class OrderedLine(Value):
    """A line as it was bought; `discount_minor` is for the whole line.

    `sku` is its name; `article` its SKU where that is another; `line_id` the marketplace's own id.
    `offer_id`: under which the marketplace offered it, where its lists of claims name that.
    """

    sku: Sku
    title: Annotated[str, shown(200), Field(max_length=200)]
    quantity: Quantity
    unit_price_minor: Minor
    discount_minor: Minor = 0
    offer_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    article: Sku | None = None
    line_id: LineId | None = None

    @model_validator(mode="before")
    @classmethod
    def _called_something(cls, given: Any) -> Any:
        """A line without a title is called by its SKU: a title is only shown."""
        if not isinstance(given, dict) or not _is_empty(given.get("title")):
            return given
        return given | {"title": given.get("article") or given.get("sku")}

    @model_serializer(mode="wrap")
    def _by_its_sku_alone(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A line that is called by its SKU, as nearly all are, need not say that it is."""
        told: dict[str, Any] = whole(self)
        return {k: v for k, v in told.items() if v is not None or k not in ("article", "line_id")}

    @model_validator(mode="after")
    def _discount_within_price(self) -> "OrderedLine":
        if self.paid_minor < 0:
            raise ValueError("the discount of a line is at most its price")
        return self

    @property
    def paid_minor(self) -> int:
        """What was paid for the whole line."""
        return self.unit_price_minor * self.quantity - self.discount_minor


AddressLine = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
]


def _language(given: Any) -> Any:
    """The language of a locale: letters are written in it, whatever the region, "pl-PL"."""
    return re.split("[-_]", given, maxsplit=1)[0].lower() if isinstance(given, str) else given


class Person(Value):
    """A buyer or seller as the marketplace knows them: personal data, kept by the store alone.

    `return_address`: where a seller takes goods back, line by line as on a parcel.
    """

    id: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, shown(100), Field(max_length=100)]
    email: Annotated[str, Field(max_length=1000)]
    locale: Annotated[str, BeforeValidator(_language), Field(pattern=r"^[a-z]{2,3}$")]
    return_address: Annotated[tuple[AddressLine, ...], Field(max_length=8)] = ()


class BuyerClass(StrEnum):
    """Who bought: it decides who may withdraw, and for whom silence is acceptance."""

    CONSUMER = "consumer"
    SOLE_TRADER = "sole-trader"
    BUSINESS = "business"


class Regime(StrEnum):
    """The law that a carrier's service is under: it decides how long one may claim, and what the
    carrier's silence means.
    """

    POSTAL = "postal"
    TRANSPORT = "transport"
    CONTRACT = "contract"


class Parcel(Value):
    """One parcel of an order. No lines means all of them.

    `in_hand_at`: when the buyer had it in hand, or took it out of the locker.
    `posted_at`: when the carrier took it; `due_at`: when the carrier promised to deliver it.
    """

    id: Annotated[str, Field(min_length=1, max_length=100)]
    lines: Lines = ()
    in_hand_at: Instant | None = None
    tracking: Tracking | None = None
    carrier: Annotated[str, shown(60), Field(max_length=60)] = ""
    regime: Regime = Regime.CONTRACT
    posted_at: Instant | None = None
    due_at: Instant | None = None


class Sale(Value):
    """What was bought, paid and promised: an order without the people in it.

    `deliver_by`: the last day, where the order was placed, on which the goods were to be delivered,
    as was agreed.
    `cheapest_standard_minor`: the cheapest standard delivery offered; left out, what was paid.
    `informed`: told of the right to withdraw with the order; `informed_at` if told later.
    `return_cost_announced`: told beforehand that the way back is the buyer's to pay.
    `free_delivery`: qualified for the free-delivery programme (W4).
    `shipped`: the seller has set the shipment's status or entered a tracking number (W2).
    `said_in_hand_at`: since when the buyer says to have what no parcel is known to have brought:
    letter post and a seller's own couriers scan nothing. It is no word of the marketplace's.
    """

    currency: Currency
    placed_at: Instant
    deliver_by: Day | None = None
    lines: Annotated[tuple[OrderedLine, ...], Field(min_length=1, max_length=MOST_LINES)]
    delivery_paid_minor: Minor = 0
    cheapest_standard_minor: Minor | None = None
    payment: Payment = Payment.PREPAID
    buyer_class: BuyerClass = BuyerClass.CONSUMER
    informed: bool = True
    informed_at: Instant | None = None
    return_cost_announced: bool = True
    free_delivery: bool = False
    shipped: bool = False
    parcels: Annotated[tuple[Parcel, ...], Field(max_length=MOST_LINES)] = ()
    said_in_hand_at: Instant | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        return named_lines(given)

    @model_validator(mode="after")
    def _each_line_once(self) -> "Sale":
        for of in ("sku", "line_id"):
            told = [known for line in self.lines if (known := getattr(line, of)) is not None]
            if len(set(told)) != len(told):
                raise ValueError("each line of an order has an id of its own")
        return self

    def named(self, units: Iterable[U], about: tuple[Line, ...] = ()) -> tuple[U, ...]:
        """Units by the names of this order's lines, however they were called; `about`: those that
        can be meant, if not all.
        """
        of = {line.sku: line.quantity for line in about}
        return resolved(units, self.lines, of or None)

    def there(self, units: tuple[Line, ...]) -> UnitsThere:
        """Units as the marketplace knows their lines; of one SKU without ids, all together."""
        lines, found = {line.sku: line for line in self.lines}, dict[tuple[str, str | None], int]()
        for unit in units:
            line = lines.get(unit.sku)
            known = (line.article or line.sku, line.line_id) if line else (unit.sku, None)
            found[known] = found.get(known, 0) + unit.quantity
        return tuple(
            LineThere(sku=sku, line_id=id_, quantity=number)
            if id_
            else Line(sku=sku, quantity=number)
            for (sku, id_), number in found.items()
        )

    @property
    def unpaid(self) -> bool:
        """Whether it should have been paid beforehand, and was not: no money can come back."""
        return self.payment is Payment.UNPAID

    @property
    def paid(self) -> Money:
        """Everything the buyer paid: the lines and the delivery."""
        total = sum(line.paid_minor for line in self.lines) + self.delivery_paid_minor
        return Money(amount_minor=total, currency=self.currency)

    def paid_for(self, units: tuple[Line, ...]) -> Money:
        """What was paid for these units; with the whole order, its delivery too."""
        wanted = {unit.sku: unit.quantity for unit in units}
        if wanted == {line.sku: line.quantity for line in self.lines}:
            return self.paid
        return Money(amount_minor=self.price_of(units), currency=self.currency)

    def price_of(self, units: tuple[Line, ...]) -> int:
        """What was paid for these units alone, in minor units.

        A line's discount is shared by its units; what does not divide stays with the last ones.
        """
        wanted, step = {unit.sku: unit.quantity for unit in units}, step_of(self.currency)
        return sum(
            part_of(line.paid_minor, wanted.get(line.sku, 0), line.quantity, step)
            for line in self.lines
        )

    def offered(self, offer_id: str, quantity: int) -> tuple[Line, ...]:
        """So many units of what was bought by an offer, as far as there are; none if it is not
        known here.
        """
        found: list[Line] = []
        for line in self.lines:
            left = quantity - sum(each.quantity for each in found)
            if left and offer_id in (line.offer_id, line.sku, line.article):
                found.append(Line(sku=line.sku, quantity=min(left, line.quantity)))
        return tuple(found)

    @property
    def hands(self) -> tuple[datetime | None, ...]:
        """When the buyer had each parcel in hand; by their own word where the order does not say.
        None of one that is still to come, and none at all of an order that tells no delivery.
        """
        said = self.said_in_hand_at
        if not self.parcels:
            return (said,) if said else ()
        return tuple(parcel.in_hand_at or said for parcel in self.parcels)

    @property
    def in_hand(self) -> bool:
        """Whether the buyer has had every parcel in hand."""
        return bool(self.hands) and None not in self.hands

    def title(self, sku: str) -> str:
        """What a line of the order is called."""
        return next(line.title for line in self.lines if line.sku == sku)


def without_nulls(given: Any) -> Any:
    """What was told without the members that are null: many programs write what they leave out."""
    if isinstance(given, dict):
        return {name: without_nulls(each) for name, each in given.items() if each is not None}
    return [without_nulls(each) for each in given] if isinstance(given, list) else given


class Order(Sale):
    """An order as the marketplace answers it, with the people in it."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    buyer: Person
    seller: Person

    @model_validator(mode="before")
    @classmethod
    def _null_is_left_out(cls, given: Any) -> Any:
        return without_nulls(given)

    @model_validator(mode="after")
    def _skus_of_their_length(self) -> "Order":
        if any(len(line.article or line.sku) > LONGEST_SKU for line in self.lines):
            raise ValueError(f"an SKU has at most {LONGEST_SKU} characters")
        return self

    def within_bounds(self) -> "Order":
        """The same, with titles as short as its size demands; ValueError if it is too large."""
        for longest in TITLES:
            lines = tuple(
                line.model_copy(update={"title": shortened(line.title, longest)})
                for line in self.lines
            )
            order = self.model_copy(update={"lines": lines})
            if len(order.sale.model_dump_json().encode()) <= MOST_BYTES:
                return order
        raise ValueError(f"an order has at most {MOST_BYTES} bytes")

    @property
    def sale(self) -> Sale:
        """The order without its people."""
        return Sale.model_construct(**{name: getattr(self, name) for name in Sale.model_fields})
