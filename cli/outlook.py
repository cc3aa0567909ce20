"""What is ahead of a case, or would be of an order with no case yet, and how it is printed."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from activities.cases import rules_for
from cli.failures import InputError, RefusedError
from cli.orders import ask_order
from cli.page import party_text, print_parts, refund_grid
from cli.paper import table
from cli.process_pages import PROCESSES
from cli.reaching import look_through, with_temporal
from cli.words import amount_in_words, in_words, local
from config import Settings
from domain.ahead import Moves
from domain.commands import Remedy
from domain.deadlines import spoken
from domain.goods import Received, ReturnReason, lines
from domain.kinds import Kind
from domain.openings import (
    CarrierTrouble,
    OpenCancellation,
    OpenCarrierClaim,
    OpenComplaint,
    OpenDispute,
    Opening,
    OpenInquiry,
    OpenNonDelivery,
    OpenReturn,
    OpenUncollectedParcel,
    OpenWithdrawal,
)
from domain.orders import Line, Order
from domain.parties import Actor, Party
from domain.preview import Movement, On, Outlook, StageAhead, WayOn, as_if_opened, look_ahead
from domain.stages import Stage
from domain.view import CaseView, WholeCase

NO_TRACKING = "unknown"
"""The tracking number of an order's parcel that has none yet."""


MONEY = {Moves.REFUND: "refunds", Moves.NAMED: "refunds", Moves.RECOVERY: "recovers"}


class Clock(NamedTuple):
    """The local clock by which instants are said, and the present on it."""

    zone: str
    now: datetime

    def says(self, instant: datetime) -> str:
        """An instant as it is said everywhere; with its year, if that is another one."""
        # The end of a day is the first instant of the next one.
        years = [
            (one - timedelta(microseconds=1)).astimezone(ZoneInfo(self.zone)).year
            for one in (instant, self.now)
        ]
        said = spoken(instant, self.zone)
        return said if years[0] == years[1] else f"{said} {years[0]}"


class Foreseen(NamedTuple):
    """A case, real or as if it were opened, and what is ahead of it; nothing if it is refused."""

    whole: WholeCase
    outlook: Outlook | None


def show_case(case_id: str, *, why: bool, as_json: bool) -> None:
    """Print what is ahead of a case."""
    found = _case(case_id, datetime.now(UTC))
    assert found.outlook is not None
    if as_json:
        print(found.outlook.model_dump_json(indent=2))
        return
    view = found.whole.view
    heading = [Text(view.id, style="bold"), Text(_at(view, found.outlook.at), style="dim"), Text()]
    if not found.outlook.stages:
        print_parts([*heading, Text(f"The case is closed: {view.ending}. Nothing is ahead.")])
        return
    print_parts(
        [
            *heading,
            *_stages(found.outlook.stages, Clock(view.zone, found.outlook.at), why),
            _foot(view),
        ]
    )


def show_order(
    order_id: str,
    country: str | None,
    kind: Kind | None,
    units: tuple[Line, ...],
    *,
    why: bool,
    as_json: bool,
) -> None:
    """Print what would be ahead if a case of this kind, or of each, were opened for an order.

    Raises RefusedError where the one kind that is asked for could not be opened now.
    """
    found = _order(order_id, country, [kind] if kind else list(Kind), units, datetime.now(UTC))
    if kind and (refusal := found[0].whole.view.refusal):
        raise RefusedError(refusal.code, refusal.sentence)
    if as_json:
        print(json.dumps([_as_json(one) for one in found], indent=2, ensure_ascii=False))
    else:
        print_parts(part for one in found for part in _if_opened(one, bool(kind), why))


def _case(case_id: str, now: datetime) -> Foreseen:
    whole = with_temporal(lambda client: look_through(client, case_id))
    view = whole.view
    if view.refusal:
        raise RefusedError(view.refusal.code, view.refusal.sentence)
    if view.stage is Stage.OPENING:
        raise InputError("The case is still being registered; look again in a moment.")
    return Foreseen(whole, foresee(whole, now))


def _order(
    order_id: str,
    country: str | None,
    kinds: Sequence[Kind],
    units: tuple[Line, ...],
    now: datetime,
) -> list[Foreseen]:
    order = ask_order(order_id)
    policies = Settings.read().policies
    found = []
    for kind in kinds:
        rules = rules_for(order, kind, now, policies)
        opening = opening_for(kind, order, country or order.country, units)
        whole = as_if_opened(opening, order, rules, now)
        found.append(Foreseen(whole, None if whole.view.refusal else foresee(whole, now)))
    return found


def foresee(whole: WholeCase, at: datetime) -> Outlook:
    """What is ahead of a case at an instant, by what its process declares."""
    process = PROCESSES[whole.view.kind.section]
    return look_ahead(process.AHEAD, process.PERMITTED, whole, at)


