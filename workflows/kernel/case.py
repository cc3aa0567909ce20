"""What every process shares: commands in, letters out, waiting on clocks, and the view.

A process is a subclass whose `run()` is its timeline. Commands are validated and recorded when
they come; `run()` takes them one by one from `hear()` and acts. Nothing here knows a process.

In this order: what a process says about itself; the verbs of its timeline (register, enter, start,
hear, tell, ask, tasks, other cases, close); commands as they come in, and why not; what is shown.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Unpack

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    is_cancelled_exception,
)

from activities.cases import Cases
from activities.tasks import Tasks
from domain.ahead import Ahead, flow, stages, stages_led_from
from domain.base import Value
from domain.calendars import Calendar
from domain.commands import (
    Ask,
    Claim,
    Close,
    Command,
    CommandBase,
    Hold,
    LeaveLetters,
    Nature,
    Refuse,
    Release,
    ResendLetters,
    Resume,
    RetryRefund,
    Say,
    SendBack,
)
from domain.deadlines import day_of
from domain.excerpts import ROOM, Page, PageAsked, excerpt, page_before
from domain.goods import Adopted
from domain.notices import Ending, Facts, Message, Notice, NoticeName, Told, also, opening_message
from domain.openings import Opening
from domain.parties import Party
from domain.policy import Terms, Window
from domain.ports import (
    ARCHIVES_APART,
    LEARNS_FIRST,
    NOTHING_LOCAL,
    RECORDS,
    WHOLE_STEPS,
    CaseBeside,
    CloseCase,
    Misfit,
    RegisterCase,
    Registration,
    Task,
)
from domain.refusals import Code, Refusal
from domain.stages import Flow, Stage
from domain.step_record import snapshot
from domain.view import (
    Closed,
    DecisionView,
    Entry,
    Outcome,
    Recalculate,
    Recalculated,
    Receipt,
    View,
    WholeCase,
)
from domain.writing import (
    character_refusal,
    count_refusal,
    name_refusal,
    text_refusal,
)
from workflows.kernel.agents_task import AgentsTask
from workflows.kernel.alarm import Alarm
from workflows.kernel.breaches import Breaches
from workflows.kernel.clocks import Clocks
from workflows.kernel.deadline import Clock
from workflows.kernel.errands import Errands, failure_type
from workflows.kernel.inbox import Inbox
from workflows.kernel.judging import (
    ABOUT_LETTERS,
    CLOSED,
    SEES_TO_THE_CASE,
    Permitted,
    clock_bars,
    impostor,
    letters_bar,
    not_permitted,
    recalculation_bars,
    refused,
    with_verbs,
)
from workflows.kernel.neighbours import Beside, open_next
from workflows.kernel.one_step import ANOTHER_STEP, OneStep
from workflows.kernel.options import MARKETPLACE, OWN_DATABASE
from workflows.kernel.outbox import Outbox
from workflows.kernel.publishing import publish
from workflows.kernel.recorder import Recorder, Step
from workflows.kernel.rules import with_rules_of_now
from workflows.kernel.undelivered import UndeliveredLetters


@dataclass(frozen=True)
class Silence:
    """Nobody answered before this clock ran out: an answer like the others."""

    clock: Clock


BESIDE_A_STEP = (Say, Close, Hold, Resume, Claim, Release, RetryRefund)
"""What the steps of the kernel take, and may be sent though another step was taken."""

WOULD_BE_TAKEN = "would-be-taken"
"""How a command is refused that was only tried out."""

MISFITS_TOLD = 20
"""How many signals that cannot be read have a line of the timeline."""


class Case(ABC):
    """A case of any process."""

    AHEAD: ClassVar[Ahead]
    VERBS: ClassVar[Permitted]
    """Who may send what is the process's own, and where it departs from what the kernel's steps
    take (`takes()`).
    """
    FLOW: ClassVar[Flow]
    PERMITTED: ClassVar[Permitted]
    STEPS: ClassVar[tuple[type[CommandBase], ...]] = ()
    """Verbs that take the case on, one at a time; what may go beside, `goes_beside()` says."""
    FACTS: ClassVar[tuple[type[CommandBase], ...]] = ()
    """Verbs that only state a fact: recorded, they answer nothing that is waited for."""

    def __init_subclass__(cls) -> None:
        """A process, which declares AHEAD and VERBS, takes besides what each of its steps takes."""
        super().__init_subclass__()
        if "AHEAD" in vars(cls):
            cls.FLOW = flow(cls.AHEAD)
            cls.PERMITTED = cls.VERBS | cls.takes() | cls.VERBS  # its own before the others

    def __init__(self, opening: Opening) -> None:
        self.id = workflow.info().workflow_id
        self.opening = opening
        # When it was asked for: a worker may come only later.
        self.opened_at = workflow.info().workflow_start_time
        self.registration = Registration()
        self.registered = False
        self.stage = Stage.OPENING
        self.awaited: Party | None = Party.PLATFORM
        self.clocks = Clocks()
        self.agents_task = AgentsTask(self.id, self.keep_task)
        self.decisions: list[DecisionView] = []
        self.messages: list[Message] = []
        self.timeline: list[Entry] = []
        self.ended: Ending | None = None
        self.ending: Ending | None = None
        self.farewell: str | None = None
        self.escalated = False
        self.beside = Beside(self.note)
        self.adopted_by: str | None = None
        self._inbox = Inbox()
        self.step = OneStep(self._inbox.has)
        self._listening = False
        self._reminds = False
        self._waits_outside = False
        self._over = False
        self._filed: CloseCase | None = None
        self.errands = Errands()
        self.breaches = Breaches(self.id, self.errands, self.note)
        self.undelivered = UndeliveredLetters(self)
        self._outbox = Outbox(
            self.id,
            self.errands,
            complete=self._step_is_told,
            told=self.undelivered,
            edition=lambda: self.registration.edition,
            recorded=lambda: self._recorder.settled,
            failed=lambda what, why: self.note(what, detail=why),
        )
        self._recorder = Recorder(
            self.id,
            self.errands,
            said_before=1 if opening.text else 0,
            keeps=lambda: self.registration.edition >= RECORDS,
            stands=self._stands,
            at_work=lambda: bool(self._inbox or self._stirred),
            contradicted=lambda id: self.note("message not archived", detail=id),
        )
        self._notices = 0
        self._steps = 0
        self._stirred = False
        self._alarm = Alarm(self.opened_at)
        self.woke_at = self.opened_at
        self._misfits = 0
        self._recalculated: dict[str, Recalculated] = {}
        self._recalculating = asyncio.Lock()

    # What a process says about itself.

    @classmethod
    def takes(cls) -> Permitted:
        """Who may send what into every case that has this step, and at which stages."""
        anywhere = stages(cls.AHEAD)
        return {
            Say: (tuple(Party), anywhere),
            Close: ((Party.PLATFORM,), stages_led_from(cls.AHEAD, Close)),
            Hold: (SEES_TO_THE_CASE, anywhere),
            Resume: (SEES_TO_THE_CASE, anywhere),
        }

    @abstractmethod
    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts forbid beyond PERMITTED; None when `by` may send `verb` now."""

    @abstractmethod
    def unfit(self, command: Command) -> Refusal | None:
        """Why this very command cannot be taken though its verb may be sent."""

    def is_step(self, command: Command) -> bool:
        """Whether a command takes the case on, so that no other step is taken beside it."""
        return isinstance(command, self.STEPS)

    def goes_beside(self, verb: type[CommandBase]) -> bool:
        """Whether it may be sent though a step was taken that the timeline still acts on."""
        return verb in (*BESIDE_A_STEP, *self.FACTS)

    def record(self, command: Command) -> Outcome:
        """Take the command's facts into the case, at once and without waiting."""
        if isinstance(command, Close):
            self.ended, self.farewell = Ending.CLOSED_BY_PLATFORM, command.reason
        return Outcome.ACCEPTED

    def announces(self, ending: Ending) -> bool:
        """Whether both are told that the case has closed."""
        return True

    @property
    def policy(self) -> Terms:
        """The windows and limits that this case is pinned to."""
        assert self.registration.terms is not None
        return self.registration.terms

    @property
    def calendar(self) -> Calendar:
        """The calendar that this case is pinned to."""
        assert self.registration.calendar is not None
        return self.registration.calendar

    @property
    def now(self) -> datetime:
        """The time of this step: never before an instant for which a timer has fired."""
        return self._alarm.now

    @property
    def today(self) -> date:
        """The day that it is where the order was placed."""
        return day_of(self.now, self.calendar.zone)

    # Verbs of the timeline.

    async def register(self) -> bool:
        """Pin the case to its order, policy and calendar; False when it cannot be opened."""
        self.note("opened", self.opening.opened_by.party)
        try:
            self.registration = await workflow.execute_activity_method(
                Cases.register,
                RegisterCase(
                    case_id=self.id, opening=self.opening, at=self.opened_at, now=self.now
                ),
                summary="look the order up, pin policy and calendar",
                **MARKETPLACE,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self.registration = Registration(
                refusal=Refusal(
                    code=Code.ORDER_UNKNOWN,
                    sentence="The marketplace's answer about this order cannot be read; "
                    "open the case again once that is mended.",
                )
            )
            self.note("registration failed", detail=failure_type(error))
        self.registered = True
        if self.registration.refusal:
            self.note("not opened", detail=self.registration.refusal.code)
            return False
        if self.opening.text:
            self.messages.append(opening_message(self.opening, self.opened_at))
            if self.registration.edition < ARCHIVES_APART:
                self._outbox.add_message(self.messages[0])
        for other in self.registration.beside:
            self.beside.know(other)
            told = CaseBeside(case_id=self.id)
            self.errands.run(self.beside.tell(other, "case_beside", told))
        return True

    def enter(self, stage: Stage) -> None:
        """Move to a stage that the process's FLOW allows after this one."""
        if stage is not self.stage:
            if stage not in self.FLOW[self.stage]:
                raise AssertionError(f"{self.stage} cannot be followed by {stage}")
            self.stage = stage
            self.note(f"stage {stage}")

    def start(
        self,
        window: str,
        awaited: Party,
        since: datetime | None = None,
        given: Window | None = None,
    ) -> Clock:
        """Start one of the policy's windows for a party, now or from an instant `since`.

        `given`: the window as another case has set it, which this case's policy cannot change.
        """
        rules: Window = given or getattr(self.policy, window)
        clock = Clock(window, rules, self.calendar, awaited, since or self.now)
        clock.given = given is not None
        self.clocks.started.append(clock)
        return clock

    async def hear(
        self,
        awaited: Party,
        *clocks: Clock,
        until: Callable[[], bool] | None = None,
        heeds: Callable[[Say | Ask], bool] | None = None,
    ) -> Command | Silence | None:
        """Wait for the next move, or the silence at the end of a clock; None once `until` holds.

        Talk that the process does not heed is passed on meanwhile.
        A clock with a reminder reminds its party on the way.
        """
        self.turn_to(awaited, *clocks)
        while not (until and until()):
            self._steps += 1
            if (first := self._inbox.first()) and not self._came_too_late(first):
                move = self._inbox.next()
                if isinstance(move, Say | Ask) and not (heeds and heeds(move)):
                    self.pass_on(move)
                    continue
                return move
            if (clock := self._next_clock()) is None or clock.wakes > self.now:
                await self._rest(clock, until)
            elif clock is self.clocks.hold:
                self._resume()
            elif clock is self.undelivered.clock:
                self.undelivered.time_is_up()
            elif clock.reminder:
                clock.reminded = True
                self._reminds = self.registration.edition >= LEARNS_FIRST
                still_asked = await self.still_asks(clock)
                self._reminds = False
                if not still_asked:
                    return Silence(clock)
                self.note("reminded", clock.awaited, clock.name)
                self._remind(clock)
            else:
                self.note("silence", clock.awaited, clock.name)
                clock.lapsed = True
                return Silence(clock)
        return None

    async def hear_one_of(
        self,
        verbs: tuple[type[CommandBase], ...],
        awaited: Party,
        *clocks: Clock,
        until: Callable[[], bool] | None = None,
    ) -> Command | Silence | None:
        """As `hear`: the next move of these verbs, or the platform's closing; others are let by."""
        while True:
            move = await self.hear(awaited, *clocks, until=until)
            if move is None or isinstance(move, (*verbs, Silence, Close)):
                return move

    def turn_to(self, awaited: Party, *clocks: Clock) -> None:
        """It is this party's turn, while these clocks run; nothing need wait for it yet."""
        if self.clocks.hold and not set(clocks) & set(self.clocks.waited):
            self._let_go()
        self.awaited, self.clocks.waited = awaited, clocks

    async def still_asks(self, clock: Clock) -> bool:
        """Whether what a clock's party was asked for is still wanted, before they are reminded of
        it; if not, nothing is left to wait for.
        """
        return True

    def rest_on(self, awaited: Party) -> None:
        """Nobody's clock runs while `awaited` is at work; a hold has nothing left to hold."""
        if self.clocks.hold:
            self._let_go()
        self.awaited, self.clocks.waited = awaited, ()
        self._alarm.set(None)
        self._waits_outside = True
        self._steps += 1
        self._recorder.record()

    def pass_on(self, move: Say | Ask, due: datetime | None = None) -> None:
        """Pass a message or question on to whom it is meant for."""
        name = NoticeName.QUESTION if isinstance(move, Ask) else NoticeName.MESSAGE
        if isinstance(move, Ask) and move.to:
            readers: tuple[Party, ...] = (move.to,)
        elif move.by.party in (Party.BUYER, Party.SELLER):
            readers = (move.by.party.opposite,)
        else:
            readers = (Party.BUYER, Party.SELLER)
        for reader in readers:
            self.tell(reader, name, text=move.text, writer=move.by, due=due)

    def tell(self, to: Party, name: NoticeName, /, **facts: Unpack[Told]) -> None:
        """Write to a party. The letter leaves by itself; the timeline does not wait for it.

        All that is told between two waits of the timeline is one letter; while it waits, each is.
        """
        self._steps += self._listening
        self._notices += 1
        key, step = f"{self._notices}:{name}", self._steps
        notice = Notice(key=key, to=to, name=name, facts=Facts(**facts), step=step)
        self.undelivered.wrote(notice, self.clocks.started)
        self._outbox.add_notice(notice)

    def post(self, notice: Notice) -> None:
        """Post a notice that was written before and did not arrive."""
        self._outbox.add_notice(notice)

    def ask(self, clock: Clock, name: NoticeName, /, **facts: Unpack[Told]) -> None:
        """Tell the awaited party what to do until the clock's end; the reminder says it again."""
        clock.asks = (name, facts)
        self.tell(clock.awaited, name, **also(facts, due=clock.due, safe=clock.safe))

    def tell_both(self, name: NoticeName, /, **facts: Unpack[Told]) -> None:
        """Write the same to buyer and seller."""
        self.tell(Party.BUYER, name, **facts)
        self.tell(Party.SELLER, name, **facts)

    def start_seeing_to_letters(self) -> Clock:
        """Start the agents' time to see to letters that did not arrive."""
        return self.start("undelivered", Party.AGENT)

    def stir(self) -> None:
        """Let the timeline look again at what it waits for."""
        self._stirred = True

    async def own_database(self, activity: Any, told: Value, summary: str) -> Any:
        """Tell our own database something, or ask it, once the history has it that this is done.

        A local activity would be quicker, and writes before that: a workflow task that is lost with
        its worker is run again, later and perhaps to another end, while what it wrote stands. And
        if the task has to be answered while it runs, a replay shows the case another time.
        """
        if self.registration.edition >= NOTHING_LOCAL:
            return await workflow.execute_activity_method(
                activity, told, summary=summary, **OWN_DATABASE
            )
        return await workflow.execute_local_activity_method(
            activity, told, summary=summary, **OWN_DATABASE
        )

    def note(self, what: str, by: Party | None = None, detail: str = "") -> None:
        """Add a line to the timeline; never the text of a message."""
        self.timeline.append(Entry(at=self.now, what=what, by=by, detail=detail))
        self._record_soon()

    def breach(self, clock: Clock) -> None:
        """Record a missed window against the seller, and report it (H7)."""
        self.breaches.add(clock, self.registration.seller_id, self.now)

    def keep_task(self, task: Task) -> None:
        """Tell the agents' queue of a task."""
        if self.registration.edition >= RECORDS:
            self._recorder.keep_task(task)
            self._record_soon()
        else:
            self.errands.run(self._record_task(task))

    async def open_instead(self, opening: Opening) -> tuple[str, Closed | None]:
        """Open the case that this one turns into: its id, and None if it runs, else its result."""
        other = await open_next(opening)
        while not (self.adopted_by or other.done()):
            await self.hear(Party.PLATFORM, until=lambda: bool(self.adopted_by) or other.done())
        if self.adopted_by:
            return other.id, None
        try:
            return other.id, await other
        except ChildWorkflowError as error:
            if is_cancelled_exception(error):
                raise
            return other.id, Closed(case_id=other.id, ending=Ending.CLOSED_BY_PLATFORM)

    async def close(self, ending: Ending, /, **facts: Unpack[Told]) -> Closed:
        """End the case: everybody is told, nothing recorded is left unsent."""
        self.ending, self.awaited, self.clocks.waited = ending, None, ()
        self._alarm.set(None)
        if self.farewell:
            facts["text"] = self.farewell
        self.enter(Stage.CLOSED)
        self.agents_task.finish()
        self.undelivered.end()
        for move in self._inbox.empty():
            if isinstance(move, Say | Ask):
                self.pass_on(move)
        if not self.registration.refusal:
            if self.announces(ending):
                self.tell_both(NoticeName.CLOSED, **also(facts, ending=ending))
            self._over = True
        self._filed = CloseCase(
            case_id=self.id,
            ending=ending,
            at=self.now,
            escalated=self.escalated,
            breaches=len(self.breaches.known),
        )
        publish(self)
        if self.registration.edition >= RECORDS:
            self._recorder.record()
        elif not self.registration.refusal:
            await self.own_database(Cases.close, self._filed, f"ended: {ending}")
        await workflow.wait_condition(lambda: self.errands.done)
        if self.undelivered:
            publish(self)
        self._recorder.record()  # with what became of the last letters
        await workflow.wait_condition(
            lambda: self.errands.done and workflow.all_handlers_finished()
        )
        self.errands.raise_broken()
        return Closed(case_id=self.id, ending=ending, refusal=self.registration.refusal)

    # Commands come in.

    @workflow.update
    async def submit(self, command: Command) -> Receipt:
        """Send a command into the case. Refused with a code; repeated, it answers as before."""
        self._inbox.came(command.by.party)
        if await self._waited() and (refusal := self.refusal(command)):
            raise refused(refusal)
        return await self._take(command)

    @submit.validator
    def _may_submit(self, command: Command) -> None:
        if refusal := self._inbox.one_too_many(command):
            raise refused(refusal)
        if not self.registered or self._silence_is_due(self.now):
            return  # it is judged once the case is registered, or has taken the silence
        if refusal := self.refusal(command):
            raise refused(refusal)

    @workflow.update
    async def try_out(self, command: Command) -> None:
        """Ask whether a command would be taken now: always refused, by WOULD_BE_TAKEN if it would.

        What a validator refuses is in no history, and unlike a query it waits for its turn.
        """
        raise AssertionError("its validator refuses every one")

    @try_out.validator
    def _may_try_out(self, command: Command) -> None:
        unfit = self._inbox.one_too_many(command)
        if self.registered:
            unfit = unfit or self.refusal(command)
        if unfit:
            raise refused(unfit)
        raise ApplicationError("It would be taken.", type=WOULD_BE_TAKEN, non_retryable=True)

    async def take_quietly(self, command: Command) -> None:
        """A command that came as a signal: refused, it is written into the timeline."""
        await self._waited()
        if refusal := self.refusal(command):
            self.note(f"{command.verb} refused", command.by.party, refusal.code)
        else:
            await self._take(command)

    async def _waited(self) -> bool:
        """Wait until the case is registered, and has taken the silence of whose time is over.

        What is said after a clock has run out comes after the silence, also if no worker was there
        to see it run out. Answers whether there was anything to wait for.
        """
        waits = not self.registered
        if waits:
            await workflow.wait_condition(lambda: self.registered)
        return await self.silence_taken(self.now) or waits

    async def silence_taken(self, at: datetime) -> bool:
        """Let the timeline take the silence of every clock that had run out at an instant."""
        if not self._silence_is_due(at) or not workflow.patched("silence-comes-first"):
            return False
        await workflow.wait_condition(lambda: not self._silence_is_due(at))
        return True

    def _silence_is_due(self, at: datetime) -> bool:
        hears = self._listening or self._reminds
        return hears and any(clock.ran_out(at) for clock in self._running())

    def _came_too_late(self, move: Command) -> bool:
        """Whether a clock had run out when this move was recorded."""
        at = self._inbox.taken_at(move)
        late = any(clock.ran_out(at) for clock in self._running())
        return late and workflow.patched("silence-comes-first")

    def refusal(self, command: Command) -> Refusal | None:
        """Why a command cannot be taken now; None when it can, or was taken before.

        Who it is comes first: to another buyer or seller nothing of the case is told.
        """
        if refusal := impostor(command.by, self._traders()) or self._inbox.other_under(command):
            return refusal
        if self._inbox.knows(command):
            return None
        party = command.by.party
        if refusal := self.why_not(type(command), party):
            if refusal.code is not Code.WRONG_STAGE:
                return refusal
            return with_verbs(refusal, party, self.may_do(party))
        if isinstance(command, Say | Ask | Refuse):
            limits, zone = self.policy.messages, self.calendar.zone
            if refusal := count_refusal(party, self.now, zone, self.messages, limits):
                return refusal
        return (
            text_refusal(command.words, command.files, self.policy.messages)
            or character_refusal(command)
            or name_refusal(command.by)
            or self.unfit_for_kernel(command)
            or self.unfit(self.in_own_names(command))
        )

    def barred_for_kernel(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts of the kernel's steps forbid beyond what the process does."""
        return None

    def unfit_for_kernel(self, command: Command) -> Refusal | None:
        """Why no process could take this very command."""
        return None

    def why_not(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """Why `by` may not send `verb` now; None when they may."""
        if self.stage is Stage.CLOSED or self.registration.refusal:
            return CLOSED
        if verb in ABOUT_LETTERS:
            return letters_bar(by, undelivered=bool(self.undelivered))
        clocks = self.clocks
        refusal = clock_bars(verb, by, held=bool(clocks.hold), running=bool(clocks.waited))
        refusal = refusal or not_permitted(verb, by, self.stage, self.opening.kind, self.PERMITTED)
        if refusal is None and self.step.taken and not self.goes_beside(verb):
            return ANOTHER_STEP
        return refusal or self.barred(verb, by) or self.barred_for_kernel(verb, by)

    def may_do(self, party: Party) -> tuple[str, ...]:
        """The verbs that a party may send now."""
        here = [v for v, (who, at) in self.PERMITTED.items() if party in who and self.stage in at]
        verbs = (*here, *ABOUT_LETTERS)
        return tuple(sorted(v.word() for v in verbs if not self.why_not(v, party)))

    def _may(self) -> dict[Party, tuple[str, ...]]:
        """What each party may send now."""
        return {party: self.may_do(party) for party in Party}

    def _traders(self) -> dict[Party, str]:
        """Who the buyer and the seller of this case are, once it is registered."""
        return {
            Party.BUYER: self.registration.buyer_id,
            Party.SELLER: self.registration.seller_id,
        }

    async def _take(self, command: Command) -> Receipt:
        if known := self._inbox.answered(command):
            return known.model_copy(update={"outcome": Outcome.REPEATED})
        named = self.in_own_names(command)
        outcome = self._record(named)
        self._inbox.take(command, self.now)
        self._inbox.answer(command, self._receipt(command, outcome))
        if self._listening:
            await workflow.wait_condition(lambda: not self._inbox.has(named))
        await self._recorder.have_recorded()
        receipt = self._receipt(command, outcome)
        self._inbox.answer(command, receipt)
        return receipt

    def _record_soon(self) -> None:
        """Record what happens beside the timeline; what a step does is recorded with the step."""
        if self._listening or self._waits_outside or self._filed:
            self._recorder.record_soon()

    def _stands(self) -> Step:
        return Step(
            at=self.now,
            stands=snapshot(
                self.look().model_copy(update={"may": self._may()}),
                self.clocks.views(),
                tuple(self.decisions),
                running=self.clocks.places_waited(),
                rules=self.registration if self._recalculated else None,
            ),
            events=tuple(self.timeline),
            messages=tuple(self.messages),
            over=self._filed,
        )

    def in_own_names(self, command: Command) -> Command:
        """The same command, calling things as the case does."""
        return command

    def _record(self, command: Command) -> Outcome:
        self.note(command.verb, command.by.party, command.gist)
        match command:
            case Hold():
                self.clocks.hold_all(self.start("hold", command.by.party), self.now)
                self._stirred = True
                self.tell_both(NoticeName.CLOCK_HELD, text=command.reason)
                return Outcome.ACCEPTED
            case Resume():
                self._resume()
                return Outcome.ACCEPTED
            case ResendLetters():
                self.undelivered.send_again()
                return Outcome.ACCEPTED
            case LeaveLetters():
                self.undelivered.leave()
                return Outcome.ACCEPTED
            case SendBack():
                pass  # what agents say to each other is not for the traders to read
            case _ if text := command.words:
                message = Message(
                    id=command.command_id,
                    at=self.now,
                    by=command.by,
                    text=text,
                    attachments=getattr(command, "attachments", ()),
                    nature=getattr(command, "nature", Nature.ANSWER),
                )
                self.messages.append(message)
                self._outbox.add_message(message)
        if self.is_step(command):
            self.step.take(command)
        outcome = self.record(command)
        if isinstance(command, self.FACTS):
            self._stirred = True
        else:
            self._inbox.put(command)
        return outcome

    def _receipt(self, command: Command, outcome: Outcome) -> Receipt:
        return Receipt(
            command_id=command.command_id,
            outcome=outcome,
            stage=self.stage,
            awaited=self.awaited,
            due=self.due,
            working=self.working,
        )

    @workflow.update
    async def recalculate(self, wanted: Recalculate) -> Recalculated:
        """Take up the rules as they are now: deadlines move later, never earlier."""
        if not self.registered:
            await workflow.wait_condition(lambda: self.registered)
            self._may_recalculate(wanted)
        async with self._recalculating:
            if wanted.command_id not in self._recalculated:
                self._recalculated[wanted.command_id] = await self._recalculate(wanted)
        return self._recalculated[wanted.command_id]

    async def _recalculate(self, wanted: Recalculate) -> Recalculated:
        before, old = self.due, self.registration.policy_version
        self.registration = await with_rules_of_now(self.registration, self.opening, self.now)
        self.clocks.adopt(self.policy, self.calendar, self.now)
        self._stirred = True
        self.note(
            "recalculated",
            wanted.by.party,
            f"{old} → {self.registration.policy_version}, by {wanted.by.id}: {wanted.reason}",
        )
        if self.awaited and self.due and self.due != before:
            self.tell_both(NoticeName.DEADLINE_MOVED, due=self.due, awaited=self.awaited)
        now = self.registration.policy_version
        return Recalculated(policy_version=now, due_before=before, due_after=self.due)

    @recalculate.validator
    def _may_recalculate(self, wanted: Recalculate) -> None:
        over = self.stage is Stage.CLOSED or self.registration.refusal is not None
        if refusal := recalculation_bars(wanted, over=self.registered and over):
            raise refused(refusal)

    @workflow.signal
    def misfit(self, told: Misfit) -> None:
        """Somebody has sent a signal that the case cannot take (gate.py turns it into this one)."""
        self._misfits += 1
        if self._misfits <= MISFITS_TOLD:
            self.note(f"{told.signal} cannot be read", detail=told.why)

    @workflow.signal
    def case_beside(self, other: CaseBeside) -> None:
        """A case about the same units has been opened: who judges one should know of the other."""
        self.beside.know(other.case_id)
        self._stirred = True

    @workflow.signal
    def adopted(self, by: Adopted) -> None:
        """The case that this one turns into runs."""
        self.adopted_by = by.case_id

    # The case is looked at.

    @property
    def due(self) -> datetime | None:
        """When the awaited party's time ends; None while nothing runs or all is held."""
        return self.clocks.due

    @property
    def working(self) -> bool:
        """Whether the timeline is at work on what came, and has not yet said whom it waits for.

        A receipt does not wait for it: that could be as long as a marketplace is silent.
        """
        if self.stage is Stage.CLOSED or self._waits_outside:
            return False
        return not self._listening or self._stirred or bool(self._inbox)

    @workflow.query
    def view(self) -> View:
        """The case with what each party may do now; of what grows, the newest."""
        return excerpt(self.look().model_copy(update={"may": self._may()}))

    @workflow.query
    def export(self) -> WholeCase:
        """The case, with what is over, which `view` leaves out."""
        return excerpt(
            WholeCase(
                view=self.view(),
                registration=self.registration,
                deadlines=self.clocks.views(),
                decisions=tuple(self.decisions),
            )
        )

    @workflow.query
    def page(self, asked: PageAsked) -> Page:
        """What `view` and `export` leave out of a list: the entries before the one asked for."""
        match asked.of:
            case "deadlines":
                return page_before(self.clocks.views(), asked.before)
            case "decisions":
                return page_before(self.decisions, asked.before)
            case name if name in ROOM:
                return page_before(getattr(self.look(), name, ()), asked.before)
        return Page(first=0, entries=())

    @abstractmethod
    def look(self) -> View:
        """The case as its readers see it: what is seen of any, and what is its own."""

    def seen(self) -> dict[str, Any]:
        """What is seen of any case, by its names in a view; a step adds what it brings."""
        registration = self.registration
        calendar = registration.calendar
        return {
            "id": self.id,
            "kind": self.opening.kind,
            "country": self.opening.country,
            "order_id": self.opening.order_id,
            "opened_at": self.opened_at,
            "opened_by": self.opening.opened_by,
            "stage": self.stage,
            "ending": self.ending,
            "refusal": registration.refusal,
            "buyer_id": registration.buyer_id,
            "seller_id": registration.seller_id,
            "awaited": self.awaited,
            "due": self.due,
            "working": self.working,
            "clocks": self.clocks.views_waited(),
            "policy_version": registration.policy_version,
            "calendar_version": calendar.version if calendar else "",
            "zone": calendar.zone if calendar else "UTC",
            "timeline": tuple(self.timeline),
            "messages": tuple(self.messages),
            "task": self.agents_task.now,
            "breaches": tuple(self.breaches.known),
            "beside": tuple(self.beside.ids),
            "undelivered": self.undelivered.look(),
            "letters_task": self.undelivered.task,
        }

    # Underneath.

    def _step_is_told(self) -> bool:
        """Whether all is told that belongs to the current step."""
        at_rest = self._listening or self._waits_outside
        if self.registration.edition >= WHOLE_STEPS and not at_rest:
            return self._over
        return not (self._listening and self._inbox)

    def _remind(self, clock: Clock) -> None:
        name, facts = clock.asks or (NoticeName.REPLY_REMINDER, {})
        again = bool(clock.asks) or None
        told = also(facts, due=clock.due, safe=clock.safe, again=again)
        self.tell(clock.awaited, name, **told)

    def _running(self) -> list[Clock]:
        return self.clocks.run_with(self.undelivered.clock)

    def _next_clock(self) -> Clock | None:
        return min(self._running(), key=lambda clock: clock.wakes, default=None)

    async def _rest(self, clock: Clock | None, until: Callable[[], bool] | None) -> None:
        self.agents_task.follow_clock()
        publish(self)
        self._alarm.set(clock)
        self._stirred, self._listening, self._waits_outside = False, True, False
        self._recorder.record()
        try:
            await workflow.wait_condition(
                lambda: bool(
                    self._inbox
                    or self._stirred
                    or self.errands.broken
                    or (until and until())
                    or self._alarm.rang
                )
            )
        finally:
            self._listening = False
        self.woke_at = self.now
        self.errands.raise_broken()

    def _let_go(self) -> None:
        self.clocks.let_go(self.now)
        self._stirred = True
        self.note("clock runs again")

    def _resume(self) -> None:
        self._let_go()
        self.tell_both(NoticeName.CLOCK_RESUMED, due=self.due, awaited=self.awaited)

    async def _record_task(self, task: Task) -> None:
        summary = f"task {task.purpose} · {task.queue} · {task.state}"
        await self.own_database(Tasks.record, task, summary)
