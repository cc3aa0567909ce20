"""No unit of an order is refunded twice, and no order beyond what was paid, whoever asks."""

import json
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from alembic import command as alembic
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

import store
from domain.accounts import Account, MoneyBack, told_of
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
from store.engine import connect, migrate
from store.errors import ContradictionError, StaleError
from store.refunds import RefundLedger
from tests.store.conftest import NOON

FAILED, CONFIRMED = RefundState.FAILED, RefundState.CONFIRMED
SOLD = {"cup": 5, "pot": 2}
PAID = 7000
"""Of cups and pots at 1000 each."""


def euros(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


def lines(units: dict[str, int]) -> tuple[Line, ...]:
    return tuple(Line(sku=sku, quantity=number) for sku, number in units.items())


def refund(
    key: str,
    units: dict[str, int],
    minor: int = 1000,
    *,
    order_id: str = "1001",
    sold: dict[str, int] = SOLD,
    paid: int = PAID,
    after: dict[str, int] | None = None,
    prices: dict[str, int] | None = None,
    reduction: bool = False,
) -> RefundCommand:
    """A refund of a case of its own."""
    return RefundCommand(
        prices=tuple(LinePaid(sku=sku, paid_minor=n) for sku, n in (prices or {}).items()),
        reduction=reduction,
        key=key,
        case_id=f"case of {key}",
        order_id=order_id,
        amount=euros(minor),
        units=lines(units),
        sold=lines(sold),
        paid=euros(paid),
        after=None if after is None else gone(after),
    )


def gone(units: dict[str, int]) -> tuple[MoneyBack, ...]:
    """The first units of each line, refunded."""
    return tuple(MoneyBack(sku=sku, first=1, last=number) for sku, number in units.items())


def payout(key: str, units: dict[str, int], minor: int = 1000, *, order_id: str = "1001") -> Payout:
    return Payout(
        key=key,
        kind=PayoutKind.CHARGEBACK,
        order_id=order_id,
        amount=euros(minor),
        units=lines(units),
        sold=lines(SOLD),
        paid=euros(PAID),
    )


def report(ledger: RefundLedger, key: str, state: RefundState) -> None:
    ledger.report(RefundReport(key=key, state=state), NOON)


def written(engine: Engine, order_id: str = "1001") -> tuple[dict[str, Counter[str]], int]:
    """The units by the refund or payout that has them, and the sum, as the tables say."""
    with engine.connect() as connection:
        units = connection.execute(
            text("SELECT refund_key, sku FROM refunded_units WHERE order_id = :order"),
            {"order": order_id},
        ).all()
        total = connection.execute(
            text("SELECT refunded_minor FROM order_accounts WHERE order_id = :order"),
            {"order": order_id},
        ).scalar()
    by_key: dict[str, Counter[str]] = {}
    for key, sku in units:
        by_key.setdefault(key, Counter())[sku] += 1
    return by_key, total or 0


def paid_out(engine: Engine, order_id: str = "1001") -> tuple[dict[str, int], int]:
    """All money that left or may have left: units by sku and the sum, as the two ledgers say."""
    refunds = "SELECT units, amount_minor FROM refunds WHERE order_id = :o AND state <> 'failed'"
    payouts = "SELECT units, amount_minor FROM payouts WHERE order_id = :o"
    typed = text(f"{refunds} UNION ALL {payouts}".replace("units", "CAST(units AS TEXT) AS units"))
    with engine.connect() as connection:
        rows = connection.execute(typed, {"o": order_id}).all()
    units: Counter[str] = Counter()
    for named, _minor in rows:
        for line in json.loads(named):
            units[line["sku"]] += line["quantity"]
    return dict(units), sum(minor for _named, minor in rows)


def check_rule(engine: Engine, order_id: str = "1001") -> None:
    """No unit twice, no more than was paid, and the account says what the ledgers say."""
    units, total = paid_out(engine, order_id)
    assert all(number <= SOLD[sku] for sku, number in units.items())
    assert total <= PAID
    by_key, account = written(engine, order_id)
    assert dict(sum(by_key.values(), Counter())) == units
    assert account == total


def test_are_the_units_of_a_refund_refused_to_another_case(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    ledger.request(refund("r1", {"cup": 4, "pot": 1}, 5000), NOON)
    assert ledger.refunded("1001") == lines({"cup": 4, "pot": 1})
    with pytest.raises(ContradictionError, match="refunded already by r1") as caught:
        ledger.request(refund("r2", {"cup": 2}), NOON)
    assert str(caught.value) == (
        "2 of 'cup' cannot be refunded: of the 5 in order 1001 4 are refunded already by r1; "
        "ask for no more than what is left."
    )
    assert ledger.find("r2") is None
    ledger.request(refund("r2", {"cup": 1, "pot": 1}), NOON)
    assert ledger.refunded("1001") == lines(SOLD)
    assert ledger.refunded("another") == ()


def test_is_more_than_was_paid_refused(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    ledger.request(refund("r1", {"cup": 1}, 6000), NOON)
    with pytest.raises(ContradictionError, match=r"of the 70\.00 EUR that were paid .* 60\.00 EUR"):
        ledger.request(refund("r2", {"cup": 1}, 1001), NOON)
    ledger.request(refund("r2", {"cup": 1}, 1000), NOON)
    check_rule(engine)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (refund("r2", {"cup": 1}, sold={"cup": 6, "pot": 2}), "other quantities"),
        (refund("r2", {"cup": 1}, sold={"cup": 5}), "other quantities"),
        (refund("r2", {"cup": 1}, sold=SOLD | {"jug": 1}), "other quantities"),
        (refund("r2", {"cup": 1}, paid=7001), "not paid with 70.01 EUR"),
        (refund("r2", {"jug": 1}), "no line 'jug'"),
        (refund("r2", {}), "names no units"),
        (
            refund("r2", {"cup": 1}).model_copy(
                update={"amount": Money(amount_minor=1, currency="PLN")}
            ),
            "paid in EUR",
        ),
    ],
)
def test_is_an_order_that_is_not_the_one_known_refused(
    engine: Engine, wrong: RefundCommand, sentence: str
) -> None:
    ledger = RefundLedger(engine)
    ledger.request(refund("r1", {"cup": 1}), NOON)
    with pytest.raises(ContradictionError, match=sentence):
        ledger.request(wrong, NOON)
    assert ledger.find("r2") is None
    check_rule(engine)


def test_do_units_named_twice_count_twice(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    twice = refund("r1", {}).model_copy(update={"units": (Line(sku="pot", quantity=1),) * 2})
    ledger.request(twice, NOON)
    assert ledger.refunded("1001") == lines({"pot": 2})
    with pytest.raises(ContradictionError, match="refunded already"):
        ledger.request(refund("r2", {"pot": 1}), NOON)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_are_ten_thousand_units_of_a_line_refunded_at_once(engine: Engine) -> None:
    many = {"screw": 10_000}
    RefundLedger(engine).request(refund("r1", many, sold=many), NOON)
    assert RefundLedger(engine).refunded("1001") == lines(many)


def test_does_a_failed_refund_give_back_its_units_and_amount_once(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    ledger.request(refund("r1", {"cup": 5}, 6500), NOON)
    for _ in range(2):
        report(ledger, "r1", FAILED)
    assert ledger.refunded("1001") == ()
    ledger.request(refund("r1", {"cup": 5}, 6500), NOON)  # sent again, it stays failed
    assert written(engine) == ({}, 0)
    ledger.request(refund("r2", {"cup": 5}, 6500), NOON)
    check_rule(engine)


def test_does_a_failed_refund_that_was_paid_after_all_take_its_units_again(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    ledger.request(refund("r1", {"cup": 5}, 5000), NOON)
    report(ledger, "r1", FAILED)
    for _ in range(2):
        report(ledger, "r1", CONFIRMED)
    assert written(engine) == ({"r1": Counter(cup=5)}, 5000)


@pytest.mark.parametrize(("units", "minor"), [({"cup": 1}, 1), ({"pot": 1}, 2001)])
def test_is_it_called_out_that_units_or_money_were_paid_twice(
    engine: Engine, units: dict[str, int], minor: int
) -> None:
    ledger = RefundLedger(engine)
    ledger.request(refund("r1", {"cup": 5}, 5000), NOON)
    report(ledger, "r1", FAILED)
    ledger.request(refund("r2", units, minor), NOON)
    with pytest.raises(ContradictionError, match="agent must stop or reclaim one of the two"):
        report(ledger, "r1", CONFIRMED)
    failed = ledger.find("r1")
    assert failed is not None
    assert failed.state is FAILED
    check_rule(engine)
    report(ledger, "r2", FAILED)
    report(ledger, "r1", CONFIRMED)
    check_rule(engine)


def test_does_money_paid_without_us_take_its_units(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    for _ in range(2):
        ledger.report_payout(payout("p1", {"cup": 4}, 4000), NOON)
    assert ledger.refunded("1001") == lines({"cup": 4})
    assert written(engine) == ({"p1": Counter(cup=4)}, 4000)
    with pytest.raises(ContradictionError, match="refunded already by p1"):
        ledger.request(refund("r1", {"cup": 2}), NOON)


@pytest.mark.parametrize("state", [RefundState.REQUESTED, RefundState.UNCONFIRMED, CONFIRMED])
def test_is_money_paid_without_us_beside_a_refund_called_out(
    engine: Engine, state: RefundState
) -> None:
    ledger = RefundLedger(engine)
    ledger.request(refund("r1", {"cup": 5}, 5000), NOON)
    report(ledger, "r1", state)
    with pytest.raises(ContradictionError, match="by r1; an agent must stop or reclaim"):
        ledger.report_payout(payout("p1", {"cup": 1}), NOON)
    with pytest.raises(ContradictionError, match="an agent must stop or reclaim"):
        ledger.report_payout(payout("p1", {"pot": 1}, 2001), NOON)
    check_rule(engine)


@pytest.mark.parametrize(
    "other",
    [
        payout("p1", {"cup": 2}),
        payout("p1", {"cup": 1}, 999),
        payout("p1", {"cup": 1}, order_id="1002"),
        payout("p1", {"cup": 1}).model_copy(update={"kind": PayoutKind.GUARANTEE}),
        payout("r1", {"cup": 1}),
    ],
)
def test_is_another_payout_under_a_taken_key_refused(engine: Engine, other: Payout) -> None:
    ledger = RefundLedger(engine)
    ledger.report_payout(payout("p1", {"cup": 1}), NOON)
    ledger.request(refund("r1", {"cup": 1}), NOON)
    with pytest.raises(ContradictionError, match="key of its own"):
        ledger.report_payout(other, NOON)
    with pytest.raises(ContradictionError, match="key of its own"):
        ledger.request(refund("p1", {"cup": 1}), NOON)
    assert written(engine) == ({"p1": Counter(cup=1), "r1": Counter(cup=1)}, 2000)


def test_is_an_amount_reckoned_on_other_refunded_units_stale(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    ledger.request(refund("r1", {"cup": 1}, after={}), NOON)
    with pytest.raises(StaleError, match="reckon it anew"):
        ledger.request(refund("r2", {"cup": 1}, after={}), NOON)
    assert ledger.find("r2") is None
    second = ledger.request(refund("r2", {"cup": 1}, after={"cup": 1}), NOON)
    assert ledger.request(refund("r2", {"cup": 1}, after={"cup": 1}), NOON) == second
    with pytest.raises(StaleError):
        ledger.request(refund("r3", {"pot": 1}, after={"cup": 1}), NOON)
    report(ledger, "r2", FAILED)
    ledger.request(refund("r3", {"pot": 1}, after={"cup": 1}), NOON)
    report(ledger, "r1", FAILED)
    ledger.request(refund("r4", {"cup": 2}), NOON)
    report(ledger, "r3", FAILED)
    report(ledger, "r4", FAILED)
    ledger.request(refund("r5", {"cup": 1}), NOON)
    ledger.request(refund("r6", {"cup": 1}), NOON)
    report(ledger, "r5", FAILED)  # one cup is refunded, and it is not the first
    with pytest.raises(StaleError):
        ledger.request(refund("r7", {"pot": 1}, after={"cup": 1}), NOON)
    second_cup = (MoneyBack(sku="cup", first=2, last=2),)
    assert ledger.money_back("1001") == second_cup
    ledger.request(refund("r7", {"pot": 1}).model_copy(update={"after": second_cup}), NOON)


def test_are_no_two_partial_refunds_at_once_reckoned_on_the_same_basis(
    engine: Engine, at_once: Callable[[Callable[[int], int]], list[int]]
) -> None:
    ledger = RefundLedger(engine)
    sold, paid = {"bead": 20}, 1007

    def refund_one(number: int) -> int:
        while True:
            before = {line.sku: line.quantity for line in ledger.refunded("1001")}
            done = before.get("bead", 0)
            share = paid * (done + 1) // 20 - paid * done // 20
            command = refund(f"r{number}", {"bead": 1}, share, sold=sold, paid=paid, after=before)
            try:
                ledger.request(command, NOON)
            except StaleError:
                continue
            return done

    assert sorted(at_once(refund_one)) == list(range(20))
    assert written(engine)[1] == paid


def lived(ledger: RefundLedger, name: str, chance: Random) -> None:
    """A case asks for some units, at times fails, at times is paid, at times both."""
    units = {"cup": chance.randint(1, 3)} | ({"pot": 1} if chance.random() < 0.5 else {})
    minor = chance.choice([0, 500, 1000, 2500])
    try:
        if chance.random() < 0.2:
            ledger.report_payout(payout(name, units, minor), NOON)
            return
        ledger.request(refund(name, units, minor), NOON)
        for state in chance.choice([(), (CONFIRMED,), (FAILED,), (FAILED,), (FAILED, CONFIRMED)]):
            report(ledger, name, state)
    except ContradictionError:
        return


def test_do_cases_at_once_never_refund_a_unit_twice(
    engine: Engine, at_once: Callable[[Callable[[int], None]], list[None]]
) -> None:
    ledger = RefundLedger(engine)

    def live(thread: int) -> None:
        chance = Random(thread)
        for number in range(5):
            lived(ledger, f"{thread}-{number}", chance)

    at_once(live)
    check_rule(engine)
    assert written(engine)[1] > 0


def test_do_twenty_cases_at_once_refund_one_unit_once(
    engine: Engine, at_once: Callable[[Callable[[int], bool]], list[bool]]
) -> None:
    ledger = RefundLedger(engine)
    sold = {"lamp": 1}

    def accepted(number: int) -> bool:
        try:
            ledger.request(refund(f"r{number}", sold, 1, sold=sold), NOON)
        except ContradictionError:
            return False
        return True

    assert sum(at_once(accepted)) == 1


def live_in_a_process(url: str, process: int) -> None:
    engine = connect(url)
    chance = Random(process)
    for number in range(10):
        lived(RefundLedger(engine), f"process-{process}-{number}", chance)
    engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite"])  # on PostgreSQL every thread has a process anyway
def test_do_processes_at_once_never_refund_a_unit_twice(fresh_url: str) -> None:
    engine = connect(fresh_url)
    migrate(engine)
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawning) as processes:
        list(processes.map(live_in_a_process, [fresh_url] * 2, range(2)))
    check_rule(engine)
    assert written(engine)[1] > 0
    engine.dispose()


PRICES = {"cup": 5000, "pot": 2000}


def reduction(key: str, units: dict[str, int], minor: int, **more: Any) -> RefundCommand:
    return refund(key, units, minor, prices=PRICES, reduction=True, **more)


def check_units(engine: Engine, order_id: str = "1001") -> None:
    """Of no unit has more come back than was paid for it, whether refunded or reduced."""
    with engine.connect() as connection:
        reduced = connection.execute(
            text(
                "SELECT sku, number, SUM(amount_minor) FROM reduced_units "
                "WHERE order_id = :o GROUP BY sku, number"
            ),
            {"o": order_id},
        ).all()
        refunded = connection.execute(
            text(
                "SELECT refund_key, sku, number, less_minor FROM refunded_units WHERE order_id = :o"
            ),
            {"o": order_id},
        ).all()
    ledger = RefundLedger(engine)
    less = {(sku, n): minor for key, sku, n, minor in refunded if ledger.find(key)}
    for sku, number, minor in reduced:
        assert minor <= less.get((sku, number), PRICES[sku] // SOLD[sku])
    for key in {key for key, *_ in refunded}:
        found = ledger.find(key)
        left = sum(PRICES[sku] // SOLD[sku] - n for by, sku, _, n in refunded if by == key)
        assert found is None or found.amount.amount_minor <= left


def test_can_units_at_a_reduced_price_be_refunded_with_the_rest_of_it(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    first = ledger.request(reduction("d1", {"cup": 2}, 601), NOON)
    assert first.reduction
    assert ledger.request(reduction("d1", {"cup": 2}, 601), NOON) == first
    assert ledger.refunded("1001") == ()
    assert ledger.money_back("1001") == (
        MoneyBack(sku="cup", first=1, last=1, reduced_minor=300),
        MoneyBack(sku="cup", first=2, last=2, reduced_minor=301),
    )
    with pytest.raises(ContradictionError, match="key of its own"):
        ledger.request(refund("d1", {"cup": 2}, 601, prices=PRICES), NOON)
    # A second reduction is of units that were not reduced before, as long as there are any.
    ledger.request(reduction("d2", {"cup": 4}, 2650), NOON)
    assert ledger.money_back("1001") == (
        MoneyBack(sku="cup", first=1, last=1, reduced_minor=300 + 502),
        MoneyBack(sku="cup", first=2, last=2, reduced_minor=301),
        MoneyBack(sku="cup", first=3, last=5, reduced_minor=716),
    )
    with pytest.raises(ContradictionError, match=r"17\.49 EUR are left; ask for no more"):
        ledger.request(refund("w", {"cup": 5}, 1750, prices=PRICES), NOON)
    ledger.request(refund("w", {"cup": 5}, 1749, prices=PRICES), NOON)
    assert written(engine)[1] == 5000
    check_units(engine)


@pytest.mark.parametrize(
    ("units", "minor", "sentence"),
    [
        ({"pot": 1}, 1001, r"10\.00 EUR are left"),
        ({"cup": 2, "pot": 1}, 3001, r"30\.00 EUR are left"),
        ({"cup": 6}, 1, "6 of 'cup' cannot be refunded"),
        ({"jug": 1}, 1, "no line 'jug'"),
    ],
)
def test_is_a_price_never_reduced_by_more_than_is_left_of_it(
    engine: Engine, units: dict[str, int], minor: int, sentence: str
) -> None:
    ledger = RefundLedger(engine)
    # What is paid beyond the goods is for their delivery: that is no part of a price.
    with pytest.raises(ContradictionError, match=sentence):
        ledger.request(reduction("d1", units, minor, paid=9000), NOON)
    assert (ledger.find("d1"), ledger.money_back("1001")) == (None, ())
    ledger.request(reduction("d1", {"cup": 1}, 1000, paid=9000), NOON)
    for key, some, most in (("w1", {"cup": 1, "pot": 1}, 4000), ("w2", {"pot": 1}, 3000)):
        asked = refund(key, some, most + 1, prices=PRICES, paid=9000)
        with pytest.raises(ContradictionError, match=f"{most // 100}.00 EUR are left"):
            ledger.request(asked, NOON)
        ledger.request(refund(key, some, most - 2000, prices=PRICES, paid=9000), NOON)


def test_is_a_price_that_is_not_known_or_was_another_refused(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    with pytest.raises(ContradictionError, match="before it is known what was paid"):
        ledger.request(refund("d1", {"cup": 1}, 1, reduction=True), NOON)
    ledger.request(reduction("d1", {"cup": 1}, 1), NOON)
    wrong = reduction("d2", {"cup": 1}, 1).model_copy(
        update={"prices": (LinePaid(sku="cup", paid_minor=4000),)}
    )
    with pytest.raises(ContradictionError, match="'cup' of order 1001 had another price"):
        ledger.request(wrong, NOON)


def test_does_a_failed_reduction_give_back_what_it_took(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    ledger.request(reduction("d1", {"pot": 2}, 1500), NOON)
    for _ in range(2):
        report(ledger, "d1", FAILED)
    assert (ledger.money_back("1001"), written(engine)) == ((), ({}, 0))
    ledger.request(reduction("d2", {"pot": 1}, 1000), NOON)
    with pytest.raises(ContradictionError, match="agent must stop or reclaim one of the two"):
        report(ledger, "d1", CONFIRMED)
    report(ledger, "d2", FAILED)
    report(ledger, "d1", CONFIRMED)
    assert ledger.money_back("1001") == (MoneyBack(sku="pot", first=1, last=2, reduced_minor=750),)
    assert written(engine) == ({}, 1500)


def test_is_a_reduction_that_failed_after_the_units_were_refunded_still_paid(
    engine: Engine,
) -> None:
    ledger = RefundLedger(engine)
    ledger.request(reduction("d1", {"pot": 1}, 400), NOON)
    ledger.request(refund("w", {"pot": 2}, 1600, prices=PRICES), NOON)
    assert ledger.money_back("1001") == gone({"pot": 2})
    with pytest.raises(ContradictionError, match=r"0\.00 EUR are left"):
        ledger.request(reduction("d2", {"pot": 1}, 1), NOON)
    report(ledger, "d1", FAILED)
    unpaid = MoneyBack(sku="pot", first=1, last=1, unpaid_minor=400)
    assert ledger.money_back("1001") == (unpaid, MoneyBack(sku="pot", first=2, last=2))
    with pytest.raises(ContradictionError, match="refunded already by w"):
        ledger.request(refund("w2", {"pot": 1}, 400, prices=PRICES), NOON)
    with pytest.raises(ContradictionError, match=r"4\.00 EUR are left"):
        ledger.request(reduction("d1-again", {"pot": 1}, 401), NOON)
    ledger.request(reduction("d1-again", {"pot": 1}, 400), NOON)
    assert (ledger.money_back("1001"), written(engine)[1]) == (gone({"pot": 2}), 2000)
    check_units(engine)
    with pytest.raises(ContradictionError, match="agent must stop or reclaim one of the two"):
        report(ledger, "d1", CONFIRMED)


def test_is_a_reduction_known_that_was_entered_before_it_was_told_from_a_refund(
    engine: Engine,
) -> None:
    ledger = RefundLedger(engine)
    before = ledger.request(refund("d1", {"pot": 1}, 400), NOON)
    assert ledger.request(reduction("d1", {"pot": 1}, 400), NOON) == before
    assert ledger.money_back("1001") == gone({"pot": 1})


def test_does_a_reduction_that_is_ordered_again_pay_first_what_a_refund_was_less_by(
    engine: Engine,
) -> None:
    ledger = RefundLedger(engine)
    ledger.request(reduction("d1", {"cup": 2}, 600), NOON)
    ledger.request(refund("w1", {"cup": 4}, 3700, prices=PRICES), NOON)
    report(ledger, "d1", FAILED)
    ledger.request(reduction("d2", {"cup": 2}, 600), NOON)
    assert ledger.money_back("1001") == (
        MoneyBack(sku="cup", first=1, last=1),
        MoneyBack(sku="cup", first=2, last=2, reduced_minor=300),
        MoneyBack(sku="cup", first=3, last=5),
    )
    ledger.request(refund("w2", {"cup": 1}, 700, prices=PRICES), NOON)
    assert written(engine)[1] == PRICES["cup"]
    check_units(engine)


def test_are_units_of_which_everything_was_deducted_paid_by_no_other_case(engine: Engine) -> None:
    ledger = RefundLedger(engine)
    ledger.request(refund("w", {"cup": 1}, 0, prices=PRICES), NOON)
    assert (ledger.refunded("1001"), written(engine)[1]) == (lines({"cup": 1}), 0)
    with pytest.raises(ContradictionError, match="refunded already by w"):
        ledger.request(refund("c", {"cup": 5}, 1, prices=PRICES), NOON)


def test_do_reductions_and_a_refund_of_one_unit_at_once_add_up_to_its_price(
    engine: Engine, at_once: Callable[[Callable[[int], bool]], list[bool]]
) -> None:
    ledger = RefundLedger(engine)
    sold, prices = {"lamp": 1}, {"lamp": 1007}

    def accepted(number: int) -> bool:
        while True:
            known = ledger.money_back("1001")
            account = Account({"lamp": (1, 1007)}, told_of(known))
            left = account.left([("lamp", 1)])
            about: dict[str, Any] = {"sold": sold, "prices": prices, "paid": 1007}
            if number % 4:
                asked = refund(f"d{number}", sold, min(100, left), reduction=True, **about)
            else:
                asked = refund(f"w{number}", sold, left, **about)
            try:
                ledger.request(asked.model_copy(update={"after": known}), NOON)
            except StaleError:
                continue
            except ContradictionError:
                return False
            return True

    taken = at_once(accepted)
    assert sum(taken[::4]) == 1
    assert written(engine)[1] == 1007


STEP = st.one_of(
    st.tuples(
        st.sampled_from(["request", "payout"]),
        st.integers(0, 5),
        st.dictionaries(st.sampled_from(["cup", "pot"]), st.integers(1, 3), min_size=1),
        st.sampled_from([0, 1000, 3000, 4000]),
    ),
    st.tuples(st.sampled_from([FAILED, CONFIRMED]), st.integers(0, 5)),
)

_orders = count()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, max_size=12))
def test_does_any_run_of_events_keep_the_rule_and_refuse_only_what_breaks_it(
    engine: Engine, steps: list[tuple[object, ...]]
) -> None:
    ledger, order_id = RefundLedger(engine), f"order-{next(_orders)}"
    asked: dict[str, tuple[dict[str, int], int]] = {}
    states: dict[str, str] = {}

    def fits(units: dict[str, int], minor: int) -> bool:
        standing = [asked[key] for key, state in states.items() if state != FAILED]
        taken = sum((Counter(units) for units, _minor in standing), Counter(units))
        money = sum(minor for _units, minor in standing) + minor
        return all(taken[sku] <= SOLD[sku] for sku in taken) and money <= PAID

    for step in steps:
        match step:
            case "request" | "payout" as what, number, dict() as units, int() as minor:
                key = f"{order_id}-{what}-{number}"
                if key in states:
                    continue
                expected = "requested" if what == "request" and fits(units, minor) else "paid"
                allowed = fits(units, minor)
                try:
                    if what == "request":
                        ledger.request(refund(key, units, minor, order_id=order_id), NOON)
                    else:
                        ledger.report_payout(payout(key, units, minor, order_id=order_id), NOON)
                except ContradictionError:
                    assert not allowed
                else:
                    assert allowed
                    asked[key], states[key] = (units, minor), expected
            case RefundState() as state, number:
                key = f"{order_id}-request-{number}"
                before = states.get(key)
                allowed = before in {"requested", state} or (before == FAILED and fits(*asked[key]))
                try:
                    report(ledger, key, state)
                except ContradictionError:
                    assert not allowed
                else:
                    assert allowed
                    states[key] = state
        check_rule(engine, order_id)


EVENT = st.one_of(
    st.tuples(
        st.sampled_from(["refund", "reduce", "reduce", "payout"]),
        st.dictionaries(st.sampled_from(["cup", "pot"]), st.integers(1, 3), min_size=1),
        st.sampled_from([0, 1, 500, 999, 2000]),
    ),
    st.tuples(st.sampled_from([FAILED, FAILED, CONFIRMED]), st.integers(0, 9)),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(EVENT, max_size=12))
def test_does_any_run_of_refunds_and_reductions_keep_every_unit_within_its_price(
    engine: Engine, steps: list[tuple[object, ...]]
) -> None:
    ledger, order_id = RefundLedger(engine), f"order-{next(_orders)}"
    keys: list[str] = []
    for number, step in enumerate(steps):
        key = f"{order_id}-{number}"
        about: dict[str, Any] = {"order_id": order_id, "prices": PRICES}
        try:
            match step:
                case "refund" | "reduce" as what, dict() as units, int() as minor:
                    asked = refund(key, units, minor, reduction=what == "reduce", **about)
                    ledger.request(asked, NOON)
                    keys.append(key)
                case "payout", dict() as units, int():
                    ledger.report_payout(payout(key, units, 0, order_id=order_id), NOON)
                case RefundState() as state, int() as which if keys:
                    report(ledger, keys[which % len(keys)], state)
        except ContradictionError:
            pass
        check_units(engine, order_id)
        assert written(engine, order_id)[1] == paid_out(engine, order_id)[1]
    # Whatever happened, what is left of everything can be paid, and then nothing is left.
    found = [one for key in keys if (one := ledger.find(key))]
    for one in found:
        if one.state is not FAILED:
            report(ledger, one.key, CONFIRMED)
    account = Account(
        {sku: (SOLD[sku], PRICES[sku]) for sku in SOLD}, told_of(ledger.money_back(order_id))
    )
    free = {sku: len(account.free(sku)) for sku in SOLD if account.free(sku)}
    rest = account.left(account.pick(free))
    if free:
        about = {"order_id": order_id, "prices": PRICES}
        ledger.request(refund(f"{order_id}-rest", free, rest, **about), NOON)
    assert ledger.refunded(order_id) == lines(dict(sorted(SOLD.items())))
    check_units(engine, order_id)


UNIT = 'INSERT INTO refunded_units (order_id, sku, number, "of", refund_key) VALUES '

REDUCED = (
    'INSERT INTO reduced_units (order_id, sku, number, "of", refund_key, amount_minor) VALUES '
)

BREAKING = (
    UNIT + "('1001', 'pot', 1, 2, 'r2')",
    UNIT + "('1001', 'cup', 0, 5, 'r2')",
    UNIT + "('1001', 'cup', 6, 5, 'r2')",
    UNIT + "('1001', 'cup', 6, 6, 'r2')",
    UNIT + "('1001', 'jug', 1, 1, 'r2')",
    UNIT + "('1002', 'cup', 1, 5, 'r2')",
    'UPDATE refunded_units SET "of" = 3',
    "UPDATE refunded_units SET number = 1",
    "UPDATE sold_lines SET sold = 9",
    "DELETE FROM sold_lines",
    "DELETE FROM order_accounts",
    "UPDATE order_accounts SET refunded_minor = paid_minor + 1",
    "UPDATE order_accounts SET refunded_minor = -1",
    "UPDATE order_accounts SET paid_minor = refunded_minor - 1",
    REDUCED + "('1001', 'cup', 1, 5, 'd1', 1)",
    REDUCED + "('1001', 'cup', 6, 5, 'd2', 1)",
    REDUCED + "('1001', 'cup', 6, 6, 'd2', 1)",
    REDUCED + "('1001', 'jug', 1, 1, 'd2', 1)",
    REDUCED + "('1001', 'cup', 2, 5, 'd2', 0)",
)
"""What nobody can write, whatever the code: for an order of which both pots are refunded, and the
price of a cup is reduced.
"""


def test_does_the_database_itself_refuse_to_break_the_rule(engine: Engine) -> None:
    RefundLedger(engine).request(refund("r1", {"pot": 2}, 2000), NOON)
    RefundLedger(engine).request(reduction("d1", {"cup": 1}, 100), NOON)
    for statement in BREAKING:
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text(statement))
    check_units(engine)


OLD_REFUNDS = """
    INSERT INTO refunds
        (key, case_id, order_id, amount_minor, currency, state, reason, requested_at)
    VALUES
        ('old', 'case of old', '1001', 3000, 'EUR', 'unconfirmed', '', '2026-04-03 12:00:00'),
        ('lost', 'case of lost', '1001', 900, 'EUR', 'failed', '', '2026-04-03 12:00:00')
"""


@pytest.fixture
def upgraded(fresh_url: str) -> Iterator[Engine]:
    """A database of the first release with two refunds of an order, brought up to date."""
    engine = connect(fresh_url)
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.upgrade(config, "0001")
        connection.execute(text(OLD_REFUNDS))
    migrate(engine)
    yield engine
    engine.dispose()


def test_does_a_refund_from_before_units_were_kept_block_its_order_until_it_failed(
    upgraded: Engine,
) -> None:
    ledger = RefundLedger(upgraded)
    old = ledger.find("old")
    assert old is not None
    assert (old.units, old.amount, old.state) == (None, euros(3000), RefundState.UNCONFIRMED)
    assert ledger.refunded("1001") == ()
    with pytest.raises(ContradictionError, match="has the refund old, ordered before units"):
        ledger.request(refund("r1", {"cup": 1}), NOON)
    with pytest.raises(ContradictionError, match="has the refund old, ordered before units"):
        ledger.report_payout(payout("p1", {"cup": 1}), NOON)
    report(ledger, "old", FAILED)
    ledger.request(refund("r1", {"cup": 5}, 7000), NOON)
    check_rule(upgraded)
    with pytest.raises(ContradictionError, match="stop or reclaim one of the two"):
        report(ledger, "old", CONFIRMED)
    report(ledger, "r1", FAILED)
    report(ledger, "old", CONFIRMED)
    assert written(upgraded) == ({}, 3000)


def test_does_a_refund_from_before_take_its_units_once_it_says_which(upgraded: Engine) -> None:
    ledger = RefundLedger(upgraded)
    for _ in range(2):
        known = ledger.request(refund("old", {"cup": 3}, 3000), NOON)
        assert known.units == lines({"cup": 3})
    assert written(upgraded) == ({"old": Counter(cup=3)}, 3000)
    ledger.request(refund("r1", {"cup": 2}, 4000), NOON)
    report(ledger, "old", CONFIRMED)
    check_rule(upgraded)
