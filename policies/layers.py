"""The files that a country's rules stand in, laid over each other key by key.

A folder has `common.toml`, for all of its countries, and over it a file a country. Where
`common.toml` says `over = "<folder>"`, both of these lie over the two of that folder in turn. A
file names what it changes; `without = ["inquiry", "complaint.amount.remind_after"]` at its top
names what the files below it say, and what does not hold.
"""

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

COMMON = "common.toml"
OVER = "over"
WITHOUT = "without"

LARGEST_FILE = 1_000_000
"""Bytes of a policy file."""

DEEPEST = 10
"""How many sections may stand in each other: more than any rule has."""

Key = tuple[str, ...]
"""Where something stands: the names of its sections, and its own."""


class PolicyError(ValueError):
    """A policy that cannot be read; the message names the file and the key in one sentence."""


def dotted(key: Key) -> str:
    """A key as one writes it in a file."""
    return ".".join(name if re.fullmatch(r"[\w-]+", name) else repr(name) for name in key)


@dataclass(frozen=True)
class Layer:
    """One file: what a sentence calls it, whether it is of all countries, and its bytes."""

    name: str
    common: bool
    raw: bytes


@dataclass
class Laid:
    """What several layers say together.

    `said`: the files that say something of a key, or of what is below it, the lowest first.
    """

    table: dict[str, Any] = field(default_factory=dict)
    said: dict[Key, list[str]] = field(default_factory=dict)
    _gone: set[Key] = field(default_factory=set)

    def lay(self, layer: Layer) -> None:
        """Put one more layer on top. Raises `PolicyError` for one that does not fit."""
        table = dict(_table(layer))
        closed = set[Key]()
        if layer.common:
            table.pop(OVER, None)
            # A file for all countries speaks to those that have what it changes.
            closed = self._gone.copy()
        for name in _names(table.pop(WITHOUT, []), layer):
            key = tuple(name.split("."))
            if key not in self.said:
                raise PolicyError(
                    f"{layer.name}: without names {name!r}, which no file below it says."
                )
            self._drop(key)
            self._gone.add(key)
        self._put(table, (), layer, closed)

    def _put(self, table: dict[str, Any], above: Key, layer: Layer, closed: set[Key]) -> None:
        if len(above) > DEEPEST:
            raise PolicyError(f"{layer.name}: {dotted(above[:2])} has sections too deep in it.")
        here = self._at(above)
        for name, value in table.items():
            key = (*above, name)
            if key in closed:
                continue
            self._gone.discard(key)
            was = here.get(name)
            if name in here and isinstance(was, dict) is not isinstance(value, dict):
                kind = "a section" if isinstance(was, dict) else "no section"
                raise PolicyError(
                    f"{layer.name}: {dotted(key)} must be {kind}, as in {self.said[key][-1]}."
                )
            self.said.setdefault(key, []).append(layer.name)
            if isinstance(value, dict):
                here.setdefault(name, {})
                self._put(value, key, layer, closed)
            else:
                here[name] = value

    def _at(self, key: Key) -> dict[str, Any]:
        found = self.table
        for name in key:
            found = found[name]
        return found

    def _drop(self, key: Key) -> None:
        del self._at(key[:-1])[key[-1]]
        for other in [other for other in self.said if other[: len(key)] == key]:
            del self.said[other]


def countries_in(folder: Path) -> list[str]:
    """The countries that have a file of their own in some layer of a folder."""
    found = {path.stem.upper() for one in _folders(folder) for path in one.glob("[a-z][a-z].toml")}
    return sorted(found)


def layers_of(country: str, folder: Path) -> tuple[Layer, ...]:
    """The files that a country's rules stand in, the lowest first."""
    folders = _folders(folder)
    return tuple(
        _read(path, folders)
        for one in folders
        for path in (one / COMMON, one / f"{country.lower()}.toml")
        if path.is_file()
    )


def strays(folder: Path) -> Iterator[str]:
    """The files in a folder's layers that look like policies and that no country reads."""
    folders = _folders(folder)
    known = {COMMON} | {f"{country.lower()}.toml" for country in countries_in(folder)}
    for one in folders:
        yield from (
            _name(path, folders) for path in sorted(one.glob("*.toml")) if path.name not in known
        )


def _folders(folder: Path) -> list[Path]:
    """The folders whose files lie over each other, the lowest first."""
    if not os.path.isdir(folder):
        raise PolicyError(f"{folder} is no folder, so it has no policies.")
    found = [folder]
    while (common := found[0] / COMMON).is_file():
        layer = _read(common, found)
        over = _table(layer).get(OVER)
        if over is None:
            break
        if not isinstance(over, str) or not os.path.isdir(found[0] / over):
            raise PolicyError(f"{layer.name}: over must be the path of a folder, not {over!r}.")
        below = (found[0] / over).resolve()
        if below in [one.resolve() for one in found]:
            raise PolicyError(f"{layer.name}: over leads back to {over!r}, which lies over it.")
        found.insert(0, below)
    return found


def _read(path: Path, folders: list[Path]) -> Layer:
    name = _name(path, folders)
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise PolicyError(f"{name} cannot be read: {error.strerror}.") from None
    if len(raw) > LARGEST_FILE:
        raise PolicyError(f"{name} has more than {LARGEST_FILE:,} bytes, as no policy does.")
    return Layer(name, path.name == COMMON, raw.replace(b"\r\n", b"\n"))


def _name(path: Path, folders: list[Path]) -> str:
    """What a file is called: by its folder's name, or by its whole path where two are alike."""
    alike = [folder for folder in folders if folder.name == path.parent.name]
    return str(path) if len(alike) > 1 else f"{path.parent.name}/{path.name}"


@lru_cache(maxsize=64)
def _table(layer: Layer) -> dict[str, Any]:
    """What a file says: not to be changed."""
    try:
        return tomllib.loads(layer.raw.decode())
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{layer.name} is not TOML: {error}.") from None
    except UnicodeDecodeError as error:
        raise PolicyError(f"{layer.name} is not UTF-8 at byte {error.start}.") from None
    except RecursionError:
        raise PolicyError(f"{layer.name} has lists too deep in each other.") from None


def _names(value: object, layer: Layer) -> list[str]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return value
    raise PolicyError(f"{layer.name}: without must be a list of keys, not {value!r}.")
