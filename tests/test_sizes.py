"""A case that everybody has filled to the limits can still be read, and takes commands."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import Field
from temporalio.testing import WorkflowEnvironment

from cli.paper import print_page
from domain.base import Value
from domain.commands import (
    Ask,
    AskForHelp,
    Attachment,
    Claim,
    ClaimException,
    Close,
    CommandBase,
    Decide,
    Deduct,
    Hold,
    Offer,
    Refuse,
    RefuseReason,
    Reject,
    Release,
    Remedy,
    Resume,
    Say,
    SendBack,
    Verdict,
)
from domain.excerpts import PAGE, ROOM, Room, excerpt, fitting, page_before
from domain.goods import ExceptionReason
from domain.orders import MOST_LINES
from domain.parties import Actor, Audience, Party
from domain.view import Entry, Recalculate, View, WholeCase
from pages.case import case_page
from pages.export import make_page
from policies import HERE as SHIPPED
from service.asking import ask, ask_for_all, ask_for_the_whole
from service.export_document import make_document
from service.exporting import read_case as read_for_export
from service.showing import read_case
from tests.conftest import world_on
from tests.life import AGENT, PLATFORM, SECOND, Life, RefusedCommand, World
from tests.policies import laid_over
from workflows.kernel.case import Case

FAR_BELOW = 1_000_000
"""Bytes: half of what Temporal carries in one piece."""

LONG = "ż" * 4000
FILE = {"size": 1, "media_type": "image/png", "sha256": "0" * 64}
FILES = tuple(Attachment(name=f"{n}{'ż' * 127}", **FILE) for n in range(5))
TOO_MANY = {"too-many-messages", "too-many-offers", "too-many-questions", "too-many-commands"}


@pytest.fixture(scope="module")
async def wide(
    skipping: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A world whose cases can be filled in one day."""
    folder = tmp_path_factory.mktemp("wide")
    many: dict[str, object] = {"every_process.messages.per_day": 1000}
    policies = laid_over(SHIPPED, folder / "policies", {"pl": many})
    async with world_on(skipping, folder, policies, first_order=801) as world:
        yield world


