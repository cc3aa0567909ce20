"""Posting to addresses that somebody else has named: none that lead inside, and never for long."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from domain.webhooks import Answered, Network

DEADLINE = 10.0
"""Seconds for all of an attempt: names, connection, TLS, and the answer."""

LARGEST_ANSWER = 65_536
"""Bytes of an answer that are read; what follows is cut off with its connection."""

LONGEST_URL = 2_000

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
"""Networks whose addresses end in one of version 4 (RFC 6052, RFC 8215)."""


class ForbiddenError(OSError):
    """An address that is not to be reached; one sentence says why, without repeating it."""


class Reach:
    """Where posts may go: to the whole Internet by https, and to the networks that a setting names,
    by http as well.

    `resolve` answers the addresses of a name.
    """

    def __init__(self, allowed: Sequence[Network] = (), resolve: Resolve | None = None) -> None:
        self._allowed = allowed
        self._resolve = resolve or _from_system

    async def check(self, url: str) -> None:
        """Raise ForbiddenError for a URL that nothing is to be posted to."""
        parts = _parts(url)
        await self.addresses(str(parts.hostname), parts.port or 443, plain=parts.scheme == "http")

    async def addresses(self, host: str, port: int, *, plain: bool) -> list[Address]:
        """The addresses of a host, all of which may be reached; else raises ForbiddenError."""
        found = [literal] if (literal := _literal(host)) else await self._of_name(host, port)
        for address in found:
            self._check(address, plain=plain)
        return found

    async def _of_name(self, host: str, port: int) -> list[Address]:
        try:
            names = await self._resolve(host, port)
        except (OSError, UnicodeError):
            names = ()
        if not names:
            raise ForbiddenError("Its host's name leads to no address.")
        return [ip_address(name) for name in names]

    def _check(self, address: Address, *, plain: bool) -> None:
        if any(address in network for network in self._allowed):
            return
        if leads_inside(address):
            raise ForbiddenError("Its host is inside, where nothing is sent to.")
        if plain:
            raise ForbiddenError("It has to be https.")


def leads_inside(address: Address) -> bool:
    """Whether an address is not that of one host on the Internet: loopback, link-local, private,
    multicast, unspecified, reserved; or stands, in version 6, for such a one of version 4.
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if any(address in network for network in TRANSLATED):
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner:
            return leads_inside(inner)
        if address.is_site_local or address.teredo:
            return True
    return not address.is_global or address.is_multicast or address.is_reserved


class Poster:
    """Posts. No redirect is followed, no proxy asked, and no cookie kept."""

    def __init__(self, reach: Reach, deadline: float = DEADLINE) -> None:
        self._reach = reach
        self._deadline = deadline

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Posting"]:
        """Keep connections until the block ends."""
        async with (
            _session(self._reach, plain=False) as tls,
            _session(self._reach, plain=True) as no,
        ):
            yield Posting({"https": tls, "http": no}, self._reach, self._deadline)


class Posting:
    """Posts over connections that it keeps."""

    def __init__(
        self, sessions: Mapping[str, aiohttp.ClientSession], reach: Reach, deadline: float
    ) -> None:
        self._sessions = sessions
        self._reach = reach
        self._deadline = deadline

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """What was answered, in time; or why nothing was. Never raises for what a server does."""
        try:
            async with asyncio.timeout(self._deadline):
                parts = _parts(url)
                if _literal(str(parts.hostname)):  # names are looked up, and checked, to connect
                    await self._reach.check(url)
                session = self._sessions[parts.scheme]
                async with session.post(
                    url, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    if not await _reads(answer.content):
                        answer.close()
                    return Answered(answer.status)
        except ForbiddenError as error:
            return Answered(None, str(error))
        except TimeoutError:
            return Answered(None, "It did not answer in time.")
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenError):
                return Answered(None, str(error.os_error))
            return Answered(None, "It could not be reached.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answered(
                None, f"It could not be reached, or understood ({type(error).__name__})."
            )


async def _reads(content: aiohttp.StreamReader) -> bool:
    """Whether an answer ended before it was too large."""
    size = 0
    async for piece in content.iter_any():
        size += len(piece)
        if size > LARGEST_ANSWER:
            return False
    return True


def _session(reach: Reach, *, plain: bool) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=_Checked(reach, plain=plain), use_dns_cache=False, limit=0
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # ours counts all
        auto_decompress=False,
        read_bufsize=LARGEST_ANSWER,
    )


class _Checked(AbstractResolver):
    """Looks names up for each connection, which is made to the very addresses that were checked."""

    def __init__(self, reach: Reach, *, plain: bool) -> None:
        self._reach = reach
        self._plain = plain

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._reach.addresses(host, port, plain=self._plain)
        ]

    async def close(self) -> None:
        pass


def _parts(url: str) -> SplitResult:
    """A URL, taken apart; ForbiddenError for one that cannot be posted to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ForbiddenError("It cannot be read.") from None
    if parts.scheme not in ("https", "http") or not host:
        raise ForbiddenError("It has to be https, with a host.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ForbiddenError("It has to be without a name, a password and a fragment.")
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise ForbiddenError(f"It has to be at most {LONGEST_URL} printable ASCII characters.")
    return parts


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


async def _from_system(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
