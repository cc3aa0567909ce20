"""How cases stand, and what happened in them, as one record a step leaves it.

Forward only. Cases that were opened before write none: `starter.py rebuild` reads theirs.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and the indexes."""
    op.create_table(
        "standings",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("moved_at", INSTANT, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("kind", "country", "order_id", "buyer_id", "seller_id", "stage")
        ),
        sa.Column("awaited", sa.Text),
        sa.Column("due", INSTANT),
        sa.Column("safe", INSTANT),
        sa.Column("on_silence", sa.Text),
        sa.Column("breached", sa.Boolean, nullable=False),
        sa.Column("undelivered", sa.Boolean, nullable=False),
        sa.Column("queue", sa.Text),
        sa.Column("stake_minor", sa.BigInteger),
        sa.Column("stake_currency", sa.Text),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("ending", sa.Text),
        sa.Column("refusal", sa.Text),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("lists", sa.JSON, nullable=False),
    )
    op.create_index("standings_due", "standings", ["closed_at", "due", "case_id"])
    op.create_index("standings_of_seller", "standings", ["seller_id", "case_id"])
    op.create_index("standings_of_buyer", "standings", ["buyer_id", "case_id"])
    op.create_index("standings_of_order", "standings", ["order_id"])
    op.create_table(
        "events",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
        ),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("party", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.UniqueConstraint("case_id", "place", name="events_once"),
    )
