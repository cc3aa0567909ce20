"""A case as a page to read."""

from collections.abc import Iterable, Iterator

from domain.commands import Attachment, Nature
from domain.deadlines import day_of, spoken
from domain.export import Relation
from domain.goods import count
from domain.kin import kin
from domain.money import Money
from domain.parties import Party
from domain.questions import Question
from domain.refunds import RefundPreview
from domain.stages import Stage
from domain.view import (
    CarrierClaimView,
    CaseView,
    ClockView,
    ComplaintView,
    DecisionView,
    DisputeView,
    InquiryView,
    OfferState,
    OfferView,
    ParcelClaimView,
    ProposalView,
    RefundingView,
    ReturnView,
    TakingBackView,
    UncollectedParcelView,
    UndeliveredView,
    WithdrawalView,
)
from pages.parts import (
    Facts,
    Gap,
    Inset,
    Page,
    Part,
    Said,
    Section,
    Sum,
    Table,
    bad,
    dim,
    of,
    said,
    strong,
    table,
)
from pages.words import due_in_words, in_words, local
from service.sending import OF_A_RETURN
from service.showing import Shown

PROPOSED = {
    **{state: state.value for state in OfferState},
    OfferState.OPEN: "the buyer answers",
    OfferState.COUNTERED: "contested, an agent rules",
}
"""What became of a seller's proposal."""

KIN = {
    Relation.GREW_OUT_OF: "Grew out of",
    Relation.BELONGS_TO: "Belongs to",
    Relation.BRINGS_GOODS: "Goods come by",
    Relation.CARRIER_CLAIM: "Carrier claim",
    Relation.SAME_UNITS: "Beside",
}
"""What another case is to this one."""

Fact = tuple[str, Said]


def case_page(read: Shown, why: bool = False) -> Page:
    """The case with what stands beside it; `why`: with the reckoning of each clock."""
    view = read.view
    return (
        *_head(view),
        Gap(),
        Facts(tuple(_facts(view))),
        *_now(read, why),
        *_goods_and_money(read),
        *_bargained(view),
        *_decided(view),
        *_written(read),
        *_happened(view),
        said(dim(f"Times are local: {view.zone}.")),
    )


# Which sections there are.


def _head(view: CaseView) -> Iterator[Part]:
    yield said(strong(view.id))
    zone, opener = view.zone, view.opened_by
    opened = f"{local(view.opened_at, zone)} by {opener.party} {opener.id}"
    happened = view.happened_at if isinstance(view, DisputeView | ComplaintView) else None
    there = f" · at the marketplace {local(happened, zone)}" if happened else ""
    about = f"{view.kind} · {view.country} · order {view.order_id} · opened {opened}{there}"
    yield said(dim(about))


def _now(read: Shown, why: bool) -> Iterator[Part]:
    """Whose time runs, and who may do what."""
    view = read.view
    if view.clocks:
        clocks = (part for clock in view.clocks for part in _clock(clock, view.zone, why))
        yield Section("Clocks", tuple(clocks))
    if rows := tuple(_may(read)):
        yield Section("May do now", (Facts(rows),))


def _goods_and_money(read: Shown) -> Iterator[Part]:
    view = read.view
    if view.lines:
        yield Section("Goods", (_goods(view),))
    held = view if isinstance(view, ReturnView) else read.goods
    if isinstance(held, ReturnView) and held.custody:
        beside = f", in {held.id}" if held is not view else ""
        yield Section(f"Who has them{beside}", (_custody(held),))
    yield from _refund_by_parts(view)


def _refund_by_parts(view: CaseView) -> Iterator[Part]:
    if not isinstance(view, TakingBackView):
        return
    if view.preview and view.at_stake and not view.refund_reduces:
        kept = isinstance(view, ComplaintView) and view.refund is None
        title = "A full refund, part by part" if kept else "Refund, part by part"
        yield Section(title, (refund_sum(view.preview, view.at_stake),))


def _bargained(view: CaseView) -> Iterator[Part]:
    if isinstance(view, WithdrawalView) and view.proposals:
        proposals = tuple(_proposal(one, view.zone) for one in view.proposals)
        yield Section("The seller proposes", proposals)
    if isinstance(view, DisputeView) and view.offers:
        yield Section("Offers", tuple(_offer(offer, view.zone) for offer in view.offers))


