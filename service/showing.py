"""Reading a case together with the cases that tell the rest of it."""

from typing import NamedTuple

from sqlalchemy import Engine
from temporalio.client import Client

from domain.view import CaseView, DisputeView, RefundingView
from service.failures import RefusedError, SilentError
from service.looking import look_through


class Shown(NamedTuple):
    """A case, the inquiry that it grew out of, and the return that brings its goods back, each with
    its messages.

    The others are None where there is none, or nothing is recorded of it.
    """

    view: CaseView
    preceding: CaseView | None = None
    goods: CaseView | None = None


async def read_case(client: Client, engine: Engine, case_id: str) -> Shown:
    """The case, and those beside it."""

    async def beside(other: str | None) -> CaseView | None:
        try:
            return (await look_through(client, engine, other)).view if other else None
        except (RefusedError, SilentError):
            return None

    view = (await look_through(client, engine, case_id)).view
    returns = view.returns if isinstance(view, RefundingView) else ()
    return Shown(
        view,
        await beside(view.preceding if isinstance(view, DisputeView) else None),
        await beside(returns[-1] if returns else None),
    )
