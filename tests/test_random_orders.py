"""Random orders of commands, silences, duplicates and failing parts.

Never a second refund, never a lost message, never an open case that awaits nobody. A failure
prints its steps; `@example(steps=…)` above the test plays them again.
"""

import asyncio
import os
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import WorkflowHandle

from domain.commands import (
    COMMAND,
    Ask,
    BecomeDispute,
    Close,
    Command,
    CommandBase,
    Hold,
    NoAnswerNeeded,
    Remedy,
    Say,
    SendBack,
)
from domain.export import Relation
from domain.kin import kin
from domain.openings import OpenDispute, OpenInquiry
from domain.parties import Party
from domain.ports import RefundReport, RefundState, TaskState
from domain.refusals import Code
from domain.stages import Stage
from domain.view import CaseView, InquiryView, Outcome, Recalculate, RefundingView
from store.archive import Archive
from store.tasks import TaskQueue
from tests.life import BUYER, PLATFORM, Life, RefusedCommand, World
from tests.speech import ACTORS, arguments
from workflows.dispute.process import Dispute
from workflows.inquiry.process import Inquiry
from workflows.kernel.case import Case

BY_MAIL = True

OF_CONTENT = {
    Code.AMOUNT_MISSING,
    Code.AMOUNT_TOO_HIGH,
    Code.AMOUNT_NEEDLESS,
    Code.CURRENCY_DIFFERS,
    Code.NO_OPEN_OFFER,
    Code.OFFER_EXPIRED,
    Code.OWN_OFFER,
    Code.TOO_MANY_OFFERS,
    Code.TOO_MANY_QUESTIONS,
    Code.TOO_MANY_MESSAGES,
    Code.TEXT_TOO_LONG,
    Code.HELP_NOT_YET,
    Code.TASK_TAKEN,
    Code.TASK_NOT_CLAIMED,
    Code.OTHER_AGENT_NEEDED,
    Code.VERDICT_DIFFERS,
    Code.NAME_MISSING,
    Code.ALREADY_DONE,
}
"""Refusals of what a command says, or of who of the party says it, though its verb may be sent."""

OPENING = "opening the case"


@dataclass(frozen=True)
class Do:
    """A party does one of the things that it may do; `which` and `how` choose."""

    by: Party
    which: int
    how: int


@dataclass(frozen=True)
class Try:
    """A party tries a verb, whether it may or not."""

    by: Party
    verb: type[CommandBase]
    how: int

    def __repr__(self) -> str:
        return f"Try({self.by!r}, {self.verb.__name__}, {self.how})"


@dataclass(frozen=True)
class Together:
    """Several commands at once."""

    steps: tuple[Do | Try, ...]


@dataclass(frozen=True)
class Again:
    """An earlier command comes again, word for word or with other content under its id."""

    which: int
    altered: bool


@dataclass(frozen=True)
class Wait:
    """Time passes and nobody says anything."""

    hours: int


@dataclass(frozen=True)
class MailRefuses:
    """The mail server refuses the next mails for now."""

    mails: int


@dataclass(frozen=True)
class Refunds:
    """How the marketplace takes the refunds of this order from now on."""

    refunds: str
    statuses: str
    times: int


@dataclass(frozen=True)
class Reported:
    """The marketplace says that a refund's fate is known: of this case, or of none."""

    right: bool
    settles: Literal["confirm", "fail", None]


@dataclass(frozen=True)
class Recalculates:
    """Ops have the rules read anew."""


Step = Do | Try | Together | Again | Wait | MailRefuses | Refunds | Reported | Recalculates

PARTIES = st.sampled_from((*Party, Party.BUYER, Party.SELLER, Party.AGENT))
HOW = st.integers(0, 30)


def steps(verbs: tuple[type[CommandBase], ...]) -> st.SearchStrategy[list[Step]]:
    """A dozen steps in a random order; most of them plausible."""
    do = st.builds(Do, PARTIES, HOW, HOW)
    attempt = st.builds(Try, PARTIES, st.sampled_from(verbs), HOW)
    together = st.builds(
        Together, st.lists(st.one_of(do, do, attempt), min_size=2, max_size=4).map(tuple)
    )
    refunds = st.builds(
        Refunds,
        st.sampled_from(("later", "hang", "pay-then-hang", "fail", "refuse", "garbage")),
        st.sampled_from(("ok", "ok", "fail", "hang", "garbage")),
        st.integers(1, 2),
    )
    step: st.SearchStrategy[Step] = st.one_of(
        do,
        do,
        do,
        do,
        attempt,
        together,
        together,
        st.builds(Again, HOW, st.booleans()),
        st.sampled_from((1, 20, 30, 80, 24 * 8, 24 * 16)).map(Wait),
        st.integers(1, 3).map(MailRefuses),
        refunds,
        refunds,
        st.builds(Reported, st.booleans(), st.sampled_from(("confirm", "fail", None))),
        st.just(Recalculates()),
    )
    return st.lists(step, min_size=8, max_size=16)


