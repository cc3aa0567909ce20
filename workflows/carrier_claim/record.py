"""What is known of a claim against a carrier, and what may be sent into it."""

from datetime import datetime
from typing import Unpack

from temporalio import workflow

from domain.claiming import counted_from, on_clock, parcel_of
from domain.commands import (
    Accept,
    Appeal,
    Attachment,
    CarrierSays,
    Close,
    Command,
    CommandBase,
    Decide,
    FileClaim,
    ReportAnswer,
    ReportRecovered,
    Say,
    Verdict,
    Withdraw,
)
from domain.goods import FINDS, Goods, ParcelEvent
from domain.money import Money
from domain.notices import Ending, NoticeName, Told
from domain.openings import CarrierTrouble, OpenCarrierClaim
from domain.orders import Parcel
from domain.parties import Party
from domain.policy import CarrierClaimPolicy
from domain.questions import Question
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import CarrierClaimView, Outcome, ParcelClaimView
from workflows.carrier_claim.terms import VERBS
from workflows.kernel.agents import WithAgents
from workflows.kernel.deadline import Clock
from workflows.kernel.over_order import OverOrder


class ClaimRecord(OverOrder, WithAgents):
    """The facts of a claim, and the letters about it, which go to the seller alone."""

    opening: OpenCarrierClaim
    policy: CarrierClaimPolicy
    VERBS = VERBS

    def __init__(self, opening: OpenCarrierClaim) -> None:
        super().__init__(opening)
        self.claimable: Clock | None = None
        self.claim: FileClaim | None = None
        self.appeal: Appeal | None = None
        self.reference = ""
        self.answer: CarrierSays | None = None
        self.appealed = False
        self.content = False
        self.heard = False
        self.overdue = False
        self.deemed = False
        self.owed: Money | None = None
        self.recovered: Money | None = None
        self.found: ParcelEvent | None = None

    @property
    def parcel_claimed(self) -> Parcel:
        """The parcel that it is about, as the order told it."""
        parcel = parcel_of(self.sale, self.opening.tracking)
        assert parcel is not None  # or the case would not have been opened
        return parcel

    @property
    def counted_from(self) -> datetime:
        """The event from which the time to claim is counted."""
        since = counted_from(self.parcel_claimed, self.opening.trouble, self.sale.said_in_hand_at)
        assert since is not None
        return since

    @property
    def most(self) -> Money:
        """The most that can be claimed."""
        assert self.registration.at_stake is not None
        return self.registration.at_stake

    @property
    def claimed(self) -> Money:
        """What the seller has claimed."""
        assert self.claim is not None
        return self.claim.amount

    @property
    def evidence(self) -> tuple[Attachment, ...]:
        """What proves the claim."""
        return (*self.claim.proof_of_value, *self.claim.damage_record) if self.claim else ()

    @property
    def goods(self) -> tuple[Goods, ...]:
        """What is in the parcel, as a letter names it."""
        return tuple(
            Goods(title=self.sale.title(unit.sku), quantity=unit.quantity)
            for unit in self.registration.lines
        )

    @property
    def buyers_cases(self) -> tuple[str, ...]:
        """The cases about the same parcel: the one that opened this, and those that found it."""
        opener = (self.opening.belongs_to,) if self.opening.belongs_to else ()
        return tuple(dict.fromkeys((*opener, *self.beside.ids)))

    def tell(self, to: Party, name: NoticeName, /, **facts: Unpack[Told]) -> None:
        """The buyer is no party to it: what would go to both goes to the seller alone."""
        if to is not Party.BUYER:
            super().tell(to, name, **facts)

    def inform(self, name: NoticeName, /, **facts: Unpack[Told]) -> None:
        """Write to the seller about the parcel."""
        told: Told = {"tracking": self.opening.tracking, **facts}
        self.tell(Party.SELLER, name, **told)

    def tell_withdrawn(self) -> None:
        """The seller alone can tell the carrier, once that has, or may have, the claim."""
        self.inform(
            NoticeName.CARRIER_CLAIM_WITHDRAWN,
            amount=self.claim.amount if self.claim else None,
            reference=self.reference or None,
        )

    def tell_late_find(self, event: ParcelEvent) -> None:
        """The claim goes on: a parcel that is there may be damaged, or have come too late."""
        if workflow.patched("told-of-late-find"):
            self.inform(NoticeName.PARCEL_FOUND_LATE, reason=event.scan.value, at=event.at)

    def announces(self, ending: Ending) -> bool:
        """The other endings have letters of their own, which say more."""
        return ending is Ending.CLOSED_BY_PLATFORM

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """Nothing is claimed too early or twice, and one appeal is all."""
        if self.ended and verb is not Say:
            return Refusal(code=Code.ALREADY_DONE, sentence="The claim is ending already.")
        if verb is FileClaim and (self.claim or self.found):
            why = "The parcel has turned up." if self.found else "The claim is filed already."
            return Refusal(code=Code.ALREADY_DONE, sentence=why)
        if verb in (Withdraw, Close) and self.claim and self.stage is Stage.AWAITING_SELLER:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="The claim is being filed; see what becomes of it."
            )
        if verb is FileClaim and self.stage is Stage.TOO_EARLY and self.claimable:
            return Refusal(
                code=Code.TOO_EARLY,
                sentence="The parcel does not count as lost yet; prepare the proof of value, and "
                f"claim it from {on_clock(self.claimable.due, self.calendar.zone)} on.",
            )
        if verb in (Appeal, Accept):
            return self.answering_bars(verb)
        if verb is ReportAnswer and self.heard:
            return Refusal(code=Code.ALREADY_DONE, sentence="The carrier's answer is known.")
        if verb in (ReportRecovered, Decide, Withdraw):
            return self.settling_bars(verb)
        return None

    def answering_bars(self, verb: type[CommandBase]) -> Refusal | None:
        """One answer to the carrier's is all, and not before there is one, or its time is over."""
        if self.appeal or self.content:
            why = "The carrier's answer is accepted." if self.content else "You have appealed once."
            return Refusal(code=Code.ALREADY_DONE, sentence=why)
        if verb is Appeal and self.stage is Stage.WITH_CARRIER and not self.overdue:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="The carrier still has time to answer; wait for it."
            )
        if verb is Appeal and self.stage is Stage.WITH_CARRIER and self.heard:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="The carrier has answered; read its answer first."
            )
        return None

    def settling_bars(self, verb: type[CommandBase]) -> Refusal | None:
        """Money comes once, and settles what agents were called for."""
        if verb is ReportRecovered and self.agents_task.question is Question.CLAIM_REFUSED_BY_PORT:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="No money of the carrier is awaited now."
            )
        if verb is not Decide and self.recovered:
            return Refusal(code=Code.ALREADY_DONE, sentence="The money is known to have come.")
        if self.agents_task.now and self.is_answered:
            return Refusal(code=Code.ALREADY_DONE, sentence="The question is settled already.")
        return None

    @property
    def is_answered(self) -> bool:
        """Whether what the agents were called for is answered: by a ruling, or by the money."""
        unpaid = self.agents_task.question is Question.CARRIER_DOES_NOT_PAY
        return self.ruling is not None or (unpaid and self.recovered is not None)

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        asked = self.agents_task.question
        match command:
            case FileClaim():
                return self._claim_bars(command)
            case ReportAnswer():
                return self._answer_bars(command)
            case ReportRecovered(amount=amount):
                return amount_bars(amount, self.claimed, "claimed")
            case Decide(verdict=Verdict.SHARED):
                return Refusal(
                    code=Code.VERDICT_DIFFERS,
                    sentence="Decide for-seller if the claim goes on, and for-buyer if it ends.",
                )
            case Decide(verdict=Verdict.FOR_BUYER) if asked is Question.BOOKING_REFUSED:
                return Refusal(
                    code=Code.VERDICT_DIFFERS,
                    sentence="The carrier has paid; decide for-seller once the money is booked.",
                )
            case Decide(remedy=remedy, amount=amount) if remedy or amount:
                return Refusal(
                    code=Code.VERDICT_DIFFERS,
                    sentence="The decision names neither a remedy nor an amount; leave them out.",
                )
        return None

    def _claim_bars(self, claim: FileClaim) -> Refusal | None:
        if self.opening.trouble is CarrierTrouble.DAMAGE and not claim.damage_record:
            return Refusal(
                code=Code.EVIDENCE_MISSING,
                sentence="A damage is claimed with the record of it; attach it as `damage_record`.",
            )
        return amount_bars(
            claim.amount, self.most, "paid for the parcel's goods and its part of the delivery"
        )

    def _answer_bars(self, said: ReportAnswer) -> Refusal | None:
        if said.answer is not CarrierSays.PARTLY:
            if said.amount is None:
                return None
            return Refusal(
                code=Code.AMOUNT_NEEDLESS,
                sentence="Only a claim accepted in part names an amount; leave it out.",
            )
        if said.amount is None:
            return Refusal(
                code=Code.AMOUNT_MISSING, sentence="Name the amount that the carrier accepts."
            )
        return amount_bars(said.amount, self.claimed, "claimed")

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case."""
        match command:
            case FileClaim():
                self.claim = command
            case Appeal():
                self.appeal = command
            case Accept():
                self.content = True
            case ReportAnswer(answer=answer, amount=amount):
                self.answer, self.heard = answer, True
                if self.stage is Stage.WITH_CARRIER:
                    self._take_answer(answer, amount)
            case ReportRecovered(amount=amount):
                self.recovered = amount
            case Withdraw():
                self.ended = Ending.WITHDRAWN
        return super().record(command)

    def _take_answer(self, answer: CarrierSays, amount: Money | None) -> None:
        """On appeal a carrier can accept more, but takes nothing back."""
        accepted = self.claimed if answer is CarrierSays.ACCEPTED else amount
        if accepted and (not self.owed or accepted.amount_minor > self.owed.amount_minor):
            self.owed = accepted

    @workflow.signal
    async def carrier_answered(self, said: ReportAnswer) -> None:
        """The carrier's answer, as a machine of the platform reports it."""
        await self.take_quietly(said)

    @workflow.signal
    async def parcel(self, event: ParcelEvent) -> None:
        """A carrier's machine has seen a parcel: one that turns up was not lost."""
        if event.tracking != self.opening.tracking or not await self.is_news(event):
            return
        loss = self.opening.trouble is CarrierTrouble.LOSS
        if loss and self.buyers_cases and workflow.patched("scans-passed-on"):
            for case_id in self.buyers_cases:
                self.pass_scan_on(case_id, event)
        if not self.is_find(event):
            return
        self.note(f"parcel {event.scan}", detail=event.tracking)
        if loss:
            self.found = event
            if self.claim and not (self.ended or self.ending):
                self.tell_late_find(event)

    def is_find(self, event: ParcelEvent) -> bool:
        """Whether it says where the parcel has turned up, and was not known before."""
        if event.scan not in FINDS:
            return False
        known = self.found
        return known is None or (event.scan is not known.scan and event.at > known.at)

    def look(self) -> CarrierClaimView:
        """The case with its claim."""
        seen = self.seen() | {"ruling": self.ruling}
        if self.registration.terms is None:
            return CarrierClaimView(**seen)
        parcel = self.parcel_claimed
        claim = ParcelClaimView(
            tracking=self.opening.tracking,
            carrier=parcel.carrier,
            regime=parcel.regime,
            trouble=self.opening.trouble,
            claimable_from=self.claimable and self.claimable.due,
            claimed=self.claim and self.claim.amount,
            evidence=self.evidence,
            reference=self.reference,
            answer=self.answer,
            deemed=self.deemed,
            appealed=self.appealed,
            owed=self.owed,
            recovered=self.recovered,
        )
        return CarrierClaimView(**seen, carrier_claim=claim, belongs_to=self.opening.belongs_to)


def amount_bars(amount: Money, most: Money, what: str) -> Refusal | None:
    """Why this amount is none, or too much; `most` is what was `what`."""
    if amount.currency != most.currency:
        return Refusal(
            code=Code.CURRENCY_DIFFERS,
            sentence=f"The order was paid in {most.currency}; name the amount in it.",
        )
    if not 0 < amount.amount_minor <= most.amount_minor:
        return Refusal(
            code=Code.AMOUNT_TOO_HIGH,
            sentence=f"The amount must be above zero and at most {most.figures}, "
            f"which is what was {what}.",
        )
    return None
