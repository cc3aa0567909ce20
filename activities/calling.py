"""Calling a server that may do anything: it answers in time and in a decent size, or not at all."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    # Loaded by the first call: the workflows and most commands import this and never call.
    from aiohttp import ClientSession, StreamReader

LARGEST_ANSWER = 1_000_000
"""Bytes of a body, after decompression. Read in pieces: more is never held."""

SILENCES = 10
"""So many calls in a row that ran out of time, and nobody is let through for a while."""

PAUSE = 5.0
"""Seconds; then one is let through to try, and another after each further pause."""

PIECE = 65_536
LONGEST_HEADER = 8_190
MOST_HEADERS = 100


class NoAnswerError(Exception):
    """No answer that can be used. `code` says why in a word; the text goes on from "it"."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What a server has answered."""

    status: int
    content: bytes


class Breaker:
    """Lets nobody wait for a server that has kept silent, but for one who tries now and then.

    Usable from several threads.
    """

    def __init__(self, silences: int = SILENCES, pause: float = PAUSE) -> None:
        self._lock = threading.Lock()
        self._limit = silences
        self._pause = pause
        self._silences = 0
        self._next_try = 0.0

    @property
    def open(self) -> bool:
        """Whether the server is being spared."""
        return self._silences >= self._limit

    def admit(self) -> None:
        """Let a call through, or raise NoAnswerError (`paused`)."""
        with self._lock:
            if not self.open:
                return
            now = time.monotonic()
            if now < self._next_try:
                raise NoAnswerError("paused", f"has kept silent {self._limit} times in a row")
            self._next_try = now + self._pause

    def answered(self) -> None:
        """The server has answered, whatever it said."""
        with self._lock:
            self._silences = 0

    def silent(self) -> None:
        """A call ran out of time."""
        with self._lock:
            self._silences += 1
            self._next_try = time.monotonic() + self._pause


