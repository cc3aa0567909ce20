"""Handing letters to the marketplace's mail server, however slowly or wrongly it answers."""

from __future__ import annotations

import hashlib
import io
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from typing import TYPE_CHECKING, Protocol

import idna

from activities.folding import WHOLE
from activities.rendering import one_line
from domain.letters import Letter, Trouble
from domain.orders import Person

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from _typeshed import ReadableBuffer, WriteableBuffer

LONGEST_ADDRESS = 254
"""RFC 5321 4.5.3.1.3, less the angle brackets."""

LONGEST_REPLY = 64 * 1024
"""Bytes of one answer of the server, which may have many lines but not without end."""

KEPT = 4
"""Connections that are kept between mailings, at most."""

KEPT_FOR = 60.0
"""Seconds after which a connection is not used again: servers close idle ones."""

TOO_LARGE = 552
"""RFC 1870: of the sender's line it means the letter's size, not the sender."""


LEAVING = 421
"""RFC 5321 4.2.3: the server closes the connection."""


class RefusedError(Exception):
    """The mail server will never take this letter for this recipient; `trouble` says why."""

    def __init__(self, trouble: Trouble, code: int | None = None) -> None:
        super().__init__(f"{trouble} {code}" if code else str(trouble))
        self.trouble = trouble
        self.code = code


class DelayedError(Exception):
    """The mail server does not take this letter now."""


class NoServerError(DelayedError):
    """No mail server answers, or none that lets us in: it will take none of the letters now."""


@dataclass(frozen=True)
class Sender:
    """Whom the letters come from. `domain` ends each Message-ID; keep it while cases are open."""

    name: str
    address: str
    domain: str = "recourse.example"

    def message_id(self, *parts: str) -> str:
        """A Message-ID that is always the same for the same parts, and tells nothing of them."""
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
        return f"<{digest}@{self.domain}>"


Post = Callable[[Letter, Person], None]
"""Hands over one letter, or raises RefusedError or DelayedError."""


class Courier(Protocol):
    """Whoever takes letters to their readers: a mail server, or a test."""

    @property
    def sender(self) -> Sender:
        """Whom the letters come from."""

    def round(self) -> AbstractContextManager[Post]:
        """One mailing."""


