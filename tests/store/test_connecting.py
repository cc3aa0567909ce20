"""Reaching the database, and making its tables."""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, inspect, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import SQLModel

from domain.notices import Message
from domain.ports import BreachReport
from store.archive import Archive
from store.breaches import Breaches
from store.engine import check_schema, connect, migrate
from store.errors import NewerSchemaError, StoreError


def test_do_the_migrations_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, SQLModel.metadata) == []
        assert len(inspect(connection).get_table_names()) == len(SQLModel.metadata.tables) + 1


def test_does_a_changed_table_show_as_a_difference(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE tasks ADD COLUMN colour TEXT")
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, SQLModel.metadata) != []
        connection.rollback()


def test_can_twenty_workers_migrate_an_empty_database_at_once(
    fresh_url: str, at_once: Callable[[Callable[[int], Any]], list[Any]]
) -> None:
    def start(_number: int) -> int:
        engine = connect(fresh_url)
        migrate(engine)
        tables = len(inspect(engine).get_table_names())
        engine.dispose()
        return tables

    assert set(at_once(start)) == {len(SQLModel.metadata.tables) + 1}


def test_is_a_half_made_migration_undone_whole(fresh_url: str) -> None:
    engine = connect(fresh_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE refunds (in_the_way INTEGER)")
    with pytest.raises(Exception, match="refunds"):
        migrate(engine)
    assert inspect(engine).get_table_names() == ["refunds"]
    engine.dispose()


def test_are_tables_of_a_newer_release_told_in_one_sentence(fresh_url: str) -> None:
    engine = connect(fresh_url)
    migrate(engine)
    check_schema(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for look in (migrate, check_schema):
        with pytest.raises(NewerSchemaError, match=r"of a newer release .*9999") as caught:
            look(engine)
        assert "\n" not in str(caught.value)
    engine.dispose()


def test_are_messages_from_before_found_without_their_accents(
    fresh_url: str, message: Callable[..., Message]
) -> None:
    engine = connect(fresh_url)
    migrate(engine)
    archive = Archive(engine)
    texts = [f"Pęknięte lusterko {n}" for n in range(1001)]
    archive.add_messages("c", [message(f"m{n}", text) for n, text in enumerate(texts)])
    migration = import_module("store.migrations.versions.0007_searching_without_accents")
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            pg = engine.dialect.name == "postgresql"
            keep = "ALTER TABLE messages {} TRIGGER messages_not_changed"
            create = (
                connection.exec_driver_sql(
                    "SELECT sql FROM sqlite_master WHERE name = 'messages_not_changed'"
                ).scalar()
                if not pg
                else keep.format("ENABLE")
            )
            connection.exec_driver_sql(
                keep.format("DISABLE") if pg else "DROP TRIGGER messages_not_changed"
            )
            connection.exec_driver_sql("UPDATE messages SET folded = 'as before'")
            connection.exec_driver_sql(str(create))
            migration.upgrade()
    found = archive.search("pekniete", limit=2000)
    assert sorted(one.message.text for one in found) == sorted(texts)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql("UPDATE messages SET text = 'changed'")
    engine.dispose()


def test_is_a_sqlite_file_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "recourse.db"
    before = os.umask(0o022)
    try:
        engine = connect(f"sqlite:///{file}")
        migrate(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE written (number INTEGER)")
            modes = {part.name: part.stat().st_mode & 0o777 for part in tmp_path.iterdir()}
        engine.dispose()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("recourse.db", "recourse.db-wal", "recourse.db-shm"), 0o600)


@pytest.mark.parametrize(("was", "becomes"), [(0o644, 0o600), (0o640, 0o640), (0o666, 0o600)])
def test_is_a_file_that_everybody_could_read_closed(tmp_path: Path, was: int, becomes: int) -> None:
    file = tmp_path / "recourse.db"
    file.touch()
    file.chmod(was)
    connect(f"sqlite:///{file}").dispose()
    assert file.stat().st_mode & 0o777 == becomes


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
@pytest.mark.parametrize("kind", ["postgresql"])
def test_does_every_postgresql_url_reach_psycopg_3(fresh_url: str, scheme: str) -> None:
    url = make_url(fresh_url).set(drivername=scheme)
    engine = connect(url.render_as_string(hide_password=False))
    assert engine.url.drivername == "postgresql+psycopg"
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://u:hush@127.0.0.1:1/shop", "shop on 127.0.0.1 cannot be reached"),
        ("postgresql://127.0.0.1:1/shop?user=u&password=hush", "cannot be reached"),
        ("postgresql://u:hush@127.0.0.1:port/shop", "cannot be read"),
        ("hush", "cannot be read"),
        ("mysql://u:hush@127.0.0.1/shop", "kind mysql are not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:////proc/nowhere/recourse.db", "The folder of"),
        ("sqlite:////proc", "cannot be reached"),
    ],
)
def test_is_a_bad_url_told_in_one_sentence_without_its_password(url: str, sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence) as caught:
        connect(url)
    assert "\n" not in str(caught.value)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_is_a_file_that_is_no_database_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear buyer, " * 100)
    with pytest.raises(StoreError, match="cannot be reached; check its url"):
        connect(f"sqlite:///{tmp_path / 'letter.txt'}")


def test_is_the_folder_of_a_new_sqlite_file_made(tmp_path: Path) -> None:
    connect(f"sqlite:///{tmp_path / 'new' / 'folder' / 'recourse.db'}").dispose()
    assert (tmp_path / "new" / "folder" / "recourse.db").exists()


def test_is_a_folder_that_is_named_for_a_file_left_as_it_was(tmp_path: Path) -> None:
    before = tmp_path.stat().st_mode
    with pytest.raises(StoreError, match="cannot be reached"):
        connect(f"sqlite:///{tmp_path}")
    assert tmp_path.stat().st_mode == before


def test_does_connecting_again_keep_the_locks_of_this_process(tmp_path: Path) -> None:
    file = tmp_path / "recourse.db"
    engine = connect(f"sqlite:///{file}")
    migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connect(f"sqlite:///{file}").dispose()
        writes = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0); "
            "c.execute('BEGIN IMMEDIATE')"
        )
        other = subprocess.run(
            [sys.executable, "-c", writes, str(file)], capture_output=True, text=True, check=False
        )
    engine.dispose()
    assert "database is locked" in other.stderr


def test_is_sqlite_set_up_for_many_threads_and_strict_keys(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'recourse.db'}")
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "recursive_triggers")
        }
    engine.dispose()
    assert settings == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 30_000,
        "recursive_triggers": 1,
    }


@pytest.mark.parametrize("kind", ["sqlite"])
def test_does_a_database_that_fails_later_raise_a_store_error_without_the_row(
    engine: Engine, noon: Any
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE breaches")
    report = BreachReport(key="k", case_id="c", seller_id="private", window="w", due=noon, at=noon)
    with pytest.raises(StoreError, match="does not answer") as caught:
        Breaches(engine).record(report)
    cause = caught.value.__cause__
    assert isinstance(cause, OperationalError)
    assert "private" not in str(cause)
