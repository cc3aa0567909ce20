"""Where events are sent, what they are signed with, and what became of each.

Beside the feed of events (store/public_events.py) each endpoint has how far it has come, and the
deliveries that were taken up from there.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, Update, delete, exists, update
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select

from domain.public_events import EventType
from domain.webhooks import DeliveryState, Due, Endpoint, Tried, WebhookDelivery, delivery_id
from store.engine import insert_new, transaction
from store.public_events import last_number, public
from store.tables import (
    PublicEventRow,
    WebhookDeliveryRow,
    WebhookEndpointRow,
    WebhookSecretRow,
)

MOST_WAITING = 1_000
"""Deliveries that are taken up for an endpoint and have not arrived: others wait in the feed."""

TAKEN_UP_AT_ONCE = 200

KEPT = timedelta(days=3)
"""For so long what has arrived is listed."""


class Look(NamedTuple):
    """An endpoint, what is to be sent to it now, and whether more is in the feed."""

    endpoint: Endpoint
    due: list[Due]
    news: bool


class WebhookBook:
    """Keeps endpoints and deliveries."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, endpoint: Endpoint, key: str, secret: str) -> Endpoint:
        """Keep an endpoint, which hears of what happens from now on, and its first secret; one that
        is there stays as it is.
        """
        with transaction(self._engine) as session:
            row = WebhookEndpointRow(**endpoint.model_dump(mode="python"), reached=0)
            row.types = [type_.value for type_ in endpoint.types]
            if insert_new(session, [row]):
                reached = {"reached": last_number(session)}
                session.exec(_endpoint(endpoint.id).values(reached))
                session.add(
                    WebhookSecretRow(
                        endpoint_id=endpoint.id, key=key, secret=secret, made_at=endpoint.added_at
                    )
                )
            return _shown(session.get_one(WebhookEndpointRow, endpoint.id))

    def endpoints(self) -> list[Endpoint]:
        """All, the oldest first."""
        order = (col(WebhookEndpointRow.added_at), col(WebhookEndpointRow.id))
        with transaction(self._engine) as session:
            return [
                _shown(row) for row in session.exec(select(WebhookEndpointRow).order_by(*order))
            ]

    def find(self, endpoint_id: str) -> Endpoint | None:
        """One of them."""
        with transaction(self._engine) as session:
            row = session.get(WebhookEndpointRow, endpoint_id)
            return _shown(row) if row else None

    def remove(self, endpoint_id: str) -> bool:
        """Take an endpoint out, with all that belongs to it; whether it was there."""
        with transaction(self._engine) as session:
            gone = delete(WebhookEndpointRow).where(col(WebhookEndpointRow.id) == endpoint_id)
            found = session.exec(gone).rowcount
            for table in (WebhookSecretRow, WebhookDeliveryRow):
                session.exec(delete(table).where(col(table.endpoint_id) == endpoint_id))
            return bool(found)

    def pause(self, endpoint_id: str, why: str, at: datetime) -> None:
        """Send nothing more to it."""
        with transaction(self._engine) as session:
            session.exec(_endpoint(endpoint_id).values(paused_at=at, paused_why=why))

    def resume(self, endpoint_id: str, at: datetime) -> Endpoint | None:
        """Send again, what waits at once, with a whole day to arrive."""
        with transaction(self._engine) as session:
            clear = {"failing_since": None, "paused_at": None, "paused_why": None}
            session.exec(_endpoint(endpoint_id).values(clear))
            waits = _deliveries(endpoint_id).where(_waits(WebhookDeliveryRow))
            session.exec(waits.values(due=at, tried=0))
            row = session.get(WebhookEndpointRow, endpoint_id)
            return _shown(row) if row else None

    def replace_secret(
        self, endpoint_id: str, key: str, secret: str, at: datetime, until: datetime
    ) -> str | None:
        """Sign with a new secret, and with the one before it `until` then. Answers the secret, or
        the one that was made under this key before; None for an endpoint that is not there.
        """
        with transaction(self._engine) as session:
            touched = session.exec(_endpoint(endpoint_id).values(id=endpoint_id)).rowcount
            if not touched:
                return None
            known = session.get(WebhookSecretRow, (endpoint_id, key))
            if known is None:
                own = col(WebhookSecretRow.endpoint_id) == endpoint_id
                before = col(WebhookSecretRow.until).is_not(None)
                session.exec(delete(WebhookSecretRow).where(own, before))
                session.exec(update(WebhookSecretRow).where(own).values(until=until))
                known = WebhookSecretRow(
                    endpoint_id=endpoint_id, key=key, secret=secret, made_at=at
                )
                session.add(known)
            return known.secret

    def secrets(self, endpoint_id: str, at: datetime) -> list[str]:
        """What holds now, the newest first."""
        own = col(WebhookSecretRow.endpoint_id) == endpoint_id
        holds = col(WebhookSecretRow.until).is_(None) | (col(WebhookSecretRow.until) > at)
        newest = col(WebhookSecretRow.made_at).desc()
        with transaction(self._engine) as session:
            statement = select(WebhookSecretRow.secret).where(own, holds).order_by(newest)
            return [*session.exec(statement)]

    def look(
        self, endpoint_id: str, at: datetime, busy: Collection[str], limit: int
    ) -> Look | None:
        """What is to be sent now: of each case the first that waits, of none that is `busy`."""
        earlier = aliased(WebhookDeliveryRow)
        first = ~exists().where(
            col(earlier.endpoint_id) == WebhookDeliveryRow.endpoint_id,
            col(earlier.case_id) == WebhookDeliveryRow.case_id,
            _waits(earlier),
            col(earlier.number) < WebhookDeliveryRow.number,
        )
        number = col(WebhookDeliveryRow.number)
        statement = (
            select(WebhookDeliveryRow, PublicEventRow)
            .join(PublicEventRow, col(PublicEventRow.number) == number)
            .where(
                WebhookDeliveryRow.endpoint_id == endpoint_id,
                _waits(WebhookDeliveryRow),
                col(WebhookDeliveryRow.due) <= at,
                col(WebhookDeliveryRow.case_id).not_in(busy),
                first,
            )
            .order_by(number)
            .limit(limit)
        )
        with transaction(self._engine) as session:
            row = session.get(WebhookEndpointRow, endpoint_id)
            if row is None:
                return None
            due = [
                Due(public(event), waiting.tried, waiting.begun_at)
                for waiting, event in session.exec(statement)
            ]
            after = select(PublicEventRow.number).where(col(PublicEventRow.number) > row.reached)
            return Look(_shown(row), due, session.exec(after.limit(1)).first() is not None)

    def take_up(self, endpoint_id: str, at: datetime) -> int:
        """Take the next events up from the feed; how many of it were read."""
        with transaction(self._engine) as session:
            session.exec(_endpoint(endpoint_id).values(id=endpoint_id))  # held from here on
            row = session.get(WebhookEndpointRow, endpoint_id)
            if row is None:
                return 0
            waiting = select(func.count()).where(
                WebhookDeliveryRow.endpoint_id == endpoint_id, _waits(WebhookDeliveryRow)
            )
            room = min(MOST_WAITING - session.exec(waiting).one(), TAKEN_UP_AT_ONCE)
            number = col(PublicEventRow.number)
            statement = select(PublicEventRow).where(number > row.reached).order_by(number)
            found = session.exec(statement.limit(max(room, 0))).all()
            taken = [one for one in found if not row.types or one.type in row.types]
            if taken:
                insert_new(session, [_taken_up(endpoint_id, one, at) for one in taken])
            if found:
                session.exec(_endpoint(endpoint_id).values(reached=found[-1].number))
                old = _of(endpoint_id, DeliveryState.DELIVERED)
                past = col(WebhookDeliveryRow.tried_at) < at - KEPT
                session.exec(delete(WebhookDeliveryRow).where(*old, past))
            return len(found)

    def settle(self, endpoint_id: str, tried: Sequence[Tried]) -> datetime | None:
        """Keep what became of attempts; since when the endpoint fails, if it does."""
        with transaction(self._engine) as session:
            session.exec(_endpoint(endpoint_id).values(id=endpoint_id))  # first, as all others do
            for one in tried:
                own = _deliveries(endpoint_id).where(
                    col(WebhookDeliveryRow.number) == one.number, _waits(WebhookDeliveryRow)
                )
                session.exec(
                    own.values(
                        state=one.state,
                        tried=WebhookDeliveryRow.tried + 1,
                        begun_at=one.begun_at,
                        due=one.due,
                        tried_at=one.at,
                        status=one.answered.status,
                        why=one.answered.why,
                    )
                )
            arrived = any(one.answered.taken for one in tried)
            since = (
                None
                if arrived
                else func.coalesce(col(WebhookEndpointRow.failing_since), tried[0].at)
            )
            session.exec(_endpoint(endpoint_id).values(failing_since=since))
            row = session.get(WebhookEndpointRow, endpoint_id)
            return row.failing_since if row else None

    def deliveries(
        self, endpoint_id: str, state: DeliveryState | None, after: int, limit: int
    ) -> list[WebhookDelivery]:
        """At most `limit` after a number, in order; of those that arrived, the ones of late."""
        number = col(WebhookDeliveryRow.number)
        statement = (
            select(WebhookDeliveryRow, PublicEventRow)
            .join(PublicEventRow, col(PublicEventRow.number) == number)
            .where(WebhookDeliveryRow.endpoint_id == endpoint_id, number > after)
            .order_by(number)
            .limit(limit)
        )
        if state is not None:
            statement = statement.where(WebhookDeliveryRow.state == state)
        with transaction(self._engine) as session:
            return [_delivery(row, event) for row, event in session.exec(statement)]

    def send_again(self, endpoint_id: str, number: int, at: datetime) -> WebhookDelivery | None:
        """Let a delivery wait again, whatever became of it; None for one that is not there."""
        with transaction(self._engine) as session:
            own = _deliveries(endpoint_id).where(col(WebhookDeliveryRow.number) == number)
            session.exec(own.values(state=DeliveryState.WAITING, due=at, tried=0))
            row = session.get(WebhookDeliveryRow, (endpoint_id, number))
            return _delivery(row, session.get_one(PublicEventRow, number)) if row else None


