"""A withdrawal: a buyer takes back a distance contract, in whole or in part (W1, W3, W4).

Read `run()` first. Two clocks run side by side: the buyer's to send the goods, and the seller's to
refund, which may be withheld until goods or proof of dispatch come, whichever is first. What may
be sent, and the facts it is judged by, are in terms.py and record.py.
"""

from typing import ClassVar

from temporalio import workflow

from domain.ahead import NOTHING_OWED, Ahead
from domain.commands import (
    Accept,
    ClaimException,
    Decide,
    Deduct,
    Refund,
    Reject,
    Revoke,
    Verdict,
)
from domain.goods import GoodsNews, News, Purpose, count, lines
from domain.kinds import Kind, kind_of
from domain.notices import Ending, NoticeName, Told, also
from domain.openings import OpenWithdrawal
from domain.orders import Line
from domain.parties import Party
from domain.ports import LEARNS_FIRST, SAYS_WHY_LESS
from domain.questions import Question
from domain.stages import Stage
from domain.view import Closed, OfferState
from workflows.kernel.case import Silence
from workflows.kernel.deadline import Clock
from workflows.withdrawal.record import WithdrawalRecord
from workflows.withdrawal.terms import AHEAD


@workflow.defn(name="Withdrawal")
class Withdrawal(WithdrawalRecord):
    """A buyer withdraws; the goods go back, and so does the money."""

    AHEAD: ClassVar[Ahead] = AHEAD

    @workflow.init
    def __init__(self, opening: OpenWithdrawal) -> None:
        super().__init__(opening)

    # The timeline.

    @workflow.run
    async def run(self, opening: OpenWithdrawal) -> Closed:
        """A withdrawal, from the buyer's statement until money and goods are where they belong."""
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        self.units = self.registration.lines
        if self.worthless:
            await self.end_at_once()
        else:
            await self.begin()
        while not (self.paid or self.ended):
            await self.go_on()
        if self.returns.under_way:
            self.enter(Stage.WATCHING)
            if self.paid is None:
                await self.returns.call_off()
            await self.see_goods_home(self.start("unsent", Party.BUYER))
        elif self.stage in (Stage.AWAITING_GOODS, Stage.WITHHELD):
            self.enter(Stage.WATCHING)  # ended while the return was only beginning, or just over
        return await self.close(Ending.REFUNDED if self.paid else self.ended or Ending.NOTHING_OWED)

    async def go_on(self) -> None:
        """The next that happens: goods move, somebody says something, or a clock runs out."""
        self.stand()
        awaited = Party.BUYER if self.withheld else Party.SELLER
        match await self.hear(awaited, *self.running, until=self.goods_moved):
            case None:
                await self.heed_goods()
            case Silence(clock):
                await self.heed_silence(clock)
            case Refund():
                await self.pay()
            case ClaimException() as claim:
                await self.weigh_exception(claim)
            case Deduct() as deduction:
                await self.weigh_deduction(deduction)
            case Revoke(by=by) if self.ended is None:
                self.tell(by.party.opposite, NoticeName.REVOCATION_WANTED, writer=by)

    async def heed_silence(self, clock: Clock) -> None:
        """What a clock's end means: the goods are missing, or stay unsent; or a breach."""
        if clock is self.sending and not self.in_hand:
            await self.have_goods_found()
        elif clock is self.sending:
            self.withhold()
        elif clock is self.unsent:
            self.ended = Ending.NOTHING_CAME_BACK
        elif self.withheld or self.owes_goods_alone:
            self.refunding = None  # no breach: the refund may be withheld
        else:
            await self.answer_for(clock)

    async def begin(self) -> None:
        """The statement is acknowledged at once, and both clocks run: the buyer's from the
        statement, the seller's from its receipt.
        """
        self.came = self.returns.goods_in is not None
        self.moved = kind_of(self.returns.goods_in or "") is Kind.RETURN  # the buyer has sent them
        told_before = self.opening.instead_of is not None
        received = self.stated_at if told_before else self.opened_at
        self.refunding = self.start("refund", Party.SELLER, since=received)
        if self.withheld:
            self.sending = self.start("send_goods", Party.BUYER, since=self.stated_at)
            self.sending.reminded = True  # the return reminds of it
        self.stand()
        told: Told = {
            "goods": self.named(self.units),
            "text": self.opening.text,
            "at": self.stated_at,
        }
        self.tell(
            Party.BUYER,
            NoticeName.WITHDRAWAL_ACKNOWLEDGED,
            **also(
                also(told, **self.figures()),
                due=self.sending.due if self.sending else None,
                unpaid=None if self.owed or self.registration.edition < SAYS_WHY_LESS else True,
                refund_due=self.refunding.due,
            ),
        )
        if self.owed or self.registration.edition < SAYS_WHY_LESS:
            self.ask(self.refunding, NoticeName.WITHDRAWAL_STATED, **also(told, amount=self.amount))
        else:
            told["unpaid"] = True
            self.tell(Party.SELLER, NoticeName.WITHDRAWAL_STATED, **also(told, amount=self.amount))
            self.refunding.reminded = True
        if self.withheld:
            self.refunding.reminded = True  # while it may be withheld, nobody is reminded of it
        if self.returns.goods_in:
            await self.demand_refund()
        else:
            await self.returns.begin(
                Purpose.REFUND,
                self.units,
                way=self.opening.way,
                send_window=self.policy.send_goods,
                counted_from=self.stated_at,
            )
        if before := self.returns.goods_in or self.opening.instead_of:
            await self.take_over(before)

    async def end_at_once(self) -> None:
        """Nothing is owed for these goods, and none have to come back: both read it at once."""
        told: Told = {
            "goods": self.named(self.units),
            "text": self.opening.text,
            "at": self.stated_at,
        }
        self.note(NOTHING_OWED.what)
        self.tell(Party.BUYER, NoticeName.WITHDRAWAL_ACKNOWLEDGED, **also(told, **self.figures()))
        self.tell(Party.SELLER, NoticeName.WITHDRAWAL_STATED, **also(told, amount=self.amount))
        if before := self.returns.goods_in or self.opening.instead_of:
            await self.take_over(before)
        self.ended = Ending.NOTHING_OWED

    def stand(self) -> None:
        """Whose turn it is: the buyer's to send, or the seller's to refund."""
        self.awaited = Party.BUYER if self.withheld else Party.SELLER
        self.clocks.waited = self.running
        if not self.withheld:
            self.enter(Stage.AWAITING_REFUND)
        else:
            self.enter(Stage.AWAITING_GOODS if self.sending else Stage.WITHHELD)

    def withhold(self) -> None:
        """Nothing was sent in time: the withdrawal stands, and its refund stays withheld."""
        self.sending = None
        self.unsent = self.start("unsent", Party.BUYER)
        self.tell_both(NoticeName.REFUND_WITHHELD, goods=self.named(self.units))

    async def have_goods_found(self) -> None:
        """The buyer withdrew before the goods were in hand: an agent finds out where they are."""
        self.sending = None
        await self.have_refund_ruled(Question.GOODS_MISSING)

    async def heed_goods(self) -> None:
        """Goods or proof of dispatch end the withholding; what came back is what is refunded."""
        was_withheld = self.withheld
        for news in self.news:
            self.sent = self.moved = True
            self.came = self.came or news.what is News.CAME
            # Proof of dispatch counts though a parcel is lost: goods that came are questioned.
            self.questioned = self.questioned or (self.came and news.what is News.QUESTIONED)
            self.way_back_minor = max(self.way_back_minor, news.charged_minor)
        self.news.clear()
        self.stand()
        if self.returns.over:
            await self.take_result(await self.returns.result())
        if was_withheld and not (self.withheld or self.paid or self.ended):
            self.sending = self.unsent = None
            self.stand()
            await self.demand_refund()
        elif self.owes_goods_alone and not (self.returns.under_way or self.paid or self.ended):
            self.note(NOTHING_OWED.what)
            self.ended = Ending.NOTHING_OWED
        if self.refunding and self.questioned:
            self.refunding.hold("finding", self.now)

    async def take_result(self, result: Closed) -> None:
        """How the return ended; without goods that count, an agent rules what is owed."""
        self.questioned = False
        if self.refunding:
            self.refunding.resume("finding", self.now)
        match result.ending:
            case Ending.RETURNED | Ending.NOT_TAKEN_BACK:
                self.came = self.moved = True
                self.keep_units(result.accepted)
            case Ending.RETURNLESS:
                self.sent = True  # the buyer keeps the goods: nothing is left to wait for
                self.keep_units(result.accepted)
            case _ if not self.came:
                await self.have_refund_ruled(Question.GOODS_MISSING)

    def keep_units(self, accepted: tuple[Line, ...]) -> None:
        """Only what is accepted as returned is refunded."""
        there = count(accepted)
        self.units = lines(
            {unit.sku: min(unit.quantity, there.get(unit.sku, 0)) for unit in self.units}
        )
        if not self.units:
            self.ended = Ending.NOTHING_OWED

    async def demand_refund(self) -> None:
        """The refund may be withheld no longer: by its day, or soon if that has passed."""
        if self.registration.edition >= SAYS_WHY_LESS:
            if self.registration.edition >= LEARNS_FIRST:
                await self.learn_what_is_left()
            elif self.beside.ids:
                await self.leave_out_refunded()
                self.tell_less()
            if not self.owed:
                self.refunding = None
                if not self.returns.under_way:
                    self.note(NOTHING_OWED.what)
                    self.ended = Ending.NOTHING_OWED
                return
        if self.refunding is None:
            self.refunding = self.start("refund_after_goods", Party.SELLER)
        self.refunding.remind_again(self.now)
        self.ask(self.refunding, NoticeName.REFUND_DUE, **self.figures())

    async def weigh_exception(self, claim: ClaimException) -> None:
        """The seller says that goods are excepted: the buyer accepts it, or an agent rules."""
        units = claim.units or self.units
        clock = self.start("exception_answer", Party.BUYER)
        self.ask(
            clock,
            NoticeName.EXCEPTION_CLAIMED,
            exception=claim.reason,
            goods=self.named(units),
            text=claim.text,
            writer=claim.by,
        )
        stands = await self.weigh(clock, Question.EXCEPTION_CONTESTED)
        if stands:
            gone = count(units)
            self.units = lines({u.sku: u.quantity - gone.get(u.sku, 0) for u in self.units})
            if not self.units:
                self.ended = Ending.EXCEPTED

    async def weigh_deduction(self, deduction: Deduct) -> None:
        """The seller proposes a deduction: the buyer accepts it, or an agent rules."""
        clock = self.start("deduction_answer", Party.BUYER)
        self.ask(
            clock,
            NoticeName.DEDUCTION_PROPOSED,
            amount=deduction.amount,
            text=deduction.text,
            writer=deduction.by,
        )
        stands = await self.weigh(clock, Question.DEDUCTION_CONTESTED)
        if stands:
            shared = self.ruling.amount if self.ruling else None
            self.deduction = shared or deduction.amount

    async def weigh(self, clock: Clock, question: Question) -> bool:
        """Whether the seller's proposal stands. The seller's time does not run meanwhile.

        The seller may drop it by ordering the refund, which is then paid in full.
        """
        self.enter(Stage.AWAITING_BUYER)
        if self.refunding:
            self.refunding.hold("proposal", self.now)
        self.ruling = None
        held = [self.refunding] if self.refunding else []
        move = await self.hear(Party.BUYER, clock, *held)
        if isinstance(move, Silence | Reject):
            self.enter(Stage.WITH_AGENT)
            move = await self.have_ruled(question, NoticeName.PROPOSAL_CONTESTED)
        if self.refunding:
            self.refunding.resume("proposal", self.now)
        match move:
            case Accept():
                stands = True
                self.tell_both(NoticeName.PROPOSAL_ACCEPTED)
            case Decide(verdict=verdict):
                stands = verdict is not Verdict.FOR_BUYER
            case _:
                stands = False
        self.mark_proposal(OfferState.ACCEPTED if stands else OfferState.REJECTED)
        if isinstance(move, Refund):
            await self.pay()
        return stands

    @workflow.signal
    async def goods(self, news: GoodsNews) -> None:
        """The return tells how the goods fare."""
        await self.silence_taken(news.at)
        self.note(f"goods {news.what}")
        self.news.append(news)
