"""Is what `starter.py preview` shows what then happens?"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import dropwhile

import pytest

from activities.cases import rules_for
from activities.marketplace import Marketplace
from config import Settings
from domain.commands import AskInformation, Close, Hold, Offer, Remedy, SendAgain, Withdraw
from domain.deadlines import spoken
from domain.goods import Way
from domain.kinds import Kind
from domain.money import Payment
from domain.openings import Opening
from domain.orders import Order, OrderedLine, Parcel, Person
from domain.parties import Party
from domain.ports import Registration, Rules
from domain.preview import Course, On, Outlook, StageAhead, Stops, as_if_opened
from domain.refunds import RefundPreview
from domain.stages import Stage
from domain.view import CaseView, TakingBackView
from service.asking import ask_for_the_whole
from service.foreseeing import foresee, opening_for
from tests.ahead import steps
from tests.life import AGENT, PLATFORM, Life, World
from tests.policies import COUNTRIES
from tests.test_command_line import Answer, here
from workflows.processes import PROCESSES

BY_MAIL = True

NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
PERSON = {"name": "Ewa Zielona", "email": "ewa@buyer.example", "locale": "pl"}
ORDER = Order(
    id="PL-1",
    country="PL",
    currency="PLN",
    placed_at=NOW - timedelta(days=1),
    buyer=Person(id="buyer", **PERSON),
    seller=Person(id="seller", **PERSON),
    lines=(OrderedLine(sku="A", title="Lamp", quantity=2, unit_price_minor=10_000),),
    delivery_paid_minor=999,
    parcels=(Parcel(id="p1", tracking="T1", posted_at=NOW - timedelta(hours=9)),),
)
RUN_ON = ("refund", "help_opens", "answer")
"""Windows that began before the stage at which they are foreseen."""

ACTS_ON_NOTHING = ("help_opens",)
"""Windows whose end changes only what may be sent."""

SECONDS = timedelta(seconds=5)
DEAR = [{"sku": "A", "title": "Piano", "quantity": 1, "unit_price_minor": 90_000_000}]


async def ahead_of(life: Life) -> Outlook:
    whole = await ask_for_the_whole(life.world.client, life.handle.id)
    return foresee(whole, await life.world.environment.get_current_time())


def at(outlook: Outlook, stage: Stage) -> StageAhead:
    return next(ahead for ahead in outlook.stages if ahead.stage is stage)


def dues(stage: StageAhead) -> dict[str, list[datetime]]:
    """When each silence at a stage takes effect."""
    found: dict[str, list[datetime]] = {}
    for way in stage.ways:
        if way.on is On.SILENCE and way.due:
            found.setdefault(way.what, []).append(way.due)
    return found


def near(one: datetime, other: datetime) -> bool:
    """A clock that starts at another's end starts a moment after it."""
    return abs(one - other) < SECONDS


Passed = list[tuple[Stage, datetime | None]]
"""The stages that a case has passed, and when it acted at each."""


def moved_on(due: datetime) -> Callable[[CaseView], bool]:
    """Whether a case waits no longer for the instant `due`."""
    return lambda view: view.due != due


async def silence(life: Life, outlook: Outlook) -> Passed:
    """Let everybody stay silent, and compare each clock with what was foreseen; the stages, and
    when the case acted at each.
    """
    passed: Passed = []
    compared: set[str] = set()
    while True:
        view = await life.view()
        passed.append((view.stage, view.due))
        if view.due is None:
            return passed
        foreseen = dues(at(outlook, view.stage))
        for clock in view.clocks:
            if clock.window in compared and clock.started_at > foreseen[clock.window][-1] - SECONDS:
                return passed  # asked again, which is foreseen once
            if clock.held_since:
                continue
            assert clock.due
            assert any(near(clock.due, due) for due in foreseen[clock.window]), clock.window
        due = view.due
        ended = [w for w in at(outlook, view.stage).ways if w.due and near(w.due, due)]
        compared |= {clock.window for clock in view.clocks if clock.due == due}
        await life.passes_until(due)
        after = await life.sees(moved_on(due))
        taken = list(steps(after.timeline))[len(list(steps(view.timeline))) :]
        came = taken[0].end if taken else after.stage  # some stages are only passed through
        assert came in {to for way in ended for to in way.to}, (view.stage, came)


