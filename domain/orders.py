"""The marketplace's order, as far as a case needs it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from domain.base import Day, Instant, Value
from domain.money import Currency, Money, Payment, part_of, step_of

Quantity = Annotated[int, Field(ge=1, le=10_000)]
Minor = Annotated[int, Field(ge=0, le=10**12)]
Sku = Annotated[str, Field(min_length=1, max_length=64)]
Tracking = Annotated[str, Field(pattern=r"^[A-Za-z0-9 ./-]{1,60}$")]


class Line(Value):
    """Some units of one line of an order."""

    sku: Sku
    quantity: Quantity


MOST_LINES = 500
"""Lines that an order, a case or a parcel can have (docs/marketplace-api.md)."""

Lines = Annotated[tuple[Line, ...], Field(max_length=MOST_LINES)]


class OrderedLine(Value):
    """A line as it was bought; `discount_minor` is for the whole line.

    `offer_id`: under which the marketplace offered it, where its lists of claims name that.
    """

    sku: Sku
    title: Annotated[str, Field(max_length=200)]
    quantity: Quantity
    unit_price_minor: Minor
    discount_minor: Minor = 0
    offer_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None

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


class Person(Value):
    """A buyer or seller as the marketplace knows them: personal data, kept by the store alone.

    `return_address`: where a seller takes goods back, line by line as on a parcel.
    """

    id: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, Field(max_length=100)]
    email: Annotated[str, Field(max_length=254)]
    locale: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
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

    id: Annotated[str, Field(min_length=1, max_length=64)]
    lines: tuple[Line, ...] = ()
    in_hand_at: Instant | None = None
    tracking: Tracking | None = None
    carrier: Annotated[str, Field(max_length=60)] = ""
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
    lines: Annotated[tuple[OrderedLine, ...], Field(min_length=1)]
    delivery_paid_minor: Minor = 0
    cheapest_standard_minor: Minor | None = None
    payment: Payment = Payment.PREPAID
    buyer_class: BuyerClass = BuyerClass.CONSUMER
    informed: bool = True
    informed_at: Instant | None = None
    return_cost_announced: bool = True
    free_delivery: bool = False
    shipped: bool = False
    parcels: tuple[Parcel, ...] = ()
    said_in_hand_at: Instant | None = None

    @model_validator(mode="after")
    def _each_line_once(self) -> "Sale":
        skus = [line.sku for line in self.lines]
        if len(set(skus)) != len(skus):
            raise ValueError("each line of an order has a sku of its own")
        return self

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
            if left and offer_id in (line.offer_id, line.sku):
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


class Order(Sale):
    """An order as the marketplace answers it, with the people in it."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    buyer: Person
    seller: Person

    @property
    def sale(self) -> Sale:
        """The order without its people."""
        return Sale.model_construct(**{name: getattr(self, name) for name in Sale.model_fields})
