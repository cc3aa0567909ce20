"""What a person may do in a case now: no action, no button."""

from typing import Any
from urllib.parse import quote

from api.forms import COMMAND_FORMS
from api.roles import Person, Role
from domain.commands import (
    Ask,
    Claim,
    Confirm,
    Decide,
    Hold,
    LeaveLetters,
    Release,
    ResendLetters,
    Resume,
    Say,
    SendBack,
)
from domain.parties import Party
from domain.view import CaseView

OF_ANY_AGENT = {
    model.word() for model in (Say, Ask, Hold, Resume, ResendLetters, LeaveLetters, Claim)
}
"""What any agent may send, whoever has the task."""

DECIDES = {model.word() for model in (Decide, Confirm, SendBack)}
"""What an agent decides: only about a case as they have seen it."""

OF_OPS = {model.word() for model in (ResendLetters, LeaveLetters, Hold, Resume)}
"""What ops may send for the platform."""


def may_now(view: CaseView, person: Person) -> tuple[str, ...]:
    """The verbs that this very person may send now, of those that their party may.

    What is about an agents' task is for the agent who has claimed it; `decide` for nobody else.
    """
    verbs = view.may.get(person.role.party, ())
    if person.role is Role.OPS:
        return tuple(verb for verb in verbs if verb in OF_OPS)
    if person.role.party is not Party.AGENT:
        return tuple(verbs)
    owner = view.task.owner if view.task else None
    return tuple(verb for verb in verbs if _of_agent(verb, owner, person.id))


def _of_agent(verb: str, owner: str | None, agent: str) -> bool:
    mine = owner == agent
    if verb == Claim.word():
        return owner is None
    if verb in (Release.word(), Decide.word()):
        return mine
    return verb in OF_ANY_AGENT or mine or owner is None


def actions(view: CaseView, person: Person) -> list[dict[str, Any]]:
    """The same, each with how it is sent."""
    href = f"/v1/cases/{quote(view.id, safe=':')}/commands"
    return [
        {
            "verb": verb,
            "method": "POST",
            "href": href,
            "schema": f"/v1/openapi.json#/components/schemas/{COMMAND_FORMS[verb].__name__}",
            "needs_if_match": person.role.party is Party.AGENT and verb in DECIDES,
        }
        for verb in may_now(view, person)
    ]
