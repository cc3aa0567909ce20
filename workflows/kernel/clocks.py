"""The clocks of a case: those that were ever started, and those that are waited for now."""

from collections.abc import Iterable
from datetime import datetime

from domain.calendars import Calendar
from domain.deadlines import BY_HAND
from domain.policy import Terms
from domain.view import ClockView
from workflows.kernel.deadline import Clock


class Clocks:
    """`started`: in order; `waited`: for the silence of whom the timeline waits now; `hold`: the
    clock that ends the hold that an agent has set on them.
    """

    def __init__(self) -> None:
        self.started: list[Clock] = []
        self.waited: tuple[Clock, ...] = ()
        self.hold: Clock | None = None

    @property
    def due(self) -> datetime | None:
        """When the first of those waited for ends; None while nothing runs or all is held."""
        return min((clock.due for clock in self.waited if not clock.held_since), default=None)

    def hold_all(self, hold: Clock, now: datetime) -> None:
        """Hold those waited for, until the hold's end at the latest."""
        self.hold = hold
        for clock in self.waited:
            clock.hold(BY_HAND, now)

    def let_go(self, now: datetime) -> None:
        """End the hold; of those too that were held and are not waited for just now."""
        self.hold = None
        for clock in self.started:
            clock.resume(BY_HAND, now)

    def run_with(self, *beside: Clock | None) -> list[Clock]:
        """Those that run now, with the hold and what runs `beside` them."""
        return [c for c in (*self.waited, self.hold, *beside) if c and not c.held_since]

    def adopt(self, terms: Terms, calendar: Calendar, now: datetime) -> None:
        """Take up edited rules, each clock if they give it more time."""
        for clock in self.started:
            if not clock.given:
                clock.adopt(getattr(terms, clock.name), calendar, now)

    def views(self) -> tuple[ClockView, ...]:
        """All that were started, with their reckonings."""
        return _views(self.started)

    def views_waited(self) -> tuple[ClockView, ...]:
        """Those waited for, with theirs."""
        return _views(self.waited)

    def places_waited(self) -> tuple[int, ...]:
        """Which of those started are waited for."""
        return tuple(self.started.index(clock) for clock in self.waited)


def _views(clocks: Iterable[Clock]) -> tuple[ClockView, ...]:
    return tuple(clock.view() for clock in clocks)
