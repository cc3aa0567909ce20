"""How a case stands, as Temporal's server knows it: without a look into the case itself.

Whatever also sends a command asks here. A query would make a worker load the case, or wait for one
that is gone; what a case publishes when it comes to rest is there at once, and costs it nothing.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.common import SearchAttributeKey

from domain.kinds import Kind
from domain.notices import Ending
from domain.parties import Party
from domain.refusals import Refusal
from domain.stages import Stage
from domain.view import Closed
from service.failures import RefusedError
from service.reaching import answer, case
from workflows.kernel import attributes

BESIDE_THE_TIMELINE = ("send", "archive", "report_breach")
"""Activities that a case does not wait for."""

PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between looks for what came of something that was just sent."""


@dataclass(frozen=True)
class Standing:
    """What is known of a case from outside.

    `working`: its timeline is at work, so that the stage may be one that is just being left.
    `ending` and `refusal` of a case that is over; `due` only while somebody's clock runs.
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


async def standing(client: Client, case_id: str) -> Standing:
    """How a case stands; RefusedError for one that is not there, SilentError without a server."""
    described = await answer(case(client, case_id).describe(), case_id)
    over = described.status is not WorkflowExecutionStatus.RUNNING
    closed = await _closed(client, case_id) if over else None

    def published(key: SearchAttributeKey[Any]) -> Any:
        return described.typed_search_attributes.get(key)

    awaited = published(attributes.AWAITED)
    return Standing(
        case_id=case_id,
        stage=Stage.CLOSED if over else Stage(published(attributes.STAGE) or Stage.OPENING),
        awaited=Party(awaited) if awaited and not over else None,
        due=None if over else published(attributes.DUE),
        buyer_id=published(attributes.BUYER),
        seller_id=published(attributes.SELLER),
        working=not over and _works(described),
        over=over,
        ending=closed.ending if closed else None,
        refusal=closed.refusal if closed else None,
    )


async def settled(client: Client, case_id: str, *, over: bool = False) -> Standing:
    """The same, once the case is no more at work on what was just sent, or has not been for three
    seconds. `over`: once it has ended, for what was sent ends it.
    """
    before: Standing | None = None
    for pause in PAUSES:
        await asyncio.sleep(pause)
        found = await standing(client, case_id)
        if not found.over and found != before:  # it can be between two steps: seen twice, it rests
            before = found
            continue
        asks_server = found.awaited is Party.PLATFORM and found.due is None
        if found.over or not (over or found.working or asks_server):
            break
    return found


async def return_of(client: Client, case_id: str) -> str | None:
    """The last return that was opened for a case: they are numbered from 1."""
    kind, country, rest = case_id.split(":", 2)
    found = None
    for number in range(1, 1000):
        return_id = f"{Kind.RETURN}:{country}:{kind}-{rest.replace(':', '-')}:{number}"
        try:
            await answer(case(client, return_id).describe(), return_id)
        except RefusedError:
            break
        found = return_id
    return found


async def _closed(client: Client, case_id: str) -> Closed | None:
    """How it ended; None if ops ended it by force."""
    try:
        return await answer(case(client, case_id).result(follow_runs=False), case_id)
    except WorkflowFailureError:
        return None


def _works(described: WorkflowExecutionDescription) -> bool:
    raw = described.raw_description
    asked = {activity.activity_type.name for activity in raw.pending_activities}
    return raw.HasField("pending_workflow_task") or bool(asked - {*BESIDE_THE_TIMELINE})
