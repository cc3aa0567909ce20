"""Mending a case that cannot be replayed: it goes back to the step before, and on.

A history is poisoned when a worker once acted otherwise than the code would act now: by a defect
of the SDK (docs/upstream/), or a change of a process that was not guarded. Such a case is stuck:
its workflow task fails whenever it is tried. Everything that people and machines have sent since
then is in the history, and Temporal applies it again after the reset.
"""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import Engine
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from config import data_converter
from domain.base import Value
from domain.refusals import Code
from gate import workflow_runner
from service.failures import RefusedError
from service.reaching import answer, case
from service.standing import standing
from workflows.processes import PROCESSES

PATIENCE = 60.0
"""Seconds for a long history to be fetched."""


class Mended(Value):
    """What came of mending a case.

    `event`: the workflow task to which the case went back, of so many `events`; None if it could be
    replayed and nothing was done. `why`: what could not be replayed; `run_id`: of the new run.
    """

    case_id: str
    events: int
    event: int | None = None
    why: str = ""
    run_id: str = ""


async def mend(
    client: Client, engine: Engine, case_id: str, reason: str, *, only_look: bool
) -> Mended:
    """Find the first step of an open case that cannot be replayed, and reset the case to it."""
    if (await standing(client, engine, case_id)).over:
        raise RefusedError(Code.CASE_CLOSED, "The case is closed; there is nothing to mend.")
    handle = case(client, case_id)
    history = await answer(handle.fetch_history(), case_id, patience=PATIENCE)
    events = len(history.events)
    why = await _trouble(history)
    if not why:
        return Mended(case_id=case_id, events=events)
    event = await _poisoned_at(history)
    if only_look:
        return Mended(case_id=case_id, events=events, event=event, why=why)
    asked = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=case_id),
        reason=reason,
        workflow_task_finish_event_id=event,
        request_id=str(uuid4()),
    )
    reset = await answer(client.workflow_service.reset_workflow_execution(asked), case_id)
    return Mended(case_id=case_id, events=events, event=event, why=why, run_id=reset.run_id)


async def _poisoned_at(history: WorkflowHistory) -> int:
    """The end of the first workflow task after which the history cannot be replayed any more."""
    events = list(history.events)
    completed = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ends = [event.event_id for event in events if event.event_type == completed]
    good, bad = 0, len(ends)  # before the first task there is nothing to replay
    while bad - good > 1:
        middle = (good + bad) // 2
        if await _trouble(_until(history, events, ends[middle] - 1)):
            bad = middle
        else:
            good = middle
    return ends[good]


def _until(history: WorkflowHistory, events: Sequence[HistoryEvent], last: int) -> WorkflowHistory:
    return WorkflowHistory(history.workflow_id, [e for e in events if e.event_id <= last])


async def _trouble(history: WorkflowHistory) -> str:
    """Why a history cannot be replayed, without a word of what it holds; empty if it can."""
    replayer = Replayer(
        workflows=[*PROCESSES.values()],
        data_converter=data_converter(),
        workflow_runner=workflow_runner(),
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if result.replay_failure is None:
        return ""
    return type(result.replay_failure).__name__
