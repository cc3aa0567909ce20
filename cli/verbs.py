"""The commands that people send into a case, as commands of a shell.

Each is made from its model in domain/commands.py: what a command must say stands in order after
the case, then a remedy, an amount or goods received that may be left out; all else is an option.
Goods are written SKU=2, or SKU=2:damaged where their condition counts.
"""

import hashlib
import mimetypes
import re
import sys
from collections.abc import Callable
from datetime import date
from enum import Enum
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args
from uuid import uuid4

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cli.misfits import mistyped
from cli.typed import UNNAMED, actor_from, amount_from
from domain.commands import (
    COMMAND,
    Attachment,
    Command,
    CommandBase,
    Remedy,
)
from domain.goods import Condition, Received
from domain.orders import Line
from domain.parties import Actor, Party
from domain.stages import Stage
from domain.view import Outcome, Receipt
from pages.words import due_in_words
from service.countries import country_of, zone_of
from service.failures import InputError

if TYPE_CHECKING:
    from service.standing import Standing

MODELS: tuple[type[CommandBase], ...] = get_args(get_args(Command)[0])
"""Every command there is."""

CaseId = Annotated[
    str, typer.Argument(metavar="CASE", help="The case's id, like dispute:PL:PL-1001:1.")
]
By = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="PARTY:ID[:NAME]",
        envvar="RECOURSE_AS",
        help="Who sends it: buyer, seller, agent:a-7:Anna Nowak or platform; "
        "the buyer's and seller's id can be left out.",
    ),
]
CommandIdOption = Annotated[
    str | None,
    typer.Option(
        "--command-id", metavar="ID", help="Sent again under the same id, it is the same command."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

ENVELOPE = ("verb", "command_id", "by")
AMOUNT = re.compile(r"[0-9]+([.,][0-9]+)?")
REMEDIES = {"remedy", "wanted"}
SYNONYMS = {"price-reduction": Remedy.PARTIAL_REFUND.value}
"""What a remedy is called too."""

IN_ORDER = ("remedy", "amount")
"""Fields that stand in order even where they can be left out."""


def shell_command(model: type[CommandBase]) -> Callable[..., None]:
    """A function for Typer that sends commands of this model."""

    def run(case: str, by: str, command_id: str | None, as_json: bool, **given: Any) -> None:
        # They bring Temporal, which --help can spare.
        from cli.connecting import with_cases  # noqa: PLC0415
        from service.sending import OF_A_RETURN, submit  # noqa: PLC0415

        actor = actor_from(by)
        given = _meant(model, given)
        sent_to, receipt = with_cases(
            lambda client, engine: submit(
                client,
                engine,
                case,
                lambda found: _command(
                    model,
                    actor,
                    str(uuid4()) if command_id is None else command_id,
                    given,
                    case_id=case,
                    found=found,
                ),
                of_return=model in OF_A_RETURN,
                needs_case=actor.id == UNNAMED or given.get("amount") is not None,
                may_be_known=command_id is not None,
            )
        )
        if sent_to != case:
            print(f"sent to {sent_to}", file=sys.stderr if as_json else sys.stdout)
        print(receipt.model_dump_json() if as_json else sentence(model, case, receipt))

    own = [_parameter(name, field) for name, field in _own_fields(model)]
    run.__doc__ = model.__doc__
    run.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            _named("case", CaseId),
            *own,
            _named("by", By),
            _named("command_id", CommandIdOption, None),
            _named("as_json", AsJson, False),
        ]
    )
    return run


def _meant(model: type[CommandBase], given: dict[str, Any]) -> dict[str, Any]:
    """What was typed, with remedies by their own names, amounts in their place, goods read."""
    meant = {**given}
    for name in given.keys() & REMEDIES:
        meant[name] = SYNONYMS.get(given[name], given[name])
    if meant.get("amount") is None and AMOUNT.fullmatch(meant.get("remedy") or ""):
        meant |= {"remedy": None, "amount": meant["remedy"]}
    if units := meant.get("units"):
        item = _item(model.model_fields["units"].annotation)
        meant["units"] = tuple(units_from(word, item) for word in units)
    return meant


