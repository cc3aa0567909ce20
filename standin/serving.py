"""Running the stand-ins on 127.0.0.1 in a thread of their own, beside a test or the demo."""

import asyncio
import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

import uvicorn

from standin.books import Books, read_orders
from standin.mailbox import Mailbox, smtp_server
from standin.marketplace import Marketplace

T = TypeVar("T")
HOST = "127.0.0.1"


class PortInUseError(OSError):
    """Another program listens on the port; the message is one sentence."""


class Served(Generic[T]):
    """Something that runs for the length of a `with` or an `async with`."""

    def __init__(self, running: AbstractContextManager[T]) -> None:
        self._running = running

    def __enter__(self) -> T:
        return self._running.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.__exit__(kind, error, trace)

    async def __aenter__(self) -> T:
        return await asyncio.to_thread(self._running.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._running.__exit__, kind, error, trace)


def serve_marketplace(
    orders_file: Path | str,
    *,
    port: int = 0,
    state_file: Path | str | None = None,
    token: str | None = None,
) -> Served[str]:
    """The stand-in marketplace; yields its base URL. Port 0 takes a free one.

    Raises PortInUseError, and UnreadableFileError for orders or state that cannot be read.
    """
    return Served(_marketplace(Path(orders_file), port, state_file, token))


def serve_mailbox(folder: Path | str, *, port: int = 0) -> Served[Mailbox]:
    """The mail sink; yields the Mailbox, with its `host` and `port`. Raises PortInUseError."""
    return Served(_mailbox(Path(folder), port))


def marketplace_server(
    orders_file: Path, state_file: Path | str | None = None, token: str | None = None
) -> uvicorn.Server:
    """The stand-in marketplace, not yet running."""
    books = Books(read_orders(orders_file), Path(state_file) if state_file else None)
    return uvicorn.Server(
        uvicorn.Config(
            Marketplace(books, token).app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            # A request that was told to hang must not keep the server from ending.
            timeout_graceful_shutdown=1,
        )
    )


def listen(port: int, host: str = HOST) -> socket.socket:
    """A socket bound to the port, or to a free one for 0. Raises PortInUseError."""
    # Without the protocol's name asyncio leaves TCP_NODELAY off: 40 ms more for each answer.
    bound = socket.socket(proto=socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortInUseError(f"Port {port} on {host} is in use; choose another.") from error
    return bound


@contextmanager
def _marketplace(
    orders_file: Path, port: int, state_file: Path | str | None, token: str | None
) -> Iterator[str]:
    server = marketplace_server(orders_file, state_file, token)
    with listen(port) as bound:
        thread = threading.Thread(target=server.run, args=([bound],), name="standin-marketplace")
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.005)
            yield f"http://{HOST}:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def _mailbox(folder: Path, port: int) -> Iterator[Mailbox]:
    with listen(port) as bound:
        mailbox = Mailbox(folder, HOST, bound.getsockname()[1])
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        thread = threading.Thread(
            target=loop.run_until_complete,
            args=(smtp_server(mailbox, bound, stop),),
            name="standin-mailbox",
        )
        thread.start()
        try:
            yield mailbox
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()
