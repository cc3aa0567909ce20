"""Amounts and people as they are typed."""

import re
from decimal import Decimal

from pydantic import ValidationError

from domain.money import Money, digits_of
from domain.parties import Actor, Party
from service.failures import InputError

UNNAMED = "?"
"""The id of a buyer or seller for whom none was given: the case's own."""


def amount_from(text: str, currency: str) -> Money:
    """An amount as people write it, "50" or "50.00", exactly."""
    digits = digits_of(currency)
    pattern = rf"[0-9]{{1,10}}(\.[0-9]{{1,{digits}}})?" if digits else "[0-9]{1,10}"
    if not re.fullmatch(pattern, text, re.ASCII):
        example = "50." + "0" * digits if digits else "50"
        raise InputError(f"The amount must be written like {example}, in {currency}, not {text!r}.")
    return Money(amount_minor=int(Decimal(text).scaleb(digits)), currency=currency)


def actor_from(text: str) -> Actor:
    """Who sends a command: PARTY:ID or PARTY:ID:NAME; a bare buyer or seller has the id UNNAMED.

    After a colon the id must stand: a script whose variable is empty must not speak as whoever
    the case belongs to.
    """
    party, colon, rest = text.partition(":")
    if party not in tuple(Party):
        raise InputError(
            f"--as must begin with one of {', '.join(Party)}, like seller:50000001, not {text!r}."
        )
    if not rest and party == Party.AGENT:
        raise InputError('--as needs the agent\'s id and name: agent:ID:"First Last".')
    id_, _, name = rest.partition(":")
    if colon and (not id_.strip() or id_ == UNNAMED):
        raise InputError(
            f"--as has no id after {party}:; give it, like {party}:50000001"
            f"{'.' if party == Party.AGENT else f', or {party} alone.'}"
        )
    if len(id_) > 100 or len(name) > 100:
        raise InputError("--as takes an id and a name of at most 100 characters each.")
    if not id_:
        id_ = "platform" if party == Party.PLATFORM else UNNAMED
    try:
        return Actor(party=Party(party), id=id_, name=name)
    except ValidationError:
        raise InputError("--as is not UTF-8; write it as UTF-8.") from None
