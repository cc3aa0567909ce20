"""What a step of a case has changed: the one thing that the world outside learns of a case.

Every step that changes anything writes one record (activities/step_records.py): archive, queue and
figures have what they have of it, and lists and pages are read from it. Nobody asks the case.
"""

from typing import Any, NamedTuple

from pydantic import AwareDatetime, Field, SerializerFunctionWrapHandler, model_serializer

from domain.base import Value
from domain.calendars import Calendar
from domain.deadlines import Counting, explain
from domain.notices import Message
from domain.ports import CloseCase, Registration, Task
from domain.view import VIEW, CaseView, ClockView, DecisionView, Entry, View, WholeCase


class Grown(Value):
    """A list of which the first `kept` entries are as they were, and what follows them now."""

    kept: int
    then: tuple[Any, ...] = ()


class StepRecord(Value):
    """One step of a case.

    `run` is the workflow's run, `number` counts its records from 1 without a gap. `facts` and
    `lists` hold what of the case is another than after the record before, by the names of the
    fields of the case's view and of WholeCase; a fact that is gone is None. `whole`: they hold
    everything.
    `events`: what has happened since, of which `happened` had before. Texts are in `messages` only.
    `over` once the case has ended.
    """

    case_id: str
    run: str
    number: int
    at: AwareDatetime
    whole: bool = False
    facts: dict[str, Any] = Field(default_factory=dict)
    lists: dict[str, Grown] = Field(default_factory=dict)
    happened: int = 0
    events: tuple[Entry, ...] = ()
    messages: tuple[Message, ...] = ()
    tasks: tuple[Task, ...] = ()
    over: CloseCase | None = None

    @property
    def begins(self) -> bool:
        """Whether it stands for itself, whatever was recorded before."""
        return self.whole or self.number == 1

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A history need not keep that nothing was said, or by nobody."""
        said = {name: told for name, told in whole(self).items() if told}
        if events := said.get("events"):
            said["events"] = [{k: v for k, v in event.items() if v} for event in events]
        return said


class StepKept(Value):
    """What became of a record. Not `taken`: the store lacks one, and wants the case whole.

    `contradicted`: the ids of messages under which the archive has another text already.
    """

    taken: bool = True
    contradicted: tuple[str, ...] = ()


class Snapshot(Value):
    """A case at the end of a step, as records are made of it: facts and lists by their names."""

    facts: dict[str, Any] = Field(default_factory=dict)
    lists: dict[str, tuple[Any, ...]] = Field(default_factory=dict)


ELSEWHERE = {"timeline", "messages", "in_all", "clocks"}
"""Of a view, what a record holds in a form of its own."""


def snapshot(
    view: CaseView,
    deadlines: tuple[ClockView, ...],
    decisions: tuple[DecisionView, ...],
    running: tuple[int, ...],
    rules: Registration | None,
) -> Snapshot:
    """A case as it stands, with the clocks that were ever started and the decisions taken.

    `running`: which of the clocks run or are held.
    `rules`: those that it goes by, if they are not any more the ones that it was registered with.
    By the calendar a clock's reckoning is explained when somebody reads it.
    """
    known = view.model_dump(mode="json", exclude=ELSEWHERE, exclude_defaults=True)
    lists = {name: tuple(known.pop(name)) for name in [*known] if isinstance(known[name], list)}
    lists["running"] = running
    lists["deadlines"] = tuple(
        clock.model_dump(mode="json", exclude={"explanation"}, exclude_defaults=True)
        for clock in deadlines
    )
    lists["decisions"] = tuple(one.model_dump(mode="json") for one in decisions)
    if rules:
        known |= rules.model_dump(mode="json", include={*RULES})
    return Snapshot(facts=known, lists={name: each for name, each in lists.items() if each})


def changed_facts(before: Snapshot, now: Snapshot) -> dict[str, Any]:
    """The facts that are another now; those that are gone are None."""
    gone = dict.fromkeys(before.facts.keys() - now.facts.keys())
    changed = {k: v for k, v in now.facts.items() if k not in before.facts or before.facts[k] != v}
    return {name: (gone | changed)[name] for name in sorted(gone.keys() | changed.keys())}


def changed_lists(before: Snapshot, now: Snapshot) -> dict[str, Grown]:
    """The lists that are another now, each from its first entry on that differs."""
    changed = {}
    for name in sorted(before.lists.keys() | now.lists.keys()):
        had, has = before.lists.get(name, ()), now.lists.get(name, ())
        if had != has:
            kept = 0
            while kept < min(len(had), len(has)) and had[kept] == has[kept]:
                kept += 1
            changed[name] = Grown(kept=kept, then=has[kept:])
    return changed


def applied(before: Snapshot, record: StepRecord) -> Snapshot:
    """The case after a record, given how it was."""
    facts = {} if record.whole else dict(before.facts)
    lists = {} if record.whole else dict(before.lists)
    for name, fact in record.facts.items():
        if fact is None:
            facts.pop(name, None)
        else:
            facts[name] = fact
    for name, grown in record.lists.items():
        lists[name] = (*lists.get(name, ())[: grown.kept], *grown.then)
    return Snapshot(
        facts=facts, lists={name: entries for name, entries in lists.items() if entries}
    )


class SoFar(NamedTuple):
    """A case after a record: by which of which run, how it stands, and all that has happened."""

    run: str
    number: int
    stands: Snapshot
    events: tuple[Entry, ...]

    def has(self, record: StepRecord) -> bool:
        """Whether a record is in it already."""
        return record.run == self.run and record.number <= self.number


def follow(before: SoFar | None, record: StepRecord) -> SoFar | None:
    """A case after a record that is not in it yet; None if the record does not follow on it.

    A whole one follows on anything, and so does the first of a run.
    """
    if not record.begins:
        if before is None or (before.run, before.number + 1) != (record.run, record.number):
            return None
        events = (*before.events[: record.happened], *record.events)
        return SoFar(record.run, record.number, applied(before.stands, record), events)
    return SoFar(record.run, record.number, applied(Snapshot(), record), record.events)


def view_of(kept: Snapshot, events: tuple[Entry, ...], pinned: Calendar | None = None) -> View:
    """The case as its readers see it, without its messages.

    `pinned`: the calendar that it was registered with; without it no reckoning is explained.
    """
    facts, lists = dict(kept.facts), dict(kept.lists)
    for name in OF_THE_WHOLE:
        facts.pop(name, None)
        lists.pop(name, None)
    started, running = kept.lists.get("deadlines", ()), lists.pop("running", ())
    calendar = _calendar(kept, pinned)
    clocks = tuple(_clock(started[which], calendar) for which in running)
    return VIEW.validate_python({**facts, **lists, "timeline": events, "clocks": clocks})


def whole_of(
    kept: Snapshot,
    events: tuple[Entry, ...],
    messages: tuple[Message, ...],
    registered: Registration | None,
) -> WholeCase:
    """The whole case. `registered`: as it was; a case that was refused never was."""
    pinned = registered.calendar if registered else None
    view = view_of(kept, events, pinned).model_copy(update={"messages": messages})
    known: dict[str, Any] = {"refusal": view.refusal}
    if registered:
        known = registered.model_dump(mode="json") | {"policy_version": view.policy_version}
    known |= {name: kept.facts[name] for name in RULES if name in kept.facts}
    calendar = _calendar(kept, pinned)
    return WholeCase(
        view=view,
        registration=Registration.model_validate(known),
        deadlines=tuple(_clock(one, calendar) for one in kept.lists.get("deadlines", ())),
        decisions=kept.lists.get("decisions", ()),
    )


RULES: tuple[str, ...] = ("calendar", "terms")
"""What a recalculation changes of a case's registration."""

OF_THE_WHOLE = (*RULES, "deadlines", "decisions")
"""What a record holds of a case beyond its view."""


def _calendar(kept: Snapshot, pinned: Calendar | None) -> Calendar | None:
    anew = kept.facts.get("calendar")
    return Calendar.model_validate(anew) if anew else pinned


def _clock(kept: dict[str, Any], calendar: Calendar | None) -> ClockView:
    clock = ClockView.model_validate({"due": None, "held_since": None, "explanation": (), **kept})
    if calendar is None:
        return clock
    lines = explain(Counting(clock.counting), clock.length, clock.started_at, calendar, clock.held)
    return clock.model_copy(update={"explanation": tuple(lines)})
