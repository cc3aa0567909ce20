"""Is nobody let to ask so often that others wait?"""

from pathlib import Path

import pytest

from api import rates
from api.problems import Problem
from api.rates import Rates
from api.roles import Person, Role
from tests.calling import Door, door_of

BUYER, SELLER, SHOP = (
    Person(role=role, id="one") for role in (Role.BUYER, Role.SELLER, Role.PLATFORM)
)


def refusal(counted: Rates, person: Person) -> Problem | None:
    """Why a request is one too many."""
    try:
        counted.take(person)
    except Problem as refused:
        return refused
    return None


def test_each_caller_has_so_many_a_minute_and_gets_them_back_with_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(rates, "monotonic", lambda: now)
    counted = Rates(people=6, platform=0)

    def taken(person: Person) -> int:
        number = 0
        while not (why := refusal(counted, person)):
            number += 1
        assert why.status == 429
        assert 1 <= int(why.headers["Retry-After"]) <= 10
        return number

    assert taken(BUYER) == 6
    assert taken(SELLER) == 6
    for _ in range(1000):
        counted.take(SHOP)
    now = 10.0
    assert taken(BUYER) == 1
    now = 1000.0
    assert taken(BUYER) == 6


def test_no_more_callers_are_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 2)
    counted = Rates(people=1, platform=1)
    counted.take(BUYER)
    with pytest.raises(Problem):
        counted.take(BUYER)
    for id in ("a", "b"):
        counted.take(Person(role=Role.SELLER, id=id))
    counted.take(BUYER)


async def test_one_too_many_is_429_leaves_no_row_and_is_nobody_elses_trouble(
    door: Door, tmp_path: Path
) -> None:
    async with door_of(door.world, tmp_path, RECOURSE_API_REQUESTS_A_MINUTE="5") as small:
        case_id = await small.opened()
        for _ in range(4):
            assert (await small.buyer.get("/v1/me")).status == 200
        over = await small.buyer.say(case_id, "withdraw", "over")
        assert (over.status, over.code) == (429, "too-many-requests")
        assert 1 <= int(over.headers["retry-after"]) <= 12
        assert (await small.seller.get("/v1/me")).status == 200
        for _ in range(9):
            assert (await small.platform.get("/v1/me")).status == 200
        trail = await small.platform.get(f"/v1/audit?case={case_id}")
        assert [(one["command_id"], one["status"]) for one in trail.body["items"]] == [
            (None, 201),
        ]
