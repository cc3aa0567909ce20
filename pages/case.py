"""A case as a page to read."""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.paper import paper, table
from cli.words import printable
from domain.commands import Nature
from domain.deadlines import day_of, spoken
from domain.goods import count
from domain.kinds import Kind
from domain.money import Money
from domain.parties import Party
from domain.refunds import RefundPreview
from domain.stages import Stage
from domain.view import (
    CarrierClaimView,
    CaseView,
    ClockView,
    DecisionView,
    OfferState,
    OfferView,
    ProposalView,
    UndeliveredView,
)
from pages.words import amount_in_words, due_in_words, in_words, local
from service.sending import OF_A_RETURN
from service.showing import Shown

PAGE_WIDTH = 100
COLOURS = {
    Party.BUYER: "cyan",
    Party.SELLER: "magenta",
    Party.AGENT: "green",
    Party.PLATFORM: "blue",
}

PROPOSED = {
    **{state: state.value for state in OfferState},
    OfferState.OPEN: "the buyer answers",
    OfferState.COUNTERED: "contested, an agent rules",
}
"""What became of a seller's proposal."""


def print_page(read: Shown, why: bool = False) -> None:
    """Print the case with what stands beside it; `why`: with the reckoning of each clock."""
    print_parts(_parts(read, why))


def print_parts(what: Iterable[RenderableType]) -> None:
    """Print parts of a page, without the blanks that would fill its lines where nobody watches."""
    console = paper(PAGE_WIDTH)
    parts = list(what)
    if console.is_terminal:
        console.print(*parts, sep="\n", width=min(console.width, PAGE_WIDTH))
        return
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _parts(read: Shown, why: bool) -> Iterator[RenderableType]:
    view, zone = read.view, read.view.zone
    yield Text(view.id, style="bold")
    yield Text(
        f"{view.kind} · {view.country} · order {view.order_id} · opened "
        f"{local(view.opened_at, zone)} by {view.opened_by.party} {printable(view.opened_by.id)}"
        + (f" · at the marketplace {local(view.happened_at, zone)}" if view.happened_at else ""),
        style="dim",
    )
    yield ""
    yield _facts(view)
    if view.clocks:
        clocks = (_clock(clock, zone, why) for clock in view.clocks)
        yield from _section("Clocks", clocks)
    if rows := _may(read):
        yield from _section("May do now", [_grid(rows)])
    if view.lines:
        yield from _section("Goods", [_goods(view)])
    if held := next((one for one in (view, read.goods) if one and one.custody), None):
        beside = f", in {held.id}" if held is not view else ""
        yield from _section(f"Who has them{beside}", [_custody(held)])
    if view.preview and view.at_stake and not view.refund_reduces:
        kept = view.kind is Kind.COMPLAINT and view.refund is None
        title = "A full refund, part by part" if kept else "Refund, part by part"
        yield from _section(title, [refund_grid(view.preview, view.at_stake)])
    if view.proposals:
        yield from _section("The seller proposes", (_proposal(one, view) for one in view.proposals))
    if view.offers:
        yield from _section("Offers", (_offer(offer, zone) for offer in view.offers))
    if view.decision:
        yield from _section("Decision", [_decision(view, view.decision)])
    if view.ruling and view.ruling != view.decision:
        yield from _section("Ruling", [_decision(view, view.ruling)])
    if view.breaches:
        yield from _section(
            "Breaches",
            (
                Text(f"{in_words(b.window)}: was due {spoken(b.due, zone)}", style="red")
                for b in view.breaches
            ),
        )
    if read.preceding:
        yield from _section(
            f"Messages of {read.preceding.id}",
            _messages(read.preceding),
        )
    if view.messages:
        yield from _section("Messages", _messages(view))
    happened = [
        (local(entry.at, zone), party_text(entry.by), entry.what, entry.detail)
        for entry in view.timeline
    ]
    yield from _section("Timeline", [table("When", "By", "What", "", rows=happened)])
    yield Text(f"Times are local: {zone}.", style="dim")


