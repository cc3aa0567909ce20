"""Under which key a caller has opened which case: the same key is the same opening."""

from datetime import datetime

from sqlalchemy import Engine

from store.engine import insert_new, transaction
from store.tables import OpeningKeyRow


class OpeningKeys:
    """Remembers keys for good, as the cases that were opened under them are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def is_other(self, caller: str, key: str, case_id: str, digest: str, at: datetime) -> bool:
        """Whether the caller has used the key for another opening before; else it is kept for this
        one. `digest`: of what was sent.
        """
        row = OpeningKeyRow(caller=caller, key=key, case_id=case_id, digest=digest, at=at)
        with transaction(self._engine) as session:
            if insert_new(session, [row]):
                return False
            kept = session.get_one(OpeningKeyRow, (row.caller, row.key))
            return (kept.case_id, kept.digest) != (case_id, digest)
