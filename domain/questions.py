"""What agents are called for."""

from enum import StrEnum


class Question(StrEnum):
    """What agents have to see to in a case: the purpose of their task, and what letters give as the
    reason why they join.
    """

    DECIDE = "decide"
    CONFIRM = "confirm"
    """A second agent confirms a decision, or sends it back."""

    ASKED = "asked"
    """A party asked for help."""
    SELLER_SILENT = "seller-silent"
    BOTH_ASKED = "both-asked"
    NOT_FULFILLED = "not-fulfilled"
    REFUSAL_CONTESTED = "refusal-contested"
    DELIVERY_UNPROVEN = "delivery-unproven"
    AMOUNT_MISSING = "amount-missing"
    AMOUNT_CONTESTED = "amount-contested"

    REFUND_OVERDUE = "refund-overdue"
    REFUND_FAILED = "refund-failed"
    REFUND_UNCONFIRMED = "refund-unconfirmed"
    DISPATCH_UNKNOWN = "dispatch-unknown"
    EXCEPTION_CONTESTED = "exception-contested"
    DEDUCTION_CONTESTED = "deduction-contested"
    DELIVERY_CONTESTED = "delivery-contested"
    NON_COLLECTION_CONTESTED = "non-collection-contested"

    WITHDRAWAL_UNUSED = "withdrawal-unused"
    REDELIVERY_OVERDUE = "redelivery-overdue"
    REDELIVERY_REFUSED = "redelivery-refused"
    REDELIVERY_MISSING = "redelivery-missing"
    REDELIVERY_NOT_VOIDED = "redelivery-not-voided"

    LABEL_REFUSED = "label-refused"
    GOODS_MISSING = "goods-missing"
    REFUSED_ON_ARRIVAL = "refused-on-arrival"
    INSPECTION_OVERDUE = "inspection-overdue"
    FINDING_CONTESTED = "finding-contested"
    SENDING_OVERDUE = "sending-overdue"

    CARRIER_DOES_NOT_PAY = "carrier-does-not-pay"
    BOOKING_REFUSED = "booking-refused"
    CLAIM_REFUSED_BY_PORT = "claim-refused-by-port"
