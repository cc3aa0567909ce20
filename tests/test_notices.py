"""Telling the parties: does each letter arrive once, whole, and at nobody else's?"""

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.folding import WHOLE
from activities.links import Links
from activities.look import Look
from activities.mailing import Mailer, Sender
from activities.notices import (
    CASE_UNKNOWN,
    MAIL_DELAYED,
    Addresses,
    Notices,
)
from domain.calendars import Calendar
from domain.commands import Remedy, Verdict
from domain.goods import Goods, Purpose, Way
from domain.letters import Posted, Trouble
from domain.money import Money
from domain.notices import Facts, Mailing, Message, Notice, NoticeName, Told
from domain.openings import OpenDispute
from domain.orders import Order, OrderedLine, Person
from domain.parties import Actor, Party
from domain.ports import Registration
from policies import read_policy
from standin.serving import serve_mailbox
from store.archive import Archive
from store.cases import CaseRegister
from store.engine import connect, migrate

ROOT = Path(__file__).parent.parent
NOON = datetime(2026, 12, 14, 11, 0, tzinfo=UTC)
DUE = datetime(2026, 12, 28, 23, 0, tzinfo=UTC)
SENDER = Sender("Bazar Żółty", "sprawy@bazar.example", "bazar.example")
BUYER = Person(id="b-1", name="Joanna Żak", email="joanna@buyer.example", locale="pl")
SELLER = Person(id="s-1", name="Kuhinja, d.o.o.", email="info@seller.example", locale="sl")


@dataclass
class PostOffice:
    """A mail server that keeps what it takes and can be told to answer otherwise.

    `loses` takes that many mails and breaks off before saying so.
    """

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    on_data: list[str] = field(default_factory=list)
    loses: int = 0
    port: int = 0

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.on_data:
            return self.on_data.pop(0)
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients += [str(each) for each in envelope.rcpt_tos]
        if self.loses:
            self.loses -= 1
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "250 OK"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
def office() -> Iterator[PostOffice]:
    office = PostOffice()
    controller = Controller(office, hostname="127.0.0.1", port=free_port())
    controller.start()
    office.port = controller.port
    yield office
    controller.stop()


@dataclass
class Desk:
    """The activity on a real store, and what it needs to be asked about."""

    case_id: str
    archive: Archive
    register: CaseRegister
    mailers: list[Mailer]

    def mailer(self, port: int, **more: Any) -> Mailer:
        mailer = Mailer("127.0.0.1", port, SENDER, **{"timeout": 5, **more})
        self.mailers.append(mailer)
        return mailer

    def notices(self, port: int, addresses: Addresses | None = None, **more: Any) -> Notices:
        mailer = self.mailer(port, **more)
        return Notices(self.register, self.archive, mailer, ROOT / "templates", addresses=addresses)


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    engine = connect(f"sqlite:///{tmp_path}/recourse.db")
    migrate(engine)

    def open_it(buyer: Person = BUYER, seller: Person = SELLER) -> Desk:
        opening = OpenDispute(
            country="PL",
            order_id="1001",
            opened_by=Actor(party=Party.BUYER, id="b-1"),
            text="Kettle leaks.",
            reason="damaged",
            wanted=Remedy.FULL_REFUND,
        )
        order = Order(
            id="1001",
            country="PL",
            currency="PLN",
            placed_at=NOON,
            buyer=buyer,
            seller=seller,
            lines=(OrderedLine(sku="kettle", title="Kettle", quantity=1, unit_price_minor=12_000),),
        )
        calendar = Calendar(
            country="PL",
            zone="Europe/Warsaw",
            version="1",
            first_year=2026,
            last_year=2027,
            holidays={},
        )
        registration = Registration(
            order_id="1001",
            buyer_id=buyer.id,
            seller_id=seller.id,
            at_stake=Money(amount_minor=12_000, currency="PLN"),
            policy_version="pl-1",
            calendar=calendar,
        )
        register = CaseRegister(engine)
        register.register(opening.case_id, opening, order, lambda *_: registration, NOON)
        return Desk(opening.case_id, Archive(engine), register, mailers)

    mailers: list[Mailer] = []
    yield open_it
    for mailer in mailers:
        mailer.close()
    engine.dispose()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()


