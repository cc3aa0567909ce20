"""What leaves the house of a case, by the records of its steps."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.notices import Ending
from domain.parties import Party
from domain.ports import CloseCase
from domain.public_events import EventType, PublicEvent
from domain.step_record import Snapshot, StepRecord, changed_facts, changed_lists
from domain.view import Entry
from store.public_events import Listener, PublicEvents
from store.step_records import StepBook
from tests.store.losing import forget

CASE = "dispute:PL:PL-1:1"

CLOCK = {
    "window": "seller_reply",
    "awaited": "seller",
    "started_at": "2026-04-03T12:00:00Z",
    "due": "2026-04-07T12:00:00Z",
    "length": 24,
    "counting": "working-hours",
    "source": "law",
    "held": [],
    "held_since": None,
    "on_silence": "breach-and-escalate",
}
HELD = {**CLOCK, "due": None, "held_since": "2026-04-04T12:00:00Z"}
DECISION = {
    "at": "2026-04-03T12:00:00Z",
    "by": {"party": "agent", "id": "a-7", "name": "Anna Nowak"},
    "verdict": "for-buyer",
    "remedy": "full-refund",
    "amount": None,
    "reasoning": "Between us.",
    "confirmed_by": None,
    "final": False,
    "standing": "proposed",
}


class Told:
    """A case whose steps are kept one after the other, and what is told of it."""

    def __init__(self, engine: Engine, noon: datetime, **facts: Any) -> None:
        self.book, self.events = StepBook(engine), PublicEvents(engine)
        self.noon, self.stood, self.number = noon, Snapshot(), 0
        self.entries: tuple[Entry, ...] = ()
        self.facts = {
            "id": CASE,
            "kind": "dispute",
            "country": "PL",
            "order_id": "PL-1",
            "opened_at": noon.isoformat(),
            "opened_by": {"party": "buyer", "id": "b-1", "name": "Maja Novak"},
            "stage": "awaiting-seller",
            "buyer_id": "b-1",
            "seller_id": "s-1",
            "reason": "defect",
            "wanted": "full-refund",
            **facts,
        }

    def step(
        self,
        *entries: Entry,
        whole: bool = False,
        over: CloseCase | None = None,
        facts: dict[str, Any] | None = None,
        **lists: Any,
    ) -> StepRecord:
        """A step, kept: these lists and facts are as given, all others as before."""
        self.number += 1
        self.facts |= facts or {}
        now = Snapshot(facts=dict(self.facts), lists={**self.stood.lists, **lists})
        before = Snapshot() if whole else self.stood
        record = StepRecord(
            case_id=self.facts["id"],
            run="r1",
            number=self.number,
            at=self.noon,
            whole=whole,
            facts=changed_facts(before, now),
            lists=changed_lists(before, now),
            happened=0 if whole else len(self.entries),
            events=(*self.entries, *entries) if whole else entries,
            over=over,
        )
        self.stood, self.entries = now, (*self.entries, *entries)
        assert self.book.keep(record).taken
        return record

    def heard(self, **listener: Any) -> list[PublicEvent]:
        """All that somebody hears."""
        return self.events.after(0, 100, Listener(**listener))

    def types(self, **listener: Any) -> list[str]:
        """Their types."""
        return [one.type.partition(".")[2] for one in self.heard(**listener)]


@pytest.fixture
def case(engine: Engine, noon: datetime) -> Callable[..., Told]:
    """Makes cases."""
    return lambda **facts: Told(engine, noon, **facts)


def test_a_clock_that_is_held_and_runs_again_is_told_each_time(case: Callable[..., Told]) -> None:
    one = case()
    one.step(deadlines=(CLOCK,), running=(0,))
    one.step(deadlines=(HELD,))
    one.step(deadlines=({**CLOCK, "due": "2026-04-08T12:00:00Z"},))
    opened, *awaited = one.heard()
    assert opened.type == EventType.OPENED
    assert [event.type for event in awaited] == [EventType.PARTY_AWAITED] * 3
    assert [event.data["held"] for event in awaited] == [False, True, False]
    assert [event.data["due"] for event in awaited] == [
        "2026-04-07T12:00:00Z",
        None,
        "2026-04-08T12:00:00Z",
    ]


def test_a_record_that_comes_again_tells_nothing_again(case: Callable[..., Told]) -> None:
    one = case()
    record = one.step(deadlines=(CLOCK,), running=(0,))
    before = one.heard()
    assert one.book.keep(record).taken
    assert one.heard() == before


def test_a_case_that_is_recorded_whole_tells_what_nobody_has_heard(
    engine: Engine, case: Callable[..., Told], noon: datetime
) -> None:
    one = case()
    stage = Entry(at=noon, what="stage awaiting-seller")
    one.step(stage, deadlines=(CLOCK,), running=(0,))
    before = one.heard()
    forget(engine, CASE)
    breach = {"window": "seller_reply", "due": noon.isoformat(), "at": noon.isoformat()}
    one.step(Entry(at=noon, what="stage with-agent"), whole=True, breaches=(breach,))
    after = one.heard()
    assert after[: len(before)] == before
    assert [event.type for event in after[len(before) :]] == ["case.stage-changed", "case.breach"]
    assert [event.sequence for event in after] == [*range(len(after))]


def test_the_same_stage_twice_in_one_step_is_told_twice(
    case: Callable[..., Told], noon: datetime
) -> None:
    one = case()
    stages = ("awaiting-buyer", "awaiting-seller", "awaiting-buyer")
    one.step(*(Entry(at=noon, what=f"stage {stage}") for stage in stages))
    assert tuple(event.data["stage"] for event in one.heard()[1:]) == stages


def test_a_warning_says_until_when_the_time_runs(case: Callable[..., Told], noon: datetime) -> None:
    one = case()
    reminded = Entry(at=noon, what="reminded", by=Party.SELLER, detail="seller_reply")
    one.step(reminded, deadlines=(CLOCK,), running=(0,))
    (warning,) = (event for event in one.heard() if event.type == EventType.DEADLINE_WARNING)
    assert warning.data == {"party": "seller", "window": "seller_reply", "due": CLOCK["due"]}


def test_what_agents_propose_to_each_other_no_trader_hears(case: Callable[..., Told]) -> None:
    one = case()
    one.step(decisions=(DECISION,))
    assert one.types() == ["opened", "decision"]
    assert one.types(seller="s-1") == one.types(buyer="b-1") == ["opened"]
    one.step(decisions=({**DECISION, "standing": "announced"},))
    assert one.types(seller="s-1") == one.types(buyer="b-1") == ["opened", "decision"]
    assert all("Between us." not in str(event.data) for event in one.heard())


def test_a_claim_against_a_carrier_is_the_sellers_alone(case: Callable[..., Told]) -> None:
    one = case(id="carrier-claim:PL:PL-1:1", kind="carrier-claim")
    del one.facts["reason"], one.facts["wanted"]
    one.step()
    assert one.types(seller="s-1") == ["opened"]
    assert one.types(buyer="b-1") == []


def test_stages_of_a_return_name_the_case_that_it_belongs_to(
    case: Callable[..., Told], noon: datetime
) -> None:
    one = case(id="return:PL:1:1", kind="return", belongs_to=CASE)
    del one.facts["reason"], one.facts["wanted"]
    one.step(Entry(at=noon, what="stage in-transit"))
    opened, moved = one.heard()
    assert opened.data == {"opened_by": "buyer", "belongs_to": CASE}
    assert (moved.type, moved.data) == (
        EventType.RETURN_STAGE_CHANGED,
        {"stage": "in-transit", "belongs_to": CASE},
    )


def test_a_case_that_is_not_opened_ends_without_having_begun_and_can_begin_later(
    case: Callable[..., Told], noon: datetime
) -> None:
    one = case(refusal={"code": "order-unknown", "sentence": "It is not there."})
    over = CloseCase(case_id=CASE, ending=Ending.NOT_OPENED, at=noon, escalated=False, breaches=0)
    one.step(over=over)
    (ended,) = one.heard()
    assert ended.data == {"ending": "not-opened", "refusal": "order-unknown"}
    del one.facts["refusal"]
    one.step(whole=True)
    assert one.types() == ["closed", "opened"]


def test_pages_go_on_after_a_number(case: Callable[..., Told], noon: datetime) -> None:
    one = case()
    one.step(*(Entry(at=noon, what=f"stage {stage}") for stage in ("with-agent", "decided") * 5))
    whole, pages, after = one.heard(), list[PublicEvent](), 0
    while page := one.events.after(after, 3):
        pages, after = [*pages, *page], page[-1].number
    assert pages == whole
    assert one.events.last() == whole[-1].number
    assert one.heard(case_id="dispute:PL:PL-2:1") == []
