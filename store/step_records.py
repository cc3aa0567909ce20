"""How cases stand, what happened in them and what was said, kept as one record of each step."""

from collections.abc import Sequence

from sqlalchemy import Engine, delete, text
from sqlmodel import Session, col, select

from domain.parties import Party
from domain.ports import Registration
from domain.step_record import Snapshot, SoFar, StepKept, StepRecord, follow, view_of
from domain.view import CaseView, Entry
from store.archive import keep_messages
from store.cases import file_ending
from store.engine import hold_case, insert, insert_new, transaction
from store.tables import CaseRow, EventRow, StandingRow, TaskRow
from store.tasks import keep_task

FEED_LOCK = 7_305_001
"""Who numbers events on PostgreSQL holds it until they can be read."""


class StepBook:
    """Keeps records, and answers how cases stand by them."""

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
            row = _row(record, now.stands).model_dump()
            session.exec(
                insert(session, StandingRow)
                .values(row)
                .on_conflict_do_update(index_elements=["case_id"], set_=row)
            )
            _keep_tasks(session, record, now.stands)
            if record.over:
                file_ending(session, record.over)
            contradicted = keep_messages(session, record.case_id, record.messages)
            if record.begins:
                _keep_events(session, record.case_id, now.events)
            else:
                _number(session, record.case_id, record.happened, record.events)
            return StepKept(contradicted=tuple(contradicted))

    def so_far(self, case_id: str) -> SoFar | None:
        """A case as its last record has left it; None for one without any."""
        with transaction(self._engine) as session:
            return _so_far(session, case_id, _events(session, case_id))

    def forget(self, case_id: str) -> None:
        """Take out how a case stands, so that its records can be kept anew."""
        with transaction(self._engine) as session:
            hold_case(session, case_id)
            session.exec(delete(StandingRow).where(col(StandingRow.case_id) == case_id))

    def view(self, case_id: str) -> CaseView | None:
        """A case as its last record has it, without its messages; None for one without any."""
        with transaction(self._engine) as session:
            found = _so_far(session, case_id, _events(session, case_id))
            if found is None:
                return None
            case = session.get(CaseRow, case_id)
            pinned = Registration.model_validate(case.registration).calendar if case else None
            return view_of(found.stands, found.events, pinned)


def _so_far(session: Session, case_id: str, events: tuple[Entry, ...]) -> SoFar | None:
    row = session.get(StandingRow, case_id)
    return SoFar(row.run, row.step, _snapshot(row), events) if row else None


def _keep_tasks(session: Session, record: StepRecord, stands: Snapshot) -> None:
    tasks = list(record.tasks)
    if record.begins:
        # Those of a run that was given up are nobody's work.
        session.exec(delete(TaskRow).where(col(TaskRow.case_id) == record.case_id))
        view = view_of(stands, (), None)
        tasks += [task for task in (view.task, view.letters_task) if task]
    for task in tasks:
        keep_task(session, task)


def _keep_events(session: Session, case_id: str, now: Sequence[Entry]) -> None:
    """Number what has happened since; what is kept otherwise, of a run given up, is taken out."""
    before, place = _events(session, case_id), 0
    while place < min(len(before), len(now)) and before[place] == now[place]:
        place += 1
    if place < len(before):
        session.exec(
            delete(EventRow).where(col(EventRow.case_id) == case_id, col(EventRow.place) >= place)
        )
    _number(session, case_id, place, now[place:])


def _number(session: Session, case_id: str, place: int, events: Sequence[Entry]) -> None:
    """Give events of a case their numbers among all; `place`: of the first one in its case."""
    if not events:
        return
    if session.connection().dialect.name == "postgresql":
        session.connection().execute(text(f"SELECT pg_advisory_xact_lock({FEED_LOCK})"))
    insert_new(
        session,
        [
            EventRow(
                case_id=case_id,
                place=place + i,
                at=event.at,
                what=event.what,
                party=event.by,
                detail=event.detail,
            )
            for i, event in enumerate(events)
        ],
    )


def _events(session: Session, case_id: str) -> tuple[Entry, ...]:
    rows = session.exec(
        select(EventRow).where(EventRow.case_id == case_id).order_by(col(EventRow.place))
    )
    return tuple(_entry(row) for row in rows)


def _entry(row: EventRow) -> Entry:
    by = Party(row.party) if row.party else None
    return Entry(at=row.at, what=row.what, by=by, detail=row.detail)


def _snapshot(row: StandingRow) -> Snapshot:
    lists: dict[str, Sequence[object]] = row.lists
    return Snapshot(facts=row.facts, lists={name: tuple(each) for name, each in lists.items()})


def _row(record: StepRecord, now: Snapshot) -> StandingRow:
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
        facts=now.facts,
        lists=dict(now.lists),
    )
