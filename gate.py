"""What stands between Temporal and a case: its sandbox, and a gate.

The gate lets a case see only what it can take. What somebody starts, signals or sends by hand can
be anything; what cannot be read ends as a case that was not opened, a line of the timeline, or a
rejected update, and never stops a case. And a look at a case leaves no trace in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import (
    DoUpdate,
    InitializeWorkflow,
    SignalWorkflow,
    WorkflowActivation,
    WorkflowActivationJob,
)
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from domain.misfits import in_codes
from domain.notices import Ending
from domain.ports import Misfit
from domain.refusals import Code, Refusal
from domain.view import Closed

BETWEEN_STEPS = "The case is between two steps; look again in a moment."
"""What a look is told that came too early."""

ASKED_FOR = ("initialize_workflow", "do_update", "query_workflow", "remove_from_cache")
"""What reaches a case without an event of the world."""

BY_ITSELF = ("notify_has_patch", "update_random_seed")
"""What Temporal adds to an activation on its own account."""

OURS = b"json/plain"
"""The encoding of whatever our own clients send."""

ALONE = "legacy_query"
"""How the SDK names a query that comes in no workflow task; others come with one that is due."""

SAME_MOMENT = 1.0
"""Seconds between what a query makes a case do and the query itself, on a busy machine."""

MISFIT = "misfit"
"""The signal by which a case is told of one that it cannot take."""


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox, with our own packages passed through: they are loaded once, not per case.

    What is passed through keeps no state of its own; tests/test_architecture.py watches that
    nothing there reads the clock, chance or the disk.
    """
    return GatedRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            "domain", "activities", "workflows"
        )
    )


