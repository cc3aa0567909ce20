"""What of a case leaves the house as it happens: events with a type, an order and a small body.

They are made of a step's record and of how the case stood before it (store/step_records.py), and
never hold a text, a name or an address. docs/events.md lists them.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import AwareDatetime

from domain.base import Value
from domain.commands import Nature, Remedy, Verdict
from domain.kinds import Kind
from domain.money import Money
from domain.notices import Ending, Message
from domain.parties import Party
from domain.policy import OnSilence
from domain.ports import RefundState
from domain.refusals import Code
from domain.stages import Stage
from domain.step_record import Snapshot, StepRecord
from domain.view import Entry, OfferState, Standing


class EventType(StrEnum):
    """What can happen to a case, for whoever listens."""

    OPENED = "case.opened"
    STAGE_CHANGED = "case.stage-changed"
    RETURN_STAGE_CHANGED = "return.stage-changed"
    PARTY_AWAITED = "case.party-awaited"
    DEADLINE_WARNING = "case.deadline-warning"
    MESSAGE = "case.message"
    OFFER = "case.offer"
    PROPOSAL = "case.proposal"
    DECISION = "case.decision"
    BREACH = "case.breach"
    REFUND = "case.refund"
    CLOSED = "case.closed"


class Readers(StrEnum):
    """Who hears of an event, besides those who work on the case and are not in dispute."""

    EVERYBODY = "everybody"
    STAFF = "staff"
    BUYER = "buyer"
    SELLER = "seller"


class Opened(Value):
    """A case begins. `belongs_to`: the case that a return or a carrier claim was opened by."""

    opened_by: Party
    belongs_to: str | None = None


class StageChanged(Value):
    """A case has come to another stage."""

    stage: Stage


class ReturnStageChanged(Value):
    """Goods on their way back have come to another stage. `belongs_to`: the case that they are
    returned in.
    """

    stage: Stage
    belongs_to: str | None = None


class PartyAwaited(Value):
    """It is somebody's turn, until `due` at the latest and safely until `safe`.

    `on_silence` is what comes of it if they do not act. `held`: time stands still, `due` is open.
    """

    party: Party
    window: str
    due: AwareDatetime | None = None
    safe: AwareDatetime | None = None
    on_silence: OnSilence | None = None
    held: bool = False


class DeadlineWarning(Value):
    """A party was reminded of its time, which runs until `due`."""

    party: Party
    window: str
    due: AwareDatetime | None = None


class MessageWritten(Value):
    """Somebody has written; `GET /v1/cases/{id}/messages` has the text."""

    message_id: str
    party: Party
    nature: Nature
    attachments: int


class OfferMade(Value):
    """An offer was made, or something came of it."""

    offer_id: str
    party: Party
    remedy: Remedy
    amount: Money | None = None
    expires_at: AwareDatetime | None = None
    state: OfferState


class ProposalMade(Value):
    """The seller proposes something against a refund, or something came of it; the `place`th."""

    place: int
    proposes: str
    amount: Money | None = None
    state: OfferState


class Decided(Value):
    """An agent's decision, the `place`th, or something came of it."""

    place: int
    verdict: Verdict
    remedy: Remedy | None = None
    amount: Money | None = None
    standing: Standing
    final: bool


class Breached(Value):
    """The seller has missed a window."""

    window: str
    due: AwareDatetime


class RefundMoved(Value):
    """A refund was ordered, or more is known of it. `reduces`: it lowers the price alone."""

    state: RefundState
    amount: Money | None = None
    reduces: bool = False


class Ended(Value):
    """The case is over. No `ending`: ops ended it. `refusal`: why it was not opened."""

    ending: Ending | None = None
    refusal: Code | None = None


