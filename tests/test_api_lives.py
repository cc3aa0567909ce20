"""Can whole cases be played over HTTP alone?"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.calling import Caller, Door, Json


async def sees(caller: Caller, case_id: str, expected: Callable[[Json], Any]) -> Json:
    """A case, once something holds of it."""
    case: Json = {}
    for _ in range(150):
        answer = await caller.get(f"/v1/cases/{case_id}")
        if answer.status == 200:
            case = answer.body
            if expected(case):
                return case
        await asyncio.sleep(0.1)
    raise AssertionError(f"not within fifteen seconds: {case}")


async def does(caller: Caller, case_id: str, verb: str, **more: Any) -> Json:
    """Do what `actions` says that may be done; the case afterwards."""
    case = await sees(caller, case_id, lambda case: verb in verbs(case))
    action = next(one for one in case["actions"] if one["verb"] == verb)
    assert action["href"] == f"/v1/cases/{case_id}/commands"
    done = await caller.say(case_id, verb, **more)
    assert done.status == 200, done
    after: Json = done.body["case"]
    return after


def verbs(case: Json) -> set[str]:
    """What may be done in it."""
    return {action["verb"] for action in case["actions"]}


def is_closed(case: Json) -> bool:
    """Whether it is over."""
    return bool(case["stage"] == "closed")


async def test_a_dispute_is_settled_by_its_parties(door: Door) -> None:
    case_id = await door.opened()
    await does(door.seller, case_id, "ask", text="Have you changed the bulb?")
    await does(door.buyer, case_id, "say", text="Yes, twice.")
    await does(
        door.seller,
        case_id,
        "offer",
        remedy="partial-refund",
        amount={"amount_minor": 5000, "currency": "PLN"},
    )
    offer = (await sees(door.buyer, case_id, lambda case: case["offers"]))["offers"][0]
    assert offer["state"] == "open"
    await does(door.buyer, case_id, "accept", offer_id=offer["id"])
    over = await sees(door.buyer, case_id, is_closed)
    assert over["ending"] == "settled"
    assert over["refund"] == {"state": "confirmed"}
    assert over["refund_amount"] == {"amount_minor": 5000, "currency": "PLN"}
    assert over["actions"] == []


async def test_a_withdrawal_brings_the_goods_back_and_the_money(door: Door) -> None:
    opening = {
        "kind": "withdrawal",
        "country": "PL",
        "order_id": await door.world.in_hand(),
        "lines": [{"sku": "A", "quantity": 1}],
        "text": "It is too large.",
    }
    opened = await door.buyer.post("/v1/cases", opening)
    assert opened.status == 201, opened
    case_id = opened.body["id"]
    returns = (await sees(door.buyer, case_id, lambda case: case["returns"]))["returns"]
    await does(door.buyer, returns[0], "hand-over", carrier="InPost", tracking="T1")
    scan = {"event_id": "s-1", "scan": "arrived", "at": datetime.now(UTC).isoformat()}
    told = await door.platform.post("/v1/parcel-events", {"events": [{**scan, "case_id": case_id}]})
    assert told.body["results"][0]["told"] == returns
    await sees(door.seller, returns[0], lambda case: "receive" in verbs(case))
    received = await door.seller.say(case_id, "receive", units=[{"sku": "A", "quantity": 1}])
    assert (received.status, received.body["case_id"]) == (200, returns[0])
    await does(door.seller, returns[0], "inspect")
    preview = await door.seller.get(f"/v1/cases/{case_id}/refund-preview")
    assert preview.body["preview"]["parts"]
    if not is_closed((await door.seller.get(f"/v1/cases/{case_id}")).body):
        await does(door.seller, case_id, "refund")
    over = await sees(door.buyer, case_id, is_closed)
    assert over["refund"] == {"state": "confirmed"}
    assert over["refund_amount"]["amount_minor"] == preview.body["preview"]["refund_minor"]


async def test_a_complaint_is_accepted_and_its_price_reduced(door: Door) -> None:
    opening = {
        "kind": "complaint",
        "country": "PL",
        "order_id": await door.world.in_hand(),
        "reason": "defective",
        "wanted": "partial-refund",
        "amount": {"amount_minor": 3000, "currency": "PLN"},
        "text": "The lamp flickers.",
    }
    opened = await door.buyer.post("/v1/cases", opening)
    assert opened.status == 201, opened
    case_id = opened.body["id"]
    allowed = verbs(await sees(door.seller, case_id, verbs))
    assert {"accept-complaint", "refuse"} <= allowed
    await does(
        door.seller,
        case_id,
        "accept-complaint",
        remedy="partial-refund",
        amount={"amount_minor": 3000, "currency": "PLN"},
    )
    over = await sees(door.buyer, case_id, is_closed)
    assert (over["ending"], over["refund_reduces"]) == ("price-reduced", True)
