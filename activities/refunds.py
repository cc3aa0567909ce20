"""Paying buyers back, once: written down first, asked under a key, asked after until known."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.keeping import Ledger
from activities.marketplace import Marketplace
from domain.accounts import refunded_lines
from domain.ports import (
    AskRefundedUnits,
    RefundCommand,
    RefundedUnits,
    RefundReport,
    RefundState,
    StaleReckoningError,
)

UNCONFIRMED = "refund-unconfirmed"
"""The type of the failure by which `confirm_refund` asks to be run again."""

STALE = "refund-stale"
"""The type of the failure by which an amount asks to be reckoned anew."""

KNOWN = frozenset({RefundState.CONFIRMED, RefundState.FAILED})


class Refunds:
    """The refunds of all cases. The activities may run any number of times.

    What the ledger contradicts (a key with another refund, a second refund of a case or of a unit,
    more than was paid) raises the store's ContradictionError before the marketplace is asked. If
    other money for the order came back since the amount was reckoned, that is an
    ApplicationError (`refund-stale`), which no retry mends: the caller reckons anew.
    """

    def __init__(self, marketplace: Marketplace, ledger: Ledger) -> None:
        self._marketplace = marketplace
        self._ledger = ledger

    @activity.defn(name="request_refund", no_thread_cancel_exception=True)
    def request(self, command: RefundCommand) -> RefundReport:
        """Commands the refund. A lost answer is UNCONFIRMED, to be cleared by `confirm_refund`.

        Run again after a crash it commands again: by the port's contract, the same refund. Of
        nothing there is nothing to command.
        """
        if known := self._known(command):
            return known
        if not command.amount.amount_minor:
            return self._record(RefundReport(key=command.key, state=RefundState.CONFIRMED))
        return self._record(self._marketplace.refund(command))

    @activity.defn(name="confirm_refund", no_thread_cancel_exception=True)
    def confirm(self, command: RefundCommand) -> RefundReport:
        """What became of the refund: CONFIRMED or FAILED.

        Commands it again, under the same key, if the marketplace never received it. Raises a
        retryable ApplicationError (`refund-unconfirmed`) while nothing is known for certain, so
        that the retry policy sets how often and how long it is asked after.
        """
        if known := self._known(command):
            return known
        if not command.amount.amount_minor:
            return self.request(command)
        status = self._marketplace.refund_status(command.key)
        report = self._record(status or self._marketplace.refund(command))
        if report.state not in KNOWN:
            raise ApplicationError(f"The refund {command.key} is {report.state}.", type=UNCONFIRMED)
        return report

    @activity.defn(name="refunded_units", no_thread_cancel_exception=True)
    def refunded_units(self, asked: AskRefundedUnits) -> RefundedUnits:
        """What of an order has come back, or is about to, as of now."""
        back, delivery = self._ledger.come_back(asked.order_id)
        return RefundedUnits(
            units=refunded_lines(back), money_back=back, delivery_back_minor=delivery
        )

    def _known(self, command: RefundCommand) -> RefundReport | None:
        """What the ledger knows for certain; the refund is entered if it was not yet.

        A failed refund is never commanded again: the case may have ordered another by now.
        """
        try:
            refund = self._ledger.request(command, datetime.now(UTC))
        except StaleReckoningError as stale:
            raise ApplicationError(str(stale), type=STALE, non_retryable=True) from stale
        if refund.state not in KNOWN:
            return None
        return RefundReport(key=command.key, state=refund.state, reason=refund.reason)

    def _record(self, report: RefundReport) -> RefundReport:
        """What the ledger has after this news, which is older than what it knew at times."""
        refund = self._ledger.report(report, datetime.now(UTC))
        return RefundReport(key=report.key, state=refund.state, reason=refund.reason)
