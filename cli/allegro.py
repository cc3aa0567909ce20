"""Issues as a large Polish marketplace's public API lists them (`GET /sale/issues`)."""

import json
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cli.failures import InputError, misfit
from domain.commands import Remedy, Text
from domain.openings import Key, OpenDispute
from domain.parties import Actor, Party


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


class Dispute(Listed):
    """A "dyskusja"."""

    type: Literal["DISPUTE"]
    id: Key
    openedDate: AwareDatetime  # noqa: N815 - their name for it
    subject: Annotated[str, Field(min_length=1, max_length=100)]
    checkoutForm: CheckoutForm  # noqa: N815 - their name for it
    buyer: Buyer
    chat: Chat


class Claim(Listed):
    """A "reklamacja", which is another process."""

    type: Literal["CLAIM"]
    id: Key


class Document(Listed):
    """A page of issues."""

    issues: tuple[Annotated[Dispute | Claim, Field(discriminator="type")], ...]


class Read(NamedTuple):
    """What a document holds: disputes to open, and the ids of claims, which are not run yet."""

    openings: tuple[OpenDispute, ...]
    claims: tuple[str, ...]


def disputes(document: Any, wanted: Remedy = Remedy.FULL_REFUND) -> Read:
    """The disputes of a whole document; if any part of it does not fit, none of them."""
    try:
        issues = Document.model_validate_json(json.dumps(document)).issues
    except ValidationError as error:
        raise misfit(error, "The document", ("DISPUTE", "CLAIM")) from None
    except ValueError as error:
        raise InputError(f"The document does not fit: {error}.") from None
    return Read(
        tuple(_opening(issue, wanted) for issue in issues if isinstance(issue, Dispute)),
        tuple(issue.id for issue in issues if isinstance(issue, Claim)),
    )


def _opening(issue: Dispute, wanted: Remedy) -> OpenDispute:
    return OpenDispute(
        country="PL",
        order_id=issue.checkoutForm.id,
        external_id=issue.id,
        opened_by=Actor(party=Party.BUYER, id=issue.buyer.id, name=issue.buyer.login),
        reason=issue.subject,
        wanted=wanted,
        text=issue.chat.initialMessage.text,
        happened_at=issue.openedDate,
    )
