"""The case as its readers see it: one answer to one query."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from domain.base import Value
from domain.commands import CommandId, Remedy, Verdict
from domain.deadlines import Held
from domain.goods import ExceptionReason, Kept
from domain.kinds import Kind
from domain.money import Money
from domain.notices import Ending, Message
from domain.orders import Line, OrderedLine
from domain.parties import Actor, Party
from domain.ports import RefundReport, Task
from domain.refunds import RefundPreview
from domain.refusals import Refusal
from domain.stages import Stage


class Outcome(StrEnum):
    """What became of a command that was not refused."""

    ACCEPTED = "accepted"
    NOTED = "noted"
    REPEATED = "repeated"


class Receipt(Value):
    """The answer to a command. `due` is when the awaited party's time ends."""

    command_id: str
    outcome: Outcome
    stage: Stage
    awaited: Party | None
    due: AwareDatetime | None


class Entry(Value):
    """A line of the timeline; never the text of a message."""

    at: AwareDatetime
    what: str
    by: Party | None = None
    detail: str = ""


class OfferState(StrEnum):
    """What became of an offer."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    COUNTERED = "countered"
    REPLACED = "replaced"
    LAPSED = "lapsed"


class OfferView(Value):
    """An offer and what became of it."""

    id: str
    at: AwareDatetime
    by: Party
    remedy: Remedy
    amount: Money | None
    expires_at: AwareDatetime | None
    state: OfferState


class ClockView(Value):
    """A running or held clock, with the reckoning that a person can check."""

    window: str
    awaited: Party
    started_at: AwareDatetime
    due: AwareDatetime | None
    safe: AwareDatetime | None = None
    length: int
    counting: str
    source: str
    held: tuple[Held, ...]
    held_since: AwareDatetime | None
    explanation: tuple[str, ...]


class DecisionView(Value):
    """An agent's decision; final once it can no longer be appealed."""

    at: AwareDatetime
    by: Actor
    verdict: Verdict
    remedy: Remedy | None
    amount: Money | None
    reasoning: str
    confirmed_by: Actor | None = None
    final: bool = False


class ProposalView(Value):
    """What the seller proposes against the refund: an exception, a deduction, a finding."""

    at: AwareDatetime
    kind: str
    exception: ExceptionReason | None = None
    amount: Money | None = None
    units: tuple[Line, ...] = ()
    state: OfferState = OfferState.OPEN


class BreachView(Value):
    """A missed window of the seller: once recorded, it stays (H7)."""

    window: str
    due: AwareDatetime
    at: AwareDatetime


class CaseView(Value):
    """A whole case. `may` says what each party may do now."""

    id: str
    kind: Kind
    country: str
    order_id: str
    opened_at: AwareDatetime
    opened_by: Actor
    stage: Stage
    ending: Ending | None = None
    refusal: Refusal | None = None
    buyer_id: str = ""
    seller_id: str = ""
    at_stake: Money | None = None
    reason: str = ""
    wanted: Remedy | None = None
    claimed: Money | None = None
    awaited: Party | None = None
    due: AwareDatetime | None = None
    clocks: tuple[ClockView, ...] = ()
    may: dict[Party, tuple[str, ...]] = Field(default_factory=dict)
    policy_version: str = ""
    calendar_version: str = ""
    zone: str = "UTC"
    timeline: tuple[Entry, ...] = ()
    messages: tuple[Message, ...] = ()
    offers: tuple[OfferView, ...] = ()
    task: Task | None = None
    decision: DecisionView | None = None
    refund: RefundReport | None = None
    breaches: tuple[BreachView, ...] = ()
    preceding: str | None = None
    happened_at: AwareDatetime | None = None
    needless_answers: int = 0
    lines: tuple[OrderedLine, ...] = ()
    units: tuple[Line, ...] = ()
    preview: RefundPreview | None = None
    proposals: tuple[ProposalView, ...] = ()
    custody: tuple[Kept, ...] = ()
    accepted: tuple[Line, ...] = ()
    ruling: DecisionView | None = None
    returns: tuple[str, ...] = ()
    belongs_to: str | None = None
    right_until: AwareDatetime | None = None


class Recalculate(Value):
    """Asks an open case to take up the rules as they are now; audited with who and why."""

    command_id: CommandId
    by: Actor
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class Recalculated(Value):
    """What a recalculation changed: the deadline before and after, never earlier."""

    policy_version: str
    due_before: AwareDatetime | None
    due_after: AwareDatetime | None


class Closed(Value):
    """The result of a case's workflow; `accepted` are the units that a return brought back."""

    case_id: str
    ending: Ending
    accepted: tuple[Line, ...] = ()
