"""What goes on meanwhile: parties send, machines scan, the marketplace errs, people look."""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from pydantic import ValidationError
from temporalio.service import RPCError

from config import HERE
from domain.commands import COMMAND, Command, CommandBase, Remedy
from domain.goods import ParcelEvent, Received, ReturnReason, Scan
from domain.kin import kin
from domain.kinds import Kind
from domain.openings import (
    CarrierTrouble,
    OpenCancellation,
    OpenCarrierClaim,
    OpenComplaint,
    OpenDispute,
    Opening,
    OpenInquiry,
    OpenNonDelivery,
    OpenReturn,
    OpenUncollectedParcel,
    OpenWithdrawal,
)
from domain.orders import Line
from domain.parties import Party
from domain.ports import RedeliveryPaid, RefundReport, RefundState
from domain.stages import Stage
from domain.view import CaseView, RefundingView, UncollectedParcelView
from service.asking import ask
from service.failures import InputError, RefusedError, SilentError
from service.opening import open_case
from service.reaching import answer, case
from service.sending import send
from tests.chaos.parts import Site
from tests.life import BUYER, CURRENCY, LOCALE, SELLER
from tests.speech import ACTORS, arguments, of_goods
from tests.test_random_goods import CASE_ID, OF_PARCELS
from workflows.processes import PROCESSES

VERBS: dict[str, type[CommandBase]] = {
    verb.word(): verb for process in PROCESSES.values() for verb in process.PERMITTED
}

ENDS_IT = ("close", "withdraw", "agree-to-close", "become-dispute", "revoke")
"""Verbs that would end most lives early: rarely chosen."""

TRACKING = "PX 1"

PAID_MINOR = 25_900
"""What was paid for each order, delivery and all; whole forints too."""

HAPPENS = ("say", "try", "scan", "pay", "err", "report")
OFTEN = (60, 8, 14, 6, 8, 4)
"""What happens about a case, and how often of a hundred times."""

ANSWERED_WITHIN = 150.0
"""Seconds in which a command is answered once nothing is disturbed any more: a letter that died
with its worker holds up nobody, but a marketplace's answer may be asked for again after a minute.
"""


@dataclass
class Record:
    """What was really done, against which everything is held at the end."""

    openings: dict[str, Opening] = field(default_factory=dict)
    """Of each case that was opened by a person."""
    cases: dict[str, str] = field(default_factory=dict)
    """Every case that is known of, and its order."""
    taken: dict[str, dict[str, Command]] = field(default_factory=dict)
    """The commands that were acknowledged, by case and command id."""
    done: Counter[str] = field(default_factory=Counter)
    findings: dict[str, None] = field(default_factory=dict)
    """What does not hold, each said once, in order."""

    def find(self, what: str) -> None:
        """Something does not hold."""
        self.findings[what] = None

    def answered(self) -> int:
        """How many commands were answered."""
        return self.done["commands taken"] + self.done["commands refused"]


def orders(kinds: list[Kind], countries: list[str], now: datetime) -> list[dict[str, Any]]:
    """An order for each life, as its kind of case needs it: PL-1, SI-2 …"""

    def ago(**span: float) -> str:
        return (now - timedelta(**span)).isoformat()

    parcel = {
        "id": "p1", "tracking": TRACKING, "carrier": "Poczta", "regime": "postal",
    }  # fmt: skip
    made = []
    for number, (kind, country) in enumerate(zip(kinds, countries, strict=True), 1):
        match kind:
            case Kind.CANCELLATION:
                fields: dict[str, Any] = {"placed_at": ago(hours=1)}
            case Kind.NON_DELIVERY | Kind.UNCOLLECTED_PARCEL | Kind.CARRIER_CLAIM:
                posted = [{**parcel, "posted_at": ago(days=20)}]
                fields = {"placed_at": ago(days=21), "shipped": True, "parcels": posted}
            case _:
                there = [{**parcel, "posted_at": ago(days=3), "in_hand_at": ago(days=1)}]
                fields = {"placed_at": ago(days=4), "shipped": True, "parcels": there}
        made.append(
            {
                "id": f"{country}-{number}",
                "country": country,
                "currency": CURRENCY[country],
                "buyer": {
                    "id": BUYER.id,
                    "name": "Ewa Zielona",
                    "email": f"ewa{number}@buyer.example",
                    "locale": LOCALE[country],
                },
                "seller": {
                    "id": SELLER.id,
                    "name": "Sklep Alfa",
                    "email": f"alfa{number}@seller.example",
                    "locale": LOCALE[country],
                },
                "lines": [
                    {"sku": "A", "title": "Lamp", "quantity": 2, "unit_price_minor": 10000},
                    {"sku": "B", "title": "Shade", "quantity": 1, "unit_price_minor": 5000},
                ],
                "delivery_paid_minor": 900,
                **fields,
            }
        )
    return made


