"""What has been said and done about an uncollected parcel, and what may be sent next.

Nothing here waits or writes to anybody: that is the timeline's, in process.py.
"""

from datetime import datetime

from domain.commands import (
    CancelOrder,
    Claim,
    Close,
    Command,
    CommandBase,
    CostKind,
    Decide,
    Hold,
    Release,
    ReportBuyer,
    ReportCost,
    Resume,
    RetryRefund,
    Say,
    SendAgain,
    Ship,
    Verdict,
    WithdrawFromContract,
)
from domain.goods import Scan
from domain.money import Money, Payment
from domain.openings import OpenUncollectedParcel
from domain.orders import BuyerClass
from domain.parties import Party
from domain.policy import UncollectedParcelPolicy
from domain.ports import CostClaim, NonCollection, Redelivery
from domain.questions import Question
from domain.refunds import Event, WayBack
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import Announced, CostView, Outcome, RedeliveryView, UncollectedParcelView
from workflows.kernel.taking_back import TakingBack
from workflows.uncollected_parcel.terms import UNSETTLED, VERBS

SEEING_TO_CHARGE = (Say, Hold, Resume, Claim, Release, RetryRefund, Close)
"""What is left to send when only the charge for sending again has still to be given back."""

WANTED_AGAIN = (
    Question.REDELIVERY_OVERDUE,
    Question.REDELIVERY_REFUSED,
    Question.REDELIVERY_MISSING,
)
"""What agents see to of goods that the buyer wants sent again."""

CHARGE_ALONE = Refusal(code=Code.ALREADY_DONE, sentence="It has just been settled otherwise.")


