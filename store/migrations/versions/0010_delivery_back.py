"""A refund says how much of the delivery comes back with it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add it; of refunds that were ordered before it is what they are above their units' price."""
    op.add_column("refunds", sa.Column("delivery_minor", sa.BigInteger, nullable=True))
