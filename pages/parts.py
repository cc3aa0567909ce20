"""What pages are made of: frozen values, drawn by the command line (`cli/paper.py`) and by HTML.

A text says what it means, never how it looks; a section has a title, never a blank line.
What people wrote stands in it as they wrote it: whoever draws makes it harmless.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from domain.parties import Party


class Sense(StrEnum):
    """What a run of text means, beside what it says."""

    STRONG = "strong"
    DIM = "dim"
    BAD = "bad"


class Run(NamedTuple):
    """Some text, and what it means: of a party, say, that it is one."""

    text: str
    sense: Sense | Party | None = None


@dataclass(frozen=True)
class Said:
    """A text of several runs; it may have several lines."""

    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Facts:
    """Facts, each by its name."""

    rows: tuple[tuple[str, Said], ...]


@dataclass(frozen=True)
class Table:
    """A table; its first column must not be broken."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Said, ...], ...]


@dataclass(frozen=True)
class Sum:
    """A sum: what each part of it is, how much, and why; then the total."""

    rows: tuple[tuple[str, str, str], ...]
    total: tuple[str, str]


@dataclass(frozen=True)
class Quote:
    """What somebody wrote, its lines as they are."""

    text: str


@dataclass(frozen=True)
class Inset:
    """What belongs to the part before it."""

    parts: tuple["Part", ...]


@dataclass(frozen=True)
class Section:
    """A titled part of a page."""

    title: str
    parts: tuple["Part", ...]


@dataclass(frozen=True)
class Subsection:
    """A titled part of a page or section, which belongs to its title."""

    title: str
    parts: tuple["Part", ...]


@dataclass(frozen=True)
class Gap:
    """Where something else begins, with no title of its own."""


Part = Said | Facts | Table | Sum | Quote | Inset | Section | Subsection | Gap

Page = tuple[Part, ...]


def said(*runs: str | Run) -> Said:
    """A text of these runs; what is no run has no meaning beside what it says."""
    return Said(tuple(run if isinstance(run, Run) else Run(run) for run in runs))


def strong(text: str) -> Run:
    """What counts most in a text."""
    return Run(text, Sense.STRONG)


def dim(text: str) -> Run:
    """What is there for who looks for it."""
    return Run(text, Sense.DIM)


def bad(text: str) -> Run:
    """What somebody has to see to, or has missed."""
    return Run(text, Sense.BAD)


def of(party: Party | None) -> Run:
    """A party; nothing if it is nobody."""
    return Run(party or "", party)


def table(*headings: str, rows: Iterable[Iterable[object]]) -> Table:
    """A table; a cell that is no text yet is said as it is."""
    return Table(headings, tuple(tuple(map(_cell, row)) for row in rows))


def _cell(content: object) -> Said:
    match content:
        case Said():
            return content
        case Run():
            return said(content)
        case _:
            return said(str(content))
