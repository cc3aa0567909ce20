"""Serving the API: checked at the start, drained at the end."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import uvicorn

from activities.marketplace import Marketplace
from api.app import application
from api.carrying_out import carrying_out
from api.keys import Keys
from api.parts import Parts
from api.rates import Rates
from api.tokens import Tokens
from config import ConfigurationError, Settings, connect, listen, missing_attributes
from service.files import Folder
from store.engine import check_current
from store.engine import connect as connect_store

THREADS = 40
"""Threads that wait for the database. Its pool has fewer connections: the others wait for one."""

DRAIN = 10
"""Seconds that requests may end after SIGTERM."""


class Server(uvicorn.Server):
    """Serves until it is told to stop; signals are for whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


async def prepare(settings: Settings) -> Parts:
    """Check everything that is needed before the first request is taken."""
    settings.for_api()
    keys = Keys(settings.api_keys)
    await keys.refresh()
    if not keys.known:
        raise ConfigurationError(
            "Set RECOURSE_API_KEYS to a key set (JWKS) that can be read, with ES256 or RS256 keys."
        )
    engine = await asyncio.to_thread(connect_store, settings.database_url)
    await asyncio.to_thread(check_current, engine)
    client = await connect()
    if missing := await missing_attributes(client):
        raise ConfigurationError(
            f"The namespace {client.namespace} lacks the search attributes {', '.join(missing)}; "
            "start a worker, or run `python starter.py register-attributes` once."
        )
    tokens = Tokens(keys, settings.api_issuer, settings.api_audience, settings.links)
    rates = Rates(settings.api_requests_a_minute, settings.api_platform_requests_a_minute)
    shelf = Folder(settings.files)
    return Parts(client, engine, tokens, settings, shelf, rates, _marketplace(settings))


def _marketplace(settings: Settings) -> Marketplace | None:
    """Who knows orders that have no case yet, if it is to be asked from here."""
    if not settings.marketplace_url:
        return None
    return Marketplace(
        settings.marketplace_url,
        settings.marketplace_token.get_secret_value(),
        read_timeout=settings.marketplace_timeout_seconds,
    )


async def serve() -> None:
    """Serve with the settings of the environment until SIGTERM or Ctrl-C."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("recourse.api").setLevel(logging.INFO)
    settings = Settings.read()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "database"))
    parts = await prepare(settings)
    bound = listen("RECOURSE_API_ADDRESS", settings.api_address)
    server = Server(
        uvicorn.Config(
            application(parts),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN,
        )
    )

    ending: set[asyncio.Task[None]] = set()

    def stop() -> None:
        server.should_exit = True
        ending.add(asyncio.create_task(parts.feed.close()))  # else open streams are waited for

    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop)
    print(f"Recourse answers at http://{settings.api_address}.", flush=True)
    async with carrying_out(parts):
        await server.serve(sockets=[bound])
    if parts.marketplace:
        parts.marketplace.close()
    parts.engine.dispose()
