"""What is ahead of a case: every branch, as exact instants, from where the case stands.

Pure: it walks what a process declares in AHEAD, and reckons with the rules that the case is pinned
to. What runs now is due when the case itself says so. What follows is reckoned as if everybody
stayed silent until then; and where somebody would have to act, as if that were done at once.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime

from domain.accounts import left_with_delivery
from domain.ahead import Ahead, Branch, Happens, Moves, Silent, done_by
from domain.base import Value
from domain.commands import Accept, CommandBase
from domain.deadlines import BY_HAND, Counting, Held, explain, reckon
from domain.delivering import had
from domain.kinds import Kind
from domain.money import Money, Payment
from domain.openings import (
    OpenCancellation,
    OpenComplaint,
    OpenDispute,
    Opening,
    OpenNonDelivery,
    OpenUncollectedParcel,
    OpenWithdrawal,
)
from domain.orders import Line, Order, Sale
from domain.parties import Party
from domain.policy import OnSilence, Window
from domain.ports import NO_PAST, Past, Rules
from domain.refunds import (
    DeliveryShare,
    Event,
    RefundPreview,
    reckon_refund,
    refund_question,
    worthless,
)
from domain.registering import register
from domain.remedies import refund_of
from domain.stages import Stage
from domain.view import (
    VIEW,
    CaseView,
    ClockView,
    ComplaintView,
    DisputeView,
    OfferState,
    TakingBackView,
    WholeCase,
)
from domain.withdrawing import withdrawn_as

UNDELIVERED = "undelivered"
"""Why a clock is held whose party has not been told of it, and the agents' window meanwhile."""

A_MOMENT = timedelta(seconds=1)

"""A clock that is held while a window runs goes on a moment after its end: on the next day."""

Permitted = Mapping[type[CommandBase], tuple[tuple[Party, ...], tuple[Stage, ...]]]


class On(StrEnum):
    """What a way on begins with."""

    SILENCE = "silence"
    COMMAND = "command"
    EVENT = "event"


class Movement(Value):
    """Money that moves on the way to a stage: so much, or at most so much."""

    moves: Moves
    to: Stage
    amount: Money
    at_most: bool


class WayOn(Value):
    """One way on from a stage, to one of the stages `to`: the facts decide which.

    `what` is the window of a silence, the verb of a command, or the event. `who` stays silent, or
    may send it; `now`: whether somebody may at this moment.
    `due`: when a silence takes effect; `at_earliest`: its clock is held, and nobody can say until
    when. A window that begins later, when `starts` says, has no `due`. `means`: what silence does.
    `until`: until when a command can be sent at this stage, if everybody is silent.
    """

    on: On
    what: str
    who: tuple[Party, ...] = ()
    to: tuple[Stage, ...]
    now: bool = False
    due: AwareDatetime | None = None
    safe: AwareDatetime | None = None
    at_earliest: bool = False
    until: AwareDatetime | None = None
    length: str = ""
    starts: str = ""
    means: str = ""
    source: str = ""
    explanation: tuple[str, ...] = ()
    money: tuple[Movement, ...] = ()


class StageAhead(Value):
    """A stage, and every way on from it.

    `since`: when the case is there, if it comes from the stage `after`, `by` a silence, a command
    or an event; both are empty of the present stage.
    """

    stage: Stage
    since: AwareDatetime
    after: Stage | None = None
    by: WayOn | None = None
    ways: tuple[WayOn, ...]


class Stops(StrEnum):
    """Why silence is followed no further."""

    CLOSED = "closed"
    ACTS = "acts"
    """Silence leads nowhere else: somebody has to act."""
    OUTSIDE = "outside"
    """Nobody's time runs there: what happens outside leads on."""
    FACTS = "facts"
    """The facts decide what runs there, or what follows, and they are not known yet."""
    AGAIN = "again"
    """The stage has been passed before, or is not left: its times begin again."""


class Course(Value):
    """What silence alone does from a stage on, with instants that hold on this way to it.

    `ways`: the silences that take effect at the stage, in order. `then`: how it goes on from where
    the last of them leads; of several, the facts decide. `stops`: why it is not followed further.
    """

    stage: Stage
    since: AwareDatetime
    ways: tuple[WayOn, ...] = ()
    then: tuple["Course", ...] = ()
    stops: Stops | None = None


