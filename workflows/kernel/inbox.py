"""Commands as they come: each is taken once, and repeated it is answered as before."""

from collections import Counter, deque
from datetime import datetime

from domain.commands import Close, Command
from domain.parties import Party
from domain.refusals import Code, Refusal
from domain.view import Receipt

COMMANDS = {Party.BUYER: 400, Party.SELLER: 400, Party.AGENT: 500, Party.PLATFORM: 300}
"""How many commands of each party a case takes: far more than any needs."""


class Inbox:
    """What was sent into a case, and what waits for its timeline."""

    def __init__(self) -> None:
        self._waiting: deque[Command] = deque()
        self._answered: dict[str, tuple[Command, Receipt]] = {}
        self._taken_at: dict[str, datetime] = {}
        self._came: Counter[Party] = Counter()

    def __bool__(self) -> bool:
        """Whether a command waits for the timeline."""
        return bool(self._waiting)

    def came(self, by: Party) -> None:
        """Count a command of a party, whether or not it is taken."""
        self._came[by] += 1

    def one_too_many(self, command: Command) -> Refusal | None:
        """Temporal takes 2,000 updates in a run: each party has its share, and closing a rest."""
        party = command.by.party
        if isinstance(command, Close) or self._came[party] < COMMANDS[party]:
            return None
        return Refusal(
            code=Code.TOO_MANY_COMMANDS,
            sentence=f"The {party} has sent {COMMANDS[party]} commands into this case, and it "
            "takes no more; the platform can close it.",
        )

    def knows(self, command: Command) -> bool:
        """Whether this very command was taken before."""
        known = self._answered.get(command.command_id)
        return known is not None and known[0] == command

    def other_under(self, command: Command) -> Refusal | None:
        """Another command was taken under the same id."""
        if command.command_id not in self._answered or self.knows(command):
            return None
        return Refusal(
            code=Code.COMMAND_ID_REUSED,
            sentence="Another command was sent under this id; give each its own.",
        )

    def answer(self, command: Command, receipt: Receipt) -> None:
        """What whoever repeats this command is told."""
        self._answered[command.command_id] = (command, receipt)

    def answered(self, command: Command) -> Receipt | None:
        """What was answered to this command, if it was taken."""
        known = self._answered.get(command.command_id)
        return known and known[1]

    def take(self, command: Command, at: datetime) -> None:
        """Remember when a command was taken, which need not wait for the timeline."""
        self._taken_at[command.command_id] = at

    def taken_at(self, command: Command) -> datetime:
        """When a command was taken."""
        return self._taken_at[command.command_id]

    def put(self, command: Command) -> None:
        """Let a command wait its turn."""
        self._waiting.append(command)

    def first(self) -> Command | None:
        """The command whose turn it is."""
        return self._waiting[0] if self._waiting else None

    def next(self) -> Command:
        """Take the command whose turn it is out."""
        return self._waiting.popleft()

    def has(self, command: Command) -> bool:
        """Whether this command, and not another like it, still waits."""
        return any(waiting is command for waiting in self._waiting)

    def empty(self) -> tuple[Command, ...]:
        """Take out all that waits."""
        rest = tuple(self._waiting)
        self._waiting.clear()
        return rest
