"""No case refunds twice, whatever is sent twice, late or at once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from domain.money import Money
from domain.orders import Line
from domain.ports import RefundCommand, RefundReport, RefundState
from store.errors import ContradictionError
from store.refunds import Refund, RefundLedger

CASE = "dispute:SI:1001:1"
LAMP = (Line(sku="lamp", quantity=1),)
REQUESTED, CONFIRMED = RefundState.REQUESTED, RefundState.CONFIRMED
FAILED, UNCONFIRMED = RefundState.FAILED, RefundState.UNCONFIRMED


def command(key: str, minor: int = 4990, order_id: str = "1001") -> RefundCommand:
    return RefundCommand(
        key=key,
        case_id=CASE,
        order_id=order_id,
        amount=Money(amount_minor=minor, currency="EUR"),
        units=LAMP,
        sold=LAMP,
        paid=Money(amount_minor=4990, currency="EUR"),
    )


def report(key: str, state: RefundState, reason: str = "") -> RefundReport:
    return RefundReport(key=key, state=state, reason=reason)


def test_is_the_same_key_the_same_refund(engine: Engine, noon: datetime) -> None:
    ledger = RefundLedger(engine)
    first = ledger.request(command("r1"), noon)
    assert first == Refund(
        key="r1",
        case_id=CASE,
        order_id="1001",
        amount=command("r1").amount,
        units=LAMP,
        state=REQUESTED,
        reason="",
        requested_at=noon,
        reported_at=None,
    )
    assert ledger.request(command("r1"), noon + timedelta(hours=1)) == first
    assert ledger.of_case(CASE) == [first]
    assert ledger.find("r2") is None


@pytest.mark.parametrize(
    "other",
    [
        command("r1", minor=1),
        command("r1", order_id="1002"),
        command("r1").model_copy(update={"case_id": "dispute:SI:1001:2"}),
        command("r1").model_copy(update={"amount": Money(amount_minor=4990, currency="PLN")}),
        command("r1").model_copy(update={"units": (Line(sku="lamp", quantity=2),)}),
    ],
)
def test_is_another_refund_under_a_taken_key_refused(
    engine: Engine, noon: datetime, other: RefundCommand
) -> None:
    ledger = RefundLedger(engine)
    first = ledger.request(command("r1"), noon)
    with pytest.raises(ContradictionError, match="key of its own"):
        ledger.request(other, noon)
    assert ledger.find("r1") == first


@pytest.mark.parametrize("state", [REQUESTED, UNCONFIRMED, CONFIRMED])
def test_is_a_second_refund_refused_while_the_first_has_not_failed(
    engine: Engine, noon: datetime, state: RefundState
) -> None:
    ledger = RefundLedger(engine)
    ledger.request(command("r1"), noon)
    ledger.report(report("r1", state), noon)
    with pytest.raises(ContradictionError, match="another refund"):
        ledger.request(command("r2"), noon)
    assert [refund.key for refund in ledger.of_case(CASE)] == ["r1"]


def test_may_a_failed_refund_be_ordered_again_under_a_new_key(
    engine: Engine, noon: datetime
) -> None:
    ledger = RefundLedger(engine)
    ledger.request(command("r1"), noon)
    failed = ledger.report(report("r1", FAILED, "account closed"), noon)
    assert (failed.state, failed.reason, failed.reported_at) == (FAILED, "account closed", noon)
    again = ledger.request(command("r2"), noon + timedelta(hours=1))
    assert ledger.of_case(CASE) == [failed, again]
    assert ledger.request(command("r1"), noon) == failed


def test_do_twenty_requests_at_once_under_one_key_make_one_refund(
    engine: Engine,
    noon: datetime,
    at_once: Callable[[Callable[[int], Refund]], list[Refund]],
) -> None:
    ledger = RefundLedger(engine)
    answers = at_once(lambda _number: ledger.request(command("r1"), noon))
    assert ledger.of_case(CASE) == [answers[0]]
    assert all(answer == answers[0] for answer in answers)


def test_do_twenty_requests_at_once_under_twenty_keys_make_one_refund(
    engine: Engine, noon: datetime, at_once: Callable[[Callable[[int], bool]], list[bool]]
) -> None:
    ledger = RefundLedger(engine)

    def accepted(number: int) -> bool:
        try:
            ledger.request(command(f"r{number}"), noon)
        except ContradictionError:
            return False
        return True

    assert sum(at_once(accepted)) == 1
    assert len(ledger.of_case(CASE)) == 1


@pytest.mark.parametrize(
    ("reports", "known"),
    [
        ([UNCONFIRMED], UNCONFIRMED),
        ([UNCONFIRMED, REQUESTED], UNCONFIRMED),
        ([CONFIRMED], CONFIRMED),
        ([UNCONFIRMED, CONFIRMED], CONFIRMED),
        ([CONFIRMED, UNCONFIRMED], CONFIRMED),
        ([FAILED], FAILED),
        ([UNCONFIRMED, FAILED], FAILED),
        ([FAILED, UNCONFIRMED], FAILED),
        ([FAILED, CONFIRMED], CONFIRMED),
    ],
)
def test_what_is_known_after_a_run_of_reports(
    engine: Engine, noon: datetime, reports: list[RefundState], known: RefundState
) -> None:
    ledger = RefundLedger(engine)
    ledger.request(command("r1"), noon)
    for state in reports:
        once = ledger.report(report("r1", state), noon)
        assert ledger.report(report("r1", state), noon + timedelta(hours=1)) == once
    refund = ledger.find("r1")
    assert refund is not None
    assert refund.state is known


def test_does_a_confirmed_refund_never_change(engine: Engine, noon: datetime) -> None:
    ledger = RefundLedger(engine)
    ledger.request(command("r1"), noon)
    confirmed = ledger.report(report("r1", CONFIRMED), noon)
    with pytest.raises(ContradictionError, match="ask the marketplace"):
        ledger.report(report("r1", FAILED, "late news"), noon + timedelta(hours=1))
    assert ledger.find("r1") == confirmed


def test_is_money_that_moved_twice_called_out(engine: Engine, noon: datetime) -> None:
    ledger = RefundLedger(engine)
    ledger.request(command("r1"), noon)
    ledger.report(report("r1", FAILED), noon)
    ledger.request(command("r2"), noon)
    with pytest.raises(ContradictionError, match="stop or reclaim"):
        ledger.report(report("r1", CONFIRMED), noon)
    ledger.report(report("r2", FAILED), noon)
    assert ledger.report(report("r1", CONFIRMED), noon).state is CONFIRMED


def test_is_a_report_about_an_unknown_refund_an_error(engine: Engine, noon: datetime) -> None:
    with pytest.raises(ContradictionError, match="not in the ledger"):
        RefundLedger(engine).report(report("r1", CONFIRMED), noon)
