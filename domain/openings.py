"""What opens a case, and the business key that makes opening twice opening once."""

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, model_validator

from domain.base import Day, Instant, Value
from domain.commands import Files, Remedy, Text, TextOrNone
from domain.goods import Purpose, Received, ReturnReason, Way
from domain.kinds import CaseId, Kind
from domain.money import Money
from domain.orders import MOST_LINES, Lines, Quantity, Tracking
from domain.parties import Actor
from domain.policy import Window
from domain.refunds import WayBack

InHand = Annotated[
    Day | None,
    Field(
        description="Since which day the buyer has the goods, where no carrier's scan tells it; "
        "it is the buyer's word, and what a scan tells counts before it."
    ),
]

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]

Named = Annotated[str, Field(min_length=1, max_length=300)]
"""A case as another one names it, of whatever form ids once had."""


def plain(tracking: str) -> str:
    """A tracking number as a part of a business key."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", tracking)


class OpeningBase(Value):
    """What every case opens with. `opened_by` is a trader, or the platform by itself (C3).

    `instead_of`: the case that turns into this one.
    """

    country: Country
    order_id: Key
    number: Annotated[int, Field(ge=1, le=999)] = 1
    opened_by: Actor
    text: Text
    attachments: Files = ()
    instead_of: CaseId | None = None


class OpenInquiry(OpeningBase):
    """A buyer asks a seller about an order."""

    kind: Literal[Kind.INQUIRY] = Kind.INQUIRY

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        return f"{self.kind}:{self.country}:{self.order_id}:{self.number}"


class OpenDispute(OpeningBase):
    """A purchase went wrong (D1). No lines means the whole order; no amount, what those lines cost.

    `external_id` is the id under which the marketplace already knows the dispute;
    `happened_at` when it was opened there; `from_inquiry` the inquiry that it grew out of.
    """

    kind: Literal[Kind.DISPUTE] = Kind.DISPUTE
    reason: Annotated[str, Field(min_length=1, max_length=100)]
    wanted: Remedy
    amount: Money | None = None
    lines: Lines = ()
    external_id: Key | None = None
    happened_at: Instant | None = None
    from_inquiry: Named | None = None

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        if self.external_id:
            return f"dispute:{self.country}:{self.external_id}"
        return f"dispute:{self.country}:{self.order_id}:{self.number}"


class OpenCancellation(OpeningBase):
    """A buyer cancels an order, or some of it, before it is sent (W2). No lines means all of it.

    Instead of an uncollected parcel, goods are cancelled that were sent and came back: it needs no
    words, and `way_back` is what the carrier charged for that (P3).
    """

    kind: Literal[Kind.CANCELLATION] = Kind.CANCELLATION
    text: TextOrNone = ""
    lines: Lines = ()
    way_back: WayBack | None = None

    @model_validator(mode="after")
    def _of_what_was_sent(self) -> "OpenCancellation":
        if self.instead_of is None and not self.text:
            raise ValueError("write in `text` that the order is cancelled")
        if self.instead_of is None and self.way_back:
            raise ValueError("leave `way_back` out; what was not sent has no way back")
        return self

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        return f"cancellation:{self.country}:{self.order_id}:{self.number}"


class OpenWithdrawal(OpeningBase):
    """A buyer withdraws from a distance contract, in whole or in part (W1). No lines means all.

    `reason` is of the return form, and a reason of withdrawal (W3).
    `way`: how the goods come back, unless it is the policy's way.
    `stated_at`: when the statement was made, if the platform files one that came another way.
    `goods_in`: the case in which the goods came to the seller, if they are there already.
    `in_hand_on`: since which day the buyer has the goods, where no carrier's scan tells it.
    """

    kind: Literal[Kind.WITHDRAWAL] = Kind.WITHDRAWAL
    lines: Lines = ()
    reason: ReturnReason | None = None
    way: Way | None = None
    stated_at: Instant | None = None
    goods_in: Named | None = None
    in_hand_on: InHand = None

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        return f"withdrawal:{self.country}:{self.order_id}:{self.number}"


class OpenReturn(OpeningBase):
    """Goods come back: for the case `belongs_to`, or to a seller who finds them with no case.

    `received`: what the seller who opens it has found. `send_window` and `counted_from`: the
    buyer's time to send, where the case it belongs to sets it. `goods_in`: the return that brought
    the goods before it belonged to a case, so that the seller has them already; `only_back`: they
    are wanted for nothing more, and go back.
    """

    kind: Literal[Kind.RETURN] = Kind.RETURN
    text: TextOrNone = ""
    lines: Lines = ()
    purpose: Purpose = Purpose.REFUND
    way: Way | None = None
    belongs_to: CaseId | None = None
    received: Annotated[tuple[Received, ...], Field(max_length=MOST_LINES)] = ()
    send_window: Window | None = None
    counted_from: Instant | None = None
    goods_in: CaseId | None = None
    only_back: bool = False

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id: `withdrawal:PL:7:1` brings
        `return:PL:withdrawal-7-1:1`.
        """
        if self.belongs_to:
            kind, _, rest = self.belongs_to.split(":", 2)
            return f"return:{self.country}:{kind}-{rest.replace(':', '-')}:{self.number}"
        return f"return:{self.country}:{self.order_id}:{self.number}"


class OpenUncollectedParcel(OpeningBase):
    """A parcel came back to its seller: the buyer did not collect it (P1). No lines means all.

    It is known by its tracking number: told by carrier, platform and seller, it is one case; only
    one that could not be opened, or has ended, leaves room for the next `number`.
    `resend_cost`: what sending it again costs the buyer, unless it is the policy's.
    """

    kind: Literal[Kind.UNCOLLECTED_PARCEL] = Kind.UNCOLLECTED_PARCEL
    text: TextOrNone = ""
    tracking: Tracking
    lines: Lines = ()
    resend_cost: Money | None = None

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        again = f":{self.number}" if self.number > 1 else ""
        return f"{self.kind}:{self.country}:{self.order_id}:{plain(self.tracking)}{again}"


