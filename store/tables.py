"""The tables. store/migrations makes them; a test holds the two to be the same.

Instants are kept in UTC and come back aware; money is minor units beside its currency.
Only `people` refers to `cases` by a foreign key: everything else is written by steps of its own,
in the order in which the world allows it. What is refunded of an order is written in one
transaction, and its tables hold each other by foreign keys.
"""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlmodel import Field, SQLModel


def storable(text: str) -> str:
    """The text without NUL characters, which PostgreSQL takes none of.

    They become the replacement character on both databases, so that one stray byte neither loses
    a message nor stops a case.
    """
    return str(text).replace("\0", "\ufffd")


class WordsType(TypeDecorator[str]):
    """Text of any length; enumerations are kept as their value."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The plain text to store."""
        return None if value is None else storable(value)


Words = Annotated[str, Field(sa_type=WordsType)]
WordsOrNone = Annotated[str | None, Field(sa_type=WordsType)]
Key = Annotated[str, Field(sa_type=WordsType, primary_key=True)]
NumberType = BigInteger().with_variant(Integer, "sqlite")
"""What counts rows as they come: SQLite knows but one type that does."""

Minor = Annotated[int, Field(sa_type=BigInteger)]
MinorOrNone = Annotated[int | None, Field(sa_type=BigInteger)]


class CaseRow(SQLModel, table=True):
    """A registered case; `registration` is pinned whole."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("cases_of_seller", "seller_id", "opened_at"),
        Index("cases_closed", "kind", "country", "closed_at"),
        Index("cases_of_order", "order_id"),
    )

    case_id: Key
    kind: Words
    country: Words
    order_id: Words
    buyer_id: Words
    seller_id: Words
    stake_minor: MinorOrNone = None
    stake_currency: WordsOrNone = None
    registration: dict[str, Any] = Field(sa_type=JSON)
    opened_at: datetime
    closed_at: datetime | None = None
    ending: WordsOrNone = None
    escalated: bool | None = None
    breaches: int | None = None


class StandingRow(SQLModel, table=True):
    """How a case stands, as its last record says: what lists show, and its view whole.

    `step` is that of the record, within the workflow's `run`; `facts` and `lists` are what
    domain/step_record.py makes of a case. `safe` and `on_silence` are those of the clock that is
    `due`. A case that was refused has one too: `refusal` is the code.
    Lists are in the order of `over`, `rank` and `case_id`: open cases by when they are due, then
    closed ones, the last one first. `changed` is the number that the feed had after its last step.
    """

    __tablename__ = "standings"
    __table_args__ = (
        Index("standings_listed", "over", "rank", "case_id"),
        Index("standings_of_seller", "seller_id", "over", "rank", "case_id"),
        Index("standings_of_buyer", "buyer_id", "over", "rank", "case_id"),
        Index("standings_in_queue", "queue", "over", "rank", "case_id"),
        Index("standings_of_order", "order_id"),
        Index("standings_changed", "changed"),
    )

    case_id: Key
    run: Words
    step: int
    moved_at: datetime
    kind: Words
    country: Words
    order_id: Words
    buyer_id: Words
    seller_id: Words
    stage: Words
    awaited: WordsOrNone = None
    due: datetime | None = None
    safe: datetime | None = None
    on_silence: WordsOrNone = None
    breached: bool = False
    undelivered: bool = False
    queue: WordsOrNone = None
    stake_minor: MinorOrNone = None
    stake_currency: WordsOrNone = None
    opened_at: datetime
    closed_at: datetime | None = None
    ending: WordsOrNone = None
    refusal: WordsOrNone = None
    over: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    rank: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    changed: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")}
    )
    facts: dict[str, Any] = Field(sa_type=JSON)
    lists: dict[str, Any] = Field(sa_type=JSON)


class EventRow(SQLModel, table=True):
    """Something that happened in a case, without a text: the `place`th of it, and the `number`th of
    all. Numbers are given in the order in which they can be read: no lower one follows later.
    Not every number has an event: a step in which nothing happened takes one too.
    """

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("case_id", "place", name="events_once"),)

    number: int = Field(sa_type=NumberType, primary_key=True)
    case_id: Words
    place: int
    at: datetime
    what: Words
    party: WordsOrNone = None
    detail: Words


class PublicEventRow(SQLModel, table=True):
    """An event as it leaves the house (domain/public_events.py), made with the record of its step
    and numbered in the same order. `key` is what it is in its case; `readers`: who hears of it.
    """

    __tablename__ = "public_events"
    __table_args__ = (
        UniqueConstraint("case_id", "sequence", name="public_events_in_order"),
        UniqueConstraint("case_id", "key", name="public_events_once"),
        Index("public_events_of_seller", "seller_id", "number"),
        Index("public_events_of_buyer", "buyer_id", "number"),
    )

    number: int = Field(sa_type=NumberType, primary_key=True)
    case_id: Words
    sequence: int
    key: Words
    type: Words
    at: datetime
    kind: Words
    country: Words
    order_id: Words
    buyer_id: Words
    seller_id: Words
    readers: Words
    data: dict[str, Any] = Field(sa_type=JSON)


class WebhookEndpointRow(SQLModel, table=True):
    """An address of the platform's to which events are sent. `types`: only these, or all if empty.

    `reached`: the number of the last event that was taken up for it. `failing_since`: when it began
    to fail, if nothing has arrived since; `paused_at` and `paused_why` once nothing is sent.
    """

    __tablename__ = "webhook_endpoints"

    id: Key
    url: Words
    types: list[str] = Field(sa_type=JSON)
    reached: Minor
    added_at: datetime
    failing_since: datetime | None = None
    paused_at: datetime | None = None
    paused_why: WordsOrNone = None


class WebhookSecretRow(SQLModel, table=True):
    """What deliveries to an endpoint are signed with, apart from everything that is listed.

    `key` is what it was asked for under. One that was replaced holds `until` an instant.
    """

    __tablename__ = "webhook_secrets"

    endpoint_id: Key
    key: Key
    secret: Words
    made_at: datetime
    until: datetime | None = None


class WebhookDeliveryRow(SQLModel, table=True):
    """An event for an endpoint: how often it was `tried`, and what came of it.

    One that waits is tried `due` at the earliest, and since `begun_at`.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("webhook_deliveries_in_state", "endpoint_id", "state", "number"),
        Index("webhook_deliveries_of_case", "endpoint_id", "case_id", "state", "number"),
    )

    endpoint_id: Key
    number: int = Field(sa_type=NumberType, primary_key=True)
    case_id: Words
    state: Words
    tried: int
    begun_at: datetime
    due: datetime
    tried_at: datetime | None = None
    status: int | None = None
    why: WordsOrNone = None


