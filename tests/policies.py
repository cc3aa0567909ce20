"""Policies of a test's own: a few keys, laid over the files of a folder; and who has which."""

import json
from pathlib import Path
from typing import Any

import pytest

from policies import countries, read_policy

COMMON = "common"
"""The file for all countries; the others are named by their country."""


COUNTRIES = tuple(countries())
"""Every country that has rules. Whoever adds one, adds it to what is tried."""

EVERY_COUNTRY = pytest.mark.parametrize("country", COUNTRIES)

FIVE = ("PL", "SI", "CZ", "SK", "HU")
"""Those of which a test knows what the law says; another one's may say something else."""


OF_THE_FIVE = pytest.mark.parametrize("country", FIVE)


def dear_lines(country: str) -> dict[str, Any]:
    """What the usual order costs where money is of small units, so that it is worth sending back;
    nothing where it is worth it anyway.
    """
    rules = read_policy(country).goods_return
    if not rules or rules.returnless_limit_minor < 25_000:
        return {}
    return {
        "lines": [
            {"sku": "A", "title": "Lamp", "quantity": 2, "unit_price_minor": 1_000_000},
            {"sku": "B", "title": "Shade", "quantity": 1, "unit_price_minor": 500_000},
        ]
    }


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
