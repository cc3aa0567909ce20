"""The marketplace's port, both sides: does Recourse read every answer, and the stand-in give it?"""

import contextlib
import gzip
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.calling import PAUSE, SILENCES, Breaker, NoAnswerError
from activities.carrier_claims import CarrierClaims
from activities.marketplace import Marketplace, MarketplaceUnavailableError
from activities.redeliveries import Redeliveries
from activities.shipments import Shipments
from domain.commands import Attachment
from domain.money import Money, Payment
from domain.openings import CarrierTrouble
from domain.orders import BuyerClass, Line, Order
from domain.ports import (
    BreachReport,
    ClaimFiled,
    ClaimToFile,
    Dispatch,
    LabelMade,
    LabelWanted,
    Recovery,
    Redelivery,
    RefundCommand,
    RefundReport,
    RefundState,
    StopDispatch,
)
from standin.books import Books, UnitsRequest, UnreadableFileError, read_orders
from standin.problems import ProblemError
from standin.serving import PortInUseError, serve_marketplace
from store.engine import connect, migrate
from store.errors import ContradictionError
from store.recoveries import Recoveries

ROOT = Path(__file__).parents[1]
ORDERS = ROOT / "examples" / "orders.json"
TOKEN = "a token of the tests"
SKUS = {"lamp": "LAMPA-STOJ", "bulbs": "ZAROWKA-E27"}
UNSENT = "PL-2003"
COFFEE = "f3e739a0-738f-11f0-b9c0-8f5d26f9859a"
QUICK = 0.2
TROUBLES = {"fail": "status-503", "hang": "timeout", "garbage": "not-understood"}
"""How an answer fails to come, and what it is called."""


def command(
    key: str = "dispute:PL:PL-1001:1:refund/1", order_id: str = "PL-1001", amount: int = 24900
) -> RefundCommand:
    money = Money(amount_minor=amount, currency="EUR" if order_id.startswith("SI") else "PLN")
    units = (Line(sku="SLUCH-BT-200", quantity=1),)
    return RefundCommand(
        key=key,
        case_id=f"dispute:{order_id[:2]}:{order_id}:1",
        order_id=order_id,
        amount=money,
        units=units,
        sold=units,
        paid=money,
    )


def stopping(key: str = "dispatch:1", order_id: str = UNSENT, **units: int) -> StopDispatch:
    """Asks to stop these units; one lamp and four bulbs are the whole of PL-2003."""
    return StopDispatch(
        key=key,
        case_id=f"withdrawal:PL:{order_id}:1",
        order_id=order_id,
        units=tuple(
            Line(sku=SKUS[name], quantity=n)
            for name, n in (units or {"lamp": 1, "bulbs": 4}).items()
        ),
    )


def labelling(key: str = "label:1", order_id: str = UNSENT, **units: int) -> LabelWanted:
    return LabelWanted.model_validate(stopping(key, order_id, **units).model_dump())


def filing(key: str = "claim:1", minor: int = 8900, **more: object) -> ClaimToFile:
    """Claims the parcel of PL-2003 from its carrier."""
    invoice = Attachment(name="a.pdf", size=9, media_type="application/pdf", sha256="0" * 64)
    return ClaimToFile.model_validate(
        {
            "key": key,
            "case_id": f"carrier-claim:PL:{UNSENT}:620001",
            "order_id": UNSENT,
            "tracking": "620001",
            "trouble": CarrierTrouble.LOSS,
            "amount": Money(amount_minor=minor, currency="PLN"),
            "evidence": (invoice,),
            **more,
        }
    )


def recovery(key: str = "recovery:1", minor: int = 8900) -> Recovery:
    return Recovery(
        key=key,
        case_id=f"carrier-claim:PL:{UNSENT}:620001",
        order_id=UNSENT,
        seller_id="50000002",
        amount=Money(amount_minor=minor, currency="PLN"),
        at=datetime(2026, 12, 1, 10, tzinfo=UTC),
    )


def line(sku: str, quantity: int) -> dict[str, object]:
    return {"sku": sku, "title": sku, "quantity": quantity, "unit_price_minor": 100}


def breach(key: str = "dispute:PL:PL-1001:1:breach:1", seller: str = "50000002") -> BreachReport:
    at = datetime(2026, 4, 14, 7, 22, 5, tzinfo=UTC)
    return BreachReport(
        key=key,
        case_id="dispute:PL:PL-1001:1",
        seller_id=seller,
        window="seller_reply",
        due=at,
        at=at,
    )


