"""Cases over an order: its units by their names, its money, and what is seen of its parcels."""

from typing import Any

from temporalio import workflow

from domain.commands import Command
from domain.goods import ParcelEvent
from domain.openings import Opening
from domain.orders import Sale
from domain.parcels import Scans
from domain.refusals import Refusal
from domain.remedies import whole_refusal
from domain.timely import impossible
from workflows.kernel.case import Case


class OverOrder(Case):
    """A case over an order, or some units of it."""

    @property
    def sale(self) -> Sale:
        """The order, as it was when the case was registered."""
        assert self.registration.sale is not None
        return self.registration.sale

    @property
    def reckons_as_before(self) -> bool:
        """Whether the case was registered before it was kept how much of the delivery has come
        back: its money is reckoned as it was then.
        """
        return self.registration.delivery_back_minor is None

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.scans_told = Scans()

    async def is_news(self, event: ParcelEvent) -> bool:
        """Take in what a carrier's machine says it saw: in any order, repeated, or late. False if
        it was told before, or cannot have happened then.

        What happened after a clock had run out comes after the silence.
        """
        why = impossible(event.at, self.now, self.registration.sale)
        if why and workflow.patched("impossible-dates"):
            self.note("parcel not believed", detail=why)
            return False
        await self.silence_taken(event.at)
        return self.scans_told.take(event)

    def pass_scan_on(self, other: str, event: ParcelEvent) -> None:
        """Tell another case about the same parcel what a carrier's machine has seen."""
        self.errands.run(self.beside.tell(other, "parcel", event))

    def in_own_names(self, command: Command) -> Command:
        """The same, with units by the names of the order's lines, however they were called."""
        units = getattr(command, "units", ())
        if not units or self.registration.sale is None:
            return command
        return command.model_copy(update={"units": self.sale.named(units, self.registration.lines)})

    def unfit_for_kernel(self, command: Command) -> Refusal | None:
        """Why an amount that the command names cannot be paid."""
        amount = getattr(command, "amount", None)
        if amount is None or amount.is_made or self.reckons_as_before:
            return super().unfit_for_kernel(command)
        # Each process says in which currency it must be.
        refusal = whole_refusal(amount) if amount.currency == self.sale.currency else None
        return refusal or super().unfit_for_kernel(command)

    def seen(self) -> dict[str, Any]:
        """With the order's lines, and the units and the money that the case is about."""
        registration = self.registration
        return super().seen() | {
            "at_stake": registration.at_stake,
            "lines": registration.sale.lines if registration.sale else (),
            "units": registration.lines,
            "right_until": registration.right_until,
        }
