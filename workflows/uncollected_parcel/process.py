"""An uncollected parcel: it came back to its seller, and the contract stands (P1-P4, P6).

Read `run()` first. Not collecting is not withdrawing: the buyer is asked, asked for the last time,
and then the seller may withdraw, by an act of their own. What may be sent, and the facts it is
judged by, are in terms.py and record.py.
"""

from typing import ClassVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.redeliveries import Redeliveries
from activities.seller_reports import SellerReports
from domain.ahead import NOTHING_OWED, Ahead
from domain.commands import (
    CancelOrder,
    Command,
    Decide,
    ReportBuyer,
    ReportCost,
    RetryRefund,
    SendAgain,
    Ship,
    Verdict,
    WithdrawFromContract,
)
from domain.goods import ParcelEvent, Scan
from domain.money import Money
from domain.notices import Ending, NoticeName, Told, also
from domain.openings import (
    OpenCancellation,
    Opening,
    OpenNonDelivery,
    OpenUncollectedParcel,
    OpenWithdrawal,
)
from domain.parties import RECOURSE, Actor, Party
from domain.ports import (
    LEARNS_FIRST,
    SAYS_WHY_LESS,
    CostClaim,
    NonCollection,
    Redelivery,
    RedeliveryPaid,
)
from domain.questions import Question
from domain.stages import Stage
from domain.view import Closed, Outcome
from workflows.kernel.case import Silence
from workflows.kernel.deadline import Clock
from workflows.kernel.errands import failure_type
from workflows.kernel.options import MARKETPLACE
from workflows.uncollected_parcel.record import (
    UncollectedParcelRecord,
)
from workflows.uncollected_parcel.terms import (
    AHEAD,
    NOT_TURNED,
    PAID,
    REFUSED,
    VOID_PAID,
    VOID_REFUSED,
)


