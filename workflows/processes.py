"""Every process that Recourse runs, by its kind: worker, pages and tests are made from this."""

from domain.kinds import Kind
from workflows.cancellation.process import Cancellation
from workflows.carrier_claim.process import CarrierClaim
from workflows.complaint.process import Complaint
from workflows.dispute.process import Dispute
from workflows.goods_return.process import GoodsReturn
from workflows.inquiry.process import Inquiry
from workflows.kernel.case import Case
from workflows.non_delivery.process import NonDelivery
from workflows.uncollected_parcel.process import UncollectedParcel
from workflows.withdrawal.process import Withdrawal

PROCESSES: dict[Kind, type[Case]] = {
    Kind.INQUIRY: Inquiry,
    Kind.DISPUTE: Dispute,
    Kind.CANCELLATION: Cancellation,
    Kind.WITHDRAWAL: Withdrawal,
    Kind.RETURN: GoodsReturn,
    Kind.UNCOLLECTED_PARCEL: UncollectedParcel,
    Kind.NON_DELIVERY: NonDelivery,
    Kind.CARRIER_CLAIM: CarrierClaim,
    Kind.COMPLAINT: Complaint,
}