def _endpoint(endpoint_id: str) -> Update:
    return update(WebhookEndpointRow).where(col(WebhookEndpointRow.id) == endpoint_id)


def _deliveries(endpoint_id: str) -> Update:
    return update(WebhookDeliveryRow).where(col(WebhookDeliveryRow.endpoint_id) == endpoint_id)


def _waits(row: type[WebhookDeliveryRow]) -> ColumnElement[bool]:
    return col(row.state) == DeliveryState.WAITING


def _of(endpoint_id: str, state: DeliveryState) -> tuple[ColumnElement[bool], ...]:
    row = WebhookDeliveryRow
    return (col(row.endpoint_id) == endpoint_id, col(row.state) == state)


def _shown(row: WebhookEndpointRow) -> Endpoint:
    return Endpoint(
        id=row.id,
        url=row.url,
        types=tuple(EventType(type_) for type_ in row.types),
        added_at=row.added_at,
        failing_since=row.failing_since,
        paused_at=row.paused_at,
        paused_why=row.paused_why,
    )


def _taken_up(endpoint_id: str, event: PublicEventRow, at: datetime) -> WebhookDeliveryRow:
    return WebhookDeliveryRow(
        endpoint_id=endpoint_id,
        number=event.number,
        case_id=event.case_id,
        state=DeliveryState.WAITING,
        tried=0,
        begun_at=at,
        due=at,
    )


def _delivery(row: WebhookDeliveryRow, event: PublicEventRow) -> WebhookDelivery:
    return WebhookDelivery(
        id=delivery_id(row.endpoint_id, row.number),
        event=public(event),
        state=DeliveryState(row.state),
        tried=row.tried,
        due=row.due if row.state == DeliveryState.WAITING else None,
        tried_at=row.tried_at,
        status=row.status,
        why=row.why,
    )
