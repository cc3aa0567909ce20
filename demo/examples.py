"""The cases of examples/: who opens what, who sends what at which stage, and how they end.

What the rights to cancel and to withdraw are counted from are days, even where other deadlines
are seconds: so the orders are dated afresh whenever they are played.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, model_validator

from demo.servers import HERE
from domain.base import Value
from domain.goods import Scan
from domain.kinds import Kind
from domain.notices import Ending
from domain.openings import Opening
from domain.orders import Order
from domain.stages import Stage
from service.allegro import openings

FOLDER = HERE / "examples"
INSTANTS = ("posted_at", "due_at", "in_hand_at")
"""What is dated of a parcel."""
LAST_EVENT_WAS = timedelta(hours=1)
"""How long ago the last thing happened to a played order."""


class Move(Value):
    """What a party sends, a carrier's machine sees, or a buyer pays, once a case is at a stage.

    `to`: a case beside the opened one: its return, say, or the seller's claim from the carrier.
    `pays`: the buyer pays what was asked for sending the goods again.
    """

    at: Stage
    to: Kind | None = None
    send: dict[str, Any] | None = None
    scan: Scan | None = None
    pays: bool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> "Move":
        if sum((self.send is not None, self.scan is not None, self.pays)) != 1:
            raise ValueError("a move sends a command, or is a carrier's scan, or a payment")
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
    for opening in openings(document):
        if opening.kind is not Kind.DISPUTE:
            continue
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
        claimed = _claimed()  # a claim of the marketplace's is of its time, and so is its order
        orders = [
            order if order.id in claimed else _dated(order, now)
            for order in ORDERS.validate_json(_orders_of_examples())
        ]
        if self._number > 1:
            orders += [order.model_copy(update={"id": self._mine(order.id)}) for order in orders]
        self.orders_file.write_bytes(ORDERS.dump_json(orders))

    def opening(self, opening: Opening) -> Opening:
        """The opening, for this playing's own order."""
        return opening.model_copy(update={"order_id": self._mine(opening.order_id)})

    def _mine(self, order_id: str) -> str:
        return order_id if self._number == 1 else f"{order_id}-{self._number}"


def _claimed() -> set[str]:
    documents = (json.loads(path.read_text()) for path in FOLDER.glob("allegro-*.json"))
    listed = (opening for document in documents for opening in openings(document))
    return {opening.order_id for opening in listed if opening.kind is Kind.COMPLAINT}


def _orders_of_examples() -> bytes:
    return (FOLDER / "orders.json").read_bytes()


def _dated(order: Order, now: datetime) -> Order:
    """The order as if its last event had been a moment ago."""
    known = [at for parcel in order.parcels for name in INSTANTS if (at := getattr(parcel, name))]
    by = now - LAST_EVENT_WAS - max([order.placed_at, *known])
    parcels = tuple(
        parcel.model_copy(
            update={name: (at := getattr(parcel, name)) and at + by for name in INSTANTS}
        )
        for parcel in order.parcels
    )
    dated = {
        "placed_at": order.placed_at + by,
        "deliver_by": order.deliver_by and order.deliver_by + by,
        "parcels": parcels,
    }
    return order.model_copy(update=dated)
