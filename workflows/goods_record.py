"""Where the goods of a return are, what was found of them, and what may be sent next.

Nothing here waits or writes to anybody: that is the timeline's, in goods_return.py.
"""

from collections import Counter
from datetime import datetime

from temporalio import workflow

from domain.commands import (
    Accept,
    BeginWork,
    Claim,
    Close,
    Command,
    CommandBase,
    Decide,
    Explain,
    FinishWork,
    HandOver,
    Hold,
    Inspect,
    ProvideLabel,
    PutBack,
    Receive,
    Reject,
    Release,
    Resume,
    Say,
    ShipBack,
)
from domain.goods import (
    Condition,
    Custody,
    Goods,
    Kept,
    News,
    ParcelEvent,
    Purpose,
    Received,
    Scan,
    Way,
    lines,
)
from domain.money import Money
from domain.openings import OpenReturn
from domain.orders import Line
from domain.parties import Party
from domain.policy import ReturnPolicy
from domain.refusals import Code, Refusal
from domain.stages import Stage
from domain.view import CaseView, Outcome
from workflows.agents import WithAgents
from workflows.case import Permitted
from workflows.deadline import Clock

COMING = (Stage.AWAITING_LABEL, Stage.AWAITING_GOODS, Stage.IN_TRANSIT)
OPEN = (
    *COMING,
    Stage.INSPECTING,
    Stage.AWAITING_BUYER,
    Stage.UNEXPLAINED,
    Stage.WITH_AGENT,
    Stage.WORKING,
    Stage.SENDING_BACK,
)

PERMITTED: Permitted = {
    Say: (tuple(Party), OPEN),
    ProvideLabel: ((Party.SELLER,), (Stage.AWAITING_LABEL,)),
    HandOver: ((Party.BUYER,), COMING),
    Receive: ((Party.SELLER,), (*COMING, Stage.INSPECTING, Stage.WITH_AGENT)),
    Inspect: ((Party.SELLER,), (Stage.INSPECTING, Stage.WITH_AGENT)),
    PutBack: ((Party.SELLER,), (Stage.INSPECTING, Stage.WITH_AGENT)),
    Accept: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    Reject: ((Party.BUYER,), (Stage.AWAITING_BUYER,)),
    BeginWork: ((Party.SELLER,), (Stage.WORKING,)),
    FinishWork: ((Party.SELLER,), (Stage.WORKING,)),
    ShipBack: ((Party.SELLER,), (Stage.WORKING, Stage.SENDING_BACK, Stage.WITH_AGENT)),
    Explain: ((Party.BUYER,), (Stage.UNEXPLAINED,)),
    Claim: ((Party.AGENT,), (Stage.WITH_AGENT,)),
    Release: ((Party.AGENT,), (Stage.WITH_AGENT,)),
    Decide: ((Party.AGENT,), (Stage.WITH_AGENT,)),
    Close: ((Party.PLATFORM,), OPEN),
    Hold: ((Party.AGENT, Party.PLATFORM), OPEN),
    Resume: ((Party.AGENT, Party.PLATFORM), OPEN),
}
"""Who may send what, and at which stages; `barred()` adds what depends on the case's facts."""

AWAITED_OF_SELLER: dict[type[CommandBase], tuple[str, ...]] = {
    Receive: ("goods-missing", "refused-on-arrival"),
    Inspect: ("inspection-overdue",),
    PutBack: ("inspection-overdue",),
    ShipBack: ("sending-overdue",),
}
"""With which tasks of agents a seller may still do what was missed."""

LATEST = (Scan.ARRIVED, Scan.REFUSED, Scan.LOST)

Units = dict[str, int]


