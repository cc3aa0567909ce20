"""Does the OpenAPI document hold together?"""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from api.app import application
from api.examples import EXAMPLES

DOCUMENT = application().openapi()

DOCUMENTED_ELSEWHERE = {"CaseExport", "Policy"}
"""Whole documents, with a schema of their own in docs/, or a file to read in policies/."""


def refs(part: Any) -> Iterator[str]:
    """The names of the schemas that something refers to."""
    match part:
        case {"$ref": str(ref)}:
            yield ref.rpartition("/")[2]
        case dict():
            for each in part.values():
                yield from refs(each)
        case list():
            for each in part:
                yield from refs(each)


def operations() -> Iterator[dict[str, Any]]:
    """Every operation."""
    for path in DOCUMENT["paths"].values():
        yield from path.values()


def fits(example: Any, schema: dict[str, Any]) -> None:
    """Raise what does not fit."""
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema_rs.validator_for(whole).validate(example)


def test_whatever_is_referred_to_is_there_and_nothing_else() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert {*refs(DOCUMENT)} <= {*schemas}
    needed, following = set[str](), {*refs(DOCUMENT["paths"])}
    while following - needed:
        needed |= following
        following = {ref for name in needed for ref in refs(schemas[name])}
    assert {*schemas} - needed == set()


def test_operations_have_names_of_their_own_words_and_a_token() -> None:
    found = [*operations()]
    ids = [operation["operationId"] for operation in found]
    assert len(ids) == len({*ids})
    assert all(one["summary"] and one["description"] and one["security"] for one in found)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_fit_their_schemas(name: str) -> None:
    fits(EXAMPLES[name], {"$ref": f"#/components/schemas/{name}"})


def test_whatever_is_sent_or_answered_has_an_example_that_fits() -> None:
    for operation in operations():
        contents = [*operation.get("requestBody", {}).get("content", {}).values()]
        for answer in operation["responses"].values():
            contents += answer.get("content", {}).values()
        for content in contents:
            (name,) = refs(content["schema"])
            schema = DOCUMENT["components"]["schemas"][name]
            example = content.get("example", schema.get("example"))
            if name in DOCUMENTED_ELSEWHERE:
                continue
            assert example is not None, (operation["operationId"], name)
            fits(example, content["schema"])
