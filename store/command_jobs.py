"""Jobs of many commands, and what became of each."""

from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import Engine, func
from sqlmodel import col, select, update

from domain.base import Value
from store.audit_trail import Deed
from store.engine import insert_new, transaction
from store.tables import CommandItemRow, CommandJobRow, DeedRow


class Job(Value):
    """A job: whose it is, with the rights that they had; `digest` of what was sent; `request` is
    the id of the request that sent it.
    """

    id: str
    owner: str
    person: dict[str, Any]
    digest: str
    at: AwareDatetime
    request: str


class Item(Value):
    """A command of a job, at its place. `command` is forgotten once it has a result: then `status`
    is what it would have been answered by itself, with the `receipt` or the `problem`.
    """

    job_id: str
    place: int
    case_id: str
    if_match: str | None = None
    command: dict[str, Any] | None
    status: int | None = None
    receipt: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


class Progress(Value):
    """How far a job has come."""

    items: int
    done: int
    refused: int


class CommandJobs:
    """Keeps jobs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, job: Job, items: Sequence[Item]) -> Job:
        """Keep a job with its items, unless it is there; the one that is."""
        with transaction(self._engine) as session:
            if insert_new(session, [CommandJobRow(**job.model_dump())]):
                insert_new(session, [CommandItemRow(**item.model_dump()) for item in items])
            return Job.model_validate(session.get_one(CommandJobRow, job.id).model_dump())

    def find(self, job_id: str) -> Job | None:
        """A job by its id."""
        with transaction(self._engine) as session:
            row = session.get(CommandJobRow, job_id)
            return Job.model_validate(row.model_dump()) if row else None

    def progress(self, job_id: str) -> Progress:
        """How far it has come."""
        status = col(CommandItemRow.status)
        counted = select(
            func.count(), func.count(status), func.count(status).filter(status >= 400)
        ).where(CommandItemRow.job_id == job_id)
        with transaction(self._engine) as session:
            items, done, refused = session.exec(counted).one()
        return Progress(items=items, done=done, refused=refused)

    def items(self, job_id: str, first: int, end: int) -> list[Item]:
        """The commands from one place on up to before another, in their order."""
        statement = (
            select(CommandItemRow)
            .where(CommandItemRow.job_id == job_id)
            .where(col(CommandItemRow.place) >= first, col(CommandItemRow.place) < end)
            .order_by(col(CommandItemRow.place))
        )
        with transaction(self._engine) as session:
            return [Item.model_validate(row.model_dump()) for row in session.exec(statement)]

    def settle(self, item: Item, deed: Deed) -> None:
        """Keep what became of a command, with its row of the audit trail: the first time counts.

        What was written in it is kept no longer: the case has it.
        """
        with transaction(self._engine) as session:
            settled = session.exec(
                update(CommandItemRow)
                .where(col(CommandItemRow.job_id) == item.job_id)
                .where(col(CommandItemRow.place) == item.place)
                .where(col(CommandItemRow.status).is_(None))
                .values(
                    status=item.status, receipt=item.receipt, problem=item.problem, command=None
                )
            )
            if settled.rowcount:
                session.add(DeedRow(**deed.model_dump(exclude={"number"})))
