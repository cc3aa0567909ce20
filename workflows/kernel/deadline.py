"""A party's running time: an instant that can be held, and moved later but never earlier."""

from datetime import datetime

from domain.calendars import Calendar
from domain.deadlines import Held, explain, reckon, safe_end, spoken
from domain.notices import NoticeName, Told
from domain.parties import Party
from domain.policy import Window
from domain.view import ClockView


class Clock:
    """One window, started: due when it has been counted to its end. Held time is not counted."""

    def __init__(
        self, name: str, window: Window, calendar: Calendar, awaited: Party, started_at: datetime
    ) -> None:
        self.name = name
        self.window = window
        self.calendar = calendar
        self.awaited = awaited
        self.started_at = started_at
        self.held: list[Held] = []
        self.held_since: datetime | None = None
        self._holds: set[str] = set()
        self.given = False
        self.lapsed = False
        self.told = False
        """Whether a letter that asks for it has arrived."""
        self.concerns: tuple[Party, ...] = (awaited,)
        """Whose silence it is, if of more than the awaited."""
        self.reminded = window.remind_after is None
        self.asks: tuple[NoticeName, Told] | None = None
        self.due = self._reckon(window, calendar)
        self._viewed: tuple[tuple[object, ...], ClockView] | None = None

    def _reckon(
        self, window: Window, calendar: Calendar, until: datetime | None = None
    ) -> datetime:
        held = self.held
        if self.held_since and until:
            held = [*held, Held(since=self.held_since, until=until)]
        return reckon(window.counting, window.length, self.started_at, calendar, held).due

    def due_if_resumed(self, now: datetime) -> datetime:
        """When it would be due if it ran again from now on."""
        return self._reckon(self.window, self.calendar, now)

    @property
    def safe(self) -> datetime | None:
        """The end of the last working day at or before the last day, where days, months or years
        are counted.
        """
        return self._safe(self.held)

    def safe_if_resumed(self, now: datetime) -> datetime | None:
        """The same if it ran again from now on."""
        since = self.held_since
        return self._safe([*self.held, Held(since=since, until=now)] if since else self.held)

    def _safe(self, held: list[Held]) -> datetime | None:
        window = self.window
        return safe_end(window.counting, window.length, self.started_at, self.calendar, held)

    def remind_again(self, now: datetime) -> None:
        """Let the party be reminded after all, if the time for it is still to come."""
        self.reminded = False
        self.reminded = self.reminder is None or self.reminder <= now

    @property
    def reminder(self) -> datetime | None:
        """When the awaited party is reminded; None once that is done."""
        if self.reminded or self.window.remind_after is None:
            return None
        window, after = self.window, self.window.remind_after
        return reckon(window.counting, after, self.started_at, self.calendar, self.held).due

    @property
    def wakes(self) -> datetime:
        """The next instant at which something happens by itself, if the clock is not held."""
        return self.reminder or self.due

    def ran_out(self, at: datetime) -> bool:
        """Whether its end had come at an instant, and its silence was not taken yet."""
        return not (self.held_since or self.lapsed) and self.due <= at

    def is_held_for(self, why: str) -> bool:
        """Whether this is one of the reasons that hold it."""
        return why in self._holds

    def hold(self, why: str, now: datetime) -> None:
        """Stop counting; several reasons may hold a clock at once."""
        self._holds.add(why)
        self.held_since = self.held_since or now

    def resume(self, why: str, now: datetime) -> None:
        """Take one reason away. With the last, the span goes into the ledger: the end moves."""
        self._holds.discard(why)
        if self.held_since and not self._holds:
            self.held.append(Held(since=self.held_since, until=now))
            self.held_since, self.lapsed = None, False
            self.due = self._reckon(self.window, self.calendar)

    def adopt(self, window: Window, calendar: Calendar, now: datetime) -> bool:
        """Take up edited rules if, and only if, they give more time; the ledger stays."""
        if self._reckon(window, calendar, now) <= self._reckon(self.window, self.calendar, now):
            return False
        self.window, self.calendar, self.lapsed = window, calendar, False
        self.due = self._reckon(window, calendar)
        return True

    def says(self) -> str:
        """The clock as a person reads it in the Temporal UI."""
        return (
            f"{self.awaited} · {self.name.replace('_', ' ')} until "
            f"{spoken(self.due, self.calendar.zone)} · "
            f"{self.window.length} {self.window.counting.replace('-', ' ')} · "
            f"{self.calendar.country}"
        )

    def view(self) -> ClockView:
        """The clock with its whole reckoning, which is explained anew only when it has changed."""
        state = (self.window, self.calendar, *self.held, self.held_since, *sorted(self._holds))
        if self._viewed is None or self._viewed[0] != state:
            self._viewed = state, self._view()
        return self._viewed[1]

    def _view(self) -> ClockView:
        window = self.window
        return ClockView(
            window=self.name,
            awaited=self.awaited,
            started_at=self.started_at,
            due=None if self.held_since else self.due,
            safe=None if self.held_since else self.safe,
            length=window.length,
            counting=window.counting,
            source=window.source,
            held=tuple(self.held),
            held_since=self.held_since,
            held_for=tuple(sorted(self._holds)),
            on_silence=window.on_silence,
            explanation=tuple(
                explain(window.counting, window.length, self.started_at, self.calendar, self.held)
            ),
        )
