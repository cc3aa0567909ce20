"""Whatever is typed, piped in or answered, the command line says it in one sentence."""

import asyncio
import io
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from typer.main import get_command

import starter
from cli.failures import TRACEBACK
from config import HERE
from service import reaching
from store.engine import connect, migrate

COMMANDS = get_command(starter.app).commands  # type: ignore[attr-defined]
FOREIGN, ENDED, RAW = "dispute:PL:foreign:1", "dispute:PL:ended:1", "dispute:PL:raw:1"
SENDERS = ("buyer", "seller:", "buyer:x", "agent:a:Anna Nowak", "platform", "agent:a\udcff:A B")
INPUTS = (b"", b"{}", b"\xff", b"null\n", b"[]\n[]\n", b'{"kind": 1}', b"\0")


@workflow.defn(name="Foreign")
class Foreign:
    """Takes a case's place, and answers whatever it is asked with rubbish."""

    @workflow.run
    async def run(self, _given: object = None) -> str:
        await workflow.wait_condition(lambda: False)
        return ""

    @workflow.query
    def view(self) -> dict[str, int]:
        return {"rubbish": 1}

    @workflow.query
    def export(self) -> str:
        return "rubbish"

    @workflow.update
    async def submit(self, _given: object) -> dict[str, int]:
        return {"rubbish": 1}

    @workflow.update
    async def recalculate(self, _given: object) -> list[int]:
        return [1]


@workflow.defn(name="Ended")
class Ended:
    """Has ended with another result than a case."""

    @workflow.run
    async def run(self, _given: object = None) -> int:
        return 7


@pytest.fixture
async def foreigners(server: WorkflowEnvironment) -> AsyncIterator[Client]:
    """A server on which other programs' workflows have the ids of cases."""
    client = server.client
    async with Worker(
        client,
        task_queue="foreign",
        workflows=[Foreign, Ended],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        for name, case_id in (("Foreign", FOREIGN), ("Ended", ENDED), ("Dispute", RAW)):
            queue = "nobody" if name == "Dispute" else "foreign"
            handle = await client.start_workflow(name, {"rubbish": 1}, id=case_id, task_queue=queue)
            if name == "Ended":
                await handle.result()
        yield client
        for case_id in (FOREIGN, RAW):
            await client.get_workflow_handle(case_id).terminate()


@pytest.fixture
def hostile_files(tmp_path: Path) -> list[str]:
    contents = {
        "binary": bytes(range(256)) * 9,
        "empty": b"",
        "nested": b"[" * 100_000,
        "list": b"[1, 2]",
        "text": b'"x"',
        "surrogate": b'{"kind": "dispute", "text": "\\ud800"}',
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path), *(str(tmp_path / name) for name in contents)]


@contextmanager
def standard_input(content: bytes) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(content))
    try:
        yield
    finally:
        sys.stdin = before


def typed(name: str, words: list[str], chance: random.Random) -> list[str]:
    """A command with hostile words for all that it must be told, and for some that it may be."""
    arguments = [name]
    for one in COMMANDS[name].params:
        if one.param_type_name == "argument":
            if one.required or chance.random() < 0.5:
                arguments.append(chance.choice(words))
        elif one.required or chance.random() < 0.3:
            arguments.append(one.opts[0])
            if not getattr(one, "is_flag", False):
                arguments.append(chance.choice(SENDERS if one.opts[0] == "--as" else words))
    return arguments


def says(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and what is said on standard error: one sentence, or nothing."""
    try:
        code = starter.main(arguments)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    said = capsys.readouterr().err
    assert "Traceback" not in said, arguments
    assert code in (0, 1, 2, 3), (arguments, said)
    return code, said


def words(files: list[str]) -> list[str]:
    strange = ["", " ", "\0", "a\nb", "x" * 5000, "\udcff", "-", "🙈", "::", "nan", "1e999", "-1"]
    times = ["2026-01-01", "9999-12-31T23:59:59", "0001-01-01"]
    return [*strange, *times, *files, "9" * 400, "A=1", FOREIGN, ENDED, FOREIGN, ENDED]


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"demo"}))
@pytest.mark.usefixtures("no_servers")
def test_is_whatever_is_typed_answered_in_a_sentence(
    name: str, hostile_files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(name)
    for _ in range(8):
        arguments = typed(name, words(hostile_files), chance)
        with standard_input(chance.choice(INPUTS)):
            says(arguments, capsys)


@pytest.fixture
def no_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'none' / 'x.db'}")


OPENING = """{"kind": "dispute", "country": "PL", "order_id": "ORDER", "number": 1, "text": "x",
 "opened_by": {"party": "buyer", "id": "b"}, "reason": "other", "wanted": "full-refund"}"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", FOREIGN), 1),
        (("show", FOREIGN, "--json"), 1),
        (("preview", FOREIGN), 1),
        (("say", FOREIGN, "x", "--as", "buyer"), 1),
        (("say", FOREIGN, "x", "--as", "buyer:b"), 1),
        (("close", FOREIGN, "x", "--as", "platform"), 1),
        (("say", ENDED, "x", "--as", "buyer:b"), 1),
        (("recalculate", FOREIGN, "--reason", "x", "--as", "platform"), 1),
        (("recalculate", FOREIGN, "--reason", "x" * 501, "--as", "platform"), 2),
        (("open", "foreign"), 1),
        (("open", "ended"), 1),
        (("open", "raw"), 1),
        (("show", RAW), 3),
        (("list",), 0),
        (("list", "--all"), 0),
    ],
)
async def test_is_what_is_no_case_told_apart(  # noqa: PLR0917 - most are fixtures
    foreigners: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
) -> None:
    monkeypatch.setattr(reaching, "PATIENCE", 3.0)
    monkeypatch.setenv("TEMPORAL_ADDRESS", foreigners.service_client.config.target_host)
    store = connect(f"sqlite:///{tmp_path / 'x.db'}")
    migrate(store)
    store.dispose()
    monkeypatch.setenv("DATABASE_URL", str(store.url))
    if arguments[0] == "open":
        file = tmp_path / "opening.json"
        file.write_text(OPENING.replace("ORDER", arguments[1]))
        arguments = ("open", str(file))
    found, said = await asyncio.to_thread(says, list(arguments), capsys)
    assert found == code, said
    assert said.count("\n") <= 1 or arguments[0] == "list"


def test_is_a_defect_of_ours_one_sentence_that_tells_no_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_text: str) -> None:
        raise KeyError("what a person wrote")

    monkeypatch.setattr("cli.verbs.actor_from", broken)
    assert starter.main(["hold", "dispute:PL:1:1", "x", "--as", "platform"]) == 4
    said = capsys.readouterr().err
    assert said.startswith("This is a defect of Recourse: KeyError at ")
    assert said.count("\n") == 1
    assert "wrote" not in said
    monkeypatch.setenv(TRACEBACK, "1")
    assert starter.main(["hold", "dispute:PL:1:1", "x", "--as", "platform"]) == 4
    assert "what a person wrote" in capsys.readouterr().err


async def test_may_whoever_reads_leave_before_the_end() -> None:
    line = b'{"rule": "hours", "amount": 24, "country": "PL", "start": "2026-04-03T16:30"}\n'
    reader, writer = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "starter.py",
        "deadline",
        "--batch",
        "-",
        cwd=HERE,
        stdin=asyncio.subprocess.PIPE,
        stdout=writer,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writer)
    os.close(reader)
    _, err = await asyncio.wait_for(process.communicate(line * 5000), 60)
    assert err == b""
    assert process.returncode in (1, 128 + signal.SIGPIPE)
