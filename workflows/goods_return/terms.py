"""Who may send what in a return, and every way on from each of its stages."""

from domain.ahead import Ahead, Branch, Happens, Silent, agents, ways
from domain.commands import (
    Accept,
    BeginWork,
    Close,
    CommandBase,
    Decide,
    Explain,
    FinishWork,
    HandOver,
    Inspect,
    ProvideLabel,
    PutBack,
    Receive,
    Reject,
    ShipBack,
)
from domain.goods import Scan
from domain.parties import Party
from domain.policy import OnSilence
from domain.questions import Question
from domain.stages import Stage
from workflows.kernel.judging import Permitted

COMING = (Stage.AWAITING_LABEL, Stage.AWAITING_GOODS, Stage.IN_TRANSIT)

VERBS: Permitted = {
    ProvideLabel: ((Party.SELLER, Party.AGENT), (Stage.AWAITING_LABEL, Stage.WITH_AGENT)),
    HandOver: ((Party.BUYER,), (*COMING, Stage.WITH_AGENT)),
    Receive: ((Party.SELLER,), (*COMING, Stage.INSPECTING, Stage.WITH_AGENT)),
    Inspect: ((Party.SELLER,), (Stage.INSPECTING, Stage.WITH_AGENT)),
    PutBack: ((Party.SELLER,), (Stage.INSPECTING, Stage.WITH_AGENT)),
    Accept: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    Reject: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    BeginWork: ((Party.SELLER,), (Stage.WORKING,)),
    FinishWork: ((Party.SELLER,), (Stage.WORKING,)),
    ShipBack: ((Party.SELLER,), (Stage.WORKING, Stage.SENDING_BACK, Stage.WITH_AGENT)),
    Explain: ((Party.BUYER,), (Stage.UNEXPLAINED,)),
}
"""Who may send what, and at which stages, beside what every such case takes (workflows/kernel/)."""

ANSWERS: dict[type[CommandBase], tuple[Question, ...]] = {
    ProvideLabel: (Question.LABEL_REFUSED,),
    HandOver: (Question.LABEL_REFUSED,),
    Receive: (Question.LABEL_REFUSED, Question.GOODS_MISSING, Question.REFUSED_ON_ARRIVAL),
    Inspect: (Question.INSPECTION_OVERDUE,),
    PutBack: (Question.INSPECTION_OVERDUE,),
    ShipBack: (Question.SENDING_OVERDUE,),
    Decide: (
        Question.GOODS_MISSING,
        Question.REFUSED_ON_ARRIVAL,
        Question.INSPECTION_OVERDUE,
        Question.FINDING_CONTESTED,
        Question.SENDING_OVERDUE,
    ),
}
"""Which tasks of agents a command puts an end to: what was missed can still be done."""


BUYER, SELLER = Party.BUYER, Party.SELLER
ON_THE_WAY = tuple(Happens(f"parcel {scan}") for scan in (Scan.HANDED_OVER, Scan.IN_TRANSIT))
ARRIVED = Happens(f"parcel {Scan.ARRIVED}")
GONE = tuple(Happens(f"parcel {scan}") for scan in (Scan.LOST, Scan.REFUSED))
CALLED_OFF = Happens("called off")

AFTER_INSPECTION = (Stage.IN_TRANSIT, Stage.WORKING, Stage.SENDING_BACK, Stage.CLOSED)
"""The rest is still to come, or the goods are worked on, go back, or are kept."""


def inspected(on: type[CommandBase] | Silent | Happens, *also: Stage) -> tuple[Branch, ...]:
    """What may follow once it is known which goods count as returned."""
    return ways(on, *AFTER_INSPECTION, *also)


