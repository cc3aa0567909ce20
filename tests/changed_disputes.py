"""Disputes with changes that running cases cannot take, and one of them with its guard."""

from datetime import datetime

from temporalio import workflow

from domain.commands import Ask, Offer, Refuse, Reject, Say
from domain.openings import OpenDispute
from domain.view import Closed
from workflows.dispute.process import Dispute


@workflow.defn(name="Dispute")
class Pausing(Dispute):
    """Waits before it registers: cases that are open already never did."""

    @workflow.init
    def __init__(self, opening: OpenDispute) -> None:
        super().__init__(opening)

    @workflow.run
    async def run(self, opening: OpenDispute) -> Closed:
        """The dispute, after a pause."""
        await workflow.sleep(1)
        return await super().run(opening)


@workflow.defn(name="Dispute")
class PausingGuarded(Dispute):
    """Waits before it registers, in cases that are opened from now on."""

    @workflow.init
    def __init__(self, opening: OpenDispute) -> None:
        super().__init__(opening)

    @workflow.run
    async def run(self, opening: OpenDispute) -> Closed:
        """The dispute, after a pause if it is a new one."""
        if workflow.patched("pause-before-registering"):
            await workflow.sleep(1)
        return await super().run(opening)


@workflow.defn(name="Dispute")
class Dawdling(Dispute):
    """Waits a little beside every move that it tells of: a change that was not guarded."""

    @workflow.init
    def __init__(self, opening: OpenDispute) -> None:
        super().__init__(opening)

    @workflow.run
    async def run(self, opening: OpenDispute) -> Closed:
        """The dispute."""
        return await super().run(opening)

    def tell_move(
        self, move: Say | Ask | Offer | Reject | Refuse, due: datetime | None = None
    ) -> None:
        """The move, told by somebody who dawdles."""
        self.errands.run(workflow.sleep(1))
        super().tell_move(move, due)
