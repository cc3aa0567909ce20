"""Playing the life of a case: its parties speak in one line each, and weeks pass in an instant."""

import asyncio
import email.policy
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any, Generic, cast

import requests
from sqlalchemy import Engine
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from typing_extensions import TypeVar

from activities.mailing import Post, Sender
from config import Settings, data_converter
from domain.base import Value
from domain.commands import COMMAND, CommandBase, Remedy
from domain.goods import ParcelEvent, Received, ReturnReason, Scan
from domain.letters import Letter
from domain.money import Money
from domain.notices import Mailing, Notice, NoticeName
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
from domain.parties import Actor, Party
from domain.ports import Task
from domain.refusals import Code
from domain.stages import Flow, Stage
from domain.view import (
    CancellationView,
    CarrierClaimView,
    CaseView,
    Closed,
    ComplaintView,
    DisputeView,
    InquiryView,
    NonDeliveryView,
    Receipt,
    RefundingView,
    ReturnView,
    UncollectedParcelView,
    WithdrawalView,
)
from policies import countries, read_policy
from service.asking import ask_for_all
from service.failures import RefusedError
from service.reaching import came_too_late
from standin.mailbox import Mailbox
from store.archive import Archive
from store.breaches import Breaches
from store.tasks import TaskQueue
from tests.ahead import undeclared_clocks, undeclared_steps
from tests.skipping import let_pass
from workflows.cancellation.process import Cancellation
from workflows.carrier_claim.process import CarrierClaim
from workflows.complaint.process import Complaint
from workflows.dispute.process import Dispute
from workflows.goods_return.process import GoodsReturn
from workflows.inquiry.process import Inquiry
from workflows.non_delivery.process import NonDelivery
from workflows.uncollected_parcel.process import UncollectedParcel
from workflows.withdrawal.process import Withdrawal

S = TypeVar("S", bound=Value)
V = TypeVar("V", bound=CaseView, default=Any)
FIRST_ORDER = 101
"""Fresh orders of a world begin here: on a shared server the bench has those before."""

ORDERS = 900 if os.environ.get("RECOURSE_HYPOTHESIS") == "thorough" else 150
"""How many a world has of each country and price: reading them takes as long as a life does."""

CURRENCY = {country: read_policy(country).currency for country in countries()}
LOCALE = dict.fromkeys(CURRENCY, "en") | {
    "PL": "pl",
    "SI": "sl",
    "CZ": "cs",
    "SK": "sk",
    "HU": "hu",
}
AGENT = Actor(party=Party.AGENT, id="agent-1", name="Anna Nowak")
SECOND = Actor(party=Party.AGENT, id="agent-2", name="Jan Kowalski")
LEAD = Actor(party=Party.AGENT, id="lead-1", name="Maja Novak")
PLATFORM = Actor(party=Party.PLATFORM, id="platform")
BUYER = Actor(party=Party.BUYER, id="buyer")
SELLER = Actor(party=Party.SELLER, id="seller")


