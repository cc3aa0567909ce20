"""What if Temporal or the database is away while somebody asks?"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, make_url
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from config import HERE, data_converter, register_attributes
from demo.servers import postgresql
from store.engine import connect, migrate
from tests.calling import Answer, Door, door_of
from tests.processes import free_port, temporal_program
from tests.test_durability import elsewhere

DATABASE = "behind_the_api"


@contextmanager
def database(folder: Path) -> Iterator[tuple[Engine, str]]:
    """A database of its own on a PostgreSQL server: who may do anything there, and its address."""
    with postgresql(folder) as server:
        admin = connect(server)
        as_admin(admin, f"CREATE DATABASE {DATABASE}")
        yield admin, make_url(server).set(database=DATABASE).render_as_string(hide_password=False)
        admin.dispose()


def as_admin(admin: Engine, *statements: str) -> None:
    """Change the server."""
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


async def until(door: Door, status: int, path: str = "/health") -> Answer:
    """Ask until this is the answer."""
    async with asyncio.timeout(60):
        while (answer := await door.platform.get(path)).status != status:  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.2)
    return answer


async def unreachable(asked: Any) -> None:
    """What is answered while something is away."""
    answer = await asked
    assert (answer.status, answer.code) == (503, "unreachable"), answer
    assert answer.headers["retry-after"]
    assert answer.body["detail"].startswith("A server that this needs does not answer.")


@pytest.mark.slow
async def test_what_is_away_is_said_nothing_is_half_done_and_it_comes_back_by_itself(
    tmp_path: Path,
) -> None:
    port = free_port()
    address = f"127.0.0.1:{port}"
    with database(tmp_path) as (admin, url), temporal_program(tmp_path, port) as temporal:
        await temporal.start()
        client = await Client.connect(address, data_converter=data_converter(), lazy=True)
        async with asyncio.timeout(30):
            while not await client.service_client.check_health():  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.1)
        await register_attributes(client)
        environment = WorkflowEnvironment.from_client(client)
        async with elsewhere(environment, address, tmp_path, HERE / "policies") as world:
            world.worker.settings["DATABASE_URL"] = url
            world.engine.dispose()
            world.engine = connect(url)
            migrate(world.engine)
            await world.worker.start()
            async with door_of(world, tmp_path) as door:
                await away_and_back(door, admin, temporal)
            world.engine.dispose()


async def away_and_back(door: Door, admin: Engine, temporal: Any) -> None:
    """First the database, then Temporal."""
    case_id = await door.opened()
    path = f"/v1/cases/{case_id}"

    as_admin(
        admin,
        f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'",
    )
    assert (await until(door, 503)).body["failing"] == ["database"]
    await unreachable(door.buyer.get(path))
    await unreachable(door.seller.say(case_id, "offer", "o-1", remedy="repair"))
    assert (await door.buyer.get("/v1/me")).status == 200
    as_admin(admin, f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true")
    await until(door, 200)
    assert (await door.buyer.get(path)).body["offers"] == []

    temporal.send(signal.SIGKILL)
    assert (await until(door, 503)).body["failing"] == ["temporal"]
    assert (await door.buyer.get(path)).status == 200
    opening = door.dispute()
    await asyncio.gather(
        unreachable(door.seller.say(case_id, "offer", "o-2", remedy="repair")),
        unreachable(door.buyer.post("/v1/cases", opening)),
    )
    await temporal.start()
    await until(door, 200)
    offered = await door.seller.say(case_id, "offer", "o-2", remedy="repair")
    assert offered.status == 200, offered
    assert len((await door.buyer.get(path)).body["offers"]) == 1
    opened = await door.buyer.post("/v1/cases", opening)
    assert opened.status in (200, 201), opened
