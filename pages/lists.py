"""Lists: of cases, tasks, figures, and what is told of sellers."""

from collections.abc import Iterator, Mapping, Sequence

from domain.deadlines import spoken
from domain.kinds import Kind
from domain.money import Money
from domain.ports import CostClaim, Recovery, Task
from pages.parts import Page, Part, Quote, said, strong, table
from pages.words import local
from service.countries import country_of, zone_of
from store.archive import Found
from store.cases import Headline
from store.seller_reports import InactiveBuyer
from store.standings import Listed


def cases_list(cases: Sequence[Listed]) -> Page:
    """Cases, in their order."""
    if not cases:
        return (said("No cases."),)
    rows = (
        (
            one.case_id,
            _stage(one),
            one.awaited or "",
            spoken(one.due, zone_of(one.country)) if one.due else "",
            _at_stake(one),
            one.seller or "",
            ", ".join(_marks(one)),
        )
        for one in cases
    )
    headings = ("Case", "Stage", "Awaited", "Until", "At stake", "Seller", "")
    return (table(*headings, rows=rows),)


def _stage(one: Listed) -> str:
    if one.refusal:
        return f"not opened: {one.refusal}"
    return f"{one.stage}: {one.ending}" if one.ending else one.stage


def _at_stake(one: Listed) -> str:
    if one.amount_minor is None or one.currency is None:
        return ""
    return Money(amount_minor=one.amount_minor, currency=one.currency).figures


def _marks(one: Listed) -> Iterator[str]:
    if one.breached:
        yield "breached"
    if one.undelivered:
        yield "undelivered"


def tasks_list(tasks: Sequence[Task]) -> Page:
    """The agents' tasks."""
    if not tasks:
        return (said("No tasks."),)
    rows = (
        (
            task.case_id,
            task.purpose,
            task.queue,
            task.priority,
            spoken(task.due, _zone(task.case_id)) if task.due else "",
            task.owner or "",
        )
        for task in tasks
    )
    return (table("Case", "Purpose", "Queue", "Priority", "Due", "Owner", rows=rows),)


def headline_list(figures: Mapping[str, Headline], kind: Kind | None) -> Page:
    """The headline figures by country, and of "all"; `kind`: of which kind of cases, or any."""
    counted = "cases of all kinds" if kind is None else kind.plural
    rows = (
        (name, one.closed, _percent(one.solved_share), _percent(one.without_agent_share))
        for name, one in figures.items()
        if one.closed or name == "all"
    )
    headings = ("Country", "Closed", "Ended in a solution", "Without an agent")
    return said(f"Closed {counted}, by country:"), table(*headings, rows=rows)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def recoveries_list(recoveries: Sequence[Recovery]) -> Page:
    """What carriers have paid a seller."""
    if not recoveries:
        return (said("Nothing was recovered."),)
    rows = (
        (one.case_id, one.order_id, one.amount.figures, local(one.at, _zone(one.case_id)))
        for one in recoveries
    )
    return (table("Case", "Order", "Amount", "When", rows=rows),)


def inactive_buyers_list(buyers: Sequence[InactiveBuyer]) -> Page:
    """The buyers whom a seller has reported."""
    if not buyers:
        return (said("None."),)
    rows = ((one.buyer_id, one.parcels, f"{one.last_at:%Y-%m-%d}") for one in buyers)
    return (table("Buyer", "Parcels", "Last", rows=rows),)


def costs_list(costs: Sequence[CostClaim]) -> Page:
    """What uncollected parcels have cost a seller."""
    if not costs:
        return (said("None."),)
    rows = (
        (
            one.case_id,
            one.cost,
            one.amount.figures,
            Money(amount_minor=one.deducted_minor, currency=one.amount.currency).figures,
            local(one.at, _zone(one.case_id)),
        )
        for one in costs
    )
    return (table("Case", "Cost", "Amount", "Deducted", "Reported", rows=rows),)


def messages_list(found: Sequence[Found]) -> Page:
    """The messages that a search found."""
    return tuple(part for one in found for part in _message(one)) or (said("Nothing found."),)


def _message(one: Found) -> Iterator[Part]:
    by, when = one.message.by, local(one.message.at, _zone(one.case_id))
    yield said(strong(one.case_id), f" · {when} · {by.party} {by.name or by.id}")
    yield Quote(one.message.text)


def _zone(case_id: str) -> str:
    return zone_of(country_of(case_id))
