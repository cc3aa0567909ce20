"""Reaching the database: SQLite in a file, or PostgreSQL through psycopg."""

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Session, SQLModel, literal

from store.errors import NewerSchemaError, StoreError, UnusableURLError

POSTGRESQL_NAMES = ("postgres", "postgresql", "postgresql+psycopg")
BUSY_SECONDS = 30
CONNECT_SECONDS = 10

# An arbitrary number that every worker of the project locks while it migrates.
MIGRATION_LOCK = 7_316_405_283
# Alembic keeps the migration that runs in module globals: one at a time in a process.
_migrating = threading.Lock()


def connect(url: str) -> Engine:
    """An engine for a database that answers.

    `url` is sqlite:///FILE (the file and its folder are made if need be) or
    postgresql://USER:PASSWORD@HOST/DATABASE. StoreError says what is wrong with it, and never
    tells the password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UnusableURLError(
            "The database url cannot be read; write it as sqlite:///recourse.db or "
            "postgresql://user:password@host/database."
        ) from None
    engine = _sqlite(parsed) if parsed.drivername == "sqlite" else _postgresql(parsed)
    try:
        engine.connect().close()
    except DBAPIError as error:
        engine.dispose()
        raise StoreError(
            f"The database {_place(parsed)} cannot be reached; check its url and that it runs "
            f"({_reason(error, parsed)})."
        ) from None
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables up to date; workers that start together do it one after the other.

    Raises NewerSchemaError where a newer release has done so already.
    """
    config = _migrations()
    with _migrating, _reachable(engine), engine.begin() as connection:
        _lock(connection)
        _check_known(connection, config)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_schema(engine: Engine) -> None:
    """Raise NewerSchemaError if the tables were made by a newer release than this one."""
    with _reachable(engine), engine.connect() as connection:
        _check_known(connection, _migrations())


def check_current(engine: Engine) -> None:
    """Raise StoreError unless the tables are those of this release; a worker brings them up."""
    with _reachable(engine), engine.connect() as connection:
        config = _migrations()
        _check_known(connection, config)
        wanted = ScriptDirectory.from_config(config).get_heads()
        if {*MigrationContext.configure(connection).get_current_heads()} != {*wanted}:
            raise StoreError(
                f"The database {_place(connection.engine.url)} is of an older release; start a "
                "worker of this one, which brings it up."
            )


def _migrations() -> Config:
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _check_known(connection: Connection, config: Config) -> None:
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    found = MigrationContext.configure(connection).get_current_heads()
    if unknown := [revision for revision in found if revision not in known]:
        raise NewerSchemaError(
            f"The database {_place(connection.engine.url)} is of a newer release (its tables are "
            f"at {unknown[0]}, this release knows {max(known)}); run the release that made them."
        )


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """One transaction: all of it, or nothing. A database that fails it raises StoreError.

    Write before reading in it: on SQLite a reader cannot become a writer while others write.
    """
    with _reachable(engine), Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def hold_order(session: Session, order_id: str) -> None:
    """Let transactions that register cases of one order wait for each other.

    It must be the first that a transaction does: a lock by the order's id on PostgreSQL, on SQLite
    the file's.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:order_id, 0))")
        connection.execute(lock, {"order_id": order_id})
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def hold_case(session: Session, case_id: str) -> None:
    """Let transactions that record steps of one case wait for each other; the same holds."""
    hold_order(session, f"case {case_id}")


def insert(session: Session, table: type[SQLModel]) -> postgresql.Insert | sqlite.Insert:
    """The database's own INSERT, which knows ON CONFLICT."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_new(session: Session, rows: Sequence[SQLModel]) -> int:
    """Insert the rows of one table that break no uniqueness, and say how many those were."""
    session.flush()  # what they refer to comes first
    connection = session.connection()
    statement = _insert_new(session.get_bind().dialect.name, type(rows[0]))
    columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        given = row.model_dump(exclude_unset=True)
        columns.setdefault(tuple(given), []).append(given)
    return sum(len(connection.execute(statement, each).all()) for each in columns.values())


@cache
def _insert_new(dialect: str, table: type[SQLModel]) -> ReturningInsert[tuple[int]]:
    """Made once, and without its values, so that SQLAlchemy need not compile it each time."""
    made = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return made.on_conflict_do_nothing().returning(literal(1))


@contextmanager
def _reachable(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise StoreError(
            f"The database {_place(engine.url)} does not answer; check that it runs "
            f"({_reason(error, engine.url)})."
        ) from error
    except ProgrammingError as error:
        raise StoreError(
            f"The database {_place(engine.url)} has other tables than this release needs; start "
            f"its worker, which makes them ({_reason(error, engine.url)})."
        ) from error


def _sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise UnusableURLError("SQLite needs a file here; write the url as sqlite:///recourse.db.")
    try:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder of {url.database} cannot be made; make it or choose another "
            f"({error.strerror})."
        ) from None
    _keep_private(Path(str(url.database)))
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        _log_ahead(cursor)
        cursor.execute("PRAGMA foreign_keys = ON")
        # Else INSERT OR REPLACE would delete archived rows behind their triggers.
        cursor.execute("PRAGMA recursive_triggers = ON")
        cursor.close()

    return engine


def _log_ahead(cursor: Any) -> None:
    """Let readers and a writer go side by side; the file keeps that. Of many who ask for it at once
    of a new file, SQLite refuses some without waiting.
    """
    ends = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > ends:
                raise
            time.sleep(0.01)


def _keep_private(file: Path) -> None:
    """Personal data is for the owner alone: SQLite gives what it makes beside a file that file's
    permissions. One that everybody can read was made before; narrower ones are somebody's choice.
    """
    with suppress(OSError):  # what it may not make or change, connecting says
        with suppress(FileExistsError):
            # Not one that is there: closing it would end the locks that connections of this process
            # hold on it, for the system knows but one holder of them a process.
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            if part.is_file() and part.stat().st_mode & stat.S_IROTH:
                part.chmod(0o600)


def _postgresql(url: URL) -> Engine:
    if url.drivername not in POSTGRESQL_NAMES:
        raise UnusableURLError(
            f"Databases of kind {url.drivername} are not supported; use sqlite:/// or "
            "postgresql://."
        )
    url = url.set(drivername="postgresql+psycopg")
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_SECONDS)})
    return create_engine(url, hide_parameters=True, pool_pre_ping=True)


def _lock(connection: Connection) -> None:
    """Keep other migrations of this database waiting until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _place(url: URL) -> str:
    return f"{url.database} on {url.host}" if url.host else str(url.database)


def _reason(error: Exception, url: URL) -> str:
    """The driver's first line, for it may tell more than is good, without any password."""
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    for secret in (url.password, url.query.get("password")):
        if secret:
            reason = reason.replace(str(secret), "***")
    return reason
