"""Letters that do not arrive are kept apart, and how long the oldest unsent one waits is quick to
find.

Forward only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table and the indexes."""
    op.create_table(
        "undelivered_letters",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("to", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
        sa.Column("code", sa.Integer),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("over_at", INSTANT),
    )
    for name, table, column, rows in (
        ("letters_undelivered", "undelivered_letters", "case_id", "over_at IS NULL"),
        ("letters_unsent", "letters", "created_at", "sent_at IS NULL"),
    ):
        op.create_index(
            name, table, [column], sqlite_where=sa.text(rows), postgresql_where=sa.text(rows)
        )
