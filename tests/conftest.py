"""The real parts that tests run on: Temporal, a mail server, a marketplace, a database."""

import gc
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.notices import by_step
from config import HERE, Settings, data_converter, register_attributes
from domain.notices import Mailing
from domain.parties import Party
from standin.serving import serve_mailbox, serve_marketplace
from store.engine import connect, migrate
from tests.calling import Door, door_of
from tests.life import FIRST_ORDER, ORDERS, World, write_orders
from tests.processes import binary
from tests.recorded import wrongly_recorded
from tests.skipping import AT_WORK, STALLS, see_that_it_skips, skipping_server
from worker import working

LONG_FIRST = (
    "test_chaos",
    "test_durability",
    "test_worker",
    "_lives",
    "test_command_line",
    "test_random",
)
"""Parts of the names of files that take long: they begin first, so that none runs alone at the end.
The lives come before the random orders, which they would count among their own.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files, each of which stays whole."""

    def place(item: pytest.Item) -> int:
        found = (i for i, part in enumerate(LONG_FIRST) if part in item.path.stem)
        return next(found, len(LONG_FIRST))

    items.sort(key=place)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report a failure without the garbage collector.

    Up to Python 3.11.7 two threads that parse code break each other (SystemError: AST constructor
    recursion depth mismatch) if one collects garbage meanwhile: a failure would end the whole run.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests have recorded: how often mails came twice, for one."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            if report.when == "call" and report.user_properties:
                told = ", ".join(f"{number} {what}" for what, number in report.user_properties)
                terminalreporter.write_line(f"{report.nodeid}: {told}")


@pytest.fixture(scope="module")
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """The time-skipping server that the tests of a file share: its clock runs years ahead, and a
    stall of it would be everybody's.
    """
    async with skipping_server() as environment:
        yield environment


@pytest.fixture(autouse=True)
async def time_still_skips(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> AsyncIterator[None]:
    """No test leaves the shared server unable to skip time; what had to be done for it is told."""
    before = len(STALLS)
    yield
    if "skipping" in request.fixturenames:
        await see_that_it_skips(request.getfixturevalue("skipping"))
    if stalls := STALLS[before:]:
        record_property("locks left by the time-skipping server", len(stalls))


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    """The real development server, with lists and search attributes; its clock is real."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"), data_converter=data_converter(), ui=False
    ) as environment:
        await register_attributes(environment.client)
        yield environment


class LettersOfSteps(Interceptor):
    """Sees which letters each step of a case sends to each of its readers."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, Party, int], set[tuple[str, ...]]] = {}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Look at what is mailed."""
        return _Looking(next, self.sent)

    @property
    def several(self) -> list[str]:
        """The steps that have sent one reader more than one letter."""
        return [
            f"{case_id}: {' and '.join(map(str, sorted(letters)))} to the {to}"
            for (case_id, to, _), letters in self.sent.items()
            if len(letters) > 1
        ]


class _Looking(ActivityInboundInterceptor):
    def __init__(
        self,
        following: ActivityInboundInterceptor,
        sent: dict[tuple[str, Party, int], set[tuple[str, ...]]],
    ) -> None:
        super().__init__(following)
        self.sent = sent

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if input.args and isinstance(mailing := input.args[0], Mailing):
            for letter in by_step(mailing.notices):
                if (step := letter[0].step) is not None:
                    keys = tuple(notice.key for notice in letter)
                    self.sent.setdefault((mailing.case_id, letter[0].to, step), set()).add(keys)
        return await super().execute_activity(input)


def in_no_hurry(connection: Any, _record: Any) -> None:
    """What a test writes need not survive a power cut."""
    connection.execute("PRAGMA synchronous = OFF")


@asynccontextmanager
async def parts_on(
    environment: WorkflowEnvironment,
    folder: Path,
    policies: Path = HERE / "policies",
    first_order: int = FIRST_ORDER,
    orders: int = ORDERS,
) -> AsyncIterator[World]:
    """A store, a marketplace and a mail server, whose worker is still to come."""
    orders_file = folder / "orders.json"
    write_orders(orders_file, first_order, orders)
    engine = connect(f"sqlite:///{folder / 'recourse.db'}")
    event.listen(engine, "connect", in_no_hurry)
    engine.dispose()
    migrate(engine)
    async with (
        serve_marketplace(orders_file) as marketplace,
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
            webhooks_may_reach="127.0.0.0/8",
        )
        yield World(environment, settings, engine, marketplace, mailbox, first_order)
    engine.dispose()


@asynccontextmanager
async def world_on(
    environment: WorkflowEnvironment,
    folder: Path,
    policies: Path = HERE / "policies",
    interceptors: Sequence[Interceptor] = (),
    first_order: int = FIRST_ORDER,
    *,
    orders: int = ORDERS,
    by_mail: bool = True,
) -> AsyncIterator[World]:
    """A worker with a store, a marketplace and a mail server of its own.

    Unless `by_mail`, letters reach their readers without the mail server.
    """
    letters = LettersOfSteps()
    async with (
        parts_on(environment, folder, policies, first_order, orders) as world,
        working(
            environment.client,
            world.settings,
            world.engine,
            interceptors=[AT_WORK, letters, *interceptors],
            courier=None if by_mail else world.by_hand(),
        ),
    ):
        yield world
        wrong = await wrongly_recorded(world)
    assert not wrong, f"the store has a case otherwise than it is: {wrong[0][:2500]}"
    assert not world.undeclared, "a case went a way that its process's AHEAD does not declare"
    assert not letters.several, "what one step says to one reader is one letter"


@pytest.fixture(scope="module")
async def world(
    request: pytest.FixtureRequest,
    skipping: WorkflowEnvironment,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """A world in which weeks pass in milliseconds.

    Letters leave by SMTP in files that say so, with `BY_MAIL = True`: where mail is the subject.
    """
    folder, by_mail = tmp_path_factory.mktemp("skipping"), hasattr(request.module, "BY_MAIL")
    async with world_on(skipping, folder, by_mail=by_mail) as world:
        yield world


@pytest.fixture(scope="session")
async def real_world(
    server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A world on the real development server, in real time."""
    async with world_on(server, tmp_path_factory.mktemp("real"), orders=900) as world:
        yield world


@pytest.fixture(scope="session")
async def door(real_world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """The API of the real world, served by a process of its own."""
    async with door_of(real_world, tmp_path_factory.mktemp("api")) as door:
        yield door
