"""A case's document without what it must not tell of the other party."""

import json
import re
from typing import Any

from domain.export import CaseExport
from domain.orders import Person

NO_NAME = "[name left out]"
NO_EMAIL = "[e-mail left out]"

TEXTS = {"text", "subject", "reasoning", "reason", "detail", "file_name"}
"""The keys under which people's words stand: a name in them is masked."""


def masked(made: CaseExport, other: Person) -> CaseExport:
    """The document without the other party's name in texts, and e-mail address anywhere."""
    email, name = _email_of(other), _name_of(other)

    def without(value: Any, key: str = "") -> Any:
        match value:
            case dict():
                return {each: without(within, each) for each, within in value.items()}
            case list():
                return [without(within, key) for within in value]
            case str():
                return unnamed(value, key)
        return value

    def unnamed(text: str, key: str) -> str:
        said = email.sub(NO_EMAIL, text) if email else text
        return name.sub(NO_NAME, said) if name and key in TEXTS else said

    return CaseExport.model_validate_json(json.dumps(without(made.model_dump(mode="json"))))


def _email_of(person: Person) -> re.Pattern[str] | None:
    return re.compile(re.escape(person.email), re.IGNORECASE) if person.email else None


def _name_of(person: Person) -> re.Pattern[str] | None:
    """The name as a word of its own, whatever stands between its words."""
    words = r"\s+".join(re.escape(word) for word in person.name.split())
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE) if words else None
