"""Does the workflow of an endpoint go on, rest and end as its passes say, and replay later?

Passes are said by the test; tests/test_webhooks.py has real ones. `RECORD=1` keeps a history anew.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from activities.webhooks import After, Passed
from config import HERE, data_converter
from domain.webhooks import EndpointId
from gate import workflow_runner
from tests.record_histories import without_machine
from workflows.webhooks import endpoint
from workflows.webhooks.endpoint import WebhookEndpoint, attend

STORED = HERE / "tests" / "histories" / "webhooks" / "endpoint.json"


@asynccontextmanager
async def running(
    server: WorkflowEnvironment, name: str, *passes: After
) -> AsyncIterator[tuple[WorkflowHandle[WebhookEndpoint, None], asyncio.Event]]:
    """An endpoint's workflow, whose passes end so; and what is set while it rests."""
    left, rests = [*passes], asyncio.Event()

    @activity.defn(name="deliver_webhooks")
    async def deliver(to: EndpointId) -> Passed:
        assert to.endpoint_id == name
        after = left.pop(0)
        if after is After.PAUSED:
            rests.set()
        return Passed(after=after)

    async with Worker(
        server.client,
        task_queue=name,
        workflows=[WebhookEndpoint],
        activities=[deliver],
        workflow_runner=workflow_runner(),
    ):
        await attend(server.client, name, name)
        handle = server.client.get_workflow_handle(f"webhooks:{name}")
        yield handle, rests
        assert not left


async def replay(history: WorkflowHistory) -> None:
    """Replay a history."""
    replayer = Replayer(
        workflows=[WebhookEndpoint],
        data_converter=data_converter(),
        workflow_runner=workflow_runner(),
    )
    await asyncio.wait_for(replayer.replay_workflow(history), timeout=30)


async def test_it_rests_while_its_endpoint_is_paused_and_ends_when_that_is_gone(
    server: WorkflowEnvironment,
) -> None:
    passes = (After.GOES_ON, After.PAUSED, After.GOES_ON, After.GONE)
    async with running(server, "we_rests", *passes) as (handle, rests):
        await rests.wait()
        await asyncio.sleep(0.2)
        await attend(server.client, "we_rests", "we_rests")
        await asyncio.wait_for(handle.result(), timeout=10)
        history = await handle.fetch_history()
    await replay(history)
    if os.environ.get("RECORD"):
        STORED.parent.mkdir(exist_ok=True)
        kept = {"workflow_id": history.workflow_id, **without_machine(history.to_json_dict())}
        STORED.write_text(json.dumps(kept, separators=(",", ":"), ensure_ascii=False))


async def test_it_begins_a_new_history_before_the_old_one_is_long(
    server: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "PASSES", 3)
    passes = (After.GOES_ON,) * 7 + (After.GONE,)
    async with running(server, "we_long", *passes) as (handle, _):
        await asyncio.wait_for(handle.result(), timeout=10)  # of the last run
        assert len((await handle.fetch_history()).events) < 30


async def test_an_endpoint_of_before_goes_on() -> None:
    kept = json.loads(STORED.read_text())
    await replay(WorkflowHistory.from_json(kept.pop("workflow_id"), kept))
