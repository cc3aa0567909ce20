"""The lives that are measured, played on a case or on its floor alike."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle

from domain.commands import (
    Accept,
    BeginWork,
    Claim,
    CommandBase,
    Decide,
    FinishWork,
    HandOver,
    Inspect,
    NameAmount,
    Offer,
    Receive,
    Refund,
    Remedy,
    ShipBack,
    Verdict,
)
from domain.goods import Received, ReturnReason
from domain.money import Money
from domain.notices import NoticeName
from domain.openings import OpenCancellation, OpenComplaint, OpenDispute, Opening, OpenWithdrawal
from domain.parties import Actor, Party
from domain.view import Closed, Receipt

BUYER = Actor(party=Party.BUYER, id="buyer")
SELLER = Actor(party=Party.SELLER, id="seller")
AGENT = Actor(party=Party.AGENT, id="agent-1", name="Anna Nowak")
GOODS = (Received(sku="A", quantity=2), Received(sku="B", quantity=1))
HALF = Money(amount_minor=5000, currency="PLN")
"""Half of what one lamp cost."""

LOOKS = 0.03
"""Seconds between two looks at a case; the server answers them, the worker never sees them."""

CHILD_STARTED = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
CHILD_ENDED = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED
TOLD = EventType.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED


@dataclass(frozen=True)
class Played:
    """A case that somebody acts in."""

    client: Client
    handle: WorkflowHandle[Any, Closed]

    async def rests(self) -> None:
        """Wait until the worker has nothing more to do for it."""
        while True:
            now = (await self.handle.describe()).raw_description
            if not now.pending_activities and not now.HasField("pending_workflow_task"):
                return
            await asyncio.sleep(LOOKS)

    async def sees(self, is_it: Callable[[HistoryEvent], bool], times: int = 1) -> HistoryEvent:
        """Wait until such an event has come so many times, and the worker is at rest after."""
        async for event in self.handle.fetch_history_events(wait_new_event=True):
            times -= is_it(event)
            if not times:
                break
        await self.rests()
        return event

    async def does(self, effect: str) -> None:
        """Wait until it has started this activity by itself, and the worker is at rest after."""
        await self.sees(
            lambda event: (
                event.activity_task_scheduled_event_attributes.activity_type.name == effect
            )
        )

    async def writes(self, letter: NoticeName) -> None:
        """Wait until it has written this letter by itself, and the worker is at rest after."""
        await self.sees(
            lambda event: any(
                letter.encode() in payload.data
                for payload in event.activity_task_scheduled_event_attributes.input.payloads
            )
        )

    async def told(self, times: int) -> None:
        """Wait until it has told the case it belongs to so many things."""
        await self.sees(lambda event: event.event_type == TOLD, times)

    async def goods_back(self) -> "Played":
        """The return that it opens, at rest."""
        event = await self.sees(lambda event: event.event_type == CHILD_STARTED)
        goods = Played(self.client, self.client.get_workflow_handle(child_of(event)))
        await goods.rests()
        return goods

    async def goods_came(self) -> None:
        """Wait until its return has ended."""
        await self.sees(lambda event: event.event_type == CHILD_ENDED)

    async def send(self, command: CommandBase) -> None:
        """Send a command, and wait until what follows from it is done."""
        await self.handle.execute_update(
            "submit", command, id=command.command_id, result_type=Receipt
        )
        await self.rests()


def child_of(event: HistoryEvent) -> str:
    """The id of the child of whose start an event tells."""
    return event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id


def dispute(country: str, order_id: str) -> Opening:
    """The goods are broken."""
    return OpenDispute(
        country=country,
        order_id=order_id,
        opened_by=BUYER,
        text="The lamp does not light.",
        reason="defect",
        wanted=Remedy.FULL_REFUND,
    )


def cancellation(country: str, order_id: str) -> Opening:
    """The order is not needed any more."""
    return OpenCancellation(
        country=country, order_id=order_id, opened_by=BUYER, text="I need it no more."
    )


def withdrawal(country: str, order_id: str) -> Opening:
    """The buyer has changed their mind about the whole order."""
    return OpenWithdrawal(
        country=country, order_id=order_id, opened_by=BUYER, text="I withdraw from the contract."
    )


def complaint(country: str, order_id: str) -> Opening:
    """The goods are broken, and are to cost half of a line less."""
    return OpenComplaint(
        country=country,
        order_id=order_id,
        opened_by=BUYER,
        text="The lamp does not light.",
        reason=ReturnReason.DEFECTIVE,
        wanted=Remedy.PARTIAL_REFUND,
        amount=HALF,
    )


async def settle(case: Played) -> None:
    """The seller offers half of a line back, and the buyer accepts."""
    await case.rests()
    await case.send(Offer(command_id="c1", by=SELLER, remedy=Remedy.PARTIAL_REFUND, amount=HALF))
    await case.send(Accept(command_id="c2", by=BUYER))


async def stay_silent(case: Played) -> None:
    """The seller is reminded and stays silent; an agent claims and decides; nobody appeals."""
    await case.does("report_breach")
    await case.send(Claim(command_id="c1", by=AGENT))
    await case.send(
        Decide(
            command_id="c2",
            by=AGENT,
            verdict=Verdict.FOR_BUYER,
            reasoning="The seller has not answered, and the photos show the defect.",
            remedy=Remedy.FULL_REFUND,
        )
    )


async def repair(case: Played) -> None:
    """The seller offers a repair, the buyer accepts; the goods come, are mended, and go back."""
    await case.rests()
    await case.send(Offer(command_id="c1", by=SELLER, remedy=Remedy.REPAIR))
    await case.send(Accept(command_id="c2", by=BUYER))
    goods = await case.goods_back()
    await goods.send(Receive(command_id="c1", by=SELLER, units=GOODS))
    await goods.send(Inspect(command_id="c2", by=SELLER))
    await goods.send(BeginWork(command_id="c3", by=SELLER))
    await goods.send(FinishWork(command_id="c4", by=SELLER))
    await goods.send(
        ShipBack(
            command_id="c5",
            by=SELLER,
            carrier="Carrier",
            tracking="BACK000000001",
            expected_on=date(2027, 1, 4),
        )
    )


async def cancel(case: Played) -> None:
    """Nobody does anything: the dispatch is stopped, the money goes back, no parcel leaves."""


async def send_goods_back(case: Played) -> None:
    """The buyer hands the goods over, the seller receives and inspects them, and refunds."""
    goods = await case.goods_back()
    await goods.send(
        HandOver(command_id="c1", by=BUYER, carrier="Carrier", tracking="RET000000001")
    )
    await goods.told(1)
    await case.rests()
    await goods.send(Receive(command_id="c2", by=SELLER, units=GOODS))
    await goods.told(2)
    await case.rests()
    await goods.send(Inspect(command_id="c3", by=SELLER))
    await case.goods_came()
    await case.send(Refund(command_id="c1", by=SELLER))


async def name_amount(case: Played) -> None:
    """The seller is reminded and stays silent, which accepts it, and names the amount asked for."""
    await case.writes(NoticeName.AMOUNT_WANTED)
    await case.send(NameAmount(command_id="c1", by=SELLER, amount=HALF))


@dataclass(frozen=True)
class Life:
    """One life: the workflow that is measured, its floor, how it opens, and what people do in it.

    The case costs at most `actions_at_most` actions, the records of its steps among them
    (tests/test_budget.py).
    """

    name: str
    case: str
    floor: str
    country: str
    opening: Callable[[str, str], Opening]
    moves: Callable[[Played], Awaitable[None]]
    actions_at_most: int | None = None


LIVES = (
    Life("reference dispute", "Dispute", "BareSettlement", "PL", dispute, settle, 17),
    Life("silent seller", "Dispute", "BareSilence", "SI", dispute, stay_silent),
    Life("dispute with a repair", "Dispute", "BareRepair", "PL", dispute, repair),
    Life("cancellation", "Cancellation", "BareCancellation", "SI", cancellation, cancel),
    Life("withdrawal", "Withdrawal", "BareWithdrawal", "PL", withdrawal, send_goods_back),
    Life("complaint", "Complaint", "BareComplaint", "PL", complaint, name_amount),
)
"""`bench.ground` cuts the windows that they wait for to seconds."""


async def play(
    client: Client, queue: str, life: Life, order_id: str, *, bare: bool = False
) -> list[Sequence[HistoryEvent]]:
    """Play a life to its end on the worker of `queue`; all that it left: its history, and that of
    the return which it brought, if it did.
    """
    opening = life.opening(life.country, order_id)
    handle: WorkflowHandle[Any, Closed] = await client.start_workflow(
        life.floor if bare else life.case,
        opening,
        id=opening.case_id,
        task_queue=queue,
        result_type=Closed,
    )
    await life.moves(Played(client, handle))
    await handle.result()
    events = (await handle.fetch_history()).events
    children = [child_of(event) for event in events if event.event_type == CHILD_STARTED]
    return [
        events,
        *[(await client.get_workflow_handle(child).fetch_history()).events for child in children],
    ]
