"""Can people and services do over HTTP what they may do with cases, and nothing else?"""

import asyncio
import base64
import hmac
import json
import signal
import socket
from pathlib import Path

from api.app import application
from config import listen
from demo.tokens import Issuer
from tests.calling import Caller, Door, door_of
from tests.life import World


async def test_a_case_is_opened_once_looked_at_and_answered(door: Door) -> None:
    opening = door.dispute()
    first = await door.buyer.post("/v1/cases", opening)
    assert first.status == 201, first
    case_id = first.body["id"]
    assert first.headers["location"] == f"/v1/cases/{case_id}"
    assert first.body["stage"] == "awaiting-seller"
    again = await door.buyer.post("/v1/cases", opening)
    assert (again.status, again.body["id"]) == (200, case_id)
    differs = await door.buyer.post("/v1/cases", opening | {"text": "Something else."})
    assert (differs.status, differs.code) == (409, "opening-differs")

    seen = await door.seller.get(f"/v1/cases/{case_id}")
    assert seen.status == 200
    may = {action["verb"] for action in seen.body["actions"]}
    assert {"offer", "say", "refuse"} <= may
    assert "withdraw" not in may
    same = await door.seller.get(f"/v1/cases/{case_id}", **{"If-None-Match": seen.etag})
    assert (same.status, same.body) == (304, None)

    offered = await door.seller.say(case_id, "offer", "o-1", remedy="repair")
    assert offered.status == 200, offered
    assert offered.body["receipt"]["outcome"] == "accepted"
    assert [one["remedy"] for one in offered.body["case"]["offers"]] == ["repair"]
    repeated = await door.seller.say(case_id, "offer", '"o-1"', remedy="repair")
    assert repeated.body["receipt"]["outcome"] == "repeated"
    other = await door.seller.say(case_id, "offer", "o-1", remedy="send-again")
    assert (other.status, other.code) == (422, "command-id-reused")
    stale = await door.seller.say(case_id, "say", match=seen.etag, text="Well?")
    assert (stale.status, stale.code) == (412, "changed-meanwhile")
    now = await door.seller.get(f"/v1/cases/{case_id}")
    heard = await door.seller.say(case_id, "say", match=now.etag, text="Well?")
    assert heard.status == 200
    early = await door.buyer.say(case_id, "appeal", reason="I do not like it.")
    assert (early.status, early.code) == (409, "wrong-stage")
    ended = await door.buyer.say(case_id, "withdraw")
    assert ended.body["case"]["stage"] == "closed"
    late = await door.seller.say(case_id, "say", text="Thank you.")
    assert (late.status, late.code) == (409, "case-closed")


async def test_a_key_is_its_callers_own_whoever_else_uses_it_first(door: Door) -> None:
    case_id = await door.opened()
    first = await door.buyer.say(case_id, "say", "1", text="Is anybody there?")
    assert first.body["receipt"]["command_id"] == "1"
    unknown = await door.seller.get(f"/v1/cases/{case_id}/commands/1")
    assert (unknown.status, unknown.code) == (404, "command-unknown")
    second = await door.seller.say(case_id, "offer", "1", remedy="repair")
    assert (second.status, second.body["receipt"]["outcome"]) == (200, "accepted")
    for caller, verb in ((door.buyer, "say"), (door.seller, "offer")):
        told = (await caller.get(f"/v1/cases/{case_id}/commands/1")).body
        assert (told["verb"], told["receipt"]["command_id"]) == (verb, "1")
    again = await door.seller.say(case_id, "offer", "1", remedy="repair")
    assert again.body["receipt"] == second.body["receipt"] | {"outcome": "repeated"}
    trail = await door.platform.get(f"/v1/audit?case={case_id}&person=seller")
    assert [one["command_id"] for one in trail.body["items"]] == ["1", "1"]


async def test_who_acts_is_whom_the_token_is_for(door: Door) -> None:
    case_id = await door.opened()
    said = await door.seller.say(case_id, "say", text="x", by={"party": "buyer", "id": "buyer"})
    assert (said.status, said.code) == (422, "bad-input")
    opened = await door.buyer.post(
        "/v1/cases", door.dispute(opened_by={"party": "seller", "id": "seller"})
    )
    assert (opened.status, opened.code) == (422, "bad-input")
    mine = await door.buyer.get(f"/v1/cases/{case_id}")
    assert mine.body["opened_by"] == {"party": "buyer", "id": "buyer", "name": "Ewa Zielona"}
    theirs = await door.seller.get(f"/v1/cases/{case_id}")
    assert theirs.body["opened_by"] == {"party": "buyer"}
    claims = await door.agent.get("/v1/me")
    assert claims.body == {
        "role": "agent",
        "id": "agent-1",
        "name": "Anna Nowak",
        "queues": ["disputes-pl", "withdrawals-pl"],
        "party": "agent",
    }


