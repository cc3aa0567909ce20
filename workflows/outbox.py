"""What is said and written leaves by itself, while the timeline goes on: messages into the archive
at once and whatever becomes of letters; letters in order, all of one step together.
"""

from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.notices import Notices
from domain.notices import Mailing, Message, Notice, Said
from workflows.errands import Errands, failure_type
from workflows.options import ARCHIVE, LETTERS

AT_ONCE = 20
"""Messages, and notices, that leave together: far below Temporal's 2 MB for an argument."""


class Outbox:
    """What a case has written and not yet sent.

    `complete` says that the timeline has added all that belongs to the current step;
    `undelivered` is told the kind of a failure that no retry mends. `archives_first`: whether
    messages have a step of their own; in cases from before, they leave with the letters.
    `unarchived` is told the kind of a failure of that step. `whole_steps`: whether no letter of a
    step leaves before the step is complete; in cases from before, the first mailing waits alone.
    """

    def __init__(
        self,
        case_id: str,
        errands: Errands,
        *,
        complete: Callable[[], bool],
        undelivered: Callable[[str], None],
        archives_first: Callable[[], bool],
        unarchived: Callable[[str], None],
        whole_steps: Callable[[], bool],
    ) -> None:
        self._errands = errands
        self._complete = complete
        self._undelivered = undelivered
        self._archives_first = archives_first
        self._unarchived = unarchived
        self._whole_steps = whole_steps
        self._said: list[Message] = []
        self._empty = Mailing(case_id=case_id)
        self._unsent = self._empty
        self._posting = False

    def add_message(self, message: Message) -> None:
        """A person's message, for the archive."""
        if not self._archives_first():
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
                # No local activity: that runs before its workflow task counts, and a task that is
                # lost with its worker is run again, at another time and perhaps to another end.
                await workflow.execute_activity_method(
                    Notices.archive,
                    Said(case_id=self._empty.case_id, messages=said),
                    summary="archive",
                    **ARCHIVE,
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                self._unarchived(failure_type(error))
            del self._said[: len(said)]

    async def _post(self) -> None:
        await workflow.wait_condition(self._complete)
        while self._unsent != self._empty:
            mailing = self._next()
            try:
                posted = await workflow.execute_activity_method(
                    Notices.send, mailing, summary=contents(mailing), **LETTERS
                )
                for one in posted.undelivered if posted else ():
                    self._undelivered(f"{one.to}: {one.name} ({one.why})")
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                self._undelivered(failure_type(error))
            if self._whole_steps():
                await workflow.wait_condition(self._complete)
        self._posting = False

    def _next(self) -> Mailing:
        """The oldest of what is unsent, not more than an activity's argument can hold."""
        unsent, end = self._unsent, AT_ONCE
        if self._whole_steps():
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
