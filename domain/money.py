"""Exact money: integer minor units with an ISO 4217 currency, never a float."""

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


class Money(Value):
    """An amount that is never negative, in minor units (grosz, cent, haléř, fillér)."""

    amount_minor: Annotated[int, Field(ge=0, le=10**12)]
    currency: Currency

    @property
    def figures(self) -> str:
        """The amount as plain figures, "50.00 PLN"; letters write it in the reader's way."""
        return f"{self.amount_minor // 100}.{self.amount_minor % 100:02} {self.currency}"
