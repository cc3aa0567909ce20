"""Does everybody read of a case what is theirs to read, and nothing of what others wrote inside?"""

import asyncio
from typing import Any

from tests.calling import Caller, Door


async def items(caller: Caller, case_id: str, what: str) -> list[dict[str, Any]]:
    """A list of a case."""
    answer = await caller.get(f"/v1/cases/{case_id}/{what}")
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.body["items"]
    return found


async def with_agent(door: Door, **more: Any) -> str:
    """A dispute that has gone to agents; its id."""
    case_id = await door.opened(**more)
    for caller in (door.buyer, door.seller):
        asked = await caller.say(case_id, "ask-for-help")
        assert asked.status == 200, asked
    return case_id


async def test_parties_read_what_they_were_sent_and_agents_everything(door: Door) -> None:
    case_id = await with_agent(door)
    await door.agent.say(case_id, "claim")
    await door.agent.say(case_id, "ask", to="seller", text="Between you and me: was it tested?")
    await door.seller.say(case_id, "say", text="It was tested.")
    for _ in range(100):
        sent = await items(door.buyer, case_id, "letters")
        if any("It was tested." in letter["text"] for letter in sent):
            break
        await asyncio.sleep(0.1)
    assert {letter["to"] for letter in sent} == {"buyer"}
    agents = [one["text"] for one in await items(door.agent, case_id, "messages")]
    assert agents == [
        "The lamp does not light.",
        "Between you and me: was it tested?",
        "It was tested.",
    ]
    buyers = await items(door.buyer, case_id, "messages")
    assert [one["text"] for one in buyers] == ["The lamp does not light.", "It was tested."]
    assert [one["by"].get("id") for one in buyers] == ["buyer", None]
    sellers = [one["text"] for one in await items(door.seller, case_id, "messages")]
    assert sellers == agents
    ops = await items(door.caller("ops", "o"), case_id, "messages")
    assert not any("text" in one for one in ops)
    steps = await items(door.buyer, case_id, "timeline")
    assert {one["by"] for one in steps} <= {"buyer", None}
    assert "stage with-agent" in [one["what"] for one in steps]
    all_steps = [one["what"] for one in await items(door.agent, case_id, "timeline")]
    assert {"claim", "ask"} <= {*all_steps}
    clocks = await items(door.buyer, case_id, "deadlines")
    assert clocks[0]["explanation"]


async def test_what_is_ahead_and_what_would_be_refunded_is_told(door: Door) -> None:
    case_id = await door.opened()
    ahead = await door.seller.get(f"/v1/cases/{case_id}/ahead")
    assert ahead.status == 200
    assert ahead.body["stages"][0]["stage"] == "awaiting-seller"
    assert ahead.body["silent"]["ways"][0]["on"] == "silence"
    preview = await door.seller.get(f"/v1/cases/{case_id}/refund-preview")
    assert preview.body["currency"] == "PLN"
    own = await door.buyer.get(f"/v1/cases/{case_id}/export")
    assert own.body["written_for"] == "buyer"
    others = await door.buyer.get(f"/v1/cases/{case_id}/export?for=seller")
    assert (others.status, others.code) == (403, "not-allowed")
    whole = await door.platform.get(f"/v1/cases/{case_id}/export")
    assert whole.body["written_for"] == "authority"