class RefusedCommand(Exception):  # noqa: N818 - it is the refusal
    """A command was refused; `code` says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code


def write_orders(path: Path, first: int = FIRST_ORDER, number: int = ORDERS) -> None:
    """Orders PL-101, PL-102 … and SI-101 …: two of A at 100.00, one of B at 50.00, delivery 9.99.

    PL-dear-1 … and SI-dear-1 … hold the same at a hundred times the price.
    """
    orders = [
        {
            "id": f"{country}-{dear}{n}",
            "country": country,
            "currency": currency,
            "placed_at": "2026-01-05T10:00:00Z",
            "buyer": {
                "id": "buyer",
                "name": "Ewa Zielona",
                "email": f"ewa{n}@buyer.example",
                "locale": LOCALE[country],
            },
            "seller": {
                "id": "seller",
                "name": "Sklep Alfa",
                "email": f"alfa{n}@seller.example",
                "locale": "pl" if country == "PL" else "en",
            },
            "lines": [
                {"sku": "A", "title": "Lamp", "quantity": 2, "unit_price_minor": 10000 * times},
                {"sku": "B", "title": "Shade", "quantity": 1, "unit_price_minor": 5000 * times},
            ],
            "delivery_paid_minor": 999,
        }
        for country, currency in CURRENCY.items()
        for dear, times in (("", 1), ("dear-", 100))
        for n in range(first, first + number)
    ]
    path.write_text(json.dumps(orders))


@dataclass
class Life(Generic[V]):
    """One case, played by a test, and seen as its kind is."""

    world: "World"
    handle: WorkflowHandle[Any, Closed]
    country: str
    order_id: str
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def send(self, by: Actor, verb: type[CommandBase], **more: Any) -> Receipt:
        """Send a command; a refusal raises RefusedCommand.

        A receipt does not wait until the case has acted on it; what is returned does, for a second.
        """
        more.setdefault("command_id", f"c{next(self._ids)}")
        command = COMMAND.validate_python(verb(by=by, **more))
        try:
            receipt = await self.handle.execute_update(
                Dispute.submit, command, id=f"{command.command_id}-{next(self._ids)}"
            )
        except (RPCError, WorkflowUpdateFailedError) as error:
            if came_too_late(error):
                raise RefusedCommand(Code.CASE_CLOSED, str(error)) from None
            if isinstance(error, RPCError):
                raise
            cause = error.cause
            assert isinstance(cause, ApplicationError), cause
            raise RefusedCommand(cause.type or "", cause.message) from None
        for _ in range(20):
            if not receipt.working:
                break
            await asyncio.sleep(0.05)
            now = (await self.view()).model_dump(include={"stage", "awaited", "due", "working"})
            receipt = receipt.model_copy(update=now)
        return receipt

    async def buyer(self, verb: type[CommandBase], **more: Any) -> Receipt:
        """The buyer sends a command."""
        return await self.send(BUYER, verb, **more)

    async def seller(self, verb: type[CommandBase], **more: Any) -> Receipt:
        """The seller sends a command."""
        return await self.send(SELLER, verb, **more)

    async def agent(self, verb: type[CommandBase], **more: Any) -> Receipt:
        """The first agent sends a command."""
        return await self.send(AGENT, verb, **more)

    async def view(self) -> V:
        """The case now; a step that its process does not declare is kept against it."""
        view = cast(V, await ask_for_all(self.world.client, self.handle.id))
        self.world.undeclared.update(dict.fromkeys(undeclared_steps(view), view.id))
        if view.stage is Stage.CLOSED:
            self.world.closed[self.handle.id] = view
        return view

    async def sees(self, *expected: Callable[[V], object]) -> V:
        """The view, once everything expected of it holds; within ten seconds.

        A case that another case opens may not be there at first. One that is at work on what came
        has half a second to say whom it waits for: its clocks may still be those of before.
        """
        seen, at_work = "no case", 0
        for _ in range(200):
            try:
                view = await self.view()
            except RefusedError as refusal:
                if refusal.code != "case-unknown":
                    raise
            else:
                if all(expect(view) for expect in expected):
                    if not view.working or at_work == 10:
                        return view
                    at_work += 1
                seen = view.model_dump_json(indent=1)
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within ten seconds: {seen}")

    async def passes(self, **span: float) -> None:
        """Let time pass, given as timedelta's arguments."""
        await let_pass(self.world.environment, timedelta(**span))

    async def passes_until(self, instant: datetime) -> None:
        """Let time pass until just after an instant."""
        now = await self.world.environment.get_current_time()
        await self.passes(seconds=max((instant - now).total_seconds(), 0) + 1)

    async def signals(self, signal: Any, message: Value) -> None:
        """Send a signal, as a machine or the Temporal UI does."""
        await self.handle.signal(signal, message)

    async def scheduled(self, activity: str, form: type[S]) -> list[S]:
        """The arguments with which an activity was scheduled, from the history, in order."""
        history = await self.handle.fetch_history()
        converter = data_converter().payload_converter
        return [
            converter.from_payloads(scheduled.input.payloads, [form])[0]
            for event in history.events
            if (scheduled := event.activity_task_scheduled_event_attributes)
            and scheduled.activity_type.name == activity
        ]

    async def notices(self, name: NoticeName | None = None) -> list[Notice]:
        """What the case has ordered to be written, in order; once, however often it was tried."""
        mailings = await self.scheduled("send", Mailing)
        ordered = {notice.key: notice for mailing in mailings for notice in mailing.notices}
        return [notice for notice in ordered.values() if name in (notice.name, None)]

    async def told(self, name: NoticeName) -> list[Notice]:
        """The notices of this name, the first of which is on its way."""
        for _ in range(100):
            if notices := await self.notices(name):
                return notices
            await asyncio.sleep(0.05)
        raise AssertionError(f"no letter {name} within five seconds")

    async def dues(self, name: NoticeName) -> list[datetime | None]:
        """The deadlines that the letters of this name gave, the first of which is on its way."""
        return [notice.facts.due for notice in await self.told(name)]

    async def timers(self) -> list[float]:
        """The lengths of all timers that were started, in seconds."""
        history = await self.handle.fetch_history()
        return [
            event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds()
            for event in history.events
            if event.HasField("timer_started_event_attributes")
        ]

    async def tasks(self) -> list[Task]:
        """The case's tasks that wait in the agents' queue, once it has what the case says of it."""
        queue = TaskQueue(self.world.engine)
        for _ in range(200):
            view = await self.view()
            told = {task.id: task for task in (view.task, view.letters_task) if task}
            waiting = [task for task in queue.waiting() if task.case_id == self.handle.id]
            if {task.id: task for task in waiting} == told:
                return waiting
            await asyncio.sleep(0.05)
        raise AssertionError(f"the queue has {waiting}, the case {told}")

    def breaches(self) -> list[str]:
        """The windows whose breach is recorded against the seller."""
        kept = Breaches(self.world.engine).of_seller("seller")
        return [breach.window for breach in kept if breach.case_id == self.handle.id]

    async def ends(self) -> Closed:
        """How the case ends when nobody does anything more.

        Time passes from one deadline to the next: left to itself, the server now and then skips
        ten years, to the end of its own patience. It skips none while a case has something to do,
        so that a case is at rest once the first second has passed.
        """
        environment = self.world.environment
        if not environment.supports_time_skipping:
            return await self.handle.result()
        with environment.auto_time_skipping_disabled():
            result = asyncio.create_task(self.handle.result())
            try:
                for _ in range(50):
                    await self.passes(seconds=1)
                    if (await asyncio.wait({result}, timeout=0.02))[0]:
                        return await result
                    view = await self.view()
                    self.world.undeclared.update(dict.fromkeys(undeclared_clocks(view), view.id))
                    await (self.passes_until(view.due) if view.due else self.passes(minutes=5))
            finally:
                result.cancel()
        raise AssertionError(f"it does not end: {view.model_dump_json(indent=1)}")

    async def goods_back(self) -> "Life[ReturnView]":
        """The return that this case has opened."""
        view = await self.sees(lambda view: isinstance(view, RefundingView) and view.returns)
        assert isinstance(view, RefundingView)
        life: Life[ReturnView] = self.world.follow(self, view.returns[-1])
        await life.sees(lambda view: view.stage != "opening")
        return life

    async def scanned(self, scan: Scan, at: datetime | None = None, event: str = "") -> None:
        """A carrier's machine reports a scan."""
        now = await self.world.environment.get_current_time()
        event_id = event or f"e{next(self._ids)}"
        await self.signals("parcel", ParcelEvent(event_id=event_id, scan=scan, at=at or now))

    def letters(self, to: Party | None = None) -> list[str]:
        """The names of the notices sent so far, in order; some are one letter."""
        keys = (key for letter in self.letters_whole(to) for key in letter.key.split("+"))
        return [key.partition(":")[2] for key in keys]

    def letters_whole(self, to: Party | None = None) -> list[Letter]:
        """The letters sent so far, in order."""
        kept = Archive(self.world.engine).letters(self.handle.id)
        return [letter for letter in kept if letter.to in (to, None) or to is None]

    def mails(self) -> list[str]:
        """The Message-IDs of the mails that came about the case, in order."""
        return self.world.mails(self.handle.id)

    @property
    def paid(self) -> list[int]:
        """What the marketplace really paid back on this order, in minor units."""
        ledger = requests.get(f"{self.world.marketplace}/standin/ledger", timeout=5).json()
        return [p["amount_minor"] for p in ledger["payments"] if p["order_id"] == self.order_id]

    def marketplace(self, **behaviour: Any) -> None:
        """Tell the marketplace how to behave towards this order."""
        self.world.behaves(order_id=self.order_id, **behaviour)

    def money(self, minor: int) -> Money:
        """An amount in the country's currency."""
        return Money(amount_minor=minor, currency=CURRENCY[self.country])


