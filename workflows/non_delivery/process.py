"""Goods that did not come: a last period to deliver, then the buyer may end the contract (P5).

Read `run()` first; the rule is directive 2011/83 art. 18. The seller's claim against the carrier
runs beside it as a case of its own, and neither waits for the other. Goods that came damaged are
complained about instead. What may be sent, and the facts it is judged by, are in
terms.py and record.py.
"""

from datetime import datetime
from typing import ClassVar

from temporalio import workflow

from domain.ahead import (
    NOTHING_OWED,
    Ahead,
)
from domain.commands import (
    Decide,
    ProveDelivery,
    Refuse,
    Reject,
    SendAgain,
    Ship,
    Terminate,
    Verdict,
)
from domain.goods import ParcelEvent, Undelivered
from domain.notices import Ending, NoticeName, Told, also
from domain.openings import CarrierTrouble, OpenNonDelivery, OpenUncollectedParcel
from domain.orders import Line
from domain.parties import RECOURSE, Actor, Party
from domain.ports import LEARNS_FIRST
from domain.questions import Question
from domain.stages import Stage
from domain.view import Closed
from workflows.kernel.case import Silence
from workflows.kernel.deadline import Clock
from workflows.non_delivery.record import NonDeliveryRecord
from workflows.non_delivery.terms import AHEAD, NOT_TURNED, UNDELIVERED, UNPAID


