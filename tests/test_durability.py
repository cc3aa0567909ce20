"""What if the worker, or Temporal itself, dies in the middle of a case?"""

import asyncio
import logging
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from config import Settings, data_converter, register_attributes
from domain.commands import (
    Accept,
    AcceptComplaint,
    FileClaim,
    HandOver,
    Inspect,
    Offer,
    Receive,
    Refund,
    Remedy,
    Say,
)
from domain.goods import Received, Scan
from domain.openings import CarrierTrouble
from policies import DEMO
from standin.serving import serve_mailbox, serve_marketplace
from store.archive import Archive
from store.engine import connect, migrate
from tests.life import BUYER, SELLER, Life, World, write_orders
from tests.policies import COMMON, laid_over
from tests.processes import Program, free_port, temporal_program, worker_program
from tests.record_histories import PAPER

REQUESTED_AGAIN_AFTER = 30
"""Seconds: a worker is known to be dead after 8 (options.py), and what died with it is done again;
on an idle machine all has ended after 15.
"""

ORDERS_OF_OUR_OWN = 801
"""Others use the same Temporal server, with orders of lower numbers."""

SETTLED_BY_TALKING = {
    "dispute_opened",
    "dispute_received",
    "message",
    "offer_made",
    "offer_accepted",
    "refund_confirmed",
    "closed",
}
"""What is written in a dispute that is talked about, and settled by a refund."""


@dataclass(kw_only=True)
class Elsewhere(World):
    """A world whose worker is a process of its own, which can be killed."""

    worker: Program


def short_policies(folder: Path, seconds: dict[str, int], elsewhere_as_is: bool = False) -> Path:
    """The demo's policies, with these windows made so many seconds long; in Poland alone, or in
    every country.
    """
    lengths: dict[str, object] = {f"{window}.length": length for window, length in seconds.items()}
    return laid_over(DEMO, folder, {"pl" if elsewhere_as_is else COMMON: lengths})


@asynccontextmanager
async def elsewhere(
    environment: WorkflowEnvironment, address: str, folder: Path, policies: Path
) -> AsyncIterator[Elsewhere]:
    """A store, a marketplace that remembers, a mail server, and a worker not yet started."""
    orders = folder / "orders.json"
    write_orders(orders, ORDERS_OF_OUR_OWN)
    engine = connect(f"sqlite:///{folder / 'recourse.db'}")
    migrate(engine)
    async with (
        serve_marketplace(orders, state_file=folder / "paid.jsonl") as marketplace,
        serve_mailbox(folder / "mails") as mailbox,
    ):
        settings = Settings.read(
            database_url=str(engine.url),
            task_queue=f"recourse-{folder.name}",
            policies=policies,
            marketplace_url=marketplace,
            smtp_host=mailbox.host,
            smtp_port=mailbox.port,
        )
        env = {
            "TEMPORAL_ADDRESS": address,
            "DATABASE_URL": settings.database_url,
            "RECOURSE_TASK_QUEUE": settings.task_queue,
            "RECOURSE_POLICIES": str(policies),
            "RECOURSE_MARKETPLACE_URL": marketplace,
            "RECOURSE_MARKETPLACE_TIMEOUT_SECONDS": "2",
            "RECOURSE_SMTP_HOST": mailbox.host,
            "RECOURSE_SMTP_PORT": str(mailbox.port),
            "RECOURSE_SMTP_STARTTLS": "false",
            "RECOURSE_MAIL_FROM": "service@recourse.example",
        }
        with worker_program(folder, env) as worker:
            yield Elsewhere(
                environment=environment,
                settings=settings,
                engine=engine,
                marketplace=marketplace,
                mailbox=mailbox,
                worker=worker,
                first_order=ORDERS_OF_OUR_OWN,
            )
    engine.dispose()