def silent(case_id: str, *messages: Message) -> Mailing:
    """Both parties are told that the buyer was silent."""
    facts = Facts(due=DUE)
    name = NoticeName.BUYER_SILENT
    notices = tuple(
        Notice(key="7", to=to, name=name, facts=facts) for to in (Party.BUYER, Party.SELLER)
    )
    return Mailing(case_id=case_id, messages=messages, notices=notices)


def part(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body((subtype,))
    assert body is not None
    content: str = body.get_content()
    return content


def unsent(desk: Desk) -> set[Party]:
    return {letter.to for letter in desk.archive.letters(desk.case_id) if not letter.sent_at}


@pytest.mark.parametrize("length", range(1, 70))
def test_is_every_space_of_a_folded_header_still_there(length: int) -> None:
    subject = f"Zamówienie {'9' * length}: otrzymaliśmy Państwa reklamację, łódź i żółta lampa"
    name = f"{'ą' * length} Świętosława Brzęczyszczykiewicz-Łękołodzka"
    mail = EmailMessage(policy=WHOLE)
    mail["Subject"], mail["To"] = subject, Address(name, addr_spec="s@buyer.example")
    sent = mail.as_bytes()
    assert max(map(len, sent.splitlines())) <= 78
    # Read without Python's newer parser, which puts spaces into folded names itself.
    read = BytesParser(policy=policy.compat32).parsebytes(sent)
    assert str(make_header(decode_header(read["Subject"]))) == subject
    who, address = parseaddr(" ".join(read["To"].split()))
    assert (str(make_header(decode_header(who))), address) == (name, "s@buyer.example")


async def test_does_a_letter_name_the_bodies_of_the_cases_country(
    office: PostOffice, desk: Desk
) -> None:
    facts = Facts(verdict=Verdict.FOR_SELLER)
    final = Notice(key="9", to=Party.BUYER, name=NoticeName.DECISION_FINAL, facts=facts)
    mailing = Mailing(case_id=desk.case_id, notices=(final,))
    ActivityEnvironment().run(desk.notices(office.port).send, mailing)
    way = read_policy("PL").redress
    assert way is not None
    assert way.body in part(office.mails[0], "plain")
    assert way.court in part(office.mails[0], "plain")


async def test_does_each_party_get_the_letter_in_their_language(
    office: PostOffice, desk: Desk
) -> None:
    ActivityEnvironment().run(desk.notices(office.port).send, silent(desk.case_id))
    polish, slovene = office.mails
    assert office.recipients == [BUYER.email, SELLER.email]
    assert polish["Subject"] == "Sprawa zamknięta z powodu braku odpowiedzi (zamówienie 1001)"
    assert "do końca poniedziałku, 28 grudnia 2026 roku" in part(polish, "plain")
    assert '<html lang="pl">' in part(polish, "html")
    assert "do końca poniedziałku, 28 grudnia 2026 roku" in part(polish, "html")
    assert "do konca ponedeljka, 28. decembra 2026" in part(slovene, "plain")
    assert polish.get_content_type() == "multipart/alternative"
    assert polish["From"] == "Bazar Żółty <sprawy@bazar.example>"
    assert polish["To"].addresses[0].display_name == "Joanna Żak"
    assert slovene["To"].addresses[0].display_name == "Kuhinja, d.o.o."
    assert slovene["To"].addresses[0].addr_spec == SELLER.email
    assert polish["Auto-Submitted"] == "auto-generated"
    assert polish["X-Recourse-Case"] == "dispute:PL:1001:1"
    assert polish["Content-Language"] == "pl"
    assert polish["References"] == slovene["References"]
    assert polish["Message-ID"] != slovene["Message-ID"]
    assert polish["Message-ID"].endswith("@bazar.example>")
    assert "1001" not in polish["Message-ID"]


def test_is_what_was_sent_archived_word_for_word(office: PostOffice, desk: Desk) -> None:
    desk.notices(office.port).send(silent(desk.case_id))
    kept = {letter.id: letter for letter in desk.archive.letters(desk.case_id)}
    for mail in office.mails:
        letter = kept[str(mail["Message-ID"])]
        assert part(mail, "plain").replace("\r\n", "\n") == letter.text
        assert part(mail, "html").replace("\r\n", "\n").strip() == letter.html.strip()
        assert letter.subject == mail["Subject"]
        assert letter.sent_at is not None


def test_is_a_mailing_that_runs_twice_sent_once(office: PostOffice, desk: Desk) -> None:
    said = Message(id="m-1", at=NOON, by=Actor(party=Party.BUYER, id="b-1"), text="Hello?")
    for _ in range(2):
        desk.notices(office.port).send(silent(desk.case_id, said))
    assert len(office.mails) == 2
    assert desk.archive.messages(desk.case_id) == [said]


def test_is_another_step_another_letter(office: PostOffice, desk: Desk) -> None:
    mailing = silent(desk.case_id)
    again = tuple(notice.model_copy(update={"key": "8"}) for notice in mailing.notices)
    desk.notices(office.port).send(mailing)
    desk.notices(office.port).send(mailing.model_copy(update={"notices": again}))
    assert len({mail["Message-ID"] for mail in office.mails}) == 4


def test_is_what_one_step_tells_a_reader_one_letter(office: PostOffice, desk: Desk) -> None:
    def told(key: str, to: Party, name: NoticeName, step: int | None) -> Notice:
        return Notice(key=key, to=to, name=name, facts=Facts(due=DUE, reason="asked"), step=step)

    buyer, seller = Party.BUYER, Party.SELLER
    notices = (
        told("1", seller, NoticeName.REPLY_BREACH, 4),
        told("2", buyer, NoticeName.AGENT_JOINS, 4),
        told("3", seller, NoticeName.AGENT_JOINS, 4),
        told("4", seller, NoticeName.REPLY_REMINDER, 5),
        told("5", seller, NoticeName.REPLY_REMINDER, None),  # written before steps were told
        told("6", seller, NoticeName.BUYER_SILENT, None),
    )
    for _ in range(2):
        desk.notices(office.port).send(Mailing(case_id=desk.case_id, notices=notices))
    letters = desk.archive.letters(desk.case_id)
    assert sorted((letter.key, letter.to) for letter in letters) == [
        ("1+3", seller),
        ("2", buyer),
        ("4", seller),
        ("5", seller),
        ("6", seller),
    ]
    assert len(office.mails) == 5
    together = next(letter for letter in letters if letter.key == "1+3")
    assert together.name is NoticeName.AGENT_JOINS


def test_does_a_retry_after_a_failing_server_send_the_same_letter(
    office: PostOffice, desk: Desk
) -> None:
    office.on_data = ["451 4.3.0 later"]
    with pytest.raises(ApplicationError) as raised:
        desk.notices(office.port).send(silent(desk.case_id))
    assert raised.value.type == MAIL_DELAYED
    assert not raised.value.non_retryable
    assert office.recipients == [SELLER.email]
    [prepared] = [each for each in desk.archive.letters(desk.case_id) if not each.sent_at]
    desk.notices(office.port).send(silent(desk.case_id))
    assert office.recipients == [SELLER.email, BUYER.email]
    assert office.mails[1]["Message-ID"] == prepared.id
    assert part(office.mails[1], "plain").replace("\r\n", "\n") == prepared.text
    assert not unsent(desk)


def test_is_a_letter_whose_receipt_got_lost_known_by_its_message_id(
    office: PostOffice, desk: Desk
) -> None:
    office.loses = 1
    with pytest.raises(ApplicationError, match="SMTPServerDisconnected"):
        desk.notices(office.port).send(silent(desk.case_id))
    desk.notices(office.port).send(silent(desk.case_id))
    assert office.recipients == [BUYER.email, SELLER.email, BUYER.email]
    first, _, second = (mail["Message-ID"] for mail in office.mails)
    assert first == second
    assert len(desk.archive.letters(desk.case_id)) == 2


def test_does_a_server_that_is_away_only_delay(desk: Desk, office: PostOffice) -> None:
    with pytest.raises(ApplicationError, match="ConnectionRefusedError") as raised:
        desk.notices(free_port()).send(silent(desk.case_id))
    assert raised.value.type == MAIL_DELAYED
    assert unsent(desk) == {Party.BUYER, Party.SELLER}
    desk.notices(office.port).send(silent(desk.case_id))
    assert not unsent(desk)


def test_does_a_server_that_never_answers_only_delay(desk: Desk) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(ApplicationError, match="SMTPServerDisconnected") as raised,
    ):
        desk.notices(mute.getsockname()[1], timeout=0.2).send(silent(desk.case_id))
    assert raised.value.type == MAIL_DELAYED