async def acts(life: Life, times: int) -> Passed:
    """Let everybody stay silent at so many stages; when the case acts at each."""
    passed: Passed = []
    for _ in range(times):
        view = await life.view()
        passed.append((view.stage, view.due))
        if view.due and len(passed) < times:
            await life.passes_until(view.due)
            await life.sees(moved_on(view.due))
    return passed


def taken(course: Course, stages: Sequence[Stage]) -> Iterator[Course]:
    """The alternatives that a case has taken, from this one on."""
    yield course
    after = list(dropwhile(lambda stage: stage is course.stage, stages))
    for each in course.then:
        if each.stage in after[:1] or len(course.then) == 1:  # some are only passed through
            yield from taken(each, after)


def shown(courses: Iterable[Course]) -> list[datetime]:
    """The instants that the short page shows on a way, in order, each once."""
    ways = (way for course in courses for way in course.ways if way.what not in ACTS_ON_NOTHING)
    dues = [way.due for way in ways if way.due]
    return [due for n, due in enumerate(dues) if not any(near(due, one) for one in dues[:n])]


async def wants_repair(world: World) -> Life:
    life = await world.complaint()
    await life.sees(lambda view: view.clocks)
    return life


async def to_be_paid(world: World) -> Life:
    life = await world.uncollected_parcel()
    await life.buyer(SendAgain)
    await life.sees(lambda view: view.stage is Stage.AWAITING_PAYMENT and view.clocks)
    return life


async def informing(world: World) -> Life:
    """The seller's time to answer is held while the buyer owes information."""
    life = await world.complaint("SI")
    await life.sees(lambda view: view.clocks)
    await life.seller(AskInformation, text="Which lamp is it?")
    await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    return life


async def seller_offered(world: World) -> Life:
    life = await world.dispute("SI")
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(1000))
    return life


async def held(world: World) -> Life:
    life = await world.dispute("CZ")
    await life.send(AGENT, Hold, reason="The parcel is looked for.")
    return life


async def back_with_label(world: World) -> Life:
    life = await world.withdrawal(order_id=await world.in_hand(), way=Way.SELLERS_LABEL)
    back = await life.goods_back()
    await back.sees(lambda view: view.stage is Stage.AWAITING_LABEL)
    return back


async def cancelled(world: World) -> Life:
    life = await world.cancellation(order_id=await world.fresh(lines=DEAR))
    await life.sees(lambda view: view.stage is Stage.AWAITING_REFUND)
    return life


async def withdrawn(world: World) -> Life:
    life = await world.withdrawal("SI", order_id=await world.in_hand("SI"))
    await life.goods_back()
    return life