def nothing_lost(life: Life, said: list[str]) -> None:
    """Every acknowledged message is archived once; every letter was sent, under its one id.

    Mail has no transactions: a worker killed after the mail server took a letter and before that
    was noted sends it again, under the same Message-ID.
    """
    kept = [message.text for message in Archive(life.world.engine).messages(life.handle.id)]
    assert kept == ["The lamp does not light.", *said]
    written = life.letters_whole()
    assert all(letter.sent_at for letter in written)
    assert set(life.letters()) - {"reply_reminder"} == SETTLED_BY_TALKING
    passed_on = Counter(letter.text.count(text) for letter in written for text in said)
    assert passed_on[1] == len(said)
    assert set(passed_on) <= {0, 1}
    mails = Counter(
        str(mail["Message-ID"])
        for mail in life.world.mailbox.messages()
        if mail["X-Recourse-Case"] == life.handle.id
    )
    assert set(mails) == {letter.id for letter in written}
    assert max(mails.values()) <= 2


async def talk(life: Life, until: Callable[[], bool]) -> list[str]:
    """The traders write to each other in turn until told to stop; what was acknowledged."""
    said: list[str] = []
    while not (until() and len(said) % 2) and len(said) < 39:  # the buyer is to answer then
        text = f"Message number {len(said)}, acknowledged."
        await life.send(SELLER if len(said) % 2 == 0 else BUYER, Say, text=text)
        said.append(text)
        await asyncio.sleep(0.05)
    return said


async def goods_come_back(back: Life) -> None:
    """Goods are handed over, received and inspected."""
    await back.sees(lambda view: view.stage == "awaiting-goods")
    await back.buyer(HandOver, carrier="InPost", tracking="T1")
    await back.scanned(Scan.ARRIVED)
    units = (Received(sku="A", quantity=2), Received(sku="B", quantity=1))
    await back.seller(Receive, units=units)
    await back.seller(Inspect)


def claims_at_carrier(life: Life) -> list[str]:
    """The references of the claims that the marketplace has sent about the order."""
    ledger = requests.get(f"{life.world.marketplace}/standin/ledger", timeout=5).json()
    return [one["reference"] for one in ledger["claims"] if one["order_id"] == life.order_id]