@dataclass(frozen=True)
class GatedRunner(SandboxedWorkflowRunner):
    """Runs each case in the sandbox, behind a gate."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """A case in its sandbox, behind its gate."""
        instance = super().create_instance(det)
        instance.activate = Gate(instance, det).activate  # type: ignore[method-assign]
        return instance


class Gate:
    """The gate of one case.

    **Looks that come too early.** When the worker of a case is frozen or dead, a query goes to
    another worker with the history as it stands. If its last event (a timer fired, an activity
    ended, a signal came) has had no workflow task yet, or one that the other worker began and will
    not end, the SDK applies it at once, at the time of the task *before* or of the one begun: what
    the case then decides by the clock, a replay decides otherwise, and the case is dead at the next
    restart (docs/upstream/). Such a query is answered with a failure, for with that the SDK forgets
    the case, and applies the event again when its task has come. What tells them: events come with
    the time of the task before; or a case that was only replayed so far does something new, and is
    looked at in the same moment. A look that was in time, and fails, is answered when it is tried
    again.

    **Time stands still while a local activity runs.** The SDK shows a case the time at which one
    ended; if its workflow task had to be answered meanwhile, because somebody looked, a replay
    shows another. A case sees the time of the last task that brought news instead.
    """

    def __init__(self, instance: WorkflowInstance, case: WorkflowInstanceDetails) -> None:
        self._activate = instance.activate
        self._case = case
        self._converter = case.payload_converter_factory()
        self._at = -1
        self._time = Timestamp()
        self._too_early = False
        self._replayed = True
        self._caught_up = 0.0
        self._not_opened = ""

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Let the case take what it can of an activation."""
        if any(job.HasField("query_workflow") for job in act.jobs):
            if self._not_opened or self._looks_too_early(act):
                return failed(self._not_opened or BETWEEN_STEPS)
            return self._activate(act)
        at = act.timestamp.ToNanoseconds()
        if at != self._at:  # each workflow task has a time of its own
            self._at, self._too_early = at, False
        elif not act.is_replaying and any(map(of_the_world, act.jobs)):
            self._too_early = True
        answer = self._take(act)
        if not act.is_replaying and (self._replayed or all(map(local, act.jobs))):
            self._caught_up = monotonic()
        elif not act.is_replaying:
            self._caught_up = 0.0  # a second new task: the first was ended
        self._replayed = act.is_replaying
        return answer

    def _looks_too_early(self, act: WorkflowActivation) -> bool:
        """Whether a query, alone in a task of its own, has made the case do what is not yet due."""
        alone = any(job.query_workflow.query_id == ALONE for job in act.jobs)
        return alone and (self._too_early or monotonic() - self._caught_up < SAME_MOMENT)

    def _take(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Let the case take what it can of what is new."""
        if any(not local(job) for job in act.jobs):
            self._time.CopyFrom(act.timestamp)
        else:
            act.timestamp.CopyFrom(self._time)
        rejections = []
        for job in list(act.jobs):
            match job.WhichOneof("variant"):
                case "initialize_workflow" if why := self._unreadable_opening(
                    job.initialize_workflow
                ):
                    return self._not_to_open(why)
                case "signal_workflow":
                    self._fit(job.signal_workflow)
                case "do_update" if rejection := self._rejection(job.do_update):
                    rejections.append(rejection)
                    act.jobs.remove(job)
        if rejections and not act.jobs:
            answer = WorkflowActivationCompletion()
            answer.successful.SetInParent()
        else:
            answer = self._activate(act)
        if answer.HasField("successful"):
            answer.successful.commands.extend(rejections)
        return answer

    def _unreadable_opening(self, start: InitializeWorkflow) -> str:
        """What is wrong with the value that the case was started with; empty if nothing is."""
        return self._misfit(start.arguments, self._case.defn.arg_types)

    def _not_to_open(self, why: str) -> WorkflowActivationCompletion:
        """The case ends at once; its id is free for a better opening."""
        self._not_opened = f"This case was not opened: it was started with what {why}."
        refusal = Refusal(
            code=Code.UNREADABLE,
            sentence=f"What this case was started with {why}; start it again with an opening.",
        )
        closed = Closed(
            case_id=self._case.info.workflow_id, ending=Ending.NOT_OPENED, refusal=refusal
        )
        answer = WorkflowActivationCompletion()
        end = answer.successful.commands.add().complete_workflow_execution
        end.result.CopyFrom(self._converter.to_payload(closed))
        return answer

    def _fit(self, signal: SignalWorkflow) -> None:
        """Turn a signal that the case cannot take into one that says so."""
        known = self._case.defn.signals.get(signal.signal_name)
        why = self._misfit(signal.input, known.arg_types) if known else "is not known"
        if why:
            told = Misfit(signal=signal.signal_name[:60], why=why[:120])
            signal.signal_name = MISFIT
            del signal.input[:]
            signal.input.append(self._converter.to_payload(told))

    def _rejection(self, update: DoUpdate) -> WorkflowCommand | None:
        """The rejection of an update that cannot be read; one that was accepted before is not."""
        if not update.run_validator:
            return None
        known = self._case.defn.updates.get(update.name)
        why = self._misfit(update.input, known.arg_types) if known else "is not known"
        if not why:
            return None
        rejection = WorkflowCommand()
        rejection.update_response.protocol_instance_id = update.protocol_instance_id
        failure = rejection.update_response.rejected
        failure.message = f"What was sent {why}; cases take {' and '.join(self._updates())}."
        failure.application_failure_info.type = Code.UNREADABLE
        failure.application_failure_info.non_retryable = True
        return rejection

    def _updates(self) -> list[str]:
        return [name for name in self._case.defn.updates if name]

    def _misfit(self, given: Sequence[Payload], wanted: Sequence[type] | None) -> str:
        """Why these are not the one value that is wanted; empty if they are. Never repeats it."""
        if len(given) != 1:
            return f"must be one value, not {len(given) or 'nothing'}"
        if given[0].metadata.get("encoding") != OURS:  # others are not held against a model
            return "is no JSON of ours"
        [model] = wanted or [Any]
        try:
            self._converter.from_payload(given[0], model)
        except ValidationError as error:
            return in_codes(error)
        except Exception:  # whatever hostile bytes do to a converter
            return "is no JSON of ours"
        return ""


def of_the_world(job: WorkflowActivationJob) -> bool:
    """Whether it tells the case of an event that a workflow task is due for."""
    return not local(job) and job.WhichOneof("variant") not in ASKED_FOR + BY_ITSELF


def local(job: WorkflowActivationJob) -> bool:
    """Whether it tells the case that a local activity has ended."""
    return job.HasField("resolve_activity") and job.resolve_activity.is_local


def failed(why: str) -> WorkflowActivationCompletion:
    """The answer to a look that cannot be answered."""
    answer = WorkflowActivationCompletion()
    answer.failed.failure.message = why
    return answer
