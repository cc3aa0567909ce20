"""The agents' queue, as the case writes it."""

from __future__ import annotations

from temporalio import activity

from activities.keeping import Queue
from domain.ports import Task


class Tasks:
    """Tasks of agents, listed by queue and priority."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    @activity.defn(name="record_task", no_thread_cancel_exception=True)
    def record(self, task: Task) -> None:
        """Put the task as it stands now into the queue; an older state never overwrites it."""
        self._queue.record(task)