async def test_what_only_the_platform_or_a_case_says_of_an_opening_is_not_taken_from_others(
    door: Door,
) -> None:
    for field, value in (("happened_at", "2026-01-05T10:00:00Z"), ("external_id", "X-1")):
        told = await door.buyer.post("/v1/cases", door.dispute(**{field: value}))
        assert told.status == 422
        assert told.body["errors"][0]["pointer"] == f"/{field}"
    for caller in (door.buyer, door.platform):
        told = await caller.post("/v1/cases", door.dispute(instead_of="inquiry:PL:1:1"))
        assert told.status == 422
    agents = await door.agent.post("/v1/cases", door.dispute())
    assert (agents.status, agents.code) == (403, "not-allowed")


async def test_an_agent_sees_what_a_queue_holds_claims_it_and_decides_it_as_it_was_seen(
    door: Door,
) -> None:
    case_id = await door.opened()
    path = f"/v1/cases/{case_id}"
    assert (await door.agent.get(path)).status == 404
    await door.buyer.say(case_id, "ask-for-help")
    await door.seller.say(case_id, "ask-for-help")
    seen = await door.agent.get(path)
    assert seen.status == 200, seen
    elsewhere = door.caller("agent", "agent-3", "Jan Inny", ("complaints-pl",))
    assert (await elsewhere.get(path)).status == 404
    second = door.caller("agent", "agent-2", "Jan Kowalski", ("disputes-pl",))
    decision = {"verdict": "for-buyer", "reasoning": "It does not light.", "remedy": "full-refund"}
    assert (await door.agent.say(case_id, "decide", **decision)).status == 428
    unclaimed = await door.agent.say(case_id, "decide", match=seen.etag, **decision)
    assert (unclaimed.status, unclaimed.code) == (409, "task-not-claimed")

    claimed = await door.agent.say(case_id, "claim")
    assert claimed.status == 200, claimed
    taken = await second.say(case_id, "claim")
    assert (taken.status, taken.code) == (409, "task-taken")
    seconds = {action["verb"] for action in (await second.get(path)).body["actions"]}
    assert not seconds & {"claim", "release", "decide"}
    mine = await door.agent.get(path)
    assert {"release", "decide"} <= {action["verb"] for action in mine.body["actions"]}
    stale = await door.agent.say(case_id, "decide", match=seen.etag, **decision)
    assert (stale.status, stale.code) == (412, "changed-meanwhile")
    decided = await door.agent.say(case_id, "decide", "d-1", match=mine.etag, **decision)
    assert decided.status == 200, decided
    again = await door.agent.say(case_id, "decide", "d-1", match=mine.etag, **decision)
    assert again.body["receipt"]["outcome"] == "repeated"
    told = (await door.buyer.get(path)).body
    assert told["decision"]["reasoning"] == "It does not light."
    assert told["decision"]["by"] == {"party": "agent", "name": "Anna Nowak"}
    assert "task" not in told


