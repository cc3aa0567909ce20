"""The rules that a case is opened under: windows, limits, and where each comes from."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from domain.base import Value
from domain.deadlines import Counting
from domain.goods import Way
from domain.kinds import Kind
from domain.refunds import DeliveryShare

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Minor = Annotated[int, Field(ge=0)]
Limit = Annotated[int, Field(ge=1)]


THREE_YEARS = timedelta(days=3 * 366)


class OnSilence(StrEnum):
    """What a process does when a window ends and nobody has answered."""

    BREACH_AND_ESCALATE = "breach-and-escalate"
    """A breach against the seller, and the case goes to an agent (H4, H7)."""
    BREACH_BUYER_MAY_ESCALATE = "breach-buyer-may-escalate"
    """A breach against the seller; the buyer may turn the inquiry into a dispute (H4)."""
    CLOSE_REOPENABLE = "close-reopenable"
    """The case closes as "buyer silent" and may be reopened for a while."""
    HELP_OPENS = "help-opens"
    """One party alone may call an agent (D1)."""
    TO_LEAD = "to-lead"
    """The task moves to the lead's queue."""
    TO_LEAD_AGAIN = "to-lead-again"
    """The task stays in the lead's queue and is reported late again."""
    BACK_TO_QUEUE = "back-to-queue"
    """A claimed task is given back, for another agent to take."""
    FINAL = "final"
    """The decision becomes final."""
    LAPSES = "lapses"
    """The right to do it ends."""
    AGENT = "agent"
    """It becomes an agent's task."""
    RESUMES = "resumes"
    """The held clock runs again."""
    DECIDES_WITHOUT = "decides-without"
    """The agent decides without the answer."""
    CLOSE = "close"
    """The case closes."""
    STAYS_WITHHELD = "stays-withheld"
    """The withdrawal stands, and its refund stays withheld."""
    ENDS_UNSENT = "ends-unsent"
    """The return ends: nothing was sent."""
    BREACH_AND_PLATFORM_LABEL = "breach-and-platform-label"
    """A breach against the seller, and the platform provides the label."""
    ACCEPTED = "accepted"
    """The goods count as accepted."""
    GOES_BACK = "goes-back"
    """The goods are to be sent back to where they came from."""
    FURTHER_PERIOD = "further-period"
    """A further period is set, announced as the last."""
    SELLER_MAY_WITHDRAW = "seller-may-withdraw"
    """The seller may withdraw from the contract, by an act of their own (P2)."""
    ASKED_AGAIN = "asked-again"
    """The question is asked again; if that helps no more, an agent is."""
    BUYER_MAY_TERMINATE = "buyer-may-terminate"
    """The buyer may end the contract; a breach against the seller, if it was the seller's time."""
    MAY_CLAIM = "may-claim"
    """From then on one may claim."""
    DEEMED_ACCEPTED = "deemed-accepted"
    """The law takes silence for acceptance; the amount is still a human's decision."""
    CHASED = "chased"
    """The seller is told that the carrier owes an answer, and may go on with the claim."""
    BECOMES_NON_DELIVERY = "becomes-non-delivery"
    """It is not delivered, and the case goes on as such (P5)."""
    SECOND_TIER = "second-tier"
    """A breach against the seller; the buyer may have the price reduced or end the contract."""
    TAKEN_FOR_COMPLAINT = "taken-for-complaint"
    """The statement is taken for a complaint."""


class Window(Value):
    """How long something may take, how that is counted, and what happens on silence.

    `length` and `remind_after` are amounts of `counting`. `soft` marks a weakly sourced length.
    """

    length: Limit
    counting: Counting
    remind_after: Limit | None = None
    starts: Text
    on_silence: OnSilence
    source: Text
    soft: bool = False

    @model_validator(mode="after")
    def _can_be_reckoned(self) -> Self:
        # Found here and not in a running case, which could not go on. Months and years are taken
        # for as many days as they can have.
        if self.counting.unit * self.length > THREE_YEARS:
            raise ValueError("length is above three years: a case's calendar reaches no further")
        if self.remind_after is not None and self.remind_after >= self.length:
            raise ValueError("remind_after must be shorter than length")
        return self


def _carries_out(*silences: OnSilence, reminds: bool = False) -> AfterValidator:
    """Ties a window to what the process does on silence, so that no file promises another thing."""

    def check(window: Window) -> Window:
        if window.on_silence not in silences:
            known = " or ".join(f'"{silence}"' for silence in silences)
            raise ValueError(f"on_silence must be {known}: the process does nothing else")
        if window.remind_after is not None and not reminds:
            raise ValueError("remind_after is not known here: the process sends no reminder")
        return window

    return AfterValidator(check)


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None
    return name


