"""One record of each step of a case, in one transaction."""

from typing import Protocol

from temporalio import activity

from domain.step_record import StepKept, StepRecord


class Book(Protocol):
    """Where the records are kept."""

    def keep(self, record: StepRecord) -> StepKept:
        """Keep a record: how the case stands, what happened, what was said, its tasks, its end."""


class StepRecords:
    """What the world outside learns of cases."""

    def __init__(self, book: Book) -> None:
        self._book = book

    @activity.defn(name="record_step", no_thread_cancel_exception=True)
    def record(self, record: StepRecord) -> StepKept:
        """Keep what a step has changed; a record that comes again changes nothing."""
        return self._book.keep(record)
