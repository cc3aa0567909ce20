"""`starter.py deadline`: when something is due, and why; one reckoning, or a file of them.

Imports neither Temporal nor a database: ten thousand reckonings start as quickly as one.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.reading import decoded, opened, read_lines
from domain.deadlines import Counting, UnreckonableError
from policies import HERE, PolicyError
from service.failures import InputError
from service.reckoning import Question, in_full, question, question_of, shown


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
        asked = _asked(rule, amount, country, start, held or [])
        if as_json:
            print(json.dumps(in_full(asked), indent=2, ensure_ascii=False))
        else:
            print("\n".join(asked.explanation()))
    except (InputError, PolicyError, UnreckonableError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


def answer_lines(lines: Iterable[bytes]) -> Iterator[str]:
    """One line of JSON for each asked: `due_utc`, and `safe_utc` if there is one; or `error`."""
    for line in lines:
        try:
            asked = question_of(_document(line), _rules())
            answer = asked.instants()
        except (InputError, PolicyError, UnreckonableError) as error:
            yield json.dumps({"error": str(error)})
            continue
        if asked.notes:
            answer["notes"] = asked.notes
        yield json.dumps(answer)


def _document(line: bytes) -> Any:
    text = decoded(line)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("The line is not JSON.") from None


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
        raise InputError(f"--amount must be a whole number, not {shown(amount)}.")
    spans = []
    for span in held:
        parts = span.split("/")
        if len(parts) != 2:
            raise InputError(f"--held must be FROM/TO, not {shown(span)}.")
        spans.append(parts)
    return question(rule, int(amount or 0), country, start, spans, rules=_rules())


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
