"""The worker: the only place where ports, store and processes are wired together.

`python worker.py` runs until SIGTERM or Ctrl-C, then lets its running activities end.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Interceptor, PollerBehaviorSimpleMaximum, Worker

from activities.carrier_claims import CarrierClaims
from activities.cases import Cases
from activities.foreign import Attendance, Server
from activities.mailing import Courier, Mailer, Sender
from activities.marketplace import Marketplace, SellerConduct
from activities.notices import Notices
from activities.posting import Poster, Reach
from activities.redeliveries import Redeliveries
from activities.refunds import Refunds
from activities.seller_reports import SellerReports
from activities.shipments import Shipments
from activities.step_records import StepRecords
from activities.tasks import Tasks
from activities.webhooks import Webhooks
from config import (
    HERE,
    ConfigurationError,
    Settings,
    UnreachableError,
    connect,
    is_development_server,
    listen,
    missing_attributes,
    register_attributes,
)
from gate import workflow_runner
from health import MAIL, HealthServer, Parts
from policies import PolicyError, check, countries, ways_outside
from store.archive import Archive
from store.breaches import Breaches
from store.cases import CaseRegister
from store.engine import connect as connect_store
from store.engine import migrate
from store.errors import StoreError, UnusableURLError
from store.recoveries import Recoveries
from store.refunds import RefundLedger
from store.seller_reports import SellerReportBook
from store.step_records import StepBook
from store.tasks import TaskQueue
from store.webhooks import WebhookBook
from workflows.command_job.process import CommandJobRun
from workflows.processes import PROCESSES
from workflows.webhooks.endpoint import WebhookEndpoint, attend

DRAIN = timedelta(seconds=15)
"""How long running activities may end after SIGTERM; then what waits for a server is cut off."""

ALL_OVER = timedelta(seconds=20)
"""How long after SIGTERM the worker ends, whatever still runs."""

LONGEST_SILENCE = timedelta(seconds=3)
"""How often a sign of life of what takes long is passed on, at least."""

DEAD_AFTER = timedelta(seconds=5)
"""How long a step waits for the worker that knows its case, before any other one takes it."""

EVERY_PROCESS = tuple(PROCESSES.values())


class Working(NamedTuple):
    """A worker that runs, and the foreign servers that it talks to."""

    worker: Worker
    marketplace: Marketplace
    mail_server: Server


@asynccontextmanager
async def working(
    client: Client,
    settings: Settings,
    engine: Engine,
    processes: Sequence[type] = EVERY_PROCESS,
    interceptors: Sequence[Interceptor] = (),
    *,
    courier: Courier | None = None,
) -> AsyncIterator[Working]:
    """A worker that runs until the block ends, and then drains.

    `courier` takes letters to their readers instead of the mail server of the settings.
    """
    cases = CaseRegister(engine)
    marketplace = Marketplace(
        settings.marketplace_url,
        settings.marketplace_token.get_secret_value(),
        read_timeout=settings.marketplace_timeout_seconds,
    )
    mailer = Mailer(
        settings.smtp_host,
        settings.smtp_port,
        Sender(settings.mail_name, settings.mail_from, settings.mail_domain),
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        starttls=settings.smtp_starttls,
    )
    # Letters do not wait long for it: without an answer they leave to where the case knows.
    addresses = Marketplace(
        settings.marketplace_url,
        settings.marketplace_token.get_secret_value(),
        connect_timeout=1,
        read_timeout=min(2, settings.marketplace_timeout_seconds),
    )
    archive = Archive(engine)
    letters = HERE / "templates"
    notices = Notices(
        cases,
        archive,
        courier or mailer,
        letters,
        look=settings.look,
        links=settings.links,
        addresses=addresses,
        redress=ways_outside(settings.policies),
    )
    ledger = RefundLedger(engine)
    registering = Cases(cases, marketplace, settings.policies)
    refunds = Refunds(marketplace, ledger)
    shipments = Shipments(marketplace)
    redeliveries = Redeliveries(marketplace)
    reports = SellerReports(SellerReportBook(engine))
    claims = CarrierClaims(marketplace, Recoveries(engine))
    conduct = SellerConduct(marketplace, Breaches(engine))
    talking_to_marketplace: list[Callable[..., Any]] = [
        registering.register,
        registering.register_beside,
        conduct.report_breach,
        refunds.request,
        refunds.confirm,
        shipments.stop,
        shipments.label,
        redeliveries.request,
        redeliveries.void,
        claims.file,
        claims.book,
    ]
    talking_to_mail_server: list[Callable[..., Any]] = [notices.send]
    threads, polling = settings.activity_threads, PollerBehaviorSimpleMaximum(settings.pollers)
    with (
        contextlib.closing(marketplace),
        contextlib.closing(addresses),
        contextlib.closing(mailer),
        # For our own database, and as many that wait for each foreign server. Each holds at most
        # one database connection, and none while it waits.
        ThreadPoolExecutor(threads, "own") as own,
        ThreadPoolExecutor(threads, "marketplace") as at_marketplace,
        ThreadPoolExecutor(threads, "mail") as at_mail_server,
    ):
        attendance = Attendance()
        attendance.talks(
            Server("marketplace", at_marketplace, asyncio.Semaphore(threads)),
            talking_to_marketplace,
        )
        mail_server = Server("mail server", at_mail_server, asyncio.Semaphore(threads))
        attendance.talks(mail_server, talking_to_mail_server)
        async with Worker(
            client,
            task_queue=settings.task_queue,
            workflows=[*processes, CommandJobRun, WebhookEndpoint],
            activities=[
                *talking_to_marketplace,
                *talking_to_mail_server,
                registering.pin,
                registering.close,
                notices.archive,
                refunds.refunded_units,
                reports.keep_cost,
                reports.keep_non_collection,
                Tasks(TaskQueue(engine)).record,
                StepRecords(StepBook(engine)).record,
                Webhooks(WebhookBook(engine), Poster(Reach(settings.inside))).deliver,
            ],
            activity_executor=own,
            workflow_runner=workflow_runner(),
            max_cached_workflows=settings.cached_cases,
            max_concurrent_workflow_tasks=settings.steps_at_once,
            workflow_task_poller_behavior=polling,
            activity_task_poller_behavior=polling,
            graceful_shutdown_timeout=DRAIN,
            max_heartbeat_throttle_interval=LONGEST_SILENCE,
            sticky_queue_schedule_to_start_timeout=DEAD_AFTER,
            interceptors=[attendance, *interceptors],
        ) as worker:
            try:
                yield Working(worker, marketplace, mail_server)
            finally:
                loop = asyncio.get_running_loop()
                cutting = loop.call_later(DRAIN.total_seconds(), marketplace.cut_off)
        cutting.cancel()


def check_reachable(what: str, host: str, port: int) -> None:
    """Raise UnreachableError, naming `what`, if nothing listens there."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise UnreachableError(
            f"No {what} answers at {host}:{port} ({error.strerror or error}); check its address."
        ) from None


