"""What can go wrong on the command line: one sentence, a code, and an exit code."""

import os
import traceback
from pathlib import Path

from typer.exceptions import TyperException

from cli.misfits import mistold
from service.failures import InputError, RefusedError, SilentError

HERE = Path(__file__).parent.parent

REFUSED = 1
BAD_INPUT = 2
UNREACHABLE = 3
DEFECT = 4


TRACEBACK = "RECOURSE_TRACEBACK"
"""Set in the environment, it has a defect shown whole."""


def failure(error: Exception) -> tuple[int, str, str] | None:
    """The exit code, code and sentence of an error that a person can mend; else None."""
    match error:
        case RefusedError():
            return REFUSED, error.code, str(error)
        case InputError():
            return BAD_INPUT, "bad-input", str(error)
        case TyperException():
            return BAD_INPUT, "bad-input", mistold(error)
        case SilentError():
            return UNREACHABLE, "unreachable", str(error)
    # Imported only now: they bring Temporal and the database along, which not all commands need.
    from config import ConfigurationError, UnreachableError  # noqa: PLC0415
    from policies import PolicyError  # noqa: PLC0415
    from store.errors import StoreError  # noqa: PLC0415

    match error:
        case ConfigurationError() | PolicyError():
            return BAD_INPUT, "bad-input", str(error)
        case UnreachableError() | StoreError():
            return UNREACHABLE, "unreachable", str(error)
    return None


def defect(error: Exception) -> tuple[int, str, str]:
    """The same of an error that nobody thought of: what it is and where, not what was given."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(HERE) and ".venv" not in frame.filename
    ]
    where = f" at {Path(ours[-1].filename).relative_to(HERE)}:{ours[-1].lineno}" if ours else ""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    return (
        DEFECT,
        "defect",
        f"This is a defect of Recourse: {type(error).__name__}{where}. Please report it; "
        f"{TRACEBACK}=1 shows more.",
    )
