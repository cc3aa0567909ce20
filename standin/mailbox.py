"""A mail sink: an SMTP server that keeps every mail as a file, and can be told to refuse."""

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
        self._last = datetime.min.replace(tzinfo=UTC)

    def refuse_next(self, mails: int) -> None:
        """Answers the next `mails` with 451, a temporary failure, and keeps none of them."""
        with self._lock:
            self._refusals = mails

    def messages(self) -> list[EmailMessage]:
        """Every mail in the folder, the oldest first."""
        return [
            email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in sorted(self.folder.glob("*.eml"))
        ]

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keeps one mail; what is answered with 250 is on the disk."""
        with self._lock:
            if self._refusals:
                self._refusals -= 1
                return "451 4.3.0 The mail sink was told to refuse; try again later"
            self._keep(envelope)
        return "250 2.0.0 Kept"

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


async def smtp_server(mailbox: Mailbox, bound: socket.socket, stop: asyncio.Event) -> None:
    """Serves the mailbox on a listening socket until told to stop; open connections are cut."""
    loop = asyncio.get_running_loop()
    before = asyncio.all_tasks()
    server = await loop.create_server(
        lambda: SMTP(mailbox, enable_SMTPUTF8=True, loop=loop), sock=bound
    )
    await stop.wait()
    server.close()
    conversations = asyncio.all_tasks() - before
    for conversation in conversations:
        conversation.cancel()
    await asyncio.gather(*conversations, return_exceptions=True)
