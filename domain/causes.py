"""Why a buyer claims, as marketplaces code it: the reasons of disputes are theirs, not ours.

The codes are those of a large Polish marketplace's public API (disputes, claims and returns), and
what others call the same. A code that is not known keeps its own text.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from domain.goods import ReturnReason


class Cause(StrEnum):
    """What a buyer claims, beyond the reasons of the return form."""

    NEVER_CAME = "never-came"
    EMPTY_PARCEL = "empty-parcel"
    PAPERS_MISSING = "papers-missing"
    PART_MISSING = "part-missing"
    DAMAGED_ON_THE_WAY = "damaged-on-the-way"
    DAMAGED_INSIDE = "damaged-inside"
    DEFECT_IN_USE = "defect-in-use"
    RETURN_NOT_TAKEN = "return-not-taken"
    TROUBLE_SENDING_BACK = "trouble-sending-back"
    NO_REFUND_AFTER_RETURN = "no-refund-after-return"
    NO_REFUND_AFTER_CANCELLING = "no-refund-after-cancelling"
    TROUBLE_ENDING = "trouble-ending"
    TROUBLE_RETURNING = "trouble-returning"
    OTHER = "other"


def plain(code: str) -> str:
    """A code whatever it is written with: "Not as described" is "not-as-described"."""
    return re.sub(r"[\s_-]+", "-", code.strip()).casefold()


CODES: Mapping[str, Cause | ReturnReason] = {
    **{reason.value: reason for reason in ReturnReason},
    "no-product-received": Cause.NEVER_CAME,
    "did-not-receive-goods-after-payment": Cause.NEVER_CAME,
    "product-not-received": Cause.NEVER_CAME,
    "item-not-received": Cause.NEVER_CAME,
    "not-received": Cause.NEVER_CAME,
    "no-product-in-parcel": Cause.EMPTY_PARCEL,
    "no-proof-of-purchase-manual-or-warranty": Cause.PAPERS_MISSING,
    "missing-product-element": Cause.PART_MISSING,
    "brak-elementu-produktu": Cause.PART_MISSING,
    "product-and-parcel-damaged-in-transit": Cause.DAMAGED_ON_THE_WAY,
    "transport": Cause.DAMAGED_ON_THE_WAY,
    "product-damaged-parcel-intact": Cause.DAMAGED_INSIDE,
    "defect-found-during-use": Cause.DEFECT_IN_USE,
    "detect-found-during-use": Cause.DEFECT_IN_USE,
    "received-items-not-matching-description": ReturnReason.NOT_AS_DESCRIBED,
    "item-not-as-described": ReturnReason.NOT_AS_DESCRIBED,
    "niezgodny-z-opisem": ReturnReason.NOT_AS_DESCRIBED,
    "received-incomplete-order": ReturnReason.INCOMPLETE,
    "item-is-damaged": ReturnReason.DAMAGED,
    "wrong-product": ReturnReason.WRONG_GOODS,
    "wrong-item": ReturnReason.WRONG_GOODS,
    "different": ReturnReason.WRONG_GOODS,
    "defect": ReturnReason.DEFECTIVE,
    "not-working": ReturnReason.DEFECTIVE,
    "hidden-flaw": ReturnReason.DEFECTIVE,
    "other-flaw": ReturnReason.DEFECTIVE,
    "dont-like-it": ReturnReason.CHANGED_MIND,
    "mistake": ReturnReason.CHANGED_MIND,
    "overdued": ReturnReason.CAME_TOO_LATE,
    "none": ReturnReason.NO_REASON,
    "seller-does-not-want-to-accept-return": Cause.RETURN_NOT_TAKEN,
    "problem-with-sending-product-back": Cause.TROUBLE_SENDING_BACK,
    "no-refund-after-returning-product": Cause.NO_REFUND_AFTER_RETURN,
    "no-refund-after-canceling-order": Cause.NO_REFUND_AFTER_CANCELLING,
    "no-refund-after-cancelling-order": Cause.NO_REFUND_AFTER_CANCELLING,
    "problem-with-withdrawal-cancellation-of-purchase": Cause.TROUBLE_ENDING,
    "problem-with-goods-return-cancellation-of-purchase": Cause.TROUBLE_RETURNING,
    "other": Cause.OTHER,
}


def known(code: str) -> Cause | ReturnReason | None:
    """What a marketplace's code means; None if it is a text of its own."""
    return CODES.get(plain(code))
