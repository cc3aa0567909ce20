"""Jobs of many commands.

Forward only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "command_jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("person", sa.JSON, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.Text, nullable=False),
    )
    op.create_table(
        "command_items",
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("if_match", sa.Text),
        sa.Column("command", sa.JSON),
        sa.Column("status", sa.Integer),
        sa.Column("receipt", sa.JSON),
        sa.Column("problem", sa.JSON),
    )
