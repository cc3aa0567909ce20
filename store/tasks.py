"""The agents' queue."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine, func, inspect, literal, tuple_
from sqlmodel import Session, col, select

from domain.ports import Task, TaskState
from store.engine import insert, transaction
from store.tables import TaskRow


class TaskQueue:
    """Lists the tasks as the cases last recorded them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, task: Task) -> None:
        """Keep the task as it is now.

        Records may arrive late or twice: only a higher `revision` replaces what is kept, and a
        task that is done stays done.
        """
        with transaction(self._engine) as session:
            keep_task(session, task)

    def waiting(self, queue: str | None = None, owner: str | None = None) -> list[Task]:
        """The tasks that are not done: most urgent first, then by due date, then by age."""
        statement = select(TaskRow).where(TaskRow.state != TaskState.DONE)
        if queue is not None:
            statement = statement.where(TaskRow.queue == queue)
        if owner is not None:
            statement = statement.where(TaskRow.owner == owner)
        ordered = statement.order_by(
            col(TaskRow.priority),
            col(TaskRow.due).nulls_last(),
            col(TaskRow.opened_at),
            col(TaskRow.id),
        )
        with transaction(self._engine) as session:
            return [Task.model_validate(row.model_dump()) for row in session.exec(ordered)]

    def page(
        self,
        queues: Sequence[str] | None,
        owner: str | None = None,
        after: Task | None = None,
        limit: int = 50,
    ) -> list[Task]:
        """At most `limit` tasks that are not done, in the same order, after the one given; of these
        queues, or of all. `owner`: only what they have claimed.
        """
        never = literal(datetime.max.replace(tzinfo=UTC), inspect(TaskRow).columns["due"].type)
        due = func.coalesce(col(TaskRow.due), never)
        order = (col(TaskRow.priority), due, col(TaskRow.opened_at), col(TaskRow.id))
        statement = select(TaskRow).where(TaskRow.state != TaskState.DONE)
        if queues is not None:
            statement = statement.where(col(TaskRow.queue).in_(queues))
        if owner is not None:
            statement = statement.where(TaskRow.owner == owner)
        if after is not None:
            place = (after.priority, after.due or never, after.opened_at, after.id)
            statement = statement.where(tuple_(*order) > tuple_(*place))
        with transaction(self._engine) as session:
            rows = session.exec(statement.order_by(*order).limit(limit))
            return [Task.model_validate(row.model_dump()) for row in rows]

    def of_case(self, case_id: str) -> list[Task]:
        """The tasks that a case has, or has had, the oldest first."""
        statement = (
            select(TaskRow)
            .where(TaskRow.case_id == case_id)
            .order_by(col(TaskRow.opened_at), col(TaskRow.id))
        )
        with transaction(self._engine) as session:
            return [Task.model_validate(row.model_dump()) for row in session.exec(statement)]

    def find(self, task_id: str) -> Task | None:
        """One task, if it was ever recorded."""
        with transaction(self._engine) as session:
            row = session.get(TaskRow, task_id)
            return Task.model_validate(row.model_dump()) if row else None


def keep_task(session: Session, task: Task) -> None:
    """Keep the task as it is now, in somebody else's transaction; see TaskQueue.record."""
    values = TaskRow(**task.model_dump()).model_dump()
    new = insert(session, TaskRow).values(values)
    session.exec(
        new.on_conflict_do_update(
            index_elements=["id"],
            set_={name: new.excluded[name] for name in values if name != "id"},
            where=(col(TaskRow.revision) < new.excluded["revision"])
            & (col(TaskRow.state) != TaskState.DONE),
        )
    )
