"""The floor: each life of `bench.lives` as a workflow that knows this one life only.

The same waits, updates and effects as the case, the same child with the same signals, all with
the same arguments and answers, and nothing else: no view, no lists, no summaries, no deadlines to
hold or move, no refusals, no sums. It records the steps that the case records, in its very words
(`WRITTEN`), and as the case does: a command is answered, and a letter leaves, once they are kept.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from activities.cases import Cases
from activities.marketplace import SellerConduct
from activities.notices import Notices
from activities.refunds import Refunds
from activities.shipments import Shipments
from activities.step_records import StepRecords
from domain.accounts import MoneyBack
from domain.commands import (
    Command,
    Decide,
    HandOver,
    Inspect,
    NameAmount,
    Offer,
    Receive,
    ShipBack,
)
from domain.goods import Goods, GoodsNews, News, Purpose, Received, Way
from domain.money import Money
from domain.notices import Ending, Facts, Mailing, Notice, NoticeName
from domain.openings import (
    OpenCancellation,
    OpenComplaint,
    OpenDispute,
    Opening,
    OpenReturn,
    OpenWithdrawal,
)
from domain.orders import Line
from domain.parties import Actor, Party
from domain.policy import (
    CancellationPolicy,
    ComplaintPolicy,
    DisputePolicy,
    Window,
    WithdrawalPolicy,
)
from domain.ports import (
    AskRefundedUnits,
    BreachReport,
    LabelWanted,
    RefundCommand,
    RegisterCase,
    Registration,
    StopDispatch,
)
from domain.stages import Stage
from domain.step_record import StepRecord
from domain.view import Closed, Outcome, Receipt
from workflows.kernel.options import LETTERS, MARKETPLACE, OWN_DATABASE, STEP_RECORDS
from workflows.kernel.refunding import ANSWERS_SOON

TRADERS = (Party.BUYER, Party.SELLER)

WRITTEN: dict[str, tuple[str, ...]] = {}
"""What cases have recorded of each life, by the floor's name (bench/written.py): to be recorded
again by it. A floor of which nothing is here records nothing."""

ORDER = "order-of-the-floor"
"""What stands there for the order's id."""