class Outlook(Value):
    """What is ahead of a case: the present stage, then those that follow if everybody stays silent,
    then the others, each once. `silent`: what silence alone does, way by way; none if it is closed.
    """

    case_id: str
    kind: Kind
    country: str
    order_id: str
    at: AwareDatetime
    zone: str
    policy_version: str
    calendar_version: str
    stages: tuple[StageAhead, ...]
    silent: Course | None


def look_ahead(
    ahead: Ahead,
    permitted: Permitted,
    case: WholeCase,
    at: datetime,
    begins: Stage | None = None,
) -> Outlook:
    """What is ahead at the instant `at` of a case that is registered.

    `begins`: the stage at which it begins, if it is only as if it were opened; else the first that
    the process declares.
    """
    view = case.view
    walk = _Walk(ahead, permitted, case, at, begins)
    return Outlook(
        case_id=view.id,
        kind=view.kind,
        country=view.country,
        order_id=view.order_id,
        at=at,
        zone=view.zone,
        policy_version=view.policy_version,
        calendar_version=view.calendar_version,
        stages=tuple(walk.stages()),
        silent=walk.course(),
    )


def as_if_opened(
    opening: Opening,
    order: Order,
    rules: Rules,
    at: datetime,
    past: Past = NO_PAST,
) -> WholeCase:
    """The case that an opening would open at an instant, or its refusal: nothing is opened.

    `past`: what of the order has come back, and its other open cases, as far as they are known.
    """
    registration = register(opening, order, rules, at, past)
    calendar, units = rules.calendar, registration.lines
    seen: dict[str, Any] = {
        "id": opening.case_id,
        "kind": opening.kind,
        "country": opening.country,
        "order_id": opening.order_id,
        "opened_at": at,
        "opened_by": opening.opened_by,
        "stage": Stage.OPENING,
        "refusal": registration.refusal,
        "at_stake": registration.at_stake,
        "policy_version": rules.policy_version,
        "calendar_version": calendar.version,
        "zone": calendar.zone,
        "lines": order.lines,
        "units": units,
        "right_until": registration.right_until,
    }
    if isinstance(opening, OpenDispute | OpenComplaint):
        seen |= {"reason": opening.reason or "", "wanted": opening.wanted}
    if event := registration.sale and _event(opening, registration.sale, units):
        terms = registration.terms
        share = getattr(terms, "delivery_share", DeliveryShare.NONE)
        asked = refund_question(
            event,
            order.sale,
            units,
            share,
            past.money_back,
            delivery_back_minor=past.delivery_back_minor,
        )
        seen["preview"] = reckon_refund(asked)
    return WholeCase(view=VIEW.validate_python(seen), registration=registration)


ENDS_AT_ONCE = {
    Kind.WITHDRAWAL: Event.WITHDRAWAL,
    Kind.UNCOLLECTED_PARCEL: Event.UNCOLLECTED,
}
"""The kinds that end as they begin where nothing can be owed, and what is then reckoned."""


def _event(opening: Opening, sale: Sale, units: tuple[Line, ...]) -> Event | None:
    """What the refund of a case would be reckoned as; None where nothing says yet what it is."""
    match opening:
        case OpenWithdrawal():
            return withdrawn_as(sale, had=had(sale, units))
        case OpenCancellation():
            return Event.CANCELLATION
        case OpenComplaint():
            return Event.COMPLAINT
        case OpenNonDelivery():
            return Event.NOT_DELIVERED
        case OpenUncollectedParcel():
            return Event.UNCOLLECTED
        case _:
            return None


@dataclass(frozen=True)
class _Time:
    """A window's time: running, or as it would run."""

    length: str
    source: str
    on_silence: OnSilence | None
    starts: str = ""
    due: datetime | None = None
    safe: datetime | None = None
    at_earliest: bool = False
    explanation: tuple[str, ...] = ()


Times = dict[str, _Time]


@dataclass(frozen=True)
class _Step:
    """A step to a stage that is still to be looked at; `times` are the clocks known until then."""

    to: Stage
    since: datetime
    after: Stage
    by: WayOn
    times: Times


@dataclass(frozen=True)
class _Trail:
    """How silence has come to a stage: the clocks known, the stages passed, whether it forked."""

    known: Times = field(default_factory=dict)
    passed: tuple[Stage, ...] = ()
    forked: bool = False


