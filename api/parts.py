"""What requests are answered with: connected once, for all of them."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Engine
from temporalio.client import Client

from activities.marketplace import Marketplace
from api.tokens import Tokens
from config import Settings


@dataclass(frozen=True)
class Parts:
    """Temporal, the database, and who checks tokens."""

    client: Client
    engine: Engine
    tokens: Tokens
    settings: Settings
    marketplace: Marketplace | None = None


def parts_of(request: Request) -> Parts:
    """The parts of the application that answers a request."""
    parts: Parts = request.app.state.parts
    return parts