def _decided(view: CaseView) -> Iterator[Part]:
    match view:
        case DisputeView() if view.decision:
            yield Section("Decision", (_decision(view, view.decision),))
        case TakingBackView() | ReturnView() | CarrierClaimView() if view.ruling:
            yield Section("Ruling", (_decision(view, view.ruling),))
    if view.breaches:
        missed = (
            bad(f"{in_words(one.window)}: was due {spoken(one.due, view.zone)}")
            for one in view.breaches
        )
        yield Section("Breaches", tuple(map(said, missed)))


def _written(read: Shown) -> Iterator[Part]:
    if before := read.preceding:
        yield Section(f"Messages of {before.id}", tuple(_messages(before)))
    if read.view.messages:
        yield Section("Messages", tuple(_messages(read.view)))


def _happened(view: CaseView) -> Iterator[Part]:
    rows = (
        (local(entry.at, view.zone), of(entry.by), entry.what, entry.detail)
        for entry in view.timeline
    )
    yield Section("Timeline", (table("When", "By", "What", "", rows=rows),))


# The facts at its head.


def _facts(view: CaseView) -> Iterator[Fact]:
    yield from _standing(view)
    yield from _wanted(view)
    yield from _refund(view)
    yield from _agents(view)
    yield from _times(view)
    yield from _kin(view)
    match view:
        case CarrierClaimView() if claim := view.carrier_claim:
            yield from _parcel(claim, view.zone)
            yield from _claimed(claim)
        case UncollectedParcelView():
            yield from _uncollected(view)
        case InquiryView() if view.needless_answers:
            yield "Needed no answer", said(str(view.needless_answers))
    if view.policy_version:
        yield "Policy", said(f"{view.policy_version}, calendar {view.calendar_version}")


def _standing(view: CaseView) -> Iterator[Fact]:
    """Where it stands, and between whom."""
    yield "Stage", said(strong(f"{view.stage}: {view.ending}" if view.ending else view.stage))
    if view.refusal:
        yield "Refused", said(bad(f"{view.refusal.code}: {view.refusal.sentence}"))
    if view.awaited:
        until = f" until {due_in_words(view.due, view.zone)}" if view.due else ""
        yield "Awaited", said(of(view.awaited), until)
    if view.buyer_id:
        yield "Buyer", said(view.buyer_id)
        yield "Seller", said(str(view.seller_id))


def _wanted(view: CaseView) -> Iterator[Fact]:
    match view:
        case DisputeView() | ComplaintView() if view.wanted:
            claimed = f", {view.claimed.figures}" if view.claimed else ""
            because = f", because: {in_words(view.reason)}" if view.reason else ""
            yield "Wanted", said(f"{view.wanted}{claimed}{because}")
        case ComplaintView() | WithdrawalView() if view.reason:
            yield "Reason", said(in_words(view.reason))
    if view.at_stake:
        yield "At stake", said(view.at_stake.figures)


def _refund(view: CaseView) -> Iterator[Fact]:
    """How much was ordered, and what is known of it."""
    match view:
        case RefundingView() if refund := view.refund:
            why = f": {refund.reason}" if refund.reason else ""
            amount = f"{view.refund_amount.figures}, " if view.refund_amount else ""
            name = "Price reduced" if view.refund_reduces else "Refund"
            yield name, said(f"{amount}{refund.state}{why}")
        case WithdrawalView(stage=Stage.AWAITING_GOODS | Stage.WITHHELD):
            yield "Refund", said("withheld until goods or proof of dispatch come")


def _agents(view: CaseView) -> Iterator[Fact]:
    """What agents have to do."""
    if task := view.task:
        owner = f", of {task.owner}" if task.owner else ""
        due = f", due {spoken(task.due, view.zone)}" if task.due else ""
        yield "Task", said(f"{task.purpose}, {task.state}{owner}, in {task.queue}{due}")
    for one in view.undelivered:
        yield "Undelivered", said(bad(_undelivered(one)))


def _undelivered(one: UndeliveredView) -> str:
    """A letter that did not arrive: to whom, which, why, and what waits for it."""
    why = f"{one.trouble} {one.code}" if one.code else one.trouble
    holds = f"; {in_words(one.holds)} is held until it has" if one.holds else ""
    left = "; left so by an agent" if one.left else ""
    return f"{in_words(one.name)} to the {one.to}, {why}{holds}{left}"


