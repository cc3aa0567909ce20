"""What crosses the case's edge: the arguments and answers of its activities."""

from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from domain.accounts import MoneyBack, numbered, refunded_lines
from domain.base import Value
from domain.calendars import Calendar
from domain.commands import Attachment, CostKind
from domain.delivering import Refunds
from domain.goods import Label
from domain.kinds import CaseId, Kind
from domain.money import Currency, Money
from domain.notices import Ending
from domain.openings import CarrierTrouble, Opening
from domain.orders import Line, Minor, Sale, Sku, Tracking, UnitsThere
from domain.policy import Terms
from domain.refusals import Refusal

ARCHIVES_APART = 1
"""The opening is in the archive already, messages get there by a step of their own, and a letter
that is put off is tried beside.
"""
WHOLE_STEPS = 2
"""No letter leaves before all that belongs to its step is written."""
SAYS_WHY_LESS = 2
"""What announces a refund waits for what the marketplace says of it at once, and both read why less
is left to pay than they knew.
"""
NOTHING_LOCAL = 3
"""Archive, queue and register are told by activities that are in the history before they run."""
LEARNS_FIRST = 4
"""What has come back is learned before it is told what is left to pay, and what was paid back is
taken for paid.
"""
RECORDS = 5
"""One record a step (domain/step_record.py) is written, instead of telling archive, queue and
register one by one.
"""

ENDS_QUIETLY = 6
"""The end changes no search attribute: that a case has ended Temporal says itself."""

EDITION = 6
"""The edition of a case that is registered now: it does all of the above. Raised, with a name for
what is new, when the kernel acts in another way from then on; cases that were registered before
keep theirs.
"""


class Registration(Value):
    """A case as it was registered: who is in it, what is at stake, and the rules it is pinned to.

    `at_stake` is what the buyer paid for these lines.
    `refunded`: the order's units that were refunded before, by whatever case; `money_back`: which
    those were, and the units whose price was reduced; `delivery_back_minor`: how much of what was
    paid for the delivery, empty of cases that were registered before that was kept.
    `right_until`: until when the buyer had the right to open it; empty while none had begun.
    `beside`: the open cases of the same order that are about the same units.
    `edition`: see EDITION.
    `refusal` is set, and the rest empty, when the case could not be opened.
    """

    refusal: Refusal | None = None
    order_id: str = ""
    buyer_id: str = ""
    seller_id: str = ""
    lines: tuple[Line, ...] = ()
    at_stake: Money | None = None
    policy_version: str = ""
    terms: Terms | None = None
    calendar: Calendar | None = None
    sale: Sale | None = None
    refunded: tuple[Line, ...] = ()
    money_back: tuple[MoneyBack, ...] = ()
    delivery_back_minor: Minor | None = None
    right_until: AwareDatetime | None = None
    beside: tuple[str, ...] = ()
    edition: int = 0

    @model_validator(mode="before")
    @classmethod
    def _numbers_as_told(cls, given: Any) -> Any:
        """Registered before the numbers of refunded units were kept: those were the first."""
        return _with_money_back(given, "refunded")


class OpenCase(Value):
    """An open case of an order: the units that it is about, without those it has had refunded."""

    case_id: str
    kind: Kind
    units: tuple[Line, ...]


class Past(NamedTuple):
    """What is known of an order: what of it has come back, or is about to, and its open cases.

    `never_came`: the units that were refunded because the buyer never had them.
    """

    money_back: tuple[MoneyBack, ...] = ()
    open_cases: tuple[OpenCase, ...] = ()
    delivery_back_minor: int = 0
    never_came: tuple[Line, ...] = ()

    @property
    def refunds(self) -> Refunds:
        """Which units are not the buyer's any more."""
        return Refunds(refunded_lines(self.money_back), self.never_came)


NO_PAST = Past()
"""Nothing came back of an order, and no other case is about it."""


class CaseBeside(Value):
    """Tells an open case of another about the same units of its order."""

    case_id: CaseId