class Mailer:
    """The marketplace's mail server.

    With `starttls` a server that does not offer it, or whose certificate does not hold, gets no
    mail. `timeout` and `mailing_timeout` are the seconds that one letter, connecting included, and
    a whole mailing may take, whatever the server does meanwhile: together less than the step that
    mails may take (LETTERS of the options). Connections are kept for the next mailing. Usable from
    several threads; `close` it at the end.
    """

    def __init__(
        self,
        host: str,
        port: int,
        sender: Sender,
        *,
        user: str | None = None,
        password: str | None = None,
        starttls: bool = False,
        timeout: float = 8,
        mailing_timeout: float = 20,
    ) -> None:
        self._sender = sender
        self._from = addressed(sender.name, sender.address)
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._starttls = starttls
        self._timeout = timeout
        self._mailing_timeout = mailing_timeout
        self._lock = threading.Lock()
        self._kept: list[Conversation] = []
        self._closed = False

    @property
    def sender(self) -> Sender:
        """Whom the letters come from."""
        return self._sender

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, []
        for conversation in kept:
            conversation.leave()

    @contextmanager
    def round(self) -> Iterator[Post]:
        """One mailing: hands letters over on as few connections as will do."""
        deadline = Deadline(time.monotonic() + self._mailing_timeout)
        current: list[Conversation] = []

        def post(letter: Letter, person: Person) -> None:
            envelope = self._envelope(letter, person)
            deadline.letter_ends = time.monotonic() + self._timeout
            try:
                if deadline.left <= 0:
                    raise TimeoutError  # before anything is said
                self._hand_over(envelope, current, deadline)
            except (smtplib.SMTPException, OSError) as error:
                if current:
                    current.pop().leave()
                # Without its cause: it can hold addresses, which failures carry into histories.
                raise DelayedError(_told(error)) from None
            finally:
                for conversation in current:
                    conversation.fresh = False

        try:
            yield post
        finally:
            if current:
                self._keep(current.pop())

    def _hand_over(
        self, envelope: Envelope, current: list[Conversation], deadline: Deadline
    ) -> None:
        while True:
            if not current:
                current.append(self._kept_or_new(deadline))
            conversation = current[0]
            conversation.deadline = deadline
            try:
                conversation.address(envelope)
            except (smtplib.SMTPServerDisconnected, OSError):
                # The server has closed it meanwhile. It had got nothing of the letter yet.
                if conversation.fresh:
                    raise
                current.pop().leave()
                continue
            conversation.hand_over(envelope)
            return

    def _kept_or_new(self, deadline: Deadline) -> Conversation:
        while True:
            with self._lock:
                conversation = self._kept.pop() if self._kept else None
            if conversation is None:
                return self._new(deadline)
            if conversation.is_usable(deadline):
                return conversation
            conversation.leave()

    def _new(self, deadline: Deadline) -> Conversation:
        conversation = None
        try:
            conversation = Conversation(self._host, self._port, deadline)
            if self._starttls:
                conversation.starttls(context=ssl.create_default_context())
            if self._user and self._password:
                conversation.login(self._user, self._password)
        except (smtplib.SMTPException, OSError) as error:
            if conversation:
                conversation.leave()
            raise NoServerError(_told(error)) from None
        return conversation

    def _keep(self, conversation: Conversation) -> None:
        with self._lock:
            if not self._closed and conversation.sock and len(self._kept) < KEPT:
                self._kept.append(conversation)
                return
        conversation.leave()

    def _envelope(self, letter: Letter, person: Person) -> Envelope:
        mail = EmailMessage(policy=WHOLE)
        mail["From"] = self._from
        try:
            mail["To"] = to = addressed(one_line(person.name), person.email)
        except (ValueError, IndexError, MessageError):
            raise RefusedError(Trouble.NO_ADDRESS) from None
        utf8 = not f"{self._from.addr_spec}{to.addr_spec}".isascii()
        try:
            mail["Subject"] = letter.subject
            mail["Date"] = letter.created_at
            mail["Message-ID"] = letter.id
            # One thread for each case: every letter answers a first one that was never sent.
            mail["References"] = self.sender.message_id(letter.case_id)
            mail["Auto-Submitted"] = "auto-generated"
            mail["X-Recourse-Case"] = letter.case_id
            mail.set_content(letter.text)
            mail.add_alternative(letter.html, subtype="html")
            mail["Content-Language"] = letter.locale
            content = mail.as_bytes(policy=WHOLE.clone(utf8=utf8))
        except (ValueError, MessageError, LookupError):
            raise RefusedError(Trouble.NOT_WRITTEN) from None
        return Envelope(self._from.addr_spec, to.addr_spec, content, utf8)


@dataclass(frozen=True)
class Envelope:
    """A mail as it is handed over. `utf8`: an address is not ASCII before its @ (RFC 6531)."""

    sender: str
    recipient: str
    content: bytes
    utf8: bool


class Deadline:
    """When a mailing, and the letter it is at, must be over, by the monotonic clock."""

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.letter_ends = ends

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return min(self.ends, self.letter_ends) - time.monotonic()

    def wait(self) -> float:
        """How long the server may take now; TimeoutError if time is up."""
        if (left := self.left) <= 0:
            raise TimeoutError("the mail server took too long")
        return left


