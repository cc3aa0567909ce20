"""Telling the parties: messages into the archive, notices written out, kept, and sent by mail."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.keeping import Letterbook, People
from activities.links import Links
from activities.look import Look
from activities.mailing import (
    Courier,
    DelayedError,
    NoServerError,
    Post,
    RefusedError,
)
from activities.rendering import CaseNamed, Letters, Setting
from domain.letters import Letter, Posted, Trouble, Undelivered
from domain.notices import Mailing, Notice, Said
from domain.orders import Order, Person
from domain.parties import Party
from domain.policy import Redress
from policies import ways_outside

MAIL_DELAYED = "mail-delayed"
CASE_UNKNOWN = "case-unknown"
UNDELIVERED = "recourse_letters_undelivered"
"""The counter of letters that did not arrive, by `trouble`."""

MARKED_AFTER = 2.0
"""Seconds for which sent letters may wait to be marked together: a worker that dies then sends them
twice.
"""

logger = logging.getLogger(__name__)


class Addresses(Protocol):
    """Who knows the parties' addresses as they are now: the marketplace."""

    def order(self, order_id: str) -> Order | None:
        """The order with its buyer and seller; any failure means that it cannot be asked now."""


def by_step(notices: Sequence[Notice]) -> list[tuple[Notice, ...]]:
    """Notices as they go into letters: one for what a step says to one party."""
    letters: dict[object, tuple[Notice, ...]] = {}
    for notice in notices:
        which = notice.key if notice.step is None else notice.step
        letters[notice.to, which] = (*letters.get((notice.to, which), ()), notice)
    return list(letters.values())


