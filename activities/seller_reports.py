"""Keeping what sellers report of parcels that nobody collected (P3, P4, P6)."""

from __future__ import annotations

from temporalio import activity

from activities.keeping import ReportBook
from domain.ports import CostClaim, NonCollection


class SellerReports:
    """The sellers' reports of all cases. The activities may run any number of times."""

    def __init__(self, book: ReportBook) -> None:
        self._book = book

    @activity.defn(name="keep_cost", no_thread_cancel_exception=True)
    def keep_cost(self, cost: CostClaim) -> None:
        """Keep a cost, once for its key, and how much of it a refund was less by."""
        self._book.keep_cost(cost)

    @activity.defn(name="keep_non_collection", no_thread_cancel_exception=True)
    def keep_non_collection(self, report: NonCollection) -> None:
        """Keep a report of a buyer, once for its case."""
        self._book.keep_non_collection(report)
