"""The worker as a program: does it start only when it can work, tell how it is, and end well?"""

import asyncio
import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import PollerBehaviorSimpleMaximum

from config import HERE, ConfigurationError, Settings
from demo.servers import postgresql
from domain.commands import AskForHelp, Remedy
from domain.letters import Outgoing
from domain.openings import OpenDispute
from domain.view import Closed
from health import late
from policies import HERE as POLICIES
from standin.serving import serve_mailbox
from tests.conftest import parts_on
from tests.life import BUYER
from tests.processes import free_port
from tests.test_durability import Elsewhere, becomes, elsewhere
from worker import ALL_OVER, run, working
from workflows.dispute.process import Dispute

NOBODY = "127.0.0.1:1"


@asynccontextmanager
async def somewhere(server: WorkflowEnvironment, folder: Path) -> AsyncIterator[Elsewhere]:
    """A worker not yet started, on the real development server."""
    address = server.client.service_client.config.target_host
    async with elsewhere(server, address, folder, POLICIES) as world:
        yield world


async def fails(world: Elsewhere, **settings: str) -> tuple[int, str]:
    """How the worker ends with these settings changed: its exit code, and what it says."""
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(HERE / "worker.py")],
        env={**os.environ, **world.worker.settings, **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ran.returncode, ran.stderr


def fails_here(world: Elsewhere, **settings: str) -> tuple[int, str]:
    """The same inside this process, which is quicker."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as environment, contextlib.redirect_stderr(said):
        for name, value in {**world.worker.settings, **settings}.items():
            environment.setenv(name, value)
        code = run()
    return code, said.getvalue()


async def test_a_worker_that_cannot_work_says_why_in_one_sentence(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "pl.toml").write_text("country = 3\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        in_use = f"127.0.0.1:{taken.getsockname()[1]}"
        cases = [
            (2, "RECOURSE_SMTP_HOST", {"RECOURSE_SMTP_HOST": ""}),
            (2, "RECOURSE_MARKETPLACE_URL", {"RECOURSE_MARKETPLACE_URL": "ftp://shop"}),
            (2, "RECOURSE_SMTP_PORT", {"RECOURSE_SMTP_PORT": "mail"}),
            (2, "database url", {"DATABASE_URL": "nonsense"}),
            (2, "RECOURSE_POLICIES", {"RECOURSE_POLICIES": str(tmp_path / "none")}),
            (2, "wrong/pl.toml", {"RECOURSE_POLICIES": str(wrong)}),
            (2, "RECOURSE_HEALTH_ADDRESS", {"RECOURSE_HEALTH_ADDRESS": in_use}),
            (2, "RECOURSE_METRICS_ADDRESS", {"RECOURSE_METRICS_ADDRESS": in_use}),
            (3, "mail server", {"RECOURSE_SMTP_PORT": "1"}),
            (3, "marketplace", {"RECOURSE_MARKETPLACE_URL": f"http://{NOBODY}"}),
            (3, "Temporal", {"TEMPORAL_ADDRESS": NOBODY}),
            (3, "database", {"DATABASE_URL": f"postgresql://a:secret@{NOBODY}/b"}),
        ]
        async with somewhere(server, tmp_path) as world:
            programs = {"RECOURSE_SMTP_HOST", "RECOURSE_HEALTH_ADDRESS", "Temporal"}
            for code, named, settings in cases:
                if named in programs:
                    ended, said = await fails(world, **settings)
                else:
                    ended, said = await asyncio.to_thread(fails_here, world, **settings)
                assert ended == code, (settings, said)
                assert said.startswith("worker: "), said
                assert named in said
                assert said.count("\n") == 1, said
                assert "secret" not in said


async def not_yet_open(world: Elsewhere) -> WorkflowHandle[Dispute, Closed]:
    """A dispute that has been started; nobody waits until its order was asked for."""
    opening = OpenDispute(
        country="PL",
        order_id=world.order(),
        opened_by=BUYER,
        text="The lamp does not light.",
        reason="defect",
        wanted=Remedy.FULL_REFUND,
    )
    return await world.client.start_workflow(
        Dispute.run, opening, id=opening.case_id, task_queue=world.settings.task_queue
    )


def told(address: str) -> tuple[int, dict[str, Any]]:
    """The status and the body of an answer of `GET /health`."""
    answer = requests.get(address, timeout=10)
    return answer.status_code, answer.json()


async def test_health_and_metrics_tell_how_the_worker_is(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with somewhere(server, tmp_path) as world:
        with postgresql(tmp_path) as url:
            world.worker.settings["DATABASE_URL"] = url
            await world.worker.start()
            health = f"http://{world.worker.settings['RECOURSE_HEALTH_ADDRESS']}/health"
            metrics = f"http://{world.worker.settings['RECOURSE_METRICS_ADDRESS']}/metrics"
            none = {"waiting_since": None, "undelivered": 0}
            well = {"status": "ok", "failing": [], "degraded": [], "letters": none}
            assert await asyncio.to_thread(told, health) == (200, well)
            counted = await asyncio.to_thread(requests.get, metrics, timeout=10)
            assert "temporal_worker_start" in counted.text
        code, ill = await asyncio.to_thread(told, health)
        assert (code, ill["status"], ill["failing"]) == (503, "failing", ["database"])
        assert ill["letters"] is None
        assert await asyncio.to_thread(world.worker.send, signal.SIGTERM) == 0


async def test_health_tells_which_foreign_server_fails_and_when_it_is_well_again(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with somewhere(server, tmp_path) as world:
        port = free_port()
        with serve_mailbox(tmp_path / "other", port=port):
            world.worker.settings["RECOURSE_SMTP_PORT"] = str(port)
            await world.worker.start()
        health = f"http://{world.worker.settings['RECOURSE_HEALTH_ADDRESS']}/health"
        world.behaves(orders="fail")
        # A few at once: health needs three failures, and the intervals grow.
        opened = [await not_yet_open(world) for _ in range(4)]
        await becomes(lambda: told(health)[1]["degraded"] == ["marketplace"])
        world.behaves()
        await becomes(lambda: told(health)[1]["degraded"] == ["mail"])
        code, ill = told(health)
        assert (code, ill["status"], ill["failing"]) == (200, "degraded", [])
        assert ill["letters"]["waiting_since"]
        with serve_mailbox(tmp_path / "other", port=port):
            await becomes(lambda: told(health)[1]["status"] == "ok", seconds=60)
            await becomes(lambda: told(health)[1]["letters"]["waiting_since"] is None, seconds=60)
        for each in opened:
            await each.terminate()


async def test_a_worker_told_to_stop_lets_its_letters_go_out_first(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with somewhere(server, tmp_path) as world:
        await world.worker.start()
        life = await world.dispute()
        assert await asyncio.to_thread(world.worker.send, signal.SIGTERM) == 0
        letters = life.letters_whole()
        assert all(letter.sent_at for letter in letters)
        assert "Draining" in world.worker.log.read_text()
        assert "Traceback" not in world.worker.log.read_text()
        await life.handle.terminate()


def orders_asked(world: Elsewhere) -> int:
    """How often the marketplace was asked for an order."""
    ledger = requests.get(f"{world.marketplace}/standin/ledger", timeout=5).json()
    return int(ledger["requests"]["orders"])


class Dripping(asyncio.Protocol):
    """Greets with a byte every two seconds, without an end."""

    def __init__(self, calls: list[asyncio.Transport]) -> None:
        self._calls = calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._calls.append(transport)
        self._drip(transport)

    def _drip(self, transport: asyncio.Transport) -> None:
        if not transport.is_closing():
            transport.write(b"2")
            asyncio.get_running_loop().call_later(2, self._drip, transport)


@asynccontextmanager
async def dripping() -> AsyncIterator[int]:
    """A server on this port that drips."""
    calls: list[asyncio.Transport] = []
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Dripping(calls), "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for call in calls:
            call.abort()
        await asyncio.sleep(0)


def test_does_a_letter_that_waits_long_tell_that_mail_does_not_leave() -> None:
    now = datetime.now(UTC)

    def waiting(minutes: int) -> Outgoing:
        return Outgoing(waiting_since=now - timedelta(minutes=minutes), undelivered=0)

    assert not late(Outgoing(waiting_since=None, undelivered=3), now)
    assert not late(waiting(14), now)
    assert late(waiting(16), now)


THREADS = 8
"""For each server, in the worker that meets servers that drip."""


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("cached_cases", "many", "must be a whole number, not 'many'"),
        ("cached_cases", "0", "must be at least 10, not '0'"),
        ("steps_at_once", "1", "must be at least 2, not '1'"),
        ("pollers", "1", "must be at least 2, not '1'"),
        ("pollers", "101", "must be at most 100, not '101'"),
        ("activity_threads", "0", "must be at least 1, not '0'"),
        ("activity_threads", "2000", "must be at most 200, not '2000'"),
    ],
)
def test_is_a_size_of_the_worker_that_cannot_be_refused_in_one_sentence(
    name: str, given: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"RECOURSE_{name.upper()}", given)
    with pytest.raises(ConfigurationError) as raised:
        Settings.read()
    assert str(raised.value) == f"Set RECOURSE_{name.upper()} rightly: it {says}."


async def test_is_a_worker_as_large_as_its_settings_say(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    sizes = {"cached_cases": 33, "steps_at_once": 34, "pollers": 7, "activity_threads": 3}
    async with (
        parts_on(server, tmp_path) as world,
        working(server.client, world.settings.model_copy(update=sizes), world.engine) as running,
    ):
        config = running.worker.config()
        assert config["max_cached_workflows"] == 33
        assert config["max_concurrent_workflow_tasks"] == 34
        assert config["workflow_task_poller_behavior"] == PollerBehaviorSimpleMaximum(7)
        assert config["activity_task_poller_behavior"] == PollerBehaviorSimpleMaximum(7)
        threads = config["activity_executor"]
        assert isinstance(threads, ThreadPoolExecutor)
        assert threads._max_workers == 3


@pytest.mark.slow
async def test_servers_that_drip_hold_up_nothing_of_our_own_nor_the_end(
    server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with somewhere(server, tmp_path) as world, dripping() as port:
        world.worker.settings["RECOURSE_SMTP_PORT"] = str(port)
        world.worker.settings["RECOURSE_MARKETPLACE_TIMEOUT_SECONDS"] = "12"
        world.worker.settings["RECOURSE_ACTIVITY_THREADS"] = str(THREADS)
        await world.worker.start()
        # Each of them has letters that take a thread, of which there are not so many.
        lives = await asyncio.gather(*(world.dispute() for _ in range(THREADS + 5)))
        world.behaves(orders="drip", breaches="drip")
        opening = [await not_yet_open(world) for _ in range(THREADS + 5)]
        await becomes(lambda: orders_asked(world) >= 2 * THREADS)
        began = time.monotonic()
        await lives[0].buyer(AskForHelp)
        await lives[0].seller(AskForHelp)
        await lives[0].sees(lambda view: view.stage == "with-agent")
        assert await lives[0].tasks()
        assert time.monotonic() - began < 10
        began = time.monotonic()
        assert await asyncio.to_thread(world.worker.send, signal.SIGTERM) == 0
        assert time.monotonic() - began < ALL_OVER.total_seconds() + 3
        for life in lives:
            await life.handle.terminate()
        for each in opening:
            await each.terminate()
