"""How the command line says amounts, instants and the people behind commands, and reads them."""

import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from cli.failures import InputError
from domain.deadlines import spoken
from domain.kinds import Kind
from domain.money import Money, digits_of
from domain.parties import Actor, Party
from policies import countries, read_policy

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


def amount_in_words(amount: Money) -> str:
    """An amount with its currency: "50.00 PLN"."""
    return amount.figures


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


def country_of(case_id: str) -> str:
    """The country in a case's business key; empty if it has none."""
    parts = case_id.split(":")
    return parts[1] if len(parts) > 2 and parts[0] in tuple(Kind) else ""


@lru_cache(maxsize=64)
def zone_of(country: str) -> str:
    """The time zone that a country's marketplace lives in; UTC for one that we do not know."""
    return read_policy(country).zone if country in countries() else "UTC"


@lru_cache(maxsize=64)
def currency_of(country: str) -> str:
    """The currency of a country's marketplace; empty for one that we do not know."""
    return read_policy(country).currency if country in countries() else ""


def due_in_words(due: datetime | None, zone: str) -> str:
    """Until when, as a person says it, with the zone's city."""
    return f"{spoken(due, zone)} ({zone})" if due else ""


def local(instant: datetime, zone: str) -> str:
    """An instant on the local clock: "Tue 7 Apr 2026 16:30"."""
    there = instant.astimezone(ZoneInfo(zone))
    return f"{there:%a} {there.day} {there:%b %Y %H:%M}"


def in_words(code: str) -> str:
    """A code as words."""
    return code.replace("_", " ").replace("-", " ")


def printable(text: Any) -> str:
    """What others wrote, without characters that could command a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in str(text))
