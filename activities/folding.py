"""Headers of mails that keep their spaces however they are folded.

Where Python breaks the line of a header between two encoded words, it loses the space there, or,
once that was mended, writes what some mail servers refuse (python/cpython#92081, #144156).
"""

from base64 import b64encode
from collections.abc import Iterator
from email.headerregistry import AddressHeader, BaseHeader
from email.policy import EmailPolicy
from functools import lru_cache
from typing import Any

LONGEST_LINE = 76
"""Characters of a line with an encoded word (RFC 2047, 2)."""

ALWAYS_ALIKE = frozenset(
    {
        "Auto-Submitted",
        "Content-Language",
        "Content-Transfer-Encoding",
        "Content-Type",
        "MIME-Version",
    }
)
"""Headers that say the same in nearly every mail: read once."""


class WholeHeaders(EmailPolicy):
    """The policy of `email.policy.SMTP`, with what is not ASCII encoded whole."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """A header as a mail keeps it."""
        if name in ALWAYS_ALIKE and type(value) is str:
            return name, _read(self, name, value)
        return super().header_store_parse(name, value)

    def fold(self, name: str, value: Any) -> str:
        """A header as it is sent, with the ends of its lines."""
        if not isinstance(value, BaseHeader) or value.isascii():
            short = f"{name}: {value}"
            if name in ALWAYS_ALIKE and len(short) <= LONGEST_LINE and short.isprintable():
                return short + self.linesep
            folded: str = super().fold(name, value)
            return folded
        words, rest = str(value), ""
        if isinstance(value, AddressHeader):
            [person] = value.addresses
            words, rest = person.display_name, f"{self.linesep} <{person.addr_spec}>"
        encoded = f"{self.linesep} ".join(encoded_words(words, LONGEST_LINE - len(f"{name}: ")))
        return f"{name}: {encoded}{rest}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same as bytes."""
        return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii")


@lru_cache(maxsize=256)
def _read(policy: EmailPolicy, name: str, value: str) -> Any:
    return EmailPolicy.header_store_parse(policy, name, value)[1]


def encoded_words(text: str, first: int) -> Iterator[str]:
    """The text as words in B (RFC 2047, 4.1), each for a line; the first has so much room.

    A character is in one word whole. Spaces are in the words, between which a reader leaves out
    the ends of lines.
    """
    word, room = b"", first
    for character in text:
        coded = character.encode()
        if word and len(_encoded(word + coded)) > room:
            yield _encoded(word)
            word, room = b"", LONGEST_LINE - 1
        word += coded
    yield _encoded(word)


def _encoded(word: bytes) -> str:
    return f"=?utf-8?b?{b64encode(word).decode()}?="


WHOLE = WholeHeaders(linesep="\r\n")
