"""What has been said and done in a dispute, and what may be sent next.

`PERMITTED` says who may send what at which stage, `barred()` what the facts forbid beyond it,
`unfit()` why one very command cannot be taken; `record()` adds a command to the facts. Nothing
here waits or writes to anybody: that is the timeline's, in process.py.
"""

from dataclasses import dataclass

from domain.commands import (
    Accept,
    AgreeToClose,
    Appeal,
    Ask,
    AskForHelp,
    Claim,
    Close,
    Command,
    CommandBase,
    Confirm,
    Decide,
    Fulfil,
    Nature,
    Offer,
    Refuse,
    Reject,
    Remedy,
    Say,
    SendBack,
    Withdraw,
)
from domain.delivering import never_paid
from domain.money import Money
from domain.notices import Ending
from domain.openings import OpenDispute
from domain.orders import Line
from domain.parties import Party
from domain.policy import DisputePolicy
from domain.ports import LEARNS_FIRST, TaskState
from domain.questions import Question
from domain.refusals import Code, Refusal
from domain.remedies import amount_refusal, refund_of, verdict_refusal
from domain.stages import Stage
from domain.view import DecisionView, DisputeView, OfferState, OfferView, Outcome, Standing
from workflows.dispute.terms import ANSWERABLE, TRADERS, VERBS
from workflows.kernel.deadline import Clock
from workflows.kernel.refunding import Refunding

NOTHING_PAID = Refusal(
    code=Code.AMOUNT_TOO_HIGH,
    sentence="Nothing is known to have been paid for these goods, so none of it can be refunded; "
    "name another remedy.",
)


@dataclass(frozen=True)
class Settled:
    """The traders agreed on a remedy, or a final decision orders one."""

    remedy: Remedy
    amount: Money | None
    ending: Ending


DECISION_ANSWERED = Refusal(
    code=Code.ALREADY_DONE,
    sentence="You have accepted the decision, or it has been appealed already.",
)


