"""The workflow of an endpoint: one pass after the other, for as long as the endpoint is there.

A pass looks for events and sends them (activities/webhooks.py); how far it has come, and what is to
be tried again when, the store has. So no event is in a history, nor an address or a secret.
"""

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy

from activities.webhooks import PASS, After, Passed, Webhooks
from domain.webhooks import EndpointId
from workflows.kernel.options import ALIVE, ForeignPatience

PASSES = 250
"""Passes in one history, of some six events each: about a day."""

PASSING = ForeignPatience(
    start_to_close_timeout=timedelta(seconds=PASS + 60),
    heartbeat_timeout=ALIVE,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)
    ),
)
"""A worker that dies is known to be dead soon, and another one goes on; while our database is away
it is tried until it is back.
"""


LOOKS_AGAIN = timedelta(hours=1)
"""After which it is seen at the latest that an endpoint that was paused is not, or is gone."""


@workflow.defn(name="WebhookEndpoint")
class WebhookEndpoint:
    """Sends events to one endpoint."""

    def __init__(self) -> None:
        self._woken = False

    @workflow.run
    async def run(self, endpoint: EndpointId) -> None:
        """Until the endpoint is taken out."""
        for _ in range(PASSES):
            self._woken = False
            passed: Passed = await workflow.execute_activity_method(
                Webhooks.deliver, endpoint, **PASSING
            )
            if passed.after is After.GONE:
                return
            if passed.after is After.PAUSED:
                with contextlib.suppress(TimeoutError):
                    await workflow.wait_condition(lambda: self._woken, timeout=LOOKS_AGAIN)
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(endpoint)

    @workflow.signal
    def wake(self, endpoint: EndpointId) -> None:
        """It is not paused any more."""
        self._woken = True


async def attend(client: Client, endpoint_id: str, task_queue: str) -> None:
    """See to it that an endpoint's workflow runs, and looks again if its endpoint was paused."""
    endpoint = EndpointId(endpoint_id=endpoint_id)
    await client.start_workflow(
        WebhookEndpoint.run,
        endpoint,
        id=f"webhooks:{endpoint_id}",
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="wake",
        start_signal_args=[endpoint],
    )
