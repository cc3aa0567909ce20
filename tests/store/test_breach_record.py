"""Recorded breaches (H7)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain.ports import BreachReport
from store.breaches import Breaches


def breach(key: str, at: datetime, seller_id: str = "s-1") -> BreachReport:
    return BreachReport(
        key=key,
        case_id="dispute:SI:1001:1",
        seller_id=seller_id,
        window="seller_reply",
        due=at - timedelta(minutes=1),
        at=at,
    )


def test_is_a_breach_recorded_once_and_listed_newest_first(engine: Engine, noon: datetime) -> None:
    breaches = Breaches(engine)
    old, new = breach("k1", noon), breach("k2", noon + timedelta(days=1))
    other = breach("k3", noon, seller_id="s-2")
    for report in (old, new, other, old, breach("k1", noon + timedelta(days=9))):
        breaches.record(report)
    assert breaches.of_seller("s-1") == [new, old]
    assert breaches.of_seller("s-2") == [other]


def test_do_twenty_reports_at_once_make_one_breach(
    engine: Engine, noon: datetime, at_once: Callable[[Callable[[int], None]], list[None]]
) -> None:
    breaches = Breaches(engine)
    at_once(lambda _number: breaches.record(breach("k1", noon)))
    assert breaches.of_seller("s-1") == [breach("k1", noon)]
