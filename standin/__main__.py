"""`python -m standin`: the stand-in marketplace from the command line."""

from pathlib import Path
from typing import Annotated

import typer

from standin.books import UnreadableFileError
from standin.serving import HOST, PortInUseError, listen, marketplace_server


def main(
    orders: Annotated[Path, typer.Option(help="JSON file with the orders.")] = Path(
        "examples/orders.json"
    ),
    port: Annotated[int, typer.Option(help="0 takes a free port.", min=0, max=65535)] = 8410,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    state: Annotated[Path | None, typer.Option(help="File that remembers what was done.")] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="MARKETPLACE_TOKEN", help="Bearer token that callers must send."),
    ] = None,
) -> None:
    """Stand in for a marketplace, for the demo and the tests."""
    try:
        server = marketplace_server(orders, state, token)
        bound = listen(port, host)
    except (UnreadableFileError, PortInUseError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    with bound:
        typer.echo(f"The stand-in marketplace listens on http://{host}:{bound.getsockname()[1]}")
        server.run([bound])


typer.run(main)
