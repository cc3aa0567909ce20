"""What is kept of events on their way to endpoints."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.public_events import EventType
from domain.step_record import Snapshot, StepRecord, changed_facts
from domain.view import Entry
from domain.webhooks import (
    GIVEN_UP_AFTER,
    LONGEST_PAUSE,
    Answered,
    DeliveryState,
    Due,
    Endpoint,
    after_attempt,
    why_pause,
)
from store.step_records import StepBook
from store.webhooks import KEPT, WebhookBook

OK, BAD = Answered(204), Answered(500)


class Sent:
    """A book with an endpoint, and cases in which something happens."""

    def __init__(self, engine: Engine, noon: datetime) -> None:
        self.book, self.steps, self.now = WebhookBook(engine), StepBook(engine), noon
        self.numbers: dict[str, count[int]] = {}
        self.add("we_1")

    def add(self, id: str, *types: EventType) -> Endpoint:
        """One more endpoint."""
        url = "https://platform.example/"
        endpoint = Endpoint(id=id, url=url, types=types, added_at=self.now)
        return self.book.add(endpoint, "#first", f"secret of {id}")

    def happens(self, name: str, *stages: str) -> None:
        """A case goes through stages."""
        case_id = f"dispute:PL:{name}:1"
        facts: dict[str, Any] = {
            "id": case_id,
            "kind": "dispute",
            "country": "PL",
            "order_id": name,
            "opened_at": self.now.isoformat(),
            "opened_by": {"party": "buyer", "id": "b-1"},
            "stage": "awaiting-seller",
            "reason": "defect",
            "wanted": "full-refund",
        }
        for stage in stages:
            number = next(self.numbers.setdefault(case_id, count(1)))
            kept = self.steps.keep(
                StepRecord(
                    case_id=case_id,
                    run="r1",
                    number=number,
                    at=self.now,
                    facts=changed_facts(Snapshot(), Snapshot(facts=facts)),
                    happened=number - 1,
                    events=(Entry(at=self.now, what=f"stage {stage}"),),
                )
            )
            assert kept.taken

    def due(self, *busy: str, limit: int = 10) -> list[Due]:
        """What is to be sent now, after what is new was taken up."""
        while self.book.take_up("we_1", self.now):
            pass
        found = self.book.look("we_1", self.now, busy, limit)
        assert found
        assert not found.news
        return found.due

    def names(self, *busy: str, limit: int = 10) -> list[str]:
        """The same in short."""
        return [f"{due.event.order_id}{due.event.sequence}" for due in self.due(*busy, limit=limit)]

    def answers(self, answered: Answered, *due: Due) -> str | None:
        """The endpoint answers; why it is paused, if so."""
        tried = [after_attempt(one, answered, self.now) for one in due]
        since = self.book.settle("we_1", tried)
        return next(filter(None, (why_pause(since, one) for one in tried)), None)

    def states(self) -> list[str]:
        """What became of everything."""
        return [one.state.value for one in self.book.deliveries("we_1", None, 0, 100)]


@pytest.fixture
def sent(engine: Engine, noon: datetime) -> Sent:
    """A book."""
    return Sent(engine, noon)


def test_of_each_case_one_after_the_other_is_sent_and_the_cases_side_by_side(sent: Sent) -> None:
    sent.happens("A", "with-agent")
    sent.happens("B", "with-agent")
    assert sent.names() == ["A0", "B0"]
    assert sent.names("dispute:PL:A:1") == ["B0"]
    assert sent.names(limit=1) == ["A0"]
    first, second = sent.due()
    sent.answers(OK, first)
    sent.answers(BAD, second)
    assert sent.names() == ["A1"]
    sent.now += timedelta(seconds=1)
    assert sent.names() == ["A1", "B0"]


def test_what_happened_before_an_endpoint_was_there_is_not_sent_to_it(sent: Sent) -> None:
    sent.happens("A", "with-agent")
    sent.add("we_2", EventType.STAGE_CHANGED)
    sent.happens("B", "with-agent", "decided")
    while sent.book.take_up("we_2", sent.now):
        pass
    found = sent.book.deliveries("we_2", None, 0, 100)
    assert [one.event.data for one in found] == [{"stage": "with-agent"}, {"stage": "decided"}]


def test_it_is_tried_for_a_day_at_growing_intervals_and_then_is_dead_and_goes_again(
    sent: Sent,
) -> None:
    sent.happens("A", "with-agent")
    began, pauses = sent.now, []
    why = None
    while sent.names() == ["A0"]:
        [due] = sent.due()
        why = sent.answers(BAD, due)
        [kept, *_] = sent.book.deliveries("we_1", None, 0, 1)
        if kept.due is None:
            break
        pauses.append(kept.due - sent.now)
        sent.now = kept.due
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=1), LONGEST_PAUSE)
    assert GIVEN_UP_AFTER <= sent.now - began < GIVEN_UP_AFTER + LONGEST_PAUSE
    assert why == "Nothing has arrived for a day."
    assert (kept.state, kept.status, kept.tried) == (DeliveryState.DEAD, 500, len(pauses) + 1)
    assert [one.id for one in sent.book.deliveries("we_1", DeliveryState.DEAD, 0, 100)] == [kept.id]
    assert sent.names() == ["A1"]

    again = sent.book.send_again("we_1", kept.event.number, sent.now)
    assert again
    assert again.state is DeliveryState.WAITING
    assert sent.names() == ["A0"]
    assert sent.answers(BAD, *sent.due()) is None
    assert sent.states() == ["waiting", "waiting"]


def test_an_endpoint_that_takes_some_is_not_paused_for_one_that_it_never_takes(sent: Sent) -> None:
    sent.happens("A", "with-agent")
    [due] = sent.due()
    sent.answers(BAD, due)
    sent.now += GIVEN_UP_AFTER - timedelta(minutes=1)
    sent.happens("B", "with-agent")
    poison, good = sent.due()
    sent.answers(OK, good)
    sent.now += timedelta(minutes=1)
    assert sent.answers(BAD, poison) is None
    assert sent.states()[0] == "dead"


def test_an_endpoint_says_that_it_fails_until_something_arrives(sent: Sent) -> None:
    sent.happens("A", "with-agent")
    [due] = sent.due()
    sent.answers(BAD, due)
    failing = sent.book.find("we_1")
    assert failing
    assert failing.failing_since == sent.now
    sent.now += timedelta(seconds=1)
    sent.answers(BAD, *sent.due())
    assert sent.book.find("we_1") == failing
    sent.now += timedelta(seconds=2)
    sent.answers(OK, *sent.due())
    assert sent.book.endpoints() == [failing.model_copy(update={"failing_since": None})]


def test_what_waited_through_a_pause_is_sent_at_once_and_has_a_whole_day(sent: Sent) -> None:
    sent.happens("A", "with-agent")
    sent.answers(BAD, *sent.due())
    sent.book.pause("we_1", "It was away.", sent.now)
    sent.now += timedelta(days=3)
    found = sent.book.look("we_1", sent.now, (), 10)
    assert found
    assert found.endpoint.paused_why == "It was away."
    resumed = sent.book.resume("we_1", sent.now)
    assert resumed
    assert (resumed.paused_at, resumed.failing_since) == (None, None)
    assert sent.answers(BAD, *sent.due()) is None
    assert sent.states() == ["waiting", "waiting"]


def test_two_secrets_hold_at_a_time_and_the_one_before_for_a_day(
    sent: Sent, noon: datetime
) -> None:
    day = timedelta(days=1)

    def holds(after: timedelta) -> list[str]:
        return sent.book.secrets("we_1", noon + after)

    assert holds(timedelta()) == ["secret of we_1"]
    assert sent.book.replace_secret("we_1", "k1", "second", noon, noon + day) == "second"
    assert sent.book.replace_secret("we_1", "k1", "other", noon, noon + day) == "second"
    hour = timedelta(hours=1)
    assert {*holds(hour)} == {"second", "secret of we_1"}
    assert holds(day) == ["second"]
    sent.book.replace_secret("we_1", "k2", "third", noon + hour, noon + hour + day)
    assert holds(hour) == ["third", "second"]
    assert sent.book.replace_secret("we_9", "k1", "other", noon, noon + day) is None


def test_what_has_arrived_is_forgotten_after_a_while_and_what_is_dead_is_not(sent: Sent) -> None:
    sent.happens("A", "with-agent")
    sent.happens("B", "with-agent")
    first, second = sent.due()
    sent.answers(OK, first)
    sent.answers(BAD, second)
    sent.now += GIVEN_UP_AFTER
    sent.answers(BAD, *(due for due in sent.due() if due.event.order_id == "B"))
    assert "dead" in sent.states()
    sent.now += KEPT
    sent.happens("C", "with-agent")
    assert sent.book.take_up("we_1", sent.now)
    assert "delivered" not in sent.states()
    assert "dead" in sent.states()


def test_an_endpoint_that_is_taken_out_leaves_nothing_and_takes_nothing(sent: Sent) -> None:
    sent.happens("A", "with-agent")
    assert sent.due()
    assert sent.book.remove("we_1")
    assert not sent.book.remove("we_1")
    assert sent.book.look("we_1", sent.now, (), 10) is None
    assert sent.book.take_up("we_1", sent.now) == 0
    assert sent.book.deliveries("we_1", None, 0, 100) == []
    assert sent.book.secrets("we_1", sent.now) == []
    assert sent.book.send_again("we_1", 1, sent.now) is None