class Notices:
    """Writes to the parties. `templates_dir` holds `notices/<locale>/`.

    `links` are put into letters that lead to a case's page, if its address asks for one.
    `addresses` is asked where to, each time that a mailing leaves; while it cannot be asked, and
    without it, letters go where the case last knew.
    `redress`: where a consumer of each country can go; unless it is given, as policies/ says.
    """

    def __init__(
        self,
        people: People,
        archive: Letterbook,
        courier: Courier,
        templates_dir: Path,
        *,
        look: Look | None = None,
        links: Links | None = None,
        addresses: Addresses | None = None,
        redress: Mapping[str, Redress] | None = None,
    ) -> None:
        self._people = people
        self._archive = archive
        self._courier = courier
        self._letters = Letters(templates_dir, courier.sender.name, look, links)
        self._look = look or Look()
        self._links = links
        self._addresses = addresses
        self._redress = ways_outside() if redress is None else redress

    @activity.defn(name="archive", no_thread_cancel_exception=True)
    def archive(self, said: Said) -> None:
        """Archive what was said, each message once: quick, on our own database alone."""
        self._archive.add_messages(said.case_id, said.messages)

    @activity.defn(name="send", no_thread_cancel_exception=True)
    def send(self, mailing: Mailing) -> Posted | None:
        """Write out, keep and send the notices; answers which letters did not arrive, if any.

        Sent again, the same mailing archives nothing twice, and sends the letters of the first
        time that are not marked as sent, word for word. Mail has no transactions: a worker that
        dies after the server took a letter and before it was marked sends it a second time,
        under the same Message-ID, by which mail programs know it for the same letter.

        Only buyer and seller get mail; agents read the case in their queue. Raises `mail-delayed`,
        to be tried again, after every other letter of the mailing was sent; on the `last` try it
        answers which letters those are.
        """
        if mailing.messages:
            self._archive.add_messages(mailing.case_id, mailing.messages)
        notices = [each for each in mailing.notices if each.to in (Party.BUYER, Party.SELLER)]
        if not notices:
            return None
        setting = self._setting(mailing.case_id)
        written, undelivered = self._write(by_step(notices), setting)
        kept = self._archive.prepare(written)
        unsent = [letter for letter in kept if letter.sent_at is None]
        delayed: list[tuple[Letter, str]] = []
        if unsent:
            posting = _Posting(self._archive, self._courier)
            people = self._people_now(setting)
            posting.post([self._linked(letter, people) for letter in unsent], people)
            undelivered += posting.refused
            delayed = posting.delayed
        if mailing.last:
            undelivered += [_undelivered(letter, Trouble.NOT_TAKEN) for letter, _ in delayed]
        self._archive.settle(mailing.case_id, (), undelivered, datetime.now(UTC))
        for one in undelivered:
            _count(one)
        if delayed and not mailing.last:
            raise ApplicationError(
                "The mail server does not take the mail now "
                f"({', '.join(dict.fromkeys(why for _, why in delayed))}).",
                type=MAIL_DELAYED,
            )
        return Posted(undelivered=tuple(undelivered)) if undelivered else None

    def _linked(self, letter: Letter, people: Mapping[Party, Person]) -> Letter:
        """The letter as it leaves."""
        return self._links.into(letter, people[letter.to].id, self._look) if self._links else letter

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
            redress=self._redress.get(registration.calendar.country),
        )

    def _people_now(self, setting: Setting) -> Mapping[Party, Person]:
        """The parties with the addresses that the marketplace has of them now."""
        people = dict(setting.people)
        if self._addresses is None:
            return people
        try:
            order = self._addresses.order(setting.case.order_id)
        except Exception as error:  # whatever it is: the letter leaves to where the case knows
            logger.info("No address could be asked for (%s).", type(error).__name__)
            return people
        if order is None:
            return people
        for party, now in ((Party.BUYER, order.buyer), (Party.SELLER, order.seller)):
            known = people.get(party)
            if known and known.id == now.id and known.email != now.email:
                self._people.readdress(setting.case.id, party, now.email)
                people[party] = known.model_copy(update={"email": now.email})
        return people

    def _write(
        self, letters: Sequence[tuple[Notice, ...]], setting: Setting
    ) -> tuple[list[Letter], list[Undelivered]]:
        """The letters written out, and those that cannot be: a defect that no retry mends."""
        written: list[Letter] = []
        failed: list[Undelivered] = []
        for together in letters:
            try:
                written.append(self._written(together, setting))
            except Exception as error:  # the other letters leave all the same
                first = together[0]
                # Without its text: it can hold a person's words.
                logger.error(
                    "The letter %s of %s to the %s cannot be written (%s).",
                    first.name,
                    setting.case.id,
                    first.to,
                    type(error).__name__,
                )
                failed.append(
                    Undelivered(
                        key=key_of(together),
                        to=first.to,
                        name=first.name,
                        trouble=Trouble.NOT_WRITTEN,
                    )
                )
        return written, failed

    def _written(self, together: tuple[Notice, ...], setting: Setting) -> Letter:
        rendered = self._letters.render_together(together, setting)
        for text in (rendered.subject, rendered.text, rendered.html):
            text.encode()  # neither the archive nor a mail can hold what cannot be encoded
        case_id, to, key = setting.case.id, together[0].to, key_of(together)
        return Letter(
            id=self._courier.sender.message_id(case_id, key, to),
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


class _Posting:
    """One mailing on its way."""

    def __init__(self, archive: Letterbook, courier: Courier) -> None:
        self._archive = archive
        self._courier = courier
        self._sent: list[tuple[Letter, datetime]] = []
        self._marked = time.monotonic()
        self.refused: list[Undelivered] = []
        self.delayed: list[tuple[Letter, str]] = []

    def post(self, letters: Sequence[Letter], people: Mapping[Party, Person]) -> None:
        """Post the letters, one after the other; what was sent is marked, whatever happens."""
        try:
            with self._courier.round() as post:
                for number, letter in enumerate(letters):
                    try:
                        self._one(post, letter, people)
                    except NoServerError as error:
                        self.delayed += [(left, str(error)) for left in letters[number:]]
                        break
        finally:
            self._mark()

    def _one(self, post: Post, letter: Letter, people: Mapping[Party, Person]) -> None:
        try:
            post(letter, people[letter.to])
        except RefusedError as error:
            self.refused.append(_undelivered(letter, error.trouble, error.code))
        except NoServerError:
            raise
        except DelayedError as error:
            self.delayed.append((letter, str(error)))
        else:
            self._sent.append((letter, datetime.now(UTC)))
            if time.monotonic() - self._marked > MARKED_AFTER:
                self._mark()

    def _mark(self) -> None:
        if self._sent:
            case_id = self._sent[0][0].case_id
            self._archive.settle(case_id, self._sent, (), datetime.now(UTC))
        self._sent, self._marked = [], time.monotonic()


def key_of(together: Sequence[Notice]) -> str:
    """The key of the letter that notices are."""
    return "+".join(notice.key for notice in together)


def _undelivered(letter: Letter, trouble: Trouble, code: int | None = None) -> Undelivered:
    return Undelivered(key=letter.key, to=letter.to, name=letter.name, trouble=trouble, code=code)


def _count(one: Undelivered) -> None:
    """Count it for ops."""
    if activity.in_activity():
        meter = activity.metric_meter().with_additional_attributes({"trouble": str(one.trouble)})
        meter.create_counter(UNDELIVERED, "Letters that did not arrive.").add(1)
