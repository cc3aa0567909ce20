"""`GET /health`: what of a worker fails, and what it has to do without."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from temporalio.client import Client
from temporalio.worker import Worker

WITHIN = 3.0
"""Seconds in which each part has to answer."""

CHECKS = 4
"""Threads for checks: those that a database keeps waiting are no others'."""


@dataclass(frozen=True)
class Parts:
    """What health looks at.

    `database` raises if the database is not there. `degraded` names the foreign servers that fail
    now, each with the question whether it does.
    """

    client: Client
    worker: Worker
    database: Callable[[], object]
    degraded: dict[str, Callable[[], bool]]


def health(parts: Parts) -> Starlette:
    """Answers how the worker is.

    `failing` (503): it cannot work, for a part named in `failing` is missing: `worker`, `temporal`
    or `database`. `degraded` (200): it works, and what needs a part named in `degraded` waits.
    """
    threads = ThreadPoolExecutor(CHECKS, "health")

    async def failing() -> list[str]:
        loop = asyncio.get_running_loop()
        checks: dict[str, Any] = {
            "temporal": parts.client.service_client.check_health(),
            "database": loop.run_in_executor(threads, parts.database),
        }
        answers = await asyncio.gather(
            *(asyncio.wait_for(check, WITHIN) for check in checks.values()), return_exceptions=True
        )
        # Whatever is wrong with a part, the answer names it.
        missing = [
            name
            for name, answer in zip(checks, answers, strict=True)
            if isinstance(answer, BaseException)
        ]
        return missing if parts.worker.is_running else ["worker", *missing]

    async def answer(_request: Request) -> JSONResponse:
        troubles = await failing()
        degraded = [name for name, fails in parts.degraded.items() if fails()]
        status = "failing" if troubles else "degraded" if degraded else "ok"
        return JSONResponse(
            {"status": status, "failing": troubles, "degraded": degraded},
            status_code=503 if troubles else 200,
        )

    return Starlette(routes=[Route("/health", answer)])


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
