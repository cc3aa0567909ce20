"""Cases that pay buyers back: under one key until it is known what became of the money."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Unpack

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.refunds import STALE, Refunds
from domain.accounts import left_for, left_with_delivery
from domain.ahead import stages_led_from
from domain.commands import Close, Command, CommandBase, RetryRefund
from domain.goods import count, lines
from domain.money import Money
from domain.notices import Ending, NoticeName, Told
from domain.openings import Opening
from domain.orders import Line
from domain.parties import Party
from domain.ports import (
    SAYS_WHY_LESS,
    AskRefundedUnits,
    LinePaid,
    RefundCommand,
    RefundedUnits,
    RefundReport,
    RefundState,
)
from domain.questions import Question
from domain.refusals import Code, Refusal
from domain.view import Closed, Outcome
from workflows.kernel.agents import WithAgents
from workflows.kernel.case import Silence
from workflows.kernel.confirming import Confirming
from workflows.kernel.errands import failure_type
from workflows.kernel.judging import Permitted
from workflows.kernel.options import MARKETPLACE
from workflows.kernel.over_order import OverOrder
from workflows.kernel.returns import Returns

ANSWERS_SOON = timedelta(seconds=10)
"""How long letters that announce a refund wait for the marketplace's answer."""


class Payment(Enum):
    """How paying back ended."""

    PAID = auto()
    NOTHING_OWED = auto()
    GIVEN_UP = auto()
    """The platform closed the case over a refund that failed."""


@dataclass(frozen=True)
class Owed:
    """What is to be paid back: for units, or as a reduction of their price.

    `agreed`: what both were told before, if that was more. `delivery`: how much of the delivery
    comes back with it, where that is reckoned.
    """

    amount: Money
    units: tuple[Line, ...]
    agreed: Money | None = None
    reduction: bool = False
    delivery: int | None = None


