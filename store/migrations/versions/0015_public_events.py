"""The events that leave the house, and the webhooks that take them.

Forward only. What happened before this is told to nobody.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

INSTANT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables and the indexes."""
    op.create_table(
        "public_events",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("kind", "country", "order_id", "buyer_id", "seller_id", "readers")
        ),
        sa.Column("data", sa.JSON, nullable=False),
        sa.UniqueConstraint("case_id", "sequence", name="public_events_in_order"),
        sa.UniqueConstraint("case_id", "key", name="public_events_once"),
    )
    op.create_index("public_events_of_seller", "public_events", ["seller_id", "number"])
    op.create_index("public_events_of_buyer", "public_events", ["buyer_id", "number"])
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("types", sa.JSON, nullable=False),
        sa.Column("reached", sa.BigInteger, nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("failing_since", INSTANT),
        sa.Column("paused_at", INSTANT),
        sa.Column("paused_why", sa.Text),
    )
    op.create_table(
        "webhook_secrets",
        sa.Column("endpoint_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("until", INSTANT),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("endpoint_id", sa.Text, primary_key=True),
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tried", sa.Integer, nullable=False),
        sa.Column("begun_at", INSTANT, nullable=False),
        sa.Column("due", INSTANT, nullable=False),
        sa.Column("tried_at", INSTANT),
        sa.Column("status", sa.Integer),
        sa.Column("why", sa.Text),
    )
    deliveries = "webhook_deliveries"
    op.create_index(f"{deliveries}_in_state", deliveries, ["endpoint_id", "state", "number"])
    op.create_index(
        f"{deliveries}_of_case", deliveries, ["endpoint_id", "case_id", "state", "number"]
    )
