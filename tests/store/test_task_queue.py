"""The agents' queue."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.ports import Task, TaskState
from store.tasks import TaskQueue


@pytest.fixture
def task(noon: datetime) -> Callable[..., Task]:
    """Makes tasks."""

    def make(id: str = "t1", **given: Any) -> Task:
        usual = {
            "id": id,
            "case_id": "dispute:SI:1001:1",
            "queue": "decisions",
            "purpose": "decide",
            "priority": 2,
            "state": TaskState.OPEN,
            "opened_at": noon,
        }
        return Task(**(usual | given))

    return make


def test_does_a_task_follow_its_case_and_come_back_whole(
    engine: Engine, task: Callable[..., Task], noon: datetime
) -> None:
    queue = TaskQueue(engine)
    opened = task(revision=0)
    claimed = task(revision=1, state=TaskState.CLAIMED, owner="a-1", due=noon, priority=1)
    released = task(revision=2)
    for change in (opened, claimed, released):
        queue.record(change)
        queue.record(change)
        assert queue.find("t1") == change
    assert queue.find("t2") is None


@pytest.mark.parametrize("late", [0, 1, 2])
def test_does_a_late_record_replace_nothing(
    engine: Engine, task: Callable[..., Task], late: int
) -> None:
    queue = TaskQueue(engine)
    newest = task(revision=2, state=TaskState.CLAIMED, owner="a-1")
    queue.record(newest)
    queue.record(task(revision=late, owner="a-2"))
    assert queue.find("t1") == newest


def test_does_a_task_that_is_done_stay_done(engine: Engine, task: Callable[..., Task]) -> None:
    queue = TaskQueue(engine)
    done = task(revision=1, state=TaskState.DONE)
    queue.record(done)
    queue.record(task(revision=2))
    assert queue.find("t1") == done
    assert queue.waiting() == []


def test_does_the_highest_revision_win_whatever_the_order_of_twenty_threads(
    engine: Engine,
    task: Callable[..., Task],
    at_once: Callable[[Callable[[int], None]], list[None]],
) -> None:
    queue = TaskQueue(engine)
    at_once(lambda number: queue.record(task(revision=(number * 7) % 20)))
    stored = queue.find("t1")
    assert stored is not None
    assert stored.revision == 19


def test_in_what_order_do_tasks_wait(
    engine: Engine, task: Callable[..., Task], noon: datetime
) -> None:
    queue = TaskQueue(engine)
    hour = timedelta(hours=1)
    expected = [
        task("urgent", priority=1),
        task("due-soon", due=noon + hour, opened_at=noon + hour),
        task("due-later", due=noon + 2 * hour),
        task("old", opened_at=noon),
        task("new", opened_at=noon + hour),
    ]
    for one in reversed(expected):
        queue.record(one)
    assert queue.waiting() == expected


def test_can_the_queue_be_of_one_kind_or_owner(engine: Engine, task: Callable[..., Task]) -> None:
    queue = TaskQueue(engine)
    free, mine = task("t1"), task("t2", owner="a-1", state=TaskState.CLAIMED, queue="leads")
    queue.record(free)
    queue.record(mine)
    assert queue.waiting(queue="decisions") == [free]
    assert queue.waiting(owner="a-1") == [mine]
    assert queue.waiting(queue="decisions", owner="a-1") == []


def test_do_pages_have_every_task_once_in_their_order(
    engine: Engine, task: Callable[..., Task], noon: datetime
) -> None:
    queue = TaskQueue(engine)
    dues = (None, noon + timedelta(hours=2), noon + timedelta(hours=1), None)
    for number in range(20):
        queue.record(
            task(
                f"t{number:02}",
                queue=("a", "b")[number % 2],
                priority=number % 3,
                due=dues[number % 4],
                owner="a-1" if number % 5 == 0 else None,
            )
        )
    queue.record(task("done", queue="a", state=TaskState.DONE))
    for queues, owner, expected in (
        (None, None, queue.waiting()),
        (["a"], None, queue.waiting("a")),
        (["a", "b"], "a-1", queue.waiting(owner="a-1")),
        ([], None, []),
    ):
        found: list[Task] = []
        while page := queue.page(queues, owner, found[-1] if found else None, limit=3):
            found += page
        assert found == expected
    assert {one.id for one in queue.of_case("dispute:SI:1001:1")} >= {"t00", "done"}
    assert queue.of_case("dispute:SI:none:1") == []
