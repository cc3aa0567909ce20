"""The first tables, and the triggers that keep the archive append-only.

Forward only: an archive that can be rolled back is not one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and the triggers."""
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("buyer_id", sa.Text, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("stake_minor", sa.BigInteger),
        sa.Column("stake_currency", sa.Text),
        sa.Column("registration", sa.JSON, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("ending", sa.Text),
        sa.Column("escalated", sa.Boolean),
        sa.Column("breaches", sa.Integer),
    )
    op.create_index("cases_of_seller", "cases", ["seller_id", "opened_at"])
    op.create_index("cases_closed", "cases", ["kind", "country", "closed_at"])

    op.create_table(
        "people",
        sa.Column("case_id", sa.Text, sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("party", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
    )

    op.create_table(
        "messages",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("party", sa.Text, nullable=False),
        sa.Column("author_id", sa.Text, nullable=False),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("folded", sa.Text, nullable=False),
        sa.Column("nature", sa.Text, nullable=False),
        sa.Column("attachments", sa.JSON, nullable=False),
        sa.UniqueConstraint("case_id", "id", name="messages_once"),
    )

    op.create_table(
        "letters",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("to", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT),
    )
    op.create_index("letters_of_case", "letters", ["case_id"])

    op.create_table(
        "tasks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("due", INSTANT),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_index("tasks_waiting", "tasks", ["state", "queue", "priority"])

    op.create_table(
        "breaches",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("window", sa.Text, nullable=False),
        sa.Column("due", INSTANT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_index("breaches_of_seller", "breaches", ["seller_id", "at"])

    op.create_table(
        "refunds",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("reported_at", INSTANT),
    )
    op.create_index(
        "one_refund_per_case",
        "refunds",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'failed'"),
        postgresql_where=sa.text("state <> 'failed'"),
    )

    if op.get_bind().dialect.name == "postgresql":
        refuse_changes_on_postgresql()
    else:
        refuse_changes_on_sqlite()


LETTER_TEXTS = 'id, case_id, "key", "to", name, locale, subject, text, html, created_at'

# What the archive refuses: the trigger's name, the event, and the rows it is about.
REFUSED = (
    ("messages_not_changed", "UPDATE ON messages", ""),
    ("messages_not_deleted", "DELETE ON messages", ""),
    ("letters_not_changed", f"UPDATE OF {LETTER_TEXTS} ON letters", ""),
    ("letters_sent_once", "UPDATE OF sent_at ON letters", "WHEN (OLD.sent_at IS NOT NULL)"),
    ("letters_not_deleted", "DELETE ON letters", ""),
)


def refuse_changes_on_sqlite() -> None:
    """Let the database refuse whatever would change or delete what was archived."""
    for name, event, rows in REFUSED:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} FOR EACH ROW {rows} "
            "BEGIN SELECT RAISE(ABORT, 'the archive is append-only'); END"
        )


def refuse_changes_on_postgresql() -> None:
    """The same, and emptying a table as well."""
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the archive is append-only'; END $$"
    )
    for name, event, rows in REFUSED:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} FOR EACH ROW {rows} "
            "EXECUTE FUNCTION refuse_change()"
        )
    for table in ("messages", "letters"):
        op.execute(
            f"CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
