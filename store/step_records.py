"""Keeping one record of each step of a case: how it stands, what happened, what was said.

What is kept is read in store/standings.py.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete
from sqlmodel import Session, col, select

from domain.parties import Party
from domain.ports import TaskState
from domain.public_events import happened
from domain.step_record import Snapshot, SoFar, StepKept, StepRecord, follow, view_of
from domain.view import Entry
from store.archive import keep_messages
from store.cases import file_ending
from store.engine import hold_case, insert, insert_new, transaction
from store.public_events import STEPS, keep_public
from store.tables import EventRow, FeedRow, StandingRow, TaskRow
from store.tasks import keep_task

UNDUE = datetime.max.replace(tzinfo=UTC)
"""Where in lists open cases stand of which nothing is due: at the end."""


class StepBook:
    """Keeps records."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, record: StepRecord) -> StepKept:
        """Keep a record, all of it or nothing. One that comes again changes nothing.

        One that does not follow on what is kept is not taken, unless it is whole: the store was
        lost, or ops have reset the case. What an abandoned run of a case has recorded is replaced.
        """
        with transaction(self._engine) as session:
            hold_case(session, record.case_id)
            before = _so_far(session, record.case_id, ())
            if before and before.has(record):
                return StepKept()
            now = follow(before, record)
            if now is None:
                return StepKept(taken=False)
            return _keep(session, record, before, now)

    def put_right(self, whole: StepRecord) -> None:
        """Keep a case as its history has it, whatever is kept; but not once it has gone on."""
        with transaction(self._engine) as session:
            hold_case(session, whole.case_id)
            before, now = _so_far(session, whole.case_id, ()), follow(None, whole)
            gone_on = before and before.run == whole.run and before.number > whole.number
            if now and not gone_on:
                _keep(session, whole, before, now)

    def so_far(self, case_id: str) -> SoFar | None:
        """A case as its last record has left it; None for one without any."""
        with transaction(self._engine) as session:
            return _so_far(session, case_id, events_of(session, case_id))


def _keep(session: Session, record: StepRecord, before: SoFar | None, now: SoFar) -> StepKept:
    _keep_tasks(session, record, now.stands)
    if record.over:
        file_ending(session, record.over)
    contradicted = keep_messages(session, record.case_id, record.messages)
    place, events = record.happened, record.events
    if record.begins:
        place, events = _news(session, record.case_id, now.events)
    stood = before.stands if before else Snapshot()
    told = list(happened(stood, now.stands, record, place, events))
    last = _next_numbers(session, max(1, len(events) + len(told)))  # held from here on
    if events:
        insert_new(session, _numbered(record.case_id, place, events, last - len(told)))
    if told:
        keep_public(session, record.case_id, now.stands.facts, told, last)
    row = _row(record, now.stands, last).model_dump()
    session.exec(
        insert(session, StandingRow)
        .values(row)
        .on_conflict_do_update(index_elements=["case_id"], set_=row)
    )
    return StepKept(contradicted=tuple(contradicted))


def _so_far(session: Session, case_id: str, events: tuple[Entry, ...]) -> SoFar | None:
    row = session.get(StandingRow, case_id)
    return SoFar(row.run, row.step, snapshot_in(row), events) if row else None


def _keep_tasks(session: Session, record: StepRecord, stands: Snapshot) -> None:
    tasks = list(record.tasks)
    if record.begins:
        # Those of a run that was given up are nobody's work; who did one that is done has seen to
        # the case.
        session.exec(
            delete(TaskRow).where(
                col(TaskRow.case_id) == record.case_id, col(TaskRow.state) != TaskState.DONE
            )
        )
        view = view_of(stands, (), None)
        tasks += [task for task in (view.task, view.letters_task) if task]
    for task in tasks:
        keep_task(session, task)


def _news(session: Session, case_id: str, now: tuple[Entry, ...]) -> tuple[int, tuple[Entry, ...]]:
    """What of all that has happened is not kept yet, and its place in the case; what is kept
    otherwise, of a run given up, is taken out.
    """
    before, place = events_of(session, case_id), 0
    while place < min(len(before), len(now)) and before[place] == now[place]:
        place += 1
    if place < len(before):
        session.exec(
            delete(EventRow).where(col(EventRow.case_id) == case_id, col(EventRow.place) >= place)
        )
    return place, now[place:]


def _next_numbers(session: Session, count: int) -> int:
    """The last of the next `count` numbers of the feed. Nobody else gets any until they can be
    read, so that no lower number follows a higher one.
    """
    first = insert(session, FeedRow).values(name=STEPS, number=count)
    taken = first.on_conflict_do_update(
        index_elements=["name"], set_={"number": FeedRow.number + count}
    )
    return int(session.exec(taken.returning(col(FeedRow.number))).scalar_one())


def _numbered(case_id: str, place: int, events: Sequence[Entry], last: int) -> list[EventRow]:
    """Events of a case, from its `place`th on, with their numbers; the `last` one has that."""
    first = last - len(events) + 1
    return [
        EventRow(
            number=first + i,
            case_id=case_id,
            place=place + i,
            at=event.at,
            what=event.what,
            party=event.by,
            detail=event.detail,
        )
        for i, event in enumerate(events)
    ]


def events_of(session: Session, case_id: str) -> tuple[Entry, ...]:
    """All that has happened in a case, in order."""
    rows = session.exec(
        select(EventRow).where(EventRow.case_id == case_id).order_by(col(EventRow.place))
    )
    return tuple(_entry(row) for row in rows)


def _entry(row: EventRow) -> Entry:
    by = Party(row.party) if row.party else None
    return Entry(at=row.at, what=row.what, by=by, detail=row.detail)


def snapshot_in(row: StandingRow) -> Snapshot:
    """How a case stands."""
    lists: dict[str, Sequence[object]] = row.lists
    return Snapshot(facts=row.facts, lists={name: tuple(each) for name, each in lists.items()})


def _row(record: StepRecord, now: Snapshot, changed: int) -> StandingRow:
    view = view_of(now, (), None)
    running = [clock for clock in view.clocks if clock.due]
    first = min(running, key=lambda clock: str(clock.due), default=None)
    stake = view.at_stake
    return StandingRow(
        case_id=record.case_id,
        run=record.run,
        step=record.number,
        moved_at=record.at,
        kind=view.kind,
        country=view.country,
        order_id=view.order_id,
        buyer_id=view.buyer_id,
        seller_id=view.seller_id,
        stage=view.stage,
        awaited=view.awaited,
        due=view.due,
        safe=first.safe if first else None,
        on_silence=first.on_silence if first else None,
        breached=bool(view.breaches),
        undelivered=bool(view.undelivered),
        queue=view.task.queue if view.task else None,
        stake_minor=stake.amount_minor if stake else None,
        stake_currency=stake.currency if stake else None,
        opened_at=view.opened_at,
        closed_at=record.over.at if record.over else None,
        ending=view.ending,
        refusal=view.refusal.code if view.refusal else None,
        over=record.over is not None,
        rank=_rank(view.due, record.over.at if record.over else None),
        changed=changed,
        facts=now.facts,
        lists=dict(now.lists),
    )


def _rank(due: datetime | None, closed_at: datetime | None) -> int:
    """Where a case stands among the open ones, or the closed ones, in microseconds."""
    at = closed_at or due or UNDUE
    since = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return -since if closed_at else since
