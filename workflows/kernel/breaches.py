"""What a seller has missed: kept by the case, and reported to the marketplace (H7)."""

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.marketplace import SellerConduct
from domain.parties import Party
from domain.ports import BreachReport
from domain.view import BreachView
from workflows.kernel.deadline import Clock
from workflows.kernel.errands import Errands, failure_type
from workflows.kernel.options import MARKETPLACE


class Breaches:
    """The missed windows of a case, in order. Once recorded, one stays."""

    def __init__(
        self, case_id: str, errands: Errands, note: Callable[[str, Party | None, str], None]
    ) -> None:
        self._case_id = case_id
        self._errands = errands
        self._note = note
        self.known: list[BreachView] = []

    def add(self, clock: Clock, seller_id: str, at: datetime) -> None:
        """Record that the seller has missed the clock's window, and report it."""
        self.known.append(BreachView(window=clock.name, due=clock.due, at=at))
        self._note("breach", Party.SELLER, clock.name)
        report = BreachReport(
            key=f"{self._case_id}:breach:{len(self.known)}",
            case_id=self._case_id,
            seller_id=seller_id,
            window=clock.name,
            due=clock.due,
            at=at,
        )
        self._errands.run(self._report(report))

    async def _report(self, report: BreachReport) -> None:
        try:
            await workflow.execute_activity_method(
                SellerConduct.report_breach,
                report,
                summary=f"breach of {report.window}",
                **MARKETPLACE,
            )
        except ActivityError as error:
            self._note("breach report refused", None, failure_type(error))
