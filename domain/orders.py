"""The marketplace's order, as far as a case needs it."""

from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from domain.base import Value
from domain.money import Currency, Money

Quantity = Annotated[int, Field(ge=1, le=10_000)]
Sku = Annotated[str, Field(min_length=1, max_length=64)]


class Line(Value):
    """Some units of one line of an order."""

    sku: Sku
    quantity: Quantity


class OrderedLine(Value):
    """A line as it was bought; `discount_minor` is for the whole line."""

    sku: Sku
    title: Annotated[str, Field(max_length=200)]
    quantity: Quantity
    unit_price_minor: Annotated[int, Field(ge=0)]
    discount_minor: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _discount_within_price(self) -> "OrderedLine":
        if self.paid_minor < 0:
            raise ValueError("the discount of a line is at most its price")
        return self

    @property
    def paid_minor(self) -> int:
        """What was paid for the whole line."""
        return self.unit_price_minor * self.quantity - self.discount_minor


class Person(Value):
    """A buyer or seller as the marketplace knows them: personal data, kept by the store alone."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, Field(max_length=100)]
    email: Annotated[str, Field(max_length=254)]
    locale: Annotated[str, Field(pattern=r"^[a-z]{2}$")]


class Order(Value):
    """An order as the marketplace answers it, with the people in it."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    currency: Currency
    placed_at: AwareDatetime
    buyer: Person
    seller: Person
    lines: Annotated[tuple[OrderedLine, ...], Field(min_length=1)]
    delivery_paid_minor: Annotated[int, Field(ge=0)] = 0

    @property
    def paid(self) -> Money:
        """Everything the buyer paid: the lines and the delivery."""
        total = sum(line.paid_minor for line in self.lines) + self.delivery_paid_minor
        return Money(amount_minor=total, currency=self.currency)
