"""What every request has: an id that its answer and our log tell, and a line in the log."""

import json
import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from uuid import uuid4

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("recourse.api")

HEADER = b"x-request-id"
GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""Which ids of others are taken on."""

_id: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the request that is being answered."""
    return _id.get()


def route_of(scope: Scope) -> str:
    """The pattern of the path that was asked for; empty where there is none."""
    path: str = getattr(scope.get("route"), "path", "")
    versioned = path and scope["path"].startswith("/v1/") and not path.startswith("/v1/")
    return f"/v1{path}" if versioned else path


class Identified:
    """Gives each request an id, its caller's own if it has one, and logs what came of it: method,
    path by its pattern, status and time, and neither who asked nor what for. `defect` answers an
    error that nobody thought of.
    """

    def __init__(self, app: ASGIApp, defect: Callable[[Exception], Response]) -> None:
        self.app = app
        self.defect = defect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        known = given.decode() if GIVEN.fullmatch(given) else uuid4().hex
        began, status = time.monotonic(), 0

        async def send_identified(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [(HEADER, known.encode()), (b"x-content-type-options", b"nosniff")]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        token = _id.set(known)
        try:
            await self.app(scope, receive, send_identified)
        except Exception as error:
            answer = self.defect(error)
            if status:  # the answer is half sent: only its end can tell
                raise ConnectionAbortedError from None
            await answer(scope, receive, send_identified)
        finally:
            _id.reset(token)
            told = {
                "request": known,
                "method": scope["method"],
                "route": route_of(scope),
                "status": status,
                "ms": round((time.monotonic() - began) * 1000, 1),
            }
            log.info("%s", json.dumps(told))
