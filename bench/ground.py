"""What the lives stand on: orders, policies, and activities that do nothing."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import activity

from activities.cases import YEARS_AHEAD
from bench.lives import BUYER, GOODS, LIVES, SELLER
from domain.money import Money
from domain.notices import Mailing
from domain.openings import Opening, OpenReturn
from domain.orders import Line, Order
from domain.parties import Actor, Party
from domain.ports import (
    EDITION,
    AskRefundedUnits,
    BreachReport,
    Dispatch,
    DispatchAnswer,
    LabelMade,
    LabelWanted,
    RefundCommand,
    RefundedUnits,
    RefundReport,
    RefundState,
    RegisterCase,
    Registration,
    Rules,
    StopDispatch,
)
from domain.registering import register
from domain.step_record import StepKept, StepRecord
from policies import HERE as POLICIES
from policies import read_calendar, read_policy

CURRENCY = {"PL": "PLN", "SI": "EUR"}

IN_HAND = ("PL",)
"""Countries whose orders the buyers have in hand; the others' were placed a moment ago."""

SHORT: dict[str, dict[str, tuple[int, int | None]]] = {
    "PL": {"complaint.answer": (4, 2)},
    "SI": {
        "dispute.seller_reply": (2, 1),
        "dispute.help_opens": (1, None),
        "dispute.appeal": (1, None),
        "cancellation.sent_anyway": (1, None),
    },
}
"""Windows of each country: length and reminder in seconds, short enough to watch."""


def order(country: str, order_id: str) -> Order:
    """An order of two lamps and a shade."""
    now = datetime.now(UTC)
    in_hand = country in IN_HAND
    return Order.model_validate(
        {
            "id": order_id,
            "country": country,
            "currency": CURRENCY[country],
            "placed_at": now - timedelta(days=4 if in_hand else 0),
            "shipped": in_hand,
            "parcels": [{"id": "p1", "in_hand_at": now - timedelta(days=1)}] if in_hand else [],
            "buyer": {
                "id": BUYER.id,
                "name": "Ewa Zielona",
                "email": "ewa@buyer.example",
                "locale": "pl",
            },
            "seller": {
                "id": SELLER.id,
                "name": "Sklep Alfa",
                "email": "alfa@seller.example",
                "locale": "pl",
            },
            "lines": [
                {"sku": "A", "title": "Lamp", "quantity": 2, "unit_price_minor": 10000},
                {"sku": "B", "title": "Shade", "quantity": 1, "unit_price_minor": 5000},
            ],
            "delivery_paid_minor": 999,
        }
    )


def write_orders(path: Path, ids: Mapping[str, list[str]]) -> None:
    """The marketplace's books: the order ids of each country."""
    orders = [order(country, name) for country, names in ids.items() for name in names]
    path.write_text(json.dumps([one.model_dump(mode="json") for one in orders]))


def write_policies(folder: Path) -> Path:
    """The real policies, with SHORT windows laid over them."""
    folder.mkdir(exist_ok=True)
    (folder / "common.toml").write_text(f"over = {json.dumps(str(POLICIES))}\n")
    for country, windows in SHORT.items():
        rows = [
            f'{window} = {{ length = {length}, counting = "seconds"'
            + (f", remind_after = {reminder} }}" if reminder else " }")
            for window, (length, reminder) in windows.items()
        ]
        (folder / f"{country.lower()}.toml").write_text("\n".join(rows) + "\n")
    return folder


def openings() -> list[Opening]:
    """One opening of each kind in each country that the lives know, returns among them."""
    opened = [life.opening(life.country, f"{life.country}-1") for life in LIVES]
    goods = tuple(Line(sku=unit.sku, quantity=unit.quantity) for unit in GOODS)
    platform = Actor(party=Party.PLATFORM, id="recourse")
    return opened + [
        OpenReturn(
            country=case.country,
            order_id=case.order_id,
            opened_by=platform,
            lines=goods,
            belongs_to=case.case_id,
        )
        for case in opened
    ]


def registration(opening: Opening, policies: Path) -> Registration:
    """A registration as the real activity answers it."""
    country, now = opening.country, datetime.now(UTC)
    policy = read_policy(country, policies)
    rules = Rules(
        policy_version=policy.version,
        terms=policy.terms(opening.kind),
        calendar=read_calendar(country, now.year, now.year + YEARS_AHEAD, policies),
    )
    known = register(opening, order(country, opening.order_id), rules, now)
    return known.model_copy(update={"edition": EDITION})


def emptied(policies: Path) -> list[Callable[..., Any]]:
    """The activities by name, without their work: what is left is what orchestration costs."""
    known = {(one.kind, one.country): registration(one, policies) for one in openings()}

    @activity.defn(name="register_case")
    def register_case(case: RegisterCase) -> Registration:
        return known[case.opening.kind, case.opening.country]

    @activity.defn(name="record_step")
    def record_step(record: StepRecord) -> StepKept:
        return StepKept()

    @activity.defn(name="send")
    def send(mailing: Mailing) -> None:
        pass

    @activity.defn(name="report_breach")
    def report_breach(report: BreachReport) -> None:
        pass

    @activity.defn(name="request_refund")
    def request_refund(command: RefundCommand) -> RefundReport:
        return RefundReport(key=command.key, state=RefundState.CONFIRMED)

    @activity.defn(name="refunded_units")
    def refunded_units(asked: AskRefundedUnits) -> RefundedUnits:
        return RefundedUnits()

    @activity.defn(name="stop_dispatch")
    def stop_dispatch(wanted: StopDispatch) -> DispatchAnswer:
        return DispatchAnswer(dispatch=Dispatch.STOPPED)

    @activity.defn(name="order_label")
    def order_label(wanted: LabelWanted) -> LabelMade:
        return LabelMade(
            label="https://labels.example/RET000000001.pdf",
            tracking="RET000000001",
            charged=Money(amount_minor=1499, currency="PLN"),
        )

    return [
        register_case,
        send,
        record_step,
        report_breach,
        request_refund,
        refunded_units,
        stop_dispatch,
        order_label,
    ]