def undelivered(posted: Posted | None) -> list[tuple[Party, Trouble, int | None]]:
    return [(one.to, one.trouble, one.code) for one in posted.undelivered] if posted else []


@pytest.mark.parametrize("answer", ["550 5.1.1 No such user joanna@buyer.example", "553 no"])
def test_does_a_refused_recipient_stop_the_retries_but_not_the_other_letter(
    office: PostOffice, desk: Desk, answer: str
) -> None:
    office.answers[BUYER.email] = answer
    posted = desk.notices(office.port).send(silent(desk.case_id))
    assert undelivered(posted) == [(Party.BUYER, Trouble.RECIPIENT_REFUSED, int(answer[:3]))]
    assert posted is not None
    assert "@" not in posted.model_dump_json()
    assert office.recipients == [SELLER.email]
    assert unsent(desk) == {Party.BUYER}
    assert desk.archive.undelivered(desk.case_id) == list(posted.undelivered)


def test_is_a_refused_content_told_from_a_refused_recipient(office: PostOffice, desk: Desk) -> None:
    office.on_data = ["554 5.7.1 we do not like it"]
    posted = desk.notices(office.port).send(silent(desk.case_id))
    assert undelivered(posted) == [(Party.BUYER, Trouble.CONTENT_REFUSED, 554)]
    assert office.recipients == [SELLER.email]