async def test_agents_never_claim_the_same_task_and_a_claim_sent_again_is_the_same(
    door: Door,
) -> None:
    queue = "disputes-si"
    agents = [door.caller("agent", f"si-{n}", "Jana Novak", (queue,)) for n in range(3)]
    waiting = [await with_agent(door, country="SI", order_id=door.world.order("SI")) for _ in "ab"]
    listed = (await agents[0].get("/v1/tasks")).body
    assert {task["case_id"] for task in listed["items"]} == {*waiting}
    first = (await agents[0].get("/v1/tasks?limit=1")).body
    assert len(first["items"]) == 1
    rest = (await agents[0].get(f"/v1/tasks?limit=1&after={first['next']}")).body
    assert rest["next"] is None
    assert [*first["items"], *rest["items"]] == listed["items"]
    wrong = await agents[0].get("/v1/tasks?after=bm9uc2Vuc2U")
    assert (wrong.status, wrong.code) == (422, "bad-input")
    claims = await asyncio.gather(
        *(agent.post("/v1/tasks/next", **{"Idempotency-Key": "n-1"}) for agent in agents)
    )
    assert sorted(claim.status for claim in claims) == [200, 200, 204]
    claimed = [claim.body["case_id"] for claim in claims if claim.status == 200]
    assert sorted(claimed) == sorted(waiting)
    happy = next(n for n, claim in enumerate(claims) if claim.status == 200)
    again = await agents[happy].post("/v1/tasks/next", **{"Idempotency-Key": "n-1"})
    assert again.body["case_id"] == claims[happy].body["case_id"]
    assert again.body["receipt"]["outcome"] == "repeated"
    mine = (await agents[happy].get("/v1/tasks?mine=true")).body["items"]
    assert [task["case_id"] for task in mine] == [again.body["case_id"]]
    assert mine[0]["owner"] == f"si-{happy}"
    elsewhere = (await agents[0].get("/v1/tasks?queue=disputes-pl")).body["items"]
    assert elsewhere == []


async def test_machines_report_in_batches_and_twice_is_once(door: Door) -> None:
    opening = {
        "kind": "return",
        "country": "PL",
        "order_id": door.world.order(),
        "received": [{"sku": "A", "quantity": 1}],
    }
    opened = await door.seller.post("/v1/cases", opening)
    assert opened.status == 201, opened
    case_id = opened.body["id"]
    scan = {"scan": "arrived", "at": "2026-11-20T14:05:00+01:00", "case_id": case_id}
    batch = {
        "events": [
            {"event_id": "e-1", **scan},
            {"event_id": "e-1", **scan},
            {"event_id": "e-2", **scan | {"case_id": "return:PL:none:1"}},
        ]
    }
    for _ in range(2):
        told = await door.platform.post("/v1/parcel-events", batch)
        assert told.status == 200, told
        results = told.body["results"]
        assert [one["event_id"] for one in results] == ["e-1", "e-1", "e-2"]
        assert [one.get("told") for one in results] == [[case_id], [case_id], None]
        assert results[2]["problem"]["code"] == "case-unknown"
    for both in ({"order_id": "1"}, {"order_id": "1", "country": "PL"}):
        odd = {"events": [{"event_id": "e-3", **scan, **both}]}
        assert (await door.platform.post("/v1/parcel-events", odd)).status == 422
    seen = [one["what"] for one in await items(door.platform, case_id, "timeline")]
    assert seen.count("parcel arrived") <= 1


async def test_deadlines_and_refunds_are_reckoned_without_a_case(door: Door) -> None:
    question = {"rule": "working-hours", "amount": 24, "country": "SI", "start": "2026-04-03T16:30"}
    odd = question | {"start": "2026-13-41T16:30"}
    asked = await door.buyer.post("/v1/deadline-reckonings", {"questions": [question, odd]})
    assert asked.status == 200, asked
    assert asked.body["answers"][0]["explanation"]
    assert "error" in asked.body["answers"][1]
    assert "2026-13" not in asked.body["answers"][1]["error"]
    refund = {
        "event": "withdrawal",
        "currency": "PLN",
        "lines": [{"sku": "A", "quantity": 3, "unit_price_minor": 1000, "discount_minor": 100}],
        "units": [{"sku": "A", "quantity": 1}],
    }
    reckoned = await door.seller.post("/v1/refund-previews", {"questions": [refund]})
    assert reckoned.body["answers"][0]["refund_minor"] == 966
    text = await door.seller.post(
        "/v1/refund-previews", {"questions": [refund | {"currency": 5, "delivery_back_minor": "5"}]}
    )
    assert [one["pointer"] for one in text.body["errors"]] == [
        "/questions/0/currency",
        "/questions/0/delivery_back_minor",
    ]
    rules = await door.buyer.get("/v1/policies/PL")
    assert rules.body["country"] == "PL"
    assert (await door.buyer.get("/v1/policies/ZZ")).code == "policy-unknown"
    figures = await door.platform.get("/v1/headline")
    assert {"all", "PL"} <= {*figures.body}
