"""Reading what a person hands over as a file or on standard input."""

import json
from datetime import date
from typing import Any

from cli.reading import read_document
from domain.openings import Opening
from service.documents import opening_from
from service.failures import InputError


def read_json(name: str) -> Any:
    """The JSON in a file, or on standard input if `name` is "-"."""
    what = "Standard input" if name == "-" else name
    raw = read_document(name)
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"{what} is not UTF-8; save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{what} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except ValueError:
        raise InputError(f"{what} holds a number of too many digits; make it shorter.") from None
    except RecursionError:
        raise InputError(f"{what} is nested too deeply to be an opening.") from None


def said_in_hand(opening: Opening, day: str | None) -> Opening:
    """The opening with the day since which the buyer says to have the goods, if one is given."""
    if day is None:
        return opening
    if "in_hand_on" not in type(opening).model_fields:
        raise InputError(
            f"--in-hand goes with a withdrawal, a complaint or a carrier claim, not with "
            f"{opening.kind.words}."
        )
    try:
        return opening.model_copy(update={"in_hand_on": date.fromisoformat(day)})
    except ValueError:
        raise InputError(f"--in-hand is a day like 2026-11-25, not {day!r}.") from None


def read_opening(name: str) -> Opening:
    """The opening in a file, or the one that the return form in it chooses (W3)."""
    return opening_from(read_json(name))
