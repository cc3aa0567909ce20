"""Where a case stands. Each process declares, beside its timeline, which stage may follow which."""

from enum import StrEnum


class Stage(StrEnum):
    """A stage of a case, as it stands in the lists of ops."""

    OPENING = "opening"
    AWAITING_SELLER = "awaiting-seller"
    AWAITING_BUYER = "awaiting-buyer"
    REOPENABLE = "reopenable"
    WITH_AGENT = "with-agent"
    DECIDED = "decided"
    ON_APPEAL = "on-appeal"
    SETTLING = "settling"
    STOPPING = "stopping"
    AWAITING_REFUND = "awaiting-refund"
    REFUNDING = "refunding"
    WATCHING = "watching"
    AWAITING_GOODS = "awaiting-goods"
    WITHHELD = "withheld"
    AWAITING_LABEL = "awaiting-label"
    IN_TRANSIT = "in-transit"
    INSPECTING = "inspecting"
    UNEXPLAINED = "unexplained"
    WORKING = "working"
    SENDING_BACK = "sending-back"
    FURTHER_PERIOD = "further-period"
    AWAITING_PAYMENT = "awaiting-payment"
    AWAITING_DISPATCH = "awaiting-dispatch"
    MAY_WITHDRAW = "may-withdraw"
    TOO_EARLY = "too-early"
    FILING = "filing"
    WITH_CARRIER = "with-carrier"
    DELIVERED = "delivered"
    CAME_BACK = "came-back"
    CLARIFYING = "clarifying"
    REFUSED = "refused"
    CHOOSING = "choosing"
    AWAITING_AMOUNT = "awaiting-amount"
    AMOUNT_NAMED = "amount-named"
    CLOSED = "closed"


Flow = dict[Stage, tuple[Stage, ...]]
"""Which stages may follow a stage; drawn in docs/processes/, held by every run."""
