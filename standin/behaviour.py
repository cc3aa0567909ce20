"""How the stand-in can be told to misbehave."""

from typing import Annotated, Literal

from pydantic import Field

from domain.base import Value

Bad = Literal["fail", "hang", "garbage", "drip", "drip-headers", "huge", "huge-headers", "bomb"]
"""Out of order; no answer; a page of something else; an answer of which a byte comes now and then,
or of its headers; one that is far too large, or its headers are, or it is once it is unpacked.
Nothing of what was asked is done."""

Refunding = Literal["confirm", "later", "pay-then-hang", "refuse"] | Bad
Reading = Literal["ok"] | Bad
Receiving = Literal["ok", "refuse"] | Bad
Shipping = Literal["ok", "stop-then-hang", "refuse"] | Bad
Claiming = Literal["ok", "file-then-hang", "refuse"] | Bad


class Behaviour(Value):
    """The body of `POST /standin/behaviour`; what is left out is well behaved.

    `refunds` tells how refunds are taken, `statuses` how questions about them are answered,
    `shipments` how cancellations, labels and redeliveries are, `claims` how claims against carriers
    and the bookings of what they bring are.
    `times`: so many misbehaved requests, then well behaved again; null is for ever.
    `drip_seconds` is how long a dripping answer takes for each byte.
    `order_id` limits it to one order (breaches name none); left out, it replaces all that was told.
    """

    orders: Reading = "ok"
    refunds: Refunding = "confirm"
    statuses: Reading = "ok"
    breaches: Receiving = "ok"
    shipments: Shipping = "ok"
    claims: Claiming = "ok"
    refusal: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,100}$")] = "payment-method-closed"
    times: Annotated[int, Field(ge=1)] | None = None
    drip_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    order_id: str | None = None


Port = Literal["orders", "refunds", "statuses", "breaches", "shipments", "claims"]
WELL = Behaviour()


class Mood:
    """The behaviours in force: one for each order that has its own, and one for all others."""

    def __init__(self) -> None:
        self._told: dict[str | None, Behaviour] = {}

    def tell(self, behaviour: Behaviour) -> None:
        """From now on behave so."""
        if behaviour.order_id is None:
            self._told.clear()
        self._told[behaviour.order_id] = behaviour

    def at(self, port: Port, order_id: str | None = None) -> Behaviour:
        """How to behave to this request, which is counted if that is badly."""
        where = order_id if order_id in self._told else None
        behaviour = self._told.get(where, WELL)
        if behaviour.times is not None and getattr(behaviour, port) != getattr(WELL, port):
            if behaviour.times == 1:
                del self._told[where]
            else:
                self._told[where] = behaviour.model_copy(update={"times": behaviour.times - 1})
        return behaviour
