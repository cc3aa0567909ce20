"""Who may send what in an uncollected parcel, and every way on from each of its stages."""

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
    CancelOrder,
    Close,
    Decide,
    ReportBuyer,
    ReportCost,
    RetryRefund,
    SendAgain,
    Ship,
    WithdrawFromContract,
)
from domain.goods import Scan
from domain.parties import Party
from domain.stages import Stage
from workflows.kernel.judging import Permitted

BUYERS = (Party.BUYER,)
SELLERS = (Party.SELLER,)
CHOOSING = (Stage.AWAITING_BUYER, Stage.FURTHER_PERIOD, Stage.MAY_WITHDRAW, Stage.WITH_AGENT)
WITH_SELLER = (*CHOOSING, Stage.AWAITING_PAYMENT, Stage.AWAITING_DISPATCH)
UNSETTLED = (*WITH_SELLER, Stage.IN_TRANSIT)

VERBS: Permitted = {
    SendAgain: (BUYERS, CHOOSING),
    CancelOrder: (BUYERS, WITH_SELLER),
    WithdrawFromContract: ((Party.BUYER, Party.SELLER), UNSETTLED),
    Ship: (SELLERS, (Stage.AWAITING_DISPATCH, Stage.WITH_AGENT)),
    ReportCost: (SELLERS, UNSETTLED),
    ReportBuyer: (SELLERS, UNSETTLED),
}
"""Who may send what, and at which stages, beside what every such case takes (workflows/kernel/)."""

ASKED_ANEW = (Stage.AWAITING_BUYER, Stage.FURTHER_PERIOD, Stage.MAY_WITHDRAW)
PAID = Happens("redelivery paid")
VOID_PAID = "void redelivery paid"
REFUSED = Happens("redelivery refused")
NOT_TURNED = Happens("it could not be opened")
PAID_ELSEWHERE = Branch(NOTHING_OWED, Stage.CLOSED)
COLLECTED = Branch(Happens(f"parcel {Scan.DELIVERED}"), Stage.CLOSED)
VOID_REFUSED = Happens("void refused")
UNVOIDED_CHARGE = Branch(VOID_REFUSED, Stage.WITH_AGENT)
FREE = Stage.AWAITING_DISPATCH
TURNS = (
    Branch(CancelOrder, Stage.CLOSED),
    Branch(WithdrawFromContract, Stage.CLOSED, by=Party.BUYER),
    Branch(Close, Stage.CLOSED),
)
"""The buyer's ways out: the case goes on as another one."""
CHOICE = (*ways(SendAgain, Stage.AWAITING_PAYMENT, FREE), *TURNS)

AHEAD: Ahead = {
    Stage.OPENING: (
        Branch(Happens("opened"), Stage.AWAITING_BUYER),
        Branch(NOTHING_OWED, Stage.CLOSED, owed=False),
        Branch(Happens("not opened"), Stage.CLOSED),
    ),
    Stage.AWAITING_BUYER: (
        *CHOICE,
        Branch(Silent("notice", Party.BUYER), Stage.FURTHER_PERIOD),
        Branch(NOT_TURNED, Stage.AWAITING_BUYER),
        PAID_ELSEWHERE,
        COLLECTED,
    ),
    Stage.FURTHER_PERIOD: (
        *CHOICE,
        *ways(Silent("further_period", Party.BUYER), Stage.MAY_WITHDRAW),
        Branch(NOT_TURNED, Stage.MAY_WITHDRAW),
        PAID_ELSEWHERE,
        COLLECTED,
    ),
    Stage.MAY_WITHDRAW: (
        *CHOICE,
        Branch(WithdrawFromContract, Stage.REFUNDING, Moves.REFUND, by=Party.SELLER),
        *ways(Silent("seller_withdraws", Party.SELLER), Stage.MAY_WITHDRAW, Stage.WITH_AGENT),
        PAID_ELSEWHERE,
        COLLECTED,
    ),
    Stage.AWAITING_PAYMENT: (
        *TURNS,
        Branch(PAID, Stage.AWAITING_DISPATCH),
        Branch(REFUSED, Stage.WITH_AGENT),
        UNVOIDED_CHARGE,
        *ways(Silent("payment", Party.BUYER), *ASKED_ANEW),
        *ways(NOT_TURNED, *ASKED_ANEW),
    ),
    Stage.AWAITING_DISPATCH: (
        *TURNS,
        Branch(Ship, Stage.IN_TRANSIT),
        Branch(Silent("dispatch", Party.SELLER), Stage.WITH_AGENT),
        UNVOIDED_CHARGE,
        *ways(NOT_TURNED, *ASKED_ANEW),
    ),
    Stage.IN_TRANSIT: (
        Branch(WithdrawFromContract, Stage.CLOSED, by=Party.BUYER),
        Branch(Close, Stage.CLOSED),
        *ways(Happens(f"parcel {Scan.RETURNED}"), Stage.AWAITING_BUYER, Stage.FURTHER_PERIOD),
        Branch(Happens(f"parcel {Scan.DELIVERED}"), Stage.CLOSED),
        Branch(Happens(f"parcel {Scan.LOST}"), Stage.CLOSED),
        Branch(Silent("transit", Party.PLATFORM), Stage.CLOSED),
        Branch(NOT_TURNED, Stage.WITH_AGENT),
        UNVOIDED_CHARGE,
    ),
    Stage.WITH_AGENT: (
        *agents(Stage.WITH_AGENT),
        *CHOICE,
        Branch(WithdrawFromContract, Stage.REFUNDING, Moves.REFUND, by=Party.SELLER),
        Branch(Decide, Stage.REFUNDING, Moves.REFUND),
        *ways(Decide, Stage.AWAITING_DISPATCH, Stage.CLOSED),
        Branch(Ship, Stage.IN_TRANSIT),
        COLLECTED,
        *ways(NOT_TURNED, *ASKED_ANEW),
        UNVOIDED_CHARGE,
        *ways(RetryRefund, *ASKED_ANEW, Stage.WITH_AGENT, Stage.CLOSED),
    ),
    Stage.REFUNDING: (
        UNVOIDED_CHARGE,
        Branch(Happens("refund confirmed"), Stage.CLOSED),
        Branch(NOTHING_OWED, Stage.CLOSED),
        *refund_unknown(Stage.REFUNDING),
        Branch(RetryRefund, Stage.REFUNDING, Moves.REFUND),
        Branch(Close, Stage.CLOSED),
    ),
}
"""Every way on from each stage."""
