"""Telling the parties: messages into the archive, notices written out, kept, and sent by mail."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.folding import WHOLE
from activities.look import Look
from activities.rendering import CaseNamed, Letters, Setting, one_line
from domain.letters import Letter
from domain.notices import Mailing, Notice, Said
from domain.orders import Person
from domain.parties import Party

if TYPE_CHECKING:
    from store.archive import Archive
    from store.cases import CaseRegister

RECIPIENT_REFUSED = "recipient-refused"
MAIL_DELAYED = "mail-delayed"
CASE_UNKNOWN = "case-unknown"


class RefusedError(Exception):
    """The mail server will never take this letter for this recipient."""


class DelayedError(Exception):
    """The mail server does not take this letter now."""


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


class Mailer:
    """The marketplace's mail server.

    `timeout` in seconds bounds each answer of the server. With `starttls` a server that does not
    offer it, or whose certificate does not hold, gets no mail.
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
        timeout: float = 10,
    ) -> None:
        self.sender = sender
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._starttls = starttls
        self._timeout = timeout

    @contextmanager
    def connection(self) -> Iterator[smtplib.SMTP]:
        """A connection for one mailing. A server that cannot be reached raises DelayedError."""
        try:
            with smtplib.SMTP(self._host, self._port, timeout=self._timeout) as smtp:
                if self._starttls:
                    smtp.starttls(context=ssl.create_default_context())
                if self._user and self._password:
                    smtp.login(self._user, self._password)
                yield smtp
        except (smtplib.SMTPException, OSError) as error:
            # Without its cause: it can hold addresses, which failures would carry into histories.
            raise DelayedError(_told(error)) from None

    def post(self, smtp: smtplib.SMTP, letter: Letter, person: Person) -> None:
        """Hand one letter to the server, or raise RefusedError or DelayedError."""
        mail = self._mail(letter, person)
        try:
            smtp.send_message(mail, self.sender.address, [person.email])
        except smtplib.SMTPRecipientsRefused as error:
            [(code, _)] = error.recipients.values()
            raise _answer(code) from None
        except smtplib.SMTPDataError as error:
            raise _answer(error.smtp_code) from None

    def _mail(self, letter: Letter, person: Person) -> EmailMessage:
        mail = EmailMessage(policy=WHOLE)
        mail["From"] = Address(self.sender.name, addr_spec=self.sender.address)
        try:
            if not person.email.isascii():
                raise ValueError
            mail["To"] = Address(one_line(person.name), addr_spec=person.email)
        except (ValueError, IndexError, MessageError):
            raise RefusedError("not a mail address") from None
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
        return mail


def _answer(code: int) -> RefusedError | DelayedError:
    refused = 500 <= code <= 599
    return RefusedError(str(code)) if refused else DelayedError(f"it answered {code}")


def _told(error: Exception) -> str:
    """What may be told of a failure: its kind and code, never its text."""
    code = getattr(error, "smtp_code", None)
    return type(error).__name__ + (f" {code}" if code else "")


def by_step(notices: Sequence[Notice]) -> list[tuple[Notice, ...]]:
    """Notices as they go into letters: one for what a step says to one party."""
    letters: dict[object, tuple[Notice, ...]] = {}
    for notice in notices:
        which = notice.key if notice.step is None else notice.step
        letters[notice.to, which] = (*letters.get((notice.to, which), ()), notice)
    return list(letters.values())


class Notices:
    """Writes to the parties. `templates_dir` holds `notices/<locale>/`."""

    def __init__(
        self,
        people: CaseRegister,
        archive: Archive,
        mailer: Mailer,
        templates_dir: Path,
        look: Look | None = None,
    ) -> None:
        self._people = people
        self._archive = archive
        self._mailer = mailer
        self._letters = Letters(templates_dir, mailer.sender.name, look)

    @activity.defn(name="archive", no_thread_cancel_exception=True)
    def archive(self, said: Said) -> None:
        """Archive what was said, each message once: quick, on our own database alone."""
        self._archive.add_messages(said.case_id, said.messages)

    @activity.defn(name="send", no_thread_cancel_exception=True)
    def send(self, mailing: Mailing) -> None:
        """Archive the messages, then write out, keep and send the notices.

        Sent again, the same mailing archives nothing twice, and sends the letters of the first
        time that are not marked as sent, word for word. Mail has no transactions: a worker that
        dies after the server took a letter and before it was marked sends it a second time,
        under the same Message-ID, by which mail programs know it for the same letter.

        Only buyer and seller get mail; agents read the case in their queue. Raises
        `mail-delayed`, to be tried again, and `recipient-refused`, which no retry mends, after
        the other letters of the mailing were sent.
        """
        self._archive.add_messages(mailing.case_id, mailing.messages)
        notices = [each for each in mailing.notices if each.to in (Party.BUYER, Party.SELLER)]
        if not notices:
            return
        setting = self._setting(mailing.case_id)
        kept = [self._prepare(together, setting) for together in by_step(notices)]
        unsent = [letter for letter in kept if letter.sent_at is None]
        if unsent:
            self._post(unsent, setting)

    def _setting(self, case_id: str) -> Setting:
        registration = self._people.find(case_id)
        if registration is None or registration.calendar is None:
            raise ApplicationError(
                f"Case {case_id} is not registered; register it before writing to its parties.",
                type=CASE_UNKNOWN,
                non_retryable=True,
            )
        return Setting(
            case=CaseNamed(case_id, registration.order_id),
            zone=registration.calendar.zone,
            people=self._people.people(case_id),
            at=datetime.now(UTC),
        )

    def _prepare(self, together: tuple[Notice, ...], setting: Setting) -> Letter:
        rendered = self._letters.render_together(together, setting)
        case_id, to = setting.case.id, together[0].to
        key = "+".join(notice.key for notice in together)
        return self._archive.prepare(
            Letter(
                id=self._mailer.sender.message_id(case_id, key, to),
                case_id=case_id,
                key=key,
                to=to,
                name=rendered.name,
                locale=rendered.locale,
                subject=rendered.subject,
                text=rendered.text,
                html=rendered.html,
                created_at=datetime.now(UTC),
            )
        )

    def _post(self, letters: list[Letter], setting: Setting) -> None:
        refused: list[str] = []
        delayed: list[str] = []
        try:
            with self._mailer.connection() as smtp:
                for letter in letters:
                    try:
                        self._mailer.post(smtp, letter, setting.people[letter.to])
                    except RefusedError as error:
                        refused.append(f"{letter.to} ({error})")
                    except DelayedError as error:
                        delayed.append(str(error))
                    else:
                        self._archive.mark_sent(letter.id, datetime.now(UTC))
        except DelayedError as error:
            delayed.append(str(error))
        if delayed:
            raise ApplicationError(
                f"The mail server does not take the mail now ({', '.join(delayed)}).",
                type=MAIL_DELAYED,
            )
        if refused:
            raise ApplicationError(
                f"The mail server refuses the {' and the '.join(refused)} as a recipient; "
                "correct the mail address in the marketplace.",
                type=RECIPIENT_REFUSED,
                non_retryable=True,
            )