async def test_problems_name_the_place_and_never_what_was_sent(door: Door) -> None:
    case_id = await door.opened()
    secret = "TopSecret-ß"
    bodies = (
        {"verb": secret},
        {"verb": "say", "text": "x", secret: 1},
        {"verb": "offer", "remedy": secret},
        {"verb": "say", "text": [secret]},
        {"verb": "offer", "remedy": "partial-refund", "amount": {"amount_minor": secret}},
        secret,
    )
    path = f"/v1/cases/{case_id}/commands"
    for body in bodies:
        told = await door.buyer.post(path, body, **{"Idempotency-Key": "k"})
        assert (told.status, told.code) == (422, "bad-input"), told
        assert told.body["errors"]
        assert "TopSecret" not in str(told.body)
    amount = (await door.buyer.post(path, bodies[4], **{"Idempotency-Key": "k"})).body["errors"]
    assert [one["pointer"] for one in amount] == ["/amount/amount_minor", "/amount/currency"]
    keyless = await door.buyer.post(path, {"verb": "say", "text": "x"})
    assert keyless.body["errors"] == [
        {"parameter": "Idempotency-Key", "detail": "is missing; add it"}
    ]
    broken = await door.buyer.ask("POST", path, b"{", {"Idempotency-Key": "k"})
    assert (broken.status, broken.code) == (422, "bad-input")
    form = await door.buyer.ask(
        "POST", path, b"verb=say", {"Idempotency-Key": "k", "Content-Type": "text/plain"}
    )
    assert (form.status, form.code) == (415, "media-type")
    large = await door.buyer.ask("POST", path, b"x" * 600_000, {"Idempotency-Key": "k"})
    assert (large.status, large.code) == (413, "too-large")
    assert (await door.buyer.get("/v1/nothing")).code == "path-unknown"
    method = await door.buyer.ask("DELETE", f"/v1/cases/{case_id}")
    assert (method.status, method.code) == (405, "method-refused")
    assert method.headers["allow"] == "GET"
    both = await door.buyer.ask("DELETE", "/v1/cases")
    assert {*both.headers["allow"].split(", ")} == {"GET", "POST"}
    unknown = await door.buyer.get(f"/v1/cases/{case_id}?sellr=1")
    assert (unknown.status, unknown.code) == (422, "bad-input")
    named = await door.buyer.get("/v1/cases/dispute:PL:none:1", **{"X-Request-ID": "mine-1"})
    assert (named.status, named.code) == (404, "case-unknown")
    assert named.body["request_id"] == "mine-1"


async def test_another_order_is_as_if_there_were_none(door: Door) -> None:
    stranger = door.caller("buyer", "stranger")
    theirs = await stranger.post("/v1/cases", door.dispute())
    none = await stranger.post("/v1/cases", door.dispute(order_id="PL-none"))
    opened = door.dispute()
    assert (await door.buyer.post("/v1/cases", opened)).status == 201
    open_already = await stranger.post("/v1/cases", opened)
    for answer in (theirs, none, open_already):
        assert (answer.status, answer.code) == (404, "order-unknown"), answer
        assert answer.body["detail"] == none.body["detail"]


async def test_tokens_that_do_not_hold_are_not_taken(door: Door, tmp_path: Path) -> None:
    missing = await door.nobody().get("/v1/me")
    assert (missing.status, missing.code) == (401, "token-missing")
    assert missing.headers["www-authenticate"] == "Bearer"
    issue = door.issuer.token
    forged = Issuer(tmp_path / "other.json").token("platform", "p")
    none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."
    for token in (
        "nonsense",
        none,
        forged,
        "x" * 9000,
        issue("platform", "p", seconds=-60),
        issue("platform", "p", aud="others"),
        issue("platform", "p", iss="https://others.example"),
        issue("platform", "p", exp=None),
        issue("platform", ""),
        issue("king", "p"),
        by_shared_secret(door),
        issue("agent", "p", queues=("",)),
        issue("buyer", "a\nb"),
        issue("buyer", "p" * 101),
    ):
        told = await door.nobody(token).get("/v1/me")
        assert (told.status, told.code) == (401, "token-refused"), token


def by_shared_secret(door: Door) -> str:
    """A token signed with what everybody knows, the public key, taken for a secret."""

    def part(content: bytes) -> bytes:
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    header = json.dumps({"alg": "HS256", "kid": "demo"}).encode()
    _, claims, _ = door.issuer.token("platform", "p").encode().split(b".")
    signed = part(header) + b"." + claims
    digest = hmac.digest(door.issuer.file.read_bytes(), signed, "sha256")
    return (signed + b"." + part(digest)).decode()


async def test_keys_are_read_again_when_a_token_names_a_new_one(door: Door) -> None:
    before = door.issuer.file.read_text()
    try:
        rotated = Issuer(door.issuer.file, kid="next")
        await is_known(door.nobody(rotated.token("ops", "o-1")))
    finally:
        door.issuer.file.write_text(before)
    await is_known(door.buyer)


async def is_known(caller: Caller) -> None:
    """Wait until a token is taken; another is answered meanwhile all the same."""
    async with asyncio.timeout(20):
        while (await caller.get("/v1/me")).status != 200:  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.5)