def opening(kind: Kind, country: str, order_id: str, chance: random.Random) -> Opening:
    """What a life begins with: all of the order, or some of it."""
    lines = chance.choice(((), (), (Line(sku="A", quantity=1),), (Line(sku="B", quantity=1),)))
    told: dict[str, Any] = {
        "country": country,
        "order_id": order_id,
        "opened_by": BUYER,
        "text": f"opened-{order_id}.",
    }
    match kind:
        case Kind.INQUIRY:
            return OpenInquiry(**told)
        case Kind.DISPUTE:
            return OpenDispute(**told, lines=lines, reason="defect", wanted=Remedy.FULL_REFUND)
        case Kind.CANCELLATION:
            return OpenCancellation(**told, lines=lines)
        case Kind.WITHDRAWAL:
            return OpenWithdrawal(**told, lines=lines)
        case Kind.RETURN:
            found = (Received(sku="A", quantity=1),)
            return OpenReturn(**told | {"opened_by": SELLER}, received=found)
        case Kind.NON_DELIVERY:
            return OpenNonDelivery(**told, lines=lines)
        case Kind.CARRIER_CLAIM:
            trouble = CarrierTrouble.LOSS
            return OpenCarrierClaim(
                **told | {"opened_by": SELLER}, tracking=TRACKING, trouble=trouble
            )
        case Kind.UNCOLLECTED_PARCEL:
            return OpenUncollectedParcel(
                **told | {"opened_by": SELLER}, lines=lines, tracking=TRACKING
            )
        case Kind.COMPLAINT:
            wanted = chance.choice((Remedy.REPAIR, Remedy.RETURN_FOR_REFUND))
            reason = ReturnReason.DEFECTIVE
            return OpenComplaint(**told, lines=lines, reason=reason, wanted=wanted)


