"""What takes a case on is taken one at a time, until its timeline asks for the next step."""

from collections.abc import Callable

from domain.commands import Command
from domain.refusals import Code, Refusal

ANOTHER_STEP = Refusal(
    code=Code.ALREADY_DONE,
    sentence="Another step was taken this moment; look at the case again.",
)


class OneStep:
    """The step that a case takes. `waits`: whether a command waits for the timeline."""

    def __init__(self, waits: Callable[[Command], bool]) -> None:
        self._waits = waits
        self._step: Command | None = None
        self._by_itself = False

    @property
    def taken(self) -> bool:
        """Whether a step was taken since the timeline last asked for one."""
        return self._by_itself or self._step is not None

    def take(self, command: Command) -> None:
        """This command takes the case on."""
        self._step = command

    def take_by_itself(self) -> None:
        """The case goes on by itself: who is late is not heard any more."""
        self._by_itself = True

    def next(self) -> None:
        """Another step can be taken, unless one was that the timeline has not heard of yet."""
        self._by_itself = False
        if self._step and not self._waits(self._step):
            self._step = None
