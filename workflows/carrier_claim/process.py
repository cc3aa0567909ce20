"""A carrier claim: a seller claims a lost or damaged parcel from its carrier (P5).

Read `run()` first. It stands beside the buyer's case, which never waits for it, and the buyer is
no party to it. What is known of the claim, is in record.py, and who may send what in terms.py.
"""

from typing import Any, ClassVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.carrier_claims import CarrierClaims
from domain.ahead import Ahead
from domain.commands import (
    CarrierSays,
    Command,
    Decide,
    FileClaim,
    ReportAnswer,
    ReportRecovered,
    Verdict,
)
from domain.notices import Ending, NoticeName, Told, also
from domain.openings import CarrierTrouble, OpenCarrierClaim
from domain.orders import Regime
from domain.parties import Party
from domain.policy import OnSilence
from domain.ports import ClaimFiled, ClaimToFile, Recovery
from domain.questions import Question
from domain.stages import Stage
from domain.view import Closed
from workflows.carrier_claim.record import ClaimRecord
from workflows.carrier_claim.terms import AHEAD
from workflows.kernel.case import Silence
from workflows.kernel.deadline import Clock
from workflows.kernel.errands import failure_type
from workflows.kernel.options import CARRIER_CLAIM, MARKETPLACE


@workflow.defn(name="CarrierClaim")
class CarrierClaim(ClaimRecord):
    """One parcel is claimed from its carrier."""

    AHEAD: ClassVar[Ahead] = AHEAD

    @workflow.init
    def __init__(self, opening: OpenCarrierClaim) -> None:
        super().__init__(opening)

    # The timeline: each step answers how the case ends, or None where it goes on.

    @workflow.run
    async def run(self, opening: OpenCarrierClaim) -> Closed:
        """A claim, from the trouble with the parcel until the carrier's money is booked."""
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        ending = (
            await self.wait_until_lost()
            or await self.have_claimed()
            or await self.hear_carrier()
            or await self.hear_seller()
            or await self.get_paid()
        )
        if ending is Ending.WITHDRAWN:
            self.tell_withdrawn()
        return await self.close(ending)

    async def wait_until_lost(self) -> Ending | None:
        """A parcel that has not come counts as lost after a while; a damaged one is there."""
        if self.opening.trouble is CarrierTrouble.DAMAGE:
            return None
        self.claimable = self.start(
            {
                Regime.POSTAL: "loss_from_postal",
                Regime.TRANSPORT: "loss_from_transport",
                Regime.CONTRACT: "loss_from_contract",
            }[self.parcel_claimed.regime],
            Party.PLATFORM,
            self.counted_from,
        )
        if self.claimable.due <= self.now:
            return None
        self.enter(Stage.TOO_EARLY)
        self.inform(
            NoticeName.CARRIER_CLAIM_NOT_YET,
            goods=self.goods,
            carrier=self.parcel_claimed.carrier or None,
            at=self.claimable.due,
        )
        match await self.hear(Party.PLATFORM, self.claimable, until=self.turned_up):
            case Silence():
                return None
            case _:
                return self.ended or self.end_found()

    async def have_claimed(self) -> Ending | None:
        """The seller claims while one may; after that the claim may be lost."""
        self.enter(Stage.AWAITING_SELLER)
        damage = self.opening.trouble is CarrierTrouble.DAMAGE
        clock = self.start("damage" if damage else "loss", Party.SELLER, self.counted_from)
        clock.remind_again(self.now)
        if clock.due > self.now:
            self.ask(
                clock,
                NoticeName.CARRIER_CLAIM_WANTED,
                tracking=self.opening.tracking,
                goods=self.goods,
                carrier=self.parcel_claimed.carrier or None,
                trouble=self.opening.trouble,
                amount=self.most,
            )
        match await self.hear(Party.SELLER, clock, until=self.turned_up):
            case FileClaim():
                return await self.file()
            case Silence():
                self.inform(NoticeName.CARRIER_CLAIM_LAPSED, due=clock.due)
                return Ending.LAPSED
            case _:
                return self.ended or self.end_found()

    async def file(self) -> Ending | None:
        """The marketplace sends the claim, or the appeal, to the carrier; else an agent does.

        It cannot be closed meanwhile: nobody knows yet whether the carrier has it.
        """
        self.enter(Stage.FILING)
        filing = workflow.start_activity_method(
            CarrierClaims.file,
            self.paper(),
            summary=f"{'appeal' if self.appealed else 'claim'} {self.claimed.figures}",
            **CARRIER_CLAIM,
        )
        while not filing.done():
            await self.hear(Party.PLATFORM, until=filing.done)
        try:
            filed: ClaimFiled = await filing
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self.note("not filed", detail=failure_type(error))
            return await self.have_filed_by_hand()
        self.reference = filed.reference
        self.note("filed")
        return None

    def paper(self) -> ClaimToFile:
        """The claim as it is sent, or the one appeal about it."""
        return ClaimToFile(
            key=f"{self.id}:{'appeal' if self.appealed else 'claim'}",
            case_id=self.id,
            order_id=self.opening.order_id,
            tracking=self.opening.tracking,
            trouble=self.opening.trouble,
            amount=self.claimed,
            evidence=self.evidence,
            appeal_of=self.reference if self.appealed else None,
            reason=self.appeal.reason if self.appealed and self.appeal else "",
        )

    async def have_filed_by_hand(self) -> Ending | None:
        """For the seller: an agent has filed it in another way. Else the claim, or appeal, ends."""
        move = await self.call_agent(Question.CLAIM_REFUSED_BY_PORT)
        if not isinstance(move, Decide) or move.verdict is Verdict.FOR_SELLER:
            return self.ended
        if self.owed:
            return await self.get_paid()  # what the carrier had accepted before the appeal
        return self.lose(text=move.reasoning, writer=move.by)

    async def hear_carrier(self) -> Ending | None:
        """The carrier answers; its silence is acceptance, or it is chased once."""
        self.enter(Stage.WITH_CARRIER)
        self.heard, self.overdue = False, False
        clock = self.carriers_time()
        deemed = clock.window.on_silence is OnSilence.DEEMED_ACCEPTED
        told: Told = {"amount": self.claimed, "appealed": self.appealed or None}
        self.inform(
            NoticeName.CARRIER_CLAIM_FILED,
            **also(
                told,
                reference=self.reference or None,
                due=clock.due,
                deemed=deemed or None,
            ),
        )
        while isinstance(await self.hear(Party.PLATFORM, clock), Silence):
            if deemed:
                self.deemed, self.owed = True, self.claimed
                return None
            if self.overdue:
                return None if self.owed else self.lose()
            self.overdue, clock = True, self.carriers_time()
            self.inform(NoticeName.CARRIER_SILENT, **also(told, due=clock.due))
        return self.ended

    def carriers_time(self) -> Clock:
        """The carrier's time to answer, by the regime of its service."""
        return self.start(
            {
                Regime.POSTAL: "answer_postal",
                Regime.TRANSPORT: "answer_transport",
                Regime.CONTRACT: "answer_contract",
            }[self.parcel_claimed.regime],
            Party.PLATFORM,
        )

    async def hear_seller(self) -> Ending | None:
        """A seller whose claim is refused, in whole or in part, may appeal once; else it stands."""
        if self.deemed or (self.heard and self.answer is CarrierSays.ACCEPTED):
            return None
        if self.heard:
            await self.tell_the_answer()
        if self.ended:
            return self.ended
        if self.appeal and not self.appealed:
            self.appealed = True
            return await self.file() or await self.hear_carrier() or await self.hear_seller()
        return None if self.owed else self.lose(answer=self.answer)

    async def tell_the_answer(self) -> None:
        """The carrier refuses, in whole or in part: the seller may accept it, or appeal once."""
        told: Told = {"answer": self.answer, "amount": self.owed}
        if self.appealed:
            self.inform(NoticeName.CARRIER_ANSWERED, **told)
            return
        self.enter(Stage.DECIDED)
        clock = self.start("appeal", Party.SELLER)
        self.ask(clock, NoticeName.CARRIER_ANSWERED, **also(told, tracking=self.opening.tracking))
        while not (self.appeal or self.content or self.ended):
            if isinstance(await self.hear(Party.SELLER, clock), Silence):
                return

    async def get_paid(self) -> Ending:
        """The carrier pays what it owes; an agent asks for it where it does not."""
        while True:
            self.enter(Stage.AWAITING_PAYMENT)
            assert self.owed is not None
            clock = self.start("payment", Party.PLATFORM)
            self.inform(
                NoticeName.CARRIER_OWES,
                amount=self.owed,
                due=clock.due,
                deemed=self.deemed or None,
            )
            move = await self.hear(Party.PLATFORM, clock)
            while isinstance(move, ReportAnswer):  # too late to change anything
                move = await self.hear(Party.PLATFORM, clock)
            if isinstance(move, Silence):
                move = await self.call_agent(Question.CARRIER_DOES_NOT_PAY)
            match move:
                case ReportRecovered():
                    return await self.book(move)
                case Decide(verdict=Verdict.FOR_SELLER):
                    continue  # the carrier has been asked, and is waited for again
                case Decide():
                    return self.lose(text=move.reasoning, writer=move.by)
                case _:
                    assert self.ended is not None
                    return self.ended

    async def book(self, reported: ReportRecovered) -> Ending:
        """The money that came is booked to the seller, once; if need be by an agent's hand."""
        self.enter(Stage.SETTLING)
        self.rest_on(Party.PLATFORM)
        try:
            await workflow.execute_activity_method(
                CarrierClaims.book,
                Recovery(
                    key=f"{self.id}:recovery",
                    case_id=self.id,
                    order_id=self.opening.order_id,
                    seller_id=self.registration.seller_id,
                    amount=reported.amount,
                    at=self.now,
                ),
                summary=f"book {reported.amount.figures} to the seller",
                **MARKETPLACE,
            )
            self.note("booked")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self.note("booking refused", detail=failure_type(error))
            await self.call_agent(Question.BOOKING_REFUSED)
        if self.ended is None:
            self.inform(NoticeName.CARRIER_PAID, amount=reported.amount)
        return self.ended or Ending.RECOVERED

    async def call_agent(self, question: Question) -> Command | None:
        """An agent is called, and decides, unless what is waited for comes by itself."""
        self.enter(Stage.WITH_AGENT)
        self.ruling = None
        deciding = self.call_agents(question)
        self.tell(Party.SELLER, NoticeName.AGENT_JOINS, reason=question, due=deciding.due)
        move = await self.hear_agent(deciding)
        self.agents_task.finish()
        return move

    def lose(self, **why: Any) -> Ending:
        """Nothing more comes of it here: the seller learns what is left to do elsewhere."""
        self.inform(NoticeName.CARRIER_CLAIM_LOST, amount=self.claimed, **why)
        return Ending.REFUSED

    def end_found(self) -> Ending:
        """The parcel has turned up."""
        self.inform(NoticeName.PARCEL_FOUND)
        return Ending.DELIVERED

    def turned_up(self) -> bool:
        """Whether a parcel that was to be claimed as lost has turned up."""
        return self.found is not None and self.claim is None
