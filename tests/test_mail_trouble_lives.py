"""When mail does not leave, or does not arrive: is nothing lost, and whose silence is it then?"""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import requests

from config import HERE
from domain.commands import (
    Accept,
    LeaveLetters,
    Offer,
    Remedy,
    ResendLetters,
    Say,
    Withdraw,
)
from domain.notices import NoticeName
from domain.parties import Party
from domain.stages import Stage
from domain.view import CaseView
from store.archive import Archive
from store.standings import Filters, Standings
from tests.life import BUYER, PLATFORM, SELLER, Life, RefusedCommand, World

BY_MAIL = True


def archived(life: Life) -> list[str]:
    """The texts that the archive has of the case."""
    return [message.text for message in Archive(life.world.engine).messages(life.handle.id)]


async def test_what_is_said_is_archived_at_once_though_the_mail_server_is_down(
    world: World,
) -> None:
    world.mailbox.refuse_next(1000)
    life = await world.dispute()
    await life.seller(Say, text="Which bulb do you use?")
    await life.buyer(Say, text="The small one.")
    said = ["The lamp does not light.", "Which bulb do you use?", "The small one."]
    for _ in range(100):
        if archived(life) == said:
            break
        await asyncio.sleep(0.05)
    assert archived(life) == said
    assert life.mails() == []
    found = Archive(world.engine).search("bulb", case_id=life.handle.id)
    assert [one.message.text for one in found] == said[1:2]
    world.mailbox.refuse_next(0)
    await life.buyer(Withdraw)
    await life.ends()
    assert archived(life) == said


DEAD = "550 5.1.1 Nobody of this name"
LATER = "450 4.2.1 greylisted"


def address(order_id: str, of: Party) -> str:
    """The mail address that the marketplace has of a party from the start."""
    number = order_id.rpartition("-")[2]
    return f"ewa{number}@buyer.example" if of is Party.BUYER else f"alfa{number}@seller.example"


def refuse(world: World, order_id: str, party: Party, answer: str = DEAD) -> None:
    """Let the mail server refuse a party of an order."""
    world.mailbox.refuse_recipient(address(order_id, party), answer)


def order_without(world: World, party: Party, answer: str = DEAD) -> str:
    """An order of which one party cannot be written to."""
    order_id = world.order()
    refuse(world, order_id, party, answer)
    return order_id


def corrected(life: Life, party: Party) -> None:
    """The platform corrects the address of a party in the marketplace."""
    url = f"{life.world.marketplace}/orders/{life.order_id}"
    person = requests.get(url, timeout=5).json()[party]
    person["email"] = f"right.{person['email']}"
    requests.post(
        f"{life.world.marketplace}/standin/orders/{life.order_id}",
        json={str(party): person},
        timeout=5,
    ).raise_for_status()


def in_stage(stage: Stage) -> Callable[[CaseView], bool]:
    """Whether a case has come to a stage."""
    return lambda view: view.stage is stage


async def becomes(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is awaited happens in a thread
            await asyncio.sleep(0.02)


def held_for_a_letter(view: CaseView) -> bool:
    return any("undelivered" in clock.held_for for clock in view.clocks)


def letters_task(view: CaseView) -> bool:
    return view.letters_task is not None


async def test_a_seller_who_was_never_told_gets_no_breach_and_an_agent_is_called(
    world: World,
) -> None:
    order = order_without(world, Party.SELLER)
    life = await world.dispute(order_id=order)
    view = await life.sees(held_for_a_letter, letters_task)
    [letter] = view.undelivered
    assert (letter.to, letter.name, letter.code) == (Party.SELLER, NoticeName.DISPUTE_OPENED, 550)
    assert letter.holds == "seller_reply"
    [task] = await life.tasks()
    assert task.queue == "letters-pl"
    assert task.purpose == "seller not reached: dispute opened (recipient-refused 550)"
    assert "@" not in view.model_dump_json()
    await life.passes(days=30)
    view = await life.view()
    assert view.stage is Stage.AWAITING_SELLER
    assert view.breaches == ()
    assert life.breaches() == []
    [task] = await life.tasks()
    assert (task.queue, task.priority) == ("leads", 1)
    assert life.letters(Party.BUYER) == ["dispute_received", "not_reached"]
    await life.buyer(Withdraw)
    await life.ends()
    assert await life.tasks() == []


async def test_a_buyer_who_was_never_told_does_not_close_the_case_by_silence(
    world: World,
) -> None:
    order = order_without(world, Party.BUYER)
    life = await world.dispute(order_id=order)
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(300))
    await life.sees(in_stage(Stage.AWAITING_BUYER), held_for_a_letter)
    await life.passes(days=40)
    view = await life.sees(held_for_a_letter)
    assert view.stage is Stage.AWAITING_BUYER
    await life.buyer(Accept)  # who looks into the case knows of it
    assert (await life.ends()).ending == "settled"


