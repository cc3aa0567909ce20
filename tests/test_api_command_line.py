"""Can what the command line does be done over HTTP, by those whose it is?"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from domain.commands import CostKind
from domain.money import Money
from domain.ports import CostClaim, NonCollection, Recovery
from store.recoveries import Recoveries
from store.seller_reports import SellerReportBook
from tests.calling import Caller, Door

AT = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
PLN = Money(amount_minor=1299, currency="PLN")


async def walked(caller: Caller, path: str) -> list[dict[str, Any]]:
    """All pages of a list, two on each."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        sign = "&" if "?" in path else "?"
        answer = await caller.get(f"{path}{sign}limit=2{f'&after={after}' if after else ''}")
        assert answer.status == 200, answer
        page = answer.body["items"]
        assert len(page) == 2 or answer.body["next"] is None
        found, after = found + page, answer.body["next"]
    return found


async def test_a_seller_reads_what_is_booked_to_them_page_by_page(door: Door) -> None:
    seller = f"s-{uuid4().hex}"
    book, recovered = SellerReportBook(door.world.engine), Recoveries(door.world.engine)
    for n in range(5):
        at = AT + timedelta(days=n // 2)
        told = {"case_id": f"uncollected-parcel:PL:{seller}:{n}", "order_id": "1", "at": at}
        recovered.record(Recovery(key=f"{seller}:{n}", seller_id=seller, amount=PLN, **told))
        book.keep_cost(
            CostClaim(
                key=f"{seller}:{n}",
                seller_id=seller,
                buyer_id="buyer-1",
                cost=CostKind.STORAGE,
                amount=PLN,
                evidence=(),
                **told,
            )
        )
        book.keep_non_collection(NonCollection(seller_id=seller, buyer_id=f"buyer-{n % 4}", **told))
    newest = [f"{seller}:{n}" for n in (4, 2, 3, 0, 1)]
    own, ops = door.caller("seller", seller), door.caller("ops", "o")
    for what in ("recoveries", "costs"):
        found = await walked(own, f"/v1/sellers/{seller}/{what}")
        assert [one["key"] for one in found] == newest
        assert all("buyer_id" not in one for one in found)
        assert await walked(door.seller, f"/v1/sellers/seller/{what}") is not None
        others = await door.seller.get(f"/v1/sellers/{seller}/{what}")
        assert (others.status, others.code) == (403, "not-allowed")
        odd = await own.get(f"/v1/sellers/{seller}/{what}?after=bm9uc2Vuc2U")
        assert (odd.status, odd.code) == (422, "bad-input")
    assert {one["buyer_id"] for one in await walked(ops, f"/v1/sellers/{seller}/costs")} == {
        "buyer-1"
    }
    buyers = await walked(own, f"/v1/sellers/{seller}/inactive-buyers")
    assert [(one["buyer_id"], one["parcels"]) for one in buyers] == [
        ("buyer-0", 2),
        ("buyer-2", 1),
        ("buyer-3", 1),
        ("buyer-1", 1),
    ]


async def test_the_archive_finds_for_each_what_they_may_read(door: Door) -> None:
    word = f"flicker{uuid4().hex}"
    case_id = await door.opened(text=f"Since Monday: {word} one.")
    for caller in (door.buyer, door.seller):
        assert (await caller.say(case_id, "ask-for-help")).status == 200
    asked = await door.agent.say(case_id, "ask", to="buyer", text=f"Between us: {word} two?")
    assert asked.status == 200, asked
    said = await door.seller.say(case_id, "say", text=f"We heard of no {word} three.")
    assert said.status == 200, said
    await door.opened(text=f"Another case: {word} four.")

    async def found(caller: Caller, more: str = "") -> list[str]:
        items = await walked(caller, f"/v1/messages?q={word.upper()}{more}")
        return [one["message"]["text"].rpartition(" ")[2] for one in items]

    assert await found(door.platform) == ["four.", "three.", "two?", "one."]
    assert await found(door.platform, f"&case={case_id}") == ["three.", "two?", "one."]
    assert await found(door.agent) == ["three.", "two?", "one."]
    elsewhere = door.caller("agent", "agent-3", "Jan Inny", ("complaints-pl",))
    assert await found(elsewhere) == []
    assert await found(door.caller("seller", "stranger")) == []
    for _ in range(100):
        sellers = await found(door.seller)
        if len(sellers) == 3:  # the letter that quotes it has been written
            break
        await asyncio.sleep(0.1)
    assert sellers == ["four.", "three.", "one."]
    hidden = await door.seller.get(f"/v1/messages?q={word}+two&limit=1")
    assert hidden.body == {"items": [], "next": None}
    for caller in (door.buyer, door.caller("ops", "o")):
        told = await caller.get(f"/v1/messages?q={word}")
        assert (told.status, told.code) == (403, "not-allowed")
    assert (await door.seller.get(f"/v1/messages?q={word}&seller=other")).status == 403
    for odd in ("", "?q=", "?q=+", f"?q={word}&case=1"):
        assert (await door.platform.get(f"/v1/messages{odd}")).status == 422


async def test_money_from_elsewhere_is_recorded_once_and_never_refunded_again(door: Door) -> None:
    order, event_id = door.world.order(), f"chargeback-{uuid4().hex}"
    payout = {
        "event_id": event_id,
        "kind": "chargeback",
        "order_id": order,
        "amount": {"amount_minor": 1000, "currency": "PLN"},
        "units": [{"sku": "A", "quantity": 1}],
    }
    nothing = {"amount_minor": 0, "currency": "PLN"}
    batch = {
        "events": [
            payout,
            payout,
            payout | {"kind": "guarantee"},
            payout | {"event_id": f"{event_id}-2", "order_id": "none"},
            payout | {"event_id": f"{event_id}-3", "amount": nothing},
        ]
    }
    for _ in range(2):
        told = await door.platform.post("/v1/payouts", batch)
        assert told.status == 200, told
        results = told.body["results"]
        assert [one.get("told") for one in results] == [[], [], None, None, None]
        codes = [one["problem"]["code"] for one in results[2:]]
        assert codes == ["payout-contradicts", "order-unknown", "bad-input"]
    ahead = await door.buyer.get(f"/v1/orders/{order}/ahead")
    before = {str(one["refunded_before"]) for one in ahead.body["items"]}
    assert before == {str([{"sku": "A", "quantity": 1}])}


async def test_cases_take_up_edited_rules_once_under_a_key(door: Door) -> None:
    mine, closed = await door.opened(), await door.opened()
    await door.buyer.say(closed, "withdraw")
    unknown = "dispute:PL:none:1"
    wanted = {"cases": [mine, closed, unknown], "reason": "A holiday was forgotten."}
    key = {"Idempotency-Key": "rules-of-2027"}
    answers = [await door.platform.post("/v1/recalculations", wanted, **key) for _ in range(2)]
    for told in answers:
        assert told.status == 200, told
        first, *others = told.body["results"]
        assert first["case_id"] == mine
        assert first["recalculated"]["due_before"] == first["recalculated"]["due_after"]
        assert [one["problem"]["code"] for one in others] == ["case-closed", "case-unknown"]
    timeline = (await door.platform.get(f"/v1/cases/{mine}/timeline")).body["items"]
    assert [one["what"] for one in timeline].count("recalculated") == 1
    lead = door.caller("lead", "lead-1", "Anna Nowak", ("disputes-pl",))
    theirs = await lead.post("/v1/recalculations", wanted | {"cases": [mine]}, **key)
    assert theirs.body["results"][0]["problem"]["code"] == "case-unknown"
    twice = await door.platform.post("/v1/recalculations", wanted | {"cases": [mine, mine]}, **key)
    assert (twice.status, twice.code) == (422, "bad-input")


async def test_stuck_cases_are_listed_for_those_who_mend_them(door: Door) -> None:
    case_id = await door.opened()
    for caller in (door.platform, door.caller("ops", "o")):
        told = await caller.get("/v1/cases?stuck=true")
        assert told.status == 200, told
        assert case_id not in [one["case_id"] for one in told.body["items"]]
    for caller in (door.buyer, door.seller, door.agent):
        told = await caller.get("/v1/cases?stuck=true")
        assert (told.status, told.code) == (403, "not-allowed")
