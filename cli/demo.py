"""`make demo`: real servers, the cases of examples/ played by their parties, their lives to watch.

A file of examples/ says who opens what, what each party sends at which stage, and how the case
ends, or at which stage it is left waiting. Deadlines come from policies/demo/, nothing else.
"""

import asyncio
import json
import shlex
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from pydantic import Field, TypeAdapter
from rich.console import Console
from rich.table import Table
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from cli.allegro import disputes
from cli.opening import open_case
from cli.reaching import look
from cli.servers import HERE, check_free, postgresql, temporal, worker
from config import Settings, connect
from domain.base import Value
from domain.commands import COMMAND
from domain.notices import Ending
from domain.openings import Opening
from domain.stages import Stage
from domain.view import CaseView, Entry
from standin.serving import serve_mailbox, serve_marketplace
from store.cases import CaseRegister
from store.engine import connect as connect_store
from workflows.dispute import Dispute

EXAMPLES = HERE / "examples"
TAKES_AT_MOST = 100.0
"""Seconds for a case to come to its end; the slowest needs about fifteen."""


class Move(Value):
    """What a party sends once the case has come to a stage."""

    at: Stage
    send: dict[str, Any]


class Example(Value):
    """A case to play: it ends as `ends` says, or is left at the stage `stays`."""

    title: str
    opening: Opening
    moves: tuple[Move, ...] = ()
    ends: Ending | None = None
    stays: Stage | None = None
    refunded_minor: int | None = Field(default=None, description="really paid back")


EXAMPLE: TypeAdapter[Example] = TypeAdapter(Example)


@dataclass
class Ports:
    """Where the demo's servers listen."""

    temporal: int = 7233
    ui: int = 8233
    marketplace: int = 8410
    mail: int = 8425
    health: int = 8460
    metrics: int = 9464

    @classmethod
    def shifted(cls, by: int) -> "Ports":
        """The same ports, `by` further on."""
        return cls(**{name: port + by for name, port in vars(cls()).items()})


class Stagehand:
    """Plays one example and prints its life."""

    def __init__(
        self, example: Example, client: Client, settings: Settings, console: Console
    ) -> None:
        self.example = example
        self.client = client
        self.settings = settings
        self.console = console
        self.handle: WorkflowHandle[Any, Any] | None = None
        self.view: CaseView | None = None
        self._shown = 0
        self._began = time.monotonic()

    async def play(self) -> None:
        """Open the case, send each move at its stage, and watch until the end."""
        self.handle = await open_case(
            self.client, await self._fresh(self.example.opening), self.settings.task_queue
        )
        for number, move in enumerate(self.example.moves, 1):
            await self._watch(lambda view, move=move: view.stage is move.at)
            await asyncio.sleep(0.5)  # for who watches
            command = COMMAND.validate_python({"command_id": f"example-{number}", **move.send})
            await self.handle.execute_update(Dispute.submit, command, id=command.command_id)
        await self._watch(self._arrived)

    async def _fresh(self, opening: Opening) -> Opening:
        """The same opening under the first number not yet used: the demo can run again."""
        while getattr(opening, "external_id", None) is None:
            try:
                await self.client.get_workflow_handle(opening.case_id).describe()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                break
            opening = opening.model_copy(update={"number": opening.number + 1})
        return opening

    def _arrived(self, view: CaseView) -> bool:
        if self.example.stays:
            return view.stage is self.example.stays
        return view.stage is Stage.CLOSED

    async def _watch(self, until: Any) -> None:
        assert self.handle is not None
        while True:
            self.view = await look(self.client, self.handle.id)
            for entry in self.view.timeline[self._shown :]:
                self._print(entry)
            self._shown = len(self.view.timeline)
            if until(self.view):
                return
            await asyncio.sleep(0.2)

    def _print(self, entry: Entry) -> None:
        seconds = time.monotonic() - self._began
        what, by, detail = entry.what, entry.by, entry.detail.replace("_", " ")
        match what.split():
            case ["stage", stage]:
                said = f"[cyan]→ {stage}[/]"
            case ["reminded"]:
                said = f"[yellow]the {by} is reminded[/]"
            case ["silence"]:
                said = f"[yellow]the {by} stays silent[/] [dim]({detail})[/]"
            case ["breach"]:
                said = f"[red]a breach of the {by}[/] [dim]({detail})[/]"
            case ["refund", *_]:
                said = f"[green]{what}[/] {detail}"
            case _:
                said = f"{f'{by}: ' if by else ''}[bold]{what}[/] {detail}"
        self.console.print(
            f"[dim]{seconds:5.1f}s[/]  {self.example.title:<28} {said}", highlight=False
        )

    def verdict(self, paid: dict[str, int]) -> str | None:
        """What differs from the example's file; None when all is as it says."""
        if self.view is None or self.handle is None or not self._arrived(self.view):
            return f"stands at {self.view.stage if self.view else 'nothing'}"
        if self.view.ending is not self.example.ends:
            return f"ended as {self.view.ending}"
        refunded = paid.get(self.handle.id, 0)
        if self.example.refunded_minor is not None and refunded != self.example.refunded_minor:
            return f"{refunded} was paid back"
        return None