class Bare:
    """What all lives do."""

    def __init__(self) -> None:
        self.id = workflow.info().workflow_id
        self.known = Registration()
        self.moves: deque[Command] = deque()
        self.beside: list[asyncio.Task[Any]] = []
        self.unsent: tuple[Notice, ...] = ()
        self.notices = 0
        self.steps = self.written = 0
        self.writing: asyncio.Task[None] | None = None
        self.unrecorded = False

    @workflow.update
    async def submit(self, command: Command) -> Receipt:
        """Take a command, and answer once what it has done is recorded."""
        self.moves.append(command)
        await workflow.wait_condition(lambda: not self.moves)
        if self.unrecorded:
            self.record()
        await workflow.wait_condition(lambda: self.written == self.steps)
        return Receipt(
            command_id=command.command_id,
            outcome=Outcome.ACCEPTED,
            stage=Stage.AWAITING_SELLER,
            awaited=Party.SELLER,
            due=workflow.now(),
        )

    async def heard(self, wait: timedelta) -> Command | None:
        """The next move, or None after `wait`; what was posted before leaves meanwhile."""
        self.end_step()
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: bool(self.moves), timeout=wait)
        self.unrecorded = bool(self.moves)
        return self.moves.popleft() if self.moves else None

    async def register(self, opening: Opening) -> None:
        """Register the case."""
        self.opening = opening
        self.known = await workflow.execute_activity_method(
            Cases.register,
            RegisterCase(
                case_id=self.id,
                opening=opening,
                at=workflow.info().workflow_start_time,
                now=workflow.now(),
            ),
            **MARKETPLACE,
        )

    @property
    def stake(self) -> Money:
        """What was paid for the goods."""
        assert self.known.at_stake
        return self.known.at_stake

    def named(self, units: Sequence[Line | Received]) -> tuple[Goods, ...]:
        """Units as a letter names them."""
        assert self.known.sale
        return tuple(
            Goods(
                title=self.known.sale.title(unit.sku),
                quantity=unit.quantity,
                condition=unit.condition if isinstance(unit, Received) else None,
            )
            for unit in units
        )

    @property
    def kept(self) -> tuple[str, ...]:
        """What the case has recorded in this life."""
        return WRITTEN.get(workflow.info().workflow_type, ())

    def record(self, *letters: Notice, last: bool = False) -> None:
        """Record what has changed, after what was recorded before; then letters leave."""
        self.unrecorded = False
        self.steps += 1
        which = -1 if last else min(self.steps, len(self.kept) - 1) - 1
        self.writing = asyncio.create_task(self._write(self.writing, which, letters))

    async def _write(
        self, before: asyncio.Task[None] | None, which: int, letters: tuple[Notice, ...]
    ) -> None:
        if before:
            await before
        if self.kept:
            text = self.kept[which].replace(ORDER, self.opening.order_id)
            record = StepRecord.model_validate_json(text).model_copy(
                update={
                    "run": workflow.info().run_id,
                    "number": self.written + 1,
                    "at": workflow.now(),
                }
            )
            await workflow.execute_activity_method(StepRecords.record, record, **STEP_RECORDS)
        self.written += 1
        if letters:
            mailing = Mailing(case_id=self.id, notices=letters)
            self.beside.append(workflow.start_activity_method(Notices.send, mailing, **LETTERS))

    def end_step(self, *, last: bool = False) -> None:
        """Record the step that ends here, and let its letters leave."""
        letters, self.unsent = self.unsent, ()
        self.record(*letters, last=last)

    async def learn_refunded(self, opening: Opening) -> None:
        """Ask what of the order has come back."""
        await workflow.execute_activity_method(
            Refunds.refunded_units, AskRefundedUnits(order_id=opening.order_id), **OWN_DATABASE
        )

    def notice(self, to: Party, name: NoticeName, **facts: Any) -> Notice:
        """One letter."""
        self.notices += 1
        return Notice(key=f"{self.notices}:{name}", to=to, name=name, facts=Facts(**facts))

    def both(self, name: NoticeName, **facts: Any) -> tuple[Notice, ...]:
        """The same letter to both traders."""
        return tuple(self.notice(to, name, **facts) for to in TRADERS)

    def post(self, *notices: Notice) -> None:
        """Let letters leave with the step, and wait for them at the end only."""
        self.unsent += notices

    async def pay_back(
        self,
        opening: Opening,
        amount: Money,
        *announced: Notice,
        after: tuple[MoneyBack, ...] | None = None,
    ) -> tuple[Notice, ...]:
        """Refund, once; the letters that say so. Those that announced it wait for an answer that
        comes soon.
        """
        sale = self.known.sale
        assert sale
        refund = workflow.start_activity_method(
            Refunds.request,
            RefundCommand(
                key=f"{self.id}:refund:1",
                case_id=self.id,
                order_id=opening.order_id,
                amount=amount,
                units=self.known.lines,
                sold=tuple(Line(sku=line.sku, quantity=line.quantity) for line in sale.lines),
                paid=sale.paid,
                after=after,
            ),
            **MARKETPLACE,
        )
        self.record()
        if announced:
            await workflow.wait_condition(refund.done, timeout=ANSWERS_SOON)
        await refund
        return (*announced, *self.both(NoticeName.REFUND_CONFIRMED, amount=amount))

    async def start_return(self, opening: Opening, **more: Any) -> Any:
        """Have the goods brought back."""
        returning = OpenReturn(
            country=opening.country,
            order_id=opening.order_id,
            opened_by=Actor(party=Party.PLATFORM, id="recourse"),
            lines=self.known.lines,
            belongs_to=self.id,
            **more,
        )
        return await workflow.start_child_workflow(
            "BareReturn",
            returning,
            id=returning.case_id,
            result_type=Closed,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        )

    @workflow.signal
    def goods(self, news: GoodsNews) -> None:
        """The return tells how the goods fare."""

    async def close(self, ending: Ending, *last: Notice, announced: bool = True) -> Closed:
        """Tell both and file the end."""
        self.post(*last, *(self.both(NoticeName.CLOSED, ending=ending) if announced else ()))
        self.end_step(last=True)
        assert self.writing
        await self.writing
        for effect in self.beside:
            await effect
        await workflow.wait_condition(workflow.all_handlers_finished)
        return Closed(case_id=self.id, ending=ending)


