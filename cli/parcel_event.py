"""`starter.py parcel-event`: a carrier's machine tells of a parcel."""

import json
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer
from pydantic import ValidationError

from cli.failures import InputError, misfit
from cli.verbs import AsJson, CaseId
from domain.goods import ParcelEvent, Scan


def parcel_event_command(  # noqa: PLR0917 - each is an option of its own
    case: CaseId,
    scan: Annotated[Scan, typer.Argument(help="What the machine says.")],
    at: Annotated[
        str | None,
        typer.Option(help="When it happened, like 2026-11-20T14:05+01:00; now, if left out."),
    ] = None,
    tracking: Annotated[str | None, typer.Option(help="The parcel's tracking number.")] = None,
    event_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Told again under the same id, it is the same event."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell a return, or a cancellation, what a carrier has seen; late and repeated will do."""
    from cli.sending import report_parcel  # noqa: PLC0415 - brings Temporal, which --help can spare

    try:
        event = ParcelEvent(
            event_id=str(uuid4()) if event_id is None else event_id,
            scan=scan,
            at=_instant(at) if at else datetime.now(UTC),
            tracking=tracking,
        )
    except ValidationError as error:
        raise misfit(error, "The event") from None
    sent_to = report_parcel(case, event)
    if as_json:
        print(json.dumps({"case_id": sent_to, "event_id": event.event_id}))
    else:
        print(f"Told {sent_to}: {scan}.")


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"--at must be written like 2026-11-20T14:05+01:00, not {text!r}."
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