def check_policies(folder: Path) -> None:
    """Raise ConfigurationError for a policy file that no case could be opened under."""
    try:
        if not countries(folder):
            raise ConfigurationError(f"RECOURSE_POLICIES has no policy file: {folder}.")
        check(folder)
    except PolicyError as error:
        raise ConfigurationError(f"Mend the policy: {error}") from None


async def prepare(settings: Settings) -> tuple[Client, Engine]:
    """Check everything that a worker needs, before it takes its first task."""
    settings.for_worker()
    check_policies(settings.policies)
    marketplace = urlsplit(settings.marketplace_url)
    if marketplace.scheme not in ("http", "https") or not marketplace.hostname:
        raise ConfigurationError("Set RECOURSE_MARKETPLACE_URL to an http or https address.")
    port = marketplace.port or (443 if marketplace.scheme == "https" else 80)
    await asyncio.to_thread(check_reachable, "marketplace", marketplace.hostname, port)
    await asyncio.to_thread(check_reachable, "mail server", settings.smtp_host, settings.smtp_port)
    engine = await asyncio.to_thread(connect_store, settings.database_url)
    await asyncio.to_thread(migrate, engine)
    listen("RECOURSE_METRICS_ADDRESS", settings.metrics_address).close()
    runtime = Runtime(
        telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=settings.metrics_address))
    )
    client = await connect(runtime=runtime)
    if missing := await missing_attributes(client):
        if not await is_development_server(client):
            raise ConfigurationError(
                f"The namespace {client.namespace} lacks the search attributes "
                f"{', '.join(missing)}; run `python starter.py register-attributes` once."
            )
        await register_attributes(client)
    return client, engine


def parts(client: Client, engine: Engine, running: Working) -> Parts:
    """What health looks at."""

    archive = Archive(engine)
    return Parts(
        client,
        running.worker,
        lambda: archive.outgoing(datetime.now(UTC)),
        {
            "marketplace": lambda: running.marketplace.failing,
            MAIL: lambda: running.mail_server.pulse.failing,
        },
    )


def end_by_force_after(span: timedelta) -> None:
    """End the program if it still runs then, as a crash would: nothing of it is lost or half done.

    What was under way is tried again by another worker, or by this one when it is back.
    """

    def end() -> None:
        print("Ended with work under way, which will be tried again.", flush=True)
        os._exit(0)

    watch = threading.Timer(span.total_seconds(), end)
    watch.daemon = True
    watch.start()


async def main() -> None:
    """Run a worker with the settings of the environment until it is told to stop."""
    settings = Settings.read()
    client, engine = await prepare(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    bound = listen("RECOURSE_HEALTH_ADDRESS", settings.health_address)
    for endpoint in await asyncio.to_thread(WebhookBook(engine).endpoints):
        await attend(client, endpoint.id, settings.task_queue)  # Temporal may have lost them
    async with working(client, settings, engine) as running:
        server = HealthServer(parts(client, engine, running))
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        print(f"Recourse works on {client.namespace}/{settings.task_queue}.", flush=True)
        await stop.wait()
        print("Draining: no new tasks are taken.", flush=True)
        end_by_force_after(ALL_OVER)
        server.should_exit = True
        await serving
    engine.dispose()


def run() -> int:
    """Run the worker; its exit code, after one sentence on stderr if it could not work."""
    try:
        asyncio.run(main())
    except (ConfigurationError, UnusableURLError) as wrong:
        print(f"worker: {wrong}", file=sys.stderr)
        return 2
    except (UnreachableError, StoreError) as missing:
        print(f"worker: {missing}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(run())