LIVES: dict[str, tuple[Callable[[World], Awaitable[Life]], list[Stage]]] = {
    "inquiry": (
        lambda world: world.inquiry("HU"),
        [Stage.AWAITING_SELLER, Stage.AWAITING_SELLER, Stage.CLOSED],
    ),
    "dispute": (
        lambda world: world.dispute(),
        [Stage.AWAITING_SELLER, Stage.WITH_AGENT, Stage.WITH_AGENT, Stage.WITH_AGENT],
    ),
    "dispute, an offer": (
        seller_offered,
        [Stage.AWAITING_BUYER, Stage.REOPENABLE, Stage.CLOSED],
    ),
    "cancellation": (
        cancelled,
        [Stage.AWAITING_REFUND, Stage.WITH_AGENT, Stage.WITH_AGENT, Stage.WITH_AGENT],
    ),
    "withdrawal": (
        withdrawn,
        [Stage.AWAITING_GOODS, Stage.WITHHELD, Stage.CLOSED],
    ),
    "return": (
        back_with_label,
        [Stage.AWAITING_LABEL, Stage.AWAITING_GOODS, Stage.AWAITING_GOODS],
    ),
    "non-delivery": (
        lambda world: world.non_delivery("SK"),
        [Stage.FURTHER_PERIOD, Stage.AWAITING_BUYER, Stage.CLOSED],
    ),
    "uncollected parcel": (
        lambda world: world.uncollected_parcel(),
        [Stage.AWAITING_BUYER, Stage.FURTHER_PERIOD, Stage.MAY_WITHDRAW, Stage.MAY_WITHDRAW],
    ),
    "complaint": (
        lambda world: world.complaint("SI"),
        [Stage.AWAITING_SELLER, Stage.WITH_AGENT, Stage.WITH_AGENT, Stage.WITH_AGENT],
    ),
    "complaint, information": (
        informing,
        [Stage.AWAITING_BUYER, Stage.AWAITING_SELLER, *[Stage.WITH_AGENT] * 3],
    ),
}
"""A case of each process, and the stages that it passes if everybody stays silent."""


@pytest.mark.parametrize("life", LIVES)
async def test_every_deadline_that_is_foreseen_is_the_one_the_case_acts_on(
    world: World, life: str
) -> None:
    opens, stages = LIVES[life]
    case = await opens(world)
    outlook = await ahead_of(case)
    passed = await silence(case, outlook)
    assert [stage for stage, _ in passed] == stages
    assert outlook.silent
    instants = shown(taken(outlook.silent, stages))
    assert instants
    assert all(map(near, instants, (due for _, due in passed if due)))
    if stages[-1] is not Stage.CLOSED:
        await case.send(PLATFORM, Close, reason="Seen enough.")


async def test_the_short_page_of_silence_shows_one_way_at_a_time(world: World) -> None:
    """Nothing of another way is shown, and nothing of this one is left out."""
    asked = [Stage.AWAITING_PAYMENT, *LIVES["uncollected parcel"][1]]
    cases = (
        (wants_repair, [Stage.AWAITING_SELLER, Stage.SETTLING], Stops.OUTSIDE),
        (to_be_paid, asked, Stops.FACTS),  # asked once more, or an agent joins
        (withdrawn, LIVES["withdrawal"][1], Stops.CLOSED),
    )
    for opens, stages, stops in cases:
        case = await opens(world)
        outlook = await ahead_of(case)
        passed = await acts(case, len(stages))
        assert [stage for stage, _ in passed] == stages
        assert outlook.silent
        courses = list(taken(outlook.silent, stages))
        instants, happened = shown(courses), [due for _, due in passed if due]
        assert len(instants) == len(happened) - (stops is Stops.FACTS)
        assert all(map(near, instants, happened))
        assert courses[-1].stops is stops
        if stages[-1] is not Stage.CLOSED:
            await case.send(PLATFORM, Close, reason="Seen enough.")


async def test_a_held_clock_is_foreseen_as_if_the_hold_ended_by_itself(world: World) -> None:
    life = await held(world)
    outlook = await ahead_of(life)
    first = outlook.stages[0]
    hold = dues(first)["hold"][0]
    await life.passes_until(hold)
    view = await life.sees(lambda view: view.due)
    assert view.due
    assert near(view.due, dues(first)["seller_reply"][0])
    assert await silence(life, outlook)


