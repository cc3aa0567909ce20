"""What can go wrong with what was asked: an error each, with one sentence that says what to do."""


class InputError(Exception):
    """What was given cannot be used; the message says in one sentence what to do."""


class RefusedError(Exception):
    """The case, or the lack of one, says no; `code` is one of docs/refusals.md."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class SilentError(Exception):
    """A server or worker does not answer; the message names it."""
