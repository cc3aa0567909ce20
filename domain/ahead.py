"""What can still happen in a case: each process declares it, stage by stage, beside its timeline.

From it come the diagrams of docs/processes/ and `starter.py preview`. Nothing runs by it: tests
hold that whole lives of cases take no other way, and take every one of these.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.commands import CommandBase
from domain.parties import Party
from domain.stages import Flow, Stage


class Moves(StrEnum):
    """The money that a step moves."""

    REFUND = "refund"
    """To the buyer, what the case's preview says; else what is at stake."""
    NAMED = "named"
    """To the buyer, the amount that is named, at most what is at stake."""
    RECOVERY = "recovery"
    """From the carrier, to the seller."""


@dataclass(frozen=True)
class Silent:
    """A party says nothing until a window's end."""

    window: str
    party: Party


@dataclass(frozen=True)
class Happens:
    """Something happens outside: the marketplace answers, a parcel arrives, another case ends."""

    what: str


@dataclass(frozen=True)
class Branch:
    """A way on: what somebody sends, a silence, or an event; and the stage that it leads to."""

    on: type[CommandBase] | Silent | Happens
    to: Stage
    moves: Moves | None = None


Ahead = dict[Stage, tuple[Branch, ...]]
"""The ways on from each stage."""


def flow(ahead: Ahead) -> Flow:
    """Which stage may follow which."""
    return {
        stage: tuple(dict.fromkeys(branch.to for branch in branches if branch.to is not stage))
        for stage, branches in ahead.items()
    }
