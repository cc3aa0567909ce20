"""Policies of a test's own: a few keys, laid over the files of a folder."""

import json
from pathlib import Path

COMMON = "common"
"""The file for all countries; the others are named by their country."""


def laid_over(below: Path, folder: Path, changes: dict[str, dict[str, object]]) -> Path:
    """A new folder over another one: which keys each of its files changes."""
    folder.mkdir()
    for name, keys in changes.items():
        write_layer(folder / f"{name}.toml", keys)
    write_layer(folder / f"{COMMON}.toml", {"over": str(below)} | changes.get(COMMON, {}))
    return folder


def write_layer(file: Path, keys: dict[str, object]) -> None:
    """Write a policy file of such keys as `dispute.appeal.length`."""
    # What JSON makes of text, numbers, booleans and lists of them is TOML as well.
    file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items()))
