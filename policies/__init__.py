"""The policy files: readable tables in layers, and what reads them.

Each window says its length, its counting, what starts it, what happens on silence, and its source.
`common.toml` has what the countries agree on, a file a country what it has otherwise, and `demo/`
lies over them all, in seconds, for a case to watch (`policies.layers`).
"""

import json
import re
from datetime import date
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import holidays
import holidays.version
from pydantic import BaseModel, ValidationError

from domain.calendars import Calendar
from domain.misfits import in_words
from domain.policy import Policy, Redress
from policies.layers import (
    Key,
    Laid,
    Layer,
    PolicyError,
    countries_in,
    dotted,
    layers_of,
    strays,
)

__all__ = [
    "DEMO",
    "EVERY_PROCESS",
    "HERE",
    "PROCESSES",
    "PolicyError",
    "check",
    "countries",
    "known_years",
    "read_calendar",
    "read_policy",
    "ways_outside",
]

EVERY_PROCESS = "every_process"
"""The section of what all processes have alike, like an agent's time to decide."""

PROCESSES: dict[str, type[BaseModel]] = {
    name: model
    for name, field in Policy.model_fields.items()
    for model in get_args(field.annotation)
    if isinstance(model, type) and issubclass(model, BaseModel) and "process" in model.model_fields
}
"""The rules of each process, by its section."""

HERE = Path(__file__).parent
DEMO = HERE / "demo"


def countries(folder: Path = HERE) -> list[str]:
    """The countries that have a policy file, in the folder or in one that it lies over."""
    return countries_in(folder)


def check(folder: Path = HERE) -> None:
    """Raise `PolicyError` for a folder under which some case could not be opened, or with a file
    that no country reads.
    """
    for name in strays(folder):
        raise PolicyError(f"{name} is read by no country: a file is named like pl.toml.")
    for country in countries(folder):
        read_policy(country, folder)


def read_policy(country: str, folder: Path = HERE) -> Policy:
    """One country's policy. Raises `PolicyError` for a file that is missing or wrong."""
    layers = layers_of(country, folder) if re.fullmatch(r"[A-Z]{2}", country) else ()
    if all(layer.common for layer in layers):
        known = ", ".join(countries(folder)) or "none"
        raise PolicyError(f"There is no policy for {country!r}; {folder.name}/ has: {known}.")
    return _policy(layers, country)


@lru_cache(maxsize=64)
def _policy(layers: tuple[Layer, ...], country: str) -> Policy:
    """The policy that files' content is: each case asks for it, and it seldom changes."""
    laid = Laid()
    for layer in layers:
        laid.lay(layer)
    whole = _spread(laid)
    try:
        # By way of JSON, pydantic is strict about types and still reads dates and names.
        policy = Policy.model_validate_json(json.dumps(whole, default=_foreign), strict=True)
    except ValidationError as error:
        raise PolicyError(_sentence(error, laid, layers)) from None
    if policy.country != country:
        raise PolicyError(
            f"{laid.said['country',][-1]}: country is {policy.country}, and the file's name says "
            f"{country}."
        )
    return policy.model_copy(update={"version": f"{policy.version}+{_mark(layers)}"})


def _mark(layers: tuple[Layer, ...]) -> str:
    """What tells these files from others: of one file its hash, of several that of their hashes."""
    hashes = [sha256(layer.raw) for layer in layers]
    whole = hashes[0] if len(hashes) == 1 else sha256(b"".join(one.digest() for one in hashes))
    return whole.hexdigest()[:8]


def ways_outside(folder: Path = HERE) -> dict[str, Redress]:
    """Where a consumer of each country can go that says so in its file."""
    said = {country: read_policy(country, folder).redress for country in countries(folder)}
    return {country: redress for country, redress in said.items() if redress}


def known_years(country: str, folder: Path = HERE) -> tuple[int, int]:
    """The first and last year whose holidays are known: by the policy file, or by the library."""
    return read_policy(country, folder).calendar.years or _years_of_library(country)


@lru_cache(maxsize=64)
def _years_of_library(country: str) -> tuple[int, int]:
    try:
        known = holidays.country_holidays(country)
    except NotImplementedError:
        raise PolicyError(
            f"The holidays of {country!r} are not known: list them under calendar.add, and their "
            "first and last year as calendar.years."
        ) from None
    return known.start_year, known.end_year


def read_calendar(country: str, first_year: int, last_year: int, folder: Path = HERE) -> Calendar:
    """A country's working days between two years, both included: the `holidays` library, and the
    policy file's own changes. Raises `PolicyError` for years that the library does not know.
    """
    return _calendar(read_policy(country, folder).model_dump_json(), first_year, last_year)


