"""What a case tells the parties: messages between people, and notices that it writes itself."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypedDict, Unpack

from pydantic import AwareDatetime, SerializerFunctionWrapHandler, model_serializer

from domain.base import Value
from domain.commands import Attachment, CarrierSays, Nature, RefuseReason, Remedy, Verdict
from domain.goods import ExceptionReason, Goods, Purpose, ReturnReason, Way
from domain.money import Money
from domain.openings import CarrierTrouble, Opening
from domain.parties import Actor, Party
from domain.policy import OnSilence


class Ending(StrEnum):
    """How a case ended."""

    SETTLED = "settled"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"
    SOLVED = "solved"
    BUYER_SILENT = "buyer-silent"
    INACTIVE = "inactive"
    BECAME_DISPUTE = "became-dispute"
    CLOSED_BY_PLATFORM = "closed-by-platform"
    NOT_OPENED = "not-opened"
    CANCELLED = "cancelled"
    SENT_BEFORE = "sent-before"
    REFUNDED = "refunded"
    REVOKED = "revoked"
    EXCEPTED = "excepted"
    NOTHING_CAME_BACK = "nothing-came-back"
    NOTHING_OWED = "nothing-owed"
    RETURNED = "returned"
    RETURNLESS = "returnless"
    NOT_SENT = "not-sent"
    NOT_TAKEN_BACK = "not-taken-back"
    REPAIRED = "repaired"
    REPLACED = "replaced"
    NOT_FULFILLED = "not-fulfilled"
    CALLED_OFF = "called-off"
    EXPLAINED = "explained"
    DELIVERED = "delivered"
    CONTRACT_STANDS = "contract-stands"
    BECAME_CANCELLATION = "became-cancellation"
    BECAME_WITHDRAWAL = "became-withdrawal"
    BECAME_NON_DELIVERY = "became-non-delivery"
    BECAME_UNCOLLECTED_PARCEL = "became-uncollected-parcel"
    RECOVERED = "recovered"
    LAPSED = "lapsed"
    REFUSED = "refused"
    PRICE_REDUCED = "price-reduced"

    @property
    def goes_on(self) -> bool:
        """Whether the case has gone on as another one."""
        return self in (
            Ending.BECAME_DISPUTE,
            Ending.BECAME_CANCELLATION,
            Ending.BECAME_WITHDRAWAL,
            Ending.BECAME_NON_DELIVERY,
            Ending.BECAME_UNCOLLECTED_PARCEL,
        )


class NoticeName(StrEnum):
    """Every notice; each is a template in templates/notices/<locale>/."""

    INQUIRY_OPENED = "inquiry_opened"
    INQUIRY_RECEIVED = "inquiry_received"
    INQUIRY_BECAME_DISPUTE = "inquiry_became_dispute"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_RECEIVED = "dispute_received"
    MESSAGE = "message"
    QUESTION = "question"
    OFFER_MADE = "offer_made"
    OFFER_ACCEPTED = "offer_accepted"
    OFFER_REJECTED = "offer_rejected"
    CLAIM_REFUSED = "claim_refused"
    REPLY_REMINDER = "reply_reminder"
    REPLY_BREACH = "reply_breach"
    HELP_WANTED = "help_wanted"
    AGENT_JOINS = "agent_joins"
    BUYER_SILENT = "buyer_silent"
    REOPENED = "reopened"
    DECISION = "decision"
    APPEALED = "appealed"
    DECISION_FINAL = "decision_final"
    FULFILMENT_ASKED = "fulfilment_asked"
    FULFILMENT_EXPECTED = "fulfilment_expected"
    FULFILLED = "fulfilled"
    REFUND_CONFIRMED = "refund_confirmed"
    REFUND_DELAYED = "refund_delayed"
    PAID_BACK_BEFORE = "paid_back_before"
    CLOCK_HELD = "clock_held"
    CLOCK_RESUMED = "clock_resumed"
    DEADLINE_MOVED = "deadline_moved"
    NOT_REACHED = "not_reached"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    STOP_DISPATCH = "stop_dispatch"
    SENT_BEFORE = "sent_before"
    SENT_ALL_THE_SAME = "sent_all_the_same"
    WITHDRAWAL_ACKNOWLEDGED = "withdrawal_acknowledged"
    WITHDRAWAL_STATED = "withdrawal_stated"
    REFUND_DUE = "refund_due"
    REFUND_WITHHELD = "refund_withheld"
    REFUND_OVERDUE = "refund_overdue"
    EXCEPTION_CLAIMED = "exception_claimed"
    DEDUCTION_PROPOSED = "deduction_proposed"
    PROPOSAL_ACCEPTED = "proposal_accepted"
    PROPOSAL_CONTESTED = "proposal_contested"
    RULING = "ruling"
    REVOCATION_WANTED = "revocation_wanted"
    RETURN_OPENED = "return_opened"
    RETURN_EXPECTED = "return_expected"
    RETURN_UNEXPLAINED = "return_unexplained"
    RETURNLESS = "returnless"
    LABEL_WANTED = "label_wanted"
    LABEL_READY = "label_ready"
    LABEL_OVERDUE = "label_overdue"
    GOODS_HANDED_OVER = "goods_handed_over"
    GOODS_NOT_SENT = "goods_not_sent"
    GOODS_ARRIVED = "goods_arrived"
    GOODS_RECEIVED = "goods_received"
    GOODS_MISSING = "goods_missing"
    GOODS_ACCEPTED = "goods_accepted"
    FINDING = "finding"
    DUTY_OVERDUE = "duty_overdue"
    WORK_WANTED = "work_wanted"
    WORK_BEGUN = "work_begun"
    WORK_DONE = "work_done"
    SHIP_BACK_WANTED = "ship_back_wanted"
    SHIPPED_BACK = "shipped_back"
    CALLED_OFF = "called_off"

    CARRIER_CLAIM_NOT_YET = "carrier_claim_not_yet"
    CARRIER_CLAIM_WANTED = "carrier_claim_wanted"
    CARRIER_CLAIM_LAPSED = "carrier_claim_lapsed"
    CARRIER_CLAIM_FILED = "carrier_claim_filed"
    CARRIER_SILENT = "carrier_silent"
    CARRIER_ANSWERED = "carrier_answered"
    CARRIER_OWES = "carrier_owes"
    CARRIER_CLAIM_LOST = "carrier_claim_lost"
    CARRIER_PAID = "carrier_paid"
    PARCEL_FOUND = "parcel_found"
    PARCEL_FOUND_LATE = "parcel_found_late"
    CARRIER_CLAIM_WITHDRAWN = "carrier_claim_withdrawn"

    PARCEL_CAME_BACK = "parcel_came_back"
    PARCEL_LAST_PERIOD = "parcel_last_period"
    SELLER_MAY_WITHDRAW = "seller_may_withdraw"
    SELLER_WITHDREW = "seller_withdrew"
    REDELIVERY_CHARGED = "redelivery_charged"
    REDELIVERY_WANTED = "redelivery_wanted"
    NON_COLLECTION_REPORTED = "non_collection_reported"
    UNCOLLECTED_CANCELLED = "uncollected_cancelled"
    UNCOLLECTED_GIVEN_UP = "uncollected_given_up"
    CHOICE_REFUSED = "choice_refused"

    DELIVERY_DEMANDED = "delivery_demanded"
    DELIVERY_AWAITED = "delivery_awaited"
    DELIVERY_FAILED = "delivery_failed"
    DISPATCH_DEMANDED = "dispatch_demanded"
    DELIVERY_UNDER_WAY = "delivery_under_way"
    DELIVERY_REPORTED = "delivery_reported"
    CONTRACT_GOES_ON = "contract_goes_on"
    CONTRACT_ENDED = "contract_ended"
    BUYER_ENDED_CONTRACT = "buyer_ended_contract"
    DELIVERY_CAME_BACK = "delivery_came_back"
    CAME_ALL_THE_SAME = "came_all_the_same"

    COMPLAINT_RECEIVED = "complaint_received"
    COMPLAINT_TAKEN = "complaint_taken"
    COMPLAINT_OPENED = "complaint_opened"
    DELIVERY_CONTESTED = "delivery_contested"
    MEANING_ASKED = "meaning_asked"
    MEANING_UNCLEAR = "meaning_unclear"
    INFORMATION_WANTED = "information_wanted"
    INFORMATION_SUPPLIED = "information_supplied"
    COMPLAINT_ACCEPTED = "complaint_accepted"
    COMPLAINT_DEEMED_ACCEPTED = "complaint_deemed_accepted"
    COMPLAINT_REFUSED = "complaint_refused"
    SECOND_TIER_OPEN = "second_tier_open"
    REMEDY_CHOSEN = "remedy_chosen"
    AMOUNT_WANTED = "amount_wanted"
    AMOUNT_NAMED = "amount_named"
    REMEDY_TRIAL = "remedy_trial"
    REMEDY_FAILED = "remedy_failed"


class Facts(Value):
    """What a notice can mention; a template that names a fact that is not set fails to render."""

    due: AwareDatetime | None = None
    text: str | None = None
    writer: Actor | None = None
    remedy: Remedy | None = None
    amount: Money | None = None
    reason: str | None = None
    refused: RefuseReason | None = None
    verdict: Verdict | None = None
    ending: Ending | None = None
    awaited: Party | None = None
    safe: AwareDatetime | None = None
    at: AwareDatetime | None = None
    goods: tuple[Goods, ...] = ()
    price: Money | None = None
    delivery: Money | None = None
    deducted: Money | None = None
    reduced: Money | None = None
    exception: ExceptionReason | None = None
    way: Way | None = None
    purpose: Purpose | None = None
    label: str | None = None
    carrier: str | None = None
    tracking: str | None = None
    expected_on: date | None = None
    again: bool | None = None
    trouble: CarrierTrouble | None = None
    answer: CarrierSays | None = None
    reference: str | None = None
    deemed: bool | None = None
    appealed: bool | None = None
    cost: Money | None = None
    way_back: Money | None = None
    announced: bool | None = None
    unpaid: bool | None = None
    fault: ReturnReason | None = None
    silence: OnSilence | None = None
    repairable: bool | None = None
    refund_due: AwareDatetime | None = None
    decision_due: AwareDatetime | None = None
    agreed: Money | None = None
    withheld: bool | None = None
    said_on: date | None = None

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A letter mentions a few facts of many: a history need not keep the others' absence."""
        return {name: fact for name, fact in whole(self).items() if fact is not None}


