"""The policy files: one readable table a country, and what reads them.

Each window says its length, its counting, what starts it, what happens on silence, and its source.
`demo/` holds the same tables in seconds, for a case to watch.
"""

import json
import re
import tomllib
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


LARGEST_FILE = 1_000_000
"""Bytes of a policy file."""


class PolicyError(ValueError):
    """A policy that cannot be read; the message names the file and the key in one sentence."""


def countries(folder: Path = HERE) -> list[str]:
    """The countries that have a policy file."""
    return sorted(path.stem.upper() for path in folder.glob("[a-z][a-z].toml"))


def read_policy(country: str, folder: Path = HERE) -> Policy:
    """One country's policy. Raises `PolicyError` for a file that is missing or wrong."""
    path = folder / f"{country.lower()}.toml"
    if not re.fullmatch(r"[A-Z]{2}", country) or not path.is_file():
        known = ", ".join(countries(folder)) or "none"
        raise PolicyError(f"There is no policy for {country!r}; {folder.name}/ has: {known}.")
    name = f"{folder.name}/{path.name}"
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise PolicyError(f"{name} cannot be read: {error.strerror}.") from None
    if len(raw) > LARGEST_FILE:
        raise PolicyError(f"{name} has more than {LARGEST_FILE:,} bytes, as no policy does.")
    return _policy(raw.replace(b"\r\n", b"\n"), country, name)


@lru_cache(maxsize=64)
def _policy(raw: bytes, country: str, name: str) -> Policy:
    """The policy that a file's content is: each case asks for it, and it seldom changes."""
    try:
        table = tomllib.loads(raw.decode())
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{name} is not TOML: {error}.") from None
    except UnicodeDecodeError as error:
        raise PolicyError(f"{name} is not UTF-8 at byte {error.start}.") from None
    try:
        whole = _spread(table)
        # By way of JSON, pydantic is strict about types and still reads dates and names.
        policy = Policy.model_validate_json(json.dumps(whole, default=_foreign), strict=True)
    except ValidationError as error:
        raise PolicyError(f"{name}: {_sentence(error, table)}.") from None
    except ValueError as error:
        raise PolicyError(f"{name}: {error}.") from None
    if policy.country != country:
        raise PolicyError(
            f"{name}: country is {policy.country}, and the file's name says {country}."
        )
    mark = sha256(raw).hexdigest()[:8]
    return policy.model_copy(update={"version": f"{policy.version}+{mark}"})


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


def _spread(table: dict[str, Any]) -> dict[str, Any]:
    """The table with what [every_process] says put into each process that knows it, and says
    nothing else of it. Raises ValueError for a key that no process knows.
    """
    alike = table.get(EVERY_PROCESS, {})
    if not isinstance(alike, dict):
        raise ValueError(f"{EVERY_PROCESS} must be a section")
    known = {key for model in PROCESSES.values() for key in model.model_fields}
    if unknown := sorted(alike.keys() - known):
        raise ValueError(f"{EVERY_PROCESS}.{unknown[0]} is not a known key")
    return {
        name: {key: alike[key] for key in alike if key in PROCESSES[name].model_fields} | section
        if name in PROCESSES and isinstance(section, dict)
        else section
        for name, section in table.items()
        if name != EVERY_PROCESS
    }


def _foreign(value: Any) -> dict[str, str]:
    """TOML's dates and times: wrong wherever they stand, and refused there by name."""
    return {"unquoted": str(value)}


def _sentence(error: ValidationError, table: dict[str, Any]) -> str:
    """The first thing wrong, by its key, where it stands in the file."""
    first = error.errors(include_url=False)[0]
    parts = [str(part) for part in first["loc"]]
    if len(parts) > 1 and parts[0] in PROCESSES and parts[1] not in table[parts[0]]:
        parts[0] = EVERY_PROCESS if parts[1] in table.get(EVERY_PROCESS, {}) else parts[0]
    key = ".".join(parts) or "the file"
    match first["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            return f"{key} is not a known key"
        case "value_error":
            return f"{key}: {first['ctx']['error']}"
        case _:
            return f"{key} {in_words(first)}"
