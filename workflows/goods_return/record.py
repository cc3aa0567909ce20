"""Where the goods of a return are, what was found of them, and what may be sent next.

Nothing here waits or writes to anybody: that is the timeline's, in process.py.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from domain.commands import (
    Accept,
    BeginWork,
    Claim,
    Command,
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
    Release,
    Remedy,
    Say,
    ShipBack,
)
from domain.goods import (
    Condition,
    Custody,
    Goods,
    Kept,
    ParcelEvent,
    Purpose,
    Received,
    Scan,
    Way,
    count,
    lines,
)
from domain.kinds import Kind, kind_of
from domain.money import Money
from domain.notices import Ending
from domain.openings import OpenReturn
from domain.orders import Line
from domain.parcels import Parcels
from domain.parties import Party
from domain.policy import ReturnPolicy
from domain.questions import Question
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import Outcome, ReturnView
from workflows.goods_return.terms import ANSWERS, VERBS
from workflows.kernel.agents import WithAgents
from workflows.kernel.over_order import OverOrder

Units = dict[str, int]


@dataclass(eq=False)
class Lot:
    """Units that came and were inspected. Custody is where they are, `taken` is the decision."""

    sku: str
    quantity: int
    condition: Condition
    custody: Custody
    taken: bool = False

    @property
    def here(self) -> bool:
        """Whether the seller has them."""
        return self.custody in (Custody.WITH_SELLER, Custody.PUT_BACK)


def units_of(lots: Iterable[Lot | Received]) -> Units:
    """How many of each line."""
    found = Counter[str]()
    for lot in lots:
        found[lot.sku] += lot.quantity
    return dict(found)


class ReturnRecord(OverOrder, WithAgents):
    """The facts of a return, by which each command is judged when it comes."""

    opening: OpenReturn
    policy: ReturnPolicy
    VERBS = VERBS

    def __init__(self, opening: OpenReturn) -> None:
        super().__init__(opening)
        self.expected: Units = {}
        self.outstanding: Units = {}
        self.parcels = Parcels()
        self.uninspected: list[Received] = []
        self.lots: list[Lot] = []
        self.written_off: list[Kept] = []
        self.counted: Units = {}
        self.labelled = False
        self.label_refused = False
        self.handed: HandOver | None = None
        self.inspected = False
        self.put_back = False
        self.finding_open = False
        self.work_begun = False
        self.work_done = False
        self.owes_parcel = False
        self.explained = False
        self.called_off = False
        self.moved = False
        self._announced = 0

    # What is known of the goods.

    def expect(self, units: tuple[Line, ...]) -> None:
        """These are to come back."""
        self.expected = count(units)
        self.outstanding = dict(self.expected)

    @property
    def all_accounted_for(self) -> bool:
        """Whether every unit has been received and inspected, or is known not to come."""
        return not any(self.outstanding.values()) and not self.uninspected

    @property
    def at_seller(self) -> bool:
        """Whether a parcel is with the seller that was not inspected yet."""
        return bool(self.uninspected) or self.parcels.scanned is Scan.ARRIVED

    @property
    def accepted(self) -> Units:
        """What counts as returned."""
        taken = Counter(units_of(lot for lot in self.lots if lot.taken))
        return dict(taken + Counter(self.counted))

    @property
    def here(self) -> list[Lot]:
        """What the seller has."""
        return [lot for lot in self.lots if lot.here]

    @property
    def not_taken(self) -> list[Lot]:
        """What the seller has and does not take."""
        return [lot for lot in self.here if not lot.taken]

    def see(self, event: ParcelEvent) -> None:
        """A machine has told of a parcel."""
        if self.parcels.see(event):
            self.note(f"parcel {event.scan}", detail=event.tracking or "")
            self.moved = True

    def take_in(self, received: tuple[Received, ...]) -> None:
        """The seller has received these."""
        for each in received:
            self.outstanding[each.sku] -= each.quantity
        self.uninspected += received
        self.parcels.prove_sent(self.now)

    def take_in_unseen(self) -> None:
        """The seller has not said what arrived: it is taken for what was sent."""
        if not self.uninspected:
            rest = self.outstanding.items()
            self.take_in(tuple(Received(sku=sku, quantity=n) for sku, n in rest if n))

    def shelve(self) -> list[Lot]:
        """The inspection of a parcel is over: what came of it. The rest is still to come."""
        lots = [
            Lot(each.sku, each.quantity, each.condition, self._place(each))
            for each in self.uninspected
        ]
        self.lots += lots
        self.uninspected, self._announced = [], 0
        self.inspected = self.put_back = False
        self.parcels.inspected(self.now)
        return lots

    def take(self, lots: list[Lot], taken: bool = True) -> None:
        """These count as returned, or not."""
        for lot in lots:
            lot.taken = taken

    def send_off(self, lots: list[Lot]) -> None:
        """The seller has sent these to the buyer."""
        for lot in lots:
            lot.custody = Custody.ON_THE_WAY_BACK

    def write_off(self) -> Units:
        """What is outstanding is not waited for any more."""
        gone, where = self.outstanding, self._coming
        self.written_off += [Kept(sku=s, quantity=n, custody=where) for s, n in gone.items() if n]
        self.outstanding = {}
        return gone

    def custody(self) -> tuple[Kept, ...]:
        """Who has how many of what: neither money nor a decision."""
        coming, outstanding = self._coming, self.outstanding.items()
        return (
            *(Kept(sku=sku, quantity=n, custody=coming) for sku, n in outstanding if n),
            *self.written_off,
            *(Kept(**each.model_dump(), custody=self._place(each)) for each in self.uninspected),
            *(
                Kept(
                    sku=lot.sku,
                    quantity=lot.quantity,
                    custody=lot.custody,
                    condition=lot.condition,
                )
                for lot in self.lots
            ),
        )

    @property
    def _coming(self) -> Custody:
        """Who has what is outstanding."""
        if self.parcels.sent_at is None:
            return Custody.WITH_BUYER
        if self.parcels.scanned is Scan.ARRIVED:
            return Custody.ARRIVED
        lost = self.parcels.overdue or self.parcels.scanned is Scan.LOST
        return Custody.LOST if lost else Custody.IN_TRANSIT

    def _place(self, received: Received) -> Custody:
        if received.condition in (Condition.EMPTY, Condition.MISSING):
            return Custody.LOST
        return Custody.PUT_BACK if self.put_back else Custody.WITH_SELLER

    # As letters name it.

    def named(self, units: Units) -> tuple[Goods, ...]:
        """Units as a letter names them."""
        return tuple(Goods(title=self.sale.title(s), quantity=n) for s, n in units.items() if n > 0)

    def conditions(self, *, fresh: bool = False) -> tuple[Goods, ...]:
        """What was received and not inspected, with its condition; or only what is new of it."""
        told = self.uninspected[self._announced :] if fresh else self.uninspected
        if fresh:
            self._announced = len(self.uninspected)
        return tuple(
            Goods(title=self.sale.title(r.sku), quantity=r.quantity, condition=r.condition)
            for r in told
        )

    # What may be sent.

    def barred(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """What the facts forbid; None when `by` may send `verb` now."""
        if verb is Say:
            return None
        if self.ended:
            return Refusal(code=Code.ALREADY_DONE, sentence="The return is ending already.")
        if self.stage is Stage.WITH_AGENT and (refusal := self.task_allows(verb)):
            return refusal
        done = {
            ProvideLabel: (self.labelled, "A label is provided already."),
            Receive: (not any(self.outstanding.values()), "Everything has been received already."),
            Inspect: (self.inspected, "It is inspected already."),
            PutBack: (self.inspected, "It is inspected already."),
            BeginWork: (self.work_begun or self.work_done, "The work has begun already."),
            FinishWork: (self.work_done, "The work is done already."),
            ShipBack: (not self.owes_parcel, "The goods are sent already."),
            Explain: (self.explained, "You have explained it already."),
        }
        if verb in done and done[verb][0]:
            return Refusal(code=Code.ALREADY_DONE, sentence=done[verb][1])
        if verb is Receive and self.inspected:
            return Refusal(
                code=Code.WRONG_STAGE,
                sentence="A parcel was inspected this moment; report the next one after it.",
            )
        if verb in (Accept, Reject) and not self.finding_open:
            return Refusal(code=Code.NO_OPEN_OFFER, sentence="Nothing is proposed to you now.")
        return None

    def task_allows(self, verb: type[CommandBase]) -> Refusal | None:
        """Why a command does not fit the question that agents were called about."""
        question = self.agents_task.question
        overtaken: dict[Question | None, bool] = {
            Question.GOODS_MISSING: self.at_seller,
            Question.REFUSED_ON_ARRIVAL: self.at_seller,
            Question.INSPECTION_OVERDUE: self.inspected,
            Question.SENDING_OVERDUE: not self.owes_parcel,
        }
        if self.ruling and verb in (*ANSWERS, Claim, Release):
            return Refusal(code=Code.ALREADY_DONE, sentence="An agent has ruled already.")
        if verb is Decide and overtaken.get(question):
            return Refusal(code=Code.ALREADY_DONE, sentence="What was missed has been done now.")
        if verb is Decide and question not in ANSWERS[Decide]:
            return Refusal(
                code=Code.WRONG_STAGE, sentence="Nothing is to be ruled; provide a label."
            )
        if question not in ANSWERS.get(verb, (question,)):
            return Refusal(
                code=Code.WRONG_STAGE, sentence="An agent looks into it; `say` what you know."
            )
        return None

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        match command:
            case HandOver(tracking=tracking) if self.handed and tracking in (
                self.handed.tracking,
                None,
            ):
                return Refusal(
                    code=Code.ALREADY_DONE,
                    sentence="You have said so already; name another parcel by its tracking.",
                )
            case ShipBack(expected_on=day) if day < self.today:
                return Refusal(
                    code=Code.DATE_PAST,
                    sentence=f"{day} has passed; name the day on which the goods are expected.",
                )
            case Receive(units=units):
                return self._differs(units, self.outstanding, exactly=False)
            case Inspect(units=units) if units and self.uninspected:
                return self._differs(units, units_of(self.uninspected), exactly=True)
            case Inspect(units=units) if units:
                return self._differs(units, self.outstanding, exactly=False)
            case PutBack() if any(not each.condition.came_back for each in self.uninspected):
                return Refusal(
                    code=Code.UNITS_DIFFER,
                    sentence="Not everything came as it was sent; use `inspect`.",
                )
            case Explain(reason=reason, wanted=Remedy()) if not reason.complains:
                return Refusal(
                    code=Code.REASON_DIFFERS,
                    sentence=f'"{reason}" is a reason of withdrawal; leave `wanted` out.',
                )
            case Decide() if command.remedy or command.amount:
                return Refusal(
                    code=Code.VERDICT_DIFFERS,
                    sentence="A ruling about goods names no remedy and no amount.",
                )
        return None

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case, so that the next command is judged by them."""
        match command:
            case ProvideLabel():
                self.labelled = True
            case HandOver():
                self.handed = command
                self.parcels.prove_sent(self.now)
            case Receive(units=units):
                self.take_in(units)
            case Inspect(units=units) if units and self.uninspected:
                self.uninspected, self.inspected = list(units), True
                self._announced = len(units)  # the finding tells what it found otherwise
            case Inspect(units=units) if units:
                self.take_in(units)
                self.inspected = True
            case Inspect() | PutBack():
                self.take_in_unseen()
                self.inspected = True
                self.put_back = isinstance(command, PutBack)
            case Accept() | Reject():
                self.finding_open = False
            case BeginWork():
                self.work_begun = True
            case FinishWork():
                self.work_done = True
            case ShipBack():
                self.owes_parcel = False
            case Explain():
                self.explained = True
        return super().record(command)

    def _differs(
        self, units: tuple[Received, ...], known: Units, *, exactly: bool
    ) -> Refusal | None:
        found = units_of(units)
        there = {sku: n for sku, n in known.items() if n > 0}
        if (exactly and found != there) or any(n > there.get(sku, 0) for sku, n in found.items()):
            said = ", ".join(f"{sku}={n}" for sku, n in there.items())
            return Refusal(
                code=Code.UNITS_DIFFER,
                sentence=f"Name {'exactly' if exactly else 'at most'} {said}.",
            )
        return None

    # What the case is.

    @property
    def way(self) -> Way:
        """How the goods come back."""
        return self.opening.way or self.policy.way

    @property
    def refunds(self) -> bool:
        """Whether the goods come back for their price."""
        return self.opening.purpose is Purpose.REFUND

    @property
    def withholds(self) -> bool:
        """Whether a refund may wait for the goods; where they should not have come, none does."""
        parent = kind_of(self.opening.belongs_to or "")
        return self.refunds and parent not in (Kind.CANCELLATION, Kind.NON_DELIVERY)

    @property
    def withdrawal(self) -> str | None:
        """The withdrawal that the return belongs to, if it is one."""
        parent = self.opening.belongs_to
        return parent if parent and kind_of(parent) is Kind.WITHDRAWAL else None

    @property
    def buyer_pays_way_back(self) -> bool:
        """Only of a withdrawal, if the buyer was told beforehand, and not in the free-delivery
        programme (art. 14(1), W4).
        """
        return (
            self.withdrawal is not None
            and self.sale.return_cost_announced
            and not self.sale.free_delivery
        )

    @property
    def at_stake(self) -> Money:
        """What was paid for the goods."""
        assert self.registration.at_stake is not None
        return self.registration.at_stake

    def announces(self, ending: Ending) -> bool:
        """Of a return that belongs to a case, that case tells how it all ended."""
        return self.opening.belongs_to is None or ending is Ending.CLOSED_BY_PLATFORM

    def look(self) -> ReturnView:
        """The return as its readers see it."""
        return ReturnView(
            **self.seen(),
            custody=self.custody(),
            accepted=lines(self.accepted),
            ruling=self.ruling,
            belongs_to=self.opening.belongs_to,
        )