class Told(TypedDict, total=False):
    """The same, as a process names them; tests/test_notices.py holds that there are no others."""

    due: AwareDatetime | None
    text: str | None
    writer: Actor | None
    remedy: Remedy | None
    amount: Money | None
    reason: str | None
    refused: RefuseReason | None
    verdict: Verdict | None
    ending: Ending | None
    awaited: Party | None
    safe: AwareDatetime | None
    at: AwareDatetime | None
    goods: tuple[Goods, ...]
    price: Money | None
    delivery: Money | None
    deducted: Money | None
    reduced: Money | None
    exception: ExceptionReason | None
    way: Way | None
    purpose: Purpose | None
    label: str | None
    carrier: str | None
    tracking: str | None
    expected_on: date | None
    again: bool | None
    trouble: CarrierTrouble | None
    answer: CarrierSays | None
    reference: str | None
    deemed: bool | None
    appealed: bool | None
    cost: Money | None
    way_back: Money | None
    announced: bool | None
    unpaid: bool | None
    fault: ReturnReason | None
    silence: OnSilence | None
    repairable: bool | None
    refund_due: AwareDatetime | None
    decision_due: AwareDatetime | None
    agreed: Money | None
    withheld: bool | None
    said_on: date | None


def also(told: Told, **more: Unpack[Told]) -> Told:
    """What is told, and more."""
    return {**told, **more}


class Notice(Value):
    """One notice to one party. `key` is its own: sent again, it is the same.

    `step`: what the case says to the same party in one step is one letter. Notices written before
    steps were told have none, and are a letter each.
    """

    key: str
    to: Party
    name: NoticeName
    facts: Facts = Facts()
    step: int | None = None


class Message(Value):
    """What a person wrote, for the archive."""

    id: str
    at: AwareDatetime
    by: Actor
    text: str
    attachments: tuple[Attachment, ...] = ()
    nature: Nature = Nature.ANSWER


def opening_message(opening: Opening, at: datetime) -> Message:
    """What a case was opened with."""
    return Message(
        id="#opening",  # no command can have this id
        at=at,
        by=opening.opened_by,
        text=opening.text,
        attachments=opening.attachments,
    )


class Said(Value):
    """What was said in a case and is to be archived, whatever becomes of its letters."""

    case_id: str
    messages: tuple[Message, ...]


class Mailing(Value):
    """What one step of a case sends; of cases of edition 0, what it archives too.

    On the `last` try it is answered which letters the mail server still does not take.
    """

    case_id: str
    messages: tuple[Message, ...] = ()
    notices: tuple[Notice, ...] = ()
    last: bool = False
