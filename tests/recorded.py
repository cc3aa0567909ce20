"""Is what the store has of a case by its records what the case itself says?"""

from temporalio.client import WorkflowExecutionStatus

from domain.view import CaseView
from service.failures import RefusedError
from service.rebuilding import BY_FORCE
from store.standings import Standings
from tests.life import World

ELSEWHERE = {"messages", "in_all", "working"}
"""Messages are in the archive, and whether a case is at work is over once it is written down."""


def differences(case: CaseView, recorded: CaseView | None) -> list[str]:
    """What the store has otherwise than the case says it."""
    if recorded is None:
        return [f"{case.id}: nothing is recorded"]
    ours, theirs = (view.model_dump(exclude=ELSEWHERE) for view in (case, recorded))
    return [
        f"{case.id}: {name} is {ours[name]}, and recorded {theirs[name]}"
        for name in ours
        if ours[name] != theirs[name]
    ]


async def wrongly_recorded(world: World) -> list[str]:
    """What the store has otherwise of any case that was played in a world."""
    book, wrong = Standings(world.engine), []
    for life in world.lives:
        known = world.closed.get(life.handle.id)
        try:
            # One that was refused may have been opened again, under the same id.
            view = known if known and not known.refusal else await life.view()
        except RefusedError:
            continue  # one that nobody opened after all
        recorded = book.view(life.handle.id)
        if recorded and recorded.timeline[-1].what == BY_FORCE:
            assert (await life.handle.describe()).status is WorkflowExecutionStatus.TERMINATED
            continue  # which it cannot say itself
        wrong += differences(view, recorded)
    return wrong