class FeedRow(SQLModel, table=True):
    """The last number that was given to a step or an event. Whoever gives numbers holds this row
    until what is numbered can be read.
    """

    __tablename__ = "feed"

    name: Key
    number: Minor


class OpeningKeyRow(SQLModel, table=True):
    """Under which key a caller of the HTTP API has opened which case. `digest`: of what was sent;
    the `caller` is a role and an id.
    """

    __tablename__ = "opening_keys"

    caller: Key
    key: Key
    case_id: Words
    digest: Words
    at: datetime


class DeedRow(SQLModel, table=True):
    """What somebody did over HTTP, or was refused, without a text. Append only."""

    __tablename__ = "deeds"
    __table_args__ = (
        Index("deeds_in_case", "case_id", "number"),
        Index("deeds_of_person", "person", "number"),
    )

    number: int | None = Field(default=None, sa_type=NumberType, primary_key=True)
    at: datetime
    role: Words
    person: Words
    token: Words
    method: Words
    route: Words
    case_id: WordsOrNone = None
    command_id: WordsOrNone = None
    status: int
    code: WordsOrNone = None
    request: Words


class FileRow(SQLModel, table=True):
    """A file that was uploaded for a case, known by what is in it; the bytes are elsewhere."""

    __tablename__ = "files"

    case_id: Key
    sha256: Key
    size: Minor
    media_type: Words
    role: Words
    person: Words
    at: datetime


class UploadRow(SQLModel, table=True):
    """A file on its way, in pieces; `sha256` once it is whole and kept."""

    __tablename__ = "uploads"
    __table_args__ = (Index("uploads_of_person", "case_id", "person"), Index("uploads_old", "at"))

    id: Key
    case_id: Words
    role: Words
    person: Words
    size: Minor
    media_type: Words
    at: datetime
    sha256: WordsOrNone = None


class PieceRow(SQLModel, table=True):
    """A piece of an upload that has come."""

    __tablename__ = "upload_pieces"

    upload_id: Key
    offset: int = Field(sa_type=BigInteger, primary_key=True)
    size: Minor
    digest: Words


