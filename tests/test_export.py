"""Does `starter.py export` write out a whole case, and nothing to a party that is not theirs?"""

import asyncio
import contextlib
import io
import itertools
import json
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from temporalio.testing import WorkflowEnvironment

import starter
from domain.commands import (
    Accept,
    Ask,
    AskForHelp,
    Attachment,
    ClaimException,
    Confirm,
    CostKind,
    Decide,
    Hold,
    Inspect,
    Nature,
    Offer,
    Receive,
    Refund,
    Remedy,
    Resume,
    Say,
    SendBack,
    Verdict,
)
from domain.export import CaseExport, schema
from domain.goods import ExceptionReason, Received
from domain.kinds import Kind
from domain.letters import Letter
from domain.money import Money
from domain.notices import Ending, Message, NoticeName
from domain.openings import CarrierTrouble, OpenDispute
from domain.orders import Line, Order, OrderedLine, Person, Regime
from domain.parties import Actor, Audience, Party
from domain.ports import (
    BreachReport,
    CloseCase,
    LinePaid,
    Payout,
    PayoutKind,
    RefundCommand,
    RefundReport,
    RefundState,
    Registration,
    Task,
    TaskState,
)
from domain.stages import Stage
from domain.view import (
    CarrierClaimView,
    CaseView,
    CostView,
    ParcelClaimView,
    UncollectedParcelView,
    View,
)
from pages.export import make_page
from pages.processes import SCHEMA
from policies import read_calendar, read_policy
from service.export_document import Known, make_document
from service.exporting import read_case
from service.masking import NO_EMAIL, NO_NAME
from store.archive import Archive
from store.breaches import Breaches
from store.cases import CaseRegister
from store.engine import connect, migrate
from store.refunds import RefundLedger
from store.tasks import TaskQueue
from tests.life import BUYER, SECOND, SELLER, Life, World
from tests.store.conftest import postgresql_server  # noqa: F401 - the fixture

ALL = (Received(sku="A", quantity=2), Received(sku="B", quantity=1))
PHOTO = Attachment(name="lamp.jpg", size=90_000, media_type="image/jpeg", sha256="ab" * 32)
HOSTILE = "</p><script>alert(1)</script><img src='https://evil.example/x.png'> & \u2067so\u2069"
SECRET = "Between us agents: too generous."
ASKED_OF_SELLER = "Which batch was it?"
LONG = "Żółta łódź. " * 60
ALIKE = re.compile(r'"written_at": "[^"]*"')


@dataclass
class Files:
    """An export: the document, and both files as they were written."""

    document: CaseExport
    data: str
    page: str

    @property
    def both(self) -> str:
        return self.data + self.page


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return [file.name for file in folder.iterdir()]


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command line inside this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = starter.main(arguments)
    return code, out.getvalue(), err.getvalue()


async def written(case_id: str, audience: Audience, folder: Path, *more: str) -> Files:
    """Export a case; both files are checked for what every export must be."""
    arguments = ("export", case_id, "--for", audience, "--out", str(folder), "--json", *more)
    code, out, err = await asyncio.to_thread(run, *arguments)
    assert (code, err) == (0, "")
    return checked(json.loads(out), case_id, audience)


def checked(said: dict[str, Any], case_id: str, audience: Audience) -> Files:
    """Both files, which are what every export must be."""
    data, page = Path(said["document"]), Path(said["page"])
    name = f"{case_id.replace(':', '_')}-{audience}"
    assert (data.name, page.name) == (f"{name}.json", f"{name}.html")
    assert stat.S_IMODE(data.stat().st_mode) == stat.S_IMODE(page.stat().st_mode) == 0o600
    files = Files(
        CaseExport.model_validate_json(data.read_text()), data.read_text(), page.read_text()
    )
    fits(json.loads(files.data), json.loads(SCHEMA.read_text()))
    is_sound(files.page)
    return files


@pytest.fixture
def shell(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, reached by the command line."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", world.client.service_client.config.target_host)
    monkeypatch.setenv("DATABASE_URL", world.settings.database_url)
    return world