class BareDispute(Bare):
    """What disputes do."""

    def post_opening(self, opening: OpenDispute, wait: timedelta) -> None:
        """Tell both of the dispute."""
        due = workflow.now() + wait
        self.post(
            self.notice(
                Party.SELLER,
                NoticeName.DISPUTE_OPENED,
                reason=opening.reason,
                remedy=opening.wanted,
                amount=self.stake,
                text=opening.text,
                writer=opening.opened_by,
                due=due,
            ),
            self.notice(
                Party.BUYER,
                NoticeName.DISPUTE_RECEIVED,
                remedy=opening.wanted,
                amount=self.stake,
                due=due,
            ),
        )

    async def agreed(self, opening: OpenDispute) -> tuple[Offer, tuple[Notice, ...]]:
        """The seller offers, and the buyer accepts: the letters that say so."""
        wait = timedelta(hours=16)
        self.post_opening(opening, wait)
        offer = await self.heard(wait)
        assert isinstance(offer, Offer)
        told = {"remedy": offer.remedy, "amount": offer.amount}
        wait = timedelta(days=3)
        self.post(
            self.notice(
                Party.BUYER,
                NoticeName.OFFER_MADE,
                writer=offer.by,
                due=workflow.now() + wait,
                **told,
            )
        )
        await self.heard(wait)
        return offer, self.both(NoticeName.OFFER_ACCEPTED, **told)


@workflow.defn(name="BareSettlement")
class BareSettlement(BareDispute):
    """The seller offers, the buyer accepts, the money goes back."""

    @workflow.run
    async def run(self, opening: OpenDispute) -> Closed:
        """From the opening to the refund."""
        await self.register(opening)
        offer, accepted = await self.agreed(opening)
        assert offer.amount
        paid = await self.pay_back(opening, offer.amount, *accepted)
        return await self.close(Ending.SETTLED, *paid)


@workflow.defn(name="BareRepair")
class BareRepair(BareDispute):
    """The seller offers a repair, the buyer accepts, the goods go to be repaired and come back."""

    @workflow.run
    async def run(self, opening: OpenDispute) -> Closed:
        """From the opening to the repaired goods."""
        await self.register(opening)
        _, accepted = await self.agreed(opening)
        self.post(*accepted)
        coming = await self.start_return(opening, purpose=Purpose.REPAIR)
        self.end_step()
        await coming
        return await self.close(Ending.SETTLED)


@workflow.defn(name="BareSilence")
class BareSilence(BareDispute):
    """The seller is silent, an agent decides, nobody appeals, the money goes back."""

    @workflow.run
    async def run(self, opening: OpenDispute) -> Closed:
        """From the opening to the refund."""
        await self.register(opening)
        policy = self.known.terms
        assert isinstance(policy, DisputePolicy)
        reply, reminder = spans(policy.seller_reply)
        self.post_opening(opening, reply)
        due = workflow.now() + reply
        await self.heard(reminder)
        self.post(self.notice(Party.SELLER, NoticeName.REPLY_REMINDER, due=due))
        await self.heard(due - workflow.now())
        report = self.report(due)
        self.post(
            self.notice(Party.SELLER, NoticeName.REPLY_BREACH, due=due),
            *self.both(NoticeName.AGENT_JOINS, reason="seller-silent", due=due),
        )
        claim = await self.heard(timedelta(days=2))
        assert claim
        decision = await self.heard(timedelta(hours=8))
        assert isinstance(decision, Decide)
        await self.learn_refunded(opening)
        final = await self.told(policy, decision)
        paid = await self.pay_back(opening, self.stake, *final)
        await report
        return await self.close(Ending.DECIDED, *paid)

    def report(self, due: datetime) -> workflow.ActivityHandle[None]:
        """Report the breach; the case does not wait for it."""
        return workflow.start_activity_method(
            SellerConduct.report_breach,
            BreachReport(
                key=f"{self.id}:breach:1",
                case_id=self.id,
                seller_id=self.known.seller_id,
                window="seller_reply",
                due=due,
                at=workflow.now(),
            ),
            **MARKETPLACE,
        )

    async def told(self, policy: DisputePolicy, decision: Decide) -> tuple[Notice, ...]:
        """Tell both of the decision; the letters that it cannot be appealed any more."""
        said: dict[str, Any] = {
            "text": decision.reasoning,
            "writer": decision.by,
            "verdict": decision.verdict,
            "remedy": decision.remedy,
            "amount": self.stake,
        }
        wait, _ = spans(policy.appeal)
        self.post(*self.both(NoticeName.DECISION, due=workflow.now() + wait, **said))
        await self.heard(wait)
        return self.both(NoticeName.DECISION_FINAL, **said)


