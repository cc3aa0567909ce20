"""Where a seller takes goods back, to be named to the buyer who sends them.

Forward only. Cases that were opened before this have no such address.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make room for the address's lines."""
    op.add_column("people", sa.Column("return_address", sa.JSON))
