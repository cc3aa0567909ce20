"""Reading all that is known of a case, for its document: the database, and the case's workflow as
long as Temporal keeps it.
"""

from contextlib import suppress

from sqlalchemy import Engine
from temporalio.client import Client

from domain.view import CaseView, RefundingView, WholeCase
from service.database import from_database
from service.export_document import Known
from service.failures import RefusedError
from service.reaching import look, look_through
from store.exporting import read_filed


async def read_case(client: Client, engine: Engine, case_id: str) -> Known:
    """All that is known of a case; RefusedError if neither database nor Temporal knows it."""
    filed = await from_database(read_filed, engine, case_id)
    try:
        whole = await look_through(client, case_id)
    except RefusedError:
        if filed is None:
            raise
        return Known(filed, None)
    return Known(filed, whole, await _returns(client, whole))


async def _returns(client: Client, whole: WholeCase) -> tuple[CaseView, ...]:
    """The returns of the case's goods that Temporal still has."""
    found = []
    returns = whole.view.returns if isinstance(whole.view, RefundingView) else ()
    for case_id in returns:
        with suppress(RefusedError):
            found.append(await look(client, case_id))
    return tuple(found)
