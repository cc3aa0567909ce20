"""The case as its readers see it: one answer to one query."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from domain.base import Value
from domain.commands import Attachment, CarrierSays, CommandId, CostKind, Remedy, Verdict
from domain.deadlines import Held
from domain.goods import ExceptionReason, Kept
from domain.kinds import Kind
from domain.letters import Trouble
from domain.money import Money
from domain.notices import Ending, Message, NoticeName
from domain.openings import CarrierTrouble
from domain.orders import Line, OrderedLine, Regime
from domain.parties import Actor, Party
from domain.policy import OnSilence
from domain.ports import RefundReport, Registration, Task
from domain.refunds import RefundPreview
from domain.refusals import Refusal
from domain.stages import Stage


class Outcome(StrEnum):
    """What became of a command that was not refused."""

    ACCEPTED = "accepted"
    NOTED = "noted"
    REPEATED = "repeated"


class Receipt(Value):
    """The answer to a command. `due` is when the awaited party's time ends.

    `working`: the case is still at work on what came, so stage and awaited may change at once.
    """

    command_id: str
    outcome: Outcome
    stage: Stage
    awaited: Party | None
    due: AwareDatetime | None
    working: bool = False


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
    held_for: tuple[str, ...] = ()
    on_silence: OnSilence | None = None


class Standing(StrEnum):
    """What became of a decision."""

    PROPOSED = "proposed"
    """A second agent has to confirm it."""
    SENT_BACK = "sent-back"
    """A second agent did not confirm it: it was never announced."""
    ANNOUNCED = "announced"
    APPEALED = "appealed"
    FINAL = "final"


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
    standing: Standing = Standing.ANNOUNCED


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


class ParcelClaimView(Value):
    """A claim against a carrier as it stands.

    `claimable_from`: when a lost parcel counts as lost. `reference`: the carrier's number of the
    claim; empty if it was filed by hand. `answer` is the carrier's own, and may come late;
    `deemed`: its silence counted as acceptance. `owed` is what it has accepted.
    """

    tracking: str
    carrier: str
    regime: Regime
    trouble: CarrierTrouble
    claimable_from: AwareDatetime | None = None
    claimed: Money | None = None
    evidence: tuple[Attachment, ...] = ()
    reference: str = ""
    answer: CarrierSays | None = None
    deemed: bool = False
    appealed: bool = False
    owed: Money | None = None
    recovered: Money | None = None


class Announced(StrEnum):
    """How a buyer was told beforehand of the cost of the way back (P3)."""

    WITH_THE_ORDER = "with-the-order"
    IN_THE_LAST_LETTER = "in-the-last-letter"
    """In the last letter that gave the buyer time."""


class CostView(Value):
    """A cost that the seller of an uncollected parcel has reported, with its evidence.

    `announced` is empty if the buyer was not told beforehand. `deducted`: it makes the refund less,
    as far as the refund reaches; every other cost is a claim only (P3, P4, P6).
    """

    at: AwareDatetime
    round: int
    cost: CostKind
    amount: Money
    attachments: tuple[Attachment, ...]
    announced: Announced | None = None
    deducted: bool = False


class RedeliveryView(Value):
    """What the buyer is asked to pay for sending the goods again, and whether that is paid."""

    key: str
    charge: Money
    paid: bool


class UndeliveredView(Value):
    """A letter that did not arrive; `holds` is the window that does not run until it has.

    `left`: an agent has seen it and lets it be.
    """

    at: AwareDatetime
    to: Party
    name: NoticeName
    trouble: Trouble
    code: int | None = None
    holds: str | None = None
    left: bool = False


class CaseView(Value):
    """What a whole case of any kind has. `may`: what each party may do now; `working`: see Receipt.

    Of the lists that grow it holds the newest entries: `in_all` says of each list that is cut how
    many there are (domain/excerpts.py); the archive has all messages.
    """

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
    awaited: Party | None = None
    due: AwareDatetime | None = None
    working: bool = False
    clocks: tuple[ClockView, ...] = ()
    may: dict[Party, tuple[str, ...]] = Field(default_factory=dict)
    policy_version: str = ""
    calendar_version: str = ""
    zone: str = "UTC"
    timeline: tuple[Entry, ...] = ()
    messages: tuple[Message, ...] = ()
    task: Task | None = None
    breaches: tuple[BreachView, ...] = ()
    lines: tuple[OrderedLine, ...] = ()
    units: tuple[Line, ...] = ()
    right_until: AwareDatetime | None = None
    beside: tuple[str, ...] = ()
    undelivered: tuple[UndeliveredView, ...] = ()
    letters_task: Task | None = None
    in_all: dict[str, int] = Field(default_factory=dict)


class InquiryView(CaseView):
    """An inquiry."""

    kind: Literal[Kind.INQUIRY]
    needless_answers: int = 0


class RefundingView(CaseView):
    """A case of a kind that can end in a refund.

    `refund_amount` is that of the refund that was ordered; `refund_reduces`: it is a lower price.
    """

    refund: RefundReport | None = None
    refund_amount: Money | None = None
    refund_reduces: bool = False
    returns: tuple[str, ...] = ()


class DisputeView(RefundingView):
    """A dispute. `preceding`: the inquiry that it grew out of."""

    kind: Literal[Kind.DISPUTE]
    reason: str
    wanted: Remedy
    claimed: Money | None = None
    happened_at: AwareDatetime | None = None
    preceding: str | None = None
    offers: tuple[OfferView, ...] = ()
    decision: DecisionView | None = None


class TakingBackView(RefundingView):
    """A case of a kind that takes units of an order back. `preview`: their refund, by its parts."""

    preview: RefundPreview | None = None
    ruling: DecisionView | None = None


class CancellationView(TakingBackView):
    """A cancellation."""

    kind: Literal[Kind.CANCELLATION]


class WithdrawalView(TakingBackView):
    """A withdrawal.

    `said_in_hand_at`: since when the buyer says to have the goods, where no scan tells it.
    """

    kind: Literal[Kind.WITHDRAWAL]
    reason: str = ""
    proposals: tuple[ProposalView, ...] = ()
    said_in_hand_at: AwareDatetime | None = None


class UncollectedParcelView(TakingBackView):
    """A parcel that was not collected, in its `round`th sending."""

    kind: Literal[Kind.UNCOLLECTED_PARCEL]
    round: int | None = None
    tracking: str | None = None
    resend_cost: Money | None = None
    redelivery: RedeliveryView | None = None
    costs: tuple[CostView, ...] = ()
    buyer_reported: bool = False


class NonDeliveryView(TakingBackView):
    """Goods that were not delivered."""

    kind: Literal[Kind.NON_DELIVERY]
    carrier_claims: tuple[str, ...] = ()


class ComplaintView(TakingBackView):
    """A complaint. `wanted` is None while that is not clear.

    `answer_due`: until when the seller has to answer; `answer_was_due`: until when at the
    marketplace, if that is over; `decision_due`: when the marketplace wants it decided, if that is
    another instant. `said_in_hand_at` as of a withdrawal.
    """

    kind: Literal[Kind.COMPLAINT]
    reason: str = ""
    wanted: Remedy | None = None
    claimed: Money | None = None
    happened_at: AwareDatetime | None = None
    decision_due: AwareDatetime | None = None
    answer_due: AwareDatetime | None = None
    answer_was_due: AwareDatetime | None = None
    said_in_hand_at: AwareDatetime | None = None
    carrier_claims: tuple[str, ...] = ()


class ReturnView(CaseView):
    """Goods on their way back. `accepted`: the units that count as returned."""

    kind: Literal[Kind.RETURN]
    custody: tuple[Kept, ...] = ()
    accepted: tuple[Line, ...] = ()
    ruling: DecisionView | None = None
    belongs_to: str | None = None


class CarrierClaimView(CaseView):
    """What a seller claims from a carrier; nothing yet of a case that is being registered."""

    kind: Literal[Kind.CARRIER_CLAIM]
    carrier_claim: ParcelClaimView | None = None
    ruling: DecisionView | None = None
    belongs_to: str | None = None


View = Annotated[
    InquiryView
    | DisputeView
    | CancellationView
    | WithdrawalView
    | ReturnView
    | UncollectedParcelView
    | NonDeliveryView
    | CarrierClaimView
    | ComplaintView,
    Field(discriminator="kind"),
]
"""A case as its readers see it: each kind with what is its own."""

VIEW: TypeAdapter[View] = TypeAdapter(View)
"""Reads a view by its kind."""


class WholeCase(Value):
    """A case with what its view leaves out: what it is pinned to, and what is over.

    `deadlines`: the clocks that were ever started, in order; `decisions`: the decisions taken; the
    newest of each, as in a view.
    """

    view: View
    registration: Registration
    deadlines: tuple[ClockView, ...] = ()
    decisions: tuple[DecisionView, ...] = ()
    in_all: dict[str, int] = Field(default_factory=dict)


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
    """The result of a case's workflow; `accepted` are the units that a return brought back.

    `refusal`: why it could not be opened.
    """

    case_id: str
    ending: Ending
    refusal: Refusal | None = None
    accepted: tuple[Line, ...] = ()
