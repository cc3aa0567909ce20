"""What the lives stand on: orders, policies, and activities that do nothing."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio import activity

from bench.lives import BUYER, SELLER
from domain.commands import Remedy
from domain.notices import Mailing
from domain.openings import OpenDispute
from domain.orders import Order
from domain.ports import (
    BreachReport,
    CloseCase,
    RefundCommand,
    RefundReport,
    RefundState,
    RegisterCase,
    Registration,
    Rules,
    Task,
)
from domain.registering import register
from policies import HERE as POLICIES
from policies import read_calendar, read_policy

CURRENCY = {"PL": "PLN", "SI": "EUR"}

SHORT = {
    "dispute.seller_reply": (2, 1),
    "dispute.help_opens": (1, None),
    "dispute.appeal": (1, None),
}
"""Windows of the silent seller's country: length and reminder in seconds, short enough to watch."""


def order(country: str, order_id: str) -> Order:
    """An order of two lamps and a shade."""
    return Order.model_validate(
        {
            "id": order_id,
            "country": country,
            "currency": CURRENCY[country],
            "placed_at": "2026-01-05T10:00:00Z",
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
    """The real policies of two countries, the second with SHORT windows."""
    folder.mkdir(exist_ok=True)
    (folder / "pl.toml").write_text((POLICIES / "pl.toml").read_text())
    table = (POLICIES / "si.toml").read_text()
    for section, (length, reminder) in SHORT.items():
        table = _shorten(table, section, length, reminder)
    (folder / "si.toml").write_text(table)
    return folder


def _shorten(table: str, section: str, length: int, reminder: int | None) -> str:
    head, mark, rest = table.partition(f"[{section}]\n")
    body, gap, tail = rest.partition("\n\n")
    body = re.sub(r"^length = .*$", f"length = {length}", body, flags=re.M)
    body = re.sub(r"^counting = .*$", 'counting = "seconds"', body, flags=re.M)
    body = re.sub(r"^remind_after = .*$", f"remind_after = {reminder}", body, flags=re.M)
    return head + mark + body + gap + tail


def registration(country: str, policies: Path) -> Registration:
    """A registration as the real activity answers it."""
    policy, year = read_policy(country, policies), datetime.now(UTC).year
    rules = Rules(
        policy_version=policy.version,
        dispute=policy.dispute,
        calendar=read_calendar(country, year, year + 2, policies),
    )
    opening = OpenDispute(
        country=country,
        order_id=f"{country}-1",
        opened_by=BUYER,
        text="The lamp does not light.",
        reason="defect",
        wanted=Remedy.FULL_REFUND,
    )
    return register(opening, order(country, opening.order_id), rules)


def emptied(policies: Path) -> list[Callable[..., Any]]:
    """The activities by name, without their work: what is left is what orchestration costs."""
    known = {country: registration(country, policies) for country in CURRENCY}

    @activity.defn(name="register_case")
    def register_case(case: RegisterCase) -> Registration:
        return known[case.opening.country]

    @activity.defn(name="close_case")
    def close_case(case: CloseCase) -> None:
        pass

    @activity.defn(name="send")
    def send(mailing: Mailing) -> None:
        pass

    @activity.defn(name="report_breach")
    def report_breach(report: BreachReport) -> None:
        pass

    @activity.defn(name="record_task")
    def record_task(task: Task) -> None:
        pass

    @activity.defn(name="request_refund")
    def request_refund(command: RefundCommand) -> RefundReport:
        return RefundReport(key=command.key, state=RefundState.CONFIRMED)

    return [register_case, close_case, send, report_breach, record_task, request_refund]
