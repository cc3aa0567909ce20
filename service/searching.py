"""What was written in cases, from the archive of everything said."""

from sqlalchemy import Engine

from service.database import from_database
from service.failures import InputError
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
