"""What does not fit in a document, as one sentence that says what to do."""

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.misfits import field_of, in_words
from service.failures import InputError

LONGEST = 80
"""Characters of a place in a document: a field's name can be of any size."""

MOST = 8
"""Places that one sentence names."""


def misfit(error: ValidationError, what: str, kinds: Sequence[str] = ()) -> InputError:
    """The first thing that does not fit in a document, with its place as a JSON pointer.

    `kinds`: of which the document, or a part of it, is one; an error's place has it as well.
    """
    place = _place(first_of(error), kinds)
    at = f" at {place}" if place else ""
    return InputError(f"{what} does not fit{at}: {_said(error, kinds)}.")


def _place(error: ErrorDetails, kinds: Sequence[str]) -> str:
    parts = list(error["loc"])
    tag = next((part for part in parts if part in kinds), None)
    if tag is not None:
        parts.remove(tag)  # it stands in the error's place, but not in what was given
    if field := field_of(error):
        parts.append(field)
    place = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
    return place if len(place) <= LONGEST else f"{place[: LONGEST - 3]}..."


def _others(error: ValidationError, kinds: Sequence[str]) -> str:
    """The places of what else does not fit, as far as a sentence bears them."""
    places = [_place(one, kinds) for one in error.errors(include_url=False)[1:]]
    named = [place for place in dict.fromkeys(places) if place][:MOST]
    rest = len(places) - len(named)
    return ", ".join((*named, f"{rest} more") if rest else named)


def _said(error: ValidationError, kinds: Sequence[str]) -> str:
    first, others = first_of(error), error.error_count() - 1
    said = in_words(first, kinds)
    if first["type"] != "value_error":
        said = f"it {said}"
    more = f" (and {_others(error, kinds)})" if others else ""
    return f"{said.rstrip('.')}{more}".replace("\n", " ")


def first_of(error: ValidationError) -> ErrorDetails:
    """The first thing that does not fit."""
    return error.errors(include_url=False)[0]
