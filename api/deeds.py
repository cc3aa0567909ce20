"""The audit trail: whoever changes something over HTTP leaves a row of it, refused or not.

No answer leaves without its row: where it cannot be written the caller is told 503, and sends the
very same again.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from sqlalchemy import Engine
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.parameters import KEY, unquoted
from api.problems import unreachable
from api.requests import request_id, route_of
from api.roles import Person
from service.database import from_database
from service.failures import SilentError
from store.audit_trail import AuditTrail, Deed

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

CASE_ID = re.compile(r"[a-z-]{1,40}:[A-Z]{2}:[A-Za-z0-9._:-]{1,250}")

Row = dict[str, Any]


class Doing:
    """What is being done by a request, as far as it is known; `person` once the token is read."""

    def __init__(self) -> None:
        self.person: Person | None = None
        self.code: str | None = None
        self.changes = True
        self.rows: list[Row] = []


def doing(request: Request) -> Doing:
    """What a request is doing."""
    found: Doing = request.scope["doing"]
    return found


def note(
    request: Request,
    case_id: str | None,
    command_id: str | None = None,
    code: str | None = None,
) -> None:
    """Say which case a deed is about, and by which command. Of several, a row each; `code` is why
    one alone was refused.
    """
    doing(request).rows.append({"case_id": case_id, "command_id": command_id, "code": code})


async def only_asks(request: Request) -> None:
    """Say that a request changes nothing, though it is a POST."""
    doing(request).changes = False


class Audited:
    """Writes a row of each request that changes something, or would have, before it is answered.

    Whoever has no token that holds leaves none: nobody knows who it was, and the log has a line.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["doing"] = current = Doing()
        if scope["method"] in SAFE:
            await self.app(scope, receive, send)
            return
        started = replaced = False

        async def send_once_written(message: Message) -> None:
            nonlocal started, replaced
            if message["type"] == "http.response.start":
                started = True
                replaced = not await _written(scope, current, message["status"])
                if replaced:
                    await unreachable().response()(scope, receive, send)
            if not replaced:
                await send(message)

        try:
            await self.app(scope, receive, send_once_written)
        except Exception:
            current.code = "defect"
            if not started:
                await _written(scope, current, 500)
            raise


async def _written(scope: Scope, current: Doing, status: int) -> bool:
    """Whether the rows are kept, or nothing was to be kept.

    An answer that says 503 already is as good as the one that would stand for it.
    """
    if current.person is None or not current.changes:
        return True
    engine: Engine = scope["app"].state.parts.engine
    deeds = [*_deeds(scope, current, current.person, status)]
    try:
        await from_database(AuditTrail(engine).add, deeds)
    except SilentError:
        return status == unreachable().status
    return True


def _deeds(scope: Scope, current: Doing, person: Person, status: int) -> Iterator[Deed]:
    at = datetime.now(UTC)
    case_id = str(scope.get("path_params", {}).get("case_id", ""))
    key = unquoted(Headers(scope=scope).get("idempotency-key", ""))
    of_case = case_id if CASE_ID.fullmatch(case_id) else None
    command_id = key if KEY.fullmatch(key) else None
    for row in current.rows or [{}]:
        yield Deed(
            at=at,
            role=person.role,
            person=person.id,
            token=person.token,
            method=scope["method"],
            route=route_of(scope),
            case_id=row.get("case_id") or of_case,
            command_id=row.get("command_id") or command_id,
            status=status,
            code=row.get("code") or current.code,
            request=request_id(),
        )
