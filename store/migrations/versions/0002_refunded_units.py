"""The accounts of orders: which units were refunded, and how much, by refunds and by payouts.

Forward only, like the first. Refunds ordered before stay as they are, without units; their orders
get an account, which learns what was sold and paid from the next refund.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables, and an account for each order that has a refund."""
    op.add_column("refunds", sa.Column("units", sa.JSON))
    op.create_index("refunds_of_order", "refunds", ["order_id"])

    op.create_table(
        "payouts",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("units", sa.JSON, nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
    )

    op.create_table(
        "order_accounts",
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("paid_minor", sa.BigInteger),
        sa.Column("refunded_minor", sa.BigInteger, nullable=False),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= paid_minor", name="refunded_at_most_paid"
        ),
    )

    op.create_table(
        "sold_lines",
        sa.Column(
            "order_id", sa.Text, sa.ForeignKey("order_accounts.order_id"), primary_key=True
        ),
        sa.Column("sku", sa.Text, primary_key=True),
        sa.Column("sold", sa.Integer, nullable=False),
        sa.UniqueConstraint("order_id", "sku", "sold", name="sold_once"),
    )

    op.create_table(
        "refunded_units",
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("sku", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("of", sa.Integer, nullable=False),
        sa.Column("refund_key", sa.Text, nullable=False),
        sa.CheckConstraint('number BETWEEN 1 AND "of"', name="number_of_a_unit_sold"),
        sa.ForeignKeyConstraint(
            ["order_id", "sku", "of"], ["sold_lines.order_id", "sold_lines.sku", "sold_lines.sold"]
        ),
    )

    op.execute(
        "INSERT INTO order_accounts (order_id, currency, refunded_minor) "
        "SELECT order_id, MIN(currency), "
        "SUM(CASE WHEN state = 'failed' THEN 0 ELSE amount_minor END) "
        "FROM refunds GROUP BY order_id"
    )
