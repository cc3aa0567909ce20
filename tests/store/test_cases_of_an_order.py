"""Which open cases does an order have, and do cases that are registered at once know each other?"""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Engine, text

from domain.kinds import Kind
from domain.money import Money
from domain.notices import Ending
from domain.openings import OpenDispute
from domain.orders import Line, Order
from domain.ports import (
    CloseCase,
    OpenCase,
    Past,
    RefundCommand,
    RefundReport,
    RefundState,
    Registration,
)
from domain.refusals import Code, Refusal
from store.cases import CaseRegister
from store.refunds import RefundLedger

LAMPS = (Line(sku="lamp", quantity=2),)
LAMP = (Line(sku="lamp", quantity=1),)
BUSY = Registration(refusal=Refusal(code=Code.UNITS_IN_ANOTHER_CASE, sentence="Look there."))

AtOnce = Callable[[Callable[[int], Registration]], list[Registration]]


@pytest.fixture
def known(
    engine: Engine, opening: OpenDispute, order: Order, registration: Registration, noon: datetime
) -> Callable[[str, tuple[Line, ...]], tuple[OpenCase, ...]]:
    """Registers a dispute about some units, and answers the cases that were open beside it."""

    def register(case_id: str, units: tuple[Line, ...]) -> tuple[OpenCase, ...]:
        seen: list[OpenCase] = []

        def judge(past: Past) -> Registration:
            seen.extend(past.open_cases)
            return registration.model_copy(update={"lines": units})

        CaseRegister(engine).register(case_id, opening, order, judge, noon)
        return tuple(seen)

    return register


def test_which_cases_of_the_order_are_open_with_which_units(
    engine: Engine,
    known: Callable[[str, tuple[Line, ...]], tuple[OpenCase, ...]],
    noon: datetime,
) -> None:
    first = OpenCase(case_id="d:1", kind=Kind.DISPUTE, units=LAMPS)
    second = OpenCase(case_id="d:2", kind=Kind.DISPUTE, units=LAMP)
    assert known("d:1", LAMPS) == ()
    assert known("d:2", LAMP) == (first,)
    assert known("d:3", ()) == (first, second)
    assert known("d:3", ()) == ()  # registered before: nobody judges again
    for closed in ("d:3", "d:1"):
        CaseRegister(engine).close(
            CloseCase(case_id=closed, ending=Ending.SETTLED, at=noon, escalated=False, breaches=0)
        )
    assert known("d:4", LAMP) == (second,)


@pytest.mark.parametrize("state", [RefundState.CONFIRMED, RefundState.FAILED])
def test_units_that_a_case_has_had_refunded_are_not_counted_twice(
    engine: Engine,
    known: Callable[[str, tuple[Line, ...]], tuple[OpenCase, ...]],
    noon: datetime,
    state: RefundState,
) -> None:
    known("d:1", LAMPS)
    ledger = RefundLedger(engine)
    money = Money(amount_minor=4990, currency="EUR")
    ledger.request(
        RefundCommand(
            key="r",
            case_id="d:1",
            order_id="1001",
            amount=money,
            units=LAMP,
            sold=LAMPS,
            paid=money,
        ),
        noon,
    )
    ledger.report(RefundReport(key="r", state=state), noon)
    left = LAMPS if state is RefundState.FAILED else LAMP
    assert [case.units for case in known("d:2", LAMP)] == [left]


def test_of_twenty_cases_registered_at_once_only_one_has_nobody_beside_it(
    engine: Engine,
    opening: OpenDispute,
    order: Order,
    registration: Registration,
    at_once: AtOnce,
) -> None:
    cases = CaseRegister(engine)

    def judge(past: Past) -> Registration:
        return BUSY if past.open_cases else registration

    def register(number: int) -> Registration:
        return cases.register(f"withdrawal:{number}", opening, order, judge, order.placed_at)

    answers = at_once(register)
    assert sorted(answer.refusal is None for answer in answers) == [False] * 19 + [True]
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cases")) == 1
