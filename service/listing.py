"""Finding cases in Temporal's visibility, by their search attributes."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.service import RPCError

from domain.base import Value
from domain.kinds import Kind
from domain.notices import Ending
from domain.refusals import Code
from domain.view import Closed
from service.failures import InputError
from service.reaching import answer
from workflows.kernel import attributes

SECONDS = 60.0
"""Seconds that a list may take."""

AT_ONCE = 20
"""How many closed cases are asked side by side how they ended."""


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; None leaves a side open."""

    kind: str | None = None
    stage: str | None = None
    country: str | None = None
    awaited: str | None = None
    seller: str | None = None
    buyer: str | None = None
    queue: str | None = None
    due_before: datetime | None = None
    breached: bool | None = None
    stuck: bool = False
    undelivered: bool | None = None
    open: bool | None = True


class Listed(Value):
    """A case as it stands in a list."""

    case_id: str
    open: bool
    kind: str | None
    country: str | None
    stage: str | None
    awaited: str | None
    due: datetime | None
    seller: str | None
    buyer: str | None
    queue: str | None
    breached: bool | None
    undelivered: bool | None
    amount_minor: int | None
    opened_at: datetime
    closed_at: datetime | None
    ending: Ending | None = None
    refusal: Code | None = None


def query(filters: Filters) -> str:
    """The list's question in the server's own language; texts cannot break out of their quotes."""
    words = {
        attributes.KIND: filters.kind,
        attributes.STAGE: filters.stage,
        attributes.COUNTRY: filters.country,
        attributes.AWAITED: filters.awaited,
        attributes.SELLER: filters.seller,
        attributes.BUYER: filters.buyer,
        attributes.QUEUE: filters.queue,
    }
    processes = ", ".join(quoted(kind.process) for kind in Kind)
    asked = [f"WorkflowType IN ({processes})"]
    asked += [f"{key.name} = {quoted(word)}" for key, word in words.items() if word is not None]
    if filters.due_before:
        asked.append(f"{attributes.DUE.name} < '{filters.due_before.astimezone(UTC).isoformat()}'")
    if filters.breached is not None:
        asked.append(f"{attributes.BREACHED.name} = {str(filters.breached).lower()}")
    if filters.stuck:
        asked.append("TemporalReportedProblems IS NOT NULL")
    if filters.undelivered is not None:
        name = attributes.UNDELIVERED.name  # never false: a case without it has no value
        asked.append(f"{name} = true" if filters.undelivered else f"{name} IS NULL")
    if filters.open is not None:
        asked.append(f"ExecutionStatus {'=' if filters.open else '!='} 'Running'")
    return " AND ".join(asked)


def quoted(text: str) -> str:
    """Text as a literal of the server's query language."""
    if not text.isprintable():
        raise InputError("A filter cannot hold line breaks or control characters.")
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


async def find(client: Client, filters: Filters, limit: int) -> list[Listed]:
    """At most `limit` cases, the one that is due first at the top."""

    async def collect() -> list[Listed]:
        found = client.list_workflows(query(filters), limit=limit)
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(execution: WorkflowExecution) -> Listed:
            async with turns:
                return await _with_ending(client, execution)

        return await asyncio.gather(*[one(execution) async for execution in found])

    never = datetime.max.replace(tzinfo=UTC)
    cases = await answer(collect(), patience=SECONDS)
    return sorted(cases, key=lambda one: (one.due or never, one.case_id))


async def count(client: Client, filters: Filters) -> int:
    """How many cases there are."""
    found = await answer(client.count_workflows(query(filters)), patience=SECONDS)
    return found.count


async def _with_ending(client: Client, found: WorkflowExecution) -> Listed:
    """A case, if it is closed with how it ended; one that ops ended by force has no ending."""
    one = _listed(found)
    if one.open:
        return one
    run = client.get_workflow_handle(found.id, run_id=found.run_id, result_type=Closed)
    try:
        closed = await run.result(follow_runs=False)
    except (WorkflowFailureError, RPCError):  # or its history is gone already
        return one
    refusal = closed.refusal.code if closed.refusal else None
    return one.model_copy(update={"ending": closed.ending, "refusal": refusal})


def _listed(found: WorkflowExecution) -> Listed:
    known = found.typed_search_attributes
    return Listed(
        case_id=found.id,
        open=found.status is WorkflowExecutionStatus.RUNNING,
        kind=known.get(attributes.KIND),
        country=known.get(attributes.COUNTRY),
        stage=known.get(attributes.STAGE),
        awaited=known.get(attributes.AWAITED),
        due=known.get(attributes.DUE),
        seller=known.get(attributes.SELLER),
        buyer=known.get(attributes.BUYER),
        queue=known.get(attributes.QUEUE),
        breached=known.get(attributes.BREACHED),
        undelivered=known.get(attributes.UNDELIVERED),
        amount_minor=known.get(attributes.AMOUNT),
        opened_at=found.start_time,
        closed_at=found.close_time,
    )
