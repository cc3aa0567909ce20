"""Reaching the database from the command line."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine, inspect

from config import Settings
from service.failures import SilentError
from store.engine import check_schema, connect

T = TypeVar("T")


@contextmanager
def database(table: str = "cases") -> Iterator[Engine]:
    """The store, once a worker has made this table in it."""
    engine = connect(Settings.read().database_url)
    try:
        check_schema(engine)
        if not inspect(engine).has_table(table):
            raise SilentError(
                "The database at DATABASE_URL has no tables yet, or old ones; "
                "start a worker, which makes them."
            )
        yield engine
    finally:
        engine.dispose()


def with_database(work: Callable[[Engine], Awaitable[T]], table: str = "cases") -> T:
    """Do `work` with the store."""
    with database(table) as engine:
        return asyncio.run(_done(work(engine)))


async def _done(work: Awaitable[T]) -> T:
    return await work