class GoodsRecord(WithAgents):
    """The facts of a return, by which each command is judged when it comes."""

    PERMITTED = PERMITTED

    def __init__(self, opening: OpenReturn) -> None:
        super().__init__(opening)
        self.claim = opening
        self.expected: Units = {}
        self.outstanding: Units = {}
        self.uninspected: list[Received] = []
        self.inspected_goods: list[Received] = []
        self.accepted: Units = {}
        self.rejected: Units = {}
        self.lost: Units = {}
        self.sent_back: Units = {}
        self.put_back = False
        self.inspected = False
        self.work_begun = False
        self.finding_open = False
        self.handed: HandOver | None = None
        self.handed_over_told = False
        self.sent_at: datetime | None = None
        self.unsent = False
        self.scanned: Scan | None = None
        self.travelling: Clock | None = None
        self.called_off = False
        self.adopted_by: str | None = None
        self.charged_minor = 0
        self.told: set[News] = set()
        self.moved = False
        self._announced = 0
        self._events: set[str] = set()
        self._parcels: set[str] = set()
        self._tracking: str | None = None

    # What is known of the goods.

    def expect(self, units: tuple[Line, ...]) -> None:
        """These are to come back."""
        self.expected = {unit.sku: unit.quantity for unit in units}
        self.outstanding = dict(self.expected)

    @property
    def settled(self) -> bool:
        """Whether every unit has been received and inspected, or is known not to come."""
        return not any(self.outstanding.values()) and not self.uninspected

    @property
    def at_seller(self) -> bool:
        """Whether a parcel is with the seller that was not inspected yet."""
        return bool(self.uninspected) or self.scanned is Scan.ARRIVED

    def goods_moved(self) -> bool:
        """Whether a machine or the case it belongs to has told something new."""
        return self.moved

    def see(self, event: ParcelEvent) -> None:
        """A scan, in whatever order: what is known of a parcel never goes back."""
        if event.event_id in self._events:
            return
        self._events.add(event.event_id)
        self.note(f"parcel {event.scan}", detail=event.tracking or "")
        self.sent_at = min(self.sent_at or event.at, event.at)
        if event.tracking in self._parcels:
            return  # a late scan of a parcel that has been inspected
        known = self.scanned
        later = known is None or (known not in LATEST and event.scan is not known)
        found = known in (Scan.REFUSED, Scan.LOST) and event.scan is Scan.ARRIVED
        if (later and not (known is Scan.IN_TRANSIT and event.scan is Scan.HANDED_OVER)) or found:
            self.scanned, self._tracking, self.moved = event.scan, event.tracking, True

    def take_in(self, received: tuple[Received, ...]) -> None:
        """The seller has received these."""
        for each in received:
            self.outstanding[each.sku] -= each.quantity
        self.uninspected += received
        self.sent_at = self.sent_at or workflow.now()

    def begin_next_parcel(self) -> None:
        """What was inspected is done with; the rest is still to come."""
        if self._tracking:
            self._parcels.add(self._tracking)
        self.scanned, self.travelling, self._tracking = None, None, None
        self.inspected = False

    def findings(self) -> tuple[Units, Units]:
        """What came of the parcel as it was sent, and what did not; it is inspected now."""
        fine, amiss = Counter[str](), Counter[str]()
        for each in self.uninspected:
            (fine if each.condition.came_back else amiss)[each.sku] += each.quantity
        self.inspected_goods += self.uninspected
        self.uninspected, self._announced = [], 0
        return dict(fine), dict(amiss)

    def accept(self, units: Units) -> None:
        """These count as returned."""
        for sku, n in units.items():
            self.accepted[sku] = self.accepted.get(sku, 0) + n
            self.rejected[sku] = max(0, self.rejected.get(sku, 0) - n)

    def reject(self, units: Units) -> None:
        """These do not count as returned."""
        for sku, n in units.items():
            self.rejected[sku] = self.rejected.get(sku, 0) + n

    def take_in_unseen(self) -> None:
        """The seller has said nothing of what arrived: it is taken for what was sent."""
        if not self.uninspected:
            rest = self.outstanding.items()
            self.take_in(tuple(Received(sku=sku, quantity=n) for sku, n in rest if n))

    def lose(self) -> Units:
        """What is outstanding will not come."""
        gone, self.outstanding = self.outstanding, {}
        for sku, n in gone.items():
            self.lost[sku] = self.lost.get(sku, 0) + n
        return gone

    def gone_back(self, units: Units) -> None:
        """The seller has sent these to the buyer."""
        for sku, n in units.items():
            self.sent_back[sku] = self.sent_back.get(sku, 0) + n

    @property
    def in_hand(self) -> Units:
        """What the seller has, in whatever condition."""
        there = Counter[str]()
        for each in (*self.inspected_goods, *self.uninspected):
            if each.condition not in (Condition.EMPTY, Condition.MISSING):
                there[each.sku] += each.quantity
        there.subtract(self.sent_back)
        return {sku: n for sku, n in there.items() if n > 0}

    @property
    def rejected_in_hand(self) -> Units:
        """What the seller has and does not take."""
        there = self.in_hand
        left = {sku: min(n, there.get(sku, 0)) for sku, n in self.rejected.items()}
        return {sku: n for sku, n in left.items() if n > 0}

    def custody(self) -> tuple[Kept, ...]:
        """Who has how many of what: neither money nor a decision."""
        coming = {
            None: Custody.IN_TRANSIT if self.sent_at else Custody.WITH_BUYER,
            Scan.ARRIVED: Custody.ARRIVED,
            Scan.LOST: Custody.LOST,
        }.get(self.scanned, Custody.IN_TRANSIT)
        kept = [Kept(sku=s, quantity=n, custody=coming) for s, n in self.outstanding.items() if n]
        kept += [Kept(sku=s, quantity=n, custody=Custody.LOST) for s, n in self.lost.items() if n]
        back = Counter(self.sent_back)
        for each in (*self.inspected_goods, *self.uninspected):
            absent = each.condition in (Condition.EMPTY, Condition.MISSING)
            away = 0 if absent else min(back[each.sku], each.quantity)
            back[each.sku] -= away
            here = Custody.PUT_BACK if self.put_back else Custody.WITH_SELLER
            here = Custody.LOST if absent else here
            kept += [
                Kept(sku=each.sku, quantity=n, custody=where, condition=each.condition)
                for n, where in ((away, Custody.ON_THE_WAY_BACK), (each.quantity - away, here))
                if n
            ]
        return tuple(kept)

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
        if self.ended and verb is not Say:
            return Refusal(code=Code.ALREADY_DONE, sentence="The return is ending already.")
        purpose = self.task and self.task.purpose
        with_agent = self.stage is Stage.WITH_AGENT
        if with_agent and purpose not in AWAITED_OF_SELLER.get(verb, (purpose,)):
            return Refusal(
                code=Code.WRONG_STAGE, sentence="An agent looks into it; `say` what you know."
            )
        if verb is Receive and not any(self.outstanding.values()):
            return Refusal(code=Code.ALREADY_DONE, sentence="Everything has been received already.")
        if verb in (Inspect, PutBack) and self.inspected:
            return Refusal(code=Code.ALREADY_DONE, sentence="It is inspected already.")
        if verb in (Accept, Reject) and not self.finding_open:
            return Refusal(code=Code.NO_OPEN_OFFER, sentence="Nothing is proposed to you now.")
        if verb is BeginWork and self.work_begun:
            return Refusal(code=Code.ALREADY_DONE, sentence="The work has begun already.")
        return super().barred(verb, by)

    def unfit(self, command: Command) -> Refusal | None:
        """Why this command cannot be taken though its verb may be sent; None when it can."""
        match command:
            case Receive(units=units):
                return self._differs(units, self.outstanding, exactly=False)
            case Inspect(units=units) if units and self.uninspected:
                return self._differs(units, self._received(), exactly=True)
            case Inspect(units=units) if units:
                return self._differs(units, self.outstanding, exactly=False)
            case PutBack() if any(not each.condition.came_back for each in self.uninspected):
                return Refusal(
                    code=Code.UNITS_DIFFER,
                    sentence="Not everything came as it was sent; use `inspect`.",
                )
            case Explain(reason=reason) if reason.complains:
                return Refusal(
                    code=Code.COMPLAINTS_NOT_YET,
                    sentence=f'"{reason}" is a reason of complaint, and complaints are not run '
                    "yet; open a dispute.",
                )
            case Decide() if command.remedy or command.amount:
                return Refusal(
                    code=Code.VERDICT_DIFFERS,
                    sentence="A ruling about goods names no remedy and no amount.",
                )
            case Claim() | Release() | Decide():
                return self.task_bars(command)
        return None

    def record(self, command: Command) -> Outcome:
        """Take a command's facts into the case, so that the next command is judged by them."""
        match command:
            case HandOver():
                self.handed = command
                self.sent_at = min(self.sent_at or workflow.now(), workflow.now())
                self._tracking = self._tracking or command.tracking
            case Receive(units=units):
                self.take_in(units)
            case Inspect(units=units) if units and self.uninspected:
                self.uninspected, self.inspected = list(units), True
            case Inspect(units=units) if units:
                self.take_in(units)
                self.inspected = True
            case Inspect() | PutBack():
                self.take_in_unseen()
                self.inspected = True
                self.put_back = self.put_back or isinstance(command, PutBack)
            case Accept() | Reject():
                self.finding_open = False
            case BeginWork():
                self.work_begun = True
        return super().record(command)

    def _received(self) -> Units:
        found = Counter[str]()
        for each in self.uninspected:
            found[each.sku] += each.quantity
        return dict(found)

    def _differs(
        self, units: tuple[Received, ...], known: Units, *, exactly: bool
    ) -> Refusal | None:
        found = Counter[str]()
        for each in units:
            found[each.sku] += each.quantity
        there = {sku: n for sku, n in known.items() if n > 0}
        if (exactly and dict(found) != there) or any(
            n > there.get(sku, 0) for sku, n in found.items()
        ):
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
        return self.claim.way or self.policy.way

    @property
    def refunds(self) -> bool:
        """Whether the goods come back for their price."""
        return self.claim.purpose is Purpose.REFUND

    @property
    def buyer_pays_way_back(self) -> bool:
        """Only of a withdrawal, if the buyer was told beforehand, and not in the free-delivery
        programme (art. 14(1), W4).
        """
        withdrawn = (self.claim.belongs_to or "").startswith("withdrawal:")
        return withdrawn and self.sale.return_cost_announced and not self.sale.free_delivery

    @property
    def at_stake(self) -> Money:
        """What was paid for the goods."""
        assert self.registration.at_stake is not None
        return self.registration.at_stake

    @property
    def policy(self) -> ReturnPolicy:
        """The windows and limits of returns that this case is pinned to."""
        assert isinstance(self.registration.terms, ReturnPolicy)
        return self.registration.terms

    def look(self) -> CaseView:
        """The return as its readers see it."""
        return (
            super()
            .look()
            .model_copy(
                update={
                    "custody": self.custody(),
                    "accepted": lines(self.accepted),
                    "belongs_to": self.claim.belongs_to,
                }
            )
        )
