"""A dispute: buyer and seller settle it between them, or an agent decides (D1-D3).

Read `run()` first. What happens on silence is in the `case Silence()` arms, one for each
window of the policy file; what each party may send is in terms.py.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from temporalio import workflow

from domain.ahead import NOTHING_OWED, Ahead
from domain.commands import (
    Appeal,
    Ask,
    AskForHelp,
    Command,
    Decide,
    Fulfil,
    Offer,
    Refuse,
    Reject,
    Remedy,
    Reopen,
    Say,
    SendBack,
    Verdict,
    answer_of,
)
from domain.goods import count
from domain.money import Money
from domain.notices import Ending, NoticeName
from domain.openings import OpenDispute
from domain.orders import Line
from domain.parties import Actor, Party
from domain.ports import LEARNS_FIRST, SAYS_WHY_LESS
from domain.questions import Question
from domain.remedies import refund_of
from domain.stages import Stage
from domain.view import Closed, DecisionView, Standing
from workflows.dispute.record import DisputeRecord, Settled
from workflows.dispute.terms import AHEAD, TRADERS
from workflows.kernel.agents import AgentsTime
from workflows.kernel.case import Silence
from workflows.kernel.deadline import Clock
from workflows.kernel.refunding import Owed, Payment
from workflows.kernel.returns import DONE, GOODS, NOTHING_BACK

MOVES = Say | Ask | Offer | Reject | Refuse
"""What passes the turn to the other side."""


@dataclass(frozen=True)
class Stuck:
    """The traders got no further by themselves: an agent is needed, and this is why."""

    cause: Question


@dataclass(frozen=True)
class Abandoned:
    """The buyer stayed silent."""


Turn = Settled | Stuck | Abandoned | Ending


@workflow.defn(name="Dispute")
class Dispute(DisputeRecord):
    """A purchase went wrong; the case mediates until it is settled, decided or given up."""

    AHEAD: ClassVar[Ahead] = AHEAD

    @workflow.init
    def __init__(self, opening: OpenDispute) -> None:
        super().__init__(opening)

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
            self.enter_turn(turn)
            move = await self.hear(turn, self.replying[turn], heeds=answer_of(turn))
            if self.concluded:
                return self.conclude(move)
            match move:
                case Silence(clock) if turn is Party.SELLER:
                    self.breach(clock)
                    self.tell(Party.SELLER, NoticeName.REPLY_BREACH, due=clock.due)
                    return Stuck(Question.SELLER_SILENT)
                case Silence():
                    return Abandoned()
                case AskForHelp() if len(self.wants_help) == len(TRADERS):
                    return Stuck(Question.BOTH_ASKED)
                case AskForHelp() if self.help_allowed:
                    return Stuck(Question.ASKED)
                case AskForHelp(by=by):
                    self.tell(by.party.opposite, NoticeName.HELP_WANTED, writer=by)
                case Say() | Ask() | Offer() | Reject() | Refuse():
                    turn = await self.pass_turn(move)

    async def pass_turn(self, move: Say | Ask | Offer | Reject | Refuse) -> Party:
        """The other side is to answer now. Whoever asked a question has their own clock held."""
        mover, other = move.by.party, move.by.party.opposite
        if isinstance(move, Ask):
            if mover in self.replying:
                self.replying[mover].hold("question", self.now)
        else:
            self.replying.pop(mover, None)
        if other in self.replying and not isinstance(move, Offer):
            self.replying[other].resume("question", self.now)
        else:
            window = "seller_reply" if other is Party.SELLER else "buyer_reply"
            self.replying[other] = self.start(window, other)
        self.enter_turn(other)
        await self.price(move)
        self.tell_move(move, self.replying[other].due)
        self.tell_less()
        return other

    def enter_turn(self, turn: Party) -> None:
        """It is this side's turn to answer."""
        self.enter(Stage.AWAITING_SELLER if turn is Party.SELLER else Stage.AWAITING_BUYER)
        self.turn_to(turn, self.replying[turn])

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
                case Reopen(text=text, by=by):
                    reply = self.replying[Party.SELLER] = self.start("seller_reply", Party.SELLER)
                    self.tell(
                        Party.SELLER,
                        NoticeName.REOPENED,
                        text=text or None,
                        writer=by,
                        due=reply.due,
                    )
                    return await self.bargain(Party.SELLER)

    async def judge(self, cause: str | Appeal) -> Turn:
        """An agent takes the case and decides; until then the traders may still agree."""
        self.enter(Stage.ON_APPEAL if isinstance(cause, Appeal) else Stage.WITH_AGENT)
        self.replying.clear()
        self.proposed = self.decision = None
        self.accepts_decision.clear()
        self.finds_solved.clear()
        deciding = self.call_agents(Question.DECIDE)
        if isinstance(cause, Appeal):
            self.tell_both(
                NoticeName.APPEALED, text=cause.reason, writer=cause.by, due=deciding.due
            )
        else:
            self.tell_both(NoticeName.AGENT_JOINS, reason=cause, due=deciding.due)
        time = AgentsTime(deciding)
        question: Clock | None = None
        while self.decision is None:
            awaited = question.awaited if question else Party.AGENT
            clocks = (*time.clocks, question) if question else time.clocks
            move = await self.hear(awaited, *clocks, heeds=answer_of(awaited, Party.AGENT))
            if self.concluded:
                return self.conclude(move)
            if not self.passes_task_on(move, time):
                question = await self.heed_meanwhile(move, question)
            if isinstance(move, SendBack | Decide):
                time.claimed = None
            # The agent's time does not run while a trader owes the agent an answer.
            for own in time.clocks:
                if question:
                    own.hold("question", self.now)
                else:
                    own.resume("question", self.now)
        self.agents_task.finish()
        return await self.let_stand(self.decision)

    async def heed_meanwhile(
        self, move: Command | Silence | None, question: Clock | None
    ) -> Clock | None:
        """What is said while an agent judges; answers the agent's question that is open then."""
        match move:
            case Silence():
                return None
            case Ask(by=Actor(party=Party.AGENT)):
                question = self.start("agent_question", move.to or Party.BUYER)
                self.pass_on(move.model_copy(update={"to": question.awaited}), question.due)
            case Say() | Ask():
                self.pass_on(move)
            case Offer() | Reject() | Refuse():
                await self.price(move)
                self.tell_move(move)
                self.tell_less()
        answered = question and isinstance(move, MOVES) and move.by.party is question.awaited
        return None if answered else question

    async def let_stand(self, decision: DecisionView) -> Turn:
        """A decision can be appealed once, by either trader; then, or unappealed, it is final."""
        if not self.appealed:
            loser = Party.SELLER if decision.verdict is Verdict.FOR_BUYER else Party.BUYER
            self.enter(Stage.DECIDED)
            clock = self.start("appeal", loser)
            self.turn_to(loser, clock)
            await self.learn_again(decision.remedy, decision.amount)
            clock.concerns = TRADERS
            self.tell_both(
                NoticeName.DECISION,
                text=decision.reasoning,
                writer=decision.by,
                due=clock.due,
                verdict=decision.verdict,
                remedy=decision.remedy,
                amount=self.as_paid(decision.remedy, decision.amount),
            )
            self.tell_less()
            while not self.accepts_decision.issuperset(TRADERS):
                move = await self.hear(loser, clock)
                if self.concluded:
                    return self.conclude(move)
                match move:
                    case Silence():
                        break
                    case Appeal():
                        return await self.judge(move)
        self.decision = self.restate(Standing.FINAL, final=True)
        self.note("decision final")
        self.announce(
            lambda: self.tell_both(
                NoticeName.DECISION_FINAL,
                text=decision.reasoning,
                writer=decision.by,
                verdict=decision.verdict,
                remedy=decision.remedy,
                amount=self.as_paid(decision.remedy, decision.amount),
            )
        )
        if decision.remedy is None:
            return Ending.DECIDED
        return Settled(decision.remedy, decision.amount, Ending.DECIDED)

    async def settle(self, settled: Settled) -> Turn:
        """Carry out what was agreed or ordered: first the goods, then the money."""
        self.enter(Stage.SETTLING)
        self.concluded = settled
        units = self.registration.lines
        if settled.remedy.moves_goods:
            await self.learn_again(settled.remedy, settled.amount)
            self.tell_announced()
            self.tell_less()
        match settled.remedy:
            case Remedy.SEND_AGAIN:
                if (turn := await self.have_sent_again()) is not None:
                    return turn
            case Remedy.REPAIR | Remedy.REPLACEMENT | Remedy.RETURN_FOR_REFUND:
                result = await self.returns.have_back(GOODS[settled.remedy], units)
                if isinstance(self.concluded, Ending):
                    return self.concluded
                if result.ending in NOTHING_BACK:
                    return result.ending
                if result.ending not in DONE:
                    self.concluded = None
                    return Stuck(Question.NOT_FULFILLED)
                self.had_goods = result.ending is Ending.RETURNED
                if result.accepted and count(result.accepted) != count(units):
                    units = result.accepted
        if isinstance(self.concluded, Ending):
            return self.concluded
        return await self.pay(settled, units)

    async def pay(self, settled: Settled, units: tuple[Line, ...]) -> Turn:
        """The money of a remedy, as far as no other case has paid it back meanwhile.

        A partial refund reduces the price of the goods: the buyer can still withdraw for the rest.
        """
        told = refund_of(settled.remedy, settled.amount, self.left(units))
        if told is None:
            return settled.ending
        told = min(told, self.left(units), key=lambda money: money.amount_minor)
        reckon = partial(self.reckoned, settled, units, told)
        match await self.pay_back(reckon, self.learn_refunded):
            case Payment.GIVEN_UP:
                return Ending.CLOSED_BY_PLATFORM
            case Payment.NOTHING_OWED if isinstance(self.concluded, Ending):
                return self.concluded
        return settled.ending

    async def reckoned(self, settled: Settled, units: tuple[Line, ...], told: Money) -> Owed | None:
        """How much of what both were `told` is still to pay, if anything is."""
        if isinstance(self.concluded, Ending):
            return None
        reduces = settled.remedy is Remedy.PARTIAL_REFUND
        left = self.price_left(units) if reduces else self.left(units)
        # Of a full refund, what is left by now: more, too, if another case's refund has failed.
        amount = min(settled.amount or left, left, key=lambda money: money.amount_minor)
        free = not self.sale.paid_for(units).amount_minor  # it never moved any money
        if self.sale.unpaid and workflow.patched("dispute-of-what-was-not-paid"):
            amount = amount.model_copy(update={"amount_minor": 0})
        if not amount.amount_minor and (free or workflow.patched("dispute-owes-nothing")):
            self.note(NOTHING_OWED.what)
            self.tell_announced()
            self.less = (told if told.amount_minor else None), amount
            self.tell_less()
            return None
        self.rest_on(Party.PLATFORM)
        agreed = told if told.amount_minor > amount.amount_minor else None
        to_pay = units if reduces else self.refundable(units)
        return Owed(amount, to_pay, agreed, reduction=reduces)

    async def have_sent_again(self) -> Turn | None:
        """The seller sends the goods again and says so; silence brings the agents back."""
        clock = self.start("fulfilment", Party.SELLER)
        self.fulfilment_awaited = True
        self.ask(clock, NoticeName.FULFILMENT_ASKED, remedy=Remedy.SEND_AGAIN)
        self.tell(
            Party.BUYER, NoticeName.FULFILMENT_EXPECTED, remedy=Remedy.SEND_AGAIN, due=clock.due
        )
        move = await self.hear_one_of((Fulfil,), Party.SELLER, clock)
        self.fulfilment_awaited = False
        match move:
            case Silence():
                self.breach(clock)
                self.concluded = None
                return Stuck(Question.NOT_FULFILLED)
            case Fulfil(text=text, by=by):
                self.tell(
                    Party.BUYER,
                    NoticeName.FULFILLED,
                    remedy=Remedy.SEND_AGAIN,
                    text=text or None,
                    writer=by,
                )
        return None

    # Verbs below the timeline.

    async def learn_again(self, remedy: Remedy | None, amount: Money | None) -> None:
        """Learn what is left to pay before both are told of a remedy by which money goes back."""
        if self.registration.edition < SAYS_WHY_LESS or remedy is None or not remedy.refunds:
            return
        before = self.as_paid(remedy, amount)
        await self.learn_refunded()
        after = self.as_paid(remedy, amount) or self.nothing
        if before and after.amount_minor < before.amount_minor:
            self.less = before, after

    async def price(self, move: MOVES) -> None:
        """An offer that names no amount is of all that is left, and one that does of no more."""
        others = self.beside.ids and self.registration.edition >= LEARNS_FIRST
        if isinstance(move, Offer) and (move.amount is None or others):
            await self.learn_again(move.remedy, move.amount)

    def as_paid(self, remedy: Remedy | None, amount: Money | None) -> Money | None:
        """What really goes back by a remedy, as far as is known; None if nothing does."""
        told = refund_of(remedy, amount, self.at_stake) if remedy else None
        if told is None or self.registration.edition < SAYS_WHY_LESS:
            return told
        reduces = remedy is Remedy.PARTIAL_REFUND and self.registration.edition >= LEARNS_FIRST
        left = self.price_left(self.registration.lines) if reduces else self.at_stake
        really = min(told, left, key=lambda money: money.amount_minor)
        return really if really.amount_minor else None

    def tell_opening(self) -> None:
        """The seller is told of the dispute and the buyer that it was received."""
        opening, reply = self.opening, self.replying[Party.SELLER]
        claimed = opening.amount or self.whole_claim
        if claimed and self.nothing_paid:
            claimed = self.nothing
        self.tell(
            Party.SELLER,
            NoticeName.DISPUTE_OPENED,
            reason=opening.reason,
            remedy=opening.wanted,
            amount=claimed,
            text=opening.text,
            writer=opening.opened_by if opening.opened_by.party is Party.BUYER else None,
            due=reply.due,
        )
        self.tell(
            Party.BUYER,
            NoticeName.DISPUTE_RECEIVED,
            remedy=opening.wanted,
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
                    amount=self.as_paid(move.remedy, move.amount),
                    text=move.text or None,
                    writer=move.by,
                    due=due,
                )
            case Reject():
                self.tell(
                    other,
                    NoticeName.OFFER_REJECTED,
                    text=move.text or None,
                    writer=move.by,
                    due=due,
                )
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
        if isinstance(move, MOVES):
            self.tell_move(move)
        self.agents_task.finish()
        if isinstance(settled := self.concluded, Settled):
            self.announce(
                lambda: self.tell_both(
                    NoticeName.OFFER_ACCEPTED,
                    remedy=settled.remedy,
                    amount=self.as_paid(settled.remedy, settled.amount),
                )
            )
        return self.concluded
