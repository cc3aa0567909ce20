"""Drawing pages on the terminal: colours where somebody watches, plain text everywhere else."""

from collections.abc import Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from cli.words import printable
from domain.parties import Party
from pages.parts import (
    Facts,
    Gap,
    Inset,
    Part,
    Quote,
    Said,
    Section,
    Sense,
    Subsection,
    Sum,
    Table,
)

PAGE_WIDTH = 100

PIPE_WIDTH = 200
"""Columns of a list when nobody watches: nothing is folded that a script might look for."""

INSET = (0, 0, 0, 2)

STYLES: dict[Sense | Party | None, str] = {
    None: "",
    Sense.STRONG: "bold",
    Sense.DIM: "dim",
    Sense.BAD: "red",
    Party.BUYER: "cyan",
    Party.SELLER: "magenta",
    Party.AGENT: "green",
    Party.PLATFORM: "blue",
}


def print_page(page: Iterable[Part]) -> None:
    """Print a page."""
    console = _paper(PAGE_WIDTH)
    drawn = [piece for part in page for piece in _drawn(part)]
    if console.is_terminal:
        console.print(*drawn, sep="\n", width=min(console.width, PAGE_WIDTH))
    else:
        _print_trimmed(console, drawn)


def print_list(parts: Iterable[Part]) -> None:
    """Print what is looked through rather than read: as wide as need be."""
    console = _paper(PIPE_WIDTH)
    for part in parts:
        drawn = list(_drawn(part))
        if isinstance(part, Table) and not console.is_terminal:
            _print_trimmed(console, drawn)
        else:
            console.print(*drawn, soft_wrap=isinstance(part, Quote))


def _paper(pipe_width: int) -> Console:
    """A console on standard output as it is now."""
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        return console
    return Console(highlight=False, markup=False, emoji=False, color_system=None, width=pipe_width)


def _print_trimmed(console: Console, drawn: Iterable[RenderableType]) -> None:
    """Print without the blanks that would fill the lines."""
    with console.capture() as captured:
        console.print(*drawn, sep="\n")
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _drawn(part: Part) -> Iterator[RenderableType]:
    match part:
        case Said():
            yield _text(part)
        case Facts():
            yield _facts(part)
        case Table():
            yield _table(part)
        case Sum():
            yield _sum(part)
        case Quote(text):
            yield Text(f"  {printable(text)}")
        case Inset(parts):
            yield Padding(_together(parts), INSET)
        case Section(title, parts):
            yield ""
            yield Text(printable(title), "bold underline")
            for each in parts:
                yield from _drawn(each)
        case Subsection(title, parts):
            yield Text(printable(title), "bold")
            yield Padding(_together(parts), INSET)
            yield ""
        case Gap():
            yield ""


def _together(parts: Iterable[Part]) -> Group:
    return Group(*(piece for part in parts for piece in _drawn(part)))


def _text(said: Said) -> Text:
    if len(said.runs) == 1:
        [run] = said.runs
        return Text(printable(run.text), STYLES[run.sense])
    text = Text()
    for run in said.runs:
        text.append(printable(run.text), STYLES[run.sense])
    return text


def _facts(facts: Facts) -> Grid:
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts.rows:
        grid.add_row(name, _text(value))
    return grid


def _table(table: Table) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(table.headings):
        grid.add_column(heading, overflow="fold", no_wrap=number == 0)
    for row in table.rows:
        grid.add_row(*map(_text, row))
    return grid


def _sum(total: Sum) -> Grid:
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold", style="dim")
    for what, amount, why in total.rows:
        grid.add_row(*map(printable, (what, amount, why)))
    grid.add_row(*(Text(printable(each), "bold") for each in total.total), "")
    return grid