class Misfit(Value):
    """A signal that a case could not take, and why: neither ever holds what was sent with it."""

    signal: Annotated[str, Field(max_length=60)]
    why: Annotated[str, Field(max_length=120)]


class RegisterCase(Value):
    """Asks to register a case, once; sent again it answers the same registration.

    `at`: when it was asked for; `now`: when a worker came to it, if that is known.
    """

    case_id: str
    opening: Opening
    at: AwareDatetime
    now: AwareDatetime | None = None


class PinRules(Value):
    """Asks for a country's rules as they are now, with a calendar of these years."""

    country: str
    kind: Kind
    first_year: int
    last_year: int


class Rules(Value):
    """A policy and a calendar as they are now. `currency`: the one that its amounts are in."""

    policy_version: str
    currency: Currency | None = None
    terms: Terms | None = None
    calendar: Calendar


class CloseCase(Value):
    """Files how a case ended, for the headline figures (D2); no `ending`: ops ended it by force."""

    case_id: str
    ending: Ending | None
    at: AwareDatetime
    escalated: bool
    breaches: int


LEADS = "leads"
"""The queue of what agents were called for and have left."""


class TaskState(StrEnum):
    """Where an agents' task stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"


class Task(Value):
    """An agents' task as the queue lists it. Lower `priority` numbers come first.

    `purpose`: a question (domain/questions.py), or in one line which letters did not arrive.
    `revision` counts the task's changes: a late record of an older one replaces nothing.
    """

    id: str
    case_id: str
    queue: str
    purpose: str
    priority: int
    owner: str | None = None
    state: TaskState
    opened_at: AwareDatetime
    due: AwareDatetime | None = None
    revision: int = 0


class BreachReport(Value):
    """A seller's missed window, reported to the marketplace (H7). `key` makes it idempotent."""

    key: str
    case_id: str
    seller_id: str
    window: str
    due: AwareDatetime
    at: AwareDatetime


class RefundState(StrEnum):
    """What is known of a refund. Unconfirmed is neither success nor failure."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


def _with_money_back(given: Any, refunded: str) -> Any:
    if isinstance(given, dict) and given.get(refunded) and not given.get("money_back"):
        return given | {"money_back": numbered(given[refunded])}
    return given


def _as_money_back(given: Any) -> Any:
    """Asked for before the numbers of refunded units were told: those were the first."""
    if given and not any("first" in dict(told) for told in given):
        return numbered(given)
    return given


class LinePaid(Value):
    """What was paid for a whole line of an order."""

    sku: Sku
    paid_minor: Minor


class RefundCommand(Value):
    """Pay the buyer back. Sent again under the same `key`, it is the same refund.

    `units` are what it is for: no unit of an order is ever refunded twice. A `reduction` is of the
    price of the units, which can be refunded afterwards with what is left of it. An amount of
    nothing orders no money, and settles that nothing is owed for the units any more.
    `delivery_minor`: how much of what was paid for the delivery comes back, or is settled, with
    it; left out, what the amount is above the price of the units.

    `sold`, `prices` and `paid` are the order's own quantities, what was paid for each line, and
    its total: the most that all its refunds may be for. `after`: what had come back before when
    the amount was reckoned; left out, it depends on nothing.
    """

    key: str
    case_id: str
    order_id: str
    amount: Money
    units: tuple[Line, ...]
    sold: tuple[Line, ...]
    prices: tuple[LinePaid, ...] = ()
    paid: Money
    after: Annotated[tuple[MoneyBack, ...] | None, BeforeValidator(_as_money_back)] = None
    reduction: bool = False
    delivery_minor: Minor | None = None


class StaleReckoningError(Exception):
    """Other money for the order came back since an amount was reckoned; reckon it anew."""


class RefundedUnits(Value):
    """The units of an order for which a refund is under way or paid, by whatever case or way.

    `money_back`: which those are, and the units whose price was reduced; `delivery_back_minor`: how
    much of what was paid for the delivery, empty where it was answered before that was kept.
    """

    units: tuple[Line, ...] = ()
    money_back: tuple[MoneyBack, ...] = ()
    delivery_back_minor: Minor | None = None

    @model_validator(mode="before")
    @classmethod
    def _numbers_as_told(cls, given: Any) -> Any:
        """Answered before the numbers of refunded units were told: those were the first."""
        return _with_money_back(given, "units")


class AskRefundedUnits(Value):
    """Asks what of an order has come back."""

    order_id: str


class PayoutKind(StrEnum):
    """How money reached a buyer without us."""

    GUARANTEE = "guarantee"
    CHARGEBACK = "chargeback"
    OTHER = "other"


class Payout(Value):
    """Money that the platform reports as paid: its units are refunded with it."""

    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,100}$")]
    kind: PayoutKind
    order_id: str
    amount: Money
    units: tuple[Line, ...]
    sold: tuple[Line, ...]
    paid: Money


class StopDispatch(Value):
    """Asks the marketplace to stop the dispatch of these units, unless they were sent (W2).

    Sent again under the same `key` it answers as before: the first answer stands.
    """

    key: str
    case_id: str
    order_id: str
    units: UnitsThere


class Dispatch(StrEnum):
    """Who was first: the cancellation, or the tracking number."""

    STOPPED = "stopped"
    SENT = "sent"


class DispatchAnswer(Value):
    """The marketplace's answer to a cancellation."""

    dispatch: Dispatch


