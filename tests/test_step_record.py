"""Do the records of a case's steps, one after the other, make the case again?"""

from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.step_record import Snapshot, StepRecord, applied, changed_facts, changed_lists

BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy."""

NOON = datetime(2026, 4, 3, 12, 0, tzinfo=UTC)
NAMES = st.sampled_from(["stage", "awaited", "due", "task", "offers", "clocks"])
FACTS = st.one_of(st.booleans(), st.text(max_size=3), st.dictionaries(NAMES, st.integers()))
LISTS = st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple)


def snapshots() -> st.SearchStrategy[Snapshot]:
    """Cases at the end of a step; a name may be a fact in one and a list in the next."""
    return st.builds(
        Snapshot,
        facts=st.dictionaries(NAMES, FACTS, max_size=4),
        lists=st.dictionaries(NAMES, LISTS, max_size=3),
    )


def record(before: Snapshot, now: Snapshot, **more: Any) -> StepRecord:
    return StepRecord(
        case_id="dispute:PL:1:1",
        run="r",
        number=1,
        at=NOON,
        facts=changed_facts(before, now),
        lists=changed_lists(before, now),
        **more,
    )


@BUSY
@given(st.lists(snapshots(), min_size=1, max_size=6))
def test_the_records_one_after_the_other_make_the_case(steps: list[Snapshot]) -> None:
    kept = before = Snapshot()
    for now in steps:
        sent = StepRecord.model_validate_json(record(before, now).model_dump_json())
        kept, before = applied(kept, sent), now
        assert kept == now


@BUSY
@given(snapshots(), snapshots())
def test_a_whole_record_stands_for_all_before_it(before: Snapshot, now: Snapshot) -> None:
    assert applied(before, record(Snapshot(), now, whole=True)) == now


@BUSY
@given(snapshots())
def test_what_has_not_changed_is_not_said(now: Snapshot) -> None:
    assert record(now, now) == record(Snapshot(), Snapshot())


def test_of_a_list_that_grows_only_what_is_new_is_said() -> None:
    before = Snapshot(lists={"offers": ({"id": "1"}, {"id": "2"})})
    now = Snapshot(lists={"offers": ({"id": "1"}, {"id": "2"}, {"id": "3"})})
    [grown] = changed_lists(before, now).values()
    assert (grown.kept, grown.then) == (2, ({"id": "3"},))