async def test_a_corrected_address_gets_what_was_missed_and_the_clock_runs_from_then(
    world: World,
) -> None:
    order = order_without(world, Party.SELLER)
    life = await world.dispute(order_id=order)
    await life.sees(held_for_a_letter, letters_task)
    await life.passes(days=3)
    corrected(life, Party.SELLER)
    before = await life.view()
    await life.send(PLATFORM, ResendLetters)
    view = await life.sees(lambda view: view.due and not view.undelivered)
    assert view.letters_task is None
    assert await life.tasks() == []
    [clock] = view.clocks
    assert clock.due
    assert clock.due > before.opened_at + timedelta(days=3)
    [opened] = [one for one in life.letters_whole(Party.SELLER) if one.sent_at]
    assert opened.name == NoticeName.DISPUTE_OPENED
    told = (await life.dues(NoticeName.DISPUTE_OPENED))[-1]
    assert told
    assert abs(clock.due - told) < timedelta(minutes=5)
    await becomes(lambda: life.letters(Party.BUYER)[-1] == "deadline_moved")
    await life.passes_until(clock.due)
    await life.sees(in_stage(Stage.WITH_AGENT))  # who is told, and silent, is silent
    assert life.breaches() == ["seller_reply"]


async def test_a_later_letter_that_finds_a_new_address_brings_the_earlier_ones(
    world: World,
) -> None:
    order = order_without(world, Party.BUYER)
    life = await world.dispute(order_id=order)
    await life.sees(letters_task)
    [task] = await life.tasks()
    assert task.purpose == "buyer not reached: dispute received (recipient-refused 550)"
    corrected(life, Party.BUYER)
    await life.seller(Say, text="Which bulb do you use?")
    await life.sees(lambda view: not view.undelivered and view.letters_task is None)
    sent = [one.name for one in life.letters_whole(Party.BUYER) if one.sent_at]
    assert sorted(sent) == ["dispute_received", "message"]
    await life.sees(lambda view: view.task is None)
    assert await life.tasks() == []


async def test_an_agent_can_leave_the_letters_and_let_the_clock_run(world: World) -> None:
    order = order_without(world, Party.SELLER)
    life = await world.dispute(order_id=order)
    await life.sees(held_for_a_letter, letters_task)
    for party in (BUYER, SELLER):
        with pytest.raises(RefusedCommand, match="not-yours"):
            await life.send(party, LeaveLetters, reason="I say so.")
    await life.agent(LeaveLetters, reason="Told by telephone.")
    view = await life.sees(lambda view: view.due and view.letters_task is None)
    assert view.undelivered[0].left
    assert await life.tasks() == []
    assert "Told by telephone." not in [message.text for message in view.messages]
    assert view.due
    await life.passes_until(view.due)
    await life.sees(in_stage(Stage.WITH_AGENT))
    assert life.breaches() == ["seller_reply"]


async def test_an_inquiry_does_not_end_by_the_silence_of_a_buyer_who_was_not_told(
    world: World,
) -> None:
    order = order_without(world, Party.BUYER)
    life = await world.inquiry(order_id=order)
    await life.seller(Say, text="It is 40 cm wide.")
    await life.sees(in_stage(Stage.AWAITING_BUYER), held_for_a_letter)
    await life.passes(days=60)
    assert (await life.view()).stage is Stage.AWAITING_BUYER
    corrected(life, Party.BUYER)
    await life.agent(ResendLetters)
    await life.sees(lambda view: not view.undelivered)
    assert (await life.ends()).ending == "inactive"