def _times(view: CaseView) -> Iterator[Fact]:
    """What was known of its times when it was opened."""
    if view.right_until:
        yield "Right until", said(due_in_words(view.right_until, view.zone))
    if isinstance(view, WithdrawalView | ComplaintView) and view.said_in_hand_at:
        since = day_of(view.said_in_hand_at, view.zone)
        yield "In hand", said(f"since {since}, by the buyer's word; no scan tells it")
    if not isinstance(view, ComplaintView):
        return
    if view.answer_was_due:
        over = f"until {due_in_words(view.answer_was_due, view.zone)}; it counts anew from here"
        yield "Time to answer there", said(over)
    if view.decision_due:
        theirs = f"{due_in_words(view.decision_due, view.zone)}; this case keeps its own clock"
        yield "Decided there by", said(theirs)


def _kin(view: CaseView) -> Iterator[Fact]:
    """The other cases that it knows of."""
    return ((KIN[relation], said(case_id)) for relation, case_id in kin(view))


def _parcel(claim: ParcelClaimView, zone: str) -> Iterator[Fact]:
    """What the seller claims from a carrier."""
    carrier = f" with {claim.carrier}" if claim.carrier else ""
    yield "Parcel", said(f"{claim.tracking}{carrier}: {claim.trouble}, {claim.regime} service")
    if claim.claimable_from:
        yield "Counts as lost", said(f"from {local(claim.claimable_from, zone)}")
    if claim.claimed:
        reference = f", reference {claim.reference}" if claim.reference else ""
        yield "Claimed", said(f"{claim.claimed.figures}{reference}")
    yield from _evidence(claim.evidence)


def _claimed(claim: ParcelClaimView) -> Iterator[Fact]:
    """What the carrier says to it, owes and has paid."""
    if claim.answer or claim.deemed:
        yield "Carrier's answer", said(_answer(claim))
    if claim.owed:
        yield "Carrier owes", said(claim.owed.figures)
    if claim.recovered:
        yield "Recovered", said(claim.recovered.figures)


def _answer(claim: ParcelClaimView) -> str:
    answer = str(claim.answer)
    if claim.deemed:
        late = f"; later: {claim.answer}" if claim.answer else ""
        answer = f"silence, which counts as acceptance{late}"
    return f"{answer}, on appeal" if claim.appealed else answer


def _uncollected(view: UncollectedParcelView) -> Iterator[Fact]:
    """Which round it is, what sending again costs, and what the seller reported."""
    if view.round is None or view.resend_cost is None:
        return
    yield "Round", said(f"{view.round}, parcel {view.tracking}")
    charge = view.redelivery
    state = f", {'paid' if charge.paid else 'not paid yet'}" if charge else ""
    yield "Sending again", said(f"{view.resend_cost.figures}{state}")
    for cost in view.costs:
        told = f"announced {in_words(cost.announced)}" if cost.announced else "not announced"
        kept = f"{told}, deducted" if cost.deducted else f"{told}, a claim only"
        yield "Cost", said(f"{in_words(cost.cost)} {cost.amount.figures}: {kept}")
        yield from _evidence(cost.attachments)
    if view.buyer_reported:
        yield "Reported", said("the buyer, for not collecting it")


def _evidence(files: Iterable[Attachment]) -> Iterator[Fact]:
    return (("Evidence", said(_file(file))) for file in files)


def _file(file: Attachment) -> str:
    return f"{file.name}, {file.size} bytes, {file.media_type}"


# What stands in the sections.


def _clock(clock: ClockView, zone: str, why: bool) -> Iterator[Part]:
    yield said(of(clock.awaited), f" · {in_words(clock.window)} ", strong(_until(clock, zone)))
    counted = (
        f"{clock.length} {in_words(clock.counting)} from {local(clock.started_at, zone)}"
        f" · {clock.source}"
    )
    reasons = tuple(said(dim(reason)) for reason in clock.explanation) if why else ()
    yield Inset((said(dim(counted)), *((Inset(reasons),) if reasons else ())))


def _until(clock: ClockView, zone: str) -> str:
    if clock.held_since:
        return f"held since {local(clock.held_since, zone)}"
    if clock.due is None:
        return "held"
    safe = f", safe until {spoken(clock.safe, zone)}" if clock.safe else ""
    return f"due {spoken(clock.due, zone)}{safe}"


