"""Whether cases go only the ways that their processes declare in AHEAD."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from domain.ahead import Branch, Happens, Silent
from domain.commands import Claim, Hold, Release, Resume, Say
from domain.excerpts import ROOM
from domain.stages import Stage
from domain.view import CaseView, Entry
from workflows.kernel.case import Case
from workflows.processes import PROCESSES

TALK = {verb.word() for verb in (Say, Hold, Resume, Claim, Release)}
"""What anybody may send without leading anywhere by it, though in some processes a word does."""


class Step(NamedTuple):
    """A step from stage to stage, and what was noted before it, by the stages it was noted at."""

    start: Stage
    end: Stage
    noted: tuple[tuple[Entry, ...], ...]


def process_of(view: CaseView) -> type[Case]:
    """The process of a case."""
    return PROCESSES[view.kind]


def steps(timeline: Sequence[Entry]) -> Iterator[Step]:
    """The steps that a case has taken."""
    stage = Stage.OPENING
    noted: list[list[Entry]] = [[]]
    for entry in timeline:
        if entry.what.startswith("stage "):
            following = Stage(entry.what.removeprefix("stage "))
            yield Step(stage, following, tuple(map(tuple, noted)))
            stage = following
            noted.append([])
        else:
            noted[-1].append(entry)


def taken(process: type[Case], step: Step) -> list[Branch]:
    """The declared ways that this step can have been; none where it was not declared.

    What was noted at the stage leads on from it. Where nothing was that leads anywhere, the case
    has only passed through the stage, by what brought it there.
    """
    ways = [branch for branch in process.AHEAD[step.start] if branch.to is step.end]
    leads = {
        branch.on.what if isinstance(branch.on, Happens) else "silence"
        for branches in process.AHEAD.values()
        for branch in branches
        if isinstance(branch.on, Happens | Silent)
    } | {verb.word() for verb in process.PERMITTED}
    for noted in reversed(step.noted):
        if fitting := [way for way in ways if any(fits(process, way, entry) for entry in noted)]:
            return fitting
        if any(entry.what in leads - TALK for entry in noted):
            break
    return []


def fits(process: type[Case], way: Branch, entry: Entry) -> bool:
    """Whether this entry is what the way begins with."""
    match way.on:
        case Happens(what=what):
            return entry.what == what
        case Silent(window=window, party=party):
            return (entry.what, entry.detail, entry.by) == ("silence", window, party)
        case verb:
            parties = (way.by,) if way.by else process.PERMITTED[verb][0]
            return entry.what == verb.word() and entry.by in parties


def undeclared_steps(view: CaseView) -> list[str]:
    """The steps that a case has taken and its process does not declare."""
    if view.in_all or len(view.timeline) >= ROOM["timeline"].entries:
        return []  # cut, or put together again: of a step, what led to it can be missing
    process = process_of(view)
    wrong = []
    for step in steps(view.timeline):
        if not taken(process, step):
            noted = [f"{e.by or ''} {e.what} {e.detail}".strip() for e in step.noted[-1]]
            wrong.append(f"{view.kind}: {step.start} -> {step.end} after {noted}")
    return wrong


def undeclared_clocks(view: CaseView) -> list[str]:
    """The clocks that run in a case at rest and that its process does not declare at its stage."""
    if view.stage in (Stage.OPENING, Stage.CLOSED):
        return []
    process = process_of(view)
    declared = {
        (branch.on.window, branch.on.party)
        for branch in process.AHEAD[view.stage]
        if isinstance(branch.on, Silent)
    }
    return [
        f"{view.kind}: {clock.window} of the {clock.awaited} runs at {view.stage}"
        for clock in view.clocks
        if (clock.window, clock.awaited) not in declared
    ]