def opening_for(kind: Kind, order: Order, country: str, units: tuple[Line, ...]) -> Opening:
    """The plainest opening of a kind for an order, by who usually opens it."""
    all_units = units or lines({line.sku: line.quantity for line in order.lines})
    tracking = next((p.tracking for p in order.parcels if p.tracking), NO_TRACKING)
    buyer = Actor(party=Party.BUYER, id=order.buyer.id)
    seller = Actor(party=Party.SELLER, id=order.seller.id)
    text = "What would be ahead?"

    def common(by: Actor) -> dict[str, object]:
        return {"country": country, "order_id": order.id, "opened_by": by, "text": text}

    given: dict[Kind, tuple[type[Opening], Actor, dict[str, object]]] = {
        Kind.INQUIRY: (OpenInquiry, buyer, {}),
        Kind.DISPUTE: (
            OpenDispute,
            buyer,
            {"reason": "other", "wanted": Remedy.FULL_REFUND, "lines": units},
        ),
        Kind.CANCELLATION: (OpenCancellation, buyer, {"lines": units}),
        Kind.WITHDRAWAL: (OpenWithdrawal, buyer, {"lines": units}),
        Kind.RETURN: (
            OpenReturn,
            seller,
            {"received": tuple(Received(**dict(unit)) for unit in all_units)},
        ),
        Kind.UNCOLLECTED_PARCEL: (
            OpenUncollectedParcel,
            seller,
            {"tracking": tracking, "lines": units},
        ),
        Kind.NON_DELIVERY: (OpenNonDelivery, buyer, {"lines": units}),
        Kind.CARRIER_CLAIM: (
            OpenCarrierClaim,
            seller,
            {"tracking": tracking, "trouble": CarrierTrouble.LOSS},
        ),
        Kind.COMPLAINT: (
            OpenComplaint,
            buyer,
            {"reason": ReturnReason.DEFECTIVE, "wanted": Remedy.REPAIR, "lines": units},
        ),
    }
    model, by, more = given[kind]
    return model(**{**common(by), **more})


# On paper.


def _if_opened(found: Foreseen, whole: bool, why: bool) -> Iterator[RenderableType]:
    """What would be ahead if such a case were opened now; in short, only what comes first."""
    view, outlook = found.whole.view, found.outlook
    yield Text(f"If {_an(view.kind)} were opened now", style="bold")
    if view.refusal:
        said = (
            view.refusal.sentence if why or whole else view.refusal.sentence.split(" Reckoned:")[0]
        )
        yield Padding(Text(f"Not possible, {view.refusal.code}: {said}"), (0, 0, 1, 2))
        return
    assert outlook is not None
    clock = Clock(view.zone, outlook.at)
    yield Text(_at(view, outlook.at), style="dim")
    if view.right_until:
        yield Padding(Text(f"The right lasts until {clock.says(view.right_until)}."), (0, 0, 0, 2))
    yield ""
    if view.preview and view.at_stake:
        yield Text("Refund, part by part", style="bold")
        yield Padding(refund_grid(view.preview, view.at_stake), (0, 0, 1, 2))
    ahead = outlook.stages[1:]  # the opening itself is over at once
    first = [stage for stage in ahead if stage.after is Stage.OPENING]
    yield from _stages(ahead if whole else first, clock, why, in_short=not whole)
    if whole:
        yield _foot(view)


def _stages(
    stages: Sequence[StageAhead], clock: Clock, why: bool, in_short: bool = False
) -> Iterator[RenderableType]:
    for stage in stages:
        yield Text(_title(stage, clock), style="bold")
        ways = [way for way in stage.ways if way.on is On.SILENCE] if in_short else stage.ways
        now = stage.by is None
        rows = [_row(group, stage.stage, clock, now=now) for group in _alike(ways)]
        yield Padding(table("When", "What", "Leads to", rows=rows), (0, 0, 0, 2))
        if why:
            for way in ways:
                if way.explanation:
                    said = Text(f"{in_words(way.what)}: {' '.join(way.explanation)}", style="dim")
                    yield Padding(said, (0, 0, 0, 4))
        yield ""


def _title(stage: StageAhead, clock: Clock) -> str:
    name = in_words(stage.stage)
    if stage.by is None:
        return f"Now: {name}"
    who = " or ".join(stage.by.who)
    if stage.by.due:
        return f"{name.capitalize()}: from {clock.says(stage.since)}, if the {who} stays silent"
    if stage.after in (None, Stage.OPENING):
        return f"{name.capitalize()}: from now"
    how = {
        On.SILENCE: f"the {who} stays silent",
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


def _row(group: list[WayOn], stage: Stage, clock: Clock, *, now: bool) -> list[object]:
    way = group[0]
    what = Text(" or ").join(party_text(party) for party in way.who)
    when = f"until {clock.says(way.until)}" if way.until else ""
    effect = _money(way.money)
    match way.on:
        case On.SILENCE:
            when = _instant(way, clock)
            later = f", {way.length} from when {way.starts}" if way.due is None else ""
            safe = ""
            if way.safe and way.due and way.safe < way.due:
                safe = f" (safe until {clock.says(way.safe)})"
            what.append(f" silent: {in_words(way.what)}{later}{safe}")
            effect = [way.means, *effect] if way.means else effect
        case On.COMMAND:
            not_now = " (not yet)" if now and not way.now else ""
            what.append(f": {', '.join(one.what for one in group)}{not_now}")
        case On.EVENT:
            what = Text(in_words(way.what))
    to = " or ".join("stays" if each is stage else in_words(each) for each in way.to)
    return [Text(when, "bold" if way.on is On.SILENCE else ""), what, "; ".join([to, *effect])]


def _instant(way: WayOn, clock: Clock) -> str:
    if not way.due:
        return ""
    return f"{'held, not before ' if way.at_earliest else ''}{clock.says(way.due)}"


def _money(money: Sequence[Movement]) -> list[str]:
    return [
        f"{MONEY[each.moves]} {'at most ' if each.at_most else ''}{amount_in_words(each.amount)}"
        for each in money
    ]


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


def _as_json(found: Foreseen) -> dict[str, object]:
    view = found.whole.view
    return {
        "kind": view.kind,
        "refusal": view.refusal and view.refusal.model_dump(mode="json"),
        "right_until": view.right_until and view.right_until.isoformat(),
        "at_stake": view.at_stake and view.at_stake.model_dump(mode="json"),
        "refund": view.preview and view.preview.model_dump(mode="json"),
        "outlook": found.outlook and found.outlook.model_dump(mode="json"),
    }
