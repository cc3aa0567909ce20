"""Handing letters to a mail server that may do anything: how long is it waited for, and how many
connections does it take?
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities import mailing
from activities.mailing import DelayedError, Mailer, NoServerError, RefusedError, Sender
from domain.letters import Letter, Trouble
from domain.notices import NoticeName
from domain.orders import Person
from domain.parties import Party
from standin.mailbox import Mailbox
from standin.serving import serve_mailbox

SENDER = Sender("Bazar", "sprawy@bazar.example", "bazar.example")
READER = Person(id="b-1", name="Ewa Zielona", email="ewa@buyer.example", locale="pl")
OTHER = Person(id="s-1", name="Sklep Alfa", email="alfa@seller.example", locale="pl")


def letter(number: int = 1, text: str = "All is well.") -> Letter:
    return Letter(
        id=f"<{number}@bazar.example>",
        case_id="dispute:PL:1001:1",
        key=f"{number}:closed",
        to=Party.BUYER,
        name=NoticeName.CLOSED,
        locale="pl",
        subject="Closed",
        text=text,
        html=f"<p>{text}</p>",
        created_at=datetime(2026, 12, 14, 11, tzinfo=UTC),
    )


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with serve_mailbox(tmp_path / "mails") as mailbox:
        yield mailbox


@pytest.fixture
def mailer_to() -> Iterator[Callable[..., Mailer]]:
    with contextlib.ExitStack() as stack:

        def make(port: int, sender: Sender = SENDER, **more: float) -> Mailer:
            mailer = Mailer("127.0.0.1", port, sender, **more)  # type: ignore[arg-type]
            return stack.enter_context(contextlib.closing(mailer))

        yield make


def test_does_a_server_that_drips_hold_nobody_longer_than_a_silent_one(
    mailbox: Mailbox, mailer_to: Callable[..., Mailer]
) -> None:
    mailbox.drips = 0.3
    began = time.monotonic()
    with (
        mailer_to(mailbox.port, timeout=1).round() as post,
        pytest.raises(DelayedError),
    ):
        post(letter(), READER)
    assert time.monotonic() - began < 2


def test_does_a_whole_mailing_end_in_time_though_each_letter_would(
    mailbox: Mailbox, mailer_to: Callable[..., Mailer]
) -> None:
    with mailer_to(mailbox.port, timeout=1, mailing_timeout=2).round() as post:
        post(letter(1), READER)
        mailbox.drips = 0.2
        began = time.monotonic()
        for number in range(2, 9):
            with pytest.raises(DelayedError):
                post(letter(number), READER)
    assert time.monotonic() - began < 3
    assert len(mailbox.messages()) == 1


def test_is_a_silent_server_not_waited_for_long(mailer_to: Callable[..., Mailer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        with (
            mailer_to(mute.getsockname()[1], timeout=0.5).round() as post,
            pytest.raises(NoServerError),
        ):
            post(letter(), READER)
    assert time.monotonic() - began < 2


def test_does_a_server_that_talks_without_end_not_fill_the_memory(
    mailer_to: Callable[..., Mailer],
) -> None:
    said = 0

    def talk(server: socket.socket) -> None:
        nonlocal said
        with server.accept()[0] as speaker, contextlib.suppress(OSError):
            while True:
                said += speaker.send(b"220-and another line of greeting\r\n" * 100)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=talk, args=(server,), daemon=True).start()
        began = time.monotonic()
        with (
            mailer_to(server.getsockname()[1], timeout=5).round() as post,
            pytest.raises(NoServerError),
        ):
            post(letter(), READER)
        assert time.monotonic() - began < 2


def test_do_mailings_share_a_connection(mailbox: Mailbox, mailer_to: Callable[..., Mailer]) -> None:
    mailer = mailer_to(mailbox.port)
    for number in range(5):
        with mailer.round() as post:
            post(letter(number), READER)
            post(letter(10 + number), OTHER)
    assert len(mailbox.messages()) == 10
    assert mailbox.connected == 1


def test_is_a_connection_not_used_for_ever(
    mailbox: Mailbox, mailer_to: Callable[..., Mailer], monkeypatch: pytest.MonkeyPatch
) -> None:
    mailer = mailer_to(mailbox.port)
    with mailer.round() as post:
        post(letter(1), READER)
    monkeypatch.setattr(mailing, "KEPT_FOR", 0.0)
    with mailer.round() as post:
        post(letter(2), READER)
    assert mailbox.connected == 2
    assert len(mailbox.messages()) == 2


def test_is_a_connection_that_the_server_closed_meanwhile_opened_anew_and_nothing_doubled(
    tmp_path: Path, mailer_to: Callable[..., Mailer]
) -> None:
    with serve_mailbox(tmp_path / "mails") as mailbox:
        mailer = mailer_to(mailbox.port)
        with mailer.round() as post:
            post(letter(1), READER)
    with serve_mailbox(tmp_path / "mails", port=mailbox.port) as again:
        with mailer.round() as post:
            post(letter(2), READER)
        assert again.connected == 1
        ids = [mail["Message-ID"] for mail in again.messages()]
    assert ids == [letter(1).id, letter(2).id]


@pytest.mark.parametrize("when", ["rcpt", "content"])
def test_does_a_server_that_hangs_up_on_one_letter_get_the_next(
    tmp_path: Path, mailer_to: Callable[..., Mailer], when: str
) -> None:
    with serve_mailbox(tmp_path / "mails") as mailbox:
        answer = "421 4.7.0 I am leaving"
        if when == "rcpt":
            mailbox.refuse_recipient(READER.email, answer)
        else:
            mailbox.refuse_content("BAD", answer)
        with mailer_to(mailbox.port).round() as post:
            with pytest.raises(DelayedError):
                post(letter(1, "BAD"), READER)
            post(letter(2), OTHER)
        assert [mail["Message-ID"] for mail in mailbox.messages()] == [letter(2).id]


def test_is_what_is_refused_said_of_the_recipient_or_of_the_content(
    mailbox: Mailbox, mailer_to: Callable[..., Mailer]
) -> None:
    mailbox.refuse_recipient(READER.email)
    mailbox.refuse_content("cheap watches")
    with mailer_to(mailbox.port).round() as post:
        with pytest.raises(RefusedError) as refused:
            post(letter(1), READER)
        assert (refused.value.trouble, refused.value.code) == (Trouble.RECIPIENT_REFUSED, 550)
        with pytest.raises(RefusedError) as refused:
            post(letter(2, "cheap watches"), OTHER)
        assert (refused.value.trouble, refused.value.code) == (Trouble.CONTENT_REFUSED, 554)
        post(letter(3), OTHER)
    assert mailbox.connected == 1
    assert [mail["Message-ID"] for mail in mailbox.messages()] == [letter(3).id]


def test_is_a_letter_that_is_too_large_not_said_to_be_its_readers_fault(
    mailbox: Mailbox, mailer_to: Callable[..., Mailer]
) -> None:
    mailbox.largest = 10_000
    with mailer_to(mailbox.port).round() as post:
        with pytest.raises(RefusedError) as refused:
            post(letter(1, "x" * 20_000), READER)
        assert refused.value.trouble is Trouble.CONTENT_REFUSED
        post(letter(2), READER)


def test_can_the_platform_itself_have_an_umlaut_domain(
    mailbox: Mailbox, mailer_to: Callable[..., Mailer]
) -> None:
    sender = Sender("Żółty", "sprawy@żółw.example", "bazar.example")
    with mailer_to(mailbox.port, sender).round() as post:
        post(letter(), READER)
    [mail] = mailbox.messages()
    assert mail["Return-Path"] == "<sprawy@xn--w-uga1v8h.example>"
    assert mail["From"] == "Żółty <sprawy@xn--w-uga1v8h.example>"


async def test_do_twenty_at_once_each_send_their_own(
    mailbox: Mailbox, mailer_to: Callable[..., Mailer]
) -> None:
    mailer = mailer_to(mailbox.port)

    def send(number: int) -> None:
        with mailer.round() as post:
            post(letter(number), READER)

    for _ in range(2):
        await asyncio.gather(*(asyncio.to_thread(send, number) for number in range(20)))
    assert len(mailbox.messages()) == 40
    assert mailbox.connected < 40
