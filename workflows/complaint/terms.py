"""Who may send what in a complaint, and every way on from each of its stages."""

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
    Accept,
    AcceptComplaint,
    AskForHelp,
    AskInformation,
    Choose,
    Clarify,
    Close,
    Decide,
    NameAmount,
    Refuse,
    Reject,
    Remedy,
    ReportFailed,
    RetryRefund,
    SupplyInformation,
    Withdraw,
)
from domain.parties import Party
from domain.policy import OnSilence
from domain.stages import Stage
from workflows.kernel.judging import Permitted

ANSWERABLE = (Stage.AWAITING_SELLER, Stage.AWAITING_BUYER)
UNSETTLED = (
    Stage.CLARIFYING,
    *ANSWERABLE,
    Stage.REFUSED,
    Stage.CHOOSING,
    Stage.AWAITING_AMOUNT,
    Stage.AMOUNT_NAMED,
    Stage.WITH_AGENT,
)

VERBS: Permitted = {
    Clarify: ((Party.BUYER,), (Stage.CLARIFYING,)),
    AcceptComplaint: ((Party.SELLER,), (*ANSWERABLE, Stage.REFUSED, Stage.WITH_AGENT)),
    Refuse: ((Party.SELLER,), ANSWERABLE),
    AskInformation: ((Party.SELLER,), (Stage.AWAITING_SELLER,)),
    SupplyInformation: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    AskForHelp: ((Party.BUYER,), (Stage.REFUSED, Stage.WATCHING)),
    Choose: ((Party.BUYER,), (Stage.CHOOSING,)),
    NameAmount: ((Party.SELLER,), (Stage.AWAITING_AMOUNT, Stage.WITH_AGENT)),
    Accept: ((Party.BUYER,), (Stage.AMOUNT_NAMED,)),
    Reject: ((Party.BUYER,), (Stage.AMOUNT_NAMED,)),
    ReportFailed: ((Party.BUYER,), (Stage.WATCHING,)),
    Withdraw: ((Party.BUYER,), UNSETTLED),
}
"""Who may send what, and at which stages, beside what every such case takes (workflows/kernel/)."""


BUYER, SELLER = Party.BUYER, Party.SELLER

ENDS_IT = (Branch(Withdraw, Stage.CLOSED), Branch(Close, Stage.CLOSED))

NOTHING_LEFT = Branch(NOTHING_OWED, Stage.CLOSED)
"""All that was paid has come back meanwhile: no price is left to be reduced."""

GRANTS = (
    *ways(AcceptComplaint, Stage.SETTLING, Stage.AMOUNT_NAMED, Stage.CHOOSING),
    Branch(AcceptComplaint, Stage.REFUNDING, Moves.REFUND),
    Branch(AcceptComplaint, Stage.REFUNDING, Moves.NAMED),
)

NAMES = (
    Branch(NameAmount, Stage.AMOUNT_NAMED),
    Branch(NameAmount, Stage.REFUNDING, Moves.NAMED),
)


WITH_GOODS = (Remedy.REPAIR, Remedy.REPLACEMENT, Remedy.FULL_REFUND, Remedy.RETURN_FOR_REFUND)
"""The remedies that begin with the goods."""


def silent(when: OnSilence) -> Silent:
    """The seller's time to answer, which began with the complaint."""
    return Silent("answer", SELLER, runs_on=True, when=when)


ANSWERS = (
    Branch(silent(OnSilence.DEEMED_ACCEPTED), Stage.SETTLING, wanted=WITH_GOODS),
    Branch(
        silent(OnSilence.DEEMED_ACCEPTED), Stage.AWAITING_AMOUNT, wanted=(Remedy.PARTIAL_REFUND,)
    ),
    Branch(silent(OnSilence.SECOND_TIER), Stage.CHOOSING),
    Branch(silent(OnSilence.BREACH_AND_ESCALATE), Stage.WITH_AGENT),
    *GRANTS,
    *ways(Refuse, Stage.REFUSED, Stage.WITH_AGENT),
    NOTHING_LEFT,
    *ENDS_IT,
)
"""What the seller's answer, or silence, leads to."""


AHEAD: Ahead = {
    Stage.OPENING: (
        *ways(Happens("opened"), Stage.AWAITING_SELLER, Stage.CLARIFYING),
        Branch(Happens("not opened"), Stage.CLOSED),
    ),
    Stage.CLARIFYING: (
        Branch(Silent("clarification", BUYER), Stage.AWAITING_SELLER),
        Branch(Silent("answer", SELLER), Stage.AWAITING_SELLER),
        Branch(Silent("refund_if_withdrawal", SELLER), Stage.AWAITING_SELLER),
        *ways(Clarify, Stage.AWAITING_SELLER, Stage.CLOSED),
        *ENDS_IT,
    ),
    Stage.AWAITING_SELLER: (*ANSWERS, Branch(AskInformation, Stage.AWAITING_BUYER)),
    Stage.AWAITING_BUYER: (
        Branch(Silent("information", BUYER), Stage.AWAITING_SELLER),
        Branch(SupplyInformation, Stage.AWAITING_SELLER),
        *ANSWERS,
    ),
    Stage.REFUSED: (
        Branch(Silent("objection", BUYER), Stage.CLOSED),
        Branch(AskForHelp, Stage.WITH_AGENT),
        *GRANTS,
        NOTHING_LEFT,
        *ENDS_IT,
    ),
    Stage.CHOOSING: (
        Branch(Silent("choice", BUYER), Stage.CLOSED),
        *ways(Choose, Stage.SETTLING, Stage.AWAITING_AMOUNT),
        Branch(Choose, Stage.REFUNDING, Moves.REFUND),
        Branch(Choose, Stage.REFUNDING, Moves.NAMED),
        NOTHING_LEFT,
        *ENDS_IT,
    ),
    Stage.AWAITING_AMOUNT: (
        Branch(Silent("amount", SELLER), Stage.WITH_AGENT),
        *NAMES,
        *ENDS_IT,
    ),
    Stage.AMOUNT_NAMED: (
        NOTHING_LEFT,
        Branch(Silent("amount_answer", BUYER), Stage.WITH_AGENT),
        Branch(Reject, Stage.WITH_AGENT),
        Branch(Accept, Stage.REFUNDING, Moves.NAMED),
        *ENDS_IT,
    ),
    Stage.WITH_AGENT: (
        *agents(Stage.WITH_AGENT),
        *ways(Decide, Stage.SETTLING, Stage.AWAITING_SELLER, Stage.CLOSED),
        Branch(Decide, Stage.REFUNDING, Moves.REFUND),
        Branch(Decide, Stage.REFUNDING, Moves.NAMED),
        *GRANTS,
        *NAMES,
        NOTHING_LEFT,
        *ENDS_IT,
    ),
    Stage.SETTLING: (
        *ways(Happens("return ended"), Stage.WATCHING, Stage.WITH_AGENT, Stage.CLOSED),
        Branch(Happens("return ended"), Stage.REFUNDING, Moves.REFUND),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.WATCHING: (
        Branch(Silent("trial", BUYER), Stage.CLOSED),
        *ways(ReportFailed, Stage.SETTLING, Stage.CHOOSING),
        Branch(AskForHelp, Stage.WITH_AGENT),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.REFUNDING: (
        *ways(Happens("refund confirmed"), Stage.CLOSED),
        *ways(NOTHING_OWED, Stage.CLOSED),
        *refund_unknown(Stage.REFUNDING),
        Branch(RetryRefund, Stage.REFUNDING, Moves.REFUND),
        Branch(Close, Stage.CLOSED),
    ),
}