async def becomes(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is awaited happens in another process
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_a_worker_killed_at_random_moments_and_in_an_effect_has_it_once_and_loses_nothing(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    chance = random.Random(7)
    policies = short_policies(
        tmp_path / "policies",
        {
            "dispute.seller_reply": 300,
            "dispute.buyer_reply": 300,
            "withdrawal.refund": 300,
            "withdrawal.send_goods": 300,
            "goods_return.inspection": 300,
            "complaint.answer": 300,
            "complaint.refund_if_withdrawal": 300,
            "carrier_claim.answer_postal": 300,
        },
    )
    address = server.client.service_client.config.target_host
    async with elsewhere(server, address, tmp_path, policies) as world:
        await world.worker.start()
        life = await world.dispute()
        kills = 0
        talking = asyncio.create_task(talk(life, lambda: kills == 3))
        withdrawal = await world.withdrawal(order_id=await world.in_hand())
        back = await withdrawal.goods_back()
        returning = asyncio.create_task(goods_come_back(back))
        while kills < 3:
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            world.worker.send(signal.SIGKILL)
            kills += 1
            await world.worker.start()
        said = await asyncio.wait_for(talking, timeout=60)
        await asyncio.wait_for(returning, timeout=60)
        await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
        less = life.money(3000)
        complaint = await world.complaint(wanted=Remedy.PARTIAL_REFUND, amount=less)
        parcel = await world.parcel(posted=4, in_hand=1)
        claim = await world.carrier_claim(order_id=parcel, trouble=CarrierTrouble.DAMAGE)
        for each in (life, withdrawal, complaint):
            each.marketplace(refunds="pay-then-hang", times=1)
        claim.marketplace(claims="file-then-hang", times=1)
        accepting = asyncio.create_task(life.buyer(Accept))
        refunding = asyncio.create_task(withdrawal.seller(Refund))
        reducing = asyncio.create_task(complaint.seller(AcceptComplaint))
        proof: dict[str, Any] = {"proof_of_value": (PAPER,), "damage_record": (PAPER,)}
        filing = asyncio.create_task(claim.seller(FileClaim, amount=life.money(20000), **proof))
        await becomes(lambda: life.paid == [5000] and len(withdrawal.paid) == 1)
        await becomes(lambda: complaint.paid == [3000] and len(claims_at_carrier(claim)) == 1)
        world.worker.send(signal.SIGKILL)
        await world.worker.start()
        assert (await accepting).outcome == "accepted"
        ended = await asyncio.wait_for(life.ends(), timeout=REQUESTED_AGAIN_AFTER)
        assert ended.ending == "settled"
        assert life.paid == [5000]
        assert said
        nothing_lost(life, said)
        assert (await refunding).outcome == "accepted"
        await withdrawal.sees(lambda view: view.ending == "refunded")
        assert len(withdrawal.paid) == 1
        assert (await back.view()).ending == "returned"
        assert back.letters().count("goods_received") == 1
        assert (await reducing).outcome == (await filing).outcome == "accepted"
        await complaint.sees(lambda view: view.ending == "price-reduced")
        assert complaint.paid == [3000]
        view = await claim.sees(lambda view: view.stage == "with-carrier")
        assert view.carrier_claim
        assert claims_at_carrier(claim) == [view.carrier_claim.reference]


@pytest.mark.slow
async def test_cases_of_a_killed_worker_end_soon_after_it_is_back(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    policies = short_policies(tmp_path / "policies", {"dispute.buyer_reply": 300})
    address = server.client.service_client.config.target_host
    async with elsewhere(server, address, tmp_path, policies) as world:
        world.worker.settings["RECOURSE_MARKETPLACE_TIMEOUT_SECONDS"] = "12"
        await world.worker.start()
        lives = await asyncio.gather(*(world.dispute() for _ in range(20)))
        for life in lives:
            await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
            life.marketplace(refunds="pay-then-hang", times=1)
        accepting = [asyncio.create_task(life.buyer(Accept)) for life in lives]
        # Every one of them waits for an answer that its worker will not live to hear.
        await becomes(lambda: all(life.paid == [5000] for life in lives))
        world.worker.send(signal.SIGKILL)
        await world.worker.start()
        back = time.monotonic()
        await asyncio.wait_for(
            asyncio.gather(*(life.handle.result() for life in lives)), REQUESTED_AGAIN_AFTER
        )
        took = time.monotonic() - back
        logging.getLogger(__name__).info("The last of 20 ended %.1f s after the restart.", took)
        await asyncio.gather(*accepting)
        assert all(life.paid == [5000] for life in lives)


@pytest.mark.slow
async def test_temporal_killed_loses_no_acknowledged_command_and_time_goes_on(
    tmp_path: Path,
) -> None:
    port = free_port()
    # However long the server is away, those who talk are not late for each other.
    long = {"dispute.seller_reply": 300, "dispute.buyer_reply": 300}
    policies = short_policies(tmp_path / "policies", long, elsewhere_as_is=True)
    address = f"127.0.0.1:{port}"
    with temporal_program(tmp_path, port) as temporal:
        await temporal.start()
        client = await connected(address)
        await register_attributes(client)
        environment = WorkflowEnvironment.from_client(client)
        async with elsewhere(environment, address, tmp_path, policies) as world:
            await world.worker.start()
            silent = await world.dispute("SI")
            life = await world.dispute()
            kills = 0
            talking = asyncio.create_task(talk(life, lambda: kills == 2))
            for _ in range(2):
                await asyncio.sleep(0.7)
                temporal.send(signal.SIGKILL)
                await temporal.start()
                kills += 1
            said = await asyncio.wait_for(talking, timeout=60)
            assert said
            temporal.send(signal.SIGKILL)
            await asyncio.sleep(6)  # meanwhile the seller's window ends in the silent case
            await temporal.start()
            view = await silent.sees(lambda view: view.stage == "with-agent")
            assert [breach.window for breach in view.breaches] == ["seller_reply"]
            await life.seller(Offer, remedy=Remedy.FULL_REFUND)
            await life.buyer(Accept)
            assert (await asyncio.wait_for(life.ends(), timeout=90)).ending == "settled"
            assert life.paid == [25999]
            nothing_lost(life, said)
            assert world.worker.send(signal.SIGTERM) == 0


async def connected(address: str) -> Client:
    """A client, once the server answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await Client.connect(address, data_converter=data_converter())
            except RuntimeError:
                await asyncio.sleep(0.1)
