"""Can the platform, its agents and its ops do all their work by `python starter.py`?"""

import asyncio
import contextlib
import io
import json
import re
import resource
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command

import starter
from cli.documents import read_opening, said_in_hand
from cli.reading import LARGEST_DOCUMENT, LONGEST_LINE
from cli.typed import actor_from, amount_from
from cli.verbs import MODELS
from cli.words import printable
from config import data_converter
from demo.examples import ORDERS, Play, read_examples
from domain.commands import COMMAND, Remedy, SendAgain, Ship
from domain.deadlines import reckon
from domain.goods import ReturnReason
from domain.kinds import Kind
from domain.money import Money
from domain.openings import Offered, OpenComplaint, OpenDispute, Opening
from domain.orders import Line
from domain.parties import Party
from domain.ports import Rules
from domain.refusals import Code
from domain.registering import register
from domain.stages import Stage
from domain.view import VIEW
from pages.words import due_in_words
from policies import read_calendar, read_policy
from service.allegro import openings
from service.failures import InputError
from service.opening import open_case
from store.engine import connect, migrate
from tests.life import World
from tests.processes import binary

TWO_A, ONE_B = (Line(sku="A", quantity=2),), (Line(sku="B", quantity=1),)

ROOT = Path(__file__).parent.parent
AGENT = "agent:agent-1:Anna Nowak"
SECOND = "agent:agent-2:Jan Kowalski"


@dataclass
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Shell:
    """Runs the command line against a world."""

    environment: dict[str, str] = field(default_factory=dict)

    async def run(self, *arguments: str, stdin: str = "", **more: str) -> Answer:
        """Run `python starter.py` as its users do, in a process of its own."""
        return await self.program(sys.executable, "starter.py", *arguments, stdin=stdin, **more)

    async def program(self, *arguments: str, stdin: str = "", **more: str) -> Answer:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=ROOT,
            env={"PATH": "", "PYTHONUTF8": "1", **self.environment, **more},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
        assert process.returncode is not None
        return Answer(process.returncode, out.decode(), err.decode())

    async def __call__(self, *arguments: str) -> Answer:
        """Run the command line inside this process, which is quicker."""
        return await asyncio.to_thread(here, *arguments)


