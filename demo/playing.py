"""`make demo`: real servers, the cases of examples/ played by their parties, their lives to watch.

What is played is in demo/examples.py. Deadlines come from policies/demo/, nothing else.
"""

import asyncio
import shlex
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import requests
from rich.console import Console
from rich.markup import escape
from sqlalchemy import Engine
from temporalio.client import Client

from config import Settings, connect
from demo.examples import Example, Move, Play, read_examples
from demo.servers import HERE, api, check_free, postgresql, temporal, worker
from demo.tokens import AUDIENCE, ISSUER, PEOPLE, Issuer
from domain.ahead import silence_of
from domain.commands import COMMAND
from domain.export import Relation
from domain.goods import ParcelEvent
from domain.kin import kin
from domain.kinds import Kind
from domain.money import Money
from domain.ports import RedeliveryPaid
from domain.stages import Stage
from domain.view import CaseView, Entry, UncollectedParcelView
from service.database import from_database
from service.opening import open_case
from standin.serving import serve_mailbox, serve_marketplace
from store.cases import CaseRegister
from store.engine import connect as connect_store
from store.standings import Standings
from workflows.kernel.case import Case

TAKES_AT_MOST = 60.0
"""Seconds for a case to come to its end; the slowest needs about twenty."""


@dataclass
class Ports:
    """Where the demo's servers listen."""

    temporal: int = 7233
    ui: int = 8233
    marketplace: int = 8410
    mail: int = 8425
    health: int = 8460
    metrics: int = 9464
    api: int = 8480

    @classmethod
    def shifted(cls, by: int) -> "Ports":
        """The same ports, `by` further on."""
        return cls(**{name: port + by for name, port in vars(cls()).items()})


@dataclass
class Life:
    """A case that is played or came of it, as far as it was shown."""

    id: str
    view: CaseView | None = None
    shown: int = 0

    @property
    def closed(self) -> bool:
        """Whether it has come to its end."""
        return self.view is not None and self.view.stage is Stage.CLOSED


class Stagehand:
    """Plays one example and prints its life."""

    def __init__(
        self,
        example: Example,
        client: Client,
        engine: Engine,
        settings: Settings,
        *,
        play: Play,
        console: Console,
    ) -> None:
        self.example = example
        self.client = client
        self.standings = Standings(engine)
        self.settings = settings
        self.console = console
        self.opening = play.opening(example.opening)
        self.lives = [Life(self.opening.case_id)]
        self._began = time.monotonic()

    async def play(self) -> None:
        """Open the case, send each move at its stage, and watch until the end."""
        await open_case(self.client, self.opening, self.settings.task_queue)
        for number, move in enumerate(self.example.moves, 1):
            life = await self._watch(partial(self._at, move))
            await asyncio.sleep(0.5)  # for who watches
            handle, step = self.client.get_workflow_handle(life.id), f"example-{number}"
            asked = life.view.redelivery if isinstance(life.view, UncollectedParcelView) else None
            if move.pays and asked:
                await handle.signal("redelivery_paid", RedeliveryPaid(key=asked.key))
            elif move.scan:
                event = ParcelEvent(event_id=step, scan=move.scan, at=datetime.now(UTC))
                await handle.signal("parcel", event)
            else:
                command = COMMAND.validate_python({"command_id": step, **(move.send or {})})
                await handle.execute_update(Case.submit, command, id=step)
        await self._watch(self._arrived)

    def _at(self, move: Move) -> Life | None:
        """The case that the move goes to, once it has come to the move's stage."""
        kind = move.to or self.opening.kind
        stands = (
            life
            for life in self.lives
            if life.view and life.view.kind is kind and life.view.stage is move.at
        )
        return next(stands, None)

    def _arrived(self) -> Life | None:
        """The opened case, once it and what came of it stand where the example ends."""
        first = self.lives[0]
        if self.example.stays:
            return first if first.view and first.view.stage is self.example.stays else None
        return first if all(life.closed for life in self.lives) else None

    async def _watch(self, sought: Callable[[], Life | None]) -> Life:
        while True:
            for life in self.lives:  # those that are found on the way too
                if not life.closed:
                    await self._look(life)
            if found := sought():
                return found
            await asyncio.sleep(0.2)

    async def _look(self, life: Life) -> None:
        view = life.view = await from_database(self.standings.view, life.id)
        if view is None:  # its first step is not recorded yet
            return
        for entry in view.timeline[life.shown :]:
            self._print(entry, view.kind)
        life.shown = len(view.timeline)
        explained = (entry.detail for entry in view.timeline if entry.what == "explained")
        known = {each.id for each in self.lives}
        opened = (
            case_id
            for relation, case_id in kin(view)
            if relation in (Relation.BRINGS_GOODS, Relation.CARRIER_CLAIM)
        )
        self.lives += [Life(one) for one in (*opened, *explained) if one not in known]

    def _print(self, entry: Entry, kind: Kind) -> None:
        seconds = time.monotonic() - self._began
        what, by, detail = entry.what, entry.by, entry.detail.replace("_", " ")
        match what.split():
            case ["stage", stage]:
                said = f"[cyan]→ {stage}[/]"
            case ["reminded"]:
                said = f"[yellow]the {by} is reminded[/]"
            case ["silence"]:
                silent = silence_of(entry.detail, *([by] if by else []))
                said = f"[yellow]{silent}[/] [dim]({detail})[/]"
            case ["breach"]:
                said = f"[red]a breach of the {by}[/] [dim]({detail})[/]"
            case ["refund", *_]:
                said = f"[green]{what}[/] {detail}".rstrip()
            case _:
                said = f"{f'{by}: ' if by else ''}[bold]{what}[/] {detail}".rstrip()
        beside = "" if kind is self.opening.kind else f"[dim]{kind}:[/] "
        self.console.print(
            f"[dim]{seconds:5.1f}s[/]  {self.example.title:<28} {beside}{said}",
            highlight=False,
            soft_wrap=True,
        )

    def verdict(self, paid: dict[str, int]) -> str | None:
        """What differs from the example's file; None when all is as it says."""
        first, *beside = self.lives
        if not self._arrived():
            return f"stands at {first.view.stage if first.view else 'nothing'}"
        if first.view and first.view.ending is not self.example.ends:
            return f"ended as {first.view.ending}"
        came = {life.view.kind: life.view.ending for life in beside if life.view}
        if came != self.example.beside:
            return f"beside it, {came or 'nothing'}"
        refunded = sum(paid.get(life.id, 0) for life in self.lives)
        expected = self.example.refunded_minor
        if expected is not None and refunded != expected:
            told = _refunded(first.view, refunded) or "nothing paid back"
            return f"{told} instead of {expected} minor units"
        return None


