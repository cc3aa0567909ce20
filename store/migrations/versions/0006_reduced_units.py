"""A reduced price is no refund of a unit: it is entered unit by unit, beside the refunds.

Forward only. What was paid for a line is learned from the order's next refund. Prices that were
reduced before this stay as they were entered: as the one refund of their units.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table, and room for what a refund is and what a line cost."""
    op.add_column(
        "refunds",
        sa.Column("reduction", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.add_column("sold_lines", sa.Column("paid_minor", sa.BigInteger))
    op.add_column(
        "refunded_units",
        sa.Column("less_minor", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    )

    op.create_table(
        "reduced_units",
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("sku", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("refund_key", sa.Text, primary_key=True),
        sa.Column("of", sa.Integer, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.CheckConstraint('number BETWEEN 1 AND "of"', name="number_of_a_reduced_unit"),
        sa.CheckConstraint("amount_minor > 0", name="reduced_by_something"),
        sa.ForeignKeyConstraint(
            ["order_id", "sku", "of"], ["sold_lines.order_id", "sold_lines.sku", "sold_lines.sold"]
        ),
    )