def test_is_a_letter_that_cannot_be_written_told_at_once_and_holds_up_no_other(
    office: PostOffice, desk: Desk
) -> None:
    never = datetime.max.replace(tzinfo=UTC)  # no local date can be made of it
    broken = Notice(key="6", to=Party.BUYER, name=NoticeName.BUYER_SILENT, facts=Facts(due=never))
    mailing = silent(desk.case_id)
    mailing = mailing.model_copy(update={"notices": (broken, *mailing.notices)})
    posted = desk.notices(office.port).send(mailing)
    assert undelivered(posted) == [(Party.BUYER, Trouble.NOT_WRITTEN, None)]
    assert office.recipients == [BUYER.email, SELLER.email]
    assert [one.key for one in desk.archive.undelivered(desk.case_id)] == ["6"]


def test_is_what_the_server_puts_off_to_the_last_undelivered(
    office: PostOffice, desk: Desk
) -> None:
    office.answers[BUYER.email] = "450 4.2.1 greylisted"
    last = silent(desk.case_id).model_copy(update={"last": True})
    posted = desk.notices(office.port).send(last)
    assert undelivered(posted) == [(Party.BUYER, Trouble.NOT_TAKEN, None)]
    assert office.recipients == [SELLER.email]


@dataclass
class Books:
    """A marketplace that knows the parties' addresses of today, or cannot be asked."""

    order_now: Order | None = None
    fails: Exception | None = None

    def order(self, order_id: str) -> Order | None:
        assert order_id == "1001"
        if self.fails:
            raise self.fails
        return self.order_now


def as_of_today(buyer: Person, seller: Person = SELLER) -> Order:
    return Order(
        id="1001",
        country="PL",
        currency="PLN",
        placed_at=NOON,
        buyer=buyer,
        seller=seller,
        lines=(OrderedLine(sku="kettle", title="Kettle", quantity=1, unit_price_minor=12_000),),
    )


