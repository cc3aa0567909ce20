"""Reading files and standard input up to a size: what comes from outside can be endless."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from service.failures import InputError

LARGEST_DOCUMENT = 10_000_000
"""Bytes of a document: a list of thousands of issues."""

LONGEST_LINE = 1_000_000
"""Bytes of a line of a batch."""


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """A file, or standard input if `name` is "-". InputError for one that cannot be opened."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below; only opening is refused here
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"The file {name!r} cannot be read: {reason}.") from None
    with file:
        yield file


def read_document(name: str) -> bytes:
    """The whole of it; InputError if it cannot be read, or is larger than any document."""
    with opened(name) as file:
        try:
            raw = file.read(LARGEST_DOCUMENT + 1)
        except OSError as error:
            raise InputError(f"The file {name!r} cannot be read: {error.strerror}.") from None
    if len(raw) > LARGEST_DOCUMENT:
        what = "Standard input" if name == "-" else name
        raise InputError(f"{what} has more than {LARGEST_DOCUMENT:,} bytes; give it in parts.")
    return raw


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a batch; of one that is too long the beginning, which `decoded` refuses."""
    while line := file.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE + 1)


def decoded(line: bytes) -> str:
    """A line of a batch as text; InputError for one that is none, or blank, or too long."""
    if len(line) > LONGEST_LINE:
        raise InputError(f"The line has more than {LONGEST_LINE:,} bytes.")
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InputError("The line is not UTF-8.") from None
    if not text:
        raise InputError("The line is blank.")
    return text
