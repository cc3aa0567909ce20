"""Goods on their way: stopping those not yet sent, and labels for those that come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import activity

from domain.ports import DispatchAnswer, LabelMade, LabelWanted, StopDispatch

if TYPE_CHECKING:
    from activities.marketplace import Marketplace


class Shipments:
    """What the marketplace does with parcels. Each may run any number of times under its key.

    Without an answer both raise MarketplaceUnavailableError and are run again; what is refused for
    good is a non-retryable ApplicationError (`marketplace-refused`).
    """

    def __init__(self, marketplace: Marketplace) -> None:
        self._marketplace = marketplace

    @activity.defn(name="stop_dispatch", no_thread_cancel_exception=True)
    def stop(self, wanted: StopDispatch) -> DispatchAnswer:
        """Who was first: the cancellation, or the tracking number (W2)."""
        return self._marketplace.stop_dispatch(wanted)

    @activity.defn(name="order_label", no_thread_cancel_exception=True)
    def label(self, wanted: LabelWanted) -> LabelMade:
        """A return label, and what the way back costs."""
        return self._marketplace.label(wanted)
