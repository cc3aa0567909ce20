"""Are files taken only where they may be, kept whole, and given to nobody else?"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from api.attachments import PIECE
from service.failures import RefusedError, SilentError
from service.file_types import is_of_type
from service.scanning import scan
from tests.calling import Answer, Caller, Door, door_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
PDF = b"%PDF-1.7\n" + bytes(200)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(200)
MP4 = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"


async def upload(caller: Caller, place: str, content: bytes, media_type: str) -> Answer:
    """Upload a file whole."""
    return await caller.ask("POST", place, content, {"Content-Type": media_type})


def named(answer: Answer, name: str = "photo.png") -> dict[str, Any]:
    """The file as a command names it."""
    assert answer.status == 201, answer
    return {"name": name, **answer.body}


async def test_a_file_is_uploaded_named_and_given_to_those_who_see_where_it_is_named(
    door: Door,
) -> None:
    case_id = await door.opened()
    place = f"/v1/cases/{case_id}/attachments"
    kept = await upload(door.buyer, place, PNG, "image/png")
    assert kept.body == {
        "sha256": hashlib.sha256(PNG).hexdigest(),
        "size": len(PNG),
        "media_type": "image/png",
    }
    again = await upload(door.buyer, place, PNG, "image/png")
    assert (again.status, again.body) == (201, kept.body)
    its = f"{place}/{kept.body['sha256']}"
    assert kept.headers["location"] == its

    mine = await door.buyer.get(its)
    assert mine.status == 200
    assert (await door.seller.get(its)).code == "attachment-unknown"
    said = await door.buyer.say(case_id, "say", text="Look.", attachments=[named(kept)])
    assert said.status == 200, said
    theirs = await door.seller.get(its)
    assert theirs.status == 200, theirs
    async with door.session.get(
        f"{door.base}{its}", headers={"Authorization": f"Bearer {door.platform.token}"}
    ) as answer:
        assert await answer.read() == PNG
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cache-control"] == "no-store"
    assert (await door.caller("ops", "o").get(its)).status == 403
    assert (await door.caller("buyer", "other").get(its)).status == 404
    assert (await door.agent.get(its)).status == 404


async def test_a_command_or_opening_names_only_what_was_uploaded_for_it(door: Door) -> None:
    case_id, second = await door.opened(), await door.opened()
    kept = await upload(door.buyer, f"/v1/cases/{case_id}/attachments", PNG, "image/png")
    file = named(kept)
    for wrong in (
        file | {"size": 1},
        file | {"media_type": "image/jpeg"},
        file | {"sha256": "0" * 64},
    ):
        told = await door.buyer.say(case_id, "say", text="x", attachments=[file, wrong])
        assert (told.status, told.code) == (409, "attachment-unknown")
    elsewhere = await door.buyer.say(second, "say", text="x", attachments=[file])
    assert (elsewhere.status, elsewhere.code) == (409, "attachment-unknown")
    tried = await door.buyer.post(
        f"/v1/cases/{second}/commands?dry_run=true",
        {"verb": "say", "text": "x", "attachments": [file]},
        **{"Idempotency-Key": "dry"},
    )
    assert tried.code == "attachment-unknown"

    opening = door.dispute(attachments=[file])
    assert (await door.buyer.post("/v1/cases", opening)).code == "attachment-unknown"
    named(await upload(door.seller, "/v1/attachments?country=PL", PNG, "image/png"))
    assert (await door.buyer.post("/v1/cases", opening)).code == "attachment-unknown"
    named(await upload(door.buyer, "/v1/attachments?country=PL", PNG, "image/png"))
    opened = await door.buyer.post("/v1/cases", opening)
    assert opened.status == 201, opened
    its = f"/v1/cases/{opened.body['id']}/attachments/{file['sha256']}"
    assert (await door.buyer.get(its)).status == 200
    assert (await door.platform.get(its)).status == 200
    nowhere = await upload(door.buyer, "/v1/attachments?country=XX", PNG, "image/png")
    assert (nowhere.status, nowhere.code) == (404, "policy-unknown")


async def test_a_large_file_comes_in_pieces_again_and_in_no_wrong_order(door: Door) -> None:
    case_id = await door.opened()
    film = MP4 + bytes(PIECE)
    first, second = film[:PIECE], film[PIECE:]
    begun = await door.seller.post(
        f"/v1/cases/{case_id}/uploads", {"size": len(film), "media_type": "video/mp4"}
    )
    assert begun.status == 201, begun
    assert begun.body["received"] == 0
    place = begun.headers["location"]

    async def put(offset: int, content: bytes, who: Caller = door.seller) -> Answer:
        return await who.ask("PUT", f"{place}?offset={offset}", content)

    assert (await put(PIECE, second)).code == "offset-differs"
    assert (await door.seller.post(f"{place}/complete")).code == "offset-differs"
    assert (await put(0, first)).body["received"] == PIECE
    assert (await put(0, first)).body["received"] == PIECE
    assert (await put(0, second)).code == "offset-differs"
    assert (await put(5, second)).code == "offset-differs"
    assert (await put(PIECE, first)).code == "offset-differs"
    assert (await put(PIECE, second + b"x")).code == "offset-differs"
    assert (await put(PIECE, second, door.buyer)).code == "upload-unknown"
    assert (await put(0, b"")).status == 422
    assert (await put(0, first + b"x")).status == 413
    assert (await put(PIECE, second)).body["received"] == len(film)
    for _ in range(2):
        whole = await door.seller.post(f"{place}/complete")
        assert named(whole)["sha256"] == hashlib.sha256(film).hexdigest()
    state = await door.seller.get(place)
    assert (state.body["received"], state.body["sha256"]) == (len(film), whole.body["sha256"])
    async with door.session.get(
        f"{door.base}/v1/cases/{case_id}/attachments/{whole.body['sha256']}",
        headers={"Authorization": f"Bearer {door.seller.token}"},
    ) as answer:
        assert await answer.read() == film
    dear = await door.seller.post(
        f"/v1/cases/{case_id}/uploads", {"size": 10**9, "media_type": "video/mp4"}
    )
    assert (dear.status, dear.code) == (409, "attachment-refused")


async def test_what_is_no_file_of_its_type_or_not_taken_is_refused(door: Door) -> None:
    case_id = await door.opened()
    place = f"/v1/cases/{case_id}/attachments"
    page = b"<html><script>alert(1)</script></html>"
    for content, media_type in (
        (page, "image/png"),
        (PNG, "application/pdf"),
        (page, "text/html"),
        (b"MZ" + bytes(100), "application/octet-stream"),
        (b"\xff\xfe\0x", "text/plain"),
        (PNG, "image/svg+xml"),
        (PNG, "nonsense"),
    ):
        told = await upload(door.buyer, place, content, media_type)
        assert (told.status, told.code) == (409, "attachment-refused"), (media_type, told)
    assert (await upload(door.caller("ops", "o"), place, PNG, "image/png")).status == 403
    assert (await upload(door.caller("buyer", "b"), place, PNG, "image/png")).status == 404
    large = await upload(door.buyer, place, PNG + bytes(PIECE), "image/png")
    assert (large.status, large.code) == (413, "too-large")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (PDF, "application/pdf"),
        (JPEG, "image/jpeg"),
        (MP4, "video/mp4"),
        ("Zażółć gęślą jaźń.\r\n".encode(), "text/plain"),
    ],
)
def test_a_type_is_known_by_what_is_in_a_file(content: bytes, media_type: str) -> None:
    letters = [content[n : n + 1] for n in range(len(content))]
    assert is_of_type(media_type, letters)
    for other in ("image/png", "application/pdf", "image/jpeg", "video/mp4"):
        assert is_of_type(other, letters) is (other == media_type)
    assert not is_of_type("text/plain", [b"a\0b"])
    assert not is_of_type("text/plain", ["ż".encode()[:1]])


@dataclass
class Scanner:
    """A scanner on this machine, and what it has seen."""

    url: str = ""
    status: int = 204
    seen: list[tuple[str, bytes]] = field(default_factory=list)


@asynccontextmanager
async def scanner() -> AsyncIterator[Scanner]:
    """One that answers as it is told."""
    told = Scanner()

    async def answer(request: web.Request) -> web.Response:
        told.seen.append((request.headers["content-type"], await request.read()))
        return web.Response(status=told.status)

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield told
    finally:
        await runner.cleanup()


def kept_in(folder: Path) -> list[tuple[bytes, int]]:
    """The files that are kept, and who may read them."""
    return [
        (one.read_bytes(), one.stat().st_mode & 0o777) for one in folder.glob("files/files/*/*")
    ]


async def test_nothing_is_kept_that_the_scanner_refuses_or_has_not_seen(
    door: Door, tmp_path: Path
) -> None:
    async with scanner() as eyes:
        await scan("", "image/png", lambda: iter([PNG]))
        await scan(eyes.url, "image/png", lambda: iter([PNG[:8], PNG[8:]]))
        assert eyes.seen == [("image/png", PNG)]
        eyes.status = 500
        with pytest.raises(SilentError):
            await scan(eyes.url, "image/png", lambda: iter([PNG]))
        eyes.status = 422
        with pytest.raises(RefusedError):
            await scan(eyes.url, "image/png", lambda: iter([PNG]))
        async with door_of(door.world, tmp_path, RECOURSE_SCANNER_URL=eyes.url) as guarded:
            case_id = await guarded.opened()
            place = f"/v1/cases/{case_id}/attachments"
            told = await upload(guarded.buyer, place, PNG, "image/png")
            assert (told.status, told.code) == (409, "attachment-refused")
            eyes.status = 503
            told = await upload(guarded.buyer, place, PNG, "image/png")
            assert (told.status, told.code) == (503, "unreachable")
            assert not kept_in(tmp_path)
            eyes.status = 204
            named(await upload(guarded.buyer, place, PNG, "image/png"))
            assert kept_in(tmp_path) == [(PNG, 0o600)]
    with pytest.raises(SilentError):
        await scan(eyes.url, "image/png", lambda: iter([PNG]))
