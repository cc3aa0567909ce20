"""What the HTTP API costs: against a bare update, in lists of many cases, and as a stream.

One installation: the development server, PostgreSQL as store, a worker, and `python -m api` as a
process of its own. What is compared is done in turn, so that whatever else the machine does falls
on all of it. The lists are of rows that only stand there, so that there can be very many.
"""

import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

import aiohttp
import psutil
from sqlalchemy import text

from bench.latency import COUNTRY, Town, at_most, town
from bench.lives import BUYER, dispute
from demo.servers import api
from demo.tokens import AUDIENCE, ISSUER, Issuer
from store.engine import connect
from tests.processes import free_port

CASES = 100
"""Open disputes that commands are sent to."""

STANDING = (100, 10_000, 100_000)
"""How many open cases stand in the table while the first page of a queue is read."""

WARM_UP = 5
"""Rounds that are not counted."""

PAGES = 60
"""How often a first page is read with so many."""

QUEUE = "disputes-bench"

ROWS = text(
    "INSERT INTO standings (case_id, run, step, moved_at, kind, country, order_id, buyer_id, "
    "seller_id, stage, awaited, due, breached, undelivered, queue, opened_at, over, rank, changed, "
    "facts, lists) SELECT 'dispute\\:PL\\:X-' || n || '\\:1', 'r', 1, now(), 'dispute', 'PL', "
    "'X-' || n, "
    "'b-' || n % 5000, 's-' || n % 500, 'with-agent', 'agent', now() + n * interval '1 second', "
    "false, false, CASE WHEN n % 20 = 0 THEN :queue END, now(), false, "
    "CAST(extract(epoch FROM now()) + n AS bigint) * 1000000, 0, '{}', '{}' "
    "FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) n"
)


@dataclass
class Caller:
    """The API, and who calls it; seconds that things have taken, by what they are."""

    town: Town
    base: str
    process: psutil.Process
    session: aiohttp.ClientSession
    issuer: Issuer
    took: dict[str, list[float]] = field(default_factory=dict)
    orders: "itertools.count[int]" = field(default_factory=lambda: itertools.count(CASES))

    async def timed(self, what: str, asked: Callable[[], Awaitable[object]]) -> None:
        """Do it, and keep how long it took."""
        began = time.perf_counter()
        await asked()
        self.took.setdefault(what, []).append(time.perf_counter() - began)

    async def ask(self, method: str, path: str, token: str, body: object = None) -> bytes:
        """A request; what is answered, unless it is a problem."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
        async with self.session.request(
            method, f"{self.base}{path}", json=body, headers=headers
        ) as answer:
            read = await answer.read()
            if answer.status >= 300:
                raise AssertionError(f"{method} {path}: {answer.status} {read[:300]!r}")
            return read

    def cpu(self) -> float:
        """What the API's process has used of the processor, in seconds."""
        used = self.process.cpu_times()
        return float(used.user + used.system)


@asynccontextmanager
async def caller(town: Town, folder: Path) -> AsyncIterator[Caller]:
    """The API of a town, as in production."""
    issuer, port = Issuer(folder / "keys.json"), free_port()
    settings = {
        "TEMPORAL_ADDRESS": town.address,
        "DATABASE_URL": town.settings.database_url,
        "RECOURSE_TASK_QUEUE": town.settings.task_queue,
        "RECOURSE_POLICIES": str(town.settings.policies),
        "RECOURSE_API_ADDRESS": f"127.0.0.1:{port}",
        "RECOURSE_API_KEYS": str(issuer.file),
        "RECOURSE_API_ISSUER": ISSUER,
        "RECOURSE_API_AUDIENCE": AUDIENCE,
        "RECOURSE_API_REQUESTS_A_MINUTE": "1000000",
    }
    with api(folder / "api.log", settings) as number:
        async with aiohttp.ClientSession() as session:
            process = psutil.Process(number)
            yield Caller(town, f"http://127.0.0.1:{port}", process, session, issuer)