async def test_nothing_is_deemed_accepted_by_a_seller_who_was_not_told(world: World) -> None:
    order = await world.in_hand()
    refuse(world, order, Party.SELLER)
    life = await world.complaint(order_id=order)
    await life.sees(held_for_a_letter, letters_task)
    await life.passes(days=40)
    view = await life.view()
    assert view.stage is Stage.AWAITING_SELLER
    assert "complaint_deemed_accepted" not in life.letters()


async def test_a_letter_that_the_server_does_not_want_is_not_said_to_be_its_readers_fault(
    world: World,
) -> None:
    world.mailbox.refuse_content("CHEAP WATCHES")
    life = await world.dispute()
    await life.buyer(Say, text="CHEAP WATCHES")
    view = await life.sees(letters_task)
    assert [one.trouble for one in view.undelivered] == ["content-refused"]
    await life.seller(Say, text="Pardon?")
    await life.buyer(Say, text="Nothing.")
    await becomes(lambda: life.letters(Party.SELLER).count("message") == 2)
    world.mailbox.accept_again()
    await life.agent(ResendLetters)
    await life.sees(lambda view: not view.undelivered and view.letters_task is None)
    assert all(letter.sent_at for letter in life.letters_whole())


async def test_a_letter_put_off_for_long_holds_its_clock_and_no_later_letter(
    world: World,
) -> None:
    order = order_without(world, Party.SELLER, LATER)
    life = await world.dispute(order_id=order)
    await life.passes(minutes=3)
    await life.buyer(Say, text="Hello?")
    await becomes(lambda: "dispute_received" in life.letters(Party.BUYER))
    await life.sees(lambda view: any("letter under way" in c.held_for for c in view.clocks))
    world.mailbox.accept_again()
    await life.passes(hours=1)
    view = await life.sees(lambda view: view.due)
    assert view.breaches == ()
    assert all(letter.sent_at for letter in life.letters_whole())


async def test_mail_that_is_put_off_for_days_is_undelivered_in_the_end(world: World) -> None:
    order = order_without(world, Party.SELLER, LATER)
    life = await world.dispute(order_id=order)
    await life.passes(minutes=5)
    await life.passes(days=5)
    view = await life.sees(letters_task)
    assert view.breaches == ()
    assert {(one.to, one.trouble) for one in view.undelivered} == {(Party.SELLER, "not-taken")}
    world.mailbox.accept_again()
    await life.agent(ResendLetters)
    await life.sees(lambda view: not view.undelivered and view.due)


async def shown(case_id: str) -> str:
    """What `show` prints of a case."""
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "starter.py", "show", case_id],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=HERE,
    )
    return " ".join(ran.stdout.split())


async def test_ops_see_such_cases_in_the_lists_on_the_page_and_in_health(
    real_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = real_world
    order = order_without(world, Party.SELLER)
    life = await world.dispute(order_id=order)
    await life.sees(held_for_a_letter, letters_task)
    config = world.client.service_client.config
    monkeypatch.setenv("TEMPORAL_ADDRESS", config.target_host)
    monkeypatch.setenv("DATABASE_URL", world.settings.database_url)
    for _ in range(100):
        found, _ = Standings(world.engine).page(Filters(undelivered=True), 50)
        if life.handle.id in [one.case_id for one in found]:
            break
        await asyncio.sleep(0.1)
    assert life.handle.id in [one.case_id for one in found]
    rest, _ = Standings(world.engine).page(Filters(undelivered=False, open=None), 500)
    assert life.handle.id not in [one.case_id for one in rest]
    said = await shown(life.handle.id)
    assert "dispute opened to the seller, recipient-refused 550" in said
    assert "seller reply is held until it has" in said
    assert Archive(world.engine).outgoing(datetime.now(UTC)).undelivered >= 1
    world.mailbox.accept_again()
    await life.agent(ResendLetters)
    await life.sees(lambda view: not view.undelivered)
    await life.buyer(Withdraw)
    await life.ends()