@workflow.defn(name="BareCancellation")
class BareCancellation(Bare):
    """The dispatch is stopped, the money goes back at once, and no parcel leaves."""

    @workflow.run
    async def run(self, opening: OpenCancellation) -> Closed:
        """From the buyer's word until no parcel is expected any more."""
        await self.register(opening)
        stopped = workflow.start_activity_method(
            Shipments.stop,
            StopDispatch(
                key=f"{self.id}:stop",
                case_id=self.id,
                order_id=opening.order_id,
                units=self.known.lines,
            ),
            **MARKETPLACE,
        )
        self.record()
        await stopped
        told = {"goods": self.named(self.known.lines), "at": workflow.now(), "amount": self.stake}
        letters = (
            self.notice(
                Party.BUYER,
                NoticeName.CANCELLED,
                text=opening.text,
                **told,
                **shares(self.known),
            ),
            self.notice(Party.SELLER, NoticeName.STOP_DISPATCH, **told),
        )
        self.post(*await self.pay_back(opening, self.stake, *letters, after=self.known.money_back))
        policy = self.known.terms
        assert isinstance(policy, CancellationPolicy)
        await self.heard(spans(policy.sent_anyway)[0])
        return await self.close(Ending.CANCELLED)


@workflow.defn(name="BareWithdrawal")
class BareWithdrawal(Bare):
    """The goods go back, and so does the money."""

    def __init__(self) -> None:
        super().__init__()
        self.news: list[GoodsNews] = []

    @workflow.signal
    def goods(self, news: GoodsNews) -> None:
        """The return tells how the goods fare."""
        self.news.append(news)
        if len(self.news) > 1:
            self.record()

    @workflow.run
    async def run(self, opening: OpenWithdrawal) -> Closed:
        """From the buyer's statement to the refund."""
        await self.register(opening)
        policy = self.known.terms
        assert isinstance(policy, WithdrawalPolicy)
        due = workflow.now() + timedelta(days=14)
        told = {
            "goods": self.named(self.known.lines),
            "at": workflow.now(),
            "text": opening.text,
            "amount": self.stake,
        }
        self.post(
            self.notice(
                Party.BUYER,
                NoticeName.WITHDRAWAL_ACKNOWLEDGED,
                due=due,
                refund_due=due,
                **told,
                **shares(self.known),
            ),
            self.notice(Party.SELLER, NoticeName.WITHDRAWAL_STATED, due=due, safe=due, **told),
        )
        coming = await self.start_return(
            opening, send_window=policy.send_goods, counted_from=workflow.now()
        )
        coming.add_done_callback(lambda _: self.record())
        wait = timedelta(days=9)
        self.end_step()
        await workflow.wait_condition(lambda: bool(self.news), timeout=wait)
        charged = self.news[0].charged_minor
        amount = Money(amount_minor=self.stake.amount_minor - charged, currency=self.stake.currency)
        self.record()
        await self.learn_refunded(opening)
        parts = {"amount": amount, **shares(self.known)}
        if charged:
            parts["deducted"] = Money(amount_minor=charged, currency=self.stake.currency)
        self.post(self.notice(Party.SELLER, NoticeName.REFUND_DUE, due=due, safe=due, **parts))
        await self.heard(wait)
        await coming
        paid = await self.pay_back(opening, amount, after=self.known.money_back)
        return await self.close(Ending.REFUNDED, *paid)


