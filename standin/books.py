"""What the stand-in marketplace knows: its orders, and what it really paid, stopped and sent.

With a journal file the books outlive the process: every change is a line on the disk before it is
answered, so that a stand-in that was killed still remembers what it did.
"""

import os
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, JsonValue, TypeAdapter, ValidationError

from domain.base import Value
from domain.commands import Attachment
from domain.goods import Label
from domain.misfits import told
from domain.money import Currency
from domain.openings import CarrierTrouble
from domain.orders import Line, Order, Tracking, UnitsThere
from standin.problems import ProblemError, malformed

WAY_BACK = {"PLN": 1299, "EUR": 450, "CZK": 8900, "HUF": 149_000}
"""What a return label costs, in minor units."""

Key = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[!-~]+$")]


class RefundRequest(Value):
    """The body of `POST /refunds`."""

    case_id: Annotated[str, Field(min_length=1, max_length=300)]
    order_id: Annotated[str, Field(min_length=1, max_length=100)]
    amount_minor: Annotated[int, Field(ge=1, le=10**12, strict=True)]
    currency: Currency


class Refund(Value):
    """A refund as it stands; `reason` of a failure."""

    key: Key
    request: RefundRequest
    state: Literal["requested", "confirmed", "failed"]
    reason: str = ""


class Breach(Value):
    """The body of `POST /breaches`."""

    case_id: Annotated[str, Field(min_length=1, max_length=300)]
    seller_id: Annotated[str, Field(min_length=1, max_length=100)]
    window: Annotated[str, Field(min_length=1, max_length=100)]
    due: AwareDatetime
    at: AwareDatetime


class ReceivedBreach(Value):
    """A breach with the key under which it came."""

    key: Key
    breach: Breach


class UnitsRequest(Value):
    """The body of `POST /cancellations` and of `POST /labels`."""

    case_id: Annotated[str, Field(min_length=1, max_length=300)]
    order_id: Annotated[str, Field(min_length=1, max_length=100)]
    units: Annotated[UnitsThere, Field(min_length=1)]


class Cancellation(Value):
    """A cancellation and who was first: it, or the shipment."""

    key: Key
    request: UnitsRequest
    state: Literal["stopped", "already-shipped"]


class ReturnLabel(Value):
    """A return label that was made."""

    key: Key
    request: UnitsRequest
    label: Label
    tracking: Tracking
    charged_minor: int
    currency: Currency


class ClaimRequest(Value):
    """The body of `POST /carrier-claims`; an appeal names the claim that it is about."""

    case_id: Annotated[str, Field(min_length=1, max_length=300)]
    order_id: Annotated[str, Field(min_length=1, max_length=100)]
    tracking: Tracking
    trouble: CarrierTrouble
    amount_minor: Annotated[int, Field(ge=1, le=10**12, strict=True)]
    currency: Currency
    evidence: Annotated[tuple[Attachment, ...], Field(min_length=1)]
    appeal_of: str | None = None
    reason: str = ""


class CarrierClaim(Value):
    """A claim, or an appeal, that was sent to a carrier."""

    key: Key
    request: ClaimRequest
    reference: str


class BookingRequest(Value):
    """The body of `POST /bookings`."""

    case_id: Annotated[str, Field(min_length=1, max_length=300)]
    order_id: Annotated[str, Field(min_length=1, max_length=100)]
    seller_id: Annotated[str, Field(min_length=1, max_length=100)]
    amount_minor: Annotated[int, Field(ge=1, le=10**12, strict=True)]
    currency: Currency
    at: AwareDatetime


class Booking(Value):
    """Money that was booked to a seller."""

    key: Key
    request: BookingRequest


class RedeliveryRequest(Value):
    """The body of `POST /redeliveries`."""

    case_id: Annotated[str, Field(min_length=1, max_length=300)]
    order_id: Annotated[str, Field(min_length=1, max_length=100)]
    amount_minor: Annotated[int, Field(ge=1, le=10**12, strict=True)]
    currency: Currency


class Redelivery(Value):
    """What a buyer is charged for sending goods again; `given_back` if it was paid and voided."""

    key: Key
    request: RedeliveryRequest
    state: Literal["requested", "paid", "voided"]
    given_back: bool = False


class Shipment(Value):
    """A tracking number that was entered for an order."""

    order_id: str
    tracking: Tracking


class Entry(Value):
    """One line of the journal: what came, or how it stands from now on."""

    refund: Refund | None = None
    breach: ReceivedBreach | None = None
    order: Order | None = None
    shipment: Shipment | None = None
    cancellation: Cancellation | None = None
    label: ReturnLabel | None = None
    claim: CarrierClaim | None = None
    booking: Booking | None = None
    redelivery: Redelivery | None = None


