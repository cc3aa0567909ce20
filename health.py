"""`GET /health`: what of a worker fails, and what it has to do without."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from temporalio.client import Client
from temporalio.worker import Worker

from domain.letters import Outgoing

WITHIN = 3.0
"""Seconds in which each part has to answer."""

MAIL = "mail"
LATE = timedelta(minutes=15)
"""A letter that waits longer tells that mail does not leave, though another worker tried it. A
server that wants to be asked twice (RFC 6647) takes less."""

CHECKS = 4
"""Threads for checks: those that a database keeps waiting are no others'."""


@dataclass(frozen=True)
class Parts:
    """What health looks at.

    `outgoing` asks the database how mail leaves, and raises if it is not there. `degraded` names
    the foreign servers, each with the question whether it fails now.
    """

    client: Client
    worker: Worker
    outgoing: Callable[[], Outgoing]
    degraded: dict[str, Callable[[], bool]]


def health(parts: Parts) -> Starlette:
    """Answers how the worker is.

    `failing` (503): it cannot work, for a part named in `failing` is missing: `worker`, `temporal`
    or `database`. `degraded` (200): it works, and what needs a part named in `degraded` waits.
    """
    threads = ThreadPoolExecutor(CHECKS, "health")

    async def look() -> tuple[list[str], Outgoing | None]:
        loop = asyncio.get_running_loop()
        reached, outgoing = await asyncio.gather(
            asyncio.wait_for(parts.client.service_client.check_health(), WITHIN),
            asyncio.wait_for(loop.run_in_executor(threads, parts.outgoing), WITHIN),
            return_exceptions=True,
        )
        # Whatever is wrong with a part, the answer names it.
        missing = {
            "worker": not parts.worker.is_running,
            "temporal": isinstance(reached, BaseException),
            "database": isinstance(outgoing, BaseException),
        }
        failing = [name for name, is_missing in missing.items() if is_missing]
        return failing, outgoing if isinstance(outgoing, Outgoing) else None

    async def answer(_request: Request) -> JSONResponse:
        failing, outgoing = await look()
        degraded = [name for name, fails in parts.degraded.items() if fails()]
        if outgoing and late(outgoing, datetime.now(UTC)) and MAIL not in degraded:
            degraded.append(MAIL)
        status = "failing" if failing else "degraded" if degraded else "ok"
        letters = outgoing and outgoing.model_dump(mode="json")
        return JSONResponse(
            {"status": status, "failing": failing, "degraded": degraded, "letters": letters},
            status_code=503 if failing else 200,
        )

    return Starlette(routes=[Route("/health", answer)])


def late(outgoing: Outgoing, now: datetime) -> bool:
    """Whether a letter has waited so long that mail does not seem to leave."""
    return outgoing.waiting_since is not None and now - outgoing.waiting_since > LATE


class HealthServer(uvicorn.Server):
    """Serves beside the worker, which alone listens to signals."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(
            uvicorn.Config(
                health(parts),
                lifespan="off",
                ws="none",
                log_level="warning",
                # Whoever asks slowly must not hold up the end.
                timeout_graceful_shutdown=1,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the worker: it drains before it goes."""
        yield