class StandIn:
    """The stand-in as a test steers it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def behave(self, **behaviour: object) -> None:
        answer = requests.post(f"{self.url}/standin/behaviour", json=behaviour, timeout=5)
        assert answer.status_code == 204, answer.text

    def ledger(self) -> dict[str, Any]:
        ledger: dict[str, Any] = requests.get(f"{self.url}/standin/ledger", timeout=5).json()
        return ledger

    def paid(self) -> list[tuple[str, int]]:
        return [(paid["key"], paid["amount_minor"]) for paid in self.ledger()["payments"]]

    def ship(self, order_id: str = UNSENT, tracking: str = "620001") -> requests.Response:
        path = f"/standin/orders/{order_id}/shipment"
        return requests.post(self.url + path, json={"tracking": tracking}, timeout=5)

    def change(self, order_id: str, **fields: object) -> requests.Response:
        return requests.post(f"{self.url}/standin/orders/{order_id}", json=fields, timeout=5)

    def settle(self, key: str, how: str, **body: str) -> requests.Response:
        path = quote(key, safe="")
        return requests.post(
            f"{self.url}/standin/refunds/{path}/{how}", json=body or None, timeout=5
        )


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with serve_marketplace(ORDERS, token=TOKEN) as url:
        yield url


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    with serve_marketplace(ORDERS, token=TOKEN) as url:
        yield StandIn(url)


@contextmanager
def calling(url: str, token: str = TOKEN) -> Iterator[Marketplace]:
    with closing(Marketplace(url, token, connect_timeout=3, read_timeout=QUICK)) as marketplace:
        yield marketplace


@pytest.fixture
def marketplace(standin: StandIn) -> Iterator[Marketplace]:
    with calling(standin.url) as marketplace:
        yield marketplace


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """A server that answers each connection with raw bytes and cuts it."""

    def serve() -> None:
        for answer in answers:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(timeout=5)
    assert not thread.is_alive()


def http(status: str, body: str, kind: str = "application/json", more: str = "") -> bytes:
    content = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{more}"
    return head.encode() + b"Connection: close\r\n\r\n" + content


# --- orders ---


def test_is_an_order_read_with_its_people_and_lines(marketplace: Marketplace) -> None:
    order = marketplace.order(COFFEE)
    assert order is not None
    assert order.placed_at == datetime(2025, 8, 7, 13, 4, 11, tzinfo=UTC)
    assert (order.country, order.buyer.id, order.buyer.locale) == ("PL", "10000001", "pl")
    assert order.paid == Money(amount_minor=146_880, currency="PLN")


def test_are_the_example_orders_fit_for_a_demo() -> None:
    orders = read_orders(ORDERS)
    played = {
        document["opening"]["order_id"]
        for path in ORDERS.parent.glob("*.json")
        if isinstance(document := json.loads(path.read_text()), dict) and "opening" in document
    }
    by_hand = {
        json.loads(path.read_text())["order_id"] for path in ORDERS.parent.glob("openings/*.json")
    }
    assert len(orders) == len({order.id for order in orders})
    assert played | by_hand <= {order.id for order in orders}
    assert {(order.country, order.currency) for order in orders} == {
        ("PL", "PLN"),
        ("SI", "EUR"),
        ("CZ", "CZK"),
        ("SK", "EUR"),
        ("HU", "HUF"),
    }
    assert {order.buyer.locale for order in orders} == {"pl", "sl", "en", "cs", "sk", "hu"}
    for order in (order for order in orders if order.parcels):
        sent = Counter[str]()
        for parcel in order.parcels:
            for line in parcel.lines or order.lines:
                sent[line.sku] += line.quantity
        assert sent == {line.sku: line.quantity for line in order.lines}


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        (["Zwroty", "ul. Magazynowa 3"], True),
        ([], True),
        (["x" * 100] * 8, True),
        (["x" * 101], False),
        (["x"] * 9, False),
        ([""], False),
        (["ul. Magazynowa 3\n30-001 Kraków"], False),
        (["\x1b[31m"], False),
        ("ul. Magazynowa 3", False),
        ({"street": "ul. Magazynowa 3"}, False),
        ([3], False),
        (None, True),  # as good as left out
    ],
)
def test_is_a_return_address_read_line_by_line(address: Any, taken: bool) -> None:
    order = json.loads(ORDERS.read_text())[0]
    order["seller"]["return_address"] = address
    with answering(http("200 OK", json.dumps(order))) as url, calling(url) as marketplace:
        if taken:
            read = marketplace.order(COFFEE)
            assert read is not None
            assert read.seller.return_address == tuple(address or ())
        else:
            with pytest.raises(ApplicationError) as refused:
                marketplace.order(COFFEE)
            assert "Magazynowa" not in str(refused.value)


@pytest.mark.parametrize("order_id", ["PL-9999", "PL/1001", "PL-1001?", ".", "..", "Łódź", "%"])
def test_is_an_unknown_order_none_whatever_its_id_looks_like(served: str, order_id: str) -> None:
    with calling(served) as marketplace:
        assert marketplace.order(order_id) is None


def test_does_trouble_with_an_order_ask_to_be_retried(
    standin: StandIn, marketplace: Marketplace
) -> None:
    for how, code in TROUBLES.items():
        standin.behave(orders=how, times=1)
        with pytest.raises(MarketplaceUnavailableError) as trouble:
            marketplace.order(COFFEE)
        assert trouble.value.code == code
        assert marketplace.order(COFFEE) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"currency": "zł"},
        {"lines": []},
        {"placed_at": "2025-08-07T13:04:11"},
        {"id": "PL-1001"},
        {"buyer": {"id": "1", "name": "Jan Kowalski", "email": "jan@buyer.example", "locale": 7}},
        {"lines": [{"sku": "A", "title": "A", "quantity": 1, "unit_price_minor": 12.5}]},
        {
            "lines": [
                {
                    "sku": "A",
                    "title": "A",
                    "quantity": 1,
                    "unit_price_minor": 5,
                    "discount_minor": 6,
                }
            ]
        },
        {"lines": [{"sku": "A", "title": "A", "quantity": 10_000, "unit_price_minor": 10**12}]},
        {"currency": None},
        {"lines": [{"sku": None, "title": None, "quantity": 1, "unit_price_minor": 5}]},
        {"buyer": {"id": "1", "name": "Jan Kowalski", "email": "jan@buyer.example", "locale": ""}},
    ],
)
def test_is_an_order_of_another_form_refused_for_good_without_telling_its_values(
    wrong: dict[str, Any],
) -> None:
    order = json.loads(ORDERS.read_text())[0] | wrong
    with (
        answering(http("200 OK", json.dumps(order))) as url,
        calling(url) as marketplace,
        pytest.raises(ApplicationError) as refused,
    ):
        marketplace.order(COFFEE)
    assert refused.value.non_retryable
    assert refused.value.type == "marketplace-refused"
    assert "Kowalski" not in str(refused.value)
    assert "@" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("ids", [True, False])
def test_may_an_sku_have_as_many_characters_in_several_lines_as_in_one(
    lines: int, ids: bool
) -> None:
    def told(length: int) -> Order | None:
        line = {"sku": "A" * length, "title": "A", "quantity": 1, "unit_price_minor": 5}
        named = [line | ({"id": str(n).rjust(90, "7")} if ids else {}) for n in range(lines)]
        order = json.loads(ORDERS.read_text())[0] | {"lines": named}
        with answering(http("200 OK", json.dumps(order))) as url, calling(url) as marketplace:
            return marketplace.order(order["id"])

    longest = told(200)
    assert longest
    assert len(longest.lines) == lines
    with pytest.raises(ApplicationError, match="promised: the whole, an SKU has at most 200 char"):
        told(201)


@pytest.mark.parametrize("title", [{}, {"title": None}, {"title": ""}, {"title": " "}])
def test_is_a_line_without_a_title_called_by_its_sku_and_null_as_good_as_left_out(
    title: dict[str, str | None],
) -> None:
    line = {"sku": "A", "quantity": 1, "unit_price_minor": 5, "discount_minor": None, **title}
    told = {"lines": [line, line], "payment": None, "parcels": None, "return_address": None}
    whole = json.loads(ORDERS.read_text())[0]
    seller = whole["seller"] | {"return_address": told.pop("return_address")}
    with (
        answering(http("200 OK", json.dumps(whole | told | {"seller": seller}))) as url,
        calling(url) as marketplace,
    ):
        order = marketplace.order(whole["id"])
    assert order
    assert [(line.sku, line.title) for line in order.lines] == [("A#1", "A"), ("A#2", "A")]
    assert order.payment is Payment.PREPAID


def test_is_the_order_in_the_documentation_of_the_promised_form() -> None:
    text = (ROOT / "docs" / "marketplace-api.md").read_text()
    start = text.index('{"id": "PL-1001", "country"')
    documented = text[start : text.index("\n\n", start)]
    with answering(http("200 OK", documented)) as url, calling(url) as marketplace:
        order = marketplace.order("PL-1001")
    assert order is not None
    assert order.buyer.email == "marek.zielinski@buyer.example"


@pytest.mark.parametrize(
    "answer",
    [
        http("404 Not Found", "<html>nginx</html>", "text/html"),
        http("404 Not Found", '{"code": "not-found"}', "application/problem+json"),
        http("302 Found", "", more="Location: http://127.0.0.1:9/orders\r\n"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"220 mail.market.example ESMTP\r\n",
        b"",
    ],
)
def test_is_an_answer_of_something_else_never_taken_for_an_unknown_order(answer: bytes) -> None:
    with (
        answering(answer) as url,
        calling(url) as marketplace,
        pytest.raises(MarketplaceUnavailableError),
    ):
        marketplace.order(COFFEE)


def test_is_a_wrong_token_asked_again_rather_than_refused_for_good(served: str) -> None:
    with calling(served, "another token") as marketplace:
        with pytest.raises(MarketplaceUnavailableError, match="401"):
            marketplace.order(COFFEE)
        assert marketplace.refund(command("token")).state is RefundState.UNCONFIRMED


def test_is_a_closed_port_trouble_that_names_no_token() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with calling(url) as marketplace, pytest.raises(MarketplaceUnavailableError) as trouble:
        marketplace.order(COFFEE)
    assert trouble.value.code == "no-connection"
    assert TOKEN not in str(trouble.value)


# --- servers that do anything ---


def ask_everything(marketplace: Marketplace) -> Iterator[Callable[[], object]]:
    """One request to every path of the port. Each raises, or reports a refund as unconfirmed."""
    at = f"carrier-claim:PL:{UNSENT}:620001"
    charge = Money(amount_minor=100, currency="PLN")
    again = Redelivery(key="again:1", case_id=at, order_id=UNSENT, charge=charge)
    yield lambda: marketplace.order(COFFEE)
    yield lambda: marketplace.refund(command())
    yield lambda: marketplace.refund_status(command().key)
    yield lambda: marketplace.stop_dispatch(stopping())
    yield lambda: marketplace.label(labelling())
    yield lambda: marketplace.file_claim(filing())
    yield lambda: marketplace.book(recovery())
    yield lambda: marketplace.request_redelivery(again)
    yield lambda: marketplace.void_redelivery(again)
    yield lambda: marketplace.tell_breach(breach())


def trouble_with(ask: Callable[[], object]) -> str:
    """What became of a request that went wrong, in a word."""
    try:
        report = ask()
    except MarketplaceUnavailableError as trouble:
        return trouble.code
    assert isinstance(report, RefundReport)
    assert report.state is RefundState.UNCONFIRMED
    return report.reason


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("drip", "timeout"),
        ("drip-headers", "timeout"),
        ("huge", "answer-too-large"),
        ("huge-headers", "not-understood"),
        ("bomb", "answer-too-large"),
    ],
)
def test_does_no_request_take_long_or_hold_much_whatever_the_answer_does(
    standin: StandIn, how: str, code: str
) -> None:
    # Only where the deadline is the subject is it short: a busy machine needs longer to be hostile.
    timeout = QUICK if code == "timeout" else 10
    ports = ("orders", "refunds", "statuses", "breaches", "shipments", "claims")
    standin.behave(**dict.fromkeys(ports, how), drip_seconds=QUICK / 4)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with closing(Marketplace(standin.url, TOKEN, read_timeout=timeout)) as marketplace:
        for ask in ask_everything(marketplace):
            began = time.monotonic()
            assert trouble_with(ask) == code
            assert time.monotonic() - began < timeout + 2
    # Of a thousand megabytes; in kilobytes, and the stand-in in this process holds a few of them.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < 50_000
    assert standin.paid() == []


@pytest.mark.parametrize("packed", [False, True])
def test_is_an_answer_read_up_to_a_megabyte_and_no_further(packed: bool) -> None:
    order = ORDERS.read_bytes()
    first: bytes = json.dumps(json.loads(order)[0]).encode()
    for length, read in ((1_000_000, True), (1_000_001, False)):
        body = first.ljust(length)
        more = "Content-Encoding: gzip\r\n" if packed else ""
        body = gzip.compress(body) if packed else body
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
        with (
            answering(head.encode() + body) as url,
            closing(Marketplace(url, TOKEN)) as marketplace,
        ):
            if read:
                assert marketplace.order(COFFEE) is not None
            else:
                with pytest.raises(MarketplaceUnavailableError, match="more than 1,000,000 bytes"):
                    marketplace.order(COFFEE)


def test_is_a_connection_that_never_stands_given_up() -> None:
    # Nobody shakes hands: what was sent is TLS, and the listener only listens.
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}"
        with closing(Marketplace(url, TOKEN, connect_timeout=QUICK)) as marketplace:
            began = time.monotonic()
            with pytest.raises(MarketplaceUnavailableError) as trouble:
                marketplace.order(COFFEE)
    assert trouble.value.code == "timeout"
    assert time.monotonic() - began < 2


def test_is_a_silent_marketplace_spared_and_heard_again(standin: StandIn) -> None:
    with closing(Marketplace(standin.url, TOKEN, read_timeout=QUICK)) as marketplace:
        assert marketplace.order(COFFEE) is not None
        standin.behave(orders="drip")
        with ThreadPoolExecutor(SILENCES) as pool:
            asked = [lambda: marketplace.order(COFFEE)] * SILENCES
            assert set(pool.map(trouble_with, asked)) == {"timeout"}
        before = standin.ledger()["requests"]["orders"]
        assert {trouble_with(lambda: marketplace.order(COFFEE)) for _ in range(20)} == {"paused"}
        assert marketplace.refund(command()).reason == "paused"
        assert standin.ledger()["requests"]["orders"] == before
        assert marketplace.failing
        standin.behave()
        time.sleep(PAUSE)
        assert marketplace.order(COFFEE) is not None
        assert marketplace.refund(command()).state is RefundState.CONFIRMED
        assert not marketplace.failing


def test_is_one_alone_let_through_to_try_after_each_pause() -> None:
    breaker = Breaker(silences=2, pause=QUICK)
    for _ in range(2):
        breaker.admit()
        breaker.silent()
    for _ in range(2):
        time.sleep(QUICK)
        breaker.admit()
        for _ in range(3):
            with pytest.raises(NoAnswerError):
                breaker.admit()
    breaker.answered()
    for _ in range(3):
        breaker.admit()


@pytest.mark.parametrize("how", ["fail", "garbage", "drip", "huge"])
def test_is_a_failing_marketplace_known_as_such_until_it_answers_well(
    standin: StandIn, marketplace: Marketplace, how: str
) -> None:
    standin.behave(orders=how)
    for _ in range(3):
        assert not marketplace.failing
        trouble_with(lambda: marketplace.order(COFFEE))
    assert marketplace.failing
    standin.behave()
    assert marketplace.order("PL-9999") is None  # a refusal is a good answer
    assert not marketplace.failing


def test_is_what_is_under_way_cut_off_when_the_worker_ends(standin: StandIn) -> None:
    marketplace = Marketplace(standin.url, TOKEN, read_timeout=30)
    standin.behave(orders="drip")
    with ThreadPoolExecutor(3) as pool:
        left = [pool.submit(trouble_with, lambda: marketplace.order(COFFEE)) for _ in range(3)]
        while standin.ledger()["requests"]["orders"] < 3:
            time.sleep(0.01)
        began = time.monotonic()
        marketplace.close()
        assert [each.result(timeout=5) for each in left] == ["cut-off"] * 3
        assert time.monotonic() - began < 2
    assert trouble_with(lambda: marketplace.order(COFFEE)) == "cut-off"


# --- refunds ---


def test_is_a_refund_paid_once_however_often_it_is_asked(
    standin: StandIn, marketplace: Marketplace
) -> None:
    reports = [marketplace.refund(command()) for _ in range(5)]
    assert {report.state for report in reports} == {RefundState.CONFIRMED}
    assert standin.paid() == [(command().key, 24900)]
    assert marketplace.refund_status(command().key) == reports[0]


def test_do_twenty_at_once_pay_once(standin: StandIn) -> None:
    with closing(Marketplace(standin.url, TOKEN)) as marketplace, ThreadPoolExecutor(20) as pool:
        states = Counter(report.state for report in pool.map(marketplace.refund, [command()] * 20))
    assert states == {RefundState.CONFIRMED: 20}
    assert standin.paid() == [(command().key, 24900)]
    assert standin.ledger()["requests"]["refunds"] == 20


def test_is_another_refund_under_the_same_key_refused(
    standin: StandIn, marketplace: Marketplace
) -> None:
    marketplace.refund(command())
    assert marketplace.refund(command(amount=1)) == RefundReport(
        key=command().key, state=RefundState.FAILED, reason="idempotency-mismatch"
    )
    assert standin.paid() == [(command().key, 24900)]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (command(order_id="PL-9999"), "order-unknown"),
        (command(amount=30_390), "exceeds-paid"),
        (command(amount=0), "malformed"),
        (
            command().model_copy(update={"amount": Money(amount_minor=1, currency="EUR")}),
            "currency-differs",
        ),
    ],
)
def test_does_the_stand_in_refuse_what_no_marketplace_would_pay(
    served: str, wrong: RefundCommand, reason: str
) -> None:
    with calling(served) as marketplace:
        report = marketplace.refund(wrong.model_copy(update={"key": reason}))
        assert (report.state, report.reason) == (RefundState.FAILED, reason)
        assert marketplace.refund_status(reason) is None


def test_do_two_refunds_of_an_order_never_pay_more_than_was_paid(
    standin: StandIn, marketplace: Marketplace
) -> None:
    standin.behave(refunds="later", times=1)
    first = marketplace.refund(command("first", amount=20_000))
    second = marketplace.refund(command("second", amount=10_390))
    third = marketplace.refund(command("third", amount=10_389))
    assert [first.state, second.state, third.state] == [
        RefundState.REQUESTED,
        RefundState.FAILED,
        RefundState.CONFIRMED,
    ]


@pytest.mark.parametrize("how", ["confirm", "fail"])
def test_is_a_refund_for_later_requested_until_it_is_settled(
    standin: StandIn, marketplace: Marketplace, how: str
) -> None:
    standin.behave(refunds="later")
    key = command().key
    assert marketplace.refund(command()).state is RefundState.REQUESTED
    assert marketplace.refund(command()).state is RefundState.REQUESTED
    assert marketplace.refund_status(key) == RefundReport(key=key, state=RefundState.REQUESTED)
    assert standin.paid() == []
    assert standin.settle(key, how).status_code == 200
    assert standin.settle(key, how).status_code == 200
    known = marketplace.refund_status(key)
    if how == "confirm":
        assert known == RefundReport(key=key, state=RefundState.CONFIRMED)
        assert standin.paid() == [(key, 24900)]
        assert standin.settle(key, "fail").status_code == 409
    else:
        assert known == RefundReport(
            key=key, state=RefundState.FAILED, reason="payment-method-closed"
        )
        assert standin.paid() == []
    assert marketplace.refund(command()).state is (known.state if known else None)


@pytest.mark.parametrize(
    ("how", "reason", "really_paid"),
    [
        ("hang", "timeout", False),
        ("pay-then-hang", "timeout", True),
        ("fail", "status-503", False),
        ("garbage", "not-understood", False),
    ],
)
def test_is_a_lost_answer_unconfirmed_and_never_success_or_failure(
    standin: StandIn, marketplace: Marketplace, how: str, reason: str, really_paid: bool
) -> None:
    key = command().key
    standin.behave(refunds=how)
    for _ in range(2):
        assert marketplace.refund(command()) == RefundReport(
            key=key, state=RefundState.UNCONFIRMED, reason=reason
        )
    status = marketplace.refund_status(key)
    assert (status.state if status else None) == (RefundState.CONFIRMED if really_paid else None)
    standin.behave()
    assert marketplace.refund(command()).state is RefundState.CONFIRMED
    assert standin.paid() == [(key, 24900)]


def test_is_a_refund_refused_for_good_failed_with_its_reason(
    standin: StandIn, marketplace: Marketplace
) -> None:
    standin.behave(refunds="refuse", refusal="account-closed", times=1)
    failed = RefundReport(key=command().key, state=RefundState.FAILED, reason="account-closed")
    assert marketplace.refund(command()) == failed
    assert marketplace.refund_status(command().key) == failed
    assert marketplace.refund(command()) == failed
    assert standin.paid() == []


def test_is_a_status_that_cannot_be_had_unconfirmed_and_not_never_received(
    standin: StandIn, marketplace: Marketplace
) -> None:
    for how, code in TROUBLES.items():
        standin.behave(statuses=how)
        assert marketplace.refund_status("unknown") == RefundReport(
            key="unknown", state=RefundState.UNCONFIRMED, reason=code
        )


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", '{"state": "paid"}'),
        http("200 OK", "null"),
        http("204 No Content", ""),
        http("302 Found", "", more="Location: http://127.0.0.1:9/refunds\r\n"),
        http("404 Not Found", "<html>nginx</html>", "text/html"),
        http("429 Too Many Requests", '{"code": "slow-down"}'),
        http("500 Internal Server Error", '{"state": "confirmed"}'),
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b'{"state": "confirmed"}',
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"220 mail.market.example ESMTP\r\n",
        b"",
    ],
)
def test_is_an_answer_that_promises_nothing_unconfirmed(answer: bytes) -> None:
    with answering(answer, answer) as url, calling(url) as marketplace:
        assert marketplace.refund(command()).state is RefundState.UNCONFIRMED
        status = marketplace.refund_status(command().key)
        assert status is not None
        assert status.state is RefundState.UNCONFIRMED


def test_does_a_netrc_file_of_the_machine_leave_the_token_alone(
    standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with calling(standin.url) as marketplace:
        assert marketplace.order(COFFEE) is not None


# --- claims against carriers ---


@pytest.fixture
def claims(tmp_path: Path, marketplace: Marketplace) -> Iterator[tuple[CarrierClaims, Recoveries]]:
    """The activities, with a store of their own."""
    engine = connect(f"sqlite:///{tmp_path / 'recourse.db'}")
    migrate(engine)
    recoveries = Recoveries(engine)
    yield CarrierClaims(marketplace, recoveries), recoveries
    engine.dispose()


def posted(standin: StandIn) -> None:
    """PL-2003 has a parcel that can be claimed."""
    parcels = [{"id": "p", "tracking": "620001", "posted_at": "2026-11-01T10:00:00Z"}]
    assert standin.change(UNSENT, parcels=parcels).ok


def test_is_a_claim_sent_once_and_its_appeal_beside_it(
    standin: StandIn, marketplace: Marketplace
) -> None:
    posted(standin)
    first = marketplace.file_claim(filing())
    assert first == ClaimFiled(reference="CLM000000001")
    assert marketplace.file_claim(filing()) == first
    appeal = filing("claim:2", appeal_of=first.reference, reason="It was whole.")
    assert marketplace.file_claim(appeal).reference == "CLM000000002"
    marketplace.book(recovery())
    marketplace.book(recovery())
    ledger = standin.ledger()
    assert [(one["key"], one["amount_minor"], one["appeal_of"]) for one in ledger["claims"]] == [
        ("claim:1", 8900, None),
        ("claim:2", 8900, "CLM000000001"),
    ]
    assert [one["seller_id"] for one in ledger["bookings"]] == ["50000002"]
    assert (ledger["requests"]["claims"], ledger["requests"]["bookings"]) == (3, 2)


@pytest.mark.parametrize(
    ("how", "code", "done"),
    [
        ("hang", "timeout", 0),
        ("file-then-hang", "timeout", 1),
        ("fail", "status-503", 0),
        ("garbage", "not-understood", 0),
    ],
)
def test_does_trouble_with_a_claim_ask_to_be_retried(
    standin: StandIn,
    claims: tuple[CarrierClaims, Recoveries],
    how: str,
    code: str,
    done: int,
) -> None:
    posted(standin)
    activities, recoveries = claims
    worker = ActivityEnvironment()
    standin.behave(claims=how, times=2, order_id=UNSENT)
    with pytest.raises(MarketplaceUnavailableError) as trouble:
        worker.run(activities.file, filing())
    assert trouble.value.code == code
    if how != "garbage":  # a booking needs no body in its answer
        with pytest.raises(MarketplaceUnavailableError) as trouble:
            worker.run(activities.book, recovery())
        assert trouble.value.code == code
        ledger = standin.ledger()
        assert (len(ledger["claims"]), len(ledger["bookings"])) == (done, done)
        assert recoveries.of_seller("50000002") == [recovery()]
    standin.behave()
    assert worker.run(activities.file, filing()).reference == "CLM000000001"
    worker.run(activities.book, recovery())
    ledger = standin.ledger()
    assert (len(ledger["claims"]), len(ledger["bookings"])) == (1, 1)
    assert recoveries.of_seller("50000002") == [recovery()]


def test_is_a_refused_claim_refused_for_good(
    standin: StandIn, claims: tuple[CarrierClaims, Recoveries]
) -> None:
    posted(standin)
    activities, recoveries = claims
    worker = ActivityEnvironment()
    worker.run(activities.file, filing("known"))
    worker.run(activities.book, recovery("known"))
    euros = Money(amount_minor=8900, currency="EUR")
    for claim, code in (
        (filing("known", 1), "idempotency-mismatch"),
        (filing("foreign", tracking="620002"), "parcel-unknown"),
        (filing("unknown", order_id="PL-9999"), "order-unknown"),
        (filing("money", amount=euros), "currency-differs"),
        (filing("appeal", appeal_of="CLM9"), "claim-unknown"),
    ):
        with pytest.raises(ApplicationError, match=code) as refused:
            worker.run(activities.file, claim)
        assert (refused.value.non_retryable, refused.value.type) == (True, "marketplace-refused")
    with pytest.raises(ContradictionError, match="booked to 50000002 already"):
        worker.run(activities.book, recovery("known", 1))
    standin.behave(claims="refuse", refusal="account-closed", order_id=UNSENT)
    with pytest.raises(ApplicationError, match="account-closed"):
        worker.run(activities.book, recovery("moody"))
    assert {one.key for one in recoveries.of_seller("50000002")} == {"known", "moody"}
    ledger = standin.ledger()
    assert (len(ledger["claims"]), len(ledger["bookings"])) == (1, 1)


# --- shipments ---


def test_is_a_dispatch_stopped_once_however_often_it_is_asked(
    standin: StandIn, marketplace: Marketplace
) -> None:
    for _ in range(3):
        assert marketplace.stop_dispatch(stopping()).dispatch is Dispatch.STOPPED
    ledger = standin.ledger()
    assert [(each["key"], each["state"]) for each in ledger["cancellations"]] == [
        ("dispatch:1", "stopped")
    ]
    assert ledger["requests"]["cancellations"] == 3


def test_is_it_too_late_to_stop_what_has_a_tracking_number(
    standin: StandIn, marketplace: Marketplace
) -> None:
    assert standin.ship().json()["shipped"] is True
    order = marketplace.order(UNSENT)
    assert order is not None
    assert order.shipped
    assert marketplace.stop_dispatch(stopping()).dispatch is Dispatch.SENT
    assert standin.change(UNSENT, shipped=False).status_code == 200
    assert marketplace.stop_dispatch(stopping()).dispatch is Dispatch.SENT, "as it answered before"
    assert marketplace.stop_dispatch(stopping("dispatch:2")).dispatch is Dispatch.STOPPED


def test_is_only_what_was_not_stopped_ever_shipped(
    standin: StandIn, marketplace: Marketplace
) -> None:
    assert marketplace.stop_dispatch(stopping("a", bulbs=4)).dispatch is Dispatch.STOPPED
    assert standin.ship().status_code == 200
    assert marketplace.stop_dispatch(stopping("b", lamp=1)).dispatch is Dispatch.SENT
    assert marketplace.stop_dispatch(stopping("a", bulbs=4)).dispatch is Dispatch.STOPPED

    standin.change("PL-1001", lines=[line(SKUS["lamp"], 1), line(SKUS["bulbs"], 4)])
    for key, units in (("c", {"lamp": 1}), ("d", {"bulbs": 4})):
        stopped = marketplace.stop_dispatch(stopping(key, "PL-1001", **units))
        assert stopped.dispatch is Dispatch.STOPPED
    late = standin.ship("PL-1001")
    assert (late.status_code, late.json()["code"]) == (409, "order-cancelled")
    assert [sent["order_id"] for sent in standin.ledger()["shipments"]] == [UNSENT]


def test_does_exactly_one_win_when_a_cancellation_and_a_tracking_number_race(
    tmp_path: Path,
) -> None:
    wanted = UnitsRequest.model_validate(stopping().model_dump(exclude={"key"}))

    def ship() -> bool:
        start.wait()
        with contextlib.suppress(ProblemError):
            return books.ship(UNSENT, "620001").shipped
        return False

    def stop() -> bool:
        start.wait()
        return books.stop("dispatch:1", wanted).state == "stopped"

    with ThreadPoolExecutor(2) as pool:
        for race in range(20):
            # The journal's fsync lets the other thread in between looking and writing.
            books = Books(read_orders(ORDERS), tmp_path / f"{race}.jsonl")
            start = threading.Barrier(2)
            first, second = (ship, stop) if race % 2 else (stop, ship)
            won = [racing.result() for racing in [pool.submit(first), pool.submit(second)]]
            assert won.count(True) == 1
            assert books.orders[UNSENT].shipped is bool(books.shipments)


def test_is_a_label_made_once_and_charged_in_the_currency_of_the_order(
    standin: StandIn, marketplace: Marketplace
) -> None:
    first = marketplace.label(labelling())
    assert first == LabelMade(
        label="https://labels.example/RET000000001.pdf",
        tracking="RET000000001",
        charged=Money(amount_minor=1299, currency="PLN"),
    )
    assert marketplace.label(labelling()) == first
    assert marketplace.label(labelling("label:2")).tracking != first.tracking
    standin.change(UNSENT, currency="HUF")
    assert marketplace.label(labelling("label:3")).charged.currency == "HUF"
    labels = standin.ledger()["labels"]
    assert [label["key"] for label in labels] == ["label:1", "label:2", "label:3"]
    assert standin.ledger()["requests"]["labels"] == 4


@pytest.mark.parametrize(
    ("how", "code", "done"),
    [
        ("hang", "timeout", 0),
        ("stop-then-hang", "timeout", 1),
        ("fail", "status-503", 0),
        ("garbage", "not-understood", 0),
    ],
)
def test_does_trouble_with_a_shipment_ask_to_be_retried(
    standin: StandIn, marketplace: Marketplace, how: str, code: str, done: int
) -> None:
    shipments, worker = Shipments(marketplace), ActivityEnvironment()
    standin.behave(shipments=how, times=2, order_id=UNSENT)
    with pytest.raises(MarketplaceUnavailableError) as trouble:
        worker.run(shipments.stop, stopping())
    assert trouble.value.code == code
    with pytest.raises(MarketplaceUnavailableError) as trouble:
        worker.run(shipments.label, labelling())
    assert trouble.value.code == code
    ledger = standin.ledger()
    assert (len(ledger["cancellations"]), len(ledger["labels"])) == (done, done)
    late = standin.ship().status_code
    assert late == (409 if done else 200)
    stopped = worker.run(shipments.stop, stopping())
    assert stopped.dispatch is (Dispatch.STOPPED if done else Dispatch.SENT)
    assert worker.run(shipments.label, labelling()).tracking == "RET000000001"


def test_is_a_refused_shipment_refused_for_good(standin: StandIn, marketplace: Marketplace) -> None:
    standin.behave(shipments="refuse", refusal="no-carrier-today", order_id="PL-1002")
    marketplace.stop_dispatch(stopping("known", bulbs=1))
    marketplace.label(labelling("known", bulbs=1))
    for key, order_id, units, code in (
        ("known", UNSENT, {"lamp": 1}, "idempotency-mismatch"),
        ("unknown", "PL-9999", {"lamp": 1}, "order-unknown"),
        ("foreign", "PL-1001", {"lamp": 1}, "exceeds-ordered"),
        ("many", UNSENT, {"lamp": 1, "bulbs": 5}, "exceeds-ordered"),
        ("moody", "PL-1002", {"lamp": 1}, "no-carrier-today"),
    ):
        with pytest.raises(ApplicationError, match=code) as refused:
            marketplace.stop_dispatch(stopping(key, order_id, **units))
        assert (refused.value.non_retryable, refused.value.type) == (True, "marketplace-refused")
        with pytest.raises(ApplicationError, match=code) as refused:
            marketplace.label(labelling(key, order_id, **units))
        assert (refused.value.non_retryable, refused.value.type) == (True, "marketplace-refused")
    with pytest.raises(ApplicationError, match="exceeds-ordered"):
        marketplace.stop_dispatch(stopping("left", bulbs=4))
    ledger = standin.ledger()
    assert (len(ledger["cancellations"]), len(ledger["labels"])) == (1, 1)


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", '{"state": "already-shipped"}'),
        http("200 OK", '{"label": "L", "tracking": "T", "charged_minor": -1, "currency": "PLN"}'),
        http("200 OK", '{"label": "", "tracking": "T", "charged_minor": 1, "currency": "PLN"}'),
        http("200 OK", '{"label": "L", "tracking": "T", "charged_minor": 12.5, "currency": "PLN"}'),
        http("202 Accepted", '{"state": "stopped"}'),
        http("409 Conflict", "<html>nginx</html>", "text/html"),
        http("429 Too Many Requests", '{"code": "already-shipped"}'),
        http("503 Service Unavailable", '{"code": "already-shipped"}'),
    ],
)
def test_is_a_shipment_never_known_from_an_answer_that_promises_nothing(answer: bytes) -> None:
    with answering(answer, answer) as url, calling(url) as marketplace:
        with pytest.raises(MarketplaceUnavailableError):
            marketplace.stop_dispatch(stopping())
        with pytest.raises(MarketplaceUnavailableError):
            marketplace.label(labelling())


# --- sending goods again ---


def redelivery(key: str = "redelivery:1", order_id: str = UNSENT, minor: int = 1499) -> Redelivery:
    """Asks the buyer to pay 14.99 for sending goods again."""
    money = Money(amount_minor=minor, currency="PLN")
    return Redelivery(key=key, case_id="case", order_id=order_id, charge=money)


def test_is_a_redelivery_charged_once_and_given_back_once(
    standin: StandIn, marketplace: Marketplace
) -> None:
    redeliveries, worker = Redeliveries(marketplace), ActivityEnvironment()
    for number in ("1", "1", "2"):
        worker.run(redeliveries.request, redelivery(f"redelivery:{number}"))
    pay = f"{standin.url}/standin/redeliveries/redelivery%3A1/pay"
    for _ in range(2):
        assert requests.post(pay, timeout=5).json() == {"state": "paid"}
    worker.run(redeliveries.request, redelivery())  # answered as things stand
    for number in ("1", "1", "2"):
        worker.run(redeliveries.void, redelivery(f"redelivery:{number}"))
    charged = standin.ledger()["redeliveries"]
    assert [(one["key"], one["state"], one["given_back"]) for one in charged] == [
        ("redelivery:1", "voided", True),
        ("redelivery:2", "voided", False),
    ]
    late = requests.post(pay, timeout=5)
    assert (late.status_code, late.json()["code"]) == (409, "redelivery-voided")
    assert standin.paid() == []  # it is no part of what can be refunded for the order


@pytest.mark.parametrize(
    ("how", "code", "done"),
    [
        ("hang", "timeout", 0),
        ("stop-then-hang", "timeout", 1),
        ("fail", "status-503", 0),
        ("garbage", "not-understood", 0),
    ],
)
def test_does_trouble_with_a_redelivery_ask_to_be_retried(
    standin: StandIn, marketplace: Marketplace, how: str, code: str, done: int
) -> None:
    for act, key, state in (
        (marketplace.request_redelivery, redelivery("new"), "requested"),
        (marketplace.void_redelivery, redelivery("known"), "voided"),
    ):
        marketplace.request_redelivery(redelivery("known"))
        standin.behave(shipments=how, times=1, order_id=UNSENT)
        with pytest.raises(MarketplaceUnavailableError) as trouble:
            act(key)
        assert trouble.value.code == code
        states = [one["state"] for one in standin.ledger()["redeliveries"] if one["key"] == key.key]
        assert (state in states) is bool(done)
        act(key)


def test_is_a_refused_redelivery_refused_for_good(
    standin: StandIn, marketplace: Marketplace
) -> None:
    marketplace.request_redelivery(redelivery())
    standin.behave(shipments="refuse", refusal="no-payment-method", order_id="PL-1002")
    for wanted, code in (
        (redelivery(minor=1500), "idempotency-mismatch"),
        (redelivery("unknown", "PL-9999"), "order-unknown"),
        (redelivery("foreign", "SI-2001"), "currency-differs"),
        (redelivery("moody", "PL-1002"), "no-payment-method"),
    ):
        with pytest.raises(ApplicationError, match=code) as refused:
            marketplace.request_redelivery(wanted)
        assert (refused.value.non_retryable, refused.value.type) == (True, "marketplace-refused")
    with pytest.raises(ApplicationError, match="redelivery-unknown") as refused:
        marketplace.void_redelivery(redelivery("never"))
    assert refused.value.non_retryable
    assert len(standin.ledger()["redeliveries"]) == 1


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", '{"state": "confirmed"}'),
        http("202 Accepted", '{"state": "voided"}'),
        http("429 Too Many Requests", '{"code": "redelivery-unknown"}'),
    ],
)
def test_is_a_redelivery_never_known_from_an_answer_that_promises_nothing(answer: bytes) -> None:
    with answering(answer, answer) as url, calling(url) as marketplace:
        with pytest.raises(MarketplaceUnavailableError):
            marketplace.request_redelivery(redelivery())
        with pytest.raises(MarketplaceUnavailableError):
            marketplace.void_redelivery(redelivery())


# --- breaches ---


def test_is_a_breach_received_once_however_often_it_is_told(
    standin: StandIn, marketplace: Marketplace
) -> None:
    for _ in range(3):
        marketplace.tell_breach(breach())
    received = standin.ledger()["breaches"]
    assert [(each["key"], each["seller_id"]) for each in received] == [
        ("dispute:PL:PL-1001:1:breach:1", "50000002")
    ]


def test_does_trouble_with_a_breach_ask_to_be_retried(
    standin: StandIn, marketplace: Marketplace
) -> None:
    for how in ("fail", "hang"):
        standin.behave(breaches=how, times=1)
        with pytest.raises(MarketplaceUnavailableError):
            marketplace.tell_breach(breach())
        assert standin.ledger()["breaches"] == []
    marketplace.tell_breach(breach())
    assert len(standin.ledger()["breaches"]) == 1


def test_is_a_refused_breach_refused_for_good(standin: StandIn, marketplace: Marketplace) -> None:
    marketplace.tell_breach(breach())
    with pytest.raises(ApplicationError, match="idempotency-mismatch"):
        marketplace.tell_breach(breach(seller="50000003"))
    standin.behave(breaches="refuse", refusal="seller-unknown")
    with pytest.raises(ApplicationError, match="seller-unknown") as refused:
        marketplace.tell_breach(breach())
    assert refused.value.non_retryable
    assert refused.value.type == "marketplace-refused"


# --- the stand-in itself ---


def test_does_it_behave_well_again_after_so_many_times(
    standin: StandIn, marketplace: Marketplace
) -> None:
    standin.behave(refunds="fail", times=2)
    marketplace.order(COFFEE)
    states = [marketplace.refund(command()).state for _ in range(3)]
    assert states == [RefundState.UNCONFIRMED, RefundState.UNCONFIRMED, RefundState.CONFIRMED]


def test_can_orders_be_treated_differently_at_the_same_time(
    standin: StandIn, marketplace: Marketplace
) -> None:
    standin.behave(refunds="later", order_id="PL-1001")
    standin.behave(refunds="refuse", order_id="SI-2001", times=1)
    refunds = [command("a"), command("b", "SI-2001"), command("c", "PL-1002", 100)]
    assert [marketplace.refund(each).state for each in refunds] == [
        RefundState.REQUESTED,
        RefundState.FAILED,
        RefundState.CONFIRMED,
    ]
    standin.behave()
    assert marketplace.refund(command("d", amount=1)).state is RefundState.CONFIRMED


def test_can_a_test_make_any_order_of_one(standin: StandIn, marketplace: Marketplace) -> None:
    parcel = {"id": "1", "in_hand_at": "2026-11-16T09:00:00Z"}
    changed = standin.change(
        UNSENT,
        parcels=[parcel],
        informed=False,
        buyer_class="business",
        payment="cash-on-delivery",
    )
    order = marketplace.order(UNSENT)
    assert order is not None
    assert changed.json() == order.model_dump(mode="json")
    assert [each.id for each in order.parcels] == ["1"]
    assert (order.informed, order.buyer_class, order.payment) == (
        False,
        BuyerClass.BUSINESS,
        Payment.CASH_ON_DELIVERY,
    )
    assert order.buyer.name == "Celina Nieistniejąca"


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        (("GET", "/nothing", {}, None), 404, "not-found"),
        (("DELETE", "/refunds", {}, None), 405, "method-not-allowed"),
        (("POST", "/refunds", {}, b"{}"), 400, "idempotency-key-missing"),
        (("POST", "/refunds", {"Idempotency-Key": "k"}, b"{"), 400, "malformed"),
        (("POST", "/refunds", {"Idempotency-Key": "k"}, b"\xff"), 400, "malformed"),
        (("POST", "/refunds", {"Idempotency-Key": "a key"}, b"{}"), 400, "idempotency-key-missing"),
        (("POST", "/breaches", {"Idempotency-Key": "k"}, b"[]"), 400, "malformed"),
        (("POST", "/standin/behaviour", {}, b'{"refunds": "steal"}'), 400, "malformed"),
        (("POST", "/standin/behaviour", {}, b'{"times": 0}'), 400, "malformed"),
        (("POST", "/standin/refunds/k/confirm", {}, None), 404, "refund-unknown"),
        (("POST", "/cancellations", {}, b"{}"), 400, "idempotency-key-missing"),
        (("POST", "/labels", {"Idempotency-Key": "k"}, b"{}"), 400, "malformed"),
        (("POST", "/standin/orders/PL-9999", {}, b"{}"), 404, "order-unknown"),
        (("POST", "/standin/orders/PL-1001", {}, b"[]"), 400, "malformed"),
        (("POST", "/standin/orders/PL-1001", {}, b'{"id": "PL-1002"}'), 400, "malformed"),
        (("POST", "/standin/orders/PL-1001", {}, b'{"colour": "red"}'), 400, "malformed"),
        (("POST", "/standin/orders/PL-1001/shipment", {}, b"{}"), 400, "malformed"),
        (
            ("POST", "/standin/orders/PL-9999/shipment", {}, b'{"tracking": "1"}'),
            404,
            "order-unknown",
        ),
        (
            ("GET", "/orders/PL-1001", {"Authorization": "Bearer ż".encode()}, None),
            401,
            "unauthorized",
        ),
    ],
)
def test_is_every_wrong_request_answered_with_a_problem_document(
    served: str,
    wrong: tuple[str, str, dict[str, str | bytes], bytes | None],
    status: int,
    code: str,
) -> None:
    method, path, headers, body = wrong
    answer = requests.request(
        method,
        served + path,
        headers={"Authorization": f"Bearer {TOKEN}", **headers},
        data=body,
        timeout=5,
    )
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert set(problem) == {"type", "title", "status", "code", "detail"}


def test_does_it_end_while_a_caller_is_left_hanging() -> None:
    with ThreadPoolExecutor(1) as pool:
        with serve_marketplace(ORDERS) as url:
            marketplace = Marketplace(url, TOKEN, read_timeout=30)
            StandIn(url).behave(orders="hang")
            left = pool.submit(marketplace.order, COFFEE)
            while not StandIn(url).ledger()["requests"]["orders"]:
                time.sleep(0.01)
        with closing(marketplace), pytest.raises(MarketplaceUnavailableError):
            left.result(timeout=5)


def test_does_a_port_in_use_give_one_sentence(served: str) -> None:
    port = int(served.rpartition(":")[2])
    with pytest.raises(PortInUseError) as refused:
        serve_marketplace(ORDERS, port=port).__enter__()
    assert str(refused.value) == f"Port {port} on 127.0.0.1 is in use; choose another."


async def test_can_it_be_served_inside_async_code() -> None:
    async with serve_marketplace(ORDERS) as url:
        with calling(url, "any token will do") as marketplace:
            assert marketplace.order("SI-2001") is not None


@contextmanager
def program(*arguments: str, token: str = TOKEN) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "standin", "--port", "0", *arguments],
        cwd=ROOT,
        env=os.environ | {"MARKETPLACE_TOKEN": token},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


def test_does_a_killed_stand_in_still_know_what_it_did(tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    arguments = ("--orders", str(ORDERS), "--state", str(state))
    with program(*arguments) as (process, url), calling(url) as marketplace:
        StandIn(url).behave(refunds="pay-then-hang", times=1)
        assert marketplace.refund(command()).state is RefundState.UNCONFIRMED
        StandIn(url).behave(refunds="later", times=1)
        marketplace.refund(command("later", "SI-2001", 1))
        marketplace.tell_breach(breach())
        label = marketplace.label(labelling())
        assert marketplace.stop_dispatch(stopping(bulbs=1)).dispatch is Dispatch.STOPPED
        assert StandIn(url).ship().status_code == 200
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=5)
    with state.open("ab") as torn:
        torn.write(b'{"refund":{"key":"never answ')
    with program(*arguments) as (process, url), calling(url) as marketplace:
        assert marketplace.refund(command()).state is RefundState.CONFIRMED
        assert StandIn(url).settle("later", "confirm").status_code == 200
        assert StandIn(url).paid() == [(command().key, 24900), ("later", 1)]
        assert len(StandIn(url).ledger()["breaches"]) == 1
        assert marketplace.label(labelling()) == label
        assert marketplace.label(labelling("label:2")).tracking != label.tracking
        assert marketplace.stop_dispatch(stopping(bulbs=1)).dispatch is Dispatch.STOPPED
        assert marketplace.stop_dispatch(stopping("2", lamp=1)).dispatch is Dispatch.SENT
        process.terminate()
        assert process.wait(timeout=5) == -signal.SIGTERM
    again = Books(read_orders(ORDERS), state)
    assert [payment.key for payment in again.payments] == [command().key, "later"]


def test_does_a_wrong_state_file_give_one_sentence_and_stay_as_it_was() -> None:
    before = ORDERS.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "standin", "--port", "0", "--state", "examples/orders.json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "The state file examples/orders.json is not the stand-in's; give another.\n"
    )
    assert ORDERS.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "Cannot read the orders file "),
        ("[{}]", " must be a list of orders: 0.currency is missing; add it."),
        ("{", " must be a list of orders: the file is not JSON: "),
    ],
)
def test_does_a_wrong_orders_file_give_one_sentence(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    file = tmp_path / "orders.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UnreadableFileError, match=re.escape(sentence)):
        read_orders(file)


@pytest.mark.parametrize("content", [b"[1, 2]", b'{"refund":{"key":"a"}}\n', b'{"x":1}\n{'])
def test_is_a_file_of_something_else_never_taken_for_the_state(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(UnreadableFileError):
        Books(read_orders(ORDERS), file)
    assert file.read_bytes() == content