class Conversation(smtplib.SMTP):
    """A connection to the mail server that ends with its deadline: a server that sends a byte now
    and then is not waited for any longer than a silent one.
    """

    def __init__(self, host: str, port: int, deadline: Deadline) -> None:
        self.deadline = deadline
        self.born = time.monotonic()
        self.fresh = True
        self.unread = LONGEST_REPLY
        super().__init__(host, port, local_hostname=_own_name(), timeout=deadline.wait())

    def getreply(self) -> tuple[int, bytes]:
        """The server's answer, if it comes in time and has an end."""
        self.unread = LONGEST_REPLY
        if self.file is None:
            self.file = io.BufferedReader(Reading(self))
        return super().getreply()

    def send(self, s: ReadableBuffer | str) -> None:
        """Say something; a server that does not listen is not waited for."""
        if self.sock:
            self.sock.settimeout(self.deadline.wait())
        super().send(s)

    def is_usable(self, deadline: Deadline) -> bool:
        """Whether a connection that was kept is young, and still there."""
        self.deadline = deadline
        if time.monotonic() - self.born > KEPT_FOR:
            return False
        try:
            return self.rset()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def address(self, envelope: Envelope) -> None:
        """Say from whom and to whom; RefusedError if the server will never take it so."""
        self.ehlo_or_helo_if_needed()
        options = []
        if self.has_extn("size"):
            options.append(f"size={len(envelope.content)}")
        if envelope.utf8:
            if not self.has_extn("smtputf8"):
                raise RefusedError(Trouble.ADDRESS_NOT_SUPPORTED)
            options.append("SMTPUTF8")
        if self.has_extn("8bitmime"):
            options.append("BODY=8BITMIME")
        code, _ = self.mail(envelope.sender, options)
        if code == TOO_LARGE:
            self._start_over()
            raise RefusedError(Trouble.CONTENT_REFUSED, code)
        if code != 250:
            # Whatever it has against us: it says nothing of the letter or its reader.
            self._delay(code, before_data=True)
        code, _ = self.rcpt(envelope.recipient)
        if 500 <= code <= 599:
            self._start_over()
            raise RefusedError(Trouble.RECIPIENT_REFUSED, code)
        if code not in (250, 251):
            self._delay(code, before_data=True)

    def hand_over(self, envelope: Envelope) -> None:
        """Say the letter itself. What breaks off from here on may have been taken."""
        try:
            code, _ = self.data(envelope.content)
        except smtplib.SMTPDataError as error:  # it did not even want to hear it
            code = error.smtp_code
        if 500 <= code <= 599:
            self._start_over()
            raise RefusedError(Trouble.CONTENT_REFUSED, code)
        if code != 250:
            self._delay(code)

    def leave(self) -> None:
        """Close the connection, with a word but without waiting for an answer."""
        with suppress(smtplib.SMTPException, OSError):
            if self.sock:
                self.sock.settimeout(0)
                self.sock.send(b"QUIT\r\n")
        with suppress(OSError):
            self.close()

    def _start_over(self) -> None:
        """Forget the letter, so that the next one can follow."""
        try:
            self.rset()
        except (smtplib.SMTPException, OSError):
            self.close()

    def _delay(self, code: int, *, before_data: bool = False) -> None:
        if code == LEAVING and before_data:
            raise smtplib.SMTPServerDisconnected(f"it answered {code}")
        self._start_over()
        raise DelayedError(f"it answered {code}")


class Reading(io.RawIOBase):
    """What the server says, until the deadline."""

    def __init__(self, conversation: Conversation) -> None:
        super().__init__()
        self._conversation = conversation

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """The next bytes; TimeoutError at the deadline."""
        said = self._conversation
        assert said.sock is not None
        said.sock.settimeout(said.deadline.wait())
        count = said.sock.recv_into(buffer)
        said.unread -= count
        if said.unread < 0:
            raise OSError("the mail server talks without end")
        return count


def addressed(name: str, address: str) -> Address:
    """A person and their address as mail servers take it, its domain in ASCII; ValueError or
    MessageError if it is none.
    """
    local, at, domain = address.strip().rpartition("@")
    if not (local and at and domain):
        raise ValueError("no address")
    if not domain.isascii():
        # What it raises for a domain that is none is a UnicodeError, and so a ValueError.
        domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    if len(f"{local}@{domain}".encode()) > LONGEST_ADDRESS:
        raise ValueError("too long")
    if local.isascii():
        return Address(name, addr_spec=f"{local}@{domain}")
    if not all(part and all(map(_stands_in_a_local_part, part)) for part in local.split(".")):
        raise ValueError("no address")
    return Address(name, username=local, domain=Address(addr_spec=f"a@{domain}").domain)


def _stands_in_a_local_part(letter: str) -> bool:
    """RFC 6531 3.3: any that is not ASCII stands where an ASCII letter may."""
    if letter.isascii():
        return letter.isalnum() or letter in "!#$%&'*+-/=?^_`{|}~"
    return letter.isprintable() and not letter.isspace()


def _own_name() -> str:
    """By which name the server is greeted; as smtplib does, without asking a name server."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


def _told(error: Exception) -> str:
    """What may be told of a failure: its kind and code, never its text."""
    code = getattr(error, "smtp_code", None)
    return type(error).__name__ + (f" {code}" if code else "")
