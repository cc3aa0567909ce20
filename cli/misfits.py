"""What does not fit in what was typed, as one sentence that says what to do."""

import re
from collections.abc import Mapping

import typer
from pydantic import ValidationError
from typer import BadParameter
from typer.exceptions import TyperException

from domain.misfits import in_words
from service.failures import InputError
from service.misfits import first_of


def mistyped(error: ValidationError, names: Mapping[str, str]) -> InputError:
    """The first thing that does not fit in what was typed, by the name that it is typed under.

    `names`: those of arguments and options, by field.
    """
    place = [str(part) for part in first_of(error)["loc"]]
    known = next((names[part] for part in place if part in names), " ".join(place))
    return InputError(f"{known} {in_words(first_of(error))}.")


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
    said = in_words(first_of(cause))
    if choice := re.fullmatch(r"(.*) is not one of (.*)\.", said, re.DOTALL):
        said = f"must be one of {choice[2].replace(chr(39), '')}, not {choice[1]}"
    elif written := re.match(r"(.*) does not match the formats ", said, re.DOTALL):
        said = f"must be a day or an instant, like 2026-11-20 or 2026-11-20T14:05, not {written[1]}"
    return f"{name} {said.rstrip('.')}."


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
