"""The floor: each life of `bench.lives` as a workflow that knows this one life only.

The same waits, updates and effects as the case, with the same arguments and answers, and nothing
else: no view, no lists, no summaries, no deadlines to hold or move, no refusals.
"""

from collections import deque
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow

from activities.cases import Cases
from activities.marketplace import SellerConduct
from activities.notices import Notices
from activities.refunds import Refunds
from activities.tasks import Tasks
from domain.commands import Command, Decide, Offer
from domain.money import Money
from domain.notices import Ending, Facts, Mailing, Message, Notice, NoticeName
from domain.openings import OpenDispute
from domain.parties import Actor, Party
from domain.policy import DisputePolicy, Window
from domain.ports import (
    BreachReport,
    CloseCase,
    RefundCommand,
    RegisterCase,
    Registration,
    Task,
    TaskState,
)
from domain.stages import Stage
from domain.view import Closed, Outcome, Receipt
from workflows.options import LETTERS, MARKETPLACE, OWN_DATABASE

TRADERS = (Party.BUYER, Party.SELLER)


class Bare:
    """What both lives do."""

    def __init__(self) -> None:
        self.id = workflow.info().workflow_id
        self.moves: deque[Command] = deque()
        self.letters: list[workflow.ActivityHandle[None]] = []
        self.steps = 0

    @workflow.update
    async def submit(self, command: Command) -> Receipt:
        """Take a command."""
        self.moves.append(command)
        return Receipt(
            command_id=command.command_id,
            outcome=Outcome.ACCEPTED,
            stage=Stage.AWAITING_SELLER,
            awaited=Party.SELLER,
            due=workflow.now(),
        )

    async def heard(self, wait: timedelta) -> Command | None:
        """The next move, or None after `wait`."""
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: bool(self.moves), timeout=wait)
        return self.moves.popleft() if self.moves else None

    async def register(self, opening: OpenDispute) -> Registration:
        """Register the case."""
        return await workflow.execute_activity_method(
            Cases.register,
            RegisterCase(case_id=self.id, opening=opening, at=workflow.now()),
            **MARKETPLACE,
        )

    def message(self, key: str, by: Actor, text: str) -> Message:
        """What somebody wrote."""
        return Message(id=key, at=workflow.now(), by=by, text=text)

    def notice(self, to: Party, name: NoticeName, **facts: Any) -> Notice:
        """One letter."""
        self.steps += 1
        return Notice(key=f"{self.steps}:{name}", to=to, name=name, facts=Facts(**facts))

    def both(self, name: NoticeName, **facts: Any) -> tuple[Notice, ...]:
        """The same letter to both traders."""
        return tuple(self.notice(to, name, **facts) for to in TRADERS)

    def post(self, *notices: Notice, messages: tuple[Message, ...] = ()) -> None:
        """Send letters, and wait for them at the end only."""
        mailing = Mailing(case_id=self.id, messages=messages, notices=notices)
        self.letters.append(workflow.start_activity_method(Notices.send, mailing, **LETTERS))

    def post_opening(self, opening: OpenDispute, stake: Money, wait: timedelta) -> None:
        """Tell both of the dispute."""
        due = workflow.now() + wait
        self.post(
            self.notice(
                Party.SELLER,
                NoticeName.DISPUTE_OPENED,
                reason=opening.reason,
                remedy=opening.wanted,
                amount=stake,
                text=opening.text,
                writer=opening.opened_by,
                due=due,
            ),
            self.notice(
                Party.BUYER,
                NoticeName.DISPUTE_RECEIVED,
                remedy=opening.wanted,
                amount=stake,
                due=due,
            ),
            messages=(self.message("#opening", opening.opened_by, opening.text),),
        )

    async def pay_back(self, opening: OpenDispute, amount: Money) -> None:
        """Refund, once."""
        await workflow.execute_activity_method(
            Refunds.request,
            RefundCommand(
                key=f"{self.id}:refund:1",
                case_id=self.id,
                order_id=opening.order_id,
                amount=amount,
            ),
            **MARKETPLACE,
        )

    async def close(
        self, ending: Ending, amount: Money, escalated: bool = False, breaches: int = 0
    ) -> Closed:
        """Tell both and file the end."""
        self.post(
            *self.both(NoticeName.REFUND_CONFIRMED, amount=amount),
            *self.both(NoticeName.CLOSED, ending=ending),
        )
        await workflow.execute_local_activity_method(
            Cases.close,
            CloseCase(
                case_id=self.id,
                ending=ending,
                at=workflow.now(),
                escalated=escalated,
                breaches=breaches,
            ),
            **OWN_DATABASE,
        )
        for letter in self.letters:
            await letter
        return Closed(case_id=self.id, ending=ending)


