"""The events that leave the house, in the order of the feed, as pages, streams and webhooks tell
them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from domain.kinds import Kind
from domain.public_events import EventType, Happened, PublicEvent, Readers, event_id
from store.engine import insert_new, transaction
from store.tables import FeedRow, PublicEventRow, TaskRow

STEPS = "steps"
"""The feed that gives steps and events their numbers."""


@dataclass(frozen=True)
class Listener:
    """Of which events somebody hears: of all, or of those of a seller, a buyer, a case; `called`:
    only of cases to which agents are, or were, called, by a task in one of these `queues`.
    """

    seller: str | None = None
    buyer: str | None = None
    case_id: str | None = None
    called: bool = False
    queues: Sequence[str] | None = None


EVERYTHING = Listener()


class PublicEvents:
    """Reads the events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def last(self) -> int:
        """The last number of the feed."""
        with transaction(self._engine) as session:
            return last_number(session)

    def after(self, number: int, limit: int, listener: Listener = EVERYTHING) -> list[PublicEvent]:
        """At most `limit` events after a number, in order; from the last one on, none is missed."""
        statement = select(PublicEventRow).where(col(PublicEventRow.number) > number)
        if listener.case_id is not None:
            statement = statement.where(PublicEventRow.case_id == listener.case_id)
        if listener.seller is not None:
            statement = statement.where(
                PublicEventRow.seller_id == listener.seller,
                col(PublicEventRow.readers).in_((Readers.EVERYBODY, Readers.SELLER)),
            )
        if listener.buyer is not None:
            statement = statement.where(
                PublicEventRow.buyer_id == listener.buyer,
                col(PublicEventRow.readers).in_((Readers.EVERYBODY, Readers.BUYER)),
            )
        if listener.called:
            tasks = select(TaskRow.case_id)
            if listener.queues is not None:
                tasks = tasks.where(col(TaskRow.queue).in_(listener.queues))
            statement = statement.where(col(PublicEventRow.case_id).in_(tasks))
        with transaction(self._engine) as session:
            rows = session.exec(statement.order_by(col(PublicEventRow.number)).limit(limit))
            return [public(row) for row in rows]


def last_number(session: Session) -> int:
    """The last number of the feed."""
    row = session.get(FeedRow, STEPS)
    return row.number if row else 0


def public(row: PublicEventRow) -> PublicEvent:
    """An event as it leaves."""
    return PublicEvent(
        id=event_id(row.case_id, row.sequence),
        type=EventType(row.type),
        timestamp=row.at,
        number=row.number,
        sequence=row.sequence,
        case_id=row.case_id,
        kind=Kind(row.kind),
        country=row.country,
        order_id=row.order_id,
        data=row.data,
    )


def keep_public(
    session: Session,
    case_id: str,
    facts: Mapping[str, Any],
    told: Sequence[Happened],
    last: int,
) -> None:
    """Keep what a step has made happen, in the transaction of its record, which has as many numbers
    for it, up to the `last`. What was told before is not told again: so a case that is recorded
    whole tells what nobody has heard.
    """
    own = col(PublicEventRow.case_id) == case_id
    keys = [one.key for one in told]
    known = {
        *session.exec(select(PublicEventRow.key).where(own, col(PublicEventRow.key).in_(keys)))
    }
    new = [one for key, one in {one.key: one for one in told}.items() if key not in known]
    if not new:
        return
    highest = session.exec(select(func.max(PublicEventRow.sequence)).where(own)).one()
    first = 0 if highest is None else highest + 1
    rows = [
        PublicEventRow(
            number=last - len(new) + 1 + place,
            case_id=case_id,
            sequence=first + place,
            key=one.key,
            type=one.type,
            at=one.at,
            kind=facts["kind"],
            country=facts["country"],
            order_id=facts["order_id"],
            buyer_id=facts.get("buyer_id", ""),
            seller_id=facts.get("seller_id", ""),
            readers=one.readers,
            data=one.data.model_dump(mode="json"),
        )
        for place, one in enumerate(new)
    ]
    insert_new(session, rows)
