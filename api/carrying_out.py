"""Carrying out jobs of many commands, in the processes of the API: here rights are judged."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from api.commands import carried_out, under
from api.jobs import command_of
from api.parts import Parts
from api.problems import defect, problem_of
from api.roles import Person
from domain.command_jobs import CARRY_OUT, Stretch, api_queue
from domain.view import Receipt
from service.database import from_database
from store.audit_trail import Deed
from store.command_jobs import CommandJobs, Item, Job

BEAT = 1.0
"""Seconds between two signs of life."""

STRETCHES = 4
"""Jobs that one process sees to at once."""

AT_ONCE = 5
"""Cases of a stretch that are seen to side by side; within a case, in order."""

DRAIN = timedelta(seconds=1)
"""How long a stretch may end after SIGTERM; then another process goes on with it."""

AWAY = 503


class CarryingOut:
    """Sends commands of jobs."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._books = CommandJobs(parts.engine)

    @activity.defn(name=CARRY_OUT)
    async def carry_out(self, stretch: Stretch) -> None:
        """Send a stretch's commands that have no result yet, and keep what became of each.

        A server that is away fails the whole: it is tried again, and no command is sent twice.
        """
        beating = asyncio.create_task(_beat())
        try:
            await self._carry_out(stretch)
        except* Exception as errors:
            first = errors.exceptions[0]
            if isinstance(first, ApplicationError):
                raise first from None
            raise ApplicationError("A server is away.", type=type(first).__name__) from None
        finally:
            beating.cancel()

    async def _carry_out(self, stretch: Stretch) -> None:
        job = await from_database(self._books.find, stretch.job_id)
        if job is None:
            raise ApplicationError("There is no such job.", type="Unknown", non_retryable=True)
        person = Person.model_validate(job.person)
        found = await from_database(self._books.items, job.id, stretch.first, stretch.end)
        cases: dict[str, list[Item]] = defaultdict(list)
        for item in found:
            if item.status is None:
                cases[item.case_id].append(item)
        turns = asyncio.Semaphore(AT_ONCE)

        async def one_after_the_other(items: list[Item]) -> None:
            async with turns:
                for item in items:
                    await self._settle(job, person, item)

        async with asyncio.TaskGroup() as group:
            for items in cases.values():
                group.create_task(one_after_the_other(items))

    async def _settle(self, job: Job, person: Person, item: Item) -> None:
        receipt: Receipt | None = None
        key, problem = f"{job.id}:{item.place}", None
        try:
            command = command_of(job.id, item.place, item.command or {}, person)
            _, taken, _ = await carried_out(
                self._parts, person, item.case_id, command, item.if_match
            )
            receipt = under(key, taken)
        except Exception as error:
            problem = problem_of(error) or defect(error)
            if problem.status == AWAY:
                raise
        settled = item.model_copy(
            update={
                "status": problem.status if problem else 200,
                "receipt": receipt and receipt.model_dump(mode="json"),
                "problem": problem and {**problem.document(), "request_id": job.request},
            }
        )
        deed = Deed(
            at=datetime.now(UTC),
            role=person.role,
            person=person.id,
            token=person.token,
            method="POST",
            route="/v1/command-jobs",
            case_id=item.case_id,
            command_id=key,
            status=settled.status or 0,
            code=problem.code if problem else None,
            request=job.request,
        )
        await from_database(self._books.settle, settled, deed)


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(BEAT)


@asynccontextmanager
async def carrying_out(parts: Parts) -> AsyncIterator[None]:
    """Take stretches of jobs until the block ends."""
    polling = PollerBehaviorSimpleMaximum(2)
    async with Worker(
        parts.client,
        task_queue=api_queue(parts.settings.task_queue),
        activities=[CarryingOut(parts).carry_out],
        max_concurrent_activities=STRETCHES,
        activity_task_poller_behavior=polling,
        graceful_shutdown_timeout=DRAIN,
        max_heartbeat_throttle_interval=timedelta(seconds=BEAT),
    ):
        yield
