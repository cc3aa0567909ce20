"""What is known of a complaint, and what may be sent next.

Nothing here waits or writes to anybody: that is the timeline's, in process.py.
"""

from datetime import datetime

from domain.commands import (
    Accept,
    AcceptComplaint,
    AskForHelp,
    AskInformation,
    Choose,
    Clarify,
    Close,
    Command,
    CommandBase,
    Decide,
    Meaning,
    NameAmount,
    Refuse,
    RefuseReason,
    Reject,
    Remedy,
    ReportFailed,
    SupplyInformation,
    Verdict,
    Withdraw,
)
from domain.complaining import (
    FIRST_TIER,
    NONE_SUCH,
    SECOND_TIER,
    by_word,
    chooses_freely,
    grant_refusal,
    same_day,
    terms_for,
    wish_refusal,
)
from domain.deadlines import reckon
from domain.money import Money
from domain.notices import Ending
from domain.openings import OpenComplaint
from domain.parties import Party
from domain.policy import ComplaintPolicy, OnSilence
from domain.questions import Question
from domain.refunds import Event
from domain.refusals import Code, Refusal
from domain.remedies import amount_refusal, verdict_refusal
from domain.stages import Stage
from domain.view import ComplaintView, Outcome
from workflows.complaint.terms import ANSWERABLE, VERBS
from workflows.kernel.deadline import Clock
from workflows.kernel.one_step import ANOTHER_STEP
from workflows.kernel.taking_back import TakingBack

ENDS = (Withdraw, Close)


STILL_ANSWERS: dict[type[CommandBase], tuple[Question, ...]] = {
    AcceptComplaint: (
        Question.SELLER_SILENT,
        Question.REFUSAL_CONTESTED,
        Question.DELIVERY_UNPROVEN,
    ),
    NameAmount: (Question.AMOUNT_MISSING,),
}
"""Which tasks of agents the seller puts an end to: what was missed or refused can still be done."""


NO_REMEDY_YET = Refusal(
    code=Code.VERDICT_DIFFERS,
    sentence="Rule only whether the goods were delivered: for the buyer if they were, for the "
    "seller if not, and with no remedy.",
)


