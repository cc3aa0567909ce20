"""The processes that Recourse runs."""

from enum import StrEnum


class Kind(StrEnum):
    """What kind of case a case is."""

    INQUIRY = "inquiry"
    DISPUTE = "dispute"
    CANCELLATION = "cancellation"
    WITHDRAWAL = "withdrawal"
    RETURN = "return"