def _undelivered(one: UndeliveredView) -> str:
    """A letter that did not arrive: to whom, which, why, and what waits for it."""
    why = f"{one.trouble} {one.code}" if one.code else one.trouble
    holds = f"; {in_words(one.holds)} is held until it has" if one.holds else ""
    left = "; left so by an agent" if one.left else ""
    return f"{in_words(one.name)} to the {one.to}, {why}{holds}{left}"


def _facts(view: CaseView) -> Table:
    facts: list[tuple[str, RenderableType]] = [("Stage", Text(_stage(view), style="bold"))]
    if view.refusal:
        facts.append(("Refused", Text(f"{view.refusal.code}: {view.refusal.sentence}", "red")))
    if view.awaited:
        until = f" until {due_in_words(view.due, view.zone)}" if view.due else ""
        facts.append(("Awaited", Text.assemble(party_text(view.awaited), until)))
    if view.buyer_id:
        facts.append(("Buyer", Text(printable(view.buyer_id))))
        facts.append(("Seller", Text(printable(view.seller_id))))
    if view.wanted:
        claimed = f", {amount_in_words(view.claimed)}" if view.claimed else ""
        because = f", because: {in_words(printable(view.reason))}" if view.reason else ""
        facts.append(("Wanted", Text(f"{view.wanted}{claimed}{because}")))
    elif view.reason:
        facts.append(("Reason", Text(in_words(printable(view.reason)))))
    if view.at_stake:
        facts.append(("At stake", Text(amount_in_words(view.at_stake))))
    facts += _refund(view)
    if view.task:
        task = view.task
        owner = f", of {printable(task.owner)}" if task.owner else ""
        due = f", due {spoken(task.due, view.zone)}" if task.due else ""
        facts.append(("Task", Text(f"{task.purpose}, {task.state}{owner}, in {task.queue}{due}")))
    for one in view.undelivered:
        facts.append(("Undelivered", Text(_undelivered(one), "red")))
    if view.right_until:
        facts.append(("Right until", Text(due_in_words(view.right_until, view.zone))))
    if view.said_in_hand_at:
        since = day_of(view.said_in_hand_at, view.zone)
        facts.append(("In hand", Text(f"since {since}, by the buyer's word; no scan tells it")))
    if view.answer_was_due:
        over = f"until {due_in_words(view.answer_was_due, view.zone)}; it counts anew from here"
        facts.append(("Time to answer there", Text(over)))
    if view.decision_due:
        theirs = f"{due_in_words(view.decision_due, view.zone)}; this case keeps its own clock"
        facts.append(("Decided there by", Text(theirs)))
    if view.preceding:
        facts.append(("Grew out of", Text(view.preceding)))
    if view.belongs_to:
        facts.append(("Belongs to", Text(view.belongs_to)))
    facts += [("Goods come by", Text(case_id)) for case_id in view.returns]
    facts += [("Carrier claim", Text(case_id)) for case_id in view.carrier_claims]
    facts += [("Beside", Text(case_id)) for case_id in view.beside]
    if view.carrier_claim:
        facts += _carrier_claim(view.carrier_claim, view.zone)
    facts += _uncollected(view)
    if view.needless_answers:
        facts.append(("Needed no answer", Text(str(view.needless_answers))))
    if view.policy_version:
        facts.append(("Policy", Text(f"{view.policy_version}, calendar {view.calendar_version}")))
    return _grid(facts)


def _refund(view: CaseView) -> Iterator[tuple[str, RenderableType]]:
    """How much was ordered, and what is known of it."""
    if view.refund:
        why = f": {printable(view.refund.reason)}" if view.refund.reason else ""
        amount = f"{amount_in_words(view.refund_amount)}, " if view.refund_amount else ""
        name = "Price reduced" if view.refund_reduces else "Refund"
        yield name, Text(f"{amount}{view.refund.state}{why}")
    elif view.kind is Kind.WITHDRAWAL and view.stage in (Stage.AWAITING_GOODS, Stage.WITHHELD):
        yield "Refund", Text("withheld until goods or proof of dispatch come")


