"""What may be written to a terminal."""

from typing import Any


def printable(text: Any) -> str:
    """What others wrote, without characters that could command a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in str(text))
