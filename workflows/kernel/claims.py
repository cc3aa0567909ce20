"""Beside a case whose parcel was lost or damaged stands the seller's claim against its carrier.

The way to the buyer is the seller's risk, and neither case waits for the other (P5).
"""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

from activities.cases import Cases
from domain.base import Value
from domain.goods import FINDS, ParcelEvent
from domain.openings import CarrierTrouble, OpenCarrierClaim, Opening
from domain.parties import RECOURSE
from domain.ports import CaseBeside, RegisterCase
from domain.refusals import Code, Refusal
from workflows.kernel.errands import Errands, failure_type
from workflows.kernel.neighbours import open_case, open_once
from workflows.kernel.options import BESIDE


class Claims:
    """The claims beside a case over the loss, or the damage, of its parcels.

    `tell`: tells another case something by a signal.
    """

    def __init__(
        self,
        case_id: str,
        opening: Opening,
        errands: Errands,
        *,
        tell: Callable[[str, str, Value], Coroutine[Any, Any, None]],
        note: Callable[[str, str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._case_id = case_id
        self._opening = opening
        self._errands = errands
        self._tell = tell
        self._note = note
        self._now = now
        self._told_meanwhile: dict[str, list[ParcelEvent]] = {}
        self._finds: list[tuple[datetime, ParcelEvent]] = []
        self.ids: list[str] = []

    async def begin(
        self, tracking: str, trouble: CarrierTrouble, found: Sequence[ParcelEvent] = ()
    ) -> None:
        """Open the claim over one parcel, unless it is open already; `found` is told to it."""
        claim = self._claim_over(tracking, trouble)
        if workflow.patched("claim-judged-first"):
            self._errands.run(self._open(claim, found))
        else:
            await open_once(claim)
            self._list(claim)

    def hear_of(self, event: ParcelEvent) -> None:
        """The claim over a parcel's loss learns what a carrier's machine has seen of it."""
        if event.tracking is None:
            return
        claim = self._claim_over(event.tracking, CarrierTrouble.LOSS).case_id
        if claim in self._told_meanwhile:
            self._told_meanwhile[claim].append(event)
        elif claim in self.ids and workflow.patched("scans-passed-on"):
            self._pass_on(claim, event)
        elif event.scan in FINDS:
            self._finds.append((self._now(), event))

    def found(self, tracking: str, since: datetime) -> list[ParcelEvent]:
        """Where a parcel turned up since the timeline woke: together with what made it wake, or
        while it was at work. A claim that it opens now has not heard of that.
        """
        return [event for at, event in self._finds if at >= since and event.tracking == tracking]

    def _claim_over(self, tracking: str, trouble: CarrierTrouble) -> OpenCarrierClaim:
        damaged = trouble is CarrierTrouble.DAMAGE
        return OpenCarrierClaim(
            country=self._opening.country,
            order_id=self._opening.order_id,
            opened_by=RECOURSE,
            tracking=tracking,
            trouble=trouble,
            belongs_to=self._case_id,
            in_hand_on=getattr(self._opening, "in_hand_on", None) if damaged else None,
        )

    async def _open(self, claim: OpenCarrierClaim, found: Sequence[ParcelEvent]) -> None:
        """Open and list a claim, and tell it what was seen of the parcel meanwhile."""
        if claim.case_id in self.ids or claim.case_id in self._told_meanwhile:
            return
        heard = bool(found) and workflow.patched("found-in-one-step")
        self._told_meanwhile[claim.case_id] = [*found] if heard else []
        refusal = await self._judged(claim)
        told = self._told_meanwhile.pop(claim.case_id)
        if refusal and refusal.code is not Code.CASE_CLOSED:
            # It is not opened: nothing stands in the way of a later one.
            self._note("no carrier claim", f"{claim.tracking}: {refusal.code}")
            return
        if refusal is None:
            try:
                # One that was refused when somebody else opened it has left its id behind.
                await open_case(claim, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
            except WorkflowAlreadyStartedError:
                await self._tell(claim.case_id, "case_beside", CaseBeside(case_id=self._case_id))
        self._list(claim)
        for event in told:
            self._pass_on(claim.case_id, event)

    async def _judged(self, claim: OpenCarrierClaim) -> Refusal | None:
        """Why a claim could not be opened, as far as that can be learned now."""
        try:
            refusal: Refusal | None = await workflow.execute_activity_method(
                Cases.register_beside,
                RegisterCase(case_id=claim.case_id, opening=claim, at=self._now()),
                summary=f"may {claim.tracking} be claimed from its carrier?",
                **BESIDE,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._note("claim not registered", failure_type(error))  # it does so itself
            return None
        return refusal

    def _list(self, claim: OpenCarrierClaim) -> None:
        if claim.case_id not in self.ids:
            self.ids.append(claim.case_id)
            self._note("carrier claim beside", claim.case_id)

    def _pass_on(self, claim: str, event: ParcelEvent) -> None:
        self._errands.run(self._tell(claim, "parcel", event))
