"""What was answered to commands, as the history of a case has it: without asking the case."""

from typing import Any, NamedTuple

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from domain.commands import Command
from domain.view import Receipt
from service.reaching import answer, case

SUBMIT = "submit"
"""What a history calls the update by which commands come."""


class Taken(NamedTuple):
    """A command that was taken, and what was answered; None while the case is at work on it."""

    command: Command
    receipt: Receipt | None


async def taken(client: Client, case_id: str, command_id: str) -> Taken | None:
    """The command that a case has taken under an id; None if there is none."""
    kinds: list[Any] = [Command]
    history = case(client, case_id).fetch_history_events()

    async def read() -> Taken | None:
        converter, command, update_id = client.data_converter, None, ""
        async for event in history:
            match event.event_type:
                case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
                    sent = event.workflow_execution_update_accepted_event_attributes
                    asked = sent.accepted_request
                    # An update's id is the command's with a mark of its content behind it.
                    named = asked.meta.update_id.rpartition(":")[0]
                    if asked.input.name == SUBMIT and named == command_id:
                        update_id = asked.meta.update_id
                        (command,) = await converter.decode(asked.input.args.payloads, kinds)
                case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
                    done = event.workflow_execution_update_completed_event_attributes
                    if command and done.meta.update_id == update_id:
                        payloads = done.outcome.success.payloads
                        if not payloads:
                            return None  # refused once it was judged
                        (receipt,) = await converter.decode(payloads, [Receipt])
                        return Taken(command, receipt)
        return Taken(command, None) if command else None

    return await answer(read(), case_id)
