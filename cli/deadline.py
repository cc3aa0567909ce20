"""`starter.py deadline`: when something is due, and why; one reckoning, or a file of them.

Imports neither Temporal nor a database: ten thousand reckonings start as quickly as one.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import typer

from cli.reading import decoded, opened, read_lines
from domain.calendars import Calendar
from domain.deadlines import Counting, Due, Held, UnreckonableError, explain, reckon
from policies import HERE, PolicyError, countries, known_years, read_calendar, read_policy
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


def deadline_command(  # noqa: PLR0917 - each is an option of its own
    rule: Annotated[
        str | None, typer.Option(help=f"How time is counted: {', '.join(Counting)}.")
    ] = None,
    amount: Annotated[str | None, typer.Option(help="How many of them, a whole number.")] = None,
    country: Annotated[
        str | None,
        typer.Option(help="Whose clock and holidays: a country with rules, like PL."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="When the event was: 2026-04-03T16:30, local unless it has an offset."),
    ] = None,
    held: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM/TO", help="A span that is not counted; can be given again."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A file of JSON objects, one a line (rule, amount, country, start, held), "
            "or - for standard input; prints one JSON line for each.",
        ),
    ] = None,
) -> None:
    """Say when something is due, and why."""
    try:
        if batch is not None:
            if any(given is not None for given in (rule, amount, country, start, held)) or as_json:
                raise InputError("--batch goes alone: each line of the file says all it needs.")
            _answer_batch(batch)
            return
        question = _asked(rule, amount, country, start, held or [])
        due = question.due()
        if as_json:
            print(json.dumps(_as_json(question, due), indent=2, ensure_ascii=False))
        else:
            print("\n".join(question.explanation()))
    except (InputError, PolicyError, UnreckonableError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


def answer_lines(lines: Iterable[bytes]) -> Iterator[str]:
    """One line of JSON for each asked: `due_utc`, and `safe_utc` if there is one; or `error`."""
    for line in lines:
        try:
            question = _question_of_line(line)
            due = question.due()
        except (InputError, PolicyError, UnreckonableError) as error:
            yield json.dumps({"error": str(error)})
            continue
        answer: dict[str, object] = _instants(due, _zone(question.calendar.zone))
        if question.notes:
            answer["notes"] = question.notes
        yield json.dumps(answer)


def _answer_batch(name: str) -> None:
    with opened(name) as file:
        _print_lines(answer_lines(read_lines(file)))


def _print_lines(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")


def _asked(
    rule: str | None,
    amount: str | None,
    country: str | None,
    start: str | None,
    held: list[str],
) -> Question:
    given = {"rule": rule, "amount": amount, "country": country, "start": start}
    missing = [f"--{name}" for name, value in given.items() if value is None]
    if missing:
        raise InputError(f"Say {', '.join(missing)} as well, or --batch FILE.")
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", amount or ""):
        raise InputError(f"--amount must be a whole number, not {_shown(amount)}.")
    spans = []
    for span in held:
        parts = span.split("/")
        if len(parts) != 2:
            raise InputError(f"--held must be FROM/TO, not {_shown(span)}.")
        spans.append(parts)
    return _question(rule, int(amount or 0), country, start, spans)


def _question_of_line(line: bytes) -> Question:
    text = decoded(line)
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("The line is not JSON.") from None
    if not isinstance(asked, dict):
        raise InputError("The line must be a JSON object.")
    if unknown := asked.keys() - KEYS:
        raise InputError(
            f"The key {_shown(min(unknown))} is not known; {', '.join(sorted(KEYS))} are."
        )
    if missing := KEYS - {"held"} - asked.keys():
        raise InputError(f"The key {min(missing)!r} is missing.")
    return _question(**asked)


def _question(rule: Any, amount: Any, country: Any, start: Any, held: Any = ()) -> Question:
    """What was asked, checked: every argument can be of any type."""
    try:
        counting = Counting(rule)
    except ValueError:
        raise InputError(
            f"The rule must be one of {', '.join(Counting)}, not {_shown(rule)}."
        ) from None
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise InputError(f"The amount must be a whole number, not {_shown(amount)}.")
    zone = _zone_of_country(country, _rules()) if isinstance(country, str) else None
    if zone is None:
        known = ", ".join(countries(_rules()))
        raise InputError(f"The country must be one of {known}, not {_shown(country)}.")
    notes: list[str] = []
    begin = _instant(start, "start", zone, notes)
    if not isinstance(held, list | tuple):
        raise InputError("The held spans must be a list of [from, to].")
    spans = []
    for span in held:
        if not isinstance(span, list) or len(span) != 2:
            raise InputError("Each held span must be [from, to].")
        since, until = (_instant(end, "held", zone, notes) for end in span)
        spans.append(Held(since=since, until=until))
    calendar = _calendar(country, _rules())
    return Question(counting, amount, begin, calendar, tuple(spans), tuple(notes))


def _instant(value: Any, name: str, zone: ZoneInfo, notes: list[str]) -> datetime:
    """An instant in UTC. Local where it has no offset: moved forward by the gap where the clock
    skips it, and the first of two where the clock shows it twice; either is said in `notes`.
    """
    if not isinstance(value, str):
        raise InputError(f"The time of {name} must be text, not {_shown(value)}.")
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise InputError(
            f"The time of {name} must be like 2026-04-03T16:30 or 2026-04-03T16:30+02:00, "
            f"not {_shown(value)}."
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


def _rules() -> Path:
    """Where the rules are."""
    return _folder(os.environ.get("RECOURSE_POLICIES"))


@lru_cache(maxsize=4)
def _folder(named: str | None) -> Path:
    # Settings bring Temporal along: only those wait for it who have named a folder.
    if named is None:
        return HERE
    from config import Settings  # noqa: PLC0415

    return Settings.read().policies


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


def _as_json(question: Question, due: Due) -> dict[str, object]:
    zone = _zone(question.calendar.zone)
    return {
        "rule": question.counting.value,
        "amount": question.amount,
        "country": question.calendar.country,
        "start": question.start.astimezone(zone).isoformat(),
        **_instants(due, zone),
        "explanation": question.explanation(),
        "notes": list(question.notes),
        "calendar": question.calendar.version,
    }


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _shown(value: object) -> str:
    """A value in an error, short: what is wrong can be of any size."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        text = f"a very large {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
