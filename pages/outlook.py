"""What is ahead of a case, as a page: what silence does to its end, then what else can come."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain, groupby, repeat

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from cli.paper import table
from domain.accounts import refunded_lines
from domain.ahead import Moves, silence_of, silent_in_words
from domain.deadlines import spoken
from domain.kinds import Kind
from domain.money import Money
from domain.parties import Party
from domain.ports import Past
from domain.preview import Course, Movement, On, Outlook, StageAhead, Stops, WayOn
from domain.stages import Stage
from domain.view import CaseView
from pages.case import party_text, refund_grid
from pages.words import amount_in_words, in_words, local

MONEY = {Moves.REFUND: "refunds", Moves.NAMED: "refunds", Moves.RECOVERY: "recovers"}


def case_page(
    view: CaseView, outlook: Outlook, *, whole: bool, why: bool
) -> Iterator[RenderableType]:
    """What is ahead of a case; `whole`: with every way on from each stage that can still come."""
    yield Text(view.id, style="bold")
    yield Text(_at(view, outlook.at), style="dim")
    yield ""
    if not outlook.stages:
        yield Text(f"The case is closed: {view.ending}. Nothing is ahead.")
        return
    if whole:
        yield from _stages(outlook.stages, view.zone, why)
    else:
        yield from _in_short(outlook.stages, outlook.silent, view.zone, why)
    yield _foot(view)


def order_page(
    view: CaseView, outlook: Outlook | None, *, alone: bool, whole: bool, why: bool
) -> Iterator[RenderableType]:
    """What would be ahead if such a case were opened now; `alone`: it is the only one asked for,
    otherwise no more is said than what silence does first.
    """
    yield Text(f"If {_an(view.kind)} were opened now", style="bold")
    if view.refusal:
        said = view.refusal.sentence if why else view.refusal.sentence.split(" Reckoned:")[0]
        yield Padding(Text(f"Not possible, {view.refusal.code}: {said}"), (0, 0, 1, 2))
        return
    assert outlook is not None
    yield Text(_at(view, outlook.at), style="dim")
    if view.right_until:
        yield Padding(
            Text(f"The right lasts until {spoken(view.right_until, view.zone)}."), (0, 0, 0, 2)
        )
    yield ""
    if view.preview and view.at_stake:
        yield Text("Refund, part by part", style="bold")
        yield Padding(refund_grid(view.preview, view.at_stake), (0, 0, 1, 2))
    ahead = outlook.stages[1:]  # the opening itself is over at once
    if whole:
        yield from _stages(ahead, view.zone, why)
    elif alone:
        yield from _in_short(ahead, outlook.silent, view.zone, why)
    else:
        yield from _stages(ahead[:1], view.zone, why, silences=True)
    if alone or whole:
        yield _foot(view)


def past_line(past: Past | None, currency: str) -> Text:
    """What the previews of an order take into account of it, or that they cannot."""
    if past is None:
        return Text(
            "Set DATABASE_URL: without it, refunds that the order has had and cases that are open "
            "for it are not taken into account.",
            style="dim",
        )
    refunded = (f"{unit.quantity} × {unit.sku}" for unit in refunded_lines(past.money_back))
    reduced = (
        f"{len(list(back.units))} × {back.sku} by "
        f"{amount_in_words(Money(amount_minor=back.reduced_minor, currency=currency))} each"
        for back in past.money_back
        if back.reduced_minor
    )
    said = {
        "Refunded before: ": ", ".join(refunded),
        "Reduced in price before: ": ", ".join(reduced),
        "Open cases: ": ", ".join(case.case_id for case in past.open_cases),
    }
    known = " ".join(f"{about}{what}." for about, what in said.items() if what)
    return Text(known or "The order has had no refund, and no case is open for it.", style="dim")


# In short.


def _in_short(
    stages: Sequence[StageAhead], silent: Course | None, zone: str, why: bool
) -> Iterator[RenderableType]:
    """What can be done at the first stage, what silence does to the end, and what else can come."""
    assert silent is not None
    first, courses = stages[0], list(_courses(silent))
    yield Text(_title(first, zone), style="bold")
    acts = [way for way in first.ways if way.on is not On.SILENCE or not way.due]
    rows = [_row(group, first.stage, zone, now=first.by is None) for group in _alike(acts)]
    yield Padding(table("When", "What", "Leads to", rows=rows), (0, 0, 1, 2))
    yield Text("If everybody stays silent", style="bold")
    yield from _course(silent, zone, 2)
    yield ""
    if why:
        yield from _reckonings([way for course in courses for way in course.ways])
        yield ""
    passed = {first.stage, *(course.stage for course in courses)}
    if others := [stage for stage in stages if stage.stage not in passed]:
        yield Text("What else can come", style="bold")
        rows = [_other(stage) for stage in others]
        yield Padding(table("Stage", "If", "Then", rows=rows), (0, 0, 1, 2))
    yield Text("Every way on from every stage, with its instants and money: --all.")


def _course(course: Course, zone: str, indent: int) -> Iterator[RenderableType]:
    """What silence does, row by row, while one thing follows; else each alternative, indented."""
    first, rows = course, list[list[object]]()
    while True:
        rows += [_row([way], course.stage, zone, now=False) for way in course.ways]
        if len(course.then) != 1:
            break
        course = course.then[0]
    if rows:
        yield Padding(table("When", "What", "Leads to", rows=rows), (0, 0, 0, indent))
    if course.stops:
        yield Padding(Text(_stop(course, course.stops, here=course is first)), (0, 0, 0, indent))
    for word, each in zip(chain(["Then either"], repeat("Or")), course.then, strict=False):
        stays = "it stays " if each.stage is course.stage else ""
        said = f"{word} {stays}{in_words(each.stage)}, from {spoken(each.since, zone)}:"
        yield Padding(Text(said, "bold"), (0, 0, 0, indent))
        yield from _course(each, zone, indent + 2)


def _stop(course: Course, why: Stops, *, here: bool) -> str:
    """Why silence is followed no further; `here`: where its stage has just been named."""
    there = "Then" if here else f"While {in_words(course.stage)},"
    match why:
        case Stops.CLOSED:
            return "That is the end of the case."
        case Stops.ACTS:
            return "Silence alone never closes the case: somebody has to act."
        case Stops.OUTSIDE:
            return f"{there} nobody's time runs: what happens outside leads on."
        case Stops.FACTS if course.ways:
            return "The facts say which: --all has what follows."
        case Stops.FACTS:
            return f"{there} the facts say whose time runs: --all has each."
        case Stops.AGAIN:
            return "Its times begin again."


def _courses(course: Course) -> Iterator[Course]:
    yield course
    for each in course.then:
        yield from _courses(each)


def _silent(way: WayOn) -> str:
    """Who is silent, and about what, in few words."""
    return f"{silent_in_words(way.what, way.who)}: {in_words(way.what)}"


def _other(stage: StageAhead) -> list[object]:
    """A stage that silence does not lead to: what does, and what silence does there first."""
    assert stage.by is not None
    who = " or ".join(stage.by.who)
    on = {
        On.SILENCE: _silent(stage.by),
        On.COMMAND: f"{who}: {stage.by.what}",
        On.EVENT: in_words(stage.by.what),
    }[stage.by.on]
    comes = f"{on}, while {in_words(stage.after or '')}"
    if stage.after is Stage.OPENING:
        comes = "at once, where the facts are so"
    then = next((way for way in stage.ways if way.on is On.SILENCE), None)
    if then is None:
        return [in_words(stage.stage), comes, ""]
    said = f"after {then.length}, {_silent(then)}, then {_effect(then, stage.stage)}"
    return [in_words(stage.stage), comes, said]


# In full.


def _stages(
    stages: Sequence[StageAhead], zone: str, why: bool, silences: bool = False
) -> Iterator[RenderableType]:
    """Every way on from each stage; or only `silences`."""
    for stage in stages:
        yield Text(_title(stage, zone), style="bold")
        ways = [way for way in stage.ways if way.on is On.SILENCE] if silences else stage.ways
        now = stage.by is None
        rows = [_row(group, stage.stage, zone, now=now) for group in _alike(ways)]
        yield Padding(table("When", "What", "Leads to", rows=rows), (0, 0, 0, 2))
        if why:
            yield from _reckonings(ways)
        yield ""


def _reckonings(ways: Sequence[WayOn]) -> Iterator[RenderableType]:
    for way in ways:
        if way.explanation:
            said = Text(f"{in_words(way.what)}: {' '.join(way.explanation)}", style="dim")
            yield Padding(said, (0, 0, 0, 4))


def _title(stage: StageAhead, zone: str) -> str:
    name = in_words(stage.stage)
    if stage.by is None:
        return f"Now: {name}"
    who = " or ".join(stage.by.who)
    if stage.by.due:
        silent = silence_of(stage.by.what, *stage.by.who)
        since = spoken(stage.since, zone)
        return (
            f"{name.capitalize()}: from {since}, if, while {in_words(stage.after or '')}, {silent}"
        )
    if stage.after in (None, Stage.OPENING):
        return f"{name.capitalize()}: from now"
    how = {
        On.SILENCE: silence_of(stage.by.what, *stage.by.who),
        On.COMMAND: f"the {who} sends {stage.by.what}",
        On.EVENT: f'"{in_words(stage.by.what)}"',
    }[stage.by.on]
    return f"{name.capitalize()}: if, while {in_words(str(stage.after))}, {how}"


def _alike(ways: Sequence[WayOn]) -> Iterator[list[WayOn]]:
    """The ways in order; what the same party may send with the same effect stands together."""

    def effect(way: WayOn) -> object:
        return (way.on, way.who, way.to, way.until, way.now, way.money)

    yield from ([way] for way in ways if way.on is On.SILENCE)
    sent = sorted((way for way in ways if way.on is On.COMMAND), key=lambda way: not way.now)
    for _, group in groupby(sent, effect):
        yield list(group)
    yield from ([way] for way in ways if way.on is On.EVENT)


def _row(group: list[WayOn], stage: Stage, zone: str, *, now: bool) -> list[object]:
    way = group[0]
    what = Text(" or ").join(party_text(party) for party in way.who)
    when = f"until {spoken(way.until, zone)}" if way.until else ""
    match way.on:
        case On.SILENCE:
            when = _instant(way, zone)
            later = f", {way.length} from when {way.starts}" if way.due is None else ""
            safe = ""
            if way.safe and way.due and way.safe < way.due:
                safe = f" (safe until {spoken(way.safe, zone)})"
            if way.who == (Party.PLATFORM,):
                what = Text(silent_in_words(way.what, way.who))
            else:
                what.append(" silent")
            what.append(f": {in_words(way.what)}{later}{safe}")
        case On.COMMAND:
            not_now = " (not yet)" if now and not way.now else ""
            what.append(f": {', '.join(one.what for one in group)}{not_now}")
        case On.EVENT:
            what = Text(in_words(way.what))
    return [Text(when, "bold" if way.on is On.SILENCE else ""), what, _effect(way, stage)]


def _effect(way: WayOn, stage: Stage) -> str:
    """Where a way leads, what silence does beyond that, and what money moves."""
    to = " or ".join("stays" if each is stage else in_words(each) for each in way.to)
    return "; ".join([to, *([way.means] if way.means else []), *_money(way.money)])


def _instant(way: WayOn, zone: str) -> str:
    if not way.due:
        return ""
    return f"{'not before ' if way.at_earliest else ''}{spoken(way.due, zone)}"


def _money(money: Sequence[Movement]) -> Iterator[str]:
    """What moves; of several amounts, which the facts decide between, the most."""
    for verb in dict.fromkeys(MONEY[each.moves] for each in money):
        alike = [each for each in money if MONEY[each.moves] == verb]
        amount = max((each.amount for each in alike), key=lambda one: one.amount_minor)
        sure = all((each.amount, each.at_most) == (amount, False) for each in alike)
        yield f"{verb} {'' if sure else 'at most '}{amount_in_words(amount)}"


def _at(view: CaseView, at: datetime) -> str:
    stake = f" · {amount_in_words(view.at_stake)} at stake" if view.at_stake else ""
    when = local(at, view.zone)
    return f"{view.kind.words} · {view.country} · order {view.order_id} · {when}{stake}"


def _foot(view: CaseView) -> Text:
    return Text(
        f"Times are local: {view.zone}. Policy {view.policy_version}, calendar "
        f"{view.calendar_version}.",
        style="dim",
    )


def _an(kind: Kind) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind.words}"
