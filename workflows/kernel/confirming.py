"""What became of a refund: the marketplace is asked until it knows."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.refunds import Refunds
from domain.ports import RefundCommand, RefundReport
from workflows.kernel.options import REFUND_ANSWER, REFUND_REPORTED


class Confirming:
    """The asking about one refund, patiently; and at once beside it where the marketplace reports
    that it can be asked: then the first answer counts.

    `may_be_known`: its report has come, and was not followed up yet.
    """

    def __init__(self, command: RefundCommand) -> None:
        self._command = command
        self._patiently = self._ask()
        self._at_once: asyncio.Task[RefundReport | None] | None = None
        self.may_be_known = False

    def has_news(self) -> bool:
        """Whether the refund's fate is known, or the marketplace says that it can be asked."""
        under_way = (self._patiently, self._at_once)
        return self.may_be_known or any(asked and asked.done() for asked in under_way)

    async def answer(self) -> RefundReport | None:
        """What became of it, if that is known; raises ActivityError where it cannot be learned."""
        if self._patiently.done():
            return await self._patiently
        if self._at_once and self._at_once.done():
            known = self._at_once.result()
            self._at_once = None
            return known
        return None

    def follow_up(self) -> bool:
        """Ask at once, if a report has come."""
        if not self.may_be_known:
            return False
        if not workflow.patched("refund-asked-beside"):
            self._patiently.cancel()
            self._patiently = self._ask()
        else:
            self._at_once = self._at_once or asyncio.create_task(self._ask_at_once())
        return True

    def _ask(self) -> workflow.ActivityHandle[RefundReport]:
        return workflow.start_activity_method(
            Refunds.confirm, self._command, summary="what became of the refund?", **REFUND_ANSWER
        )

    async def _ask_at_once(self) -> RefundReport | None:
        """None if the answer does not follow soon; a failure is left to the patient asking, which
        meets it too.
        """
        try:
            known: RefundReport = await workflow.execute_activity_method(
                Refunds.confirm, self._command, summary="the refund was reported", **REFUND_REPORTED
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return None
        return known
