"""The lives that are measured, played on a case or on its floor alike."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle

from domain.commands import Accept, Claim, CommandBase, Decide, Offer, Remedy, Verdict
from domain.money import Money
from domain.openings import OpenDispute
from domain.parties import Actor, Party
from domain.view import Closed, Receipt

BUYER = Actor(party=Party.BUYER, id="buyer")
SELLER = Actor(party=Party.SELLER, id="seller")
AGENT = Actor(party=Party.AGENT, id="agent-1", name="Anna Nowak")
LOOKS = 0.03
"""Seconds between two looks at a case; the server answers them, the worker never sees them."""


@dataclass(frozen=True)
class Played:
    """A case that somebody acts in."""

    handle: WorkflowHandle[Any, Closed]

    async def rests(self) -> None:
        """Wait until the worker has nothing more to do for it."""
        while True:
            now = (await self.handle.describe()).raw_description
            if not now.pending_activities and not now.HasField("pending_workflow_task"):
                return
            await asyncio.sleep(LOOKS)

    async def does(self, effect: str) -> None:
        """Wait until it has started this activity by itself, and the worker is at rest after."""
        async for event in self.handle.fetch_history_events(wait_new_event=True):
            if event.activity_task_scheduled_event_attributes.activity_type.name == effect:
                break
        await self.rests()

    async def send(self, command: CommandBase) -> None:
        """Send a command, and wait until what follows from it is done."""
        await self.handle.execute_update(
            "submit", command, id=command.command_id, result_type=Receipt
        )
        await self.rests()


async def settle(case: Played) -> None:
    """The seller offers half of a line back, and the buyer accepts."""
    await case.rests()
    money = Money(amount_minor=5000, currency="PLN")
    await case.send(Offer(command_id="c1", by=SELLER, remedy=Remedy.PARTIAL_REFUND, amount=money))
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


@dataclass(frozen=True)
class Life:
    """One life: the workflow that is measured, its floor, and what people do in it.

    The case must cost at most `actions_at_most` actions.
    """

    name: str
    case: str
    floor: str
    country: str
    moves: Callable[[Played], Awaitable[None]]
    actions_at_most: int | None = None


LIVES = (
    Life("reference dispute", "Dispute", "BareSettlement", "PL", settle, actions_at_most=15),
    Life("silent seller", "Dispute", "BareSilence", "SI", stay_silent),
)
"""The silent seller's windows are those of `bench.ground`, in seconds; the other's are real."""


async def play(
    client: Client, queue: str, life: Life, order_id: str, *, bare: bool = False
) -> Sequence[HistoryEvent]:
    """Play a life to its end on the worker of `queue`; the whole history that it left."""
    opening = OpenDispute(
        country=life.country,
        order_id=order_id,
        opened_by=BUYER,
        text="The lamp does not light.",
        reason="defect",
        wanted=Remedy.FULL_REFUND,
    )
    handle: WorkflowHandle[Any, Closed] = await client.start_workflow(
        life.floor if bare else life.case,
        opening,
        id=opening.case_id,
        task_queue=queue,
        result_type=Closed,
    )
    await life.moves(Played(handle))
    await handle.result()
    return (await handle.fetch_history()).events