@workflow.defn(name="BareSettlement")
class BareSettlement(Bare):
    """The seller offers, the buyer accepts, the money goes back."""

    @workflow.run
    async def run(self, opening: OpenDispute) -> Closed:
        """From the opening to the refund."""
        registration = await self.register(opening)
        stake = registration.at_stake or Money(amount_minor=0, currency="EUR")
        wait = timedelta(hours=16)
        self.post_opening(opening, stake, wait)
        offer = await self.heard(wait)
        assert isinstance(offer, Offer)
        assert offer.amount
        wait = timedelta(days=3)
        self.post(
            self.notice(
                Party.BUYER,
                NoticeName.OFFER_MADE,
                remedy=offer.remedy,
                amount=offer.amount,
                writer=offer.by,
                due=workflow.now() + wait,
            )
        )
        await self.heard(wait)
        self.post(*self.both(NoticeName.OFFER_ACCEPTED, remedy=offer.remedy, amount=offer.amount))
        await self.pay_back(opening, offer.amount)
        return await self.close(Ending.SETTLED, offer.amount)


@workflow.defn(name="BareSilence")
class BareSilence(Bare):
    """The seller is silent, an agent decides, nobody appeals, the money goes back."""

    @workflow.run
    async def run(self, opening: OpenDispute) -> Closed:
        """From the opening to the refund."""
        registration = await self.register(opening)
        stake = registration.at_stake or Money(amount_minor=0, currency="EUR")
        policy = registration.dispute
        assert policy
        reply, reminder = spans(policy.seller_reply)
        self.post_opening(opening, stake, reply)
        due = workflow.now() + reply
        await self.heard(reminder)
        self.post(self.notice(Party.SELLER, NoticeName.REPLY_REMINDER, due=due))
        await self.heard(due - workflow.now())
        report = self.report(registration, due)
        self.post(
            self.notice(Party.SELLER, NoticeName.REPLY_BREACH, due=due),
            *self.both(NoticeName.AGENT_JOINS, reason="seller-silent", due=due),
        )
        task = await self.task_changed(self.task(opening))
        claim = await self.heard(timedelta(days=2))
        assert claim
        task = await self.task_changed(task, owner=claim.by.id, state=TaskState.CLAIMED)
        decision = await self.heard(timedelta(hours=8))
        assert isinstance(decision, Decide)
        await self.task_changed(task, state=TaskState.DONE)
        await self.told(policy, decision, stake)
        await self.pay_back(opening, stake)
        await report
        return await self.close(Ending.DECIDED, stake, escalated=True, breaches=1)

    def report(self, registration: Registration, due: Any) -> workflow.ActivityHandle[None]:
        """Report the breach; the case does not wait for it."""
        return workflow.start_activity_method(
            SellerConduct.report_breach,
            BreachReport(
                key=f"{self.id}:breach:1",
                case_id=self.id,
                seller_id=registration.seller_id,
                window="seller_reply",
                due=due,
                at=workflow.now(),
            ),
            **MARKETPLACE,
        )

    def task(self, opening: OpenDispute) -> Task:
        """The agents' task."""
        return Task(
            id=f"{self.id}:task:1",
            case_id=self.id,
            queue=f"disputes-{opening.country.lower()}",
            purpose="decide",
            priority=5,
            state=TaskState.OPEN,
            opened_at=workflow.now(),
            due=workflow.now() + timedelta(days=2),
        )

    async def task_changed(self, task: Task, **changes: Any) -> Task:
        """Write the task as it now is."""
        if changes:
            task = task.model_copy(update={**changes, "revision": task.revision + 1})
        await workflow.execute_local_activity_method(Tasks.record, task, **OWN_DATABASE)
        return task

    async def told(self, policy: DisputePolicy, decision: Decide, amount: Money) -> None:
        """Tell both of the decision, and again once it cannot be appealed any more."""
        said: dict[str, Any] = {
            "text": decision.reasoning,
            "writer": decision.by,
            "verdict": decision.verdict,
            "remedy": decision.remedy,
            "amount": amount,
        }
        wait, _ = spans(policy.appeal)
        reasoning = self.message(decision.command_id, decision.by, decision.reasoning)
        self.post(
            *self.both(NoticeName.DECISION, due=workflow.now() + wait, **said),
            messages=(reasoning,),
        )
        await self.heard(wait)
        self.post(*self.both(NoticeName.DECISION_FINAL, **said))


def spans(window: Window) -> tuple[timedelta, timedelta]:
    """A window in seconds, and the time to its reminder."""
    return timedelta(seconds=window.length), timedelta(seconds=window.remind_after or 0)
