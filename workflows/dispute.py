"""A dispute: buyer and seller settle it between them, or an agent decides (D1-D3).

Read `run()` first. What a party may do at each moment is in `barred()`; what happens on silence
is in the `case Silence()` arms, one for each window of the policy file.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.refunds import Refunds
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
    Hold,
    Nature,
    Offer,
    Refuse,
    Reject,
    Release,
    Remedy,
    Reopen,
    Resume,
    RetryRefund,
    Say,
    SendBack,
    Verdict,
    Withdraw,
)
from domain.money import Money
from domain.notices import Ending, NoticeName
from domain.openings import OpenDispute
from domain.parties import Actor, Party
from domain.policy import DisputePolicy
from domain.ports import RefundCommand, RefundReport, RefundState, TaskState
from domain.refusals import Code, Refusal
from domain.remedies import amount_refusal, refund_of
from domain.stages import Flow, Stage
from domain.view import CaseView, Closed, DecisionView, OfferState, OfferView, Outcome
from workflows.case import Case, Silence, answer_of, failure_type
from workflows.deadline import Clock
from workflows.options import MARKETPLACE, REFUND_ANSWER

TRADERS = (Party.BUYER, Party.SELLER)

BARGAINING = (Stage.AWAITING_SELLER, Stage.AWAITING_BUYER)
JUDGING = (Stage.WITH_AGENT, Stage.ON_APPEAL)
UNSETTLED = (*BARGAINING, *JUDGING, Stage.REOPENABLE, Stage.DECIDED)
OPEN = (*UNSETTLED, Stage.SETTLING)

PERMITTED: dict[type[CommandBase], tuple[tuple[Party, ...], tuple[Stage, ...]]] = {
    Say: (tuple(Party), OPEN),
    Ask: ((*TRADERS, Party.AGENT), (*BARGAINING, *JUDGING)),
    Offer: (TRADERS, (*BARGAINING, Stage.WITH_AGENT)),
    Accept: (TRADERS, (*BARGAINING, Stage.WITH_AGENT, Stage.DECIDED)),
    Reject: (TRADERS, (*BARGAINING, Stage.WITH_AGENT)),
    Refuse: ((Party.SELLER,), BARGAINING),
    AskForHelp: (TRADERS, BARGAINING),
    Withdraw: ((Party.BUYER,), UNSETTLED),
    AgreeToClose: (TRADERS, UNSETTLED),
    Close: ((Party.PLATFORM,), OPEN),
    Reopen: ((Party.BUYER,), (Stage.REOPENABLE,)),
    Claim: ((Party.AGENT,), (*JUDGING, Stage.SETTLING)),
    Release: ((Party.AGENT,), (*JUDGING, Stage.SETTLING)),
    Decide: ((Party.AGENT,), JUDGING),
    Confirm: ((Party.AGENT,), JUDGING),
    SendBack: ((Party.AGENT,), JUDGING),
    Appeal: (TRADERS, (Stage.DECIDED,)),
    Hold: ((Party.AGENT, Party.PLATFORM), OPEN),
    Resume: ((Party.AGENT, Party.PLATFORM), OPEN),
    Fulfil: ((Party.SELLER,), (Stage.SETTLING,)),
    RetryRefund: ((Party.AGENT,), (Stage.SETTLING,)),
}
"""Who may send what, and at which stages; `barred()` adds what depends on the case's facts."""

MOVES = Say | Ask | Offer | Reject | Refuse
"""What passes the turn to the other side."""


@dataclass(frozen=True)
class Settled:
    """The traders agreed on a remedy, or a final decision orders one."""

    remedy: Remedy
    amount: Money | None
    ending: Ending


@dataclass(frozen=True)
class Stuck:
    """The traders got no further by themselves: an agent is needed, and this is why."""

    cause: str


@dataclass(frozen=True)
class Abandoned:
    """The buyer stayed silent."""


Turn = Settled | Stuck | Abandoned | Ending


