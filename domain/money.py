"""Exact money: integer minor units with an ISO 4217 currency, never a float."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.base import Value


class Payment(StrEnum):
    """How an order is paid; `UNPAID` while it should be prepaid and is not."""

    PREPAID = "prepaid"
    UNPAID = "unpaid"
    CASH_ON_DELIVERY = "cash-on-delivery"


Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


OWN_MINOR_UNIT = re.compile(
    r"(?P<none>BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|UYI|VND|VUV|XAF|XOF|XPF)"
    r"|(?P<thousandth>BHD|IQD|JOD|KWD|LYD|OMR|TND)"
)
"""The currencies whose minor unit is no hundredth (ISO 4217)."""

WHOLE_ALONE = {"HUF"}
"""Currencies of which ISO 4217 has a minor unit, and nobody: no fillér was paid since 1999."""


def digits_of(currency: str) -> int:
    """How many decimals a currency's minor unit stands for."""
    found = OWN_MINOR_UNIT.fullmatch(currency)
    return 2 if found is None else 0 if found["none"] else 3


def step_of(currency: str) -> int:
    """The smallest amount of a currency that is made, in minor units: a forint is the smallest."""
    return 10 ** digits_of(currency) if currency in WHOLE_ALONE else 1


def part_of(minor: int, part: int, of: int, step: int) -> int:
    """A part of an amount, rounded down to a multiple of the step; the whole is all of it."""
    return minor if part == of else minor * part // of // step * step


class Money(Value):
    """An amount that is never negative, in minor units (grosz, cent, haléř, fillér)."""

    amount_minor: Annotated[int, Field(ge=0, le=10**12)]
    currency: Currency

    @property
    def is_made(self) -> bool:
        """Whether it is an amount that can be offered, deducted or paid."""
        return self.amount_minor % step_of(self.currency) == 0

    @property
    def decimals(self) -> int:
        """How many decimals it is shown with: none where none are used, unless it has some."""
        return 0 if self.currency in WHOLE_ALONE and self.is_made else digits_of(self.currency)

    @property
    def number(self) -> Decimal:
        """The amount in whole units of its currency, with the decimals that are shown."""
        shown = Decimal(1).scaleb(-self.decimals)
        return Decimal(self.amount_minor).scaleb(-digits_of(self.currency)).quantize(shown)

    @property
    def figures(self) -> str:
        """The amount as plain figures, "50.00 PLN"; letters write it in the reader's way."""
        return f"{self.number:f} {self.currency}"
