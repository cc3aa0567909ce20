"""Who may send what in a cancellation, and every way on from each of its stages."""

from domain.ahead import (
    NOTHING_OWED,
    Ahead,
    Branch,
    Happens,
    Moves,
    Silent,
    agents,
    refund_unknown,
    ways,
)
from domain.commands import (
    Close,
    Decide,
    Hold,
    Refund,
    ReportSent,
    Resume,
    RetryRefund,
)
from domain.parties import Party
from domain.ports import Dispatch
from domain.stages import Stage
from workflows.kernel.judging import Permitted

STOPPED = (Stage.AWAITING_REFUND, Stage.WITH_AGENT, Stage.REFUNDING, Stage.WATCHING)
DISPATCH_STOPPED = Happens(f"dispatch {Dispatch.STOPPED}")
CAME_BACK = Happens("goods came back")

VERBS: Permitted = {
    Refund: ((Party.SELLER,), (Stage.AWAITING_REFUND, Stage.WITH_AGENT)),
    ReportSent: ((Party.SELLER,), STOPPED),
    Hold: ((Party.AGENT, Party.PLATFORM), STOPPED),
    Resume: ((Party.AGENT, Party.PLATFORM), STOPPED),
}
"""Who may send what, and at which stages, beside what every such case takes (workflows/kernel/)."""

AHEAD: Ahead = {
    Stage.OPENING: (
        Branch(Happens("opened"), Stage.STOPPING),
        Branch(CAME_BACK, Stage.REFUNDING, Moves.REFUND),
        *ways(CAME_BACK, Stage.AWAITING_REFUND, Stage.CLOSED),
        Branch(Happens("not opened"), Stage.CLOSED),
    ),
    Stage.STOPPING: (
        Branch(DISPATCH_STOPPED, Stage.REFUNDING, Moves.REFUND),
        *ways(DISPATCH_STOPPED, Stage.AWAITING_REFUND, Stage.WATCHING),
        Branch(Happens(f"dispatch {Dispatch.SENT}"), Stage.CLOSED),
        Branch(Happens("stop refused"), Stage.WITH_AGENT),
    ),
    Stage.AWAITING_REFUND: (
        Branch(Silent("refund", Party.SELLER), Stage.WITH_AGENT),
        Branch(Refund, Stage.REFUNDING, Moves.REFUND),
        Branch(NOTHING_OWED, Stage.CLOSED),
        Branch(ReportSent, Stage.AWAITING_REFUND),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.WITH_AGENT: (
        *agents(Stage.WITH_AGENT),
        Branch(Decide, Stage.REFUNDING, Moves.REFUND),
        *ways(Decide, Stage.AWAITING_REFUND, Stage.WATCHING, Stage.CLOSED),
        Branch(Refund, Stage.REFUNDING, Moves.REFUND),
        Branch(ReportSent, Stage.WITH_AGENT),
        Branch(NOTHING_OWED, Stage.CLOSED),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.REFUNDING: (
        *ways(Happens("refund confirmed"), Stage.WATCHING, Stage.CLOSED),
        Branch(NOTHING_OWED, Stage.CLOSED),
        *refund_unknown(Stage.REFUNDING),
        Branch(RetryRefund, Stage.REFUNDING, Moves.REFUND),
        Branch(ReportSent, Stage.REFUNDING),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.WATCHING: (
        Branch(Silent("sent_anyway", Party.PLATFORM), Stage.CLOSED),
        Branch(ReportSent, Stage.WATCHING),
        Branch(Happens("return ended"), Stage.CLOSED),
        Branch(Close, Stage.CLOSED),
    ),
}
"""Every way on from each stage."""
