"""Where each case stands in lists, and one numbering of all that changes.

Forward only.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

LAST = 253_402_300_799_999_999
"""The end of the year 9999 in microseconds: where open cases stand that nothing is due of."""

STANDINGS = sa.table(
    "standings",
    sa.column("case_id", sa.Text),
    sa.column("due", sa.DateTime(timezone=True)),
    sa.column("closed_at", sa.DateTime(timezone=True)),
    sa.column("over", sa.Boolean),
    sa.column("rank", sa.BigInteger),
    sa.column("changed", sa.BigInteger),
)
EVENTS = sa.table("events", sa.column("case_id", sa.Text), sa.column("number", sa.BigInteger))


def upgrade() -> None:
    """Add the columns, fill them, and begin the feed where the events are."""
    zero = sa.text("0")
    op.add_column(
        "standings", sa.Column("over", sa.Boolean, nullable=False, server_default=sa.false())
    )
    for name in ("rank", "changed"):
        op.add_column(
            "standings", sa.Column(name, sa.BigInteger, nullable=False, server_default=zero)
        )
    _fill(op.get_bind())
    for index in ("due", "of_seller", "of_buyer"):
        op.drop_index(f"standings_{index}", "standings")
    place = ["over", "rank", "case_id"]
    op.create_index("standings_listed", "standings", place)
    op.create_index("standings_of_seller", "standings", ["seller_id", *place])
    op.create_index("standings_of_buyer", "standings", ["buyer_id", *place])
    op.create_index("standings_in_queue", "standings", ["queue", *place])
    op.create_index("standings_changed", "standings", ["changed"])
    feed = op.create_table(
        "feed",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    last = op.get_bind().execute(sa.select(sa.func.max(EVENTS.c.number))).scalar() or 0
    op.bulk_insert(feed, [{"name": "steps", "number": last}])


def _fill(connection: sa.Connection) -> None:
    last = sa.select(sa.func.max(EVENTS.c.number)).where(EVENTS.c.case_id == STANDINGS.c.case_id)
    connection.execute(
        sa.update(STANDINGS).values(changed=sa.func.coalesce(last.scalar_subquery(), 0))
    )
    asked = sa.select(STANDINGS.c.case_id, STANDINGS.c.due, STANDINGS.c.closed_at)
    for case_id, due, closed_at in connection.execute(asked).all():
        rank = LAST
        if closed_at:
            rank = -_microseconds(closed_at)
        elif due:
            rank = _microseconds(due)
        one = sa.update(STANDINGS).where(STANDINGS.c.case_id == case_id)
        connection.execute(one.values(over=closed_at is not None, rank=rank))


def _microseconds(at: datetime) -> int:
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at  # SQLite's have no zone
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
