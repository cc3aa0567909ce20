"""Reading a case together with the inquiry that it grew out of."""

from temporalio.client import Client

from cli.failures import RefusedError
from cli.reaching import look
from domain.view import CaseView


async def read_case(client: Client, case_id: str) -> tuple[CaseView, CaseView | None]:
    """The case, and the inquiry before it if there was one and the server still has it."""
    view = await look(client, case_id)
    if view.preceding is None:
        return view, None
    try:
        return view, await look(client, view.preceding)
    except RefusedError:
        return view, None