def _carrier_claim(claim: CarrierClaimView, zone: str) -> Iterator[tuple[str, RenderableType]]:
    carrier = f" with {printable(claim.carrier)}" if claim.carrier else ""
    yield "Parcel", Text(f"{claim.tracking}{carrier}: {claim.trouble}, {claim.regime} service")
    if claim.claimable_from:
        yield "Counts as lost", Text(f"from {local(claim.claimable_from, zone)}")
    if claim.claimed:
        reference = f", reference {printable(claim.reference)}" if claim.reference else ""
        yield "Claimed", Text(f"{amount_in_words(claim.claimed)}{reference}")
    for file in claim.evidence:
        yield "Evidence", Text(f"{printable(file.name)}, {file.size} bytes, {file.media_type}")
    if claim.answer or claim.deemed:
        silence = "silence, which counts as acceptance" if claim.deemed else ""
        late = f"; later: {claim.answer}" if claim.answer else ""
        said = f"{silence}{late}" if claim.deemed else str(claim.answer)
        yield "Carrier's answer", Text(f"{said}, on appeal" if claim.appealed else said)
    if claim.owed:
        yield "Carrier owes", Text(amount_in_words(claim.owed))
    if claim.recovered:
        yield "Recovered", Text(amount_in_words(claim.recovered))


def _uncollected(view: CaseView) -> Iterator[tuple[str, RenderableType]]:
    """Which round it is, what sending again costs, and what the seller reported."""
    if view.round is None or view.resend_cost is None:
        return
    yield "Round", Text(f"{view.round}, parcel {view.tracking}")
    charge = view.redelivery
    state = f", {'paid' if charge.paid else 'not paid yet'}" if charge else ""
    yield "Sending again", Text(f"{amount_in_words(view.resend_cost)}{state}")
    for cost in view.costs:
        told = f"announced {in_words(cost.announced)}" if cost.announced else "not announced"
        kept = f"{told}, deducted" if cost.deducted else f"{told}, a claim only"
        yield "Cost", Text(f"{in_words(cost.cost)} {amount_in_words(cost.amount)}: {kept}")
        for file in cost.attachments:
            yield "Evidence", Text(f"{printable(file.name)}, {file.size} bytes, {file.media_type}")
    if view.buyer_reported:
        yield "Reported", Text("the buyer, for not collecting it")


def _stage(view: CaseView) -> str:
    return f"{view.stage}: {view.ending}" if view.ending else view.stage


def _clock(clock: ClockView, zone: str, why: bool) -> RenderableType:
    until = "held"
    if clock.held_since:
        until = f"held since {local(clock.held_since, zone)}"
    elif clock.due:
        until = f"due {spoken(clock.due, zone)}"
        if clock.safe:
            until += f", safe until {spoken(clock.safe, zone)}"
    counted = (
        f"{clock.length} {in_words(clock.counting)} from {local(clock.started_at, zone)}"
        f" · {printable(clock.source)}"
    )
    reasons = clock.explanation if why else ()
    return Group(
        Text.assemble(party_text(clock.awaited), f" · {in_words(clock.window)} ", (until, "bold")),
        Padding(Text(counted, "dim"), (0, 0, 0, 2)),
        *(Padding(Text(reason, "dim"), (0, 0, 0, 4)) for reason in reasons),
    )


def _goods(view: CaseView) -> RenderableType:
    """The order's lines, with how many of each the case is about."""
    mine, accepted = count(view.units), count(view.accepted)
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


def _custody(view: CaseView) -> RenderableType:
    titles = {line.sku: line.title for line in view.lines}
    return table(
        "Units",
        "Title",
        "Where",
        "Condition",
        rows=(
            (
                kept.quantity,
                titles.get(kept.sku, kept.sku),
                in_words(kept.custody),
                in_words(kept.condition or ""),
            )
            for kept in view.custody
        ),
    )


