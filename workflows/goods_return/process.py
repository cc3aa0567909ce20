"""A return of goods: label, parcel, receipt, inspection, and what becomes of the goods (W5, H6).

Read `run()` first. The seller drives it; each stage is announced to the buyer by itself. Who has
the goods, what was decided about them, and the money are three things: custody is in
record.py, decisions are made here, and money moves in the case that the return belongs to.
"""

from collections import Counter
from typing import ClassVar

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    is_cancelled_exception,
)

from activities.shipments import Shipments
from domain.ahead import Ahead
from domain.commands import (
    Accept,
    BeginWork,
    Command,
    Decide,
    Explain,
    FinishWork,
    HandOver,
    Inspect,
    ProvideLabel,
    PutBack,
    Receive,
    Reject,
    ShipBack,
    Verdict,
)
from domain.goods import (
    CallOff,
    Goods,
    GoodsNews,
    News,
    ParcelEvent,
    Purpose,
    Scan,
    Way,
    lines,
)
from domain.money import Money
from domain.notices import Ending, NoticeName, Told, also
from domain.openings import OpenReturn, ReturnForm
from domain.orders import Line
from domain.parties import Party
from domain.policy import OnSilence
from domain.ports import LabelMade, LabelWanted
from domain.questions import Question
from domain.stages import Stage
from domain.view import Closed
from workflows.goods_return.record import Lot, ReturnRecord, units_of
from workflows.goods_return.terms import AHEAD
from workflows.kernel.case import Silence
from workflows.kernel.deadline import Clock
from workflows.kernel.errands import failure_type
from workflows.kernel.options import MARKETPLACE


