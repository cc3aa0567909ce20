"""Does every event reach an endpoint, in order within its case, whatever fails on the way?"""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.posting import Reach
from config import HERE
from domain.public_events import EventType
from domain.step_record import Snapshot, StepRecord, changed_facts
from domain.view import Entry
from domain.webhooks import DeliveryState, Endpoint, WebhookDelivery, networks
from service.failures import InputError, RefusedError
from service.webhooks import Endpoints
from store.public_events import Listener, PublicEvents
from store.step_records import StepBook
from tests.processes import Program
from tests.receiver import Receiver
from tests.test_durability import Elsewhere, elsewhere

Json = dict[str, Any]

STAGES = ("awaiting-seller", "with-agent", "decided", "on-appeal", "settling")


@dataclass
class House:
    """A worker of its own, whose cases the tests record themselves."""

    world: Elsewhere
    endpoints: Endpoints
    number: "itertools.count[int]" = field(default_factory=itertools.count)
    receivers: list[Receiver] = field(default_factory=list)

    @property
    def worker(self) -> Program:
        """The program that sends."""
        return self.world.worker

    def happens(self, cases: int = 1, stages: int = len(STAGES)) -> list[set[str]]:
        """So many cases go through stages, at the same time; the ids of what is told of each."""
        ids = [f"dispute:PL:W-{next(self.number)}:1" for _ in range(cases)]
        for step, case_id in itertools.product(range(stages), ids):
            record(self.world, case_id, step, STAGES[step % len(STAGES)])
        events = PublicEvents(self.world.engine)
        return [
            {one.id for one in events.after(0, 100, Listener(case_id=case_id))} for case_id in ids
        ]

    @asynccontextmanager
    async def receiver(
        self, *types: EventType, **more: Any
    ) -> AsyncIterator[tuple[Receiver, Endpoint]]:
        """A receiver whose endpoint is there for the block."""
        receiver = Receiver(**more)
        await receiver.start()
        key = f"r-{receiver.port}"
        added = await self.endpoints.add(receiver.url, types, key, datetime.now(UTC))
        receiver.secrets.append(added.secret)
        yield receiver, added.endpoint
        await self.endpoints.remove(added.endpoint.id)
        await receiver.stop()

    async def arrived(self, endpoint: Endpoint) -> list[WebhookDelivery]:
        """What has arrived there."""
        return await self.endpoints.deliveries(endpoint.id, DeliveryState.DELIVERED, 0, 100)

    async def becomes(self, endpoint: Endpoint, expected: Callable[[Endpoint], object]) -> Endpoint:
        """The endpoint, once something holds of it."""
        async with asyncio.timeout(10):
            while True:
                [now] = [one for one in await self.endpoints.all() if one.id == endpoint.id]
                if expected(now):
                    return now
                await asyncio.sleep(0.05)


def record(world: Elsewhere, case_id: str, step: int, stage: str) -> None:
    """Keep a step of a case."""
    now = datetime.now(UTC)
    facts = {
        "id": case_id,
        "kind": "dispute",
        "country": "PL",
        "order_id": case_id.split(":")[2],
        "opened_at": now.isoformat(),
        "opened_by": {"party": "buyer", "id": "b-1"},
        "stage": stage,
        "buyer_id": "b-1",
        "seller_id": "s-1",
        "reason": "defect",
        "wanted": "full-refund",
    }
    stood = Snapshot() if step == 0 else Snapshot(facts={**facts, "stage": ""})
    kept = StepBook(world.engine).keep(
        StepRecord(
            case_id=case_id,
            run="r1",
            number=step + 1,
            at=now,
            facts=changed_facts(stood, Snapshot(facts=facts)),
            happened=step,
            events=(Entry(at=now, what=f"stage {stage}"),),
        )
    )
    assert kept.taken


