"""Openings and commands as they are sent over HTTP: without who sends them, for the token says it,
and without what one case alone tells another.
"""

import hashlib
from copy import copy
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeAlias, cast, get_args

from pydantic import Field, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from api.problems import Problem, misfit
from api.roles import Person, Role
from domain.base import Value
from domain.commands import Command, CommandBase
from domain.openings import Opening, OpeningBase, ReturnForm

FROM_THE_TOKEN = {"by", "opened_by"}
FROM_THE_HEADER = {"command_id"}

OF_THE_PLATFORM = {
    "decision_due",
    "essential_date",
    "external_id",
    "happened_at",
    "resend_cost",
    "stated_at",
}
"""What of an opening only the platform may say: it would move a deadline or the money."""

OF_CASES = {
    "belongs_to",
    "counted_from",
    "from_inquiry",
    "goods_in",
    "instead_of",
    "only_back",
    "purpose",
    "send_window",
    "way_back",
}
"""What cases tell the cases that they open: nobody says it over HTTP."""

OF_CASES_IN = {"OpenNonDelivery": {"tracking"}}

COMMANDS: dict[str, type[CommandBase]] = {
    model.word(): model for model in get_args(get_args(Command)[0])
}
"""Every command by its verb."""

OPENINGS: dict[str, type[OpeningBase]] = {
    str(get_args(model.model_fields["kind"].annotation)[0]): model
    for model in (*get_args(get_args(Opening)[0]), ReturnForm)
}
"""What opens a case, by its kind."""


def _form(model: type[Value], name: str, tag: str, left_out: set[str]) -> type[Value]:
    """A model with the same fields but for some, which says of which kind it is."""
    fields: dict[str, Any] = {}
    for field, info in model.model_fields.items():
        if field in left_out:
            continue
        kept: FieldInfo = copy(info)
        if field == tag:
            kept = FieldInfo(annotation=info.annotation)  # without a default
            word = get_args(info.annotation)[0]
            fields[field] = (Literal[str(word)], kept)
        else:
            fields[field] = (info.annotation, kept)
    made = create_model(name, __base__=Value, __doc__=model.__doc__, **fields)
    return cast(type[Value], made)


COMMAND_FORMS: dict[str, type[Value]] = {
    verb: _form(model, f"{model.__name__}Command", "verb", FROM_THE_TOKEN | FROM_THE_HEADER)
    for verb, model in COMMANDS.items()
}
OPENING_FORMS: dict[str, type[Value]] = {
    kind: _form(
        model,
        f"{model.__name__}Form",
        "kind",
        FROM_THE_TOKEN | OF_CASES | OF_CASES_IN.get(model.__name__, set()),
    )
    for kind, model in OPENINGS.items()
}

CommandForm: TypeAlias = Annotated[  # type: ignore[valid-type]
    reduce(or_, COMMAND_FORMS.values()), Field(discriminator="verb")
]
OpeningForm: TypeAlias = Annotated[  # type: ignore[valid-type]
    reduce(or_, OPENING_FORMS.values()), Field(discriminator="kind")
]

COMMAND_FORM: TypeAdapter[Value] = TypeAdapter(CommandForm)
OPENING_FORM: TypeAdapter[Value] = TypeAdapter(OpeningForm)


def command_id_of(person: Person, key: str) -> str:
    """The id by which a case knows what somebody sends under a key of theirs: nobody else can take
    it first, however easily the key is guessed.
    """
    digest = hashlib.sha256(f"{person.role} {person.id} {key}".encode()).hexdigest()
    return f"http-{digest[:40]}"


def command_from(form: Value, person: Person, key: str) -> Command:
    """The command that a person sends under an Idempotency-Key."""
    given = dict(form)
    model = COMMANDS[given["verb"]]
    command_id = command_id_of(person, key)
    made = _made(model, {**given, "by": person.actor, "command_id": command_id})
    return cast(Command, made)


def opening_from(form: Value, person: Person) -> Opening:
    """The opening that a person sends, or the one that the return form in it chooses."""
    given = dict(form)
    if person.role is not Role.PLATFORM:
        for name in sorted(OF_THE_PLATFORM & form.model_fields_set):
            place = {"pointer": f"/{name}", "detail": "is for the platform to say; leave it out"}
            raise Problem(422, "bad-input", "What was sent does not fit; see `errors`.", [place])
    made = _made(OPENINGS[given["kind"]], {**given, "opened_by": person.actor})
    if not isinstance(made, ReturnForm):
        return cast(Opening, made)
    try:
        return made.opening()
    except ValidationError as error:
        raise misfit(error) from None


def _made(model: type[Value], given: dict[str, Any]) -> Any:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise misfit(error) from None
