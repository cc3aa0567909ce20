"""What is known of goods that did not come, and what may be sent next.

Nothing here waits or writes to anybody: that is the timeline's, in non_delivery.py.
"""

from datetime import datetime

from temporalio import workflow

from domain.commands import (
    Claim,
    Close,
    Command,
    CommandBase,
    Decide,
    Hold,
    ProveDelivery,
    Refund,
    Refuse,
    RefuseReason,
    Reject,
    Release,
    Resume,
    RetryRefund,
    Say,
    SendAgain,
    Ship,
    Terminate,
    Verdict,
    Withdraw,
)
from domain.goods import ParcelEvent, Scan, count
from domain.notices import Ending
from domain.openings import OpenNonDelivery
from domain.orders import Parcel
from domain.parties import Party
from domain.policy import NonDeliveryPolicy
from domain.refunds import Event
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import Outcome
from workflows.case import Permitted
from workflows.taking_back import TakingBack

AWAITED = (Stage.FURTHER_PERIOD, Stage.AWAITING_DISPATCH)
UNDELIVERED = (*AWAITED, Stage.AWAITING_BUYER, Stage.IN_TRANSIT)
UNPAID = (*UNDELIVERED, Stage.DELIVERED, Stage.WITH_AGENT, Stage.AWAITING_REFUND)
OPEN = (*UNPAID, Stage.REFUNDING)
AGENTS = ((Party.AGENT,), (Stage.WITH_AGENT, Stage.REFUNDING))

PERMITTED: Permitted = {
    Say: (tuple(Party), OPEN),
    Ship: ((Party.SELLER,), AWAITED),
    Refuse: ((Party.SELLER,), AWAITED),
    ProveDelivery: ((Party.SELLER,), UNDELIVERED),
    Terminate: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    SendAgain: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    Reject: ((Party.BUYER,), (Stage.DELIVERED,)),
    Withdraw: ((Party.BUYER,), UNPAID),
    Refund: ((Party.SELLER,), (Stage.AWAITING_REFUND, Stage.WITH_AGENT)),
    Claim: AGENTS,
    Release: AGENTS,
    Decide: ((Party.AGENT,), (Stage.WITH_AGENT,)),
    RetryRefund: ((Party.AGENT,), (Stage.REFUNDING,)),
    Close: ((Party.PLATFORM,), OPEN),
    Hold: ((Party.AGENT, Party.PLATFORM), OPEN),
    Resume: ((Party.AGENT, Party.PLATFORM), OPEN),
}
"""Who may send what, and at which stages; `barred()` adds what depends on the case's facts."""

ANSWERS = (
    Ship,
    Refuse,
    ProveDelivery,
    Terminate,
    SendAgain,
    Reject,
    Withdraw,
    Refund,
    Decide,
)
"""What takes the case on to its next stage: one at a time."""


