"""What is known of goods that did not come, and what may be sent next.

Nothing here waits or writes to anybody: that is the timeline's, in process.py.
"""

from collections import Counter
from datetime import datetime

from domain.commands import (
    Close,
    Command,
    CommandBase,
    Decide,
    ProveDelivery,
    Refund,
    Refuse,
    RefuseReason,
    Reject,
    SendAgain,
    Ship,
    Terminate,
    Verdict,
    Withdraw,
)
from domain.goods import ParcelEvent, Scan, count, lines
from domain.notices import Ending
from domain.openings import OpenNonDelivery
from domain.orders import Line, Parcel
from domain.parties import Party
from domain.policy import NonDeliveryPolicy
from domain.questions import Question
from domain.refunds import Event
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import NonDeliveryView, Outcome
from workflows.kernel.one_step import ANOTHER_STEP
from workflows.kernel.taking_back import TakingBack
from workflows.non_delivery.terms import VERBS

"""What a buyer contests, and agents rule on."""


class NonDeliveryRecord(TakingBack):
    """The facts of a non-delivery, by which each command is judged when it comes."""

    opening: OpenNonDelivery
    policy: NonDeliveryPolicy
    EVENT = Event.NOT_DELIVERED
    VERBS = VERBS
    STEPS = (
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

    def __init__(self, opening: OpenNonDelivery) -> None:
        super().__init__(opening)
        self.claims = self.claims_beside()
        self.shipped: Ship | None = None
        self.shipped_at: datetime | None = None
        self.disproved_at: datetime | None = None
        self.ruled_at: datetime | None = None
        self.delivered_at: datetime | None = None
        self.came_back: str | None = None
        self.came_back_at: datetime | None = None
        self.contract_ended = False
        self.going_back: dict[str | None, Counter[str]] = {}
        self.scans: list[ParcelEvent] = []
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
        return self.shipped.tracking if self.shipped else self.opening.tracking

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
        if not self._tells_delivery(event):
            return False
        expected = self.expected
        if event.tracking is None:
            return len(expected) <= 1
        self._there.add(event.tracking)
        return expected <= {event.tracking}

    def sends_back(self, event: ParcelEvent) -> str | None:
        """The number of the parcel with all the goods that are still to come, if it says that it
        came back to the seller, or of the one with all that were said to be delivered before. Once
        the buyer may end the contract, that changes nothing.
        """
        coming = (Stage.FURTHER_PERIOD, Stage.IN_TRANSIT, Stage.DELIVERED)
        if event.scan is not Scan.RETURNED or self.stage not in coming:
            return None
        if self._is_of_others(event):
            return None
        if self.stage is Stage.DELIVERED and (
            (self.delivered_at and event.at <= self.delivered_at)
            or self.in_parcel(event.tracking) != self.units
        ):
            return None
        if again := self.sent_again:
            late = event.tracking is None and self.shipped_at and event.at < self.shipped_at
            if late or event.tracking not in (None, again):
                return None  # which was of the parcel before
        elif len(self.expected) + sum(not (p.tracking or p.in_hand_at) for p in self.parcels) > 1:
            return None
        known = self.expected | ({event.tracking} if event.tracking else set())
        return known.pop() if len(known) == 1 else None

    def in_parcel(self, tracking: str | None) -> tuple[Line, ...]:
        """The goods of this case that are in a parcel: all, unless the order says otherwise."""
        for parcel in self.parcels:
            if tracking and parcel.tracking == tracking and parcel.lines:
                return lines(dict(Counter(count(self.units)) & Counter(count(parcel.lines))))
        return self.units

    def came_too_late(self, event: ParcelEvent) -> tuple[Line, ...]:
        """The goods that came with this event, are paid back, and do not go back yet."""
        if not (self.contract_ended and self._tells_delivery(event)):
            return ()
        ruled_out = self.ruled_at and event.at <= self.ruled_at
        came_back = any(
            (later.scan, later.tracking) == (Scan.RETURNED, event.tracking) and later.at >= event.at
            for later in self.scans_told
        )
        if ruled_out or came_back or event.tracking in self.going_back:
            return ()
        rest = Counter(count(self.units)) - sum(self.going_back.values(), Counter[str]())
        late = Counter(count(self.in_parcel(event.tracking))) & rest
        self.going_back[event.tracking] = late
        return lines(dict(late))

    def loses(self, event: ParcelEvent) -> bool:
        """Whether it says that what the seller has sent is lost."""
        if event.scan is not Scan.LOST or not self.shipped or not self.shipped_at:
            return False
        if event.tracking is None:
            return event.at >= self.shipped_at
        return event.tracking == self.shipped.tracking

    def _tells_delivery(self, event: ParcelEvent) -> bool:
        """Whether it says that the buyer has a parcel, and nothing has overtaken that."""
        overtaken = (self.disproved_at, self.came_back_at)  # an agent's ruling, its coming back
        return (
            event.scan is Scan.DELIVERED
            and not self._is_of_others(event)
            and not any(at and event.at <= at for at in overtaken)
        )

    def _is_of_others(self, event: ParcelEvent) -> bool:
        others = {parcel.tracking for parcel in self.sale.parcels if parcel not in self.parcels}
        return event.tracking is not None and event.tracking in others

    def scanned(self) -> bool:
        """Whether a machine has told something that was not heeded yet; commands come first."""
        return bool(self.scans) and not self.step.taken

    # What may be sent.

    def enter(self, stage: Stage) -> None:
        """What was sent has been acted on."""
        super().enter(stage)
        self.step.next()

    def goes_beside(self, verb: type[CommandBase]) -> bool:
        """What was sent is acted on before the platform can close the case."""
        return verb is not Close and super().goes_beside(verb)

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts forbid; None when `by` may send `verb` now."""
        ending = self.ended and self.stage is not Stage.WATCHING
        if ending and verb in (*self.STEPS, Close):
            return ANOTHER_STEP
        contested = (Question.DELIVERY_CONTESTED, Question.NON_COLLECTION_CONTESTED)
        if verb is Refund and self.agents_task.question in contested:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="An agent rules what became of the goods."
            )
        if verb is ProveDelivery and self.disproved_at:
            return Refusal(
                code=Code.ALREADY_DONE,
                sentence="An agent has ruled that the goods were not delivered; send them if the "
                "buyer asks for it.",
            )
        return None

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        match command:
            case Ship(expected_on=day) if day < self.today:
                return Refusal(
                    code=Code.DATE_PAST,
                    sentence=f"{day} has passed; name the day on which the goods are expected.",
                )
            case Ship(tracking=tracking) if tracking == self.came_back:
                return Refusal(
                    code=Code.ALREADY_DONE,
                    sentence="The parcel with this number came back; name the new one's.",
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
        return None

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case, so that the next command is judged by them."""
        match command:
            case Ship():
                self.shipped, self.shipped_at = command, self.now
                self.disproved_at = None
            case Withdraw():
                self.ended = Ending.WITHDRAWN
        return super().record(command)

    # What the case is.

    def announces(self, ending: Ending) -> bool:
        """A buyer who does not choose has a letter of their own about what that means; a case that
        goes on as another one is not over for those who read of it.
        """
        return ending is not Ending.BUYER_SILENT and not ending.goes_on

    def look(self) -> NonDeliveryView:
        """The non-delivery as its readers see it."""
        return NonDeliveryView(**self.seen(), carrier_claims=tuple(self.claims.ids))
