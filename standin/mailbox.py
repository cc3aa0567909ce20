"""A mail sink: an SMTP server that keeps every mail as a file, and can be told to refuse mails,
recipients or contents, to drip, or to know no SMTPUTF8.
"""

import asyncio
import email
import email.policy
import hashlib
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import AnyStr

from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """A folder of .eml files, the oldest first by name; a mail sent twice is two files.

    Names are the time of receipt and a hash of the Message-ID. Return-Path and Delivered-To, put
    before each mail, are the envelope: whom the mail was really sent to.
    """

    def __init__(self, folder: Path, host: str, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.host = host
        self.port = port
        self._lock = threading.Lock()
        self._refusals = 0
        self._refused: dict[str, str] = {}
        self._unwanted: dict[str, str] = {}
        self.drips = 0.0
        """Seconds between the bytes of every answer."""
        self.knows_utf8 = True
        """Whether SMTPUTF8 is offered to whoever connects from now on."""
        self.largest = 32 * 1024 * 1024
        """Bytes of the largest mail taken from whoever connects from now on."""
        self.connected = 0
        """How often somebody has connected."""
        self._last = datetime.min.replace(tzinfo=UTC)

    def refuse_next(self, mails: int) -> None:
        """Answers the next `mails` with 451, a temporary failure, and keeps none of them."""
        with self._lock:
            self._refusals = mails

    def refuse_recipient(
        self, address: str, answer: str = "550 5.1.1 The mail sink knows nobody of this name"
    ) -> None:
        """Answers so whenever mail is for this address."""
        with self._lock:
            self._refused[address] = answer

    def refuse_content(
        self, words: str, answer: str = "554 5.6.0 The mail sink was told to refuse this content"
    ) -> None:
        """Answers so to every mail that has these words in its subject or its plain text."""
        with self._lock:
            self._unwanted[words] = answer

    def accept_again(self) -> None:
        """Refuses nothing more, and no longer drips."""
        with self._lock:
            self._refusals = 0
            self._refused.clear()
            self._unwanted.clear()
            self.drips = 0.0

    def messages(self) -> list[EmailMessage]:
        """Every mail in the folder, the oldest first."""
        return [
            email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in sorted(self.folder.glob("*.eml"))
        ]

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Takes a recipient, unless told to refuse them."""
        with self._lock:
            if refusal := self._refused.get(address):
                return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Known"

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keeps one mail; what is answered with 250 is on the disk."""
        with self._lock:
            if self._refusals:
                self._refusals -= 1
                return "451 4.3.0 The mail sink was told to refuse; try again later"
            if refusal := self._unwanted and self._refusal_of(envelope):
                return refusal
            self._keep(envelope)
        return "250 2.0.0 Kept"

    def _refusal_of(self, envelope: Envelope) -> str | None:
        """How this content is refused, if it is."""
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        plain = mail.get_body(("plain",))
        text = f"{mail['Subject']}\n{plain.get_content() if plain else ''}"
        return next((answer for words, answer in self._unwanted.items() if words in text), None)

    def _keep(self, envelope: Envelope) -> None:
        content = envelope.content
        if not isinstance(content, bytes):
            raise TypeError("the SMTP server must hand over bytes")
        message_id = BytesHeaderParser().parsebytes(content)["Message-ID"]
        name = hashlib.sha256(str(message_id).encode() if message_id else content).hexdigest()[:8]
        # Two mails within the clock's step must still sort as they came.
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        file = self.folder / f"{self._last:%Y%m%dT%H%M%S.%fZ}-{name}.eml"
        lines = [f"Return-Path: <{envelope.mail_from}>"]
        lines += [f"Delivered-To: {recipient}" for recipient in envelope.rcpt_tos]
        # Renamed when complete: a reader of the folder never meets half a mail.
        part = file.with_suffix(".part")
        part.write_bytes("".join(f"{line}\r\n" for line in lines).encode() + content)
        part.rename(file)


class Talking(SMTP):
    """A conversation of the mail sink, as fast as it was told to talk."""

    def __init__(self, mailbox: Mailbox, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            mailbox,
            data_size_limit=mailbox.largest,
            enable_SMTPUTF8=mailbox.knows_utf8,
            loop=loop,
        )
        mailbox.connected += 1
        self._mailbox = mailbox

    def hang_up(self) -> None:
        """Cut the connection, if there still is one."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    async def push(self, status: AnyStr) -> None:
        """Answer, byte by byte if it drips."""
        if not self._mailbox.drips:
            await super().push(status)
            return
        answer = status if isinstance(status, bytes) else status.encode("ascii")
        for byte in answer + b"\r\n":
            self._writer.write(bytes([byte]))
            await self._writer.drain()
            await asyncio.sleep(self._mailbox.drips)


async def smtp_server(mailbox: Mailbox, bound: socket.socket, stop: asyncio.Event) -> None:
    """Serves the mailbox on a listening socket until told to stop; open connections are cut."""
    loop = asyncio.get_running_loop()
    before = asyncio.all_tasks()
    talks: list[Talking] = []

    def talk() -> Talking:
        talks.append(Talking(mailbox, loop))
        return talks[-1]

    server = await loop.create_server(talk, sock=bound)
    await stop.wait()
    server.close()
    conversations = asyncio.all_tasks() - before
    for conversation in conversations:
        conversation.cancel()
    await asyncio.gather(*conversations, return_exceptions=True)
    for each in talks:
        each.hang_up()
    await asyncio.sleep(0)  # they close in the loop's next turn
