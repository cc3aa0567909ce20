"""What does not fit in a document or in what was typed, as one sentence that says what to do."""

import re
from collections.abc import Mapping, Sequence

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from typer import BadParameter
from typer.exceptions import TyperException

from cli.failures import InputError
from cli.words import printable
from domain.misfits import field_of, in_words

LONGEST = 80
"""Characters of a place in a document: a field's name can be of any size."""

MOST = 8
"""Places that one sentence names."""


def misfit(error: ValidationError, what: str, kinds: Sequence[str] = ()) -> InputError:
    """The first thing that does not fit in a document, with its place as a JSON pointer.

    `kinds`: of which the document, or a part of it, is one; an error's place has it as well.
    """
    place = _place(_first(error), kinds)
    at = f" at {place}" if place else ""
    return InputError(printable(f"{what} does not fit{at}: {_said(error, kinds)}."))


def mistyped(error: ValidationError, names: Mapping[str, str]) -> InputError:
    """The first thing that does not fit in what was typed, by the name that it is typed under.

    `names`: those of arguments and options, by field.
    """
    place = [str(part) for part in _first(error)["loc"]]
    known = next((names[part] for part in place if part in names), " ".join(place))
    return InputError(printable(f"{known} {in_words(_first(error))}."))


def mistold(error: TyperException) -> str:
    """What the shell's reader of arguments refuses, by the name that it is typed under."""
    cause = error.__cause__
    if not (isinstance(error, BadParameter) and error.param and isinstance(cause, ValidationError)):
        said = " ".join(error.format_message().split()).rstrip(".")
        if said.endswith("?)"):  # "(Did you mean 'show'?)"
            said = said.replace(" (", ". ").rstrip(")")
        said = said if said.endswith("?") else f"{said}."
        return f"{said}{_usage(getattr(error, 'ctx', None))}"
    typed = error.param.opts[0]
    name = typed if typed.startswith("-") else typed.upper()
    said = in_words(_first(cause))
    if choice := re.fullmatch(r"(.*) is not one of (.*)\.", said, re.DOTALL):
        said = f"must be one of {choice[2].replace(chr(39), '')}, not {choice[1]}"
    elif written := re.match(r"(.*) does not match the formats ", said, re.DOTALL):
        said = f"must be a day or an instant, like 2026-11-20 or 2026-11-20T14:05, not {written[1]}"
    return printable(f"{name} {said.rstrip('.')}.")


def _usage(context: typer.Context | None) -> str:
    """How a command is written, in one line; nothing of what is no command."""
    if context is None or isinstance(context.command, typer.core.TyperGroup):
        return ""
    words = [context.info_name or ""]
    for one in context.command.params:
        if one.name in ("command_id", "as_json"):  # those of every command say nothing here
            continue
        word = one.metavar or str(one.name).upper()
        if one.param_type_name == "option":
            word = f"{one.opts[0]}{'' if getattr(one, 'is_flag', False) else f' {word}'}"
        words.append(word if one.required or word.startswith("[") else f"[{word}]")
    return f" Write: {' '.join(words)}."


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
    first, others = _first(error), error.error_count() - 1
    said = in_words(first, kinds)
    if first["type"] != "value_error":
        said = f"it {said}"
    more = f" (and {_others(error, kinds)})" if others else ""
    return f"{said.rstrip('.')}{more}".replace("\n", " ")


def _first(error: ValidationError) -> ErrorDetails:
    return error.errors(include_url=False)[0]
