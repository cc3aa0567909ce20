"""What of a case each role may see: every field of it, and of all that it holds, has a row here.

What is not listed leaves nobody. What agents write to each other is in no field that traders see.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from api.roles import AGENTS, EVERYBODY, STAFF, TRADERS, Person, Role
from domain.base import Value
from domain.kinds import Kind, kind_of
from domain.parties import Actor, Party
from domain.view import CostView, DecisionView, Standing

Roles = frozenset[Role]

NO_BUYER = EVERYBODY - {Role.BUYER}
READERS = EVERYBODY - {Role.OPS}
"""Who reads what people wrote: for ops it is enough to know that they did."""
JUDGES = AGENTS | {Role.PLATFORM}
OF_BUYER = STAFF | {Role.BUYER}
NOBODY: Roles = frozenset()

SEEN: Mapping[str, Mapping[Roles, str]] = {
    "CaseView": {
        EVERYBODY: "id kind country order_id opened_at opened_by stage ending refusal at_stake "
        "awaited due working clocks policy_version calendar_version zone breaches lines units "
        "right_until beside",
        OF_BUYER: "buyer_id",
        NO_BUYER: "seller_id",
        STAFF: "task letters_task undelivered",
        # Resources of their own, and what `actions` says of the person.
        NOBODY: "may timeline messages in_all",
    },
    "InquiryView": {NO_BUYER: "needless_answers"},
    "RefundingView": {EVERYBODY: "refund refund_amount refund_reduces returns"},
    "DisputeView": {
        EVERYBODY: "wanted claimed happened_at preceding offers decision",
        READERS: "reason",
    },
    "TakingBackView": {EVERYBODY: "preview ruling"},
    "WithdrawalView": {EVERYBODY: "proposals said_in_hand_at", READERS: "reason"},
    "UncollectedParcelView": {
        EVERYBODY: "round tracking resend_cost redelivery costs",
        NO_BUYER: "buyer_reported",
    },
    "NonDeliveryView": {NO_BUYER: "carrier_claims"},
    "ComplaintView": {
        EVERYBODY: "wanted claimed happened_at decision_due answer_due answer_was_due "
        "said_in_hand_at",
        READERS: "reason",
        NO_BUYER: "carrier_claims",
    },
    "ReturnView": {EVERYBODY: "custody accepted ruling belongs_to"},
    "CarrierClaimView": {EVERYBODY: "ruling belongs_to", NO_BUYER: "carrier_claim"},
    "Listed": {
        EVERYBODY: "case_id open kind country order_id stage awaited due safe on_silence breached "
        "amount_minor currency opened_at closed_at ending refusal changed",
        OF_BUYER: "buyer",
        NO_BUYER: "seller",
        STAFF: "queue undelivered",
    },
    "Actor": {EVERYBODY: "party", STAFF: "id", JUDGES: "name"},
    "Refusal": {EVERYBODY: "code sentence"},
    "Money": {EVERYBODY: "amount_minor currency"},
    "ClockView": {
        EVERYBODY: "window awaited started_at due safe length counting source held held_since "
        "explanation on_silence",
        STAFF: "held_for",
    },
    "Held": {EVERYBODY: "since until"},
    "Entry": {EVERYBODY: "at what by detail"},
    "Message": {EVERYBODY: "id at by nature attachments", READERS: "text"},
    "Attachment": {EVERYBODY: "size media_type sha256", READERS: "name"},
    "OfferView": {EVERYBODY: "id at by remedy amount expires_at state"},
    "Task": {
        STAFF: "id case_id queue purpose priority owner state opened_at due",
        NOBODY: "revision",
    },
    "DecisionView": {
        EVERYBODY: "at by verdict remedy amount final standing",
        READERS: "reasoning",
        STAFF: "confirmed_by",
    },
    "RefundReport": {EVERYBODY: "state", STAFF: "key reason"},
    "BreachView": {EVERYBODY: "window due at"},
    "OrderedLine": {
        EVERYBODY: "sku title quantity unit_price_minor discount_minor offer_id article line_id"
    },
    "Line": {EVERYBODY: "sku quantity"},
    "RefundPreview": {EVERYBODY: "refund_minor parts"},
    "RefundPart": {EVERYBODY: "what amount_minor why"},
    "ProposalView": {EVERYBODY: "at kind exception amount units state"},
    "Kept": {EVERYBODY: "sku quantity custody condition"},
    "ParcelClaimView": {
        NO_BUYER: "tracking carrier regime trouble claimable_from claimed evidence reference "
        "answer deemed appealed owed recovered"
    },
    "RedeliveryView": {EVERYBODY: "charge paid", STAFF: "key"},
    "CostView": {EVERYBODY: "at round cost amount attachments announced deducted"},
    "Letter": {
        EVERYBODY: "id to name locale created_at sent_at",
        READERS: "subject text html",
        NOBODY: "case_id key",
    },
    "Found": {EVERYBODY: "case_id", READERS: "message"},
    "Recovery": {EVERYBODY: "key case_id order_id seller_id amount at"},
    "CostClaim": {
        EVERYBODY: "key case_id seller_id order_id cost amount evidence at deducted_minor",
        STAFF: "buyer_id",
    },
    # The seller has reported them: to whom it is not told whom, it says nothing.
    "InactiveBuyer": {NO_BUYER: "buyer_id", EVERYBODY: "parcels last_at"},
    "Recalculated": {EVERYBODY: "policy_version due_before due_after"},
    "Outlook": {
        EVERYBODY: "case_id kind country order_id at zone policy_version calendar_version stages "
        "silent"
    },
    "StageAhead": {EVERYBODY: "stage since after by ways"},
    "Course": {EVERYBODY: "stage since ways then stops"},
    "WayOn": {
        EVERYBODY: "on what who to now due safe at_earliest until length starts means source "
        "explanation money"
    },
    "Movement": {EVERYBODY: "moves to amount at_most"},
    "UndeliveredView": {STAFF: "at to name trouble code holds left"},
}
"""By the names of the models: of each field, who sees it."""


@cache
def rows(model: type[BaseModel]) -> Mapping[str, Roles]:
    """Who sees each field of a model, by what it and the models that it extends have rows of."""
    found: dict[str, Roles] = {}
    for each in reversed(model.__mro__):
        for roles, names in SEEN.get(each.__name__, {}).items():
            found |= dict.fromkeys(names.split(), roles)
    return found


def seen(value: Any, person: Person) -> Any:
    """A value as JSON, as far as a person may see it."""
    match value:
        case Actor():
            return _actor(value, person)
        case BaseModel():
            return dict(_fields(value, person))
        case tuple() | list():
            return [seen(one, person) for one in value if _may_see(one, person)]
        case dict():
            return {str(name): seen(one, person) for name, one in value.items()}
    return value


def _fields(value: BaseModel, person: Person) -> Iterator[tuple[str, Any]]:
    for name, roles in rows(type(value)).items():
        if person.role in roles:
            field = getattr(value, name, None)
            yield name, seen(field, person) if _may_see(field, person) else None


def _may_see(value: Any, person: Person) -> bool:
    """What depends on more than the field: a decision that was never announced, costs that are the
    seller's own affair, and claims against carriers.
    """
    if person.role not in TRADERS:
        return True
    match value:
        case DecisionView(standing=Standing.PROPOSED | Standing.SENT_BACK):
            return False
        case CostView(deducted=False):
            return person.role is not Role.BUYER
        case str():
            return person.role is not Role.BUYER or kind_of(value) is not Kind.CARRIER_CLAIM
    return True


def _actor(actor: Actor, person: Person) -> dict[str, Any]:
    """Traders know themselves, and agents by the names that they sign with."""
    said: dict[str, Any] = dict(_fields(actor, person))
    if person.role in TRADERS:
        own = actor.party is person.role.party
        if own:
            said["id"] = actor.id
        if own or actor.party is Party.AGENT:
            said["name"] = actor.name
    return said


def case_seen(view: Value, person: Person) -> dict[str, Any]:
    """A case as a person may see it."""
    found: dict[str, Any] = seen(view, person)
    return found