def run(folder: Path, ports: Ports, *, by_hand: bool = False) -> int:
    """Run the demo; 0 only if every played case ended as its file says.

    `by_hand`: play nothing, and let cases that people open have the real deadlines.

    Ctrl-C and SIGTERM end all of it, in order. Raises InputError for a port in use or a missing
    binary, SilentError for a server that does not start.
    """
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, _interrupt)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    try:
        return _run(folder, ports, console, by_hand)
    except KeyboardInterrupt:
        console.print("Ended before its end.")
        return 1


def _interrupt(_sign: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _run(folder: Path, ports: Ports, console: Console, by_hand: bool) -> int:
    check_free(*vars(ports).values())
    with ExitStack() as stack:
        address = stack.enter_context(temporal(folder, ports.temporal, ports.ui))
        database = stack.enter_context(postgresql(folder))
        mailbox = stack.enter_context(serve_mailbox(folder / "mails", port=ports.mail))
        play = Play(folder, datetime.now(UTC))
        marketplace = stack.enter_context(
            serve_marketplace(play.orders_file, port=ports.marketplace)
        )
        environment = {
            "TEMPORAL_ADDRESS": address,
            "DATABASE_URL": database,
            "RECOURSE_POLICIES": str(HERE / "policies" / ("" if by_hand else "demo")),
            "RECOURSE_MARKETPLACE_URL": marketplace,
            "RECOURSE_SMTP_HOST": mailbox.host,
            "RECOURSE_SMTP_PORT": str(mailbox.port),
            "RECOURSE_SMTP_STARTTLS": "false",
            "RECOURSE_MAIL_FROM": "service@recourse.example",
            "RECOURSE_CASE_URL": "https://recourse.example/cases/{case_id}",
            "RECOURSE_HEALTH_ADDRESS": f"127.0.0.1:{ports.health}",
            "RECOURSE_METRICS_ADDRESS": f"127.0.0.1:{ports.metrics}",
            "RECOURSE_API_ADDRESS": f"127.0.0.1:{ports.api}",
            "RECOURSE_API_KEYS": str(folder / "keys.json"),
            "RECOURSE_API_ISSUER": ISSUER,
            "RECOURSE_API_AUDIENCE": AUDIENCE,
        }
        issuer = Issuer(folder / "keys.json")
        tokens = {name: issuer.token(**person) for name, person in PEOPLE.items()}
        settings_file = _write_settings(
            folder, {**environment, "API": f"http://127.0.0.1:{ports.api}", **tokens}
        )
        stack.enter_context(worker(folder / "worker.log", environment))
        stack.enter_context(api(folder / "api.log", environment))
        console.print(f"Everything runs. Temporal UI: [bold]http://127.0.0.1:{ports.ui}[/]\n")
        failed = 0
        if not by_hand:
            failed = asyncio.run(_play_all(play, address, database, marketplace, console))
        stays = by_hand or (sys.stdout.isatty() and sys.stdin.isatty())
        _print_where(console, folder, settings_file, ports, by_hand=by_hand)
        _print_api(console, ports, tokens)
        if not stays:
            console.print("\nNobody is at this terminal: the servers end now, the files stay.")
        else:
            console.print("\nIt stays up for you to look around; Ctrl-C ends all of it.")
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                console.print("Ending.")
        return 1 if failed else 0


async def _play_all(
    play: Play, address: str, database: str, marketplace: str, console: Console
) -> int:
    client = await connect(address)
    settings = Settings.read(database_url=database)
    engine = connect_store(database)
    hands = [
        Stagehand(example, client, engine, settings, play=play, console=console)
        for example in read_examples()
    ]
    results = await asyncio.gather(
        *(asyncio.wait_for(hand.play(), TAKES_AT_MOST) for hand in hands), return_exceptions=True
    )
    paid = await asyncio.to_thread(_paid, marketplace)
    failed = 0
    console.print("\n[bold]What came of them[/] (✓: as the files in examples/ say)")
    for hand, result in zip(hands, results, strict=True):
        trouble = (
            f"{result or type(result).__name__}" if isinstance(result, BaseException) else None
        )
        trouble = trouble or hand.verdict(paid)
        failed += trouble is not None
        as_said = f"[red]✗ {escape(trouble)}[/]" if trouble else "[green]✓[/]"
        kind = hand.opening.kind.words
        console.print(f"\n[bold]{kind} · {hand.example.title}[/] {as_said}", highlight=False)
        console.print(f"  {hand.example.story}", highlight=False, soft_wrap=True)
        for life in hand.lives:
            end, refunded = _end(life.view), _refunded(life.view, paid.get(life.id, 0))
            line = f"{life.id:<42} {end:<22} {refunded}".rstrip()
            console.print(f"  [dim]{line}[/]", highlight=False, soft_wrap=True)
    headline = await asyncio.to_thread(CaseRegister(engine).headline)
    if headline.closed:
        console.print(
            f"\n{headline.closed} disputes closed so far: {headline.solved_share:.0%} ended in a "
            f"solution, {headline.without_agent_share:.0%} needed no agent."
        )
    engine.dispose()
    return failed


def _end(view: CaseView | None) -> str:
    if view is None:
        return ""
    return view.ending or f"waits for the {view.awaited}"


def _refunded(view: CaseView | None, minor: int) -> str:
    if not (minor and view and view.at_stake):
        return ""
    amount = Money(amount_minor=minor, currency=view.at_stake.currency)
    return f"{amount.figures} paid back"


def _paid(marketplace: str) -> dict[str, int]:
    """What the marketplace really paid back for each case: refund keys begin with its id."""
    ledger = requests.get(f"{marketplace}/standin/ledger", timeout=10).json()
    paid: dict[str, int] = {}
    for payment in ledger["payments"]:
        case_id = payment["key"].rpartition(":refund:")[0]
        paid[case_id] = paid.get(case_id, 0) + payment["amount_minor"]
    return paid


def _write_settings(folder: Path, settings: dict[str, str]) -> Path:
    """A file that a shell reads; its tokens are for its owner alone."""
    file = folder / "env"
    file.touch(mode=0o600)
    file.write_text(
        "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())
    )
    return file


def _print_api(console: Console, ports: Ports, tokens: dict[str, str]) -> None:
    console.print(
        f"  HTTP API      http://127.0.0.1:{ports.api}, described at "
        f"http://127.0.0.1:{ports.api}/docs\n"
        "                a token for each role; the file above exports them as "
        f"{', '.join(f'${name}' for name in tokens)}:",
        highlight=False,
        soft_wrap=True,
    )
    for name, token in tokens.items():
        console.print(f"  {name:<13} [dim]{token}[/]", highlight=False, soft_wrap=True)


def _print_where(
    console: Console, folder: Path, settings_file: Path, ports: Ports, *, by_hand: bool
) -> None:
    mails = len(list((folder / "mails").glob("*.eml")))
    played = f"{mails} mails lie in {folder / 'mails'}. Look at the cases that wait:"
    todo = "open examples/openings/withdrawal.json" if by_hand else "list"
    console.print(
        f"\n{'Nothing is played: open cases yourself.' if by_hand else played}\n"
        f"  Temporal UI   http://127.0.0.1:{ports.ui}/namespaces/default/workflows\n"
        f"  command line  . {settings_file}\n"
        f"                .venv/bin/python starter.py {todo}\n"
        "                .venv/bin/python starter.py tasks",
        highlight=False,
        soft_wrap=True,
    )