@dataclass
class Life:
    """One order, its case, and the cases that come of it."""

    site: Site
    record: Record
    opening: Opening
    chance: random.Random
    views: dict[str, CaseView] = field(default_factory=dict)
    _sent: int = 0

    async def play(self, over: asyncio.Event) -> None:
        """Open the case, and go on until it is over, or everything about the order is closed."""
        self.record.openings[self.opening.case_id] = self.opening
        await self.insist(
            "opening",
            lambda: answer(
                open_case(self.site.client, self.opening, self.site.env["RECOURSE_TASK_QUEUE"])
            ),
        )
        self.views = {}
        self.record.cases[self.opening.case_id] = self.opening.order_id
        while not over.is_set():
            await asyncio.sleep(self.chance.uniform(0.1, 1.5))
            mine = [c for c, order in self.record.cases.items() if order == self.opening.order_id]
            running = [c for c in mine if not self._closed(c)]
            if not running:
                return
            if view := await self.looks_at(self.chance.choice(running)):
                await self.step(view)

    def _closed(self, case_id: str) -> bool:
        return case_id in self.views and self.views[case_id].stage is Stage.CLOSED

    async def looks_at(self, case_id: str) -> CaseView | None:
        """The case, if somebody answers; and whatever it tells of others is known from then on."""
        try:
            view = await ask(self.site.client, case_id)
        except SilentError:
            self.record.done["looks unanswered"] += 1
            return None
        except RefusedError as refused:
            # A case that another one is only opening is not there yet.
            self.record.done[f"looks refused: {refused.code}"] += 1
            return None
        self.record.done["looks"] += 1
        self.views[case_id] = view
        told = {entry.detail for entry in view.timeline if CASE_ID.fullmatch(entry.detail)}
        for other in sorted({*told, *(case_id for _, case_id in kin(view))}):
            self.record.cases.setdefault(other, self.opening.order_id)
        return view

    async def step(self, view: CaseView) -> None:
        """Something happens about the case."""
        match self.chance.choices(
            ("say", "try", "scan", "pay", "err", "report"), (60, 8, 14, 6, 8, 4)
        ):
            case ["say"]:
                said = [self.command(view) for _ in range(self.chance.choice((1, 1, 1, 2, 3)))]
                async with asyncio.TaskGroup() as together:
                    for command in said:
                        if command:
                            together.create_task(self.send(view.id, command))
            case ["try"]:
                verb = self.chance.choice(tuple(VERBS.values()))
                if command := self.command(view, verb):
                    await self.send(view.id, command)
            case ["scan"] if view.kind in OF_PARCELS:
                self._sent += 1
                event = ParcelEvent(
                    event_id=f"e{self._sent}",
                    scan=self.chance.choice(tuple(Scan)),
                    at=datetime.now(UTC)
                    - timedelta(seconds=self.chance.choice((0, 0, 0, 5, 3600))),
                    tracking=TRACKING if view.kind is Kind.CARRIER_CLAIM else None,
                )
                await self.signal(view.id, "parcel", event)
            case ["pay"] if isinstance(view, UncollectedParcelView) and view.redelivery:
                await self.signal(
                    view.id, "redelivery_paid", RedeliveryPaid(key=view.redelivery.key)
                )
            case ["err"]:
                await self.marketplace(
                    "behaviour",
                    {
                        "order_id": self.opening.order_id,
                        "refunds": self.chance.choice(("pay-then-hang", "later", "fail", "hang")),
                        "shipments": self.chance.choice(("ok", "ok", "stop-then-hang", "fail")),
                        "claims": self.chance.choice(("ok", "file-then-hang", "fail")),
                        "times": self.chance.choice((1, 2)),
                    },
                )
            case ["report"] if isinstance(view, RefundingView) and view.refund:
                await self.settle_refund(view.id, view.refund.key)

    def command(self, view: CaseView, verb: type[CommandBase] | None = None) -> Command | None:
        """A command that somebody may send now, or this one whether it may be sent or not."""
        able = [party for party in Party if view.may.get(party)]
        if verb is None:
            if not able:
                return None
            by = self.chance.choice(able)
            word = self.chance.choice(view.may[by])
            if word in ENDS_IT and self.chance.random() < 0.8:
                return None
            verb = VERBS[word]
        else:
            by = self.chance.choice(tuple(Party))
        self._sent += 1
        how, currency = self.chance.randrange(60), CURRENCY[self.opening.country]
        id = f"{self.opening.order_id}.{self._sent}"
        told = {
            **arguments(verb, how, f"said-{id}.", currency),
            **of_goods(verb, how, view, currency),
            "verb": verb.word(),
            "command_id": id,
            "by": self.chance.choice(ACTORS[by]),
        }
        if by is Party.AGENT:
            told["to"] = self.chance.choice((Party.BUYER, Party.SELLER))
        try:
            return COMMAND.validate_python(
                {name: said for name, said in told.items() if name in verb.model_fields}
            )
        except ValidationError:
            return None  # chance said what the command line would not even send

    async def send(self, case_id: str, command: Command) -> None:
        """Send a command until it is answered."""
        kept = self.record.taken.setdefault(case_id, {})
        try:
            receipt = await self.insist(
                f"{command.verb} to {case_id}", lambda: send(self.site.client, case_id, command)
            )
        except RefusedError as refused:
            self.record.done["commands refused"] += 1
            if refused.code == "case-unknown":
                self.record.find(f"{case_id}: {command.verb} was told there is no case")
            return
        if receipt:
            self.record.done["commands taken"] += 1
            kept[command.command_id] = command

    async def signal(self, case_id: str, name: str, told: Any) -> None:
        """A machine tells a case something, until it is heard."""
        try:
            handle = case(self.site.client, case_id)
            await self.insist(
                f"{name} to {case_id}", lambda: answer(handle.signal(name, told), case_id)
            )
        except RefusedError:
            return  # closed meanwhile
        self.record.done["signals"] += 1

    async def settle_refund(self, case_id: str, key: str) -> None:
        """The marketplace pays a refund that it had only taken, and says so."""
        await self.marketplace(f"refunds/{key}/confirm", {})
        report = RefundReport(key=key, state=RefundState.CONFIRMED)
        await self.signal(case_id, "refund_reported", report)

    async def marketplace(self, what: str, told: dict[str, Any]) -> None:
        """Steer the marketplace, if it listens."""
        url = f"{self.site.marketplace}/standin/{what}"
        try:
            await asyncio.to_thread(requests.post, url, json=told, timeout=2)
        except requests.RequestException:
            self.record.done["marketplace not steered"] += 1

    async def insist(self, what: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Try until there is an answer, which may be a refusal."""
        began = time.monotonic()
        while True:
            try:
                return await work()
            # A server that was just started does not know its own namespace for a moment.
            except (SilentError, RPCError, InputError) as silent:
                self.record.done["unanswered, asked again"] += 1
                since = max(began, self.site.calm_since or time.monotonic())
                if time.monotonic() - since > ANSWERED_WITHIN:
                    self.record.find(f"{what}: never answered ({silent})")
                    return None
                await asyncio.sleep(0.5)


async def look_around(site: Site, record: Record, chance: random.Random) -> None:
    """People who only look, at whatever case."""
    while True:
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        if record.cases:
            case_id = chance.choice(sorted(record.cases))
            try:
                await ask(site.client, case_id)
                record.done["looks"] += 1
            except (SilentError, RefusedError):
                record.done["looks unanswered"] += 1


async def show(site: Site, record: Record, chance: random.Random) -> None:
    """Somebody with a terminal."""
    while True:
        await asyncio.sleep(chance.uniform(2, 6))
        if not record.cases:
            continue
        command = chance.choice(("show", "show", "preview"))
        case_id = chance.choice(sorted(record.cases))
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "starter.py", command, case_id, "--json"),
            cwd=HERE,
            env={**os.environ, **site.env},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await program.communicate()
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
        record.done[f"starter.py {command}: exit {program.returncode}"] += 1
        if program.returncode not in (0, 1, 3) or b"Traceback" in said:
            record.find(f"starter.py {command} {case_id}: {said.decode()[-500:]}")
