"""`/v1/command-jobs`: many commands at once, each judged as if it came alone."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field, TypeAdapter, ValidationError

from api.answers import answers, takes, told
from api.bodies import body_of
from api.commands import check_allowed
from api.cursors import After, Limit, cursor, place_of
from api.deeds import note
from api.forms import COMMAND_FORM, COMMANDS, command_from
from api.parameters import IdempotencyKey, unquoted
from api.parts import Parts, parts_of
from api.problems import MOST, Problem, misfit, not_allowed
from api.requests import request_id
from api.roles import AGENTS, Person, Role
from api.tokens import Asking
from domain.base import Value
from domain.commands import Command
from domain.kinds import CaseId
from domain.refusals import Code
from domain.view import Receipt
from service.command_jobs import start_job
from service.database import from_database
from store.command_jobs import CommandJobs, Item, Job, Progress

router = APIRouter(prefix="/command-jobs", tags=["jobs"])

MOST_ITEMS = 500
"""Commands of one job."""

LARGEST = 2_000_000
"""Bytes of one job."""

SENDERS = (*AGENTS, Role.PLATFORM)

JobId = Annotated[str, Path(pattern="^job-[0-9a-f]{32}$", description="As it was answered.")]


class JobItem(Value):
    """A command for a case; `if_match` is the ETag of the case as it was looked at.

    `command` is read by the form of commands, so that its errors have their place in the job.
    """

    case_id: CaseId
    if_match: Annotated[str, Field(max_length=100)] | None = None
    command: dict[str, Any]


class JobForm(Value):
    """Commands, which are sent in this order within each case."""

    items: Annotated[tuple[JobItem, ...], Field(min_length=1, max_length=MOST_ITEMS)]


class Place(Value):
    """Where a job's items go on."""

    place: Annotated[int, Field(ge=0, le=MOST_ITEMS)]


def command_of(job_id: str, place: int, command: dict[str, Any], person: Person) -> Command:
    """The command at a place of a job; Problem 422 for what is none. Its id is made of the two, so
    that it is taken once, however often it is sent.
    """
    try:
        form = COMMAND_FORM.validate_json(json.dumps(command), strict=True)
    except ValidationError as error:
        raise misfit(error, tuple(COMMANDS)) from None
    return command_from(form, person, f"{job_id}:{place}")


def _misfits(job_id: str, form: JobForm, person: Person) -> Iterator[dict[str, str]]:
    """The places in which commands do not fit."""
    for place, item in enumerate(form.items):
        try:
            check_allowed(command_of(job_id, place, item.command, person), person)
        except Problem as problem:
            if not problem.errors:
                raise
            for one in problem.errors:
                yield {**one, "pointer": f"/items/{place}/command{one.get('pointer', '')}"}


@router.post(
    "",
    summary="Send many commands",
    status_code=202,
    responses=answers("Job", 403, 413, 415, status=202, what="The job, which has begun."),
    openapi_extra=takes(
        "JobForm",
        {
            "items": [
                {
                    "case_id": "dispute:PL:PL-1001:1",
                    "command": {"verb": "say", "text": "Przepraszamy, przesyłka jest w drodze."},
                }
            ]
        },
    ),
)
async def begin_job(
    request: Request,
    person: Asking,
    idempotency_key: IdempotencyKey,
    form: Annotated[JobForm, Depends(body_of(TypeAdapter(JobForm), largest=LARGEST))],
) -> Response:
    """At most 500. Each is judged when its turn comes, with the rights that you have now, and has a
    result of its own. Sent again under the same key it is the same job.
    """
    if person.role not in SENDERS:
        raise not_allowed("Jobs are sent by agents and the platform.")
    whose = _owner(person)
    key = f"{whose} {unquoted(idempotency_key)}"
    job_id = f"job-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    note(request, None, job_id)
    if wrong := [*_misfits(job_id, form, person)][:MOST]:
        raise Problem(422, "bad-input", "What was sent does not fit; see `errors`.", wrong)
    job = Job(
        id=job_id,
        owner=whose,
        person=person.model_dump(mode="json"),
        digest=hashlib.sha256(form.model_dump_json().encode()).hexdigest(),
        at=datetime.now(UTC),
        request=request_id(),
    )
    items = [
        Item(job_id=job_id, place=place, **dict(item)) for place, item in enumerate(form.items)
    ]
    parts = parts_of(request)
    books = CommandJobs(parts.engine)
    kept = await from_database(books.add, job, items)
    if kept.digest != job.digest:
        sentence = "Another job was sent under this key before; give each its own."
        raise Problem(422, Code.COMMAND_ID_REUSED, sentence)
    progress = await from_database(books.progress, job_id)
    if progress.done < progress.items:
        await start_job(parts.client, job_id, len(items), parts.settings.task_queue)
    return told(_described(kept, progress), 202, {"Location": f"/v1/command-jobs/{job_id}"})


def _owner(person: Person) -> str:
    return f"{person.role} {person.id}"


def _described(job: Job, progress: Progress) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": "done" if progress.done == progress.items else "running",
        "begun_at": job.at,
        "items": progress.items,
        "done": progress.done,
        "refused": progress.refused,
    }


async def _mine(parts: Parts, person: Person, job_id: str) -> Job:
    job = await from_database(CommandJobs(parts.engine).find, job_id)
    if job is None or job.owner != _owner(person):
        raise Problem(404, "job-unknown", "There is no such job of yours.")
    return job


@router.get(
    "/{job_id}",
    summary="How far a job has come",
    responses=answers("Job", 404, what="`done` of its `items` have a result."),
)
async def look_at_job(request: Request, person: Asking, job_id: JobId) -> Response:
    """Your own alone."""
    parts = parts_of(request)
    job = await _mine(parts, person, job_id)
    return told(_described(job, await from_database(CommandJobs(parts.engine).progress, job_id)))


@router.get(
    "/{job_id}/items",
    summary="What became of each command",
    responses=answers("JobItemPage", 404, what="In their order."),
)
async def items_of_job(
    request: Request, person: Asking, job_id: JobId, after: After = None, limit: Limit = 50
) -> Response:
    """`status` is what the command would have been answered alone; null while it waits."""
    parts = parts_of(request)
    await _mine(parts, person, job_id)
    begun = place_of(after, Place)
    first = begun.place if begun else 0
    books = CommandJobs(parts.engine)
    found = await from_database(books.items, job_id, first, first + limit + 1)
    following = cursor(Place(place=first + limit)) if len(found) > limit else None
    return told({"items": [_told(item) for item in found[:limit]], "next": following})


def _told(item: Item) -> dict[str, Any]:
    return {
        "place": item.place,
        "case_id": item.case_id,
        "command_id": f"{item.job_id}:{item.place}",
        "status": item.status,
        "receipt": Receipt.model_validate(item.receipt) if item.receipt else None,
        "problem": item.problem,
    }
