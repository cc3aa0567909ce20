"""An order's account, unit by unit: what each cost, and what of that has come back.

The units of a line are numbered, and each has its own price, so that what does not divide is
always with the same ones. The ledger and the reckoning of a refund pick units here, and so pick the
same: refunds and reductions add up exactly to what was paid, whatever their order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, Protocol

from pydantic import Field, model_validator

from domain.base import Value
from domain.money import Money, part_of, step_of
from domain.orders import Line, Quantity, Sale, Sku

Unit = tuple[str, int]
"""The sku of a line, and which of its units: the first is 1."""


class Back(NamedTuple):
    """What has come back of a unit: all of it, or so much of its price.

    `unpaid_minor`: what its refund was less by for a reduction that has failed since.
    """

    refunded: bool
    reduced_minor: int = 0
    unpaid_minor: int = 0


class MoneyBack(Value):
    """Units `first` to `last` of a line: each was refunded, or its price reduced by so much.

    `unpaid_minor`: what the refund was less by for a reduction that has failed since.
    """

    sku: Sku
    first: Quantity
    last: Quantity
    reduced_minor: Annotated[int, Field(ge=1)] | None = None
    unpaid_minor: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _from_first_to_last(self) -> "MoneyBack":
        if self.first > self.last:
            raise ValueError("`first` is at most `last`")
        return self

    @property
    def units(self) -> Iterable[Unit]:
        """Each of the units."""
        return ((self.sku, number) for number in range(self.first, self.last + 1))

    @property
    def back(self) -> Back:
        """What has come back of each."""
        return Back(self.reduced_minor is None, self.reduced_minor or 0, self.unpaid_minor)


def numbered(units: Any) -> list[dict[str, Any]]:
    """What is meant by the numbers of refunded units alone, as they were kept before: the first."""
    told = [dict(unit) for unit in units]
    return [{"sku": unit["sku"], "first": 1, "last": unit["quantity"]} for unit in told]


def as_money_back(units: Mapping[Unit, Back]) -> tuple[MoneyBack, ...]:
    """Units as they are told, in their order."""
    found: list[MoneyBack] = []
    for sku, number in sorted(units):
        back = units[sku, number]
        last = found[-1] if found else None
        if last and (last.sku, last.last + 1, last.back) == (sku, number, back):
            found[-1] = last.model_copy(update={"last": number})
        else:
            found.append(
                MoneyBack(
                    sku=sku,
                    first=number,
                    last=number,
                    reduced_minor=None if back.refunded else back.reduced_minor,
                    unpaid_minor=back.unpaid_minor,
                )
            )
    return tuple(found)


def told_of(money_back: Iterable[MoneyBack]) -> dict[Unit, Back]:
    """The opposite of `as_money_back`."""
    return {unit: told.back for told in money_back for unit in told.units}


def refunded_lines(money_back: Iterable[MoneyBack]) -> tuple[Line, ...]:
    """How many units of each line are refunded."""
    numbers: dict[str, int] = {}
    for told in sorted(money_back, key=lambda told: told.sku):
        if told.back.refunded:
            numbers[told.sku] = numbers.get(told.sku, 0) + told.last - told.first + 1
    return tuple(Line(sku=sku, quantity=number) for sku, number in numbers.items())


class Sold(Protocol):
    """A line as it was sold."""

    @property
    def sku(self) -> str:
        """Which line."""

    @property
    def quantity(self) -> int:
        """How many units."""

    @property
    def paid_minor(self) -> int:
        """What was paid for all of them."""


@dataclass
class Account:
    """The units of an order: `sold` is how many of each line, and what was paid for all of them.

    `step`: the smallest amount that is made in its currency; what does not divide is with the last.
    """

    sold: Mapping[str, tuple[int, int]]
    back: dict[Unit, Back] = field(default_factory=dict)
    step: int = 1

    @classmethod
    def of(
        cls, lines: Iterable[Sold], money_back: Iterable[MoneyBack] = (), step: int = 1
    ) -> "Account":
        """The account of an order of which so much has come back."""
        sold = {line.sku: (line.quantity, line.paid_minor) for line in lines}
        return cls(sold, told_of(money_back), step)

    def first(self, sku: str, number: int) -> int:
        """What was paid for the first so many units of a line, rounded down."""
        quantity, paid = self.sold[sku]
        return part_of(paid, number, quantity, self.step)

    def is_back(self, units: Iterable[Unit]) -> bool:
        """Whether all that was paid for is refunded once these units are: what was a present need
        not come back. Of an order that was all a present, all of it must.
        """
        free, now = not any(paid for _quantity, paid in self.sold.values()), set(units)
        return all(
            self.refunded(unit) or unit in now
            for sku, (_quantity, paid) in self.sold.items()
            if free or paid
            for unit in self.units(sku)
        )

    def price(self, unit: Unit) -> int:
        """What was paid for a unit; a line's units add up to what was paid for it."""
        sku, number = unit
        return self.first(sku, number) - self.first(sku, number - 1)

    def reduced(self, unit: Unit) -> int:
        """By how much the price of a unit is reduced."""
        return self.back[unit].reduced_minor if unit in self.back else 0

    def refunded(self, unit: Unit) -> bool:
        """Whether a unit is refunded."""
        return unit in self.back and self.back[unit].refunded

    def left(self, units: Iterable[Unit]) -> int:
        """What is left of the price of these units; nothing of one that was lowered since."""
        return sum(
            self.back[unit].unpaid_minor
            if self.refunded(unit)
            else max(0, self.price(unit) - self.reduced(unit))
            for unit in units
        )

    def free(self, sku: str) -> list[Unit]:
        """The units of a line that are not refunded: the least reduced first."""
        free = (unit for unit in self.units(sku) if not self.refunded(unit))
        return sorted(free, key=self.reduced)

    def units(self, sku: str) -> list[Unit]:
        """The units of a line, by their numbers."""
        return [(sku, number) for number in range(1, self.sold[sku][0] + 1)]

    def pick(self, units: Mapping[str, int]) -> list[Unit]:
        """Which units a refund is for; as many as are free."""
        return [unit for sku, number in units.items() for unit in self.free(sku)[:number]]

    def pick_reduced(self, units: Mapping[str, int]) -> list[Unit]:
        """Which units a reduction is for: free ones, and before those whatever a refund was less by
        for a reduction that has failed, for nothing else can ever pay that.
        """
        unpaid = (unit for unit, back in self.back.items() if back.unpaid_minor)
        return [*sorted(unit for unit in unpaid if unit[0] in units), *self.pick(units)]

    def spread(self, units: Iterable[Unit], minor: int) -> dict[Unit, int]:
        """A reduction unit by unit, never above what is left: first all that refunds were less by,
        then by what is left of the prices; what does not divide is with the last ones.
        """
        left = {unit: n for unit in units if (n := self.left([unit]))}
        unpaid = {}
        for unit in filter(self.refunded, left):
            unpaid[unit] = min(left[unit], minor)
            minor -= unpaid[unit]
        free = {unit: n for unit, n in left.items() if unit not in unpaid}
        whole = sum(free.values())
        minor = min(minor, whole)
        shares = {unit: part_of(minor, n, whole, self.step) for unit, n in free.items()}
        over = minor - sum(shares.values())
        while over:
            for unit in reversed(shares):
                more = min(self.step, over, free[unit] - shares[unit])
                shares[unit] += more
                over -= more
        return {unit: share for unit, share in (unpaid | shares).items() if share}


