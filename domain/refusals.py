"""Why a command is refused: a documented code and one sentence that says what to do."""

from enum import StrEnum

from domain.base import Value


class Code(StrEnum):
    """Every reason for which a command can be refused (docs/refusals.md explains each)."""

    NOT_YOURS = "not-yours"
    WRONG_STAGE = "wrong-stage"
    CASE_CLOSED = "case-closed"
    ALREADY_DONE = "already-done"
    COMMAND_ID_REUSED = "command-id-reused"
    UNKNOWN_COMMAND = "unknown-command"
    ORDER_UNKNOWN = "order-unknown"
    ORDER_DIFFERS = "order-differs"
    ORDER_CURRENCY = "order-currency"
    LINES_UNKNOWN = "lines-unknown"
    POLICY_UNKNOWN = "policy-unknown"
    AMOUNT_MISSING = "amount-missing"
    AMOUNT_TOO_HIGH = "amount-too-high"
    AMOUNT_NOT_WHOLE = "amount-not-whole"
    AMOUNT_NEEDLESS = "amount-needless"
    CURRENCY_DIFFERS = "currency-differs"
    NO_OPEN_OFFER = "no-open-offer"
    OFFER_EXPIRED = "offer-expired"
    OWN_OFFER = "own-offer"
    TOO_MANY_OFFERS = "too-many-offers"
    TOO_MANY_QUESTIONS = "too-many-questions"
    HELP_NOT_YET = "help-not-yet"
    TEXT_TOO_LONG = "text-too-long"
    CHARACTER_REFUSED = "character-refused"
    TOO_MANY_MESSAGES = "too-many-messages"
    TOO_MANY_ATTACHMENTS = "too-many-attachments"
    ATTACHMENT_REFUSED = "attachment-refused"
    TASK_TAKEN = "task-taken"
    TASK_NOT_CLAIMED = "task-not-claimed"
    SECOND_AGENT_NEEDED = "second-agent-needed"
    OTHER_AGENT_NEEDED = "other-agent-needed"
    VERDICT_DIFFERS = "verdict-differs"
    NAME_MISSING = "name-missing"
    REFUND_UNCONFIRMED = "refund-unconfirmed"
    NO_RIGHT = "no-right"
    TOO_LATE = "too-late"
    NOT_DELIVERED = "not-delivered"
    REMEDY_BARRED = "remedy-barred"
    ALREADY_SENT = "already-sent"
    UNITS_REFUNDED = "units-refunded"
    UNITS_IN_ANOTHER_CASE = "units-in-another-case"
    REASON_DIFFERS = "reason-differs"
    PROOF_MISSING = "proof-missing"
    DEDUCTION_BARRED = "deduction-barred"
    UNITS_DIFFER = "units-differ"
    DATE_PAST = "date-past"
    DATE_IMPOSSIBLE = "date-impossible"
    CLOCK_HELD = "clock-held"
    CLOCK_RUNNING = "clock-running"
    PARCEL_UNKNOWN = "parcel-unknown"
    PARCEL_ELSEWHERE = "parcel-elsewhere"
    TOO_EARLY = "too-early"
    EVIDENCE_MISSING = "evidence-missing"
    UNREADABLE = "unreadable"
    TOO_MANY_COMMANDS = "too-many-commands"


class Refusal(Value):
    """A refusal as the caller reads it."""

    code: Code
    sentence: str
