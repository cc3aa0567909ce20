"""What is said and written leaves by itself, while the timeline goes on: messages into the archive
at once and whatever becomes of letters; letters in order, all of one step together.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from temporalio import workflow
from temporalio.exceptions import ActivityError, RetryState, is_cancelled_exception

from activities.notices import Notices
from domain.letters import Trouble, Undelivered
from domain.notices import Mailing, Message, Notice, Said
from domain.ports import ARCHIVES_APART, RECORDS, WHOLE_STEPS
from workflows.kernel.errands import Errands, failure_type
from workflows.kernel.options import (
    ARCHIVE,
    LAST_LETTERS,
    LETTERS,
    LETTERS_AT_ONCE,
    ForeignPatience,
)

AT_ONCE = 20
"""Messages, and notices, that leave together: far below Temporal's 2 MB for an argument."""


class Told(Protocol):
    """Who is told what became of letters."""

    def under_way(self, notices: Iterable[Notice]) -> None:
        """The mail server does not take these now, and is tried again beside."""

    def went(self, notices: Iterable[Notice], undelivered: Iterable[Undelivered]) -> None:
        """What became of a mailing."""


class Outbox:
    """What a case has written and not yet sent.

    `complete` says that the timeline has added all that belongs to the current step; `told` hears
    what becomes of letters, and `failed` what failed in another way, and how.
    `edition` is that of the case (domain/ports.py). Before ARCHIVES_APART, messages leave with the
    letters, and every letter waits for the one before; from then on it waits while that is tried
    for the first times, so that letters arrive in their order, and one that is put off for longer
    is tried beside. Before WHOLE_STEPS, the first mailing alone waits for its step. With RECORDS
    no letter leaves before all that has happened is `recorded`.
    """

    def __init__(
        self,
        case_id: str,
        errands: Errands,
        *,
        complete: Callable[[], bool],
        told: Told,
        edition: Callable[[], int],
        recorded: Callable[[], bool],
        failed: Callable[[str, str], None],
    ) -> None:
        self._errands = errands
        self._complete = complete
        self._told = told
        self._edition = edition
        self._recorded = recorded
        self._failed = failed
        self._said: list[Message] = []
        self._empty = Mailing(case_id=case_id)
        self._unsent = self._empty
        self._posting = False

    def add_message(self, message: Message) -> None:
        """A person's message, for the archive, where no record of its step brings it there."""
        if self._edition() >= RECORDS:
            return
        if self._edition() < ARCHIVES_APART:
            self._add({"messages": (*self._unsent.messages, message)})
            return
        self._said.append(message)
        if len(self._said) == 1:
            self._errands.run(self._archive())

    def add_notice(self, notice: Notice) -> None:
        """A notice to a party, for the archive and the mail."""
        self._add({"notices": (*self._unsent.notices, notice)})

    def _add(self, more: dict[str, object]) -> None:
        self._unsent = self._unsent.model_copy(update=more)
        if not self._posting:
            self._posting = True
            self._errands.run(self._post())

    async def _archive(self) -> None:
        while said := tuple(self._said[:AT_ONCE]):
            try:
                # No local activity: see Case.own_database.
                await workflow.execute_activity_method(
                    Notices.archive,
                    Said(case_id=self._empty.case_id, messages=said),
                    summary="archive",
                    **ARCHIVE,
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                self._failed("message not archived", failure_type(error))
            del self._said[: len(said)]

    async def _post(self) -> None:
        await workflow.wait_condition(self._complete)
        while self._unsent != self._empty:
            if self._edition() >= RECORDS:
                await workflow.wait_condition(self._recorded)
            mailing = self._next()
            await self._send(mailing)
            if self._edition() >= WHOLE_STEPS:
                await workflow.wait_condition(self._complete)
        self._posting = False

    async def _send(self, mailing: Mailing) -> None:
        beside = self._edition() >= ARCHIVES_APART
        if (error := await self._sent(mailing, LETTERS_AT_ONCE if beside else LETTERS)) is None:
            return
        if beside and error.retry_state is not RetryState.NON_RETRYABLE_FAILURE:
            self._told.under_way(mailing.notices)
            self._errands.run(self._keep_trying(mailing))
        else:
            self._failed("letter undelivered", failure_type(error))

    async def _keep_trying(self, mailing: Mailing) -> None:
        """Try for days, and then say what could not be sent."""
        last = mailing.model_copy(update={"last": True})
        if await self._sent(mailing, LETTERS) and (error := await self._sent(last, LAST_LETTERS)):
            self._failed("letter undelivered", failure_type(error))
            unsent = [
                Undelivered(key=one.key, to=one.to, name=one.name, trouble=Trouble.NOT_TAKEN)
                for one in mailing.notices
            ]
            self._told.went(mailing.notices, unsent)

    async def _sent(self, mailing: Mailing, patience: ForeignPatience) -> ActivityError | None:
        """Send a mailing; why it could not be, if so."""
        try:
            posted = await workflow.execute_activity_method(
                Notices.send, mailing, summary=contents(mailing), **patience
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return error
        self._told.went(mailing.notices, posted.undelivered if posted else ())
        return None

    def _next(self) -> Mailing:
        """The oldest of what is unsent, not more than an activity's argument can hold."""
        unsent, end = self._unsent, AT_ONCE
        if self._edition() >= WHOLE_STEPS:
            steps = [notice.step for notice in unsent.notices]
            while end < len(steps) and steps[end] == steps[end - 1]:
                end += 1  # a step is not divided
        mailing = unsent.model_copy(
            update={"messages": unsent.messages[:AT_ONCE], "notices": unsent.notices[:end]}
        )
        self._unsent = unsent.model_copy(
            update={"messages": unsent.messages[AT_ONCE:], "notices": unsent.notices[end:]}
        )
        return mailing


def contents(mailing: Mailing) -> str:
    """What a mailing holds, for the Temporal UI."""
    return " · ".join(f"{n.to}: {n.name.replace('_', ' ')}" for n in mailing.notices) or "archive"
