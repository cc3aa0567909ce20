"""What sellers report of parcels that nobody collected (P3, P4, P6)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from domain.commands import CostKind
from domain.money import Money
from domain.ports import CostClaim, NonCollection
from store.seller_reports import InactiveBuyer, SellerReportBook


def cost(number: int, at: datetime, deducted: int = 0, seller: str = "s-1") -> CostClaim:
    """A cost of 12.99."""
    return CostClaim(
        key=f"uncollected-parcel:SI:1001:PX1:cost:{number}",
        case_id="uncollected-parcel:SI:1001:PX1",
        seller_id=seller,
        buyer_id="b-1",
        order_id="1001",
        cost=CostKind.WAY_BACK,
        amount=Money(amount_minor=1299, currency="EUR"),
        evidence=("a" * 64,),
        at=at,
        deducted_minor=deducted,
    )


def report(case: str, at: datetime, buyer: str = "b-1", seller: str = "s-1") -> NonCollection:
    """A parcel of the buyer that was not collected."""
    return NonCollection(case_id=case, seller_id=seller, buyer_id=buyer, order_id="1001", at=at)


def test_is_a_cost_kept_once_and_its_deduction_too(engine: Engine, noon: datetime) -> None:
    book, later = SellerReportBook(engine), noon + timedelta(days=1)
    for one in (cost(1, noon), cost(2, later), cost(1, noon, 900), cost(1, noon), cost(1, noon, 5)):
        book.keep_cost(one)
    book.keep_cost(cost(3, noon, seller="s-2"))
    assert book.costs("s-1") == [cost(2, later), cost(1, noon, 900)]


def test_does_a_deduction_that_comes_first_stay(engine: Engine, noon: datetime) -> None:
    book = SellerReportBook(engine)
    book.keep_cost(cost(1, noon, 900))
    book.keep_cost(cost(1, noon))
    assert book.costs("s-1") == [cost(1, noon, 900)]


def test_is_no_more_deducted_than_it_cost(engine: Engine, noon: datetime) -> None:
    book = SellerReportBook(engine)
    book.keep_cost(cost(1, noon))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("UPDATE cost_claims SET deducted_minor = 1300"))


def test_do_twenty_reports_at_once_make_one(
    engine: Engine, noon: datetime, at_once: Callable[[Callable[[int], None]], list[None]]
) -> None:
    book = SellerReportBook(engine)
    at_once(lambda number: book.keep_cost(cost(1, noon, 900 if number % 2 else 0)))
    at_once(lambda _number: book.keep_non_collection(report("c1", noon)))
    assert book.costs("s-1") == [cost(1, noon, 900)]
    assert [one.parcels for one in book.inactive_buyers("s-1")] == [1]


def test_are_a_sellers_inactive_buyers_those_reported_most_often_first(
    engine: Engine, noon: datetime
) -> None:
    book, later = SellerReportBook(engine), noon + timedelta(days=1)
    for one in (
        report("c1", noon, "b-1"),
        report("c2", noon, "b-2"),
        report("c3", later, "b-2"),
        report("c3", noon + timedelta(days=9), "b-2"),
        report("c4", noon, "b-3", seller="s-2"),
    ):
        book.keep_non_collection(one)
    assert book.inactive_buyers("s-1") == [
        InactiveBuyer(buyer_id="b-2", parcels=2, last_at=later),
        InactiveBuyer(buyer_id="b-1", parcels=1, last_at=noon),
    ]


def test_do_pages_of_costs_and_buyers_go_on_where_the_last_one_ended(
    engine: Engine, noon: datetime
) -> None:
    book = SellerReportBook(engine)
    for number in range(7):
        at = noon + timedelta(days=number // 3)
        book.keep_cost(cost(number, at))
        book.keep_non_collection(report(f"c{number}", at, f"b-{number % 5}"))
    costs, buyers = book.costs("s-1"), book.inactive_buyers("s-1")
    assert (len(costs), len(buyers)) == (7, 5)
    for place, last in enumerate(costs):
        behind = book.costs("s-1", 2, (last.at, last.key))
        assert behind == costs[place + 1 : place + 3]
    for place, reported in enumerate(buyers):
        assert book.inactive_buyers("s-1", 2, reported) == buyers[place + 1 : place + 3]