@pytest.fixture(scope="module")
async def house(
    server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """One for all tests of this file."""
    address, folder = (
        server.client.service_client.config.target_host,
        tmp_path_factory.mktemp("out"),
    )
    async with elsewhere(server, address, folder, HERE / "policies") as world:
        world.worker.settings["RECOURSE_WEBHOOKS_MAY_REACH"] = "127.0.0.0/8"
        await world.worker.start()
        reach, queue = Reach(networks("127.0.0.0/8")), world.settings.task_queue
        yield House(world, Endpoints(server.client, world.engine, queue, reach))


async def test_everything_arrives_signed_and_in_the_order_of_each_case(house: House) -> None:
    async with house.receiver() as (receiver, endpoint):
        ids = set[str]().union(*house.happens(cases=6))
        await receiver.has(ids)
        assert receiver.ids() == ids
        assert len(receiver.came) == len(ids)
        assert receiver.in_order()
        async with asyncio.timeout(10):
            while len(listed := await house.arrived(endpoint)) < len(ids):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert {one.event.id for one in listed} == ids


async def test_an_endpoint_hears_only_of_the_types_that_it_wants(house: House) -> None:
    async with house.receiver(EventType.OPENED) as (receiver, _):
        cases = house.happens(cases=3)
        await receiver.has({min(ids, key=lambda id: int(id.partition("#")[2])) for ids in cases})
        assert {one["type"] for one in receiver.came} == {EventType.OPENED}


async def test_what_fails_is_sent_again_under_its_id_while_other_cases_go_on(house: House) -> None:
    troubled = asyncio.Event()

    async def fails_twice(event: Json, times: int) -> int:
        if event["sequence"] == 1 and event["case_id"] == failing and times <= 2:
            await troubled.wait()
            return 500
        return 200

    async with house.receiver(behaviour=fails_twice) as (receiver, endpoint):
        failing = f"dispute:PL:W-{next(house.number) + 1}:1"
        bad, *good = house.happens(cases=3)
        assert {one.partition("#")[0] for one in bad} == {failing}
        await receiver.has(set[str]().union(*good))
        assert receiver.ids() & bad == {f"{failing}#0"}
        troubled.set()
        await receiver.has(bad)
        again = [one for one in receiver.came if one["id"] == f"{failing}#1"]
        assert len(again) == 3
        assert again[0] == again[1] == again[2]
        assert receiver.in_order()
        await house.becomes(endpoint, lambda now: now.failing_since is None)


async def test_what_happens_while_the_receiver_is_down_arrives_once_it_is_back(
    house: House,
) -> None:
    async with house.receiver() as (receiver, endpoint):
        await receiver.stop()
        ids = set[str]().union(*house.happens(cases=2))
        await house.becomes(endpoint, lambda now: now.failing_since)
        waiting = await house.endpoints.deliveries(endpoint.id, DeliveryState.WAITING, 0, 100)
        assert {one.event.id for one in waiting} == ids
        assert {one.why for one in waiting if one.tried} == {"It could not be reached."}
        await receiver.start()
        await receiver.has(ids)
        assert receiver.in_order()


async def test_a_worker_that_is_killed_loses_nothing_and_what_comes_twice_has_the_same_id(
    house: House,
) -> None:
    async def slowly(_event: Json, _times: int) -> int:
        await asyncio.sleep(0.1)
        return 200

    async with house.receiver(behaviour=slowly) as (receiver, _):
        ids = set[str]().union(*house.happens(cases=8))
        await receiver.has({one for one in ids if one.endswith("#0")})
        house.worker.send(signal.SIGKILL)
        ids |= set[str]().union(*house.happens(cases=2))
        assert not ids <= receiver.ids()
        await house.worker.start()
        await receiver.has(ids, within=40)
        assert receiver.ids() == ids
        assert receiver.in_order()
        bodies = {one["id"]: one for one in receiver.came}
        assert all(bodies[one["id"]] == one for one in receiver.came)


async def test_a_new_secret_signs_beside_the_one_before(house: House) -> None:
    async with house.receiver() as (receiver, endpoint):
        made = await house.endpoints.rotate(endpoint.id, "k-1", datetime.now(UTC))
        again = await house.endpoints.rotate(endpoint.id, "k-1", datetime.now(UTC))
        assert again.secret == made.secret
        receiver.secrets.append(made.secret)
        [ids] = house.happens()
        await receiver.has(ids)
        assert {*receiver.signatures} == {2}
        third = await house.endpoints.rotate(endpoint.id, "k-2", datetime.now(UTC))
        receiver.secrets[:] = [made.secret, third.secret]
        [ids] = house.happens()
        await receiver.has(ids)
        assert {*receiver.signatures} == {2}


async def test_an_endpoint_that_says_that_it_is_gone_is_paused_until_it_is_resumed(
    house: House,
) -> None:
    answers = [410]

    async def as_told(_event: Json, _times: int) -> int:
        return answers[-1]

    async with house.receiver(behaviour=as_told) as (receiver, endpoint):
        [ids] = house.happens()
        paused = await house.becomes(endpoint, lambda now: now.paused_at)
        assert paused.paused_why == "It answered 410: it is there no more."
        [later] = house.happens()
        assert receiver.ids() == set()
        answers.append(200)
        resumed = await house.endpoints.resume(endpoint.id, datetime.now(UTC))
        assert resumed.paused_at is None
        await receiver.has(ids | later)
        assert receiver.in_order()


async def test_what_has_arrived_can_be_sent_again(house: House) -> None:
    async with house.receiver() as (receiver, endpoint):
        [ids] = house.happens(stages=1)
        await receiver.has(ids)
        async with asyncio.timeout(10):
            while not (kept := await house.arrived(endpoint)):  # noqa: ASYNC110 - the worker says so
                await asyncio.sleep(0.05)
            await house.endpoints.send_again(kept[0].id, datetime.now(UTC))
            while len(receiver.came) <= len(ids):  # noqa: ASYNC110 - it comes over HTTP
                await asyncio.sleep(0.05)
        assert receiver.came[-1] == kept[0].event.model_dump(mode="json")


async def test_an_endpoint_is_added_once_under_a_key_and_never_inside(house: House) -> None:
    now, url = datetime.now(UTC), "http://127.0.0.1:9/events"
    one = await house.endpoints.add(url, (), "once", now)
    two = await house.endpoints.add(url, (), "once", now)
    assert (two.endpoint.id, two.secret, two.before) == (one.endpoint.id, one.secret, True)
    with pytest.raises(RefusedError):
        await house.endpoints.add(f"{url}?other", (), "once", now)
    await house.endpoints.remove(one.endpoint.id)
    with pytest.raises(RefusedError):
        await house.endpoints.remove(one.endpoint.id)
    with pytest.raises(InputError, match="inside"):
        await house.endpoints.add("https://10.0.0.1/", (), "inside", now)


async def test_a_worker_that_is_told_to_end_ends_at_once_and_knows_what_it_has_sent(
    house: House,
) -> None:
    async def slowly(_event: Json, _times: int) -> int:
        await asyncio.sleep(0.3)
        return 200

    async with house.receiver(behaviour=slowly) as (receiver, endpoint):
        ids = set[str]().union(*house.happens(cases=8))
        await receiver.has({one for one in ids if one.endswith("#0")})
        assert await asyncio.to_thread(house.worker.send, signal.SIGTERM) == 0
        kept = {one.event.id for one in await house.arrived(endpoint)}
        assert kept == receiver.ids() < ids
        assert "whsec_" not in house.worker.log.read_text()
