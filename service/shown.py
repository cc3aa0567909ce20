"""What of a case's texts and steps a party was shown.

A party reads what it wrote, was sent or was shown: a message of somebody else was shown to it if
one of its letters quotes it. Who is no party of the matter reads everything.
"""

from collections.abc import Iterable

from activities.rendering import clean
from domain.letters import Letter
from domain.notices import Message
from domain.parties import Party
from domain.view import Entry


def messages_shown(
    messages: Iterable[Message], letters: Iterable[Letter], reader: Party | None
) -> Iterable[Message]:
    """The messages that a reader may read; `letters` are those to the reader."""
    quoted = [quote for letter in letters for quote in _quotes(letter.text)]
    for message in messages:
        if reader in (None, message.by.party) or _is_quoted(message.text, quoted):
            yield message


def entries_shown(timeline: Iterable[Entry], reader: Party | None) -> Iterable[Entry]:
    """The steps; to a party its own, and the stages that the case went through."""
    for entry in timeline:
        if reader in (None, entry.by) or entry.what.startswith("stage "):
            yield entry


def _quotes(letter: str) -> Iterable[list[str]]:
    """The quotations in a letter, line by line, each with its signature if it has one."""
    quote: list[str] = []
    for line in (*letter.splitlines(), ""):
        if line.startswith(">"):
            quote.append(line.removeprefix(">").removeprefix(" "))
        elif quote:
            yield quote
            quote = []


def _is_quoted(text: str, quotes: Iterable[list[str]]) -> bool:
    """Whether one of the quotations is this text, whole, signed or not (`rendering.quote`)."""
    lines = [line.rstrip() for line in clean(text)]
    return any(
        quote == lines or (quote[:-2] == lines and quote[-2] == "" and quote[-1].startswith("— "))
        for quote in quotes
        if len(quote) >= len(lines) > 0
    )
