"""How a foreign server has answered lately, for health."""

import threading
import time

FAILING = 3
"""So many failures in a row, and the server counts as failing."""

FAILING_FOR = 1_200
"""Seconds for which it does after the last of them. Whoever still waits for it tries more often."""


class Pulse:
    """The latest answers of one server. Usable from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._last = 0.0

    def went_well(self) -> None:
        """An answer was good, were it a refusal."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """No answer came, or none that can be used."""
        with self._lock:
            self._failures += 1
            self._last = time.monotonic()

    @property
    def failing(self) -> bool:
        """Whether nothing good has come lately."""
        with self._lock:
            recent = time.monotonic() - self._last < FAILING_FOR
            return self._failures >= FAILING and recent
