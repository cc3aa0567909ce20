"""The mail sink: does it keep what it takes, and refuse when told to?"""

import smtplib
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from standin.mailbox import Mailbox
from standin.serving import PortInUseError, serve_mailbox


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with serve_mailbox(tmp_path / "mails") as mailbox:
        yield mailbox


def mail(number: int, body: str = "Dzień dobry, czekamy na odpowiedź.") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Recourse <no-reply@market.example>"
    message["To"] = "joanna@buyer.example"
    message["Subject"] = "Żółta łódź: odpowiedź do końca poniedziałku"
    message["Message-ID"] = f"<{number}@market.example>"
    message.set_content(body)
    return message


def send(mailbox: Mailbox, *mails: EmailMessage) -> None:
    with smtplib.SMTP(mailbox.host, mailbox.port, timeout=5) as smtp:
        for each in mails:
            smtp.send_message(each)


def test_is_a_mail_kept_word_for_word(mailbox: Mailbox) -> None:
    send(mailbox, mail(1, "Zażółć gęślą jaźń.\n.\n..\nKoniec."))
    [kept] = mailbox.messages()
    assert kept["Subject"] == "Żółta łódź: odpowiedź do końca poniedziałku"
    assert kept.get_content() == "Zażółć gęślą jaźń.\r\n.\r\n..\r\nKoniec.\r\n"
    assert kept["Return-Path"] == "<no-reply@market.example>"


def test_does_the_envelope_tell_who_really_got_the_mail(mailbox: Mailbox) -> None:
    with smtplib.SMTP(mailbox.host, mailbox.port, timeout=5) as smtp:
        smtp.send_message(mail(1), to_addrs=["sprzedawca@seller.example", "copy@market.example"])
    [kept] = mailbox.messages()
    assert kept.get_all("Delivered-To") == ["sprzedawca@seller.example", "copy@market.example"]


def test_do_mails_come_back_in_the_order_in_which_they_came(mailbox: Mailbox) -> None:
    send(mailbox, *(mail(number) for number in range(30)))
    ids = [kept["Message-ID"] for kept in mailbox.messages()]
    assert ids == [f"<{number}@market.example>" for number in range(30)]


def test_is_a_mail_sent_twice_counted_twice(mailbox: Mailbox) -> None:
    send(mailbox, mail(1), mail(2), mail(1))
    names = sorted(file.stem for file in mailbox.folder.glob("*.eml"))
    hashes = [name.rpartition("-")[2] for name in names]
    assert len(mailbox.messages()) == 3
    assert hashes[0] == hashes[2] != hashes[1]


def test_are_so_many_mails_refused_as_it_was_told(mailbox: Mailbox) -> None:
    mailbox.refuse_next(2)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(mailbox, mail(1))
        assert refused.value.smtp_code == 451
    assert mailbox.messages() == []
    send(mailbox, mail(1))
    assert len(mailbox.messages()) == 1


def test_do_mails_outlive_the_sink(tmp_path: Path) -> None:
    for number in (1, 2):
        with serve_mailbox(tmp_path) as mailbox:
            send(mailbox, mail(number))
    assert [kept["Message-ID"] for kept in mailbox.messages()] == [
        "<1@market.example>",
        "<2@market.example>",
    ]


def test_does_it_end_while_a_caller_is_still_connected(tmp_path: Path) -> None:
    with serve_mailbox(tmp_path) as mailbox:
        caller = socket.create_connection((mailbox.host, mailbox.port), timeout=5)
        assert caller.recv(100).startswith(b"220 ")
    with caller:
        assert caller.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((mailbox.host, mailbox.port), timeout=5)


def test_does_a_port_in_use_give_one_sentence(tmp_path: Path) -> None:
    with serve_mailbox(tmp_path) as first, pytest.raises(PortInUseError) as refused:
        serve_mailbox(tmp_path, port=first.port).__enter__()
    assert str(refused.value) == f"Port {first.port} on 127.0.0.1 is in use; choose another."


async def test_can_it_be_served_inside_async_code(tmp_path: Path) -> None:
    async with serve_mailbox(tmp_path) as mailbox:
        send(mailbox, mail(1))
    assert len(mailbox.messages()) == 1
