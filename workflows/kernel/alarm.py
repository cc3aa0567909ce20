"""What wakes the timeline when a clock has come to its end."""

import asyncio
from datetime import datetime

from temporalio import workflow

from workflows.kernel.deadline import Clock


class Alarm:
    """Set to one clock at a time; a timer that runs for its instant already goes on running."""

    def __init__(self, since: datetime) -> None:
        self._reached = since
        self._timer: asyncio.Task[None] | None = None
        self._rings = ""

    @property
    def now(self) -> datetime:
        """The time of this step: never before an instant for which a timer has fired."""
        return max(workflow.now(), self._reached)

    @property
    def rang(self) -> bool:
        """Whether the instant has come."""
        return self._timer is not None and self._timer.done()

    def set(self, clock: Clock | None) -> None:
        """Wake at the clock's next instant; at none if there is no clock."""
        rings = f"{clock.wakes} {clock.says()}" if clock else ""
        if self._timer and (rings != self._rings or self._timer.done()):
            self._timer.cancel()
            self._timer = None
        if clock and self._timer is None:
            self._rings = rings
            self._timer = asyncio.create_task(self._ring(clock.wakes, clock.says()))

    async def _ring(self, at: datetime, says: str) -> None:
        """A timer that was set for an instant and has fired *is* that instant.

        It is not the workflow's clock that decides it: that can still show the time of the task
        before (docs/upstream/).
        """
        await workflow.sleep(at - self.now, summary=says)
        self._reached = max(self._reached, at)
