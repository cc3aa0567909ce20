"""Where a list goes on: opaque to whoever follows it, and checked when it comes back."""

import base64
import binascii
from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import BaseModel, ValidationError

from api.problems import Problem

V = TypeVar("V", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
After = Annotated[
    str | None, Query(max_length=2000, description="`next` of the page before; the first without.")
]


def cursor(place: BaseModel) -> str:
    """A place as a page names it."""
    return base64.urlsafe_b64encode(place.model_dump_json().encode()).decode().rstrip("=")


def place_of(text: str | None, model: type[V]) -> V | None:
    """The place that was named; Problem 422 for what no page has named."""
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return model.model_validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValidationError, UnicodeEncodeError, binascii.Error):
        place = {"parameter": "after", "detail": "must be `next` of a page of this list"}
        sentence = "A parameter or header does not fit; see `errors`."
        raise Problem(422, "bad-input", sentence, [place]) from None
