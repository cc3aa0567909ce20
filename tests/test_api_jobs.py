"""Are many commands sent at once judged one by one, once each, whoever is killed meanwhile?"""

import asyncio
import signal
from pathlib import Path
from typing import Any

from temporalio.testing import WorkflowEnvironment

from policies import HERE
from store.archive import Archive
from store.command_jobs import CommandJobs
from tests.calling import Answer, Caller, Door, Json, door_of
from tests.test_durability import elsewhere


def item(case_id: str, verb: str, **more: Any) -> Json:
    """A command for a case."""
    return {"case_id": case_id, "command": {"verb": verb, **more}}


async def begin(caller: Caller, items: list[Json], key: str) -> Answer:
    """Send a job."""
    return await caller.post("/v1/command-jobs", {"items": items}, **{"Idempotency-Key": key})


async def done(caller: Caller, job: Answer, seconds: float = 30) -> list[Json]:
    """What became of each command of a job, read page by page."""
    assert job.status == 202, job
    place = job.headers["location"]
    async with asyncio.timeout(seconds):
        while (await caller.get(place)).body["state"] != "done":  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.1)
    found, after = [], ""
    while True:
        page = (await caller.get(f"{place}/items?limit=2{after}")).body
        found += page["items"]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


async def test_each_command_of_a_job_is_judged_as_if_it_came_alone(door: Door) -> None:
    mine, others = await door.opened(), await door.opened()
    for caller in (door.buyer, door.seller):
        await caller.say(mine, "ask-for-help")
    claimed = await door.agent.say(mine, "claim")
    assert claimed.status == 200, claimed
    decision = {"verdict": "for-buyer", "reasoning": "It is dark.", "remedy": "full-refund"}
    file = {"name": "a.png", "size": 9, "media_type": "image/png", "sha256": "0" * 64}
    items = [
        item(mine, "say", text="We look into it."),
        item(others, "say", text="We look into it."),
        item(mine, "decide", **decision),
        item(mine, "decide", **decision) | {"if_match": '"old"'},
        item(mine, "withdraw"),
        item(mine, "say", text="See.", attachments=[file]),
        item(mine, "say", text="That is all."),
    ]
    job = await begin(door.agent, items, "judged")
    found = await done(door.agent, job)
    assert [(one["status"], (one["problem"] or {}).get("code")) for one in found] == [
        (200, None),
        (404, "case-unknown"),
        (428, "look-first"),
        (412, "changed-meanwhile"),
        (403, "not-yours"),
        (409, "attachment-unknown"),
        (200, None),
    ]
    assert found[0]["receipt"]["outcome"] == "accepted"
    assert found[0]["receipt"]["command_id"] == found[0]["command_id"]
    state = await door.agent.get(job.headers["location"])
    assert {**state.body, "begun_at": ""} == {
        "id": job.body["id"],
        "state": "done",
        "begun_at": "",
        "items": 7,
        "done": 7,
        "refused": 5,
    }
    assert found[1]["problem"]["request_id"] == job.headers["x-request-id"]

    again = await begin(door.agent, items, "judged")
    assert (again.status, again.body["id"], again.body["done"]) == (202, job.body["id"], 7)
    other = await begin(door.agent, items[:1], "judged")
    assert (other.status, other.code) == (422, "command-id-reused")
    said = [
        one["text"] for one in (await door.agent.get(f"/v1/cases/{mine}/messages")).body["items"]
    ]
    assert said.count("We look into it.") == said.count("That is all.") == 1
    second = door.caller("agent", "agent-2", "Jan Kowalski", ("disputes-pl",))
    for path in ("", "/items"):
        assert (await second.get(job.headers["location"] + path)).code == "job-unknown"

    trail = await door.caller("ops", "o-1").get(f"/v1/audit?case={mine}&limit=100")
    rows = {one["command_id"]: one for one in trail.body["items"]}
    for one in found:
        if one["case_id"] == mine:
            row = rows[one["command_id"]]
            assert (row["status"], row["person"]) == (one["status"], "agent-1")
            assert row["request"] == job.headers["x-request-id"]
    kept = CommandJobs(door.world.engine).items(job.body["id"], 0, 9)
    assert [one.command for one in kept] == [None] * 7


async def test_a_job_that_does_not_fit_is_refused_whole_and_says_where(door: Door) -> None:
    case_id = await door.opened()
    good = item(case_id, "say", text="x")
    for wrong, pointer in (
        (item(case_id, "say", text=["Secret"]), "/items/1/command/text"),
        (item(case_id, "say", text="x", by={"party": "buyer"}), "/items/1/command"),
        (item(case_id, "Secret"), "/items/1/command/verb"),
        (good | {"Secret": 1}, "/items/1"),
        (item("Secret", "say", text="x"), "/items/1/case_id"),
    ):
        told = await begin(door.platform, [good, wrong], "wrong")
        assert (told.status, told.code) == (422, "bad-input")
        assert [one["pointer"] for one in told.body["errors"]] == [pointer]
        assert "Secret" not in str(told.body)
    assert (await begin(door.platform, [good] * 501, "wrong")).status == 422
    assert (await begin(door.platform, [], "wrong")).status == 422
    for caller in (door.buyer, door.seller, door.caller("ops", "o-1")):
        told = await begin(caller, [good], "wrong")
        assert (told.status, told.code) == (403, "not-allowed")


async def test_a_job_goes_on_when_worker_and_api_are_killed_and_sends_nothing_twice(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    address = server.client.service_client.config.target_host
    async with elsewhere(server, address, tmp_path, HERE) as world:
        await world.worker.start()
        async with door_of(world, tmp_path) as door:
            cases = [await door.opened() for _ in range(3)]
            items = [item(cases[n % 3], "say", text=f"Number {n}.") for n in range(24)]
            job = await begin(door.platform, items, "long")
            assert job.status == 202, job
            books = CommandJobs(world.engine)
            async with asyncio.timeout(30):
                while books.progress(job.body["id"]).done < 4:  # noqa: ASYNC110 - in another process
                    await asyncio.sleep(0.01)
            door.program.send(signal.SIGKILL)
            world.worker.send(signal.SIGKILL)
            assert books.progress(job.body["id"]).done < 24
            await asyncio.gather(world.worker.start(), door.program.start())
            found = await done(door.platform, job, 60)
            assert [one["status"] for one in found] == [200] * 24, found
            for n, case_id in enumerate(cases):
                said = [one.text for one in Archive(world.engine).messages(case_id)][1:]
                assert said == [f"Number {m}." for m in range(n, 24, 3)]
