"""Who may send what in a withdrawal, and every way on from each of its stages.

Where a withdrawal ends while its return still runs, it is watched until the return has ended.
"""

from dataclasses import replace

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
    ClaimException,
    Close,
    Decide,
    Deduct,
    Refund,
    Reject,
    RetryRefund,
    Revoke,
)
from domain.goods import News
from domain.parties import Party
from domain.stages import Stage
from workflows.kernel.judging import Permitted

TRADERS = (Party.BUYER, Party.SELLER)
CLAIMABLE = (Stage.AWAITING_GOODS, Stage.WITHHELD, Stage.AWAITING_REFUND)
UNPAID = (*CLAIMABLE, Stage.AWAITING_BUYER, Stage.WITH_AGENT)

VERBS: Permitted = {
    Refund: ((Party.SELLER,), UNPAID),
    ClaimException: ((Party.SELLER,), CLAIMABLE),
    Deduct: ((Party.SELLER,), CLAIMABLE),
    Accept: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    Reject: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    Revoke: (TRADERS, CLAIMABLE),
}
"""Who may send what, and at which stages, beside what every such case takes (workflows/kernel/)."""


BUYER, SELLER = Party.BUYER, Party.SELLER
BEFORE_REFUND = (Stage.AWAITING_GOODS, Stage.WITHHELD, Stage.AWAITING_REFUND)
OVER = (Stage.WATCHING, Stage.CLOSED)
RETURN_ENDED = Happens("return ended")
REFUND = Silent("refund", SELLER, runs_on=True)
AFTER_GOODS = Silent("refund_after_goods", SELLER, after=Happens(f"goods {News.SENT}"))
OWES_NOTHING = replace(REFUND, means="nothing is owed, and so it is no breach")

SELLER_ACTS = (
    Branch(Refund, Stage.REFUNDING, Moves.REFUND),
    Branch(ClaimException, Stage.AWAITING_BUYER),
)

GOODS_MOVE = (
    *(Branch(Happens(f"goods {news}"), Stage.AWAITING_REFUND) for news in News),
    *ways(
        RETURN_ENDED,
        Stage.AWAITING_REFUND,
        Stage.WITH_AGENT,
        Stage.WATCHING,
    ),
)


def withholds(stage: Stage) -> tuple[Branch, ...]:
    """While the refund may be withheld, the end of the seller's time is no breach."""
    return (
        Branch(Silent("refund", SELLER, runs_on=True, means="no breach: it is withheld"), stage),
        *SELLER_ACTS,
        *GOODS_MOVE,
        Branch(Revoke, Stage.WATCHING),
        Branch(Close, Stage.WATCHING),
    )


AHEAD: Ahead = {
    Stage.OPENING: (
        *ways(Happens("opened"), Stage.AWAITING_GOODS, Stage.AWAITING_REFUND),
        Branch(NOTHING_OWED, Stage.CLOSED, owed=False),
        Branch(Happens("not opened"), Stage.CLOSED),
    ),
    Stage.AWAITING_GOODS: (
        *ways(Silent("send_goods", BUYER), Stage.WITHHELD, Stage.WITH_AGENT),
        *withholds(Stage.AWAITING_GOODS),
    ),
    Stage.WITHHELD: (
        Branch(
            Silent("unsent", BUYER, means="nothing came, nothing is refunded"),
            Stage.WATCHING,
            at_once=RETURN_ENDED,
        ),
        *withholds(Stage.WITHHELD),
    ),
    Stage.AWAITING_REFUND: (
        *(Branch(refund, Stage.WITH_AGENT, owed=True) for refund in (REFUND, AFTER_GOODS)),
        *(Branch(OWES_NOTHING, stage, owed=False) for stage in OVER),
        *SELLER_ACTS,
        Branch(Deduct, Stage.AWAITING_BUYER),
        *ways(RETURN_ENDED, Stage.WITH_AGENT, Stage.CLOSED),
        *ways(NOTHING_OWED, *OVER),
        *ways(Revoke, *OVER),
        *ways(Close, *OVER),
    ),
    Stage.AWAITING_BUYER: (
        Branch(Silent("exception_answer", BUYER, after=ClaimException), Stage.WITH_AGENT),
        Branch(Silent("deduction_answer", BUYER, after=Deduct), Stage.WITH_AGENT),
        Branch(
            Silent("refund", SELLER, runs_on=True, means="held while a proposal is open"),
            Stage.AWAITING_BUYER,
        ),
        *ways(Accept, *BEFORE_REFUND, *OVER),
        Branch(Reject, Stage.WITH_AGENT),
        Branch(Refund, Stage.REFUNDING, Moves.REFUND),
        *ways(Close, *OVER),
    ),
    Stage.WITH_AGENT: (
        *agents(Stage.WITH_AGENT),
        Branch(Decide, Stage.REFUNDING, Moves.REFUND),
        *ways(Decide, *BEFORE_REFUND, *OVER),
        Branch(Refund, Stage.REFUNDING, Moves.REFUND),
        *ways(NOTHING_OWED, *OVER),
        *ways(Close, *OVER),
    ),
    Stage.REFUNDING: (
        *ways(Happens("refund confirmed"), *OVER),
        *ways(NOTHING_OWED, *OVER),
        *refund_unknown(Stage.REFUNDING),
        Branch(RetryRefund, Stage.REFUNDING, Moves.REFUND),
        *ways(Close, *OVER),
    ),
    Stage.WATCHING: (
        Branch(RETURN_ENDED, Stage.CLOSED),
        Branch(Silent("unsent", BUYER), Stage.CLOSED),
        Branch(Close, Stage.CLOSED),
    ),
}
