"""A whole case as one document, for the party who asks (GDPR art. 15) or the authority that does.

Its keys are a promise to those who read it by machine: docs/export.schema.json says them, and a
change of them raises SCHEMA_VERSION; new kinds, stages, endings may come without. So it is made of
values of its own, and not of those that the processes work with. Money is minor units with its
currency, instants are UTC.
"""

import json
from datetime import UTC
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict

from domain.base import Value
from domain.commands import CarrierSays, CostKind, Nature, Remedy, Verdict
from domain.deadlines import Counting
from domain.goods import Condition, Custody, ExceptionReason
from domain.kinds import Kind
from domain.money import Currency, Money
from domain.notices import Ending
from domain.openings import CarrierTrouble
from domain.orders import Regime
from domain.parties import Audience, Party
from domain.policy import OnSilence
from domain.ports import PayoutKind, RefundState, TaskState
from domain.stages import Stage
from domain.view import Announced, OfferState, Standing

SCHEMA_VERSION: Literal[1] = 1

Instant = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]


class Source(StrEnum):
    """Where the document was read from."""

    DATABASE_AND_WORKFLOW = "database-and-workflow"
    DATABASE = "database"
    """The steps of the case are not recorded; `missing` says what that leaves out."""
    WORKFLOW = "workflow"
    """The case was never registered in the database."""


class Relation(StrEnum):
    """How another case belongs to this one."""

    BRINGS_GOODS = "brings-goods"
    """The return of this case's goods."""
    BELONGS_TO = "belongs-to"
    """The case that this one was opened for."""
    GREW_OUT_OF = "grew-out-of"
    """The case that turned into this one."""
    CARRIER_CLAIM = "carrier-claim"
    """The seller's claim against the carrier."""
    SAME_UNITS = "same-units"
    """A case about the same units."""
    SAME_ORDER = "same-order"


class Exported(Value):
    """What the values of the document have in common: each field can say what it is."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Someone(Exported):
    """Who did something. Who is not named here is left out on purpose."""

    party: Party
    name: str | None
    id: str | None


class PersonRecord(Exported):
    """A buyer or seller of the case; of the other party a party is told nothing."""

    party: Party
    id: str | None
    name: str | None
    email: str | None
    language: str | None


class SignedMoney(Exported):
    """A part of an amount; what is deducted is negative."""

    amount_minor: int
    currency: Currency


class UnitsRecord(Exported):
    """Some units of a line."""

    sku: str
    quantity: int


class RefusalRecord(Exported):
    """Why a case could not be opened; docs/refusals.md explains each code."""

    code: str
    sentence: str


class CaseRecord(Exported):
    """What the case is about, and where it stands."""

    id: str
    kind: Kind
    country: str
    zone: str
    """The time zone of the marketplace, by its IANA name: in it days begin and end."""
    order_id: str
    people: tuple[PersonRecord, ...]
    opened_at: Instant | None
    opened_by: Someone | None
    happened_at: Instant | None
    """When the marketplace's own document was opened, if it was opened there before."""
    ended_at: Instant | None
    ending: Ending | None
    stage: Stage | None
    awaited: Party | None
    due: Instant | None
    """Until when the awaited party has time."""
    refusal: RefusalRecord | None
    """Why the case could not be opened."""
    reason: str | None
    wanted: Remedy | None
    claimed: Money | None
    tracking: str | None
    """The number of the parcel that the case is about, if it is about one."""
    right_until: Instant | None
    """Until when the buyer had the right to open it."""


class WindowRecord(Exported):
    """A window of the policy that the case is pinned to."""

    window: str
    length: int
    """So many of `counting`."""
    counting: Counting
    remind_after: int | None
    starts: str
    on_silence: OnSilence
    source: str
    """The law or document that it comes from."""
    soft: bool
    """Whether its length is weakly sourced."""


class RulesRecord(Exported):
    """The rules that a case is decided by."""

    policy_version: str
    calendar_version: str
    windows: tuple[WindowRecord, ...]


class AttachmentRecord(Exported):
    """A file that the marketplace keeps."""

    file_name: str
    size: int
    """In bytes."""
    media_type: str
    sha256: str


class MessageRecord(Exported):
    """What a person wrote."""

    id: str
    at: Instant
    by: Someone
    nature: Nature
    text: str
    attachments: tuple[AttachmentRecord, ...]


class LetterRecord(Exported):
    """A notice, word for word as it was sent, in its plain-text part."""

    message_id: str
    notice: str
    """Which notice it is: the name of its template."""
    to: Party
    language: str
    subject: str
    text: str
    made_at: Instant
    sent_at: Instant | None
    """When the mail server took it; empty while it has not."""


class DecisionRecord(Exported):
    """An agent's decision or ruling."""

    at: Instant
    by: Someone
    verdict: Verdict
    remedy: Remedy | None
    amount: Money | None
    reasoning: str
    standing: Standing
    confirmed_by: Someone | None


class OfferRecord(Exported):
    """An offer and what became of it."""

    id: str
    at: Instant
    by: Party
    remedy: Remedy
    amount: Money | None
    expires_at: Instant | None
    state: OfferState


class ProposalRecord(Exported):
    """What the seller proposed against the refund: an exception, a deduction, a finding."""

    at: Instant
    kind: str
    exception: ExceptionReason | None
    amount: Money | None
    units: tuple[UnitsRecord, ...]
    state: OfferState


class HeldRecord(Exported):
    """A span that was not counted."""

    since: Instant
    until: Instant | None