def test_does_a_letter_leave_to_the_address_of_today(office: PostOffice, desk: Desk) -> None:
    moved = BUYER.model_copy(update={"email": "joanna@new.example"})
    books = Books(as_of_today(moved))
    desk.notices(office.port, books).send(silent(desk.case_id))
    assert office.recipients == ["joanna@new.example", SELLER.email]
    books.fails = ConnectionError()  # from now on it is known without asking
    step = Mailing(case_id=desk.case_id, notices=(mention("8"),))
    desk.notices(office.port, books).send(step)
    assert office.recipients[2:] == ["joanna@new.example"]


@pytest.mark.parametrize(
    "books",
    [
        Books(fails=ConnectionError("away")),
        Books(None),
        Books(as_of_today(BUYER.model_copy(update={"id": "b-2", "email": "else@b.example"}))),
    ],
)
def test_does_a_letter_leave_to_where_the_case_knows_if_nobody_says_better(
    office: PostOffice, desk: Desk, books: Books
) -> None:
    desk.notices(office.port, books).send(silent(desk.case_id))
    assert office.recipients == [BUYER.email, SELLER.email]


def mention(key: str) -> Notice:
    return Notice(key=key, to=Party.BUYER, name=NoticeName.BUYER_SILENT, facts=Facts(due=DUE))


def test_is_a_letter_no_longer_undelivered_once_its_reader_is_reached(
    office: PostOffice, desk: Desk
) -> None:
    office.answers[BUYER.email] = "550 no"
    notices = desk.notices(office.port)
    notices.send(silent(desk.case_id))
    assert len(desk.archive.undelivered(desk.case_id)) == 1
    office.answers.clear()
    notices.send(Mailing(case_id=desk.case_id, notices=(mention("8"),)))
    assert desk.archive.undelivered(desk.case_id) == []
    office.answers[BUYER.email] = "550 no"
    notices.send(silent(desk.case_id))  # sent again, it can fail again
    assert [one.key for one in desk.archive.undelivered(desk.case_id)] == ["7"]
    office.answers.clear()
    notices.send(silent(desk.case_id))
    assert not unsent(desk)
    assert desk.archive.undelivered(desk.case_id) == []


def test_is_a_recipient_who_may_come_later_tried_again(office: PostOffice, desk: Desk) -> None:
    office.answers[BUYER.email] = "450 4.2.1 greylisted"
    with pytest.raises(ApplicationError) as raised:
        desk.notices(office.port).send(silent(desk.case_id))
    assert raised.value.type == MAIL_DELAYED
    office.answers.clear()
    desk.notices(office.port).send(silent(desk.case_id))
    assert office.recipients == [SELLER.email, BUYER.email]


def test_does_one_who_may_come_later_go_before_one_who_is_refused(
    office: PostOffice, desk: Desk
) -> None:
    office.answers = {BUYER.email: "550 no", SELLER.email: "451 later"}
    with pytest.raises(ApplicationError) as raised:
        desk.notices(office.port).send(silent(desk.case_id))
    assert raised.value.type == MAIL_DELAYED


@pytest.mark.parametrize(
    "email",
    [
        "joanna",
        "",
        "a@buyer.example\r\nBcc: all@evil.example",
        "a@buyer.example, all@evil.example",
        "joanna@żółw..example",
        "jo anna@żółw.example",
        "żo..anna@buyer.example",
        "joanna@" + "ż" * 70 + ".example",
    ],
)
def test_is_what_is_no_mail_address_refused(
    office: PostOffice, open_desk: Callable[..., Desk], email: str
) -> None:
    desk = open_desk(buyer=BUYER.model_copy(update={"email": email}))
    posted = desk.notices(office.port).send(silent(desk.case_id))
    assert undelivered(posted) == [(Party.BUYER, Trouble.NO_ADDRESS, None)]
    assert office.recipients == [SELLER.email]


