"""`starter.py mend`: what came of mending a case."""

from service.mending import Mended


def told(done: Mended, *, only_look: bool) -> str:
    """What came of it, in a sentence or two."""
    if done.event is None:
        return (
            f"{done.case_id} can be replayed ({done.events} events): there is nothing to mend. If "
            "its workflow task fails all the same, look at the worker's log."
        )
    where = f"event {done.event} of {done.events} cannot be replayed ({done.why})"
    if only_look:
        return f"{done.case_id}: {where}; without --look it would go back to the step before."
    return (
        f"{done.case_id}: {where}; it went back to the step before and goes on from there, with "
        f"all that was sent since. Look at `starter.py show {done.case_id}` and `tasks`."
    )
