"""Are lists whole, in order, and each person's own?"""

import asyncio
from typing import Any

from tests.calling import Caller, Door


async def walked(caller: Caller, path: str) -> list[dict[str, Any]]:
    """All pages of a list, by their links."""
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        answer = await caller.get(following)
        assert answer.status == 200, answer
        found += answer.body["items"]
        link = answer.headers.get("link", "")
        following = link.partition(">")[0].removeprefix("<") or None
        assert bool(following) is (answer.body["next"] is not None)
    return found


async def test_pages_have_every_case_once_due_first_and_everybody_has_their_own(
    door: Door,
) -> None:
    order = door.world.order("CZ")
    opened = [
        await door.opened(country="CZ", order_id=order, number=number) for number in range(1, 6)
    ]
    await door.buyer.say(opened[2], "withdraw")
    path = f"/v1/orders/{order}/cases?limit=2"
    listed = await walked(door.buyer, path)
    assert [one["case_id"] for one in listed[:4]] == sorted(
        {*opened} - {opened[2]}, key=lambda id: next(o["due"] for o in listed if o["case_id"] == id)
    )
    assert listed[4]["case_id"] == opened[2]
    assert (listed[4]["open"], listed[4]["ending"]) == (False, "withdrawn")
    assert all("seller" not in one and one["buyer"] == "buyer" for one in listed)
    assert [one["case_id"] for one in await walked(door.seller, path)] == [
        one["case_id"] for one in listed
    ]
    for stranger in (
        door.caller("buyer", "stranger"),
        door.caller("seller", "stranger"),
        door.caller("agent", "a", "Anna Nowak", ("disputes-cz",)),
    ):
        assert await walked(stranger, path) == []
        assert await walked(stranger, "/v1/cases?country=CZ") == []
    asked = "/v1/cases?country=CZ&kind=dispute&stage=awaiting-seller&open=true&awaited=seller"
    mine = {one["case_id"] for one in await walked(door.platform, f"{asked}&seller=seller&limit=3")}
    assert {*opened} - {opened[2]} <= mine
    for filters in ("seller=seller", "buyer=buyer", "queue=disputes-cz", "undelivered=false"):
        told = await door.buyer.get(f"/v1/cases?{filters}")
        assert (told.status, told.code) == (403, "not-allowed")
    for odd in (
        "after=nonsense",
        "limit=101",
        "due_before=now",
        "kind=quarrel",
        "changed_since=-1",
    ):
        told = await door.platform.get(f"/v1/cases?{odd}")
        assert (told.status, told.code) == (422, "bad-input"), odd


async def test_agents_list_what_their_queues_hold(door: Door) -> None:
    case_id = await door.opened(country="HU", order_id=door.world.order("HU"))
    agent = door.caller("agent", "hu-1", "Anna Nowak", ("disputes-hu",))
    assert await walked(agent, "/v1/cases") == []
    for caller in (door.buyer, door.seller):
        await caller.say(case_id, "ask-for-help")
    assert [one["case_id"] for one in await walked(agent, "/v1/cases")] == [case_id]
    lead = door.caller("lead", "l-1", "Maja Novak", ("*",))
    assert case_id in [one["case_id"] for one in await walked(lead, "/v1/cases?country=HU")]


async def test_who_follows_changes_misses_none_though_they_go_on_meanwhile(door: Door) -> None:
    order = door.world.order("SK")
    ids = [await door.opened(country="SK", order_id=order, number=n) for n in range(1, 9)]
    reader, seen, since = door.platform, dict[str, int](), 0
    done = asyncio.Event()

    async def write() -> None:
        for round_ in range(4):
            for case_id in ids:
                await door.seller.say(case_id, "say", text=f"Message {round_}.")
        done.set()

    writing = asyncio.create_task(write())
    while True:
        over = done.is_set()
        answer = await reader.get(f"/v1/cases?country=SK&changed_since={since}&limit=3")
        for one in answer.body["items"]:
            assert one["changed"] > since
            seen[one["case_id"]] = one["changed"]
        since = answer.body["changed_since"]
        if over and not answer.body["items"]:
            break
    await writing
    last = {one["case_id"]: one["changed"] for one in await walked(reader, "/v1/cases?country=SK")}
    assert {*ids} <= {*seen}
    assert seen == last


async def test_what_is_ahead_of_an_order_is_told_to_whose_it_is(door: Door) -> None:
    order = await door.world.in_hand()
    told = await door.buyer.get(f"/v1/orders/{order}/ahead")
    assert told.status == 200, told
    kinds = {one["kind"]: one for one in told.body["items"]}
    assert "carrier-claim" not in kinds
    assert kinds["withdrawal"]["refund"]["refund_minor"]
    assert kinds["withdrawal"]["outlook"]["stages"]
    seller = await door.seller.get(f"/v1/orders/{order}/ahead")
    assert "carrier-claim" in {one["kind"] for one in seller.body["items"]}
    for nobody in (door.caller("buyer", "stranger"), door.caller("agent", "a", "Anna Nowak")):
        none = await nobody.get(f"/v1/orders/{order}/ahead")
        assert (none.status, none.code) == (404, "order-unknown")
    none = await door.buyer.get("/v1/orders/PL-none/ahead")
    assert (none.status, none.code) == (404, "order-unknown")
