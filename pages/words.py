"""How pages say instants and codes."""

from datetime import datetime
from zoneinfo import ZoneInfo

from domain.deadlines import spoken


def due_in_words(due: datetime | None, zone: str) -> str:
    """Until when, as a person says it, with the zone's city."""
    return f"{spoken(due, zone)} ({zone})" if due else ""


def local(instant: datetime, zone: str) -> str:
    """An instant on the local clock: "Tue 7 Apr 2026 16:30"."""
    there = instant.astimezone(ZoneInfo(zone))
    return f"{there:%a} {there.day} {there:%b %Y %H:%M}"


def in_words(code: str) -> str:
    """A code as words."""
    return code.replace("_", " ").replace("-", " ")
