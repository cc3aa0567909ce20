"""A run of chaos, from the first opening to the last proof."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domain.kinds import Kind
from store.engine import connect as connect_store
from tests.chaos import proof
from tests.chaos.parts import Site
from tests.chaos.parts import site as everything
from tests.chaos.people import Life, Record, look_around, opening, orders, show
from tests.life import CURRENCY

LOOKERS = 2


@dataclass(frozen=True)
class Plan:
    """How much of it: so many lives, disturbed so often within so many seconds."""

    lives: int
    kills: int
    seconds: float
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What came of a run: what does not hold, and what was done."""

    findings: list[str]
    figures: dict[str, int]


async def play(plan: Plan, folder: Path, says: Callable[[str], None] = print) -> Outcome:
    """Play, let everything come to rest, and hold it to what must hold."""
    chance = random.Random(plan.seed)
    every = tuple(Kind)
    kinds = [every[n % len(every)] for n in range(plan.lives)]
    countries = [chance.choice(("PL", "PL", *CURRENCY)) for _ in kinds]
    record = Record()
    began = time.monotonic()

    def tell(what: str) -> None:
        says(f"{time.monotonic() - began:4.0f} s: {what}")

    async with everything(folder, orders(kinds, countries, datetime.now(UTC))) as site:
        lives = [
            Life(
                site,
                record,
                opening(kind, country, f"{country}-{number}", chance),
                random.Random(f"{plan.seed}:{number}"),
            )
            for number, (kind, country) in enumerate(zip(kinds, countries, strict=True), 1)
        ]
        async with asyncio.TaskGroup() as beside:
            supervisor = beside.create_task(site.supervise())
            await disturbed(plan, site, record, lives, chance)
            tell("nobody says anything more")
            cases = await proof.come_to_rest(site, record, lives)
            tell(f"{cases} cases at rest")
            engine = await asyncio.to_thread(connect_store, site.database_url)
            await proof.every_case_waits(site, record, engine)
            await proof.dead(site, record)
            await proof.close_all(site, record)
            tell("all closed")
            supervisor.cancel()
        await proof.dead(site, record)
        views = [view async for view in proof.all_views(site, record)]
        kept = await proof.histories(site)
        await proof.replays(kept, record, folder)
        proof.texts_are_archived(record, engine, kept)
        doubled = await proof.letters_were_sent(site, record, engine, kept)
        proof.money_agrees(site, record, engine, views)
        proof.no_task_is_left(record, engine)
        await proof.steps_are_recorded(site, record, engine)
        engine.dispose()
        tell("proved")
        figures = {
            "cases": len(kept),
            "events": sum(len(history.events) for history in kept),
            "mails": len(list(site.mailbox.folder.glob("*.eml"))),
            "doubled mails": doubled,
            **record.done,
            **site.disturbances,
            **{f"{name} ended by itself": n for name, n in site.ended_by_themselves.items()},
        }
    return Outcome(list(record.findings), figures)


async def disturbed(
    plan: Plan, site: Site, record: Record, lives: list[Life], chance: random.Random
) -> None:
    """Everybody acts and looks while parts are killed and frozen; until nobody acts any more."""
    over = asyncio.Event()
    starts = sorted(chance.uniform(0, plan.seconds * 0.7) for _ in lives)

    async def live(life: Life, start: float) -> None:
        await asyncio.sleep(start)
        await life.play(over)

    async def disturb() -> None:
        enough = time.monotonic() + plan.seconds
        kills = random.Random(f"{plan.seed}:kill")
        await site.disturb(kills, plan.kills, plan.seconds, record.answered)
        await asyncio.sleep(enough - time.monotonic())
        site.calm_since = time.monotonic()
        over.set()

    async with asyncio.TaskGroup() as beside:
        onlookers = [
            beside.create_task(look_around(site, record, random.Random(f"{plan.seed}:look:{n}")))
            for n in range(LOOKERS)
        ]
        onlookers.append(beside.create_task(show(site, record, random.Random(f"{plan.seed}:show"))))
        async with asyncio.TaskGroup() as acting:
            acting.create_task(disturb())
            for life, start in zip(lives, starts, strict=True):
                acting.create_task(live(life, start))
        for onlooker in onlookers:
            onlooker.cancel()
