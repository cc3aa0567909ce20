"""What is wrong with a field that was given, as a person says it of the field: "must be text".

Every kind of error that pydantic finds in our values has its words here; its own are a
programmer's.
"""

import re
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

SHOWN = 40
"""What was given is repeated up to so many characters."""

PATTERNS = {
    r"^[A-Z]{2}$": "two capital letters, like PL",
    r"^[A-Z]{3}$": "three capital letters, like PLN",
    r"^[a-z]{2}$": "two small letters, like pl",
    r"^[A-Za-z0-9._-]{1,100}$": "1 to 100 letters a-z, digits, dots, underscores or hyphens",
    r"^[A-Za-z0-9._:-]{1,100}$": (
        "1 to 100 letters a-z, digits, dots, underscores, colons or hyphens"
    ),
    r"^[A-Za-z0-9 ./-]{1,60}$": "1 to 60 letters a-z, digits, spaces, dots, slashes or hyphens",
    r"^[a-z-]+:[A-Z]{2}:[A-Za-z0-9._:-]{1,250}$": "a case's id, like dispute:PL:PL-1001:1",
    r"^[a-z0-9.+-]{1,100}/[a-z0-9.+-]{1,100}$": "a media type, like image/jpeg",
    r"^[0-9a-f]{64}$": "a SHA-256 in 64 small hexadecimal digits",
}
"""What the patterns of our values ask for."""

TIME = "a time with its offset, like 2026-11-20T14:05+01:00"
DAY = "a day, like 2026-11-20"
WHOLE = "a whole number"

MUST_BE = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "date_from_datetime_inexact": DAY,
    "date_from_datetime_parsing": DAY,
    "date_parsing": DAY,
    "date_type": DAY,
    "datetime_from_date_parsing": TIME,
    "datetime_object_invalid": TIME,
    "datetime_parsing": TIME,
    "datetime_type": TIME,
    "decimal_max_digits": "a number of at most {max_digits} digits",
    "decimal_max_places": "a number with at most {decimal_places} decimal places",
    "decimal_parsing": "a number, like 12.50",
    "decimal_type": "a number, like 12.50",
    "decimal_whole_digits": "a number of at most {whole_digits} digits before the point",
    "dict_type": "a JSON object",
    "finite_number": "a number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": WHOLE,
    "int_parsing": WHOLE,
    "int_parsing_size": f"{WHOLE}, and not so large",
    "int_type": WHOLE,
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "model_attributes_type": "a JSON object",
    "model_type": "a JSON object",
    "string_sub_type": "text",
    "string_too_long": "at most {max_length} characters long",
    "string_too_short": "at least {min_length} characters long",
    "string_type": "text",
    "string_unicode": "text of whole Unicode characters",
    "timezone_aware": TIME,
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
    "tuple_type": "a list",
}
"""What a field must be, by the kind of error that was found in it."""

NOT_REPEATED = ("string_too_long", "string_too_short", "too_long", "too_short", "string_unicode")
"""Errors in which what was given would say nothing."""


def in_words(error: ErrorDetails, choices: Sequence[str] = ()) -> str:
    """What is wrong, to be read after the field's name; a whole sentence if it is our own rule's.

    `choices`: what a field can be that says of which kind the whole is; an error does not tell it.
    """
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "is missing; add it"
        case "extra_forbidden":
            return "is not known here; leave it out"
        case "union_tag_not_found":
            return f"is missing; add one of {', '.join(choices)}"
        case "union_tag_invalid":
            return f"must be one of {', '.join(choices)}, not {_shown(context['tag'])}"
        case "literal_error" | "enum":
            return f"must be {_listed(str(context['expected']))}{_instead(error)}"
        case "string_pattern_mismatch":
            form = PATTERNS.get(context["pattern"], f"of the form {context['pattern']}")
            return f"must be {form}{_instead(error)}"
        case "string_too_short" | "too_short" if context["min_length"] == 1:
            return "must not be empty"
        case "value_error":
            return str(context["error"])
        case "json_invalid":
            return f"is not JSON: {context['error']}"
        case known if known in MUST_BE:
            return f"must be {MUST_BE[known].format(**context)}{_instead(error)}"
        case _:
            said = error["msg"].rstrip(".").replace("\n", " ")
            return f"cannot be used: {said[:1].lower()}{said[1:]}"


def told(place: str, error: ErrorDetails) -> str:
    """The same with the place before it, of a field or of a whole."""
    colon = ":" if error["type"] == "value_error" else ""
    return f"{place}{colon} {in_words(error)}"


def in_codes(wrong: ValidationError) -> str:
    """What is wrong first, to be read after what was given, and without a word of that: for
    timelines and logs, where nobody's words belong.
    """
    error = wrong.errors(include_input=False, include_context=False)[0]
    kind = error["type"].replace("_", " ")
    if error["type"] == "extra_forbidden":  # the field's name is the sender's
        return f"has a field too many ({kind})"
    place = ".".join(str(part) for part in error["loc"])
    return f"does not fit{f' at {place}' if place else ''} ({kind})"


def field_of(error: ErrorDetails) -> str:
    """The field of a whole of several kinds that says which it is, if that is what is wrong."""
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        return str(error["ctx"]["discriminator"]).strip("'")
    return ""


def _listed(expected: str) -> str:
    """The words of an enumeration: "one of a, b, c", from "'a', 'b' or 'c'"."""
    words = re.findall(r"'([^']*)'", expected)
    return f"one of {', '.join(words)}" if len(words) > 1 else ", ".join(words) or expected


def _instead(error: ErrorDetails) -> str:
    """What was given instead, where that is short and says something."""
    given = error["input"]
    if error["type"] in NOT_REPEATED or isinstance(given, list | tuple | dict):
        return ""
    return f", not {_shown(given)}"


def _shown(given: object) -> str:
    """What was given, as JSON has it, and short: it can be of any size."""
    text = repr(given)
    if given is None or isinstance(given, bool):
        text = "null" if given is None else text.lower()
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
