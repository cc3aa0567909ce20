"""Headers of mails that keep their spaces however they are folded.

Where Python breaks the line of a header between two encoded words, it loses the space there, or,
once that was mended, writes what some mail servers refuse (python/cpython#92081, #144156).
"""

from email.header import Header
from email.headerregistry import AddressHeader, BaseHeader
from email.policy import EmailPolicy
from typing import Any


class WholeHeaders(EmailPolicy):
    """The policy of `email.policy.SMTP`, with what is not ASCII encoded whole."""

    def fold(self, name: str, value: Any) -> str:
        """A header as it is sent, with the ends of its lines."""
        if not isinstance(value, BaseHeader) or value.isascii():
            folded: str = super().fold(name, value)
            return folded
        words, rest = str(value), ""
        if isinstance(value, AddressHeader):
            [person] = value.addresses
            words, rest = person.display_name, f"{self.linesep} <{person.addr_spec}>"
        encoded = Header(words, "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {encoded}{rest}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same as bytes."""
        return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii")


WHOLE = WholeHeaders(linesep="\r\n")