class OpenNonDelivery(OpeningBase):
    """A buyer's goods have not come, or are lost (P5). No lines means all but those that the order
    says are there.

    Goods that came damaged, or not all of them, are complained about instead (OpenComplaint).
    `essential_date`: the goods were of use until a day that has passed, as was agreed; the
    platform says so, for the seller then has no further period.
    `tracking`: the parcel that was sent again and is missing, where a case turns into this one.
    """

    kind: Literal[Kind.NON_DELIVERY] = Kind.NON_DELIVERY
    lines: Lines = ()
    essential_date: bool = False
    tracking: Tracking | None = None

    @model_validator(mode="after")
    def _is_told_what_was_sent_again(self) -> "OpenNonDelivery":
        if self.tracking and self.instead_of is None:
            raise ValueError("leave `tracking` out; the order tells its parcels")
        return self

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        return f"{self.kind}:{self.country}:{self.order_id}:{self.number}"


class CarrierTrouble(StrEnum):
    """What became of a parcel on its way."""

    LOSS = "loss"
    DAMAGE = "damage"


class OpenCarrierClaim(OpeningBase):
    """A seller's claim against a carrier over one parcel (P5). It is known by its tracking number.

    A damage is a case of its own: a parcel that was taken for lost may come after all, damaged.
    The order tells the parcel's service and when it was posted; `belongs_to` is the buyer's case
    beside which it was opened. `in_hand_on`: since which day the buyer has a damaged parcel, where
    no scan tells it.
    """

    kind: Literal[Kind.CARRIER_CLAIM] = Kind.CARRIER_CLAIM
    text: TextOrNone = ""
    tracking: Tracking
    trouble: CarrierTrouble
    belongs_to: CaseId | None = None
    in_hand_on: InHand = None

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        damage = ":damage" if self.trouble is CarrierTrouble.DAMAGE else ""
        return f"{self.kind}:{self.country}:{self.order_id}:{plain(self.tracking)}{damage}"


class Offered(Value):
    """So many units of what the marketplace offered under an id of its own."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    quantity: Quantity = 1


class OpenComplaint(OpeningBase):
    """Goods are not as they should be (W3). No lines means the whole order.

    `reason` is of the return form, and a reason of complaint; left out, with `wanted`, the
    statement may as well be a withdrawal, and the buyer is asked. `amount` of a reduced price.
    `external_id` and `decision_due`: the marketplace's own id of the complaint, and the instant by
    which it wants it decided; `happened_at` when it was opened there.
    `goods_in`: the return that brought the goods, if the seller has them already.
    `offer`: the goods, instead of `lines`, as the marketplace's own list names them; an order that
    does not know the offer is meant as a whole.
    `in_hand_on`: since which day the buyer has the goods, where no carrier's scan tells it: it is
    the buyer's word, which the seller may contest.
    """

    kind: Literal[Kind.COMPLAINT] = Kind.COMPLAINT
    lines: Lines = ()
    offer: Offered | None = None
    reason: ReturnReason | None = None
    wanted: Remedy | None = None
    amount: Money | None = None
    external_id: Key | None = None
    happened_at: Instant | None = None
    decision_due: Instant | None = None
    goods_in: CaseId | None = None
    in_hand_on: InHand = None

    @model_validator(mode="after")
    def _names_its_goods_once(self) -> "OpenComplaint":
        if self.lines and self.offer:
            raise ValueError("name the goods by `lines` or by `offer`, not by both")
        return self

    @property
    def case_id(self) -> str:
        """The case's business key, which is its workflow id."""
        return f"{self.kind}:{self.country}:{self.external_id or f'{self.order_id}:{self.number}'}"


Opening = Annotated[
    OpenInquiry
    | OpenDispute
    | OpenCancellation
    | OpenWithdrawal
    | OpenReturn
    | OpenUncollectedParcel
    | OpenNonDelivery
    | OpenCarrierClaim
    | OpenComplaint,
    Field(discriminator="kind"),
]

OPENING: TypeAdapter[Opening] = TypeAdapter(Opening)
"""Reads an opening from JSON."""


class ReturnForm(OpeningBase):
    """What a buyer fills in to send goods back: its reason chooses the process (W3).

    `way` goes with a reason of withdrawal. `wanted` goes with one of complaint: a repair, unless
    it says otherwise. `in_hand_on`: since which day the buyer has the goods, where no carrier's
    scan tells it.
    """

    kind: Literal["return-form"] = "return-form"
    lines: Lines = ()
    reason: ReturnReason
    way: Way | None = None
    wanted: Remedy | None = None
    in_hand_on: InHand = None

    @model_validator(mode="after")
    def _fits_its_reason(self) -> "ReturnForm":
        if self.reason.complains and self.way:
            raise ValueError(f'"{self.reason}" is a reason of complaint; leave `way` out')
        if self.wanted and not self.reason.complains:
            raise ValueError(f'"{self.reason}" is a reason of withdrawal; leave `wanted` out')
        return self

    def opening(self) -> OpenWithdrawal | OpenComplaint:
        """The case that the form opens."""
        told = dict(self)
        del told["kind"], told["wanted" if not self.reason.complains else "way"]
        if not self.reason.complains:
            return OpenWithdrawal(**told)
        return OpenComplaint(**told | {"wanted": self.wanted or Remedy.REPAIR})
