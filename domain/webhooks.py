"""Events on their way to an endpoint of the platform's: when each is tried again, and how long."""

from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple, TypeAlias

from pydantic import AwareDatetime

from domain.base import Value
from domain.public_events import EventType, PublicEvent

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=1)
"""After the first attempt; and for so long an endpoint may fail before it is paused."""

SECRETS_OVERLAP = timedelta(days=1)
"""For so long a secret that was replaced still signs, beside the new one."""

Network: TypeAlias = IPv4Network | IPv6Network


class EndpointId(Value):
    """Names an endpoint."""

    endpoint_id: str


class Endpoint(Value):
    """Where events are sent: those of these `types`, or all if there are none.

    `failing_since`: nothing has arrived since. `paused_at`, `paused_why`: nothing is sent any more
    until somebody resumes it.
    """

    id: str
    url: str
    types: tuple[EventType, ...] = ()
    added_at: AwareDatetime
    failing_since: AwareDatetime | None = None
    paused_at: AwareDatetime | None = None
    paused_why: str | None = None


class DeliveryState(StrEnum):
    """What became of an event for an endpoint."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """It was tried for a day; it can be sent again."""


class WebhookDelivery(Value):
    """An event for an endpoint: how often it was `tried`, last `tried_at`, and what was answered:
    a `status`, or `why` there is none. One that waits is `due` at an instant.
    """

    id: str
    event: PublicEvent
    state: DeliveryState
    tried: int
    due: AwareDatetime | None = None
    tried_at: AwareDatetime | None = None
    status: int | None = None
    why: str | None = None


class Due(NamedTuple):
    """An event that is to be sent now; it was `tried` before, first at `begun_at`."""

    event: PublicEvent
    tried: int
    begun_at: datetime


class Answered(NamedTuple):
    """What an endpoint has answered; or no `status`, and `why`."""

    status: int | None
    why: str | None = None

    @property
    def taken(self) -> bool:
        """Whether the event has arrived."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the endpoint says that it is there no more."""
        return self.status == 410


class Tried(NamedTuple):
    """What became of one attempt."""

    number: int
    state: DeliveryState
    at: datetime
    begun_at: datetime
    due: datetime
    answered: Answered


def after_attempt(sent: Due, answered: Answered, at: datetime) -> Tried:
    """What becomes of an event: it has arrived, is tried again at growing intervals, or is dead."""
    begun = sent.begun_at if sent.tried else at
    if answered.taken:
        state, due = DeliveryState.DELIVERED, at
    elif at - begun >= GIVEN_UP_AFTER:
        state, due = DeliveryState.DEAD, at
    else:
        pause = min(FIRST_PAUSE * 2 ** min(sent.tried, 20), LONGEST_PAUSE)
        state, due = DeliveryState.WAITING, at + pause
    return Tried(sent.event.number, state, at, begun, due, answered)


def why_pause(failing_since: datetime | None, last: Tried) -> str | None:
    """Why nothing more is sent to an endpoint after an attempt; None if something is."""
    if last.answered.gone:
        return "It answered 410: it is there no more."
    failed = failing_since and last.at - failing_since >= GIVEN_UP_AFTER
    if failed and last.state is DeliveryState.DEAD:
        return "Nothing has arrived for a day."
    return None


def delivery_id(endpoint_id: str, number: int) -> str:
    """What a delivery is known by."""
    return f"{endpoint_id}.{number}"


def networks(text: str) -> tuple[Network, ...]:
    """The networks that a setting names, with commas between them; ValueError for what is none."""
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())