class UncollectedParcelRecord(TakingBack):
    """The facts of an uncollected parcel, by which each command is judged when it comes."""

    opening: OpenUncollectedParcel
    policy: UncollectedParcelPolicy
    EVENT = Event.UNCOLLECTED
    VERBS = VERBS
    STEPS = (SendAgain, CancelOrder, WithdrawFromContract, Ship, Decide)
    FACTS = (ReportCost, ReportBuyer)

    def __init__(self, opening: OpenUncollectedParcel) -> None:
        super().__init__(opening)
        self.round = 1
        self.unpaid = 0
        self.last_period_given = False
        self.chosen_at = self.came_back_at = self.opened_at
        self.overdue = False
        self.redelivery: Redelivery | None = None
        self.redeliveries_asked = 0
        self.redelivery_is_paid = False
        self.shipped: Ship | None = None
        self.shipped_at: datetime | None = None
        self.used = [opening.tracking]
        self.costs: list[CostView] = []
        self.reported = False

    # Money.

    @property
    def resend_cost(self) -> Money:
        """What sending it again costs the buyer."""
        return self.opening.resend_cost or self.money(self.policy.resend_cost_minor)

    @property
    def event(self) -> Event:
        """A buyer who paid for sending again, and was sent nothing, gets everything back."""
        return Event.NOT_DELIVERED if self.overdue else Event.UNCOLLECTED

    @property
    def way_back(self) -> WayBack:
        """What the carrier charged for the way back, of which the buyer was told beforehand; if
        that is nothing, what was charged without it (P3).
        """
        told = sum(cost.amount.amount_minor for cost in self.ways_back if cost.announced)
        charged = told or sum(cost.amount.amount_minor for cost in self.ways_back)
        return WayBack(charged_minor=charged, announced=bool(told))

    @property
    def ways_back(self) -> list[CostView]:
        """What the carrier has charged for the way back, round by round."""
        return [cost for cost in self.costs if cost.cost is CostKind.WAY_BACK]

    @property
    def reported_way_back(self) -> Money | None:
        """The cost of the way back, as far as it was reported and is the buyer's to bear."""
        if self.overdue:
            return None
        charged = sum(cost.amount.amount_minor for cost in self.ways_back)
        return self.money(charged) if charged else None

    def announce_costs(self) -> None:
        """A letter that gives the buyer time names what was reported of the way back."""
        for number, cost in enumerate(self.costs):
            if cost.cost is CostKind.WAY_BACK and cost.announced is None:
                told = {"announced": Announced.IN_THE_LAST_LETTER}
                self.costs[number] = cost.model_copy(update=told)

    def deducted(self) -> dict[int, int]:
        """By how much each cost makes the refund less, by its place among the costs."""
        if not self.units:
            return {}
        left = -sum(p.amount_minor for p in self.preview().parts if p.what == "way back")
        shares = {}
        for number, cost in enumerate(self.costs):
            if cost.cost is CostKind.WAY_BACK and cost.announced:
                shares[number] = min(left, cost.amount.amount_minor)
                left -= shares[number]
        return shares

    def cost_claim(self, number: int, deducted_minor: int = 0) -> CostClaim:
        """A cost as it is kept for the seller."""
        cost = self.costs[number]
        return CostClaim(
            key=f"{self.id}:cost:{number + 1}",
            case_id=self.id,
            seller_id=self.registration.seller_id,
            buyer_id=self.registration.buyer_id,
            order_id=self.opening.order_id,
            cost=cost.cost,
            amount=cost.amount,
            evidence=tuple(file.sha256 for file in cost.attachments),
            at=cost.at,
            deducted_minor=deducted_minor,
        )

    def non_collection(self) -> NonCollection:
        """The seller's report of the buyer, as it is kept."""
        return NonCollection(
            case_id=self.id,
            seller_id=self.registration.seller_id,
            buyer_id=self.registration.buyer_id,
            order_id=self.opening.order_id,
            at=self.now,
        )

    @property
    def charged_in_vain(self) -> Redelivery | None:
        """What the buyer is to pay, or has paid, for goods that were not sent again."""
        return None if self.shipped else self.redelivery

    # Parcels.

    @property
    def tracking(self) -> str:
        """The number of the parcel that came back, or was sent again."""
        return self.used[-1]

    @property
    def scan(self) -> Scan | None:
        """What became of the parcel that was sent again, once that is known.

        An event without a number counts if it happened after the sending; one with another number
        is of another parcel, like a late word of the first.
        """
        if self.shipped is None or self.shipped_at is None:
            return None
        for event in self.scans_told:
            mine = event.tracking == self.shipped.tracking
            since = event.tracking is None and event.at >= self.shipped_at
            if (mine or since) and event.scan in (Scan.DELIVERED, Scan.RETURNED, Scan.LOST):
                return event.scan
        return None

    def collected(self) -> bool:
        """Whether the buyer has got after all what was said to have come back."""
        return not self.step.taken and any(
            event.scan is Scan.DELIVERED
            and event.tracking == self.tracking
            and event.at >= self.came_back_at
            for event in self.scans_told
        )

    @property
    def under_way(self) -> bool:
        """Whether the parcel that was sent again is on its way, and not with the seller again."""
        return self.stage is Stage.IN_TRANSIT and self.scan is not Scan.RETURNED

    # What may be sent.

    @property
    def last_round(self) -> bool:
        """Whether the goods came back so often, or stayed unpaid for, that nobody sends again."""
        return self.round > self.policy.rounds or self.unpaid > self.policy.rounds

    def goes_beside(self, verb: type[CommandBase]) -> bool:
        """Once it is settled where the case goes next, nothing goes beside it but talk and holds,
        until the money is on its way; what only a charge is waited for takes, `barred()` says.
        """
        charge_alone = self.agents_task.question is Question.REDELIVERY_NOT_VOIDED
        if self.stage not in UNSETTLED or charge_alone:
            return True
        return verb in (Say, Hold, Resume, RetryRefund)

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts forbid; None when `by` may send `verb` now."""
        agent_about = self.agents_task.question
        if agent_about is Question.REDELIVERY_NOT_VOIDED:
            return None if verb in SEEING_TO_CHARGE else CHARGE_ALONE
        if verb is RetryRefund and self.stage is Stage.WITH_AGENT:
            return Refusal(code=Code.WRONG_STAGE, sentence="No refund has failed.")
        if verb is SendAgain and agent_about in WANTED_AGAIN:
            return Refusal(code=Code.ALREADY_DONE, sentence="You want it sent again already.")
        if verb is SendAgain and self.last_round:
            return Refusal(
                code=Code.WRONG_STAGE,
                sentence="It has come back, or stayed unpaid for, too often to be sent again; "
                "cancel the order.",
            )
        overdue = agent_about is Question.REDELIVERY_OVERDUE
        if verb is Ship and self.stage is Stage.WITH_AGENT and not overdue:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="Nobody has paid for sending it again; wait."
            )
        if verb is WithdrawFromContract and (refusal := self.withdrawing_bars(by, agent_about)):
            return refusal
        if verb is ReportBuyer and self.sale.payment is not Payment.PREPAID:
            return Refusal(
                code=Code.NO_RIGHT,
                sentence="Only who did not collect a prepaid parcel is reported (P4); report what "
                "it cost you.",
            )
        if verb is ReportBuyer and self.reported:
            return Refusal(code=Code.ALREADY_DONE, sentence="You have reported it already.")
        return None

    @property
    def may_retry(self) -> bool:
        """A charge that could not be given back is ordered anew by the same command."""
        return super().may_retry or self.agents_task.question is Question.REDELIVERY_NOT_VOIDED

    def withdrawing_bars(self, by: Party, agent_about: Question | None) -> Refusal | None:
        """The buyer withdraws as a consumer may, at any time; the seller after the last period."""
        if by is Party.BUYER and self.sale.buyer_class is BuyerClass.BUSINESS:
            return Refusal(
                code=Code.NO_RIGHT,
                sentence="A business has no right to withdraw; cancel the order.",
            )
        unused = agent_about is Question.WITHDRAWAL_UNUSED
        if by is Party.SELLER and not (self.stage is Stage.MAY_WITHDRAW or unused):
            return Refusal(
                code=Code.WRONG_STAGE,
                sentence="You may withdraw once the buyer's further period has lapsed; until then "
                "the contract stands (P1, P2).",
            )
        return None

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        match command:
            case Ship(tracking=tracking) if tracking in self.used:
                return Refusal(
                    code=Code.ALREADY_DONE,
                    sentence="The parcel with this number came back; name the new one's.",
                )
            case Ship(expected_on=day) if day < self.today:
                return Refusal(
                    code=Code.DATE_PAST,
                    sentence=f"{day} has passed; name the day on which the goods are expected.",
                )
            case ReportCost(cost=kind) if any(
                cost.cost is kind and cost.round == self.round for cost in self.costs
            ):
                return Refusal(
                    code=Code.ALREADY_DONE,
                    sentence="You have reported this cost; another is taken when the goods come "
                    "back again.",
                )
            case ReportCost(amount=amount) if amount.currency != self.sale.currency:
                return Refusal(
                    code=Code.CURRENCY_DIFFERS,
                    sentence=f"The order was paid in {self.sale.currency}; name the amount in it.",
                )
            case ReportCost(amount=amount) if not amount.amount_minor:
                return Refusal(
                    code=Code.AMOUNT_MISSING, sentence="Name what you were charged, above zero."
                )
            case Decide(verdict=Verdict.SHARED):
                return Refusal(
                    code=Code.VERDICT_DIFFERS,
                    sentence="It is ruled for the buyer, which ends the contract, or for the "
                    "seller.",
                )
            case Decide():
                return self.ruling_bars(command)
        return None

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case, so that the next command is judged by them."""
        match command:
            case ReportCost():
                with_order = self.sale.return_cost_announced and command.cost is CostKind.WAY_BACK
                self.costs.append(
                    CostView(
                        at=self.now,
                        round=self.round,
                        cost=command.cost,
                        amount=command.amount,
                        attachments=command.attachments,
                        announced=Announced.WITH_THE_ORDER if with_order else None,
                    )
                )
            case ReportBuyer():
                self.reported = True
            case Ship():
                self.shipped, self.shipped_at = command, self.now
        if isinstance(command, self.STEPS):
            self.chosen_at = self.now
        return super().record(command)

    def look(self) -> UncollectedParcelView:
        """The uncollected parcel as its readers see it."""
        if self.registration.sale is None:
            return UncollectedParcelView(**self.seen())
        less, asked = self.deducted(), self.redelivery
        paid = self.redelivery_is_paid
        return UncollectedParcelView(
            **self.seen(),
            round=self.round,
            tracking=self.tracking,
            resend_cost=self.resend_cost,
            redelivery=asked and RedeliveryView(key=asked.key, charge=asked.charge, paid=paid),
            costs=tuple(
                cost.model_copy(update={"deducted": bool(less.get(number))})
                for number, cost in enumerate(self.costs)
            ),
            buyer_reported=self.reported,
        )
