"""How a case stands, for whoever sends something into it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.common import SearchAttributeKey

from domain.notices import Ending
from domain.parties import Party
from domain.refusals import Refusal
from domain.stages import Stage
from domain.view import CaseView, Closed
from service.database import from_database
from service.reaching import answer, case, described
from store.standings import Standings
from workflows.kernel import attributes

PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between looks for what came of something that was just sent."""


@dataclass(frozen=True)
class Standing:
    """What is known of a case from outside.

    `working`: its timeline is at work, so that the stage may be one that is just being left.
    `ending` and `refusal` of a case that is over; `due` only while somebody's clock runs.
    `recorded`: the store has it.
    """

    case_id: str
    stage: Stage
    awaited: Party | None
    due: datetime | None
    buyer_id: str | None
    seller_id: str | None
    working: bool
    over: bool
    ending: Ending | None = None
    refusal: Refusal | None = None
    recorded: bool = True


async def standing(client: Client, engine: Engine, case_id: str) -> Standing:
    """How a case stands; RefusedError for one that is not there, SilentError if nobody can say."""
    view = await from_database(Standings(engine).brief, case_id)
    if view is None or view.ending is Ending.NOT_OPENED:  # it may just be opened anew
        return await _described(client, case_id)
    return _recorded(view)


async def settled(client: Client, engine: Engine, case_id: str, *, over: bool = False) -> Standing:
    """The same, once the case is no more at work on what was just sent, or has not been for three
    seconds. `over`: once it has ended, for what was sent ends it.
    """
    for pause in PAUSES:
        await asyncio.sleep(pause)
        found = await standing(client, engine, case_id)
        asks_server = found.awaited is Party.PLATFORM and found.due is None
        if found.over or not (over or found.working or asks_server):
            break
    return found


def _recorded(view: CaseView) -> Standing:
    over = view.stage is Stage.CLOSED
    return Standing(
        case_id=view.id,
        stage=view.stage,
        awaited=view.awaited,
        due=view.due,
        buyer_id=view.buyer_id or None,
        seller_id=view.seller_id or None,
        working=view.working,
        over=over,
        ending=view.ending,
        refusal=view.refusal,
    )


async def _described(client: Client, case_id: str) -> Standing:
    """As Temporal's server knows a case of which nothing is recorded: it has just been opened, or
    records nothing.
    """
    found = await described(client, case_id)
    over = found.status is not WorkflowExecutionStatus.RUNNING
    closed = await _closed(client, case_id) if over else None

    def published(key: SearchAttributeKey[Any]) -> Any:
        return found.typed_search_attributes.get(key)

    awaited = published(attributes.AWAITED)
    return Standing(
        case_id=case_id,
        stage=Stage.CLOSED if over else Stage(published(attributes.STAGE) or Stage.OPENING),
        awaited=Party(awaited) if awaited and not over else None,
        due=None if over else published(attributes.DUE),
        buyer_id=published(attributes.BUYER),
        seller_id=published(attributes.SELLER),
        working=not over and _works(found),
        over=over,
        ending=closed.ending if closed else None,
        refusal=closed.refusal if closed else None,
        recorded=False,
    )


async def _closed(client: Client, case_id: str) -> Closed | None:
    """How it ended; None if ops ended it by force."""
    try:
        return await answer(case(client, case_id).result(follow_runs=False), case_id)
    except WorkflowFailureError:
        return None


def _works(found: WorkflowExecutionDescription) -> bool:
    return found.raw_description.HasField("pending_workflow_task")
