"""Issues as a large Polish marketplace's public API lists them (`GET /sale/issues`).

What it calls a DISPUTE ("dyskusja") opens a dispute here, a CLAIM ("reklamacja") a complaint.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from domain.causes import Cause, known
from domain.commands import Remedy, Text
from domain.deadlines import day_of
from domain.goods import ReturnReason
from domain.money import Money
from domain.openings import Key, Offered, OpenComplaint, OpenDispute
from domain.orders import Quantity
from domain.parties import Actor, Party
from service.failures import InputError
from service.misfits import misfit

REASONS = {
    "DEFECT_FOUND_DURING_USE": ReturnReason.DEFECTIVE,
    "NOT_AS_DESCRIBED": ReturnReason.NOT_AS_DESCRIBED,
    "RECEIVED_ITEMS_NOT_MATCHING_DESCRIPTION": ReturnReason.NOT_AS_DESCRIBED,
    "niezgodny z opisem": ReturnReason.NOT_AS_DESCRIBED,
    "MISSING_PRODUCT_ELEMENT": ReturnReason.INCOMPLETE,
    "RECEIVED_INCOMPLETE_ORDER": ReturnReason.INCOMPLETE,
    "NO_PRODUCT_IN_PARCEL": ReturnReason.INCOMPLETE,
    "NO_PROOF_OF_PURCHASE_MANUAL_OR_WARRANTY": ReturnReason.INCOMPLETE,
    "brak elementu produktu": ReturnReason.INCOMPLETE,
    "PRODUCT_AND_PARCEL_DAMAGED_IN_TRANSIT": ReturnReason.DAMAGED,
    "PRODUCT_DAMAGED_PARCEL_INTACT": ReturnReason.DAMAGED,
    "ITEM_IS_DAMAGED": ReturnReason.DAMAGED,
}
"""What the reasons of claims mean here; the older ones stand as words in the subject. Any other is
a defect, and its own words are kept."""

ZONE = "Europe/Warsaw"
"""Where its days are counted."""

REMEDIES = {
    "REPAIR": Remedy.REPAIR,
    "EXCHANGE": Remedy.REPLACEMENT,
    "REPLACEMENT": Remedy.REPLACEMENT,
    "PARTIAL_REFUND": Remedy.PARTIAL_REFUND,
    "REFUND": Remedy.FULL_REFUND,
}
"""What a claim expects; of several, the first that is known. Where it is said that the goods are to
be returned, a refund is a return for refund."""


POLISH = Path(__file__).parent.parent / "templates" / "notices" / "pl" / "words.toml"


class Listed(BaseModel):
    """A part of the document. It belongs to others: fields that we do not use may come."""

    model_config = ConfigDict(frozen=True)


class Buyer(Listed):
    """Who opened the issue."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    login: Annotated[str, Field(max_length=100)]


class CheckoutForm(Listed):
    """The order, under the name it has there."""

    id: Key


class InitialMessage(Listed):
    """What the buyer wrote first."""

    text: Text


class Chat(Listed):
    """The conversation so far; the rest of it is not in the list."""

    initialMessage: InitialMessage  # noqa: N815 - their name for it


class Issue(Listed):
    """What disputes and claims share."""

    id: Key
    openedDate: AwareDatetime  # noqa: N815 - their name for it
    subject: Annotated[str, Field(min_length=1, max_length=100)]
    checkoutForm: CheckoutForm  # noqa: N815 - their name for it
    buyer: Buyer
    chat: Chat


class Dispute(Issue):
    """A "dyskusja"."""

    type: Literal["DISPUTE"]


class Reason(Listed):
    """Why the buyer claims: one of their codes, and the buyer's words for it."""

    type: Annotated[str, Field(max_length=100)]
    description: Annotated[str, Field(max_length=10_000)] | None = None


class Price(Listed):
    """An amount in decimal figures."""

    amount: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Expectation(Listed):
    """What the buyer expects, with an amount perhaps."""

    name: Annotated[str, Field(max_length=100)]
    refund: Price | None = None


