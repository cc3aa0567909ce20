"""A case as a page to read."""

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.paper import paper, table
from cli.words import amount_in_words, due_in_words, local, printable
from domain.commands import Nature
from domain.deadlines import spoken
from domain.notices import Message
from domain.parties import Party
from domain.view import CaseView, ClockView, OfferView

PAGE_WIDTH = 100
COLOURS = {
    Party.BUYER: "cyan",
    Party.SELLER: "magenta",
    Party.AGENT: "green",
    Party.PLATFORM: "blue",
}


def print_page(view: CaseView, preceding: CaseView | None = None, why: bool = False) -> None:
    """Print the case; `preceding` is the inquiry that it grew out of, `why` the reckonings."""
    console = paper(PAGE_WIDTH)
    parts = list(_parts(view, preceding, why))
    if console.is_terminal:
        console.print(*parts, sep="\n", width=min(console.width, PAGE_WIDTH))
        return
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _parts(view: CaseView, preceding: CaseView | None, why: bool) -> Iterator[RenderableType]:
    zone = view.zone
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
        yield from _section("Clocks", (_clock(clock, zone, why) for clock in view.clocks))
    if any(view.may.values()):
        yield from _section("May do now", [_may(view)])
    if view.offers:
        yield from _section("Offers", (_offer(offer, zone) for offer in view.offers))
    if view.decision:
        yield from _section("Decision", [_decision(view)])
    if view.breaches:
        yield from _section(
            "Breaches",
            (
                Text(f"{_words(b.window)}: was due {spoken(b.due, zone)}", style="red")
                for b in view.breaches
            ),
        )
    if preceding:
        yield from _section(
            f"Messages of {preceding.id}", _messages(preceding.messages, preceding.zone)
        )
    if view.messages:
        yield from _section("Messages", _messages(view.messages, zone))
    happened = [
        (local(entry.at, zone), _party(entry.by), entry.what, entry.detail)
        for entry in view.timeline
    ]
    yield from _section("Timeline", [table("When", "By", "What", "", rows=happened)])
    yield Text(f"Times are local: {zone}.", style="dim")


def _facts(view: CaseView) -> Table:
    facts: list[tuple[str, RenderableType]] = [("Stage", Text(_stage(view), style="bold"))]
    if view.refusal:
        facts.append(("Refused", Text(f"{view.refusal.code}: {view.refusal.sentence}", "red")))
    if view.awaited:
        until = f" until {due_in_words(view.due, view.zone)}" if view.due else ""
        facts.append(("Awaited", Text.assemble(_party(view.awaited), until)))
    if view.buyer_id:
        facts.append(("Buyer", Text(printable(view.buyer_id))))
        facts.append(("Seller", Text(printable(view.seller_id))))
    if view.wanted:
        claimed = f", {amount_in_words(view.claimed)}" if view.claimed else ""
        facts.append(("Wanted", Text(f"{view.wanted}{claimed}, because: {printable(view.reason)}")))
    if view.at_stake:
        facts.append(("At stake", Text(amount_in_words(view.at_stake))))
    if view.refund:
        why = f": {printable(view.refund.reason)}" if view.refund.reason else ""
        facts.append(("Refund", Text(f"{view.refund.state}{why}")))
    if view.task:
        task = view.task
        owner = f", of {printable(task.owner)}" if task.owner else ""
        due = f", due {spoken(task.due, view.zone)}" if task.due else ""
        facts.append(("Task", Text(f"{task.purpose}, {task.state}{owner}, in {task.queue}{due}")))
    if view.preceding:
        facts.append(("Grew out of", Text(view.preceding)))
    if view.needless_answers:
        facts.append(("Needed no answer", Text(str(view.needless_answers))))
    if view.policy_version:
        facts.append(("Policy", Text(f"{view.policy_version}, calendar {view.calendar_version}")))
    return _grid(facts)


def _stage(view: CaseView) -> str:
    return f"{view.stage}: {view.ending}" if view.ending else view.stage


def _clock(clock: ClockView, zone: str, why: bool) -> RenderableType:
    until = "held"
    if clock.held_since:
        until = f"held since {local(clock.held_since, zone)}"
    elif clock.due:
        until = f"until {spoken(clock.due, zone)}"
    line = Text.assemble(
        _party(clock.awaited),
        f" · {_words(clock.window)} {until} · {clock.length} {_words(clock.counting)}"
        f" from {local(clock.started_at, zone)} · {printable(clock.source)}",
    )
    if why:
        line.append("".join(f"\n    {reason}" for reason in clock.explanation), style="dim")
    return line


def _offer(offer: OfferView, zone: str) -> Text:
    amount = f" {amount_in_words(offer.amount)}" if offer.amount else ""
    expires = f", expires {spoken(offer.expires_at, zone)}" if offer.expires_at else ""
    return Text.assemble(
        _party(offer.by),
        (f" {offer.remedy}{amount}", "bold"),
        f" · {offer.state}{expires}",
        (f" · {local(offer.at, zone)} · {offer.id}", "dim"),
    )


def _may(view: CaseView) -> Table:
    return _grid((party, Text(", ".join(verbs))) for party, verbs in view.may.items() if verbs)


def _decision(view: CaseView) -> RenderableType:
    decision = view.decision
    assert decision is not None
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


def _messages(messages: Iterable[Message], zone: str) -> Iterator[RenderableType]:
    for message in messages:
        name = message.by.name or message.by.id
        nature = "" if message.nature is Nature.ANSWER else f" · {message.nature}"
        yield Text.assemble(
            _party(message.by.party),
            (f" {printable(name)}", "bold"),
            (f" · {local(message.at, zone)}{nature}", "dim"),
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


def _party(party: Party | None) -> Text:
    return Text(party, COLOURS[party]) if party else Text("")


def _words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")
