"""How often somebody may ask: so many requests a minute, by each process of the API for itself."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic

from api.problems import Problem
from api.roles import Person, Role

MINUTE = 60.0

MOST_CALLERS = 50_000
"""Callers that are remembered; whoever has not asked for longest is forgotten first."""


@dataclass
class Left:
    """How many requests somebody has left, as of an instant."""

    requests: float
    at: float


class Rates:
    """Counts what each caller, known by role and id, asks. Whoever has been quiet for a minute may
    ask all at once; then one by one as time goes by. No limit with 0.

    Processes do not count together: with four of them behind one address, a caller may ask up to
    four times as often.
    """

    def __init__(self, people: int, platform: int) -> None:
        self._people = people
        self._platform = platform
        self._callers: OrderedDict[tuple[Role, str], Left] = OrderedDict()

    def take(self, person: Person) -> None:
        """Count a request; Problem 429 for one too many, which says when to ask again."""
        most = self._platform if person.role is Role.PLATFORM else self._people
        if not most:
            return
        caller, now = (person.role, person.id), monotonic()
        left = self._callers.setdefault(caller, Left(most, now))
        self._callers.move_to_end(caller)
        if len(self._callers) > MOST_CALLERS:
            self._callers.popitem(last=False)
        left.requests = min(most, left.requests + (now - left.at) * most / MINUTE)
        left.at = now
        if left.requests < 1:
            wait = math.ceil((1 - left.requests) * MINUTE / most)
            raise Problem(
                429,
                "too-many-requests",
                f"You may ask {most} times a minute; ask again in {wait} s.",
                headers={"Retry-After": str(wait)},
            )
        left.requests -= 1
