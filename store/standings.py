"""How cases stand: lists, whole cases and what has changed, read from the steps' records."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import AwareDatetime
from sqlalchemy import ColumnElement, Engine, func, tuple_
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from domain.base import Value
from domain.kinds import Kind
from domain.notices import Ending
from domain.parties import Party
from domain.policy import OnSilence
from domain.ports import Registration
from domain.refusals import Code
from domain.stages import Stage
from domain.step_record import view_of, whole_of
from domain.view import CaseView, WholeCase
from store.archive import Archive
from store.engine import transaction
from store.step_records import events_of, snapshot_in
from store.tables import CaseRow, StandingRow, TaskRow


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; None leaves a side open. `among`: only these cases.

    `called`: only cases to which agents are, or were, called; by a task in one of these `queues`.
    """

    kind: Kind | None = None
    stage: Stage | None = None
    country: str | None = None
    awaited: Party | None = None
    seller: str | None = None
    buyer: str | None = None
    queue: str | None = None
    order: str | None = None
    due_before: datetime | None = None
    breached: bool | None = None
    undelivered: bool | None = None
    open: bool | None = True
    among: Sequence[str] | None = None
    kinds: Sequence[Kind] | None = None
    called: bool = False
    queues: Sequence[str] | None = None


class Listed(Value):
    """A case as it stands in a list.

    `safe` and `on_silence` are those of the clock that is `due`; `amount_minor`, in minor units of
    `currency`, is at stake; `changed` is the number that all that changes had after its last step.
    """

    case_id: str
    open: bool
    kind: Kind
    country: str
    order_id: str
    stage: Stage
    awaited: Party | None
    due: AwareDatetime | None
    safe: AwareDatetime | None
    on_silence: OnSilence | None
    seller: str | None
    buyer: str | None
    queue: str | None
    breached: bool
    undelivered: bool
    amount_minor: int | None
    currency: str | None
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    ending: Ending | None
    refusal: Code | None
    changed: int


class Place(NamedTuple):
    """Where a list goes on: after the case that stands here."""

    over: bool
    rank: int
    case_id: str


class Standings:
    """Reads how cases stand."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self, filters: Filters, limit: int, after: Place | None = None
    ) -> tuple[list[Listed], Place | None]:
        """At most `limit` cases, the one due first at the top, closed ones behind all others with
        the last one first; and where the next page begins, if there is one.
        """
        with transaction(self._engine) as session:
            rows = session.exec(self.statement(filters, limit + 1, after)).all()
        place = None
        if len(rows) > limit:
            last = rows[limit - 1]
            place = Place(last.over, last.rank, last.case_id)
        return [_listed(row) for row in rows[:limit]], place

    def statement(
        self, filters: Filters, limit: int, after: Place | None
    ) -> SelectOfScalar[StandingRow]:
        """What the database is asked for a page; an index has the cases in this order."""
        order = (col(StandingRow.over), col(StandingRow.rank), col(StandingRow.case_id))
        statement = _rows().where(*asked(filters)).order_by(*order).limit(limit)
        return statement.where(tuple_(*order) > tuple_(*after)) if after else statement

    def changed(self, filters: Filters, since: int, limit: int) -> list[Listed]:
        """At most `limit` cases that have changed after a number, the one changed first at the
        top. Who asks again with the last one's `changed` misses none; one that changes meanwhile
        comes again.
        """
        statement = (
            _rows()
            .where(*asked(filters), col(StandingRow.changed) > since)
            .order_by(col(StandingRow.changed))
            .limit(limit)
        )
        with transaction(self._engine) as session:
            return [_listed(row) for row in session.exec(statement)]

    def count(self, filters: Filters) -> int:
        """How many cases there are."""
        statement = select(func.count()).select_from(StandingRow).where(*asked(filters))
        with transaction(self._engine) as session:
            return session.exec(statement).one()

    def brief(self, case_id: str) -> CaseView | None:
        """A case without what happened and was said in it; None for one that has no record."""
        with transaction(self._engine) as session:
            row = session.get(StandingRow, case_id)
            return view_of(snapshot_in(row), ()) if row else None

    def view(self, case_id: str) -> CaseView | None:
        """A case with all that happened in it, and how its deadlines are reckoned."""
        with transaction(self._engine) as session:
            row = session.get(StandingRow, case_id)
            if row is None:
                return None
            registered = _registered(session, case_id)
            pinned = registered.calendar if registered else None
            return view_of(snapshot_in(row), events_of(session, case_id), pinned)

    def whole(self, case_id: str) -> WholeCase | None:
        """The whole case, with all that was said."""
        messages = tuple(Archive(self._engine).messages(case_id))
        with transaction(self._engine) as session:
            row = session.get(StandingRow, case_id)
            if row is None:
                return None
            events = events_of(session, case_id)
            return whole_of(snapshot_in(row), events, messages, _registered(session, case_id))


def _rows() -> SelectOfScalar[StandingRow]:
    """Cases without what lists do not show."""
    return select(StandingRow).options(defer(StandingRow.facts), defer(StandingRow.lists))  # type: ignore[arg-type]  # SQLModel's types hide the columns


def asked(filters: Filters) -> list[ColumnElement[bool]]:
    """What the filters ask of a row."""
    equal = {
        StandingRow.kind: filters.kind,
        StandingRow.stage: filters.stage,
        StandingRow.country: filters.country,
        StandingRow.awaited: filters.awaited,
        StandingRow.seller_id: filters.seller,
        StandingRow.buyer_id: filters.buyer,
        StandingRow.queue: filters.queue,
        StandingRow.order_id: filters.order,
        StandingRow.breached: filters.breached,
        StandingRow.undelivered: filters.undelivered,
    }
    found = [col(column) == wanted for column, wanted in equal.items() if wanted is not None]
    if filters.open is not None:
        found.append(col(StandingRow.over).is_(not filters.open))
    if filters.due_before:
        found.append(col(StandingRow.due) < filters.due_before)
    if filters.kinds is not None:
        found.append(col(StandingRow.kind).in_(filters.kinds))
    if filters.called:
        tasks = select(TaskRow.case_id)
        if filters.queues is not None:
            tasks = tasks.where(col(TaskRow.queue).in_(filters.queues))
        found.append(col(StandingRow.case_id).in_(tasks))
    if filters.among is not None:
        found.append(col(StandingRow.case_id).in_(filters.among))
    return found


def _registered(session: Session, case_id: str) -> Registration | None:
    row = session.get(CaseRow, case_id)
    return Registration.model_validate(row.registration) if row else None


def _listed(row: StandingRow) -> Listed:
    return Listed(
        case_id=row.case_id,
        open=not row.over,
        kind=Kind(row.kind),
        country=row.country,
        order_id=row.order_id,
        stage=Stage(row.stage),
        awaited=Party(row.awaited) if row.awaited else None,
        due=row.due,
        safe=row.safe,
        on_silence=OnSilence(row.on_silence) if row.on_silence else None,
        seller=row.seller_id or None,
        buyer=row.buyer_id or None,
        queue=row.queue,
        breached=row.breached,
        undelivered=row.undelivered,
        amount_minor=row.stake_minor,
        currency=row.stake_currency,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        ending=Ending(row.ending) if row.ending else None,
        refusal=Code(row.refusal) if row.refusal else None,
        changed=row.changed,
    )