def here(*arguments: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = starter.main(arguments)
    return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture
def shell(real_world: World, monkeypatch: pytest.MonkeyPatch) -> Shell:
    environment = {
        "TEMPORAL_ADDRESS": real_world.client.service_client.config.target_host,
        "RECOURSE_TASK_QUEUE": real_world.settings.task_queue,
        "DATABASE_URL": real_world.settings.database_url,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Shell(environment)


@pytest.fixture
async def empty_server() -> AsyncIterator[Client]:
    """A server without workers, and that knows no search attributes."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"), data_converter=data_converter(), ui=False
    ) as environment:
        yield environment.client


def opening(order_id: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "dispute",
        "country": order_id[:2],
        "order_id": order_id,
        "opened_by": {"party": "buyer", "id": "buyer"},
        "text": "The lamp does not light.",
        "reason": "defect",
        "wanted": "full-refund",
        **more,
    }


def written(folder: Path, document: Any) -> str:
    file = folder / "document.json"
    file.write_text(json.dumps(document))
    return str(file)


async def opened(shell: Shell, folder: Path, document: dict[str, Any]) -> str:
    answer = await shell("open", written(folder, document), "--json")
    assert answer.code == 0, answer
    return str(answer.json["case_id"])


async def seen(shell: Shell, case: str) -> Any:
    """The view of a case, of whatever kind."""
    answer = await shell("show", case, "--json")
    assert answer.code == 0, answer
    return VIEW.validate_json(answer.out)


async def comes_to(shell: Shell, case: str, stage: str) -> Any:
    for _ in range(100):
        if (view := await seen(shell, case)).stage == stage:
            return view
        await asyncio.sleep(0.1)
    raise AssertionError(f"{case} stays {view.stage}")


# Opening.


async def test_is_a_case_opened_from_standard_input_and_shown_as_a_page(
    shell: Shell, real_world: World
) -> None:
    order = real_world.order()
    answer = await shell.run("open", "-", stdin=json.dumps(opening(order)))
    assert answer.code == 0, answer
    assert answer.err == ""
    assert answer.out.startswith(f"dispute:PL:{order}:1 is open and waits for the seller until ")
    assert "At stake" in answer.out
    assert "259.99 PLN" in answer.out
    assert "The lamp does not light." in answer.out
    assert "\x1b" not in answer.out
    described = await real_world.client.get_workflow_handle(f"dispute:PL:{order}:1").describe()
    assert await described.static_summary() == f"dispute · order {order}"


async def test_is_opening_twice_opening_once_even_when_closed(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    document = opening(real_world.order())
    case = await opened(shell, tmp_path, document)
    first = await seen(shell, case)
    assert await opened(shell, tmp_path, document) == case
    said = (await shell("open", written(tmp_path, document))).out
    assert said.startswith(f"{case} was open already; nothing was changed. It waits for the seller")
    assert (await shell("open", written(tmp_path, document), "--json")).json["was_open"] is True
    other = {**document, "text": "It is scratched.", "reason": "scratched"}
    refused = await shell("open", written(tmp_path, other))
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(
        f"opening-differs: {case} was opened before with another text, reason; nothing was changed."
    )
    assert (await seen(shell, case)).opened_at == first.opened_at
    assert (await shell("withdraw", case, "--as", "buyer")).code == 0
    await comes_to(shell, case, "closed")
    again = await shell("open", written(tmp_path, document))
    assert again.code == 0
    assert again.out.startswith(f"{case} is closed: withdrawn. Opening it again changes nothing.")
    assert (await seen(shell, case)).opened_at == first.opened_at


async def test_do_twenty_at_once_open_one_workflow(shell: Shell, real_world: World) -> None:
    document = OpenDispute.model_validate_json(json.dumps(opening(real_world.order())))
    handles = await asyncio.gather(
        *(open_case(real_world.client, document, real_world.settings.task_queue) for _ in range(20))
    )
    runs = {(await handle.describe()).run_id for handle in handles}
    assert len(runs) == 1


async def test_is_a_refused_opening_told_and_can_it_be_mended(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    document = opening(real_world.order(), opened_by={"party": "buyer", "id": "somebody"})
    refused = await shell("open", written(tmp_path, document), "--json")
    assert refused.code == 1
    assert refused.json["error"]["code"] == "order-differs"
    assert refused.err == (
        "order-differs: The order belongs to another buyer; only its own buyer can open a case.\n"
    )
    document["opened_by"]["id"] = "buyer"
    for _ in range(2):
        mended = await shell("open", written(tmp_path, document), "--json")
        assert mended.code == 0, mended
        assert mended.json["stage"] == "awaiting-seller"


async def test_is_an_unregistered_case_said_to_be_on_its_way(
    empty_server: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", empty_server.service_client.config.target_host)
    monkeypatch.setattr("service.opening.REGISTERING", 1.0)
    monkeypatch.setattr("service.reaching.PATIENCE", 1.0)
    store = connect(f"sqlite:///{tmp_path / 'recourse.db'}")
    migrate(store)
    monkeypatch.setenv("DATABASE_URL", str(store.url))
    file = written(tmp_path, opening("PL-1"))
    assert "register-attributes" in (await asyncio.to_thread(here, "open", file)).err
    assert "RecourseStage" in (await asyncio.to_thread(here, "register-attributes")).out
    again = await asyncio.to_thread(here, "register-attributes", "--json")
    assert json.loads(again.out) == {"added": []}
    for _ in range(50):  # the server needs a moment to take new attributes up
        answer = await asyncio.to_thread(here, "open", file)
        if answer.code == 0:
            break
        await asyncio.sleep(0.2)
    assert answer.out.startswith("dispute:PL:PL-1:1 is opened and still being registered")
    for command in (("show",), ("say", "--as", "buyer:b", "--command-id", "c1", "text")):
        silent = await asyncio.to_thread(
            here, command[0], "dispute:PL:PL-1:1", *command[1:], "--json"
        )
        assert silent.code == 3
        assert silent.json["error"]["code"] == "unreachable"
        assert "start one with `python worker.py`" in silent.err
    assert "--command-id c1" in silent.err
    store.dispose()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ("[]", "The opening does not fit: "),
        (json.dumps(opening("PL-1", number=0, text="")), "(and /text)"),
        ("[" * 100_000, "is nested too deeply"),
    ],
)
def test_is_a_bad_opening_refused_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "opening.json"
    file.write_text(text)
    answer = here("open", str(file), "--json")
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
    assert answer.json["error"] == {"code": "bad-input", "sentence": answer.err.strip()}


def test_is_a_file_that_cannot_be_read_one_sentence(tmp_path: Path) -> None:
    assert here("open", str(tmp_path / "none.json")).code == 2
    (tmp_path / "latin.json").write_bytes(b'{"text": "\xe9"}')
    assert "is not UTF-8" in here("open", str(tmp_path / "latin.json")).err


def test_is_no_more_read_than_a_document_can_have(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b" " * (LARGEST_DOCUMENT + 1))
    for endless in ("/dev/zero", str(tmp_path / "full")):
        for as_list in ((), ("--from", "allegro")):
            answer = here("open", *as_list, endless)
            assert answer.code == 2
            assert f"{endless} has more than 10,000,000 bytes" in answer.err


@pytest.mark.parametrize("command", ["deadline", "refund-preview"])
def test_is_a_line_of_a_batch_without_an_end_refused_and_the_next_one_answered(
    command: str, tmp_path: Path
) -> None:
    batch = tmp_path / "batch.jsonl"
    batch.write_bytes(b"x" * 3 * LONGEST_LINE + b"\n" + b" " * (LONGEST_LINE - 1) + b"\n{}\n")
    answers = [json.loads(line) for line in here(command, "--batch", str(batch)).out.splitlines()]
    assert answers[0] == {"error": "The line has more than 1,000,000 bytes."}
    assert answers[1] == {"error": "The line is blank."}
    assert len(answers) == 3


def test_is_the_buyers_word_that_goods_are_in_hand_told_with_the_opening() -> None:
    def opening(name: str) -> Opening:
        return read_opening(str(ROOT / "examples" / "openings" / f"{name}.json"))

    day = "2026-11-25"
    for name in ("complaint", "withdrawal", "return-form", "carrier-claim"):
        told = said_in_hand(opening(name), day)
        assert told.model_dump(mode="json")["in_hand_on"] == day
        assert said_in_hand(opening(name), None) == opening(name)
    with pytest.raises(InputError, match="not with dispute"):
        said_in_hand(opening("dispute"), day)
    with pytest.raises(InputError, match="a day like 2026-11-25"):
        said_in_hand(opening("complaint"), "last Tuesday")


def test_can_every_example_be_opened() -> None:
    files = (ROOT / "examples" / "openings").glob("*.json")
    opens = {file.stem: read_opening(str(file)).case_id.partition(":")[0] for file in files}
    assert opens == {"return-form": "withdrawal"} | {str(kind): str(kind) for kind in Kind}


# A marketplace's own list.

LISTED = json.loads((ROOT / "examples" / "allegro-issues.json").read_text())


CLAIMED = json.loads((ROOT / "examples" / "allegro-claim.json").read_text())


def listed_complaint(**changes: Any) -> OpenComplaint:
    """The complaint that the claim opens, once these fields of it are changed."""
    (opening,) = openings({"issues": [{**CLAIMED["issues"][0], **changes}]})
    assert isinstance(opening, OpenComplaint)
    return opening


def test_does_a_listed_dispute_keep_its_own_id_and_words() -> None:
    dispute = openings(LISTED)[0]
    assert isinstance(dispute, OpenDispute)
    assert dispute.case_id == "dispute:PL:087dcaa0-338f-4996-b333-f670c639072e"
    assert dispute.order_id == "f3e739a0-738f-11f0-b9c0-8f5d26f9859a"
    assert dispute.opened_by.id == "10000001"
    assert dispute.reason == "DETECT_FOUND_DURING_USE"
    assert dispute.wanted is Remedy.FULL_REFUND
    assert dispute.text == "Po dwóch dniach ekspres przestał grzać wodę."
    assert dispute.happened_at == datetime(2025, 8, 11, 6, 12, 48, 923000, tzinfo=UTC)


def test_does_a_listed_claim_open_a_complaint_with_all_that_it_says() -> None:
    claim = listed_complaint()
    assert claim.case_id == "complaint:PL:3b6f5c0e-9a55-4c0d-8a0b-57f2b0f4c1d2"
    assert claim.order_id == "0d6f0e50-b59a-11f0-b4ff-d384dc24cd83"
    assert (claim.opened_by.party, claim.opened_by.id) == ("buyer", "10000004")
    assert claim.reason is ReturnReason.DEFECTIVE
    assert claim.wanted is Remedy.PARTIAL_REFUND
    assert claim.amount == Money(amount_minor=4000, currency="PLN")
    assert claim.offer == Offered(id="14902237761", quantity=1)
    assert claim.happened_at == datetime(2025, 10, 31, 9, 12, 30, 112000, tzinfo=UTC)
    assert claim.decision_due == datetime(2025, 11, 14, 22, 59, 59, tzinfo=UTC)
    assert claim.text == (
        "Jeden z przycisków lampki nie działa, reszta jest w porządku.\n\n"
        "(601122/2025 · wada ujawniła się podczas używania towaru: Usterka ujawniła się "
        "podczas używania · zwrot części kwoty 40.00 PLN · 1 × 14902237761)"
    )


def test_are_the_claims_of_a_list_complaints_by_the_words_of_their_subjects() -> None:
    _, described, incomplete = openings(LISTED)
    assert isinstance(described, OpenComplaint)
    assert isinstance(incomplete, OpenComplaint)
    assert described.reason is ReturnReason.NOT_AS_DESCRIBED
    assert incomplete.reason is ReturnReason.INCOMPLETE
    assert described.wanted is incomplete.wanted is Remedy.REPAIR
    assert "niezgodny z opisem" in described.text
    replaced = openings(LISTED, Remedy.REPLACEMENT)
    assert {opening.wanted for opening in replaced} == {Remedy.REPLACEMENT}


@pytest.mark.parametrize(
    ("name", "price", "back", "wanted", "amount", "said"),
    [
        ("REPAIR", None, True, Remedy.REPAIR, None, "naprawa"),
        ("EXCHANGE", None, None, Remedy.REPLACEMENT, None, "wymiana"),
        ("REPLACEMENT", None, None, Remedy.REPLACEMENT, None, "wymiana"),
        ("REFUND", "129.00", None, Remedy.FULL_REFUND, None, "zwrot całej kwoty"),
        ("REFUND", None, True, Remedy.RETURN_FOR_REFUND, None, "zwrot całej kwoty"),
        ("PARTIAL_REFUND", "12.5", True, Remedy.PARTIAL_REFUND, 1250, "zwrot części kwoty"),
        ("PARTIAL_REFUND", None, None, Remedy.PARTIAL_REFUND, None, "zwrot części kwoty"),
        ("GIFT", None, None, Remedy.REPAIR, None, "GIFT"),
    ],
)
def test_is_what_a_claim_expects_the_remedy_that_is_wanted(
    name: str,
    price: str | None,
    back: bool | None,
    wanted: Remedy,
    amount: int | None,
    *,
    said: str,
) -> None:
    refund = {"amount": price, "currency": "PLN"} if price else None
    claim = listed_complaint(
        expectations=[{"name": name, "refund": refund}], currentState={"returnRequired": back}
    )
    assert claim.wanted is wanted
    assert (claim.amount and claim.amount.amount_minor) == amount
    assert f"{said} {price} PLN" in claim.text if price else said in claim.text
    assert "_" not in claim.text


@pytest.mark.parametrize(
    ("named", "reason", "said"),
    [
        ("NOT_AS_DESCRIBED", ReturnReason.NOT_AS_DESCRIBED, "towar jest niezgodny z opisem"),
        ("MISSING_PRODUCT_ELEMENT", ReturnReason.INCOMPLETE, "brakuje części towaru"),
        (
            "PRODUCT_DAMAGED_PARCEL_INTACT",
            ReturnReason.DAMAGED,
            "towar jest uszkodzony, choć paczka była cała",
        ),
        ("TOO_LOUD", ReturnReason.DEFECTIVE, "TOO_LOUD"),
    ],
)
def test_is_the_reason_of_a_claim_one_of_complaint(
    named: str, reason: ReturnReason, said: str
) -> None:
    claim = listed_complaint(reason={"type": named, "description": "Bo tak."}, subject="reklamacja")
    assert claim.reason is reason
    assert f"{said}: Bo tak." in claim.text


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("issues",), {}, "/issues"),
        (("issues", 0, "type"), "RETURN", "/issues/0"),
        (("issues", 0, "buyer", "id"), None, "/issues/0/buyer/id"),
        (("issues", 0, "openedDate"), "yesterday", "/issues/0/openedDate"),
        (("issues", 0, "openedDate"), "2025-08-11T06:12:48", "/issues/0/openedDate"),
        (("issues", 0, "checkoutForm"), [], "/issues/0/checkoutForm"),
        (("issues", 0, "chat", "initialMessage", "text"), "", "/chat/initialMessage/text"),
        (("issues", 1, "id"), "a b", "/issues/1/id"),
        (("issues", 1, "decisionDueDate"), "soon", "/issues/1/decisionDueDate"),
        (("issues", 2, "checkoutForm"), None, "/issues/2/checkoutForm"),
        (("issues", 2, "expectations"), [{"name": None}], "/issues/2/expectations/0/name"),
    ],
)
def test_is_a_list_that_does_not_fit_refused_whole(
    path: tuple[str | int, ...], value: Any, place: str
) -> None:
    document = json.loads(json.dumps(LISTED))
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(InputError, match=re.escape(place)):
        openings(document)


async def test_is_each_listed_issue_opened_once_and_its_decision_date_compared(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    policy, calendar = read_policy("PL"), read_calendar("PL", now.year - 1, now.year + 2)
    assert policy.complaint
    answer_window = policy.complaint.answer
    due = reckon(answer_window.counting, answer_window.length, now, calendar).due

    def issue(document: Any, number: int, order: str, id: str, **more: Any) -> dict[str, Any]:
        buyer = {"id": "buyer", "login": "b"}
        mine = {"id": id, "checkoutForm": {"id": order}, "buyer": buyer}
        return {**document["issues"][number], **mine, "openedDate": now.isoformat(), **more}

    order, another = await real_world.in_hand(), await real_world.in_hand()
    dispute = issue(LISTED, 0, order, "listed-1")
    same, other = due - timedelta(seconds=1), due + timedelta(days=3)
    agrees = issue(CLAIMED, 0, order, "listed-2", decisionDueDate=same.isoformat())
    one_lamp = {"id": "A", "quantity": 1}
    differs = issue(
        LISTED, 1, another, "listed-3", decisionDueDate=other.isoformat(), offer=one_lamp
    )
    long_ago = now - timedelta(days=30)
    ended = reckon(answer_window.counting, answer_window.length, long_ago, calendar).due
    theirs = ended - timedelta(seconds=1)
    over = {"openedDate": long_ago.isoformat(), "decisionDueDate": theirs.isoformat()}
    late = issue(CLAIMED, 0, await real_world.in_hand(days_ago=40), "listed-6", **over)
    file = written(tmp_path, {"issues": [dispute, agrees, differs, late]})
    for _ in range(2):
        answer = await shell("open", "--from", "allegro", file, "--json")
        assert answer.code == 0, answer
        assert [one["case_id"] for one in answer.json["opened"]] == [
            "dispute:PL:listed-1",
            "complaint:PL:listed-2",
            "complaint:PL:listed-3",
            "complaint:PL:listed-6",
        ]
        compared = [one.get("agree") for one in answer.json["opened"]]
        assert compared == [None, True, False, True]
        was = [one.get("answer_was_due") for one in answer.json["opened"]]
        assert was == [None, None, None, ended.isoformat()]
        assert {one.get("answer_due") for one in answer.json["opened"][1:]} == {due.isoformat()}
        known = [one.get("offer_known") for one in answer.json["opened"]]
        assert known == [None, False, True, False]
    said = (await shell("open", "--from", "allegro", file)).out.splitlines()
    changed = await shell("open", "--from", "allegro", file, "--wanted", "repair")
    assert changed.code == 0, changed
    assert "nothing was changed, though wanted reads otherwise now. It waits" in changed.out
    on = {at: due_in_words(at, policy.zone) for at in (due, same, other, ended, theirs)}
    assert said[1].endswith(f" {on[due]}, the marketplace's {on[same]}: they agree.")
    assert " The order has no line of the offer 14902237761: it is about the whole " in said[1]
    assert " was open already; nothing was changed. It waits for the seller" in said[2]
    assert said[2].endswith(f"{on[other]}: they differ; the case goes by its own.")
    assert " It is about 1 × A. " in said[2]
    assert said[3].endswith(
        f" Its own time to answer ended {on[ended]}, the marketplace's {on[theirs]}: they agree. "
        f"That is over: the seller has time again until {on[due]}."
    )
    assert "it counts anew from here" in " ".join(
        (await page(shell, "complaint:PL:listed-6")).split()
    )
    view = await seen(shell, "dispute:PL:listed-1")
    assert (view.order_id, view.wanted) == (order, "full-refund")
    view = await seen(shell, "complaint:PL:listed-2")
    assert (view.wanted, view.beside) == ("partial-refund", ("dispute:PL:listed-1",))
    assert "Beside dispute:PL:listed-1" in await page(shell, view.id)
    strange = issue(LISTED, 0, order, "listed-4", buyer={"id": "other", "login": "o"})
    partly = await shell("open", "--from", "allegro", written(tmp_path, {"issues": [strange]}))
    assert partly.code == 1
    assert "dispute:PL:listed-4 was not opened: order-differs: " in partly.err
    bad = {"issues": [{**dispute, "id": "listed-5"}, {**dispute, "openedDate": 7.5e300}]}
    refused = await shell("open", "--from", "allegro", written(tmp_path, bad))
    assert refused.code == 2
    assert (await shell("show", "dispute:PL:listed-5")).code == 1


# Commands.


def test_is_there_a_shell_command_for_every_verb() -> None:
    assert {model.word() for model in MODELS} == set(
        COMMAND.json_schema()["discriminator"]["mapping"]
    )
    out = here().out
    assert out == here("--help").out
    for model in MODELS:
        assert f" {model.word()} " in out
        assert here(model.word(), "--help").code == 0
    helped = " ".join(here("decide", "--help").out.split())
    assert "[REMEDY] [amount]" in helped
    assert "price-reduction" in helped


def test_does_help_break_lines_between_words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    group = get_command(starter.app)
    assert isinstance(group, TyperGroup)
    for command in ("list", "headline", "preview", "open", "export", "decide", "refuse", "offer"):
        helped = here(command, "--help").out
        told = {word.strip("│.,[]") for word in helped.split()}
        for one in group.commands[command].params:
            assert isinstance(one, TyperArgument | TyperOption)
            meant = getattr(one.type_descriptor.annotation, "__members__", {}).values()
            assert {each.value for each in meant} <= told, (command, one.name)
        assert "|" not in helped.replace("│", ""), command


async def test_is_a_whole_dispute_played_through_the_command_line(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    document = opening(real_world.order("SI"))
    case = await opened(shell, tmp_path, document)
    photo = tmp_path / "lamp.jpg"
    photo.write_bytes(b"not really a picture")
    asked = await shell(
        "ask", case, "Which bulb?", "--as", "seller:seller", "--attachment", str(photo)
    )
    assert asked.code == 0, asked
    assert asked.out.startswith("Accepted: ask. The case is awaiting-buyer and waits for the buyer")
    assert "(Europe/Ljubljana)" in asked.out
    commanding = await shell("say", case, "E27 [bold]\x1b[31m", "--as", "buyer")
    assert (commanding.code, commanding.err.split(":")[0]) == (1, "character-refused")
    assert (await shell("say", case, "E27 [bold]\u2066[31m", "--as", "buyer")).code == 0
    offered = await shell.run("offer", case, "--as", "seller", "price-reduction", "50.00")
    assert offered.code == 0, offered
    rejected = await shell("reject", case, "--as", "buyer", "--text", "Too little.", "--json")
    assert rejected.json["awaited"] == "seller"
    better = await shell(
        "offer", case, "partial-refund", "80.5", "--as", "seller", "--command-id", "offer-2",
        "--expires-at", (datetime.now(UTC) + timedelta(days=2)).isoformat(),
    )  # fmt: skip
    assert better.code == 0, better
    page = (await shell("show", case, "--why")).out
    assert "80.50 EUR" in page
    assert "Which bulb?" in page
    assert "lamp.jpg, 20 bytes, image/jpeg" in page
    assert "E27 [bold]\ufffd[31m" in page
    assert re.search(r"buyer +accept, .*reject", page)
    assert "Times are local: Europe/Ljubljana." in page
    assert max(map(len, page.splitlines())) <= 100
    accepted = await shell(
        "accept", case, "--as", "buyer", "--offer-id", "offer-2", "--command-id", "yes"
    )
    assert accepted.code == 0, accepted
    closed = await comes_to(shell, case, "closed")
    assert closed.ending == "settled"
    assert closed.refund is not None
    page = (await shell("show", case)).out
    assert re.search(r"^Price reduced +80\.50 EUR, confirmed$", page, re.MULTILINE)
    assert "part by part" not in page  # all of it was not refunded
    assert [offer.amount.amount_minor for offer in closed.offers if offer.amount] == [5000, 8050]
    repeated = await shell(
        "accept", case, "--as", "buyer", "--offer-id", "offer-2", "--command-id", "yes"
    )
    assert repeated.code == 0, "a command that was taken answers even after the end"
    assert repeated.out.startswith("Repeated: ")
    late = await shell("say", case, "Thanks", "--as", "buyer", "--json")
    assert late.code == 1
    assert late.json["error"]["code"] == "case-closed"


async def test_is_a_dispute_taken_over_decided_and_confirmed_by_agents(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    case = await opened(shell, tmp_path, opening(real_world.order()))
    noted = await shell("ask-for-help", case, "--as", "buyer")
    assert noted.out.startswith("Noted: ")
    assert (await shell("ask-for-help", case, "--as", "seller")).code == 0
    await comes_to(shell, case, "with-agent")
    for _ in range(50):
        waiting = (await shell("tasks", "--queue", "disputes-pl", "--json")).lines
        if task := next((task for task in waiting if task["case_id"] == case), None):
            break
        await asyncio.sleep(0.1)
    assert task is not None
    assert (await shell("claim", case, "--as", AGENT)).code == 0
    assert (await shell("claim", case, "--as", SECOND)).err.startswith("task-taken: ")
    nameless = ("--as", "agent:x:Anna")
    unsigned = await shell("decide", case, "for-buyer", "It is broken.", "full-refund", *nameless)
    assert unsigned.err == (
        "name-missing: Give the agent's first and last name as `by.name`, on the command line "
        'with --as agent:ID:"First Last".\n'
    )
    bare = await shell("decide", case, "for-buyer", "It is broken.", "--as", AGENT)
    assert bare.err.startswith("verdict-differs: Add the remedy that the verdict orders: one of f")
    too_much = await shell("decide", case, "for-seller", "It is not.", "repair", "--as", AGENT)
    assert too_much.err.endswith(": A verdict for the seller orders no remedy; leave it out.\n")
    decided = await shell(
        "decide", case, "for-buyer", "It is broken.", "full-refund", "--as", AGENT
    )
    assert decided.code == 0, decided
    view = await comes_to(shell, case, "decided")
    assert view.decision is not None
    assert view.decision.by.name == "Anna Nowak"
    for party in ("buyer", "seller"):
        assert (await shell("accept", case, "--as", party)).code == 0
    assert (await comes_to(shell, case, "closed")).ending == "decided"
    mine = await shell("tasks", "--owner", "agent-1")
    assert case not in mine.out
    figures = (await shell("headline", "--json")).json
    assert figures["all"]["closed"] >= 1
    assert figures["PL"]["closed"] - figures["PL"]["without_agent"] >= 1
    assert re.search(r"^all +\d+ +\d+\.\d% +\d+\.\d%$", (await shell("headline")).out, re.M)
    assert (await shell("headline")).out.startswith("Closed disputes, by country:\nCountry ")
    every = (await shell("headline", "--kind", "all")).out
    assert every.startswith("Closed cases of all kinds, by country:\n")
    nothing_yet = await shell("headline", "--since", "2999-01-01", "--json")
    assert nothing_yet.json["all"]["solved_share"] is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("accept", "--as", "buyer"), "no-open-offer"),
        (("withdraw", "--as", "seller"), "not-yours"),
        (("reopen", "--as", "buyer"), "wrong-stage"),
        (("offer", "partial-refund", "--as", "seller"), "amount-missing"),
        (("offer", "full-refund", "1.00", "--as", "seller"), "amount-needless"),
        (("offer", "partial-refund", "260.00", "--as", "seller"), "amount-too-high"),
        (("resume", "--as", "platform"), "clock-running"),
        (("no-answer-needed", "--as", "seller"), "unknown-command"),
        (("offer", "repair", "--expires-at", "2020-01-01T00:00Z", "--as", "seller"),
         "offer-expired"),
    ],
)  # fmt: skip
async def test_is_a_refused_command_told_by_its_code(
    shell: Shell, real_world: World, refusable: str, arguments: tuple[str, ...], code: str
) -> None:
    answer = await shell(arguments[0], refusable, *arguments[1:])
    assert answer.code == 1, answer
    assert answer.out == ""
    assert answer.err.startswith(f"{code}: ")
    assert answer.err.count("\n") == 1


@pytest.fixture(scope="module")
async def refusable(real_world: World) -> str:
    """A dispute that takes no command while these tests try."""
    return (await real_world.dispute()).handle.id


A_NAME = "1 to 100 letters a-z, digits, dots, underscores, colons or hyphens"
A_TRACKING = "1 to 60 letters a-z, digits, spaces, dots, slashes or hyphens"
A_TIME = "a time with its offset, like 2026-11-20T14:05+01:00"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fly",), "No such command 'fly'"),
        (("shwo", "CASE"), "No such command 'shwo'. Did you mean 'show'?\n"),
        (("say", "CASE"), "Missing argument 'text'. Write: say CASE TEXT "),
        (("explain", "CASE", "no-reason", "--reason", "x"), "Write: explain CASE REASON TEXT [--w"),
        (("decide", "CASE", "shared", "So.", "--remedy", "repair", "--as", AGENT),
         "No such option: --remedy. Write: decide CASE VERDICT REASONING [REMEDY] [AMOUNT] --as "
         "PARTY:ID[:NAME].\n"),
        (("hand-over", "CASE", "InPost", "RR123", "--as", "buyer"),
         "(RR123). Write: hand-over CASE CARRIER [--tracking TRACKING] [--attachment FILE] --as "),
        (("say", "CASE", "text"), "Missing option '--as'"),
        (("say", "CASE", "text", "--as", "king"), "--as must begin with one of buyer, seller, "),
        (("say", "CASE", "text", "--as", "agent"), "--as needs the agent's id and name"),
        (("say", "CASE", "text", "--as", "buyer:" + "x" * 101), "--as takes an id and a name of"),
        (("say", "CASE", "", "--as", "buyer:b"), "TEXT must not be empty."),
        (("say", "CASE", "text", "--as", "buyer:b", "--command-id", "a b"),
         f"--command-id must be {A_NAME}, not 'a b'."),
        (("say", "CASE", "text", "--as", "buyer:b", "--attachment", "no-such-file"),
         "The file no-such-file cannot be read: "),
        (("say", "CASE", "text", "--as", "buyer:b", "--attachment", "/dev/zero"),
         "/dev/zero is no file."),
        (("say", "CASE", "text", "--as", "buyer:b", "--attachment", "EMPTY"),
         "The size of EMPTY in bytes must be at least 1, not 0."),
        (("accept", "CASE", "--offer-id", "a b", "--as", "buyer:b"),
         f"--offer-id must be {A_NAME}, not 'a b'."),
        (("offer", "CASE", "everything", "--as", "seller"), "REMEDY must be one of full-refund, "),
        (("offer", "CASE", "partial-refund", "0.999", "--as", "seller"), "like 50.00, in PLN"),
        (("offer", "CASE", "partial-refund", "1e3", "--as", "seller"), "like 50.00, in PLN"),
        (("offer", "CASE", "partial-refund", "50,00", "--as", "seller"), "like 50.00, in PLN"),
        (("offer", "CASE", "partial-refund", "NaN", "--as", "seller"), "like 50.00, in PLN"),
        (("offer", "CASE", "repair", "--expires-at", "2020-01-01T00:00", "--as", "seller"),
         f"--expires-at must be {A_TIME}, not '2020-01-01T00:00'."),
        (("offer", "CASE", "repair", "--expires-at", "soon", "--as", "seller"),
         f"--expires-at must be {A_TIME}, not 'soon'."),
        (("list", "--stage", "nowhere"), "--stage must be one of opening, "),
        (("list", "--open", "--all"), "Give one of --open, --closed and --all."),
        (("list", "--due-before", "soon"), "--due-before must be a day or an instant"),
        (("list", "--limit", "0"), "--limit must be at least 1, not '0'."),
        (("list", "--seller", "a\nb"), "A filter cannot hold line breaks"),
        (("search", " "), "Search for at least one word"),
        (("recalculate", "CASE", "--reason", "new holiday", "--as", "buyer"), "Only an agent or"),
        (("recalculate", "CASE", "--reason", " ", "--as", "platform"), "Give a --reason"),
        (("receive", "CASE", "--as", "seller"), "Missing argument "),
        (("receive", "CASE", "A", "--as", "seller"), "Goods must be written like A=1 or "),
        (("receive", "CASE", "A=0", "--as", "seller"), "UNITS must be at least 1, not 0."),
        (("receive", "CASE", "A=10001", "--as", "seller"), "UNITS must be at most 10000, not"),
        (("receive", "CASE", "A=1.5", "--as", "seller"), "Goods must be written like A=1 or "),
        (("inspect", "CASE", "A=1:rotten", "--as", "seller"), "The condition must be one of as-s"),
        (("claim-exception", "CASE", "perishable", "Eggs", "--units", "A=1:empty", "--as",
          "seller"), "Goods must be written like A=1, not"),
        (("claim-exception", "CASE", "boring", "Eggs", "--as", "seller"), "REASON must be one of "),
        (("ship-back", "CASE", "InPost", "T1", "tomorrow", "--as", "seller"),
         "EXPECTED_ON must be a day, like 2026-11-20, not 'tomorrow'."),
        (("hand-over", "CASE", "", "--as", "buyer"), "CARRIER must not be empty."),
        (("hand-over", "CASE", "InPost", "--tracking", "T_1", "--as", "buyer"),
         f"--tracking must be {A_TRACKING}, not 'T_1'."),
        (("ship", "CASE", "InPost", "T_1", "2026-11-20", "--as", "seller"),
         f"TRACKING must be {A_TRACKING}, not 'T_1'."),
        (("deduct", "CASE", "20,00", "scratched", "--as", "seller"), "like 50.00, in PLN"),
        (("parcel-event", "CASE", "lifted"), "What the machine says must be one of handed-over, "),
        (("parcel-event", "CASE", "arrived", "--at", "soon"), "--at must be written like 2026-11"),
        (("parcel-event", "CASE"), "Give a case and what the machine says"),
        (("parcel-event", "CASE", "arrived", "--order", "PL-1"), "Give a case and what the mach"),
        (("parcel-event", "returned", "--order", "PL-1", "--country", "PL"), "--tracking is miss"),
        (("parcel-event", "returned", "--order", "PL-no", "--tracking", "T1"),
         "Where order PL-no was placed is not known here; give --country"),
        (("parcel-event", "returned", "--order", "PL-1", "--tracking", "T1", "--country", "pl"),
         "--country must be two capital letters, like PL, not 'pl'."),
        (("parcel-event", "CASE", "arrived", "--event-id", ""), "--event-id must not be empty."),
        # An empty word is a shell's variable that nobody has set: it is not left out.
        (("parcel-event", "CASE", "arrived", "--at", ""), "--at must be written like 2026-11"),
        (("parcel-event", "CASE", "arrived", "--at", "0001-01-01"), "--at must lie between the"),
        (("parcel-event", "returned", "--order", "PL-1", "--tracking", "T1", "--country", ""),
         "--country must be two capital letters, like PL, not ''."),
        (("say", "CASE", "text", "--as", "buyer:b", "--command-id", ""),
         f"--command-id must be {A_NAME}, not ''."),
        (("preview", "--order", ""), "--order is empty; give the id of an order."),
        (("preview", "--order", "PL-1", "--country", "\x1b[31m"), "--country must be two capital"),
        (("headline", "--kind", "quarrel"), "--kind must be one of inquiry, dispute, "),
        (("headline", "--since", "2026"), "--since must be a day or an instant, "),
    ],
)  # fmt: skip
async def test_is_bad_input_answered_with_exit_code_2(
    shell: Shell, refusable: str, arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()
    typed = {"CASE": refusable, "EMPTY": str(empty)}
    answer = await shell(*(typed.get(word, word) for word in arguments))
    assert answer.code == 2, answer
    assert answer.out == ""
    assert said.replace("EMPTY", str(empty)) in answer.err
    assert answer.err.count("\n") == 1


async def test_does_a_refusal_say_whose_it_is_and_what_may_be_done(
    shell: Shell, refusable: str
) -> None:
    strange = await shell("decide", refusable, "shared", "So.", "repair", "--as", "buyer")
    assert strange.err == "not-yours: Only an agent can do this in a dispute.\n"
    early = await shell("reopen", refusable, "--as", "buyer")
    may = ", ".join((await seen(shell, refusable)).may[Party.BUYER])
    assert early.err == (
        "wrong-stage: Not while the dispute is awaiting-seller. What the buyer may do now: "
        f"{may}.\n"
    )


async def test_is_another_command_under_a_used_id_refused(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    case = await opened(shell, tmp_path, opening(real_world.order()))
    first = await shell("say", case, "One", "--as", "buyer", "--command-id", "one", "--json")
    assert first.json["outcome"] == "accepted"
    again = await shell("say", case, "One", "--as", "buyer", "--command-id", "one", "--json")
    assert again.json["outcome"] == "repeated"
    other = await shell("say", case, "Two", "--as", "buyer", "--command-id", "one")
    assert (other.code, other.err.split(":")[0]) == (1, "command-id-reused")
    assert [m.text for m in (await seen(shell, case)).messages][1:] == ["One"]


async def test_is_an_unknown_case_one_sentence(shell: Shell) -> None:
    for command in (("show",), ("say", "text", "--as", "buyer:b"), ("claim", "--as", AGENT)):
        answer = await shell(command[0], "dispute:PL:none:1", *command[1:], "--json")
        assert answer.code == 1
        assert answer.json["error"]["code"] == "case-unknown"
        assert answer.err == (
            "case-unknown: There is no case 'dispute:PL:none:1'; `starter.py list` has all.\n"
        )


async def test_is_an_order_taken_for_a_case_pointed_to_its_preview(shell: Shell) -> None:
    assert (await shell("show", "PL-3004")).err == (
        "case-unknown: There is no case 'PL-3004'; `starter.py list` has all. If that is an order: "
        "`starter.py preview --order PL-3004`.\n"
    )


async def test_is_the_exit_code_ours_though_temporals_threads_still_run(shell: Shell) -> None:
    for command in (("show", "dispute:PL:none:1"), ("list", "--stuck")):
        answer = await shell.run(*command, TEMPORAL_NAMESPACE="elsewhere")
        assert answer.code == 2, answer
        assert answer.err == (
            "The server does not know this namespace; set TEMPORAL_NAMESPACE rightly.\n"
        )


async def test_does_a_terminal_without_unicode_still_get_its_page(
    shell: Shell, refusable: str
) -> None:
    answer = await shell.run("show", refusable, PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert answer.code == 0, answer
    assert "dispute ? PL" in answer.out


async def test_is_an_unreachable_server_one_sentence(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    answer = await shell.run("list", "--stuck", "--json", TEMPORAL_ADDRESS="127.0.0.1:1")
    assert time.monotonic() - began < 20
    assert answer.code == 3
    assert answer.json["error"]["code"] == "unreachable"
    assert answer.err.startswith("No Temporal server answers at 127.0.0.1:1")
    assert answer.err.count("\n") == 1
    nowhere = "postgresql://u:secret@127.0.0.1:1/db"
    monkeypatch.setenv("DATABASE_URL", nowhere)
    answer = await shell("tasks")
    assert answer.code == 3
    assert "secret" not in answer.err
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    answer = await shell("headline")
    assert answer.code == 3
    assert "has no tables yet" in answer.err


async def test_do_the_temporal_binarys_signals_and_updates_work_too(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    case = await opened(shell, tmp_path, opening(real_world.order()))
    target = ("--address", shell.environment["TEMPORAL_ADDRESS"], "--workflow-id", case)
    for party in ("buyer", "seller"):
        wish = {"verb": "ask-for-help", "command_id": party, "by": {"party": party, "id": party}}
        updated = await shell.program(
            binary("temporal"), "workflow", "update", "execute", *target,
            "--name", "submit", "--input", json.dumps(wish), HOME=str(tmp_path),
        )  # fmt: skip
        assert updated.code == 0, updated
    await comes_to(shell, case, "with-agent")
    decision = {
        "command_id": "d1",
        "by": {"party": "agent", "id": "agent-1", "name": "Anna Nowak"},
        "verdict": "for-seller",
        "reasoning": "The lamp lights.",
    }
    signalled = await shell.program(
        binary("temporal"), "workflow", "signal", *target,
        "--name", "decide", "--input", json.dumps(decision), HOME=str(tmp_path),
    )  # fmt: skip
    assert signalled.code == 0, signalled
    view = await comes_to(shell, case, "decided")
    assert view.decision is not None
    assert view.decision.reasoning == "The lamp lights."


async def test_does_an_inquiry_become_a_dispute_whose_page_has_its_messages(
    shell: Shell, real_world: World
) -> None:
    inquiry = (await real_world.inquiry()).handle.id
    assert (await shell("say", inquiry, "Yes, it can.", "--as", "seller")).code == 0
    refused = await shell("become-dispute", inquiry, "defect", "partial-refund", "It cannot.",
                          "900.00", "--as", "buyer")  # fmt: skip
    assert refused.err.startswith("amount-too-high: ")
    became = await shell("become-dispute", inquiry, "defect", "partial-refund", "It cannot.",
                         "90.00", "--as", "buyer")  # fmt: skip
    assert became.code == 0, became
    order = (await seen(shell, inquiry)).order_id
    dispute = f"dispute:PL:{order}-inquiry-1"
    view = await comes_to(shell, dispute, "awaiting-seller")
    assert view.claimed == Money(amount_minor=9000, currency="PLN")
    page = (await shell("show", dispute)).out
    assert f"Messages of {inquiry}" in page
    assert "Can the lamp be dimmed?" in page


async def test_is_a_clock_held_resumed_and_recalculated(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    case = await opened(shell, tmp_path, opening(real_world.order()))
    assert (await shell("hold", case, "Parcel on its way", "--as", AGENT)).code == 0
    assert "held since" in (await shell("show", case)).out
    assert (await shell("resume", case, "--as", AGENT)).code == 0
    answer = await shell(
        "recalculate", case, "dispute:PL:none:1", "--reason", "a new holiday", "--as", "platform"
    )
    assert answer.code == 1
    assert "case-unknown" in answer.err
    assert re.match(rf"{case}: now under policy \S+, still due ", answer.out)
    assert any(entry.what == "recalculated" for entry in (await seen(shell, case)).timeline)


# Goods that come back.


def return_form(order_id: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "return-form",
        "country": order_id[:2],
        "order_id": order_id,
        "opened_by": {"party": "buyer", "id": "buyer"},
        "reason": "changed-mind",
        "text": "I withdraw from the contract.",
        **more,
    }


async def page(shell: Shell, case: str) -> str:
    answer = await shell("show", case)
    assert answer.code == 0, answer
    assert max(map(len, answer.out.splitlines())) <= 100
    return re.sub(" +", " ", answer.out)


async def test_is_a_whole_withdrawal_played_through_the_command_line(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    lines = [{"sku": "A", "quantity": 2}]
    case = await opened(
        shell,
        tmp_path,
        return_form(await real_world.in_hand(return_cost_announced=False), lines=lines),
    )
    back = (await comes_to(shell, case, "awaiting-goods")).returns[0]
    await comes_to(shell, back, "awaiting-goods")
    shown = await page(shell, case)
    for said in (
        "Reason changed mind\n",
        "Refund withheld until goods or proof of dispatch come\n",
        "Right until ",
        f"Goods come by {back}\n",
        "seller · refund due ",
        "buyer · send goods due ",
        ", safe until ",
        "2 of 2 Lamp A 100.00 PLN\n",
        "0 of 1 Shade B 50.00 PLN\n",
        f"Who has them, in {back}\nUnits Title Where Condition\n2 Lamp with buyer\n",
        "2 × A 200.00 PLN W1, art. 13(1)",
        "refund 207.99 PLN\n",
    ):
        assert said in shown
    assert re.search(r"^buyer .*hand-over \(of its\sreturn\)", shown, re.M)
    assert f"Belongs to {case}\n" in await page(shell, back)
    handed = await shell("hand-over", case, "InPost", "--tracking", "T1", "--as", "buyer")
    assert handed.code == 0, handed
    assert handed.out.startswith(f"sent to {back}\nAccepted: hand-over. The case is ")
    seen_twice = ("parcel-event", case, "arrived", "--event-id", "e1", "--tracking", "T1")
    assert (await shell(*seen_twice)).out == f"Told {back}: arrived.\n"
    told = {"case_id": back, "also_told": [], "event_id": "e1"}
    assert (await shell(*seen_twice, "--json")).json == told
    await comes_to(shell, back, "inspecting")
    received = await shell("receive", case, "A=1", "A=1:damaged", "--as", "seller", "--json")
    assert (received.code, received.err) == (0, f"sent to {back}\n")
    assert received.json["stage"] == "inspecting"
    assert "1 Lamp with seller damaged\n" in await page(shell, case)
    early = await shell("ship-back", case, "InPost", "T2", "2026-12-01", "--as", "seller")
    assert (early.code, early.out) == (1, "")
    assert early.err.startswith("wrong-stage: ")
    assert early.err.endswith(f" It was sent to {back}.\n")
    assert (await shell("inspect", case, "--as", "seller")).code == 0
    await comes_to(shell, back, "closed")
    assert "Counts as returned\n2 of 2 Lamp A 100.00 PLN 2\n" in await page(shell, back)
    over = await shell("inspect", case, "--as", "seller")
    assert over.err == f"case-closed: The return {back} is closed; look at how it ended.\n"
    photo = tmp_path / "scratch.jpg"
    photo.write_bytes(b"a scratch")
    await comes_to(shell, case, "awaiting-refund")
    deducted = await shell(
        "deduct", case, "40.00", "scratched", "--attachment", str(photo), "--as", "seller"
    )
    assert deducted.code == 0, deducted
    await comes_to(shell, case, "awaiting-buyer")
    assert "deduction 40.00 PLN · the buyer answers" in await page(shell, case)
    assert (await shell("reject", case, "--as", "buyer")).out.startswith("Accepted: reject.")
    await comes_to(shell, case, "with-agent")
    shared = await shell("decide", case, "shared", "Half of it.", "20.00", "--as", AGENT)
    assert shared.code == 0, shared
    await comes_to(shell, case, "awaiting-refund")
    assert "diminished value -20.00 PLN" in await page(shell, case)
    assert (await shell("refund", case, "--as", "seller")).code == 0
    closed = await comes_to(shell, case, "closed")
    assert (closed.ending, closed.preview and closed.preview.refund_minor) == ("refunded", 18799)
    assert "deduction 40.00 PLN · accepted" in await page(shell, case)
    assert await lists(shell, case, "--kind", "withdrawal", "--stage", "closed", "--closed")
    assert await lists(shell, back, "--kind", "return", "--closed", "--seller", "seller")
    figures = (await shell("headline", "--kind", "withdrawal", "--json")).json
    assert figures["PL"]["solved"] >= 1


async def test_is_an_exception_claimed_for_some_units_and_ruled_on(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    case = await opened(shell, tmp_path, return_form(await real_world.in_hand("SI")))
    photo = tmp_path / "seal.jpg"
    photo.write_bytes(b"a seal")
    claimed = await shell(
        "claim-exception", case, "seal-broken-hygiene", "The seal is broken.",
        "--units", "A=1", "--units", "B=1", "--attachment", str(photo), "--as", "seller",
    )  # fmt: skip
    assert claimed.code == 0, claimed
    await comes_to(shell, case, "awaiting-buyer")
    assert (await shell("reject", case, "--as", "buyer")).code == 0
    await comes_to(shell, case, "with-agent")
    contested = "exception seal broken hygiene for 1 × A, 1 × B · contested, an agent rules"
    assert contested in await page(shell, case)
    assert (await shell("claim", case, "--as", AGENT)).code == 0
    ruled = await shell("decide", case, "for-seller", "It was opened.", "--as", AGENT)
    assert ruled.code == 0, ruled
    view = await comes_to(shell, case, "awaiting-goods")
    assert [(unit.sku, unit.quantity) for unit in view.units] == [("A", 1)]
    shown = await page(shell, case)
    assert "Ruling\nfor-seller · final\n" in shown
    assert "It was opened." in shown
    assert "1 of 2 Lamp A 100.00 EUR" in shown


async def test_is_a_cancelled_parcel_that_left_told_by_its_carrier(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    document = return_form(await real_world.fresh("CZ"), kind="cancellation")
    del document["reason"]
    case = await opened(shell, tmp_path, document)
    await comes_to(shell, case, "watching")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M+00:00")
    told = await shell("parcel-event", case, "handed-over", "--at", now)
    assert told.out == f"Told {case}: handed-over.\n"
    for _ in range(100):
        if returns := (await seen(shell, case)).returns:
            break
        await asyncio.sleep(0.1)
    await comes_to(shell, returns[0], "awaiting-goods")
    # Of the cancelled order it may be the parcel on its way out: it says nothing of the way back.
    assert (await shell("parcel-event", case, "arrived")).out == f"Told {case}: arrived.\n"
    assert (await seen(shell, returns[0])).stage == "awaiting-goods"
    arrived = await shell("parcel-event", returns[0], "arrived")
    assert arrived.out == f"Told {returns[0]}: arrived.\n"
    await comes_to(shell, returns[0], "inspecting")
    taken = await shell("put-back", case, "--as", "seller")
    assert taken.out.startswith(f"sent to {returns[0]}\nAccepted: put-back.")
    assert (await comes_to(shell, case, "closed")).ending == "cancelled"
    assert "put back" in await page(shell, case)
    late = await shell("parcel-event", case, "arrived")
    assert (late.code, late.err.split(":")[0]) == (1, "case-closed")
    nowhere = await shell("parcel-event", (await real_world.dispute()).handle.id, "arrived")
    assert (nowhere.code, nowhere.err.split(":")[0]) == (1, "unknown-command")


async def test_is_an_uncollected_parcel_played_through_the_command_line(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    order = real_world.order()
    told = ("parcel-event", "returned", "--order", order, "--country", "PL", "--tracking", "P 1")
    case = f"uncollected-parcel:PL:{order}:P-1"
    for _ in range(2):
        assert (await shell(*told)).out == f"Told {case}: returned.\n"
    await comes_to(shell, case, "awaiting-buyer")
    nobody = await shell("redelivery-paid", case)
    assert (nobody.code, nobody.err.split(":")[0]) == (1, "wrong-stage")
    bill = tmp_path / "bill.pdf"
    bill.write_bytes(b"a bill")
    reported = ("report-cost", case, "way-back", "12.99", "--as", "seller")
    assert (await shell(*reported)).code == 2
    assert (await shell(*reported, "--attachment", str(bill))).code == 0
    assert (await shell("report-buyer", case, "--as", "seller")).code == 0
    assert (await shell("send-again", case, "--as", "buyer")).code == 0
    view = await comes_to(shell, case, "awaiting-payment")
    for _ in range(50):
        if view.clocks:
            break
        view = await seen(shell, case)
    key = f"{case}:redelivery:1"
    assert (await shell("redelivery-paid", case)).out == f"Told {case}: {key} is paid.\n"
    assert (await shell("redelivery-paid", case, "--key", key, "--json")).json["key"] == key
    told_twice = await comes_to(shell, case, "awaiting-dispatch")
    assert [one.what for one in told_twice.timeline].count("redelivery paid") == 1
    shown = await page(shell, case)
    for said in (
        "Round 1, parcel P 1\n",
        "Sending again 14.99 PLN, paid\n",
        "Cost way back 12.99 PLN: announced with the order, deducted\n",
        "Evidence bill.pdf, 6 bytes, application/pdf\n",
        "Reported the buyer, for not collecting it\n",
        "way back -12.99 PLN P3, art. 14(1)",
    ):
        assert said in shown
    sent = await shell("ship", case, "InPost", "P 2", "2099-01-04", "--as", "seller")
    assert sent.code == 0, sent
    await comes_to(shell, case, "in-transit")
    [kept] = [one for one in (await shell("costs", "seller", "--json")).lines
              if one["case_id"] == case]  # fmt: skip
    assert (kept["amount"]["amount_minor"], kept["deducted_minor"]) == (1299, 0)
    assert case in (await shell("costs", "seller")).out
    inactive = (await shell("inactive-buyers", "seller", "--json")).lines
    assert inactive[0]["buyer_id"] == "buyer"
    assert "buyer" in (await shell("inactive-buyers", "seller")).out
    assert (await shell("inactive-buyers", "nobody")).out == "None.\n"
    assert (await shell("costs", "nobody")).out == "None.\n"
    of_order = ("--order", order, "--country", "PL", "--tracking", "P 2")
    for _ in range(50):  # lists lag behind
        delivered = await shell("parcel-event", "delivered", *of_order)
        if delivered.code == 0:
            break
        await asyncio.sleep(0.1)
    assert delivered.out == f"Told {case}: delivered.\n"
    assert (await comes_to(shell, case, "closed")).ending == "delivered"
    for _ in range(50):
        again = await shell(*told)
        if again.code:
            break
        await asyncio.sleep(0.1)
    assert again.err.startswith(f"case-closed: {case} is closed: delivered. If the parcel came ")
    of_order = ("--order", real_world.order(), "--country", "PL", "--tracking", "P 2")
    unknown = await shell("parcel-event", "delivered", *of_order)
    assert (unknown.code, unknown.err.split(":")[0]) == (1, "unknown-command")


async def test_is_the_country_of_a_parcels_order_looked_up(
    shell: Shell, real_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = real_world.order("SI")
    told = ("parcel-event", "returned", "--order", order, "--tracking", "PY 1")
    assert (await shell(*told)).err.startswith(f"Where order {order} was placed is not known")
    monkeypatch.setenv("RECOURSE_MARKETPLACE_URL", real_world.marketplace)
    case = f"uncollected-parcel:SI:{order}:PY-1"
    assert (await shell(*told)).out == f"Told {case}: returned.\n"
    await comes_to(shell, case, "awaiting-buyer")
    monkeypatch.delenv("RECOURSE_MARKETPLACE_URL")
    again = (*told[:1], "lost", *told[2:])
    for _ in range(50):  # lists lag behind
        if (answered := await shell(*again)).code == 0:
            break
        await asyncio.sleep(0.1)
    assert answered.out == f"Told {case}: lost.\n"


async def test_who_is_told_of_an_orders_parcel(shell: Shell, real_world: World) -> None:
    async def tells(order: str, *cases: str) -> None:
        of_order = ("--order", order, "--country", "PL", "--tracking", "PX 1")
        told: list[str] = []
        for _ in range(50):  # lists lag behind
            answered = await shell("parcel-event", "returned", *of_order, "--json")
            if answered.code == 0:
                told = [answered.json["case_id"], *answered.json["also_told"]]
            if told == [*cases]:
                break
            await asyncio.sleep(0.1)
        assert told == [*cases]

    goods = [{"sku": "A", "quantity": 2}]
    order = await real_world.parcel(posted=40, lines=goods)
    life = await real_world.non_delivery(order_id=order)
    beside = await life.sees(lambda view: view.carrier_claims)
    await tells(order, life.handle.id)  # which tells the claim beside it
    assert (await comes_to(shell, life.handle.id, "came-back")).units == TWO_A
    assert (await comes_to(shell, beside.carrier_claims[0], "closed")).ending == "delivered"

    order = await real_world.parcel(posted=40, lines=goods)
    await real_world.carrier_claim(order_id=order)  # opened by hand, beside no case
    await real_world.non_delivery(order_id=order, lines=ONE_B)  # which was not in the parcel
    claim, case = f"carrier-claim:PL:{order}:PX-1", f"uncollected-parcel:PL:{order}:PX-1"
    await tells(order, case)  # the claim has heard of it, and has ended
    assert (await comes_to(shell, claim, "closed")).ending == "delivered"


async def test_what_machines_tell_needs_no_look_into_a_case_that_a_worker_would_have_to_load(
    shell: Shell, real_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(*_: Any, **__: Any) -> None:
        raise AssertionError("a case was queried")

    goods = [{"sku": "A", "quantity": 2}]
    order = await real_world.parcel(posted=1, lines=goods)
    early = await real_world.non_delivery(order_id=order, lines=TWO_A)
    closed = await shell("ship", early.handle.id, "InPost", "PX 2", "2099-01-04", "--as", "seller")
    assert closed.err.split(": ")[:2] in (["case-closed", "It was not opened"], ["too-early", ANY])
    order = await real_world.parcel(posted=40, lines=goods)
    life = await real_world.non_delivery(order_id=order, lines=TWO_A)
    case = life.handle.id
    sent = ("ship", case, "InPost", "PX 2", "2099-01-04", "--as", "seller")
    parcel = await real_world.uncollected_parcel()
    with monkeypatch.context() as patched:
        patched.setattr(WorkflowHandle, "query", asks)
        assert (await shell(*sent)).code == 0
        of_order = ("--order", order, "--country", "PL", "--tracking", "PX 2")
        for _ in range(50):  # lists lag behind
            told = await shell("parcel-event", "in-transit", *of_order)
            if told.code == 0:
                break
            await asyncio.sleep(0.1)
        assert told.out == f"Told {case}: in-transit.\n"
        nobody = await shell("redelivery-paid", parcel.handle.id)
        assert (nobody.code, nobody.err.split(":")[0]) == (1, "wrong-stage")
    await parcel.buyer(SendAgain)
    await parcel.sees(lambda view: view.stage is Stage.AWAITING_PAYMENT, lambda view: view.due)
    with monkeypatch.context() as patched:
        patched.setattr(WorkflowHandle, "query", asks)
        paid = await shell("redelivery-paid", parcel.handle.id, "--json")
        assert paid.json["key"] == f"{parcel.handle.id}:redelivery:1"
    await parcel.sees(lambda view: view.stage is Stage.AWAITING_DISPATCH)
    await parcel.seller(Ship, carrier="InPost", tracking="PX 3", expected_on=date(2099, 1, 4))
    over = await shell("redelivery-paid", parcel.handle.id)
    assert (over.code, over.err.split(":")[0]) == (1, "wrong-stage")


async def test_does_a_receipt_name_the_stage_that_the_command_led_to(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    order = await real_world.parcel(posted=20)
    document = opening(order, kind="non-delivery", essential_date=True)
    for name in ("reason", "wanted"):
        del document[name]
    document["opened_by"] = {"party": "platform", "id": "platform"}
    case = await opened(shell, tmp_path, document)
    await comes_to(shell, case, "awaiting-buyer")
    terminate = ("terminate", case, "--as", "buyer", "--command-id", "end")
    ended = await shell(*terminate)
    assert re.match(
        r"Accepted: terminate\. The case is (refunding and waits for the platform|closed)",
        ended.out,
    )
    await comes_to(shell, case, "closed")
    again = await shell(*terminate, "--json")
    assert (again.json["outcome"], again.json["stage"]) == ("repeated", "closed")
    assert (again.json["awaited"], again.json["working"]) == (None, False)


async def test_does_a_closed_case_with_a_return_say_closed_though_that_takes_a_moment(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    case = await opened(shell, tmp_path, opening(real_world.order()))
    assert (await shell("offer", case, "return-for-refund", "--as", "seller")).code == 0
    assert (await shell("accept", case, "--as", "buyer")).code == 0
    await comes_to(shell, (await comes_to(shell, case, "settling")).returns[0], "awaiting-goods")
    closed = await shell("close", case, "solved", "--as", "platform")
    assert closed.out == "Accepted: close. The case is closed.\n"
    parcel = await real_world.uncollected_parcel()
    assert (await shell("send-again", parcel.handle.id, "--as", "buyer")).code == 0
    await comes_to(shell, parcel.handle.id, "awaiting-payment")
    cancelled = await shell("cancel-order", parcel.handle.id, "--as", "buyer")
    assert "awaiting-payment" not in cancelled.out, cancelled
    assert cancelled.code == 0, cancelled


async def test_is_a_damage_claimed_from_its_carrier_through_the_command_line(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    order = await real_world.parcel(posted=3, in_hand=1)
    claim = {"kind": "carrier-claim", "tracking": "PX 1", "trouble": "damage"}
    by = {"opened_by": {"party": "seller", "id": "seller"}}
    plain = {name: opening(order)[name] for name in ("country", "order_id")}
    opened = await shell("open", written(tmp_path, {**plain, **claim, **by}), "--json")
    assert (opened.json["stage"], opened.json["awaited"]) == ("awaiting-seller", "seller")
    case = opened.json["case_id"]
    invoice, record = tmp_path / "invoice.pdf", tmp_path / "record.pdf"
    invoice.write_bytes(b"1")
    record.write_bytes(b"2")
    proof = ("--proof-of-value", str(invoice))
    none = await shell("file-claim", case, "200.00", "--as", "seller")
    assert (none.code, "--proof-of-value" in none.err) == (2, True)
    half = await shell("file-claim", case, "200.00", *proof, "--as", "seller")
    assert (half.code, half.err.partition(":")[0]) == (1, "evidence-missing")
    whole = (*proof, "--damage-record", str(record))
    filed = await shell("file-claim", case, "200.00", *whole, "--as", "seller")
    assert filed.code == 0, filed.err
    await comes_to(shell, case, "with-carrier")
    shown = await page(shell, case)
    assert "Parcel PX 1 with Poczta: damage, postal service\n" in shown
    assert "Claimed 200.00 PLN, reference CLM" in shown
    assert "Evidence invoice.pdf, 1 bytes, application/pdf\n" in shown
    for arguments in (("report-answer", case, "partly", "50.00"), ("accept", case)):
        said = await shell(*arguments, "--as", "seller")
        assert said.code == 0, said.err
    paid = await shell("report-recovered", case, "50.00", "--as", "platform")
    assert paid.code == 0, paid.err
    assert (await comes_to(shell, case, "closed")).ending == "recovered"
    shown = await page(shell, case)
    for line in ("Carrier's answer partly\n", "Carrier owes 50.00 PLN\n", "Recovered 50.00 PLN\n"):
        assert line in shown
    found = (await shell("recoveries", "seller", "--json")).lines
    assert [one["amount"]["amount_minor"] for one in found if one["case_id"] == case] == [5000]
    assert case in (await shell("recoveries", "seller")).out
    assert (await shell("recoveries", "nobody")).out == "Nothing was recovered.\n"


async def test_does_a_seller_open_a_return_of_goods_found_with_no_case(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    document = {
        "kind": "return",
        "country": "SK",
        "order_id": await real_world.in_hand("SK"),
        "opened_by": {"party": "seller", "id": "seller"},
        "received": [{"sku": "A", "quantity": 1, "condition": "damaged"}],
    }
    case = await opened(shell, tmp_path, document)
    assert case == f"return:SK:{document['order_id']}:1"
    assert "1 Lamp with seller damaged\n" in await page(shell, case)
    wants = await shell(
        "explain", case, "no-reason", "I withdraw.", "--wanted", "repair", "--as", "buyer"
    )
    assert wants.err.startswith("reason-differs: ")
    explained = await shell("explain", case, "no-reason", "I withdraw.", "--as", "buyer")
    assert explained.code == 0, explained
    assert explained.out == "Accepted: explain. The case is closed.\n"
    assert (await comes_to(shell, case, "closed")).ending == "explained"
    withdrawal = f"withdrawal:SK:{document['order_id']}:1"
    assert (await comes_to(shell, withdrawal, "awaiting-refund")).units[0].quantity == 1


async def test_does_a_return_form_with_a_reason_of_complaint_open_a_complaint(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    form = return_form(await real_world.in_hand(), reason="defective", wanted="replacement")
    case = await opened(shell, tmp_path, form)
    assert case == f"complaint:PL:{form['order_id']}:1"
    view = await seen(shell, case)
    assert (view.reason, view.wanted) == ("defective", "replacement")
    odd = here("open", written(tmp_path, return_form("PL-1", reason="bored")))
    assert (odd.code, odd.err[:40]) == (2, "The return form does not fit at /reason:")
    both = here("open", written(tmp_path, return_form("PL-1", wanted="repair")))
    assert (both.code, "leave `wanted` out" in both.err) == (2, True)


# The cases of the demo.


def test_is_every_example_one_that_can_be_played_now_and_once_more(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    plays = [Play(tmp_path, now) for _ in range(2)]
    orders = ORDERS.validate_json(plays[1].orders_file.read_bytes())
    known = {order.id: order for order in orders}
    for example in read_examples():
        first, second = (play.opening(example.opening) for play in plays)
        assert first == example.opening
        assert first.order_id != second.order_id
        for opening in (first, second):
            policy = read_policy(opening.country, ROOT / "policies" / "demo")
            rules = Rules(
                policy_version=policy.version,
                terms=policy.terms(opening.kind),
                calendar=read_calendar(opening.country, now.year - 1, now.year + 3),
            )
            assert register(opening, known[opening.order_id], rules, now).refusal is None
        for move in example.moves:
            if move.send:
                COMMAND.validate_python({"command_id": "c", **move.send})
    kinds = {kind for each in read_examples() for kind in (each.opening.kind, *each.beside)}
    assert kinds == set(Kind)
    assert {example.opening.country for example in read_examples()} >= {
        "PL",
        "SI",
        "CZ",
        "SK",
        "HU",
    }


@pytest.mark.parametrize("policies", ["policies", "policies/demo"])
def test_are_the_orders_of_the_listed_issues_among_those_of_the_demo(
    tmp_path: Path, policies: str
) -> None:
    orders = ORDERS.validate_json(Play(tmp_path, datetime.now(UTC)).orders_file.read_bytes())
    known = {order.id: order for order in orders}
    policy = read_policy("PL", ROOT / policies)
    for opening in (*openings(LISTED), *openings(CLAIMED)):
        assert opening.happened_at
        calendar = read_calendar("PL", 2024, 2029)
        terms = policy.terms(opening.kind)
        rules = Rules(policy_version=policy.version, terms=terms, calendar=calendar)
        registered = register(opening, known[opening.order_id], rules, datetime.now(UTC))
        assert registered.refusal is None
        if opening in openings(CLAIMED):  # about one line of its order
            assert registered.lines == (Line(sku="LAMPKA-LED-3", quantity=1),)
            assert registered.at_stake == Money(amount_minor=12900, currency="PLN")


@pytest.mark.parametrize(
    "case", ["", " ", "\0", "\x1b[31m", "x" * 5000, "uncollected-parcel:PL:1:1"]
)
async def test_is_what_can_be_no_case_told_so(shell: Shell, real_world: World, case: str) -> None:
    for arguments in (
        ("show", case),
        ("preview", case),
        ("export", case, "--for", "buyer"),
        ("mend", case, "--look"),
        ("redelivery-paid", case),
        ("redelivery-paid", case, "--key", "k" * 400),
        ("parcel-event", case, "arrived"),
        ("say", case, "Hello.", "--as", "buyer"),
    ):
        answered = await shell(*arguments)
        assert (answered.code, answered.err.split(":")[0]) == (1, "case-unknown"), arguments
        assert answered.err.rstrip("\n").isprintable()
        assert len(answered.err) < 300


async def test_is_a_payment_for_no_charge_of_the_case_refused(
    shell: Shell, real_world: World
) -> None:
    case = (await real_world.uncollected_parcel()).handle.id
    for key in ("", " ", "another", f"{case}:redelivery:", f"{case}:redelivery:{'1' * 400}"):
        refused = await shell("redelivery-paid", case, "--key", key)
        assert (refused.code, refused.err.split(":")[0]) == (1, "wrong-stage"), key


# Lists and searches.


async def listed(shell: Shell, *arguments: str) -> set[str]:
    answer = await shell("list", *arguments, "--json")
    assert answer.code == 0, answer
    return {one["case_id"] for one in answer.lines}


async def lists(shell: Shell, case: str, *arguments: str) -> bool:
    """Whether the list has the case, once visibility has caught up."""
    for _ in range(50):
        if case in await listed(shell, *arguments):
            return True
        await asyncio.sleep(0.1)
    return False


async def test_do_filters_find_cases_by_their_search_attributes(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    pl = await opened(shell, tmp_path, opening(real_world.order()))
    si = await opened(shell, tmp_path, opening(real_world.order("SI")))
    assert (await shell("offer", si, "repair", "--as", "seller")).code == 0
    inquiry = (await real_world.inquiry()).handle.id
    assert await lists(shell, pl, "--stage", "awaiting-seller", "--seller", "seller")
    assert await lists(shell, si, "--stage", "awaiting-buyer", "--buyer", "buyer")
    assert await lists(shell, inquiry, "--stage", "awaiting-seller")
    ours = {pl, si, inquiry}
    far = (datetime.now(UTC) + timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%S%z")
    for arguments, expected in (
        (("--kind", "inquiry"), {inquiry}),
        (("--kind", "dispute", "--country", "SI"), {si}),
        (("--country", "PL"), {pl, inquiry}),
        (("--awaited", "buyer"), {si}),
        (("--awaited", "seller", "--open"), {pl, inquiry}),
        (("--queue", "disputes-pl"), set()),
        (("--due-before", far), ours),
        (("--due-before", "2020-01-01"), set()),
        (("--breached",), set()),
        (("--not-breached",), ours),
        (("--seller", "nobody"), set()),
        (("--seller", "x' OR RecourseKind = 'dispute"), set()),
        (("--buyer", "x\\' OR RecourseKind = 'dispute"), set()),
        (("--closed",), set()),
        (("--all",), ours),
    ):
        assert await listed(shell, *arguments) & ours == expected, arguments
    assert (await shell("withdraw", pl, "--as", "buyer")).code == 0
    await comes_to(shell, pl, "closed")
    assert await lists(shell, pl, "--closed", "--stage", "closed")
    gone = opening("PL-none")
    assert (await shell("open", written(tmp_path, gone))).err.startswith("order-unknown: ")
    assert await lists(shell, "dispute:PL:PL-none:1", "--closed")
    closed = (await shell("list", "--all")).out
    assert re.search(rf"^{pl} +closed: withdrawn ", closed, re.M)
    assert re.search(r"^dispute:PL:PL-none:1 +not opened: order-unknown", closed, re.M)
    assert pl not in await listed(shell)
    assert re.fullmatch(
        r"[0-9]+ closed cases? (is|are) not shown; `list --all` shows all.\n",
        (await shell("list", "--country", "PL")).err,
    )
    for arguments in (("--open",), ("--closed",), ("--all",), ("--json",), ("--seller", "nobody")):
        assert "not shown" not in (await shell("list", *arguments)).err
    short = await shell("list", "--all", "--limit", "1")
    assert "There are more than 1" in short.err
    piped = await shell.run("list", "--country", "SI")
    assert re.search(rf"^{si} +awaiting-buyer +buyer ", piped.out, re.M)
    assert "\x1b" not in piped.out


async def test_is_what_was_said_found_in_the_archive(
    shell: Shell, real_world: World, tmp_path: Path
) -> None:
    case = await opened(
        shell, tmp_path, opening(real_world.order(), text="The Xylophone ŁAMP is broken")
    )
    for _ in range(50):
        found = await shell("search", "łamp", "xylo", "--seller", "seller", "--json")
        if found.out:
            break
        await asyncio.sleep(0.1)
    assert [one["case_id"] for one in found.lines] == [case]
    assert "The Xylophone ŁAMP is broken" in (await shell("search", "xylophone")).out
    whole = (await shell("search", "--case", case, "--json")).lines
    assert [one["message"]["text"] for one in whole] == ["The Xylophone ŁAMP is broken"]
    assert (await shell("search", "xylophone", "--limit", "9" * 30)).code == 0
    assert (await shell("search", "\0")).out == "Nothing found.\n"
    assert (await shell("search", "xylo", "--seller", "other")).out == "Nothing found.\n"
    assert (await shell("search", "xylo", "--case", "dispute:PL:none:1", "--json")).out == ""


# Words.


def test_is_money_read_and_said_exactly() -> None:
    assert amount_from("0.1", "EUR").amount_minor == 10
    assert amount_from("90071992.93", "PLN").amount_minor == 9007199293
    assert amount_from("50", "HUF") == Money(amount_minor=5000, currency="HUF")
    assert Money(amount_minor=5, currency="EUR").figures == "0.05 EUR"
    for bad in ("", "-1", "+1", ".5", "1.", "1.005", "1_0", "٣", "12345678901", "1 000"):
        with pytest.raises(InputError):
            amount_from(bad, "EUR")


def test_is_an_actor_read_with_colons_in_the_name() -> None:
    actor = actor_from("agent:a-1:Anna Nowak: lead")
    assert (actor.party, actor.id, actor.name) == ("agent", "a-1", "Anna Nowak: lead")
    assert actor_from("platform").id == "platform"


@pytest.mark.parametrize(
    "said",
    ["seller:", "buyer:", "seller: ", "seller::Anna", "buyer:?", "platform:", "agent::Anna Nowak"],
)
def test_does_nobody_without_an_id_speak_as_whoever_the_case_has(said: str) -> None:
    with pytest.raises(InputError, match="--as has no id after"):
        actor_from(said)


def test_can_a_text_not_command_a_terminal() -> None:
    assert printable("a\x1b]0;x\x07\u202eb\nc") == "a\ufffd]0;x\ufffd\ufffdb\nc"


async def test_does_a_batch_of_ten_thousand_deadlines_start_quickly(shell: Shell) -> None:
    line = {"rule": "working-hours", "amount": 24, "country": "PL", "start": "2026-04-03T16:30"}
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    answer = await shell.run("deadline", "--batch", "-", stdin=(json.dumps(line) + "\n") * 10_000)
    assert answer.code == 0
    assert answer.out.count("\n") == 10_000
    # Its own time, not the machine's: other tests may run beside this one.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began < 5
    loaded = await shell.program(
        sys.executable, "-c", "import sys, starter; print('temporalio' in sys.modules)"
    )
    assert loaded.out == "False\n"


# What refusals mean.


def test_does_the_document_explain_every_refusal() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "refusals.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    explained = [row[0].strip("`") for row in rows]
    own = ["case-unknown", "opening-differs", "bad-input", "unreachable", "defect"]
    assert explained[: len(Code)] == [*Code]  # then what only HTTP says
    assert explained[-len(own) :] == own
    assert all(len(row) == 3 and row[1] and row[2] for row in rows)
