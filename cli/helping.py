"""What `--help` says of an option or argument that is one of an enumeration's words.

Typer writes all the words into a narrow column and breaks them anywhere; here they stand in the
description, which is broken between words.
"""

from enum import Enum
from typing import Any

import typer


class Commands(typer.core.TyperGroup):
    """The commands, with the words that each of their options and arguments can be."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None if there is none."""
        command = super().get_command(ctx, cmd_name)
        for one in command.params if command else ():
            _describe(one)
        return command


def _describe(one: Any) -> None:
    words = getattr(one.type_descriptor, "annotation", None)
    if one.metavar or not (isinstance(words, type) and issubclass(words, Enum)):
        return
    one.metavar, one.show_choices = str(one.name).upper(), False
    listed = f"One of {', '.join(str(word.value) for word in words)}."
    one.help = f"{one.help} {listed}" if one.help else listed