@dataclass
class Played:
    """A case under random steps, and what it has accepted so far."""

    life: Life[CaseView]
    taken: dict[str, Command] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    sent: list[Command] = field(default_factory=list)

    async def view(self) -> CaseView:
        """The case at rest: nothing is being done beside it any more that takes no waiting."""
        before = await self.life.view()
        for _ in range(300):
            running = await self.running()
            now = await self.life.view()
            if not running and now == before and not now.working:
                return now
            before = now
            await asyncio.sleep(0.01)
        raise AssertionError(f"never at rest: {running}")

    async def running(self) -> list[str]:
        """The activities that are at their first attempt."""
        client = self.life.world.client
        # The client's own describe() cannot read an unset date of the time-skipping server.
        described = await client.workflow_service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(
                namespace=client.namespace,
                execution=WorkflowExecution(workflow_id=self.life.handle.id),
            )
        )
        return [
            pending.activity_type.name
            for pending in described.pending_activities
            if pending.attempt <= 1
        ]

    def command(self, step: Do | Try, may: dict[Party, tuple[str, ...]]) -> Command | None:
        """The step's command, with arguments that suit the case as far as `how` lets them."""
        if isinstance(step, Try):
            verb = step.verb
        elif verbs := may[step.by]:
            verb = VERBS[verbs[step.which % len(verbs)]]
        else:
            return None
        actors = ACTORS[step.by]
        number = len(self.sent) + 1
        command: Command = COMMAND.validate_python(
            {
                "verb": verb.word(),
                "command_id": f"r{number}",
                "by": actors[step.how % len(actors)],
                **arguments(verb, step.how, f"word-{number}."),
            }
        )
        self.sent.append(command)
        return command

    async def send(self, command: Command) -> Code | Outcome:
        """Send a command; what it was answered with, whose code must be a known one."""
        try:
            said = {name: getattr(command, name) for name in type(command).model_fields}
            by, _ = said.pop("by"), said.pop("verb")
            receipt = await asyncio.wait_for(self.life.send(by, type(command), **said), timeout=20)
        except RefusedCommand as refusal:
            return Code(refusal.code)
        if command.command_id in self.taken:
            assert receipt.outcome is Outcome.REPEATED, receipt
            assert self.taken[command.command_id] == command, "other content under a taken id"
        else:
            assert receipt.outcome in (Outcome.ACCEPTED, Outcome.NOTED), receipt
            self.taken[command.command_id] = command
            self.outcomes[command.command_id] = receipt.outcome
        return receipt.outcome

    async def one(self, command: Command, view: CaseView) -> None:
        """A command by itself: what `may` says is what happens."""
        answer = await self.send(command)
        allowed = type(command).word() in view.may[command.by.party]
        if isinstance(answer, Code) and allowed:
            misdirected = isinstance(command, Ask) and command.to and answer is Code.NOT_YOURS
            assert misdirected or answer in OF_CONTENT, (
                f"{command!r} may be sent, and was refused: {answer}"
            )
        assert allowed or isinstance(answer, Code), f"{command!r} may not be sent, and was taken"

    async def step(self, step: Step, view: CaseView) -> None:
        """Play one step."""
        match step:
            case Do() | Try():
                if command := self.command(step, view.may):
                    await self.one(command, view)
            case Together(together):
                commands = [self.command(one, view.may) for one in together]
                await asyncio.gather(*(self.send(command) for command in commands if command))
            case Again(which, altered) if self.sent:
                await self.again(self.sent[which % len(self.sent)], altered)
            case Wait(hours):
                # An unsettled refund is asked after every hour: weeks of that prove no more.
                await self.life.passes(hours=min(hours, 80) if unsettled(view) else hours)
            case MailRefuses(mails):
                self.life.world.mailbox.refuse_next(mails)
            case Refunds():
                self.life.marketplace(
                    refunds=step.refunds,
                    statuses=step.statuses,
                    times=None if step.refunds == "later" else step.times,
                )
            case Reported(right, settles) if view.kind == "dispute":
                await self.report(right, settles, view)
            case Recalculates():
                await self.life.handle.execute_update(
                    Case.recalculate,
                    Recalculate(
                        command_id=f"recalculate-{len(self.sent)}", by=PLATFORM, reason="x"
                    ),
                )

    async def again(self, command: Command, altered: bool) -> None:
        """A command comes a second time: it answers as before, or is another under a taken id."""
        if not altered:
            await self.send(command)
            return
        other = Say(command_id=command.command_id, by=PLATFORM, text="Something else altogether.")
        if command.command_id in self.taken:
            assert await self.send(other) is Code.COMMAND_ID_REUSED

    async def report(
        self, right: bool, settles: Literal["confirm", "fail", None], view: CaseView
    ) -> None:
        """A signal of the marketplace, after it really settled the refund or not."""
        refund = refund_of(view)
        key = refund.key if refund and right else "another:refund:1"
        if settles:
            self.settle(key, settles)
        await self.life.handle.signal(
            Dispute.refund_reported, RefundReport(key=key, state=RefundState.CONFIRMED)
        )

    def settle(self, key: str, how: Literal["confirm", "fail"]) -> None:
        """The marketplace pays or fails a refund, if it has one that is only requested."""
        requests.post(f"{self.life.world.marketplace}/standin/refunds/{key}/{how}", timeout=5)

    # What must hold.

    def holds(self, view: CaseView) -> None:
        """Holds after every step, at rest."""
        paid = self.life.paid
        assert len(paid) <= 1, f"paid {len(paid)} times"
        assert sum(paid) <= (view.at_stake.amount_minor if view.at_stake else 0)
        ended = [
            type(self.taken[id]).word()
            for id, outcome in self.outcomes.items()
            if outcome is Outcome.ACCEPTED
            and type(self.taken[id]).word() in ("withdraw", "agree-to-close", "become-dispute")
        ]
        if view.stage is Stage.CLOSED:
            assert view.ending is not None
            assert view.awaited is None
            assert view.task is None
            return
        assert not ended, f"accepted {ended}, and still {view.stage}"
        assert view.awaited is not None, "an open case awaits nobody"
        assert (
            any(clock.due for clock in view.clocks)
            or all(clock.held_since for clock in view.clocks)
            or unsettled(view)
        ), "nothing will ever happen by itself"
        assert view.clocks or unsettled(view), "nothing will ever happen by itself"
        if view.awaited is Party.AGENT:
            assert view.task is not None, "agents are awaited, and no task tells them"
        if view.task:
            kept = TaskQueue(self.life.world.engine).find(view.task.id)
            assert kept == view.task, f"the queue has {kept}"

    def nothing_lost(self) -> None:
        """Holds once the case has ended."""
        kept = Archive(self.life.world.engine).messages(self.life.handle.id)
        written = {
            id: command.words
            for id, command in self.taken.items()
            if command.words and not isinstance(command, Hold | SendBack)
        }
        archived = {message.id: message.text for message in kept if message.id != "#opening"}
        assert archived == written, "the archive has other messages than were accepted"
        assert len(kept) == len(written) + 1
        letters = self.life.letters_whole()
        assert all(letter.sent_at for letter in letters), "letters were never sent"
        for command in self.taken.values():
            if isinstance(command, Say | Ask):
                readers = [
                    letter.to for letter in letters if f" {command.words}" in f" {letter.text} "
                ]
                assert sorted(readers) == sorted(readers_of(command)), f"{command!r}: {readers}"
        mails = self.life.mails()
        assert sorted(mails) == sorted(letter.id for letter in letters), "each letter is one mail"
        waiting = TaskQueue(self.life.world.engine).waiting()
        assert not [task for task in waiting if task.case_id == self.life.handle.id]


