"""Where people's files lie, by what is in them: behind a port, so that it can be elsewhere."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from service.failures import SilentError

CHUNK = 256 * 1024
"""Bytes that are read at once."""


class Shelf(Protocol):
    """Keeps bytes under names like `uploads/…` or `files/…`. Any of several processes may call it;
    SilentError is raised where it does not answer.
    """

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Keep them whole or not at all; what was there under the name is replaced."""

    def get(self, name: str) -> Iterator[bytes]:
        """What is kept under a name, chunk by chunk."""

    def drop(self, name: str) -> None:
        """Keep it no more; nothing happens where there is nothing."""


class Folder:
    """A shelf in a folder, which all processes of the API share. It is for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write beside, and then move: nobody reads a half of it."""
        place = self._folder / name
        beside = place.with_name(f"{place.name}.{uuid4().hex}")
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as f:
                for chunk in chunks:
                    f.write(chunk)
                f.flush()
                os.fsync(f.fileno())
            beside.replace(place)
        except OSError as error:
            raise _silent(error) from None
        finally:
            beside.unlink(missing_ok=True)

    def get(self, name: str) -> Iterator[bytes]:
        """Read it; that it is there is seen before the first chunk is asked for."""
        try:
            file = (self._folder / name).open("rb")
        except OSError as error:
            raise _silent(error) from None

        def chunks() -> Iterator[bytes]:
            with file:
                while chunk := file.read(CHUNK):
                    yield chunk

        return chunks()

    def drop(self, name: str) -> None:
        """Delete it, and its folder with the last of it."""
        place = self._folder / name
        try:
            place.unlink(missing_ok=True)
        except OSError as error:
            raise _silent(error) from None


def _silent(error: OSError) -> SilentError:
    return SilentError(f"The folder of files does not take or give one: {error.strerror}.")


def name_of(sha256: str) -> str:
    """Under which name a file lies, by what is in it: the same content lies there once."""
    return f"files/{sha256[:2]}/{sha256}"


def name_of_piece(upload_id: str, offset: int, digest: str) -> str:
    """Under which name a piece of an upload waits for the others."""
    return f"uploads/{upload_id}-{offset}-{digest[:16]}"


def digest_of(chunks: Iterable[bytes]) -> tuple[str, int]:
    """The SHA-256 of a content, and its size in bytes."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
