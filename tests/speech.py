"""What parties say when chance chooses: for every verb arguments that mostly fit, and some that do
not. `how`, a number, chooses among them.
"""

from typing import Any

from domain.commands import CommandBase, Decide, Remedy
from domain.goods import Custody
from domain.kinds import Kind
from domain.money import Money
from domain.parties import Actor, Party
from domain.view import CaseView, ReturnView
from tests.life import AGENT, BUYER, LEAD, PLATFORM, SECOND, SELLER

ACTORS = {
    Party.BUYER: (BUYER,),
    Party.SELLER: (SELLER,),
    Party.AGENT: (AGENT, AGENT, SECOND, LEAD, Actor(party=Party.AGENT, id="nameless", name="Eva")),
    Party.PLATFORM: (PLATFORM,),
}

REMEDIES = tuple(Remedy)
PROOF = {"name": "photo.jpg", "size": 9, "media_type": "image/jpeg", "sha256": "0" * 64}
CONDITIONS = ("as-sent", "as-sent", "damaged", "wrong", "empty", "missing")


def arguments(
    verb: type[CommandBase], how: int, word: str, currency: str = "PLN"
) -> dict[str, Any]:
    """Arguments of a command: mostly fit, sometimes not; `word` is what is written in it."""
    money = Money(
        amount_minor=(5000, 1, 25999, 26000)[how % 4],
        currency="GBP" if how % 11 == 10 else currency,
    )
    remedy = REMEDIES[how % len(REMEDIES)]
    amount = money if (remedy is Remedy.PARTIAL_REFUND) is not (how % 10 == 9) else None
    given: dict[str, Any] = {}
    for name in verb.model_fields:
        match name:
            case "text" | "reasoning":
                given[name] = word if how % 12 != 11 else word * 1000
            case "reason":
                given[name] = "other" if verb.__name__ == "Refuse" else word
            case "remedy" if verb is Decide:
                given["verdict"] = ("for-buyer", "for-seller", "shared")[how % 3]
                given["remedy"] = None if how % 3 == 1 else remedy
                given["amount"] = None if how % 3 == 1 else amount
            case "remedy":
                given["remedy"], given["amount"] = remedy, amount
            case "wanted":
                given["wanted"], given["amount"] = remedy, amount
            case "to":
                given["to"] = (Party.BUYER, Party.SELLER, None)[how % 3]
            case "nature":
                given["nature"] = ("answer", "answer", "holding", "automatic")[how % 4]
            case "offer_id":
                given["offer_id"] = None if how % 5 else "r1"
    return given


def of_goods(
    verb: type[CommandBase], how: int, view: CaseView, currency: str = "PLN"
) -> dict[str, Any]:
    """Arguments of what is said about goods."""
    few = Money(amount_minor=700, currency=currency)
    there: dict[str, int] = {}
    wanted = (Custody.WITH_SELLER,) if verb.__name__ == "Inspect" else tuple(Custody)[:3]
    for kept in view.custody if isinstance(view, ReturnView) else ():
        if kept.custody in wanted:
            there[kept.sku] = there.get(kept.sku, 0) + kept.quantity
    units = [
        {"sku": sku, "quantity": max(1, n - how % 2), "condition": CONDITIONS[how % 6]}
        for sku, n in there.items()
    ] or [{"sku": "A", "quantity": 1}]
    match verb.__name__:
        case "Receive" | "Inspect":
            return {"units": units if how % 3 or verb.__name__ == "Receive" else []}
        case "ClaimException":
            named = [{"sku": u.sku, "quantity": u.quantity} for u in view.units[: how % 3]]
            return {"reason": "perishable", "units": named, "attachments": [PROOF]}
        case "Deduct":
            money = Money(amount_minor=(500, 10**6)[how % 5 == 4], currency=currency)
            return {"amount": money, "attachments": [PROOF]}
        case "HandOver":
            return {"carrier": "InPost", "tracking": f"T{how % 2}"}
        case "ShipBack" | "Ship":
            return {"carrier": "InPost", "tracking": "B1", "expected_on": "2040-01-04"}
        case "ProvideLabel":
            return {"label": "https://labels.example/1"}
        case "Explain":
            return {"reason": ("changed-mind", "defective")[how % 4 == 3]}
        case "ReportCost":
            return {
                "cost": ("way-back", "storage")[how % 2],
                "amount": few,
                "attachments": [PROOF],
            }
        case "ProveDelivery":
            return {"attachments": [PROOF]}
        case "FileClaim":
            return {"amount": few, "proof_of_value": [PROOF], "damage_record": [PROOF]}
        case "ReportAnswer":
            answer = ("accepted", "partly", "refused")[how % 3]
            return {"answer": answer, "amount": few if answer == "partly" else None}
        case "ReportRecovered" | "NameAmount":
            return {"amount": few}
        case "Clarify":
            return {"meant": ("complaint", "withdrawal")[how % 2], "wanted": None}
        case "Choose":
            reduced = how % 2
            remedy = Remedy.PARTIAL_REFUND if reduced else Remedy.RETURN_FOR_REFUND
            return {"remedy": remedy, "amount": few if reduced else None}
        case "Decide" if view.kind is Kind.COMPLAINT:
            return {}
        case "Decide" if view.kind is not Kind.DISPUTE:
            shared = how % 3 == 2
            money = Money(amount_minor=100, currency=currency)
            verdict = ("for-buyer", "for-seller", "shared")[how % 3]
            return {"verdict": verdict, "remedy": None, "amount": money if shared else None}
    return {}
