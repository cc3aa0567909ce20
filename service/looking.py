"""Looking at cases: as the records of their steps have them. No case is asked itself."""

from typing import NoReturn

from sqlalchemy import Engine
from temporalio.client import Client, WorkflowExecutionStatus

from domain.view import WholeCase
from service.database import from_database
from service.failures import RefusedError, SilentError
from service.reaching import answer, case, described
from store.standings import Standings


async def look_through(client: Client, engine: Engine, case_id: str) -> WholeCase:
    """The whole case, with what is over and all that was said.

    RefusedError if there is none of this id, SilentError while nothing is recorded of it.
    """
    found = await from_database(Standings(engine).whole, case_id)
    return found or await _unrecorded(client, case_id)


async def _unrecorded(client: Client, case_id: str) -> NoReturn:
    """Why the store has nothing of a case."""
    if (await described(client, case_id)).status is WorkflowExecutionStatus.COMPLETED:
        ended = await answer(case(client, case_id).result(follow_runs=False), case_id)
        if refusal := ended.refusal:
            raise RefusedError(refusal.code, f"It was not opened: {refusal.sentence}")
    raise SilentError(
        f"Nothing is recorded of {case_id} yet. If it was just opened, a worker has to take it "
        f"first: start one with `python worker.py`. Otherwise: `starter.py rebuild {case_id}`."
    )
