"""Parcels as carriers' machines tell of them: in any order, repeated, or late."""

from collections.abc import Iterator
from datetime import datetime

from domain.goods import ParcelEvent, Scan

LATER = (Scan.HANDED_OVER, Scan.IN_TRANSIT, Scan.LOST, Scan.REFUSED, Scan.ARRIVED)
"""What is known of one parcel only grows: a lost one may be found, a refused one taken in."""

FIRST = (Scan.ARRIVED, Scan.IN_TRANSIT, Scan.HANDED_OVER, Scan.REFUSED, Scan.LOST)
"""Which of several parcels matters now: one that is there, then one that may still come."""


class Scans:
    """What carriers' machines have told, each event once, however often it was sent."""

    def __init__(self) -> None:
        self._told: dict[str, ParcelEvent] = {}

    def __iter__(self) -> Iterator[ParcelEvent]:
        """In the order in which they were told, which need not be that of what happened."""
        return iter(self._told.values())

    def take(self, event: ParcelEvent) -> bool:
        """Take an event in; False if it was told before."""
        if event.event_id in self._told:
            return False
        self._told[event.event_id] = event
        return True


class Parcels:
    """What is known of the parcels of a return that were not inspected yet.

    `sent_at`: since when there is proof of dispatch. `overdue`: their time to arrive is over.
    """

    def __init__(self) -> None:
        self.sent_at: datetime | None = None
        self.overdue = False
        self._known: dict[str | None, Scan] = {}
        self._inspected: set[str] = set()
        self._inspected_at: datetime | None = None

    def see(self, event: ParcelEvent) -> bool:
        """Take a scan in; False if it is not of goods on their way back."""
        if event.scan not in LATER:
            return False  # what reaches the buyer, or comes back uncollected, is no return
        self.prove_sent(event.at)
        known = self._known.get(event.tracking)
        later = known is None or LATER.index(event.scan) > LATER.index(known)
        if later and not self._is_of_one_inspected(event):
            self._known[event.tracking] = event.scan
        return True

    def prove_sent(self, at: datetime) -> None:
        """There is proof that goods were on their way at this instant."""
        self.sent_at = min(self.sent_at or at, at)

    @property
    def scanned(self) -> Scan | None:
        """The last that is known of the parcel that matters now."""
        known = set(self._known.values())
        return next((scan for scan in FIRST if scan in known), None)

    @property
    def under_way(self) -> bool:
        """Whether a parcel was sent that may still come."""
        coming = (None, Scan.HANDED_OVER, Scan.IN_TRANSIT)
        return bool(self.sent_at) and self.scanned in coming and not self.overdue

    @property
    def missing(self) -> bool:
        """Whether none has arrived, and none will by itself."""
        return self.scanned is not Scan.ARRIVED and (
            self.overdue or self.scanned in (Scan.REFUSED, Scan.LOST)
        )

    def inspected(self, at: datetime) -> None:
        """One parcel, the one that matters now, is done with; the others are still to come."""
        done = next((key for key, scan in self._known.items() if scan is self.scanned), None)
        self._known.pop(done, None)
        if done:
            self._inspected.add(done)
        self._inspected_at = at
        self.overdue = False

    def _is_of_one_inspected(self, event: ParcelEvent) -> bool:
        if event.tracking:
            return event.tracking in self._inspected
        return self._inspected_at is not None and event.at <= self._inspected_at
