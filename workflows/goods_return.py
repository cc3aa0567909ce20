"""A return of goods: label, parcel, receipt, inspection, and what becomes of the goods (W5, H6).

Read `run()` first. The seller drives it; each stage is announced to the buyer by itself. Who has
the goods, what was decided about them, and the money are three things: custody is in
goods_record.py, decisions are made here, and money moves in the case that the return belongs to.
"""

from collections import Counter
from typing import Any, ClassVar

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

from activities.shipments import Shipments
from domain.commands import (
    Accept,
    BeginWork,
    Close,
    Decide,
    Explain,
    FinishWork,
    HandOver,
    Inspect,
    ProvideLabel,
    PutBack,
    Receive,
    ShipBack,
    Verdict,
)
from domain.goods import (
    Adopted,
    CallOff,
    GoodsNews,
    News,
    ParcelEvent,
    Purpose,
    Scan,
    Way,
    lines,
)
from domain.notices import Ending, NoticeName
from domain.openings import OpenReturn, OpenWithdrawal
from domain.parties import Party
from domain.policy import OnSilence
from domain.ports import LabelMade, LabelWanted
from domain.stages import Flow, Stage
from domain.view import Closed
from workflows.case import Silence
from workflows.deadline import Clock
from workflows.errands import failure_type
from workflows.goods_record import LATEST, GoodsRecord
from workflows.options import MARKETPLACE

AFTER_ARRIVAL = (
    Stage.AWAITING_BUYER,
    Stage.WITH_AGENT,
    Stage.WORKING,
    Stage.SENDING_BACK,
    Stage.CLOSED,
)