async def test_a_clock_that_waits_for_a_letter_is_foreseen_as_running_at_the_earliest_from_now(
    world: World,
) -> None:
    order = world.order()
    number = order.rpartition("-")[2]
    world.mailbox.refuse_recipient(f"alfa{number}@seller.example")
    life = await world.dispute(order_id=order)
    view = await life.sees(lambda view: view.letters_task and view.clocks[0].held_since)
    outlook = await ahead_of(life)
    first = outlook.stages[0]
    [reply] = [way for way in first.ways if way.what == "seller_reply"]
    assert reply.at_earliest
    [seen_to] = [way for way in first.ways if way.what == "undelivered"]
    assert view.letters_task
    assert (seen_to.who, seen_to.due) == ((Party.AGENT,), view.letters_task.due)
    assert (seen_to.to, seen_to.means) == ((Stage.AWAITING_SELLER,), "the task goes to the lead")
    await life.buyer(Withdraw)
    await life.ends()


async def test_a_preview_of_an_order_says_when_a_case_opened_now_is_due(world: World) -> None:
    for kind, opens in (
        (Kind.WITHDRAWAL, world.withdrawal),
        (Kind.COMPLAINT, world.complaint),
        (Kind.DISPUTE, world.dispute),
    ):
        order_id = await world.in_hand("CZ")
        now = await world.environment.get_current_time()
        whole = as_if_opened(*asked(world, kind, order_id, now), now)
        outlook = foresee(whole, now)
        life = await opens("CZ", order_id=order_id)
        view = await life.sees(lambda view: view.clocks)
        foreseen = dues(at(outlook, view.stage))
        assert {clock.window for clock in view.clocks} <= set(foreseen)
        for clock in view.clocks:
            assert clock.due
            assert near(clock.due, foreseen[clock.window][0]), clock.window
        assert view.at_stake == whole.view.at_stake
        assert refund_ahead(view) == refund_ahead(whole.view)
        assert view.right_until == whole.view.right_until


def refund_ahead(view: CaseView) -> RefundPreview | None:
    """What would be refunded, where the case is of a kind that reckons it."""
    return view.preview if isinstance(view, TakingBackView) else None


def asked(world: World, kind: Kind, order_id: str, now: datetime) -> tuple[Opening, Order, Rules]:
    """What a preview of an order is made from."""
    order = Marketplace(world.marketplace, "").order(order_id)
    assert order
    rules = rules_for(order, kind, now, Settings.read().policies)
    return opening_for(kind, order, order.country, ()), order, rules


# Whatever the process.


@pytest.mark.parametrize("kind", Kind)
def test_every_stage_is_looked_at_once_and_no_silence_comes_before_it_begins(kind: Kind) -> None:
    process = PROCESSES[kind]
    for country in COUNTRIES:
        order = ORDER.model_copy(update={"country": country})
        rules = rules_for(order, kind, NOW, Settings.read().policies)
        whole = as_if_opened(opening_for(kind, order, country, ()), order, rules, NOW)
        if whole.view.refusal:  # no order suits every process
            whole = whole.model_copy(
                update={"registration": Registration(terms=rules.terms, calendar=rules.calendar)}
            )
        outlook = foresee(whole, NOW)
        assert Outlook.model_validate_json(outlook.model_dump_json()) == outlook
        stages = [ahead.stage for ahead in outlook.stages]
        assert sorted(stages) == sorted(process.AHEAD)
        for ahead in outlook.stages:
            declared = {branch.to for branch in process.AHEAD[ahead.stage]}
            assert {to for way in ahead.ways for to in way.to} <= declared
            assert (ahead.after, ahead.by) == (None, None) or ahead.after in stages
            for way in ahead.ways:
                assert way.who or way.on is On.EVENT
                assert way.due is None or way.due > ahead.since or way.what in RUN_ON
                assert not (way.on is On.SILENCE and way.due) or way.explanation


async def test_the_next_refund_of_nothing_moves_no_money() -> None:
    order = ORDER.model_copy(update={"payment": Payment.UNPAID, "parcels": ()})
    rules = rules_for(order, Kind.CANCELLATION, NOW, Settings.read().policies)
    whole = as_if_opened(opening_for(Kind.CANCELLATION, order, "PL", ()), order, rules, NOW)
    outlook = foresee(whole, NOW)
    assert [way for ahead in outlook.stages for way in ahead.ways if way.money] == []


