"""`starter.py show`: reading a case with all that belongs to it."""

from contextlib import suppress

from cli.connecting import with_temporal
from service.failures import SilentError
from service.showing import Shown, read_case


def read_whole(case_id: str) -> Shown:
    """The case, and those beside it, with the messages that only the archive has.

    If not all are found there, or it does not answer, `in_all` goes on saying how many there are.
    """
    read = with_temporal(lambda client: read_case(client, case_id))
    if not read.lacks_messages:
        return read
    from cli.database import with_database  # noqa: PLC0415 - few cases need it to be shown
    from service.messages import with_messages  # noqa: PLC0415
    from store.errors import StoreError  # noqa: PLC0415

    with suppress(SilentError, StoreError):
        return with_database(lambda engine: with_messages(engine, read))
    return read
