"""Can a platform see to its endpoints over HTTP alone, from the first event to the last?"""

import asyncio

from tests.calling import Answer, Caller, Door
from tests.receiver import Receiver

PATH = "/v1/webhook-endpoints"


async def arrived(caller: Caller, endpoint: str, case_id: str) -> list[str]:
    """The deliveries of a case that have arrived, once there are some."""
    async with asyncio.timeout(20):
        while True:
            answer = await caller.get(f"{PATH}/{endpoint}/deliveries?state=delivered&limit=100")
            assert answer.status == 200, answer
            events = [one for one in answer.body["items"] if one["event"]["case_id"] == case_id]
            if events:
                return [one["id"] for one in events]
            await asyncio.sleep(0.1)


async def added(caller: Caller, url: str, key: str) -> Answer:
    """Add an endpoint that hears of cases that are opened."""
    wanted = {"url": url, "types": ["case.opened"]}
    return await caller.post(PATH, wanted, **{"Idempotency-Key": key})


async def test_an_endpoint_from_its_first_event_to_its_end(door: Door) -> None:
    receiver, platform = Receiver(), door.platform
    await receiver.start()
    answer = await added(platform, receiver.url, "e-1")
    assert answer.status == 201, answer
    endpoint, secret = answer.body["endpoint"]["id"], answer.body["secret"]
    again = await added(platform, receiver.url, "e-1")
    assert (again.status, again.body) == (200, answer.body)
    assert (await added(platform, f"{receiver.url}?x", "e-1")).code == "command-id-reused"
    receiver.secrets.append(secret)

    case_id = await door.opened()
    [delivery, *_] = await arrived(platform, endpoint, case_id)
    assert f"{case_id}#0" in receiver.ids()

    path = f"{PATH}/{endpoint}/secret"
    replaced = await platform.post(path, **{"Idempotency-Key": "s-1"})
    assert replaced.status == 200, replaced
    receiver.secrets.append(replaced.body["secret"])
    sent = await platform.post(f"/v1/deliveries/{delivery}/retry")
    assert (sent.status, sent.body["state"]) == (200, "waiting")
    assert await arrived(platform, endpoint, case_id) == [delivery]
    async with asyncio.timeout(10):
        while [one["case_id"] for one in receiver.came].count(case_id) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert receiver.signatures[-1] == 2

    listed = await platform.get(PATH)
    assert endpoint in {one["id"] for one in listed.body["items"]}
    assert "whsec_" not in str(listed.body)
    assert (await platform.post(f"{PATH}/{endpoint}/resume")).status == 200
    assert (await platform.ask("DELETE", f"{PATH}/{endpoint}")).status == 204
    assert (await platform.ask("DELETE", f"{PATH}/{endpoint}")).code == "endpoint-unknown"
    await receiver.stop()


async def test_an_address_that_leads_inside_is_refused_in_one_sentence(door: Door) -> None:
    answer = await added(door.platform, "https://169.254.169.254/latest/meta-data", "inside")
    assert (answer.status, answer.code) == (422, "bad-input")
    assert answer.body["detail"] == (
        "The endpoint's address cannot be used. Its host is inside, where nothing is sent to."
    )
