"""`python -m tests.chaos`: a long run by hand. Exit code 1 if anything does not hold."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tests.chaos.playing import Plan, play


def main(
    lives: Annotated[int, typer.Option(help="Cases to open.", min=1)] = 27,
    kills: Annotated[int, typer.Option(help="Times that a part is killed or frozen.", min=0)] = 24,
    seed: Annotated[int, typer.Option(help="What chance chooses by.")] = 1,
    minutes: Annotated[float, typer.Option(help="How long it is disturbed.", min=0.2)] = 1.5,
    folder: Annotated[
        Path | None, typer.Option(help="Where logs, mails and what is wrong are kept.")
    ] = None,
) -> None:
    """Play lives of every kind of case while chance kills and freezes what they run on."""
    place = folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    place.mkdir(parents=True, exist_ok=True)
    plan = Plan(lives=lives, kills=kills, seconds=minutes * 60, seed=seed)
    typer.echo(f"seed {seed}, in {place}")
    outcome = asyncio.run(play(plan, place, typer.echo))
    for what, number in outcome.figures.items():
        typer.echo(f"{number:7} {what}")
    for finding in outcome.findings:
        typer.echo(f"WRONG: {finding}")
    raise typer.Exit(1 if outcome.findings else 0)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
