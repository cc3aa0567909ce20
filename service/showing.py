"""Reading a case together with the cases that tell the rest of it."""

from typing import NamedTuple

from temporalio.client import Client

from domain.view import CaseView, DisputeView, RefundingView
from service.failures import RefusedError
from service.reaching import look, look_at_all


class Shown(NamedTuple):
    """A case, the inquiry that it grew out of, and the return that brings its goods back.

    The others are None where there is none, or the server no longer has it.
    """

    view: CaseView
    preceding: CaseView | None = None
    goods: CaseView | None = None

    @property
    def lacks_messages(self) -> bool:
        """Whether there are messages that only the archive has (`service/messages.py`)."""
        return any("messages" in one.in_all for one in (self.view, self.preceding) if one)


async def read_case(client: Client, case_id: str) -> Shown:
    """The case, and those beside it."""
    view = await look_at_all(client, case_id)
    returns = view.returns if isinstance(view, RefundingView) else ()
    return Shown(
        view,
        await _beside(client, view.preceding if isinstance(view, DisputeView) else None),
        await _beside(client, returns[-1] if returns else None),
    )


async def _beside(client: Client, case_id: str | None) -> CaseView | None:
    try:
        return await look(client, case_id) if case_id else None
    except RefusedError:
        return None