class ComplaintRecord(TakingBack):
    """The facts of a complaint, by which each command is judged when it comes."""

    opening: OpenComplaint
    EVENT = Event.COMPLAINT
    VERBS = VERBS
    STEPS = (
        Clarify,
        AcceptComplaint,
        Refuse,
        AskInformation,
        SupplyInformation,
        AskForHelp,
        Choose,
        NameAmount,
        Accept,
        Reject,
        ReportFailed,
        Decide,
    )

    def __init__(self, opening: OpenComplaint) -> None:
        super().__init__(opening)
        self.claims = self.claims_beside()
        self.wanted = opening.wanted or Remedy.REPAIR
        self.wished = opening.amount
        self.unclear = opening.reason is None and opening.wanted is None
        self.answering: Clock | None = None
        self.informing: Clock | None = None
        self.information_asked = False
        self.tier_opened = False
        self.proven = False
        self.failures = 0
        self.kept = False

    # What is known.

    @property
    def received_at(self) -> datetime:
        """When the seller received it: at the marketplace, if it was opened there.

        What was opened there so long ago that the time to answer is over counts from here: nobody
        can say whether it was answered there.
        """
        there = self.opening.happened_at
        if there is None or self.over_there:
            return self.opened_at
        return min(there, self.opened_at)  # another machine's clock can be ahead of ours

    @property
    def over_there(self) -> datetime | None:
        """When the time to answer ended at the marketplace, if it was over before it came here."""
        there, answer = self.opening.happened_at, self.policy.answer
        if there is None:
            return None
        due = reckon(answer.counting, answer.length, there, self.calendar).due
        return due if due <= self.opened_at else None

    @property
    def second_tier(self) -> bool:
        """Whether the buyer may have the price reduced or end the contract, repair or not."""
        return self.tier_opened or chooses_freely(
            self.sale, self.registration.lines, self.policy, self.calendar, self.received_at
        )

    @property
    def repairable(self) -> bool:
        """Whether the seller may repair or replace although the buyer wants money back."""
        return self.wanted in SECOND_TIER and not self.second_tier

    @property
    def silence(self) -> OnSilence:
        """What the seller's silence means, by the window that the case is pinned to."""
        assert self.answering is not None
        return self.answering.window.on_silence

    @property
    def most(self) -> Money:
        """What is left of the price of the goods: the most that it can be reduced by."""
        return self.price_left(self.units or self.registration.lines)

    @property
    def decision_differs(self) -> bool:
        """Whether the marketplace wants it decided on another day than the rules here say.

        Where that is over, the days are compared as they were: this case only counts anew.
        """
        wanted, own = self.opening.decision_due, self.answering
        if wanted is None or own is None:
            return False
        return not same_day(wanted, self.over_there or own.due, self.calendar.zone)

    @property
    def said_in_hand_at(self) -> datetime | None:
        """Since when the buyer says to have the goods, where no scan tells it."""
        known = self.registration.sale is not None and self.by_word
        return self.sale.said_in_hand_at if known else None

    @property
    def by_word(self) -> bool:
        """Whether nothing but the buyer's word tells that the goods were delivered."""
        return by_word(self.sale, self.registration.lines)

    @property
    def too_late(self) -> bool:
        """Whether the time to answer is over, though what its silence means is still to come:
        the worker was away.
        """
        clock = self.answering
        return clock is not None and not clock.held_since and clock.due <= self.now

    # What may be sent.

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts forbid; None when `by` may send `verb` now."""
        if self.ended and verb in (*self.STEPS, *ENDS):
            return ANOTHER_STEP
        if verb in (Refuse, AskInformation) and self.stage in ANSWERABLE and self.too_late:
            return Refusal(
                code=Code.WRONG_STAGE,
                sentence="The time to answer is over; accept the complaint if you will.",
            )
        if verb is AskInformation and self.information_asked:
            return Refusal(
                code=Code.ALREADY_DONE,
                sentence="You have asked for information once; accept or refuse the complaint.",
            )
        asked = self.agents_task.question
        if self.stage is Stage.WITH_AGENT and asked not in STILL_ANSWERS.get(verb, (asked,)):
            return Refusal(
                code=Code.WRONG_STAGE, sentence="An agent looks into it; `say` what you know."
            )
        if verb is Withdraw and self.kept:
            return Refusal(
                code=Code.WRONG_STAGE,
                sentence="The buyer is without the goods; an agent sees to them or to the money.",
            )
        if verb is Close and self.stage is Stage.REFUNDING and self.refund is None:
            return Refusal(
                code=Code.REFUND_UNCONFIRMED,
                sentence="A refund is just being ordered; wait for what becomes of it.",
            )
        return None

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        match command:
            case Clarify(meant=Meaning.WITHDRAWAL, wanted=Remedy()):
                return Refusal(
                    code=Code.REMEDY_BARRED,
                    sentence="A withdrawal gives the price back; leave `wanted` out.",
                )
            case Clarify(wanted=wanted):
                return wish_refusal(wanted, None, self.most)
            case AcceptComplaint():
                return self.grant_bars(command)
            case Refuse(reason=RefuseReason.NOT_DELIVERED):
                return self.contest_bars()
            case Choose(remedy=remedy) if remedy not in SECOND_TIER:
                return Refusal(
                    code=Code.REMEDY_BARRED,
                    sentence="Choose partial-refund, the reduced price, or return-for-refund, the "
                    "end of the contract.",
                )
            case Choose(remedy=remedy, amount=amount):
                return wish_refusal(remedy, amount, self.most)
            case NameAmount(amount=amount):
                return amount_refusal(Remedy.PARTIAL_REFUND, amount, self.most)
            case Decide():
                return self.ruling_bars(command)
        return None

    def grant_bars(self, grant: AcceptComplaint) -> Refusal | None:
        """Which remedy the seller can accept with, and what has to be said about it."""
        remedy = grant.remedy or self.wanted
        if refusal := grant_refusal(remedy, self.wanted, second_tier=self.second_tier):
            return refusal
        if remedy is Remedy.PARTIAL_REFUND:
            amount = grant.amount or (self.wished if remedy is self.wanted else None)
            return amount_refusal(remedy, amount, self.most)
        if refusal := wish_refusal(remedy, grant.amount, self.most):
            return refusal
        if {remedy, self.wanted} & {*FIRST_TIER} and remedy is not self.wanted and not grant.text:
            return Refusal(
                code=Code.PROOF_MISSING,
                sentence=f"The buyer wants {self.wanted}; say in `text` why it is {remedy}.",
            )
        return None

    def contest_bars(self) -> Refusal | None:
        """Why the seller cannot say that the goods never came: a scan, or an agent, says so."""
        if not self.by_word:
            return Refusal(
                code=Code.ALREADY_DONE,
                sentence="The order says that the goods were delivered; refuse for another reason.",
            )
        if self.returns.goods_in:
            return Refusal(
                code=Code.ALREADY_DONE,
                sentence="The buyer has sent you the goods; refuse for another reason.",
            )
        if self.proven:
            return Refusal(
                code=Code.ALREADY_DONE,
                sentence="An agent has ruled that the goods were delivered; refuse for another "
                "reason.",
            )
        return None

    def ruling_bars(self, decide: Decide) -> Refusal | None:
        """What a ruling names: a remedy unless it is for the seller."""
        if self.agents_task.now is None:
            return Refusal(code=Code.ALREADY_DONE, sentence="No ruling is asked for now.")
        if self.agents_task.question is Question.DELIVERY_UNPROVEN:
            named = decide.remedy or decide.amount or decide.verdict is Verdict.SHARED
            return NO_REMEDY_YET if named else None
        for_seller = decide.verdict is Verdict.FOR_SELLER
        if for_seller and self.agents_task.question is Question.AMOUNT_MISSING:
            return Refusal(
                code=Code.VERDICT_DIFFERS,
                sentence="The complaint counts as accepted: rule by how much the price is reduced.",
            )
        if refusal := verdict_refusal(decide):
            return refusal
        if decide.remedy in FIRST_TIER and self.kept:
            return Refusal(
                code=Code.REMEDY_BARRED,
                sentence="The buyer is without the goods; rule on the money.",
            )
        if decide.remedy is Remedy.SEND_AGAIN:
            return NONE_SUCH
        if decide.remedy is Remedy.PARTIAL_REFUND:
            return amount_refusal(decide.remedy, decide.amount, self.most)
        return wish_refusal(decide.remedy, decide.amount, self.most)

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case, so that the next command is judged by them."""
        match command:
            case AskInformation():
                self.information_asked = True
            case Withdraw():
                self.ended = Ending.WITHDRAWN
        return super().record(command)

    # What the case is.

    def announces(self, ending: Ending) -> bool:
        """What became of it as a withdrawal is told by that."""
        return not ending.goes_on

    @property
    def policy(self) -> ComplaintPolicy:
        """The windows and limits of complaints that this case is pinned to, for this buyer: rules
        that are taken up later are everybody's.
        """
        assert isinstance(self.registration.terms, ComplaintPolicy)
        return terms_for(self.sale, self.registration.terms)

    def look(self) -> ComplaintView:
        """The complaint as its readers see it."""
        opening = self.opening
        return ComplaintView(
            **self.seen(),
            reason=opening.reason or "",
            wanted=None if self.unclear else self.wanted,
            claimed=self.wished,
            happened_at=opening.happened_at,
            decision_due=opening.decision_due if self.decision_differs else None,
            answer_due=self.answering and self.answering.due,
            answer_was_due=self.answering and self.over_there,
            said_in_hand_at=self.said_in_hand_at,
            carrier_claims=tuple(self.claims.ids),
        )