@pytest.fixture
def elsewhere(
    shell: World, server: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> WorkflowEnvironment:
    """The command line reaches the store, and a Temporal server that knows none of its cases."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.client.service_client.config.target_host)
    return server


# What every export must be.


NOTES = {"title", "description", "default", "$schema", "$defs"}
CONCERNS = {
    "pattern": "string",
    "format": "string",
    "minimum": "integer",
    "maximum": "integer",
    "items": "array",
    "required": "object",
    "additionalProperties": "object",
    "properties": "object",
}
"""The one kind of value that a keyword is about; others concern all."""


def fits(value: Any, rules: dict[str, Any], root: dict[str, Any] | None = None) -> None:
    """Hold a document against a JSON Schema, as far as ours use the language; else AssertionError.

    A keyword that is not known here fails: nothing is passed over.
    """
    root = root or rules
    for word, rule in rules.items():
        if word in NOTES or not is_a(CONCERNS.get(word, ""), value):
            continue
        match word:
            case "$ref":
                fits(value, root["$defs"][rule.removeprefix("#/$defs/")], root)
            case "anyOf":
                assert any(fit(value, one, root) for one in rule), (value, rule)
            case "type":
                assert is_a(rule, value), (value, rule)
            case "enum":
                assert value in rule, (value, rule)
            case "const":
                assert value == rule
            case "pattern":
                assert re.search(rule, value), (value, rule)
            case "format":
                assert rule == "date-time"
                assert value.endswith("Z")
                assert datetime.fromisoformat(value).utcoffset() == timedelta()
            case "minimum":
                assert value >= rule
            case "maximum":
                assert value <= rule
            case "items":
                for each in value:
                    fits(each, rule, root)
            case "required":
                assert set(rule) <= set(value), set(rule) - set(value)
            case "additionalProperties":
                assert rule is False
                assert set(value) <= set(rules["properties"]), value.keys()
            case "properties":
                for name in set(rule) & set(value):
                    fits(value[name], rule[name], root)
            case _:
                raise AssertionError(f"the keyword {word} is not known")


def fit(value: Any, rules: dict[str, Any], root: dict[str, Any]) -> bool:
    try:
        fits(value, rules, root)
    except AssertionError:
        return False
    return True


def is_a(kind: str, value: Any) -> bool:
    kinds: dict[str, Any] = {
        "": object,
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "boolean": bool,
        "null": type(None),
    }
    return isinstance(value, kinds[kind]) and (kind != "integer" or not isinstance(value, bool))


class Reading(HTMLParser):
    """Reads a page and keeps what tests ask about."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def read_page(page: str) -> Reading:
    reading = Reading()
    reading.feed(page)
    reading.close()
    return reading


def is_sound(page: str) -> None:
    """A page that needs nothing but itself, and that anybody can find their way in."""
    reading = read_page(page)
    assert page.startswith("<!doctype html>")
    assert not reading.open
    found = {tag for tag, _ in reading.tags}
    assert not found & {"script", "img", "link", "iframe", "object", "embed", "form", "base"}
    assert "url(" not in page
    assert "@import" not in page
    ids = [said["id"] for _, said in reading.tags if "id" in said]
    assert len(ids) == len(set(ids))
    for tag, said in reading.tags:
        assert not {"src", "srcset", "style", "action"} & set(said)
        assert not any(name.startswith("on") for name in said)
        if tag == "a":
            assert str(said["href"]).removeprefix("#") in ids
        if tag == "th":
            assert said["scope"] in ("row", "col")
        if tag == "html":
            assert said["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in reading.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert "None" not in {text.strip() for text in reading.text}
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", page)


def test_is_the_schema_in_the_documents_the_one_of_the_code() -> None:
    assert SCHEMA.read_text() == schema(), "run `make docs`"
    with pytest.raises(AssertionError):
        fits({"schema_version": 1}, json.loads(schema()))


# A dispute.


@pytest.fixture(scope="module")
async def decided(world: World) -> Life:
    """A dear dispute: proposed, sent back, proposed again, confirmed, accepted, and paid."""
    order_id = world.order(dear=True)
    life = await world.dispute(
        order_id=order_id, text=f"It does not light.\n\n{HOSTILE}", attachments=(PHOTO,)
    )
    number = order_id.removeprefix("PL-dear-")
    texts = f"Write to ALFA{number}@seller.example, says Sklep Alfa."
    await life.seller(Say, text=texts)
    await life.seller(Say, text="We look into it.", nature=Nature.AUTOMATIC)
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(100), text="A little.")
    await life.buyer(
        Offer, remedy=Remedy.FULL_REFUND, text=f"No. Ewa Zielona, ewa{number}@buyer.example"
    )
    await life.buyer(AskForHelp)
    await life.agent(Ask, text=ASKED_OF_SELLER, to=Party.SELLER)
    await life.seller(Say, text="Batch 7.")
    award = {"verdict": Verdict.FOR_BUYER, "remedy": Remedy.FULL_REFUND}
    await life.agent(Decide, reasoning=SECRET, **award)
    await life.send(SECOND, SendBack, reason="Say why.")
    await life.agent(Decide, reasoning="The photos show it.", **award)
    await life.send(SECOND, Confirm)
    await life.buyer(Accept)
    await life.seller(Accept)
    assert (await life.ends()).ending == "decided"
    return life


async def test_is_the_whole_dispute_written_out_for_an_authority(
    shell: World, decided: Life, tmp_path: Path
) -> None:
    files = await written(decided.handle.id, Audience.AUTHORITY, tmp_path)
    document, case = files.document, files.document.case
    assert (document.source, document.missing, document.left_out) == (
        "database-and-workflow", (), (),
    )  # fmt: skip
    assert (case.zone, case.stage, case.ending) == ("Europe/Warsaw", Stage.CLOSED, "decided")
    assert case.ended_at
    number = decided.order_id.removeprefix("PL-dear-")
    emails = [f"ewa{number}@buyer.example", f"alfa{number}@seller.example"]
    assert [person.email for person in case.people] == emails
    # Letters, messages and attachments: word for word what the archive has.
    archive = Archive(shell.engine)
    assert [
        (letter.subject, letter.text, letter.made_at, letter.sent_at) for letter in document.letters
    ] == [
        (letter.subject, letter.text, letter.created_at, letter.sent_at)
        for letter in archive.letters(decided.handle.id)
    ]
    assert all(letter.sent_at for letter in document.letters)
    kept = archive.messages(decided.handle.id)
    assert [message.text for message in document.messages] == [message.text for message in kept]
    [photo] = document.messages[0].attachments
    assert (photo.file_name, photo.sha256) == ("lamp.jpg", PHOTO.sha256)
    assert [d.standing for d in document.decisions] == ["sent-back", "final"]
    assert [d.reasoning for d in document.decisions] == [SECRET, "The photos show it."]
    assert document.decisions[1].confirmed_by
    assert document.decisions[1].confirmed_by.name == "Jan Kowalski"
    assert [offer.state for offer in document.offers] == ["countered", "lapsed"]
    # Every clock that ever ran, each with its reckoning and its pinned window.
    started = [deadline.window for deadline in document.deadlines]
    assert {"seller_reply", "buyer_reply", "decision", "agent_question", "appeal"} <= set(started)
    assert not any(deadline.running for deadline in document.deadlines)
    assert all(deadline.reckoning and deadline.source for deadline in document.deadlines)
    held = next(d for d in document.deadlines if d.window == "decision")
    assert held.held  # while the seller owed the agent an answer
    assert document.rules
    policy = read_policy("PL").dispute
    assert policy
    assert document.rules.policy_version == read_policy("PL").version
    window = next(w for w in document.rules.windows if w.window == "seller_reply")
    assert (window.length, window.counting) == (24, policy.seller_reply.counting)
    assert document.recalculated is None
    [refund] = document.money.refunds
    assert (refund.state, refund.amount.amount_minor) == ("confirmed", decided.paid[0])
    assert [(u.sku, u.number, u.of) for u in document.money.refunded_units] == [
        ("A", 1, 2), ("A", 2, 2), ("B", 1, 1),
    ]  # fmt: skip
    assert document.money.order_refunded == refund.amount
    assert {task.purpose for task in document.tasks} >= {"confirm"}
    assert document.tasks[0].queue == "disputes-pl"
    assert "Say why." not in files.both  # what agents say to each other
    assert any(entry.what == "decision final" for entry in document.timeline)
    said = "".join(read_page(files.page).text)
    assert "<script>alert(1)</script><img src='https://evil.example/x.png'> & " in said
    assert "<script" not in files.page
    assert PHOTO.sha256 in said
    for letter in document.letters:
        assert letter.text.strip() in said


@pytest.mark.parametrize("audience", [Audience.BUYER, Audience.SELLER])
async def test_does_a_party_read_its_own_side_and_nothing_of_the_others(
    shell: World, decided: Life, tmp_path: Path, audience: Audience
) -> None:
    files = await written(decided.handle.id, audience, tmp_path)
    document, reader = files.document, audience.party
    assert reader
    number = decided.order_id.removeprefix("PL-dear-")
    people = {
        Party.BUYER: ("Ewa Zielona", f"ewa{number}@buyer.example"),
        Party.SELLER: ("Sklep Alfa", f"alfa{number}@seller.example"),
    }
    for personal in people[reader.opposite]:
        assert personal.casefold() not in files.both.casefold()
    for personal in people[reader]:
        assert personal in files.data
        assert personal in files.page
    assert NO_NAME in files.data
    assert NO_EMAIL in files.data
    assert {letter.to for letter in document.letters} == {reader}
    kept = Archive(shell.engine).letters(decided.handle.id)
    assert len(document.letters) == len([letter for letter in kept if letter.to is reader])
    # Agents sign with first and last name, and are known by nothing else.
    assert "Anna Nowak" in files.page
    assert "Jan Kowalski" in files.page
    assert "agent-1" not in files.both
    assert "disputes-pl" not in files.both
    assert SECRET not in files.both
    assert [d.standing for d in document.decisions] == ["final"]
    texts = [message.text for message in document.messages]
    assert any("It does not light." in text for text in texts)
    assert "A little." in texts
    assert "The photos show it." in texts
    assert (ASKED_OF_SELLER in texts) is (reader is Party.SELLER)
    assert (ASKED_OF_SELLER in files.both) is (reader is Party.SELLER)
    assert {entry.by for entry in document.timeline} == {None, reader}
    assert any("left out" in sentence or "letters to" in sentence for sentence in document.left_out)
    for sentence in document.left_out:
        assert sentence in "".join(read_page(files.page).text)


async def test_is_it_written_twice_alike_and_never_over_another_file_unasked(
    shell: World, decided: Life, tmp_path: Path
) -> None:
    case_id, folder = decided.handle.id, tmp_path / "new" / "folder"
    first = await written(case_id, Audience.SELLER, folder)
    asked = ("export", case_id, "--for", "seller", "--out", str(folder))
    code, out, err = await asyncio.to_thread(run, *asked)
    assert (code, out) == (2, "")
    assert err.endswith("exists; give --force to write it anew.\n")
    again = await written(case_id, Audience.SELLER, folder, "--force")
    assert ALIKE.sub("", first.data) == ALIKE.sub("", again.data)
    assert first.data != again.data
    lead = re.compile(r'<p class="lead">.*</p>')
    assert lead.sub("", first.page) == lead.sub("", again.page)
    assert len(names(folder)) == 2
    code, out, err = await asyncio.to_thread(run, *asked, "--force")
    assert (code, err) == (0, "")
    assert out.count("Written: ") == 2
    assert "Ewa" not in out


@pytest.mark.parametrize(
    ("case", "asked", "code", "said"),
    [
        ("dispute:PL:PL-0:1", "--for buyer", 1, "There is no case 'dispute:PL:PL-0:1'"),
        ("../../etc/passwd", "--for buyer", 1, "There is no case '../../etc/passwd'"),
        ("dispute:PL:PL-0:1", "", 2, "--for"),
        ("dispute:PL:PL-0:1", "--for press", 2, "'press'"),
        ("dispute:PL:PL-0:1", "--for buyer --out /proc/x", 2, "cannot be written to"),
        ("dispute:PL:PL-0:1", f"--for buyer --out {__file__}", 2, "cannot be written to"),
    ],
)
async def test_is_what_cannot_be_written_out_said_in_one_sentence(
    elsewhere: WorkflowEnvironment, tmp_path: Path, *, case: str, asked: str, code: int, said: str
) -> None:
    out = () if "--out" in asked else ("--out", str(tmp_path))
    answer = await asyncio.to_thread(run, "export", case, *asked.split(), *out)
    assert answer[0] == code
    assert said in answer[2]
    assert answer[2].count("\n") == 1
    assert names(tmp_path) == []


async def test_is_a_case_that_could_not_be_opened_written_out_as_such(
    shell: World, tmp_path: Path
) -> None:
    life = await shell.dispute(opened_by=Actor(party=Party.BUYER, id="somebody"))
    await life.ends()
    document = (await written(life.handle.id, Audience.AUTHORITY, tmp_path)).document
    assert (document.source, document.case.ending) == ("workflow", "not-opened")
    assert document.case.refusal
    assert document.case.refusal.code == "order-differs"
    assert "not in the register" in document.missing[0]
    assert document.rules is None


# A withdrawal, and the return that brings its goods.


async def test_is_a_withdrawal_written_out_with_its_money_goods_and_other_cases(
    shell: World, tmp_path: Path
) -> None:
    life = await shell.withdrawal(order_id=await shell.in_hand())
    back = await life.goods_back()
    await back.dues(NoticeName.LABEL_READY)
    # A return's time to send is set by the withdrawal: it can be held and goes on like any other.
    await back.agent(Hold, reason="The carrier is on strike.")
    assert (await back.view()).due is None
    await back.agent(Resume)
    returned = await written(back.handle.id, Audience.AUTHORITY, tmp_path)
    [sending] = [d for d in returned.document.deadlines if d.window == "send_goods"]
    assert sending.running
    assert sending.due
    assert len(sending.held) == 1
    assert [(o.case_id, o.relation) for o in returned.document.linked] == [
        (life.handle.id, "belongs-to")
    ]
    await life.seller(
        ClaimException,
        reason=ExceptionReason.SEAL_BROKEN_HYGIENE,
        text="Unsealed.",
        attachments=(PHOTO,),
    )
    open_ = (await written(life.handle.id, Audience.BUYER, tmp_path)).document
    assert {(d.window, d.running) for d in open_.deadlines} >= {("exception_answer", True)}
    assert [(p.kind, p.state) for p in open_.proposals] == [("exception", "open")]
    assert open_.case.ending is None
    assert open_.case.right_until
    await life.buyer(Accept)
    await life.sees(lambda view: view.stage is Stage.CLOSED or view.proposals[0].state != "open")
    files = await written(life.handle.id, Audience.BUYER, tmp_path, "--force")
    assert files.document.proposals[0].state == "accepted"


async def test_is_the_refund_of_a_withdrawal_written_out_part_by_part(
    shell: World, tmp_path: Path
) -> None:
    life = await shell.withdrawal(order_id=await shell.in_hand())
    back = await life.goods_back()
    await back.dues(NoticeName.LABEL_READY)
    await back.seller(Receive, units=ALL)
    await back.sees(lambda view: view.stage is Stage.INSPECTING)
    await back.seller(Inspect)
    await life.sees(lambda view: any(entry.what == "return ended" for entry in view.timeline))
    await life.seller(Refund)
    assert (await life.ends()).ending == "refunded"
    document = (await written(life.handle.id, Audience.SELLER, tmp_path)).document
    preview, [refund] = document.money.preview, document.money.refunds
    assert preview
    assert sum(part.amount.amount_minor for part in preview.parts) == preview.refund.amount_minor
    assert any(part.amount.amount_minor < 0 for part in preview.parts)  # the way back
    assert (refund.state, refund.amount, life.paid) == (
        "confirmed", preview.refund, [preview.refund.amount_minor],
    )  # fmt: skip
    assert [(k.case_id, k.sku, k.custody) for k in document.goods.custody] == [
        (back.handle.id, "A", "with-seller"), (back.handle.id, "B", "with-seller"),
    ]  # fmt: skip
    [linked] = document.linked
    assert (linked.case_id, linked.relation, linked.ending) == (
        back.handle.id, "brings-goods", "returned",
    )  # fmt: skip
    # Beyond Temporal's retention: the same from the database alone.
    known = await read_case(shell.client, shell.engine, life.handle.id)
    alone = make_document(
        known._replace(whole=None, returns=()), Audience.SELLER, datetime.now(UTC)
    )
    assert alone.letters == document.letters
    assert alone.messages == document.messages
    assert alone.money.refunds == document.money.refunds
    assert alone.linked == document.linked
    assert alone.rules == document.rules


# The database alone, on PostgreSQL.


@pytest.fixture
def filed(postgresql_server: Engine) -> Iterator[Engine]:  # noqa: F811
    """A store on PostgreSQL with a case whose workflow is kept no longer."""
    with postgresql_server.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA exported")
    url = postgresql_server.url.update_query_dict(
        {"options": "-csearch_path=exported -ctimezone=Asia/Tokyo"}
    )
    engine = connect(url.render_as_string(hide_password=False))
    migrate(engine)
    file_case(engine)
    yield engine
    engine.dispose()
    with postgresql_server.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA exported CASCADE")


CASE = "dispute:PL:PL-7:1"
LESS = "dispute:PL:PL-7:2:refund:1"
NOON = datetime(2026, 4, 3, 12, 0, tzinfo=UTC)


def file_case(engine: Engine) -> None:
    """What the steps of a dispute leave in the database, of a hundred messages."""
    policy, calendar = read_policy("PL"), read_calendar("PL", 2026, 2029)
    lamp, paid = Line(sku="A", quantity=1), Money(amount_minor=4990, currency="PLN")
    order = Order(
        id="PL-7",
        country="PL",
        currency="PLN",
        placed_at=NOON,
        buyer=Person(id="buyer", name="Ewa Zielona", email="ewa@buyer.example", locale="pl"),
        seller=Person(id="seller", name="Sklep Alfa", email="alfa@seller.example", locale="pl"),
        lines=(OrderedLine(sku="A", title="Lamp", quantity=1, unit_price_minor=4990),),
    )
    opening = OpenDispute(
        country="PL", order_id="PL-7", opened_by=BUYER, text="Broken.", reason="defect",
        wanted=Remedy.FULL_REFUND,
    )  # fmt: skip
    registration = Registration(
        order_id="PL-7",
        buyer_id="buyer",
        seller_id="seller",
        lines=(lamp,),
        at_stake=paid,
        policy_version=policy.version,
        terms=policy.dispute,
        calendar=calendar,
        sale=order.sale,
    )

    def judge(*_: object) -> Registration:
        return registration

    cases, archive, ledger = CaseRegister(engine), Archive(engine), RefundLedger(engine)
    for number in (1, 2):
        again = opening.model_copy(update={"number": number})
        cases.register(again.case_id, again, order, judge, NOON)
    archive.add_messages(
        CASE,
        [
            Message(
                id=f"m{n}",
                at=NOON + timedelta(minutes=n),
                by=SELLER if n % 2 else BUYER,
                text=f"{LONG}{HOSTILE if n == 5 else n}",
            )
            for n in range(100)
        ],
    )
    letter = Letter(
        id="<1@x>", case_id=CASE, key="1:message", to=Party.BUYER, name=NoticeName.MESSAGE,
        locale="pl", subject="Zamówienie PL-7", text=f"Hello,\n\n> {LONG}1\n>\n> — x",
        html="<p>Hello</p>", created_at=NOON,
    )  # fmt: skip
    archive.prepare([letter, letter.model_copy(update={"id": "<2@x>", "to": Party.SELLER})])
    archive.settle(letter.case_id, [(letter, NOON + timedelta(seconds=5))], (), NOON)
    Breaches(engine).record(
        BreachReport(
            key="b", case_id=CASE, seller_id="seller", window="seller_reply", due=NOON, at=NOON
        )
    )
    TaskQueue(engine).record(
        Task(
            id=f"{CASE}:task:1", case_id=CASE, queue="disputes-pl", purpose="decide", priority=5,
            owner="agent-1", state=TaskState.DONE, opened_at=NOON,
        )
    )  # fmt: skip
    asked = RefundCommand(
        key=f"{CASE}:refund:1", case_id=CASE, order_id="PL-7", amount=paid, units=(lamp,),
        sold=(lamp,), paid=paid,
    )  # fmt: skip
    ledger.request(asked, NOON)
    ledger.report(RefundReport(key=asked.key, state=RefundState.FAILED, reason="no-funds"), NOON)
    some, rest = (Money(amount_minor=minor, currency="PLN") for minor in (990, 4000))
    reduced = {"key": LESS, "case_id": "dispute:PL:PL-7:2", "amount": some, "reduction": True}
    prices = (LinePaid(sku="A", paid_minor=4990),)
    ledger.request(asked.model_copy(update={**reduced, "prices": prices}), NOON)
    ledger.report_payout(
        Payout(
            key="cb-1", kind=PayoutKind.CHARGEBACK, order_id="PL-7", amount=rest, units=(lamp,),
            sold=(lamp,), paid=paid,
        ),
        NOON,
    )  # fmt: skip
    cases.close(CloseCase(case_id=CASE, ending=Ending.DECIDED, at=NOON, escalated=True, breaches=1))


async def test_is_a_case_beyond_retention_written_out_from_the_database_alone(
    elsewhere: WorkflowEnvironment, filed: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", filed.url.render_as_string(hide_password=False))
    files = await written(CASE, Audience.AUTHORITY, tmp_path)
    document = files.document
    assert document.source == "database"
    assert "are not recorded" in document.missing[0]
    said = "".join(read_page(files.page).text)
    assert document.missing[0] in said
    assert said.count("Missing from this document (see the beginning).") == 4
    assert (document.case.stage, document.case.ending) == ("closed", "decided")
    assert '"opened_at": "2026-04-03T12:00:00Z"' in files.data
    assert len(document.messages) == 100
    assert [letter.sent_at for letter in document.letters] == [NOON + timedelta(seconds=5), None]
    assert [b.window for b in document.breaches] == ["seller_reply"]
    assert document.tasks[0].owner == "agent-1"
    assert [(r.state, r.reason) for r in document.money.refunds] == [("failed", "no-funds")]
    assert [(p.key, p.kind) for p in document.money.payouts] == [("cb-1", "chargeback")]
    assert [unit.refund_key for unit in document.money.refunded_units] == ["cb-1"]
    [less] = document.money.reduced_units
    assert (less.sku, less.number, less.amount.amount_minor) == ("A", 1, 990)
    assert less.refund_key == LESS
    assert LESS in said
    assert [(o.case_id, o.relation) for o in document.linked] == [
        ("dispute:PL:PL-7:2", "same-order")
    ]
    assert document.rules
    assert len(document.rules.windows) > 10
    assert (document.deadlines, document.timeline, document.money.preview) == ((), (), None)
    party = await written(CASE, Audience.BUYER, tmp_path)
    mine = [int(message.id[1:]) for message in party.document.messages]
    assert mine == sorted([1, *range(0, 100, 2)])  # its own, and the one that a letter quotes
    assert "alfa@seller.example" not in party.both


async def test_are_costs_and_a_claim_against_a_carrier_written_out_but_not_to_the_buyer(
    shell: World, decided: Life
) -> None:
    known = await read_case(shell.client, shell.engine, decided.handle.id)
    assert known.whole
    storage = CostView(
        at=NOON, round=1, cost=CostKind.STORAGE, amount=decided.money(700), attachments=(PHOTO,)
    )
    way_back = storage.model_copy(update={"cost": CostKind.WAY_BACK, "deducted": True})
    claimed = ParcelClaimView(
        tracking="T-1",
        carrier="Post",
        regime=Regime.POSTAL,
        trouble=CarrierTrouble.LOSS,
        evidence=(PHOTO,),
        deemed=True,
        recovered=decided.money(900),
    )
    of_any = {name: getattr(known.whole.view, name) for name in CaseView.model_fields}
    parcel = UncollectedParcelView(
        **of_any | {"kind": Kind.UNCOLLECTED_PARCEL}, tracking="T-1", costs=(storage, way_back)
    )
    claim = CarrierClaimView(**of_any | {"kind": Kind.CARRIER_CLAIM}, carrier_claim=claimed)
    for audience, costs in (
        (Audience.AUTHORITY, ["storage", "way-back"]),
        (Audience.SELLER, ["storage", "way-back"]),
        (Audience.BUYER, ["way-back"]),
    ):
        of_costs, of_claim = (document_of(known, view, audience) for view in (parcel, claim))
        assert [cost.cost for cost in of_costs[0].money.costs] == costs
        document, said = of_claim
        assert ("none, which counts as acceptance" in said) is (audience is not Audience.BUYER)
        assert (document.carrier_claim is None) is (audience is Audience.BUYER)
        assert ("9.00\u00a0PLN" in said) is (audience is not Audience.BUYER)


def document_of(known: Known, view: View, audience: Audience) -> tuple[CaseExport, str]:
    """The document of a case that is seen like this, whole and sound, and what its page says."""
    assert known.whole
    known = known._replace(whole=known.whole.model_copy(update={"view": view}))
    document = make_document(known, audience, NOON)
    fits(json.loads(document.model_dump_json()), json.loads(SCHEMA.read_text()))
    page = make_page(document)
    is_sound(page)
    # What is written is all that the page is made of.
    assert make_page(CaseExport.model_validate_json(document.model_dump_json())) == page
    return document, "".join(read_page(page).text)