@lru_cache(maxsize=256)
def _calendar(policy_json: str, first_year: int, last_year: int) -> Calendar:
    policy = Policy.model_validate_json(policy_json)
    changes = policy.calendar
    first, last = changes.years or _years_of_library(policy.country)
    if not first <= first_year <= last_year <= last:
        raise PolicyError(
            f"The holidays of {policy.country} are known from {first} to {last}, "
            f"not from {first_year} to {last_year}."
        )
    years = range(first_year, last_year + 1)
    known: dict[date, str] = {}
    worked: dict[date, str] = {}
    if changes.years is None:
        library = holidays.country_holidays(policy.country, years=years, language="en_US")
        known = dict(library.items())
        # Where days are shifted between weeks (HU), it knows the Saturdays that are worked.
        worked = dict.fromkeys(library.weekend_workdays, "worked in exchange for a day off")
    free = {day: name for day, name in known.items() if day not in changes.remove} | changes.add
    working = {day: why for day, why in worked.items() if day not in free} | changes.working
    return Calendar(
        country=policy.country,
        zone=policy.zone,
        version=f"{policy.country} {policy.version}, holidays {holidays.version.__version__}",
        first_year=first_year,
        last_year=last_year,
        holidays=_between(free, years),
        working=_between(working, years),
        periods_end_on_worked=changes.periods_end_on_worked,
    )


def _between(days: dict[date, str], years: range) -> dict[date, str]:
    return {day: days[day] for day in sorted(days) if day.year in years}


def _spread(laid: Laid) -> dict[str, Any]:
    """What is laid, with what [every_process] says put beneath each process that knows it, and
    nothing else of it. Raises `PolicyError` for a key that no process knows.
    """
    table = laid.table
    alike = table.get(EVERY_PROCESS, {})
    if not isinstance(alike, dict):
        raise PolicyError(f"{laid.said[EVERY_PROCESS,][-1]}: {EVERY_PROCESS} must be a section.")
    known = {key for model in PROCESSES.values() for key in model.model_fields}
    if unknown := sorted(alike.keys() - known):
        key = (EVERY_PROCESS, unknown[0])
        raise PolicyError(f"{laid.said[key][-1]}: {dotted(key)} is not a known key.")
    return {
        name: _beneath(
            section, {key: alike[key] for key in alike if key in PROCESSES[name].model_fields}
        )
        if name in PROCESSES and isinstance(section, dict)
        else section
        for name, section in table.items()
        if name != EVERY_PROCESS
    }


def _beneath(section: dict[str, Any], lower: dict[str, Any]) -> dict[str, Any]:
    """A section, and of another one what it does not say itself."""
    whole = lower | section
    for key in lower.keys() & section.keys():
        if isinstance(lower[key], dict) and isinstance(section[key], dict):
            whole[key] = _beneath(section[key], lower[key])
    return whole


def _foreign(value: Any) -> dict[str, str]:
    """TOML's dates and times: wrong wherever they stand, and refused there by name."""
    return {"unquoted": str(value)}


def _sentence(error: ValidationError, laid: Laid, layers: tuple[Layer, ...]) -> str:
    """The first thing wrong: the file that says it, by its key. What is not known comes first: it
    may be the misspelt name of what is missing.
    """
    errors = error.errors(include_url=False)
    first = min(errors, key=lambda one: one["type"] != "extra_forbidden")
    key = _where_it_stands(tuple(str(part) for part in first["loc"]), laid)
    name = dotted(key)
    match first["type"]:
        case "missing":
            return _missing(key, laid, layers)
        case "extra_forbidden":
            wrong = "is not a known key"
        case "value_error":
            wrong = str(first["ctx"]["error"])
            name = f"{name}:" if name else ""
            # "length is above …" names what is wrong, below the key.
            key = max((key, (*key, *wrong.split()[0].split("."))), key=lambda one: one in laid.said)
        case _:
            wrong = in_words(first)
    while key not in laid.said and key:
        key = key[:-1]
    file = laid.said[key][-1] if key else layers[-1].name
    return f"{file}: {name} {wrong}." if name else f"{file}: {wrong}."


def _where_it_stands(key: Key, laid: Laid) -> Key:
    """A key of a process as its own section says it, or that of every process."""
    if len(key) < 2 or key[0] not in PROCESSES or key in laid.said:
        return key
    alike = (EVERY_PROCESS, *key[1:])
    if alike in laid.said or (key[:2] not in laid.said and alike[:2] in laid.said):
        return alike
    return key


def _missing(key: Key, laid: Laid, layers: tuple[Layer, ...]) -> str:
    """Which file should say what is missing: the country's own, if no later one began to speak of
    it; what lies below does not say it either.
    """
    names = [layer.name for layer in layers]
    began = names.index(laid.said[key[:-1]][0]) if key[:-1] in laid.said else 0
    own = next((n for n, layer in enumerate(layers) if not layer.common), 0)
    at = max(began, own)
    also = f" here and in {' and '.join(names[:at])}" if at else ""
    return f"{names[at]}: {dotted(key)} is missing{also}."
