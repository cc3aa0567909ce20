"""What was written in cases, from the archive of everything said."""

from sqlalchemy import Engine

from domain.view import CaseView
from service.database import from_database
from service.failures import InputError
from service.showing import Shown
from store.archive import LONGEST_SEARCH, Archive, Found


async def search(
    engine: Engine,
    words: str,
    seller: str | None = None,
    case_id: str | None = None,
    limit: int = 200,
) -> list[Found]:
    """The archived messages that hold every word, newest first (H1); of a case, all."""
    check_words(words, case_id)
    return await from_database(Archive(engine).search, words, seller, case_id, limit)


def check_words(words: str, case_id: str | None = None) -> None:
    """InputError for what cannot be searched for."""
    if not (words.split() or case_id) or len(words) > LONGEST_SEARCH:
        raise InputError(f"Search for at least one word and at most {LONGEST_SEARCH} characters.")


async def with_messages(engine: Engine, read: Shown) -> Shown:
    """The case with all its messages: those that it does not hold itself, the archive has.

    If not all are found there, `in_all` goes on saying how many there are.
    """
    before = read.preceding
    return read._replace(
        view=await _with_messages(engine, read.view),
        preceding=before and await _with_messages(engine, before),
    )


async def _with_messages(engine: Engine, view: CaseView) -> CaseView:
    if "messages" not in view.in_all:
        return view
    archived = await from_database(Archive(engine).messages, view.id)
    written = {message.id: message for message in (*archived, *view.messages)}
    found = {"messages": tuple(sorted(written.values(), key=lambda message: message.at))}
    if len(written) < view.in_all["messages"]:
        return view.model_copy(update=found)
    in_all = {name: number for name, number in view.in_all.items() if name != "messages"}
    return view.model_copy(update={**found, "in_all": in_all})
