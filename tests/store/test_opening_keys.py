"""Keys under which cases are opened."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from store.opening_keys import OpeningKeys


def test_is_a_key_for_one_opening_of_one_caller(engine: Engine, noon: datetime) -> None:
    keys = OpeningKeys(engine)
    for _ in range(2):
        assert not keys.is_other("buyer b-1", "k", "dispute:PL:1:1", "d1", noon)
    assert keys.is_other("buyer b-1", "k", "dispute:PL:1:1", "d2", noon)
    assert keys.is_other("buyer b-1", "k", "dispute:PL:2:1", "d1", noon)
    assert not keys.is_other("seller b-1", "k", "dispute:PL:2:1", "d1", noon)
    assert not keys.is_other("buyer b-1", "l", "dispute:PL:1:1", "d2", noon)


def test_does_one_of_twenty_at_once_have_the_key(
    engine: Engine, at_once: Callable[[Callable[[int], Any]], list[Any]], noon: datetime
) -> None:
    keys = OpeningKeys(engine)
    others = at_once(lambda n: keys.is_other("c", "k", "dispute:PL:1:1", f"d{n}", noon))
    assert others.count(False) == 1
