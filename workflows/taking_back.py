"""An order is taken back, in whole or in part: what is refunded, and the seller's duty to refund.

Cancelling is legally a withdrawal (W2): both are reckoned and paid here.
"""

from typing import Any, ClassVar

from domain.commands import Close, Decide, Refund, Verdict
from domain.goods import Goods, count, lines
from domain.money import Money
from domain.notices import Ending, NoticeName
from domain.openings import OpenCancellation, OpenWithdrawal
from domain.orders import Line
from domain.parties import Party
from domain.policy import CancellationPolicy, WithdrawalPolicy
from domain.refunds import (
    Delivery,
    Event,
    RefundPreview,
    RefundQuestion,
    SoldLine,
    WayBack,
    reckon_refund,
)
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import CaseView
from workflows.case import Silence
from workflows.deadline import Clock
from workflows.refunding import Payment
from workflows.returning import Returning


class TakingBack(Returning):
    """A cancellation or a withdrawal."""

    EVENT: ClassVar[Event]

    def __init__(self, opening: OpenCancellation | OpenWithdrawal) -> None:
        super().__init__(opening)
        self.units: tuple[Line, ...] = ()
        self.deduction: Money | None = None
        self.way_back_minor = 0
        self.paid: Money | None = None

    @property
    def event(self) -> Event:
        """What the refund is reckoned as."""
        return self.EVENT

    def preview(self) -> RefundPreview:
        """The refund as it stands now, part by part, before anybody commits."""
        sale, terms = self.sale, self.policy
        refunded = self.registration.refunded
        return reckon_refund(
            RefundQuestion(
                event=self.event,
                currency=sale.currency,
                lines=tuple(SoldLine(**line.model_dump(exclude={"title"})) for line in sale.lines),
                delivery=Delivery(
                    paid_minor=sale.delivery_paid_minor,
                    cheapest_standard_minor=sale.cheapest_standard_minor,
                ),
                units=self.units,
                already_refunded=(refunded,) if refunded else (),
                delivery_share=terms.delivery_share,
                free_delivery_programme=sale.free_delivery,
                buyer_informed=sale.informed or sale.informed_at is not None,
                diminished_minor=self.deduction.amount_minor if self.deduction else 0,
                way_back=WayBack(
                    charged_minor=self.way_back_minor, announced=sale.return_cost_announced
                ),
                payment=sale.payment,
            )
        )

    @property
    def amount(self) -> Money:
        """What is refunded as it stands now."""
        return self.money(self.preview().refund_minor)

    def money(self, minor: int) -> Money:
        """An amount in the order's currency."""
        return Money(amount_minor=minor, currency=self.sale.currency)

    def figures(self) -> dict[str, Money | None]:
        """The refund as a letter breaks it down: goods, delivery, and what is deducted."""
        preview = self.preview()
        deducted = -sum(part.amount_minor for part in preview.parts if part.amount_minor < 0)
        delivery = sum(part.amount_minor for part in preview.parts if part.what == "delivery")
        return {
            "amount": self.money(preview.refund_minor),
            "price": self.money(preview.refund_minor - delivery + deducted),
            "delivery": self.money(delivery) if delivery else None,
            "deducted": self.money(deducted) if deducted else None,
        }

    def named(self, units: tuple[Line, ...]) -> tuple[Goods, ...]:
        """Units as a letter names them."""
        return tuple(
            Goods(title=self.sale.title(unit.sku), quantity=unit.quantity) for unit in units
        )

    async def pay(self) -> None:
        """Refund what the preview says, once; reckoned anew if other units were refunded since."""
        self.enter(Stage.REFUNDING)
        while self.owed:
            amount = self.amount
            match await self.pay_back(amount, self.units, self.registration.refunded):
                case Payment.PAID:
                    self.paid = amount
                    return
                case Payment.GIVEN_UP:
                    self.ended = Ending.CLOSED_BY_PLATFORM
                    return
                case Payment.STALE:
                    self.note("refund reckoned anew", detail="other units were refunded meanwhile")
                    await self.leave_out_refunded()
        self.ended = Ending.NOTHING_OWED

    @property
    def owed(self) -> bool:
        """Whether there is anything to refund."""
        return bool(self.units) and self.amount.amount_minor > 0

    async def leave_out_refunded(self) -> None:
        """Units that another case has refunded meanwhile are not refunded twice."""
        await self.learn_refunded()
        gone, mine = count(self.registration.refunded), count(self.units)
        left = {line.sku: line.quantity - gone.get(line.sku, 0) for line in self.sale.lines}
        self.units = lines({sku: min(n, left[sku]) for sku, n in mine.items()})

    async def answer_for(self, missed: Clock) -> None:
        """The seller did not refund in time: a breach, unless another case has paid it all."""
        self.enter(Stage.WITH_AGENT)
        await self.leave_out_refunded()
        if not self.owed:
            self.ended = self.ended or Ending.NOTHING_OWED
            return
        self.breach(missed)
        await self.have_refund_ruled(
            "refund-overdue", NoticeName.REFUND_OVERDUE, due=missed.due, amount=self.amount
        )

    async def have_refund_ruled(self, purpose: str, notice: NoticeName, **facts: Any) -> None:
        """An agent orders or refuses the refund; until then the seller can still order it."""
        self.enter(Stage.WITH_AGENT)
        while not (self.paid or self.ended):
            match await self.have_ruled(purpose, notice, **facts):
                case Decide(verdict=Verdict.FOR_SELLER):
                    self.ended = Ending.NOTHING_OWED
                case Decide() | Refund():
                    await self.pay()

    def ruling_bars(self, decide: Decide) -> Refusal | None:
        """Whose the task is; a ruling names no remedy, and an amount only where it is shared."""
        if self.task is None:
            return Refusal(code=Code.ALREADY_DONE, sentence="No ruling is asked for now.")
        if refusal := self.task_bars(decide):
            return refusal
        if decide.remedy or (decide.amount is None) is (decide.verdict is Verdict.SHARED):
            return Refusal(
                code=Code.VERDICT_DIFFERS,
                sentence="A shared ruling names the amount to deduct, any other ruling none; "
                "no ruling here names a remedy.",
            )
        return None

    @property
    def policy(self) -> CancellationPolicy | WithdrawalPolicy:
        """The windows and limits that this case is pinned to."""
        assert isinstance(self.registration.terms, CancellationPolicy | WithdrawalPolicy)
        return self.registration.terms

    async def see_goods_home(self, until: Clock | None = None) -> None:
        """Wait for the end of a return that still runs; `until`, if given, ends the waiting."""
        if not self.return_runs:
            return
        self.enter(Stage.WATCHING)
        while self.return_runs:
            clocks = (until,) if until else ()
            match await self.hear(Party.BUYER, *clocks, until=lambda: self.return_over):
                case Silence():
                    until = None
                    await self.call_off_return()
                case Close():
                    await self.call_off_return()
                    return

    def look(self) -> CaseView:
        """The case with its refund, line by line."""
        view = super().look()
        if self.registration.sale is None or not self.units:
            return view
        return view.model_copy(update={"units": self.units, "preview": self.preview()})
