"""The public keys that tokens are signed with: a key set (JWKS) at an address or in a file."""

import asyncio
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from api.requests import log
from config import ConfigurationError, UnreachableError

FRESH = 300.0
"""Seconds after which a key set is read again."""

PAUSE = 5.0
"""Seconds between two readings, however many tokens name keys that are not known."""

WITHIN = 3.0
"""Seconds in which an address has to answer."""

LARGEST = 200_000
"""Bytes of a key set."""

LOCAL = ("localhost", "127.0.0.1", "::1")

Key = ECKey | RSAKey


class Keys:
    """Keys by their ids. They are read again when they are old, and when a token names one that is
    not among them: so new keys are known, and old ones are forgotten, while this runs. Where they
    cannot be read, those of before go on.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._keys: dict[str, Key] = {}
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._reading = asyncio.Lock()
        self._beside: asyncio.Task[None] | None = None
        place = urlsplit(source)
        if place.scheme == "http" and place.hostname not in LOCAL:
            raise ConfigurationError("Set RECOURSE_API_KEYS to a file or an https address.")
        self._is_address = place.scheme in ("http", "https")

    @property
    def known(self) -> bool:
        """Whether there are any."""
        return bool(self._keys)

    async def find(self, kid: str) -> Key | None:
        """The key with an id; UnreachableError where none were ever read.

        Nobody waits for keys that are only old.
        """
        if kid not in self._keys:
            await self.refresh()
        elif time.monotonic() - self._read_at > FRESH and not self._reading.locked():
            self._beside = asyncio.create_task(self.refresh())
        if not self._keys:
            raise UnreachableError("The key set of tokens cannot be read.")
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """Read the keys again, unless that has just been tried."""
        async with self._reading:
            if time.monotonic() - self._tried_at < PAUSE:
                return
            try:
                self._keys = _public(await self._text())
                self._read_at = time.monotonic()
            except (OSError, ValueError, TimeoutError, aiohttp.ClientError, JoseError) as error:
                log.warning("the key set of tokens cannot be read: %s", type(error).__name__)
            self._tried_at = time.monotonic()

    async def _text(self) -> bytes:
        if not self._is_address:
            return await asyncio.to_thread(Path(self._source).read_bytes)
        limit = aiohttp.ClientTimeout(total=WITHIN)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.get(self._source, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            text = await answer.content.read(LARGEST + 1)
            if len(text) > LARGEST or not answer.content.at_eof():
                raise ValueError("too large")
            return text


def _public(text: bytes) -> dict[str, Key]:
    """The keys that tokens may be signed with: none that whoever checks a token could sign with."""
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("no key set")
    known = KeySet.import_key_set({"keys": document["keys"]})
    return {
        key.kid: key
        for key in known.keys
        if isinstance(key, ECKey | RSAKey) and key.kid and key.get("use", "sig") == "sig"
    }
