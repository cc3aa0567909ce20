"""What the store has of a case by the records of its steps."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from domain.notices import Ending, Message
from domain.parties import Actor, Party
from domain.ports import CloseCase, Task, TaskState
from domain.step_record import Snapshot, StepKept, StepRecord, changed_facts, changed_lists
from domain.view import Entry
from store.archive import Archive
from store.standings import Standings
from store.step_records import StepBook
from store.tables import EventRow, StandingRow
from store.tasks import TaskQueue
from tests.store.losing import forget

CASE = "dispute:PL:PL-1:1"
NOTHING = Snapshot()


@pytest.fixture
def book(engine: Engine) -> StepBook:
    """A book in an empty database."""
    return StepBook(engine)


def stands(noon: datetime, case_id: str = CASE, **facts: Any) -> Snapshot:
    """A case that waits for its seller."""
    usual = {
        "id": case_id,
        "kind": "dispute",
        "country": "PL",
        "order_id": "PL-1",
        "opened_at": noon.isoformat(),
        "opened_by": {"party": "buyer", "id": "b-1"},
        "stage": "awaiting-seller",
        "buyer_id": "b-1",
        "seller_id": "s-1",
        "reason": "defect",
        "wanted": "full-refund",
        "awaited": "seller",
    }
    return Snapshot(facts={k: v for k, v in {**usual, **facts}.items() if v is not None})


@pytest.fixture
def record(noon: datetime) -> Callable[..., StepRecord]:
    """Makes records."""

    def make(
        number: int, now: Snapshot, before: Snapshot = NOTHING, run: str = "r1", **more: Any
    ) -> StepRecord:
        return StepRecord(
            case_id=now.facts["id"],
            run=run,
            number=number,
            at=noon,
            facts=changed_facts(before, now),
            lists=changed_lists(before, now),
            **more,
        )

    return make


def entry(noon: datetime, what: str) -> Entry:
    return Entry(at=noon, what=what, by=Party.BUYER)


def to_decide(noon: datetime) -> Task:
    """The agents' task of the case."""
    return Task(
        id=f"{CASE}:task:1",
        case_id=CASE,
        queue="disputes-pl",
        purpose="decide",
        priority=5,
        state=TaskState.OPEN,
        opened_at=noon,
    )


def happened(engine: Engine) -> list[tuple[str, int, str]]:
    """All events in the order of their numbers: of which case, which one, and what."""
    with Session(engine) as session:
        rows = session.exec(select(EventRow).order_by(col(EventRow.number)))
        return [(row.case_id, row.place, row.what) for row in rows]


def test_are_a_case_and_what_happened_kept_step_by_step(
    engine: Engine, book: StepBook, record: Callable[..., StepRecord], noon: datetime
) -> None:
    first = stands(noon, breaches=None)
    second = stands(noon, stage="with-agent", awaited="agent", due=noon.isoformat())
    opened, moved = entry(noon, "opened"), entry(noon, "stage with-agent")
    assert Standings(engine).view(CASE) is None
    assert book.keep(record(1, first, events=(opened,))) == StepKept()
    assert book.keep(record(2, second, first, happened=1, events=(moved,))) == StepKept()
    view = Standings(engine).view(CASE)
    assert view
    assert (view.stage, view.awaited, view.due) == ("with-agent", "agent", noon)
    assert view.timeline == (opened, moved)
    with Session(engine) as session:
        row = session.get_one(StandingRow, CASE)
        assert (row.stage, row.awaited, row.due, row.step) == ("with-agent", "agent", noon, 2)
    assert happened(engine) == [(CASE, 0, "opened"), (CASE, 1, "stage with-agent")]


def test_does_a_record_that_comes_again_change_nothing(
    engine: Engine, book: StepBook, record: Callable[..., StepRecord], noon: datetime
) -> None:
    first, second = stands(noon), stands(noon, stage="with-agent")
    one = record(1, first, events=(entry(noon, "opened"),))
    two = record(2, second, first, happened=1, events=(entry(noon, "stage with-agent"),))
    for each in (one, one, two, one, two):
        assert book.keep(each).taken
    view = Standings(engine).view(CASE)
    assert view
    assert view.stage == "with-agent"
    assert len(happened(engine)) == 2


def test_is_a_case_wanted_whole_of_which_a_record_is_missing(
    engine: Engine, book: StepBook, record: Callable[..., StepRecord], noon: datetime
) -> None:
    first, third = stands(noon), stands(noon, stage="with-agent")
    events = tuple(entry(noon, what) for what in ("opened", "a", "b"))
    late = record(3, third, first, happened=2, events=events[2:])
    assert not book.keep(late).taken  # of a store that was lost
    assert happened(engine) == []
    assert book.keep(record(1, first, events=events[:1])).taken
    assert not book.keep(late).taken  # of one that has lost some
    assert book.keep(record(3, third, whole=True, events=events)).taken
    view = Standings(engine).view(CASE)
    assert view
    assert (view.stage, view.timeline) == ("with-agent", events)


