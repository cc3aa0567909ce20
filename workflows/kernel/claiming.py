"""Beside a case whose parcel was lost or damaged stands the seller's claim against its carrier.

The way to the buyer is the seller's risk, and neither case waits for the other (P5).
"""

from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

from activities.cases import Cases
from domain.goods import FINDS, ParcelEvent
from domain.openings import CarrierTrouble, OpenCarrierClaim, Opening
from domain.parties import RECOURSE
from domain.ports import CaseBeside, RegisterCase
from domain.refusals import Code, Refusal
from domain.view import CaseView
from workflows.kernel.errands import failure_type
from workflows.kernel.neighbours import open_case, open_once
from workflows.kernel.options import BESIDE
from workflows.kernel.taking_back import TakingBack


class Claiming(TakingBack):
    """A case beside which parcels may be claimed from their carriers."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.carrier_claims: list[str] = []
        self._told_meanwhile: dict[str, list[ParcelEvent]] = {}
        self._finds: list[tuple[datetime, ParcelEvent]] = []

    async def claim_from_carrier(
        self, tracking: str, trouble: CarrierTrouble, found: Sequence[ParcelEvent] = ()
    ) -> None:
        """Open the claim over one parcel, unless it is open already; `found` is told to it."""
        claim = self._claim_over(tracking, trouble)
        if workflow.patched("claim-judged-first"):
            self.errands.run(self._open_claim(claim, found))
        else:
            await open_once(claim)
            self._list_claim(claim)

    def tell_claim(self, event: ParcelEvent) -> None:
        """The claim over a parcel's loss learns what a carrier's machine has seen of it."""
        if event.tracking is None:
            return
        claim = self._claim_over(event.tracking, CarrierTrouble.LOSS).case_id
        if claim in self._told_meanwhile:
            self._told_meanwhile[claim].append(event)
        elif claim in self.carrier_claims and workflow.patched("scans-passed-on"):
            self.pass_scan_on(claim, event)
        elif event.scan in FINDS:
            self._finds.append((self.now, event))

    def found_meanwhile(self, tracking: str) -> list[ParcelEvent]:
        """Where a parcel turned up since the timeline woke: together with what made it wake, or
        while it was at work. A claim that it opens now has not heard of that.
        """
        return [
            event for at, event in self._finds if at >= self._woke_at and event.tracking == tracking
        ]

    def _claim_over(self, tracking: str, trouble: CarrierTrouble) -> OpenCarrierClaim:
        damaged = trouble is CarrierTrouble.DAMAGE
        return OpenCarrierClaim(
            country=self.opening.country,
            order_id=self.opening.order_id,
            opened_by=RECOURSE,
            tracking=tracking,
            trouble=trouble,
            belongs_to=self.id,
            in_hand_on=getattr(self.opening, "in_hand_on", None) if damaged else None,
        )

    async def _open_claim(self, claim: OpenCarrierClaim, found: Sequence[ParcelEvent]) -> None:
        """Open and list a claim, and tell it what was seen of the parcel meanwhile."""
        if claim.case_id in self.carrier_claims or claim.case_id in self._told_meanwhile:
            return
        heard = bool(found) and workflow.patched("found-in-one-step")
        self._told_meanwhile[claim.case_id] = [*found] if heard else []
        refusal = await self._judged(claim)
        told = self._told_meanwhile.pop(claim.case_id)
        if refusal and refusal.code is not Code.CASE_CLOSED:
            # It is not opened: nothing stands in the way of a later one.
            self.note("no carrier claim", detail=f"{claim.tracking}: {refusal.code}")
            return
        if refusal is None:
            try:
                # One that was refused when somebody else opened it has left its id behind.
                await open_case(claim, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
            except WorkflowAlreadyStartedError:
                await self.tell_other(claim.case_id, "case_beside", CaseBeside(case_id=self.id))
        self._list_claim(claim)
        for event in told:
            self.pass_scan_on(claim.case_id, event)

    async def _judged(self, claim: OpenCarrierClaim) -> Refusal | None:
        """Why a claim could not be opened, as far as that can be learned now."""
        try:
            refusal: Refusal | None = await workflow.execute_activity_method(
                Cases.register_beside,
                RegisterCase(case_id=claim.case_id, opening=claim, at=self.now),
                summary=f"may {claim.tracking} be claimed from its carrier?",
                **BESIDE,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self.note("claim not registered", detail=failure_type(error))  # it does so itself
            return None
        return refusal

    def _list_claim(self, claim: OpenCarrierClaim) -> None:
        if claim.case_id not in self.carrier_claims:
            self.carrier_claims.append(claim.case_id)
            self.note("carrier claim beside", detail=claim.case_id)

    def look(self) -> CaseView:
        """The case with the claims beside it."""
        return super().look().model_copy(update={"carrier_claims": tuple(self.carrier_claims)})
