"""Reading a case together with the cases that tell the rest of it."""

from contextlib import suppress
from typing import NamedTuple

from temporalio.client import Client

from domain.notices import Message
from domain.view import CaseView
from service.failures import RefusedError, SilentError
from service.reaching import look, look_at_all


class Shown(NamedTuple):
    """A case, the inquiry that it grew out of, and the return that brings its goods back.

    The others are None where there is none, or the server no longer has it.
    """

    view: CaseView
    preceding: CaseView | None = None
    goods: CaseView | None = None


async def read_case(client: Client, case_id: str) -> Shown:
    """The case, and those beside it."""
    view = with_messages(await look_at_all(client, case_id))
    preceding = await _beside(client, view.preceding)
    return Shown(
        view,
        preceding and with_messages(preceding),
        await _beside(client, view.returns[-1] if view.returns else None),
    )


def with_messages(view: CaseView) -> CaseView:
    """The case with all its messages: those that it does not hold itself, the archive has.

    If not all are found there, or the archive does not answer, `in_all` goes on saying how many
    there are.
    """
    if "messages" not in view.in_all:
        return view
    from cli.records import database  # noqa: PLC0415 - few cases need the database to be shown
    from store.archive import Archive  # noqa: PLC0415
    from store.errors import StoreError  # noqa: PLC0415

    written: dict[str, Message] = {}
    with suppress(SilentError, StoreError), database() as engine:
        written = {message.id: message for message in Archive(engine).messages(view.id)}
    written |= {message.id: message for message in view.messages}
    found = {"messages": tuple(sorted(written.values(), key=lambda message: message.at))}
    if len(written) < view.in_all["messages"]:
        return view.model_copy(update=found)
    in_all = {name: number for name, number in view.in_all.items() if name != "messages"}
    return view.model_copy(update={**found, "in_all": in_all})


async def _beside(client: Client, case_id: str | None) -> CaseView | None:
    try:
        return await look(client, case_id) if case_id else None
    except RefusedError:
        return None
