"""Random orders of commands, scans and silences over all the cases of one order at once.

Whatever comes in whatever order: no unit is refunded twice, nothing comes back of a unit beyond its
price, never more than was paid, no scan moves goods backwards, no open case waits for nobody, and
every deadline in any letter is one that the case acts on. A failure prints its steps.
"""

import asyncio
import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.commands import COMMAND, Close, Command, CommandBase
from domain.deadlines import Counting, reckon
from domain.goods import ParcelEvent, Scan, count
from domain.kinds import Kind
from domain.parties import Party
from domain.ports import RedeliveryPaid
from domain.refusals import Code
from domain.registering import ALONE
from domain.stages import Stage
from domain.view import CaseView, ReturnView, UncollectedParcelView, WholeCase
from store.archive import Archive
from store.tasks import TaskQueue
from tests.life import PLATFORM, World
from tests.speech import ACTORS, arguments, of_goods
from tests.test_random_orders import (
    HOW,
    OF_CONTENT,
    PARTIES,
    PLAYED,
    THOROUGH,
    Do,
    Played,
    Refunds,
    Try,
    Wait,
    unsettled,
    waits_for,
)
from workflows.processes import PROCESSES

VERBS: dict[str, type[CommandBase]] = {
    verb.word(): verb for process in PROCESSES.values() for verb in process.PERMITTED
}

OF_GOODS = OF_CONTENT | {
    Code.PROOF_MISSING,
    Code.UNITS_DIFFER,
    Code.DEDUCTION_BARRED,
    Code.REASON_DIFFERS,
    Code.REMEDY_BARRED,
    Code.REFUND_UNCONFIRMED,
}

NOT_OPENED = {
    Code.UNITS_REFUNDED,
    Code.UNITS_IN_ANOTHER_CASE,
    Code.TOO_LATE,
    Code.TOO_EARLY,
    Code.ALREADY_DONE,
    Code.NOT_DELIVERED,
    Code.PARCEL_ELSEWHERE,
    Code.PARCEL_UNKNOWN,
    Code.CASE_CLOSED,
}
"""Why a further case of the order cannot be opened."""

CASE_ID = re.compile(rf"({'|'.join(Kind)}):[A-Z]{{2}}:[^:]+(:[0-9]+)?")

ORDER = {"A": 2, "B": 1}
LINES = (
    {"sku": "A", "title": "Lamp", "quantity": 2, "unit_price_minor": 10000, "discount_minor": 33},
    {"sku": "B", "title": "Shade", "quantity": 1, "unit_price_minor": 5000},
)
"""What does not divide is with the last unit."""
PRICE = {("A", 1): 9983, ("A", 2): 9984, ("B", 1): 5000}
DELIVERY = 999
WHOLE_REFUNDS = text(
    "SELECT refund_key, sku, number, less_minor, amount_minor "
    "FROM refunded_units JOIN refunds ON key = refund_key WHERE refunded_units.order_id = :order"
)
REDUCTIONS = text(
    "SELECT sku, number, SUM(amount_minor) FROM reduced_units WHERE order_id = :order "
    "GROUP BY sku, number"
)
OF_PARCELS = (
    Kind.RETURN,
    Kind.CANCELLATION,
    Kind.UNCOLLECTED_PARCEL,
    Kind.NON_DELIVERY,
    Kind.CARRIER_CLAIM,
)
"""The kinds that carriers' machines tell of parcels."""


@dataclass(frozen=True)
class Scanned:
    """A carrier's event of a return or a cancelled parcel; `event` makes some of them repeat."""

    scan: Scan
    event: int
    hours_ago: int


@dataclass(frozen=True)
class Opens:
    """Another case of the same order is opened."""

    kind: Kind
    which: int


@dataclass(frozen=True)
class Pays:
    """The buyer pays for sending an uncollected parcel again."""


Step = Do | Try | Wait | Refunds | Scanned | Opens | Pays

OPENED = (
    Kind.WITHDRAWAL,
    Kind.DISPUTE,
    Kind.COMPLAINT,
    Kind.NON_DELIVERY,
    Kind.UNCOLLECTED_PARCEL,
    Kind.CARRIER_CLAIM,
)
"""What can be opened beside other cases of the order."""

