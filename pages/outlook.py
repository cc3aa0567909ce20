"""What is ahead of a case, as a page: what silence does to its end, then what else can come."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, groupby, repeat

from domain.accounts import refunded_lines
from domain.ahead import Moves, silence_of, silent_in_words
from domain.deadlines import spoken
from domain.kinds import Kind
from domain.money import Money
from domain.orders import Order
from domain.parties import Party
from domain.ports import Past
from domain.preview import Course, Movement, On, Outlook, StageAhead, Stops, WayOn
from domain.stages import Stage
from domain.view import CaseView, TakingBackView
from pages.case import refund_sum
from pages.parts import (
    Gap,
    Inset,
    Page,
    Part,
    Run,
    Said,
    Subsection,
    Table,
    dim,
    of,
    said,
    strong,
    table,
)
from pages.words import in_words, local
from service.foreseeing import Foreseen

MONEY = {Moves.REFUND: "refunds", Moves.NAMED: "refunds", Moves.RECOVERY: "recovers"}


def outlook_page(view: CaseView, outlook: Outlook, *, whole: bool, why: bool) -> Page:
    """What is ahead of a case; `whole`: with every way on from each stage that can still come.

    `why`: with the reckoning of each deadline.
    """
    head = (said(strong(view.id)), said(dim(_at(view, outlook.at))), Gap())
    if not outlook.stages:
        return (*head, said(f"The case is closed: {view.ending}. Nothing is ahead."))
    if whole:
        ahead = _stages(outlook.stages, view.zone, why)
    else:
        ahead = _in_short(outlook.stages, outlook.silent, view.zone, why)
    return (*head, *ahead, _foot(view))


def order_page(
    order: Order,
    past: Past | None,
    cases: Sequence[Foreseen],
    *,
    alone: bool,
    whole: bool,
    why: bool,
) -> Page:
    """What would be ahead if such cases were opened now; `alone`: one kind was asked for, otherwise
    no more is said of each than what silence does first. `past`: None where it is not known.
    """
    each = (
        part
        for one in cases
        for part in _opened(one.whole.view, one.outlook, alone=alone, whole=whole, why=why)
    )
    return (said(dim(_past(past, order.currency))), Gap(), *each)


def _opened(
    view: CaseView, outlook: Outlook | None, *, alone: bool, whole: bool, why: bool
) -> Iterator[Part]:
    """One case as if it were opened now."""
    title = f"If {_an(view.kind)} were opened now"
    if refusal := view.refusal:
        because = refusal.sentence if why else refusal.sentence.split(" Reckoned:")[0]
        yield Subsection(title, (said(f"Not possible, {refusal.code}: {because}"),))
        return
    assert outlook is not None
    yield said(strong(title))
    yield said(dim(_at(view, outlook.at)))
    if view.right_until:
        yield Inset((said(f"The right lasts until {spoken(view.right_until, view.zone)}."),))
    yield Gap()
    if isinstance(view, TakingBackView) and view.preview and view.at_stake:
        yield Subsection("Refund, part by part", (refund_sum(view.preview, view.at_stake),))
    ahead = outlook.stages[1:]  # the opening itself is over at once
    if whole:
        yield from _stages(ahead, view.zone, why)
    elif alone:
        yield from _in_short(ahead, outlook.silent, view.zone, why)
    else:
        yield from _stages(ahead[:1], view.zone, why, silences=True)
    if alone or whole:
        yield _foot(view)


def _past(past: Past | None, currency: str) -> str:
    """What the previews of an order take into account of it, or that they cannot."""
    if past is None:
        return (
            "Set DATABASE_URL: without it, refunds that the order has had and cases that are open "
            "for it are not taken into account."
        )
    refunded = (f"{unit.quantity} × {unit.sku}" for unit in refunded_lines(past.money_back))
    reduced = (
        f"{len(list(back.units))} × {back.sku} by "
        f"{Money(amount_minor=back.reduced_minor, currency=currency).figures} each"
        for back in past.money_back
        if back.reduced_minor
    )
    known = {
        "Refunded before: ": ", ".join(refunded),
        "Reduced in price before: ": ", ".join(reduced),
        "Open cases: ": ", ".join(case.case_id for case in past.open_cases),
    }
    told = " ".join(f"{about}{what}." for about, what in known.items() if what)
    return told or "The order has had no refund, and no case is open for it."


# In short.


def _in_short(
    stages: Sequence[StageAhead], silent: Course | None, zone: str, why: bool
) -> Iterator[Part]:
    """What can be done at the first stage, what silence does to the end, and what else can come."""
    assert silent is not None
    courses = list(_courses(silent))
    yield Subsection(_title(stages[0], zone), (_acts(stages[0], zone),))
    yield Subsection("If everybody stays silent", tuple(_silence(silent, courses, zone, why)))
    passed = {stages[0].stage, *(course.stage for course in courses)}
    if rows := [_other(stage) for stage in stages if stage.stage not in passed]:
        yield Subsection("What else can come", (table("Stage", "If", "Then", rows=rows),))
    yield said("Every way on from every stage, with its instants and money: --all.")


def _acts(stage: StageAhead, zone: str) -> Table:
    """What can be done at a stage."""
    acts = [way for way in stage.ways if way.on is not On.SILENCE or not way.due]
    return _ways(_alike(acts), stage.stage, zone, now=stage.by is None)


def _silence(silent: Course, courses: Sequence[Course], zone: str, why: bool) -> Iterator[Part]:
    yield from _course(silent, zone)
    if why:
        yield Gap()
        yield from _reckonings([way for course in courses for way in course.ways])


def _course(course: Course, zone: str) -> Iterator[Part]:
    """What silence does, row by row, while one thing follows; else each alternative by itself."""
    first, rows = course, list[list[object]]()
    while True:
        rows += [_row([way], course.stage, zone, now=False) for way in course.ways]
        if len(course.then) != 1:
            break
        course = course.then[0]
    if rows:
        yield table("When", "What", "Leads to", rows=rows)
    if course.stops:
        yield said(_stop(course, course.stops, here=course is first))
    for word, each in zip(chain(["Then either"], repeat("Or")), course.then, strict=False):
        stays = "it stays " if each.stage is course.stage else ""
        since = spoken(each.since, zone)
        yield said(strong(f"{word} {stays}{in_words(each.stage)}, from {since}:"))
        yield Inset(tuple(_course(each, zone)))


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
) -> Iterator[Part]:
    """Every way on from each stage; or only `silences`."""
    for stage in stages:
        ways = [way for way in stage.ways if way.on is On.SILENCE] if silences else stage.ways
        ahead = _ways(_alike(ways), stage.stage, zone, now=stage.by is None)
        yield Subsection(_title(stage, zone), (ahead, *(_reckonings(ways) if why else ())))


def _reckonings(ways: Sequence[WayOn]) -> Iterator[Part]:
    for way in ways:
        if way.explanation:
            yield Inset((said(dim(f"{in_words(way.what)}: {' '.join(way.explanation)}")),))


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


def _ways(groups: Iterable[list[WayOn]], stage: Stage, zone: str, *, now: bool) -> Table:
    rows = (_row(group, stage, zone, now=now) for group in groups)
    return table("When", "What", "Leads to", rows=rows)


def _row(group: list[WayOn], stage: Stage, zone: str, *, now: bool) -> list[object]:
    way = group[0]
    when: str | Run = f"until {spoken(way.until, zone)}" if way.until else ""
    match way.on:
        case On.SILENCE:
            when, what = strong(_instant(way, zone)), _silent_one(way, zone)
        case On.COMMAND:
            not_now = " (not yet)" if now and not way.now else ""
            what = said(*_who(way), f": {', '.join(one.what for one in group)}{not_now}")
        case On.EVENT:
            what = said(in_words(way.what))
    return [when, what, _effect(way, stage)]


def _silent_one(way: WayOn, zone: str) -> Said:
    """Whose silence it is, about what, and until when it is safe to answer."""
    later = f", {way.length} from when {way.starts}" if way.due is None else ""
    early = way.safe and way.due and way.safe < way.due
    safe = f" (safe until {spoken(way.safe, zone)})" if early and way.safe else ""
    silent: tuple[str | Run, ...] = (*_who(way), " silent")
    if way.who == (Party.PLATFORM,):
        silent = (silent_in_words(way.what, way.who),)
    return said(*silent, f": {in_words(way.what)}{later}{safe}")


def _who(way: WayOn) -> Iterator[str | Run]:
    """The parties, each of which may."""
    for number, party in enumerate(way.who):
        if number:
            yield " or "
        yield of(party)


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
        yield f"{verb} {'' if sure else 'at most '}{amount.figures}"


def _at(view: CaseView, at: datetime) -> str:
    stake = f" · {view.at_stake.figures} at stake" if view.at_stake else ""
    when = local(at, view.zone)
    return f"{view.kind.words} · {view.country} · order {view.order_id} · {when}{stake}"


def _foot(view: CaseView) -> Said:
    return said(
        dim(
            f"Times are local: {view.zone}. Policy {view.policy_version}, calendar "
            f"{view.calendar_version}."
        )
    )


def _an(kind: Kind) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind.words}"
