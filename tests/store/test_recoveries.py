"""Money that carriers have paid (P5)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from domain.money import Money
from domain.ports import Recovery
from store.errors import ContradictionError
from store.recoveries import Recoveries


def recovery(key: str, at: datetime, seller_id: str = "s-1", minor: int = 4990) -> Recovery:
    return Recovery(
        key=key,
        case_id="carrier-claim:SI:1001:PX-1",
        order_id="1001",
        seller_id=seller_id,
        amount=Money(amount_minor=minor, currency="EUR"),
        at=at,
    )


def test_is_recovered_money_kept_once_and_listed_newest_first(
    engine: Engine, noon: datetime
) -> None:
    recoveries = Recoveries(engine)
    old, new = recovery("k1", noon), recovery("k2", noon + timedelta(days=1))
    other = recovery("k3", noon, seller_id="s-2")
    for each in (old, new, other, old, recovery("k1", noon + timedelta(days=9))):
        recoveries.record(each)
    assert recoveries.of_seller("s-1") == [new, old]
    assert recoveries.of_seller("s-2") == [other]


@pytest.mark.parametrize("more", [{"minor": 1}, {"seller_id": "s-2"}])
def test_does_other_money_under_the_same_key_contradict(
    engine: Engine, noon: datetime, more: dict[str, object]
) -> None:
    recoveries = Recoveries(engine)
    recoveries.record(recovery("k1", noon))
    with pytest.raises(ContradictionError, match="booked to s-1 already"):
        recoveries.record(recovery("k1", noon, **more))  # type: ignore[arg-type]
    assert recoveries.of_seller("s-1") == [recovery("k1", noon)]


def test_do_twenty_reports_at_once_make_one_recovery(
    engine: Engine, noon: datetime, at_once: Callable[[Callable[[int], None]], list[None]]
) -> None:
    recoveries = Recoveries(engine)
    at_once(lambda _number: recoveries.record(recovery("k1", noon)))
    assert recoveries.of_seller("s-1") == [recovery("k1", noon)]


def test_do_pages_go_on_where_the_last_one_ended(engine: Engine, noon: datetime) -> None:
    recoveries = Recoveries(engine)
    for number in range(5):
        recoveries.record(recovery(f"k{number}", noon + timedelta(days=number // 2)))
    whole = recoveries.of_seller("s-1")
    for place, last in enumerate(whole):
        assert recoveries.of_seller("s-1", 2, (last.at, last.key)) == whole[place + 1 : place + 3]
