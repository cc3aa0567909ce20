"""Effects that run beside the timeline, which does not wait for them until the case closes."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from temporalio.exceptions import ActivityError, ApplicationError


class Errands:
    """What is under way beside the timeline."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()
        self.broken: BaseException | None = None

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` run by itself."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    @property
    def done(self) -> bool:
        """Whether nothing is under way any more, or something broke."""
        return not self._under_way or self.broken is not None

    def raise_broken(self) -> None:
        """A defect beside the timeline must stop the case where ops see it, not vanish."""
        if self.broken:
            raise self.broken

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.broken = error


def failure_type(error: ActivityError) -> str:
    """The kind of a failure, without its text: that could name a person."""
    cause = error.cause
    return (cause.type or "error") if isinstance(cause, ApplicationError) else type(cause).__name__
