"""`starter.py redelivery-paid`: the marketplace tells that a buyer has paid for sending again."""

import json
from typing import Annotated

import typer

from cli.verbs import AsJson, CaseId


def redelivery_paid_command(
    case: CaseId,
    key: Annotated[
        str | None,
        typer.Option(help="The key of the charge; the one that is open, if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell a case that the buyer has paid for sending the goods again; twice is once."""
    # They bring Temporal, which --help can spare.
    from cli.connecting import with_cases  # noqa: PLC0415
    from service.telling import report_payment  # noqa: PLC0415

    paid = with_cases(lambda client, engine: report_payment(client, engine, case, key))
    if as_json:
        print(json.dumps({"case_id": case, "key": paid}))
    else:
        print(f"Told {case}: {paid} is paid.")
