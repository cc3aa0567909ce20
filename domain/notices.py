"""What a case tells the parties: messages between people, and notices that it writes itself."""

from enum import StrEnum

from pydantic import AwareDatetime

from domain.base import Value
from domain.commands import Attachment, Nature, RefuseReason, Remedy, Verdict
from domain.money import Money
from domain.parties import Actor, Party


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
    CLOCK_HELD = "clock_held"
    CLOCK_RESUMED = "clock_resumed"
    DEADLINE_MOVED = "deadline_moved"
    CLOSED = "closed"


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


class Notice(Value):
    """One notice to one party. `key` names the step of the case: sent again, it is the same."""

    key: str
    to: Party
    name: NoticeName
    facts: Facts = Facts()


class Message(Value):
    """What a person wrote, for the archive."""

    id: str
    at: AwareDatetime
    by: Actor
    text: str
    attachments: tuple[Attachment, ...] = ()
    nature: Nature = Nature.ANSWER


class Mailing(Value):
    """What one step of a case archives and sends."""

    case_id: str
    messages: tuple[Message, ...] = ()
    notices: tuple[Notice, ...] = ()
