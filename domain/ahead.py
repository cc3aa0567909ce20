"""What can still happen in a case: each process declares it, stage by stage, beside its timeline.

From it come the pages of docs/processes/ and `starter.py preview`. Nothing runs by it: tests
hold that whole lives of cases take no other way, and that their clocks are those declared here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.commands import Claim, CommandBase, Remedy
from domain.parties import Party
from domain.policy import OnSilence
from domain.stages import Flow, Stage


class Moves(StrEnum):
    """The money that a step moves."""

    REFUND = "refund"
    """To the buyer, what the case's preview says; else what is at stake."""
    NAMED = "named"
    """To the buyer, the amount that is named, at most what is at stake."""
    RECOVERY = "recovery"
    """From the carrier, to the seller."""


SILENCE_DOES = {
    OnSilence.BREACH_AND_ESCALATE: "a breach of the seller",
    OnSilence.BREACH_BUYER_MAY_ESCALATE: "a breach of the seller; the buyer may open a dispute",
    OnSilence.CLOSE_REOPENABLE: "the buyer may take it up again for a while",
    OnSilence.HELP_OPENS: "one side alone may call an agent",
    OnSilence.TO_LEAD: "the task goes to the lead",
    OnSilence.TO_LEAD_AGAIN: "the task is reported late again",
    OnSilence.BACK_TO_QUEUE: "another agent may take the task",
    OnSilence.FINAL: "the decision is final",
    OnSilence.LAPSES: "the right to it ends",
    OnSilence.AGENT: "an agent sees to it",
    OnSilence.RESUMES: "the clock runs again",
    OnSilence.DECIDES_WITHOUT: "it is decided without the answer",
    OnSilence.CLOSE: "the case closes",
    OnSilence.STAYS_WITHHELD: "the withdrawal stands, its refund is held back",
    OnSilence.ENDS_UNSENT: "nothing was sent",
    OnSilence.BREACH_AND_PLATFORM_LABEL: "a breach of the seller; the platform gives the label",
    OnSilence.ACCEPTED: "the goods count as accepted",
    OnSilence.GOES_BACK: "nobody said why the goods came",
    OnSilence.FURTHER_PERIOD: "it is announced as the last",
    OnSilence.SELLER_MAY_WITHDRAW: "the seller may end the contract",
    OnSilence.ASKED_AGAIN: "the question is asked again",
    OnSilence.BUYER_MAY_TERMINATE: "the buyer may end the contract",
    OnSilence.MAY_CLAIM: "the seller may claim",
    OnSilence.DEEMED_ACCEPTED: "silence counts as acceptance",
    OnSilence.CHASED: "the seller is told that the carrier owes an answer",
    OnSilence.BECOMES_NON_DELIVERY: "it goes on as a non-delivery",
    OnSilence.SECOND_TIER: "a breach of the seller; the buyer may want a lower price, or the end "
    "of the contract",
    OnSilence.TAKEN_FOR_COMPLAINT: "it is taken for a complaint",
}
"""What a silence does, in words that go with the stage that it leads to."""

SAID_BY_STAGE = {OnSilence.CLOSE: Stage.CLOSED, OnSilence.AGENT: Stage.WITH_AGENT}
"""What needs no words where it leads to this stage alone."""


def done_by(on: OnSilence | None, to: Iterable[Stage]) -> str:
    """What a silence does beyond leading to these stages, in words; nothing if they say it all."""
    if on is None or set(to) == {SAID_BY_STAGE.get(on)}:
        return ""
    return SILENCE_DOES[on]


TIME_RUNS_OUT = "the time runs out"

NOTHING_COMES = {
    "answer_postal": "the carrier does not answer",
    "answer_transport": "the carrier does not answer",
    "answer_contract": "the carrier does not answer",
    "payment": "the carrier does not pay",
    "refund_confirmation": "nothing comes",
    "transit": "nothing comes",
}
"""Windows that the platform waits for others in: what it is that does not come."""


def silence_of(window: str, *parties: Party) -> str:
    """Who stays silent at a window's end, in words. The platform is never silent: what it waits
    for does not come, or the time only runs out.
    """
    if parties == (Party.PLATFORM,):
        return NOTHING_COMES.get(window, TIME_RUNS_OUT)
    return f"the {' or '.join(parties)} stays silent"


