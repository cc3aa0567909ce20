"""What is known of the countries in which cases are."""

from functools import lru_cache
from pathlib import Path

from domain.kinds import Kind
from domain.policy import Policy
from policies import countries, read_policy


def country_of(case_id: str) -> str:
    """The country in a case's business key; empty if it has none."""
    parts = case_id.split(":")
    return parts[1] if len(parts) > 2 and parts[0] in tuple(Kind) else ""


def known_countries() -> list[str]:
    """The countries that have rules here, the operator's own among them."""
    return countries(_rules())


@lru_cache(maxsize=64)
def zone_of(country: str) -> str:
    """The time zone that a country's marketplace lives in; UTC for one that we do not know."""
    policy = _policy_of(country)
    return policy.zone if policy else "UTC"


@lru_cache(maxsize=64)
def _policy_of(country: str) -> Policy | None:
    folder = _rules()
    return read_policy(country, folder) if country in countries(folder) else None


def _rules() -> Path:
    """The folder of the rules."""
    from config import Settings  # noqa: PLC0415 - brings Temporal, which --help can spare

    return Settings.read().policies
