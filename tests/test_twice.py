"""What if every activity runs twice? A worker that dies before it reports makes it so."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import MetaData, select
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.stages import Stage
from tests.conftest import world_on
from tests.life import World
from tests.record_histories import (
    cancellation_stopped,
    carrier_claim_recovered,
    dispute_appealed,
    dispute_decided,
    dispute_fulfilled,
    dispute_settled,
    inquiry_breached,
    non_delivery_claimed,
    uncollected_overdue,
    uncollected_sent_again,
    uncollected_withdrawn,
    withdrawal_unsent,
)
from tests.skipping import skipping_server

OF_THEIR_TIME = {
    "at", "opened_at", "closed_at", "created_at", "sent_at", "due", "requested_at", "reported_at",
    "registration", "text", "html", "number", "run", "step", "moved_at", "safe", "facts", "lists",
    "rank", "changed",
}  # fmt: skip
"""Columns that may differ from one life to the next, for each is lived at another time, and how
many steps are written down together is chance."""

BY_STEPS = {"feed", "public_events"}
"""Tables that say what each step has changed, so that it is chance what is in them: keys hold that
nothing is in them twice.
"""

LIVES = (
    dispute_settled,
    dispute_decided,
    dispute_appealed,
    dispute_fulfilled,
    inquiry_breached,
    cancellation_stopped,
    withdrawal_unsent,
    uncollected_withdrawn,
    uncollected_sent_again,
    uncollected_overdue,
    carrier_claim_recovered,
    non_delivery_claimed,
)


class Twice(Interceptor):
    """Runs every activity a second time after it succeeded; only the second answer is told."""

    def __init__(self) -> None:
        self.doubled: Counter[str] = Counter()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Doubles what comes in."""
        return _Doubling(next, self.doubled)


class _Doubling(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, doubled: Counter[str]) -> None:
        super().__init__(next)
        self._doubled = doubled

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        await self.next.execute_activity(input)
        self._doubled[activity.info().activity_type] += 1
        return await self.next.execute_activity(input)


def left_behind(world: World) -> dict[str, list[tuple[str, ...]]]:
    """Every row of every table but for its times."""
    tables = MetaData()
    tables.reflect(world.engine)
    with world.engine.connect() as connection:
        return {
            name: sorted(
                tuple(str(value) for key, value in row.items() if key not in OF_THEIR_TIME)
                for row in connection.execute(select(table)).mappings()
            )
            for name, table in tables.tables.items()
            if name not in BY_STEPS
        }


async def lived(
    folder: Path, *interceptors: Interceptor
) -> tuple[dict[str, list[tuple[str, ...]]], list[str], dict[str, list[dict[str, Any]]]]:
    """What the lives leave behind: rows, mails, and what the marketplace has done."""
    # A server each: both lives begin now, and their weeks have the same weekends.
    async with (
        skipping_server() as environment,
        world_on(environment, folder, interceptors=interceptors) as world,
    ):
        for play in LIVES:
            life = await play(world)
            await life.sees(lambda view: view.stage is Stage.CLOSED)
            with environment.auto_time_skipping_disabled():
                await life.handle.result()
        answer = await asyncio.to_thread(
            requests.get, f"{world.marketplace}/standin/ledger", timeout=5
        )
        ledger = answer.json()
        del ledger["requests"]  # how often it was asked
        done = {
            what: [{key: one[key] for key in one if key not in OF_THEIR_TIME} for one in entries]
            for what, entries in ledger.items()
        }
        return (
            left_behind(world),
            sorted(str(mail["Message-ID"]) for mail in world.mailbox.messages()),
            {what: sorted(entries, key=str) for what, entries in done.items()},
        )


async def test_every_activity_run_twice_changes_nothing(tmp_path: Path) -> None:
    twice = Twice()
    for name in ("once", "twice"):
        (tmp_path / name).mkdir()
    once_left = await lived(tmp_path / "once")
    twice_left = await lived(tmp_path / "twice", twice)
    for once, doubled in zip(once_left, twice_left, strict=True):
        assert doubled == once
        assert once
    assert {entry["given_back"] for entry in once_left[2]["redeliveries"]} == {True, False}
    assert set(twice.doubled) == {
        "register_case", "record_step", "send", "report_breach", "request_refund",
        "stop_dispatch", "order_label", "keep_cost", "keep_non_collection", "request_redelivery",
        "void_redelivery", "refunded_units", "file_carrier_claim", "book_recovery",
        "register_beside",
    }  # fmt: skip
