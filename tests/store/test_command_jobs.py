"""Jobs of many commands, and what became of each."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from store.audit_trail import AuditTrail, Deed, Sought
from store.command_jobs import CommandJobs, Item, Job, Progress


def job(at: datetime, digest: str = "d") -> Job:
    return Job(id="j-1", owner="agent a-1", person={"id": "a-1"}, digest=digest, at=at, request="r")


def item(place: int, status: int | None = None) -> Item:
    return Item(job_id="j-1", place=place, case_id="c-1", command={"verb": "say"}, status=status)


def deed(at: datetime, status: int) -> Deed:
    return Deed(
        at=at,
        role="agent",
        person="a-1",
        token="t",
        method="POST",
        route="/v1/command-jobs",
        status=status,
        request="r",
    )


def test_is_a_job_kept_once_and_each_result_with_its_deed(engine: Engine, noon: datetime) -> None:
    jobs = CommandJobs(engine)
    assert jobs.add(job(noon), [item(n) for n in range(5)]) == job(noon)
    assert jobs.add(job(noon, "other"), [item(9)]) == job(noon)
    assert jobs.find("j-1") == job(noon)
    assert jobs.find("j-2") is None
    jobs.settle(item(1, 200), deed(noon, 200))
    jobs.settle(item(1, 409), deed(noon, 409))
    jobs.settle(item(3, 409), deed(noon, 409))
    assert jobs.progress("j-1") == Progress(items=5, done=2, refused=1)
    found = jobs.items("j-1", 1, 4)
    assert [(one.place, one.status, one.command) for one in found] == [
        (1, 200, None),
        (2, None, {"verb": "say"}),
        (3, 409, None),
    ]
    assert [one.status for one in AuditTrail(engine).page(Sought(), 9)] == [409, 200]


def test_does_one_of_twenty_at_once_settle_a_command(
    engine: Engine, at_once: Callable[[Callable[[int], Any]], list[Any]], noon: datetime
) -> None:
    jobs = CommandJobs(engine)
    jobs.add(job(noon), [item(0)])
    at_once(lambda n: jobs.settle(item(0, 200 + n), deed(noon, 200 + n)))
    (kept,) = jobs.items("j-1", 0, 1)
    assert [one.status for one in AuditTrail(engine).page(Sought(), 99)] == [kept.status]
