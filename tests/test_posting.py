"""Where does a post go that somebody else has named the address of?"""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from activities.posting import LARGEST_ANSWER, ForbiddenError, Poster, Reach
from domain.webhooks import Answered, networks
from tests.processes import free_port

HOME = networks("127.0.0.0/8")

INSIDE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1",
    "198.18.0.1", "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::127.0.0.1",
)  # fmt: skip
OUTSIDE = ("93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101")


class Names:
    """Answers for names: each time the next of these addresses, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = [*answers]
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a name."""
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def host(address: str) -> str:
    """An address as a URL has it."""
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("address", INSIDE)
async def test_what_leads_inside_is_refused_by_its_address_and_by_its_name(address: str) -> None:
    with pytest.raises(ForbiddenError, match="inside"):
        await Reach().check(f"https://{host(address)}/events")
    for answer in ([address], ["93.184.216.34", address]):
        with pytest.raises(ForbiddenError, match="inside"):
            await Reach(resolve=Names(answer)).check("https://platform.example/events")


@pytest.mark.parametrize("address", OUTSIDE)
async def test_what_leads_outside_is_not(address: str) -> None:
    await Reach().check(f"https://{host(address)}/events")
    await Reach(resolve=Names([address])).check("https://platform.example/events")


@pytest.mark.parametrize(
    "url",
    [
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://localhost/",
        "https://LOCALHOST./",
    ],
)
async def test_other_ways_to_write_an_address_are_read_as_the_system_reads_them(url: str) -> None:
    with pytest.raises(ForbiddenError, match=r"inside|no address"):
        await Reach().check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_",
        "https://",
        "https:///events",
        "//93.184.216.34/",
        "https://me:secret@93.184.216.34/",
        "https://me@93.184.216.34/",
        "https://93.184.216.34/#there",
        "https://93.184.216.34:99999/",
        "https://[::1/",
        "https://93.184.216.34/a b",
        "https://93.184.216.34/\r\nHost: inside",
        "https://93.184.216.34/zażółć",
        f"https://93.184.216.34/{'a' * 2000}",
    ],
)
async def test_what_is_no_https_address_of_a_host_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenError):
        await Reach().check(url)


async def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(ForbiddenError, match="no address"):
        await Reach(resolve=Names([])).check("https://platform.example/")


@asynccontextmanager
async def listening(answer: web.StreamResponse | None = None) -> AsyncIterator[int]:
    """A server on this machine that answers everything alike, or not at all; its port."""
    over = asyncio.Event()

    async def take(request: web.Request) -> web.StreamResponse:
        if answer is None:
            await over.wait()
        CAME.append(str(request.url))
        return answer or web.Response()

    CAME.clear()
    app = web.Application()
    app.router.add_post("/{tail:.*}", take)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield port
    over.set()
    await runner.cleanup()


CAME: list[str] = []


async def posted(reach: Reach, url: str, deadline: float = 5) -> Answered:
    """What comes of a post."""
    async with Poster(reach, deadline).open() as posting:
        return await posting.post(url, {}, b"{}")


async def test_a_name_that_leads_inside_after_it_was_checked_is_not_connected_to() -> None:
    async with listening(web.Response()) as port:
        rebinding = Names(["93.184.216.34"], ["127.0.0.1"])
        reach = Reach(resolve=rebinding)
        url = f"https://platform.example:{port}/"
        await reach.check(url)
        answered = await posted(reach, url)
        assert answered == Answered(None, "Its host is inside, where nothing is sent to.")
        assert rebinding.asked == 2
        assert not CAME
        literal = await posted(reach, f"https://127.0.0.1:{port}/")
        assert literal == Answered(None, "Its host is inside, where nothing is sent to.")


async def test_a_connection_is_made_to_the_address_that_was_checked_and_no_other() -> None:
    async with listening(web.Response()) as port:
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        url = f"http://platform.example:{port}/"
        assert (await posted(Reach(HOME, names), url)).taken
        assert names.asked == 1
        assert [url] == CAME


async def test_without_tls_only_what_a_setting_allows_is_reached() -> None:
    names = Names(["127.0.0.1"], ["93.184.216.34"])
    reach = Reach(HOME, names)
    await reach.check("http://platform.example/")
    answered = await posted(reach, "http://platform.example/")
    assert answered == Answered(None, "It has to be https.")


async def test_no_redirect_is_followed() -> None:
    async with listening(web.Response(status=307, headers={"Location": "/elsewhere"})) as port:
        answered = await posted(Reach(HOME), f"http://127.0.0.1:{port}/events")
        assert (answered.status, answered.taken) == (307, False)
        assert [url.rpartition("/")[2] for url in CAME] == ["events"]


async def test_a_server_that_does_not_answer_is_waited_for_so_long_and_no_longer() -> None:
    async with listening() as port:
        began = time.monotonic()
        answered = await posted(Reach(HOME), f"http://127.0.0.1:{port}/", deadline=0.3)
        assert answered == Answered(None, "It did not answer in time.")
        assert time.monotonic() - began < 2


async def test_an_answer_that_is_too_large_is_cut_off_and_none_is_unpacked() -> None:
    large = web.Response(body=b"0" * (50 * LARGEST_ANSWER))
    bomb = web.Response(body=gzip.compress(b"0" * 50_000_000), headers={"Content-Encoding": "gzip"})
    for answer in (large, bomb):
        async with listening(answer) as port:
            assert (await posted(Reach(HOME), f"http://127.0.0.1:{port}/")).status == 200


async def test_nobody_there_is_said_in_one_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    assert await posted(Reach(HOME), url) == Answered(None, "It could not be reached.")