def left_for(
    sale: Sale,
    units: tuple[Line, ...],
    money_back: tuple[MoneyBack, ...],
    delivery_back_minor: int | None = None,
) -> Money:
    """By how much the price of these units can still be reduced."""
    account = Account.of(sale.lines, money_back, step_for(sale, delivery_back_minor))
    picked = account.pick_reduced({unit.sku: unit.quantity for unit in units})
    return Money(amount_minor=account.left(picked), currency=sale.currency)


def left_with_delivery(
    sale: Sale,
    units: tuple[Line, ...],
    money_back: tuple[MoneyBack, ...],
    delivery_back_minor: int | None = None,
) -> Money:
    """What can still be refunded of these units, as far as they are not refunded; with the last of
    all that was paid for, what is left of the delivery too.

    `delivery_back_minor`: how much of the delivery has come back. Of a case that was registered
    before that was kept, the delivery goes with the whole order alone.
    """
    account = Account.of(sale.lines, money_back, step_for(sale, delivery_back_minor))
    named = {unit.sku: unit.quantity for unit in units}
    picked = account.pick(named)
    left = account.left(picked)
    if delivery_back_minor is not None:
        if picked and account.is_back(picked):
            left += max(0, sale.delivery_paid_minor - delivery_back_minor)
    elif named == {line.sku: line.quantity for line in sale.lines} and not any(
        back.refunded for back in account.back.values()
    ):
        left += sale.delivery_paid_minor
    return Money(amount_minor=left, currency=sale.currency)


def step_for(sale: Sale, delivery_back_minor: int | None) -> int:
    """The smallest amount that is made for an order; in a case that was registered before that was
    asked, a minor unit.
    """
    return 1 if delivery_back_minor is None else step_of(sale.currency)
