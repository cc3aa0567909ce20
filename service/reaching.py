"""Asking Temporal: a bound on every wait, and one sentence for whatever goes wrong."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic_core import to_json
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Value
from domain.excerpts import Page, PageAsked
from domain.orders import shortened
from domain.refusals import Code
from domain.view import CaseView, Closed, WholeCase
from service.failures import InputError, RefusedError, SilentError
from workflows.kernel.case import Case

PATIENCE = 15.0
"""Seconds that a worker or server has to answer."""

LONGEST_ID = 1000
"""Characters of a workflow's id on any server."""

ORDER_ID = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)

UNREADABLE = (ValueError, TypeError, KeyError)
"""What Temporal's client raises where an answer is not of the form that was asked for."""

PAUSES = (0.05, 0.2, 0.5, 1.0, 1.0, 2.0, 3.0, 4.0)
"""Seconds between looks at a case that cannot be read just now."""

T = TypeVar("T")
V = TypeVar("V", CaseView, WholeCase)

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


async def look(client: Client, case_id: str) -> CaseView:
    """The case as it is now."""
    return await _query(client, case_id, Case.view)


async def look_at_all(client: Client, case_id: str) -> CaseView:
    """The case as it is now with all that happened in it; its messages are in the archive."""
    return await _completed(client, case_id, await look(client, case_id))


async def look_through(client: Client, case_id: str) -> WholeCase:
    """The whole case, with what is over; its messages are in the archive."""
    whole = await _completed(client, case_id, await _query(client, case_id, Case.export))
    view = await _completed(client, case_id, whole.view)
    return whole.model_copy(update={"view": view})


async def _completed(client: Client, case_id: str, held: V) -> V:
    """The same, with the rest of every list that grows with a case but its messages."""
    for name, number in held.in_all.items():
        if name == "messages":
            continue
        kind: TypeAdapter[Any] = TypeAdapter(type(held).model_fields[name].rebuild_annotation())
        entries: tuple[Any, ...] = getattr(held, name)
        first = number - len(entries)
        while first > 0:
            asked = PageAsked(of=name, before=first)
            page: Page = await _query(client, case_id, Case.page, asked)
            if page.first >= first:
                raise SilentError("The case has changed while it was read; read it again.")
            entries = (*kind.validate_json(to_json(page.entries)), *entries)
            first = page.first
        in_all = {other: n for other, n in held.in_all.items() if other != name}
        held = held.model_copy(update={name: entries, "in_all": in_all})
    return held


async def _query(client: Client, case_id: str, asked: Callable[..., T], *about: Value) -> T:
    handle = case(client, case_id)
    for pause in (*PAUSES, None):
        try:
            return await answer(handle.query(asked, args=about), case_id)
        except WorkflowQueryFailedError as error:
            if "not found" in error.message:  # a workflow that knows no such query is no case
                break
            if pause is None:
                raise SilentError(f"The case cannot be read now: {error.message}.") from None
            # One that comes while the case ends, or between two steps of it, gets no answer;
            # the next one does, at the latest when the step of a dead worker is given to another.
            await asyncio.sleep(pause)
    raise _unknown(case_id)


def case(client: Client, case_id: str) -> CaseHandle:
    """The case of this id, whether or not there is one; RefusedError for what can be no id."""
    if not case_id.strip() or len(case_id) > LONGEST_ID:
        raise _unknown(case_id)
    return client.get_workflow_handle(case_id, result_type=Closed)


def _explained(error: RPCError, case_id: str, silent: str) -> Exception:
    match error.status:
        case RPCStatusCode.NOT_FOUND if came_too_late(error):
            return closed()
        case RPCStatusCode.NOT_FOUND if error.message.startswith("Namespace"):
            return InputError(
                "The server does not know this namespace; set TEMPORAL_NAMESPACE rightly."
            )
        case RPCStatusCode.NOT_FOUND if case_id:
            return _unknown(case_id)
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


def _unknown(case_id: str) -> RefusedError:
    sentence = f"There is no case {shortened(case_id, 100)!r}; `starter.py list` has all."
    if ORDER_ID.fullmatch(case_id):
        sentence += f" If that is an order: `starter.py preview --order {case_id}`."
    return RefusedError("case-unknown", sentence)