@dataclass(frozen=True)
class _Walk:
    ahead: Ahead
    permitted: Permitted
    case: WholeCase
    at: datetime
    begins: Stage | None

    @property
    def view(self) -> CaseView:
        return self.case.view

    @property
    def preview(self) -> RefundPreview | None:
        """The refund as it would be now, where the case is of a kind that reckons it."""
        return self.view.preview if isinstance(self.view, TakingBackView) else None

    @property
    def hold(self) -> ClockView | None:
        """The hold that an agent has set, and that ends by itself."""
        if not any(BY_HAND in clock.held_for for clock in self.view.clocks):
            return None
        return next(clock for clock in reversed(self.case.deadlines) if clock.window == "hold")

    @property
    def first(self) -> Stage:
        """Where an opening leads."""
        ways = (branch.to for branch in self.possible(Stage.OPENING))
        return self.begins or next(ways)

    @property
    def owed(self) -> bool | None:
        """Whether there is money to pay back; None where that depends on what is not known."""
        sale, refund = self.case.registration.sale, self.preview
        if refund is None or sale is None or refund.refund_minor:
            return True
        cash = sale.payment is Payment.CASH_ON_DELIVERY
        return None if cash and not had(sale, self.case.registration.lines) else False

    @property
    def worthless(self) -> bool:
        """Whether the case ends as it begins: nothing can be owed for goods that are taken back."""
        known, event = self.case.registration, ENDS_AT_ONCE.get(self.view.kind)
        if event is None or known.sale is None or not known.lines:
            return False
        share = getattr(known.terms, "delivery_share", DeliveryShare.NONE)
        return worthless(
            event,
            known.sale,
            known.lines,
            share,
            money_back=known.money_back,
            delivery_back_minor=known.delivery_back_minor,
        )

    def possible(self, stage: Stage) -> list[Branch]:
        """The ways from a stage that can be taken, by what is known to be owed."""
        branches = self.ahead.get(stage, ())
        if stage is Stage.OPENING:
            ends = self.worthless
            return [b for b in branches if (b.owed is False) is ends]
        return [b for b in branches if b.owed is None or self.owed in (None, b.owed)]

    def stages(self) -> Iterator[StageAhead]:
        """The present stage, the silent ones after it in order, then what else can come."""
        seen = {self.view.stage, Stage.CLOSED}
        if self.view.stage is Stage.CLOSED:
            return
        now, known = self.running_now()
        first = StageAhead(
            stage=self.view.stage,
            since=self.at,
            ways=tuple(self.ways(self.view.stage, now)),
        )
        yield first
        silent, other = deque[_Step](), deque[_Step]()
        self.look_on(first, {**known, **now}, silent, other)
        while silent or other:
            in_silence = bool(silent)
            step = (silent or other).popleft()
            if step.to in seen:
                continue
            seen.add(step.to)
            times = self.times_of(step)
            there = StageAhead(
                stage=step.to,
                since=step.since,
                after=step.after,
                by=step.by,
                ways=tuple(self.ways(step.to, times)),
            )
            yield there
            following = silent if in_silence else other
            self.look_on(there, {**step.times, **times}, following, other)

    def look_on(
        self, stage: StageAhead, times: Times, silent: deque[_Step], other: deque[_Step]
    ) -> None:
        """Note the stages that a stage leads to, those of the next silence first."""
        for way in stage.ways:
            for to in way.to:
                if way.due or (stage.stage is Stage.OPENING and to is self.first):
                    silent.append(_Step(to, way.due or stage.since, stage.stage, way, times))
                else:
                    other.append(_Step(to, stage.since, stage.stage, way, times))

    # What silence alone does.

    def course(self) -> Course | None:
        """What silence does from the present stage on; of a case as if opened, from its first."""
        if self.view.stage is Stage.CLOSED:
            return None
        if self.view.stage is Stage.OPENING:
            opened = next(self.ways(Stage.OPENING, {}))
            return self.come_to(_Step(self.first, self.at, Stage.OPENING, opened, {}), _Trail())
        now, known = self.running_now()
        return self.follow(self.view.stage, self.at, now, _Trail(known))

    def follow(self, stage: Stage, since: datetime, times: Times, trail: "_Trail") -> Course:
        """What silence does from a stage on. Where the facts decide, each way is followed, and none
        of them beyond where they decide again.
        """
        found = Course(stage=stage, since=since)
        if stage is not self.view.stage and self.depends(stage):
            return found.model_copy(update={"stops": Stops.FACTS})
        silences = [way for way in self.ways(stage, times) if way.on is On.SILENCE and way.due]
        # A held clock whose end nobody knows is waited for only where nothing else leads on.
        leave = [way for way in silences if set(way.to) != {stage}]
        last = min(leave, key=lambda way: way.at_earliest, default=None)
        if last is None or last.due is None:
            stops = Stops.ACTS if silences else Stops.OUTSIDE
            return found.model_copy(update={"ways": tuple(silences), "stops": stops})
        due, forks = last.due, len(last.to) > 1
        before = (way for way in silences if way not in leave and way.due and way.due <= due)
        found = found.model_copy(update={"ways": (*before, last)})
        if forks and trail.forked:
            return found.model_copy(update={"stops": Stops.FACTS})
        on = _Trail({**trail.known, **times}, (*trail.passed, stage), trail.forked or forks)
        then = tuple(self.come_to(_Step(to, due, stage, last, on.known), on) for to in last.to)
        return found.model_copy(update={"then": then})

    def come_to(self, step: _Step, trail: "_Trail") -> Course:
        """What silence does from the stage on that it has led to."""
        found = Course(stage=step.to, since=step.since)
        if step.to is Stage.CLOSED:
            return found.model_copy(update={"stops": Stops.CLOSED})
        if step.to in trail.passed:
            return found.model_copy(update={"stops": Stops.AGAIN})
        if event := self.at_once(step):
            leads = [branch.to for branch in self.ahead[step.to] if branch.on == event]
            then = (self.come_to(replace(step, to=to, after=step.to), trail) for to in leads)
            return found.model_copy(update={"then": tuple(then)})
        times = self.times_of(step)
        if step.by.at_earliest:
            times = {key: replace(time, at_earliest=True) for key, time in times.items()}
        return self.follow(step.to, step.since, times, trail)

    def depends(self, stage: Stage) -> bool:
        """Whether it is for the facts to say which windows run at a stage that is to come."""
        return any(on.perhaps for on in self.silences(stage).values())

    def at_once(self, step: _Step) -> Happens | None:
        """What leads on by itself from the stage of a step that a silence has taken."""
        events = (
            branch.at_once
            for branch in self.ahead[step.after]
            if isinstance(branch.on, Silent)
            and (branch.on.window, branch.to) == (step.by.what, step.to)
        )
        return next(filter(None, events), None)

    # What runs, and what would.

    def running_now(self) -> tuple[Times, Times]:
        """The times of what is waited for now, by window, and of every clock that is known."""
        known = {clock.window: self.time_of(clock) for clock in self.case.deadlines}
        heard: Times = {}
        for clock in self.view.clocks:
            time = self.time_of(clock)
            earlier = heard.get(clock.window)
            if earlier is None or (time.due and earlier.due and time.due < earlier.due):
                heard[clock.window] = time  # of several, the one that is due first
        now: Times = {}
        silences = self.silences(self.view.stage)
        for key, on in silences.items():
            if on.window in heard and self.is_turn_of(on, silences):
                now[key] = heard[on.window]
            elif on.runs_on and self.still_runs(known.get(on.window), self.at):
                now[key] = known[on.window]
        self.begin_after(self.view.stage, now)
        return now, known

    def is_turn_of(self, on: Silent, silences: Mapping[str, Silent]) -> bool:
        """Whether the running clock of a window that is waited for twice is this one."""
        started = sum(1 for clock in self.case.deadlines if clock.window == on.window)
        twice = f"{on.window} again" in silences
        return not twice or (on.key != on.window) is (started > 1)

    def times_of(self, step: _Step) -> Times:
        """The times of the windows that run at a stage, from the instant that it is entered."""
        times: Times = {}
        for key, on in self.silences(step.to).items():
            if on.after is not None:
                continue
            if on.runs_on and on.window in step.times:
                if self.still_runs(step.times[on.window], step.since):
                    times[key] = step.times[on.window]
            else:
                times[key] = self.begun(on.window, step.since)
        self.begin_after(step.to, times)
        return times

    def begin_after(self, stage: Stage, times: Times) -> None:
        """Add the windows that begin at the end of another, or later by what somebody does."""
        for key, on in self.silences(stage).items():
            if key in times or on.after is None:
                continue
            if not isinstance(on.after, str):
                window = self.window(on.window)
                times[key] = _Time(
                    length=window.counting.words(window.length),
                    source=window.source,
                    on_silence=window.on_silence,
                    starts=window.starts,
                )
            elif (before := times.get(on.after)) and before.due:
                begun = self.begun(on.window, before.due)
                times[key] = replace(begun, at_earliest=before.at_earliest)

    def still_runs(self, time: _Time | None, at: datetime) -> bool:
        """Whether a clock that began before is not over."""
        return time is not None and time.due is not None and time.due > at

    def silences(self, stage: Stage) -> dict[str, Silent]:
        """The silences of a stage, each once."""
        return {
            branch.on.key: branch.on
            for branch in self.ahead.get(stage, ())
            if isinstance(branch.on, Silent)
        }

    def window(self, name: str) -> Window:
        """A window of the rules that the case is pinned to."""
        window = getattr(self.case.registration.terms, name)
        assert isinstance(window, Window)
        return window

    def begun(self, name: str, since: datetime) -> _Time:
        """A window that begins at an instant."""
        window, calendar = self.window(name), self.case.registration.calendar
        assert calendar is not None
        due = reckon(window.counting, window.length, since, calendar)
        return _Time(
            length=window.counting.words(window.length),
            source=window.source,
            on_silence=window.on_silence,
            due=due.due,
            safe=due.safe,
            explanation=tuple(explain(window.counting, window.length, since, calendar)),
        )

    def time_of(self, clock: ClockView) -> _Time:
        """A clock of the case. One that is held is reckoned as if it ran again when the hold ends
        by itself; where nobody can say when that is, as if it ran again now.
        """
        counting, calendar = Counting(clock.counting), self.case.registration.calendar
        assert calendar is not None
        held = list(clock.held)
        due, safe, explanation = clock.due, clock.safe, clock.explanation
        ends = self.hold_ends(clock)
        if clock.held_since:
            held.append(Held(since=clock.held_since, until=max(ends or self.at, clock.held_since)))
            reckoned = reckon(counting, clock.length, clock.started_at, calendar, held)
            due, safe = reckoned.due, reckoned.safe
            explanation = tuple(explain(counting, clock.length, clock.started_at, calendar, held))
        return _Time(
            length=counting.words(clock.length),
            source=clock.source,
            on_silence=clock.on_silence,
            due=due,
            safe=safe,
            at_earliest=bool(clock.held_since) and ends is None,
            explanation=explanation,
        )

    def hold_ends(self, clock: ClockView) -> datetime | None:
        """When a hold ends by itself: an agent's, or one for as long as another window runs."""
        if clock.held_for == (BY_HAND,) and self.hold:
            return self.hold.due
        meanwhile = (other for other in self.view.clocks if (other.window,) == clock.held_for)
        due = next((other.due for other in meanwhile if not other.held_since), None)
        return due and due + A_MOMENT

    # The ways on.

    def ways(self, stage: Stage, times: Times) -> Iterator[WayOn]:
        """The ways on from a stage: the silences as they come, then what is sent, then events."""
        groups: dict[tuple[object, ...], list[Branch]] = {}
        for branch in self.possible(stage):
            on = branch.on
            key = (On.SILENCE, on.key) if isinstance(on, Silent) else (on, branch.by)
            groups.setdefault(key, []).append(branch)
        silences = [
            way
            for branches in groups.values()
            if isinstance(branches[0].on, Silent) and (way := self.silence(stage, branches, times))
        ]
        if stage is self.view.stage and (hold := self.hold):
            silences.append(self.timed("hold", (hold.awaited,), (stage,), self.time_of(hold)))
        if stage is self.view.stage and self.view.letters_task:
            seen_to = next(c for c in reversed(self.case.deadlines) if c.window == UNDELIVERED)
            time = self.time_of(seen_to)
            silences.append(self.timed(UNDELIVERED, (seen_to.awaited,), (stage,), time))
        silences.sort(key=lambda way: (way.due is None, way.due or self.at))
        yield from silences
        until = min((way.due for way in silences if way.due and stage not in way.to), default=None)
        if stage is not self.view.stage and self.depends(stage):
            until = None  # which of these times it is
        events = []
        for branches in groups.values():
            match branches[0].on:
                case Happens(what=what):
                    events.append(
                        WayOn(
                            on=On.EVENT,
                            what=what,
                            to=_stages(branches),
                            money=self.money(stage, branches),
                        )
                    )
                case Silent():
                    pass
                case verb:
                    yield self.command(stage, verb, branches, until)
        yield from events

    def silence(self, stage: Stage, branches: list[Branch], times: Times) -> WayOn | None:
        """A silence with its instant; None where its window does not run."""
        first = branches[0].on
        if not isinstance(first, Silent) or (time := times.get(first.key)) is None:
            return None
        window = first.window
        heard = {clock.awaited for clock in self.view.clocks if clock.window == window}
        wanted = self.view.wanted if isinstance(self.view, DisputeView | ComplaintView) else None
        fitting = [
            branch
            for branch in branches
            if isinstance(branch.on, Silent)
            and branch.on.when in (None, time.on_silence)
            and (not branch.wanted or wanted in (None, *branch.wanted))
            and (stage is not self.view.stage or not heard or branch.on.party in heard)
        ]
        if not fitting:
            return None
        who = tuple(dict.fromkeys(b.on.party for b in fitting if isinstance(b.on, Silent)))
        said = (branch.on.means for branch in fitting if isinstance(branch.on, Silent))
        means = next(filter(None, said), "")
        found = self.timed(window, who, _stages(fitting), time)
        return found.model_copy(
            update={
                "means": means or found.means,
                "money": self.money(stage, fitting),
            }
        )

    def timed(
        self, window: str, who: tuple[Party, ...], to: tuple[Stage, ...], time: _Time
    ) -> WayOn:
        """A silence at the end of a window's time."""
        return WayOn(
            on=On.SILENCE,
            what=window,
            who=who,
            to=to,
            due=time.due,
            safe=time.safe,
            at_earliest=time.at_earliest,
            length=time.length,
            starts=time.starts,
            means=done_by(time.on_silence, to),
            source=time.source,
            explanation=time.explanation,
        )

    def command(
        self,
        stage: Stage,
        verb: type[CommandBase],
        branches: list[Branch],
        until: datetime | None,
    ) -> WayOn:
        """What may be sent, by whom, and until when at this stage."""
        by = branches[0].by
        who = (by,) if by else self.permitted[verb][0]
        able = tuple(party for party in who if verb.word() in self.view.may.get(party, ()))
        now = bool(able) and stage is self.view.stage
        return WayOn(
            on=On.COMMAND,
            what=verb.word(),
            who=able if now else who,
            to=_stages(branches),
            now=now,
            until=until,
            money=self.money(stage, branches),
        )

    # The money.

    def money(self, stage: Stage, branches: Iterable[Branch]) -> tuple[Movement, ...]:
        """What moves on these ways; nothing where nothing is owed."""
        found = (self.movement(stage, branch) for branch in branches if branch.moves)
        owed = (movement for movement in found if movement and movement.amount.amount_minor)
        return tuple(dict.fromkeys(owed))

    @property
    def stake(self) -> Money | None:
        """What is at stake, as far as it has not come back."""
        known = self.case.registration
        if known.sale is None or not known.money_back or self.view.kind is Kind.CARRIER_CLAIM:
            return self.view.at_stake
        if self.view.at_stake and not self.view.at_stake.amount_minor:
            return self.view.at_stake
        return left_with_delivery(
            known.sale, known.lines, known.money_back, known.delivery_back_minor
        )

    def movement(self, stage: Stage, branch: Branch) -> Movement | None:
        """What one way moves."""
        stake = self.stake
        assert branch.moves is not None
        if stake is None:
            return None
        amount, at_most = stake, branch.moves is not Moves.REFUND
        if branch.moves is Moves.REFUND and self.preview:
            minor = self.preview.refund_minor
            amount = Money(amount_minor=minor, currency=stake.currency)
        elif branch.moves is Moves.NAMED and stage is self.view.stage:
            named = self.named(stage, branch, stake)
            amount, at_most = named or stake, named is None
        return Movement(moves=branch.moves, to=branch.to, amount=amount, at_most=at_most)

    def named(self, stage: Stage, branch: Branch, stake: Money) -> Money | None:
        """The amount that has been named for what is accepted, or stands, now."""
        if not isinstance(self.view, DisputeView):
            return None
        if stage is Stage.DECIDED and (decision := self.view.decision):
            return decision.amount or Money(amount_minor=0, currency=stake.currency)
        offers = [offer for offer in self.view.offers if offer.state is OfferState.OPEN]
        if branch.on is Accept and offers:
            offered = refund_of(offers[-1].remedy, offers[-1].amount, stake)
            return offered or Money(amount_minor=0, currency=stake.currency)
        return None


def _stages(branches: Iterable[Branch]) -> tuple[Stage, ...]:
    """Where branches lead, each stage once."""
    return tuple(dict.fromkeys(branch.to for branch in branches))
