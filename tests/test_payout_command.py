"""Can the platform report money that reached a buyer without us, and is it never paid again?"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

import starter
from cli.payouts import read_units
from domain.money import Money
from domain.orders import Line
from domain.ports import RefundCommand
from service.failures import InputError
from standin.serving import serve_marketplace
from store.engine import connect, migrate
from store.errors import ContradictionError
from store.refunds import RefundLedger

ORDERS = Path(__file__).parents[1] / "examples" / "orders.json"
RUCKSACK, POLES = Line(sku="NAHRBTNIK-35", quantity=1), Line(sku="PALICE-TREK", quantity=1)
ORDER_AND_UNITS = ("SI-2001", "NAHRBTNIK-35=1")
MONEY = ("--amount", "50.00", "--kind", "chargeback", "--key", "cb-1")


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serve_marketplace(ORDERS) as url:
        monkeypatch.setenv("RECOURSE_MARKETPLACE_URL", url)
        yield url


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RefundLedger]:
    where = f"sqlite:///{tmp_path}/recourse.db"
    monkeypatch.setenv("DATABASE_URL", where)
    engine = connect(where)
    migrate(engine)
    yield RefundLedger(engine)
    engine.dispose()


def test_is_a_chargeback_recorded_once_and_its_units_refunded_no_more(
    url: str, ledger: RefundLedger, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert starter.main(["payout", *ORDER_AND_UNITS, *MONEY]) == 0
        said = capsys.readouterr().out
        assert said == "Recorded: 50.00 EUR for NAHRBTNIK-35=1 of SI-2001.\n"
    assert ledger.refunded("SI-2001") == (RUCKSACK,)
    refund = RefundCommand(
        key="withdrawal:SI:SI-2001:1:refund:1",
        case_id="withdrawal:SI:SI-2001:1",
        order_id="SI-2001",
        amount=Money(amount_minor=1, currency="EUR"),
        units=(RUCKSACK,),
        sold=(RUCKSACK, POLES),
        paid=Money(amount_minor=17_930, currency="EUR"),
    )
    with pytest.raises(ContradictionError, match="refunded already by cb-1"):
        ledger.request(refund, datetime.now(UTC))


def test_is_a_payout_printed_as_json(
    url: str, ledger: RefundLedger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert starter.main(["payout", *ORDER_AND_UNITS, "PALICE-TREK=1", *MONEY, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "key": "cb-1",
        "kind": "chargeback",
        "order_id": "SI-2001",
        "amount": {"amount_minor": 5000, "currency": "EUR"},
        "units": [
            {"sku": "NAHRBTNIK-35", "quantity": 1},
            {"sku": "PALICE-TREK", "quantity": 1},
        ],
    }
    assert ledger.refunded("SI-2001") == (RUCKSACK, POLES)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((*ORDER_AND_UNITS, *MONEY[:5], "cb-2"), 1, "refunded already by cb-1"),
        (("SI-2001", "PALICE-TREK=1", *MONEY), 1, "key of its own"),
        (("SI-2001", "PALICE-TREK=1", *MONEY[:5], "cb-2", "--amount", "130"), 1, "were paid"),
        (("SI-2001", "LAMP=1", *MONEY[:5], "cb-2"), 1, "no line 'LAMP'"),
        (("SI-0000", "LAMP=1", *MONEY), 1, "knows no order SI-0000"),
        (("SI-2001", "PALICE-TREK", *MONEY), 2, "written like SKU=1"),
        ((*ORDER_AND_UNITS, *MONEY, "--amount", "5.001"), 2, "written like 50.00"),
        ((*ORDER_AND_UNITS, *MONEY, "--amount", "0"), 2, "more than nothing"),
        ((*ORDER_AND_UNITS, *MONEY, "--key", "two words"), 2, "--key must be 1 to 100 "),
        ((*ORDER_AND_UNITS, *MONEY, "--kind", "gift"), 2, "gift"),
    ],
)
def test_is_what_cannot_be_recorded_told_in_one_sentence(
    *,
    url: str,
    ledger: RefundLedger,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    assert starter.main(["payout", *ORDER_AND_UNITS, *MONEY]) == 0
    capsys.readouterr()
    assert starter.main(["payout", *arguments, "--json"]) == code
    told = capsys.readouterr()
    assert sentence in told.err
    assert told.err.count("\n") == 1
    assert sentence in json.loads(told.out)["error"]["sentence"]
    assert ledger.refunded("SI-2001") == (RUCKSACK,)


@pytest.mark.parametrize(
    ("setting", "value", "code", "sentence"),
    [
        ("RECOURSE_MARKETPLACE_URL", "", 2, "Set RECOURSE_MARKETPLACE_URL"),
        ("RECOURSE_MARKETPLACE_URL", "http://127.0.0.1:1", 3, "could not be reached"),
        ("DATABASE_URL", "sqlite:///{folder}/new.db", 3, "start a worker"),
    ],
)
def test_is_a_server_that_is_missing_named(
    *,
    url: str,
    ledger: RefundLedger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    value: str,
    code: int,
    sentence: str,
) -> None:
    monkeypatch.setenv(setting, value.format(folder=tmp_path))
    assert starter.main(["payout", *ORDER_AND_UNITS, *MONEY]) == code
    assert sentence in capsys.readouterr().err
    assert ledger.refunded("SI-2001") == ()


@pytest.mark.parametrize("how", ["fail", "garbage"])
def test_is_nothing_recorded_when_the_marketplace_does_not_answer_the_order(
    url: str, ledger: RefundLedger, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    requests.post(f"{url}/standin/behaviour", json={"orders": how}, timeout=5).raise_for_status()
    assert starter.main(["payout", *ORDER_AND_UNITS, *MONEY]) == 3
    assert capsys.readouterr().err.startswith("The marketplace")
    assert ledger.refunded("SI-2001") == ()


def test_are_units_read_as_they_are_typed() -> None:
    assert read_units(["A=B=2", "C=10000"]) == (
        Line(sku="A=B", quantity=2),
        Line(sku="C", quantity=10_000),
    )


@pytest.mark.parametrize("typed", ["A", "A=", "=1", "A=0", "A=-1", "A=10001", "A=1.5", "A=１", ""])
def test_are_units_that_make_no_sense_refused(typed: str) -> None:
    with pytest.raises(InputError, match="written like SKU=1"):
        read_units([typed])
