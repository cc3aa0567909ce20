"""`python -m bench --size 20`: what a case costs, beside a bare workflow with the same effects.

`python -m bench --latency --size 5000`: how long commands take with so many cases open.
`python -m bench --api --size 200`: what the HTTP API costs, over so many commands.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, median_high

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from bench import api, latency
from bench.counting import Weight, weigh
from bench.ground import CURRENCY, write_orders, write_policies
from bench.lives import LIVES, Life, play
from bench.server import server
from bench.workers import Kind, StoppedError, Working, worker_process
from bench.written import Written, written
from config import Settings
from service.failures import InputError, SilentError
from standin.serving import serve_mailbox, serve_marketplace

ROUNDS = 4
"""Each round plays every life on the floor and on the case at once, so that drift cancels; each
worker's CPU is its own process's. The real activities, which have no target, get one round."""

WARM_UP = 3
"""Cases a worker plays before it is measured."""

AT_ONCE = 10
"""Cases that are played at the same time."""

CPU_AT_MOST = 1.2
ACTIONS_AT_MOST = 1.15
BYTES_AT_MOST = 1.1


@dataclass
class Costs:
    """What one life cost on one side: each case's weight, each round's CPU a case in seconds."""

    weights: list[Weight] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass
class Ground:
    """The server, and orders that nobody has opened a case for."""

    client: Client
    orders: dict[str, "itertools.count[int]"]

    async def play(
        self, worker: Working, life: Life, size: int
    ) -> tuple[list[list[Sequence[HistoryEvent]]], float]:
        """Play a life `size` times; the histories, and the worker's seconds of CPU a case."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one() -> list[Sequence[HistoryEvent]]:
            order = f"{life.country}-{next(self.orders[life.country])}"
            async with room:
                return await play(
                    self.client, worker.kind.queue, life, order, bare=worker.kind.bare
                )

        before = await worker.cpu()
        histories = await asyncio.gather(*(one() for _ in range(size)))
        return histories, (await worker.cpu() - before) / size


async def measured(
    ground: Ground, workers: Sequence[Working], lives: Sequence[Life], size: int, rounds: int
) -> dict[tuple[str, bool], Costs]:
    """Each life's costs, by its name and whether it is the floor's."""
    costs = {(life.name, worker.kind.bare): Costs() for life in lives for worker in workers}
    for round_ in range(rounds + 1):
        for life in lives:
            cases = size if round_ else min(size, WARM_UP)
            played = await asyncio.gather(*(ground.play(worker, life, cases) for worker in workers))
            for worker, (histories, cpu) in zip(workers, played, strict=True):
                of = costs[life.name, worker.kind.bare]
                if round_:
                    of.cpu.append(cpu)
                    of.weights += map(weigh, histories)
    return costs


def figures(
    life: Life,
    emptied: dict[tuple[str, bool], Costs],
    real: dict[tuple[str, bool], Costs],
) -> dict[str, object]:
    """One life's line: medians, and ratios to the floor; CPU in milliseconds a case."""
    case, floor = emptied[life.name, False], emptied[life.name, True]
    real_case, real_floor = real[life.name, False], real[life.name, True]

    def of(costs: Costs, name: str) -> int:
        return int(median_high(getattr(weight, name) for weight in costs.weights))

    def ratio(case: Costs, floor: Costs) -> float:
        return round(median(a / b for a, b in zip(case.cpu, floor.cpu, strict=True)), 2)

    return {
        "case": life.name,
        "actions": of(case, "actions"),
        "actions_floor": of(floor, "actions"),
        "events": of(case, "events"),
        "events_floor": of(floor, "events"),
        "history_bytes": of(case, "history_bytes"),
        "history_bytes_floor": of(floor, "history_bytes"),
        "bytes_ratio": round(of(case, "history_bytes") / of(floor, "history_bytes"), 2),
        "records": of(case, "records"),
        "records_floor": of(floor, "records"),
        "record_bytes": of(case, "record_bytes"),
        "record_bytes_floor": of(floor, "record_bytes"),
        "cpu_ms": round(1000 * median(case.cpu), 1),
        "cpu_ms_floor": round(1000 * median(floor.cpu), 1),
        "cpu_ratio": ratio(case, floor),
        "real_cpu_ms": round(1000 * median(real_case.cpu), 1),
        "real_cpu_ms_floor": round(1000 * median(real_floor.cpu), 1),
        "real_cpu_ratio": ratio(real_case, real_floor),
    }