def readers_of(command: Say | Ask) -> list[Party]:
    """Who has to receive a letter of it."""
    if isinstance(command, Ask) and command.to:
        return [command.to]
    if command.by.party in (Party.BUYER, Party.SELLER):
        return [command.by.party.opposite]
    return [Party.BUYER, Party.SELLER]


DISPUTES, INQUIRIES = tuple(Dispute.PERMITTED), tuple(Inquiry.PERMITTED)


def unsettled(view: CaseView) -> RefundReport | None:
    """The refund whose fate is being asked after."""
    refund = refund_of(view)
    asked = refund and refund.state in (RefundState.REQUESTED, RefundState.UNCONFIRMED)
    return refund if asked else None


def waits_for(view: CaseView) -> set[str]:
    """The cases that this one waits for: the returns of its goods, or whose goods it brings."""
    goods = (Relation.BRINGS_GOODS, Relation.BELONGS_TO)
    return {case_id for relation, case_id in kin(view) if relation in goods}


def refund_of(view: CaseView) -> RefundReport | None:
    """The refund of a case of whatever kind."""
    return view.refund if isinstance(view, RefundingView) else None


VERBS = {verb.word(): verb for verb in (*DISPUTES, *INQUIRIES)}


async def play(played: Played, script: list[Step]) -> None:
    """Play the steps, then let the case end, and hold it to what must hold."""
    for number, step in enumerate(script):
        view = await played.view()
        if view.stage is Stage.CLOSED:
            break
        await played.step(step, view)
        try:
            played.holds(await played.view())
        except AssertionError as broken:
            raise AssertionError(f"{broken} (after step {number}: {step!r})") from None
    await finish(played)
    played.holds(await played.view())
    played.nothing_lost()