def silent_in_words(window: str, parties: Iterable[Party]) -> str:
    """The same in few words: "seller silent"."""
    who = tuple(parties)
    short = f"{' or '.join(who)} silent"
    return silence_of(window, *who) if who == (Party.PLATFORM,) else short


@dataclass(frozen=True)
class Happens:
    """Something happens outside: the marketplace answers, a parcel arrives, another case ends.

    `what` as the case's timeline has it.
    """

    what: str


NOTHING_OWED = Happens("nothing is owed")


@dataclass(frozen=True)
class Silent:
    """A party says nothing until a window's end.

    The window begins with the stage, unless it begins `after` a command, an event, or the end of
    another window of the stage. One that `runs_on` began before the stage and goes on in it.
    `when`: only where the policy says that silence means this. `means`: what it means at this
    stage, where that is not what the policy says. `perhaps`: it only runs where the facts of the
    case are so, and another of the stage's windows runs where they are not.
    """

    window: str
    party: Party
    after: "type[CommandBase] | Happens | str | None" = None
    runs_on: bool = False
    when: OnSilence | None = None
    means: str = ""
    perhaps: bool = False

    @property
    def key(self) -> str:
        """What tells it from the other silences of its stage: a window can be waited for twice."""
        return f"{self.window} again" if self.after == self.window else self.window


@dataclass(frozen=True)
class Branch:
    """A way on: what somebody sends, a silence, or an event; and the stage that it leads to.

    `by`: who has to send it for this way, if not anybody who may. `wanted`: the remedies of which
    the buyer wants one, where only they lead this way. `owed`: whether it is the way where money is
    owed, or the one where none is. `at_once`: what then leads on from that
    stage by itself, where nobody is waited for.
    """

    on: type[CommandBase] | Silent | Happens
    to: Stage
    moves: Moves | None = None
    by: Party | None = None
    wanted: tuple[Remedy, ...] = ()
    owed: bool | None = None
    at_once: Happens | None = None


Ahead = dict[Stage, tuple[Branch, ...]]
"""The ways on from each stage; one that leads back to it changes who is awaited, or a clock."""


def ways(
    on: type[CommandBase] | Silent | Happens, *to: Stage, moves: Moves | None = None
) -> tuple[Branch, ...]:
    """The same from a stage to one of several: the facts decide which."""
    return tuple(Branch(on, stage, moves) for stage in to)


def agents(stage: Stage, after: Happens | str | None = None) -> tuple[Branch, ...]:
    """The agents' own windows: a task that nobody decides goes to the lead, and a claimed one
    back to the queue. The case stays where it is.
    """
    return (
        Branch(Silent("decision", Party.AGENT, after), stage),
        Branch(Silent("lead_decision", Party.AGENT, after="decision"), stage),
        Branch(Silent("claim", Party.AGENT, after=Claim), stage),
    )


def refund_unknown(stage: Stage) -> tuple[Branch, ...]:
    """The marketplace's time to say what became of a refund; after it, agents see to it."""
    return (
        Branch(Silent("refund_confirmation", Party.PLATFORM), stage),
        *agents(stage, after="refund_confirmation"),
    )


def stages(ahead: Ahead) -> tuple[Stage, ...]:
    """The stages of a case that is open."""
    return tuple(stage for stage in ahead if stage is not Stage.OPENING)


def stages_led_from(ahead: Ahead, verb: type[CommandBase]) -> tuple[Stage, ...]:
    """The stages from which a verb leads on."""
    return tuple(stage for stage, ways in ahead.items() if any(way.on is verb for way in ways))


def stages_with_agents(ahead: Ahead) -> tuple[Stage, ...]:
    """The stages at which agents can have a task."""
    return tuple(
        stage
        for stage, ways in ahead.items()
        if any(isinstance(way.on, Silent) and way.on.window == "decision" for way in ways)
    )


def flow(ahead: Ahead) -> Flow:
    """Which stage may follow which."""
    return {
        stage: tuple(dict.fromkeys(branch.to for branch in branches if branch.to is not stage))
        for stage, branches in ahead.items()
    }
