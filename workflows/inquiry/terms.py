"""Who may send what in an inquiry, and every way on from each of its stages."""

from domain.ahead import Branch, Silent
from domain.commands import BecomeDispute, Close, NoAnswerNeeded
from domain.parties import Party
from domain.stages import Stage
from workflows.kernel.judging import Permitted

OPEN = (Stage.AWAITING_SELLER, Stage.AWAITING_BUYER)

VERBS: Permitted = {
    NoAnswerNeeded: ((Party.SELLER,), (Stage.AWAITING_SELLER,)),
    BecomeDispute: ((Party.BUYER,), OPEN),
}
"""Who may send what, and at which stages, beside what every case takes (workflows/kernel/)."""

ENDS_IT = (
    Branch(Silent("inactivity", Party.BUYER), Stage.CLOSED),
    Branch(BecomeDispute, Stage.CLOSED),
    Branch(Close, Stage.CLOSED),
)