async def finish(played: Played) -> None:
    """Everybody is silent and the marketplace well: a case ends, or only agents can end it."""
    life = played.life
    life.marketplace()
    view = await played.view()
    if refund := unsettled(view):
        played.settle(refund.key, "confirm")
    for _ in range(8):
        view = await played.view()
        played.holds(view)
        if view.stage is Stage.CLOSED:
            break
        if view.awaited is Party.AGENT and view.task and not any(c.held_since for c in view.clocks):
            break
        await life.passes(days=16 if not unsettled(view) else 2)
    else:
        raise AssertionError(f"half a year of silence, and still {view.stage}")
    if view.stage is not Stage.CLOSED:
        assert view.task
        assert view.task.state in (TaskState.OPEN, TaskState.CLAIMED)
        await played.send(Close(command_id="the-end", by=PLATFORM, reason="word-end."))
    # Else the server would skip to the years in which cases that ended would have timed out.
    with life.world.environment.auto_time_skipping_disabled():
        await asyncio.wait_for(life.ends(), timeout=20)


THOROUGH = os.environ.get("RECOURSE_HYPOTHESIS") == "thorough"
"""A hunt: many orders, and others each time."""

PLAYED = settings(
    max_examples=200 if THOROUGH else 8,
    deadline=None,
    derandomize=not THOROUGH,
    database=None,
    # A failing order is printed as it was found: finding a shorter one takes minutes.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.slow
@PLAYED
@given(
    dear=st.booleans(),
    early=st.lists(st.builds(Try, PARTIES, st.sampled_from(DISPUTES), HOW), max_size=3),
    script=steps(DISPUTES),
)
async def test_no_order_of_events_breaks_a_dispute(
    world: World, dear: bool, early: list[Try], script: list[Step]
) -> None:
    opening = OpenDispute(
        country="PL",
        order_id=world.order(dear=dear),
        opened_by=BUYER,
        text="The lamp does not light.",
        reason="defect",
        wanted=Remedy.FULL_REFUND,
    )
    handle = await world.client.start_workflow(
        Dispute.run, opening, id=opening.case_id, task_queue=world.settings.task_queue
    )
    played = Played(Life(world, handle, "PL", opening.order_id))
    await at_once(played, early)
    await play(played, script)


async def at_once(played: Played, early: list[Try]) -> None:
    """Commands that arrive while the case is being registered."""
    commands = [played.command(step, {}) for step in early]
    await asyncio.gather(*(played.send(command) for command in commands if command))
    await played.life.sees(lambda view: view.stage is not Stage.OPENING)


@pytest.mark.slow
@PLAYED
@given(
    early=st.lists(st.builds(Try, PARTIES, st.sampled_from(INQUIRIES), HOW), max_size=3),
    script=steps(INQUIRIES),
)
async def test_no_order_of_events_breaks_an_inquiry(
    world: World, early: list[Try], script: list[Step]
) -> None:
    opening = OpenInquiry(
        country="PL", order_id=world.order(), opened_by=BUYER, text="Can the lamp be dimmed?"
    )
    handle = await world.client.start_workflow(
        Inquiry.run, opening, id=opening.case_id, task_queue=world.settings.task_queue
    )
    played = Played(Life(world, handle, "PL", opening.order_id))
    await at_once(played, early)
    await play(played, script)
    became = [c for c in played.taken.values() if isinstance(c, BecomeDispute)]
    needless = [c for c in played.taken.values() if isinstance(c, NoAnswerNeeded)]
    view = await played.view()
    assert isinstance(view, InquiryView)
    assert view.needless_answers == len(needless)
    assert (view.ending == "became-dispute") is bool(became)
    if became:
        await dispute_of(played)


async def dispute_of(inquiry: Played) -> None:
    """The dispute that an inquiry became is there, refers back, and can be closed."""
    life = inquiry.life
    id = f"dispute:PL:{life.order_id}-inquiry-1"
    handle: WorkflowHandle[Any, Any] = life.world.client.get_workflow_handle_for(Dispute.run, id)
    dispute = Life(life.world, handle, "PL", life.order_id)
    view = await dispute.sees(lambda view: view.stage is not Stage.OPENING)
    assert view.preceding == life.handle.id
    await dispute.send(PLATFORM, Close, reason="The test is over.")
    await dispute.sees(lambda view: view.stage is Stage.CLOSED)