def test_does_a_case_that_was_reset_replace_what_its_run_before_has_recorded(
    engine: Engine, book: StepBook, record: Callable[..., StepRecord], noon: datetime
) -> None:
    task = to_decide(noon)
    first = stands(noon)
    given_up = stands(noon, stage="with-agent", task=task.model_dump(mode="json"))
    events = tuple(entry(noon, what) for what in ("opened", "given up", "given up too"))
    book.keep(record(1, first, events=events[:1]))
    book.keep(record(2, given_up, first, happened=1, events=events[1:], tasks=(task,)))
    anew = stands(noon, stage="awaiting-buyer", awaited="buyer")
    goes_on = {"happened": 1, "events": (entry(noon, "offer"),)}
    assert not book.keep(record(2, anew, first, run="r2", **goes_on)).taken
    whole = {"whole": True, "events": (events[0], entry(noon, "offer"))}
    assert book.keep(record(2, anew, run="r2", **whole)).taken
    view = Standings(engine).view(CASE)
    assert view
    assert [each.what for each in view.timeline] == ["opened", "offer"]
    assert view.task is None
    assert TaskQueue(engine).waiting() == []


def test_is_what_a_lost_case_had_happen_otherwise_taken_out(
    engine: Engine, book: StepBook, record: Callable[..., StepRecord], noon: datetime
) -> None:
    now, opened = stands(noon), entry(noon, "opened")
    book.keep(record(1, now, events=(opened, entry(noon, "never"), entry(noon, "never either"))))
    forget(engine, CASE)  # how it stands is lost, what happened is not
    book.keep(record(2, now, whole=True, events=(opened, entry(noon, "offer"))))
    assert [what for _, _, what in happened(engine)] == ["opened", "offer"]


def test_are_texts_archived_tasks_queued_and_an_end_filed_with_the_step(
    engine: Engine, book: StepBook, record: Callable[..., StepRecord], noon: datetime
) -> None:
    task = to_decide(noon)
    said = Message(id="m1", at=noon, by=Actor(party=Party.BUYER, id="b-1"), text="It is dark.")
    over = CloseCase(case_id=CASE, ending=Ending.SETTLED, at=noon, escalated=False, breaches=0)
    first, closed = stands(noon), stands(noon, stage="closed", awaited=None, ending="settled")
    assert book.keep(record(1, first, messages=(said,), tasks=(task,))) == StepKept()
    assert Archive(engine).messages(CASE) == [said]
    assert TaskQueue(engine).waiting() == [task]
    other = said.model_copy(update={"text": "It is bright."})
    done = task.model_copy(update={"state": TaskState.DONE, "revision": 1})
    told = book.keep(record(2, closed, first, messages=(other,), tasks=(done,), over=over))
    assert told == StepKept(contradicted=("m1",))
    assert Archive(engine).messages(CASE) == [said]
    assert TaskQueue(engine).waiting() == []
    with Session(engine) as session:
        row = session.get_one(StandingRow, CASE)
        assert (row.closed_at, row.ending, row.awaited) == (noon, "settled", None)


def test_are_events_numbered_in_the_order_in_which_they_can_be_read(
    engine: Engine, book: StepBook, record: Callable[..., StepRecord], noon: datetime
) -> None:
    seen: list[int] = []

    def live(n: int) -> None:
        case_id = f"dispute:PL:PL-{n}:1"
        before = Snapshot()
        for number in range(1, 6):
            now = stands(noon, case_id, reason=str(number))
            events = tuple(entry(noon, f"{number}.{i}") for i in range(3))
            book.keep(record(number, now, before, happened=3 * number - 3, events=events))
            before = now

    def read() -> None:
        for _ in range(60):
            with Session(engine) as session:
                newer = col(EventRow.number) > (seen[-1] if seen else 0)
                rows = session.exec(
                    select(EventRow.number).where(newer).order_by(col(EventRow.number))
                )
                seen.extend(number for number in rows if number)

    with ThreadPoolExecutor(9) as pool:
        for done in [*(pool.submit(live, n) for n in range(8)), pool.submit(read)]:
            done.result()
    read()
    assert len(seen) == len(happened(engine)) == 8 * 15  # who reads on from the last misses none


def test_is_a_case_that_has_gone_on_not_put_back_by_what_was_read_before(
    book: StepBook, engine: Engine, record: Callable[..., StepRecord], noon: datetime
) -> None:
    first, second = stands(noon), stands(noon, stage="with-agent")
    book.keep(record(1, first))
    read_before = record(1, first, whole=True)
    book.keep(record(2, second, first))
    book.put_right(read_before)
    view = Standings(engine).view(CASE)
    assert view
    assert view.stage == "with-agent"
    book.put_right(record(2, first, whole=True))  # as its history says of the same step
    view = Standings(engine).view(CASE)
    assert view
    assert view.stage == "awaiting-seller"


def test_does_a_case_kept_whole_leave_who_has_seen_to_it(
    engine: Engine, book: StepBook, record: Callable[..., StepRecord], noon: datetime
) -> None:
    task, now = to_decide(noon), stands(noon)
    done = task.model_copy(update={"state": TaskState.DONE, "revision": 1})
    book.keep(record(1, now, tasks=(task,)))
    book.keep(record(2, stands(noon, stage="decided"), now, tasks=(done,)))
    book.keep(record(3, stands(noon, stage="decided"), whole=True))
    found = TaskQueue(engine).find(task.id)
    assert found
    assert found.state is TaskState.DONE
