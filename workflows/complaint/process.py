"""A complaint: goods are not as they should be, and the seller answers for it (W3).

Read `run()` first. Repair or replacement comes first, a reduced price or the end of the contract
after it; what a seller's silence means is each country's law. What may be sent, and the facts it
is judged by, are in terms.py and record.py.
"""

from dataclasses import dataclass
from typing import ClassVar

from temporalio import workflow

from domain.ahead import NOTHING_OWED, Ahead
from domain.commands import (
    Accept,
    AcceptComplaint,
    AskForHelp,
    AskInformation,
    Choose,
    Clarify,
    Command,
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
)
from domain.complaining import FIRST_TIER, SECOND_TIER, parcels_of
from domain.goods import Purpose, ReturnReason
from domain.money import Money
from domain.notices import Ending, NoticeName, Told, also
from domain.openings import (
    CarrierTrouble,
    OpenComplaint,
    OpenWithdrawal,
)
from domain.parties import RECOURSE, Party
from domain.policy import OnSilence
from domain.ports import LEARNS_FIRST, SAYS_WHY_LESS
from domain.questions import Question
from domain.stages import Stage
from domain.view import Closed
from workflows.complaint.record import ENDS, ComplaintRecord
from workflows.complaint.terms import AHEAD
from workflows.kernel.case import Silence
from workflows.kernel.deadline import Clock
from workflows.kernel.refunding import Owed, Payment
from workflows.kernel.returns import DONE, GOODS, NOTHING_BACK


@dataclass(frozen=True)
class Granted:
    """This is to be carried out; a reduced price without an amount still has to be reckoned."""

    remedy: Remedy
    amount: Money | None = None


@dataclass(frozen=True)
class Proposed:
    """The seller has named by how much the price is reduced: the buyer answers."""

    amount: Money
    by: NameAmount | AcceptComplaint


@dataclass(frozen=True)
class SecondTier:
    """No repair and no replacement: the buyer chooses a reduced price or the end of the contract.

    `offered`: the acceptance in which the seller has offered one of them.
    """

    why: str
    offered: AcceptComplaint | None = None


@dataclass(frozen=True)
class Stuck:
    """An agent is needed, and this is why. `named`: the amount that the seller had named."""

    why: Question
    named: Money | None = None


Turn = Granted | Proposed | SecondTier | Stuck | Ending


