"""Why a command cannot be taken, as far as that holds in every process."""

from collections.abc import Collection, Mapping

from temporalio.exceptions import ApplicationError

from domain.commands import CommandBase, Hold, LeaveLetters, ResendLetters, Resume
from domain.kinds import Kind
from domain.parties import Actor, Party
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import Recalculate
from domain.writing import reason_refusal

Permitted = dict[type[CommandBase], tuple[tuple[Party, ...], tuple[Stage, ...]]]
"""Who may send what, and at which stages."""

ABOUT_LETTERS: tuple[type[CommandBase], ...] = (ResendLetters, LeaveLetters)
"""What agents and the platform may send at every stage, once a letter has not arrived."""

SEES_TO_THE_CASE = (Party.AGENT, Party.PLATFORM)

SPOKEN = {
    Party.BUYER: "the buyer",
    Party.SELLER: "the seller",
    Party.AGENT: "an agent",
    Party.PLATFORM: "the platform",
}

CLOSED = Refusal(
    code=Code.CASE_CLOSED,
    sentence="The case is closed; look at how it ended before you open another.",
)


def impostor(by: Actor, known: Mapping[Party, str]) -> Refusal | None:
    """Another buyer or seller than the case's; `known`: the ids of its own, once it has them."""
    own = known.get(by.party)
    if not own or by.id == own:
        return None
    return Refusal(
        code=Code.NOT_YOURS, sentence=f"This case has another {by.party}; check `by.id`."
    )


def not_permitted(
    verb: type[CommandBase], by: Party, stage: Stage, kind: Kind, permitted: Permitted
) -> Refusal | None:
    """A verb that cases of this kind do not take from this party, or not at this stage."""
    if verb not in permitted:
        takes = sorted(known.word() for known in (*permitted, *ABOUT_LETTERS))
        return Refusal(
            code=Code.UNKNOWN_COMMAND, sentence=f"A case of this kind takes {', '.join(takes)}."
        )
    who, when = permitted[verb]
    if by not in who:
        return Refusal(
            code=Code.NOT_YOURS,
            sentence=f"Only {' or '.join(SPOKEN[party] for party in who)} can do this in "
            f"{article(kind)} {kind.words}.",
        )
    if stage not in when:
        return Refusal(code=Code.WRONG_STAGE, sentence=f"Not while the {kind.words} is {stage}.")
    return None


def clock_bars(verb: type[CommandBase], by: Party, *, held: bool, running: bool) -> Refusal | None:
    """A clock that cannot be held, or run again, now or by this party."""
    if verb is Hold and held:
        return Refusal(code=Code.CLOCK_HELD, sentence="The clock is held already.")
    if verb is Resume and not held:
        return Refusal(code=Code.CLOCK_RUNNING, sentence="The clock is not held.")
    if verb in (Hold, Resume) and by not in SEES_TO_THE_CASE:
        return Refusal(code=Code.NOT_YOURS, sentence="Only an agent holds a clock; ask for one.")
    if verb is Hold and not running:
        return Refusal(code=Code.WRONG_STAGE, sentence="No clock is running.")
    return None


def letters_bar(by: Party, *, undelivered: bool) -> Refusal | None:
    """Letters that are not for this party to see to, or have all arrived."""
    if by not in SEES_TO_THE_CASE:
        return Refusal(code=Code.NOT_YOURS, sentence="Only an agent sees to letters.")
    if not undelivered:
        return Refusal(code=Code.ALREADY_DONE, sentence="Every letter has arrived.")
    return None


def recalculation_bars(wanted: Recalculate, *, over: bool) -> Refusal | None:
    """Rules that are not for this party to take up anew, or not any more."""
    if wanted.by.party not in SEES_TO_THE_CASE:
        return Refusal(code=Code.NOT_YOURS, sentence="Only an agent recalculates; ask for one.")
    if over:
        return Refusal(code=Code.CASE_CLOSED, sentence="The case is closed.")
    return reason_refusal(wanted)


def with_verbs(refusal: Refusal, party: Party, verbs: Collection[str]) -> Refusal:
    """The same, with what the party may do instead."""
    may = ", ".join(verbs) or "nothing"
    said = f"{refusal.sentence} What the {party} may do now: {may}."
    return refusal.model_copy(update={"sentence": said})


def article(kind: str) -> str:
    """ "a" or "an"."""
    return "an" if kind[0] in "aeiou" else "a"


def refused(refusal: Refusal) -> ApplicationError:
    """The refusal as its caller receives it."""
    return ApplicationError(refusal.sentence, type=refusal.code, non_retryable=True)
