"""The platform's endpoints for events: added, changed, looked at, and taken out."""

import base64
import hashlib
import secrets
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine
from temporalio.client import Client

from activities.posting import ForbiddenError, Reach
from domain.public_events import EventType
from domain.webhooks import SECRETS_OVERLAP, DeliveryState, Endpoint, WebhookDelivery
from service.database import from_database
from service.failures import InputError, RefusedError
from service.reaching import answer
from store.webhooks import WebhookBook
from workflows.webhooks.endpoint import attend

MOST_ENDPOINTS = 20
"""Each holds one place of a worker for activities."""

FIRST = "#first"
"""What the first secret is kept under, which nobody can ask for."""


class Added(NamedTuple):
    """An endpoint with its secret, and whether it was there before."""

    endpoint: Endpoint
    secret: str
    before: bool


class Rotated(NamedTuple):
    """A new secret, and until when the one before still signs beside it."""

    secret: str
    until: datetime


class Endpoints:
    """The endpoints, for whoever may see to them."""

    def __init__(self, client: Client, engine: Engine, task_queue: str, reach: Reach) -> None:
        self._client = client
        self._book = WebhookBook(engine)
        self._task_queue = task_queue
        self._reach = reach

    async def all(self) -> list[Endpoint]:
        """All, the oldest first."""
        return await from_database(self._book.endpoints)

    async def add(self, url: str, types: tuple[EventType, ...], key: str, now: datetime) -> Added:
        """Add an endpoint under the caller's key, once. It hears of what happens from now on.

        InputError for an address that nothing is sent to, and for one more than there may be;
        RefusedError if another one was added under this key.
        """
        endpoint_id = f"we_{hashlib.sha256(key.encode()).hexdigest()[:24]}"
        wanted = Endpoint(id=endpoint_id, url=url, types=types, added_at=now)
        before = await from_database(self._book.find, endpoint_id)
        if before is None:
            await self._check(url)
        elif (before.url, before.types) != (url, types):
            raise RefusedError(
                "command-id-reused", "Another endpoint was added under this Idempotency-Key."
            )
        kept = await from_database(self._book.add, wanted, FIRST, _secret())
        await self._attend(endpoint_id)
        held = await from_database(self._book.secrets, endpoint_id, now)
        return Added(kept, held[0], before is not None)

    async def remove(self, endpoint_id: str) -> None:
        """Take an endpoint out, which its workflow sees; what waits for it is not sent any more."""
        if not await from_database(self._book.remove, endpoint_id):
            raise unknown()

    async def rotate(self, endpoint_id: str, key: str, now: datetime) -> Rotated:
        """Make a new secret under the caller's key; the one before signs beside it for a day."""
        until = now + SECRETS_OVERLAP
        made = await from_database(
            self._book.replace_secret, endpoint_id, key, _secret(), now, until
        )
        if made is None:
            raise unknown()
        return Rotated(made, until)

    async def resume(self, endpoint_id: str, now: datetime) -> Endpoint:
        """Send to an endpoint again that was paused."""
        found = await from_database(self._book.resume, endpoint_id, now)
        if found is None:
            raise unknown()
        await self._attend(endpoint_id)
        return found

    async def deliveries(
        self, endpoint_id: str, state: DeliveryState | None, after: int, limit: int
    ) -> list[WebhookDelivery]:
        """What became of each event, in order."""
        if await from_database(self._book.find, endpoint_id) is None:
            raise unknown()
        return await from_database(self._book.deliveries, endpoint_id, state, after, limit)

    async def send_again(self, delivery: str, now: datetime) -> WebhookDelivery:
        """Let an event be sent again, whatever became of it."""
        endpoint_id, _, number = delivery.partition(".")
        found = await from_database(self._book.send_again, endpoint_id, int(number), now)
        if found is None:
            raise RefusedError("delivery-unknown", "There is no such delivery.")
        return found

    async def _check(self, url: str) -> None:
        try:
            await self._reach.check(url)
        except ForbiddenError as error:
            raise InputError(f"The endpoint's address cannot be used. {error}") from None
        if len(await self.all()) >= MOST_ENDPOINTS:
            raise InputError(f"There may be {MOST_ENDPOINTS} endpoints; take one out first.")

    async def _attend(self, endpoint_id: str) -> None:
        await answer(attend(self._client, endpoint_id, self._task_queue))


def unknown() -> RefusedError:
    """There is no such endpoint."""
    return RefusedError("endpoint-unknown", "There is no such endpoint.")


def _secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
