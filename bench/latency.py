"""How long a command takes to be answered, with few cases open and with many.

Two of everything run side by side, the development server, PostgreSQL as store, and a worker: one
with `FEW` open disputes, one with many. Commands are sent to one and to the other in turn, so that
whatever else the machine does falls on both.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from temporalio.client import Client, WorkflowUpdateFailedError

from bench.ground import write_orders, write_policies
from bench.lives import BUYER, dispute
from bench.server import server
from bench.workers import Kind, Working, worker_process
from config import Settings
from demo.servers import postgresql
from domain.commands import Accept, Say
from domain.view import Receipt
from standin.serving import serve_mailbox, serve_marketplace

FEW = 100
COUNTRY = "PL"

ROUNDS = 6
"""How often commands are sent to the few and then to the many; the first round is not counted."""

A_ROUND = 120
"""Commands of a round, one after the other; and as many again, AT_ONCE together."""

AT_ONCE = 8

OPENED_TOGETHER = 25
"""How many openings are under way at the same time."""

AT_REST = 0.1
"""The share of a second of CPU, in a second, that a worker with nothing to do uses at most."""


@dataclass
class Town:
    """A server with so many open cases, and what commands to them have taken, in seconds."""

    client: Client
    address: str
    settings: Settings
    worker: Working
    size: int
    opening: dict[str, object] = field(default_factory=dict)
    alone: list[list[float]] = field(default_factory=list)
    together: list[list[float]] = field(default_factory=list)
    commands: "itertools.count[int]" = field(default_factory=itertools.count)

    async def open_all(self) -> None:
        """Open every case, and wait until each has been told of."""
        room, began, before = asyncio.Semaphore(OPENED_TOGETHER), time.monotonic(), await self.cpu()

        async def one(number: int) -> None:
            opening = dispute(COUNTRY, f"{COUNTRY}-{number}")
            async with room:
                handle = await self.client.start_workflow(
                    "Dispute", opening, id=opening.case_id, task_queue=self.worker.kind.queue
                )
                # There is nothing to accept: that is answered once the case is registered.
                early = Accept(command_id="early", by=BUYER)
                with suppress(WorkflowUpdateFailedError):
                    await handle.execute_update("submit", early, result_type=Receipt)

        await asyncio.gather(*(one(number) for number in range(self.size)))
        await self.rests()
        took = time.monotonic() - began
        self.opening = {
            "openings_per_second": round(self.size / took, 1),
            "opening_cpu_ms": round(1000 * (await self.cpu() - before) / self.size, 1),
            "worker_mb": round(await self.worker.memory() / 2**20),
        }

    async def cpu(self) -> float:
        """What the worker has used of the processor."""
        return await self.worker.cpu()

    async def rests(self) -> None:
        """Wait until the worker has nothing to do."""
        used = await self.cpu()
        while True:
            await asyncio.sleep(1)
            before, used = used, await self.cpu()
            if used - before < AT_REST:
                return

    def say(self) -> Say:
        """A message of the buyer."""
        return Say(command_id=f"say-{next(self.commands)}", by=BUYER, text="Is there any news?")

    async def send(self, number: int) -> float:
        """Send a command to a case; the seconds until it was answered."""
        case_id = dispute(COUNTRY, f"{COUNTRY}-{number}").case_id
        handle = self.client.get_workflow_handle(case_id)
        began = time.perf_counter()
        await handle.execute_update("submit", self.say(), result_type=Receipt)
        return time.perf_counter() - began

    async def measure(self, round_: int) -> None:
        """A round of commands, each to another case, evenly over all that are open."""
        step, first = max(1, self.size // A_ROUND), round_
        cases = [(first + step * n) % self.size for n in range(A_ROUND)]
        alone = [await self.send(number) for number in cases]
        await self.rests()
        room = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> float:
            async with room:
                return await self.send(number)

        together = await asyncio.gather(*map(one, cases))
        await self.rests()
        if round_:
            self.alone.append(alone)
            self.together.append(list(together))

    def figures(self) -> dict[str, object]:
        """The medians over the rounds of what half, and 99 of 100 commands, took at most, in ms."""
        return {
            "open": self.size,
            **{
                f"{name}_p{part}_ms": round(median(at_most(took, part) for took in rounds), 1)
                for name, rounds in (("alone", self.alone), ("together", self.together))
                for part in (50, 99)
            },
            **self.opening,
        }


def at_most(seconds: Sequence[float], part: int) -> float:
    """What so many of a hundred took at most, in milliseconds."""
    return 1000 * quantiles(seconds, n=100, method="inclusive")[part - 1]


def prepare(folder: Path, size: int) -> None:
    """A folder with orders that cases can be opened for, and policies that let people talk."""
    folder.mkdir()
    write_orders(folder / "orders.json", {COUNTRY: [f"{COUNTRY}-{n}" for n in range(size)]})
    policies = write_policies(folder / "policies")
    with (policies / f"{COUNTRY.lower()}.toml").open("a") as file:
        file.write("every_process.messages.per_day = 1000\n")


@asynccontextmanager
async def town(folder: Path, size: int, *, orders: int = 0) -> AsyncIterator[Town]:
    """A server, a store, and a worker with room for all of its cases; none is open yet. There are
    so many `orders`, or as many as cases.
    """
    prepare(folder, orders or size)
    async with AsyncExitStack() as stack:
        client, address = await stack.enter_async_context(server(folder))
        marketplace = await stack.enter_async_context(serve_marketplace(folder / "orders.json"))
        mailbox = await stack.enter_async_context(serve_mailbox(folder / "mails"))
        kind = Kind(bare=False, real=True)
        settings = Settings.read(
            database_url=stack.enter_context(postgresql(folder)),
            task_queue=kind.queue,
            cached_cases=size + FEW,
            policies=folder / "policies",
            marketplace_url=marketplace,
            smtp_host=mailbox.host,
            smtp_port=mailbox.port,
            smtp_starttls=False,
            mail_from="service@recourse.example",
        )
        worker = stack.enter_context(worker_process(kind, address, settings))
        yield Town(client, address, settings, worker, size)


async def run(size: int) -> list[dict[str, object]]:
    """Measure with FEW cases and with `size`; their figures, and how they compare."""
    with TemporaryDirectory() as name:
        async with town(Path(name) / "few", FEW) as few, town(Path(name) / "many", size) as many:
            for each in (few, many):
                await each.open_all()
            for round_ in range(ROUNDS):
                for each in (few, many):
                    await each.measure(round_)
    return [few.figures(), many.figures(), compared(few, many)]


def compared(few: Town, many: Town) -> dict[str, object]:
    """The ratios of what commands to the many took to the few, medians over the rounds."""
    return {
        f"{name}_p{part}_ratio": round(
            median(at_most(b, part) / at_most(a, part) for a, b in zip(one, other, strict=True)), 2
        )
        for name, one, other in (
            ("alone", few.alone, many.alone),
            ("together", few.together, many.together),
        )
        for part in (50, 99)
    }


def table(lines: Sequence[dict[str, object]]) -> str:
    """The figures for people."""
    return "\n".join(
        "  ".join(f"{name.replace('_', ' ')} {value}" for name, value in line.items())
        for line in lines
    )