class MessageLimits(Value):
    """What one party may write: bytes of a text, messages a local day and a case, files.

    `text_length` counts bytes of UTF-8, as everything does that carries the text: a letter with an
    accent has two of them, an emoji four.
    """

    text_length: Limit
    per_day: Limit
    per_case: Limit
    attachments: Limit
    attachment_bytes: Limit
    media_types: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9.+-]{1,100}/[a-z0-9.+-]{1,100}$")], ...],
        Field(min_length=1),
    ]


UNDELIVERED = Window(
    length=2,
    counting=Counting.WORKING_DAYS,
    starts="a letter does not arrive",
    on_silence=OnSilence.TO_LEAD,
    source="soft: as long as an agent has for a decision",
    soft=True,
)
"""For cases that were pinned to their rules before these had it."""


class AgentsPolicy(Value):
    """What every process has that agents can be called to.

    `undelivered`: how long an agent has to see to letters that do not arrive, before the lead has;
    the clocks that those ask for are held until somebody has seen to them.
    `decision` and `lead_decision`: how long an agent, then the lead, has.
    `claim`: how long a claimed task may wait for its decision before it goes back to the queue.
    `hold`: the longest that an agent's hold stops a clock.
    """

    decision: Annotated[Window, _carries_out(OnSilence.TO_LEAD)]
    lead_decision: Annotated[Window, _carries_out(OnSilence.TO_LEAD_AGAIN)]
    claim: Annotated[Window, _carries_out(OnSilence.BACK_TO_QUEUE)]
    hold: Annotated[Window, _carries_out(OnSilence.RESUMES)]
    undelivered: Annotated[Window, _carries_out(OnSilence.TO_LEAD)] = UNDELIVERED
    messages: MessageLimits


class RefundingPolicy(AgentsPolicy):
    """What every process has that pays buyers back."""

    refund_confirmation: Annotated[Window, _carries_out(OnSilence.AGENT)]


class DisputePolicy(RefundingPolicy):
    """Every window and limit of a dispute. Money limits are minor units of the country's currency.

    `help_opens`: when one party alone may call an agent, unless the seller has answered before.
    `fulfilment`: how long the seller has to send the goods again.
    `agent_question`: how long a trader has to answer a question of the agent.
    `agent_limit_minor`: the most that one agent may award alone.
    """

    process: Literal[Kind.DISPUTE] = Kind.DISPUTE
    seller_reply: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE, reminds=True)]
    buyer_reply: Annotated[Window, _carries_out(OnSilence.CLOSE_REOPENABLE, reminds=True)]
    help_opens: Annotated[Window, _carries_out(OnSilence.HELP_OPENS)]
    appeal: Annotated[Window, _carries_out(OnSilence.FINAL)]
    reopening: Annotated[Window, _carries_out(OnSilence.LAPSES)]
    fulfilment: Annotated[Window, _carries_out(OnSilence.AGENT)]
    agent_question: Annotated[Window, _carries_out(OnSilence.DECIDES_WITHOUT, reminds=True)]
    agent_limit_minor: Minor
    offers_per_party: Limit
    questions_per_party: Limit


class InquiryPolicy(Value):
    """Every window and limit of an inquiry."""

    process: Literal[Kind.INQUIRY] = Kind.INQUIRY
    seller_reply: Annotated[Window, _carries_out(OnSilence.BREACH_BUYER_MAY_ESCALATE, reminds=True)]
    inactivity: Annotated[Window, _carries_out(OnSilence.CLOSE)]
    hold: Annotated[Window, _carries_out(OnSilence.RESUMES)]
    undelivered: Annotated[Window, _carries_out(OnSilence.TO_LEAD)] = UNDELIVERED
    messages: MessageLimits


class CancellationPolicy(RefundingPolicy):
    """Every window and limit of a cancellation (W2), which is legally a withdrawal.

    `cancel`: until when the buyer may, unless the order was sent before.
    `automatic_limit_minor`: up to it the refund is paid at once; above it the seller orders it.
    `refund`: the seller's time to order it.
    `sent_anyway`: how long a parcel that left all the same is watched for.
    """

    process: Literal[Kind.CANCELLATION] = Kind.CANCELLATION
    cancel: Annotated[Window, _carries_out(OnSilence.LAPSES)]
    refund: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE, reminds=True)]
    sent_anyway: Annotated[Window, _carries_out(OnSilence.CLOSE)]
    automatic_limit_minor: Minor
    delivery_share: DeliveryShare


