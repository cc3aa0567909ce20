"""What is known of the countries in which cases are."""

from functools import lru_cache

from domain.kinds import Kind
from policies import countries, read_policy


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
