"""The cases of examples/: who opens what, who sends what at which stage, and how they end.

What the rights to cancel and to withdraw are counted from are days, even where other deadlines
are seconds: so the orders are dated afresh whenever they are played.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, model_validator

from cli.allegro import disputes
from cli.servers import HERE
from domain.base import Value
from domain.goods import Scan
from domain.kinds import Kind
from domain.notices import Ending
from domain.openings import Opening
from domain.orders import Order
from domain.stages import Stage

FOLDER = HERE / "examples"
LAST_EVENT_WAS = timedelta(hours=1)
"""How long ago the last thing happened to a played order."""


class Move(Value):
    """What a party sends, or a carrier's machine sees, once a case has come to a stage.

    `to`: a case beside the opened one: its return, or the withdrawal that came of a return.
    """

    at: Stage
    to: Kind | None = None
    send: dict[str, Any] | None = None
    scan: Scan | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Move":
        if (self.send is None) is (self.scan is None):
            raise ValueError("a move either sends a command or is a carrier's scan")
        return self


class Example(Value):
    """A case to play: it ends as `ends` says, or is left at the stage `stays`.

    `story`: what happens in it, in a sentence.

    `beside`: how the cases end that come of it, a return for example. `refunded_minor`: what all
    of them really pay back.
    """

    title: str = Field(max_length=28)
    story: str = Field(max_length=110)
    opening: Opening
    moves: tuple[Move, ...] = ()
    ends: Ending | None = None
    stays: Stage | None = None
    beside: dict[Kind, Ending] = Field(default_factory=dict)
    refunded_minor: int | None = None


EXAMPLE: TypeAdapter[Example] = TypeAdapter(Example)
ORDERS: TypeAdapter[list[Order]] = TypeAdapter(list[Order])


def read_examples() -> list[Example]:
    """The cases of examples/, and the dispute of the marketplace's own document."""
    found = [
        EXAMPLE.validate_json(path.read_bytes())
        for path in sorted(FOLDER.glob("*.json"))
        if "opening" in (read := json.loads(path.read_text())) and "title" in read
    ]
    document = json.loads((FOLDER / "allegro-issues.json").read_text())
    for opening in disputes(document).openings:
        found.append(
            Example(
                title="from the marketplace's list",
                story="The marketplace lists a dispute: it is opened here, and waits for an agent.",
                opening=opening,
                stays=Stage.WITH_AGENT,
            )
        )
    return sorted(found, key=lambda example: list(Kind).index(example.opening.kind))


class Play:
    """One playing of the examples; each has orders of its own, for nothing is refunded twice."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._number = 1 + len(list(folder.glob("orders-*.json")))
        self.orders_file = folder / f"orders-{self._number}.json"
        """The orders that the marketplace is to serve."""
        orders = [_dated(order, now) for order in ORDERS.validate_json(_orders_of_examples())]
        if self._number > 1:
            orders += [order.model_copy(update={"id": self._mine(order.id)}) for order in orders]
        self.orders_file.write_bytes(ORDERS.dump_json(orders))

    def opening(self, opening: Opening) -> Opening:
        """The opening, for this playing's own order."""
        return opening.model_copy(update={"order_id": self._mine(opening.order_id)})

    def _mine(self, order_id: str) -> str:
        return order_id if self._number == 1 else f"{order_id}-{self._number}"


def _orders_of_examples() -> bytes:
    return (FOLDER / "orders.json").read_bytes()


def _dated(order: Order, now: datetime) -> Order:
    """The order as if its last event had been a moment ago."""
    hands = [parcel.in_hand_at for parcel in order.parcels if parcel.in_hand_at]
    by = now - LAST_EVENT_WAS - max([order.placed_at, *hands])
    parcels = tuple(
        parcel.model_copy(update={"in_hand_at": parcel.in_hand_at and parcel.in_hand_at + by})
        for parcel in order.parcels
    )
    return order.model_copy(update={"placed_at": order.placed_at + by, "parcels": parcels})
