"""Who asks: what a token says of them, and as which party of a case they act."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from domain.base import Value
from domain.parties import Actor, Party
from domain.ports import LEADS


class Role(StrEnum):
    """What somebody is here."""

    PLATFORM = "platform"
    AGENT = "agent"
    LEAD = "lead"
    SELLER = "seller"
    BUYER = "buyer"
    OPS = "ops"

    @property
    def party(self) -> Party:
        """The party that they are in every case; ops act for the platform."""
        return PARTIES[self]


PARTIES = {
    Role.PLATFORM: Party.PLATFORM,
    Role.OPS: Party.PLATFORM,
    Role.AGENT: Party.AGENT,
    Role.LEAD: Party.AGENT,
    Role.SELLER: Party.SELLER,
    Role.BUYER: Party.BUYER,
}

EVERYBODY = frozenset(Role)
TRADERS = frozenset({Role.BUYER, Role.SELLER})
AGENTS = frozenset({Role.AGENT, Role.LEAD})
STAFF = EVERYBODY - TRADERS
"""Who works on cases and is not in dispute."""

EVERY_QUEUE = "*"
"""In a token, it gives every queue."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


Word = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]


class Person(Value):
    """Who a token is for. `queues` are those of an agent or a lead; `token` tells which it was, not
    the token itself.

    `only`: the one case that whoever came by a signed link may see and act in.
    """

    role: Role
    id: Word
    name: Annotated[str, Field(max_length=100), AfterValidator(_printable)] = ""
    queues: Annotated[tuple[Word, ...], Field(max_length=500)] = ()
    token: Annotated[str, Field(max_length=100)] = ""
    only: str | None = None

    @property
    def actor(self) -> Actor:
        """The author of what they do."""
        return Actor(party=self.role.party, id=self.id, name=self.name)

    @property
    def own_queues(self) -> tuple[str, ...]:
        """The agents' queues that they see to: what agents left is every lead's."""
        if self.role not in AGENTS:
            return ()
        return (*self.queues, *((LEADS,) if self.role is Role.LEAD else ()))

    def has_queue(self, queue: str) -> bool:
        """Whether an agents' queue was given to them."""
        return queue in self.own_queues or EVERY_QUEUE in self.own_queues