UNITS = ({"A": 1}, {"A": 2}, {"B": 1}, {"A": 1, "B": 1}, ORDER)
UNITS_OF = st.integers(0, len(UNITS) - 1)


def steps() -> st.SearchStrategy[list[tuple[int, Step]]]:
    """Steps, each with a number that says which of the order's cases it is for."""
    do = st.builds(Do, PARTIES, HOW, HOW)
    refunds = st.builds(
        Refunds,
        st.sampled_from(("later", "fail", "refuse", "garbage")),
        st.sampled_from(("ok", "fail", "garbage")),
        st.integers(1, 2),
    )
    step: st.SearchStrategy[Step] = st.one_of(
        do,
        do,
        do,
        do,
        do,
        st.builds(Try, PARTIES, st.sampled_from(tuple(VERBS.values())), HOW),
        st.sampled_from((1, 30, 80, 24 * 8, 24 * 16)).map(Wait),
        st.builds(Scanned, st.sampled_from(Scan), st.integers(1, 4), st.integers(0, 40)),
        st.builds(Opens, st.sampled_from(OPENED), UNITS_OF),
        st.just(Pays()),
        refunds,
    )
    return st.lists(st.tuples(st.integers(0, 5), step), min_size=8, max_size=14)


@dataclass
class Whole:
    """All the cases of one order."""

    world: World
    order_id: str
    cases: dict[str, Played] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _custody: dict[str, dict[str, int]] = field(default_factory=dict)

    async def open(self, kind: Kind, which: int) -> None:
        """Open a case for some units; one that is refused is none."""
        units = tuple({"sku": s, "quantity": n} for s, n in UNITS[which].items())
        told: dict[str, Any] = {"order_id": self.order_id, "number": next(self._numbers)}
        if kind is not Kind.CARRIER_CLAIM:
            told["lines"] = units
        if kind is Kind.UNCOLLECTED_PARCEL:
            told["tracking"] = "PX 1"
        try:
            life = await getattr(self.world, kind.replace("-", "_"))(**told)
        except WorkflowAlreadyStartedError:
            return  # a parcel has one claim, which another case has opened
        self.cases[life.handle.id] = Played(life)
        if refusal := (await life.view()).refusal:
            assert refusal.code in NOT_OPENED, refusal

    async def views(self) -> list[CaseView]:
        """Every case of the order at rest, and the returns that they have opened."""
        while True:
            views = [await played.view() for played in self.cases.values()]
            ids = {e.detail for v in views for e in v.timeline if CASE_ID.fullmatch(e.detail)}
            new = sorted(ids - set(self.cases))
            for id in new:
                any_life = next(iter(self.cases.values())).life
                life = self.world.follow(any_life, id)
                await life.sees(lambda view: view.stage is not Stage.OPENING)
                self.cases[id] = Played(life)
            if not new:
                return views

    async def step(self, which: int, step: Step) -> None:
        """Play one step on one of the open cases."""
        views = [view for view in await self.views() if view.stage is not Stage.CLOSED]
        if isinstance(step, Opens):
            await self.open(step.kind, step.which)
            return
        if not views:
            return
        view = views[which % len(views)]
        played = self.cases[view.id]
        match step:
            case Do() | Try():
                if command := self.command(played, step, view):
                    await self.one(played, command, view)
            case Scanned(scan, event, hours_ago):
                if view.kind in OF_PARCELS:
                    now = await self.world.environment.get_current_time()
                    told = ParcelEvent(
                        event_id=f"e{event}",
                        scan=scan,
                        at=now - timedelta(hours=hours_ago),
                        tracking=f"T{event % 2}" if view.kind is Kind.RETURN else None,
                    )
                    await played.life.signals("parcel", told)
            case Wait(hours):
                slow = any(unsettled(one) for one in views)
                await played.life.passes(hours=min(hours, 80) if slow else hours)
            case Pays():
                if isinstance(view, UncollectedParcelView) and view.redelivery:
                    paid = RedeliveryPaid(key=view.redelivery.key)
                    await played.life.signals("redelivery_paid", paid)
            case Refunds():
                played.life.marketplace(
                    refunds=step.refunds,
                    statuses=step.statuses,
                    times=None if step.refunds == "later" else step.times,
                )

    def command(self, played: Played, step: Do | Try, view: CaseView) -> Command | None:
        """The step's command, with arguments that suit the case as far as `how` lets them."""
        if isinstance(step, Try):
            verb = step.verb
        elif verbs := view.may[step.by]:
            verb = VERBS[verbs[step.which % len(verbs)]]
        else:
            return None
        if verb is Close:
            return None  # ends too many lives too early
        how, actors = step.how, ACTORS[step.by]
        number = len(played.sent) + 1
        told = arguments(verb, how, f"word-{number}.") | of_goods(verb, how, view)
        command: Command = COMMAND.validate_python(
            {
                "verb": verb.word(),
                "command_id": f"r{number}",
                "by": actors[how % len(actors)],
                **{name: said for name, said in told.items() if name in verb.model_fields},
            }
        )
        played.sent.append(command)
        return command

    async def one(self, played: Played, command: Command, view: CaseView) -> None:
        """A command by itself: what `may` says is what happens."""
        answer = await played.send(command)
        allowed = type(command).word() in view.may[command.by.party]
        if isinstance(answer, Code) and allowed:
            known = OF_GOODS | {Code.NOT_YOURS} if view.kind is Kind.DISPUTE else OF_GOODS
            assert answer in known, f"{command!r} may be sent, and was refused: {answer}"
        assert allowed or isinstance(answer, Code), f"{command!r} may not be sent, and was taken"

    # What must hold.

    async def holds(self) -> None:
        """Holds after every step."""
        views = await self.views()
        paid = next(iter(self.cases.values())).life.paid
        whole = sum(PRICE.values()) + DELIVERY
        assert sum(paid) <= whole, f"{paid} of {whole}"
        self.no_unit_paid_twice()
        running = {view.id for view in views if view.stage is not Stage.CLOSED}
        taken = sum(
            (Counter(count(v.units)) for v in views if v.id in running and v.kind in ALONE),
            Counter[str](),
        )
        assert all(number <= ORDER[sku] for sku, number in taken.items()), f"{taken} taken at once"
        for view in views:
            if view.stage is Stage.CLOSED:
                assert view.awaited is None
                assert view.task is None
                continue
            assert view.awaited is not None, f"{view.id} awaits nobody"
            runs = [clock for clock in view.clocks if clock.due or clock.held_since]
            waits_for_return = waits_for(view) & running
            asked = view.awaited is Party.PLATFORM and await self.cases[view.id].running()
            assert runs or unsettled(view) or waits_for_return or asked, (
                f"{view.id}: nothing will happen"
            )
            if view.task:
                assert TaskQueue(self.world.engine).find(view.task.id) == view.task
            if isinstance(view, ReturnView):
                self.nothing_vanished(view)

    def no_unit_paid_twice(self) -> None:
        """Each unit is refunded at most once, and of none has more come back than was paid for it:
        not by its reductions, and not by its refund with them.
        """
        with self.world.engine.connect() as connection:
            whole = connection.execute(WHOLE_REFUNDS, {"order": self.order_id}).all()
            parts = connection.execute(REDUCTIONS, {"order": self.order_id}).all()
        refunded = Counter((sku, number) for _key, sku, number, *_ in whole)
        assert all(times == 1 for times in refunded.values()), refunded
        assert refunded.keys() <= PRICE.keys()
        less = {(sku, number): minor for _key, sku, number, minor, _amount in whole}
        for sku, number, minor in parts:
            assert minor <= less.get((sku, number), PRICE[sku, number]), (sku, number, minor)
        for key, amount in {(key, amount) for key, _sku, _number, _less, amount in whole}:
            left = sum(PRICE[sku, n] - minor for by, sku, n, minor, _a in whole if by == key)
            assert amount <= left + DELIVERY, f"{key}: {amount} of {left}"

    def nothing_vanished(self, view: ReturnView) -> None:
        """Every unit of a return is with somebody."""
        found: dict[str, int] = {}
        for kept in view.custody:
            found[kept.sku] = found.get(kept.sku, 0) + kept.quantity
        assert found == {unit.sku: unit.quantity for unit in view.units}, view.custody

    async def told_as_it_was(self, played: Played) -> None:
        """Every deadline in a letter is of a clock of the case, as it stood; and each silence came
        at the end of one.
        """
        whole = await played.life.handle.query("export", result_type=WholeCase)
        calendar = whole.registration.calendar
        if calendar is None:
            return
        ends: set[datetime] = set()
        for clock in whole.deadlines:
            counting = Counting(clock.counting)
            for spans in range(len(clock.held) + 1):
                told = reckon(
                    counting, clock.length, clock.started_at, calendar, clock.held[:spans]
                )
                ends.add(told.due)
        for notice in await played.life.notices():
            due = notice.facts.due
            assert due is None or due in ends, f"{notice.name} says {due}, which ends nothing"
        for entry in whole.view.timeline:
            if entry.what == "silence":
                near = min(abs(entry.at - end) for end in ends)
                assert near < timedelta(minutes=1), f"{entry} is {near} from the end of a clock"

    async def finish(self) -> None:
        """Everybody is silent: each case ends, or only agents can end it."""
        life = next(iter(self.cases.values())).life
        life.marketplace()
        for _ in range(14):
            views = await self.views()
            await self.holds()
            for view in views:
                if refund := unsettled(view):
                    self.cases[view.id].settle(refund.key, "confirm")
            still = [v for v in views if v.stage is not Stage.CLOSED]
            with_agents = {v.id for v in still if v.awaited is Party.AGENT and v.task}
            if all(
                v.id in with_agents
                or with_agents & waits_for(v)
                or v.kind is Kind.CARRIER_CLAIM  # a claim's time is a year
                for v in still
            ):
                break
            await life.passes(days=2 if any(unsettled(v) for v in views) else 16)
        else:
            raise AssertionError(f"half a year of silence: {[(v.id, v.stage) for v in still]}")
        for view in sorted(still, key=lambda view: view.kind is not Kind.RETURN):
            played = self.cases[view.id]
            ended = await self.cases[view.id].send(
                COMMAND.validate_python(
                    {"verb": "close", "command_id": "the-end", "by": PLATFORM, "reason": "Over."}
                )
            )
            assert not isinstance(ended, Code) or ended is Code.CASE_CLOSED, (view.id, ended)
            await played.life.sees(lambda view: view.stage is Stage.CLOSED)
        for id, played in self.cases.items():
            # Else the server would skip to the years in which cases would have timed out.
            with self.world.environment.auto_time_skipping_disabled():
                await asyncio.wait_for(played.life.handle.result(), timeout=20)
            letters = Archive(self.world.engine).letters(id)
            assert all(letter.sent_at for letter in letters), "letters were never sent"
            await self.told_as_it_was(played)


@pytest.mark.slow
@settings(PLAYED, max_examples=150 if THOROUGH else 6)
@given(first=st.sampled_from((*OPENED[:5], Kind.CANCELLATION)), which=UNITS_OF, script=steps())
async def test_no_order_of_events_refunds_a_unit_twice_or_leaves_a_case_alone(
    world: World, first: Kind, which: int, script: list[tuple[int, Step]]
) -> None:
    match first:
        case Kind.CANCELLATION:
            order_id = await world.fresh()
        case Kind.NON_DELIVERY | Kind.UNCOLLECTED_PARCEL:
            order_id = await world.parcel(posted=20)
        case _:
            order_id = await world.parcel(posted=3, in_hand=1)
    whole = Whole(world, world.alter(order_id, lines=LINES))
    await whole.open(first, which)
    for number, (case, step) in enumerate(script):
        await whole.step(case, step)
        try:
            await whole.holds()
        except AssertionError as broken:
            raise AssertionError(f"{broken} (after step {number}: {step!r})") from None
    await whole.finish()
