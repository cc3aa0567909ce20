"""The processes that Recourse runs."""

from enum import StrEnum


class Kind(StrEnum):
    """What kind of case a case is."""

    INQUIRY = "inquiry"
    DISPUTE = "dispute"
    CANCELLATION = "cancellation"
    WITHDRAWAL = "withdrawal"
    RETURN = "return"
    UNCOLLECTED_PARCEL = "uncollected-parcel"
    NON_DELIVERY = "non-delivery"
    CARRIER_CLAIM = "carrier-claim"
    COMPLAINT = "complaint"

    @property
    def words(self) -> str:
        """The kind as people say it: "a carrier claim"."""
        return self.replace("-", " ")

    @property
    def process(self) -> str:
        """The name of its workflow."""
        return self.words.title().replace(" ", "")

    @property
    def plural(self) -> str:
        """The name of its agents' queue, without the country."""
        return f"{self.removesuffix('y')}ies" if self.endswith("y") else f"{self}s"
