"""The OpenAPI document: what is sent and answered, by the same models that check it."""

from typing import Any, get_args

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.fields import NOBODY, rows
from api.forms import COMMAND_FORM, OPENING_FORM
from api.roles import EVERYBODY, Role
from domain.parties import Party
from domain.view import VIEW, Receipt, View

KINDS: dict[str, type[BaseModel]] = {each.__name__: each for each in get_args(get_args(View)[0])}
"""What is shown of each kind of case, by its name here."""

TEMPLATE = "#/components/schemas/{model}"

ABOUT = """\
The after-sale troubles of a marketplace: inquiries, disputes, withdrawals, complaints and the like.

Who acts is who the bearer token is for. Everything that is refused is a problem document
(RFC 9457) with a `code` of `/refusals`. A POST that nobody answered is sent again under the same
Idempotency-Key. Money is in minor units, instants have an offset.
"""

TEXT: dict[str, Any] = {"type": "string"}
OWN: dict[str, dict[str, Any]] = {
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            "type": {**TEXT, "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer"},
            "code": {**TEXT, "description": "A row of /refusals."},
            "detail": {**TEXT, "description": "One sentence that says what to do."},
            "request_id": TEXT,
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["detail"],
                    "properties": {
                        "pointer": {**TEXT, "format": "json-pointer"},
                        "parameter": TEXT,
                        "detail": TEXT,
                    },
                },
            },
        },
        "example": {
            "type": "/refusals#wrong-stage",
            "title": "It is refused.",
            "status": 409,
            "code": "wrong-stage",
            "detail": "Not while the dispute is settling.",
            "request_id": "3f1c9a0d7e5b4c2f8a6d1e0b9c8d7f6a",
        },
    },
    "Me": {
        "type": "object",
        "required": ["role", "id", "name", "queues", "party"],
        "properties": {
            "role": {"enum": [role.value for role in Role]},
            "id": TEXT,
            "name": TEXT,
            "queues": {"type": "array", "items": TEXT},
            "party": {"enum": [party.value for party in Party]},
        },
        "example": {
            "role": "agent",
            "id": "a-7",
            "name": "Anna Nowak",
            "queues": ["disputes-pl"],
            "party": "agent",
        },
    },
    "Action": {
        "type": "object",
        "required": ["verb", "method", "href", "schema", "needs_if_match"],
        "properties": {
            "verb": TEXT,
            "method": {"const": "POST"},
            "href": {**TEXT, "format": "uri-reference"},
            "schema": {**TEXT, "format": "uri-reference"},
            "needs_if_match": {"type": "boolean"},
        },
    },
    "Done": {
        "type": "object",
        "required": ["case_id", "receipt", "case"],
        "properties": {
            "case_id": {**TEXT, "description": "The case that took it."},
            "receipt": {"$ref": TEMPLATE.format(model="Receipt")},
            "case": {"$ref": TEMPLATE.format(model="Case")},
        },
    },
}
"""What has no model of its own."""


def document_of(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=ABOUT, routes=app.routes
        )
        components = made.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas.update(_schemas())
        _without_framework_errors(made)
        app.openapi_schema = made
    return app.openapi_schema


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, adapter in (("Command", COMMAND_FORM), ("Opening", OPENING_FORM)):
        schema = adapter.json_schema(ref_template=TEMPLATE)
        found |= schema.pop("$defs")
        found[name] = schema
    return {**found, **_cases(), **_answered(Receipt), **OWN}


def _cases() -> dict[str, Any]:
    """The schemas of a case: one of each kind."""
    found = _answered(*KINDS.values())
    for name in KINDS:
        case = found[name]
        case["properties"]["actions"] = {
            "type": "array",
            "items": {"$ref": TEMPLATE.format(model="Action")},
            "description": "What you may do now.",
        }
        case["required"] = [*case["required"], "actions"]
    one = VIEW.json_schema(mode="serialization", ref_template=TEMPLATE)
    found["Case"] = {"title": "Case", "oneOf": one["oneOf"], "discriminator": one["discriminator"]}
    return found


def _answered(*models: type[BaseModel]) -> dict[str, Any]:
    """The schemas of models as they are answered: with what somebody sees of them, and demanding
    what everybody sees.
    """
    _, top = models_json_schema([(one, "serialization") for one in models], ref_template=TEMPLATE)
    found: dict[str, Any] = {}
    for name, schema in top["$defs"].items():
        shown = rows_by_name(name)
        if shown and "properties" in schema:
            properties = schema["properties"]
            schema["properties"] = {
                field: properties[field] for field in shown if shown[field] and field in properties
            }
            schema["required"] = [
                field for field in schema["properties"] if shown[field] == EVERYBODY
            ]
        found[name] = schema
    return found


def rows_by_name(name: str) -> dict[str, frozenset[Role]]:
    """Who sees each field of the model of a name; empty for what is no model of a case."""
    made = KINDS.get(name) or type(name, (BaseModel,), {})
    return {field: roles for field, roles in rows(made).items() if roles is not NOBODY}


def _without_framework_errors(made: dict[str, Any]) -> None:
    """The framework's own words for 422 would be wrong: ours stand there already."""
    for path in made["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                if "application/problem+json" in content:
                    answer["content"] = {
                        "application/problem+json": content["application/problem+json"]
                    }
