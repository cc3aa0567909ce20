"""The other cases that a case knows of, and how they belong to it."""

from collections.abc import Iterator

from domain.export import Relation
from domain.view import (
    CarrierClaimView,
    CaseView,
    ComplaintView,
    DisputeView,
    NonDeliveryView,
    RefundingView,
    ReturnView,
)


def kin(view: CaseView) -> Iterator[tuple[Relation, str]]:
    """Each with its relation, the closest first."""
    if isinstance(view, DisputeView) and view.preceding:
        yield Relation.GREW_OUT_OF, view.preceding
    if isinstance(view, ReturnView | CarrierClaimView) and view.belongs_to:
        yield Relation.BELONGS_TO, view.belongs_to
    if isinstance(view, RefundingView):
        yield from ((Relation.BRINGS_GOODS, each) for each in view.returns)
    if isinstance(view, NonDeliveryView | ComplaintView):
        yield from ((Relation.CARRIER_CLAIM, each) for each in view.carrier_claims)
    yield from ((Relation.SAME_UNITS, each) for each in view.beside)