async def test_fifty_equal_requests_at_once_have_one_effect(door: Door) -> None:
    opening = door.dispute()
    opened = await asyncio.gather(*(door.buyer.post("/v1/cases", opening) for _ in range(50)))
    assert {answer.status for answer in opened} <= {200, 201}, opened
    case_id = opened[0].body["id"]
    assert {answer.body["id"] for answer in opened} == {case_id}
    sent = await asyncio.gather(
        *(door.seller.say(case_id, "offer", "once", remedy="repair") for _ in range(50))
    )
    assert {answer.status for answer in sent} == {200}
    outcomes = [answer.body["receipt"]["outcome"] for answer in sent]
    assert set(outcomes) <= {"accepted", "repeated"}
    case = (await door.seller.get(f"/v1/cases/{case_id}")).body
    assert len(case["offers"]) == 1


async def test_health_needs_no_token_and_the_document_describes_it(door: Door) -> None:
    health = await door.nobody().get("/health")
    assert (health.status, health.body) == (200, {"status": "ok", "failing": []})
    served = await door.nobody().get("/v1/openapi.json")
    assert served.body == application().openapi()
    refusals = await door.nobody().get("/refusals")
    assert "| `task-taken` |" in refusals.body
    page = await door.nobody().get("/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.body.count("<details>") == sum(map(len, served.body["paths"].values()))
    assert "=http" not in page.body.replace('"', "")  # no link and no source leads elsewhere


async def test_it_ends_in_order_when_told(real_world: World, tmp_path: Path) -> None:
    async with door_of(real_world, tmp_path) as door:
        case_id = await door.opened()
        under_way = asyncio.create_task(door.seller.say(case_id, "say", text="Last words."))
        await asyncio.sleep(0.02)
        ended = await asyncio.to_thread(door.program.send, signal.SIGTERM)
        assert ended == 0, door.program.log.read_text()
        assert (await under_way).status == 200
    log = door.program.log.read_text()
    assert "Last words" not in log
    assert "buyer" not in log


async def test_a_dry_run_says_what_would_come_of_it_and_does_nothing(door: Door) -> None:
    case_id = await door.opened()
    path = f"/v1/cases/{case_id}/commands?dry_run=true"
    before = await door.seller.get(f"/v1/cases/{case_id}")
    offer = {"verb": "offer", "remedy": "full-refund"}
    tried = await door.seller.post(path, offer, **{"Idempotency-Key": "dry"})
    assert tried.status == 200, tried
    assert tried.body["would_be"] == "taken"
    dear = {"amount_minor": 10**9, "currency": "PLN"}
    refused = await door.seller.post(
        path, offer | {"remedy": "partial-refund", "amount": dear}, **{"Idempotency-Key": "dry"}
    )
    assert refused.body["would_be"] == "refused"
    assert refused.body["refusal"]["code"] == "amount-too-high"
    ended = await door.buyer.post(path, {"verb": "withdraw"}, **{"Idempotency-Key": "dry"})
    assert [way["to"] for way in ended.body["ways"]] == [["closed"]]
    after = await door.seller.get(f"/v1/cases/{case_id}")
    assert (after.etag, after.body) == (before.etag, before.body)
    none = await door.seller.get(f"/v1/cases/{case_id}/commands/dry")
    assert (none.status, none.code) == (404, "command-unknown")
    sent = await door.seller.say(case_id, "offer", "wet", remedy="full-refund")
    assert sent.status == 200
    receipt = await door.seller.get(f"/v1/cases/{case_id}/commands/wet")
    assert receipt.status == 200, receipt
    assert receipt.body["verb"] == "offer"
    assert receipt.body["receipt"]["outcome"] == "accepted"
    others = await door.buyer.get(f"/v1/cases/{case_id}/commands/wet")
    assert (others.status, others.code) == (404, "command-unknown")


async def test_a_key_is_for_one_opening_of_its_caller(door: Door) -> None:
    opening, key = door.dispute(), {"Idempotency-Key": "opening-1"}
    assert (await door.buyer.post("/v1/cases", opening, **key)).status == 201
    assert (await door.buyer.post("/v1/cases", opening, **key)).status == 200
    other = await door.buyer.post("/v1/cases", opening | {"number": 2}, **key)
    assert (other.status, other.code) == (422, "command-id-reused")
    renamed = door.caller("buyer", "buyer", "Ewa Czerwona")
    assert (await renamed.post("/v1/cases", opening)).status == 200


def test_an_answer_in_two_pieces_does_not_wait_for_its_readers_word() -> None:
    with (
        listen("RECOURSE_API_ADDRESS", "127.0.0.1:0") as bound,
        socket.create_connection(bound.getsockname()),
    ):
        accepted, _ = bound.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
