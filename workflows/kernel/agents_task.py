"""The task by which agents learn that a case waits for them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain.ports import Task, TaskState
from domain.questions import Question
from workflows.kernel.deadline import Clock


class AgentsTask:
    """The task of a case, one at a time. `now`: the open one; `tell` brings it to the queue."""

    def __init__(self, case_id: str, tell: Callable[[Task], None]) -> None:
        self._case_id = case_id
        self._tell = tell
        self._number = 0
        self._clock: Clock | None = None
        self.now: Task | None = None

    @property
    def question(self) -> Question | None:
        """What agents are called for; None while there is no task."""
        return Question(self.now.purpose) if self.now else None

    def begin(
        self, question: Question, queue: str, priority: int, clock: Clock, at: datetime
    ) -> None:
        """Put a task into the agents' queue, in the place of the one before."""
        self.finish()
        self._number += 1
        self._clock = clock
        self._keep(
            Task(
                id=f"{self._case_id}:task:{self._number}",
                case_id=self._case_id,
                queue=queue,
                purpose=question,
                priority=priority,
                state=TaskState.OPEN,
                opened_at=at,
                due=clock.due,
            )
        )

    def change(self, **changes: Any) -> None:
        """Change the open task and tell the queue."""
        if self.now:
            revision = self.now.revision + 1
            self._keep(self.now.model_copy(update={**changes, "revision": revision}))

    def goes_to(self, queue: str, priority: int, clock: Clock) -> None:
        """Give the open task to others, who have this clock's time."""
        self._clock = clock
        self.change(queue=queue, priority=priority, due=clock.due, owner=None, state=TaskState.OPEN)

    def follow_clock(self) -> None:
        """Tell the queue of a deadline that has moved."""
        if self.now and self._clock and self.now.due != self._clock.due:
            self.change(due=self._clock.due)

    def finish(self) -> None:
        """Take the task, if any, off the queue."""
        if self.now:
            self.change(state=TaskState.DONE)
            self.now = None

    def _keep(self, task: Task) -> None:
        self.now = task
        self._tell(task)
