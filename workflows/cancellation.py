"""A cancellation: a buyer calls an order off before it is sent (W2). Legally it is a withdrawal.

Read `run()` first. Who was first, the cancellation or the tracking number, only the marketplace
can say: it is asked once, and its answer stands.
"""

from typing import ClassVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.shipments import Shipments
from domain.commands import (
    Claim,
    Close,
    Command,
    CommandBase,
    Decide,
    Hold,
    Refund,
    Release,
    ReportSent,
    Resume,
    RetryRefund,
    Say,
    Verdict,
)
from domain.goods import ParcelEvent, Purpose, Way
from domain.notices import Ending, NoticeName
from domain.openings import OpenCancellation
from domain.parties import Party
from domain.policy import CancellationPolicy
from domain.ports import Dispatch, DispatchAnswer, StopDispatch
from domain.refunds import Event
from domain.refusals import Code, Refusal
from domain.stages import Flow, Stage
from domain.view import Closed, Outcome
from workflows.case import Permitted, Silence
from workflows.errands import failure_type
from workflows.options import MARKETPLACE
from workflows.taking_back import TakingBack

OPEN = (
    Stage.STOPPING,
    Stage.AWAITING_REFUND,
    Stage.WITH_AGENT,
    Stage.REFUNDING,
    Stage.WATCHING,
)
STOPPED = (Stage.AWAITING_REFUND, Stage.WITH_AGENT, Stage.REFUNDING, Stage.WATCHING)
AGENTS = ((Party.AGENT,), (Stage.WITH_AGENT, Stage.REFUNDING))

PERMITTED: Permitted = {
    Say: (tuple(Party), OPEN),
    Refund: ((Party.SELLER,), (Stage.AWAITING_REFUND, Stage.WITH_AGENT)),
    ReportSent: ((Party.SELLER,), STOPPED),
    Claim: AGENTS,
    Release: AGENTS,
    Decide: ((Party.AGENT,), (Stage.WITH_AGENT,)),
    RetryRefund: ((Party.AGENT,), (Stage.REFUNDING,)),
    Close: ((Party.PLATFORM,), STOPPED),
    Hold: ((Party.AGENT, Party.PLATFORM), STOPPED),
    Resume: ((Party.AGENT, Party.PLATFORM), STOPPED),
}
"""Who may send what, and at which stages."""


@workflow.defn(name="Cancellation")
class Cancellation(TakingBack):
    """An order is cancelled, or some units of it."""

    EVENT = Event.CANCELLATION
    PERMITTED = PERMITTED
    FLOW: ClassVar[Flow] = {
        Stage.OPENING: (Stage.STOPPING, Stage.CLOSED),
        Stage.STOPPING: (
            Stage.AWAITING_REFUND,
            Stage.WITH_AGENT,
            Stage.REFUNDING,
            Stage.WATCHING,
            Stage.CLOSED,
        ),
        Stage.AWAITING_REFUND: (Stage.REFUNDING, Stage.WITH_AGENT, Stage.CLOSED),
        Stage.WITH_AGENT: (
            Stage.AWAITING_REFUND,
            Stage.REFUNDING,
            Stage.WATCHING,
            Stage.CLOSED,
        ),
        Stage.REFUNDING: (Stage.WATCHING, Stage.CLOSED),
        Stage.WATCHING: (Stage.CLOSED,),
    }

    @workflow.init
    def __init__(self, opening: OpenCancellation) -> None:
        super().__init__(opening)
        self.left_anyway = False

    @workflow.run
    async def run(self, opening: OpenCancellation) -> Closed:
        """A cancellation, from the buyer's word until no parcel is expected any more."""
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        self.units = self.registration.lines
        self.enter(Stage.STOPPING)
        if not await self.stopped():
            self.tell_both(NoticeName.SENT_BEFORE, goods=self.named(self.units), at=self.opened_at)
            return await self.close(Ending.SENT_BEFORE)
        await self.give_money_back()
        if self.ended in (None, Ending.NOTHING_OWED):
            await self.watch_for_a_parcel()
        return await self.close(self.ended or Ending.CANCELLED)

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
                    units=self.units,
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
        move = None
        while not isinstance(move, Decide | Close):
            move = await self.have_ruled(
                "dispatch-unknown", NoticeName.AGENT_JOINS, reason="dispatch-unknown"
            )
        return isinstance(move, Decide) and move.verdict is not Verdict.FOR_SELLER

    async def give_money_back(self) -> None:
        """At once up to the policy's limit; above it the seller orders the refund, in time."""
        amount = self.amount.amount_minor
        due = None
        if amount > self.policy.automatic_limit_minor:
            due = self.start("refund", Party.SELLER)
        told = {"goods": self.named(self.units), "at": self.opened_at}
        self.tell(
            Party.BUYER,
            NoticeName.CANCELLED,
            text=self.opening.text,
            due=due and due.due,
            **told,
            **self.figures(),
        )
        told["amount"] = self.amount
        if due is None:
            self.tell(Party.SELLER, NoticeName.STOP_DISPATCH, **told)
            if amount:
                await self.pay()
            return
        self.ask(due, NoticeName.STOP_DISPATCH, **told)
        self.enter(Stage.AWAITING_REFUND)
        while not (self.paid or self.ended):
            move = await self.hear(Party.SELLER, due)
            match move:
                case Silence(clock):
                    await self.answer_for(clock)
                case Refund():
                    await self.pay()

    async def watch_for_a_parcel(self) -> None:
        """A parcel that left all the same becomes a return, at the seller's cost."""
        self.enter(Stage.WATCHING)
        clock = self.start("sent_anyway", Party.PLATFORM)
        while not self.left_anyway:
            match await self.hear(Party.PLATFORM, clock, until=lambda: self.left_anyway):
                case Silence() | Close():
                    return
        self.tell_both(NoticeName.SENT_ALL_THE_SAME, goods=self.named(self.units))
        await self.start_return(Purpose.REFUND, self.units, way=Way.PLATFORM_LABEL)
        await self.see_goods_home()

    @property
    def policy(self) -> CancellationPolicy:
        """The windows and limits of cancellations that this case is pinned to."""
        assert isinstance(self.registration.terms, CancellationPolicy)
        return self.registration.terms

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        match command:
            case Decide():
                return self.ruling_bars(command)
            case Claim() | Release() | RetryRefund():
                return self.task_bars(command)
        return None

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """A parcel is reported once, and a refund is ordered of a dispatch that was stopped."""
        if verb is ReportSent and self.left_anyway:
            return Refusal(code=Code.ALREADY_DONE, sentence="The parcel is known to have left.")
        if verb is Refund and self.task and self.task.purpose == "dispatch-unknown":
            return Refusal(
                code=Code.WRONG_STAGE, sentence="It is not yet known whether the order was sent."
            )
        return super().barred(verb, by)

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case."""
        if isinstance(command, ReportSent):
            self.left_anyway = True
        return super().record(command)

    @workflow.signal
    def parcel(self, event: ParcelEvent) -> None:
        """A carrier's machine has seen a parcel of the cancelled order."""
        self.left_anyway = True
