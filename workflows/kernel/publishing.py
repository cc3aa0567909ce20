"""What ops see of a case without opening it: its search attributes, and a short page."""

from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from domain.ports import ENDS_QUIETLY
from domain.stages import Stage
from workflows.kernel import attributes

if TYPE_CHECKING:
    from workflows.kernel.case import Case


def publish(case: "Case") -> None:
    """Bring attributes and details up to date; what has not changed costs nothing.

    That a case has ended Temporal says itself: its attributes stay as they were.
    """
    workflow.set_current_details(page(case))
    if case.stage is Stage.CLOSED and case.registration.edition >= ENDS_QUIETLY:
        return
    registration, task = case.registration, case.agents_task.now
    facts: dict[SearchAttributeKey[Any], Any] = {
        attributes.KIND: case.opening.kind.value,
        attributes.COUNTRY: case.opening.country,
        attributes.STAGE: case.stage.value,
        attributes.SELLER: registration.seller_id or None,
        attributes.BUYER: registration.buyer_id or None,
        attributes.AMOUNT: registration.at_stake and registration.at_stake.amount_minor,
        attributes.AWAITED: case.awaited and case.awaited.value,
        attributes.DUE: case.due,
        attributes.BREACHED: bool(case.breaches.known),
        attributes.QUEUE: task and task.queue,
        attributes.UNDELIVERED: bool(case.undelivered) or None,
    }
    known = workflow.info().typed_search_attributes
    changed = [
        key.value_set(value) if value is not None else key.value_unset()
        for key, value in facts.items()
        if known.get(key) != value
    ]
    if changed:
        workflow.upsert_search_attributes(changed)


def page(case: "Case") -> str:
    """The case as a short page in the Temporal UI; ids only, no names, no texts."""
    registration = case.registration
    lines = [
        f"**{case.opening.kind} · {case.stage}**",
        f"order {case.opening.order_id} · buyer {registration.buyer_id} · "
        f"seller {registration.seller_id}",
    ]
    for clock in case.clocks.waited:
        held = " (held)" if clock.held_since else ""
        lines.append(f"awaited: {clock.says()}{held}")
    lines += [f"breach: {b.window} of {b.due:%Y-%m-%d %H:%M} UTC" for b in case.breaches.known]
    lines += [f"beside: {other}" for other in case.beside.ids]
    if task := case.agents_task.now:
        lines.append(f"task: {task.purpose} · {task.queue} · {task.state}")
    lines += [
        f"undelivered: {one.name.replace('_', ' ')} to the {one.to} · {one.trouble}"
        for one in case.undelivered.look()
    ]
    if letters := case.undelivered.task:
        lines.append(f"task: letters · {letters.queue} · {letters.state}")
    if case.ending:
        lines.append(f"ended: {case.ending}")
    return "\n\n".join(lines)