# On the command line.


@pytest.fixture
def shell(real_world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    monkeypatch.setenv("TEMPORAL_ADDRESS", real_world.client.service_client.config.target_host)
    monkeypatch.setenv("RECOURSE_MARKETPLACE_URL", real_world.marketplace)
    monkeypatch.setenv("DATABASE_URL", real_world.settings.database_url)
    return here


async def test_a_case_is_shown_with_instants_parties_and_money(
    real_world: World, shell: Callable[..., Answer]
) -> None:
    life = await real_world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(1000))
    view = await life.sees(lambda view: view.stage is Stage.AWAITING_BUYER)
    said = await asyncio.to_thread(shell, "preview", life.handle.id, "--short")
    assert said.code == 0
    assert view.due
    assert re.search(rf"{spoken(view.due, view.zone)} +buyer silent: buyer reply", said.out)
    assert "buyer: accept" in said.out
    assert "settling; refunds 10.00 PLN" in said.out
    assert "reopenable; the buyer may take it up" in said.out
    assert re.search(r"buyer silent: reopening +closed; the right to it ends", said.out)
    assert re.search(r"on appeal +buyer or seller: appeal, while decided", said.out)
    assert said.out.count("--all") == 1
    assert "day 7 counted" not in said.out
    everything = await asyncio.to_thread(shell, "preview", life.handle.id)
    assert "Reopenable: from" in everything.out
    assert "On appeal: if, while decided, the buyer or seller sends appeal" in everything.out
    assert "--all" not in everything.out
    why = await asyncio.to_thread(shell, "preview", life.handle.id, "--why")
    assert "day 7 counted" in why.out.replace("\n", " ").replace("    ", "")
    told = await asyncio.to_thread(shell, "preview", life.handle.id, "--json")
    read = Outlook.model_validate_json(told.out)
    assert dues(read.stages[0])["buyer_reply"] == [view.due]
    [accepts] = [way for way in read.stages[0].ways if way.what == "accept"]
    assert (accepts.now, accepts.who, accepts.until) == (True, (Party.BUYER,), view.due)
    assert [move.amount for move in accepts.money] == [life.money(1000)]
    await life.buyer(Withdraw)
    await life.sees(lambda view: view.stage is Stage.CLOSED)
    closed = await asyncio.to_thread(shell, "preview", life.handle.id)
    assert "Nothing is ahead" in closed.out