class Offer(Listed):
    """What was bought, under the id that the offer has there."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    quantity: Quantity = 1


class State(Listed):
    """How the claim stands there."""

    returnRequired: bool | None = None  # noqa: N815 - their name for it


class Claim(Issue):
    """A "reklamacja"."""

    type: Literal["CLAIM"]
    decisionDueDate: AwareDatetime | None = None  # noqa: N815 - their name for it
    referenceNumber: Annotated[str, Field(max_length=100)] | None = None  # noqa: N815 - theirs
    description: Annotated[str, Field(max_length=10_000)] | None = None
    reason: Reason | None = None
    expectations: tuple[Expectation, ...] | None = None
    offer: Offer | None = None
    currentState: State = State()  # noqa: N815 - their name for it


class Document(Listed):
    """A page of issues."""

    issues: tuple[Annotated[Dispute | Claim, Field(discriminator="type")], ...]


def openings(
    document: Any, wanted: Remedy | None = None
) -> tuple[OpenDispute | OpenComplaint, ...]:
    """The cases of a whole document; if any part of it does not fit, none of them.

    `wanted`: what the buyers want where the document does not say it; else all the money back in
    a dispute, and a repair in a complaint.
    """
    try:
        issues = Document.model_validate_json(json.dumps(document)).issues
        return tuple(
            _dispute(issue, wanted) if isinstance(issue, Dispute) else _complaint(issue, wanted)
            for issue in issues
        )
    except ValidationError as error:
        raise misfit(error, "The document", ("DISPUTE", "CLAIM")) from None
    except ValueError as error:
        raise InputError(f"The document does not fit: {error}.") from None


def _dispute(issue: Dispute, wanted: Remedy | None) -> OpenDispute:
    return OpenDispute(
        country="PL",
        order_id=issue.checkoutForm.id,
        external_id=issue.id,
        opened_by=_buyer(issue),
        reason=issue.subject,
        wanted=wanted or Remedy.FULL_REFUND,
        text=issue.chat.initialMessage.text,
        happened_at=issue.openedDate,
    )


def _complaint(claim: Claim, wanted: Remedy | None) -> OpenComplaint:
    expected = next((one for one in claim.expectations or () if one.name in REMEDIES), None)
    remedy = REMEDIES[expected.name] if expected else wanted or Remedy.REPAIR
    if remedy is Remedy.FULL_REFUND and claim.currentState.returnRequired:
        remedy = Remedy.RETURN_FOR_REFUND
    price = expected and expected.refund
    return OpenComplaint(
        country="PL",
        order_id=claim.checkoutForm.id,
        external_id=claim.id,
        opened_by=_buyer(claim),
        offer=claim.offer and Offered(id=claim.offer.id, quantity=claim.offer.quantity),
        reason=_reason(claim),
        wanted=remedy,
        amount=_money(price) if price and remedy is Remedy.PARTIAL_REFUND else None,
        text=_words(claim),
        happened_at=claim.openedDate,
        decision_due=claim.decisionDueDate,
        # Who claims there has the goods, by that day at the latest.
        in_hand_on=day_of(claim.openedDate, ZONE),
    )


def _buyer(issue: Issue) -> Actor:
    return Actor(party=Party.BUYER, id=issue.buyer.id, name=issue.buyer.login)


def _money(price: Price) -> Money:
    return Money(amount_minor=int(price.amount * 100), currency=price.currency)


def _reason(claim: Claim) -> ReturnReason:
    named = (claim.reason.type if claim.reason else "", claim.subject)
    known = (REASONS[name] for name in named if name in REASONS)
    return next(known, ReturnReason.DEFECTIVE)


def _words(claim: Claim) -> str:
    """What the buyer wrote, and below it all that the claim says in fields of its own.

    It reaches letters: the codes that are known stand in words there, and in Polish, as the rest.
    """
    said = (
        claim.referenceNumber,
        *_why(claim),
        claim.description,
        *(_expected(one) for one in claim.expectations or ()),
        claim.offer and f"{claim.offer.quantity} × {claim.offer.id}",
    )
    once = dict.fromkeys(re.sub(r"\s+", " ", part) for part in said if part)
    return f"{claim.chat.initialMessage.text}\n\n({' · '.join(once)})"


def _why(claim: Claim) -> Iterator[str]:
    """Subject and reason; the subject once, where the reason is the same code with more words."""
    reason = claim.reason
    described = f": {reason.description}" if reason and reason.description else ""
    if not (described and reason and reason.type == claim.subject):
        yield _said(claim.subject)
    if reason:
        yield f"{_said(reason.type)}{described}"


def _expected(one: Expectation) -> str:
    amount = f" {one.refund.amount} {one.refund.currency}" if one.refund else ""
    return f"{_said(one.name)}{amount}"


def _said(code: str) -> str:
    """What a code of theirs means, in the words of our Polish letters; itself if it is unknown."""
    if code in REMEDIES:
        return str(_polish()["remedy"][REMEDIES[code]])
    if code.isupper() and (meaning := known(code)):
        return str(_polish()["claim" if isinstance(meaning, Cause) else "fault"][meaning])
    return code


@cache
def _polish() -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = tomllib.loads(POLISH.read_text("utf-8"))
    return words
