"""What requests are answered with: connected once, for all of them."""

from dataclasses import dataclass, field

from fastapi import Request
from sqlalchemy import Engine
from temporalio.client import Client

from activities.marketplace import Marketplace
from api.feed import Feed
from api.rates import Rates
from api.tokens import Tokens
from config import Settings
from service.files import Shelf


@dataclass(frozen=True)
class Parts:
    """Temporal, the database, and who checks tokens."""

    client: Client
    engine: Engine
    tokens: Tokens
    settings: Settings
    shelf: Shelf
    rates: Rates
    marketplace: Marketplace | None = None
    feed: Feed = field(init=False)

    def __post_init__(self) -> None:
        """One feed for all who listen."""
        object.__setattr__(self, "feed", Feed(self.engine))


def parts_of(request: Request) -> Parts:
    """The parts of the application that answers a request."""
    parts: Parts = request.app.state.parts
    return parts
