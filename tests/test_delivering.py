"""When goods are due: before that no seller is called on to deliver (directive 2011/83 art. 18)."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.delivering import had, in_hand, last_day, undue_refusal
from domain.orders import Line, Sale
from domain.policy import NonDeliveryPolicy
from domain.refusals import Code
from policies import read_calendar, read_policy

CALENDAR = read_calendar("PL", 2026, 2030)
WARSAW = ZoneInfo("Europe/Warsaw")


def terms() -> NonDeliveryPolicy:
    """The rules of non-deliveries in Poland."""
    found = read_policy("PL").non_delivery
    assert found
    return found


def sale(placed: str, **more: Any) -> Sale:
    """An order placed on a Polish day."""
    return Sale.model_validate(
        {
            "currency": "PLN",
            "placed_at": datetime.fromisoformat(placed).replace(tzinfo=WARSAW),
            "lines": [{"sku": "A", "title": "Lamp", "quantity": 1, "unit_price_minor": 100}],
            **more,
        }
    )


@pytest.mark.parametrize(
    ("placed", "last"),
    [
        ("2026-03-02T23:30", date(2026, 4, 1)),  # a Monday late at night, and a Wednesday
        ("2026-03-05T09:00", date(2026, 4, 7)),  # a Saturday, before Easter Monday
    ],
)
def test_without_an_agreed_day_are_goods_due_in_thirty_days_to_a_working_day(
    placed: str, last: date
) -> None:
    assert last_day(sale(placed), terms(), CALENDAR) == last


def test_is_an_agreed_day_kept_whatever_day_of_the_week_it_is() -> None:
    saturday = date(2026, 4, 4)
    assert last_day(sale("2026-03-02T10:00", deliver_by=saturday), terms(), CALENDAR) == saturday


@pytest.mark.parametrize(("at", "due"), [("2026-04-04T23:59", False), ("2026-04-05T00:00", True)])
def test_can_a_buyer_complain_from_the_first_moment_after_the_day(at: str, due: bool) -> None:
    order = sale("2026-03-02T10:00", deliver_by="2026-04-04")
    instant = datetime.fromisoformat(at).replace(tzinfo=WARSAW)
    refusal = undue_refusal(order, terms(), CALENDAR, instant)
    assert (refusal is None) is due
    if refusal:
        assert refusal.code is Code.TOO_EARLY
        assert refusal.sentence == (
            "Delivery until 2026-04-04 was agreed; open it from 2026-04-05 on. Until then ask the "
            "seller in an inquiry."
        )


def test_is_an_order_older_than_the_calendar_due_long_ago() -> None:
    assert last_day(sale("2020-02-01T10:00"), terms(), CALENDAR) == date(2020, 3, 2)


@pytest.mark.parametrize(
    ("parcels", "there"),
    [
        ([], {}),
        ([("A", 2, True), ("B", 1, False)], {"A": 2}),
        ([("A", 1, True), ("A", 1, True), ("A", 1, True)], {"A": 2}),
        ([("", 0, True)], {"A": 2, "B": 1}),
        ([("", 0, True), ("B", 1, False)], {"A": 2}),
        ([("", 0, True), ("", 0, False)], {}),
        ([("A", 1, True), ("", 0, False)], {"A": 1}),
    ],
)
def test_the_buyer_has_what_came_and_of_a_parcel_without_lines_the_rest(
    parcels: list[tuple[str, int, bool]], there: dict[str, int]
) -> None:
    lines = [
        {"sku": sku, "title": sku, "quantity": number, "unit_price_minor": 100}
        for sku, number in {"A": 2, "B": 1}.items()
    ]
    told = [
        {
            "id": f"p{number}",
            "lines": [{"sku": sku, "quantity": quantity}] if sku else [],
            "in_hand_at": "2026-04-08T10:00:00Z" if came else None,
        }
        for number, (sku, quantity, came) in enumerate(parcels)
    ]
    bought = sale("2026-04-01T10:00:00Z", lines=lines, parcels=told)
    assert in_hand(bought) == there
    assert had(bought, (Line(sku="A", quantity=1),)) is ("A" in there)
    said = bought.model_copy(update={"said_in_hand_at": bought.placed_at})
    assert in_hand(said) == {"A": 2, "B": 1}
