"""Asking a case itself, by queries: for ops and tests, and to record cases that record nothing.

What people read of cases comes from the store (service/looking.py): a query costs a worker's time,
that of a closed case a replay, and one that comes at the wrong moment can poison a case (gate.py).
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic_core import to_json
from temporalio.client import Client, WorkflowQueryFailedError

from domain.base import Value
from domain.excerpts import Page, PageAsked
from domain.view import CaseView, WholeCase
from service.failures import SilentError
from service.reaching import answer, case, unknown
from workflows.kernel.case import Case

PAUSES = (0.05, 0.2, 0.5, 1.0, 1.0, 2.0, 3.0, 4.0)
"""Seconds between looks at a case that cannot be read just now."""

T = TypeVar("T")
V = TypeVar("V", CaseView, WholeCase)


async def ask(client: Client, case_id: str) -> CaseView:
    """The case as it is now; of what grows with it, the newest."""
    return await _query(client, case_id, Case.view)


async def ask_for_all(client: Client, case_id: str) -> CaseView:
    """The case as it is now with all that happened in it; its messages are in the archive."""
    return await _completed(client, case_id, await ask(client, case_id))


async def ask_for_the_whole(client: Client, case_id: str) -> WholeCase:
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
    raise unknown(case_id)
