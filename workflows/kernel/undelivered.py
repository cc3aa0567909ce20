"""Letters that did not arrive: nobody's silence counts who was not told, and agents are called.

A letter that asks for something holds the clock it asks for until it has arrived, however long that
takes. Agents have a task meanwhile, which goes to the lead if they leave it; it is done when every
letter has arrived, or an agent has left the rest (`leave-letters`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from domain.letters import Undelivered
from domain.notices import Notice, NoticeName, Told
from domain.parties import Party
from domain.ports import LEADS, Task, TaskState
from domain.preview import UNDELIVERED
from domain.view import UndeliveredView
from workflows.kernel.deadline import Clock

if TYPE_CHECKING:
    from workflows.kernel.case import Case

UNDER_WAY = "letter under way"
"""Why a clock is held whose letter the mail server has not taken yet."""

WORTH_A_LETTER = timedelta(hours=1)
"""By so much at least a deadline has moved that its reader is told anew of."""


@dataclass
class Missed:
    """A notice that did not arrive. `left`: an agent has seen it, and lets it be. `again`: it is
    being sent once more.
    """

    notice: Notice
    letter: Undelivered
    at: datetime
    left: bool = False
    again: bool = False


class UndeliveredLetters:
    """The letters of a case that did not arrive, and what waits for them.

    `clock` is the agents' time to see to them.
    """

    def __init__(self, case: "Case") -> None:
        self._case = case
        self._asks: dict[str, Clock] = {}
        self._told: dict[str, datetime] = {}
        self._missed: dict[str, Missed] = {}
        self._tasks = 0
        self._again = 0
        self.clock: Clock | None = None
        self.task: Task | None = None

    def __bool__(self) -> bool:
        """Whether a letter has not arrived."""
        return bool(self._missed)

    def wrote(self, notice: Notice, started: Iterable[Clock]) -> None:
        """A notice is written: one that says until when its reader has to act asks for it."""
        due = notice.facts.due
        asked = (c for c in started if due and c.due == due and notice.to in c.concerns)
        clock = next(reversed([c for c in asked if not c.lapsed]), None)
        if clock:
            self._asks[notice.key] = clock

    def under_way(self, notices: Iterable[Notice]) -> None:
        """The mail server does not take these now, and is tried again beside."""
        for notice in notices:
            for clock in self._waiting_for(notice):
                clock.hold(UNDER_WAY, self._case.now)
        self._case.stir()

    def went(self, notices: Iterable[Notice], undelivered: Iterable[Undelivered]) -> None:
        """What became of a mailing."""
        failed = {key: letter for letter in undelivered for key in letter.key.split("+")}
        for letter in {one.key: one for one in failed.values()}.values():
            self._case.note("letter undelivered", letter.to, f"{letter.name}: {letter.why}")
        reached: set[Party] = set()
        for notice in notices:
            if why := failed.get(notice.key):
                left = notice.key in self._missed and self._missed[notice.key].left
                self._missed[notice.key] = Missed(notice, why, self._case.now, left)
                if not left:
                    self._not_told(notice)
            else:
                self._missed.pop(notice.key, None)
                self._is_told(notice)
                reached.add(notice.to)
        if self._missed or self.task or failed:
            self._send_again(
                one
                for one in self._missed.values()
                if one.notice.to in reached and one.letter.trouble.of_address
            )
            for clock in self._case.clocks.waited:
                if not (self._is_asked_for(clock) or self._is_missed(clock.awaited)):
                    self._let_run(clock, UNDELIVERED)
            self._see_to_them()

    def send_again(self) -> None:
        """Send all that did not arrive and is still worth reading."""
        self._case.note("letters sent again")
        self._send_again(self._missed.values())
        self._see_to_them()

    def leave(self) -> None:
        """An agent lets the letters be: whoever should have been told knows, or cannot be told.
        What was held for them runs again, and silence is silence from now on.
        """
        for one in self._missed.values():
            one.left = True
        for clock in self._clocks():
            self._let_run(clock, UNDELIVERED)
        self._see_to_them()

    def time_is_up(self) -> None:
        """The agents have left it: it is tried once more, and goes to the lead."""
        if self.clock is None or self.task is None:
            return
        self._case.note("letters not seen to", Party.AGENT, self.task.queue)
        if self.task.queue == LEADS:
            self.clock = None  # it stays the lead's, and what waits for the letters waits
            return
        self.clock = self._case.start_seeing_to_letters()
        self._keep(queue=LEADS, priority=1, due=self.clock.due, revision=self.task.revision + 1)
        self._send_again(one for one in self._missed.values() if not one.left)

    def end(self) -> None:
        """The case closes: nobody can do anything about its letters any more."""
        if self.task:
            self._keep(state=TaskState.DONE, revision=self.task.revision + 1)
        self.clock = self.task = None

    def look(self) -> tuple[UndeliveredView, ...]:
        """The letters as the case's readers see them."""
        return tuple(
            UndeliveredView(
                at=one.at,
                to=one.notice.to,
                name=one.notice.name,
                trouble=one.letter.trouble,
                code=one.letter.code,
                holds=clock.name if clock and clock.is_held_for(UNDELIVERED) else None,
                left=one.left,
            )
            for one in self._missed.values()
            for clock in (self._asks.get(one.notice.key),)
        )

    def _clocks(self) -> list[Clock]:
        """Every clock that a letter could hold."""
        return list({id(c): c for c in (*self._asks.values(), *self._case.clocks.waited)}.values())

    def _waiting_for(self, notice: Notice) -> list[Clock]:
        """The clocks whose silence would be of somebody who does not know: the one that the letter
        asks for, or, if it asks for none, those of its reader that no letter asks for.
        """
        if clock := self._asks.get(notice.key):
            return [] if clock.told or clock.lapsed else [clock]
        return [
            clock
            for clock in self._case.clocks.waited
            if clock.awaited is notice.to and not self._is_asked_for(clock)
        ]

    def _is_asked_for(self, clock: Clock) -> bool:
        return any(clock is one for one in self._asks.values())

    def _not_told(self, notice: Notice) -> None:
        held = False
        for clock in self._waiting_for(notice):
            held = held or (
                clock in self._case.clocks.waited and not clock.is_held_for(UNDELIVERED)
            )
            clock.hold(UNDELIVERED, self._case.now)
            clock.resume(UNDER_WAY, self._case.now)
        if held:
            self._case.stir()
            if notice.to in OTHER:
                self._case.tell(OTHER[notice.to], NoticeName.NOT_REACHED, awaited=notice.to)

    def _is_told(self, notice: Notice) -> None:
        if clock := self._asks.get(notice.key):
            clock.told = True
            said = notice.facts.due
            for why in (UNDER_WAY, UNDELIVERED):
                self._let_run(clock, why, said)
        else:
            for clock in self._case.clocks.waited:
                if clock.awaited is notice.to and clock.is_held_for(UNDER_WAY):
                    self._let_run(clock, UNDER_WAY)

    def _let_run(self, clock: Clock, why: str, said: datetime | None = None) -> None:
        """Let a clock run again, and tell of its new end: its reader too, unless the letter that
        has arrived has said it.
        """
        if not clock.is_held_for(why):
            return
        clock.told = True
        before = clock.due
        clock.resume(why, self._case.now)
        self._case.stir()
        if clock.held_since or clock not in self._case.clocks.waited:
            return
        moved = clock.due - (said or before)
        told: Told = {"due": clock.due, "awaited": clock.awaited}
        if clock.awaited in OTHER and clock.due > before:
            self._case.tell(OTHER[clock.awaited], NoticeName.DEADLINE_MOVED, **told)
        if moved >= WORTH_A_LETTER and not self._is_missed(clock.awaited):
            self._case.tell(clock.awaited, NoticeName.DEADLINE_MOVED, **told)

    def _is_missed(self, party: Party) -> bool:
        return any(one.notice.to is party for one in self._missed.values())

    def _send_again(self, letters: Iterable[Missed]) -> None:
        now = self._case.now
        for one in [each for each in letters if not each.again]:
            notice, clock = one.notice, self._asks.get(one.notice.key)
            if clock:
                if clock not in self._case.clocks.waited or clock.lapsed or clock.told:
                    del self._missed[notice.key]
                    clock.resume(UNDELIVERED, now)
                    continue  # nothing is asked for any more
                due = clock.due_if_resumed(now)
                if notice.facts.due != due:
                    notice = self._anew(notice, due, clock.safe_if_resumed(now))
                    self._asks[notice.key] = clock
                    del self._missed[one.notice.key]
                    self._missed[notice.key] = one
            elif notice.facts.due and notice.facts.due <= now:
                del self._missed[notice.key]
                continue
            one.notice, one.again = notice, True
            self._case.post(notice)

    def _anew(self, notice: Notice, due: datetime, safe: datetime | None) -> Notice:
        """The same with another deadline: a letter of its own, for one is never written anew."""
        self._again += 1
        facts = notice.facts.model_copy(update={"due": due, "safe": notice.facts.safe and safe})
        key = f"{notice.key.partition('~')[0]}~{self._again}"
        return notice.model_copy(update={"key": key, "facts": facts, "step": None})

    def _see_to_them(self) -> None:
        """Call agents, or say that they are needed no more."""
        if self._case.ending is not None:
            return
        open_ = [one for one in self._missed.values() if not one.left]
        if not open_:
            self.end()
        elif self.task is None:
            self._tasks += 1
            self.clock = self._case.start_seeing_to_letters()
            self.task = Task(
                id=f"{self._case.id}:letters:{self._tasks}",
                case_id=self._case.id,
                queue=f"letters-{self._case.opening.country.lower()}",
                purpose=purpose(open_),
                priority=3,
                state=TaskState.OPEN,
                opened_at=self._case.now,
                due=self.clock.due,
            )
            self._keep()
        elif self.task.purpose != purpose(open_):
            self._keep(purpose=purpose(open_), revision=self.task.revision + 1)
        self._case.stir()

    def _keep(self, **changes: object) -> None:
        assert self.task
        self.task = self.task.model_copy(update=changes)
        self._case.keep_task(self.task)


OTHER = {Party.BUYER: Party.SELLER, Party.SELLER: Party.BUYER}


def purpose(missed: list[Missed]) -> str:
    """What the task is, for the agents' list: party, letter and reason, no address."""
    first = missed[0].letter
    said = f"{first.to} not reached: {first.name.replace('_', ' ')} ({first.why})"
    more = len({one.letter.key for one in missed}) - 1
    return f"{said}, and {more} more" if more else said
