"""The real parts that tests run on: Temporal, a mail server, a marketplace, a database."""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Interceptor

from config import HERE, Settings, add_attributes, data_converter, register_attributes
from standin.serving import serve_mailbox, serve_marketplace
from store.engine import connect, migrate
from tests.life import FIRST_ORDER, World, write_orders
from worker import working
from workflows import attributes


def binary(name: str) -> str:
    """A server's binary, from the environment that runs the tests."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.defpath]))
    assert found, f"{name} is not installed; run `make env`"
    return found


@asynccontextmanager
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server: weeks in milliseconds, one clock for all its cases."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server"), data_converter=data_converter()
    ) as environment:
        await add_attributes(environment.client, [key.name for key in attributes.ALL])
        yield environment


@pytest.fixture(scope="session")
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """The time-skipping server that most tests share."""
    async with skipping_server() as environment:
        yield environment


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    """The real development server, with lists and search attributes; its clock is real."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"), data_converter=data_converter(), ui=False
    ) as environment:
        await register_attributes(environment.client)
        yield environment


@asynccontextmanager
async def world_on(
    environment: WorkflowEnvironment,
    folder: Path,
    policies: Path = HERE / "policies",
    interceptors: Sequence[Interceptor] = (),
    first_order: int = FIRST_ORDER,
) -> AsyncIterator[World]:
    """A worker with a store, a marketplace and a mail server of its own."""
    orders = folder / "orders.json"
    write_orders(orders)
    engine = connect(f"sqlite:///{folder / 'recourse.db'}")
    migrate(engine)
    async with (
        serve_marketplace(orders) as marketplace,
        serve_mailbox(folder / "mails") as mailbox,
    ):
        settings = Settings.read(
            database_url=str(engine.url),
            task_queue=f"recourse-{folder.name}",
            policies=policies,
            marketplace_url=marketplace,
            marketplace_timeout_seconds=1,
            smtp_host=mailbox.host,
            smtp_port=mailbox.port,
            smtp_starttls=False,
            mail_from="service@recourse.example",
        )
        async with working(environment.client, settings, engine, interceptors=interceptors):
            yield World(environment, settings, engine, marketplace, mailbox, first_order)
    engine.dispose()


@pytest.fixture(scope="session")
async def world(
    skipping: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A world in which weeks pass in milliseconds."""
    async with world_on(skipping, tmp_path_factory.mktemp("skipping")) as world:
        yield world


@pytest.fixture(scope="session")
async def real_world(
    server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A world on the real development server, in real time."""
    async with world_on(server, tmp_path_factory.mktemp("real")) as world:
        yield world
