"""The limits on what a party writes: length, characters, files, messages a day and a case.

Lengths are counted in bytes: what carries a case from place to place counts so.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.base import Value
from domain.commands import WRITTEN, Attachment
from domain.notices import Message
from domain.parties import Actor, Party
from domain.policy import MessageLimits
from domain.refusals import Code, Refusal
from domain.view import Recalculate

LONGEST_NAME = 255
"""Bytes of a file's name: as many as file systems take."""

LONGEST_REASON = 500
"""Bytes of why a case takes up other rules."""

IN_TEXTS = "\n\r\t"
"""The control characters that stand in what people write."""

OVERRIDES = "\u202d\u202e"
"""They make text read otherwise than it is written: "exe.gpj" becomes "jpg.exe"."""

DIRECTIONS = OVERRIDES + "\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
"""What turns the direction of writing; a name of one line needs none of them."""

LINE_ENDS = "\u2028\u2029"


def text_refusal(
    text: str, attachments: tuple[Attachment, ...], limits: MessageLimits, *, widened: bool = False
) -> Refusal | None:
    """Why one text and its files cannot be taken; None when they can.

    `widened`: it was taken once when characters were counted, of which each has up to four bytes.
    """
    most = limits.text_length * (4 if widened else 1)
    if (long := _bytes(text)) > most:
        return Refusal(
            code=Code.TEXT_TOO_LONG,
            sentence=f"The text has {long} bytes in {len(text)} characters; shorten it to {most} "
            "bytes.",
        )
    if len(attachments) > limits.attachments:
        return Refusal(
            code=Code.TOO_MANY_ATTACHMENTS,
            sentence=f"{len(attachments)} files are attached; attach at most {limits.attachments}.",
        )
    for attachment in attachments:
        if attachment.size > limits.attachment_bytes:
            return Refusal(
                code=Code.ATTACHMENT_REFUSED,
                sentence=f"A file has {attachment.size} bytes; "
                f"attach files of at most {limits.attachment_bytes} bytes.",
            )
        if attachment.media_type not in limits.media_types:
            return Refusal(
                code=Code.ATTACHMENT_REFUSED,
                sentence=f"Files of the type {attachment.media_type} are not taken; "
                f"attach one of {', '.join(limits.media_types)}.",
            )
        if (long := _bytes(attachment.name)) > LONGEST_NAME:
            return Refusal(
                code=Code.ATTACHMENT_REFUSED,
                sentence=f"A file's name has {long} bytes; shorten it to {LONGEST_NAME}.",
            )
    return None


def character_refusal(said: Value) -> Refusal | None:
    """Why the characters of what was sent cannot be taken, wherever in it they stand.

    Control characters command terminals and are no text to XML, mail and databases; what turns
    the direction of writing hides what a name or a text says.
    """
    for place, text, may_have_lines in _texts(said, ""):
        if text.isprintable():
            continue
        for character in text:
            if _is_harmful(character, may_have_lines):
                return Refusal(
                    code=Code.CHARACTER_REFUSED,
                    sentence=f"`{place}` holds the character U+{ord(character):04X}, which is no "
                    "text; leave it out.",
                )
    return None


def reason_refusal(asked: Recalculate) -> Refusal | None:
    """Why the reason of a recalculation cannot be kept: it becomes a line of the timeline."""
    if (long := _bytes(asked.reason)) > LONGEST_REASON:
        return Refusal(
            code=Code.TEXT_TOO_LONG,
            sentence=f"The reason has {long} bytes; shorten it to {LONGEST_REASON}.",
        )
    return character_refusal(asked)


def count_refusal(
    by: Party, now: datetime, zone: str, messages: Iterable[Message], limits: MessageLimits
) -> Refusal | None:
    """Why `by` cannot write another message now; a day is a local day of the case's country."""
    local = ZoneInfo(zone)
    written = [message for message in messages if message.by.party is by]
    today = [m for m in written if m.at.astimezone(local).date() == now.astimezone(local).date()]
    if len(written) >= limits.per_case:
        return Refusal(
            code=Code.TOO_MANY_MESSAGES,
            sentence=f"You have written {limits.per_case} messages in this case, "
            "the most it takes; ask for an agent instead.",
        )
    if len(today) >= limits.per_day:
        return Refusal(
            code=Code.TOO_MANY_MESSAGES,
            sentence=f"You have written {limits.per_day} messages today; write again tomorrow.",
        )
    return None


def name_refusal(by: Actor) -> Refusal | None:
    """Whoever writes to a customer signs with a first and last name (A2)."""
    if by.party is Party.AGENT and len(by.name.split()) < 2:
        return Refusal(
            code=Code.NAME_MISSING,
            sentence="Give the agent's first and last name as `by.name`, on the command line "
            'with --as agent:ID:"First Last".',
        )
    return None


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _is_harmful(character: str, may_have_lines: bool) -> bool:
    if may_have_lines and (character in IN_TEXTS or character in LINE_ENDS):
        return False
    if unicodedata.category(character) in ("Cc", "Cs"):
        return True
    return character in (OVERRIDES if may_have_lines else DIRECTIONS + LINE_ENDS)


def _texts(said: object, place: str) -> Iterator[tuple[str, str, bool]]:
    """Every text in a value, where it stands, and whether it may have several lines."""
    if isinstance(said, str):
        yield place, said, place in WRITTEN
    elif isinstance(said, Value):
        for name, value in said.__dict__.items():
            yield from _texts(value, f"{place}.{name}" if place else name)
    elif isinstance(said, tuple):
        for number, value in enumerate(said):
            yield from _texts(value, f"{place}.{number}")