class DisputeRecord(Refunding):
    """The facts of a dispute, by which each command is judged when it comes."""

    opening: OpenDispute
    policy: DisputePolicy
    VERBS = VERBS

    def __init__(self, opening: OpenDispute) -> None:
        super().__init__(opening)
        self.offers: list[OfferView] = []
        self.replying: dict[Party, Clock] = {}
        self.help_opens: Clock | None = None
        self.wants_help: set[Party] = set()
        self.finds_solved: set[Party] = set()
        self.concluded: Settled | Ending | None = None
        self.proposed: DecisionView | None = None
        self.decision: DecisionView | None = None
        self.decided_by: set[str] = set()
        self.accepts_decision: set[Party] = set()
        self.appealed = False
        self.seller_answered = False
        self.questions: list[Party] = []
        self.fulfilment_awaited = False
        self.had_goods = False

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts forbid; None when `by` may send `verb` now."""
        over = isinstance(self.concluded, Ending) or self.stage is not Stage.SETTLING
        if self.concluded and over and verb is not Say:
            return Refusal(code=Code.ALREADY_DONE, sentence="The dispute is concluded already.")
        if verb in (Decide, Confirm, SendBack):
            return self.deciding_bars(verb)
        if verb is Appeal or (verb is Accept and self.stage is Stage.DECIDED):
            answered = self.appealed or by in self.accepts_decision
            return DECISION_ANSWERED if answered else None
        if verb is AgreeToClose and by in self.finds_solved:
            return Refusal(code=Code.ALREADY_DONE, sentence="You have agreed already.")
        if verb in (Accept, Reject):
            return self.answer_bars(by)
        if verb is Fulfil and not self.fulfilment_awaited:
            return Refusal(code=Code.WRONG_STAGE, sentence="Nothing about goods is awaited now.")
        return None

    def deciding_bars(self, verb: type[CommandBase]) -> Refusal | None:
        """A dispute is decided once, and some decisions await a second agent."""
        if self.decision:
            return Refusal(code=Code.ALREADY_DONE, sentence="The dispute is decided already.")
        if verb is Decide and self.proposed:
            return Refusal(
                code=Code.SECOND_AGENT_NEEDED,
                sentence="A decision awaits a second agent; confirm it or send it back.",
            )
        if verb is not Decide and not self.proposed:
            return Refusal(code=Code.WRONG_STAGE, sentence="No decision awaits a second agent.")
        return None

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        by = command.by
        match command:
            case Offer():
                return self.amount_bars(command) or self.offer_bars(command)
            case Accept() | Reject() if self.stage is not Stage.DECIDED:
                return self.answer_bars(by.party, command.offer_id)
            case Ask(to=to) if to is not None and (by.party in TRADERS or to not in TRADERS):
                return Refusal(
                    code=Code.NOT_YOURS,
                    sentence="A trader's question goes to the other trader, an agent's to either; "
                    "leave `to` out, or name buyer or seller as an agent.",
                )
            case Ask() if by.party in TRADERS:
                asked = sum(1 for asker in self.questions if asker is by.party)
                if asked >= self.policy.questions_per_party:
                    return Refusal(
                        code=Code.TOO_MANY_QUESTIONS,
                        sentence=f"You have asked {asked} questions, the most a dispute takes; "
                        "answer, offer or ask for an agent.",
                    )
            case AskForHelp() if by.party in self.wants_help and not self.help_allowed:
                return Refusal(
                    code=Code.HELP_NOT_YET,
                    sentence="Your wish for an agent is noted; ask again once the seller's time "
                    "to answer has passed.",
                )
            case Claim() | Decide() | Confirm() | SendBack():
                return self.judge_bars(command)
        return None

    def offer_bars(self, offer: Offer) -> Refusal | None:
        """Too many offers, or one that has expired before it is made."""
        made = sum(1 for earlier in self.offers if earlier.by is offer.by.party)
        if made >= self.policy.offers_per_party:
            return Refusal(
                code=Code.TOO_MANY_OFFERS,
                sentence=f"You have made {made} offers, the most a dispute takes; "
                "answer or ask for an agent.",
            )
        if offer.expires_at and offer.expires_at <= self.now:
            return Refusal(
                code=Code.OFFER_EXPIRED, sentence="The offer's end has passed; name a later one."
            )
        return None

    def answer_bars(self, by: Party, offer_id: str | None = None) -> Refusal | None:
        """Only the other side's open, unexpired offer can be accepted or rejected."""
        offer = self.open_offer(by, offer_id)
        if offer is None and any(
            own.by is by and own.state is OfferState.OPEN for own in self.offers
        ):
            return Refusal(
                code=Code.OWN_OFFER, sentence="The open offer is your own; the other side answers."
            )
        if offer is None:
            return Refusal(
                code=Code.NO_OPEN_OFFER, sentence="The other side has no such offer open."
            )
        if offer.expires_at and offer.expires_at <= self.now:
            return Refusal(
                code=Code.OFFER_EXPIRED, sentence="The offer has expired; ask for a new one."
            )
        return None

    def judge_bars(self, command: Command) -> Refusal | None:
        """Who must not judge again, and what a verdict has to name."""
        agent = command.by.id
        proposer = self.proposed.by.id if self.proposed else None
        if agent == proposer or (self.appealed and agent in self.decided_by):
            return Refusal(
                code=Code.OTHER_AGENT_NEEDED,
                sentence="You have judged this dispute already; another agent has to.",
            )
        if isinstance(command, Decide):
            return verdict_refusal(command) or self.amount_bars(command)
        return None

    def amount_bars(self, command: Offer | Decide) -> Refusal | None:
        """A price can be reduced by what is left of it; of the delivery, no part is a price."""
        if command.amount and self.nothing_paid:
            return NOTHING_PAID
        reduces = command.remedy is Remedy.PARTIAL_REFUND
        left = self.price_left(self.registration.lines) if reduces else self.at_stake
        return amount_refusal(command.remedy, command.amount, left)

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case, so that the next command is judged by them."""
        by = command.by.party
        if by is Party.SELLER and isinstance(command, Say | Ask | Offer | Refuse | Reject):
            holding = isinstance(command, Say) and command.nature is not Nature.ANSWER
            self.seller_answered = self.seller_answered or not holding
        match command:
            case Ask():
                self.questions.append(by)
            case Offer():
                self.record_offer(command)
            case Accept() if self.stage is Stage.DECIDED:
                self.accepts_decision.add(by)
            case Accept():
                offer = self.answer_offer(command, OfferState.ACCEPTED)
                self.concluded = Settled(offer.remedy, offer.amount, Ending.SETTLED)
            case Reject():
                self.answer_offer(command, OfferState.REJECTED)
            case AskForHelp():
                self.wants_help.add(by)
                if not self.help_allowed and len(self.wants_help) < len(TRADERS):
                    return Outcome.NOTED
            case Withdraw():
                self.concluded = Ending.WITHDRAWN
            case AgreeToClose():
                self.finds_solved.add(by)
                if len(self.finds_solved) < len(TRADERS):
                    return Outcome.NOTED
                self.concluded = Ending.SOLVED
            case Close():
                self.concluded = Ending.CLOSED_BY_PLATFORM
            case Fulfil():
                self.fulfilment_awaited = False
            case Decide():
                self.record_decision(command)
                return Outcome.ACCEPTED
            case Confirm() | SendBack() | Appeal():
                self.restate_decision(command)
        return super().record(command)

    def restate_decision(self, command: Confirm | SendBack | Appeal) -> None:
        """What a second agent, or who appeals, makes of the decision."""
        match command:
            case Confirm() if self.proposed:
                self.decision = self.restate(Standing.ANNOUNCED, confirmed_by=command.by)
                self.decided_by.add(command.by.id)
                self.proposed = None
            case SendBack():
                self.restate(Standing.SENT_BACK)
                self.proposed = None
                self.agents_task.change(purpose=Question.DECIDE, owner=None, state=TaskState.OPEN)
            case Appeal():
                self.restate(Standing.APPEALED)
                self.appealed = True

    def record_offer(self, offer: Offer) -> None:
        """A new offer replaces one's own open one, and counters the other side's."""
        by = offer.by.party
        for i, earlier in enumerate(self.offers):
            if earlier.state is OfferState.OPEN:
                state = OfferState.REPLACED if earlier.by is by else OfferState.COUNTERED
                self.offers[i] = earlier.model_copy(update={"state": state})
        self.offers.append(
            OfferView(
                id=offer.command_id,
                at=self.now,
                by=by,
                remedy=offer.remedy,
                amount=offer.amount,
                expires_at=offer.expires_at,
                state=OfferState.OPEN,
            )
        )

    def answer_offer(self, command: Accept | Reject, state: OfferState) -> OfferView:
        """Write what became of the offer that `command` answers."""
        offer = self.open_offer(command.by.party, command.offer_id)
        assert offer is not None  # answer_bars() saw it
        self.offers[self.offers.index(offer)] = offer.model_copy(update={"state": state})
        return offer

    def record_decision(self, decide: Decide) -> None:
        """An award above one agent's limit is only proposed: a second agent confirms it."""
        decision = DecisionView(
            at=self.now,
            by=decide.by,
            verdict=decide.verdict,
            remedy=decide.remedy,
            amount=self.awarded(decide),
            reasoning=decide.reasoning,
        )
        self.decided_by.add(decide.by.id)
        # Goods are worth what was paid for them: a replacement is an award like a refund.
        award = decision.amount or (self.at_stake if decision.remedy else None)
        self.decisions.append(decision)
        if award and award.amount_minor > self.policy.agent_limit_minor:
            self.proposed = self.restate(Standing.PROPOSED)
            self.agents_task.change(
                purpose=Question.CONFIRM, owner=None, state=TaskState.OPEN, priority=3
            )
        else:
            self.decision = decision

    def awarded(self, decide: Decide) -> Money | None:
        """What a decision awards; how much is open as long as nothing is known to be paid."""
        if decide.remedy is None or self.nothing_paid:
            return None
        return refund_of(decide.remedy, decide.amount, self.at_stake)

    def restate(self, standing: Standing, **changes: object) -> DecisionView:
        """Write what became of the last decision."""
        self.decisions[-1] = self.decisions[-1].model_copy(update={"standing": standing, **changes})
        return self.decisions[-1]

    @property
    def nothing_paid(self) -> bool:
        """Whether nobody has paid for the disputed lines, as far as is known. Goods that went back
        were collected, and so paid for.
        """
        if self.registration.edition < LEARNS_FIRST or (self.had_goods and not self.sale.unpaid):
            return False
        return never_paid(self.sale, self.registration.lines)

    def never_paid(self, units: tuple[Line, ...]) -> bool:
        """Whether these units were free, or nobody has paid for the order."""
        return self.nothing_paid or super().never_paid(units)

    def price_left(self, units: tuple[Line, ...]) -> Money:
        """The most that the price can be reduced by: nothing of what was not paid."""
        return self.nothing if self.nothing_paid else super().price_left(units)

    def left(self, units: tuple[Line, ...]) -> Money:
        """The most that can be refunded: nothing of what was not paid."""
        return self.nothing if self.nothing_paid else super().left(units)

    @property
    def at_stake(self) -> Money:
        """What is left of what was paid for the disputed lines: the most that can be refunded."""
        return self.left(self.registration.lines)

    @property
    def whole_claim(self) -> Money | None:
        """What a buyer claims who names no amount; nothing before the case is registered."""
        return self.at_stake if self.registration.sale else None

    @property
    def help_allowed(self) -> bool:
        """One trader alone may call an agent once the seller has answered or had the time to."""
        return self.seller_answered or (
            self.help_opens is not None and self.help_opens.due <= self.now
        )

    def as_it_stands(self, offer: OfferView) -> OfferView:
        """An offer that nobody can accept any more has lapsed."""
        expired = offer.expires_at and offer.expires_at <= self.now
        over = self.decision is not None or self.stage not in ANSWERABLE
        if offer.state is OfferState.OPEN and (expired or over):
            return offer.model_copy(update={"state": OfferState.LAPSED})
        return offer

    def open_offer(self, by: Party, offer_id: str | None) -> OfferView | None:
        """The other side's open offer that `by` can answer: the one named, if one is."""
        for offer in self.offers:
            if offer.state is OfferState.OPEN and offer.by is not by:
                return offer if offer_id in (None, offer.id) else None
        return None

    def look(self) -> DisputeView:
        """The dispute as its readers see it."""
        return DisputeView(
            **self.seen(),
            reason=self.opening.reason,
            wanted=self.opening.wanted,
            claimed=self.opening.amount or self.whole_claim,
            happened_at=self.opening.happened_at,
            preceding=self.opening.from_inquiry,
            offers=tuple(map(self.as_it_stands, self.offers)),
            decision=self.decision or self.proposed,
        )
