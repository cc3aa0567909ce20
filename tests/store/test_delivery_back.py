"""Does the ledger know how much of the delivery came back, and does no refund take more of it?"""

import pytest
from sqlalchemy import Engine, text

from domain.money import Money
from domain.orders import Line
from domain.ports import (
    LinePaid,
    Payout,
    PayoutKind,
    RefundCommand,
    RefundReport,
    RefundState,
)
from store.errors import ContradictionError
from store.refunds import RefundLedger
from tests.store.conftest import NOON

ORDER = "1001"
SOLD = (Line(sku="cup", quantity=2), Line(sku="pot", quantity=1))
PRICES = (LinePaid(sku="cup", paid_minor=2000), LinePaid(sku="pot", paid_minor=1000))
CUP, CUPS, POT = ((Line(sku=sku, quantity=n),) for sku, n in (("cup", 1), ("cup", 2), ("pot", 1)))


def euros(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


PAID = euros(3490)


def refund(
    ledger: RefundLedger,
    key: str,
    units: tuple[Line, ...],
    minor: int,
    delivery: int | None = None,
    *,
    reduction: bool = False,
) -> int:
    """Order a refund; how much of the delivery has come back with it."""
    command = RefundCommand(
        key=key,
        case_id=f"case of {key}",
        order_id=ORDER,
        amount=euros(minor),
        units=units,
        sold=SOLD,
        prices=PRICES,
        paid=PAID,
        delivery_minor=delivery,
        reduction=reduction,
    )
    ledger.request(command, NOON)
    return ledger.come_back(ORDER)[1]


@pytest.fixture
def ledger(engine: Engine) -> RefundLedger:
    return RefundLedger(engine)


def test_it_is_what_each_refund_says_whatever_was_deducted(ledger: RefundLedger) -> None:
    assert ledger.come_back(ORDER)[1] == 0
    assert refund(ledger, "a", CUPS, 2000 + 300 - 500, 300) == 300
    assert refund(ledger, "b", POT, 1190, 190) == 490


def test_where_nobody_says_it_it_is_what_is_above_the_price(ledger: RefundLedger) -> None:
    assert refund(ledger, "a", CUPS, 400, reduction=True) == 0
    assert refund(ledger, "b", CUP, 800 + 90) == 90
    assert refund(ledger, "c", POT, 700) == 90


def test_money_that_others_paid_counts_and_a_refund_that_failed_does_not(
    ledger: RefundLedger,
) -> None:
    assert refund(ledger, "a", CUPS, 2490, 490) == 490
    ledger.report(RefundReport(key="a", state=RefundState.FAILED), NOON)
    assert ledger.come_back(ORDER)[1] == 0
    payout = Payout(
        key="chargeback-1",
        kind=PayoutKind.CHARGEBACK,
        order_id=ORDER,
        amount=euros(1200),
        units=POT,
        sold=SOLD,
        paid=PAID,
    )
    ledger.report_payout(payout, NOON)
    assert ledger.come_back(ORDER)[1] == 200


def test_no_refund_takes_more_of_the_delivery_than_is_left(ledger: RefundLedger) -> None:
    # A deduction leaves room in the sum of the order, and none in the delivery.
    refund(ledger, "a", CUPS, 2490 - 1000, 490)
    with pytest.raises(ContradictionError, match="EUR are left"):
        refund(ledger, "b", POT, 1001, 1)
    assert refund(ledger, "c", POT, 1000, 0) == 490


def test_a_refund_in_fillers_that_was_reckoned_before_is_taken(ledger: RefundLedger) -> None:
    forints = {"amount": 49_666, "paid": 149_000}
    command = RefundCommand(
        key="old",
        case_id="case of old",
        order_id="1002",
        amount=Money(amount_minor=forints["amount"], currency="HUF"),
        units=CUP,
        sold=(Line(sku="cup", quantity=3),),
        prices=(LinePaid(sku="cup", paid_minor=forints["paid"]),),
        paid=Money(amount_minor=forints["paid"], currency="HUF"),
    )
    assert ledger.request(command, NOON).state is RefundState.REQUESTED
    assert ledger.come_back("1002")[1] == 0


def test_of_a_refund_that_was_ordered_before_it_is_reckoned(
    ledger: RefundLedger, engine: Engine
) -> None:
    refund(ledger, "a", CUPS, 2250, 250)
    with engine.begin() as connection:
        connection.execute(text("UPDATE refunds SET delivery_minor = NULL"))
    assert ledger.come_back(ORDER)[1] == 250
