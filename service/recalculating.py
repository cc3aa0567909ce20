"""Asking open cases to take up the rules as they are now."""

from temporalio.client import Client

from domain.view import Recalculate, Recalculated
from service.failures import RefusedError, SilentError
from service.reaching import answer, case
from workflows.kernel.case import Case


async def recalculate(
    client: Client, wanted: dict[str, Recalculate]
) -> dict[str, Recalculated | RefusedError | SilentError]:
    """Ask each case, one after the other; what went wrong with one stands in its place."""
    return {case_id: await _one(client, case_id, wish) for case_id, wish in wanted.items()}


async def _one(
    client: Client, case_id: str, wish: Recalculate
) -> Recalculated | RefusedError | SilentError:
    update = case(client, case_id).execute_update(Case.recalculate, wish, id=wish.command_id)
    try:
        return await answer(update, case_id)
    except (RefusedError, SilentError) as error:
        return error