LINE_BEGINS = b'{"refund":'


class UnreadableFileError(ValueError):
    """A file that the stand-in cannot use; the message is one sentence."""


def read_orders(file: Path) -> list[Order]:
    """The orders in a JSON file; raises UnreadableFileError."""
    try:
        return TypeAdapter(list[Order]).validate_json(file.read_bytes())
    except OSError as error:
        raise UnreadableFileError(
            f"Cannot read the orders file {file}: {error.strerror}."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UnreadableFileError(
            f"The orders file {file} must be a list of orders: {told(where, first)}."
        ) from error


class Books:
    """Safe to use from several threads: each change is one step under a lock."""

    def __init__(self, orders: list[Order], journal: Path | None = None) -> None:
        self.orders = {order.id: order for order in orders}
        self._journal = journal
        self._lock = threading.Lock()
        self._refunds: dict[str, Refund] = {}
        self._payments: list[Refund] = []
        self._breaches: dict[str, ReceivedBreach] = {}
        self._shipments: list[Shipment] = []
        self._cancellations: dict[str, Cancellation] = {}
        self._labels: dict[str, ReturnLabel] = {}
        self._claims: dict[str, CarrierClaim] = {}
        self._bookings: dict[str, Booking] = {}
        self._redeliveries: dict[str, Redelivery] = {}
        if journal is not None and journal.exists():
            self._replay(journal)

    @property
    def payments(self) -> list[Refund]:
        """Each payment that was really made, in order."""
        with self._lock:
            return list(self._payments)

    @property
    def breaches(self) -> list[ReceivedBreach]:
        """Each breach once, in order."""
        with self._lock:
            return list(self._breaches.values())

    @property
    def shipments(self) -> list[Shipment]:
        """Each tracking number that was entered, in order."""
        with self._lock:
            return list(self._shipments)

    @property
    def cancellations(self) -> list[Cancellation]:
        """Each cancellation once, in order."""
        with self._lock:
            return list(self._cancellations.values())

    @property
    def labels(self) -> list[ReturnLabel]:
        """Each return label once, in order."""
        with self._lock:
            return list(self._labels.values())

    @property
    def claims(self) -> list[CarrierClaim]:
        """Each claim against a carrier once, in order."""
        with self._lock:
            return list(self._claims.values())

    @property
    def bookings(self) -> list[Booking]:
        """Each booking once, in order."""
        with self._lock:
            return list(self._bookings.values())

    @property
    def redeliveries(self) -> list[Redelivery]:
        """Each charge for sending goods again once, as it stands, in order."""
        with self._lock:
            return list(self._redeliveries.values())

    def refund(self, key: str) -> Refund | None:
        """The refund with this key; None if it never came."""
        with self._lock:
            return self._refunds.get(key)

    def request(
        self,
        key: str,
        request: RefundRequest,
        state: Literal["requested", "confirmed", "failed"],
        reason: str = "",
    ) -> Refund:
        """Files a refund in this state, once: a key that is known answers as it stands.

        Raises ProblemError for a key with other content, and for what no marketplace would pay.
        """
        with self._lock:
            known = self._refunds.get(key)
            if known is not None:
                _same(known.request, request)
                return known
            self._check(request)
            return self._write_refund(Refund(key=key, request=request, state=state, reason=reason))

    def settle(self, key: str, state: Literal["confirmed", "failed"], reason: str = "") -> Refund:
        """Pays or fails a refund that was only requested; raises ProblemError for any other."""
        with self._lock:
            known = self._refunds.get(key)
            if known is None:
                raise ProblemError(404, "refund-unknown", "No refund came under this key.")
            if known.state == state:
                return known
            if known.state != "requested":
                raise ProblemError(409, "already-settled", f"This refund is already {known.state}.")
            return self._write_refund(known.model_copy(update={"state": state, "reason": reason}))

    def receive(self, key: str, breach: Breach) -> None:
        """Files a breach, once; raises ProblemError for a key with other content."""
        received = ReceivedBreach(key=key, breach=breach)
        with self._lock:
            known = self._breaches.get(key)
            if known is None:
                self._write(Entry(breach=received))
            else:
                _same(known, received)

    def change(self, order_id: str, fields: dict[str, JsonValue]) -> Order:
        """Gives these members of an order other values; raises ProblemError."""
        with self._lock:
            before = as_told(self._order(order_id))
            try:
                order = Order.model_validate(before | fields)
            except ValidationError as error:
                raise malformed(error) from error
            if order.id != order_id:
                raise ProblemError(400, "malformed", "id: an order keeps its id.")
            self._write(Entry(order=order))
            return order

    def ship(self, order_id: str, tracking: str) -> Order:
        """Enters a tracking number; raises ProblemError if cancellations took every unit before."""
        with self._lock:
            order = self._order(order_id)
            stopped = self._stopped(order_id)
            if not _ordered(order) - stopped:
                raise ProblemError(409, "order-cancelled", "All of this order is cancelled.")
            order = order.model_copy(update={"shipped": True})
            self._write(Entry(order=order, shipment=Shipment(order_id=order_id, tracking=tracking)))
            return order

    def stop(self, key: str, request: UnitsRequest) -> Cancellation:
        """Files a cancellation, once; its state says whether it was before the shipment.

        Raises ProblemError for a key with other content, and for units that nobody ordered.
        """
        with self._lock:
            known = self._cancellations.get(key)
            if known is not None:
                _same(known.request, request)
                return known
            order = self._order(request.order_id)
            before = Counter[str]() if order.shipped else self._stopped(order.id)
            _check_ordered(order, before + _counted(request.units))
            cancellation = Cancellation(
                key=key,
                request=request,
                state="already-shipped" if order.shipped else "stopped",
            )
            self._write(Entry(cancellation=cancellation))
            return cancellation

    def label(self, key: str, request: UnitsRequest) -> ReturnLabel:
        """Makes a return label, once; raises ProblemError like `stop`."""
        with self._lock:
            known = self._labels.get(key)
            if known is not None:
                _same(known.request, request)
                return known
            order = self._order(request.order_id)
            _check_ordered(order, _counted(request.units))
            if order.currency not in WAY_BACK:
                raise ProblemError(
                    422, "no-carrier", f"No carrier brings parcels back for {order.currency}."
                )
            number = f"RET{len(self._labels) + 1:09}"
            label = ReturnLabel(
                key=key,
                request=request,
                label=f"https://labels.example/{number}.pdf",
                tracking=number,
                charged_minor=WAY_BACK[order.currency],
                currency=order.currency,
            )
            self._write(Entry(label=label))
            return label

    def file_claim(self, key: str, request: ClaimRequest) -> CarrierClaim:
        """Sends a claim to the carrier, once.

        Raises ProblemError for a key with other content, a parcel that the order does not have,
        and an appeal about a claim that nobody sent.
        """
        with self._lock:
            known = self._claims.get(key)
            if known is not None:
                _same(known.request, request)
                return known
            order = self._order(request.order_id)
            if request.tracking not in {parcel.tracking for parcel in order.parcels}:
                raise ProblemError(422, "parcel-unknown", "The order has no such parcel.")
            if request.currency != order.currency:
                raise ProblemError(
                    422, "currency-differs", f"This order was paid in {order.currency}."
                )
            sent = {claim.reference for claim in self._claims.values()}
            if request.appeal_of and request.appeal_of not in sent:
                raise ProblemError(422, "claim-unknown", "There is no such claim to appeal about.")
            claim = CarrierClaim(
                key=key, request=request, reference=f"CLM{len(self._claims) + 1:09}"
            )
            self._write(Entry(claim=claim))
            return claim

    def book(self, key: str, request: BookingRequest) -> None:
        """Books money to a seller, once; raises ProblemError like `file_claim`."""
        with self._lock:
            known = self._bookings.get(key)
            if known is None:
                self._order(request.order_id)
                self._write(Entry(booking=Booking(key=key, request=request)))
            else:
                _same(known.request, request)

    def charge(self, key: str, request: RedeliveryRequest) -> Redelivery:
        """Charges a buyer for sending goods again, once; raises ProblemError like `stop`."""
        with self._lock:
            known = self._redeliveries.get(key)
            if known is not None:
                _same(known.request, request)
                return known
            if request.currency != self._order(request.order_id).currency:
                raise ProblemError(422, "currency-differs", "This order was paid otherwise.")
            return self._write_redelivery(Redelivery(key=key, request=request, state="requested"))

    def pay_redelivery(self, key: str) -> Redelivery:
        """The buyer pays; raises ProblemError for a charge that was never made, or is void."""
        with self._lock:
            known = self._redelivery(key)
            if known.state == "voided":
                raise ProblemError(409, "redelivery-voided", "This charge is void.")
            return self._write_redelivery(known.model_copy(update={"state": "paid"}))

    def void_redelivery(self, key: str) -> Redelivery:
        """Voids a charge, and gives back what was paid; raises ProblemError if it never was."""
        with self._lock:
            known = self._redelivery(key)
            if known.state == "voided":
                return known
            void = {"state": "voided", "given_back": known.state == "paid"}
            return self._write_redelivery(known.model_copy(update=void))

    def _redelivery(self, key: str) -> Redelivery:
        known = self._redeliveries.get(key)
        if known is None:
            raise ProblemError(404, "redelivery-unknown", "No charge came under this key.")
        return known

    def _write_redelivery(self, redelivery: Redelivery) -> Redelivery:
        self._write(Entry(redelivery=redelivery))
        return redelivery

    def _order(self, order_id: str) -> Order:
        order = self.orders.get(order_id)
        if order is None:
            raise ProblemError(404, "order-unknown", "There is no such order.")
        return order

    def _stopped(self, order_id: str) -> Counter[str]:
        return _counted(
            line
            for cancellation in self._cancellations.values()
            if cancellation.request.order_id == order_id and cancellation.state == "stopped"
            for line in cancellation.request.units
        )

    def _check(self, request: RefundRequest) -> None:
        order = self._order(request.order_id)
        if request.currency != order.currency:
            raise ProblemError(422, "currency-differs", f"This order was paid in {order.currency}.")
        promised = sum(
            refund.request.amount_minor
            for refund in self._refunds.values()
            if refund.request.order_id == order.id and refund.state != "failed"
        )
        if promised + request.amount_minor > order.paid.amount_minor:
            raise ProblemError(422, "exceeds-paid", "More would be refunded than was paid.")

    def _write_refund(self, refund: Refund) -> Refund:
        self._write(Entry(refund=refund))
        return refund

    def _write(self, entry: Entry) -> None:
        if self._journal is not None:
            with self._journal.open("ab") as journal:
                journal.write(entry.model_dump_json().encode() + b"\n")
                journal.flush()
                os.fsync(journal.fileno())
        self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        if entry.refund is not None:
            self._refunds[entry.refund.key] = entry.refund
            if entry.refund.state == "confirmed":
                self._payments.append(entry.refund)
        if entry.breach is not None:
            self._breaches[entry.breach.key] = entry.breach
        if entry.order is not None:
            self.orders[entry.order.id] = entry.order
        if entry.shipment is not None:
            self._shipments.append(entry.shipment)
        if entry.cancellation is not None:
            self._cancellations[entry.cancellation.key] = entry.cancellation
        if entry.label is not None:
            self._labels[entry.label.key] = entry.label
        if entry.redelivery is not None:
            self._redeliveries[entry.redelivery.key] = entry.redelivery
        if entry.claim is not None:
            self._claims[entry.claim.key] = entry.claim
        if entry.booking is not None:
            self._bookings[entry.booking.key] = entry.booking

    def _replay(self, journal: Path) -> None:
        whole, _, torn = journal.read_bytes().rpartition(b"\n")
        try:
            for line in whole.splitlines():
                self._apply(Entry.model_validate_json(line))
        except ValidationError as error:
            raise _not_ours(journal) from error
        if torn:
            # The process died while writing this line, so nobody was told that it happened.
            if not torn.startswith(LINE_BEGINS[: len(torn)]):
                raise _not_ours(journal)
            os.truncate(journal, len(whole) + 1 if whole else 0)


def as_told(order: Order) -> dict[str, Any]:
    """The order as this marketplace answers it: its lines by SKU, with the ids that it gave."""
    told = order.model_dump(mode="json")
    names = {
        line.sku: {"sku": line.article or line.sku} | ({"id": line.line_id} if line.line_id else {})
        for line in order.lines
    }
    for line in told["lines"]:
        for own in ("line_id", "article"):
            line.pop(own, None)
        line.update(names[line["sku"]])
    for units in (units for parcel in told["parcels"] for units in parcel["lines"]):
        units.update(names.get(units["sku"], {}))
    return told


def _counted(units: Iterable[Line]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for line in units:
        counted[line.sku] += line.quantity
    return counted


def _ordered(order: Order) -> Counter[str]:
    ordered: Counter[str] = Counter()
    for line in order.lines:
        ordered[line.article or line.sku] += line.quantity
    return ordered


def _check_ordered(order: Order, units: Counter[str]) -> None:
    if units - _ordered(order):
        raise ProblemError(422, "exceeds-ordered", "These are more units than the order has left.")


def _same(known: Value, given: Value) -> None:
    if known != given:
        raise ProblemError(409, "idempotency-mismatch", "This key already came with other content.")


def _not_ours(journal: Path) -> UnreadableFileError:
    return UnreadableFileError(f"The state file {journal} is not the stand-in's; give another.")