@workflow.defn(name="Dispute")
class Dispute(Case):
    """A purchase went wrong; the case mediates until it is settled, decided or given up."""

    FLOW: ClassVar[Flow] = {
        Stage.OPENING: frozenset({Stage.AWAITING_SELLER, Stage.CLOSED}),
        Stage.AWAITING_SELLER: frozenset(
            {Stage.AWAITING_BUYER, Stage.WITH_AGENT, Stage.SETTLING, Stage.CLOSED}
        ),
        Stage.AWAITING_BUYER: frozenset(
            {
                Stage.AWAITING_SELLER,
                Stage.WITH_AGENT,
                Stage.SETTLING,
                Stage.REOPENABLE,
                Stage.CLOSED,
            }
        ),
        Stage.REOPENABLE: frozenset({Stage.AWAITING_SELLER, Stage.CLOSED}),
        Stage.WITH_AGENT: frozenset({Stage.DECIDED, Stage.SETTLING, Stage.CLOSED}),
        Stage.DECIDED: frozenset({Stage.ON_APPEAL, Stage.SETTLING, Stage.CLOSED}),
        Stage.ON_APPEAL: frozenset({Stage.SETTLING, Stage.CLOSED}),
        Stage.SETTLING: frozenset({Stage.WITH_AGENT, Stage.CLOSED}),
    }
    VERBS = tuple(PERMITTED)

    @workflow.init
    def __init__(self, opening: OpenDispute) -> None:
        super().__init__(opening)
        self.claim: OpenDispute = opening
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
        self.refund: RefundReport | None = None
        self.refunds_asked = 0
        self.asking: workflow.ActivityHandle[RefundReport] | None = None
        self.refund_known_there = False
        self.seller_answered = False
        self.questions: list[Party] = []
        self.fulfilment_awaited = False

    # The timeline.

    @workflow.run
    async def run(self, opening: OpenDispute) -> Closed:
        """A dispute, from its opening to its end."""
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        self.help_opens = self.start("help_opens", Party.SELLER)
        self.replying[Party.SELLER] = self.start("seller_reply", Party.SELLER)
        self.tell_opening()
        turn = await self.bargain(Party.SELLER)
        while not isinstance(turn, Ending):
            match turn:
                case Settled():
                    turn = await self.settle(turn)
                case Stuck():
                    turn = await self.judge(turn.cause)
                case Abandoned():
                    turn = await self.stay_reopenable()
        return await self.close(turn)

    async def bargain(self, turn: Party) -> Turn:
        """Seller and buyer answer each other in turn until they agree, or one stays silent."""
        while True:
            self.enter(Stage.AWAITING_SELLER if turn is Party.SELLER else Stage.AWAITING_BUYER)
            move = await self.hear(turn, self.replying[turn], heeds=answer_of(turn))
            if self.concluded:
                return self.conclude(move)
            match move:
                case Silence(clock) if turn is Party.SELLER:
                    self.breach(clock)
                    self.tell(Party.SELLER, NoticeName.REPLY_BREACH, due=clock.due)
                    return Stuck("seller-silent")
                case Silence():
                    return Abandoned()
                case AskForHelp() if len(self.wants_help) == len(TRADERS):
                    return Stuck("both-asked")
                case AskForHelp() if self.help_allowed:
                    return Stuck("asked")
                case AskForHelp(by=by):
                    self.tell(by.party.opposite, NoticeName.HELP_WANTED, writer=by)
                case Say() | Ask() | Offer() | Reject() | Refuse():
                    turn = self.pass_turn(move)

    def pass_turn(self, move: Say | Ask | Offer | Reject | Refuse) -> Party:
        """The other side is to answer now. Whoever asked a question has their own clock held."""
        mover, other = move.by.party, move.by.party.opposite
        if isinstance(move, Ask):
            if mover in self.replying:
                self.replying[mover].hold("question", workflow.now())
        else:
            self.replying.pop(mover, None)
        if other in self.replying and not isinstance(move, Offer):
            self.replying[other].resume("question", workflow.now())
        else:
            window = "seller_reply" if other is Party.SELLER else "buyer_reply"
            self.replying[other] = self.start(window, other)
        self.tell_move(move, self.replying[other].due)
        return other

    async def stay_reopenable(self) -> Turn:
        """The buyer was silent: the dispute rests, and the buyer may take it up again."""
        self.enter(Stage.REOPENABLE)
        self.replying.clear()
        clock = self.start("reopening", Party.BUYER)
        self.tell_both(NoticeName.BUYER_SILENT, due=clock.due)
        while True:
            move = await self.hear(Party.BUYER, clock)
            if self.concluded:
                return self.conclude(move)
            match move:
                case Silence():
                    return Ending.BUYER_SILENT
                case Reopen(text=text):
                    reply = self.replying[Party.SELLER] = self.start("seller_reply", Party.SELLER)
                    self.tell(Party.SELLER, NoticeName.REOPENED, text=text or None, due=reply.due)
                    return await self.bargain(Party.SELLER)

    async def judge(self, cause: str) -> Turn:
        """An agent takes the case and decides; until then the traders may still agree."""
        self.escalated = True
        self.enter(Stage.ON_APPEAL if cause == "appealed" else Stage.WITH_AGENT)
        self.replying.clear()
        self.proposed = self.decision = None
        self.accepts_decision.clear()
        deciding = self.call_agents("decide")
        if cause == "appealed":
            self.tell_both(NoticeName.APPEALED, due=deciding.due)
        else:
            self.tell_both(NoticeName.AGENT_JOINS, reason=cause, due=deciding.due)
        claimed: Clock | None = None
        question: Clock | None = None
        while self.decision is None:
            awaited = question.awaited if question else Party.AGENT
            clocks = [clock for clock in (deciding, claimed, question) if clock]
            move = await self.hear(awaited, *clocks, heeds=answer_of(awaited, Party.AGENT))
            if self.concluded:
                return self.conclude(move)
            match move:
                case Silence(clock) if clock is question:
                    question = None
                case Silence(clock) if clock is claimed:
                    claimed = None
                    self.change_task(owner=None, state=TaskState.OPEN)
                case Silence():
                    deciding, claimed = self.call_lead(), None
                case Claim():
                    claimed = self.start("claim", Party.AGENT)
                case Release() | SendBack() | Decide():
                    claimed = None
                case Ask(by=Actor(party=Party.AGENT)):
                    question = self.start("agent_question", move.to or Party.BUYER)
                    self.pass_on(move.model_copy(update={"to": question.awaited}), question.due)
                case Say() | Ask():
                    self.pass_on(move)
                case Offer() | Reject() | Refuse():
                    self.tell_move(move)
            if question and isinstance(move, MOVES) and move.by.party is question.awaited:
                question = None
            # The agent's time does not run while a trader owes the agent an answer.
            for own in (deciding, claimed):
                if own and question:
                    own.hold("question", workflow.now())
                elif own:
                    own.resume("question", workflow.now())
        self.finish_task()
        return await self.let_stand(self.decision)

    async def let_stand(self, decision: DecisionView) -> Turn:
        """A decision can be appealed once, by either trader; then, or unappealed, it is final."""
        told = {
            "verdict": decision.verdict,
            "remedy": decision.remedy,
            "amount": decision.amount,
        }
        if not self.appealed:
            loser = Party.SELLER if decision.verdict is Verdict.FOR_BUYER else Party.BUYER
            self.enter(Stage.DECIDED)
            clock = self.start("appeal", loser)
            self.tell_both(
                NoticeName.DECISION,
                text=decision.reasoning,
                writer=decision.by,
                due=clock.due,
                **told,
            )
            while not self.accepts_decision.issuperset(TRADERS):
                move = await self.hear(loser, clock)
                if self.concluded:
                    return self.conclude(move)
                match move:
                    case Silence():
                        break
                    case Appeal():
                        return await self.judge("appealed")
        self.decision = decision.model_copy(update={"final": True})
        self.note("decision final")
        self.tell_both(
            NoticeName.DECISION_FINAL, text=decision.reasoning, writer=decision.by, **told
        )
        if decision.remedy is None:
            return Ending.DECIDED
        return Settled(decision.remedy, decision.amount, Ending.DECIDED)

    async def settle(self, settled: Settled) -> Turn:
        """Carry out what was agreed or ordered: first the goods, then the money."""
        self.enter(Stage.SETTLING)
        self.concluded = settled
        if settled.remedy.moves_goods:
            clock = self.start("fulfilment", Party.SELLER)
            self.fulfilment_awaited = True
            self.tell(
                Party.SELLER, NoticeName.FULFILMENT_ASKED, remedy=settled.remedy, due=clock.due
            )
            self.tell(
                Party.BUYER, NoticeName.FULFILMENT_EXPECTED, remedy=settled.remedy, due=clock.due
            )
            move = None
            while not isinstance(move, Silence | Fulfil | Close):
                move = await self.hear(Party.SELLER, clock)
            self.fulfilment_awaited = False
            match move:
                case Silence():
                    self.breach(clock)
                    self.concluded = None
                    return Stuck("not-fulfilled")
                case Close():
                    return Ending.CLOSED_BY_PLATFORM
                case Fulfil(text=text):
                    self.tell(
                        Party.BUYER, NoticeName.FULFILLED, remedy=settled.remedy, text=text or None
                    )
        if isinstance(self.concluded, Ending):
            return self.concluded
        if amount := refund_of(settled.remedy, settled.amount, self.at_stake):
            return await self.pay_back(amount, settled.ending)
        return settled.ending

    async def pay_back(self, amount: Money, ending: Ending) -> Turn:
        """Refund under one key until it is known what became of it; a failure needs an agent."""
        while True:
            self.refunds_asked += 1
            command = RefundCommand(
                key=f"{self.id}:refund:{self.refunds_asked}",
                case_id=self.id,
                order_id=self.opening.order_id,
                amount=amount,
            )
            self.refund = RefundReport(key=command.key, state=RefundState.REQUESTED)
            self.awaited, self.clocks = Party.PLATFORM, ()
            try:
                self.refund = await workflow.execute_activity_method(
                    Refunds.request, command, summary=f"refund {self.refunds_asked}", **MARKETPLACE
                )
                if self.refund.state in (RefundState.REQUESTED, RefundState.UNCONFIRMED):
                    self.refund = await self.learn(command)
            except ActivityError as error:
                self.refund = RefundReport(
                    key=command.key, state=RefundState.FAILED, reason=failure_type(error)
                )
            self.note(f"refund {self.refund.state}", detail=self.refund.reason)
            if self.refund.state is RefundState.CONFIRMED:
                self.finish_task()
                self.tell_both(NoticeName.REFUND_CONFIRMED, amount=amount)
                return ending
            clock = self.call_agents("refund-failed")
            move = None
            while not isinstance(move, RetryRefund | Close):
                move = await self.hear(Party.AGENT, clock)
                if isinstance(move, Silence):
                    clock = self.call_lead()
            self.finish_task()
            if isinstance(move, Close):
                return Ending.CLOSED_BY_PLATFORM

    async def learn(self, command: RefundCommand) -> RefundReport:
        """Ask the marketplace until it is known whether the money moved.

        Its own report makes us ask at once; when the window ends, an agent chases it.
        """
        self.asking = self.ask_for(command)
        clock = self.start("refund_confirmation", Party.PLATFORM)
        awaited = Party.PLATFORM
        while True:
            self.refund_known_there = False
            move = await self.hear(awaited, clock, until=self.refund_answered)
            if self.asking.done():
                return await self.asking
            if self.refund_known_there:
                self.asking.cancel()
                self.asking = self.ask_for(command)
            elif isinstance(move, Silence):
                if awaited is Party.PLATFORM:
                    self.tell(Party.BUYER, NoticeName.REFUND_DELAYED, amount=command.amount)
                    awaited, clock = Party.AGENT, self.call_agents("refund-unconfirmed")
                else:
                    clock = self.call_lead()

    def ask_for(self, command: RefundCommand) -> workflow.ActivityHandle[RefundReport]:
        """Start asking what became of a refund; it answers once that is known."""
        return workflow.start_activity_method(
            Refunds.confirm, command, summary="what became of the refund?", **REFUND_ANSWER
        )

    def refund_answered(self) -> bool:
        """Whether the refund's fate is known, or the marketplace says that it can be asked."""
        return self.refund_known_there or (self.asking is not None and self.asking.done())

    # Verbs below the timeline.

    def tell_opening(self) -> None:
        """The seller is told of the dispute and the buyer that it was received."""
        claim, reply = self.claim, self.replying[Party.SELLER]
        claimed = claim.amount or self.registration.at_stake
        self.tell(
            Party.SELLER,
            NoticeName.DISPUTE_OPENED,
            reason=claim.reason,
            remedy=claim.wanted,
            amount=claimed,
            text=claim.text,
            writer=claim.opened_by if claim.opened_by.party is Party.BUYER else None,
            due=reply.due,
        )
        self.tell(
            Party.BUYER,
            NoticeName.DISPUTE_RECEIVED,
            remedy=claim.wanted,
            amount=claimed,
            due=reply.due,
        )

    def tell_move(
        self, move: Say | Ask | Offer | Reject | Refuse, due: datetime | None = None
    ) -> None:
        """Tell the other side of a trader's move, and until when they are to answer."""
        other = move.by.party.opposite
        match move:
            case Say() | Ask():
                self.pass_on(move, due)
            case Offer():
                self.tell(
                    other,
                    NoticeName.OFFER_MADE,
                    remedy=move.remedy,
                    amount=refund_of(move.remedy, move.amount, self.at_stake),
                    text=move.text or None,
                    writer=move.by,
                    due=due,
                )
            case Reject():
                self.tell(other, NoticeName.OFFER_REJECTED, text=move.text or None, due=due)
            case Refuse():
                self.tell(
                    other,
                    NoticeName.CLAIM_REFUSED,
                    refused=move.reason,
                    text=move.text,
                    writer=move.by,
                    due=due,
                )

    def conclude(self, move: Command | Silence | None) -> Turn:
        """What was recorded as the end of the bargaining, told to both.

        `move` is what was being taken when the end was recorded: what it says is not lost.
        """
        assert self.concluded is not None
        if isinstance(move, Say | Ask):
            self.pass_on(move)
        self.finish_task()
        if isinstance(self.concluded, Settled):
            remedy, amount = self.concluded.remedy, self.concluded.amount
            self.tell_both(
                NoticeName.OFFER_ACCEPTED,
                remedy=remedy,
                amount=refund_of(remedy, amount, self.at_stake),
            )
        return self.concluded

    def call_agents(self, purpose: str) -> Clock:
        """Open a task in the country's queue, due when an agent's decision is."""
        clock = self.start("decision", Party.AGENT)
        self.open_task(purpose, f"disputes-{self.opening.country.lower()}", 5, clock)
        return clock

    def call_lead(self) -> Clock:
        """The agents were silent: the task goes to the lead, first in line."""
        clock = self.start("lead_decision", Party.AGENT)
        self.task_clock = clock
        self.change_task(queue="leads", priority=1, due=clock.due, owner=None, state=TaskState.OPEN)
        return clock

    @property
    def policy(self) -> DisputePolicy:
        """The windows and limits of disputes that this case is pinned to."""
        assert self.registration.dispute is not None
        return self.registration.dispute

    @property
    def at_stake(self) -> Money:
        """What was paid for the disputed lines: the most that can be refunded."""
        assert self.registration.at_stake is not None
        return self.registration.at_stake

    @property
    def help_allowed(self) -> bool:
        """One trader alone may call an agent once the seller has answered or had the time to."""
        return self.seller_answered or (
            self.help_opens is not None and self.help_opens.due <= workflow.now()
        )

    def as_it_stands(self, offer: OfferView) -> OfferView:
        """An offer that nobody can accept any more has lapsed."""
        expired = offer.expires_at and offer.expires_at <= workflow.now()
        if offer.state is OfferState.OPEN and (expired or self.stage is Stage.CLOSED):
            return offer.model_copy(update={"state": OfferState.LAPSED})
        return offer

    def open_offer(self, by: Party, offer_id: str | None) -> OfferView | None:
        """The offer that `by` would answer: the one named, else the other side's open one."""
        for offer in self.offers:
            wanted = offer.id == offer_id if offer_id else offer.by is not by
            if wanted and offer.state is OfferState.OPEN:
                return offer
        return None

    # What may be sent, and what it records.

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """Why `by` may not send `verb` at this stage; None when they may."""
        who, when = PERMITTED[verb]
        if by not in who:
            return Refusal(
                code=Code.NOT_YOURS, sentence=f"Only {' or '.join(who)} can do this in a dispute."
            )
        if self.stage not in when:
            return Refusal(
                code=Code.WRONG_STAGE,
                sentence=f"Not while the dispute is {self.stage}; see what you may do now.",
            )
        over = isinstance(self.concluded, Ending) or self.stage is not Stage.SETTLING
        if self.concluded and over and verb is not Say:
            return Refusal(code=Code.ALREADY_DONE, sentence="The dispute is concluded already.")
        if verb in (Claim, Release) and self.task is None:
            return Refusal(code=Code.WRONG_STAGE, sentence="The case has no task for agents now.")
        if verb in (Decide, Confirm, SendBack) and self.decision:
            return Refusal(code=Code.ALREADY_DONE, sentence="The dispute is decided already.")
        if verb is Decide and self.proposed:
            return Refusal(
                code=Code.SECOND_AGENT_NEEDED,
                sentence="A decision awaits a second agent; confirm it or send it back.",
            )
        if verb in (Confirm, SendBack) and not self.proposed:
            return Refusal(code=Code.WRONG_STAGE, sentence="No decision awaits a second agent.")
        if verb is Appeal and (self.appealed or by in self.accepts_decision):
            return Refusal(
                code=Code.ALREADY_DONE,
                sentence="You have accepted the decision, or it has been appealed already.",
            )
        if verb is Fulfil and not self.fulfilment_awaited:
            return Refusal(code=Code.WRONG_STAGE, sentence="Nothing about goods is awaited now.")
        return self.refund_bars(verb)

    def refund_bars(self, verb: type[CommandBase]) -> Refusal | None:
        """A refund whose fate is unknown bars a second one, and the closing of the case."""
        state = self.refund and self.refund.state
        if verb in (RetryRefund, Close) and state in (
            RefundState.REQUESTED,
            RefundState.UNCONFIRMED,
        ):
            return Refusal(
                code=Code.REFUND_UNCONFIRMED,
                sentence="It is not yet known what became of the refund; wait for the answer.",
            )
        if verb is RetryRefund and state is not RefundState.FAILED:
            return Refusal(code=Code.WRONG_STAGE, sentence="No refund has failed.")
        return None

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        by = command.by
        match command:
            case Offer():
                return amount_refusal(
                    command.remedy, command.amount, self.at_stake
                ) or self.offer_bars(command)
            case Accept() if self.stage is Stage.DECIDED:
                if by.party in self.accepts_decision:
                    return Refusal(
                        code=Code.ALREADY_DONE, sentence="You have accepted the decision already."
                    )
            case Accept() | Reject():
                return self.answer_bars(command)
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
            case AgreeToClose() if by.party in self.finds_solved:
                return Refusal(code=Code.ALREADY_DONE, sentence="You have agreed already.")
            case Claim() | Release() | Decide() | Confirm() | SendBack():
                return self.agent_bars(command)
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
        if offer.expires_at and offer.expires_at <= workflow.now():
            return Refusal(
                code=Code.OFFER_EXPIRED, sentence="The offer's end has passed; name a later one."
            )
        return None

    def answer_bars(self, command: Accept | Reject) -> Refusal | None:
        """Only the other side's open, unexpired offer can be accepted or rejected."""
        offer = self.open_offer(command.by.party, command.offer_id)
        if offer is None:
            return Refusal(
                code=Code.NO_OPEN_OFFER, sentence="The other side has no such offer open."
            )
        if offer.by is command.by.party:
            return Refusal(
                code=Code.OWN_OFFER, sentence="This offer is your own; the other side answers it."
            )
        if offer.expires_at and offer.expires_at <= workflow.now():
            return Refusal(
                code=Code.OFFER_EXPIRED, sentence="The offer has expired; ask for a new one."
            )
        return None

    def agent_bars(self, command: Claim | Release | Decide | Confirm | SendBack) -> Refusal | None:
        """Whose the task is, who must not judge again, and what a verdict has to name."""
        agent, owner = command.by.id, self.task and self.task.owner
        if isinstance(command, Release):
            if owner == agent:
                return None
            return Refusal(code=Code.TASK_NOT_CLAIMED, sentence="The task is not yours; claim it.")
        if owner and owner != agent:
            return Refusal(code=Code.TASK_TAKEN, sentence="Another agent has claimed the task.")
        if isinstance(command, Claim) and owner == agent:
            return Refusal(code=Code.ALREADY_DONE, sentence="You have claimed the task already.")
        proposer = self.proposed.by.id if self.proposed else None
        if agent == proposer or (self.appealed and agent in self.decided_by):
            return Refusal(
                code=Code.OTHER_AGENT_NEEDED,
                sentence="You have judged this dispute already; another agent has to.",
            )
        if isinstance(command, Decide):
            if (command.remedy is None) is not (command.verdict is Verdict.FOR_SELLER):
                return Refusal(
                    code=Code.VERDICT_DIFFERS,
                    sentence="A verdict for the seller names no remedy; every other names one.",
                )
            return amount_refusal(command.remedy, command.amount, self.at_stake)
        return None

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
            case RetryRefund() if self.refund:
                self.refund = self.refund.model_copy(update={"state": RefundState.REQUESTED})
            case Claim():
                self.change_task(owner=command.by.id, state=TaskState.CLAIMED)
            case Release():
                self.change_task(owner=None, state=TaskState.OPEN)
            case Decide():
                self.record_decision(command)
            case Confirm() if self.proposed:
                self.decision = self.proposed.model_copy(update={"confirmed_by": command.by})
                self.decided_by.add(command.by.id)
                self.proposed = None
            case SendBack():
                self.proposed = None
                self.change_task(purpose="decide", owner=None, state=TaskState.OPEN)
            case Appeal():
                self.appealed = True
        return Outcome.ACCEPTED

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
                at=workflow.now(),
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
            at=workflow.now(),
            by=decide.by,
            verdict=decide.verdict,
            remedy=decide.remedy,
            amount=decide.remedy and refund_of(decide.remedy, decide.amount, self.at_stake),
            reasoning=decide.reasoning,
        )
        self.decided_by.add(decide.by.id)
        if decision.amount and decision.amount.amount_minor > self.policy.agent_limit_minor:
            self.proposed = decision
            self.change_task(purpose="confirm", owner=None, state=TaskState.OPEN, priority=3)
        else:
            self.decision = decision

    @workflow.signal
    async def decide(self, decision: Decide) -> None:
        """An agent's decision from the Temporal UI or command line."""
        await self.take_quietly(decision)

    @workflow.signal
    def refund_reported(self, report: RefundReport) -> None:
        """The marketplace says that a refund's fate is known: it is asked at once."""
        if self.refund and report.key == self.refund.key:
            self.refund_known_there = True

    def look(self) -> CaseView:
        """The dispute as its readers see it."""
        return (
            super()
            .look()
            .model_copy(
                update={
                    "reason": self.claim.reason,
                    "wanted": self.claim.wanted,
                    "claimed": self.claim.amount or self.registration.at_stake,
                    "offers": tuple(map(self.as_it_stands, self.offers)),
                    "decision": self.decision or self.proposed,
                    "refund": self.refund,
                    "preceding": self.claim.from_inquiry,
                }
            )
        )
