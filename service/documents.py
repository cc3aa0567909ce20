"""Openings out of the documents in which they come."""

import json
from typing import Any

from pydantic import ValidationError

from domain.kinds import Kind
from domain.openings import OPENING, Opening, ReturnForm
from service.failures import InputError
from service.misfits import misfit

RETURN_FORM = "return-form"
KINDS = (*(kind.value for kind in Kind), RETURN_FORM)
"""What a document that opens a case can be."""


def opening_from(document: Any) -> Opening:
    """The opening that a JSON document is, or the one that the return form in it chooses (W3)."""
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