@workflow.defn(name="NonDelivery")
class NonDelivery(NonDeliveryRecord):
    """Goods are not delivered: they are brought after all, or paid back.

    Goods that come after the contract was ended do not change the stage: while the case is open,
    they go back to the seller by a return of their own, at the seller's cost, and the refund does
    not wait for it; until it is ordered, the buyer may withdraw the claim and keep them.
    """

    AHEAD: ClassVar[Ahead] = AHEAD

    @workflow.init
    def __init__(self, opening: OpenNonDelivery) -> None:
        super().__init__(opening)

    # The timeline.

    @workflow.run
    async def run(self, opening: OpenNonDelivery) -> Closed:
        """A non-delivery, from the buyer's word until the goods are there or paid back."""
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        self.units = self.registration.lines
        if opening.instead_of:
            await self.take_over(opening.instead_of)
        self.claim_from_carriers()
        if opening.essential_date:
            clock = await self.have_chosen(Undelivered.ESSENTIAL_DATE)
        else:
            clock = self.demand_delivery()
        while clock and not (self.paid or self.ended):
            match await self.hear(clock.awaited, clock, until=self.scanned):
                case None:
                    clock = await self.heed_scan() or clock
                case Refuse(text=text):
                    clock = await self.have_chosen(Undelivered.REFUSED, text) or clock
                case Ship() as shipped:
                    clock = self.watch(shipped)
                case ProveDelivery(text=text, by=by):
                    clock = self.report_delivered(text=text, writer=by)
                case SendAgain():
                    clock = self.demand_dispatch()
                case Terminate():
                    await self.end_contract()
                case Reject():
                    clock = await self.have_contest_ruled() or clock
                case Silence():
                    clock = await self.heed_silence(clock) or clock
        if self.paid or not self.owed:
            await self.see_goods_home()
        else:
            await self.returns.call_off()  # the buyer keeps what came
        return await self.close(Ending.REFUNDED if self.paid else self.ended or Ending.NOTHING_OWED)

    async def heed_silence(self, missed: Clock) -> Clock | None:
        """Nobody moved until the clock's end: whose turn it is then, if anybody's."""
        match self.stage:
            case Stage.FURTHER_PERIOD | Stage.AWAITING_DISPATCH:
                return await self.answer_for_delivery(missed)
            case Stage.IN_TRANSIT:
                return await self.lose(Undelivered.NOT_ARRIVED)
            case Stage.AWAITING_BUYER:
                if self.registration.edition >= LEARNS_FIRST and not await self.still_owed():
                    return None
                self.tell_both(NoticeName.CONTRACT_GOES_ON, goods=self.named(self.units))
                self.ended = Ending.BUYER_SILENT
            case Stage.CAME_BACK:
                self.step.take_by_itself()
                return await self.become_uncollected()
            case _:
                self.ended = Ending.DELIVERED
        return None

    def demand_delivery(self) -> Clock:
        """The seller has a further period, the last, to deliver (art. 18(2))."""
        self.enter(Stage.FURTHER_PERIOD)
        clock = self.start("further_period", Party.SELLER, since=self.opened_at)
        goods = self.named(self.units)
        self.ask(clock, NoticeName.DELIVERY_DEMANDED, goods=goods, text=self.opening.text)
        self.tell(Party.BUYER, NoticeName.DELIVERY_AWAITED, goods=goods, due=clock.due)
        return clock

    async def answer_for_delivery(self, missed: Clock) -> Clock | None:
        """The seller did not deliver in time: a breach, unless other cases have paid it all back,
        and the buyer may end the contract.
        """
        self.step.take_by_itself()
        if not await self.still_owed():
            return None
        self.breach(missed)
        return await self.have_chosen(Undelivered.NOT_SENT)

    async def have_chosen(self, why: Undelivered, text: str | None = None) -> Clock | None:
        """The buyer may end the contract, or have the goods sent again, unless other cases have
        paid it all back.
        """
        self.note("undelivered", detail=why)
        self.enter(Stage.AWAITING_BUYER)
        clock = self.start("choice", Party.BUYER)
        if self.registration.edition >= LEARNS_FIRST and self.known_at != self.now:
            self.turn_to(Party.BUYER, clock)
            if not await self.still_owed() or self.ended:
                return None
        told: Told = {
            "goods": self.named(self.units),
            "reason": why.value,
            "text": text,
            "amount": self.amount_if_less,
        }
        self.ask(clock, NoticeName.DELIVERY_FAILED, **told)
        self.tell(Party.SELLER, NoticeName.DELIVERY_FAILED, **also(told, due=clock.due))
        return clock

    def demand_dispatch(self) -> Clock:
        """The buyer has chosen to have the goods sent again."""
        self.enter(Stage.AWAITING_DISPATCH)
        clock = self.start("dispatch", Party.SELLER)
        goods = self.named(self.units)
        self.ask(clock, NoticeName.DISPATCH_DEMANDED, goods=goods)
        self.tell(Party.BUYER, NoticeName.DISPATCH_DEMANDED, goods=goods, due=clock.due)
        return clock

    def watch(self, shipped: Ship) -> Clock:
        """The goods are under way: they come, get lost, or are no longer waited for."""
        self.enter(Stage.IN_TRANSIT)
        clock = self.start("transit", Party.PLATFORM)
        self.tell(
            Party.BUYER,
            NoticeName.DELIVERY_UNDER_WAY,
            goods=self.named(self.units),
            carrier=shipped.carrier,
            tracking=shipped.tracking,
            expected_on=shipped.expected_on,
            due=clock.due,
        )
        return clock

    async def heed_scan(self) -> Clock | None:
        """What machines have told, as it happened: what is delivered, and what is lost."""
        clock, scans = None, sorted(self.scans, key=lambda event: event.at)
        self.scans.clear()
        for event in scans:
            if self.stage in (*UNDELIVERED, Stage.CAME_BACK) and self.delivers(event):
                clock = self.report_delivered(at=event.at)
            elif self.stage is Stage.IN_TRANSIT and self.loses(event):
                clock = await self.lose(Undelivered.LOST)
            elif (number := self.sends_back(event)) and workflow.patched("parcel-came-back"):
                clock = self.report_returned(number, event.at)
        return clock

    async def lose(self, why: Undelivered) -> Clock | None:
        """What was sent does not come: the seller may claim from the carrier; the buyer chooses."""
        self.claim_from_carriers()
        return await self.have_chosen(why)

    def report_delivered(
        self, text: str | None = None, writer: Actor | None = None, at: datetime | None = None
    ) -> Clock:
        """The goods are said to be with the buyer, who may contest it; `at`: by a machine."""
        self.delivered_at = at
        self.enter(Stage.DELIVERED)
        clock = self.start("objection", Party.BUYER)
        told: Told = {"goods": self.named(self.units), "text": text, "writer": writer}
        self.ask(clock, NoticeName.DELIVERY_REPORTED, **told)
        self.tell(Party.SELLER, NoticeName.DELIVERY_REPORTED, **also(told, due=clock.due))
        return clock

    def report_returned(self, tracking: str, at: datetime) -> Clock:
        """A parcel came back as not collected, says its carrier; the buyer, who says that it never
        came, may contest that. The seller may as well send it again.
        """
        self.came_back, self.came_back_at = tracking, at
        self.units = self.in_parcel(tracking)  # the others have come
        self.enter(Stage.CAME_BACK)
        clock = self.start("objection", Party.BUYER)
        told: Told = {"goods": self.named(self.units), "tracking": tracking}
        self.ask(clock, NoticeName.DELIVERY_CAME_BACK, **told)
        self.tell(Party.SELLER, NoticeName.DELIVERY_CAME_BACK, **also(told, due=clock.due))
        return clock

    async def have_contest_ruled(self) -> Clock | None:
        """The buyer contests what is said of the goods: an agent rules whether they were delivered,
        or came back because nobody collected them.
        """
        came_back = self.stage is Stage.CAME_BACK
        question = Question.NON_COLLECTION_CONTESTED if came_back else Question.DELIVERY_CONTESTED
        self.enter(Stage.WITH_AGENT)
        match await self.have_ruled(question):
            case Decide(verdict=Verdict.FOR_SELLER) if came_back:
                return await self.become_uncollected()
            case Decide(verdict=Verdict.FOR_SELLER):
                self.ended = Ending.DELIVERED
            case Decide():
                self.disproved_at = self.ruled_at = self.now
                why = Undelivered.CAME_BACK if came_back else Undelivered.NOT_PROVEN
                return await self.have_chosen(why)
        return None

    async def become_uncollected(self) -> Clock | None:
        """The buyer did not collect the goods, and the contract stands (P1): the case goes on as an
        uncollected parcel. If that cannot be opened, the buyer chooses.
        """
        if not await self.still_owed():
            return None
        assert self.came_back is not None
        case_id, result = await self.open_instead(
            OpenUncollectedParcel(
                country=self.opening.country,
                order_id=self.opening.order_id,
                opened_by=RECOURSE,
                tracking=self.came_back,
                lines=self.units,
                instead_of=self.id,
            )
        )
        if result:
            self.note(NOT_TURNED.what, detail=case_id)
            return await self.have_chosen(Undelivered.CAME_BACK)
        self.note(Ending.BECAME_UNCOLLECTED_PARCEL, detail=case_id)
        self.ended = Ending.BECAME_UNCOLLECTED_PARCEL
        return None

    async def end_contract(self) -> None:
        """The buyer ends the contract: everything paid goes back without delay (art. 18(3))."""
        if not await self.still_owed():
            return
        self.contract_ended = self.owed
        for event in self.scans_told:  # some of the goods may have come before
            if event.tracking or event in self.scans:
                self.heed_late(event)
        due = await self.begin_refund(
            NoticeName.CONTRACT_ENDED,
            NoticeName.BUYER_ENDED_CONTRACT,
            at=self.now,
            limit_minor=self.policy.automatic_limit_minor,
        )
        if due:
            await self.await_refund(due)
        elif not self.paid:
            self.ended = self.ended or Ending.NOTHING_OWED

    def heed_late(self, event: ParcelEvent) -> None:
        """Goods that have come for which the contract has ended go back; nothing waits for that."""
        if self.stage is Stage.CLOSED or not (late := self.came_too_late(event)):
            return
        if workflow.patched("goods-came-too-late"):
            self.errands.run(self.send_for_goods(late))

    async def send_for_goods(self, units: tuple[Line, ...]) -> None:
        """Both are told; a buyer who would rather keep them may say so until it is refunded."""
        keeps = (self.stage in UNPAID and not (self.step.taken or self.ended)) or None
        goods = self.named(units)
        await self.send_for(units, NoticeName.CAME_ALL_THE_SAME, goods=goods, unpaid=keeps)
        if self.ended and self.owed and not self.paid:
            await self.returns.call_off()  # the case has ended meanwhile, and the buyer keeps them

    # Verbs below the timeline.

    async def still_owed(self) -> bool:
        """Whether other cases have left any of the goods to be delivered or paid back."""
        await self.leave_out_openly()
        if not self.units:
            self.note(NOTHING_OWED.what)
            self.ended = Ending.NOTHING_OWED
        return bool(self.units)

    def claim_from_carriers(self) -> None:
        """The seller's claims against carriers are opened beside this case, one for each parcel
        that was sent and is not there (P5).
        """
        sent = [p.tracking for p in self.parcels if p.posted_at and not p.in_hand_at]
        if self.opening.tracking:
            sent = [self.opening.tracking]  # what was sent before came back
        if self.shipped:
            sent.append(self.shipped.tracking)
        for tracking in sent:
            if tracking:
                found = self.claims.found(tracking, self.woke_at)
                self.errands.run(self.claims.begin(tracking, CarrierTrouble.LOSS, found))

    # Machines tell.

    @workflow.signal
    async def parcel(self, event: ParcelEvent) -> None:
        """A carrier's machine has seen a parcel."""
        if not await self.is_news(event):
            return
        self.scans.append(event)
        self.note(f"parcel {event.scan}", detail=event.tracking or "")
        self.claims.hear_of(event)
        self.heed_late(event)
