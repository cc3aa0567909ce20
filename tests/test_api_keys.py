"""Are the keys of tokens read from where they are, and only what can be trusted?"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from api import keys
from api.keys import LARGEST, Keys
from config import ConfigurationError, UnreachableError


@dataclass
class Address:
    """Where a key set is served, and what is served there."""

    url: str = ""
    text: str = "{}"
    status: int = 200
    asked: int = 0


@asynccontextmanager
async def served() -> AsyncIterator[Address]:
    """An address on this machine."""
    address = Address()

    async def answer(_request: web.Request) -> web.Response:
        address.asked += 1
        headers = {"Location": "/elsewhere"} if address.status == 302 else {}
        return web.Response(text=address.text, status=address.status, headers=headers)

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    try:
        yield address
    finally:
        await runner.cleanup()


def key_set(*kids: str) -> str:
    """A key set with these ids."""
    made = [ECKey.generate_key("P-256", {"kid": kid}) for kid in kids]
    return json.dumps(KeySet([*made]).as_dict(private=False))


async def test_keys_are_cached_read_again_and_those_of_before_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys, "PAUSE", 0.0)
    async with served() as address:
        known = Keys(address.url)
        with pytest.raises(UnreachableError):
            await known.find("one")
        address.text = key_set("one")
        for _ in range(3):
            assert await known.find("one")
        assert address.asked == 2
        address.text = key_set("two")
        assert await known.find("two")
        assert await known.find("one") is None
        for text, status in (
            ("nonsense", 200),
            (key_set("three"), 500),
            (key_set("three"), 302),
            (" " * (LARGEST + 1) + key_set("three"), 200),
            ('{"keys": []}', 200),
            ('{"keys": [5]}', 200),
        ):
            address.text, address.status = text, status
            assert await known.find("three") is None
            assert await known.find("two")


async def test_unknown_ids_have_keys_read_but_now_and_then() -> None:
    async with served() as address:
        address.text = key_set("one")
        known = Keys(address.url)
        for number in range(100):
            assert await known.find(f"unknown-{number}") is None
        assert address.asked == 1
        assert await known.find("one")


async def test_nobody_waits_for_keys_that_are_only_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "PAUSE", 0.0)
    async with served() as address:
        address.text = key_set("one")
        known = Keys(address.url)
        assert await known.find("one")
        monkeypatch.setattr(keys, "FRESH", -1.0)
        address.text = key_set("two")
        assert await known.find("one")
        assert known._beside
        await known._beside
        assert await known.find("two")


async def test_only_public_keys_for_signatures_count(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    secret = OctKey.generate_key(256, {"kid": "secret"})
    sealing = RSAKey.generate_key(2048, {"kid": "sealing", "use": "enc"})
    signing = RSAKey.generate_key(2048, {"kid": "signing", "use": "sig"})
    odd = {"kty": "odd", "kid": "odd"}
    each = [key.as_dict() for key in (secret, sealing, signing)]
    file.write_text(json.dumps({"keys": [*each, odd]}))
    known = Keys(str(file))
    assert await known.find("signing")
    for kid in ("secret", "sealing", "odd"):
        assert await known.find(kid) is None


def test_keys_come_by_https_or_from_this_machine() -> None:
    with pytest.raises(ConfigurationError):
        Keys("http://platform.example/keys")
    Keys("https://platform.example/keys")
