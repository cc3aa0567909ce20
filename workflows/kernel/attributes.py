"""The search attributes by which ops list cases. No personal data: ids only."""

from temporalio.common import SearchAttributeKey

KIND = SearchAttributeKey.for_keyword("RecourseKind")
STAGE = SearchAttributeKey.for_keyword("RecourseStage")
COUNTRY = SearchAttributeKey.for_keyword("RecourseCountry")
SELLER = SearchAttributeKey.for_keyword("RecourseSeller")
BUYER = SearchAttributeKey.for_keyword("RecourseBuyer")
AWAITED = SearchAttributeKey.for_keyword("RecourseAwaited")
QUEUE = SearchAttributeKey.for_keyword("RecourseQueue")
DUE = SearchAttributeKey.for_datetime("RecourseDue")
BREACHED = SearchAttributeKey.for_bool("RecourseBreached")
UNDELIVERED = SearchAttributeKey.for_bool("RecourseUndelivered")
AMOUNT = SearchAttributeKey.for_int("RecourseAmount")

ALL = (KIND, STAGE, COUNTRY, SELLER, BUYER, AWAITED, QUEUE, DUE, BREACHED, UNDELIVERED, AMOUNT)
"""What the server has to know before the first case (AMOUNT in minor units)."""
