"""Cases that have goods brought back: the return is a case of its own."""

from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    is_cancelled_exception,
)

from domain.commands import Close, Remedy
from domain.goods import Adopted, CallOff, Purpose, Way
from domain.notices import Ending, NoticeName
from domain.openings import Opening, OpenReturn
from domain.orders import Line
from domain.parties import RECOURSE, Party
from domain.policy import Window
from domain.view import CaseView, Closed
from workflows.kernel.neighbours import open_next
from workflows.kernel.refunding import Refunding

GOODS = {
    Remedy.REPAIR: Purpose.REPAIR,
    Remedy.REPLACEMENT: Purpose.REPLACEMENT,
    Remedy.RETURN_FOR_REFUND: Purpose.REFUND,
}
"""What becomes of the goods that a remedy brings back."""

DONE = (Ending.REPAIRED, Ending.REPLACED, Ending.RETURNED, Ending.RETURNLESS)
"""The endings of a return by which a remedy is carried out."""

NOTHING_BACK = (Ending.NOT_SENT, Ending.NOT_TAKEN_BACK)
"""The endings of a return by which the buyer has given nothing back: its case ends so too."""


class Returning(Refunding):
    """A case that may need goods back."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.returns: list[str] = []
        self._returns: list[workflow.ChildWorkflowHandle[object, Closed]] = []

    @property
    def goods_in(self) -> str | None:
        """The case in which the goods came to the seller before: only that itself can say so."""
        parent = workflow.info().parent
        told: str | None = getattr(self.opening, "goods_in", None)
        return told if parent and parent.workflow_id == told else None

    async def take_over(self, case_id: str) -> None:
        """The case that this one is opened for, or instead of, learns that it runs."""
        handle = workflow.get_external_workflow_handle(case_id)
        try:
            await handle.signal("adopted", Adopted(case_id=self.id))
        except ApplicationError:
            self.note("case before had ended", detail=case_id)

    async def start_return(
        self,
        purpose: Purpose,
        units: tuple[Line, ...],
        way: Way | None = None,
        send_window: Window | None = None,
        counted_from: datetime | None = None,
        *,
        only_back: bool = False,
    ) -> None:
        """Open the return of these units, which the seller then drives.

        `only_back`: the seller has them, and nothing but sending them back is wanted.
        """
        opening = OpenReturn(
            country=self.opening.country,
            order_id=self.opening.order_id,
            number=len(self.returns) + 1,
            opened_by=RECOURSE,
            lines=units,
            purpose=purpose,
            way=way,
            belongs_to=self.id,
            send_window=send_window,
            counted_from=counted_from,
            goods_in=None if self.returns else self.goods_in,
            only_back=only_back,
        )
        opened = await open_next(opening)
        self._returns.append(opened)
        self.returns.append(opened.id)
        self.note("return opened", detail=opened.id)

    async def send_for(self, units: tuple[Line, ...], notice: NoticeName, **told: Any) -> None:
        """Goods that should not be with the buyer go back at the seller's cost; `notice` says why.

        No refund waits for them.
        """
        self.tell_both(notice, **told)
        await self.start_return(Purpose.REFUND, units, way=Way.PLATFORM_LABEL)

    async def have_returned(self, purpose: Purpose, units: tuple[Line, ...]) -> Closed:
        """The goods go back to the seller, who repairs or replaces them, or takes them in."""
        await self.start_return(purpose, units)
        while not self.return_over:
            match await self.hear(Party.BUYER, until=lambda: self.return_over):
                case Close():
                    await self.call_off_return()
        return await self.result_of_return()

    @property
    def return_over(self) -> bool:
        """Whether what was opened has ended."""
        return bool(self._returns) and all(one.done() for one in self._returns)

    @property
    def return_runs(self) -> bool:
        """Whether goods are still on their way through a return."""
        return any(not one.done() for one in self._returns)

    async def result_of_return(self) -> Closed:
        """How the return ended; one that ops have ended by force brought nothing back."""
        handle = self._returns.pop()
        try:
            result = await handle
        except ChildWorkflowError as error:
            if is_cancelled_exception(error):
                raise
            result = Closed(case_id=handle.id, ending=Ending.CLOSED_BY_PLATFORM)
        self.note("return ended", detail=result.ending)
        return result

    async def call_off_return(self) -> None:
        """The goods are needed no more: the return stops, or sends back what came."""
        for one in self._returns:
            if one.done():
                continue
            try:
                await one.signal("call_off", CallOff(at=self.now))
            except ApplicationError:
                self.note("return had ended", detail=one.id)

    def look(self) -> CaseView:
        """The case with its returns."""
        return super().look().model_copy(update={"returns": tuple(self.returns)})
