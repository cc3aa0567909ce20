"""The command line: open cases, send commands into them, look at them, list them.

Exit codes: 0 done, 1 refused (or no such case), 2 bad input, 3 a server or worker does not answer,
4 a defect of ours.
Every error is one sentence on stderr; with --json also {"error": {"code", "sentence"}} on stdout.
"""

import contextlib
import io
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli.deadline import deadline_command
from cli.failures import defect, failure
from cli.helping import Commands
from cli.parcel_event import parcel_event_command
from cli.payouts import payout_command
from cli.preview import preview_command
from cli.redelivery_paid import redelivery_paid_command
from cli.refund_preview import refund_preview_command
from cli.verbs import MODELS, AsJson, By, CaseId, shell_command
from cli.words import printable
from domain.commands import Remedy
from domain.kinds import Kind
from domain.parties import Audience, Party
from domain.stages import Stage
from service.failures import InputError

# Commands import what they need when they run: a deadline is reckoned without starting Temporal.
# ruff: noqa: PLC0415

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="After-sale troubles of a marketplace. Temporal is found by TEMPORAL_ADDRESS, "
    "the database by DATABASE_URL.",
)

for model in MODELS:
    app.command(model.word(), rich_help_panel="Commands into a case")(shell_command(model))

app.command("parcel-event", rich_help_panel="Commands into a case")(parcel_event_command)
app.command("redelivery-paid", rich_help_panel="Commands into a case")(redelivery_paid_command)
app.command("deadline")(deadline_command)
app.command("refund-preview")(refund_preview_command)
app.command("payout")(payout_command)
app.command("preview")(preview_command)


class Marketplace(StrEnum):
    """Whose documents can be opened as they are."""

    ALLEGRO = "allegro"


class Which(StrEnum):
    """Which kinds of every case a figure counts."""

    INQUIRY = Kind.INQUIRY.value
    DISPUTE = Kind.DISPUTE.value
    CANCELLATION = Kind.CANCELLATION.value
    WITHDRAWAL = Kind.WITHDRAWAL.value
    RETURN = Kind.RETURN.value
    UNCOLLECTED_PARCEL = Kind.UNCOLLECTED_PARCEL.value
    NON_DELIVERY = Kind.NON_DELIVERY.value
    CARRIER_CLAIM = Kind.CARRIER_CLAIM.value
    COMPLAINT = Kind.COMPLAINT.value
    ALL = "all"


Since = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
        metavar="TIME",
        help="A day or an instant, like 2026-11-20 or 2026-11-20T14:05; in UTC unless it has an "
        "offset.",
    ),
]


