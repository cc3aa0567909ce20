"""Who may send what in a carrier claim, and every way on from each of its stages."""

from domain.ahead import Ahead, Branch, Happens, Moves, Silent, agents, ways
from domain.commands import (
    Accept,
    Appeal,
    Close,
    Decide,
    FileClaim,
    Hold,
    ReportAnswer,
    ReportRecovered,
    Resume,
    Say,
    Withdraw,
)
from domain.goods import Scan
from domain.parties import Party
from domain.policy import OnSilence
from domain.stages import Stage
from workflows.kernel.judging import Permitted

OPEN = (
    Stage.TOO_EARLY,
    Stage.AWAITING_SELLER,
    Stage.FILING,
    Stage.WITH_CARRIER,
    Stage.DECIDED,
    Stage.AWAITING_PAYMENT,
    Stage.WITH_AGENT,
)
ENDABLE = tuple(stage for stage in OPEN if stage is not Stage.FILING)
"""While it is filed nobody knows whether the carrier has it."""

OURS = ((Party.AGENT, Party.PLATFORM), OPEN[3:])
"""No agent's hold stops the law's time to claim; the later clocks can be held."""

TOLD = (Party.SELLER, Party.PLATFORM)
"""Who may hear from a carrier."""

VERBS: Permitted = {
    Say: ((Party.SELLER, Party.AGENT, Party.PLATFORM), (*OPEN, Stage.SETTLING)),
    FileClaim: ((Party.SELLER,), (Stage.TOO_EARLY, Stage.AWAITING_SELLER)),
    ReportAnswer: (TOLD, (Stage.WITH_CARRIER, Stage.AWAITING_PAYMENT)),
    Appeal: ((Party.SELLER,), (Stage.WITH_CARRIER, Stage.DECIDED)),
    Accept: ((Party.SELLER,), (Stage.DECIDED,)),
    ReportRecovered: (TOLD, (Stage.AWAITING_PAYMENT, Stage.WITH_AGENT)),
    Withdraw: ((Party.SELLER,), ENDABLE),
    Hold: OURS,
    Resume: OURS,
}
"""Who may send what, and at which stages, beside what every such case takes (workflows/kernel/).

The buyer is no party to it, and sends nothing.
"""


ENDS_IT = (Branch(Withdraw, Stage.CLOSED), Branch(Close, Stage.CLOSED))
FOUND = tuple(
    Branch(Happens(f"parcel {scan}"), Stage.CLOSED) for scan in (Scan.DELIVERED, Scan.RETURNED)
)
LOST_FROM = ("loss_from_postal", "loss_from_transport", "loss_from_contract")
CARRIERS_TIME = ("answer_postal", "answer_transport", "answer_contract")


def silent_carrier(window: str) -> tuple[Branch, ...]:
    """What a carrier's silence leads to: acceptance, or a second wait, which is the last."""
    once = Silent(window, Party.PLATFORM, when=OnSilence.CHASED, perhaps=True)
    twice = Silent(window, Party.PLATFORM, after=window, when=OnSilence.CHASED, perhaps=True)
    deemed = Silent(window, Party.PLATFORM, when=OnSilence.DEEMED_ACCEPTED, perhaps=True)
    return (
        Branch(deemed, Stage.AWAITING_PAYMENT),
        Branch(once, Stage.WITH_CARRIER),
        *ways(twice, Stage.AWAITING_PAYMENT, Stage.CLOSED),
    )


AHEAD: Ahead = {
    Stage.OPENING: (
        *ways(Happens("opened"), Stage.TOO_EARLY, Stage.AWAITING_SELLER),
        Branch(Happens("not opened"), Stage.CLOSED),
    ),
    Stage.TOO_EARLY: (
        *(
            Branch(Silent(each, Party.PLATFORM, perhaps=True), Stage.AWAITING_SELLER)
            for each in LOST_FROM
        ),
        *FOUND,
        *ENDS_IT,
    ),
    Stage.AWAITING_SELLER: (
        Branch(FileClaim, Stage.FILING),
        Branch(Silent("damage", Party.SELLER, perhaps=True), Stage.CLOSED),
        Branch(Silent("loss", Party.SELLER, perhaps=True), Stage.CLOSED),
        *FOUND,
        *ENDS_IT,
    ),
    Stage.FILING: (
        Branch(Happens("filed"), Stage.WITH_CARRIER),
        Branch(Happens("not filed"), Stage.WITH_AGENT),
    ),
    Stage.WITH_CARRIER: (
        *ways(ReportAnswer, Stage.AWAITING_PAYMENT, Stage.DECIDED, Stage.CLOSED),
        *(branch for window in CARRIERS_TIME for branch in silent_carrier(window)),
        Branch(Appeal, Stage.FILING),
        *ENDS_IT,
    ),
    Stage.DECIDED: (
        Branch(Appeal, Stage.FILING),
        *ways(Accept, Stage.AWAITING_PAYMENT, Stage.CLOSED),
        *ways(Silent("appeal", Party.SELLER), Stage.AWAITING_PAYMENT, Stage.CLOSED),
        *ENDS_IT,
    ),
    Stage.AWAITING_PAYMENT: (
        Branch(ReportRecovered, Stage.SETTLING, Moves.RECOVERY),
        Branch(ReportAnswer, Stage.AWAITING_PAYMENT),
        Branch(Silent("payment", Party.PLATFORM), Stage.WITH_AGENT),
        *ENDS_IT,
    ),
    Stage.SETTLING: (
        Branch(Happens("booked"), Stage.CLOSED),
        Branch(Happens("booking refused"), Stage.WITH_AGENT),
    ),
    Stage.WITH_AGENT: (
        *agents(Stage.WITH_AGENT),
        *ways(Decide, Stage.WITH_CARRIER, Stage.AWAITING_PAYMENT, Stage.CLOSED),
        Branch(ReportRecovered, Stage.SETTLING, Moves.RECOVERY),
        *ENDS_IT,
    ),
}
"""Every way on from each stage."""