class WithdrawalPolicy(RefundingPolicy):
    """Every window and limit of a withdrawal (W1, W3, W4).

    `statement`: until when the buyer may withdraw; `uninformed_months` longer for a buyer who was
    not told of the right, and again as long from being told late.
    `sole_traders`: whether sole traders withdraw like consumers (PL).
    `send_goods`: the buyer's time to send the goods.
    `refund`: the seller's time to refund; `refund_after_goods` when goods or proof come later.
    `exception_answer`, `deduction_answer`: the buyer's time to accept or contest.
    `unsent`: how long a withdrawal whose goods never came stays open.
    """

    process: Literal[Kind.WITHDRAWAL] = Kind.WITHDRAWAL
    statement: Annotated[Window, _carries_out(OnSilence.LAPSES)]
    uninformed_months: Limit
    sole_traders: bool
    send_goods: Annotated[Window, _carries_out(OnSilence.STAYS_WITHHELD, reminds=True)]
    refund: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE, reminds=True)]
    refund_after_goods: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE)]
    exception_answer: Annotated[Window, _carries_out(OnSilence.AGENT, reminds=True)]
    deduction_answer: Annotated[Window, _carries_out(OnSilence.AGENT, reminds=True)]
    unsent: Annotated[Window, _carries_out(OnSilence.CLOSE)]
    delivery_share: DeliveryShare


class ReturnPolicy(AgentsPolicy):
    """Every window and limit of a return of goods (W3, W5, H6).

    `way`: how goods come back unless the case says otherwise.
    `label`: the seller's time to provide a label, or to collect.
    `send_goods`: the buyer's time to send, unless the case it belongs to sets it.
    `transit`: how long a parcel may be under way.
    `inspection`: the seller's time to receive and inspect what arrived.
    `finding_answer`: the buyer's time to accept or contest what the seller found.
    `explanation`: the buyer's time to say why goods came that nobody announced.
    `work`: the seller's time to repair or replace; `ship_back`: to send goods to the buyer.
    `returnless_limit_minor`: goods up to this price need not be sent back.
    """

    process: Literal[Kind.RETURN] = Kind.RETURN
    way: Way
    label: Annotated[Window, _carries_out(OnSilence.BREACH_AND_PLATFORM_LABEL, reminds=True)]
    send_goods: Annotated[Window, _carries_out(OnSilence.ENDS_UNSENT, reminds=True)]
    transit: Annotated[Window, _carries_out(OnSilence.AGENT)]
    inspection: Annotated[Window, _carries_out(OnSilence.ACCEPTED, OnSilence.AGENT, reminds=True)]
    finding_answer: Annotated[Window, _carries_out(OnSilence.AGENT, reminds=True)]
    explanation: Annotated[Window, _carries_out(OnSilence.GOES_BACK, reminds=True)]
    work: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE, reminds=True)]
    ship_back: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE, reminds=True)]
    returnless_limit_minor: Minor


class UncollectedParcelPolicy(RefundingPolicy):
    """Every window and limit of an uncollected parcel (P1-P4, P6).

    `notice`: the buyer's time to say whether it is sent again or the order cancelled.
    `further_period`: the last such time. `payment`: the buyer's time to pay for sending it again.
    `dispatch`: the seller's time to send it again; `transit`: how long it may be under way.
    `seller_withdraws`: how long the seller may think about withdrawing before being asked again.
    `times_asked`: how often the seller is asked before an agent is.
    `rounds`: how often goods may come back, or stay unpaid for, and be sent again all the same;
    after that the buyer has only a last period to cancel in, and then the seller may withdraw.
    `resend_cost_minor`: what sending again costs, unless the case says it.
    """

    process: Literal[Kind.UNCOLLECTED_PARCEL] = Kind.UNCOLLECTED_PARCEL
    notice: Annotated[Window, _carries_out(OnSilence.FURTHER_PERIOD, reminds=True)]
    further_period: Annotated[Window, _carries_out(OnSilence.SELLER_MAY_WITHDRAW, reminds=True)]
    payment: Annotated[Window, _carries_out(OnSilence.ASKED_AGAIN, reminds=True)]
    dispatch: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE, reminds=True)]
    transit: Annotated[Window, _carries_out(OnSilence.BECOMES_NON_DELIVERY)]
    seller_withdraws: Annotated[Window, _carries_out(OnSilence.ASKED_AGAIN, reminds=True)]
    times_asked: Limit
    rounds: Limit
    resend_cost_minor: Minor


