"""Sending goods again at the buyer's cost: the marketplace asks for the money, or voids that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import activity

from domain.ports import Redelivery

if TYPE_CHECKING:
    from activities.marketplace import Marketplace


class Redeliveries:
    """What buyers pay for sending goods again. Each may run any number of times under its key.

    Without an answer both raise MarketplaceUnavailableError and are run again; what is refused for
    good is a non-retryable ApplicationError (`marketplace-refused`).
    """

    def __init__(self, marketplace: Marketplace) -> None:
        self._marketplace = marketplace

    @activity.defn(name="request_redelivery", no_thread_cancel_exception=True)
    def request(self, wanted: Redelivery) -> None:
        """The buyer is asked to pay; the marketplace tells the case when that is done."""
        self._marketplace.request_redelivery(wanted)

    @activity.defn(name="void_redelivery", no_thread_cancel_exception=True)
    def void(self, asked: Redelivery) -> None:
        """The buyer need not pay any more, and gets back what was paid."""
        self._marketplace.void_redelivery(asked)
