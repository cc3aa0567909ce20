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
    email = re.compile(re.escape(other.email), re.IGNORECASE) if other.email else None
    words = r"\s+".join(re.escape(word) for word in other.name.split())
    name = re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE) if words else None

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