DATA: dict[EventType, type[Value]] = {
    EventType.OPENED: Opened,
    EventType.STAGE_CHANGED: StageChanged,
    EventType.RETURN_STAGE_CHANGED: ReturnStageChanged,
    EventType.PARTY_AWAITED: PartyAwaited,
    EventType.DEADLINE_WARNING: DeadlineWarning,
    EventType.MESSAGE: MessageWritten,
    EventType.OFFER: OfferMade,
    EventType.PROPOSAL: ProposalMade,
    EventType.DECISION: Decided,
    EventType.BREACH: Breached,
    EventType.REFUND: RefundMoved,
    EventType.CLOSED: Ended,
}
"""What the body of each type holds."""


class PublicEvent(Value):
    """An event as it leaves.

    `id` is the same however often it comes; `sequence` counts those of its case from 0 without a
    gap, `number` is its place among all.
    """

    id: str
    type: EventType
    timestamp: AwareDatetime
    number: int
    sequence: int
    case_id: str
    kind: Kind
    country: str
    order_id: str
    data: dict[str, Any]


def event_id(case_id: str, sequence: int) -> str:
    """What an event is known by."""
    return f"{case_id}#{sequence}"


class Happened(NamedTuple):
    """An event before it has its numbers; `key` is what it is in its case, which is told once."""

    key: str
    type: EventType
    at: datetime
    data: Value
    readers: Readers = Readers.EVERYBODY


def happened(
    before: Snapshot, now: Snapshot, record: StepRecord, place: int, news: Sequence[Entry]
) -> Iterator[Happened]:
    """What a step has made happen, in order. `news`: what it adds to the timeline, from that place
    on.
    """
    sellers_alone = now.facts.get("kind") == Kind.CARRIER_CLAIM
    for found in _all(before, now, record, place, news):
        if sellers_alone and found.readers is Readers.EVERYBODY:
            yield found._replace(readers=Readers.SELLER)
        else:
            yield found


def _all(
    before: Snapshot, now: Snapshot, record: StepRecord, place: int, news: Sequence[Entry]
) -> Iterator[Happened]:
    yield from _opened(before, now)
    yield from _timeline(now, place, news)
    yield from map(_message, record.messages)
    for name, told in LISTS:
        had, has = before.lists.get(name, ()), now.lists.get(name, ())
        for i, one in enumerate(has):
            if i >= len(had) or had[i] != one:
                yield told(i, one, record.at)
    yield from _refund(before, now, record.at)
    yield from _awaited(before, now, record.at)
    if record.over:
        refusal = now.facts.get("refusal") or {}
        data = Ended(ending=record.over.ending, refusal=refusal.get("code"))
        yield Happened(f"closed {record.over.at}", EventType.CLOSED, record.over.at, data)


def _opened(before: Snapshot, now: Snapshot) -> Iterator[Happened]:
    facts = now.facts
    if not facts.get("refusal") and (not before.facts or before.facts.get("refusal")):
        by, parent = Party(facts["opened_by"]["party"]), facts.get("belongs_to")
        data = Opened(opened_by=by, belongs_to=parent)
        yield Happened("opened", EventType.OPENED, _instant(facts["opened_at"]), data)


def _timeline(now: Snapshot, place: int, news: Sequence[Entry]) -> Iterator[Happened]:
    for i, entry in enumerate(news, place):
        key, (first, _, rest) = f"entry {i} {entry.at}", entry.what.partition(" ")
        if first == "stage":
            stage = Stage(rest)
            if now.facts.get("kind") == Kind.RETURN:
                parent = now.facts.get("belongs_to")
                returned = ReturnStageChanged(stage=stage, belongs_to=parent)
                yield Happened(key, EventType.RETURN_STAGE_CHANGED, entry.at, returned)
            else:
                changed = StageChanged(stage=stage)
                yield Happened(key, EventType.STAGE_CHANGED, entry.at, changed)
        elif entry.what == "reminded" and entry.by:
            clocks: tuple[dict[str, Any], ...] = now.lists.get("deadlines", ())
            started = [clock for clock in clocks if clock["window"] == entry.detail]
            due = started[-1].get("due") if started else None
            warned = DeadlineWarning(party=entry.by, window=entry.detail, due=due)
            yield Happened(key, EventType.DEADLINE_WARNING, entry.at, warned)