@pytest.mark.parametrize(
    ("email", "recipient"),
    [
        ("joanna@żółw.example", "joanna@xn--w-uga1v8h.example"),
        ("joanna@BÜCHER.example", "joanna@xn--bcher-kva.example"),
        ("zoë@buyer.example", "zoë@buyer.example"),
        ("zoë@żółw.example", "zoë@xn--w-uga1v8h.example"),
        (" joanna@buyer.example ", "joanna@buyer.example"),
    ],
)
def test_do_addresses_in_every_script_get_their_letter(
    tmp_path: Path, open_desk: Callable[..., Desk], email: str, recipient: str
) -> None:
    desk = open_desk(buyer=BUYER.model_copy(update={"email": email}))
    with serve_mailbox(tmp_path / "mails") as mailbox:
        assert desk.notices(mailbox.port).send(silent(desk.case_id)) is None
        mails = mailbox.messages()
    assert [mail["Delivered-To"] for mail in mails] == [recipient, SELLER.email]
    assert mails[0]["To"].addresses[0].display_name == "Joanna Żak"


def test_does_a_server_that_cannot_read_an_address_say_so(
    tmp_path: Path, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(buyer=BUYER.model_copy(update={"email": "zoë@buyer.example"}))
    with serve_mailbox(tmp_path / "mails") as mailbox:
        mailbox.knows_utf8 = False
        posted = desk.notices(mailbox.port).send(silent(desk.case_id))
        assert len(mailbox.messages()) == 1
    assert undelivered(posted) == [(Party.BUYER, Trouble.ADDRESS_NOT_SUPPORTED, None)]


def test_can_a_name_not_add_a_header(office: PostOffice, open_desk: Callable[..., Desk]) -> None:
    name = 'Eve" <eve@evil.example>\r\nBcc: all@evil.example\r\n\r\nHi'
    desk = open_desk(buyer=BUYER.model_copy(update={"name": name, "locale": "en"}))
    desk.notices(office.port).send(silent(desk.case_id))
    [mail, _] = office.mails
    assert mail["Bcc"] is None
    [to] = mail["To"].addresses
    assert to.addr_spec == BUYER.email
    assert office.recipients[0] == BUYER.email
    first = part(mail, "plain").splitlines()[0]
    assert first == 'Hello Eve" <eve@evil.example> Bcc: all@evil.example Hi,'


def test_are_agents_left_to_their_queue(desk: Desk) -> None:
    notice = Notice(key="7", to=Party.AGENT, name=NoticeName.REPLY_REMINDER, facts=Facts(due=DUE))
    # No server listens: the mailing would be delayed if it were mailed.
    desk.notices(free_port()).send(Mailing(case_id=desk.case_id, notices=(notice,)))
    assert desk.archive.letters(desk.case_id) == []


def test_are_messages_archived_though_the_mail_is_delayed(desk: Desk) -> None:
    said = Message(id="m-1", at=NOON, by=Actor(party=Party.BUYER, id="b-1"), text="Hello?")
    with pytest.raises(ApplicationError):
        desk.notices(free_port()).send(silent(desk.case_id, said))
    assert desk.archive.messages(desk.case_id) == [said]


def test_is_an_unknown_case_never_tried_again(desk: Desk) -> None:
    with pytest.raises(ApplicationError, match="register it before writing") as raised:
        desk.notices(free_port()).send(silent("dispute:PL:9999:1"))
    assert raised.value.type == CASE_UNKNOWN
    assert raised.value.non_retryable


def test_does_the_mailer_log_in(desk: Desk) -> None:
    def check(
        _server: object, _session: object, _how: object, _kind: object, data: object
    ) -> AuthResult:
        given = (getattr(data, "login", b""), getattr(data, "password", b""))
        return AuthResult(success=given == (b"bazar", b"s3cret"), handled=False)

    office = PostOffice()
    controller = Controller(
        office,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=check,
        auth_require_tls=False,
    )
    controller.start()
    try:
        for password, taken in (("wrong", 0), ("s3cret", 2)):
            mailer = desk.mailer(controller.port, user="bazar", password=password)
            notices = Notices(desk.register, desk.archive, mailer, ROOT / "templates")
            if taken:
                notices.send(silent(desk.case_id))
            else:
                with pytest.raises(ApplicationError, match="SMTPAuthenticationError 535"):
                    notices.send(silent(desk.case_id))
            assert len(office.mails) == taken
    finally:
        controller.stop()


def test_does_a_server_without_encryption_get_no_mail_that_must_be_encrypted(
    office: PostOffice, desk: Desk
) -> None:
    mailer = desk.mailer(office.port, starttls=True)
    notices = Notices(desk.register, desk.archive, mailer, ROOT / "templates")
    with pytest.raises(ApplicationError, match="SMTPNotSupportedError"):
        notices.send(silent(desk.case_id))
    assert office.mails == []


def test_can_a_workflow_import_the_activity_without_the_store() -> None:
    program = (
        "import sys, activities.notices; "
        "sys.exit(any(name.split('.')[0] in ('store', 'sqlmodel', 'sqlalchemy') "
        "for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_is_the_case_and_the_address_for_returns_in_a_mail(
    office: PostOffice, open_desk: Callable[..., Desk]
) -> None:
    address = ("Kuhinja, vračila", "Poskusna 4", "1000 Ljubljana")
    desk = open_desk(seller=SELLER.model_copy(update={"return_address": address}))
    assert desk.register.people(desk.case_id)[Party.SELLER].return_address == address
    assert desk.register.people(desk.case_id)[Party.BUYER].return_address == ()
    mailer = desk.mailer(office.port)
    look = Look("#ffd166", "https://bazar.example/l.png", "https://bazar.example/c/{case_id}")
    notices = Notices(desk.register, desk.archive, mailer, ROOT / "templates", look=look)
    facts = Facts(
        goods=(Goods(title="Kettle", quantity=1),), way=Way.BUYERS_OWN, purpose=Purpose.REFUND
    )
    notice = Notice(key="1", to=Party.BUYER, name=NoticeName.RETURN_OPENED, facts=facts)
    notices.send(Mailing(case_id=desk.case_id, notices=(notice,)))
    [mail] = office.mails
    for subtype in ("plain", "html"):
        body = part(mail, subtype)
        assert "https://bazar.example/c/dispute%3APL%3A1001%3A1" in body
        assert all(line in body for line in address)
    assert 'src="https://bazar.example/l.png"' in part(mail, "html")


def test_a_signed_link_leaves_with_its_letter_and_is_kept_nowhere(
    office: PostOffice, open_desk: Callable[..., Desk]
) -> None:
    desk, links = open_desk(), Links(["s" * 32], 30)
    look = Look(case_url="https://bazar.example/c/{case_id}?to=me&by={link}")
    notices = Notices(
        desk.register,
        desk.archive,
        desk.mailer(office.port),
        ROOT / "templates",
        look=look,
        links=links,
    )
    goods = (Goods(title="Kettle", quantity=1),)
    facts = Facts(goods=goods, way=Way.BUYERS_OWN, purpose=Purpose.REFUND)
    notice = Notice(key="1", to=Party.BUYER, name=NoticeName.RETURN_OPENED, facts=facts)
    notices.send(Mailing(case_id=desk.case_id, notices=(notice,)))
    [mail] = office.mails
    for subtype, mark in (("plain", "&by="), ("html", "&amp;by=")):
        [link] = set(re.findall(rf"{re.escape(mark)}([A-Za-z0-9._-]+)", part(mail, subtype)))
        linked = links.read(link)
        assert (linked.case_id, linked.party) == (desk.case_id, Party.BUYER)
        assert linked.person_id == desk.register.people(desk.case_id)[Party.BUYER].id
    [letter] = desk.archive.letters(desk.case_id)
    assert "by=signed-link-" in letter.text
    marks = {links.mark(desk.case_id, party) for party in (Party.BUYER, Party.SELLER)}
    assert len(marks) == 2
    assert {mark for mark in marks if mark in letter.text} == {
        links.mark(desk.case_id, Party.BUYER)
    }
    assert link not in letter.text + letter.html


def test_a_process_can_tell_every_fact_of_a_notice_and_no_other() -> None:
    facts = {name: field.rebuild_annotation() for name, field in Facts.model_fields.items()}
    assert get_type_hints(Told, include_extras=True) == facts
