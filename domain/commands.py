"""What people send into a case. Each command names who sends it and carries an id of its own:
the same command sent again is the same command.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from domain.base import Day, Instant, Value
from domain.goods import ExceptionReason, Label, Received, ReturnReason
from domain.money import Money
from domain.orders import Lines, Tracking
from domain.parties import Actor, Party

Text = Annotated[str, Field(min_length=1, max_length=100_000)]
"""What people write. So much is looked at; how much is taken, in bytes, is policy."""

TextOrNone = Annotated[str, Field(max_length=100_000)]
CommandId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,100}$")]


class Remedy(StrEnum):
    """What a buyer can want and a seller can offer."""

    FULL_REFUND = "full-refund"
    PARTIAL_REFUND = "partial-refund"
    REPLACEMENT = "replacement"
    REPAIR = "repair"
    RETURN_FOR_REFUND = "return-for-refund"
    SEND_AGAIN = "send-again"

    @property
    def refunds(self) -> bool:
        """Whether money goes back to the buyer."""
        return self in (Remedy.FULL_REFUND, Remedy.PARTIAL_REFUND, Remedy.RETURN_FOR_REFUND)

    @property
    def moves_goods(self) -> bool:
        """Whether the seller has something to do before the remedy is done."""
        return self not in (Remedy.FULL_REFUND, Remedy.PARTIAL_REFUND)


class Attachment(Value):
    """A file kept by the marketplace, referred to by what identifies it; `size` in bytes."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    size: Annotated[int, Field(ge=1, le=10**12)]
    media_type: Annotated[str, Field(pattern=r"^[a-z0-9.+-]{1,100}/[a-z0-9.+-]{1,100}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


MOST_FILES = 100
"""Files that are looked at; how many are taken with one message is policy."""

Files = Annotated[tuple[Attachment, ...], Field(max_length=MOST_FILES)]
SomeFiles = Annotated[tuple[Attachment, ...], Field(min_length=1, max_length=MOST_FILES)]


class Nature(StrEnum):
    """How a message is meant: only an answer stops the reply clock (H5)."""

    ANSWER = "answer"
    HOLDING = "holding"
    AUTOMATIC = "automatic"


class CommandBase(Value):
    """What every command carries."""

    command_id: CommandId
    by: Actor

    @classmethod
    def word(cls) -> str:
        """The verb by which a command of this kind is sent."""
        return str(cls.model_fields["verb"].default)

    @property
    def words(self) -> str:
        """What a person wrote with it, for the archive (H3)."""
        fields = self.__dict__
        return next((str(fields[name]) for name in WRITTEN if fields.get(name)), "")

    @property
    def files(self) -> tuple[Attachment, ...]:
        """Every file that comes with it."""
        fields = self.__dict__
        return tuple(file for name in WITH_FILES for file in fields.get(name, ()))

    @property
    def gist(self) -> str:
        """What it says in codes and figures, for the timeline: never a person's words."""
        fields = self.__dict__
        named = (str(fields[name]) for name in CODED if fields.get(name))
        amount: Money | None = fields.get("amount")
        return " ".join([*named, *([amount.figures] if amount else [])])


CODED = ("verdict", "wanted", "remedy", "expected_on", "cost", "answer", "meant")
"""The fields that hold codes worth a line of the timeline."""

WRITTEN = ("text", "reasoning", "reason")
"""The fields in which people write; the first that is filled counts."""


WITH_FILES = ("attachments", "proof_of_value", "damage_record")
"""The fields that hold files."""


class Say(CommandBase):
    """Write to the other side, at any time."""

    verb: Literal["say"] = "say"
    text: Text
    attachments: Files = ()
    nature: Nature = Nature.ANSWER


class Ask(CommandBase):
    """Ask the other side a question, which holds one's own clock. Agents say whom they ask."""

    verb: Literal["ask"] = "ask"
    text: Text
    attachments: Files = ()
    to: Party | None = None


class Offer(CommandBase):
    """Offer, or counter with, a remedy; `amount` for a partial refund only."""

    verb: Literal["offer"] = "offer"
    remedy: Remedy
    amount: Money | None = None
    text: TextOrNone = ""
    expires_at: Instant | None = None


class Accept(CommandBase):
    """Accept what the other side proposed (an offer, a deduction), or an agent's decision."""

    verb: Literal["accept"] = "accept"
    offer_id: CommandId | None = None


class Reject(CommandBase):
    """Reject what the other side proposed: the open offer, a deduction, a finding."""

    verb: Literal["reject"] = "reject"
    offer_id: CommandId | None = None
    text: TextOrNone = ""


class RefuseReason(StrEnum):
    """Why a seller refuses a claim."""

    NOT_DEFECTIVE = "not-defective"
    AS_DESCRIBED = "as-described"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not-delivered"
    DAMAGED_BY_BUYER = "damaged-by-buyer"
    OUTSIDE_TERMS = "outside-terms"
    UNLAWFUL_DEMAND = "unlawful-demand"
    OTHER = "other"


class Refuse(CommandBase):
    """The seller refuses the claim, with a reason."""

    verb: Literal["refuse"] = "refuse"
    reason: RefuseReason
    text: Text


class AskForHelp(CommandBase):
    """Ask for an agent (D1). Too early, it is kept as a wish until the other side wants one too."""

    verb: Literal["ask-for-help"] = "ask-for-help"
    text: TextOrNone = ""


class Withdraw(CommandBase):
    """Take back one's own claim: the buyer a dispute, a complaint or the like, the seller a claim
    against a carrier.
    """

    verb: Literal["withdraw"] = "withdraw"
    text: TextOrNone = ""


class AgreeToClose(CommandBase):
    """Say that the matter is solved; when both traders have said so, the case closes."""

    verb: Literal["agree-to-close"] = "agree-to-close"


class Close(CommandBase):
    """The platform closes the case, with a reason."""

    verb: Literal["close"] = "close"
    reason: Text


class Reopen(CommandBase):
    """The buyer takes up again a case that closed on their silence."""

    verb: Literal["reopen"] = "reopen"
    text: TextOrNone = ""


class Claim(CommandBase):
    """An agent takes the case's task."""

    verb: Literal["claim"] = "claim"


class Release(CommandBase):
    """The agent gives the task back to the queue."""

    verb: Literal["release"] = "release"


class Verdict(StrEnum):
    """For whom a case is decided."""

    FOR_BUYER = "for-buyer"
    FOR_SELLER = "for-seller"
    SHARED = "shared"


class Decide(CommandBase):
    """An agent's decision: a verdict, its reasoning, and the remedy it orders, if any."""

    verb: Literal["decide"] = "decide"
    verdict: Verdict
    reasoning: Text
    remedy: Remedy | None = None
    amount: Money | None = None


class Confirm(CommandBase):
    """A second agent confirms a decision that is outside one agent's limits."""

    verb: Literal["confirm"] = "confirm"


class SendBack(CommandBase):
    """A second agent sends a proposed decision back to the queue, with a reason."""

    verb: Literal["send-back"] = "send-back"
    reason: Text


class Appeal(CommandBase):
    """A party asks for another agent's look at the decision, which is then final."""

    verb: Literal["appeal"] = "appeal"
    reason: Text


class Hold(CommandBase):
    """Hold the running clock, with a reason; held time is not counted."""

    verb: Literal["hold"] = "hold"
    reason: Text


class Resume(CommandBase):
    """Let a held clock run again."""

    verb: Literal["resume"] = "resume"


class ResendLetters(CommandBase):
    """Send what did not arrive once more, to the address that the marketplace has now."""

    verb: Literal["resend-letters"] = "resend-letters"


class LeaveLetters(CommandBase):
    """Let the letters be that did not arrive, with a reason: whoever should have been told knows,
    or cannot be told. The clocks that were held for them run again.
    """

    verb: Literal["leave-letters"] = "leave-letters"
    reason: Text


class Fulfil(CommandBase):
    """The seller reports done what was agreed or ordered about the goods."""

    verb: Literal["fulfil"] = "fulfil"
    text: TextOrNone = ""


class RetryRefund(CommandBase):
    """An agent orders a failed refund again, under a new id."""

    verb: Literal["retry-refund"] = "retry-refund"


class NoAnswerNeeded(CommandBase):
    """The seller says that the buyer's last message needs no answer; it is counted (H7)."""

    verb: Literal["no-answer-needed"] = "no-answer-needed"


class BecomeDispute(CommandBase):
    """The buyer turns an inquiry into a dispute, with its history."""

    verb: Literal["become-dispute"] = "become-dispute"
    reason: Annotated[str, Field(min_length=1, max_length=100)]
    wanted: Remedy
    amount: Money | None = None
    text: Text


class Refund(CommandBase):
    """The seller orders the refund of a withdrawal or cancellation, as it was previewed."""

    verb: Literal["refund"] = "refund"


class ClaimException(CommandBase):
    """The seller claims that goods are excepted from withdrawal, with proof; no units means all."""

    verb: Literal["claim-exception"] = "claim-exception"
    reason: ExceptionReason
    text: Text
    units: Lines = ()
    attachments: Files = ()


class Deduct(CommandBase):
    """The seller proposes a deduction for diminished value, with evidence."""

    verb: Literal["deduct"] = "deduct"
    amount: Money
    text: Text
    attachments: Files = ()


class Revoke(CommandBase):
    """Take the withdrawal back; it takes both buyer and seller."""

    verb: Literal["revoke"] = "revoke"


class ReportSent(CommandBase):
    """The seller reports that a cancelled parcel left all the same."""

    verb: Literal["report-sent"] = "report-sent"
    tracking: Tracking | None = None


class ProvideLabel(CommandBase):
    """The seller provides the label for a return: where it is found, or its code."""

    verb: Literal["provide-label"] = "provide-label"
    label: Label


class HandOver(CommandBase):
    """The buyer has handed the goods to a carrier: the proof of dispatch."""

    verb: Literal["hand-over"] = "hand-over"
    carrier: Annotated[str, Field(min_length=1, max_length=60)]
    tracking: Tracking | None = None
    attachments: Files = ()


class Receive(CommandBase):
    """The seller reports goods received, with their condition; parcel by parcel if need be."""

    verb: Literal["receive"] = "receive"
    units: Annotated[tuple[Received, ...], Field(min_length=1, max_length=100)]
    text: TextOrNone = ""
    attachments: Files = ()


class Inspect(CommandBase):
    """The seller has inspected what came: as it was received, unless units say otherwise."""

    verb: Literal["inspect"] = "inspect"
    units: Annotated[tuple[Received, ...], Field(max_length=100)] = ()
    text: TextOrNone = ""
    attachments: Files = ()


class PutBack(CommandBase):
    """The seller has put accepted goods back into stock."""

    verb: Literal["put-back"] = "put-back"


class BeginWork(CommandBase):
    """The seller has begun the repair or the replacement (H6)."""

    verb: Literal["begin-work"] = "begin-work"
    text: TextOrNone = ""


class FinishWork(CommandBase):
    """The repair or the replacement is done and the goods are ready (H6)."""

    verb: Literal["finish-work"] = "finish-work"
    text: TextOrNone = ""


class ShipBack(CommandBase):
    """The seller has sent goods to the buyer, with tracking and the expected date (H6)."""

    verb: Literal["ship-back"] = "ship-back"
    carrier: Annotated[str, Field(min_length=1, max_length=60)]
    tracking: Tracking
    expected_on: Day


class Explain(CommandBase):
    """The buyer says why goods were sent that nobody announced (W3); with a reason of complaint,
    what is wanted as well: a repair, unless it says otherwise.
    """

    verb: Literal["explain"] = "explain"
    reason: ReturnReason
    wanted: Remedy | None = None
    text: Text


class SendAgain(CommandBase):
    """The buyer wants the goods sent again: at own cost if they were not collected (P1)."""

    verb: Literal["send-again"] = "send-again"


class CancelOrder(CommandBase):
    """The buyer of an uncollected parcel wants the order cancelled, not sent again (P1)."""

    verb: Literal["cancel-order"] = "cancel-order"


class WithdrawFromContract(CommandBase):
    """Withdraw from the contract: a buyer as W1 allows, a seller whose parcel stays uncollected
    (P2): an explicit act, in writing.
    """

    verb: Literal["withdraw-from-contract"] = "withdraw-from-contract"
    text: TextOrNone = ""


class Ship(CommandBase):
    """The seller has sent the goods, again or at last, with tracking and the expected date (H6)."""

    verb: Literal["ship"] = "ship"
    carrier: Annotated[str, Field(min_length=1, max_length=60)]
    tracking: Tracking
    expected_on: Day


class CostKind(StrEnum):
    """What an uncollected parcel has cost its seller."""

    WAY_BACK = "way-back"
    STORAGE = "storage"


class ReportCost(CommandBase):
    """The seller reports a cost, with evidence: a claim, never a debit by itself (P3, P4, P6)."""

    verb: Literal["report-cost"] = "report-cost"
    cost: CostKind
    amount: Money
    attachments: SomeFiles


class ReportBuyer(CommandBase):
    """The seller reports that a buyer did not collect a prepaid parcel (P4)."""

    verb: Literal["report-buyer"] = "report-buyer"


class Terminate(CommandBase):
    """The buyer ends the contract: the goods were not delivered (directive 2011/83 art. 18)."""

    verb: Literal["terminate"] = "terminate"


class ProveDelivery(CommandBase):
    """The seller proves that the buyer has the goods."""

    verb: Literal["prove-delivery"] = "prove-delivery"
    text: Text
    attachments: SomeFiles


class FileClaim(CommandBase):
    """The seller claims from the carrier, with proof of value; a damage needs its record too."""

    verb: Literal["file-claim"] = "file-claim"
    amount: Money
    proof_of_value: SomeFiles
    damage_record: Files = ()


class CarrierSays(StrEnum):
    """What a carrier answers to a claim."""

    ACCEPTED = "accepted"
    PARTLY = "partly"
    REFUSED = "refused"


class ReportAnswer(CommandBase):
    """The carrier's answer, as the platform or the seller had it; `amount` if it accepts a part."""

    verb: Literal["report-answer"] = "report-answer"
    answer: CarrierSays
    amount: Money | None = None


class ReportRecovered(CommandBase):
    """The carrier's money has come."""

    verb: Literal["report-recovered"] = "report-recovered"
    amount: Money


class AcceptComplaint(CommandBase):
    """The seller accepts a complaint, with the remedy that it gets; `amount` of a reduced price."""

    verb: Literal["accept-complaint"] = "accept-complaint"
    remedy: Remedy | None = None
    amount: Money | None = None
    text: TextOrNone = ""


class AskInformation(CommandBase):
    """The seller formally asks for what is missing to judge a complaint; once."""

    verb: Literal["ask-information"] = "ask-information"
    text: Text


class SupplyInformation(CommandBase):
    """The buyer supplies what the seller asked for."""

    verb: Literal["supply-information"] = "supply-information"
    text: Text
    attachments: Files = ()


class Meaning(StrEnum):
    """What an ambiguous statement was meant as."""

    COMPLAINT = "complaint"
    WITHDRAWAL = "withdrawal"


class Clarify(CommandBase):
    """The buyer says what the statement was meant as; a complaint names what is wanted."""

    verb: Literal["clarify"] = "clarify"
    meant: Meaning
    wanted: Remedy | None = None


class Choose(CommandBase):
    """The buyer chooses of the second tier: a reduced price, or the end of the contract."""

    verb: Literal["choose"] = "choose"
    remedy: Remedy
    amount: Money | None = None


class NameAmount(CommandBase):
    """The seller names by how much the price is reduced."""

    verb: Literal["name-amount"] = "name-amount"
    amount: Money
    text: TextOrNone = ""


class ReportFailed(CommandBase):
    """The buyer reports that the goods are still not as they should be after the remedy."""

    verb: Literal["report-failed"] = "report-failed"
    text: Text
    attachments: Files = ()


Command = Annotated[
    Say
    | Ask
    | Offer
    | Accept
    | Reject
    | Refuse
    | AskForHelp
    | Withdraw
    | AgreeToClose
    | Close
    | Reopen
    | Claim
    | Release
    | Decide
    | Confirm
    | SendBack
    | Appeal
    | Hold
    | Resume
    | ResendLetters
    | LeaveLetters
    | Fulfil
    | RetryRefund
    | NoAnswerNeeded
    | BecomeDispute
    | Refund
    | ClaimException
    | Deduct
    | Revoke
    | ReportSent
    | ProvideLabel
    | HandOver
    | Receive
    | Inspect
    | PutBack
    | BeginWork
    | FinishWork
    | ShipBack
    | Explain
    | SendAgain
    | CancelOrder
    | WithdrawFromContract
    | Ship
    | ReportCost
    | ReportBuyer
    | Terminate
    | ProveDelivery
    | FileClaim
    | ReportAnswer
    | ReportRecovered
    | AcceptComplaint
    | AskInformation
    | SupplyInformation
    | Clarify
    | Choose
    | NameAmount
    | ReportFailed,
    Field(discriminator="verb"),
]

COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
"""Reads a command from JSON."""


def answers(move: Say | Ask, *awaited: Party) -> bool:
    """Whether this is the answer that one of `awaited` owes: a holding reply is none (H5)."""
    return move.by.party in awaited and not (
        isinstance(move, Say) and move.nature is not Nature.ANSWER
    )


def answer_of(*awaited: Party) -> Callable[[Say | Ask], bool]:
    """Hears the answer that one of `awaited` owes, among all that is said."""
    return lambda move: answers(move, *awaited)
