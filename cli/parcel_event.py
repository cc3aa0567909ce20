"""`starter.py parcel-event`: a carrier's machine tells of a parcel."""

import json
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer
from pydantic import ValidationError

from cli.misfits import mistyped
from cli.verbs import AsJson
from domain.goods import ParcelEvent, Scan
from domain.openings import OpenUncollectedParcel
from service.failures import InputError

# What speaks to Temporal or a database is imported when it runs: --help can spare it.
# ruff: noqa: PLC0415

SCANS = ", ".join(Scan)
NOWHERE = "ZZ"
"""The country of an order until it is looked up; ISO 3166 leaves it to whoever needs one."""

TYPED = {
    "event_id": "--event-id",
    "at": "--at",
    "tracking": "--tracking",
    "order_id": "--order",
    "country": "--country",
}


def parcel_event_command(  # noqa: PLR0917 - each is an option of its own
    first: Annotated[
        str, typer.Argument(metavar="CASE", help="The case's id; left out with --order.")
    ],
    second: Annotated[
        str | None, typer.Argument(metavar="SCAN", help=f"What the machine says: {SCANS}.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="When it happened, like 2026-11-20T14:05+01:00; now, if left out."),
    ] = None,
    tracking: Annotated[str | None, typer.Option(help="The parcel's tracking number.")] = None,
    event_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Told again under the same id, it is the same event."),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            help="Of an order instead of a case: those that run for the parcel are told, and one "
            "that came back opens its own."
        ),
    ] = None,
    country: Annotated[
        str | None,
        typer.Option(help="Where that order was placed, like PL; looked up, if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell a case, or its return, what a carrier has seen; late and repeated will do."""

    case, said = (None, first) if order else (first, second)
    if said is None or (order and second):
        raise InputError("Give a case and what the machine says; with --order, the latter alone.")
    try:
        event = _event(said, at, tracking, event_id)
        opening = _opening(order, country, tracking) if order else None
    except ValidationError as error:
        raise mistyped(error, TYPED) from None
    told = _tell_order(opening, event) if opening else [_tell_case(str(case), event)]
    if as_json:
        found = {"case_id": told[0], "also_told": told[1:], "event_id": event.event_id}
        print(json.dumps(found))
    else:
        print(f"Told {' and '.join(told)}: {said}.")


def _event(said: str, at: str | None, tracking: str | None, event_id: str | None) -> ParcelEvent:
    if said not in tuple(Scan):
        raise InputError(f"What the machine says must be one of {SCANS}, not {said!r}.")
    return ParcelEvent(
        event_id=str(uuid4()) if event_id is None else event_id,
        scan=Scan(said),
        at=datetime.now(UTC) if at is None else _instant(at),
        tracking=tracking,
    )


def _opening(order: str, country: str | None, tracking: str | None) -> OpenUncollectedParcel:
    """What opens a case of an order's parcel, if it came back."""
    given = {
        "country": NOWHERE if country is None else country,
        "order_id": order,
        "tracking": tracking,
    }
    opening = OpenUncollectedParcel.model_validate(
        {
            "opened_by": {"party": "platform", "id": "platform"},
            **{name: value for name, value in given.items() if value is not None},
        }
    )
    if country:
        return opening
    from cli.marketplace import country_of_order

    return opening.model_copy(update={"country": country_of_order(opening.order_id)})


def _tell_case(case: str, event: ParcelEvent) -> str:
    from cli.connecting import with_cases
    from service.telling import report_parcel

    return with_cases(lambda client, engine: report_parcel(client, engine, case, event))


def _tell_order(opening: OpenUncollectedParcel, event: ParcelEvent) -> list[str]:
    from cli.connecting import with_cases
    from config import Settings
    from service.telling import report_of_order

    task_queue = Settings.read().task_queue
    return with_cases(
        lambda client, engine: report_of_order(client, engine, opening, event, task_queue)
    )


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"--at must be written like 2026-11-20T14:05+01:00, not {text!r}."
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