@workflow.defn(name="UncollectedParcel")
class UncollectedParcel(UncollectedParcelRecord):
    """A parcel that nobody collected.

    A parcel that comes back again is another round: the buyer is asked anew, and once more for the
    last time. After more than `rounds` such rounds, or charges for sending again that stay unpaid,
    it is not sent again: the buyer is not asked a first time, but has the last period to cancel in,
    and then the seller may withdraw. The last period is given once in each round.
    """

    AHEAD: ClassVar[Ahead] = AHEAD

    @workflow.init
    def __init__(self, opening: OpenUncollectedParcel) -> None:
        super().__init__(opening)

    # The timeline.

    @workflow.run
    async def run(self, opening: OpenUncollectedParcel) -> Closed:
        """An uncollected parcel, from its coming back until the goods, or the money, are the
        buyer's.
        """
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        self.units = self.registration.lines
        if opening.instead_of and workflow.patched("taken-over"):
            await self.take_over(opening.instead_of)
        move: Command | None = None
        if self.registration.edition >= LEARNS_FIRST and self.worthless:
            self.less = None, self.nothing  # no contract has to be ended over it
        while not (self.paid or self.ended):
            match move or await self.what_becomes():
                case SendAgain():
                    move = await self.send_again()
                    continue
                case CancelOrder() as choice:
                    await self.become_cancellation(choice)
                case WithdrawFromContract(by=Actor(party=Party.BUYER)) as statement:
                    await self.become_withdrawal(statement)
                case WithdrawFromContract() as declaration:
                    await self.end_contract(declaration)
                case Decide(verdict=Verdict.FOR_BUYER):
                    await self.pay()
                    self.keep_deductions()
                case Decide():
                    self.ended = Ending.CONTRACT_STANDS
                case None:
                    self.ended = self.ended or Ending.DELIVERED
            move = None
        await self.void_redelivery()
        return await self.close(Ending.REFUNDED if self.paid else self.ended or Ending.NOTHING_OWED)

    async def what_becomes(self) -> Command | None:
        """The buyer says whether it is sent again or cancelled: asked once, and once more for the
        last time. What came back too often is only cancelled, yet in such a period too (P2). After
        that the seller may withdraw. None if the carrier was mistaken, and the buyer has it.
        """
        await self.void_redelivery()
        self.step.next()
        if not self.last_period_given:
            if not await self.still_theirs(since=LEARNS_FIRST):
                return None
            if self.unpaid < self.policy.rounds and not self.last_round:
                self.enter(Stage.AWAITING_BUYER)
                clock = self.start("notice", Party.BUYER)
                choice = await self.ask_buyer(clock, NoticeName.PARCEL_CAME_BACK)
                if not isinstance(choice, Silence):
                    return choice
                if not await self.still_theirs(since=LEARNS_FIRST):
                    return None
            self.enter(Stage.FURTHER_PERIOD)
            self.last_period_given = True
            clock = self.start("further_period", Party.BUYER)
            choice = await self.ask_buyer(clock, NoticeName.PARCEL_LAST_PERIOD)
            if not isinstance(choice, Silence):
                return choice
        return await self.seller_may_withdraw()

    async def ask_buyer(self, clock: Clock, letter: NoticeName) -> Command | Silence | None:
        """What the buyer chooses in time, with every cost named in money; None if they have it.

        What is not sent again any more has no cost of that.
        """
        self.announce_costs()
        told: Told = {
            "goods": self.named(self.units),
            "tracking": self.tracking,
            "cost": None if self.last_round else self.resend_cost,
            "amount": self.amount,
            "way_back": self.reported_way_back,
            "announced": (self.sale.return_cost_announced and not self.overdue) or None,
            "unpaid": bool(self.unpaid) or None,
        }
        self.ask(clock, letter, **told)
        self.tell(Party.SELLER, letter, **also(told, due=clock.due))
        return await self.hear(Party.BUYER, clock, until=self.collected)

    async def still_theirs(self, since: int = SAYS_WHY_LESS) -> bool:
        """Whether the buyer has not been paid back for all of the goods meanwhile; asked in cases
        that were registered `since` this edition.
        """
        if self.registration.edition < since:
            return True
        if self.registration.edition < LEARNS_FIRST or self.known_at != self.now:
            await self.leave_out_refunded()
        self.tell_less()
        if self.units and not (self.registration.edition >= LEARNS_FIRST and self.worthless):
            return True
        self.note(NOTHING_OWED.what)
        self.ended = Ending.NOTHING_OWED
        return False

    async def seller_may_withdraw(self) -> Command | None:
        """The act is drafted and ready, and nothing withdraws by itself (P2): a seller who does
        nothing is asked again, then an agent is.
        """
        self.enter(Stage.MAY_WITHDRAW)
        for time in range(self.policy.times_asked):
            if not await self.still_theirs():
                return None
            clock = self.start("seller_withdraws", Party.SELLER)
            told: Told = {"goods": self.named(self.units), **self.figures()}
            if time == 0:
                self.tell(Party.BUYER, NoticeName.SELLER_MAY_WITHDRAW, **also(told, due=clock.due))
            self.ask(clock, NoticeName.SELLER_MAY_WITHDRAW, **told)
            move = await self.hear(Party.SELLER, clock, until=self.collected)
            if not isinstance(move, Silence):
                return move
        if not await self.still_theirs(since=LEARNS_FIRST):
            return None
        self.enter(Stage.WITH_AGENT)
        return await self.have_ruled(
            Question.WITHDRAWAL_UNUSED, NoticeName.AGENT_JOINS, self.collected
        )

    # It is sent again.

    async def send_again(self) -> Command | None:
        """At the buyer's cost: paid for, then sent, then delivered; or what is chosen instead."""
        free = not self.resend_cost.amount_minor
        move = None if free else await self.have_paid()
        if move is None and (free or self.redelivery_is_paid):
            move = await self.have_dispatched()
        return await self.see_delivered(move) if isinstance(move, Ship) else move

    async def have_paid(self) -> Command | None:
        """The buyer pays in time; silence, and the question is asked again."""
        self.enter(Stage.AWAITING_PAYMENT)
        self.step.next()
        self.redelivery_is_paid = False
        self.redeliveries_asked += 1
        self.redelivery = Redelivery(
            key=f"{self.id}:redelivery:{self.redeliveries_asked}",
            case_id=self.id,
            order_id=self.opening.order_id,
            charge=self.resend_cost,
        )
        self.rest_on(Party.PLATFORM)
        try:
            await workflow.execute_activity_method(
                Redeliveries.request,
                self.redelivery,
                summary="have the buyer pay for sending it again",
                **MARKETPLACE,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self.note(REFUSED.what, detail=failure_type(error))
            self.redelivery = None
            self.enter(Stage.WITH_AGENT)
            return await self.have_ruled(Question.REDELIVERY_REFUSED)
        clock = self.start("payment", Party.BUYER)
        told: Told = {"goods": self.named(self.units), "cost": self.resend_cost}
        self.ask(clock, NoticeName.REDELIVERY_CHARGED, **told)
        self.tell(Party.SELLER, NoticeName.REDELIVERY_CHARGED, **also(told, due=clock.due))
        move = await self.hear(Party.BUYER, clock, until=self.redelivery_comes)
        if not isinstance(move, Silence):
            return move
        self.unpaid += 1
        return None

    def redelivery_comes(self) -> bool:
        """Whether it is paid for; what the buyer has chosen instead comes first."""
        return self.redelivery_is_paid and not self.step.taken

    async def have_dispatched(self) -> Command | None:
        """The seller sends it in time; silence is a breach, and an agent ends the contract or gives
        the seller the same time again.
        """
        while True:
            self.enter(Stage.AWAITING_DISPATCH)
            self.step.next()
            self.overdue = False
            clock = self.start("dispatch", Party.SELLER)
            told: Told = {"goods": self.named(self.units)}
            self.ask(clock, NoticeName.REDELIVERY_WANTED, **told)
            self.tell(Party.BUYER, NoticeName.REDELIVERY_WANTED, **also(told, due=clock.due))
            move = await self.hear(Party.SELLER, clock)
            if isinstance(move, Silence):
                self.breach(clock)
                self.overdue = True
                self.enter(Stage.WITH_AGENT)
                move = await self.have_ruled(Question.REDELIVERY_OVERDUE)
            if not (isinstance(move, Decide) and move.verdict is Verdict.FOR_SELLER):
                return move

    async def see_delivered(self, shipped: Ship) -> Command | None:
        """It arrives; or comes back once more, which is another round; or is not delivered (P5)."""
        self.enter(Stage.IN_TRANSIT)
        self.overdue = False
        self.used.append(shipped.tracking)
        self.tell(
            Party.BUYER,
            NoticeName.SHIPPED_BACK,
            goods=self.named(self.units),
            carrier=shipped.carrier,
            tracking=shipped.tracking,
            expected_on=shipped.expected_on,
        )
        clock = self.start("transit", Party.PLATFORM)
        while not self.ended:
            self.step.next()
            move = await self.hear(Party.PLATFORM, clock, until=self.arrived)
            match move or self.scan:
                case WithdrawFromContract() as statement:
                    await self.become_withdrawal(statement)
                case Scan.DELIVERED:
                    self.ended = Ending.DELIVERED
                case Scan.RETURNED:
                    self.round, self.came_back_at = self.round + 1, self.now
                    self.unpaid, self.last_period_given = 0, False
                    self.shipped = self.redelivery = None
                    return None
                case Scan.LOST | Silence():
                    return await self.become_non_delivery(shipped)
        return None

    def arrived(self) -> bool:
        """Whether it is known what became of the parcel; what the buyer has stated comes first."""
        return self.scan is not None and not self.step.taken

    async def void_redelivery(self) -> None:
        """What was asked for sending it again is owed no more, and given back if it was paid.

        Where that is refused for good, and the buyer has paid, an agent sees to it.
        """
        while asked := self.charged_in_vain:
            self.rest_on(Party.PLATFORM)
            try:
                await workflow.execute_activity_method(
                    Redeliveries.void,
                    asked,
                    summary="void the charge for sending again",
                    **MARKETPLACE,
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                self.note(VOID_REFUSED.what, detail=failure_type(error))
                if self.redelivery_is_paid and await self.have_charge_seen_to(asked.charge):
                    continue
            else:
                if self.redelivery_is_paid:
                    self.tell(Party.BUYER, NoticeName.REFUND_CONFIRMED, amount=asked.charge)
            self.redelivery, self.redelivery_is_paid = None, False

    async def have_charge_seen_to(self, charge: Money) -> bool:
        """An agent orders it anew; False if the platform closes the case over it."""
        self.enter(Stage.WITH_AGENT)
        ended, clock = self.ended, self.call_agents(Question.REDELIVERY_NOT_VOIDED)
        self.tell(Party.BUYER, NoticeName.REFUND_DELAYED, amount=charge)
        move = await self.hear_agent(clock, verbs=(RetryRefund,))
        self.agents_task.finish()
        self.ended = ended or self.ended
        return isinstance(move, RetryRefund)

    # How it ends.

    async def end_contract(self, declaration: WithdrawFromContract) -> None:
        """The seller's written declaration goes to the buyer, and the refund at once (P2, P3)."""
        await self.leave_out_refunded()
        if self.units:
            told: Told = {
                "goods": self.named(self.units),
                "at": self.now,
                "text": declaration.text or None,
                "writer": declaration.by,
            }
            self.announce(
                lambda: self.tell_both(NoticeName.SELLER_WITHDREW, **also(told, **self.figures()))
            )
        await self.pay()
        self.keep_deductions()

    async def become_cancellation(self, choice: CancelOrder) -> None:
        """The buyer cancels: the goods are there, and the refund has the cancellation's clock."""
        await self.leave_out_openly()
        way_back = None if self.overdue else self.way_back
        opening = OpenCancellation(**self.as_opened(), way_back=way_back)
        await self.turn_into(opening, Ending.BECAME_CANCELLATION, choice)
        self.keep_deductions()

    async def become_withdrawal(self, statement: WithdrawFromContract) -> None:
        """The buyer's own withdrawal (W1); goods that are with the seller need not be sent."""
        await self.leave_out_openly()
        await self.turn_into(
            OpenWithdrawal(
                **self.as_opened(),
                text=statement.text or statement.word(),
                stated_at=self.chosen_at,
                goods_in=None if self.under_way else self.id,
            ),
            Ending.BECAME_WITHDRAWAL,
            statement,
        )

    async def become_non_delivery(self, shipped: Ship) -> Command | None:
        """Sent again and not delivered: the way is the seller's risk, who gives the charge back.

        If that cannot be opened, an agent ends the contract.
        """
        self.step.take_by_itself()
        self.overdue, self.shipped = True, None
        await self.leave_out_openly()
        text = "The parcel that was sent again is missing."
        opening = OpenNonDelivery(**self.as_opened(), text=text, tracking=shipped.tracking)
        await self.turn_into(opening, Ending.BECAME_NON_DELIVERY)
        if self.ended:
            return None
        self.enter(Stage.WITH_AGENT)
        self.step.next()
        return await self.have_ruled(Question.REDELIVERY_MISSING)

    def as_opened(self) -> dict[str, object]:
        """What a case that this one turns into is opened with."""
        return {
            "country": self.opening.country,
            "order_id": self.opening.order_id,
            "opened_by": RECOURSE,
            "lines": self.units,
            "instead_of": self.id,
        }

    async def turn_into(
        self, opening: Opening, ending: Ending, choice: Command | None = None
    ) -> None:
        """Go on as another case, once that one runs; if it cannot, whose choice it was reads why,
        and this one goes on.
        """
        if not self.units:
            self.ended = Ending.NOTHING_OWED
            return
        case_id, result = await self.open_instead(opening)
        self.note(NOT_TURNED.what if result else ending, detail=case_id)
        if result is None:
            self.ended = ending
        elif choice:
            self.tell(
                choice.by.party,
                NoticeName.CHOICE_REFUSED,
                goods=self.named(self.units),
                at=self.chosen_at,
                ending=ending,
                reason=result.refusal.code if result.refusal else NOT_TURNED.what,
            )

    def announces(self, ending: Ending) -> bool:
        """A case that goes on as another one is not over for those who read of it."""
        return not ending.goes_on

    # What is kept for the seller.

    def record(self, command: Command) -> Outcome:
        """Costs and reports are kept at once; the platform writes to a buyer who is reported."""
        outcome = super().record(command)
        match command:
            case ReportCost():
                self.errands.run(self._keep_cost(self.cost_claim(len(self.costs) - 1)))
            case ReportBuyer():
                self.errands.run(self._keep_report(self.non_collection()))
                goods = self.named(self.units)
                self.tell(Party.BUYER, NoticeName.NON_COLLECTION_REPORTED, goods=goods)
        return outcome

    def keep_deductions(self) -> None:
        """What the refund was, or is, less by is no claim any more."""
        less = (Ending.NOTHING_OWED, Ending.BECAME_CANCELLATION)
        if self.paid or self.ended in less:
            for number, minor in self.deducted().items():
                self.errands.run(self._keep_cost(self.cost_claim(number, minor)))

    async def _keep_cost(self, cost: CostClaim) -> None:
        await self.own_database(SellerReports.keep_cost, cost, f"{cost.cost} cost")

    async def _keep_report(self, report: NonCollection) -> None:
        await self.own_database(SellerReports.keep_non_collection, report, "not collected")

    # Machines tell.

    @workflow.signal
    async def parcel(self, event: ParcelEvent) -> None:
        """A carrier's machine has seen a parcel."""
        if await self.is_news(event):
            self.note(f"parcel {event.scan}", detail=event.tracking or "")

    @workflow.signal
    async def redelivery_paid(self, paid: RedeliveryPaid) -> None:
        """The marketplace says that sending it again is paid for; a void charge is given back."""
        await self.silence_taken(self.now)
        current = self.redelivery is not None and paid.key == self.redelivery.key
        told = (PAID.what, VOID_PAID)
        if not any(one.what in told and one.detail == paid.key for one in self.timeline):
            self.note(PAID.what if current else VOID_PAID, detail=paid.key)
        self.redelivery_is_paid = self.redelivery_is_paid or current
