"""Is it on record who did what over HTTP, by which token and when, and nothing of what was said?"""

import json
import re

from tests.calling import Caller, Door

READS = {"/v1/deadline-reckonings", "/v1/refund-previews"}
"""The routes that take a POST and change nothing."""


async def rows(door: Door, query: str) -> list[dict[str, object]]:
    """Pages of the trail, the last deed first, read two by two."""
    found, after = [], ""
    while True:
        page = await door.caller("ops", "o-1").get(f"/v1/audit?{query}&limit=2{after}")
        assert page.status == 200, page
        found += page.body["items"]
        if page.body["next"] is None:
            return found
        after = f"&after={page.body['next']}"


async def test_every_deed_and_every_refusal_leaves_a_row_without_a_word_that_was_said(
    door: Door,
) -> None:
    case_id = await door.opened()
    told = door.issuer.token("seller", "seller", "Jan Tajny", jti="t-1")
    seller = Caller(door.base, door.session, told)
    said = await seller.say(case_id, "say", "k-1", text="Bardzo tajne.")
    assert said.status == 200
    await seller.say(case_id, "appeal", "k-2", reason="Tajne.")
    await seller.say(case_id, "say", "k-3", nonsense="Tajne.")
    strange = door.caller("seller", "other", "Obcy Tajny")
    assert (await strange.say(case_id, "say", "k-4", text="Tajne.")).status == 404
    tried = f"/v1/cases/{case_id}/commands?dry_run=true"
    key = {"Idempotency-Key": "k-5"}
    assert (await door.buyer.post(tried, {"verb": "withdraw"}, **key)).status == 200
    assert (await door.nobody().say(case_id, "withdraw", "k-6")).status == 401
    assert (await door.nobody("x.y.z").say(case_id, "withdraw", "k-7")).status == 401
    assert (await door.buyer.get(f"/v1/cases/{case_id}")).status == 200

    found = await rows(door, f"case={case_id}")
    did = [(row["command_id"], row["status"], row["code"], row["person"]) for row in found]
    assert did == [
        ("k-4", 404, "case-unknown", "other"),
        ("k-3", 422, "bad-input", "seller"),
        ("k-2", 409, "wrong-stage", "seller"),
        ("k-1", 200, None, "seller"),
        (None, 201, None, "buyer"),
    ]
    first = found[3]
    assert first["token"] == "t-1"
    assert (first["role"], first["method"]) == ("seller", "POST")
    assert first["route"] == "/v1/cases/{case_id}/commands"
    assert first["request"] == said.headers["x-request-id"]
    assert str(found[4]["token"]).startswith("sha256:")
    whole = json.dumps(found)
    assert "ajn" not in whole
    assert told not in whole
    assert await rows(door, f"case={case_id}&person=other") == found[:1]
    assert await rows(door, f"case={case_id}&since={found[1]['at']}") == found[:2]


async def test_machines_reports_and_claims_are_on_record_each_with_its_case(door: Door) -> None:
    case_id = await door.opened()
    await door.buyer.say(case_id, "ask-for-help")
    await door.seller.say(case_id, "ask-for-help")
    agent = door.caller("agent", "agent-audit", "Anna Nowak", ("disputes-pl",))
    claimed = await agent.post("/v1/tasks/next", **{"Idempotency-Key": "mine"})
    assert claimed.status == 200, claimed
    scan = {"scan": "arrived", "at": "2026-11-20T14:05:00Z"}
    events = [
        {"event_id": "e-1", "case_id": case_id, **scan},
        {"event_id": "e-2", "case_id": "dispute:PL:none:1", **scan},
    ]
    machine = door.caller("platform", "scanner")
    told = await machine.post("/v1/parcel-events", {"events": events})
    assert told.status == 200, told
    left = await rows(door, "person=scanner")
    got = [(one["case_id"], one["command_id"], one["code"]) for one in left]
    assert got == [
        ("dispute:PL:none:1", "e-2", "case-unknown"),
        (case_id, "e-1", "unknown-command"),
    ]
    (taken,) = await rows(door, "person=agent-audit")
    assert taken["case_id"] == claimed.body["case_id"]
    assert taken["command_id"] == claimed.body["receipt"]["command_id"]


async def test_only_what_changes_nothing_leaves_no_row(door: Door) -> None:
    from api.app import application

    paths = application().openapi()["paths"]
    changing = {(path, one) for path, each in paths.items() for one in each if one != "get"}
    asker = door.caller("platform", "asker")
    for path, method in changing:
        await asker.ask(
            method.upper(),
            re.sub("{.*?}", "none", path.replace("{case_id}", "dispute:PL:none:1")),
            b"{}",
        )
    left = {(row["route"], str(row["method"]).lower()) for row in await rows(door, "person=asker")}
    assert left == {(path, method) for path, method in changing if path not in READS}
    none = await door.caller("platform", "asker").get("/v1/audit?after=nonsense")
    assert (none.status, none.code) == (422, "bad-input")
