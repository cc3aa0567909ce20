"""An inquiry: a buyer asks a seller about an order, and the seller owes an answer (H1-H5)."""

from typing import ClassVar

from temporalio import workflow

from domain.accounts import left_for, left_with_delivery
from domain.ahead import Ahead, Branch, Happens, Silent
from domain.commands import (
    Ask,
    BecomeDispute,
    Command,
    CommandBase,
    NoAnswerNeeded,
    Remedy,
    Say,
    answers,
)
from domain.notices import Ending, NoticeName
from domain.openings import OpenDispute, OpenInquiry
from domain.parties import Party
from domain.policy import InquiryPolicy
from domain.refusals import Code, Refusal
from domain.remedies import amount_refusal
from domain.stages import Stage
from domain.view import Closed, InquiryView, Outcome
from workflows.inquiry.terms import ENDS_IT, VERBS
from workflows.kernel.case import Silence
from workflows.kernel.deadline import Clock
from workflows.kernel.neighbours import open_once
from workflows.kernel.over_order import OverOrder


@workflow.defn(name="Inquiry")
class Inquiry(OverOrder):
    """Each unanswered message of the buyer has its own reply clock; the oldest is due first."""

    opening: OpenInquiry
    policy: InquiryPolicy
    AHEAD: ClassVar[Ahead] = {
        Stage.OPENING: (
            Branch(Happens("opened"), Stage.AWAITING_SELLER),
            Branch(Happens("not opened"), Stage.CLOSED),
        ),
        Stage.AWAITING_SELLER: (
            Branch(Silent("seller_reply", Party.SELLER), Stage.AWAITING_SELLER),
            Branch(Say, Stage.AWAITING_BUYER, by=Party.SELLER),
            Branch(NoAnswerNeeded, Stage.AWAITING_BUYER),
            *ENDS_IT,
        ),
        Stage.AWAITING_BUYER: (
            Branch(Say, Stage.AWAITING_SELLER, by=Party.BUYER),
            *ENDS_IT,
        ),
    }
    VERBS = VERBS

    @workflow.init
    def __init__(self, opening: OpenInquiry) -> None:
        super().__init__(opening)
        self.unanswered: list[Clock] = []
        self.needless = 0
        self.answer_owed = False
        self.wish: BecomeDispute | None = None

    @workflow.run
    async def run(self, opening: OpenInquiry) -> Closed:
        """An inquiry, from the buyer's first question until nobody has anything to add."""
        if not await self.register():
            return await self.close(Ending.NOT_OPENED)
        reply = self.await_reply()
        self.tell(
            Party.SELLER,
            NoticeName.INQUIRY_OPENED,
            text=opening.text,
            writer=opening.opened_by,
            due=reply.due,
        )
        self.tell(Party.BUYER, NoticeName.INQUIRY_RECEIVED, due=reply.due)
        quiet = self.start("inactivity", Party.BUYER)
        while self.ended is None:  # as well by a command, once it is recorded: see record()
            awaited = Party.SELLER if self.answer_owed else Party.BUYER
            self.enter(Stage.AWAITING_SELLER if self.answer_owed else Stage.AWAITING_BUYER)
            move = await self.hear(awaited, *self.unanswered, quiet, heeds=every_word)
            match move:
                case Silence(clock) if clock is quiet:
                    self.ended = Ending.INACTIVE
                case Silence(clock):
                    self.breach(clock)
                    self.unanswered.remove(clock)
                    self.tell_both(NoticeName.REPLY_BREACH, due=clock.due)
                case Say():
                    if answers(move, Party.SELLER):
                        self.answered()
                    asked = answers(move, Party.BUYER)
                    self.pass_on(move, self.await_reply().due if asked else None)
                    quiet = self.start("inactivity", Party.BUYER)
                case NoAnswerNeeded():
                    self.answered()
        if self.wish:
            await self.open_dispute(self.wish)
        return await self.close(self.ended)

    def await_reply(self) -> Clock:
        """The buyer wrote: the seller owes an answer, and this message's clock runs."""
        self.answer_owed = True
        clock = self.start("seller_reply", Party.SELLER)
        self.unanswered.append(clock)
        return clock

    def answered(self) -> None:
        """An answer, or none being needed, stops every reply clock."""
        self.answer_owed = False
        self.unanswered.clear()

    async def open_dispute(self, wish: BecomeDispute) -> None:
        """Open the dispute that this inquiry becomes; it refers back here for its history."""
        opening = OpenDispute(
            country=self.opening.country,
            order_id=self.opening.order_id,
            opened_by=wish.by,
            text=wish.text,
            reason=wish.reason,
            wanted=wish.wanted,
            amount=wish.amount,
            external_id=f"{self.opening.order_id}-inquiry-{self.opening.number}",
            from_inquiry=self.id,
        )
        await open_once(opening)
        self.note("became dispute", Party.BUYER, opening.case_id)
        self.tell(Party.SELLER, NoticeName.INQUIRY_BECAME_DISPUTE)

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts forbid; None when `by` may send `verb` now."""
        if self.ended and verb is not Say:
            return Refusal(code=Code.ALREADY_DONE, sentence="The inquiry is ending already.")
        if verb is NoAnswerNeeded and not self.answer_owed:
            return Refusal(code=Code.WRONG_STAGE, sentence="No message of the buyer is unanswered.")
        return None

    def unfit(self, command: Command) -> Refusal | None:
        """A dispute claims at most what is left of what was paid."""
        if isinstance(command, BecomeDispute) and command.amount:
            reduces = command.wanted is Remedy.PARTIAL_REFUND
            left = (left_for if reduces else left_with_delivery)(
                self.sale,
                self.registration.lines,
                self.registration.money_back,
                self.registration.delivery_back_minor,
            )
            return amount_refusal(Remedy.PARTIAL_REFUND, command.amount, left)
        return None

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case."""
        match command:
            case NoAnswerNeeded():
                self.answer_owed = False
                self.needless += 1
            case BecomeDispute():
                self.wish = command
                self.ended = Ending.BECAME_DISPUTE
        return super().record(command)

    def look(self) -> InquiryView:
        """The inquiry as its readers see it."""
        return InquiryView(**self.seen(), needless_answers=self.needless)


def every_word(message: Say | Ask) -> bool:
    """An inquiry heeds whatever is said in it."""
    return True
