"""An order is taken back, in whole or in part: what is refunded, and the seller's duty to refund.

Whatever it is taken back for, it is reckoned and paid here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Unpack, cast

from temporalio import workflow

from domain.ahead import NOTHING_OWED
from domain.commands import Close, Decide, Refund, Verdict
from domain.goods import Adopted, Goods, Purpose, Way
from domain.money import Money
from domain.notices import Ending, NoticeName, Told, also
from domain.openings import Opening
from domain.orders import Line
from domain.parties import Party
from domain.policy import CancellationPolicy, WithdrawalPolicy
from domain.ports import LEARNS_FIRST, SAYS_WHY_LESS
from domain.questions import Question
from domain.refunds import (
    REDUCED,
    DeliveryShare,
    Event,
    RefundPreview,
    WayBack,
    reckon_refund,
    refund_question,
    worthless,
)
from domain.refusals import Code, Refusal
from domain.stages import Stage
from workflows.kernel.case import Silence
from workflows.kernel.claims import Claims
from workflows.kernel.deadline import Clock
from workflows.kernel.neighbours import tell_case
from workflows.kernel.refunding import Owed, Payment, Refunding

REFUND_CLOCKS = ("refund", "refund_after_goods")
"""In which the seller orders the refund."""

PROMISE_REFUND = (
    NoticeName.DELIVERY_FAILED,
    NoticeName.PARCEL_CAME_BACK,
    NoticeName.PARCEL_LAST_PERIOD,
    NoticeName.SELLER_MAY_WITHDRAW,
)
"""What is asked while a refund is still a choice, and names how much it would be."""


class TakingBack(Refunding):
    """A case that may end with the order, or some units of it, paid back."""

    EVENT: ClassVar[Event]

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.units: tuple[Line, ...] = ()
        self.deduction: Money | None = None
        self.way_back_minor = 0
        self.paid: Money | None = None
        self._reckoned: tuple[tuple[object, ...], RefundPreview] | None = None

    async def take_over(self, case_id: str) -> None:
        """The case that this one is opened for, or instead of, learns that it runs."""
        if not await tell_case(case_id, "adopted", Adopted(case_id=self.id)):
            self.note("case before had ended", detail=case_id)

    async def send_for(
        self, units: tuple[Line, ...], notice: NoticeName, /, **told: Unpack[Told]
    ) -> None:
        """Goods that should not be with the buyer go back at the seller's cost; `notice` says why.

        No refund waits for them.
        """
        self.tell_both(notice, **told)
        await self.returns.begin(Purpose.REFUND, units, way=Way.PLATFORM_LABEL)

    @property
    def event(self) -> Event:
        """What the refund is reckoned as."""
        return self.EVENT

    def preview(self) -> RefundPreview:
        """The refund as it stands now, part by part, before anybody commits; of what has come back
        already, nothing.
        """
        known = self.registration, self.units, self.event, self.deduction, self.way_back
        if self._reckoned is None or self._reckoned[0] != known:
            self._reckoned = known, self._reckon()
        return self._reckoned[1]

    def _reckon(self) -> RefundPreview:
        units = self.refundable(self.units)
        if not units:
            return RefundPreview(refund_minor=0, parts=())
        asked = refund_question(
            self.event,
            self.sale,
            units,
            self.delivery_share,
            self.registration.money_back,
            delivery_back_minor=self.registration.delivery_back_minor,
        )
        deducted = self.deduction.amount_minor if self.deduction else 0
        known = {"diminished_minor": deducted, "way_back": self.way_back}
        return reckon_refund(asked.model_copy(update=known), as_before=self.reckons_as_before)

    @property
    def way_back(self) -> WayBack:
        """What the carrier charged for the way back, and whether the buyer was told beforehand."""
        announced = self.sale.return_cost_announced
        return WayBack(charged_minor=self.way_back_minor, announced=announced)

    @property
    def delivery_share(self) -> DeliveryShare:
        """What a part of the order brings back of the delivery where the buyer changed their mind;
        of any other event the law itself says it.
        """
        terms = self.registration.terms
        if isinstance(terms, CancellationPolicy | WithdrawalPolicy):
            return terms.delivery_share
        return DeliveryShare.NONE

    @property
    def amount(self) -> Money:
        """What is refunded as it stands now."""
        return self.money(self.preview().refund_minor)

    @property
    def amount_if_less(self) -> Money | None:
        """What is refunded as it stands now, where that is less than was paid for the goods."""
        amount, paid = self.amount, self.sale.paid_for(self.units)
        return amount if amount.amount_minor < paid.amount_minor or not paid.amount_minor else None

    def money(self, minor: int) -> Money:
        """An amount in the order's currency."""
        return Money(amount_minor=minor, currency=self.sale.currency)

    def figures(self) -> Told:
        """The refund as a letter breaks it down: goods, what of their price came back before,
        delivery, and what is deducted.
        """
        preview = self.preview()
        less = -sum(part.amount_minor for part in preview.parts if part.amount_minor < 0)
        reduced = -sum(part.amount_minor for part in preview.parts if part.what == REDUCED)
        delivery = preview.delivery_minor
        deducted = less - reduced
        return {
            "amount": self.money(preview.refund_minor),
            "price": self.money(preview.refund_minor - delivery + less),
            "reduced": self.money(reduced) if reduced else None,
            "delivery": self.money(delivery) if delivery else None,
            "deducted": self.money(deducted) if deducted else None,
        }

    def goods_price(self) -> Money:
        """What is left of the price of the goods: the most that their loss in value can be."""
        figures = self.figures()
        price, reduced = figures["price"], figures["reduced"]
        assert price is not None
        return self.money(price.amount_minor - (reduced.amount_minor if reduced else 0))

    def named(self, units: tuple[Line, ...]) -> tuple[Goods, ...]:
        """Units as a letter names them."""
        return tuple(
            Goods(title=self.sale.title(unit.sku), quantity=unit.quantity) for unit in units
        )

    async def begin_refund(
        self,
        to_buyer: NoticeName,
        to_seller: NoticeName,
        at: datetime,
        limit_minor: int,
        text: str | None = None,
    ) -> Clock | None:
        """Both are told what is refunded: at once up to the limit; above it the seller orders it,
        until the clock that is answered runs out.
        """
        told: Told = {"goods": self.named(self.units), "at": at}
        if self.amount.amount_minor > limit_minor:
            await self.learn_what_is_left()
        demanded = self.amount.amount_minor > limit_minor
        due = self.start("refund", Party.SELLER) if demanded else None
        until = due.due if due else None

        def tell() -> None:
            figures = self.figures()
            self.tell(Party.BUYER, to_buyer, **also(also(told, **figures), text=text, due=until))
            if due:
                self.ask(due, to_seller, **also(told, amount=figures["amount"]))
            else:
                self.tell(Party.SELLER, to_seller, **also(told, amount=figures["amount"]))

        if due:
            tell()
            return due
        self.announce(tell)
        if self.owed:
            await self.pay()
        elif self.deducted_whole:
            await self.owes_nothing()
        self.tell_announced()
        return None

    async def await_refund(self, due: Clock, until: Callable[[], bool] | None = None) -> None:
        """The seller orders the refund in time, or an agent sees to it; over once `until` holds."""
        self.enter(Stage.AWAITING_REFUND)
        while not (self.paid or self.ended):
            match await self.hear(Party.SELLER, due, until=until):
                case None:
                    return
                case Silence(clock):
                    await self.answer_for(clock)
                case Refund():
                    await self.pay()

    async def pay(self) -> None:
        """Refund what the preview says, once; reckoned anew if other money came back since."""
        self.enter(Stage.REFUNDING)
        match await self.pay_back(self.reckoned, self.reckon_anew):
            case Payment.PAID:
                assert self.ordered is not None
                self.paid, self.less = self.ordered.amount, None
            case Payment.GIVEN_UP:
                self.ended = Ending.CLOSED_BY_PLATFORM
            case Payment.NOTHING_OWED:
                self.ended = Ending.NOTHING_OWED

    async def reckoned(self) -> Owed | None:
        """What the preview says, if anything is owed."""
        if await self.owes_nothing():
            return None
        units, delivery = self.covered
        return Owed(self.amount, units, self.less and self.less[0], delivery=delivery)

    async def reckon_anew(self) -> None:
        """Other cases have paid some of it back meanwhile."""
        self.note("refund reckoned anew", detail="other money came back meanwhile")
        await self.leave_out_refunded()

    @property
    def owed(self) -> bool:
        """Whether there is anything to refund."""
        return bool(self.units) and self.amount.amount_minor > 0

    @property
    def deducted_whole(self) -> bool:
        """Whether the deductions have used up what was paid for the units."""
        if not self.units or self.amount.amount_minor:
            return False
        return any(part.amount_minor > 0 for part in self.preview().parts)

    async def owes_nothing(self) -> bool:
        """Whether nothing is owed. Units of which all is deducted are settled by that: no other
        case pays for them.
        """
        while not self.owed:
            settles = self.deducted_whole and workflow.patched("deducted-units-settled")
            if not settles or await self.pay_nothing_more(*self.covered):
                self.note(NOTHING_OWED.what)
                self.tell_announced()
                self.tell_less()
                return True
            await self.leave_out_refunded()
        return False

    @property
    def worthless(self) -> bool:
        """Whether nothing can be owed for these goods, paid for or not: a gift, or goods whose
        whole price has come back.
        """
        known = self.registration
        if known.edition < SAYS_WHY_LESS or not self.units:
            return False
        return worthless(
            self.EVENT,
            self.sale,
            self.units,
            self.delivery_share,
            money_back=known.money_back,
            delivery_back_minor=known.delivery_back_minor,
        )

    @property
    def covered(self) -> tuple[tuple[Line, ...], int]:
        """What a refund settles: the units, and how much of the delivery."""
        return self.units, self.preview().delivery_minor

    async def leave_out_refunded(self) -> None:
        """Units that another case has refunded meanwhile are not refunded twice."""
        before = self.figures()["amount"]
        await self.learn_refunded()
        self.units = self.refundable(self.units)
        after = self.figures()["amount"]
        if before and after and after.amount_minor < before.amount_minor:
            self.less = (self.less[0] if self.less else before), after

    async def learn_what_is_left(self) -> None:
        """Learn what has come back of the order by now, before letters name what is left of it;
        both read why it is less.
        """
        if self.registration.edition >= LEARNS_FIRST and self.known_at != self.now:
            await self.leave_out_refunded()
            self.tell_less()

    async def leave_out_openly(self) -> None:
        """Leave out what other cases have refunded; both read what is less by that."""
        await self.leave_out_refunded()
        if self.registration.edition >= LEARNS_FIRST:
            self.tell_less()

    async def answer_for(self, missed: Clock) -> None:
        """The seller did not refund in time: a breach, unless another case has paid it all."""
        await self.leave_out_refunded()
        if await self.owes_nothing():
            self.ended = self.ended or Ending.NOTHING_OWED
            return
        self.enter(Stage.WITH_AGENT)
        self.breach(missed)
        self.tell_less()
        await self.have_refund_ruled(
            Question.REFUND_OVERDUE, NoticeName.REFUND_OVERDUE, due=missed.due, amount=self.amount
        )

    async def still_asks(self, clock: Clock) -> bool:
        """Nobody is reminded of a refund that is owed no more, and of one that is less by now with
        what is left.
        """
        name, facts = clock.asks or (None, {})
        demanded = clock.name in REFUND_CLOCKS and "amount" in facts
        promised = name in PROMISE_REFUND and self.registration.edition >= LEARNS_FIRST
        if name is None or not (demanded or promised) or self.registration.edition < SAYS_WHY_LESS:
            return True
        await self.leave_out_refunded()
        self.tell_less()
        now = also(self.figures(), goods=self.named(self.units))
        if name is NoticeName.DELIVERY_FAILED:
            now["amount"] = self.amount_if_less
        anew = {fact: now.get(fact, told) for fact, told in facts.items()}
        clock.asks = name, cast("Told", anew)
        if demanded:
            return self.owed
        delivers = name is NoticeName.DELIVERY_FAILED  # goods that cost nothing are owed as well
        return bool(self.units) and (delivers or not self.worthless)

    async def have_refund_ruled(
        self,
        question: Question,
        notice: NoticeName = NoticeName.AGENT_JOINS,
        /,
        **facts: Unpack[Told],
    ) -> None:
        """An agent orders or refuses the refund; until then the seller can still order it."""
        self.enter(Stage.WITH_AGENT)
        while not (self.paid or self.ended):
            match await self.have_ruled(question, notice, **facts):
                case Decide(verdict=Verdict.FOR_SELLER):
                    self.ended = Ending.NOTHING_OWED
                case Decide() | Refund():
                    await self.pay()

    def ruling_bars(self, decide: Decide) -> Refusal | None:
        """A ruling names no remedy, and an amount only where it is shared."""
        if self.agents_task.now is None:
            return Refusal(code=Code.ALREADY_DONE, sentence="No ruling is asked for now.")
        if decide.remedy or (decide.amount is None) is (decide.verdict is Verdict.SHARED):
            return Refusal(
                code=Code.VERDICT_DIFFERS,
                sentence="A shared ruling names the amount to deduct, any other ruling none; "
                "no ruling here names a remedy.",
            )
        return None

    async def see_goods_home(self, until: Clock | None = None) -> None:
        """Wait for the end of a return that still runs; `until`, if given, ends the waiting."""
        if not self.returns.under_way:
            return
        self.enter(Stage.WATCHING)
        while self.returns.under_way:
            clocks = (until,) if until else ()
            match await self.hear(Party.BUYER, *clocks, until=lambda: self.returns.over):
                case Silence():
                    until = None
                    await self.returns.call_off()
                case Close():
                    await self.returns.call_off()
                    return
        self.note("return ended")

    def claims_beside(self) -> Claims:
        """The seller's claims against carriers, of a case that opens some."""
        return Claims(
            self.id,
            self.opening,
            self.errands,
            tell=self.beside.tell,
            note=lambda what, which: self.note(what, detail=which),
            now=lambda: self.now,
        )

    def seen(self) -> dict[str, Any]:
        """With its refund, line by line, and its ruling."""
        seen = super().seen() | {"ruling": self.ruling}
        if self.registration.sale is None or not self.units:
            return seen
        return seen | {"units": self.units, "preview": self.preview()}
