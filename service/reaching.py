"""Asking Temporal: a bound on every wait, and one sentence for whatever goes wrong."""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.kinds import Kind
from domain.orders import shortened
from domain.refusals import Code
from domain.view import Closed
from service.failures import InputError, RefusedError, SilentError

PATIENCE = 15.0
"""Seconds that a worker or server has to answer."""

LONGEST_ID = 1000
"""Characters of a workflow's id on any server."""

ORDER_ID = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)

UNREADABLE = (ValueError, TypeError, KeyError)
"""What Temporal's client raises where an answer is not of the form that was asked for."""

T = TypeVar("T")

CaseHandle = WorkflowHandle[Any, Closed]


async def answer(
    asked: Awaitable[T], case_id: str = "", silent: str = "", patience: float | None = None
) -> T:
    """What the server or the case answers, within `patience` seconds, or PATIENCE.

    Raises RefusedError, InputError or SilentError, each with one sentence; `silent` is added to
    the sentence that nobody answers.
    """
    try:
        async with asyncio.timeout(patience or PATIENCE):
            return await asked
    except TimeoutError:
        raise _no_worker(silent) from None
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        # Temporal's client tells its caller's own cancellation like the server's silence.
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError from None
        raise _no_worker(silent) from None
    except WorkflowUpdateFailedError as error:
        if came_too_late(error):
            raise closed() from None
        raise _refused(error.cause) from None
    except RPCError as error:
        raise _explained(error, case_id, silent) from None
    except UNREADABLE:
        if not case_id:
            raise
        raise RefusedError(
            "case-unknown",
            f"What runs under {case_id!r} answers in no form of a case; it was started by another "
            "program, or a newer release.",
        ) from None


def _refused(cause: BaseException | None) -> RefusedError:
    """What a case says of a command that it does not take."""
    if isinstance(cause, ApplicationError):
        return RefusedError(cause.type or "failed", cause.message)
    return RefusedError("failed", str(cause))


def case(client: Client, case_id: str) -> CaseHandle:
    """The case of this id, whether or not there is one; RefusedError for what can be no id."""
    if not case_id.strip() or len(case_id) > LONGEST_ID:
        raise unknown(case_id)
    return client.get_workflow_handle(case_id, result_type=Closed)


async def described(client: Client, case_id: str) -> WorkflowExecutionDescription:
    """A case as Temporal's server knows it; RefusedError for what is none."""
    found = await answer(case(client, case_id).describe(), case_id)
    if found.workflow_type not in {kind.process for kind in Kind}:
        raise unknown(case_id)
    return found


def _explained(error: RPCError, case_id: str, silent: str) -> Exception:
    match error.status:
        case RPCStatusCode.NOT_FOUND if came_too_late(error):
            return closed()
        case RPCStatusCode.NOT_FOUND if error.message.startswith("Namespace"):
            return InputError(
                "The server does not know this namespace; set TEMPORAL_NAMESPACE rightly."
            )
        case RPCStatusCode.NOT_FOUND if case_id:
            return unknown(case_id)
        case RPCStatusCode.CANCELLED | RPCStatusCode.DEADLINE_EXCEEDED:
            return _no_worker(silent)
        case RPCStatusCode.INVALID_ARGUMENT if "earch attribute" in error.message:
            return SilentError(
                "The namespace lacks Recourse's search attributes; "
                "run `starter.py register-attributes` once."
            )
        case RPCStatusCode.INVALID_ARGUMENT:
            return InputError(f"Temporal cannot use this: {error.message}.")
    return SilentError(f"Temporal does not answer as it should: {error.message}.")


TOO_LATE = re.compile("already completed|aborted by closing workflow|^update .* not found$")
"""How servers say that an update has met the end of its workflow: the last is the time-skipping
server's. None says so where there is no workflow at all."""


def came_too_late(error: RPCError | WorkflowUpdateFailedError) -> bool:
    """Whether a command came to a case that had ended, or ended before it was answered."""
    if isinstance(error, RPCError):
        return error.status is RPCStatusCode.NOT_FOUND and bool(TOO_LATE.search(error.message))
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == "AcceptedUpdateCompletedWorkflow"


def closed() -> RefusedError:
    """What a command is told that comes after the end."""
    return RefusedError(Code.CASE_CLOSED, "The case is closed; look at how it ended.")


def _no_worker(silent: str) -> SilentError:
    return SilentError(
        f"No worker answers; start one with `python worker.py`{f'. {silent}' if silent else '.'}"
    )


def unknown(case_id: str) -> RefusedError:
    """What is said of an id that no case has."""
    sentence = f"There is no case {shortened(case_id, 100)!r}; `starter.py list` has all."
    if ORDER_ID.fullmatch(case_id):
        sentence += f" If that is an order: `starter.py preview --order {case_id}`."
    return RefusedError("case-unknown", sentence)