async def commands(calling: Caller, rounds: int) -> dict[str, object]:
    """A command over HTTP, a case's page and an opening, each beside a bare update."""
    buyer = calling.issuer.token("buyer", BUYER.id)
    used, sent = 0.0, 0
    for number in range(rounds):
        case_id = dispute(COUNTRY, f"{COUNTRY}-{number % CASES}").case_id
        path = f"/v1/cases/{case_id}"
        said = {"verb": "say", "text": "Is there any news?"}
        order = {
            "kind": "dispute",
            "country": COUNTRY,
            "order_id": f"{COUNTRY}-{next(calling.orders)}",
            "reason": "DAMAGED",
            "wanted": "full-refund",
            "text": "The lamp does not light.",
        }

        async def bare(number: int = number) -> None:
            await calling.town.send(number % CASES)

        async def command(path: str = path, said: object = said) -> None:
            await calling.ask("POST", f"{path}/commands", buyer, said)

        async def page(path: str = path) -> None:
            await calling.ask("GET", path, buyer)

        async def opening(order: object = order) -> None:
            await calling.ask("POST", "/v1/cases", buyer, order)

        await calling.timed("bare_update", bare)
        before = calling.cpu()
        await calling.timed("command", command)
        used, sent = used + calling.cpu() - before, sent + 1
        await calling.timed("case_page", page)
        await calling.timed("opening", opening)
    figures: dict[str, object] = {"what": "commands", "rounds": rounds}
    half = at_most(calling.took["bare_update"], 50)
    for what, seconds in calling.took.items():
        figures[f"{what}_p50_ms"] = round(at_most(seconds, 50), 1)
        figures[f"{what}_p99_ms"] = round(at_most(seconds, 99), 1)
        figures[f"{what}_to_bare"] = round(at_most(seconds, 50) / half, 2)
    return figures | {"api_cpu_ms_a_command": round(1000 * used / sent, 1)}


async def queues(calling: Caller) -> list[dict[str, object]]:
    """The first page of a queue while more and more cases stand in the table."""
    engine = connect(calling.town.settings.database_url)
    agent = calling.issuer.token("agent", "a-1", "Anna Nowak", [QUEUE])
    lines, there, fewest = list[dict[str, object]](), 0, 0.0
    for many in STANDING:
        with engine.begin() as connection:
            connection.execute(ROWS, {"queue": QUEUE, "first": there + 1, "last": many})
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE standings"))
        there, took = many, list[float]()
        for _ in range(PAGES):
            began = time.perf_counter()
            await calling.ask("GET", f"/v1/cases?queue={QUEUE}&limit=50", agent)
            took.append(time.perf_counter() - began)
        lines.append(
            {
                "what": "first page of a queue",
                "open": many,
                "p50_ms": round(at_most(took, 50), 1),
                "p99_ms": round(at_most(took, 99), 1),
                "to_fewest": round(median(took) / (fewest := fewest or median(took)), 2),
            }
        )
    engine.dispose()
    return lines


async def stream(calling: Caller) -> dict[str, object]:
    """How fast one reader gets what has happened so far, as pages and as a stream."""
    platform = calling.issuer.token("platform", "shop")
    after, paged, began = 0, 0, time.perf_counter()
    while True:
        path = f"/v1/events?limit=100&after={after}"
        page = json.loads(await calling.ask("GET", path, platform))
        if not page["items"]:
            break
        paged, after = paged + len(page["items"]), page["next"]
    pages_took = time.perf_counter() - began
    began, streamed = time.perf_counter(), 0
    headers = {"Authorization": f"Bearer {platform}", "Last-Event-ID": "0"}
    async with calling.session.get(f"{calling.base}/v1/events/stream", headers=headers) as answer:
        async for line in answer.content:
            streamed += line.startswith(b"id:")
            if streamed == paged:
                break
    return {
        "what": "events",
        "events": paged,
        "paged_a_second": round(paged / pages_took),
        "streamed_a_second": round(streamed / (time.perf_counter() - began)),
    }


async def run(size: int) -> list[dict[str, object]]:
    """All of it; `size` commands, pages and openings."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        async with town(folder / "town", CASES, orders=CASES + size + WARM_UP) as there:
            await there.open_all()
            async with caller(there, folder) as calling:
                await commands(calling, WARM_UP)
                calling.took.clear()
                lines = [await commands(calling, size)]
                lines.append(await stream(calling))
                return lines + await queues(calling)


def table(lines: Sequence[dict[str, object]]) -> str:
    """The figures for people."""
    return "\n".join(
        "  ".join(f"{name.replace('_', ' ')} {value}" for name, value in line.items())
        for line in lines
    )
