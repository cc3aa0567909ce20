"""The processes that Recourse runs."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

CaseId = Annotated[str, Field(pattern=r"^[a-z-]+:[A-Z]{2}:[A-Za-z0-9._:-]{1,250}$")]
"""A case's business key, which is its workflow id."""


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
        """The kind as people write it: "a carrier claim", "a non-delivery"."""
        return str(self) if self is Kind.NON_DELIVERY else self.replace("-", " ")

    @property
    def process(self) -> str:
        """The name of its workflow."""
        return self.title().replace("-", "")

    @property
    def section(self) -> str:
        """The name of its section of the policy files, and of its folder."""
        return "goods_return" if self is Kind.RETURN else self.replace("-", "_")

    @property
    def plural(self) -> str:
        """The name of its agents' queue, without the country."""
        return f"{self.removesuffix('y')}ies" if self.endswith("y") else f"{self}s"


def kind_of(case_id: str) -> Kind | None:
    """What kind of case this is the id of; None if of no case of ours."""
    return next((kind for kind in Kind if case_id.startswith(f"{kind}:")), None)