class CommandJobRow(SQLModel, table=True):
    """A job of many commands, and the rights with which they were sent."""

    __tablename__ = "command_jobs"

    id: Key
    owner: Words
    person: dict[str, Any] = Field(sa_type=JSON)
    digest: Words
    at: datetime
    request: Words


class CommandItemRow(SQLModel, table=True):
    """A command of a job, until it has a result; then what became of it."""

    __tablename__ = "command_items"

    job_id: Key
    place: int = Field(primary_key=True)
    case_id: Words
    if_match: WordsOrNone = None
    command: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    status: int | None = None
    receipt: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class PersonRow(SQLModel, table=True):
    """A buyer or seller in a case: the one table of names and addresses."""

    __tablename__ = "people"

    case_id: str = Field(
        sa_type=WordsType, primary_key=True, sa_column_args=[ForeignKey("cases.case_id")]
    )
    party: Key
    id: Words
    name: Words
    email: Words
    locale: Words
    return_address: list[str] | None = Field(default=None, sa_type=JSON)


class MessageRow(SQLModel, table=True):
    """What a person wrote. `folded` is what searching looks at. Append only (H3)."""

    __tablename__ = "messages"
    __table_args__ = (UniqueConstraint("case_id", "id", name="messages_once"),)

    number: int | None = Field(default=None, primary_key=True)
    case_id: Words
    id: Words
    at: datetime
    party: Words
    author_id: Words
    author_name: Words
    text: Words
    folded: Words
    nature: Words
    attachments: list[dict[str, Any]] = Field(sa_type=JSON)


class LetterRow(SQLModel, table=True):
    """A rendered notice. Append only but for `sent_at`, which is set once (H3)."""

    __tablename__ = "letters"
    __table_args__ = (
        Index("letters_of_case", "case_id"),
        Index(
            "letters_unsent",
            "created_at",
            sqlite_where=text("sent_at IS NULL"),
            postgresql_where=text("sent_at IS NULL"),
        ),
    )

    id: Key
    case_id: Words
    key: Words
    to: Words
    name: Words
    locale: Words
    subject: Words
    text: Words
    html: Words
    created_at: datetime
    sent_at: datetime | None = None


class UndeliveredRow(SQLModel, table=True):
    """A letter that did not arrive; `over_at` once it did, or its reader was reached again.

    It may have no row among the letters: one that could not be written is none.
    """

    __tablename__ = "undelivered_letters"
    __table_args__ = (
        Index(
            "letters_undelivered",
            "case_id",
            sqlite_where=text("over_at IS NULL"),
            postgresql_where=text("over_at IS NULL"),
        ),
    )

    case_id: Key
    key: Key
    to: Key
    name: Words
    trouble: Words
    code: int | None = None
    at: datetime
    over_at: datetime | None = None


class TaskRow(SQLModel, table=True):
    """An agents' task as it was last recorded."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("tasks_waiting", "state", "queue", "priority"),
        Index("tasks_of_case", "case_id"),
    )

    id: Key
    case_id: Words
    queue: Words
    purpose: Words
    priority: int
    owner: WordsOrNone = None
    state: Words
    opened_at: datetime
    due: datetime | None = None
    revision: int


class BreachRow(SQLModel, table=True):
    """A window that a seller missed (H7)."""

    __tablename__ = "breaches"
    __table_args__ = (Index("breaches_of_seller", "seller_id", "at"),)

    key: Key
    case_id: Words
    seller_id: Words
    window: Words
    due: datetime
    at: datetime


class RefundRow(SQLModel, table=True):
    """A refund that was ordered, and what is known of it.

    The database itself holds the rule that a case has one refund that did not fail. `units` is
    empty for those that were ordered before units were kept. A `reduction` is of their price.
    `delivery_minor`: how much of the delivery came back, or was settled, with it; empty where
    nobody said so.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        Index("refunds_of_order", "order_id"),
        Index(
            "one_refund_per_case",
            "case_id",
            unique=True,
            sqlite_where=text("state <> 'failed'"),
            postgresql_where=text("state <> 'failed'"),
        ),
    )

    key: Key
    case_id: Words
    order_id: Words
    amount_minor: Minor
    currency: Words
    state: Words
    reason: Words
    requested_at: datetime
    reported_at: datetime | None = None
    units: list[dict[str, Any]] | None = Field(default=None, sa_type=JSON)
    reduction: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    delivery_minor: MinorOrNone = None


