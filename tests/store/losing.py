"""Losing what a store has of a case."""

from sqlalchemy import Engine, delete
from sqlmodel import Session, col

from store.tables import StandingRow


def forget(engine: Engine, case_id: str) -> None:
    """How a case stands, and nothing else."""
    with Session(engine) as session:
        session.exec(delete(StandingRow).where(col(StandingRow.case_id) == case_id))
        session.commit()