class LabelWanted(Value):
    """Asks the platform's carrier for a return label; under the same `key` it is the same label."""

    key: str
    case_id: str
    order_id: str
    units: UnitsThere


class LabelMade(Value):
    """A return label; `charged` is what the way back costs."""

    label: Label
    tracking: Tracking
    charged: Money


class ClaimToFile(Value):
    """A claim for the marketplace to send to the carrier (P5); under the same `key` it is the same.

    `evidence` are files that the marketplace keeps, by name and digest. An appeal names the claim
    that it is about as `appeal_of`, and says why in `reason`.
    """

    key: str
    case_id: str
    order_id: str
    tracking: Tracking
    trouble: CarrierTrouble
    amount: Money
    evidence: tuple[Attachment, ...]
    appeal_of: str | None = None
    reason: str = ""


class ClaimFiled(Value):
    """The number under which the carrier knows a claim."""

    reference: Annotated[str, Field(min_length=1, max_length=100)]


class Recovery(Value):
    """Money that a carrier has paid, booked to the seller once for each `key`."""

    key: str
    case_id: str
    order_id: str
    seller_id: str
    amount: Money
    at: AwareDatetime


class Redelivery(Value):
    """Asks the marketplace to have the buyer pay for sending goods again (P1).

    Sent again under the same `key` it is the same request; voided, it is not paid, or paid back.
    """

    key: str
    case_id: str
    order_id: str
    charge: Money


class RedeliveryPaid(Value):
    """The marketplace says that the buyer has paid for sending the goods again."""

    key: Annotated[str, Field(min_length=1, max_length=300)]


class CostClaim(Value):
    """A cost that a seller claims because a parcel was not collected (P3, P4, P6).

    `evidence`: the SHA-256 of each file. `deducted_minor`: how much of it a refund was less by.
    """

    key: str
    case_id: str
    seller_id: str
    buyer_id: str
    order_id: str
    cost: CostKind
    amount: Money
    evidence: tuple[str, ...]
    at: AwareDatetime
    deducted_minor: Annotated[int, Field(ge=0)] = 0


class NonCollection(Value):
    """A seller's report that a buyer did not collect a prepaid parcel (P4), once for each case."""

    case_id: str
    seller_id: str
    buyer_id: str
    order_id: str
    at: AwareDatetime


class RefundReport(Value):
    """What the marketplace says of a refund; `reason` of a failure."""

    key: Annotated[str, Field(max_length=300)]
    state: RefundState
    reason: Annotated[str, Field(max_length=500)] = ""
