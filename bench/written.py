"""What cases record of their steps, for their floors to record it, too."""

from collections.abc import Mapping, Sequence

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from bench.counting import records
from bench.floor import ORDER, return_of
from bench.lives import Life, play

Written = Mapping[str, tuple[str, ...]]
"""The records of a life's steps as JSON, by the name of its floor, or of its floor's return."""


async def written(client: Client, queue: str, lives: Sequence[Life], number: int) -> Written:
    """What cases record in each life: each is played once, on the order of its country with this
    number.
    """
    found: dict[str, tuple[str, ...]] = {}
    for life in lives:
        order_id = f"{life.country}-{number}"
        found |= of_life(life, order_id, await play(client, queue, life, order_id))
    return found


def of_life(life: Life, order_id: str, histories: Sequence[Sequence[HistoryEvent]]) -> Written:
    """What a case, and its return if it had one, recorded in a life that was played."""
    names = (life.floor, return_of(life.opening(life.country, order_id).case_id))
    return {
        name: tuple(_text(event).replace(order_id, ORDER) for event in records(events))
        for name, events in zip(names, histories, strict=False)
    }


def _text(record: HistoryEvent) -> str:
    [told] = record.activity_task_scheduled_event_attributes.input.payloads
    return told.data.decode()
