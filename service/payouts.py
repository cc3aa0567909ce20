"""Money that reached a buyer without us."""

from datetime import datetime

from sqlalchemy import Engine

from domain.ports import Payout
from service.database import from_database
from service.failures import RefusedError
from store.errors import ContradictionError
from store.refunds import RefundLedger


async def record_payout(engine: Engine, payout: Payout, at: datetime) -> None:
    """Record what the platform reports, once for each key: its units are never refunded again."""
    try:
        await from_database(RefundLedger(engine).report_payout, payout, at)
    except ContradictionError as error:
        raise RefusedError("payout-contradicts", str(error)) from None
