"""`starter.py refund-preview`: what would be refunded, part by part, and why; for many at once.

Imports neither Temporal nor a database: ten thousand previews start as quickly as one.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cli.reading import decoded, opened, read_lines
from domain.misfits import in_words
from domain.refunds import RefundError, RefundQuestion, reckon_refund
from service.failures import InputError


def refund_preview_command(
    batch: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="A file of JSON objects, one a line, or - for standard input; "
            "prints one JSON line for each.",
        ),
    ],
) -> None:
    """Say what would be refunded, and why; nothing is sent anywhere.

    For example {"event": "withdrawal", "currency": "PLN", "lines": [{"sku": "MUG",
    "quantity": 3, "unit_price_minor": 1999, "discount_minor": 100}],
    "delivery": {"paid_minor": 1499, "cheapest_standard_minor": 899},
    "units": [{"sku": "MUG", "quantity": 1}], "delivery_share": "proportional"}

    Further fields: already_refunded, delivery_back_minor (how much of the delivery came back with
    it), free_delivery_programme, buyer_informed, diminished_minor, way_back {"charged_minor",
    "announced"} and payment; and money_back [{"sku", "first", "last", "reduced_minor"}], by how
    much the price of which units was reduced before. Amounts are whole minor units.
    """
    with opened(batch) as file:
        _print_lines(preview_lines(read_lines(file)))


def preview_lines(lines: Iterable[bytes]) -> Iterator[str]:
    """One line of JSON for each asked: `refund_minor` and its `parts`; or `error`."""
    for line in lines:
        try:
            preview = reckon_refund(_question(line))
        except (InputError, RefundError) as error:
            yield json.dumps({"error": str(error)})
        else:
            yield preview.model_dump_json(ensure_ascii=True)


def _print_lines(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")


def _question(line: bytes) -> RefundQuestion:
    text = decoded(line)
    try:
        # Strictly: money is never read from a fraction, a text or a truth value.
        return RefundQuestion.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InputError(_sentence(error.errors()[0])) from None


def _sentence(error: ErrorDetails) -> str:
    if error["type"] == "json_invalid":
        return "The line is not JSON."
    said = in_words(error)
    return said if error["type"] == "value_error" else f"{_place(error['loc'])} {said}."


def _place(parts: tuple[int | str, ...]) -> str:
    """Where an error is, like 'lines[0].sku', and short: a name can be of any size."""
    if not parts:
        return "The line"
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    text = repr(path.removeprefix("."))
    return text if len(text) <= 60 else f"{text[:57]}..."
