"""What has been said and done in a withdrawal, and what may be sent next.

Nothing here waits or writes to anybody: that is the timeline's, in process.py.
"""

from datetime import datetime

from domain.commands import (
    Accept,
    ClaimException,
    Close,
    Command,
    CommandBase,
    Decide,
    Deduct,
    Hold,
    Refund,
    Reject,
    Resume,
    Revoke,
    Say,
)
from domain.delivering import had
from domain.goods import GoodsNews, Way, count
from domain.money import Payment
from domain.notices import Ending
from domain.openings import OpenWithdrawal
from domain.parties import Party
from domain.policy import WithdrawalPolicy
from domain.ports import SAYS_WHY_LESS
from domain.refunds import Event
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import OfferState, Outcome, ProposalView, WithdrawalView
from domain.withdrawing import withdrawn_as
from workflows.kernel.deadline import Clock
from workflows.kernel.taking_back import TakingBack
from workflows.withdrawal.terms import TRADERS, VERBS

ANY_TIME = (Say, Close, Hold, Resume)


class WithdrawalRecord(TakingBack):
    """The facts of a withdrawal, by which each command is judged when it comes."""

    opening: OpenWithdrawal
    policy: WithdrawalPolicy
    EVENT = Event.WITHDRAWAL
    VERBS = VERBS

    def __init__(self, opening: OpenWithdrawal) -> None:
        super().__init__(opening)
        self.refunding: Clock | None = None
        self.sending: Clock | None = None
        self.unsent: Clock | None = None
        self.news: list[GoodsNews] = []
        self.sent = False
        self.came = False
        self.moved = False
        self.questioned = False
        self.wants_revoked: set[Party] = set()
        self.proposals: list[ProposalView] = []

    @property
    def stated_at(self) -> datetime:
        """When the statement was made; another machine's clock can be ahead of ours."""
        return min(self.opening.stated_at or self.opened_at, self.opened_at)

    @property
    def event(self) -> Event:
        """Goods that the buyer sends back, the buyer has had."""
        return withdrawn_as(self.sale, had=self.in_hand or self.moved)

    @property
    def in_hand(self) -> bool:
        """Whether the buyer had the goods in hand when the case was opened; in cases that were
        registered before that was asked of these very units, every parcel.
        """
        return self.sale.in_hand if self.reckons_as_before else had(self.sale, self.units)

    @property
    def owes_goods_alone(self) -> bool:
        """Whether nothing was paid, so that only the goods go back."""
        unpaid = self.sale.payment is Payment.UNPAID
        return self.registration.edition >= SAYS_WHY_LESS and unpaid and not self.owed

    @property
    def withheld(self) -> bool:
        """Whether the refund may be withheld: until goods or proof of dispatch, whichever is
        first, unless the seller collects the goods (art. 13(3)).
        """
        return not (self.sent or self.came) and self.opening.way is not Way.SELLER_COLLECTS

    @property
    def running(self) -> tuple[Clock, ...]:
        """The clocks that run side by side."""
        return tuple(clock for clock in (self.sending, self.unsent, self.refunding) if clock)

    def goods_moved(self) -> bool:
        """Whether the return has told something that was not heeded yet."""
        return bool(self.news) or self.returns.over

    def is_step(self, command: Command) -> bool:
        """The refund is ordered once; a ruling on a proposal leaves it open."""
        ruled = isinstance(command, Decide) and self.open_proposal is None
        return ruled or isinstance(command, Refund)

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts forbid; None when `by` may send `verb` now."""
        if self.ended and verb not in ANY_TIME:
            return Refusal(code=Code.ALREADY_DONE, sentence="The withdrawal is settled already.")
        if verb is Close and self.step.taken and not (self.refund or self.ended):
            return Refusal(
                code=Code.REFUND_UNCONFIRMED,
                sentence="A refund has just been ordered; wait for what becomes of it.",
            )
        if verb is Refund and self.ruling and self.stage is Stage.WITH_AGENT:
            return Refusal(code=Code.ALREADY_DONE, sentence="An agent has just ruled.")
        if verb is Refund and self.withheld and not self.owed:
            return Refusal(
                code=Code.WRONG_STAGE,
                sentence="Nothing has been paid for these goods yet; order the refund once they "
                "are sent back.",
            )
        if verb is Revoke:
            return self.revoking_bars(by)
        if verb in (ClaimException, Deduct):
            return self.proposing_bars(verb)
        if verb in (Accept, Reject) and self.open_proposal is None:
            return Refusal(code=Code.NO_OPEN_OFFER, sentence="Nothing is proposed to you now.")
        return None

    def revoking_bars(self, by: Party) -> Refusal | None:
        """Both want it, nothing is open between them, and the goods are not back for good."""
        if by in self.wants_revoked:
            return Refusal(code=Code.ALREADY_DONE, sentence="You have said so already.")
        if self.open_proposal:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="A proposal is open; settle it before you revoke."
            )
        if self.came and not self.returns.under_way:
            return Refusal(
                code=Code.WRONG_STAGE,
                sentence="The goods are back with the seller for good; the refund is due.",
            )
        return None

    def proposing_bars(self, verb: type[CommandBase]) -> Refusal | None:
        """The seller proposes one thing at a time, and an exception once."""
        if self.open_proposal:
            return Refusal(code=Code.ALREADY_DONE, sentence="A proposal of yours is open already.")
        if verb is Deduct:
            return self.deduction_bars()
        if self.proposed("exception"):
            return Refusal(
                code=Code.ALREADY_DONE, sentence="An exception was claimed in this case before."
            )
        return None

    def deduction_bars(self) -> Refusal | None:
        """A deduction needs a buyer who was informed, and goods that the seller has seen."""
        if not (self.sale.informed or self.sale.informed_at):
            return Refusal(
                code=Code.DEDUCTION_BARRED,
                sentence="The buyer was not informed of the right to withdraw, and so bears no "
                "loss of value; refund in full.",
            )
        if not self.came:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="Propose a deduction once you have the goods."
            )
        if self.proposed("deduction"):
            return Refusal(
                code=Code.ALREADY_DONE, sentence="A deduction was proposed in this case before."
            )
        return None

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        match command:
            case ClaimException() | Deduct() if not command.attachments:
                return Refusal(
                    code=Code.PROOF_MISSING, sentence="Attach what proves it, a photo for example."
                )
            case ClaimException(units=units):
                mine, named = count(self.units), [unit.sku for unit in units]
                if len(set(named)) != len(named) or any(
                    unit.quantity > mine.get(unit.sku, 0) for unit in units
                ):
                    return Refusal(
                        code=Code.UNITS_DIFFER,
                        sentence="Name units of this withdrawal, each line once.",
                    )
            case Deduct(amount=amount):
                price = self.goods_price()
                if amount.currency != price.currency:
                    return Refusal(
                        code=Code.CURRENCY_DIFFERS,
                        sentence=f"The order was paid in {price.currency}; name the amount in it.",
                    )
                if not 0 < amount.amount_minor <= price.amount_minor:
                    return Refusal(
                        code=Code.AMOUNT_TOO_HIGH,
                        sentence=f"The amount must be above zero and at most {price.figures}, "
                        "which is the price of these goods.",
                    )
            case Decide():
                return self.ruling_bars(command) or self.sharing_bars(command)
        return None

    def sharing_bars(self, decide: Decide) -> Refusal | None:
        """Only a deduction can be shared, and only within what the seller proposed."""
        if decide.amount is None:
            return None
        open_ = self.open_proposal
        if open_ is None or open_.amount is None:
            return Refusal(
                code=Code.AMOUNT_NEEDLESS, sentence="Only a deduction is shared by an amount."
            )
        if decide.amount.currency != open_.amount.currency:
            return Refusal(
                code=Code.CURRENCY_DIFFERS,
                sentence=f"The order was paid in {open_.amount.currency}; name the amount in it.",
            )
        if not 0 < decide.amount.amount_minor <= open_.amount.amount_minor:
            return Refusal(
                code=Code.AMOUNT_TOO_HIGH,
                sentence=f"Name an amount above zero and at most {open_.amount.figures}, "
                "which is what the seller proposes to deduct.",
            )
        return None

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case, so that the next command is judged by them."""
        match command:
            case ClaimException():
                self.proposals.append(
                    ProposalView(
                        at=self.now,
                        kind="exception",
                        exception=command.reason,
                        units=command.units or self.units,
                    )
                )
            case Deduct():
                self.proposals.append(
                    ProposalView(at=self.now, kind="deduction", amount=command.amount)
                )
            case Accept():
                self.mark_proposal(OfferState.ACCEPTED)
            case Reject():
                self.mark_proposal(OfferState.COUNTERED)
            case Revoke():
                self.wants_revoked.add(command.by.party)
                if not self.wants_revoked.issuperset(TRADERS):
                    super().record(command)
                    return Outcome.NOTED
                self.ended = Ending.REVOKED
        return super().record(command)

    @property
    def open_proposal(self) -> ProposalView | None:
        """The seller's proposal that is not settled yet."""
        last = self.proposals[-1] if self.proposals else None
        unsettled = (OfferState.OPEN, OfferState.COUNTERED)
        return last if last and last.state in unsettled else None

    def proposed(self, kind: str) -> bool:
        """Whether the seller has proposed such a thing before."""
        return any(proposal.kind == kind for proposal in self.proposals)

    def mark_proposal(self, state: OfferState) -> None:
        """Write what became of the last proposal."""
        self.proposals[-1] = self.proposals[-1].model_copy(update={"state": state})

    def look(self) -> WithdrawalView:
        """The withdrawal as its readers see it."""
        sale = self.registration.sale
        said = sale.said_in_hand_at if sale else None
        scanned = sale and sale.parcels and all(one.in_hand_at for one in sale.parcels)
        return WithdrawalView(
            **self.seen(),
            reason=self.opening.reason or "",
            proposals=tuple(self.proposals),
            said_in_hand_at=None if scanned else said,
        )
