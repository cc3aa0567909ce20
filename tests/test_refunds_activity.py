"""The refund and breach activities, against the real stand-in and the real ledger."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.marketplace import Marketplace, MarketplaceUnavailableError, SellerConduct
from activities.refunds import Refunds
from domain.accounts import MoneyBack
from domain.money import Money
from domain.orders import Line
from domain.ports import (
    AskRefundedUnits,
    BreachReport,
    LinePaid,
    RefundCommand,
    RefundedUnits,
    RefundReport,
    RefundState,
    Registration,
)
from standin.serving import serve_marketplace
from store.breaches import Breaches
from store.engine import connect, migrate
from store.errors import ContradictionError
from store.refunds import RefundLedger

ORDERS = Path(__file__).parents[1] / "examples" / "orders.json"
KEY = "dispute:SI:SI-2001:1:refund:1"
QUICK = 0.2


RUCKSACK, POLES = Line(sku="NAHRBTNIK-35", quantity=1), Line(sku="PALICE-TREK", quantity=1)


def command(key: str = KEY, amount: int = 11_990, paid: int = 17_930) -> RefundCommand:
    return RefundCommand(
        key=key,
        case_id="dispute:SI:SI-2001:1",
        order_id="SI-2001",
        amount=Money(amount_minor=amount, currency="EUR"),
        units=(RUCKSACK,),
        sold=(RUCKSACK, POLES),
        paid=Money(amount_minor=paid, currency="EUR"),
    )


@pytest.fixture
def url() -> Iterator[str]:
    with serve_marketplace(ORDERS) as url:
        yield url


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path}/recourse.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def marketplace(url: str) -> Iterator[Marketplace]:
    with closing(
        Marketplace(url, "a token", connect_timeout=QUICK, read_timeout=QUICK)
    ) as marketplace:
        yield marketplace


@pytest.fixture
def ledger(engine: Engine) -> RefundLedger:
    return RefundLedger(engine)


@pytest.fixture
def refunds(marketplace: Marketplace, ledger: RefundLedger) -> Refunds:
    return Refunds(marketplace, ledger)


def behave(url: str, **behaviour: object) -> None:
    requests.post(f"{url}/standin/behaviour", json=behaviour, timeout=5).raise_for_status()


def at_the_marketplace(url: str) -> dict[str, Any]:
    ledger: dict[str, Any] = requests.get(f"{url}/standin/ledger", timeout=5).json()
    return ledger


def paid(url: str) -> list[tuple[str, int]]:
    return [(each["key"], each["amount_minor"]) for each in at_the_marketplace(url)["payments"]]


def request(refunds: Refunds, refund: RefundCommand) -> RefundReport:
    report: RefundReport = ActivityEnvironment().run(refunds.request, refund)
    return report


def confirm(refunds: Refunds, refund: RefundCommand) -> RefundReport:
    report: RefundReport = ActivityEnvironment().run(refunds.confirm, refund)
    return report


def written(ledger: RefundLedger, key: str = KEY) -> tuple[RefundState, str]:
    refund = ledger.find(key)
    assert refund is not None
    return refund.state, refund.reason


def test_is_a_refund_paid_and_written_down(
    url: str, refunds: Refunds, ledger: RefundLedger
) -> None:
    assert request(refunds, command()) == RefundReport(key=KEY, state=RefundState.CONFIRMED)
    assert written(ledger) == (RefundState.CONFIRMED, "")
    assert paid(url) == [(KEY, 11_990)]


def test_does_a_refund_that_is_known_trouble_the_marketplace_no_more(
    url: str, refunds: Refunds
) -> None:
    first = request(refunds, command())
    assert [request(refunds, command()), confirm(refunds, command())] == [first, first]
    asked = at_the_marketplace(url)["requests"]
    assert (asked["refunds"], asked["statuses"]) == (1, 0)


def test_is_a_refund_paid_once_when_the_worker_died_before_it_heard_the_answer(
    url: str, refunds: Refunds, marketplace: Marketplace, ledger: RefundLedger
) -> None:
    ledger.request(command(), datetime.now(UTC))
    marketplace.refund(command())
    assert request(refunds, command()).state is RefundState.CONFIRMED
    assert paid(url) == [(KEY, 11_990)]


def test_is_a_paid_refund_whose_answer_was_lost_found_confirmed(
    url: str, refunds: Refunds, ledger: RefundLedger
) -> None:
    behave(url, refunds="pay-then-hang")
    assert request(refunds, command()) == RefundReport(
        key=KEY, state=RefundState.UNCONFIRMED, reason="timeout"
    )
    assert written(ledger) == (RefundState.UNCONFIRMED, "timeout")
    assert confirm(refunds, command()) == RefundReport(key=KEY, state=RefundState.CONFIRMED)
    assert written(ledger) == (RefundState.CONFIRMED, "")
    assert paid(url) == [(KEY, 11_990)]


def test_is_a_refund_that_never_arrived_sent_again_under_its_key(
    url: str, refunds: Refunds
) -> None:
    behave(url, refunds="hang", times=1)
    assert request(refunds, command()).state is RefundState.UNCONFIRMED
    assert paid(url) == []
    assert confirm(refunds, command()).state is RefundState.CONFIRMED
    assert confirm(refunds, command()).state is RefundState.CONFIRMED
    assert paid(url) == [(KEY, 11_990)]


def test_does_a_marketplace_that_cannot_be_asked_get_no_second_command(
    url: str, refunds: Refunds
) -> None:
    behave(url, refunds="hang", statuses="fail")
    request(refunds, command())
    with pytest.raises(ApplicationError):
        confirm(refunds, command())
    assert at_the_marketplace(url)["requests"]["refunds"] == 1


def test_does_a_refund_for_later_ask_to_be_run_again_until_it_is_confirmed(
    url: str, refunds: Refunds, ledger: RefundLedger
) -> None:
    behave(url, refunds="later")
    assert request(refunds, command()).state is RefundState.REQUESTED
    for _ in range(2):
        with pytest.raises(ApplicationError) as again:
            confirm(refunds, command())
        assert again.value.type == "refund-unconfirmed"
        assert not again.value.non_retryable
    assert written(ledger) == (RefundState.REQUESTED, "")
    requests.post(f"{url}/standin/refunds/{KEY}/confirm", timeout=5).raise_for_status()
    assert confirm(refunds, command()).state is RefundState.CONFIRMED
    assert paid(url) == [(KEY, 11_990)]


def test_does_a_refund_for_later_that_failed_tell_why(
    url: str, refunds: Refunds, ledger: RefundLedger
) -> None:
    behave(url, refunds="later")
    request(refunds, command())
    reason = {"reason": "account-closed"}
    requests.post(f"{url}/standin/refunds/{KEY}/fail", json=reason, timeout=5).raise_for_status()
    failed = RefundReport(key=KEY, state=RefundState.FAILED, reason="account-closed")
    assert confirm(refunds, command()) == failed
    assert written(ledger) == (RefundState.FAILED, "account-closed")


def test_is_a_refused_refund_failed_and_never_commanded_again(
    url: str, refunds: Refunds, ledger: RefundLedger
) -> None:
    # The stand-in keeps nothing of a refund of too much: asked again it might well pay.
    too_much = command(amount=17_931, paid=17_931)
    failed = RefundReport(key=KEY, state=RefundState.FAILED, reason="exceeds-paid")
    assert request(refunds, too_much) == failed
    assert request(refunds, too_much) == failed
    assert confirm(refunds, too_much) == failed
    assert at_the_marketplace(url)["requests"]["refunds"] == 1
    assert request(refunds, command("another", paid=17_931)).state is RefundState.CONFIRMED
    assert paid(url) == [("another", 11_990)]


@pytest.mark.parametrize(("how", "reason"), [("garbage", "not-understood"), ("fail", "status-503")])
def test_is_an_answer_without_sense_unconfirmed_until_the_marketplace_is_well(
    url: str, refunds: Refunds, ledger: RefundLedger, how: str, reason: str
) -> None:
    behave(url, refunds=how, times=2)
    assert request(refunds, command()).state is RefundState.UNCONFIRMED
    with pytest.raises(ApplicationError):
        confirm(refunds, command())
    assert written(ledger) == (RefundState.UNCONFIRMED, reason)
    assert confirm(refunds, command()).state is RefundState.CONFIRMED
    assert paid(url) == [(KEY, 11_990)]


def test_do_twenty_activities_at_once_pay_once(url: str, ledger: RefundLedger) -> None:
    with closing(Marketplace(url, "a token")) as marketplace, ThreadPoolExecutor(20) as pool:
        refunds = Refunds(marketplace, ledger)
        asked = [request, confirm] * 10
        reports = list(pool.map(lambda activity: activity(refunds, command()), asked))
    assert {report.state for report in reports} == {RefundState.CONFIRMED}
    assert paid(url) == [(KEY, 11_990)]


@pytest.mark.parametrize("second", [command(amount=1), command("another", amount=1)])
def test_does_a_second_refund_beside_an_unconfirmed_one_never_reach_the_marketplace(
    url: str, refunds: Refunds, second: RefundCommand
) -> None:
    behave(url, refunds="hang", times=1)
    request(refunds, command())
    for activity in (request, confirm):
        with pytest.raises(ContradictionError):
            activity(refunds, second)
    assert at_the_marketplace(url)["requests"]["refunds"] == 1
    assert paid(url) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"units": (RUCKSACK,)}, "refunded already"),
        ({"units": (POLES,), "amount": Money(amount_minor=5_941, currency="EUR")}, "were paid"),
    ],
)
def test_does_a_refund_of_refunded_units_or_too_much_never_reach_the_marketplace(
    url: str, refunds: Refunds, wrong: dict[str, Any], sentence: str
) -> None:
    request(refunds, command())
    other = command("withdrawal:SI:SI-2001:1:refund:1", amount=1).model_copy(
        update={"case_id": "withdrawal:SI:SI-2001:1", **wrong}
    )
    for activity in (request, confirm):
        with pytest.raises(ContradictionError, match=sentence):
            activity(refunds, other)
    assert paid(url) == [(KEY, 11_990)]


def test_is_an_amount_reckoned_before_another_refund_refused_as_stale_until_reckoned_anew(
    url: str, refunds: Refunds
) -> None:
    def asked() -> RefundedUnits:
        answer: RefundedUnits = ActivityEnvironment().run(
            refunds.refunded_units, AskRefundedUnits(order_id="SI-2001")
        )
        return answer

    basis = asked()
    assert basis == RefundedUnits(delivery_back_minor=0)
    request(refunds, command())
    other = command("withdrawal:SI:SI-2001:1:refund:1", amount=5_940).model_copy(
        update={
            "case_id": "withdrawal:SI:SI-2001:1",
            "units": (POLES,),
            "after": basis.money_back,
        }
    )
    for activity in (request, confirm):
        with pytest.raises(ApplicationError) as stale:
            activity(refunds, other)
        assert (stale.value.type, stale.value.non_retryable) == ("refund-stale", True)
    assert paid(url) == [(KEY, 11_990)]
    rucksack = MoneyBack(sku=RUCKSACK.sku, first=1, last=1)
    assert asked() == RefundedUnits(
        units=(RUCKSACK,), money_back=(rucksack,), delivery_back_minor=0
    )
    reduced = other.model_copy(
        update={
            "case_id": "complaint:SI:SI-2001:1",
            "key": "complaint:SI:SI-2001:1:refund:1",
            "amount": Money(amount_minor=940, currency="EUR"),
            "after": asked().money_back,
            "prices": (
                LinePaid(sku=RUCKSACK.sku, paid_minor=11_990),
                LinePaid(sku=POLES.sku, paid_minor=5_940),
            ),
            "reduction": True,
        }
    )
    assert request(refunds, reduced).state is RefundState.CONFIRMED
    with pytest.raises(ApplicationError, match="reckon it anew"):
        request(refunds, other.model_copy(update={"after": (rucksack,)}))
    poles = MoneyBack(sku=POLES.sku, first=1, last=1, reduced_minor=940)
    assert asked() == RefundedUnits(
        units=(RUCKSACK,), money_back=(rucksack, poles), delivery_back_minor=0
    )
    rest = Money(amount_minor=5_000, currency="EUR")
    anew = other.model_copy(update={"after": asked().money_back, "amount": rest})
    assert request(refunds, anew).state is RefundState.CONFIRMED
    assert asked().units == (RUCKSACK, POLES)
    assert sum(amount for _key, amount in paid(url)) == 17_930


def test_does_an_amount_of_nothing_settle_units_and_trouble_nobody(
    url: str, refunds: Refunds, ledger: RefundLedger
) -> None:
    for activity in (request, confirm, request):
        report = activity(refunds, command(amount=0))
        assert report == RefundReport(key=KEY, state=RefundState.CONFIRMED)
    assert ledger.refunded("SI-2001") == (RUCKSACK,)
    assert at_the_marketplace(url)["requests"]["refunds"] == 0


def test_are_answers_from_before_numbers_were_told_understood() -> None:
    """As stored histories have them: of so many refunded units, the first ones are meant."""
    first = (MoneyBack(sku=POLES.sku, first=1, last=2),)
    lines = [{"sku": POLES.sku, "quantity": 2}]
    assert RefundedUnits.model_validate({"units": lines}).money_back == first
    assert Registration.model_validate({"refunded": lines}).money_back == first
    asked = command().model_dump(mode="json") | {"after": lines}
    assert RefundCommand.model_validate(asked).after == first
    assert RefundCommand.model_validate(asked | {"after": []}).after == ()


def test_is_a_breach_recorded_once_and_told_once_the_marketplace_is_well(
    url: str, marketplace: Marketplace, engine: Engine
) -> None:
    at = datetime(2026, 4, 7, 14, 30, tzinfo=UTC)
    report = BreachReport(
        key="dispute:SI:SI-2001:1:breach:1",
        case_id="dispute:SI:SI-2001:1",
        seller_id="60000001",
        window="seller_reply",
        due=at,
        at=at,
    )
    breaches = Breaches(engine)
    conduct = SellerConduct(marketplace, breaches)
    behave(url, breaches="fail", times=1)
    with pytest.raises(MarketplaceUnavailableError):
        ActivityEnvironment().run(conduct.report_breach, report)
    assert breaches.of_seller("60000001") == [report]
    for _ in range(2):
        ActivityEnvironment().run(conduct.report_breach, report)
    assert breaches.of_seller("60000001") == [report]
    assert [each["key"] for each in at_the_marketplace(url)["breaches"]] == [report.key]
