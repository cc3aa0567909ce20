"""Does a store that has lost records get them back from the histories?"""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import delete, text
from sqlmodel import Session, col

from domain.commands import Offer, Remedy, Say, Withdraw
from service.rebuilding import rebuild, records_of
from store.archive import Archive
from store.cases import CaseRegister
from store.standings import Filters, Standings
from store.step_records import StepBook
from store.tables import EventRow, StandingRow, TaskRow
from store.tasks import TaskQueue
from tests.life import Life, World
from tests.recorded import differences

Loss = Callable[[Session, str], None]


def all_of_it(session: Session, case_id: str) -> None:
    """Everything that records leave but the texts, which the database keeps anybody from losing."""
    for table in (StandingRow, EventRow, TaskRow):
        session.execute(delete(table).where(col(table.case_id) == case_id))


def what_happened(session: Session, case_id: str) -> None:
    """The events."""
    session.execute(delete(EventRow).where(col(EventRow.case_id) == case_id))


def a_step(session: Session, case_id: str) -> None:
    """The last one, as in a store that was brought back from a copy of before."""
    row = session.get_one(StandingRow, case_id)
    row.step -= 1
    row.facts = {**row.facts, "stage": "awaiting-seller"}
    session.add(row)


async def with_agents(world: World) -> Life:
    """A dispute that agents have a task about."""
    life = await world.dispute()
    await life.buyer(Say, text="It is dark.")
    await life.passes(days=8)  # the seller says nothing
    await life.sees(lambda view: view.task)
    await life.tasks()
    return life


async def test_nothing_is_lacking_of_a_case_whose_store_was_not_touched(real_world: World) -> None:
    life = await real_world.dispute()
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    told = await rebuild(real_world.client, real_world.engine, life.handle.id, only_look=True)
    assert not told.lacked
    assert told.records >= 2


@pytest.mark.parametrize("loses", [all_of_it, what_happened, a_step])
async def test_what_was_lost_comes_back(world: World, loses: Loss) -> None:
    life = await with_agents(world)
    case_id, book = life.handle.id, StepBook(world.engine)
    before, tasks = book.so_far(case_id), TaskQueue(world.engine).waiting()
    with Session(world.engine) as session:
        loses(session, case_id)
        session.commit()
    look = await rebuild(world.client, world.engine, case_id, only_look=True)
    assert look.lacked
    assert book.so_far(case_id) != before
    assert (await rebuild(world.client, world.engine, case_id, only_look=False)).lacked
    assert book.so_far(case_id) == before
    assert [task for task in TaskQueue(world.engine).waiting() if task.case_id == case_id] == [
        task for task in tasks if task.case_id == case_id
    ]
    assert not (await rebuild(world.client, world.engine, case_id, only_look=True)).lacked
    await life.buyer(Say, text="Still no.")  # and the case goes on from there
    assert not differences(await life.view(), Standings(world.engine).view(case_id))
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"


@pytest.mark.parametrize("loses", [all_of_it, a_step])
async def test_a_case_that_goes_on_brings_back_what_was_lost_by_itself(
    world: World, loses: Loss
) -> None:
    life = await with_agents(world)
    case_id = life.handle.id
    with Session(world.engine) as session:
        loses(session, case_id)
        session.commit()
    await life.buyer(Say, text="Is anybody there?")
    assert not differences(await life.view(), Standings(world.engine).view(case_id))
    assert [task.id for task in TaskQueue(world.engine).waiting() if task.case_id == case_id]
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"


async def test_a_case_that_is_not_opened_is_recorded_as_such_and_once(world: World) -> None:
    life = await world.dispute(order_id="PL-of-nobody")
    assert (await life.handle.result()).ending == "not-opened"
    recorded = Standings(world.engine).view(life.handle.id)
    assert recorded
    assert recorded.refusal
    assert (recorded.stage, recorded.refusal.code) == ("closed", "order-unknown")
    history = await life.handle.fetch_history()
    assert len(list(records_of(history.events))) == 1


async def test_a_case_that_ops_ended_by_force_is_closed_in_the_store_with_its_task(
    world: World,
) -> None:
    life = await with_agents(world)
    case_id, engine, client = life.handle.id, world.engine, world.client
    assert [task for task in TaskQueue(engine).waiting() if task.case_id == case_id]
    of_order = Filters(order=life.order_id)
    assert Standings(engine).count(of_order) == 1
    await life.handle.terminate("by mistake")
    assert (await rebuild(client, engine, case_id, only_look=True)).lacked
    assert (await rebuild(client, engine, case_id, only_look=False)).lacked
    assert not (await rebuild(client, engine, case_id, only_look=True)).lacked
    assert Standings(engine).count(of_order) == 0
    view = Standings(engine).view(case_id)
    assert view
    assert (view.stage, view.awaited, view.due, view.ending) == ("closed", None, None, None)
    assert view.timeline[-1].what == "ended by force"
    assert not [task for task in TaskQueue(engine).waiting() if task.case_id == case_id]
    assert CaseRegister(engine).is_closed(case_id)


async def test_a_case_from_before_there_were_records_is_recorded_as_it_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.cases.EDITION", 4)
    life = await world.dispute()
    case_id, standings = life.handle.id, Standings(world.engine)
    assert standings.view(case_id) is None
    told = await rebuild(world.client, world.engine, case_id, only_look=False)
    assert (told.records, told.lacked) == (0, True)
    assert not differences(await life.view(), standings.view(case_id))
    assert not (await rebuild(world.client, world.engine, case_id, only_look=True)).lacked
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    assert (await rebuild(world.client, world.engine, case_id, only_look=False)).lacked
    assert not differences(await life.view(), standings.view(case_id))
    await life.buyer(Withdraw)
    assert (await life.ends()).ending == "withdrawn"
    await rebuild(world.client, world.engine, case_id, only_look=False)
    row, _ = standings.page(Filters(order=life.order_id, open=False), 5)
    assert [one.ending for one in row] == ["withdrawn"]


async def test_with_the_store_away_for_an_hour_cases_wait_and_lose_nothing(world: World) -> None:
    life, untouched = await world.dispute(), await world.dispute()
    case_id, standings = life.handle.id, Standings(world.engine)
    before, written = standings.view(case_id), len(await life.notices())
    with world.engine.begin() as connection:
        connection.execute(text("ALTER TABLE standings RENAME TO taken_away"))
    try:
        said = asyncio.create_task(life.buyer(Say, text="It is dark."))
        await life.passes(hours=1)
        assert not said.done()  # whoever commands reads their own deed, or waits
        assert len(await life.notices()) == written  # nor a letter before it
    finally:
        with world.engine.begin() as connection:
            connection.execute(text("ALTER TABLE taken_away RENAME TO standings"))
    assert standings.view(case_id) == before
    await life.passes(minutes=1)
    assert (await said).outcome == "accepted"
    assert [each.text for each in Archive(world.engine).messages(case_id)][1:] == ["It is dark."]
    await life.seller(Offer, remedy=Remedy.FULL_REFUND)
    assert not differences(await life.view(), standings.view(case_id))
    assert not (await rebuild(world.client, world.engine, case_id, only_look=True)).lacked
    assert not differences(await untouched.view(), standings.view(untouched.handle.id))
