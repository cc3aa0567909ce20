"""What crosses the case's edge: the arguments and answers of its activities."""

from enum import StrEnum

from pydantic import AwareDatetime

from domain.base import Value
from domain.calendars import Calendar
from domain.money import Money
from domain.notices import Ending
from domain.openings import Kind, Opening
from domain.orders import Line
from domain.policy import DisputePolicy, InquiryPolicy
from domain.refusals import Refusal


class Registration(Value):
    """A case as it was registered: who is in it, what is at stake, and the rules it is pinned to.

    `at_stake` is what the buyer paid for the disputed lines, the most that can be refunded.
    `refusal` is set, and the rest empty, when the case could not be opened.
    """

    refusal: Refusal | None = None
    order_id: str = ""
    buyer_id: str = ""
    seller_id: str = ""
    lines: tuple[Line, ...] = ()
    at_stake: Money | None = None
    policy_version: str = ""
    dispute: DisputePolicy | None = None
    inquiry: InquiryPolicy | None = None
    calendar: Calendar | None = None


class RegisterCase(Value):
    """Asks to register a case, once; sent again it answers the same registration."""

    case_id: str
    opening: Opening
    at: AwareDatetime


class PinRules(Value):
    """Asks for a country's rules as they are now, with a calendar of these years."""

    country: str
    kind: Kind
    first_year: int
    last_year: int


class Rules(Value):
    """A policy and a calendar as they are now."""

    policy_version: str
    dispute: DisputePolicy | None = None
    inquiry: InquiryPolicy | None = None
    calendar: Calendar


class CloseCase(Value):
    """Files how a case ended, for the headline figures (D2)."""

    case_id: str
    ending: Ending
    at: AwareDatetime
    escalated: bool
    breaches: int


class TaskState(StrEnum):
    """Where an agents' task stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"


class Task(Value):
    """An agents' task as the queue lists it. Lower `priority` numbers come first.

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


class RefundCommand(Value):
    """Pay the buyer back. Sent again under the same `key`, it is the same refund."""

    key: str
    case_id: str
    order_id: str
    amount: Money


class RefundReport(Value):
    """What the marketplace says of a refund; `reason` of a failure."""

    key: str
    state: RefundState
    reason: str = ""
