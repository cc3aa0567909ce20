"""Registering cases once, who is in them, how they end, and the headline figures."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from domain.calendars import Calendar
from domain.kinds import Kind
from domain.notices import Ending, opening_message
from domain.openings import OpenDispute
from domain.orders import Line, Order
from domain.parties import Party
from domain.ports import CloseCase, Registration
from domain.refusals import Code, Refusal
from store.archive import Archive
from store.cases import NOT_ENDED, SOLUTIONS, CaseRegister, Headline
from store.errors import ContradictionError

CASE = "dispute:SI:1001:1"

AtOnce = Callable[[Callable[[int], Registration]], list[Registration]]
OpenCase = Callable[..., str]


def close(case_id: str, at: datetime, ending: Ending, escalated: bool = False) -> CloseCase:
    return CloseCase(case_id=case_id, ending=ending, at=at, escalated=escalated, breaches=1)


def test_does_the_first_registration_win(
    engine: Engine, opening: OpenDispute, order: Order, registration: Registration, noon: datetime
) -> None:
    cases = CaseRegister(engine)
    later = registration.model_copy(update={"policy_version": "si-2"})
    assert cases.find(CASE) is None
    assert cases.register(CASE, opening, order, lambda *_: registration, noon) == registration
    assert cases.register(CASE, opening, order, lambda *_: later, noon) == registration
    assert cases.find(CASE) == registration


def test_do_twenty_registrations_at_once_make_one_case(
    engine: Engine,
    opening: OpenDispute,
    order: Order,
    registration: Registration,
    at_once: AtOnce,
) -> None:
    cases = CaseRegister(engine)

    def register(number: int) -> Registration:
        mine = registration.model_copy(update={"policy_version": f"si-{number}"})
        return cases.register(CASE, opening, order, lambda *_: mine, order.placed_at)

    answers = at_once(register)
    assert all(answer == answers[0] for answer in answers)
    assert cases.find(CASE) == answers[0]
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cases")) == 1
        assert connection.scalar(text("SELECT count(*) FROM people")) == 2


def test_does_the_whole_registration_come_back_as_it_was_pinned(
    engine: Engine, opening: OpenDispute, order: Order, registration: Registration, noon: datetime
) -> None:
    whole = registration.model_copy(
        update={
            "lines": (Line(sku="lamp", quantity=1),),
            "calendar": Calendar(
                country="SI",
                zone="Europe/Ljubljana",
                version="2026",
                first_year=2026,
                last_year=2027,
                holidays={date(2026, 4, 6): "velikonočni ponedeljek"},
            ),
        }
    )
    CaseRegister(engine).register(CASE, opening, order, lambda *_: whole, noon)
    assert CaseRegister(engine).find(CASE) == whole


def test_is_a_refusal_answered_but_not_kept(
    engine: Engine, opening: OpenDispute, order: Order, registration: Registration, noon: datetime
) -> None:
    cases = CaseRegister(engine)
    refusal = Refusal(code=Code.AMOUNT_TOO_HIGH, sentence="Ask for at most 49.90 EUR.")
    refused = Registration(refusal=refusal)
    assert cases.register(CASE, opening, order, lambda *_: refused, noon) == refused
    cases.close(close(CASE, noon, Ending.NOT_OPENED))
    assert cases.find(CASE) is None
    assert cases.register(CASE, opening, order, lambda *_: registration, noon) == registration
    assert cases.register(CASE, opening, order, lambda *_: refused, noon) == registration


def test_who_are_the_people_in_a_case(engine: Engine, order: Order, open_case: OpenCase) -> None:
    people = CaseRegister(engine).people(open_case(1))
    assert people == {Party.BUYER: order.buyer, Party.SELLER: order.seller}
    assert CaseRegister(engine).people("dispute:SI:unknown:1") == {}


def test_does_the_first_closing_count(engine: Engine, noon: datetime, open_case: OpenCase) -> None:
    cases = CaseRegister(engine)
    case_id = open_case(1)
    cases.close(close(case_id, noon, Ending.SETTLED))
    cases.close(close(case_id, noon + timedelta(days=1), Ending.BUYER_SILENT, escalated=True))
    (row,) = cases.of_seller("s-1")
    assert (row.ending, row.closed_at) == (Ending.SETTLED, noon)
    assert cases.headline() == Headline(closed=1, solved=1, without_agent=1)


def test_is_closing_an_unknown_case_an_error(engine: Engine, noon: datetime) -> None:
    with pytest.raises(ContradictionError, match="register it before"):
        CaseRegister(engine).close(close(CASE, noon, Ending.SETTLED))


def test_what_is_the_headline_before_anything_closed(engine: Engine, open_case: OpenCase) -> None:
    open_case(1)
    headline = CaseRegister(engine).headline()
    assert headline == Headline(closed=0, solved=0, without_agent=0)
    assert headline.solved_share is None
    assert headline.without_agent_share is None


def test_which_endings_count_and_which_are_solutions(
    engine: Engine, noon: datetime, open_case: OpenCase
) -> None:
    cases = CaseRegister(engine)
    for number, ending in enumerate(Ending, start=1):
        cases.close(close(open_case(number), noon, ending, escalated=ending is Ending.DECIDED))
    headline = cases.headline()
    closed = len(Ending) - len(NOT_ENDED)
    assert headline == Headline(closed=closed, solved=len(SOLUTIONS), without_agent=closed - 1)
    assert headline.solved_share == pytest.approx(len(SOLUTIONS) / closed)
    assert headline.without_agent_share == pytest.approx((closed - 1) / closed)


def test_can_the_headline_be_of_one_country_and_time_and_kind(
    engine: Engine, noon: datetime, open_case: OpenCase
) -> None:
    cases = CaseRegister(engine)
    cases.close(close(open_case(1, country="SI"), noon, Ending.SETTLED))
    cases.close(close(open_case(2, country="PL"), noon - timedelta(days=1), Ending.INACTIVE))
    cases.close(close(open_case(3, country="PL", inquiry=True), noon, Ending.SOLVED))
    assert cases.headline().closed == 2
    assert cases.headline(country="PL") == Headline(closed=1, solved=0, without_agent=1)
    assert cases.headline(since=noon).closed == 1
    assert cases.headline(country="PL", since=noon).closed == 0
    assert cases.headline(kind=Kind.INQUIRY).closed == 1
    assert cases.headline(kind=None).closed == 3


def test_are_a_sellers_cases_listed_newest_first(
    engine: Engine, noon: datetime, open_case: OpenCase
) -> None:
    older = open_case(1, at=noon)
    newer = open_case(2, at=noon + timedelta(hours=1))
    open_case(3, seller_id="s-2")
    rows = CaseRegister(engine).of_seller("s-1")
    assert [row.case_id for row in rows] == [newer, older]
    assert rows[1].at_stake is not None
    assert (rows[1].at_stake.amount_minor, rows[1].at_stake.currency) == (4990, "EUR")
    assert rows[1].ending is None


def test_do_instants_come_back_in_utc_from_any_zone(
    engine: Engine, noon: datetime, open_case: OpenCase
) -> None:
    local = datetime.fromisoformat("2026-04-03T14:00:00.123456+02:00")
    open_case(1, at=local)
    (row,) = CaseRegister(engine).of_seller("s-1")
    assert row.opened_at == local
    assert row.opened_at.tzinfo is UTC


def test_is_what_a_case_was_opened_with_archived_as_it_is_registered(
    engine: Engine, opening: OpenDispute, order: Order, registration: Registration, noon: datetime
) -> None:
    cases, archive = CaseRegister(engine), Archive(engine)
    refused = registration.model_copy(
        update={"refusal": Refusal(code=Code.ORDER_UNKNOWN, sentence="Too late."), "edition": 1}
    )
    cases.register(CASE, opening, order, lambda *_: refused, noon)
    assert archive.messages(CASE) == []
    told = registration.model_copy(update={"edition": 1})
    for _ in range(2):
        cases.register(CASE, opening, order, lambda *_: told, noon)
    assert archive.messages(CASE) == [opening_message(opening, noon)]


def test_is_the_opening_of_a_case_of_before_left_to_its_letters(
    engine: Engine, opening: OpenDispute, order: Order, registration: Registration, noon: datetime
) -> None:
    CaseRegister(engine).register(CASE, opening, order, lambda *_: registration, noon)
    assert Archive(engine).messages(CASE) == []
