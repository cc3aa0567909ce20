"""Cases that have goods brought back: the return is a case of its own."""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    is_cancelled_exception,
)

from domain.goods import CallOff, Purpose, Way
from domain.notices import Ending
from domain.openings import Opening, OpenReturn
from domain.orders import Line
from domain.parties import Actor, Party
from domain.policy import Window
from domain.view import CaseView, Closed
from workflows.refunding import Refunding


class Returning(Refunding):
    """A case that may need goods back."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.returns: list[str] = []
        self._return: workflow.ChildWorkflowHandle[object, Closed] | None = None

    async def start_return(
        self,
        purpose: Purpose,
        units: tuple[Line, ...],
        way: Way | None = None,
        send_window: Window | None = None,
        counted_from: datetime | None = None,
    ) -> None:
        """Open the return of these units, which the seller then drives."""
        opening = OpenReturn(
            country=self.opening.country,
            order_id=self.opening.order_id,
            number=len(self.returns) + 1,
            opened_by=Actor(party=Party.PLATFORM, id="recourse"),
            lines=units,
            purpose=purpose,
            way=way,
            belongs_to=self.id,
            send_window=send_window,
            counted_from=counted_from,
        )
        self._return = await self.open_beside(opening)
        self.returns.append(self._return.id)
        self.note("return opened", detail=self._return.id)

    @property
    def return_over(self) -> bool:
        """Whether the return has ended."""
        return self._return is not None and self._return.done()

    @property
    def return_runs(self) -> bool:
        """Whether goods are still on their way through a return."""
        return self._return is not None and not self._return.done()

    async def result_of_return(self) -> Closed:
        """How the return ended; one that ops have ended by force brought nothing back."""
        assert self._return is not None
        handle, self._return = self._return, None
        try:
            result = await handle
        except ChildWorkflowError as error:
            if is_cancelled_exception(error):
                raise
            result = Closed(case_id=self.returns[-1], ending=Ending.CLOSED_BY_PLATFORM)
        self.note("return ended", detail=result.ending)
        return result

    async def call_off_return(self) -> None:
        """The goods are needed no more: the return stops, or sends back what came."""
        if self._return is None or self._return.done():
            return
        try:
            await self._return.signal("call_off", CallOff(at=workflow.now()))
        except ApplicationError:
            self.note("return had ended", detail=self.returns[-1])

    def look(self) -> CaseView:
        """The case with its returns."""
        return super().look().model_copy(update={"returns": tuple(self.returns)})