def read_examples() -> list[Example]:
    """The cases of examples/, and the dispute of the marketplace's own document."""
    found = [
        EXAMPLE.validate_json(path.read_bytes())
        for path in sorted(EXAMPLES.glob("*.json"))
        if "opening" in (read := json.loads(path.read_text())) and "title" in read
    ]
    document = json.loads((EXAMPLES / "allegro-issues.json").read_text())
    for opening in disputes(document).openings:
        found.append(
            Example(title="from the marketplace's list", opening=opening, stays=Stage.WITH_AGENT)
        )
    return found


def run(folder: Path, ports: Ports) -> int:
    """Run the demo; 0 only if every played case ended as its file says.

    Ctrl-C and SIGTERM end all of it, in order. Raises InputError for a port in use or a missing
    binary, SilentError for a server that does not start.
    """
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, _interrupt)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    try:
        return _run(folder, ports, console)
    except KeyboardInterrupt:
        console.print("Ended before its end.")
        return 1


def _interrupt(_sign: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _run(folder: Path, ports: Ports, console: Console) -> int:
    check_free(*vars(ports).values())
    with ExitStack() as stack:
        address = stack.enter_context(temporal(folder, ports.temporal, ports.ui))
        database = stack.enter_context(postgresql(folder))
        mailbox = stack.enter_context(serve_mailbox(folder / "mails", port=ports.mail))
        marketplace = stack.enter_context(
            serve_marketplace(EXAMPLES / "orders.json", port=ports.marketplace)
        )
        environment = {
            "TEMPORAL_ADDRESS": address,
            "DATABASE_URL": database,
            "RECOURSE_POLICIES": str(HERE / "policies" / "demo"),
            "RECOURSE_MARKETPLACE_URL": marketplace,
            "RECOURSE_SMTP_HOST": mailbox.host,
            "RECOURSE_SMTP_PORT": str(mailbox.port),
            "RECOURSE_SMTP_STARTTLS": "false",
            "RECOURSE_MAIL_FROM": "service@recourse.example",
            "RECOURSE_HEALTH_ADDRESS": f"127.0.0.1:{ports.health}",
            "RECOURSE_METRICS_ADDRESS": f"127.0.0.1:{ports.metrics}",
        }
        settings_file = folder / "env"
        settings_file.write_text(
            "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
        )
        stack.enter_context(worker(folder / "worker.log", environment))
        console.print(f"Everything runs. Temporal UI: [bold]http://127.0.0.1:{ports.ui}[/]\n")
        failed = asyncio.run(_play_all(address, database, marketplace, console))
        _print_where(console, folder, settings_file, ports)
        if sys.stdout.isatty() and sys.stdin.isatty():
            console.print("\nIt stays up for you to look around; Ctrl-C ends all of it.")
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                console.print("Ending.")
        return 1 if failed else 0


async def _play_all(address: str, database: str, marketplace: str, console: Console) -> int:
    client = await connect(address)
    settings = Settings.read(database_url=database)
    hands = [Stagehand(example, client, settings, console) for example in read_examples()]
    results = await asyncio.gather(
        *(asyncio.wait_for(hand.play(), TAKES_AT_MOST) for hand in hands), return_exceptions=True
    )
    engine = connect_store(database)
    paid = await asyncio.to_thread(_paid, marketplace)
    table = Table("case", "ended or waits", "refunded", "as its file says", box=None)
    failed = 0
    for hand, result in zip(hands, results, strict=True):
        trouble = (
            f"{result or type(result).__name__}" if isinstance(result, BaseException) else None
        )
        trouble = trouble or hand.verdict(paid)
        failed += trouble is not None
        view = hand.view
        refunded = paid.get(hand.handle.id, 0) if hand.handle else 0
        table.add_row(
            hand.handle.id if hand.handle else hand.example.title,
            str(view.ending or f"{view.stage}, waits for the {view.awaited}") if view else "",
            view.at_stake.model_copy(update={"amount_minor": refunded}).figures
            if view and view.at_stake and refunded
            else "",
            f"[red]no: {trouble}[/]" if trouble else "[green]yes[/]",
        )
    console.print()
    console.print(table)
    headline = await asyncio.to_thread(CaseRegister(engine).headline)
    if headline.closed:
        console.print(
            f"\n{headline.closed} disputes closed so far: {headline.solved_share:.0%} ended in a "
            f"solution, {headline.without_agent_share:.0%} needed no agent."
        )
    engine.dispose()
    return failed


def _paid(marketplace: str) -> dict[str, int]:
    """What the marketplace really paid back for each case: refund keys begin with its id."""
    ledger = requests.get(f"{marketplace}/standin/ledger", timeout=10).json()
    paid: dict[str, int] = {}
    for payment in ledger["payments"]:
        case_id = payment["key"].rpartition(":refund:")[0]
        paid[case_id] = paid.get(case_id, 0) + payment["amount_minor"]
    return paid


def _print_where(console: Console, folder: Path, settings_file: Path, ports: Ports) -> None:
    mails = len(list((folder / "mails").glob("*.eml")))
    console.print(
        f"\n{mails} mails lie in {folder / 'mails'}. Look at the cases that wait:\n"
        f"  Temporal UI   http://127.0.0.1:{ports.ui}/namespaces/default/workflows\n"
        f"  command line  . {settings_file}\n"
        "                .venv/bin/python starter.py list\n"
        "                .venv/bin/python starter.py tasks",
        highlight=False,
        soft_wrap=True,
    )