class Filling:
    """Sends commands, each as large as it may be, until they are refused for their number."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.refused: dict[str, int] = {}

    async def fill(self, by: Actor, verb: type[CommandBase], times: int, **more: Any) -> int:
        """How many of so many commands were taken."""
        taken = 0
        for _ in range(0, times, 10):
            answers = await asyncio.gather(
                *(self.life.send(by, verb, **more) for _ in range(10)), return_exceptions=True
            )
            refused = [one for one in answers if isinstance(one, BaseException)]
            taken += len(answers) - len(refused)
            for one in refused:
                if not isinstance(one, RefusedCommand):
                    raise one
                self.refused[one.code] = self.refused.get(one.code, 0) + 1
            if len(refused) == len(answers):
                break
        return taken


def named(party: Party) -> Actor:
    return Actor(party=party, id=str(party), name="ż" * 100)


def biggest_order() -> dict[str, Any]:
    """As many lines as an order may have, and as much as may be said of them."""
    line = {"title": "Lampa", "quantity": 2, "unit_price_minor": 10_000}
    return {
        "lines": [{"sku": f"A{n}", **line} for n in range(MOST_LINES)],
        "delivery_paid_minor": 999,
    }


async def size(life: Life, query: Any) -> int:
    return len((await life.handle.query(query)).model_dump_json().encode())


async def check(life: Life, capsys: pytest.CaptureFixture[str]) -> WholeCase:
    """Whoever looks sees all of the case, in answers that are far below every limit."""
    client, world = life.world.client, life.world
    sizes = {query.__name__: await size(life, query) for query in (Case.view, Case.export)}
    assert max(sizes.values()) < FAR_BELOW, sizes
    held, whole = await ask(client, life.handle.id), await ask_for_the_whole(client, life.handle.id)
    for name, number in held.in_all.items():
        if name != "messages":
            assert len(getattr(whole.view, name)) >= number
            assert getattr(whole.view, name)[-len(getattr(held, name)) :] == getattr(held, name)
    assert whole.in_all == {}
    assert set(whole.view.in_all) <= {"messages"}
    shown = await read_case(client, world.engine, life.handle.id)
    assert shown.view.in_all == {}
    print_page(case_page(shown, why=True))
    assert len(capsys.readouterr().out) > 10_000
    known = await read_for_export(client, world.engine, life.handle.id)
    document = make_document(known, Audience.AUTHORITY, shown.view.opened_at)
    assert document.missing == ()
    assert {one.id for one in document.messages} == {one.id for one in shown.view.messages}
    assert len(document.timeline) == len(whole.view.timeline)
    assert make_page(document)
    await life.send(PLATFORM, Close, reason=LONG)
    await life.ends()
    history = await life.handle.fetch_history()
    assert max(event.ByteSize() for event in history.events) < FAR_BELOW
    return whole


@pytest.fixture
def shown_here(wide: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", wide.settings.database_url)


@pytest.mark.slow
@pytest.mark.usefixtures("shown_here")
async def test_can_a_dispute_be_read_that_everybody_has_filled(
    wide: World, capsys: pytest.CaptureFixture[str]
) -> None:
    life = await wide.dispute(text=LONG, attachments=FILES, opened_by=named(Party.BUYER))
    filling = Filling(life)
    long = {"text": LONG}
    for party in (Party.BUYER, Party.SELLER):
        who = named(party)
        await filling.fill(who, Offer, 20, remedy=Remedy.REPAIR, **long)
        await filling.fill(who, Ask, 10, **long, attachments=FILES)
        assert await filling.fill(who, Say, 120, **long, attachments=FILES) > 80
        await filling.fill(who, AskForHelp, 10, **long)
    await filling.fill(named(Party.SELLER), Refuse, 10, reason=RefuseReason.OTHER, **long)
    await filling.fill(named(Party.BUYER), Reject, 10, **long)
    for _ in range(20):
        await filling.fill(AGENT, Hold, 1, reason=LONG)
        await filling.fill(AGENT, Resume, 1)
        await filling.fill(AGENT, Claim, 1)
        await filling.fill(AGENT, Release, 1)
        await filling.fill(SECOND, SendBack, 1, reason=LONG)
    await filling.fill(AGENT, Say, 60, **long, attachments=FILES)
    await filling.fill(PLATFORM, Say, 60, **long, attachments=FILES)
    for n in range(10):
        reason = "ż" * 250
        wish = Recalculate(command_id=f"r{n}", by=PLATFORM, reason=reason)
        await life.handle.execute_update(Case.recalculate, wish)
    await filling.fill(AGENT, Claim, 1)
    decision = {"verdict": Verdict.SHARED, "remedy": Remedy.REPAIR, "reasoning": LONG}
    await filling.fill(AGENT, Decide, 10, **decision)
    assert filling.refused.keys() & TOO_MANY
    whole = await check(life, capsys)
    assert len(whole.view.timeline) > ROOM["timeline"].entries
    assert whole.view.in_all["messages"] > 200


@pytest.mark.slow
@pytest.mark.usefixtures("shown_here")
async def test_can_a_withdrawal_from_the_biggest_order_be_read(
    wide: World, capsys: pytest.CaptureFixture[str]
) -> None:
    order = wide.alter(wide.order(), **biggest_order())
    life = await wide.withdrawal(order_id=order, text=LONG, attachments=FILES)
    filling, seller = Filling(life), named(Party.SELLER)
    for party in (Party.BUYER, Party.SELLER):
        assert await filling.fill(named(party), Say, 120, text=LONG, attachments=FILES) > 80
    claimed = {"reason": ExceptionReason.PERISHABLE, "text": LONG, "attachments": FILES}
    await filling.fill(seller, ClaimException, 10, **claimed)
    await filling.fill(named(Party.BUYER), Reject, 10, text=LONG)
    less = {"amount": life.money(1), "text": LONG, "attachments": FILES}
    await filling.fill(seller, Deduct, 10, **less)
    whole = await check(life, capsys)
    assert len(whole.view.units) == MOST_LINES


# What an answer holds.


class Told(Value):
    """Something with a list that grows."""

    timeline: tuple[str, ...] = ()
    in_all: dict[str, int] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("entries", "room", "first"),
    [
        ([], Room(3, 100), 0),
        (["a"] * 3, Room(3, 100), 0),
        (["a"] * 4, Room(3, 100), 1),
        (["a"] * 4, Room(9, 6), 2),
        (["x" * 100], Room(9, 6), 0),
        (["a", "x" * 100], Room(9, 6), 1),
        (["x" * 100, "a"], Room(9, 6), 1),
    ],
)
def test_do_the_newest_entries_fit_into_their_room(
    entries: list[str], room: Room, first: int
) -> None:
    assert fitting(entries, len(entries), room) == first


def test_is_every_list_of_a_case_read_in_whole_by_pages() -> None:
    entries = tuple(f"{n}{'x' * (n % 700)}" for n in range(3000))
    told = excerpt(Told(timeline=entries))
    assert told.in_all == {"timeline": 3000}
    found, first = told.timeline, 3000 - len(told.timeline)
    for _ in count():
        if first == 0:
            break
        page = page_before(entries, first)
        assert len(page.model_dump_json()) < PAGE.size * 1.1
        assert page.first < first
        found, first = (*page.entries, *found), page.first
    assert found == entries
    assert excerpt(Told(timeline=entries[:10])) == Told(timeline=entries[:10])


def test_does_no_list_of_a_case_grow_without_a_room() -> None:
    by_order = {"clocks", "lines", "units", "custody", "accepted"}
    lists = {
        name
        for model in (*get_args(get_args(View)[0]), WholeCase)
        for name, field in model.model_fields.items()
        if str(field.annotation).startswith("tuple")
    }
    assert lists - by_order == set(ROOM)


def test_is_a_page_of_nothing_empty(tmp_path: Path) -> None:
    assert page_before([], 5).entries == ()
    assert page_before(["a", "b"], -1).entries == ()
    assert page_before(["a", "b"], 99).entries == ("a", "b")


async def test_is_what_was_left_out_added_again(wide: World) -> None:
    life = await wide.dispute()
    for _ in range(40):
        await life.agent(Hold, reason="x")
        await life.agent(Resume)
    held = await ask(wide.client, life.handle.id)
    assert len(held.timeline) <= ROOM["timeline"].entries
    whole = await ask_for_all(wide.client, life.handle.id)
    assert whole.timeline[0].what == "opened"
    assert all(isinstance(entry, Entry) for entry in whole.timeline)
    through = await ask_for_the_whole(wide.client, life.handle.id)
    holds = [clock for clock in through.deadlines if clock.window == "hold"]
    assert len(holds) == 40
    await life.send(PLATFORM, Close, reason="x")
    await life.ends()