@workflow.defn(name="BareComplaint")
class BareComplaint(Bare):
    """The seller is silent, which accepts a lower price; the seller names it, and it is paid."""

    @workflow.run
    async def run(self, opening: OpenComplaint) -> Closed:
        """From the complaint to the refund."""
        await self.register(opening)
        policy = self.known.terms
        assert isinstance(policy, ComplaintPolicy)
        answer, reminder = spans(policy.answer)
        due = workflow.now() + answer
        wish = {"remedy": opening.wanted, "amount": opening.amount}
        told: dict[str, Any] = {
            "goods": self.named(self.known.lines),
            "silence": policy.answer.on_silence,
            "text": opening.text,
            "at": workflow.now(),
            "due": due,
            "repairable": True,
            **wish,
        }
        received = self.notice(Party.BUYER, NoticeName.COMPLAINT_RECEIVED, **told)
        told["fault"] = opening.reason
        opened = self.notice(Party.SELLER, NoticeName.COMPLAINT_OPENED, **told)
        self.post(received, opened)
        await self.heard(reminder)
        self.post(self.notice(Party.SELLER, NoticeName.COMPLAINT_OPENED, again=True, **told))
        await self.heard(due - workflow.now())
        wait = timedelta(days=4)
        named_by = workflow.now() + wait
        await self.learn_refunded(opening)
        self.post(
            *self.both(NoticeName.COMPLAINT_DEEMED_ACCEPTED, due=due, **wish),
            self.notice(
                Party.SELLER,
                NoticeName.AMOUNT_WANTED,
                amount=opening.amount,
                due=named_by,
                safe=named_by,
            ),
        )
        named = await self.heard(wait)
        assert isinstance(named, NameAmount)
        told = {"remedy": opening.wanted, "amount": named.amount, "writer": named.by}
        self.post(*self.both(NoticeName.COMPLAINT_ACCEPTED, **told))
        await self.learn_refunded(opening)
        paid = await self.pay_back(opening, named.amount)
        return await self.close(Ending.PRICE_REDUCED, *paid)


