"""The goods that a case has brought back: each return is a case of its own."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    is_cancelled_exception,
)

from domain.commands import Close, Remedy
from domain.goods import CallOff, Purpose, Way
from domain.notices import Ending
from domain.openings import Opening, OpenReturn
from domain.orders import Line
from domain.parties import RECOURSE
from domain.policy import Window
from domain.view import Closed
from workflows.kernel.neighbours import open_next

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


class Returns:
    """The returns of a case.

    `hear`: waits, while the buyer has something to do, for the next move or until something holds.
    """

    def __init__(
        self,
        case_id: str,
        opening: Opening,
        *,
        hear: Callable[[Callable[[], bool]], Awaitable[object]],
        note: Callable[[str, str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._case_id = case_id
        self._opening = opening
        self._hear = hear
        self._note = note
        self._now = now
        self._open: list[workflow.ChildWorkflowHandle[object, Closed]] = []
        self.ids: list[str] = []

    @property
    def goods_in(self) -> str | None:
        """The case in which the goods came to the seller before: only that itself can say so."""
        parent = workflow.info().parent
        told: str | None = getattr(self._opening, "goods_in", None)
        return told if parent and parent.workflow_id == told else None

    async def begin(
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
            country=self._opening.country,
            order_id=self._opening.order_id,
            number=len(self.ids) + 1,
            opened_by=RECOURSE,
            lines=units,
            purpose=purpose,
            way=way,
            belongs_to=self._case_id,
            send_window=send_window,
            counted_from=counted_from,
            goods_in=None if self.ids else self.goods_in,
            only_back=only_back,
        )
        opened = await open_next(opening)
        self._open.append(opened)
        self.ids.append(opened.id)
        self._note("return opened", opened.id)

    async def have_back(self, purpose: Purpose, units: tuple[Line, ...]) -> Closed:
        """The goods go back to the seller, who repairs or replaces them, or takes them in."""
        await self.begin(purpose, units)
        while not self.over:
            match await self._hear(lambda: self.over):
                case Close():
                    await self.call_off()
        return await self.result()

    @property
    def over(self) -> bool:
        """Whether what was opened has ended."""
        return bool(self._open) and all(one.done() for one in self._open)

    @property
    def under_way(self) -> bool:
        """Whether goods are still on their way through a return."""
        return any(not one.done() for one in self._open)

    async def result(self) -> Closed:
        """How the return ended; one that ops have ended by force brought nothing back."""
        handle = self._open.pop()
        try:
            result = await handle
        except ChildWorkflowError as error:
            if is_cancelled_exception(error):
                raise
            result = Closed(case_id=handle.id, ending=Ending.CLOSED_BY_PLATFORM)
        self._note("return ended", result.ending)
        return result

    async def call_off(self) -> None:
        """The goods are needed no more: the return stops, or sends back what came."""
        for one in self._open:
            if one.done():
                continue
            try:
                await one.signal("call_off", CallOff(at=self._now()))
            except ApplicationError:
                self._note("return had ended", one.id)
