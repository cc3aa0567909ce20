"""What the stand-in marketplace knows: its orders, what it really paid, the breaches it was told.

With a journal file the books outlive the process: every change is a line on the disk before it is
answered, so that a stand-in that was killed still remembers what it paid.
"""

import os
import threading
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from domain.base import Value
from domain.money import Currency
from domain.orders import Order
from standin.problems import ProblemError

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


class Entry(Value):
    """One line of the journal: a refund as it stands from now on, or a breach."""

    refund: Refund | None = None
    breach: ReceivedBreach | None = None


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
            f"The orders file {file} must be a list of orders: {where}: {first['msg']}."
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
                if known.request != request:
                    raise ProblemError(
                        409, "idempotency-mismatch", "This key already names another refund."
                    )
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
            elif known != received:
                raise ProblemError(
                    409, "idempotency-mismatch", "This key already names another breach."
                )

    def _check(self, request: RefundRequest) -> None:
        order = self.orders.get(request.order_id)
        if order is None:
            raise ProblemError(404, "order-unknown", "There is no such order.")
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


def _not_ours(journal: Path) -> UnreadableFileError:
    return UnreadableFileError(f"The state file {journal} is not the stand-in's; give another.")
