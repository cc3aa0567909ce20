"""Claims against carriers: sent by the marketplace, and what they bring is booked (P5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import activity

from activities.keeping import RecoveryBook
from domain.ports import ClaimFiled, ClaimToFile, Recovery

if TYPE_CHECKING:
    from activities.marketplace import Marketplace


class CarrierClaims:
    """What becomes of a claim outside. Each may run any number of times under its key.

    Without an answer both raise MarketplaceUnavailableError and are run again; what is refused for
    good is a non-retryable ApplicationError (`marketplace-refused`).
    """

    def __init__(self, marketplace: Marketplace, recoveries: RecoveryBook) -> None:
        self._marketplace = marketplace
        self._recoveries = recoveries

    @activity.defn(name="file_carrier_claim", no_thread_cancel_exception=True)
    def file(self, claim: ClaimToFile) -> ClaimFiled:
        """Sends a claim, or an appeal, to the carrier, and answers its reference."""
        return self._marketplace.file_claim(claim)

    @activity.defn(name="book_recovery", no_thread_cancel_exception=True)
    def book(self, recovery: Recovery) -> None:
        """Keeps what was recovered, then books it to the seller; both once for each key."""
        self._recoveries.record(recovery)
        self._marketplace.book(recovery)
