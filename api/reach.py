"""Which cases a person may know of: others' are as if they were not there."""

from api.parts import Parts
from api.problems import no_such_case
from api.roles import AGENTS, Person, Role
from domain.kinds import Kind
from domain.view import CaseView, ReturnView
from service.database import from_database
from store.standings import Standings
from store.tasks import TaskQueue


async def case_within_reach(parts: Parts, person: Person, case_id: str) -> CaseView:
    """A case as the store has it; Problem 404 for none, and for one that is not theirs to see."""
    view = await from_database(Standings(parts.engine).view, case_id)
    if view is None or not await reaches(parts, person, view):
        raise no_such_case()
    return view


async def reaches(parts: Parts, person: Person, view: CaseView) -> bool:
    """Whether somebody may know of a case: traders of their own, agents of those of which a task
    is, or was, in a queue that was given to them.

    A claim against a carrier is the seller's alone. Whoever came by a link reaches its case alone,
    and the returns of its goods.
    """
    if person.only and person.only != view.id and not _brings_goods_of(view, person.only):
        return False
    match person.role:
        case Role.BUYER:
            return view.buyer_id == person.id and view.kind is not Kind.CARRIER_CLAIM
        case Role.SELLER:
            return view.seller_id == person.id
        case role if role in AGENTS:
            tasks = await from_database(TaskQueue(parts.engine).of_case, view.id)
            return any(person.has_queue(task.queue) for task in tasks)
    return True


def _brings_goods_of(view: CaseView, case_id: str) -> bool:
    """Whether it is the return of a case's goods."""
    return isinstance(view, ReturnView) and view.belongs_to == case_id