class Refunding(OverOrder, WithAgents):
    """A case that may end with a refund."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.returns = Returns(
            self.id,
            opening,
            hear=lambda until: self.hear(Party.BUYER, until=until),
            note=lambda what, which: self.note(what, detail=which),
            now=lambda: self.now,
        )
        self.refund: RefundReport | None = None
        self.ordered: RefundCommand | None = None
        self.refunds_asked = 0
        self.confirming: Confirming | None = None
        self._announcements: list[Callable[[], None]] = []
        self.less: tuple[Money | None, Money] | None = None
        self.learned_at: datetime | None = None
        self.known_at: datetime | None = None

    @classmethod
    def takes(cls) -> Permitted:
        """An agent orders a refund again where that leads on."""
        again = (Party.AGENT,), stages_led_from(cls.AHEAD, RetryRefund)
        return super().takes() | {RetryRefund: again}

    async def register(self) -> bool:
        """Its registration says what of the order has come back."""
        opened = await super().register()
        self.known_at = self.now
        return opened

    @property
    def nothing(self) -> Money:
        """No money, in the order's currency."""
        return Money(amount_minor=0, currency=self.sale.currency)

    def tell_less(self) -> None:
        """Both read why less is left to pay than they knew, or nothing: what `less` says."""
        if self.less and self.registration.edition >= SAYS_WHY_LESS:
            agreed, amount = self.less
            never = self.never_paid(self.registration.lines) or None
            self.tell_both(NoticeName.PAID_BACK_BEFORE, agreed=agreed, amount=amount, unpaid=never)
        self.less = None

    def never_paid(self, units: tuple[Line, ...]) -> bool:
        """Whether these units were free, or nobody has paid for the order."""
        return self.sale.unpaid or not self.sale.paid_for(units).amount_minor

    def announce(self, tell: Callable[[], None]) -> None:
        """Tell of a refund that is ordered next, once it is known how much of it there really is to
        pay: when the marketplace has answered, or soon. `tell` reckons what it tells when it does.
        """
        self._announcements.append(tell)
        if self.registration.edition < SAYS_WHY_LESS or self.learned_at == self.now:
            self.tell_announced()

    def tell_announced(self, agreed: Money | None = None, amount: Money | None = None) -> None:
        """Tell what was announced; and that of `agreed` this amount alone is left, if it is."""
        announced, self._announcements = self._announcements, []
        for tell in announced:
            tell()
        if agreed and amount:
            self.less = agreed, amount
            self.tell_less()

    async def close(self, ending: Ending, /, **facts: Unpack[Told]) -> Closed:
        """End the case; what was announced is told whatever became of it."""
        self.tell_announced()
        return await super().close(ending, **facts)

    async def pay_back(
        self,
        reckon: Callable[[], Awaitable[Owed | None]],
        learn: Callable[[], Awaitable[None]],
    ) -> Payment:
        """Pay what is owed as it is reckoned: anew as often as other money for the order came back
        meanwhile, once the case has learned of it.
        """
        while owed := await reckon():
            if payment := await self.pay_once(owed):
                return payment
            await learn()
        return Payment.NOTHING_OWED

    async def pay_once(self, owed: Owed) -> Payment | None:
        """Refund units, or reduce their price, until it is known what became of it.

        It holds for what is known to have come back of the order: None if that was not all. A
        failure needs an agent, who orders it again.
        """
        amount, agreed = owed.amount, owed.agreed
        while True:
            command = self.refund_command(
                amount, owed.units, reduction=owed.reduction, delivery=owed.delivery
            )
            self.refund = RefundReport(key=command.key, state=RefundState.REQUESTED)
            self.ordered = command
            self.rest_on(Party.PLATFORM)
            request = workflow.start_activity_method(
                Refunds.request, command, summary=f"refund {self.refunds_asked}", **MARKETPLACE
            )
            if self._announcements:
                await self.wait_for_answer(request)
            try:
                self.refund = await request
                if self.refund.state in (RefundState.REQUESTED, RefundState.UNCONFIRMED):
                    self.tell_announced(agreed, amount)
                    agreed = agreed if self.registration.edition < SAYS_WHY_LESS else None
                    self.refund = await self.learn(command)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                if failure_type(error) == STALE:
                    self.refund = self.ordered = None
                    self._waits_outside = False
                    return None
                self.refund = RefundReport(
                    key=command.key, state=RefundState.FAILED, reason=failure_type(error)
                )
            self._waits_outside = False
            self.note(f"refund {self.refund.state}", detail=self.refund.reason)
            self.tell_announced()
            if self.refund.state is RefundState.CONFIRMED:
                self.agents_task.finish()
                self.tell_both(NoticeName.REFUND_CONFIRMED, amount=amount, agreed=agreed)
                return Payment.PAID
            self.tell(Party.BUYER, NoticeName.REFUND_DELAYED, amount=amount)
            move = await self.hear_agent(
                self.call_agents(Question.REFUND_FAILED), verbs=(RetryRefund,)
            )
            self.agents_task.finish()
            if isinstance(move, Close):
                return Payment.GIVEN_UP

    async def wait_for_answer(self, request: workflow.ActivityHandle[RefundReport]) -> None:
        """An answer that comes soon is told with what was announced; nobody waits for a late one to
        learn that.
        """
        try:
            await workflow.wait_condition(
                request.done, timeout=ANSWERS_SOON, timeout_summary="an answer that comes soon"
            )
        except TimeoutError:
            self.tell_announced()

    def refund_command(
        self,
        amount: Money,
        units: tuple[Line, ...],
        *,
        reduction: bool = False,
        delivery: int | None = None,
    ) -> RefundCommand:
        """The next refund of the case, under a key of its own."""
        self.refunds_asked += 1
        return RefundCommand(
            key=f"{self.id}:refund:{self.refunds_asked}",
            case_id=self.id,
            order_id=self.opening.order_id,
            amount=amount,
            units=units,
            sold=lines({line.sku: line.quantity for line in self.sale.lines}),
            prices=tuple(
                LinePaid(sku=line.sku, paid_minor=line.paid_minor) for line in self.sale.lines
            ),
            paid=self.sale.paid,
            after=self.registration.money_back,
            reduction=reduction,
            delivery_minor=delivery,
        )

    async def pay_nothing_more(self, units: tuple[Line, ...], delivery: int) -> bool:
        """Enter that nothing is owed for these units any more, nor so much of the delivery, so that
        no other case pays them; False if other money came back meanwhile.
        """
        if self.registration.edition < SAYS_WHY_LESS:
            self._steps += 1  # its letters have left already
        command = self.refund_command(self.nothing, units, delivery=delivery)
        try:
            await workflow.execute_activity_method(
                Refunds.request, command, summary="nothing is owed any more", **MARKETPLACE
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            if failure_type(error) == STALE:
                return False
            self.note("units not settled", detail=failure_type(error))
        return True

    async def learn(self, command: RefundCommand) -> RefundReport:
        """Wait until it is known whether the money moved; after the window, an agent chases it."""
        self.confirming = asked = Confirming(command)
        clock = self.start("refund_confirmation", Party.PLATFORM)
        awaited = Party.PLATFORM
        while True:
            asked.may_be_known = False
            move = await self.hear(awaited, clock, until=asked.has_news)
            if (known := await asked.answer()) is not None:
                return known
            if not asked.follow_up() and isinstance(move, Silence):
                if awaited is Party.PLATFORM:
                    self.tell(Party.BUYER, NoticeName.REFUND_DELAYED, amount=command.amount)
                    awaited, clock = Party.AGENT, self.call_agents(Question.REFUND_UNCONFIRMED)
                else:
                    clock = self.call_lead()

    async def learn_refunded(self) -> None:
        """Learn anew what of the order has come back, by whatever case."""
        asked = AskRefundedUnits(order_id=self.opening.order_id)
        refunded: RefundedUnits = await self.own_database(
            Refunds.refunded_units, asked, "which units were refunded before?"
        )
        self.learned_at = self.known_at = self.now
        known = {
            "refunded": refunded.units,
            "money_back": refunded.money_back,
            "delivery_back_minor": refunded.delivery_back_minor,
        }
        self.registration = self.registration.model_copy(update=known)

    def price_left(self, units: tuple[Line, ...]) -> Money:
        """The most that the price of these units can be reduced by, as far as is known."""
        known = self.registration
        return left_for(self.sale, units, known.money_back, known.delivery_back_minor)

    def left(self, units: tuple[Line, ...]) -> Money:
        """The most that can be refunded of these units, as far as is known."""
        known = self.registration
        return left_with_delivery(self.sale, units, known.money_back, known.delivery_back_minor)

    def refundable(self, units: tuple[Line, ...]) -> tuple[Line, ...]:
        """These units without those that are known to be refunded."""
        gone, mine = count(self.registration.refunded), count(units)
        free = {line.sku: line.quantity - gone.get(line.sku, 0) for line in self.sale.lines}
        return lines({sku: min(n, free[sku]) for sku, n in mine.items()})

    @workflow.signal
    def refund_reported(self, report: RefundReport) -> None:
        """The marketplace says that a refund's fate is known: it is asked at once."""
        if self.refund and report.key == self.refund.key and self.confirming:
            self.confirming.may_be_known = True

    @property
    def refund_failed(self) -> bool:
        """Whether agents are called because a refund failed."""
        failed = self.refund is not None and self.refund.state is RefundState.FAILED
        return failed and self.agents_task.question is Question.REFUND_FAILED

    @property
    def may_retry(self) -> bool:
        """Whether there is something that an agent can order again."""
        return self.refund_failed

    def barred_for_kernel(self, verb: type[CommandBase], by: Party) -> Refusal | None:
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
        if verb is RetryRefund and not self.may_retry:
            return Refusal(code=Code.WRONG_STAGE, sentence="No refund has failed.")
        return super().barred_for_kernel(verb, by)

    def record(self, command: Command) -> Outcome:
        """A failed refund that is ordered again is under way."""
        if isinstance(command, RetryRefund) and self.refund and self.refund_failed:
            self.refund = self.refund.model_copy(update={"state": RefundState.REQUESTED})
        return super().record(command)

    def seen(self) -> dict[str, Any]:
        """With its refund, and its returns."""
        ordered = self.ordered
        return super().seen() | {
            "refund": self.refund,
            "refund_amount": ordered and ordered.amount,
            "refund_reduces": bool(ordered and ordered.reduction),
            "returns": tuple(self.returns.ids),
        }
