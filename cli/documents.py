"""Reading what a person hands over as a file or on standard input."""

import json
from datetime import date
from typing import Any

from pydantic import ValidationError

from cli.reading import read_document
from domain.kinds import Kind
from domain.openings import OPENING, Opening, ReturnForm
from service.failures import InputError
from service.misfits import misfit

RETURN_FORM = "return-form"
KINDS = (*(kind.value for kind in Kind), RETURN_FORM)
"""What a document that opens a case can be."""


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
    document = read_json(name)
    is_form = isinstance(document, dict) and document.get("kind") == RETURN_FORM
    what = "The return form" if is_form else "The opening"
    try:
        # From JSON, not from Python: only so are dates and enumerations read from their texts.
        text = json.dumps(document)
        if not is_form:
            return OPENING.validate_json(text)
        return ReturnForm.model_validate_json(text).opening()
    except ValidationError as error:
        raise misfit(error, what, () if is_form else KINDS) from None
    except ValueError as error:
        raise InputError(f"{what} does not fit: {error}.") from None
