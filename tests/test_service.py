"""Can a server serve everybody at once with it?"""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from activities.marketplace import Marketplace
from config import HERE
from domain.kinds import Kind
from domain.money import Money
from domain.orders import Line
from domain.parties import Actor, Party
from domain.ports import Payout, PayoutKind
from domain.view import Recalculate, Recalculated
from service import (
    asking,
    exporting,
    foreseeing,
    listing,
    looking,
    mending,
    opening,
    orders,
    payouts,
    recalculating,
    records,
    searching,
    sending,
    showing,
    standing,
)
from service.failures import RefusedError, SilentError
from store.engine import connect
from store.standings import Filters
from tests.life import World

NOBODY = "nobody"

PAYOUT = Payout(
    key="p-1",
    kind=PayoutKind.CHARGEBACK,
    order_id="PL-1",
    amount=Money(amount_minor=100, currency="PLN"),
    units=(Line(sku="A", quantity=1),),
    sold=(Line(sku="A", quantity=1),),
    paid=Money(amount_minor=100, currency="PLN"),
)

HANDED = {"client", "engine", "marketplace"}


async def test_is_everything_asked_side_by_side_on_one_loop_without_stopping_it(
    real_world: World,
) -> None:
    client, engine = real_world.client, real_world.engine
    life, now = await real_world.dispute(), datetime.now(UTC)
    case, order = life.handle.id, life.order_id
    await opening.registered(client, engine, case)
    only = Filters(kind=Kind.DISPUTE, seller=NOBODY)
    with closing(Marketplace(real_world.marketplace, "")) as marketplace:
        asked: list[Callable[[], Awaitable[Any]]] = [
            lambda: standing.standing(client, engine, case),
            lambda: standing.settled(client, engine, case),
            lambda: sending.where_goods_are(engine, case),
            lambda: asking.ask(client, case),
            lambda: asking.ask_for_all(client, case),
            lambda: asking.ask_for_the_whole(client, case),
            lambda: looking.look_through(client, engine, case),
            lambda: showing.read_case(client, engine, case),
            lambda: searching.search(engine, "lamp", case_id=case),
            lambda: foreseeing.foresee_case(client, engine, case, now),
            lambda: mending.mend(client, engine, case, "to see", only_look=True),
            lambda: exporting.read_case(client, engine, case),
            lambda: listing.page(engine, only, 5),
            lambda: listing.count(engine, only),
            lambda: listing.only_stuck(client, only),
            lambda: opening.registered(client, engine, case),
            lambda: orders.ask_order(marketplace, order),
            lambda: orders.countries_of(engine, order),
            lambda: orders.past_of(engine, order),
            lambda: records.tasks(engine, owner=NOBODY),
            lambda: records.headline(engine, kind=Kind.INQUIRY),
            lambda: records.recoveries(engine, NOBODY),
            lambda: records.inactive_buyers(engine, NOBODY),
            lambda: records.costs(engine, NOBODY),
        ]
        on_loop, here = list[str](), threading.get_ident()

        def watch(*given: Any) -> None:
            if threading.get_ident() == here:
                on_loop.append(given[2])

        event.listen(engine, "before_cursor_execute", watch)
        try:
            rounds = await asyncio.gather(
                *(asyncio.gather(*(ask() for ask in asked)) for _ in range(2))
            )
        finally:
            event.remove(engine, "before_cursor_execute", watch)
    assert on_loop == []  # the database is waited for in threads
    for answers in zip(*rounds, strict=True):
        assert len({type(answer) for answer in answers}) == 1


async def test_does_what_went_wrong_with_one_case_stand_beside_the_answers_of_others(
    real_world: World,
) -> None:
    life, none = await real_world.dispute(), "dispute:PL:none:1"
    by = Actor(party=Party.PLATFORM, id="platform")
    wanted = {
        case: Recalculate(command_id=f"anew-{n}", by=by, reason="other rules")
        for n, case in enumerate((none, life.handle.id))
    }
    done = await recalculating.recalculate(real_world.client, wanted)
    refused, taken = done.values()
    assert isinstance(refused, RefusedError)
    assert refused.code == "case-unknown"
    assert isinstance(taken, Recalculated)


async def test_is_a_database_that_cannot_be_asked_said_to_be_silent(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'without-tables.db'}")
    by_hand = datetime.now(UTC)
    asked = (
        records.tasks(engine),
        records.headline(engine),
        records.recoveries(engine, NOBODY),
        records.inactive_buyers(engine, NOBODY),
        records.costs(engine, NOBODY),
        searching.search(engine, "lamp"),
        orders.countries_of(engine, "PL-1"),
        orders.past_of(engine, "PL-1"),
        payouts.record_payout(engine, PAYOUT, by_hand),
    )
    for each in asked:
        with pytest.raises(SilentError, match=r"^The database .*; "):
            await each
    engine.dispose()


def test_is_whatever_reaches_temporal_or_the_database_handed_in_and_awaited() -> None:
    found = 0
    for file in sorted((HERE / "service").glob("[a-z]*.py")):
        module = __import__(f"service.{file.stem}", fromlist=[file.stem])
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ != module.__name__:
                continue
            handed = {"client", "engine", "marketplace"} & set(
                inspect.signature(function).parameters
            )
            found += bool(handed)
            if handed and not inspect.iscoroutinefunction(function):
                assert (module.__name__, name) in WITHOUT_WAITING
    assert found > 20


WITHOUT_WAITING = {("service.reaching", "case")}
"""What asks nobody: a handle of a case."""
