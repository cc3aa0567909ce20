"""What pages and tables are printed on: colours on a terminal, plain text everywhere else."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.words import printable

PIPE_WIDTH = 200
"""Columns when nobody watches: nothing is folded that a script might look for."""


def paper(pipe_width: int = PIPE_WIDTH) -> Console:
    """A console on standard output as it is now."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        return Console(
            highlight=False, markup=False, emoji=False, color_system=None, width=pipe_width
        )
    return console


def table(*headings: str, rows: Iterable[Iterable[object]]) -> Table:
    """A table; its first column is never cut."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        made.add_column(heading, overflow="fold", no_wrap=number == 0)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row))
    return made


def print_table(*headings: str, rows: Iterable[Iterable[object]]) -> None:
    """Print a table, without the blanks that would fill its lines."""
    console = paper()
    made = table(*headings, rows=rows)
    if console.is_terminal:
        console.print(made)
        return
    with console.capture() as captured:
        console.print(made)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))
