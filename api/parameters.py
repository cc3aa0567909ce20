"""Parameters that several routes take, and what is no parameter of theirs."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Header, Path, Request
from pydantic import AwareDatetime, BeforeValidator

from api.problems import Problem

CaseId = Annotated[
    str,
    Path(
        max_length=300,
        pattern=r"^[a-z-]+:[A-Z]{2}:[A-Za-z0-9._:-]{1,250}$",
        description="The case's business key.",
        examples=["dispute:PL:PL-1001:1"],
    ),
]
OrderId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9._-]{1,100}$", description="The order's id at the marketplace.")
]

KEY = re.compile(r"[A-Za-z0-9._:-]{1,100}")
KEY_PATTERN = r'^"?[A-Za-z0-9._:-]{1,100}"?$'

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="Your own for the command: sent again under it, it is the same command.",
        examples=["6f9a2c1e-8a4b-4a0e-9d77-0b1d0e6f2a11"],
    ),
]

OpeningKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="Sent again under the same key, it is the same opening.",
    ),
]

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of the case as it was looked at."),
]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", description="The ETag of what the caller has."),
]


WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})")


def _written(given: object) -> object:
    if isinstance(given, str) and WRITTEN.fullmatch(given):
        return given
    raise ValueError("must be a time with its offset, like 2026-11-20T14:05:00Z")


Time = Annotated[AwareDatetime, BeforeValidator(_written)]
"""An instant as RFC 3339 writes it; a bare number is none."""


def unquoted(key: str) -> str:
    """A key as it is meant, whether it was sent as a structured header or bare."""
    return key.strip('"')


def _query_of(dependant: Any) -> Iterator[str]:
    """The query parameters of a route, and of what it depends on."""
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _query_of(each)


async def no_other_parameters(request: Request) -> None:
    """Problem 422 for a query parameter that the route does not know, or that comes twice: a filter
    that is mistyped would show more than was asked for.
    """
    route: Any = request.scope["route"]
    known = {*_query_of(route.dependant)}
    given = [name for name, _ in request.query_params.multi_items()]
    if len(given) != len({*given}) or not {*given} <= known:
        takes = ", ".join(sorted(known)) or "none"
        raise Problem(
            422,
            "bad-input",
            f"A query parameter is not known here, or comes twice; known: {takes}.",
        )
