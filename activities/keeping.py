"""Where activities keep what must last: ports, which the store fills.

Workflows import the activities for their names, and must never load a database: so activities
name no class of the store, not even to the type checker.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from domain.accounts import MoneyBack
from domain.letters import Letter, Undelivered
from domain.notices import Message
from domain.openings import Opening
from domain.orders import Order, Person
from domain.parties import Party
from domain.ports import (
    BreachReport,
    CloseCase,
    CostClaim,
    NonCollection,
    Past,
    Recovery,
    RefundCommand,
    RefundReport,
    RefundState,
    Registration,
    Task,
)


class Registered(Protocol):
    """What is registered of cases."""

    def find(self, case_id: str) -> Registration | None:
        """What a case was registered as; None for one that is not."""


class People(Registered, Protocol):
    """Who the parties of cases are, and how they are reached."""

    def people(self, case_id: str) -> dict[Party, Person]:
        """The buyer and the seller of a case; nobody for a case that is not registered."""

    def readdress(self, case_id: str, party: Party, email: str) -> None:
        """Keep another mail address of somebody in a case."""


class Register(Registered, Protocol):
    """The register of cases."""

    def register(
        self,
        case_id: str,
        opening: Opening,
        order: Order,
        judge: Callable[[Past], Registration],
        at: datetime,
    ) -> Registration:
        """Register the case as `judge` says; the first registration wins."""

    def is_closed(self, case_id: str) -> bool:
        """Whether the case has been closed."""

    def close(self, closing: CloseCase) -> None:
        """File how a case ended: the first time counts."""


class Letterbook(Protocol):
    """The archive of everything said, and of the letters."""

    def add_messages(self, case_id: str, messages: Sequence[Message]) -> None:
        """Archive messages, each once."""

    def prepare(self, letters: Sequence[Letter]) -> list[Letter]:
        """Keep each letter unless its id is taken, and answer those that are kept."""

    def settle(
        self,
        case_id: str,
        sent: Sequence[tuple[Letter, datetime]],
        undelivered: Sequence[Undelivered],
        at: datetime,
    ) -> None:
        """Note which letters were sent, and which did not arrive."""


class Entry(Protocol):
    """A refund as it was entered."""

    @property
    def state(self) -> RefundState:
        """What is known of it."""

    @property
    def reason(self) -> str:
        """Why it failed."""


class Ledger(Protocol):
    """The refunds of all orders; no unit is refunded twice."""

    def request(self, command: RefundCommand, at: datetime) -> Entry:
        """Enter a refund under its key, before it is asked for."""

    def report(self, report: RefundReport, at: datetime) -> Entry:
        """Take in what became of it."""

    def come_back(self, order_id: str) -> tuple[tuple[MoneyBack, ...], int]:
        """What of an order has come back, or is about to, and how much of its delivery."""


class Queue(Protocol):
    """The agents' queue."""

    def record(self, task: Task) -> None:
        """Put the task as it stands into the queue; an older state never overwrites it."""


class BreachBook(Protocol):
    """The sellers' breaches."""

    def record(self, report: BreachReport) -> None:
        """Keep a breach, once for its key."""


class RecoveryBook(Protocol):
    """What came back from carriers."""

    def record(self, recovery: Recovery) -> None:
        """Keep a recovery, once for its key."""


class ReportBook(Protocol):
    """What sellers report of parcels that nobody collected."""

    def keep_cost(self, cost: CostClaim) -> None:
        """Keep a cost, once for its key."""

    def keep_non_collection(self, report: NonCollection) -> None:
        """Keep a report of a buyer, once for its case."""