@workflow.defn(name="Return")
class GoodsReturn(ReturnRecord):
    """Goods come back to a seller, who receives, inspects, and sees to what is due."""

    AHEAD: ClassVar[Ahead] = AHEAD

    @workflow.init
    def __init__(self, opening: OpenReturn) -> None:
        super().__init__(opening)
        self.sending: Clock | None = None
        self.collecting: Clock | None = None
        self.travelling: Clock | None = None
        self.unsent = False
        self.handed_over_told = False
        self.called_off_told = False
        self.charged_minor = 0
        self.label_tracking: str | None = None
        self.told: set[News] = set()
        self._label: workflow.ActivityHandle[LabelMade] | None = None

    # The timeline.

    @workflow.run
    async def run(self, opening: OpenReturn) -> Closed:
        """A return, from the label until the goods are where they belong."""
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        self.expect(self.registration.lines)
        if opening.received:
            return await self.end(await self.have_explained())
        if opening.goods_in:
            self.note("the seller has the goods", detail=opening.goods_in)
            self.take_in_unseen()
            self.take(self.shelve())
            self.called_off = opening.only_back
            return await self.end(await self.see_to_the_goods())
        if self.at_stake.amount_minor <= self.policy.returnless_limit_minor and self.refunds:
            self.tell_both(NoticeName.RETURNLESS, goods=self.named(self.expected))
            self.note("need not be sent")
            self.counted = self.expected
            return await self.end(Ending.RETURNLESS)
        return await self.end(await self.bring_back() or await self.see_to_the_goods())

    async def end(self, ending: Ending) -> Closed:
        """Close, and say which units count as returned."""
        closed = await self.close(self.ended or ending)
        return closed.model_copy(update={"accepted": lines(self.accepted)})

    async def bring_back(self) -> Ending | None:
        """The goods are sent and arrive, all or some of them; an ending if none is sent."""
        self.begin_sending()
        await self.see_to_the_label()
        if not self.ended:
            self.enter(Stage.AWAITING_GOODS)
        while not (self.ended or self.all_accounted_for):
            self.moved = False
            if self._label and self._label.done():
                await self.pass_label_on(self._label)
            if self.at_seller:
                await self.examine()
            elif self.called_off and not self.parcels.under_way:
                self.tell_called_off()
                self.write_off()
            elif self.parcels.missing:
                await self.have_missing_ruled()
            elif self.parcels.sent_at:
                await self.await_arrival()
            elif self.label_refused:
                await self.have_label_provided()
            elif not await self.await_dispatch():
                return Ending.NOT_SENT
        return None

    async def see_to_the_label(self) -> None:
        """The label, or the collection, is the seller's affair, the platform's, or the buyer's."""
        if self.way is Way.PLATFORM_LABEL:
            self.order_label()
        if self.way not in (Way.SELLERS_LABEL, Way.SELLER_COLLECTS):
            return
        self.enter(Stage.AWAITING_LABEL)
        clock = self.start("label", Party.SELLER)
        self.ask(clock, NoticeName.LABEL_WANTED, goods=self.named(self.expected))
        match await self.hear(Party.SELLER, clock, until=self.goods_moved):
            case ProvideLabel(label=label):
                self.tell_label(label)
                if self.way is Way.SELLER_COLLECTS:
                    self.collecting = self.start("transit", Party.SELLER)
            case HandOver():
                self.tell_handed_over()
            case Silence():
                self.breach(clock)
                self.tell_both(NoticeName.LABEL_OVERDUE, due=clock.due)
                self.order_label()
                if self.sending is None:
                    self.sending = self.start("send_goods", Party.BUYER)
                    self.ask(self.sending, NoticeName.RETURN_OPENED, **self.as_opened())

    async def have_label_provided(self) -> None:
        """No label can be had from the platform's carrier: an agent sees to one.

        The buyer's time does not run meanwhile. Who sends the goods without it is welcome.
        """
        self.label_refused = False
        self.enter(Stage.WITH_AGENT)
        if self.sending:
            self.sending.hold("label", self.now)
        move = await self.have_ruled(
            Question.LABEL_REFUSED, NoticeName.AGENT_JOINS, self.goods_moved
        )
        if self.sending:
            self.sending.resume("label", self.now)
        match move:
            case ProvideLabel(label=label):
                self.tell_label(label)
            case HandOver():
                self.tell_handed_over()

    async def await_dispatch(self) -> bool:
        """The buyer's time to send; dispatch suffices. False when it ends with nothing sent.

        A return that belongs to a withdrawal waits on: its refund is withheld as long.
        """
        self.enter(Stage.AWAITING_GOODS)
        awaited = Party.SELLER if self.collecting else Party.BUYER
        sending = None if self.unsent else self.sending
        clocks = [clock for clock in (sending, self.collecting) if clock]
        match await self.hear(awaited, *clocks, until=self.goods_moved):
            case Silence(clock) if clock is self.collecting:
                self.parcels.overdue = True
            case Silence():
                self.unsent = True
                if self.opening.send_window is None:
                    self.tell_both(NoticeName.GOODS_NOT_SENT, goods=self.named(self.expected))
                    return False
            case HandOver():
                self.tell_handed_over()
        return True

    async def await_arrival(self) -> None:
        """A parcel is under way; one that does not come in its time is for an agent."""
        self.enter(Stage.IN_TRANSIT)
        self.tell_news(News.SENT)
        if not self.handed_over_told:
            self.tell_handed_over()
        self.travelling = self.travelling or self.start("transit", Party.PLATFORM)
        match await self.hear(Party.PLATFORM, self.travelling, until=self.goods_moved):
            case Silence():
                self.parcels.overdue = True
            case HandOver():
                self.tell_handed_over()

    async def have_missing_ruled(self) -> None:
        """Nothing, or not all, came: an agent rules whether it counts as returned."""
        self.enter(Stage.WITH_AGENT)
        self.tell_news(News.QUESTIONED)
        question, notice = Question.GOODS_MISSING, NoticeName.GOODS_MISSING
        facts: Told = {"goods": self.named(self.outstanding)}
        if self.parcels.scanned is Scan.REFUSED:
            question, notice, facts = Question.REFUSED_ON_ARRIVAL, NoticeName.AGENT_JOINS, {}
        match await self.have_ruled(question, notice, self.overtaken, **facts):
            case Decide(verdict=Verdict.FOR_SELLER):
                self.write_off()
            case Decide():
                self.counted = dict(Counter(self.counted) + Counter(self.write_off()))

    def is_called_off(self) -> bool:
        """Whether the case that the return belongs to needs it no more."""
        return self.called_off

    def overtaken(self) -> bool:
        """Whether nobody needs an agent's ruling any more: the goods came, or are not needed."""
        return self.ruling is None and (self.at_seller or self.called_off)

    async def examine(self) -> None:
        """The seller receives and inspects a parcel; silence accepts it, or calls an agent."""
        self.enter(Stage.INSPECTING)
        self.tell_news(News.CAME)
        self.travelling, self.handed_over_told = None, True
        clock = self.start("inspection", Party.SELLER)
        if not self.called_off:
            self.tell_arrival(clock)
        move: Command | Silence | None = None
        while not self.called_off:
            steps = (Receive, Inspect, PutBack)
            move = await self.hear_one_of(steps, Party.SELLER, clock, until=self.is_called_off)
            self.tell_received(clock)
            if not isinstance(move, Receive):
                break
        if isinstance(move, Silence) and clock.window.on_silence is OnSilence.AGENT:
            self.breach(clock)
            self.enter(Stage.WITH_AGENT)
            move = await self.have_ruled(
                Question.INSPECTION_OVERDUE,
                NoticeName.DUTY_OVERDUE,
                self.is_called_off,
                due=clock.due,
            )
        if self.ended:
            return
        self.take_in_unseen()
        refused = isinstance(move, Decide) and move.verdict is Verdict.FOR_SELLER
        if refused or self.called_off:
            self.shelve()  # not taken: it goes back
        else:
            await self.weigh_findings()

    async def weigh_findings(self) -> None:
        """What came as it was sent is taken; of the rest the buyer is asked, then an agent."""
        seen, lots = self.conditions(), self.shelve()
        amiss = [lot for lot in lots if not lot.condition.came_back]
        self.take([lot for lot in lots if lot.condition.came_back])
        if amiss and await self.have_finding_weighed(seen):
            self.take(amiss)
        if taken := units_of(lot for lot in lots if lot.taken):
            self.tell(Party.BUYER, NoticeName.GOODS_ACCEPTED, goods=self.named(taken))

    async def have_finding_weighed(self, seen: tuple[Goods, ...]) -> bool:
        """The seller found other than what was sent: whether it counts as returned all the same."""
        self.enter(Stage.AWAITING_BUYER)
        self.tell_news(News.QUESTIONED)
        clock = self.start("finding_answer", Party.BUYER)
        self.ask(clock, NoticeName.FINDING, goods=seen)
        self.finding_open = True
        answers = (Accept, Reject)
        move = await self.hear_one_of(answers, Party.BUYER, clock, until=self.is_called_off)
        self.finding_open = False
        match move:
            case Accept():
                self.tell_both(NoticeName.PROPOSAL_ACCEPTED)
            case Reject() | Silence():
                self.enter(Stage.WITH_AGENT)
                move = await self.have_ruled(
                    Question.FINDING_CONTESTED, NoticeName.PROPOSAL_CONTESTED, self.is_called_off
                )
        return isinstance(move, Decide) and move.verdict is not Verdict.FOR_SELLER

    async def see_to_the_goods(self) -> Ending:
        """What is taken is kept, repaired or replaced; what is not goes back."""
        if not self.called_off:
            await self.send_back(self.not_taken)
        if self.accepted and not (self.refunds or self.called_off or self.ended):
            done = await self.work()
            if done:
                return done
        if self.called_off:
            self.tell_called_off()
            self.take(self.lots, False)
            await self.send_back(self.here)
            return Ending.CALLED_OFF
        return Ending.RETURNED if self.accepted else Ending.NOT_TAKEN_BACK

    async def work(self) -> Ending | None:
        """The seller repairs or replaces, and says when it begins, is done and is sent (H6).

        None when the case it belongs to needs it no more.
        """
        self.enter(Stage.WORKING)
        clock = self.start("work", Party.SELLER)
        purpose, goods = self.opening.purpose, self.named(self.accepted)
        self.ask(clock, NoticeName.WORK_WANTED, purpose=purpose, goods=goods)
        self.owes_parcel = True
        repairs = purpose is Purpose.REPAIR
        while not self.ended:
            match await self.hear(Party.SELLER, clock, until=self.is_called_off):
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
                    if repairs:
                        self.send_off([lot for lot in self.here if lot.taken])
                    self.tell_shipped(shipped, self.accepted)
                    return Ending.REPAIRED if repairs else Ending.REPLACED
                case Silence():
                    self.breach(clock)
                    self.tell_both(NoticeName.DUTY_OVERDUE, due=clock.due)
                    return Ending.NOT_FULFILLED
                case None:
                    break
        return None

    async def send_back(self, lots: list[Lot]) -> None:
        """Goods that are not taken go back to the buyer, or an agent rules on what is kept."""
        if not lots or self.ended:
            return
        self.enter(Stage.SENDING_BACK)
        units = units_of(lots)
        clock = self.start("ship_back", Party.SELLER)
        self.ask(clock, NoticeName.SHIP_BACK_WANTED, goods=self.named(units))
        self.owes_parcel = True
        move = await self.hear_one_of((ShipBack,), Party.SELLER, clock)
        if isinstance(move, Silence):
            self.breach(clock)
            self.enter(Stage.WITH_AGENT)
            move = await self.have_ruled(
                Question.SENDING_OVERDUE, NoticeName.DUTY_OVERDUE, due=clock.due
            )
        self.owes_parcel = False
        match move:
            case ShipBack() as shipped:
                self.send_off(lots)
                self.tell_shipped(shipped, units)
            case Decide(verdict=verdict) if verdict is not Verdict.FOR_SELLER:
                self.take(lots)  # what a seller keeps, a seller has taken back

    async def have_explained(self) -> Ending:
        """Goods came with no case: the buyer says why, or they go back."""
        self.take_in(self.sale.named(self.opening.received))
        self.enter(Stage.UNEXPLAINED)
        clock = self.start("explanation", Party.BUYER)
        self.ask(clock, NoticeName.RETURN_UNEXPLAINED, goods=self.conditions())
        move = await self.hear_one_of((Explain,), Party.BUYER, clock)
        units = units_of(lot for lot in self.shelve() if lot.condition.came_back)
        if isinstance(move, Explain) and units and await self.open_explained(move, lines(units)):
            return Ending.EXPLAINED
        await self.send_back(self.here)
        return Ending.RETURNED if self.accepted else Ending.NOT_TAKEN_BACK

    async def open_explained(self, explained: Explain, units: tuple[Line, ...]) -> bool:
        """The reason chooses the case (W3): whether it could be opened for the goods that came."""
        form = ReturnForm(
            country=self.opening.country,
            order_id=self.opening.order_id,
            opened_by=explained.by,
            text=explained.text,
            lines=units,
            reason=explained.reason,
            wanted=explained.wanted,
        )
        opening = form.opening().model_copy(update={"goods_in": self.id})
        case_id, refused = await self.open_instead(opening)
        self.note("explained", Party.BUYER, case_id)
        return refused is None

    # Verbs below the timeline.

    def begin_sending(self) -> None:
        """Both are told that goods come back, and how; the buyer's time to send begins.

        It is the time that the case it belongs to has set, if it has. Who is collected from has
        nothing to send.
        """
        given, since = self.opening.send_window, self.opening.counted_from
        told = self.as_opened()
        if self.way is Way.SELLER_COLLECTS:
            self.tell(Party.BUYER, NoticeName.RETURN_OPENED, **told)
        else:
            self.sending = self.start(
                "send_goods", Party.BUYER, since if given else None, given=given
            )
            self.ask(self.sending, NoticeName.RETURN_OPENED, **told)
        due = self.sending.due if self.sending else None
        self.tell(Party.SELLER, NoticeName.RETURN_EXPECTED, **also(told, due=due))

    def as_opened(self) -> Told:
        """What comes back, how, and why; a label that the seller owed becomes the platform's."""
        return {
            "goods": self.named(self.expected),
            "way": Way.PLATFORM_LABEL if self.breaches.known else self.way,
            "purpose": self.opening.purpose,
            "withheld": self.withholds or None,
        }

    def order_label(self) -> None:
        """The platform's carrier makes a label; nothing waits for it, not even the end."""
        self._label = workflow.start_activity_method(
            Shipments.label,
            LabelWanted(
                key=f"{self.id}:label",
                case_id=self.id,
                order_id=self.opening.order_id,
                units=self.sale.there(lines(self.expected)),
            ),
            summary="order a return label",
            **MARKETPLACE,
        )

    async def pass_label_on(self, label: workflow.ActivityHandle[LabelMade]) -> None:
        """The label goes to the buyer, who pays for it only if told beforehand, and never for one
        that the seller owed.
        """
        self._label = None
        try:
            made = await label
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self.note("label refused", detail=failure_type(error))
            self.label_refused = True
            return
        if self.parcels.sent_at is None:
            self.labelled = True
            known = made.charged.currency == self.sale.currency
            if self.buyer_pays_way_back and self.way is Way.PLATFORM_LABEL and known:
                self.charged_minor = made.charged.amount_minor
                self.label_tracking = made.tracking
            self.tell_label(made.label, made.charged if self.charged_minor else None)

    def goods_moved(self) -> bool:
        """Whether there is news: of a machine, of the case it belongs to, or of the label."""
        return self.moved or (self._label is not None and self._label.done())

    def tell_label(self, label: str, charged: Money | None = None) -> None:
        """The buyer is told of the label, what it costs, and until when to send."""
        due = self.sending.due if self.sending else None
        self.tell(Party.BUYER, NoticeName.LABEL_READY, label=label, amount=charged, due=due)

    def tell_handed_over(self) -> None:
        """Both are told that the goods are with a carrier."""
        self.handed_over_told = True
        self.tell_both(
            NoticeName.GOODS_HANDED_OVER,
            goods=self.named(self.outstanding),
            at=self.parcels.sent_at,
            tracking=self.handed.tracking if self.handed else None,
            carrier=self.handed.carrier if self.handed else None,
        )

    def tell_arrival(self, clock: Clock) -> None:
        """The seller is asked to inspect what came, and the buyer is told of it (H6)."""
        goods = self.conditions() or self.named(self.outstanding)
        self.ask(clock, NoticeName.GOODS_ARRIVED, goods=goods)
        if not self.uninspected:
            self.tell(Party.BUYER, NoticeName.GOODS_ARRIVED, goods=goods, due=clock.due)
        self.tell_received(clock)

    def tell_received(self, clock: Clock) -> None:
        """The buyer is told what the seller has received, and in which condition (H6)."""
        if fresh := self.conditions(fresh=True):
            self.tell(Party.BUYER, NoticeName.GOODS_RECEIVED, goods=fresh, due=clock.due)

    def tell_shipped(self, shipped: ShipBack, units: dict[str, int]) -> None:
        """The buyer is told that goods are on the way, with tracking and expected date (H6)."""
        self.tell(
            Party.BUYER,
            NoticeName.SHIPPED_BACK,
            goods=self.named(units),
            carrier=shipped.carrier,
            tracking=shipped.tracking,
            expected_on=shipped.expected_on,
        )

    def tell_called_off(self) -> None:
        """Both are told, once, that the goods are needed no more."""
        if not self.called_off_told:
            self.called_off_told = True
            self.tell_both(NoticeName.CALLED_OFF, goods=self.named(self.expected))

    def tell_news(self, what: News) -> None:
        """Tell a withdrawal of its goods, each piece of news once: its refund waits for them."""
        withdrawal = self.withdrawal
        if withdrawal and what not in self.told:
            self.told.add(what)
            at = self.parcels.sent_at or self.now
            own = self.handed and self.handed.tracking not in (None, self.label_tracking)
            news = GoodsNews(what=what, at=at, charged_minor=0 if own else self.charged_minor)
            self.errands.run(self.pass_news_on(withdrawal, news))

    async def pass_news_on(self, case_id: str, news: GoodsNews) -> None:
        """A case that has ended needs no news."""
        try:
            await workflow.get_external_workflow_handle(case_id).signal("goods", news)
        except ApplicationError:
            self.note("news not taken", detail=case_id)

    # Signals.

    @workflow.signal
    async def parcel(self, event: ParcelEvent) -> None:
        """A carrier's machine has seen the parcel."""
        if await self.is_news(event):
            self.see(event)

    @workflow.signal
    def call_off(self, call: CallOff) -> None:
        """The case that the return belongs to needs it no more."""
        self.note("called off")
        self.called_off = self.moved = True