async def test_an_order_with_no_case_is_shown_without_temporal(
    real_world: World, shell: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    order = await real_world.in_hand()
    everything = await asyncio.to_thread(shell, "preview", "--order", order, "--country", "PL")
    assert everything.code == 0, everything.err
    for kind in Kind:
        assert re.search(rf"If an? {kind.words} were opened now", everything.out)
    assert "Not possible, already-sent" in everything.out
    whole = await asyncio.to_thread(shell, "preview", "--order", order, "--kind", "withdrawal")
    assert "refunds 259.99 PLN" in whole.out
    assert "buyer silent: send goods" in whole.out
    some = await asyncio.to_thread(
        shell, "preview", "--order", order, "--kind", "withdrawal", "--units", "A=1", "--json"
    )
    [read] = some.json
    assert read["refund"]["refund_minor"] == 10399  # its share of the delivery comes back too


async def test_a_preview_of_an_order_knows_its_refunds_and_open_cases_by_the_database(
    real_world: World, shell: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await real_world.in_hand()
    of_order = ("preview", "--order", order)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    without = await asyncio.to_thread(shell, *of_order, "--kind", "withdrawal")
    assert without.out.startswith("Set DATABASE_URL: without it, refunds that the order has had")
    [read] = (await asyncio.to_thread(shell, *of_order, "--kind", "dispute", "--json")).json
    assert (read["refunded_before"], read["open_cases"]) == (None, None)
    monkeypatch.setenv("DATABASE_URL", real_world.settings.database_url)
    none = await asyncio.to_thread(shell, *of_order, "--kind", "withdrawal")
    assert none.out.startswith("The order has had no refund, and no case is open for it.")
    paid = ("payout", order, "A=1", "--amount", "100.00", "--kind", "chargeback", "--key", order)
    assert (await asyncio.to_thread(shell, *paid)).code == 0
    dispute = await real_world.dispute(order_id=order)
    known = await asyncio.to_thread(shell, *of_order, "--kind", "withdrawal")
    said = f"Refunded before: 1 × A. Open cases: {dispute.handle.id}."
    assert known.out.startswith(said)
    assert "1 × A     100.00 PLN" in known.out
    await real_world.withdrawal(order_id=order)
    [read] = (await asyncio.to_thread(shell, *of_order, "--kind", "dispute", "--json")).json
    assert read["refunded_before"] == [{"sku": "A", "quantity": 1}]
    assert [case["kind"] for case in read["open_cases"][:2]] == ["dispute", "withdrawal"]
    assert read["outlook"]["case_id"] == f"dispute:PL:{order}:2"
    taken = await asyncio.to_thread(shell, *of_order, "--kind", "withdrawal")
    assert taken.err.startswith("units-in-another-case: Of A, 1 of 2 are taken back already in ")
    everything = await asyncio.to_thread(shell, *of_order)
    assert "Not possible, units-in-another-case" in everything.out


async def test_of_an_order_that_was_never_sent_nothing_can_come_back(
    real_world: World, shell: Callable[..., Answer]
) -> None:
    planned = [{"id": "p1"}]
    for order in (await real_world.fresh(), await real_world.fresh(parcels=planned)):
        for kind in (Kind.UNCOLLECTED_PARCEL, Kind.RETURN, Kind.CARRIER_CLAIM):
            none = await asyncio.to_thread(shell, "preview", "--order", order, "--kind", kind)
            assert (none.code, none.err.split(":")[0]) == (1, "parcel-unknown")
            assert "does not say that anything was sent" in none.err
        whole = (await asyncio.to_thread(shell, "preview", "--order", order, "--json")).json
        possible = {one["kind"] for one in whole if not one["refusal"]}
        assert possible == {"inquiry", "dispute", "cancellation", "withdrawal"}
    underway = [{"id": "p1", "tracking": "620001"}]
    for more in ({"shipped": True}, {"shipped": True, "parcels": underway}):
        order = await real_world.fresh(**more)
        kind = Kind.UNCOLLECTED_PARCEL
        one = await asyncio.to_thread(shell, "preview", "--order", order, "--kind", kind)
        assert one.code == 0, one.err


async def test_what_cannot_be_opened_says_why_with_its_reckoning(
    real_world: World, shell: Callable[..., Answer]
) -> None:
    order = await real_world.in_hand(days_ago=60)
    late = await asyncio.to_thread(shell, "preview", "--order", order, "--kind", "withdrawal")
    assert late.code == 1
    assert late.err.startswith("too-late: The time to withdraw is over")
    assert "Reckoned: 14 calendar days, PL" in late.err
    abroad = await asyncio.to_thread(
        shell, "preview", "--order", order, "--country", "SI", "--kind", "dispute"
    )
    assert abroad.err.startswith("order-differs")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "Give the id of a case"),
        (("dispute:PL:1:1", "--order", "PL-1"), 2, "Give the id of a case"),
        (("dispute:PL:1:1", "--kind", "dispute"), 2, "go with --order"),
        (("--order", "PL-1", "--units", "A"), 2, "Units are written like SKU=1"),
        (("--order", "PL-none"), 1, "order-unknown"),
        (("dispute:PL:none:1",), 1, "case-unknown"),
    ],
)
async def test_wrong_questions_are_answered_in_one_sentence(
    shell: Callable[..., Answer], arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    said = await asyncio.to_thread(shell, "preview", *arguments)
    assert said.code == code
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1
