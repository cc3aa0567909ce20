"""Who did what over HTTP, append only.

Forward only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

REFUSED = ("UPDATE", "DELETE")


def upgrade() -> None:
    """Add the table, and let the database refuse whatever would change or delete a row of it."""
    op.create_table(
        "deeds",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text),
        sa.Column("command_id", sa.Text),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("request", sa.Text, nullable=False),
    )
    op.create_index("deeds_in_case", "deeds", ["case_id", "number"])
    op.create_index("deeds_of_person", "deeds", ["person", "number"])
    if op.get_bind().dialect.name == "postgresql":
        for event in REFUSED:
            op.execute(
                f"CREATE TRIGGER deeds_no_{event.lower()} BEFORE {event} ON deeds "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
        op.execute(
            "CREATE TRIGGER deeds_not_emptied BEFORE TRUNCATE ON deeds "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    else:
        for event in REFUSED:
            op.execute(
                f"CREATE TRIGGER deeds_no_{event.lower()} BEFORE {event} ON deeds FOR EACH ROW "
                "BEGIN SELECT RAISE(ABORT, 'the archive is append-only'); END"
            )
