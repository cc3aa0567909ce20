"""Who takes part in a case, and who a case can be waiting for."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.base import Value


class Party(StrEnum):
    """A side of a case. The platform speaks for the marketplace itself."""

    BUYER = "buyer"
    SELLER = "seller"
    AGENT = "agent"
    PLATFORM = "platform"

    @property
    def opposite(self) -> "Party":
        """The other trader: the seller for a buyer, the buyer for everybody else."""
        return Party.SELLER if self is Party.BUYER else Party.BUYER


class Audience(StrEnum):
    """Whom a case is written out for."""

    BUYER = "buyer"
    SELLER = "seller"
    AUTHORITY = "authority"

    @property
    def party(self) -> Party | None:
        """The party that it is; None for the authority, who reads everything."""
        return None if self is Audience.AUTHORITY else Party(self.value)


class Actor(Value):
    """The person or service behind a command. Agents give first and last name (A2)."""

    party: Party
    id: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, Field(max_length=100)] = ""


RECOURSE = Actor(party=Party.PLATFORM, id="recourse")
"""Who opens the cases that come of other cases."""