class DeadlineRecord(Exported):
    """A clock that was started, with its reckoning."""

    window: str
    awaited: Party
    started_at: Instant
    due: Instant | None
    """Empty while it is held. The end of a day is the instant at which the next one begins."""
    safe: Instant | None
    """The end of the last working day before, where days are counted."""
    running: bool
    """Whether it is waited for now; the others were answered, ran out, or are needed no more."""
    length: int
    counting: Counting
    source: str
    held: tuple[HeldRecord, ...]
    reckoning: tuple[str, ...]


class BreachRecord(Exported):
    """A window that the seller missed."""

    window: str
    due: Instant
    at: Instant


class TaskRecord(Exported):
    """A task that the case gave to agents."""

    id: str
    purpose: str
    state: TaskState
    opened_at: Instant
    due: Instant | None
    queue: str | None
    priority: int | None
    owner: str | None


class EntryRecord(Exported):
    """A step of the case."""

    at: Instant
    what: str
    by: Party | None
    detail: str


class PartRecord(Exported):
    """A part of a refund."""

    what: str
    amount: SignedMoney
    why: str


class PreviewRecord(Exported):
    """The refund as it was reckoned, part by part."""

    parts: tuple[PartRecord, ...]
    refund: Money


class RefundRecord(Exported):
    """A refund that was ordered from the marketplace, and what is known of it."""

    key: str
    amount: Money
    units: tuple[UnitsRecord, ...] | None
    """Unknown of refunds that were ordered before units were kept."""
    reduction: bool
    """Whether it reduces the price of the units, which can then be refunded with what is left."""
    state: RefundState
    reason: str
    requested_at: Instant
    reported_at: Instant | None


class PayoutRecord(Exported):
    """Money that reached the buyer in another way, as the platform reported it."""

    key: str
    kind: PayoutKind
    amount: Money
    units: tuple[UnitsRecord, ...]
    reported_at: Instant


class RefundedUnitRecord(Exported):
    """One unit of a line that is refunded or being refunded, by whatever case or payout."""

    sku: str
    number: int
    of: int
    refund_key: str


class ReducedUnitRecord(RefundedUnitRecord):
    """One unit of a line whose price is reduced or being reduced, and by how much."""

    amount: Money


class CostRecord(Exported):
    """A cost that the seller reported, and whether it makes the refund less."""

    at: Instant
    round: int
    cost: CostKind
    amount: Money
    announced: Announced | None
    """How the buyer was told of it beforehand; empty if not."""
    deducted: bool
    attachments: tuple[AttachmentRecord, ...]


class RedeliveryRecord(Exported):
    """What the buyer was asked to pay for having the goods sent again."""

    key: str
    charge: Money
    paid: bool


class CarrierClaimRecord(Exported):
    """What the seller claims from a carrier, and what came of it."""

    tracking: str
    carrier: str
    regime: Regime
    trouble: CarrierTrouble
    claimable_from: Instant | None
    claimed: Money | None
    evidence: tuple[AttachmentRecord, ...]
    reference: str
    answer: CarrierSays | None
    deemed: bool
    """Whether the carrier's silence counted as acceptance."""
    appealed: bool
    owed: Money | None
    recovered: Money | None


class MoneyRecord(Exported):
    """The money of the case, and the account of its order."""

    at_stake: Money | None
    """What the buyer paid for what the case is about."""
    preview: PreviewRecord | None
    refunds: tuple[RefundRecord, ...]
    payouts: tuple[PayoutRecord, ...]
    costs: tuple[CostRecord, ...]
    redelivery: RedeliveryRecord | None
    order_paid: Money | None
    """What was paid for the order, known since its first refund."""
    order_refunded: Money | None
    refunded_units: tuple[RefundedUnitRecord, ...]
    reduced_units: tuple[ReducedUnitRecord, ...]


class LineRecord(Exported):
    """A line of the order."""

    sku: str
    title: str
    ordered: int
    in_case: int
    """How many of them the case is about."""
    returned: int | None
    """How many count as returned; empty where the case does not say."""
    unit_price: Money
    discount: Money
    """For the whole line."""


class CustodyRecord(Exported):
    """Who has some units, as the case `case_id` knows it."""

    case_id: str
    sku: str
    quantity: int
    custody: Custody
    condition: Condition | None


class GoodsRecord(Exported):
    """The goods of the case."""

    lines: tuple[LineRecord, ...]
    custody: tuple[CustodyRecord, ...]


class LinkedRecord(Exported):
    """Another case of the same order, to be written out by its own id."""

    case_id: str
    relation: Relation
    kind: Kind | None
    opened_at: Instant | None
    ended_at: Instant | None
    ending: Ending | None


class CaseExport(Exported):
    """A whole case. Written twice, only `written_at` differs, unless something happened."""

    schema_version: Literal[1]
    written_at: Instant
    written_for: Audience
    source: Source
    left_out: tuple[str, ...]
    """What is left out because of who reads it."""
    missing: tuple[str, ...]
    """What could not be read any more."""
    case: CaseRecord
    rules: RulesRecord | None
    """The rules that the case was opened under."""
    recalculated: RulesRecord | None
    """The rules that it took up later, if it did."""
    deadlines: tuple[DeadlineRecord, ...]
    breaches: tuple[BreachRecord, ...]
    messages: tuple[MessageRecord, ...]
    letters: tuple[LetterRecord, ...]
    offers: tuple[OfferRecord, ...]
    proposals: tuple[ProposalRecord, ...]
    decisions: tuple[DecisionRecord, ...]
    tasks: tuple[TaskRecord, ...]
    money: MoneyRecord
    goods: GoodsRecord
    carrier_claim: CarrierClaimRecord | None
    linked: tuple[LinkedRecord, ...]
    timeline: tuple[EntryRecord, ...]


def schema() -> str:
    """The JSON Schema of the document, as docs/export.schema.json has it."""
    found: dict[str, Any] = CaseExport.model_json_schema(mode="serialization")
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"