def _may(read: Shown) -> Iterator[Fact]:
    """The verbs of each party, with those that the case passes on to its return."""
    passed_on = {model.word() for model in OF_A_RETURN}
    for party in Party:
        verbs = list(read.view.may.get(party, ()))
        if read.goods:
            theirs = (verb for verb in read.goods.may.get(party, ()) if verb in passed_on)
            verbs += [f"{verb} (of its return)" for verb in theirs]
        if verbs:
            yield party, said(", ".join(verbs))


def _goods(view: CaseView) -> Table:
    """The order's lines, with how many of each the case is about."""
    mine = count(view.units)
    accepted = count(view.accepted) if isinstance(view, ReturnView) else {}
    headings, rows = ["Units", "Title", "SKU", "Price"], []
    if accepted:
        headings.append("Counts as returned")
    for line in view.lines:
        row: list[object] = [
            f"{mine.get(line.sku, 0)} of {line.quantity}",
            line.title,
            line.sku,
            _minor(line.unit_price_minor, view.at_stake),
        ]
        if accepted:
            row.append(accepted.get(line.sku, 0) if line.sku in mine else "")
        rows.append(row)
    return table(*headings, rows=rows)


def _custody(view: ReturnView) -> Table:
    titles = {line.sku: line.title for line in view.lines}
    rows = (
        (
            kept.quantity,
            titles.get(kept.sku, kept.sku),
            in_words(kept.custody),
            in_words(kept.condition or ""),
        )
        for kept in view.custody
    )
    return table("Units", "Title", "Where", "Condition", rows=rows)


def refund_sum(preview: RefundPreview, at_stake: Money) -> Sum:
    """What is refunded, with the reason of each amount; it stands until the refund is ordered."""
    parts = ((part.what, _minor(part.amount_minor, at_stake), part.why) for part in preview.parts)
    return Sum(tuple(parts), ("refund", _minor(preview.refund_minor, at_stake)))


def _minor(minor: int, like: Money | None) -> str:
    """A signed amount in the currency of `like`."""
    if like is None:
        return str(minor)
    amount = Money(amount_minor=abs(minor), currency=like.currency).figures
    return f"-{amount}" if minor < 0 else amount


def _proposal(proposal: ProposalView, zone: str) -> Said:
    exception = f" {in_words(proposal.exception)}" if proposal.exception else ""
    amount = f" {proposal.amount.figures}" if proposal.amount else ""
    units = ", ".join(f"{unit.quantity} × {unit.sku}" for unit in proposal.units)
    return said(
        strong(f"{proposal.kind}{exception}{amount}"),
        f"{f' for {units}' if units else ''} · {PROPOSED[proposal.state]}",
        dim(f" · {local(proposal.at, zone)}"),
    )


def _offer(offer: OfferView, zone: str) -> Said:
    amount = f" {offer.amount.figures}" if offer.amount else ""
    expires = f", expires {spoken(offer.expires_at, zone)}" if offer.expires_at else ""
    return said(
        of(offer.by),
        strong(f" {offer.remedy}{amount}"),
        f" · {offer.state}{expires}",
        dim(f" · {local(offer.at, zone)} · {offer.id}"),
    )


def _decision(view: CaseView, decision: DecisionView) -> Said:
    remedy = f", {decision.remedy}" if decision.remedy else ""
    amount = f", {decision.amount.figures}" if decision.amount else ""
    standing = "final" if decision.final else "may be appealed"
    if view.task and view.task.purpose == Question.CONFIRM:
        standing = "proposed: a second agent has to confirm it"
    confirmed = f", confirmed by {decision.confirmed_by.name}" if decision.confirmed_by else ""
    return said(
        strong(f"{decision.verdict}{remedy}{amount}"),
        f" · {standing}\n{local(decision.at, view.zone)} by {decision.by.name}{confirmed}\n"
        f"{decision.reasoning}",
    )


def _messages(view: CaseView) -> Iterator[Part]:
    for message in view.messages:
        nature = "" if message.nature is Nature.ANSWER else f" · {message.nature}"
        yield said(
            of(message.by.party),
            strong(f" {message.by.name or message.by.id}"),
            dim(f" · {local(message.at, view.zone)}{nature}"),
        )
        yield Inset((said(message.text),))
        yield from (said(dim(f"  file: {_file(file)}")) for file in message.attachments)
