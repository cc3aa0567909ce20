"""A cancellation: a buyer calls an order off before it is sent (W2). Legally it is a withdrawal.

Read `run()` first. Who was first, the cancellation or the tracking number, only the marketplace
can say: it is asked once, and its answer stands.
"""

from collections import Counter
from typing import ClassVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.shipments import Shipments
from domain.ahead import (
    Ahead,
)
from domain.commands import (
    Command,
    CommandBase,
    Decide,
    Refund,
    ReportSent,
    Verdict,
)
from domain.goods import ParcelEvent, count
from domain.notices import Ending, NoticeName
from domain.openings import OpenCancellation
from domain.parties import Party
from domain.policy import CancellationPolicy
from domain.ports import Dispatch, DispatchAnswer, StopDispatch
from domain.questions import Question
from domain.refunds import Event, WayBack
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import CancellationView, Closed, Outcome
from workflows.cancellation.terms import AHEAD, CAME_BACK, VERBS
from workflows.kernel.errands import failure_type
from workflows.kernel.options import MARKETPLACE
from workflows.kernel.taking_back import TakingBack


@workflow.defn(name="Cancellation")
class Cancellation(TakingBack):
    """An order is cancelled, or some units of it."""

    opening: OpenCancellation
    policy: CancellationPolicy
    EVENT = Event.CANCELLATION
    VERBS = VERBS
    FACTS = (ReportSent,)
    AHEAD: ClassVar[Ahead] = AHEAD

    @workflow.init
    def __init__(self, opening: OpenCancellation) -> None:
        super().__init__(opening)
        self.left_anyway = False

    @workflow.run
    async def run(self, opening: OpenCancellation) -> Closed:
        """A cancellation, from the buyer's word until no parcel is expected any more. Instead of an
        uncollected parcel nothing has to be stopped, and none is looked out for.
        """
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        self.units = self.registration.lines
        if self.came_back:
            self.note(CAME_BACK.what, detail=self.came_back)
            await self.take_over(self.came_back)
            await self.give_money_back()
            return await self.close(self.ended or Ending.CANCELLED)
        self.enter(Stage.STOPPING)
        if await self.stopped():
            await self.give_money_back()
            if self.ended and self.paid is None:
                await self.returns.call_off()
            else:
                await self.watch_for_a_parcel()
        elif self.ended is None:
            self.tell_both(NoticeName.SENT_BEFORE, goods=self.named(self.units), at=self.opened_at)
            self.ended = Ending.SENT_BEFORE
        return await self.close(Ending.CANCELLED if self.paid else self.ended or Ending.CANCELLED)

    async def stopped(self) -> bool:
        """Whether the dispatch was stopped: the marketplace says who was first."""
        self.rest_on(Party.PLATFORM)
        try:
            answer: DispatchAnswer = await workflow.execute_activity_method(
                Shipments.stop,
                StopDispatch(
                    key=f"{self.id}:stop",
                    case_id=self.id,
                    order_id=self.opening.order_id,
                    units=self.sale.there(self.units),
                ),
                summary="stop the dispatch, unless the parcel was sent before",
                **MARKETPLACE,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self.note("stop refused", detail=failure_type(error))
            return await self.agent_says_stopped()
        self.note(f"dispatch {answer.dispatch}")
        return answer.dispatch is Dispatch.STOPPED

    async def agent_says_stopped(self) -> bool:
        """The marketplace refuses to say who was first: an agent finds out."""
        self.enter(Stage.WITH_AGENT)
        move = await self.have_ruled(Question.DISPATCH_UNKNOWN)
        return isinstance(move, Decide) and move.verdict is Verdict.FOR_BUYER

    async def give_money_back(self) -> None:
        """At once up to the policy's limit; above it the seller orders the refund, in time."""
        back = self.came_back is not None
        due = await self.begin_refund(
            NoticeName.UNCOLLECTED_CANCELLED if back else NoticeName.CANCELLED,
            NoticeName.UNCOLLECTED_GIVEN_UP if back else NoticeName.STOP_DISPATCH,
            at=self.opened_at,
            limit_minor=self.policy.automatic_limit_minor,
            text=self.opening.text,
        )
        if due:
            await self.await_refund(due, until=self.parcel_left)
            if not (self.paid or self.ended):
                await self.have_brought_back()
                await self.await_refund(due)

    async def watch_for_a_parcel(self) -> None:
        """A parcel that left all the same becomes a return, at the seller's cost."""
        self.enter(Stage.WATCHING)
        if not self.returns.ids:
            clock = self.start("sent_anyway", Party.PLATFORM)
            if await self.hear(Party.PLATFORM, clock, until=self.parcel_left):
                return  # silence, or the platform closes the case
            await self.have_brought_back()
        await self.see_goods_home()

    async def have_brought_back(self) -> None:
        """The buyer does not wait for the refund to learn how the goods go back."""
        goods = self.named(self.units)
        await self.send_for(self.units, NoticeName.SENT_ALL_THE_SAME, goods=goods)

    @property
    def came_back(self) -> str | None:
        """The case of the uncollected parcel, if the goods are with the seller again."""
        return self.opening.instead_of

    @property
    def event(self) -> Event:
        """What was sent and came back uncollected is reckoned as that (P3)."""
        return Event.UNCOLLECTED if self.came_back else Event.CANCELLATION

    @property
    def way_back(self) -> WayBack:
        """What the carrier charged for an uncollected parcel, as the case before tells it."""
        return self.opening.way_back or super().way_back

    def parcel_left(self) -> bool:
        """Whether a parcel left that has not become a return yet."""
        return self.left_anyway and not self.returns.ids

    @property
    def whole(self) -> bool:
        """Whether nothing of the order is left to be sent."""
        gone = Counter(count(self.units)) + Counter(count(self.registration.refunded))
        return all(gone[line.sku] >= line.quantity for line in self.sale.lines)

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        match command:
            case Decide(verdict=Verdict.SHARED):
                return Refusal(
                    code=Code.VERDICT_DIFFERS,
                    sentence="A cancellation is ruled for the buyer or for the seller.",
                )
            case Decide():
                return self.ruling_bars(command)
        return None

    def is_step(self, command: Command) -> bool:
        """The refund is ordered once; who was first, the buyer or the parcel, is ruled before."""
        if isinstance(command, Decide):
            return self.agents_task.question is Question.REFUND_OVERDUE
        return isinstance(command, Refund)

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """A parcel is reported once; a stopped dispatch is refunded once."""
        if verb is ReportSent and self.came_back:
            return Refusal(code=Code.WRONG_STAGE, sentence="You have the goods again.")
        if verb is ReportSent and self.left_anyway:
            return Refusal(code=Code.ALREADY_DONE, sentence="The parcel is known to have left.")
        if verb is Refund and self.agents_task.question is Question.DISPATCH_UNKNOWN:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="It is not yet known whether the order was sent."
            )
        return None

    def look(self) -> CancellationView:
        """The cancellation as its readers see it."""
        return CancellationView(**self.seen())

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case."""
        match command:
            case ReportSent():
                self.left_anyway = True
        return super().record(command)

    @workflow.signal
    async def parcel(self, event: ParcelEvent) -> None:
        """A carrier's machine has seen a parcel of the order. If only a part of the order is
        cancelled, the parcel may be the rest: then the seller alone can say.
        """
        if not await self.is_news(event):
            return
        if self.units and self.whole and not (self.left_anyway or self.came_back):
            self.left_anyway = True
            self.note(f"parcel {event.scan}", detail=event.tracking or "")
