"""Reading all that is known of a case, for its document."""

from sqlalchemy import Engine
from temporalio.client import Client

from domain.view import CaseView, RefundingView, WholeCase
from service.database import from_database
from service.export_document import Known
from service.failures import RefusedError, SilentError
from service.looking import look_through
from store.exporting import read_filed
from store.standings import Standings


async def read_case(client: Client, engine: Engine, case_id: str) -> Known:
    """All that is known of a case; RefusedError if neither database nor Temporal knows it."""
    filed = await from_database(read_filed, engine, case_id)
    try:
        whole = await look_through(client, engine, case_id)
    except (RefusedError, SilentError):
        if filed is None:
            raise
        return Known(filed, None)
    return Known(filed, whole, await from_database(_returns, Standings(engine), whole))


def _returns(standings: Standings, whole: WholeCase) -> tuple[CaseView, ...]:
    """The returns of the case's goods."""
    returns = whole.view.returns if isinstance(whole.view, RefundingView) else ()
    return tuple(view for view in map(standings.view, returns) if view)
