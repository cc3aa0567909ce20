"""Who may send what in a dispute, and every way on from each of its stages."""

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
    AgreeToClose,
    Appeal,
    Ask,
    AskForHelp,
    Close,
    Confirm,
    Decide,
    Fulfil,
    Offer,
    Refuse,
    Reject,
    Reopen,
    RetryRefund,
    Say,
    SendBack,
    Withdraw,
)
from domain.parties import Party
from domain.stages import Stage
from workflows.kernel.judging import Permitted

TRADERS = (Party.BUYER, Party.SELLER)

BARGAINING = (Stage.AWAITING_SELLER, Stage.AWAITING_BUYER)
JUDGING = (Stage.WITH_AGENT, Stage.ON_APPEAL)
ANSWERABLE = (*BARGAINING, Stage.REOPENABLE, Stage.WITH_AGENT)
"""While no decision is made, an offer that is open can be accepted, at the latest once it is taken
up again."""
UNSETTLED = (*BARGAINING, *JUDGING, Stage.REOPENABLE, Stage.DECIDED)

VERBS: Permitted = {
    Ask: ((*TRADERS, Party.AGENT), (*BARGAINING, *JUDGING)),
    Offer: (TRADERS, (*BARGAINING, Stage.WITH_AGENT)),
    Accept: (TRADERS, (*BARGAINING, Stage.WITH_AGENT, Stage.DECIDED)),
    Reject: (TRADERS, (*BARGAINING, Stage.WITH_AGENT)),
    Refuse: ((Party.SELLER,), BARGAINING),
    AskForHelp: (TRADERS, BARGAINING),
    Withdraw: ((Party.BUYER,), UNSETTLED),
    AgreeToClose: (TRADERS, (*BARGAINING, Stage.WITH_AGENT, Stage.REOPENABLE)),
    Reopen: ((Party.BUYER,), (Stage.REOPENABLE,)),
    Confirm: ((Party.AGENT,), JUDGING),
    SendBack: ((Party.AGENT,), JUDGING),
    Appeal: (TRADERS, (Stage.DECIDED,)),
    Fulfil: ((Party.SELLER,), (Stage.SETTLING,)),
}
"""Who may send what, and at which stages, beside what every such case takes (workflows/kernel/)."""


BUYER, SELLER = Party.BUYER, Party.SELLER

ENDS_IT = (
    Branch(Withdraw, Stage.CLOSED),
    Branch(AgreeToClose, Stage.CLOSED),
    Branch(Close, Stage.CLOSED),
)

BARGAINS = (
    Branch(AskForHelp, Stage.WITH_AGENT),
    Branch(Accept, Stage.SETTLING, Moves.NAMED),
    *ENDS_IT,
)

JUDGES = (
    Branch(Withdraw, Stage.CLOSED),
    Branch(Close, Stage.CLOSED),
    *ways(Confirm, Stage.SETTLING, moves=Moves.NAMED),
    *ways(Decide, Stage.SETTLING, moves=Moves.NAMED),
    *ways(Confirm, Stage.CLOSED),
    *ways(Decide, Stage.CLOSED),
)


def judged(stage: Stage) -> tuple[Branch, ...]:
    """The agents' windows, and what they and the traders say to each other meanwhile."""
    return (
        *agents(stage),
        Branch(Silent("agent_question", BUYER, after=Ask), stage),
        Branch(Silent("agent_question", SELLER, after=Ask), stage),
        Branch(Ask, stage),
        Branch(SendBack, stage),
    )


AHEAD: Ahead = {
    Stage.OPENING: (
        Branch(Happens("opened"), Stage.AWAITING_SELLER),
        Branch(Happens("not opened"), Stage.CLOSED),
    ),
    Stage.AWAITING_SELLER: (
        Branch(Silent("seller_reply", SELLER), Stage.WITH_AGENT),
        *(Branch(on, Stage.AWAITING_BUYER, by=SELLER) for on in (Say, Ask, Offer, Reject)),
        Branch(Refuse, Stage.AWAITING_BUYER),
        *(Branch(on, Stage.AWAITING_SELLER, by=BUYER) for on in (Offer, Reject)),
        Branch(Silent("help_opens", SELLER, runs_on=True), Stage.AWAITING_SELLER),
        *BARGAINS,
    ),
    Stage.AWAITING_BUYER: (
        Branch(Silent("buyer_reply", BUYER), Stage.REOPENABLE),
        *(Branch(on, Stage.AWAITING_SELLER, by=BUYER) for on in (Say, Ask, Offer, Reject)),
        *(Branch(on, Stage.AWAITING_BUYER, by=SELLER) for on in (Offer, Reject)),
        Branch(Refuse, Stage.AWAITING_BUYER),
        Branch(Silent("help_opens", SELLER, runs_on=True), Stage.AWAITING_BUYER),
        *BARGAINS,
    ),
    Stage.REOPENABLE: (
        Branch(Silent("reopening", BUYER), Stage.CLOSED),
        Branch(Reopen, Stage.AWAITING_SELLER),
        *ENDS_IT,
    ),
    Stage.WITH_AGENT: (
        Branch(Decide, Stage.DECIDED),
        Branch(Confirm, Stage.DECIDED),
        *judged(Stage.WITH_AGENT),
        Branch(Offer, Stage.WITH_AGENT),
        Branch(Reject, Stage.WITH_AGENT),
        Branch(Accept, Stage.SETTLING, Moves.NAMED),
        Branch(AgreeToClose, Stage.CLOSED),
        *JUDGES,
    ),
    Stage.DECIDED: (
        *(
            branch
            for loser in (BUYER, SELLER)
            for branch in (
                Branch(Silent("appeal", loser), Stage.SETTLING, Moves.NAMED),
                Branch(Silent("appeal", loser), Stage.CLOSED),
            )
        ),
        Branch(Appeal, Stage.ON_APPEAL),
        Branch(Accept, Stage.SETTLING, Moves.NAMED),
        Branch(Accept, Stage.CLOSED),
        Branch(Withdraw, Stage.CLOSED),
        Branch(Close, Stage.CLOSED),
    ),
    Stage.ON_APPEAL: (*judged(Stage.ON_APPEAL), *JUDGES),
    Stage.SETTLING: (
        Branch(Silent("fulfilment", SELLER, perhaps=True), Stage.WITH_AGENT),
        Branch(Fulfil, Stage.CLOSED),
        *ways(Happens("return ended"), Stage.WITH_AGENT, Stage.CLOSED),
        *ways(Happens("refund confirmed"), Stage.CLOSED),
        *ways(NOTHING_OWED, Stage.CLOSED),
        *refund_unknown(Stage.SETTLING),
        Branch(RetryRefund, Stage.SETTLING, Moves.NAMED),
        Branch(Close, Stage.CLOSED),
    ),
}