@app.command("open")
def open_(
    file: Annotated[str, typer.Argument(help="A JSON file, or - for standard input.")],
    source: Annotated[
        Marketplace | None,
        typer.Option("--from", help="Read a marketplace's own list of issues instead."),
    ] = None,
    wanted: Annotated[
        Remedy | None,
        typer.Option(
            help="What buyers want where a list of issues does not say it; else a full refund in "
            "disputes, a repair in complaints."
        ),
    ] = None,
    in_hand: Annotated[
        str | None,
        typer.Option(
            "--in-hand",
            metavar="DAY",
            help="Since which day the buyer has the goods, like 2026-11-25, where no carrier's "
            "scan tells it: in a withdrawal, a complaint, or a claim over a damage. It is the "
            "buyer's word; `in_hand_on` in the file says the same.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open a case. Opening it twice is opening it once."""
    if source is None:
        from cli.documents import read_opening, said_in_hand
        from cli.opening import open_one

        open_one(said_in_hand(read_opening(file), in_hand), as_json)
    elif in_hand:
        raise InputError("--in-hand goes with one opening; a list says by itself when claims came.")
    else:
        from cli.documents import read_json
        from cli.opening import open_list
        from service.allegro import openings

        if not open_list(openings(read_json(file), wanted), as_json):
            raise typer.Exit(1)


@app.command()
def show(
    case: CaseId,
    why: Annotated[bool, typer.Option("--why", help="How each deadline is reckoned.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a case: who is awaited until when, who may do what, and all that happened."""
    from cli.connecting import with_cases
    from cli.paper import print_page
    from pages.case import case_page
    from service.showing import read_case

    read = with_cases(lambda client, engine: read_case(client, engine, case))
    if as_json:
        print(read.view.model_dump_json(indent=2))
    else:
        print_page(case_page(read, why))


@app.command("list")
def list_(  # noqa: PLR0917 - each is an option of its own
    kind: Annotated[Kind | None, typer.Option()] = None,
    stage: Annotated[Stage | None, typer.Option()] = None,
    country: Annotated[str | None, typer.Option(help="Like PL.")] = None,
    awaited: Annotated[Party | None, typer.Option(help="Whose turn it is.")] = None,
    seller: Annotated[str | None, typer.Option(help="The seller's id.")] = None,
    buyer: Annotated[str | None, typer.Option(help="The buyer's id.")] = None,
    queue: Annotated[str | None, typer.Option(help="The agents' queue of the task.")] = None,
    due_before: Since = None,
    breached: Annotated[bool | None, typer.Option("--breached/--not-breached")] = None,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Whose workflow task fails; see `mend`.")
    ] = False,
    undelivered: Annotated[
        bool | None,
        typer.Option("--undelivered/--delivered", help="Those of which letters did not arrive."),
    ] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Open cases; so by default.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Closed cases.")] = False,
    both: Annotated[bool, typer.Option("--all", help="Open and closed cases.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 200,
    as_json: AsJson = False,
) -> None:
    """List cases, the one that is due first at the top."""
    if open_only + closed + both > 1:
        raise InputError("Give one of --open, --closed and --all.")
    from cli.lists import print_cases
    from store.standings import Filters

    filters = Filters(
        kind=kind,
        stage=stage,
        country=country,
        awaited=awaited,
        seller=seller,
        buyer=buyer,
        queue=queue,
        due_before=_aware(due_before),
        breached=breached,
        undelivered=undelivered,
        open=None if both else not closed,
    )
    told = not (open_only or closed or both or as_json)
    print_cases(filters, limit, only_those_stuck=stuck, tells_of_closed=told, as_json=as_json)


@app.command()
def tasks(
    queue: Annotated[str | None, typer.Option()] = None,
    owner: Annotated[str | None, typer.Option(help="The id of an agent.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the agents' tasks, the most urgent first."""
    from cli.lists import print_tasks

    print_tasks(queue, owner, as_json)


@app.command()
def headline(
    since: Since = None,
    kind: Annotated[Which, typer.Option(help="Which cases count.")] = Which.DISPUTE,
    as_json: AsJson = False,
) -> None:
    """The headline figures: closed, ended in a solution, without an agent; by country."""
    from cli.lists import print_headline

    print_headline(_aware(since), None if kind is Which.ALL else Kind(kind.value), as_json)


@app.command()
def recoveries(
    seller: Annotated[str, typer.Argument(help="The seller's id.")], as_json: AsJson = False
) -> None:
    """What a seller has got back from carriers."""
    from cli.lists import print_recoveries

    print_recoveries(seller, as_json)


@app.command("inactive-buyers")
def inactive_buyers(
    seller: Annotated[str, typer.Argument(help="The seller's id.")], as_json: AsJson = False
) -> None:
    """The buyers that a seller has reported for not collecting prepaid parcels."""
    from cli.lists import print_inactive_buyers

    print_inactive_buyers(seller, as_json)


@app.command()
def costs(
    seller: Annotated[str, typer.Argument(help="The seller's id.")], as_json: AsJson = False
) -> None:
    """What uncollected parcels have cost a seller: a claim each, unless it was deducted."""
    from cli.lists import print_costs

    print_costs(seller, as_json)


@app.command()
def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="Every one of them must be in the message, those in quotation marks, "
            "'\"does not dim\"', one after the other. With --case none need be given: "
            "then all of the case's messages are listed."
        ),
    ] = None,
    seller: Annotated[str | None, typer.Option(help="Only in the cases of this seller.")] = None,
    case: Annotated[str | None, typer.Option(help="Only in this case.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Search the archive of everything said."""
    from cli.lists import print_found

    print_found(" ".join(words or ()), seller, case, limit, as_json)


@app.command()
def recalculate(
    cases: Annotated[list[str], typer.Argument(metavar="CASE...")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the case's timeline.")],
    by: By,
    as_json: AsJson = False,
) -> None:
    """Let open cases take up edited rules: deadlines move later, never earlier."""
    from cli.recalculating import recalculate_all

    if worst := recalculate_all(cases, reason, by, as_json):
        raise typer.Exit(worst)


@app.command()
def mend(
    case: CaseId,
    reason: Annotated[
        str, typer.Option(help="Why; Temporal keeps it with the reset.")
    ] = "the history could not be replayed",
    look: Annotated[bool, typer.Option("--look", help="Only say what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a stuck case, one that cannot be replayed, go back to the step before, and on."""
    from cli.connecting import with_cases
    from cli.mending import told
    from service.mending import mend as mend_case

    done = with_cases(
        lambda client, engine: mend_case(client, engine, case, reason, only_look=look)
    )
    print(done.model_dump_json() if as_json else told(done, only_look=look))


@app.command()
def rebuild(
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="CASE...", help="Which; all, if none is named.")
    ] = None,
    look: Annotated[bool, typer.Option("--look", help="Only say what the store lacks.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a store that has lost records what it lacks, from the histories of the cases."""
    from cli.rebuilding import rebuild_all, told

    done = rebuild_all(cases or (), only_look=look)
    if as_json:
        for one in done:
            print(one.model_dump_json())
    else:
        print(told(done, only_look=look))
    if look and any(one.lacked for one in done):
        raise typer.Exit(1)


@app.command()
def export(
    case: CaseId,
    audience: Annotated[
        Audience, typer.Option("--for", help="Who reads it: a party reads only its own side.")
    ],
    folder: Annotated[
        Path, typer.Option("--out", help="The folder to write into; made if need be.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write existing files anew.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a whole case into two files, as data and as a page, for who has a right to it."""
    from cli.export import export_case

    export_case(case, audience, folder, force=force, as_json=as_json)


@app.command("register-attributes")
def register_attributes_(as_json: AsJson = False) -> None:
    """Teach a Temporal namespace the search attributes of cases, once."""
    from cli.connecting import with_temporal
    from config import register_attributes
    from service.reaching import answer

    added = with_temporal(lambda client: answer(register_attributes(client)))
    if as_json:
        print(json.dumps({"added": added}))
    else:
        print(f"Added: {', '.join(added)}." if added else "Nothing to add: all are known.")


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the HTTP API (`python -m api` serves it)."""
    from api.app import application

    print(json.dumps(application().openapi(), indent=2, ensure_ascii=False))


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where it keeps its files.")] = Path(".recourse"),
    port_offset: Annotated[
        int, typer.Option(min=0, max=50_000, help="Added to every port it listens on.")
    ] = 0,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Play nothing: open cases yourself, in real time.")
    ] = False,
) -> None:
    """Start everything on this machine and play the cases of examples/."""
    from demo.playing import Ports, run

    raise typer.Exit(run(folder, Ports.shifted(port_offset), by_hand=by_hand))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        _check_text(arguments)
        return int(app(arguments, prog_name="starter.py", standalone_mode=False) or 0)
    except BrokenPipeError:
        raise  # whoever reads what is printed has had enough
    except Exception as error:
        exit_code, code, sentence = failure(error) or defect(error)
    sentence = printable(sentence)  # it may repeat what others wrote
    if "--json" in arguments:
        print(json.dumps({"error": {"code": code, "sentence": sentence}}, ensure_ascii=False))
    print(f"{code}: {sentence}" if exit_code == 1 else sentence, file=sys.stderr)
    return exit_code


def _check_text(arguments: Sequence[str]) -> None:
    """Bytes that are no text come as halves of characters, which nothing behind this can take."""
    for number, argument in enumerate(arguments, start=1):
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise InputError(f"Argument {number} is not UTF-8; write it as UTF-8.")


def _aware(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time


def run_and_leave() -> NoReturn:
    """Run one command and end the process.

    Temporal's threads may still run while Python shuts down, and then crash it now and then: the
    exit code would not be ours. So the process ends without that, once all is printed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot show
    code = 1
    try:
        code = main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BrokenPipeError:
        code = 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    finally:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    run_and_leave()