class NonDeliveryPolicy(RefundingPolicy):
    """Every window and limit of goods that were not delivered (P5, directive 2011/83 art. 18).

    `deliver_within_days`: the seller's time from the order, where no day of delivery was agreed.
    `further_period`: the seller's last time to deliver. `choice`: the buyer's time to end the
    contract or have the goods sent again. `dispatch`: the seller's time to send them again.
    `transit`: how long they may then be under way. `objection`: the buyer's time to contest that
    they were delivered, or came back because nobody collected them. `refund`: the seller's time to
    order a refund above `automatic_limit_minor`; up to it, it is paid at once.
    """

    process: Literal[Kind.NON_DELIVERY] = Kind.NON_DELIVERY
    deliver_within_days: Limit = 30  # as the law has it: cases that are open were not pinned to it
    further_period: Annotated[Window, _carries_out(OnSilence.BUYER_MAY_TERMINATE, reminds=True)]
    choice: Annotated[Window, _carries_out(OnSilence.CLOSE, reminds=True)]
    dispatch: Annotated[Window, _carries_out(OnSilence.BUYER_MAY_TERMINATE, reminds=True)]
    transit: Annotated[Window, _carries_out(OnSilence.BUYER_MAY_TERMINATE)]
    objection: Annotated[Window, _carries_out(OnSilence.CLOSE, reminds=True)]
    refund: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE, reminds=True)]
    automatic_limit_minor: Minor


class CarrierClaimPolicy(AgentsPolicy):
    """Every window of a claim against a carrier (P5), by the regime of the service used.

    `damage`: how long one may claim a damage. `loss_from_…`: when a parcel counts as lost, so that
    one may claim; `loss`: until when one may, counted from the same event.
    `answer_…`: the carrier's time to answer; on_silence says what follows if it does not.
    `appeal`: the seller's time to contest a refusal. `payment`: the carrier's time to pay.
    """

    process: Literal[Kind.CARRIER_CLAIM] = Kind.CARRIER_CLAIM
    damage: Annotated[Window, _carries_out(OnSilence.LAPSES, reminds=True)]
    loss_from_postal: Annotated[Window, _carries_out(OnSilence.MAY_CLAIM)]
    loss_from_transport: Annotated[Window, _carries_out(OnSilence.MAY_CLAIM)]
    loss_from_contract: Annotated[Window, _carries_out(OnSilence.MAY_CLAIM)]
    loss: Annotated[Window, _carries_out(OnSilence.LAPSES, reminds=True)]
    answer_postal: Annotated[Window, _carries_out(OnSilence.DEEMED_ACCEPTED, OnSilence.CHASED)]
    answer_transport: Annotated[Window, _carries_out(OnSilence.DEEMED_ACCEPTED, OnSilence.CHASED)]
    answer_contract: Annotated[Window, _carries_out(OnSilence.DEEMED_ACCEPTED, OnSilence.CHASED)]
    appeal: Annotated[Window, _carries_out(OnSilence.FINAL, reminds=True)]
    payment: Annotated[Window, _carries_out(OnSilence.AGENT)]


class ComplaintPolicy(RefundingPolicy):
    """Every window and limit of a complaint (W3).

    `liability`: how long a seller answers for defects. `answer`: the seller's time to answer.
    `information`: the buyer's time to supply what the seller formally asked for;
    `information_holds`: whether the seller's time is held meanwhile.
    `objection`: the buyer's time to call an agent to a refusal.
    `choice`: the buyer's time to choose a remedy of the second tier.
    `amount`: the seller's time to name a reduced price; `amount_answer`: the buyer's to accept it.
    `trial`: the buyer's time to report that a repair or replacement has failed.
    `clarification`: the buyer's time to say what an ambiguous statement meant, while
    `refund_if_withdrawal` runs as it would in a withdrawal.
    `sole_traders`: whether the law's effects of silence are for sole traders as for consumers (PL).
    `failed_remedies`: after so many, the second tier is open.
    `free_choice_days`: days from delivery in which the buyer chooses among all remedies at once.
    """

    process: Literal[Kind.COMPLAINT] = Kind.COMPLAINT
    liability: Annotated[Window, _carries_out(OnSilence.LAPSES)]
    answer: Annotated[
        Window,
        _carries_out(
            OnSilence.DEEMED_ACCEPTED,
            OnSilence.BREACH_AND_ESCALATE,
            OnSilence.SECOND_TIER,
            reminds=True,
        ),
    ]
    information: Annotated[Window, _carries_out(OnSilence.DECIDES_WITHOUT, reminds=True)]
    information_holds: bool
    objection: Annotated[Window, _carries_out(OnSilence.CLOSE, reminds=True)]
    choice: Annotated[Window, _carries_out(OnSilence.CLOSE, reminds=True)]
    amount: Annotated[Window, _carries_out(OnSilence.AGENT, reminds=True)]
    amount_answer: Annotated[Window, _carries_out(OnSilence.AGENT, reminds=True)]
    trial: Annotated[Window, _carries_out(OnSilence.CLOSE)]
    clarification: Annotated[Window, _carries_out(OnSilence.TAKEN_FOR_COMPLAINT, reminds=True)]
    refund_if_withdrawal: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE)]
    sole_traders: bool
    failed_remedies: Limit
    free_choice_days: Annotated[int, Field(ge=0, le=730)]