@workflow.defn(name="Return")
class GoodsReturn(GoodsRecord):
    """Goods come back to a seller, who receives, inspects, and sees to what is due."""

    FLOW: ClassVar[Flow] = {
        Stage.OPENING: (
            Stage.AWAITING_LABEL,
            Stage.AWAITING_GOODS,
            Stage.UNEXPLAINED,
            Stage.CLOSED,
        ),
        Stage.UNEXPLAINED: (Stage.SENDING_BACK, Stage.CLOSED),
        Stage.AWAITING_LABEL: (
            Stage.AWAITING_GOODS,
            Stage.IN_TRANSIT,
            Stage.INSPECTING,
            Stage.CLOSED,
        ),
        Stage.AWAITING_GOODS: (
            Stage.IN_TRANSIT,
            Stage.INSPECTING,
            Stage.WITH_AGENT,
            Stage.CLOSED,
        ),
        Stage.IN_TRANSIT: (
            Stage.INSPECTING,
            Stage.WITH_AGENT,
            Stage.SENDING_BACK,
            Stage.WORKING,
            Stage.CLOSED,
        ),
        Stage.INSPECTING: (Stage.IN_TRANSIT, *AFTER_ARRIVAL),
        Stage.AWAITING_BUYER: (Stage.IN_TRANSIT, *AFTER_ARRIVAL),
        Stage.WITH_AGENT: (Stage.INSPECTING, Stage.IN_TRANSIT, *AFTER_ARRIVAL),
        Stage.WORKING: (Stage.SENDING_BACK, Stage.CLOSED),
        Stage.SENDING_BACK: (Stage.WITH_AGENT, Stage.CLOSED),
    }

    @workflow.init
    def __init__(self, opening: OpenReturn) -> None:
        super().__init__(opening)

    # The timeline.

    @workflow.run
    async def run(self, opening: OpenReturn) -> Closed:
        """A return, from the label until the goods are where they belong."""
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        self.expect(self.registration.lines)
        if opening.received:
            return await self.end(await self.have_explained())
        if self.at_stake.amount_minor <= self.policy.returnless_limit_minor and self.refunds:
            self.tell_both(NoticeName.RETURNLESS, goods=self.named(self.expected))
            self.accept(self.expected)
            return await self.end(Ending.RETURNLESS)
        ending = await self.bring_back() or await self.see_to_the_goods()
        return await self.end(ending)

    async def end(self, ending: Ending) -> Closed:
        """Close, and say which units count as returned."""
        closed = await self.close(self.ended or ending)
        return closed.model_copy(update={"accepted": lines(self.accepted)})

    async def bring_back(self) -> Ending | None:
        """The goods are sent and arrive, all of them or what there is; an ending if none does."""
        sending = self.start_sending()
        self.tell_opening(sending)
        await self.see_to_the_label(sending)
        while not (self.ended or self.settled):
            self.moved = False
            if self.at_seller:
                await self.examine()
            elif self.called_off and (self.scanned in LATEST or not self.sent_at):
                return self.stop()
            elif self.scanned in LATEST:
                await self.have_missing_ruled()
            elif self.sent_at:
                await self.await_arrival()
            elif not await self.await_dispatch(sending):
                return Ending.NOT_SENT
        return None

    def stop(self) -> Ending | None:
        """The case that it belongs to needs the goods no more, and none are under way."""
        self.tell_both(NoticeName.CALLED_OFF, goods=self.named(self.lose()))
        return None if self.in_hand else Ending.CALLED_OFF

    async def see_to_the_label(self, sending: Clock | None) -> None:
        """The label is the seller's, the platform's, or the buyer's own affair."""
        if self.way in (Way.SELLERS_LABEL, Way.SELLER_COLLECTS):
            self.enter(Stage.AWAITING_LABEL)
            clock = self.start("label", Party.SELLER)
            self.ask(clock, NoticeName.LABEL_WANTED, goods=self.named(self.expected))
            match await self.hear(Party.SELLER, clock, until=self.goods_moved):
                case ProvideLabel(label=label):
                    self.tell(
                        Party.BUYER,
                        NoticeName.LABEL_READY,
                        label=label,
                        due=sending and sending.due,
                    )
                    return
                case Silence():
                    self.breach(clock)
                    self.tell_both(NoticeName.LABEL_OVERDUE, due=clock.due)
                case _:
                    return
        if self.way is not Way.BUYERS_OWN:
            await self.order_label(sending)

    async def order_label(self, sending: Clock | None) -> None:
        """The platform's carrier makes a label; the buyer pays for the way back only if told."""
        try:
            made: LabelMade = await workflow.execute_activity_method(
                Shipments.label,
                LabelWanted(
                    key=f"{self.id}:label",
                    case_id=self.id,
                    order_id=self.opening.order_id,
                    units=lines(self.expected),
                ),
                summary="order a return label",
                **MARKETPLACE,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self.note("label refused", detail=failure_type(error))
            return
        charged = made.charged if self.buyer_pays_way_back else None
        self.charged_minor = charged.amount_minor if charged else 0
        self.tell(
            Party.BUYER,
            NoticeName.LABEL_READY,
            label=made.label,
            amount=charged if self.charged_minor else None,
            due=sending and sending.due,
        )

    async def await_dispatch(self, sending: Clock | None) -> bool:
        """The buyer's time to send; dispatch suffices. False when it ends with nothing sent.

        A return that belongs to a withdrawal waits on: its refund is withheld as long.
        """
        self.enter(Stage.AWAITING_GOODS)
        clocks = (sending,) if sending and not self.unsent else ()
        match await self.hear(Party.BUYER, *clocks, until=self.goods_moved):
            case Silence():
                self.unsent = True
                if self.claim.send_window is None:
                    self.tell_both(NoticeName.GOODS_NOT_SENT, goods=self.named(self.expected))
                    return False
            case HandOver():
                self.tell_handed_over()
        return True

    async def await_arrival(self) -> None:
        """A parcel is under way; one that does not come in its time is for an agent."""
        self.enter(Stage.IN_TRANSIT)
        await self.tell_news(News.SENT)
        if self.travelling is None:
            self.travelling = self.start("transit", Party.PLATFORM)
            if not self.handed_over_told:
                self.tell_handed_over()
        match await self.hear(Party.PLATFORM, self.travelling, until=self.goods_moved):
            case Silence():
                self.scanned = Scan.LOST
            case HandOver():
                self.tell_handed_over()

    async def have_missing_ruled(self) -> None:
        """Nothing, or not all, came: an agent rules whether it counts as returned."""
        self.enter(Stage.WITH_AGENT)
        await self.tell_news(News.QUESTIONED)
        refused = self.scanned is Scan.REFUSED
        notice = NoticeName.AGENT_JOINS if refused else NoticeName.GOODS_MISSING
        facts: dict[str, Any] = (
            {"reason": "refused-on-arrival"} if refused else {"goods": self.named(self.outstanding)}
        )
        purpose = "refused-on-arrival" if refused else "goods-missing"
        match await self.have_ruled(purpose, notice, until=lambda: self.at_seller, **facts):
            case Decide(verdict=Verdict.FOR_SELLER):
                self.lose()
            case Decide():
                self.accept(self.lose())

    async def examine(self) -> None:
        """The seller receives and inspects a parcel; silence accepts it, or calls an agent."""
        self.enter(Stage.INSPECTING)
        await self.tell_news(News.CAME)
        clock = self.start("inspection", Party.SELLER)
        goods = self.conditions() or self.named(self.outstanding)
        self.ask(clock, NoticeName.GOODS_ARRIVED, goods=goods)
        if not self.uninspected:
            self.tell(Party.BUYER, NoticeName.GOODS_ARRIVED, goods=goods, due=clock.due)
        self.tell_received(clock)
        while not self.ended:
            match await self.hear(Party.SELLER, clock):
                case Receive():
                    self.tell_received(clock)
                case Inspect() | PutBack():
                    break
                case Silence():
                    await self.take_silence(clock)
                    return
        await self.weigh_findings()

    async def take_silence(self, clock: Clock) -> None:
        """The seller said nothing of what arrived: it is accepted, or an agent rules."""
        if clock.window.on_silence is OnSilence.AGENT:
            self.breach(clock)
            self.enter(Stage.WITH_AGENT)
            move = await self.have_ruled(
                "inspection-overdue", NoticeName.DUTY_OVERDUE, due=clock.due
            )
            if isinstance(move, Decide) and move.verdict is Verdict.FOR_SELLER:
                self.take_in_unseen()
                fine, amiss = self.findings()
                self.reject(dict(Counter(fine) + Counter(amiss)))
                self.begin_next_parcel()
                return
        if not self.ended:
            self.take_in_unseen()
            await self.weigh_findings()

    async def weigh_findings(self) -> None:
        """What came as it was sent is accepted; the rest the buyer accepts or an agent rules."""
        seen = self.conditions()
        fine, amiss = self.findings()
        self.accept(fine)
        if amiss:
            self.enter(Stage.AWAITING_BUYER)
            await self.tell_news(News.QUESTIONED)
            clock = self.start("finding_answer", Party.BUYER)
            self.ask(clock, NoticeName.FINDING, goods=seen)
            self.finding_open = True
            move = await self.hear(Party.BUYER, clock)
            self.finding_open = False
            if isinstance(move, Accept):
                self.tell_both(NoticeName.PROPOSAL_ACCEPTED)
            elif not isinstance(move, Close):
                self.enter(Stage.WITH_AGENT)
                move = await self.have_ruled("finding-contested", NoticeName.PROPOSAL_CONTESTED)
            if isinstance(move, Decide) and move.verdict is not Verdict.FOR_SELLER:
                self.accept(amiss)
            else:
                self.reject(amiss)
        if any(fine.values()) or (amiss and not self.rejected):
            self.tell(Party.BUYER, NoticeName.GOODS_ACCEPTED, goods=self.named(self.accepted))
        self.begin_next_parcel()

    async def see_to_the_goods(self) -> Ending:
        """What is accepted is taken in, repaired or replaced; what is not goes back."""
        if self.called_off:
            await self.send_back(self.in_hand)
            return Ending.CALLED_OFF
        if self.rejected_in_hand:
            await self.send_back(self.rejected_in_hand)
        if not any(self.accepted.values()):
            return Ending.NOT_TAKEN_BACK
        if self.refunds:
            return Ending.RETURNED
        return await self.work()

    async def work(self) -> Ending:
        """The seller repairs or replaces, and says when it begins, is done and is sent (H6)."""
        self.enter(Stage.WORKING)
        clock = self.start("work", Party.SELLER)
        purpose, goods = self.claim.purpose, self.named(self.accepted)
        self.ask(clock, NoticeName.WORK_WANTED, purpose=purpose, goods=goods)
        while not self.ended:
            match await self.hear(Party.SELLER, clock):
                case BeginWork(text=text):
                    self.tell(
                        Party.BUYER, NoticeName.WORK_BEGUN, purpose=purpose, text=text or None
                    )
                case FinishWork(text=text):
                    self.tell(Party.BUYER, NoticeName.WORK_DONE, purpose=purpose, text=text or None)
                    self.enter(Stage.SENDING_BACK)
                    clock = self.start("ship_back", Party.SELLER)
                    self.ask(clock, NoticeName.SHIP_BACK_WANTED, goods=goods)
                case ShipBack() as shipped:
                    self.tell_shipped(shipped, self.accepted)
                    repaired = purpose is Purpose.REPAIR
                    return Ending.REPAIRED if repaired else Ending.REPLACED
                case Silence():
                    self.breach(clock)
                    self.tell_both(NoticeName.DUTY_OVERDUE, due=clock.due)
                    return Ending.NOT_FULFILLED
        return Ending.CLOSED_BY_PLATFORM

    async def send_back(self, units: dict[str, int]) -> None:
        """Goods that are not taken go back to the buyer, or an agent rules on what is kept."""
        if not any(units.values()) or self.ended:
            return
        self.enter(Stage.SENDING_BACK)
        clock = self.start("ship_back", Party.SELLER)
        self.ask(clock, NoticeName.SHIP_BACK_WANTED, goods=self.named(units))
        move = await self.hear(Party.SELLER, clock)
        if isinstance(move, Silence):
            self.breach(clock)
            self.enter(Stage.WITH_AGENT)
            move = await self.have_ruled("sending-overdue", NoticeName.DUTY_OVERDUE, due=clock.due)
        match move:
            case ShipBack() as shipped:
                self.tell_shipped(shipped, units)
            case Decide(verdict=verdict) if verdict is not Verdict.FOR_SELLER:
                self.accept(units)  # what a seller keeps, a seller has taken back

    async def have_explained(self) -> Ending:
        """Goods came with no case: the buyer says why, or they go back."""
        self.take_in(self.claim.received)
        self.enter(Stage.UNEXPLAINED)
        clock = self.start("explanation", Party.BUYER)
        self.ask(clock, NoticeName.RETURN_UNEXPLAINED, goods=self.conditions())
        match await self.hear(Party.BUYER, clock):
            case Explain() as explained if await self.open_withdrawal(explained):
                return Ending.EXPLAINED
        await self.send_back(self.in_hand)
        return Ending.NOT_TAKEN_BACK

    async def open_withdrawal(self, explained: Explain) -> bool:
        """The buyer withdraws: whether the withdrawal could be opened for the goods that came."""
        number = 1
        while True:
            opening = OpenWithdrawal(
                country=self.opening.country,
                order_id=self.opening.order_id,
                number=number,
                opened_by=explained.by,
                text=explained.text,
                lines=lines(self.in_hand),
                reason=explained.reason,
                goods_in=self.id,
            )
            try:
                handle = await workflow.start_child_workflow(
                    "Withdrawal",
                    opening,
                    id=opening.case_id,
                    result_type=Closed,
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    static_summary=f"withdrawal · order {opening.order_id}",
                )
                break
            except WorkflowAlreadyStartedError:
                number += 1
        while not (self.adopted_by or handle.done()):
            await self.hear(Party.PLATFORM, until=lambda: bool(self.adopted_by) or handle.done())
        self.note("explained", Party.BUYER, opening.case_id)
        return bool(self.adopted_by)

    # Verbs below the timeline.

    def start_sending(self) -> Clock | None:
        """The buyer's time to send: the one that the case it belongs to has set, if it has."""
        if self.way is Way.SELLER_COLLECTS:
            return None
        given, since = self.claim.send_window, self.claim.counted_from
        if given is None:
            return self.start("send_goods", Party.BUYER)
        return Clock("send_goods", given, self.calendar, Party.BUYER, since or workflow.now())

    def tell_opening(self, sending: Clock | None) -> None:
        """Buyer and seller are told that goods come back, and how."""
        told = {"goods": self.named(self.expected), "way": self.way, "purpose": self.claim.purpose}
        if sending:
            self.ask(sending, NoticeName.RETURN_OPENED, **told)
        else:
            self.tell(Party.BUYER, NoticeName.RETURN_OPENED, **told)
        due = sending and sending.due
        self.tell(Party.SELLER, NoticeName.RETURN_EXPECTED, due=due, **told)

    def tell_handed_over(self) -> None:
        """Both are told that the goods are with a carrier."""
        self.handed_over_told = True
        self.tell_both(
            NoticeName.GOODS_HANDED_OVER,
            goods=self.named(self.outstanding),
            at=self.sent_at,
            tracking=self.handed and self.handed.tracking,
            carrier=self.handed and self.handed.carrier,
        )

    def tell_received(self, clock: Clock) -> None:
        """The buyer is told what the seller has received, and in which condition (H6)."""
        if fresh := self.conditions(fresh=True):
            self.tell(Party.BUYER, NoticeName.GOODS_RECEIVED, goods=fresh, due=clock.due)

    def tell_shipped(self, shipped: ShipBack, units: dict[str, int]) -> None:
        """The buyer is told that goods are on the way, with tracking and expected date (H6)."""
        self.gone_back(units)
        self.tell(
            Party.BUYER,
            NoticeName.SHIPPED_BACK,
            goods=self.named(units),
            carrier=shipped.carrier,
            tracking=shipped.tracking,
            expected_on=shipped.expected_on,
        )

    async def tell_news(self, what: News) -> None:
        """Tell the case that the return belongs to, each piece of news once."""
        if not self.claim.belongs_to or what in self.told:
            return
        self.told.add(what)
        news = GoodsNews(
            what=what, at=self.sent_at or workflow.now(), charged_minor=self.charged_minor
        )
        case = workflow.get_external_workflow_handle(self.claim.belongs_to)
        try:
            await case.signal("goods", news)
        except ApplicationError:
            self.note("news not taken", detail=self.claim.belongs_to)

    # Signals.

    @workflow.signal
    def parcel(self, event: ParcelEvent) -> None:
        """A carrier's machine has seen the parcel: in any order, repeated, or late."""
        self.see(event)

    @workflow.signal
    def call_off(self, call: CallOff) -> None:
        """The case that the return belongs to needs it no more."""
        self.called_off = self.moved = True

    @workflow.signal
    def adopted(self, by: Adopted) -> None:
        """A case has been opened for the goods."""
        self.adopted_by = by.case_id