class PayoutRow(SQLModel, table=True):
    """Money that reached a buyer without us, as the platform reported it."""

    __tablename__ = "payouts"

    key: Key
    kind: Words
    order_id: Words
    amount_minor: Minor
    currency: Words
    units: list[dict[str, Any]] = Field(sa_type=JSON)
    reported_at: datetime


class AccountRow(SQLModel, table=True):
    """What was paid for an order, and how much of it is refunded or being refunded.

    The database itself holds the rule that this is never more. `paid_minor` is empty for an order
    refunded before accounts were kept, until its next refund tells it.
    """

    __tablename__ = "order_accounts"
    __table_args__ = (
        CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= paid_minor", name="refunded_at_most_paid"
        ),
    )

    order_id: Key
    currency: Words
    paid_minor: MinorOrNone = None
    refunded_minor: Minor


class SoldLineRow(SQLModel, table=True):
    """How many units of a line were sold, and what was paid for all of them.

    `paid_minor` is empty of lines from before it was kept, until the order's next refund tells it.
    """

    __tablename__ = "sold_lines"
    __table_args__ = (UniqueConstraint("order_id", "sku", "sold", name="sold_once"),)

    order_id: str = Field(
        sa_type=WordsType, primary_key=True, sa_column_args=[ForeignKey("order_accounts.order_id")]
    )
    sku: Key
    sold: int
    paid_minor: MinorOrNone = None


class RefundedUnitRow(SQLModel, table=True):
    """A unit, the `number`th of all `of` that were sold, that is refunded or being refunded.

    The database itself holds the rule that no unit is refunded twice: the primary key, and no
    more numbers than units sold. `less_minor`: what its refund was less by, for its price had been
    reduced.
    """

    __tablename__ = "refunded_units"
    __table_args__ = (
        CheckConstraint('number BETWEEN 1 AND "of"', name="number_of_a_unit_sold"),
        ForeignKeyConstraint(
            ["order_id", "sku", "of"], ["sold_lines.order_id", "sold_lines.sku", "sold_lines.sold"]
        ),
    )

    order_id: Key
    sku: Key
    number: int = Field(primary_key=True)
    of: int
    refund_key: Words
    less_minor: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")}
    )


class ReducedUnitRow(SQLModel, table=True):
    """A unit whose price is reduced, or being reduced, by so much; the rest can be refunded.

    That its reductions are never more than its price, and with its refund neither, is held by
    whoever writes them (store/accounts.py), one after the other.
    """

    __tablename__ = "reduced_units"
    __table_args__ = (
        CheckConstraint('number BETWEEN 1 AND "of"', name="number_of_a_reduced_unit"),
        CheckConstraint("amount_minor > 0", name="reduced_by_something"),
        ForeignKeyConstraint(
            ["order_id", "sku", "of"], ["sold_lines.order_id", "sold_lines.sku", "sold_lines.sold"]
        ),
    )

    order_id: Key
    sku: Key
    number: int = Field(primary_key=True)
    refund_key: Key
    of: int
    amount_minor: Minor


class RecoveryRow(SQLModel, table=True):
    """Money that a carrier has paid to a seller (P5)."""

    __tablename__ = "recoveries"
    __table_args__ = (Index("recoveries_of_seller", "seller_id", "at"),)

    key: Key
    seller_id: Words
    case_id: Words
    order_id: Words
    amount_minor: Minor
    currency: Words
    at: datetime


class CostClaimRow(SQLModel, table=True):
    """A cost of an uncollected parcel that a seller claims; `evidence` are digests of files.

    The database itself holds the rule that no more of it is deducted than there is.
    """

    __tablename__ = "cost_claims"
    __table_args__ = (
        CheckConstraint(
            "deducted_minor >= 0 AND deducted_minor <= amount_minor", name="deducted_at_most_cost"
        ),
        Index("cost_claims_of_seller", "seller_id", "at"),
    )

    key: Key
    case_id: Words
    seller_id: Words
    buyer_id: Words
    order_id: Words
    cost: Words
    amount_minor: Minor
    currency: Words
    evidence: list[str] = Field(sa_type=JSON)
    at: datetime
    deducted_minor: Minor


class NonCollectionRow(SQLModel, table=True):
    """A buyer who did not collect a prepaid parcel, as the seller reported it (P4)."""

    __tablename__ = "non_collections"
    __table_args__ = (Index("non_collections_of_seller", "seller_id", "buyer_id"),)

    case_id: Key
    seller_id: Words
    buyer_id: Words
    order_id: Words
    at: datetime