async def run(size: int) -> list[dict[str, object]]:
    """Measure every life, `size` cases a round: first with emptied activities, then real ones."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        most = 2 * 2 * (ROUNDS * size + WARM_UP) * len(LIVES)
        write_orders(
            folder / "orders.json",
            {country: [f"{country}-{n}" for n in range(1, most + 1)] for country in CURRENCY},
        )
        orders = {country: itertools.count(1) for country in CURRENCY}
        async with (
            server(folder) as (client, address),
            serve_marketplace(folder / "orders.json") as marketplace,
            serve_mailbox(folder / "mails") as mailbox,
        ):
            ground = Ground(client, orders)
            costs = []
            steps: Written = {}
            for real in (False, True):
                with ExitStack() as stack:
                    workers: list[Working] = []
                    for bare in (False, True):
                        kind = Kind(bare, real)
                        settings = Settings.read(
                            database_url=f"sqlite:///{folder / kind.queue}.db",
                            task_queue=kind.queue,
                            policies=write_policies(folder / "policies"),
                            marketplace_url=marketplace,
                            smtp_host=mailbox.host,
                            smtp_port=mailbox.port,
                            smtp_starttls=False,
                            mail_from="service@recourse.example",
                        )
                        if bare and not steps:
                            steps = await written(client, workers[0].kind.queue, LIVES, most)
                        workers.append(
                            stack.enter_context(worker_process(kind, address, settings, steps))
                        )
                    costs.append(
                        await measured(ground, workers, LIVES, size, 1 if real else ROUNDS)
                    )
    return [figures(life, *costs) for life in LIVES]


ROWS = (
    ("actions", "actions", "actions_floor", ACTIONS_AT_MOST),
    ("events", "events", "events_floor", None),
    ("history bytes", "history_bytes", "history_bytes_floor", BYTES_AT_MOST),
    ("records of steps", "records", "records_floor", None),
    ("their bytes", "record_bytes", "record_bytes_floor", None),
    ("CPU, activities emptied, ms", "cpu_ms", "cpu_ms_floor", CPU_AT_MOST),
    ("CPU, real activities, ms", "real_cpu_ms", "real_cpu_ms_floor", None),
)
RATIOS = {"history_bytes": "bytes_ratio", "cpu_ms": "cpu_ratio", "real_cpu_ms": "real_cpu_ratio"}


def table(lines: Sequence[dict[str, object]]) -> str:
    """The figures for people: a case, beside a bare workflow that does the same."""
    text = []
    for life, line in zip(LIVES, lines, strict=True):
        text.append(f"{'a case: ' + life.name:<36}{'case':>9}{'floor':>9}{'ratio':>8}  at most")
        for name, key, floor, most in ROWS:
            case, bare = float(str(line[key])), float(str(line[floor]))
            ratio = float(str(line[RATIOS[key]])) if key in RATIOS else case / bare
            limit = "" if most is None else f"{most:.2f}"
            if key == "actions" and life.actions_at_most:
                limit += f", {life.actions_at_most} actions"
            text.append(f"  {name:<34}{case:>9g}{bare:>9g}{ratio:>8.2f}  {limit}".rstrip())
        text.append("")
    return "\n".join(text).rstrip()


def main() -> None:
    """Measure, and print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--latency", action="store_true", help="how long commands take")
    parser.add_argument(
        "--size", type=int, help="cases a round (20), open ones (5000), or commands (200)"
    )
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--api", action="store_true", help="what the HTTP API costs")
    given = parser.parse_args()
    measure, draw, size, most = (run, table, 20, 1000)
    if given.latency:
        measure, draw, size, most = (latency.run, latency.table, 5000, 50_000)
    elif given.api:
        measure, draw, size, most = (api.run, api.table, 200, 5000)
    size = size if given.size is None else given.size
    if not 1 <= size <= most:
        parser.error(f"--size must be between 1 and {most}.")
    try:
        lines = asyncio.run(measure(size))
    except (InputError, SilentError, StoppedError) as error:
        sys.exit(f"bench: {error}")
    print("\n".join(map(json.dumps, lines)) if given.json else draw(lines))


if __name__ == "__main__":
    main()
