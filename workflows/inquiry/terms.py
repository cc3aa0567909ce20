"""Who may send what in an inquiry, and every way on from each of its stages."""

from domain.ahead import Branch, Silent
from domain.commands import BecomeDispute, Close, Hold, NoAnswerNeeded, Resume, Say
from domain.parties import Party
from domain.stages import Stage
from workflows.kernel.judging import Permitted

OPEN = (Stage.AWAITING_SELLER, Stage.AWAITING_BUYER)

PERMITTED: Permitted = {
    Say: (tuple(Party), OPEN),
    NoAnswerNeeded: ((Party.SELLER,), (Stage.AWAITING_SELLER,)),
    BecomeDispute: ((Party.BUYER,), OPEN),
    Close: ((Party.PLATFORM,), OPEN),
    Hold: ((Party.AGENT, Party.PLATFORM), OPEN),
    Resume: ((Party.AGENT, Party.PLATFORM), OPEN),
}
"""Who may send what while an inquiry is open."""

ENDS_IT = (
    Branch(Silent("inactivity", Party.BUYER), Stage.CLOSED),
    Branch(BecomeDispute, Stage.CLOSED),
    Branch(Close, Stage.CLOSED),
)
