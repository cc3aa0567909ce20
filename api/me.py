"""`/v1/me`: who one is here."""

from typing import Any

from fastapi import APIRouter, Response

from api.answers import answers, told
from api.roles import Person
from api.tokens import Asking

router = APIRouter(tags=["people"])


@router.get("/me", summary="Who you are here", responses=answers("Me"))
async def me(person: Asking) -> Response:
    """What your token says of you: by this you act, and see what is yours."""
    return told(described(person))


def described(person: Person) -> dict[str, Any]:
    """A person as they are told of themselves."""
    return {
        "role": person.role,
        "id": person.id,
        "name": person.name,
        "queues": person.queues,
        "party": person.role.party,
    }
