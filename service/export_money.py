"""The money and the goods of a case in its document."""

from collections.abc import Iterator, Sequence

from domain.export import (
    CarrierClaimRecord,
    CostRecord,
    CustodyRecord,
    GoodsRecord,
    LineRecord,
    MoneyRecord,
    PartRecord,
    PayoutRecord,
    PreviewRecord,
    RedeliveryRecord,
    ReducedUnitRecord,
    RefundedUnitRecord,
    RefundRecord,
    SignedMoney,
)
from domain.goods import count
from domain.money import Money
from domain.orders import Sale
from domain.parties import Party
from domain.ports import Registration
from domain.view import (
    CarrierClaimView,
    CaseView,
    ReturnView,
    TakingBackView,
    UncollectedParcelView,
)
from service.export_records import as_record, as_records, file_records
from store.exporting import Filed


def money_record(
    registration: Registration, view: CaseView | None, filed: Filed | None, reader: Party | None
) -> MoneyRecord:
    """The money of the case and of its order."""
    uncollected = view if isinstance(view, UncollectedParcelView) else None
    redelivery = uncollected and uncollected.redelivery
    return MoneyRecord(
        at_stake=registration.at_stake,
        preview=_preview(registration.sale, view),
        refunds=as_records(RefundRecord, filed.refunds if filed else ()),
        payouts=as_records(PayoutRecord, filed.payouts if filed else ()),
        costs=tuple(_costs(uncollected, reader)),
        redelivery=redelivery and as_record(RedeliveryRecord, redelivery),
        order_paid=filed.order_paid if filed else None,
        order_refunded=filed.order_refunded if filed else None,
        refunded_units=as_records(RefundedUnitRecord, filed.refunded_units if filed else ()),
        reduced_units=as_records(ReducedUnitRecord, filed.reduced_units if filed else ()),
    )


def _preview(sale: Sale | None, view: CaseView | None) -> PreviewRecord | None:
    """The refund, part by part; none of a price that is reduced."""
    if not isinstance(view, TakingBackView) or view.refund_reduces:
        return None
    preview = view.preview
    if preview is None or sale is None:
        return None
    return PreviewRecord(
        parts=tuple(
            PartRecord(
                what=part.what,
                amount=SignedMoney(amount_minor=part.amount_minor, currency=sale.currency),
                why=part.why,
            )
            for part in preview.parts
        ),
        refund=Money(amount_minor=preview.refund_minor, currency=sale.currency),
    )


def _costs(view: UncollectedParcelView | None, reader: Party | None) -> Iterator[CostRecord]:
    """The costs that the seller reported; to the buyer those that make the refund less."""
    for cost in view.costs if view else ():
        if cost.deducted or reader is not Party.BUYER:
            yield as_record(CostRecord, cost, attachments=file_records(cost.attachments))


def carrier_claim_record(view: CaseView | None, reader: Party | None) -> CarrierClaimRecord | None:
    """What the seller claims from a carrier: that is not for the buyer."""
    claim = view.carrier_claim if isinstance(view, CarrierClaimView) else None
    if claim is None or reader is Party.BUYER:
        return None
    return as_record(CarrierClaimRecord, claim, evidence=file_records(claim.evidence))


def goods_record(
    registration: Registration, view: CaseView | None, returns: Sequence[CaseView]
) -> GoodsRecord:
    """The goods, and who has them."""
    cases = [one for one in (view, *returns) if isinstance(one, ReturnView)]
    return GoodsRecord(
        lines=tuple(_lines(registration, view)),
        custody=tuple(
            as_record(CustodyRecord, kept, case_id=case.id)
            for case in cases
            for kept in case.custody
        ),
    )


def _lines(registration: Registration, view: CaseView | None) -> Iterator[LineRecord]:
    """The order's lines, and how many of each are in the case."""
    sale = registration.sale
    mine = count(view.units if view else registration.lines)
    returned = count(view.accepted) if isinstance(view, ReturnView) else {}
    for line in sale.lines if sale else ():
        assert sale is not None
        yield LineRecord(
            sku=line.sku,
            title=line.title,
            ordered=line.quantity,
            in_case=mine.get(line.sku, 0),
            returned=returned.get(line.sku, 0) if returned else None,
            unit_price=Money(amount_minor=line.unit_price_minor, currency=sale.currency),
            discount=Money(amount_minor=line.discount_minor, currency=sale.currency),
        )
