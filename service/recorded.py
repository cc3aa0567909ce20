"""What a case knows of parcels and charges, as its history on Temporal's server has it.

For who tells a case something and must first know whether it is the right one: a query would wait
for a worker, while what a machine tells can be kept for the worker that comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from domain.claiming import units_of
from domain.commands import Command, Ship
from domain.goods import count
from domain.openings import (
    OpenCarrierClaim,
    Opening,
    OpenNonDelivery,
    OpenUncollectedParcel,
)
from domain.ports import Redelivery, Registration
from service.reaching import answer, case

REGISTER, REQUEST, VOID, SUBMIT = "register_case", "request_redelivery", "void_redelivery", "submit"
"""What a history calls the activities and the update that are read here."""


@dataclass
class Recorded:
    """What the history of a case tells.

    `shipped`: the tracking number under which its goods were last sent again; `charge`: the key of
    what the buyer is asked to pay for that, until it is void or the goods are sent.
    """

    opening: Opening
    registration: Registration | None = None
    shipped: str | None = None
    charge: str | None = None

    def is_about(self, tracking: str) -> bool:
        """Whether a case of those that hear of an order's parcels is about this one; a number that
        the order does not know is one under which goods were sent again.
        """
        sale = self.registration.sale if self.registration else None
        if self.registration is None or sale is None:
            return False
        match self.opening:
            case OpenUncollectedParcel(tracking=first):
                return tracking == (self.shipped or first)
            case OpenCarrierClaim(tracking=claimed):
                return tracking == claimed
            case OpenNonDelivery():
                mine = count(self.registration.lines).keys()
                return bool(mine & count(units_of(sale, tracking)).keys())
        return False


async def recorded(client: Client, case_id: str) -> Recorded:
    """What a case's history tells; RefusedError if there is no such case."""

    async def read() -> Recorded:
        history = await case(client, case_id).fetch_history()
        first, *events = history.events
        given = first.workflow_execution_started_event_attributes.input.payloads
        found = Recorded(opening=await decoded(given, Opening))
        asked: dict[int, tuple[str, Sequence[Payload]]] = {}
        for event in events:
            await take_in(found, event, asked)
        return found

    async def decoded(payloads: Sequence[Payload], kind: Any) -> Any:
        (value,) = await client.data_converter.decode(payloads, [kind])
        return value

    async def take_in(
        found: Recorded, event: HistoryEvent, asked: dict[int, tuple[str, Sequence[Payload]]]
    ) -> None:
        match event.event_type:
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                wanted = event.activity_task_scheduled_event_attributes
                asked[event.event_id] = (wanted.activity_type.name, wanted.input.payloads)
                if wanted.activity_type.name == REQUEST:
                    found.charge = (await decoded(wanted.input.payloads, Redelivery)).key
                elif wanted.activity_type.name == VOID:
                    found.charge = None
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                done = event.activity_task_completed_event_attributes
                if asked[done.scheduled_event_id][0] == REGISTER:
                    found.registration = await decoded(done.result.payloads, Registration)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
                failed = event.activity_task_failed_event_attributes
                if asked[failed.scheduled_event_id][0] == REQUEST:
                    found.charge = None
            case (
                EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
                | EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED  # after a reset
            ):
                taken = event.workflow_execution_update_accepted_event_attributes.accepted_request
                again = event.workflow_execution_update_admitted_event_attributes.request
                sent = taken.input if taken.input.name else again.input
                if sent.name != SUBMIT:
                    return
                said = await decoded(sent.args.payloads, Command)
                if isinstance(said, Ship):
                    found.shipped, found.charge = said.tracking, None

    return await answer(read(), case_id)
