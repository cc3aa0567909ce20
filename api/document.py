"""The OpenAPI document: what is sent and answered, by the same models that check it."""

import json
from typing import Any, get_args

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from api.attachments import UploadForm
from api.examples import EXAMPLES
from api.fields import NOBODY, rows
from api.forms import COMMAND_FORM, OPENING_FORM
from api.jobs import JobForm
from api.links import LinkWanted
from api.problems import MEDIA_TYPE
from api.recalculations import Recalculations
from api.reckonings import QUESTIONS
from api.reports import BATCHES
from api.roles import EVERYBODY, Role
from api.schemas import OWN, TEMPLATE
from api.webhooks import EndpointWanted
from domain.export import CaseExport
from domain.letters import Letter
from domain.notices import Message
from domain.policy import Policy
from domain.ports import CostClaim, Recovery, Task
from domain.preview import Outlook
from domain.public_events import DATA, PublicEvent
from domain.refunds import RefundPreview
from domain.view import VIEW, ClockView, Entry, Recalculated, Receipt, View
from domain.webhooks import Endpoint, WebhookDelivery
from store.archive import Found
from store.audit_trail import Deed
from store.seller_reports import InactiveBuyer
from store.standings import Listed

SENT: dict[str, type[BaseModel]] = {
    **BATCHES,
    **QUESTIONS,
    "LinkWanted": LinkWanted,
    "UploadForm": UploadForm,
    "JobForm": JobForm,
    "RecalculationsWanted": Recalculations,
    "EndpointWanted": EndpointWanted,
}
"""What is sent beside openings and commands."""

KINDS: dict[str, type[BaseModel]] = {each.__name__: each for each in get_args(get_args(View)[0])}
"""What is shown of each kind of case, by its name here."""

ABOUT = """\
The after-sale troubles of a marketplace: inquiries, disputes, withdrawals, complaints and the like.

Who acts is who the bearer token is for. Everything that is refused is a problem document
(RFC 9457) with a `code` of `/refusals`. A POST that nobody answered is sent again under the same
Idempotency-Key. Money is in minor units, instants have an offset.
"""

ANSWERED: tuple[type[BaseModel], ...] = (
    Receipt,
    Entry,
    Message,
    Letter,
    ClockView,
    Outlook,
    RefundPreview,
    Task,
    Listed,
    Deed,
    Found,
    Recovery,
    CostClaim,
    InactiveBuyer,
    Recalculated,
)
"""What is answered as far as its reader sees it."""


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
        _mend_answers(made)
        app.openapi_schema = made
    return app.openapi_schema


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    sent: dict[str, TypeAdapter[Any]] = {
        "Command": COMMAND_FORM,
        "Opening": OPENING_FORM,
        **{name: TypeAdapter(model) for name, model in SENT.items()},
    }
    for name, adapter in sent.items():
        schema = adapter.json_schema(ref_template=TEMPLATE)
        _add(found, {**schema.pop("$defs", {}), name: schema}, "Sent")
    found["JobItem"]["properties"]["command"] = {"$ref": TEMPLATE.format(model="Command")}
    _add(found, {**_answered(*ANSWERED), **_cases()}, "Seen")
    for model in (CaseExport, Policy):
        schema = model.model_json_schema(mode="serialization", ref_template=TEMPLATE)
        _add(found, {**schema.pop("$defs"), model.__name__: schema}, f"Of{model.__name__}")
    _add(found, _events(), "Told")
    # What code is generated for is called by its title: no two may have the same.
    titled = {name: {**schema, "title": name} for name, schema in found.items()}
    return {**titled, **OWN}


def _events() -> dict[str, Any]:
    """The schemas of what leaves: one of each type."""
    whole = PublicEvent.model_json_schema(mode="serialization", ref_template=TEMPLATE)
    found: dict[str, Any] = {
        **whole.pop("$defs"),
        **_answered(*DATA.values(), Endpoint, WebhookDelivery),
    }
    types = []
    for type_, model in DATA.items():
        name = f"{model.__name__}Event"
        body = {"$ref": TEMPLATE.format(model=model.__name__)}
        of_type = {"type": {"const": type_.value}, "data": body}
        found[name] = {**whole, "title": name, "properties": {**whole["properties"], **of_type}}
        types.append({"$ref": TEMPLATE.format(model=name)})
    found["PublicEvent"] = {"title": "PublicEvent", "oneOf": types}
    return found


def _add(found: dict[str, Any], more: dict[str, Any], mark: str) -> None:
    """Add schemas. Where one of another form has the name, the new one has the mark behind it."""
    while taken := {name for name in more if name in found and found[name] != more[name]}:
        more = {f"{name}{mark}" if name in taken else name: each for name, each in more.items()}
        text = json.dumps(more)
        for name in taken:
            old, new = (TEMPLATE.format(model=one) for one in (name, f"{name}{mark}"))
            text = text.replace(f'"{old}"', f'"{new}"')
        more = json.loads(text)
    found |= more


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


def _mend_answers(made: dict[str, Any]) -> None:
    """Give answers their examples. The framework's own words for 422 would be wrong, and go: ours
    stand there already.
    """
    for path in made["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                if MEDIA_TYPE in content:
                    answer["content"] = {MEDIA_TYPE: content[MEDIA_TYPE]}
                for each in content.values():
                    name = each.get("schema", {}).get("$ref", "").rpartition("/")[2]
                    if name in EXAMPLES:
                        each["example"] = EXAMPLES[name]