@workflow.defn(name="BareReturn")
class BareReturn(Bare):
    """The goods are handed over or brought, received, inspected, and repaired if need be."""

    @property
    def kept(self) -> tuple[str, ...]:
        """What returns have recorded that belong to such a case."""
        assert isinstance(self.opening, OpenReturn)
        return WRITTEN.get(return_of(self.opening.belongs_to or ""), ())

    @workflow.run
    async def run(self, opening: OpenReturn) -> Closed:
        """From the label until the goods are where they belong."""
        await self.register(opening)
        goods = self.named(self.known.lines)
        due = workflow.now() + timedelta(days=14)
        charged = await self.send_label(opening, due)
        move = await self.heard(timedelta(days=10))
        if isinstance(move, HandOver):
            self.post(
                *self.both(
                    NoticeName.GOODS_HANDED_OVER,
                    goods=goods,
                    at=workflow.now(),
                    tracking=move.tracking,
                    carrier=move.carrier,
                )
            )
            self.tell(opening, News.SENT, charged)
            move = await self.heard(timedelta(days=14))
        assert isinstance(move, Receive)
        self.tell(opening, News.CAME, charged)
        came = self.named(move.units)
        due = workflow.now() + timedelta(days=3)
        self.post(
            self.notice(Party.SELLER, NoticeName.GOODS_ARRIVED, goods=came, due=due),
            self.notice(Party.BUYER, NoticeName.GOODS_RECEIVED, goods=came, due=due),
        )
        move = await self.heard(timedelta(days=2))
        assert isinstance(move, Inspect)
        last = self.notice(Party.BUYER, NoticeName.GOODS_ACCEPTED, goods=goods)
        ending = Ending.RETURNED
        if opening.purpose is Purpose.REPAIR:
            last, ending = await self.repair(last, goods), Ending.REPAIRED
        closed = await self.close(ending, last, announced=False)
        return closed.model_copy(update={"accepted": self.known.lines})

    async def send_label(self, opening: OpenReturn, due: datetime) -> int:
        """Tell both of the return, and the buyer of the label; what the way back costs them."""
        told = {
            "goods": self.named(self.known.lines),
            "way": Way.PLATFORM_LABEL,
            "purpose": opening.purpose,
            "due": due,
            "withheld": opening.purpose is Purpose.REFUND or None,
        }
        self.post(
            self.notice(Party.BUYER, NoticeName.RETURN_OPENED, safe=due, **told),
            self.notice(Party.SELLER, NoticeName.RETURN_EXPECTED, **told),
        )
        made = await workflow.execute_activity_method(
            Shipments.label,
            LabelWanted(
                key=f"{self.id}:label",
                case_id=self.id,
                order_id=opening.order_id,
                units=self.known.lines,
            ),
            **MARKETPLACE,
        )
        charged = made.charged if opening.purpose is Purpose.REFUND else None
        self.post(
            self.notice(
                Party.BUYER, NoticeName.LABEL_READY, label=made.label, amount=charged, due=due
            )
        )
        return charged.amount_minor if charged else 0

    async def repair(self, accepted: Notice, goods: tuple[Goods, ...]) -> Notice:
        """The seller begins, finishes and sends back; the letter that says so."""
        due = workflow.now() + timedelta(days=14)
        purpose = Purpose.REPAIR
        self.post(
            accepted,
            self.notice(
                Party.SELLER,
                NoticeName.WORK_WANTED,
                purpose=purpose,
                goods=goods,
                due=due,
                safe=due,
            ),
        )
        await self.heard(timedelta(days=10))
        self.post(self.notice(Party.BUYER, NoticeName.WORK_BEGUN, purpose=purpose))
        await self.heard(timedelta(days=10))
        self.post(
            self.notice(Party.BUYER, NoticeName.WORK_DONE, purpose=purpose),
            self.notice(Party.SELLER, NoticeName.SHIP_BACK_WANTED, goods=goods, due=due),
        )
        shipped = await self.heard(timedelta(days=2))
        assert isinstance(shipped, ShipBack)
        return self.notice(
            Party.BUYER,
            NoticeName.SHIPPED_BACK,
            goods=goods,
            carrier=shipped.carrier,
            tracking=shipped.tracking,
            expected_on=shipped.expected_on,
        )

    def tell(self, opening: OpenReturn, what: News, charged: int) -> None:
        """Tell the withdrawal that the return belongs to, and wait for it at the end only."""
        assert opening.belongs_to
        if opening.belongs_to.startswith("withdrawal:"):
            news = GoodsNews(what=what, at=workflow.now(), charged_minor=charged)
            told = workflow.get_external_workflow_handle(opening.belongs_to).signal("goods", news)
            self.beside.append(asyncio.create_task(told))


def return_of(case_id: str) -> str:
    """The name in WRITTEN of the return that belongs to a case."""
    return f"BareReturn of {case_id.partition(':')[0]}"


def shares(known: Registration) -> dict[str, Money]:
    """Of what was paid, what was for the goods and what for their delivery."""
    assert known.sale
    assert known.at_stake
    delivery, currency = known.sale.delivery_paid_minor, known.sale.currency
    return {
        "price": Money(amount_minor=known.at_stake.amount_minor - delivery, currency=currency),
        "delivery": Money(amount_minor=delivery, currency=currency),
    }


def spans(window: Window) -> tuple[timedelta, timedelta]:
    """A window in seconds, and the time to its reminder."""
    return timedelta(seconds=window.length), timedelta(seconds=window.remind_after or 0)