def sentence(model: type[CommandBase], case: str, receipt: Receipt) -> str:
    """A receipt as a person reads it."""
    said = {
        Outcome.ACCEPTED: f"Accepted: {model.word()}.",
        Outcome.NOTED: f"Noted: {model.word()}, which takes effect once the other side "
        "wants the same.",
        Outcome.REPEATED: f"Repeated: this {model.word()} was taken before and counts once.",
    }[receipt.outcome]
    if receipt.working:
        return f"{said} The case is at work on it; `starter.py show {case}` tells what came of it."
    if receipt.stage is Stage.CLOSED or receipt.awaited is None:
        return f"{said} The case is {receipt.stage}."
    until = due_in_words(receipt.due, zone_of(country_of(case)))
    return (
        f"{said} The case is {receipt.stage} and waits for the {receipt.awaited}"
        f"{f' until {until}' if until else ''}."
    )


def identified(actor: Actor, found: "Standing | None") -> Actor:
    """The actor with the buyer's or seller's id of the case, if none was given."""
    if actor.id != UNNAMED or found is None:
        return actor
    known = {Party.BUYER: found.buyer_id, Party.SELLER: found.seller_id}[actor.party]
    if not known:
        raise InputError(f"The {actor.party} of this case is not known; give --as an id as well.")
    return actor.model_copy(update={"id": known})


def _command(
    model: type[CommandBase],
    actor: Actor,
    command_id: str,
    given: dict[str, Any],
    *,
    case_id: str,
    found: "Standing | None",
) -> Command:
    said = {name: value for name, value in given.items() if value not in (None, [])}
    if "amount" in said:
        said["amount"] = amount_from(said["amount"], _currency(case_id))
    for name in said.keys() & {name for name, field in _own_fields(model) if _files(field)}:
        said[name] = tuple(_attachment(path) for path in said[name])
    try:
        return COMMAND.validate_python(
            {
                "verb": model.word(),
                "command_id": command_id,
                "by": identified(actor, found),
                **said,
            }
        )
    except ValidationError as error:
        raise mistyped(error, _typed(model)) from None


def _currency(case_id: str) -> str:
    """The currency of the country in which a case is."""
    from config import Settings  # noqa: PLC0415 - brings Temporal, which --help can spare
    from policies import PolicyError, read_policy  # noqa: PLC0415

    try:
        return read_policy(country_of(case_id), Settings.read().policies).currency
    except PolicyError as error:
        raise InputError(f"{error} {case_id!r} should be a case's id.") from None


def _typed(model: type[CommandBase]) -> dict[str, str]:
    """Under which name each field of a command is typed."""
    own = {name: _as_typed(name, field) for name, field in _own_fields(model)}
    return {"command_id": "--command-id", "by": "--as", **own}


def _as_typed(name: str, field: FieldInfo) -> str:
    if _files(field):
        return _file_option(name)
    in_order = field.is_required() or name in IN_ORDER or _item(field.annotation) is Received
    return name.upper() if in_order else f"--{name.replace('_', '-')}"


def _file_option(name: str) -> str:
    """Files are options: --attachment, or named for what they prove."""
    return "--attachment" if name == "attachments" else f"--{name.replace('_', '-')}"


def _own_fields(model: type[CommandBase]) -> list[tuple[str, FieldInfo]]:
    own = [(name, field) for name, field in model.model_fields.items() if name not in ENVELOPE]
    return sorted(own, key=lambda item: not item[1].is_required())


