"""Reckoning a deadline that belongs to no case: what was asked, checked, and the answer.

Imports neither Temporal nor a database: ten thousand reckonings start as quickly as one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.calendars import Calendar
from domain.deadlines import Counting, Due, Held, explain, reckon
from policies import countries, known_years, read_calendar, read_policy
from service.failures import InputError

KEYS = {"rule", "amount", "country", "start", "held"}


class Question(NamedTuple):
    """One deadline that is asked for, read and checked."""

    counting: Counting
    amount: int
    start: datetime
    calendar: Calendar
    held: tuple[Held, ...]
    notes: tuple[str, ...]

    def due(self) -> Due:
        """The answer."""
        return reckon(self.counting, self.amount, self.start, self.calendar, self.held)

    def explanation(self) -> list[str]:
        """The answer's reasons, a line each."""
        lines = explain(self.counting, self.amount, self.start, self.calendar, self.held)
        return [*self.notes, *lines]

    def instants(self) -> dict[str, object]:
        """The answer: `due_utc`, `safe_utc` if there is one, and both on the local clock."""
        return _instants(self.due(), _zone(self.calendar.zone))


def question(
    rule: Any, amount: Any, country: Any, start: Any, held: Any = (), *, rules: Path
) -> Question:
    """What is asked, checked by the folder `rules`: every other argument can be of any type.

    InputError for what is no question.
    """
    try:
        counting = Counting(rule)
    except ValueError:
        raise InputError(
            f"The rule must be one of {', '.join(Counting)}, not {shown(rule)}."
        ) from None
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise InputError(f"The amount must be a whole number, not {shown(amount)}.")
    zone = _zone_of_country(country, rules) if isinstance(country, str) else None
    if zone is None:
        known = ", ".join(countries(rules))
        raise InputError(f"The country must be one of {known}, not {shown(country)}.")
    notes: list[str] = []
    begin = _instant(start, "start", zone, notes)
    spans = tuple(_spans(held, zone, notes))
    return Question(counting, amount, begin, _calendar(country, rules), spans, tuple(notes))


def _spans(held: Any, zone: ZoneInfo, notes: list[str]) -> Iterator[Held]:
    if not isinstance(held, list | tuple):
        raise InputError("The held spans must be a list of [from, to].")
    for span in held:
        if not isinstance(span, list) or len(span) != 2:
            raise InputError("Each held span must be [from, to].")
        since, until = (_instant(end, "held", zone, notes) for end in span)
        yield Held(since=since, until=until)


def question_of(document: Any, rules: Path) -> Question:
    """The question that a JSON object is."""
    if not isinstance(document, dict):
        raise InputError("The line must be a JSON object.")
    if unknown := document.keys() - KEYS:
        raise InputError(
            f"The key {shown(min(unknown))} is not known; {', '.join(sorted(KEYS))} are."
        )
    if missing := KEYS - {"held"} - document.keys():
        raise InputError(f"The key {min(missing)!r} is missing.")
    return question(**document, rules=rules)


def in_full(question: Question) -> dict[str, object]:
    """The answer with what was asked, and its reasons."""
    zone = _zone(question.calendar.zone)
    return {
        "rule": question.counting.value,
        "amount": question.amount,
        "country": question.calendar.country,
        "start": question.start.astimezone(zone).isoformat(),
        **question.instants(),
        "explanation": question.explanation(),
        "notes": list(question.notes),
        "calendar": question.calendar.version,
    }


def _instant(value: Any, name: str, zone: ZoneInfo, notes: list[str]) -> datetime:
    """An instant in UTC. Local where it has no offset: moved forward by the gap where the clock
    skips it, and the first of two where the clock shows it twice; either is said in `notes`.
    """
    if not isinstance(value, str):
        raise InputError(f"The time of {name} must be text, not {shown(value)}.")
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise InputError(
            f"The time of {name} must be like 2026-04-03T16:30 or 2026-04-03T16:30+02:00, "
            f"not {shown(value)}."
        ) from None
    try:
        if time.utcoffset() is not None:
            return time.astimezone(UTC)
        local = time.replace(tzinfo=zone)
        instant = local.astimezone(UTC)
        meant = instant.astimezone(zone)
    except OverflowError:
        raise InputError(f"The time of {name} must lie between the years 1 and 9999.") from None
    if meant.replace(tzinfo=None) != time:
        notes.append(
            f"{time:%H:%M} is skipped by the clock in {zone.key} on that day: "
            f"taken as {meant:%H:%M}."
        )
    elif local.replace(fold=1).utcoffset() != local.utcoffset():
        notes.append(
            f"{time:%H:%M} comes twice in {zone.key} on that day: the first is meant; "
            "give an offset for the second."
        )
    return instant


@lru_cache(maxsize=1000)
def _zone_of_country(country: str, folder: Path) -> ZoneInfo | None:
    found = country in countries(folder)
    return _zone(read_policy(country, folder).zone) if found else None


@lru_cache(maxsize=16)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=16)
def _calendar(country: str, folder: Path) -> Calendar:
    """All that is known of a country's holidays: one calendar serves a whole batch."""
    return read_calendar(country, *known_years(country, folder), folder)


def _instants(due: Due, zone: ZoneInfo) -> dict[str, object]:
    answer: dict[str, object] = {
        "due": due.due.astimezone(zone).isoformat(),
        "due_utc": _utc(due.due),
    }
    if due.safe is not None:
        answer["safe"] = due.safe.astimezone(zone).isoformat()
        answer["safe_utc"] = _utc(due.safe)
    return answer


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def shown(value: object) -> str:
    """A value in an error, short: what is wrong can be of any size."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        text = f"a very large {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