def refund_grid(preview: RefundPreview, at_stake: Money) -> RenderableType:
    """What is refunded, with the reason of each amount; it stands until the refund is ordered."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold", style="dim")
    for part in preview.parts:
        grid.add_row(part.what, _minor(part.amount_minor, at_stake), part.why)
    total = Text(_minor(preview.refund_minor, at_stake), "bold")
    grid.add_row(Text("refund", "bold"), total, "")
    return grid


def _minor(minor: int, like: Money | None) -> str:
    """A signed amount in the currency of `like`."""
    if like is None:
        return str(minor)
    amount = amount_in_words(Money(amount_minor=abs(minor), currency=like.currency))
    return f"-{amount}" if minor < 0 else amount


def _proposal(proposal: ProposalView, view: CaseView) -> Text:
    exception = f" {in_words(proposal.exception)}" if proposal.exception else ""
    amount = f" {amount_in_words(proposal.amount)}" if proposal.amount else ""
    units = ", ".join(f"{unit.quantity} × {unit.sku}" for unit in proposal.units)
    return Text.assemble(
        (f"{proposal.kind}{exception}{amount}", "bold"),
        f"{f' for {units}' if units else ''} · {PROPOSED[proposal.state]}",
        (f" · {local(proposal.at, view.zone)}", "dim"),
    )


def _offer(offer: OfferView, zone: str) -> Text:
    amount = f" {amount_in_words(offer.amount)}" if offer.amount else ""
    expires = f", expires {spoken(offer.expires_at, zone)}" if offer.expires_at else ""
    return Text.assemble(
        party_text(offer.by),
        (f" {offer.remedy}{amount}", "bold"),
        f" · {offer.state}{expires}",
        (f" · {local(offer.at, zone)} · {offer.id}", "dim"),
    )


def _may(read: Shown) -> list[tuple[str, RenderableType]]:
    """The verbs of each party, with those that the case passes on to its return."""
    rows: list[tuple[str, RenderableType]] = []
    passed_on = {model.word() for model in OF_A_RETURN}
    for party in Party:
        verbs = list(read.view.may.get(party, ()))
        if read.goods:
            theirs = (verb for verb in read.goods.may.get(party, ()) if verb in passed_on)
            verbs += [f"{verb} (of its return)" for verb in theirs]
        if verbs:
            rows.append((party, Text(", ".join(verbs))))
    return rows


def _decision(view: CaseView, decision: DecisionView) -> RenderableType:
    remedy = f", {decision.remedy}" if decision.remedy else ""
    amount = f", {amount_in_words(decision.amount)}" if decision.amount else ""
    standing = "final" if decision.final else "may be appealed"
    if view.task and view.task.purpose == "confirm":
        standing = "proposed: a second agent has to confirm it"
    confirmed = (
        f", confirmed by {printable(decision.confirmed_by.name)}" if decision.confirmed_by else ""
    )
    return Text.assemble(
        (f"{decision.verdict}{remedy}{amount}", "bold"),
        f" · {standing}\n{local(decision.at, view.zone)} by {printable(decision.by.name)}"
        f"{confirmed}\n{printable(decision.reasoning)}",
    )


def _messages(view: CaseView) -> Iterator[RenderableType]:
    if (older := view.in_all.get("messages", 0) - len(view.messages)) > 0:
        yield Text(f"{older} older ones are in the archive, which does not answer now.", "dim")
    for message in view.messages:
        name = message.by.name or message.by.id
        nature = "" if message.nature is Nature.ANSWER else f" · {message.nature}"
        yield Text.assemble(
            party_text(message.by.party),
            (f" {printable(name)}", "bold"),
            (f" · {local(message.at, view.zone)}{nature}", "dim"),
        )
        yield Padding(Text(printable(message.text)), (0, 0, 0, 2))
        for file in message.attachments:
            yield Text(
                f"  file: {printable(file.name)}, {file.size} bytes, {file.media_type}", "dim"
            )


def _section(title: str, lines: Iterable[RenderableType]) -> Iterator[RenderableType]:
    yield ""
    yield Text(title, style="bold underline")
    yield from lines


def _grid(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value)
    return grid


def party_text(party: Party | None) -> Text:
    """A party in its colour."""
    return Text(party, COLOURS[party]) if party else Text("")
