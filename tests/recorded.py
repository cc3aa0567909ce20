"""Is what the store has of a case by its records what the case itself says?"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from domain.view import CaseView, Entry
from service.failures import RefusedError
from service.rebuilding import BY_FORCE
from store.standings import Standings
from tests.life import Life, World

MOMENT = timedelta(seconds=1)

ELSEWHERE = {"messages", "in_all", "working"}
"""Messages are in the archive, and whether a case is at work is over once it is written down."""


def differences(case: CaseView, recorded: CaseView | None) -> list[str]:
    """What the store has otherwise than the case says it."""
    if recorded is None:
        return [f"{case.id}: nothing is recorded"]
    ours, theirs = (view.model_dump(exclude=ELSEWHERE) for view in (case, recorded))
    if all_but_at_once(case.timeline, recorded.timeline):
        theirs["timeline"] = ours["timeline"]
    return [
        f"{case.id}: {name} is {is_}, and recorded {kept}"
        for name in ours
        if ours[name] != theirs[name]
        for is_, kept in [apart(ours[name], theirs[name])]
    ]


def all_but_at_once(one: Sequence[Entry], other: Sequence[Entry]) -> bool:
    """Whether two timelines tell the same, each line within a second of the other's.

    A signal that comes while a task is answered has the task given again: a replay knows the second
    one's time alone.
    """
    return len(one) == len(other) and all(
        (a.what, a.by, a.detail) == (b.what, b.by, b.detail) and abs(a.at - b.at) < MOMENT
        for a, b in zip(one, other, strict=True)
    )


def apart(one: Any, other: Any) -> tuple[Any, Any]:
    """Two values; of lists, what is in each from the first entry on that differs."""
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        same = 0
        while same < min(len(one), len(other)) and one[same] == other[same]:
            same += 1
        return one[same:], other[same:]
    return one, other


async def wrongly_recorded(world: World) -> list[str]:
    """What the store has otherwise of any case that was played in a world. One that is just ending
    has some seconds to say its last.
    """
    wrong = []
    for life in world.lives:
        found = await _wrong(world, life, world.closed.get(life.handle.id))
        for _ in range(50):
            if not found:
                break
            await asyncio.sleep(0.1)
            found = await _wrong(world, life)
        wrong += found
    return wrong


async def _wrong(world: World, life: Life[Any], known: CaseView | None = None) -> list[str]:
    try:
        # One that was refused may have been opened again, under the same id.
        view = known if known and not known.refusal else await life.view()
    except RefusedError:
        return []  # one that nobody opened after all
    recorded = Standings(world.engine).view(life.handle.id)
    if recorded and recorded.timeline[-1].what == BY_FORCE:
        assert (await life.handle.describe()).status is WorkflowExecutionStatus.TERMINATED
        return []  # which it cannot say itself
    return differences(view, recorded)
