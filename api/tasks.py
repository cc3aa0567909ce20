"""`/v1/tasks`: the agents' queues."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.answers import answers, told
from api.commands import done
from api.cursors import After, Limit, cursor, place_of
from api.deeds import note
from api.fields import seen
from api.forms import command_id_of
from api.parameters import IdempotencyKey, unquoted
from api.parts import Parts, parts_of
from api.problems import not_allowed
from api.reach import case_within_reach
from api.roles import AGENTS, EVERY_QUEUE, STAFF, Person
from api.tokens import Asking
from domain.commands import Claim
from domain.ports import Task, TaskState
from domain.refusals import Code
from domain.view import Receipt
from service.database import from_database
from service.failures import RefusedError
from service.sending import submit, taken_before
from store.tasks import TaskQueue

router = APIRouter(tags=["tasks"])

TRIES = 20
"""Tasks that others take from under one's hands before one is told that nothing waits."""


def queues_of(person: Person) -> tuple[str, ...] | None:
    """The queues that somebody sees to; None for every one."""
    if person.role not in AGENTS or EVERY_QUEUE in person.queues:
        return None
    return person.own_queues


@router.get(
    "/tasks",
    summary="The tasks that wait for agents",
    responses=answers("TaskPage", 403, what="The most urgent first."),
)
async def tasks(  # noqa: PLR0917 - each is a parameter of its own
    request: Request,
    person: Asking,
    queue: Annotated[str | None, Query(max_length=100, description="Only of this queue.")] = None,
    mine: Annotated[bool, Query(description="Only what you have claimed.")] = False,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """What is not done in the queues that were given to you."""
    if person.role not in STAFF:
        raise not_allowed("Tasks are for those who work on cases.")
    queues = queues_of(person)
    if queue is not None:
        queues = (queue,) if queues is None or queue in queues else ()
    book, place = TaskQueue(parts_of(request).engine), place_of(after, Task)
    owner = person.id if mine else None
    found = await from_database(book.page, queues, owner, place, limit + 1)
    page = found[:limit]
    following = cursor(page[-1]) if len(found) > limit else None
    return told({"items": seen(tuple(page), person), "next": following})


@router.post(
    "/tasks/next",
    summary="Claim the most urgent task",
    responses={
        **answers("Done", 403, 409, what="The task's case, claimed."),
        204: {"description": "Nothing waits that you could claim."},
    },
)
async def claim_next(request: Request, person: Asking, idempotency_key: IdempotencyKey) -> Response:
    """The most urgent task of your queues that nobody has. Two agents never get the same one; sent
    again under the same key, it answers the task that it claimed before.
    """
    if person.role not in AGENTS:
        raise not_allowed("Tasks are claimed by agents.")
    parts, key = parts_of(request), unquoted(idempotency_key)
    claim = Claim(command_id=command_id_of(person, key), by=person.actor)
    book, queues = TaskQueue(parts.engine), queues_of(person)
    for task in await from_database(book.page, queues, person.id):
        known = await taken_before(parts.client, task.case_id, claim)
        if known:
            return await _claimed(request, person, task.case_id, known, key)
    after, tried = None, 0
    while waiting := await from_database(book.page, queues, None, after, 50):
        for task in waiting:
            if task.state is not TaskState.OPEN or not is_claimed_by_command(task):
                continue
            if receipt := await _try(parts, task, claim):
                return await _claimed(request, person, task.case_id, receipt, key)
            tried += 1
            if tried == TRIES:
                return Response(status_code=204)
        after = waiting[-1]
    return Response(status_code=204)


def is_claimed_by_command(task: Task) -> bool:
    """Whether it is the task of a case, not that of its letters, which any agent sees to."""
    return ":letters:" not in task.id


async def _try(parts: Parts, task: Task, claim: Claim) -> Receipt | None:
    """The receipt; None if somebody was faster, or the task is gone."""
    try:
        _, receipt = await submit(
            parts.client,
            parts.engine,
            task.case_id,
            lambda _: claim,
            of_return=False,
            needs_case=False,
            may_be_known=False,
        )
    except RefusedError as error:
        if error.code in (Code.TASK_TAKEN, Code.WRONG_STAGE, Code.CASE_CLOSED, "case-unknown"):
            return None
        raise
    return receipt


async def _claimed(
    request: Request, person: Person, case_id: str, receipt: Receipt, key: str
) -> Response:
    note(request, case_id)
    view = await case_within_reach(parts_of(request), person, case_id)
    return told(done(case_id, receipt, key, view, person))