Terms = Annotated[
    InquiryPolicy
    | DisputePolicy
    | CancellationPolicy
    | WithdrawalPolicy
    | ReturnPolicy
    | UncollectedParcelPolicy
    | NonDeliveryPolicy
    | CarrierClaimPolicy
    | ComplaintPolicy,
    Field(discriminator="process"),
]
"""The windows and limits of one process."""


class Redress(Value):
    """Where a consumer can go who does not accept how a case ended, as the letters name it.

    `body`: who settles such disputes out of court, by its own name; `site`: where it is asked.
    `court`: which court of first instance hears them as a rule. `soft` marks a weak `source`.
    """

    body: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
    site: Annotated[str, Field(max_length=200, pattern=r"^https://[^\s<>\"`]+$")]
    court: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
    source: Text
    soft: bool = False


class CalendarChanges(Value):
    """Where a country differs from what is generally known of its holidays; each date with its why.

    `add`: one-off holidays. `remove`: holidays that are working days like any other.
    `working`: dates that are worked though they fall on a weekend. `periods_end_on_worked`: whether
    a right can end on those. `years`: the first and last year of which `add` lists every holiday,
    for a country of which nothing is generally known.
    """

    years: tuple[Limit, Limit] | None = None
    add: dict[date, Text] = Field(default_factory=dict)
    remove: dict[date, Text] = Field(default_factory=dict)
    working: dict[date, Text] = Field(default_factory=dict)
    periods_end_on_worked: bool = False

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.years and self.years[0] > self.years[1]:
            raise ValueError("years names the first year, then the last")
        for day in self.add:
            if day in self.remove or day in self.working:
                raise ValueError(f"{day} cannot be both a holiday and worked")
        return self


class Policy(Value):
    """One country's policy file. A process without a section does not run in that country.

    `version` is the file's own, and a mark of its content: an edited file is another policy.
    `redress` is no rule of a case, so that no case is pinned to it: letters name what holds now.
    """

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    version: Text
    zone: Annotated[str, AfterValidator(_time_zone)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    calendar: CalendarChanges = CalendarChanges()
    redress: Redress | None = None
    inquiry: InquiryPolicy | None = None
    dispute: DisputePolicy | None = None
    cancellation: CancellationPolicy | None = None
    withdrawal: WithdrawalPolicy | None = None
    goods_return: ReturnPolicy | None = None
    uncollected_parcel: UncollectedParcelPolicy | None = None
    non_delivery: NonDeliveryPolicy | None = None
    carrier_claim: CarrierClaimPolicy | None = None
    complaint: ComplaintPolicy | None = None

    @model_validator(mode="after")
    def _no_right_is_lost_by_asking(self) -> Self:
        # A statement that may be a withdrawal has its clock while the buyer is asked about it.
        if self.complaint and self.withdrawal:
            shown, own = self.complaint.refund_if_withdrawal, self.withdrawal.refund
            if (shown.length, shown.counting) != (own.length, own.counting):
                raise ValueError(
                    "complaint.refund_if_withdrawal must have the length and counting of "
                    "withdrawal.refund"
                )
        return self

    def terms(self, kind: Kind) -> Terms | None:
        """The rules of one process; None if it does not run in this country."""
        return {
            Kind.INQUIRY: self.inquiry,
            Kind.DISPUTE: self.dispute,
            Kind.CANCELLATION: self.cancellation,
            Kind.WITHDRAWAL: self.withdrawal,
            Kind.RETURN: self.goods_return,
            Kind.UNCOLLECTED_PARCEL: self.uncollected_parcel,
            Kind.NON_DELIVERY: self.non_delivery,
            Kind.CARRIER_CLAIM: self.carrier_claim,
            Kind.COMPLAINT: self.complaint,
        }[kind]