class NonDeliveryRecord(TakingBack):
    """The facts of a non-delivery, by which each command is judged when it comes."""

    EVENT = Event.NOT_DELIVERED
    PERMITTED = PERMITTED

    def __init__(self, opening: OpenNonDelivery) -> None:
        super().__init__(opening)
        self.report = opening
        self.answered = False
        self.shipped: Ship | None = None
        self.shipped_at: datetime | None = None
        self.disproved_at: datetime | None = None
        self.scans: list[ParcelEvent] = []
        self._seen: set[str] = set()
        self._there: set[str] = set()

    # What is known of the parcels.

    @property
    def parcels(self) -> tuple[Parcel, ...]:
        """The order's parcels with goods of this case, as they were when it was opened."""
        mine = count(self.registration.lines).keys()
        return tuple(
            parcel
            for parcel in self.sale.parcels
            if not parcel.lines or mine & count(parcel.lines).keys()
        )

    @property
    def sent_again(self) -> str | None:
        """The number of the parcel that was last sent again, in this case or in the one before."""
        return self.shipped.tracking if self.shipped else self.report.tracking

    @property
    def expected(self) -> set[str]:
        """The tracking numbers of the parcels that are still to come, as far as they are known."""
        if again := self.sent_again:
            known = {again}
        else:
            known = {p.tracking for p in self.parcels if p.tracking and not p.in_hand_at}
        return known - self._there

    def delivers(self, event: ParcelEvent) -> bool:
        """Whether with this event all the goods are said to be with the buyer.

        A parcel that the case does not know counts only if it knows of none that is to come.
        """
        if event.scan is not Scan.DELIVERED or self._is_of_others(event):
            return False
        if self.disproved_at and event.at <= self.disproved_at:
            return False  # an agent has ruled about it
        expected = self.expected
        if event.tracking is None:
            return len(expected) <= 1
        self._there.add(event.tracking)
        return expected <= {event.tracking}

    def loses(self, event: ParcelEvent) -> bool:
        """Whether it says that what the seller has sent is lost."""
        if event.scan is not Scan.LOST or not self.shipped or not self.shipped_at:
            return False
        if event.tracking is None:
            return event.at >= self.shipped_at
        return event.tracking == self.shipped.tracking

    def _is_of_others(self, event: ParcelEvent) -> bool:
        others = {parcel.tracking for parcel in self.sale.parcels if parcel not in self.parcels}
        return event.tracking is not None and event.tracking in others

    def scanned(self) -> bool:
        """Whether a machine has told something that was not heeded yet; commands come first."""
        return bool(self.scans) and not self.answered

    @workflow.signal
    def parcel(self, event: ParcelEvent) -> None:
        """A carrier's machine has seen a parcel: in any order, repeated, or late."""
        if event.event_id not in self._seen:
            self._seen.add(event.event_id)
            self.scans.append(event)
            self.note(f"parcel {event.scan}", detail=event.tracking or "")

    # What may be sent.

    def enter(self, stage: Stage) -> None:
        """What was sent has been acted on."""
        super().enter(stage)
        self.answered = False

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts forbid; None when `by` may send `verb` now."""
        if verb in (*ANSWERS, Close) and (self.answered or self.ended):
            return Refusal(
                code=Code.ALREADY_DONE,
                sentence="Another step was taken this moment; see what you may do now.",
            )
        if verb is Refund and self.task and self.task.purpose == "delivery-contested":
            return Refusal(
                code=Code.WRONG_STAGE, sentence="An agent rules whether the goods were delivered."
            )
        if verb is ProveDelivery and self.disproved_at:
            return Refusal(
                code=Code.ALREADY_DONE,
                sentence="An agent has ruled that the goods were not delivered; send them if the "
                "buyer asks for it.",
            )
        return super().barred(verb, by)

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        match command:
            case Ship(expected_on=day) if day < self.today:
                return Refusal(
                    code=Code.DATE_PAST,
                    sentence=f"{day} has passed; name the day on which the goods are expected.",
                )
            case Refuse(reason=RefuseReason.DELIVERED):
                return Refusal(
                    code=Code.PROOF_MISSING,
                    sentence="Prove that the buyer has the goods with `prove-delivery`.",
                )
            case Reject(text=""):
                return Refusal(
                    code=Code.PROOF_MISSING,
                    sentence="Say in `text` why the goods are not with you.",
                )
            case Decide(verdict=Verdict.SHARED):
                return Refusal(
                    code=Code.VERDICT_DIFFERS,
                    sentence="A non-delivery is ruled for the buyer or for the seller.",
                )
            case Decide():
                return self.ruling_bars(command)
            case Claim() | Release() | RetryRefund():
                return self.task_bars(command)
        return None

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case, so that the next command is judged by them."""
        self.answered = self.answered or isinstance(command, ANSWERS)
        match command:
            case Ship():
                self.shipped, self.shipped_at = command, workflow.now()
                self.disproved_at = None
            case Withdraw():
                self.ended = Ending.WITHDRAWN
        return super().record(command)

    # What the case is.

    def announces(self, ending: Ending) -> bool:
        """A buyer who does not choose has a letter of their own about what that means."""
        return ending is not Ending.BUYER_SILENT

    @property
    def policy(self) -> NonDeliveryPolicy:
        """The windows and limits of non-deliveries that this case is pinned to."""
        assert isinstance(self.registration.terms, NonDeliveryPolicy)
        return self.registration.terms