def _parameter(name: str, field: FieldInfo) -> Parameter:
    if _files(field):
        return _files_parameter(name, required=field.is_required())
    if item := _item(field.annotation):
        return _goods_parameter(name, item, required=field.is_required())
    kind = _kind(field.annotation)
    if kind is Remedy:
        return _remedy_parameter(name, field)
    if field.is_required():
        metavar = "YYYY-MM-DD" if field.annotation is date else None
        return _named(name, Annotated[kind, typer.Argument(metavar=metavar)])
    if name in IN_ORDER:
        return _named(name, Annotated[kind | None, typer.Argument()], None)
    return _named(name, Annotated[kind | None, typer.Option()], None)


def _remedy_parameter(name: str, field: FieldInfo) -> Parameter:
    """A remedy is read as text: an amount may stand in its place, and it has a synonym."""
    said, words = name.upper(), ", ".join((*Remedy, *SYNONYMS))
    if field.is_required():
        return _named(name, Annotated[str, typer.Argument(metavar=said, help=f"{words}.")])
    if name in IN_ORDER:
        return _named(
            name, Annotated[str | None, typer.Argument(metavar=said, help=f"{words}.")], None
        )
    return _named(name, Annotated[str | None, typer.Option(metavar=said, help=f"{words}.")], None)


def _files(field: FieldInfo) -> bool:
    """Whether it holds files."""
    return Attachment in get_args(field.annotation)


def _files_parameter(name: str, *, required: bool) -> Parameter:
    option = typer.Option(
        _file_option(name),
        metavar="FILE",
        help="A file to refer to by name, size, type and SHA-256; "
        "the marketplace keeps it. Can be given again.",
    )
    if required:
        return _named(name, Annotated[list[Path], option])
    return _named(name, Annotated[list[Path] | None, option], None)


def _goods_parameter(name: str, item: type[Line] | type[Received], *, required: bool) -> Parameter:
    """Goods received stand in order, as many as there are; goods of a claim are an option."""
    if item is Line:
        option = typer.Option(metavar="SKU=N", help="Like A=1; can be given again.")
        return _named(name, Annotated[list[str] | None, option], None)
    conditions = ", ".join(Condition)
    argument = typer.Argument(
        metavar="SKU=N[:CONDITION]...", help=f"Like A=2 B=1:damaged; {conditions}."
    )
    if required:
        return _named(name, Annotated[list[str], argument])
    return _named(name, Annotated[list[str] | None, argument], None)


def units_from(word: str, item: type[Line] | type[Received]) -> dict[str, Any]:
    """Some goods as people write them: "A=2", or "A=2:damaged" for goods received."""
    found = re.fullmatch(r"(.+)=([0-9]{1,9})(?::([a-z-]+))?", word, re.ASCII)
    sku, quantity, condition = found.groups() if found else ("", "0", None)
    if not found or (condition and item is Line):
        how = "A=1" if item is Line else "A=1 or A=1:damaged"
        raise InputError(f"Goods must be written like {how}, not {word!r}.")
    if condition and condition not in tuple(Condition):
        raise InputError(f"The condition must be one of {', '.join(Condition)}, not {condition!r}.")
    return {
        "sku": sku,
        "quantity": int(quantity),
        **({"condition": condition} if condition else {}),
    }


def _item(annotation: Any) -> Any:
    """Line or Received, if it is a list of them; else None."""
    parts = (annotation, *get_args(annotation))
    return next((part for part in parts if part in (Line, Received)), None)


def _kind(annotation: Any) -> Any:
    """What a shell can give: one of an enumeration's words, or text."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind
    return str


def _named(name: str, annotation: Any, default: Any = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _attachment(path: Path) -> Attachment:
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no file.")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            size = file.tell()
    except OSError as error:
        raise InputError(f"The file {path} cannot be read: {error.strerror}.") from None
    try:
        return Attachment(
            name=path.name,
            size=size,
            media_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            sha256=digest.hexdigest(),
        )
    except ValidationError as error:
        names = {"name": f"The name of {path}", "size": f"The size of {path} in bytes"}
        raise mistyped(error, names) from None
