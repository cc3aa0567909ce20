"""Cases that a case opens beside itself, and what it tells others."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from domain.base import Value
from domain.openings import Opening
from domain.parties import Party
from domain.view import Closed

Neighbour = workflow.ChildWorkflowHandle[Any, Closed]


class Beside:
    """The cases about the same units, as far as a case knows of them."""

    def __init__(self, note: Callable[[str, Party | None, str], None]) -> None:
        self._note = note
        self.ids: list[str] = []

    def know(self, other: str) -> None:
        """Learn of a case."""
        if other not in self.ids:
            self.ids.append(other)
            self._note("case beside", None, other)

    async def tell(self, other: str, signal: str, told: Value) -> None:
        """Tell another case something by a signal."""
        if not await tell_case(other, signal, told):
            self._note("case beside had ended", None, other)


async def open_case(
    opening: Opening,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE,
) -> Neighbour:
    """Open another case, which outlives this one if need be; its id is the handle's.

    Raises WorkflowAlreadyStartedError if there is one of this id.
    """
    return await workflow.start_child_workflow(
        opening.kind.process,
        opening,
        id=opening.case_id,
        result_type=Closed,
        parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        id_reuse_policy=reuse,
        static_summary=f"{opening.kind.words} · order {opening.order_id}",
    )


async def open_next(opening: Opening) -> Neighbour:
    """Open another case under the next number that is free: one from before ops reset this case
    can be there.
    """
    while True:
        try:
            return await open_case(opening)
        except WorkflowAlreadyStartedError:
            opening = opening.model_copy(update={"number": opening.number + 1})


async def open_once(opening: Opening) -> None:
    """Open another case that has but one id, unless it is open, or was, already."""
    with suppress(WorkflowAlreadyStartedError):
        await open_case(opening)


async def tell_case(other: str, signal: str, told: Value) -> bool:
    """Send another case a signal; False if it has ended meanwhile, and need not know."""
    try:
        await workflow.get_external_workflow_handle(other).signal(signal, told)
    except ApplicationError:
        return False
    return True
