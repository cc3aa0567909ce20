"""What sellers report of parcels that nobody collected: what it cost, and by whom. Forward only."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cost_claims",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("buyer_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("cost", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deducted_minor", sa.BigInteger, nullable=False),
        sa.CheckConstraint(
            "deducted_minor >= 0 AND deducted_minor <= amount_minor", name="deducted_at_most_cost"
        ),
    )
    op.create_index("cost_claims_of_seller", "cost_claims", ["seller_id", "at"])

    op.create_table(
        "non_collections",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("buyer_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("non_collections_of_seller", "non_collections", ["seller_id", "buyer_id"])
