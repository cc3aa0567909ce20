"""Workers in processes of their own, so that their CPU is theirs alone."""

import asyncio
import multiprocessing
import resource
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from bench.floor import (
    WRITTEN,
    BareCancellation,
    BareComplaint,
    BareRepair,
    BareReturn,
    BareSettlement,
    BareSilence,
    BareWithdrawal,
)
from bench.ground import emptied
from bench.written import Written
from config import Settings, data_converter
from gate import workflow_runner
from store.engine import connect, migrate
from worker import working
from workflows.cancellation.process import Cancellation
from workflows.complaint.process import Complaint
from workflows.dispute.process import Dispute
from workflows.goods_return.process import GoodsReturn
from workflows.withdrawal.process import Withdrawal

CASES = (Dispute, Cancellation, Withdrawal, GoodsReturn, Complaint)
FLOORS = (
    BareSettlement,
    BareSilence,
    BareRepair,
    BareCancellation,
    BareWithdrawal,
    BareReturn,
    BareComplaint,
)


class StoppedError(Exception):
    """A worker's process ended by itself."""


@dataclass(frozen=True)
class Kind:
    """Which workflows a worker runs, and with which activities."""

    bare: bool
    real: bool

    @property
    def queue(self) -> str:
        """The task queue of its own."""
        return f"bench-{'floor' if self.bare else 'case'}-{'real' if self.real else 'emptied'}"


@asynccontextmanager
async def hollow(
    client: Client, settings: Settings, processes: Sequence[type]
) -> AsyncIterator[None]:
    """A worker whose activities do nothing.

    All floors lie in one file, which is loaded once: none pays for the others.
    """
    restrictions = workflow_runner().restrictions.with_passthrough_modules("bench")
    with ThreadPoolExecutor(settings.activity_threads) as threads:
        async with Worker(
            client,
            task_queue=settings.task_queue,
            workflows=processes,
            activities=emptied(settings.policies),
            activity_executor=threads,
            workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        ):
            yield


@dataclass(frozen=True)
class Working:
    """A worker in a process of its own."""

    kind: Kind
    line: Connection

    async def cpu(self) -> float:
        """The seconds of CPU that the process has used, in all its threads."""
        return (await self._used())[0]

    async def memory(self) -> int:
        """The most bytes of memory that the process has had at a time."""
        return (await self._used())[1]

    async def _used(self) -> tuple[float, int]:
        try:
            self.line.send("used")
            used: tuple[float, int] = await asyncio.to_thread(self.line.recv)
        except (EOFError, OSError):
            raise StoppedError(
                f"The worker of {self.kind.queue} ended; see its error above."
            ) from None
        return used


@contextmanager
def worker_process(
    kind: Kind, address: str, settings: Settings, written: Written | None = None
) -> Iterator[Working]:
    """Start a worker, and end it after the block. `written`: what its floors record of steps."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(
        target=_work, args=(kind, address, settings, written or {}, theirs), daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield Working(kind, ours)
    finally:
        ours.close()
        process.join(timeout=10)
        if process.is_alive():
            process.kill()


def _work(kind: Kind, address: str, settings: Settings, written: Written, line: Connection) -> None:
    WRITTEN.update(written)
    sys.dont_write_bytecode = False  # else the sandbox compiles each process anew for each case
    asyncio.run(_serve(kind, address, settings, line))


async def _serve(kind: Kind, address: str, settings: Settings, line: Connection) -> None:
    client = await Client.connect(address, data_converter=data_converter())
    processes = FLOORS if kind.bare else CASES
    if not kind.real:
        async with hollow(client, settings, processes):
            await _answer(line)
        return
    engine = connect(settings.database_url)
    migrate(engine)
    async with working(client, settings, engine, processes):
        await _answer(line)
    engine.dispose()


async def _answer(line: Connection) -> None:
    """Answer each question for what is used until the other end hangs up."""
    while True:
        try:
            await asyncio.to_thread(line.recv)
        except EOFError:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        line.send((used.ru_utime + used.ru_stime, used.ru_maxrss * 1024))
