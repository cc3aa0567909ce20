"""Messages are found whatever accents they are searched with: what searching looks at, anew.

The texts stay as they are; what refuses their change is set aside for this one column, within
the migration's transaction.
"""

import sqlalchemy as sa
from alembic import op

from store.archive import fold

revision = "0007"
down_revision = "0006"

AT_ONCE = 1000
"""Messages that are read into memory together."""

KEEP = "messages_not_changed"


def upgrade() -> None:
    """Fold every message's text anew."""
    connection = op.get_bind()
    messages = sa.table(
        "messages", *(sa.column(name) for name in ("number", "text", "folded"))
    )
    postgresql = connection.dialect.name == "postgresql"
    op.execute(
        f"ALTER TABLE messages DISABLE TRIGGER {KEEP}" if postgresql else f"DROP TRIGGER {KEEP}"
    )
    last = 0
    while rows := connection.execute(
        sa.select(messages)
        .where(messages.c.number > last)
        .order_by(messages.c.number)
        .limit(AT_ONCE)
    ).all():
        last = rows[-1].number
        for row in rows:
            if (folded := fold(row.text)) != row.folded:
                connection.execute(
                    sa.update(messages)
                    .where(messages.c.number == row.number)
                    .values(folded=folded)
                )
    op.execute(
        f"ALTER TABLE messages ENABLE TRIGGER {KEEP}"
        if postgresql
        else f"CREATE TRIGGER {KEEP} BEFORE UPDATE ON messages FOR EACH ROW "
        "BEGIN SELECT RAISE(ABORT, 'the archive is append-only'); END"
    )
