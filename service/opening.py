"""Opening cases: once each, whoever asks how often."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import Engine
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.notices import Ending
from domain.openings import Opening
from domain.parties import Party
from domain.stages import Stage
from domain.view import CaseView, Closed
from service.failures import RefusedError, SilentError
from service.looking import look_through
from service.reaching import CaseHandle, answer, case
from service.standing import Standing, standing
from workflows.kernel import attributes

AT_ONCE = 10
"""How many cases of a list are opened side by side."""

REGISTERING = 10.0
"""Seconds that a case is given to be registered before one stops watching."""


async def open_case(client: Client, opening: Opening, task_queue: str) -> CaseHandle:
    """Open a case. Opening it again, even when it is closed, answers the same case.

    Only a case that could not be opened is opened anew: what was wrong may have been mended.
    """
    return (await open_or_find(client, opening, task_queue)).case


class Found(NamedTuple):
    """A case, and what it was opened with if it was there before."""

    case: CaseHandle
    before: Opening | None = None


async def open_or_find(client: Client, opening: Opening, task_queue: str) -> Found:
    """Like `open_case`; and tells whether that, or another opening, was there before."""
    try:
        return Found(await _start(client, opening, task_queue))
    except WorkflowAlreadyStartedError:
        before = case(client, opening.case_id)
    described = await before.describe()
    if described.close_time and await _ending(before) is Ending.NOT_OPENED:
        return Found(await _start(client, opening, task_queue, anew=True))
    return Found(before, await _opened_with(client, before, type(opening)))


def differing(one: Opening, other: Opening) -> str:
    """The fields in which two openings of a case differ; empty if they are the same."""
    before, now = dict(one), dict(other)
    return ", ".join(name for name in now if now[name] != before.get(name))


async def registered(client: Client, engine: Engine, case_id: str) -> Standing | None:
    """The case once it is registered or refused; None if that takes longer than REGISTERING."""
    try:
        async with asyncio.timeout(REGISTERING):
            while _is_to_say(found := await standing(client, engine, case_id)):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.1)
    except (TimeoutError, SilentError):
        return None
    if found.refusal:
        raise RefusedError(found.refusal.code, found.refusal.sentence)
    return found


def _is_to_say(found: Standing) -> bool:
    """Whether a case has yet to say that it is registered, or why it was not."""
    return found.stage is Stage.OPENING or not (found.recorded or found.over)


class Opened(NamedTuple):
    """A case once it is registered, None if it is not yet; `before`: with what it was open."""

    view: CaseView | None
    before: Opening | None


async def open_and_look(
    client: Client, engine: Engine, opening: Opening, task_queue: str
) -> Opened:
    """Open a case, and look at it once it is registered; RefusedError if it could not be opened."""
    found = await answer(open_or_find(client, opening, task_queue), opening.case_id)
    there = await registered(client, engine, opening.case_id)
    view = (await look_through(client, engine, opening.case_id)).view if there else None
    return Opened(view, found.before)


async def open_all(
    client: Client, engine: Engine, openings: Sequence[Opening], task_queue: str
) -> list[Opened | RefusedError]:
    """Open each case once, AT_ONCE side by side; in their order, what became of each."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(opening: Opening) -> Opened | RefusedError:
        async with turns:
            try:
                return await open_and_look(client, engine, opening, task_queue)
            except RefusedError as error:
                return error

    return await asyncio.gather(*(one(opening) for opening in openings))


async def _start(
    client: Client, opening: Opening, task_queue: str, *, anew: bool = False
) -> CaseHandle:
    """Start the case; raises WorkflowAlreadyStartedError unless it may be started `anew`."""
    reuse, conflict = WorkflowIDReusePolicy.REJECT_DUPLICATE, WorkflowIDConflictPolicy.FAIL
    if anew:
        reuse, conflict = (
            WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            WorkflowIDConflictPolicy.USE_EXISTING,
        )
    facts: list[SearchAttributePair[Any]] = [
        SearchAttributePair(attributes.KIND, opening.kind.value),
        SearchAttributePair(attributes.COUNTRY, opening.country),
        SearchAttributePair(attributes.STAGE, Stage.OPENING.value),
        SearchAttributePair(attributes.AWAITED, Party.PLATFORM.value),
        SearchAttributePair(attributes.BREACHED, False),
    ]
    by = {Party.BUYER: attributes.BUYER, Party.SELLER: attributes.SELLER}
    if key := by.get(opening.opened_by.party):
        facts.append(SearchAttributePair(key, opening.opened_by.id))
    return await client.start_workflow(
        opening.kind.process,
        opening,
        id=opening.case_id,
        task_queue=task_queue,
        result_type=Closed,
        id_reuse_policy=reuse,
        id_conflict_policy=conflict,
        search_attributes=TypedSearchAttributes(facts),
        static_summary=f"{opening.kind} · order {opening.order_id}",
    )


async def _opened_with(client: Client, there: CaseHandle, kind: type[Opening]) -> Opening:
    """What a case was opened with: its history begins with it."""
    first = await anext(there.fetch_history_events(page_size=1))
    given = first.workflow_execution_started_event_attributes.input.payloads
    (opening,) = await client.data_converter.decode(given, [kind])
    return cast(Opening, opening)


async def _ending(closed: CaseHandle) -> Ending | None:
    """How a closed case ended; None if ops ended it by force."""
    try:
        return (await closed.result(follow_runs=False)).ending
    except WorkflowFailureError:
        return None
