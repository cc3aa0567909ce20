"""What is answered: JSON, with a mark of what it says, and what the OpenAPI document says of it."""

import hashlib
from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from pydantic_core import to_json

from api.problems import MEDIA_TYPE, Problem

SCHEMAS = "#/components/schemas/"

REFUSED: dict[str, str] = {
    "401": "No token, or one that does not hold.",
    "403": "Not for people of this role.",
    "404": "There is no such thing, or none of the caller's.",
    "409": "The case refuses it; `code` is one of docs/refusals.md.",
    "412": "The case has changed since it was looked at.",
    "413": "Too large.",
    "415": "Not JSON.",
    "422": "What was sent does not fit.",
    "428": "An agent's decision needs If-Match.",
    "429": "Too often; `Retry-After` says when to ask again.",
    "503": "A server does not answer; nothing is half done.",
}

ALWAYS = ("401", "422", "429", "503")
"""What every route but those without a token can answer."""


def told(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer that nobody keeps for others."""
    return Response(
        to_json(content),
        status,
        headers={"Cache-Control": "private, no-cache", **(headers or {})},
        media_type="application/json",
    )


def mark(content: Any) -> str:
    """The ETag of an answer: another one as soon as it says anything else."""
    return f'"{hashlib.sha256(to_json(content)).hexdigest()[:32]}"'


def told_if_new(request: Request, content: Any) -> Response:
    """The answer with its ETag, or 304 without it where the caller has it already."""
    etag = mark(content)
    if etag in _marks(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers={"ETag": etag})
    return told(content, headers={"ETag": etag})


def check_unchanged(given: str | None, content: Callable[[], Any]) -> None:
    """Problem 412 where this If-Match names another state than this one."""
    if given is not None and given.strip() != "*" and mark(content()) not in _marks(given):
        raise Problem(
            412,
            "changed-meanwhile",
            "The case has changed since you looked at it; look again, and decide then.",
        )


def _marks(header: str) -> list[str]:
    return [one.strip().removeprefix("W/") for one in header.split(",")]


def answers(
    schema: str, *refusals: int, status: int = 200, what: str = "", also: tuple[int, ...] = ()
) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: a schema of it by name, and the refusals besides those that come
    everywhere. `also`: other statuses with the same content.
    """
    content = {"application/json": {"schema": {"$ref": SCHEMAS + schema}}}
    found: dict[int | str, dict[str, Any]] = {
        one: {"description": what or "Done.", "content": content} for one in (status, *also)
    }
    for code in sorted({*ALWAYS, *map(str, refusals)}):
        if code == "304":
            found[304] = {"description": "It is as If-None-Match says."}
            continue
        found[int(code)] = {
            "description": REFUSED[code],
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"{SCHEMAS}Problem"}}},
        }
    return found


def takes(schema: str, example: Any = None) -> dict[str, Any]:
    """For the OpenAPI document: the body of a request, a schema of it by name."""
    content: dict[str, Any] = {"schema": {"$ref": SCHEMAS + schema}}
    if example is not None:
        content["example"] = example
    return {
        "requestBody": {"required": True, "content": {"application/json": content}},
    }