class ByHand:
    """Takes letters to their readers without a mail server."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.taken: list[tuple[str, str]] = []

    @contextmanager
    def round(self) -> Iterator[Post]:
        """One mailing."""
        yield lambda letter, _reader: self.taken.append((letter.case_id, letter.id))


@dataclass
class World:
    """Everything real that a case runs on, and fresh orders to open cases for."""

    environment: WorkflowEnvironment
    settings: Settings
    engine: Engine
    marketplace: str
    mailbox: Mailbox
    first_order: int = FIRST_ORDER
    lives: list[Life] = field(default_factory=list, repr=False)
    undeclared: dict[str, str] = field(default_factory=dict)
    closed: dict[str, CaseView] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._orders = itertools.count(self.first_order)
        self._mails: dict[str, tuple[str, str]] = {}
        self._by_hand: ByHand | None = None

    def by_hand(self) -> ByHand:
        """Who takes this world's letters to their readers, instead of the mail server."""
        settings = self.settings
        self._by_hand = ByHand(Sender(settings.mail_name, settings.mail_from, settings.mail_domain))
        return self._by_hand

    @property
    def client(self) -> Client:
        """The client of the Temporal server."""
        return self.environment.client

    def order(self, country: str = "PL", *, dear: bool = False) -> str:
        """An order that no case has been opened for."""
        return f"{country}-{'dear-' if dear else ''}{next(self._orders)}"

    async def dispute(
        self, country: str = "PL", opened_by: Actor = BUYER, order_id: str = "", **more: Any
    ) -> Life[DisputeView]:
        """Open a dispute: the lamp is broken, all money back is wanted."""
        opening = OpenDispute(
            **{
                "country": country,
                "order_id": order_id or self.order(country),
                "opened_by": opened_by,
                "text": "The lamp does not light.",
                "reason": "defect",
                "wanted": Remedy.FULL_REFUND,
                **more,
            }
        )
        handle = await self.client.start_workflow(
            Dispute.run, opening, id=opening.case_id, task_queue=self.settings.task_queue
        )
        return await self._followed(Life(self, handle, country, opening.order_id))

    async def cancellation(self, country: str = "PL", **more: Any) -> Life[CancellationView]:
        """Cancel an order that was placed a moment ago: it is not needed any more."""
        order_id = more.pop("order_id", "") or self.order(country)
        opening = OpenCancellation(
            **{
                "country": country,
                "order_id": order_id,
                "opened_by": BUYER,
                "text": "I need it no more.",
                **more,
            }
        )
        return await self.open(opening, Cancellation.run)

    async def withdrawal(self, country: str = "PL", **more: Any) -> Life[WithdrawalView]:
        """Withdraw from an order: the buyer has changed their mind."""
        order_id = more.pop("order_id", "") or self.order(country)
        opening = OpenWithdrawal(
            **{
                "country": country,
                "order_id": order_id,
                # What the seller does about the way back is not for the buyer to say.
                "opened_by": PLATFORM if "way" in more else BUYER,
                "text": "I withdraw from the contract.",
                **more,
            }
        )
        return await self.open(opening, Withdrawal.run)

    async def complaint(self, country: str = "PL", **more: Any) -> Life[ComplaintView]:
        """Complain of an order that came yesterday: the lamp does not light, and is to be repaired.

        `order`: fields of the order.
        """
        order_id = more.pop("order_id", "")
        order = more.pop("order", {})
        opening = OpenComplaint(
            **{
                "country": country,
                "order_id": order_id or await self.in_hand(country, **order),
                "opened_by": BUYER,
                "text": "The lamp does not light.",
                "reason": ReturnReason.DEFECTIVE,
                "wanted": Remedy.REPAIR,
                **more,
            }
        )
        return await self.open(opening, Complaint.run)

    async def goods_return(self, country: str = "PL", **more: Any) -> Life[ReturnView]:
        """Goods have come to the seller with no case."""
        order_id = more.pop("order_id", "") or self.order(country)
        opening = OpenReturn(
            **{
                "country": country,
                "order_id": order_id,
                "opened_by": SELLER,
                "received": (Received(sku="A", quantity=1),),
                **more,
            }
        )
        return await self.open(opening, GoodsReturn.run)

    async def non_delivery(self, country: str = "PL", **more: Any) -> Life[NonDeliveryView]:
        """Nothing of an order has come."""
        order_id = more.pop("order_id", "") or self.order(country)
        opening = OpenNonDelivery(
            **{
                "country": country,
                "order_id": order_id,
                "opened_by": BUYER,
                "text": "Nothing has come.",
                **more,
            }
        )
        return await self.open(opening, NonDelivery.run)

    async def parcel(
        self,
        country: str = "PL",
        regime: str = "postal",
        posted: float | None = 1,
        due: float | None = None,
        in_hand: float | None = None,
        **more: Any,
    ) -> str:
        """An order with one parcel, PX 1: posted, due and in hand so many days ago."""
        now = await self.environment.get_current_time()
        ages = {"posted_at": posted, "due_at": due, "in_hand_at": in_hand}
        times = {what: now - timedelta(days=age) for what, age in ages.items() if age is not None}
        parcel = {
            "id": "p1",
            "tracking": "PX 1",
            "carrier": "Poczta",
            "regime": regime,
            **{what: at.isoformat() for what, at in times.items()},
            **more,
        }
        placed = min(times.values(), default=now) - timedelta(days=1)
        order = self.order(country)
        return self.alter(order, placed_at=placed.isoformat(), shipped=True, parcels=[parcel])

    async def carrier_claim(self, country: str = "PL", **more: Any) -> Life[CarrierClaimView]:
        """Claim the parcel of an order from its carrier."""
        opening = OpenCarrierClaim(
            **{
                "country": country,
                "opened_by": SELLER,
                "tracking": "PX 1",
                "trouble": CarrierTrouble.LOSS,
                **more,
            }
        )
        return await self.open(opening, CarrierClaim.run)

    async def uncollected_parcel(
        self, country: str = "PL", **more: Any
    ) -> Life[UncollectedParcelView]:
        """A parcel came back to its seller: nobody collected it."""
        order_id = more.pop("order_id", "") or self.order(country)
        opening = OpenUncollectedParcel(
            **{
                "country": country,
                "order_id": order_id,
                "opened_by": SELLER,
                "tracking": "PX1",
                **more,
            }
        )
        return await self.open(opening, UncollectedParcel.run)

    async def open(self, opening: Opening, run: Any) -> Life:
        """Open a case and wait until it is registered."""
        handle = await self.client.start_workflow(
            run, opening, id=opening.case_id, task_queue=self.settings.task_queue
        )
        return await self._followed(Life(self, handle, opening.country, opening.order_id))

    def alter(self, order_id: str, **fields: Any) -> str:
        """Change fields of an order at the marketplace; answers its id."""
        url = f"{self.marketplace}/standin/orders/{order_id}"
        told = requests.post(url, json=fields, timeout=5)
        assert told.ok, told.text
        return order_id

    async def fresh(self, country: str = "PL", **fields: Any) -> str:
        """An order placed just now, on the clock of the case."""
        now = await self.environment.get_current_time()
        return self.alter(self.order(country), **{"placed_at": now.isoformat(), **fields})

    async def in_hand(self, country: str = "PL", days_ago: float = 1, **fields: Any) -> str:
        """An order whose one parcel the buyer has had in hand for so many days."""
        now = await self.environment.get_current_time()
        hand = now - timedelta(days=days_ago)
        parcels = [{"id": "p1", "in_hand_at": hand.isoformat()}]
        placed = (hand - timedelta(days=3)).isoformat()
        order = self.order(country)
        return self.alter(
            order, **{"placed_at": placed, "shipped": True, "parcels": parcels, **fields}
        )

    async def inquiry(self, country: str = "PL", **more: Any) -> Life[InquiryView]:
        """Open an inquiry: does the lamp dim?"""
        opening = OpenInquiry(
            **{
                "country": country,
                "order_id": self.order(country),
                "opened_by": BUYER,
                "text": "Can the lamp be dimmed?",
                **more,
            }
        )
        handle = await self.client.start_workflow(
            Inquiry.run, opening, id=opening.case_id, task_queue=self.settings.task_queue
        )
        return await self._followed(Life(self, handle, country, opening.order_id))

    def mails(self, case_id: str) -> list[str]:
        """The Message-IDs of the mails that came about a case; each mail is read but once."""
        if self._by_hand:
            return [id for case, id in self._by_hand.taken if case == case_id]
        for file in sorted(self.mailbox.folder.glob("*.eml")):
            if file.name not in self._mails:
                mail = BytesHeaderParser(policy=email.policy.default).parsebytes(file.read_bytes())
                self._mails[file.name] = mail["X-Recourse-Case"], mail["Message-ID"]
        return [id for case, id in self._mails.values() if case == case_id]

    def behaves(self, **behaviour: Any) -> None:
        """Tell the marketplace how to behave."""
        told = requests.post(f"{self.marketplace}/standin/behaviour", json=behaviour, timeout=5)
        assert told.ok, told.text

    def settle(self, refund: str, how: str = "confirm") -> None:
        """The marketplace pays (or fails) a refund that it had only taken."""
        answer = requests.post(f"{self.marketplace}/standin/refunds/{refund}/{how}", timeout=5)
        assert answer.ok, answer.text

    def follow(self, life: Life, case_id: str) -> Life:
        """The life of another case of the same order."""
        handle = self.client.get_workflow_handle(case_id, result_type=Closed)
        other = Life(self, handle, life.country, life.order_id)
        self.lives.append(other)
        return other

    async def played(self, process: str) -> "Played":
        """Every case of a process that was opened here, as it is now.

        One after the other: every query of an ended case replays it, and a hundred at once keep
        the worker from answering any of them in time. What was seen closed is not asked again.
        """
        lives = [life for life in self.lives if life.handle.id.startswith(f"{process}:")]
        return [(life, self.closed.get(life.handle.id) or await life.view()) for life in lives]

    async def _followed(self, life: Life) -> Life:
        self.lives.append(life)
        await life.sees(lambda view: view.stage != "opening")
        return life


Played = list[tuple[Life, CaseView]]


def not_travelled(flow: Flow, played: Played) -> set[tuple[Stage, Stage]]:
    """The arrows of a process's diagram that none of the cases has gone along."""
    drawn = {(stage, following) for stage, ways in flow.items() for following in ways}
    return drawn - {arrow for _, view in played for arrow in arrows(view)}


def arrows(view: CaseView) -> set[tuple[Stage, Stage]]:
    """The steps from stage to stage that a case has taken."""
    entries = [entry.what for entry in view.timeline if entry.what.startswith("stage ")]
    stages = [Stage.OPENING, *(Stage(entry.removeprefix("stage ")) for entry in entries)]
    return set(itertools.pairwise(stages))


def local(text: str) -> datetime:
    """An instant written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
