"""The cases of one order are looked up when another one is registered. Forward only."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the index."""
    op.create_index("cases_of_order", "cases", ["order_id"])
