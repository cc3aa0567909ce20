"""Lists of cases by their records: in which order, page by page, and what has changed."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.kinds import Kind
from domain.notices import Ending, Message
from domain.parties import Actor, Party
from domain.ports import CloseCase
from domain.stages import Stage
from domain.step_record import Snapshot, StepRecord, changed_facts
from store.archive import Archive
from store.searching import Search
from store.standings import Filters, Listed, Place, Standings
from store.step_records import StepBook

Keep = Callable[..., None]


@pytest.fixture
def keep(engine: Engine, noon: datetime) -> Keep:
    """Keeps a record of a case as it stands, whole; closed ones `hours` ago."""
    book, steps = StepBook(engine), dict[str, int]()

    def record(name: str, *, closed: float | None = None, **facts: Any) -> None:
        case_id = f"dispute:PL:{name}:1"
        steps[case_id] = steps.get(case_id, 0) + 1
        over = closed is not None and CloseCase(
            case_id=case_id,
            ending=Ending.SETTLED,
            at=noon - timedelta(hours=closed),
            escalated=False,
            breaches=0,
        )
        usual = {
            "id": case_id,
            "kind": "dispute",
            "country": "PL",
            "order_id": name,
            "opened_at": noon.isoformat(),
            "opened_by": {"party": "buyer", "id": "b-1"},
            "reason": "other",
            "wanted": "full-refund",
            "stage": "closed" if over else "awaiting-seller",
            "buyer_id": "b-1",
            "seller_id": "s-1",
        }
        now = Snapshot(facts={k: v for k, v in {**usual, **facts}.items() if v is not None})
        book.keep(
            StepRecord(
                case_id=case_id,
                run="r1",
                number=steps[case_id],
                at=noon,
                whole=True,
                facts=changed_facts(Snapshot(), now),
                over=over or None,
            )
        )

    return record


def names(cases: list[Listed]) -> list[str]:
    return [case.order_id for case in cases]


def paged(standings: Standings, filters: Filters, limit: int) -> Iterator[list[str]]:
    """The pages of a list."""
    after: Place | None = None
    while True:
        cases, after = standings.page(filters, limit, after)
        yield names(cases)
        if after is None:
            return


def test_are_those_due_first_at_the_top_and_closed_ones_behind_the_last_one_first(
    engine: Engine, keep: Keep, noon: datetime
) -> None:
    due = {"late": noon + timedelta(days=9), "soon": noon + timedelta(days=1)}
    keep("held")
    keep("ended-long-ago", closed=40)
    for name, at in due.items():
        keep(name, due=at.isoformat(), awaited="seller")
    keep("just-ended", closed=1)
    standings = Standings(engine)
    in_order = ["soon", "late", "held", "just-ended", "ended-long-ago"]
    assert names(standings.page(Filters(open=None), 10)[0]) == in_order
    assert names(standings.page(Filters(), 10)[0]) == in_order[:3]
    assert names(standings.page(Filters(open=False), 10)[0]) == in_order[3:]
    assert list(paged(standings, Filters(open=None), 2)) == [
        in_order[:2],
        in_order[2:4],
        in_order[4:],
    ]
    assert standings.count(Filters(open=None)) == 5
    keep("soon", due=(noon + timedelta(days=30)).isoformat(), awaited="buyer")
    assert names(standings.page(Filters(), 10)[0]) == ["late", "soon", "held"]


def test_does_every_filter_narrow_the_list(engine: Engine, keep: Keep, noon: datetime) -> None:
    task = {
        "id": "t",
        "case_id": "dispute:PL:one:1",
        "queue": "disputes-pl",
        "purpose": "decide",
        "priority": 5,
        "state": "open",
        "opened_at": noon.isoformat(),
    }
    keep(
        "one",
        stage="with-agent",
        awaited="agent",
        due=noon.isoformat(),
        country="SI",
        seller_id="s-2",
        buyer_id="b-2",
        task=task,
    )
    keep("other")
    standings, later = Standings(engine), noon + timedelta(seconds=1)
    filters = (
        Filters(stage=Stage.WITH_AGENT),
        Filters(country="SI"),
        Filters(awaited=Party.AGENT),
        Filters(seller="s-2"),
        Filters(buyer="b-2"),
        Filters(queue="disputes-pl"),
        Filters(order="one"),
        Filters(due_before=later),
        Filters(among=["dispute:PL:one:1", "dispute:PL:none:1"]),
        Filters(called=True),
        Filters(called=True, queues=["letters-pl", "disputes-pl"]),
        Filters(kinds=[Kind.DISPUTE, Kind.INQUIRY], seller="s-2"),
    )
    for narrowed in filters:
        assert names(standings.page(narrowed, 10)[0]) == ["one"], narrowed
        assert standings.count(narrowed) == 1
    for none in (
        Filters(due_before=noon),
        Filters(breached=True),
        Filters(among=[]),
        Filters(called=True, queues=["disputes-si"]),
        Filters(called=True, queues=[]),
        Filters(kinds=[Kind.INQUIRY]),
    ):
        assert standings.page(none, 10) == ([], None)


def test_does_a_page_of_any_size_show_each_case_once_in_one_order(
    engine: Engine, keep: Keep, noon: datetime
) -> None:
    chance = random.Random(7)
    for number in range(60):
        at = noon + timedelta(hours=chance.randrange(5))
        due = None if chance.random() < 0.3 else at.isoformat()
        keep(f"n-{number}", due=due, closed=chance.choice([None, None, 1, 2]))
    standings = Standings(engine)
    whole = names(standings.page(Filters(open=None), 100)[0])
    assert len(set(whole)) == 60
    for limit in (1, 7, 59, 60):
        found = [name for page in paged(standings, Filters(open=None), limit) for name in page]
        assert found == whole


def test_does_who_asks_for_what_has_changed_miss_nothing_while_cases_change(
    engine: Engine, keep: Keep, noon: datetime
) -> None:
    standings, seen, since = Standings(engine), dict[str, datetime | None](), 0

    def change(n: int) -> None:
        for day in range(25):
            keep(f"n-{n}", due=(noon + timedelta(days=day)).isoformat(), reason=str(day))

    def read(since: int) -> int:
        while found := standings.changed(Filters(open=None), since, 3):
            for case in found:
                seen[case.order_id] = case.due
            since = found[-1].changed
        return since

    with ThreadPoolExecutor(5) as pool:
        changing = [pool.submit(change, n) for n in range(4)]
        while not all(done.done() for done in changing):
            since = read(since)
        for done in changing:
            done.result()
    read(since)
    assert seen == {f"n-{n}": noon + timedelta(days=24) for n in range(4)}


@pytest.mark.parametrize(
    "filters",
    [Filters(), Filters(queue="disputes-pl"), Filters(seller="s-1"), Filters(buyer="b-1")],
)
def test_is_a_page_read_from_an_index_in_its_order(engine: Engine, filters: Filters) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite plans otherwise")
    with Session(engine) as session:
        # As many rows as make a plan that sorts dear.
        session.execute(
            text(
                "INSERT INTO standings (case_id, run, step, moved_at, kind, country, order_id, "
                "buyer_id, seller_id, stage, breached, undelivered, queue, opened_at, over, rank, "
                "facts, lists) SELECT 'c' || n, 'r', 1, now(), 'dispute', 'PL', 'o' || n, "
                "'b-' || n % 50, 's-' || n % 50, 'awaiting-seller', false, false, "
                "CASE WHEN n % 50 = 0 THEN 'disputes-pl' END, now(), n % 4 = 0, n, '{}', '{}' "
                "FROM generate_series(1, 20000) n"
            )
        )
        session.execute(text("ANALYZE standings"))
        session.commit()
    asked = Standings(engine).statement(filters, 50, Place(False, 500, "c500"))
    compiled = asked.compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN {compiled}".replace("%", "%%"))
        steps = "\n".join(row[0] for row in plan)
    assert "Index Scan using standings_" in steps
    assert "Sort" not in steps
    assert "Seq Scan" not in steps


def test_a_search_stays_within_the_cases_of_its_filters(
    engine: Engine, noon: datetime, keep: Keep
) -> None:
    archive, words = Archive(engine), "does not light"
    for name in ("1", "2"):
        keep(name)
        by = Actor(party=Party.BUYER, id="b-1")
        said = [Message(id=f"m{n}", at=noon, by=by, text=f"It {words}, {n}.") for n in range(3)]
        archive.add_messages(f"dispute:PL:{name}:1", said)
    search, within = Search(engine), Filters(among=("dispute:PL:1:1",), open=None)
    whole = search.page(words.upper(), within, 9)
    assert [hit.message.id for hit in whole] == ["m2", "m1", "m0"]
    assert search.page(words, within, 1, whole[0].number) == [whole[1]]
    assert len(search.page(words, Filters(open=None), 9)) == 6
    assert search.page(words, Filters(open=False), 9) == []
