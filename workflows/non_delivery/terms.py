"""Who may send what in a non-delivery, and every way on from each of its stages."""

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
    ProveDelivery,
    Refund,
    Refuse,
    Reject,
    RetryRefund,
    SendAgain,
    Ship,
    Terminate,
    Withdraw,
)
from domain.goods import Scan
from domain.parties import Party
from domain.stages import Stage
from workflows.kernel.judging import Permitted

AWAITED = (Stage.FURTHER_PERIOD, Stage.AWAITING_DISPATCH)
UNDELIVERED = (*AWAITED, Stage.AWAITING_BUYER, Stage.IN_TRANSIT)
SAID = (Stage.DELIVERED, Stage.CAME_BACK)
"""What a carrier or the seller says of the goods, and the buyer may contest."""
UNPAID = (*UNDELIVERED, *SAID, Stage.WITH_AGENT, Stage.AWAITING_REFUND)

VERBS: Permitted = {
    Ship: ((Party.SELLER,), (*AWAITED, Stage.CAME_BACK)),
    Refuse: ((Party.SELLER,), AWAITED),
    ProveDelivery: ((Party.SELLER,), UNDELIVERED),
    Terminate: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    SendAgain: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    Reject: ((Party.BUYER,), SAID),
    Withdraw: ((Party.BUYER,), UNPAID),
    Refund: ((Party.SELLER,), (Stage.AWAITING_REFUND, Stage.WITH_AGENT)),
}
"""Who may send what, and at which stages, beside what every such case takes (workflows/kernel/)."""


IS_DELIVERED = (
    Branch(ProveDelivery, Stage.DELIVERED),
    Branch(Happens(f"parcel {Scan.DELIVERED}"), Stage.DELIVERED),
)
CAME_BACK = Branch(Happens(f"parcel {Scan.RETURNED}"), Stage.CAME_BACK)
ENDS_IT = (Branch(Withdraw, Stage.CLOSED), Branch(Close, Stage.CLOSED))
PAID_ELSEWHERE = Branch(NOTHING_OWED, Stage.CLOSED)
NOT_TURNED = Happens("it could not be opened")
UNCONTESTED = Silent("objection", Party.BUYER, means="it goes on as an uncollected parcel")

AHEAD: Ahead = {
    Stage.OPENING: (
        *ways(Happens("opened"), Stage.FURTHER_PERIOD, Stage.AWAITING_BUYER),
        Branch(Happens("not opened"), Stage.CLOSED),
    ),
    Stage.FURTHER_PERIOD: (
        Branch(Silent("further_period", Party.SELLER), Stage.AWAITING_BUYER),
        Branch(Refuse, Stage.AWAITING_BUYER),
        Branch(Ship, Stage.IN_TRANSIT),
        *IS_DELIVERED,
        CAME_BACK,
        PAID_ELSEWHERE,
        *ENDS_IT,
    ),
    Stage.AWAITING_BUYER: (
        Branch(Terminate, Stage.REFUNDING, Moves.REFUND),
        *ways(Terminate, Stage.AWAITING_REFUND, Stage.CLOSED),
        Branch(SendAgain, Stage.AWAITING_DISPATCH),
        Branch(Silent("choice", Party.BUYER), Stage.CLOSED),
        PAID_ELSEWHERE,
        *IS_DELIVERED,
        *ENDS_IT,
    ),
    Stage.AWAITING_DISPATCH: (
        Branch(Silent("dispatch", Party.SELLER), Stage.AWAITING_BUYER),
        Branch(Refuse, Stage.AWAITING_BUYER),
        Branch(Ship, Stage.IN_TRANSIT),
        *IS_DELIVERED,
        PAID_ELSEWHERE,
        *ENDS_IT,
    ),
    Stage.IN_TRANSIT: (
        Branch(Silent("transit", Party.PLATFORM), Stage.AWAITING_BUYER),
        Branch(Happens(f"parcel {Scan.LOST}"), Stage.AWAITING_BUYER),
        *IS_DELIVERED,
        CAME_BACK,
        PAID_ELSEWHERE,
        *ENDS_IT,
    ),
    Stage.DELIVERED: (
        Branch(Silent("objection", Party.BUYER), Stage.CLOSED),
        Branch(Reject, Stage.WITH_AGENT),
        CAME_BACK,
        *ENDS_IT,
    ),
    Stage.CAME_BACK: (
        Branch(UNCONTESTED, Stage.CLOSED),
        Branch(Reject, Stage.WITH_AGENT),
        Branch(Ship, Stage.IN_TRANSIT),
        Branch(Happens(f"parcel {Scan.DELIVERED}"), Stage.DELIVERED),
        Branch(NOT_TURNED, Stage.AWAITING_BUYER),
        PAID_ELSEWHERE,
        *ENDS_IT,
    ),
    Stage.WITH_AGENT: (
        *agents(Stage.WITH_AGENT),
        Branch(Decide, Stage.REFUNDING, Moves.REFUND),
        *ways(Decide, Stage.AWAITING_BUYER, Stage.CLOSED),
        Branch(NOT_TURNED, Stage.AWAITING_BUYER),
        Branch(Refund, Stage.REFUNDING, Moves.REFUND),
        PAID_ELSEWHERE,
        *ENDS_IT,
    ),
    Stage.AWAITING_REFUND: (
        Branch(Silent("refund", Party.SELLER), Stage.WITH_AGENT),
        Branch(Refund, Stage.REFUNDING, Moves.REFUND),
        *ways(NOTHING_OWED, Stage.WATCHING, Stage.CLOSED),
        *ENDS_IT,
    ),
    Stage.REFUNDING: (
        *ways(Happens("refund confirmed"), Stage.WATCHING, Stage.CLOSED),
        *ways(NOTHING_OWED, Stage.WATCHING, Stage.CLOSED),
        *refund_unknown(Stage.REFUNDING),
        Branch(RetryRefund, Stage.REFUNDING, Moves.REFUND),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.WATCHING: (
        Branch(Happens("return ended"), Stage.CLOSED),
        Branch(Close, Stage.CLOSED),
    ),
}
"""Every way on from each stage."""