@workflow.defn(name="Complaint")
class Complaint(ComplaintRecord):
    """A buyer complains; the seller makes it good, pays for it, or says why not."""

    AHEAD: ClassVar[Ahead] = AHEAD

    @workflow.init
    def __init__(self, opening: OpenComplaint) -> None:
        super().__init__(opening)

    # The timeline.

    @workflow.run
    async def run(self, opening: OpenComplaint) -> Closed:
        """A complaint, from the buyer's statement until it is made good, refused or given up."""
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        self.units = self.registration.lines
        turn = await self.begin() or await self.hear_seller()
        while not (self.ended or isinstance(turn, Ending)):
            match turn:
                case Granted():
                    turn = await self.carry_out(turn)
                case Proposed():
                    turn = await self.weigh_amount(turn)
                case SecondTier():
                    turn = await self.let_choose(turn)
                case Stuck():
                    turn = await self.judge(turn)
        ending = turn if isinstance(turn, Ending) else self.gone
        await self.send_goods_back(ending)
        return await self.close(ending)

    async def begin(self) -> Ending | None:
        """The seller's time runs from the complaint; both are told, and asked what was meant."""
        self.answering = self.start("answer", Party.SELLER, since=self.received_at)
        self.answering.remind_again(self.now)
        if self.over_there:
            self.note("time to answer was over there", detail=f"{self.over_there}")
        if self.decision_differs:
            self.note("decided by another day there", detail=f"{self.opening.decision_due}")
        ended: Ending | None = None
        if self.unclear:
            ended = await self.clarify()
        else:
            self.tell_opening()
        if before := self.returns.goods_in or self.opening.instead_of:
            await self.take_over(before)
        if self.opening.reason is ReturnReason.DAMAGED:
            await self.claim_from_carriers()
        return ended

    async def clarify(self) -> Ending | None:
        """It may be a complaint or a withdrawal: the buyer is asked while both clocks run."""
        self.enter(Stage.CLARIFYING)
        assert self.answering is not None
        refunding = self.start("refund_if_withdrawal", Party.SELLER, since=self.received_at)
        clock = self.start("clarification", Party.BUYER)
        told: Told = {
            "goods": self.named(self.units),
            "text": self.opening.text,
            "at": self.received_at,
        }
        self.ask(clock, NoticeName.MEANING_ASKED, **told)
        self.tell(
            Party.SELLER,
            NoticeName.MEANING_UNCLEAR,
            **also(
                told,
                due=self.answering.due,
                safe=self.answering.safe,
                refund_due=refunding.due,
            ),
        )
        match await self.hear_answer(Party.BUYER, clock, self.answering, refunding):
            case Clarify(meant=Meaning.WITHDRAWAL):
                if await self.become_withdrawal():
                    return Ending.BECAME_WITHDRAWAL
                taken = "no-right"
            case Clarify(wanted=wanted):
                self.wanted, taken = wanted or self.wanted, ""
            case Silence():
                taken = "silence"
            case _:
                return self.ended
        self.unclear = False
        self.tell_opening(taken)
        return self.ended

    async def become_withdrawal(self) -> bool:
        """Whether a withdrawal could be opened instead; its times count from this statement."""
        case_id, refused = await self.open_instead(
            OpenWithdrawal(
                country=self.opening.country,
                order_id=self.opening.order_id,
                opened_by=RECOURSE,
                text=self.opening.text,
                attachments=self.opening.attachments,
                lines=self.units,
                stated_at=self.received_at,
                instead_of=self.id,
                in_hand_on=self.opening.in_hand_on,
            )
        )
        self.note("no withdrawal" if refused else "withdrawal opened", detail=case_id)
        return refused is None

    async def hear_seller(self) -> Turn:
        """The seller accepts, refuses, or asks once for what is missing; or is silent."""
        assert self.answering is not None
        while True:
            informing = self.informing
            self.enter(Stage.AWAITING_BUYER if informing else Stage.AWAITING_SELLER)
            awaited = Party.BUYER if informing else Party.SELLER
            clocks = (informing, self.answering) if informing else (self.answering,)
            match await self.hear_answer(awaited, *clocks):
                case AskInformation() as asked:
                    self.seek_information(asked)
                case SupplyInformation(text=text):
                    self.end_information(text)
                case Silence(clock) if clock is informing:
                    self.end_information(None)
                case Silence(clock):
                    return self.heed_silence(clock)
                case AcceptComplaint() as grant:
                    return self.granted(grant)
                case Refuse(reason=RefuseReason.NOT_DELIVERED) as contest:
                    if (turn := await self.have_delivery_ruled(contest)) is not None:
                        return turn
                case Refuse() as refusal:
                    return await self.have_refused(refusal)
                case _:
                    return self.gone

    async def have_delivery_ruled(self, contest: Refuse) -> Turn | None:
        """The seller says that the goods never came, against the buyer's word: an agent rules.

        The seller's time does not run meanwhile; None if it runs on, for the goods are in hand.
        """
        assert self.answering is not None
        self.informing = None
        self.answering.resume("information", self.now)
        self.answering.hold("delivery", self.now)
        self.enter(Stage.WITH_AGENT)
        self.step.next()
        self.tell_both(NoticeName.DELIVERY_CONTESTED, text=contest.text, writer=contest.by)
        move = await self.have_ruled(Question.DELIVERY_UNPROVEN)
        self.answering.resume("delivery", self.now)
        match move:
            case AcceptComplaint() as grant:
                return self.granted(grant)
            case Decide(verdict=Verdict.FOR_SELLER):
                return Ending.DECIDED
            case Decide():
                self.proven = True
                due = self.answering.due
                self.tell_both(NoticeName.DEADLINE_MOVED, due=due, awaited=Party.SELLER)
                return None
            case _:
                return self.gone

    def seek_information(self, asked: AskInformation) -> None:
        """The buyer is asked for what is missing; whether the seller's time runs on is policy."""
        assert self.answering is not None
        self.informing = self.start("information", Party.BUYER)
        self.ask(self.informing, NoticeName.INFORMATION_WANTED, text=asked.text, writer=asked.by)
        if self.policy.information_holds:
            self.answering.hold("information", self.now)

    def end_information(self, text: str | None) -> None:
        """It came, or the seller answers without it; the buyer learns of a time that has moved."""
        assert self.answering is not None
        self.informing, before = None, self.answering.due
        self.answering.resume("information", self.now)
        due, safe = self.answering.due, self.answering.safe
        self.tell(Party.SELLER, NoticeName.INFORMATION_SUPPLIED, text=text, due=due, safe=safe)
        if due != before:
            self.tell(Party.BUYER, NoticeName.DEADLINE_MOVED, due=due, awaited=Party.SELLER)

    def heed_silence(self, clock: Clock) -> Turn:
        """The seller did not answer: what that means is the country's law."""
        match self.silence:
            case OnSilence.DEEMED_ACCEPTED:
                self.note("deemed accepted")
                told: Told = {"due": clock.due, "remedy": self.wanted}
                self.announce(
                    lambda: self.tell_both(
                        NoticeName.COMPLAINT_DEEMED_ACCEPTED,
                        **also(told, amount=self.as_left(self.wished)),
                    )
                )
                return Granted(self.goods_first(self.wanted))
            case OnSilence.SECOND_TIER:
                self.breach(clock)
                return SecondTier("seller-silent")
            case _:
                self.breach(clock)
                self.tell(Party.SELLER, NoticeName.REPLY_BREACH, due=clock.due)
                return Stuck(Question.SELLER_SILENT)

    def granted(self, grant: AcceptComplaint) -> Turn:
        """What the seller's acceptance leads to."""
        remedy = grant.remedy or self.wanted
        amount = grant.amount or (self.wished if remedy is Remedy.PARTIAL_REFUND else None)
        if self.wanted in FIRST_TIER and remedy in SECOND_TIER:
            return SecondTier("not-granted", grant)
        if amount and not self.is_as_wished(amount):
            return Proposed(amount, grant)
        self.announce_accepted(remedy, amount, grant)
        return Granted(remedy, amount)

    def announce_accepted(
        self, remedy: Remedy, amount: Money | None, by: AcceptComplaint | NameAmount
    ) -> None:
        """Both are told that the complaint is accepted, and how."""
        told: Told = {"remedy": remedy, "text": by.text or None, "writer": by.by}
        self.announce(
            lambda: self.tell_both(
                NoticeName.COMPLAINT_ACCEPTED, **also(told, amount=self.as_left(amount))
            )
        )

    async def have_refused(self, refusal: Refuse) -> Turn:
        """The buyer has the reasons on a durable medium, and time to call an agent."""
        self.enter(Stage.REFUSED)
        clock = self.start("objection", Party.BUYER)
        self.ask(
            clock,
            NoticeName.COMPLAINT_REFUSED,
            refused=refusal.reason,
            text=refusal.text,
            writer=refusal.by,
        )
        match await self.hear_answer(Party.BUYER, clock):
            case Silence():
                return Ending.REFUSED
            case AskForHelp():
                return Stuck(Question.REFUSAL_CONTESTED)
            case AcceptComplaint() as grant:
                return self.granted(grant)
            case _:
                return self.gone

    async def let_choose(self, tier: SecondTier) -> Turn:
        """The buyer chooses a reduced price or the end of the contract."""
        self.enter(Stage.CHOOSING)
        self.tier_opened = True
        clock = self.start("choice", Party.BUYER)
        offered = tier.offered
        told: Told = {"reason": tier.why}
        if offered:
            amount = await self.learn_left_of(offered.amount)
            told |= {"remedy": offered.remedy, "amount": amount}
            told |= {"text": offered.text or None, "writer": offered.by}
        self.ask(clock, NoticeName.SECOND_TIER_OPEN, **told)
        self.tell(Party.SELLER, NoticeName.SECOND_TIER_OPEN, **also(told, due=clock.due))
        match await self.hear_answer(Party.BUYER, clock):
            case Silence():
                return Ending.BUYER_SILENT
            case Choose(remedy=remedy, amount=amount):
                self.wanted, self.wished = remedy, amount
                left = self.as_left(amount)
                self.tell(Party.SELLER, NoticeName.REMEDY_CHOSEN, remedy=remedy, amount=left)
                if offered and offered.remedy is remedy:
                    given = offered.amount
                    enough = given and (amount is None or self.is_as_wished(given))
                    return Granted(remedy, given if enough else None)
                return Granted(self.goods_first(remedy))
            case _:
                return self.gone

    async def judge(self, stuck: Stuck) -> Turn:
        """An agent rules; what the seller missed or refused can still be done until then."""
        self.enter(Stage.WITH_AGENT)
        self.step.next()
        self.ruling = None
        deciding = self.call_agents(stuck.why)
        self.tell_both(NoticeName.AGENT_JOINS, reason=stuck.why, due=deciding.due)
        move = await self.hear_agent(deciding)
        self.agents_task.finish()
        match move:
            case AcceptComplaint() as grant:
                return self.granted(grant)
            case NameAmount() as named:
                return self.amount_named(named)
            case Decide() as ruling:
                amount = ruling.amount or (None if ruling.remedy else stuck.named)
                remedy = ruling.remedy or (Remedy.PARTIAL_REFUND if amount else None)
                told: Told = {
                    "verdict": ruling.verdict,
                    "remedy": remedy,
                    "text": ruling.reasoning,
                    "writer": ruling.by,
                }
                self.announce(
                    lambda: self.tell_both(
                        NoticeName.DECISION_FINAL, **also(told, amount=self.as_left(amount))
                    )
                )
                return Granted(remedy, amount) if remedy else Ending.DECIDED
            case _:
                return self.gone

    # A remedy is carried out.

    async def carry_out(self, granted: Granted) -> Turn:
        """First the goods, then the money."""
        if not self.is_paid_at_once(granted):
            goods_first = granted.remedy is Remedy.RETURN_FOR_REFUND
            named_next = granted.remedy is Remedy.PARTIAL_REFUND and (
                self.beside.ids or self.registration.edition >= LEARNS_FIRST
            )
            if self.registration.edition >= SAYS_WHY_LESS and (goods_first or named_next):
                await self.learn_refunded()
            self.tell_announced()
        match granted.remedy:
            case Remedy.REPAIR | Remedy.REPLACEMENT:
                return await self.make_good(granted.remedy)
            case Remedy.PARTIAL_REFUND if granted.amount:
                return await self.reduce_price(granted.amount)
            case Remedy.PARTIAL_REFUND:
                return await self.have_amount_named()
            case Remedy.RETURN_FOR_REFUND if not self.kept:
                return await self.take_goods_back()
            case _:
                return await self.give_money_back()

    def is_paid_at_once(self, granted: Granted) -> bool:
        """Whether it moves money, and nothing comes before that."""
        match granted.remedy:
            case Remedy.PARTIAL_REFUND:
                return granted.amount is not None
            case Remedy.RETURN_FOR_REFUND:
                return self.kept
            case remedy:
                return remedy is Remedy.FULL_REFUND

    async def make_good(self, remedy: Remedy) -> Turn:
        """The goods are repaired or replaced, and then tried by the buyer."""
        self.enter(Stage.SETTLING)
        self.rest_on(Party.BUYER)
        result = await self.returns.have_back(GOODS[remedy], self.units)
        if (turn := self.without_goods(result)) is not None:
            return turn
        self.units = result.accepted or self.units
        self.enter(Stage.WATCHING)
        clock = self.start("trial", Party.BUYER)
        self.ask(clock, NoticeName.REMEDY_TRIAL, purpose=GOODS[remedy])
        match await self.hear_answer(Party.BUYER, clock):
            case Silence():
                return result.ending
            case ReportFailed(text=text, by=by):
                self.failures += 1
                self.tell(Party.SELLER, NoticeName.REMEDY_FAILED, text=text, writer=by)
                if self.failures >= self.policy.failed_remedies:
                    return SecondTier("failed")
                return Granted(remedy)
            case AskForHelp():  # nothing came: there is nothing to try, and nothing to send
                self.kept = True
                return Stuck(Question.NOT_FULFILLED)
            case _:
                return self.gone

    async def take_goods_back(self) -> Turn:
        """The contract ends: the goods go back, then the price of what came is paid. Both read it
        where nothing of that is left to pay.
        """
        if self.registration.edition >= SAYS_WHY_LESS and not self.left(self.units).amount_minor:
            self.less = self.sale.paid_for(self.units), self.nothing
            self.tell_less()
        self.enter(Stage.SETTLING)
        self.rest_on(Party.BUYER)
        result = await self.returns.have_back(Purpose.REFUND, self.units)
        if (turn := self.without_goods(result)) is not None:
            return turn
        self.units = result.accepted or self.units
        return await self.give_money_back()

    def without_goods(self, result: Closed) -> Turn | None:
        """What follows from a return that did not end as it should; None if it did."""
        if self.ended or result.ending in NOTHING_BACK:
            return self.ended or result.ending
        if result.ending in DONE:
            return None
        self.kept = result.ending is Ending.NOT_FULFILLED
        return Stuck(Question.NOT_FULFILLED)

    async def give_money_back(self) -> Turn:
        """The price, with its share of the delivery; nothing is deducted."""
        await self.pay()
        return Ending.REFUNDED if self.paid else self.gone

    async def reduce_price(self, amount: Money) -> Turn:
        """The buyer keeps the goods for less, and can still withdraw for the rest; units refunded
        elsewhere have no price left, and one that was to be reduced by more than is left is reduced
        by that.
        """
        self.enter(Stage.REFUNDING)
        units = self.units
        agreed: Money | None = None

        async def reckon() -> Owed | None:
            nonlocal agreed, amount
            left = self.price_left(units)
            unpaid = self.sale.unpaid and workflow.patched("complaint-of-what-was-not-paid")
            if unpaid or not left.amount_minor:
                return None
            if amount.amount_minor > left.amount_minor:
                self.note("amount lowered", detail="other money came back meanwhile")
                agreed, amount = agreed or amount, left
            explained = agreed if self._announcements else None
            self.tell_announced()
            if self.registration.edition >= LEARNS_FIRST:
                self.less = (explained, amount) if explained else None
                self.tell_less()
                agreed = None if explained else agreed
            return Owed(amount, units, agreed, reduction=True)

        await self.leave_out_refunded()
        match await self.pay_back(reckon, self.leave_out_refunded):
            case Payment.PAID:
                self.paid = amount
                return Ending.PRICE_REDUCED
            case Payment.GIVEN_UP:
                return Ending.CLOSED_BY_PLATFORM
            case Payment.NOTHING_OWED:
                return self.nothing_left(agreed or amount)

    def nothing_left(self, agreed: Money | None) -> Ending:
        """No price is left that could be reduced."""
        self.note(NOTHING_OWED.what)
        self.tell_announced()
        self.less = (agreed or self.nothing, self.nothing)
        self.tell_less()
        return Ending.NOTHING_OWED

    async def have_amount_named(self) -> Turn:
        """The price is to be reduced, and by how much is a person's to say: first the seller's."""
        says_less = self.registration.edition >= SAYS_WHY_LESS
        if says_less and not self.price_left(self.units).amount_minor:
            return self.nothing_left(self.wished)
        self.enter(Stage.AWAITING_AMOUNT)
        clock = self.start("amount", Party.SELLER)
        left = self.as_left(self.wished)
        self.ask(clock, NoticeName.AMOUNT_WANTED, amount=left)
        if self.wished and left and left.amount_minor < self.wished.amount_minor:
            self.less = self.wished, left
            self.tell_less()
        match await self.hear_answer(Party.SELLER, clock):
            case Silence():
                return Stuck(Question.AMOUNT_MISSING)
            case NameAmount() as named:
                return self.amount_named(named)
            case _:
                return self.gone

    def amount_named(self, named: NameAmount) -> Turn:
        """As much as the buyer has asked for needs no answer."""
        if self.is_as_wished(named.amount):
            self.announce_accepted(Remedy.PARTIAL_REFUND, named.amount, named)
            return Granted(Remedy.PARTIAL_REFUND, named.amount)
        return Proposed(named.amount, named)

    async def weigh_amount(self, proposed: Proposed) -> Turn:
        """The buyer accepts the amount that the seller has named, or an agent sets it."""
        self.enter(Stage.AMOUNT_NAMED)
        clock = self.start("amount_answer", Party.BUYER)
        amount = proposed.amount
        if self.registration.edition >= LEARNS_FIRST:
            self.step.next()
            self.turn_to(Party.BUYER, clock)
            amount = await self.learn_left_of(amount) or amount
            if not (amount.amount_minor or self.ended):
                return self.nothing_left(proposed.amount)
        text, writer = proposed.by.text or None, proposed.by.by
        self.ask(clock, NoticeName.AMOUNT_NAMED, amount=amount, text=text, writer=writer)
        match await self.hear_answer(Party.BUYER, clock):
            case Accept():
                return Granted(Remedy.PARTIAL_REFUND, amount)
            case Reject() | Silence():
                return Stuck(Question.AMOUNT_CONTESTED, amount)
            case _:
                return self.gone

    # Verbs below the timeline.

    async def hear_answer(self, awaited: Party, *clocks: Clock) -> Command | Silence | None:
        """The next move that answers what is asked, or ends the case; or silence."""
        self.step.next()
        return await self.hear_one_of((*self.STEPS, *ENDS), awaited, *clocks)

    def as_left(self, amount: Money | None) -> Money | None:
        """By how much the price is really reduced, as far as is known."""
        if amount is None or self.registration.edition < LEARNS_FIRST:
            return amount
        left = self.nothing if self.sale.unpaid else self.price_left(self.units)
        return min(amount, left, key=lambda money: money.amount_minor)

    async def learn_left_of(self, amount: Money | None) -> Money | None:
        """Learn what is left of an amount before letters name it; both read why it is less."""
        if amount is None or self.registration.edition < LEARNS_FIRST:
            return amount
        await self.learn_refunded()
        left = self.as_left(amount)
        if left and 0 < left.amount_minor < amount.amount_minor:
            self.less = amount, left
            self.tell_less()
        return left

    @property
    def gone(self) -> Ending:
        """The end that somebody has put to the case."""
        assert self.ended is not None
        return self.ended

    def is_as_wished(self, amount: Money) -> bool:
        """Whether it is at least what the buyer has asked for."""
        return self.wished is not None and amount.amount_minor >= self.wished.amount_minor

    @staticmethod
    def goods_first(remedy: Remedy) -> Remedy:
        """Where the seller has not said otherwise, the goods go back before the money does."""
        return Remedy.RETURN_FOR_REFUND if remedy is Remedy.FULL_REFUND else remedy

    async def send_goods_back(self, ending: Ending) -> None:
        """Goods that the seller had before, and that are neither made good nor paid, go back."""
        if self.returns.goods_in and not self.returns.ids and ending is not Ending.REFUNDED:
            await self.returns.begin(Purpose.REPAIR, self.units, only_back=True)

    async def claim_from_carriers(self) -> None:
        """Damage on the way is the seller's claim against the carrier: beside this, not awaited."""
        for parcel in parcels_of(self.sale, self.units):
            assert parcel.tracking is not None
            await self.claims.begin(parcel.tracking, CarrierTrouble.DAMAGE)

    def tell_opening(self, taken: str = "") -> None:
        """Both are told of the complaint; `taken`: why an unclear statement was taken for one."""
        self.enter(Stage.AWAITING_SELLER)
        opening, clock = self.opening, self.answering
        assert clock is not None
        told: Told = {
            "goods": self.named(self.units),
            "remedy": self.wanted,
            "silence": self.silence,
            "text": opening.text,
            "at": self.received_at,
        }
        self.tell(
            Party.BUYER,
            NoticeName.COMPLAINT_TAKEN if taken else NoticeName.COMPLAINT_RECEIVED,
            **also(
                told,
                due=clock.due,
                amount=self.wished,
                repairable=self.repairable or None,
                reason=taken or None,
            ),
        )
        self.ask(
            clock,
            NoticeName.COMPLAINT_OPENED,
            **also(
                told,
                fault=opening.reason,
                amount=self.wished,
                repairable=self.repairable or None,
                decision_due=opening.decision_due if self.decision_differs else None,
                said_on=opening.in_hand_on if self.by_word else None,
            ),
        )