AHEAD: Ahead = {
    Stage.OPENING: (
        *ways(Happens("opened"), Stage.AWAITING_LABEL, Stage.AWAITING_GOODS, Stage.UNEXPLAINED),
        *ways(Happens("the seller has the goods"), Stage.WORKING, Stage.SENDING_BACK, Stage.CLOSED),
        Branch(Happens("need not be sent"), Stage.CLOSED),
        Branch(Happens("not opened"), Stage.CLOSED),
    ),
    Stage.UNEXPLAINED: (
        Branch(Silent("explanation", BUYER), Stage.SENDING_BACK),
        *ways(Explain, Stage.SENDING_BACK, Stage.CLOSED),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.AWAITING_LABEL: (
        Branch(Silent("label", SELLER), Stage.AWAITING_GOODS),
        Branch(ProvideLabel, Stage.AWAITING_GOODS),
        Branch(HandOver, Stage.AWAITING_GOODS),
        Branch(Receive, Stage.AWAITING_GOODS),
        *(Branch(seen, Stage.AWAITING_GOODS) for seen in (*ON_THE_WAY, ARRIVED, *GONE)),
        Branch(CALLED_OFF, Stage.AWAITING_GOODS),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.AWAITING_GOODS: (
        Branch(Silent("send_goods", BUYER, runs_on=True, when=OnSilence.ENDS_UNSENT), Stage.CLOSED),
        Branch(
            Silent("send_goods", BUYER, runs_on=True, when=OnSilence.STAYS_WITHHELD),
            Stage.AWAITING_GOODS,
        ),
        Branch(Silent("transit", SELLER, after=ProvideLabel), Stage.WITH_AGENT),
        Branch(HandOver, Stage.IN_TRANSIT),
        Branch(Receive, Stage.INSPECTING),
        *(Branch(seen, Stage.IN_TRANSIT) for seen in ON_THE_WAY),
        Branch(ARRIVED, Stage.INSPECTING),
        *(Branch(seen, Stage.WITH_AGENT) for seen in GONE),
        Branch(Happens("label refused"), Stage.WITH_AGENT),
        Branch(CALLED_OFF, Stage.CLOSED),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.IN_TRANSIT: (
        Branch(Silent("transit", Party.PLATFORM), Stage.WITH_AGENT),
        Branch(HandOver, Stage.IN_TRANSIT),
        Branch(Receive, Stage.INSPECTING),
        Branch(ARRIVED, Stage.INSPECTING),
        *(Branch(seen, Stage.WITH_AGENT) for seen in GONE),
        *ways(CALLED_OFF, Stage.SENDING_BACK, Stage.CLOSED),
        *ways(Close, Stage.CLOSED),
    ),
    Stage.INSPECTING: (
        Branch(Silent("inspection", SELLER, when=OnSilence.AGENT), Stage.WITH_AGENT),
        *inspected(Silent("inspection", SELLER, when=OnSilence.ACCEPTED), Stage.AWAITING_BUYER),
        *inspected(Inspect, Stage.AWAITING_BUYER, Stage.WITH_AGENT),
        *inspected(PutBack, Stage.WITH_AGENT),
        Branch(Receive, Stage.INSPECTING),
        *inspected(CALLED_OFF),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.AWAITING_BUYER: (
        Branch(Silent("finding_answer", BUYER), Stage.WITH_AGENT),
        Branch(Reject, Stage.WITH_AGENT),
        *inspected(Accept, Stage.INSPECTING),
        *inspected(CALLED_OFF),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.WITH_AGENT: (
        *agents(Stage.WITH_AGENT),
        *inspected(Decide, Stage.INSPECTING, Stage.AWAITING_BUYER),
        Branch(ProvideLabel, Stage.AWAITING_GOODS),
        Branch(HandOver, Stage.IN_TRANSIT),
        Branch(Receive, Stage.INSPECTING),
        Branch(ARRIVED, Stage.INSPECTING),
        *inspected(Inspect, Stage.AWAITING_BUYER),
        *inspected(PutBack),
        *ways(ShipBack, Stage.WORKING, Stage.CLOSED),
        *inspected(CALLED_OFF),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.WORKING: (
        Branch(Silent("work", SELLER), Stage.CLOSED),
        Branch(BeginWork, Stage.WORKING),
        Branch(FinishWork, Stage.SENDING_BACK),
        Branch(ShipBack, Stage.CLOSED),
        *ways(CALLED_OFF, Stage.SENDING_BACK, Stage.CLOSED),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.SENDING_BACK: (
        *ways(Silent("ship_back", SELLER), Stage.WITH_AGENT, Stage.CLOSED),
        *ways(ShipBack, Stage.WORKING, Stage.CLOSED),
        Branch(CALLED_OFF, Stage.CLOSED),
        Branch(Close, Stage.CLOSED),
    ),
}
