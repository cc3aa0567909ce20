"""What opens a case, and the business key that makes opening twice opening once."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from domain.base import Value
from domain.commands import Attachment, Remedy, Text
from domain.money import Money
from domain.orders import Line
from domain.parties import Actor

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]


class Kind(StrEnum):
    """The processes that Recourse runs."""

    INQUIRY = "inquiry"
    DISPUTE = "dispute"


class OpeningBase(Value):
    """What every case opens with. `opened_by` is the buyer, or the platform by itself (C3)."""

    country: Country
    order_id: Key
    number: Annotated[int, Field(ge=1, le=999)] = 1
    opened_by: Actor
    text: Text
    attachments: tuple[Attachment, ...] = ()


class OpenInquiry(OpeningBase):
    """A buyer asks a seller about an order."""

    kind: Literal[Kind.INQUIRY] = Kind.INQUIRY

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        return f"inquiry:{self.country}:{self.order_id}:{self.number}"


class OpenDispute(OpeningBase):
    """A purchase went wrong (D1). No lines means the whole order; no amount, what those lines cost.

    `external_id` is the id under which the marketplace already knows the dispute;
    `happened_at` when it was opened there; `from_inquiry` the inquiry that it grew out of.
    """

    kind: Literal[Kind.DISPUTE] = Kind.DISPUTE
    reason: Annotated[str, Field(min_length=1, max_length=100)]
    wanted: Remedy
    amount: Money | None = None
    lines: tuple[Line, ...] = ()
    external_id: Key | None = None
    happened_at: AwareDatetime | None = None
    from_inquiry: str | None = None

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        if self.external_id:
            return f"dispute:{self.country}:{self.external_id}"
        return f"dispute:{self.country}:{self.order_id}:{self.number}"


Opening = Annotated[OpenInquiry | OpenDispute, Field(discriminator="kind")]

OPENING: TypeAdapter[Opening] = TypeAdapter(Opening)
"""Reads an opening from JSON."""