def _message(written: Message) -> Happened:
    party = written.by.party
    data = MessageWritten(
        message_id=written.id,
        party=party,
        nature=written.nature,
        attachments=len(written.attachments),
    )
    # Whom it is passed on to, its letters say: of others' words traders read those there.
    readers = {Party.BUYER: Readers.BUYER, Party.SELLER: Readers.SELLER}.get(party, Readers.STAFF)
    return Happened(f"message {written.id}", EventType.MESSAGE, written.at, data, readers)


def _offer(_place: int, one: dict[str, Any], at: datetime) -> Happened:
    data = OfferMade(
        offer_id=one["id"],
        party=one["by"],
        remedy=one["remedy"],
        amount=one.get("amount"),
        expires_at=one.get("expires_at"),
        state=one["state"],
    )
    return Happened(f"offer {data.offer_id} {data.state}", EventType.OFFER, at, data)


def _proposal(place: int, one: dict[str, Any], at: datetime) -> Happened:
    state = OfferState(one.get("state", OfferState.OPEN))
    data = ProposalMade(place=place, proposes=one["kind"], amount=one.get("amount"), state=state)
    return Happened(f"proposal {place} {state}", EventType.PROPOSAL, at, data)


def _decision(place: int, one: dict[str, Any], at: datetime) -> Happened:
    data = Decided(
        place=place,
        verdict=one["verdict"],
        remedy=one.get("remedy"),
        amount=one.get("amount"),
        standing=one["standing"],
        final=one["final"],
    )
    # What was never announced is between agents.
    between = data.standing in (Standing.PROPOSED, Standing.SENT_BACK)
    readers = Readers.STAFF if between else Readers.EVERYBODY
    key = f"decision {place} {data.standing} {data.final}"
    return Happened(key, EventType.DECISION, at, data, readers)


def _breach(_place: int, one: dict[str, Any], _at: datetime) -> Happened:
    data = Breached(window=one["window"], due=one["due"])
    return Happened(f"breach {data.window} {data.due}", EventType.BREACH, _instant(one["at"]), data)


LISTS: tuple[tuple[str, Callable[[int, dict[str, Any], datetime], Happened]], ...] = (
    ("offers", _offer),
    ("proposals", _proposal),
    ("decisions", _decision),
    ("breaches", _breach),
)
"""The lists of a case whose entries are told of when they come and when they change."""


def _refund(before: Snapshot, now: Snapshot, at: datetime) -> Iterator[Happened]:
    report = now.facts.get("refund")
    if report and report != before.facts.get("refund"):
        data = RefundMoved(
            state=report["state"],
            amount=now.facts.get("refund_amount"),
            reduces=now.facts.get("refund_reduces", False),
        )
        yield Happened(f"refund {report['key']} {data.state}", EventType.REFUND, at, data)


def _awaited(before: Snapshot, now: Snapshot, at: datetime) -> Iterator[Happened]:
    clock = _clock(now)
    if clock is None or clock == _clock(before):
        return
    data = PartyAwaited(
        party=clock["awaited"],
        window=clock["window"],
        due=clock.get("due"),
        safe=clock.get("safe"),
        on_silence=clock.get("on_silence"),
        held=clock.get("held_since") is not None,
    )
    key = f"awaited {clock['window']} {at} {clock.get('held_since') or clock.get('due')}"
    yield Happened(key, EventType.PARTY_AWAITED, at, data)


def _clock(stands: Snapshot) -> dict[str, Any] | None:
    """The clock that ends first of those that run; else one that is held."""
    started = stands.lists.get("deadlines", ())
    waited: list[dict[str, Any]] = [started[place] for place in stands.lists.get("running", ())]
    return min(waited, key=lambda one: one.get("due") or "~", default=None)


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written)
