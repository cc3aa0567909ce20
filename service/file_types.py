"""What a file is, by what is in it: what its sender says of it is a claim."""

import codecs
from collections.abc import Iterable

import puremagic

HEAD = 4096
"""Bytes of the beginning by which a type is known."""

TEXT = "text/plain"

PLAIN = frozenset("\t\n\r\f")
"""The control characters that a text may have."""


def is_of_type(media_type: str, chunks: Iterable[bytes]) -> bool:
    """Whether a content is of this type, as far as its beginning tells; a text to its end."""
    if media_type == TEXT:
        return _is_text(chunks)
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    return media_type in _types(head[:HEAD])


def _types(head: bytes) -> set[str]:
    """The types that are most likely by the first bytes; empty where none is known."""
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return set()
    best = max((one.confidence for one in found), default=0)
    return {one.mime_type for one in found if one.confidence == best}


def _is_text(chunks: Iterable[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks:
            if not all(letter >= " " or letter in PLAIN for letter in decoder.decode(chunk)):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