class Request(NamedTuple):
    """What is asked of a server. The URL is encoded; `body` is sent as JSON."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: object = None


class Calls(NamedTuple):
    """The loop on which calls run, in a thread of its own, and what ends it."""

    loop: asyncio.AbstractEventLoop
    session: ClientSession
    ended: asyncio.Event


class Caller:
    """Calls one server. Usable from several threads; `close` it at the end.

    `connect_timeout` bounds, in seconds, all until a connection stands (names, addresses, TLS);
    `answer_timeout` all from there to the last byte of the answer, however it drips. A call
    therefore never takes longer than both together.
    """

    def __init__(self, *, connect_timeout: float, answer_timeout: float) -> None:
        self._connect_timeout = connect_timeout
        self._answer_timeout = answer_timeout
        self._breaker = Breaker()
        self._lock = threading.Lock()
        self._calls: Calls | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def spared(self) -> bool:
        """Whether the server has kept silent for so long that hardly anything is asked of it."""
        return self._breaker.open

    def cut_off(self) -> None:
        """End whatever is under way without an answer, and refuse what comes. Returns at once."""
        with self._lock:
            self._closed = True
            if self._calls:
                _end(self._calls)

    def close(self) -> None:
        """The same, and wait until the connections are closed."""
        self.cut_off()
        if self._thread:
            self._thread.join(timeout=5)

    def call(self, request: Request) -> Answer:
        """The answer, whatever it says. Redirects are not followed.

        Raises NoAnswerError: `timeout`, `no-connection`, `not-understood`, `answer-too-large`,
        `paused` while the server is being spared, `cut-off` if this caller was closed.
        """
        self._breaker.admit()
        try:
            answer = self._submit(request).result()
        except CancelledError:
            raise NoAnswerError("cut-off", "was cut off: the worker ends") from None
        except NoAnswerError as trouble:
            if trouble.code == "timeout":
                self._breaker.silent()
            elif trouble.code != "no-connection":
                self._breaker.answered()
            raise
        self._breaker.answered()
        return answer

    def _submit(self, request: Request) -> Future[Answer]:
        with self._lock:
            if self._closed:
                raise NoAnswerError("cut-off", "was not asked: the worker ends")
            if self._calls is None:
                self._calls = self._start()
            calling = _call(
                self._calls.session, request, self._connect_timeout, self._answer_timeout
            )
            return asyncio.run_coroutine_threadsafe(calling, self._calls.loop)

    def _start(self) -> Calls:
        ready: Future[Calls] = Future()
        self._thread = threading.Thread(
            # A daemon: nothing that a server does, or does not, keeps the program from ending.
            target=lambda: asyncio.run(_serve(ready)),
            name="calls",
            daemon=True,
        )
        self._thread.start()
        calls = ready.result()
        weakref.finalize(self, _end, calls)
        return calls


def _end(calls: Calls) -> None:
    if not calls.loop.is_closed():
        calls.loop.call_soon_threadsafe(calls.ended.set)


async def _serve(ready: Future[Calls]) -> None:
    """Keep the connections until told to end; then cut off every call that is under way."""
    try:
        import aiohttp  # noqa: PLC0415 - a tenth of a second that only those who call should pay

        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_connected)
        trace.on_connection_reuseconn.append(_connected)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Ours are exact, and count what these do not.
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[trace],
            read_bufsize=PIECE,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
        )
    except BaseException as error:
        ready.set_exception(error)
        raise
    async with session:
        ended = asyncio.Event()
        ready.set_result(Calls(asyncio.get_running_loop(), session, ended))
        await ended.wait()
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


@dataclass
class Deadline:
    """Until when a call may run: `limit` is moved once, when its connection stands."""

    limit: asyncio.Timeout
    answer_timeout: float
    latest: float

    def connected(self) -> None:
        """From here on counts the time for the answer."""
        now = asyncio.get_running_loop().time()
        self.limit.reschedule(min(now + self.answer_timeout, self.latest))


async def _connected(_session: object, context: object, _params: object) -> None:
    context.trace_request_ctx.connected()  # type: ignore[attr-defined]


async def _call(
    session: ClientSession, request: Request, connect_timeout: float, answer_timeout: float
) -> Answer:
    import aiohttp  # noqa: PLC0415 - loaded by now
    from yarl import URL  # noqa: PLC0415 - likewise

    begun = asyncio.get_running_loop().time()
    try:
        # Already encoded: an encoded slash or colon of an id must stay as it is.
        target = URL(request.url, encoded=True)
        async with asyncio.timeout(connect_timeout) as limit:
            deadline = Deadline(limit, answer_timeout, begun + connect_timeout + answer_timeout)
            async with session.request(
                request.method,
                target,
                headers=request.headers,
                json=request.body,
                allow_redirects=False,
                proxy=_proxy(request.url),
                trace_request_ctx=deadline,
            ) as response:
                return Answer(response.status, await _content(response.content))
    except TimeoutError:
        raise NoAnswerError("timeout", "did not answer in time") from None
    except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError) as error:
        why = f"answered in a way that is not understood ({type(error).__name__})"
        raise NoAnswerError("not-understood", why) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = f"could not be reached ({type(error).__name__})"
        raise NoAnswerError("no-connection", why) from None


async def _content(stream: StreamReader) -> bytes:
    content = bytearray()
    async for piece in stream.iter_chunked(PIECE):
        content += piece
        if len(content) > LARGEST_ANSWER:
            raise NoAnswerError(
                "answer-too-large", f"answered with more than {LARGEST_ANSWER:,} bytes"
            )
    return bytes(content)


def _proxy(url: str) -> str | None:
    """The proxy that the machine's settings name for this URL. Its netrc file is left alone."""
    parts = urlsplit(url)
    proxies = getproxies()
    if not proxies or not parts.hostname or proxy_bypass(parts.hostname):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")
