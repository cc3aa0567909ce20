"""What went wrong, as a problem document (RFC 9457): a code, one sentence, and where.

Nothing that was sent is ever repeated in one, nor what our own servers say of themselves.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from api.requests import log, request_id
from config import UnreachableError
from domain.misfits import field_of, in_words
from domain.refusals import Code
from service.failures import InputError, RefusedError, SilentError
from store.errors import StoreError

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER = 2
"""Seconds after which it is worth asking a server again that did not answer."""

MOST = 20
"""Places that one document names."""

TITLES = {
    400: "This is no request that can be read.",
    401: "A token is needed.",
    403: "This is not yours to do.",
    404: "There is no such thing.",
    405: "This cannot be done here.",
    409: "It is refused.",
    412: "The case has changed.",
    413: "It is too large.",
    415: "Send JSON.",
    422: "It does not fit.",
    428: "Say which state of the case this is about.",
    429: "Too often.",
    500: "This is a defect of ours.",
    503: "A server does not answer.",
}

STATUSES = {
    Code.NOT_YOURS: 403,
    Code.COMMAND_ID_REUSED: 422,
    Code.UNREADABLE: 422,
    Code.ORDER_UNKNOWN: 404,
    "case-unknown": 404,
    "endpoint-unknown": 404,
    "delivery-unknown": 404,
}
"""The refusals that are not 409."""

UNREACHABLE = (
    "A server that this needs does not answer. Nothing is half done: send the very same again, "
    "with the same Idempotency-Key."
)
DEFECT = "This is a defect of ours, and on record under the request's id; please report it."


class Problem(Exception):  # noqa: N818 - it is the problem
    """An answer that says no."""

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.errors = errors
        self.headers = headers or {}

    def document(self) -> dict[str, Any]:
        """What is sent."""
        found: dict[str, Any] = {
            "type": f"/refusals#{self.code}",
            "title": TITLES[self.status],
            "status": self.status,
            "code": self.code,
            "detail": str(self),
            "request_id": request_id(),
        }
        return found | ({"errors": [*self.errors]} if self.errors else {})

    def response(self) -> Response:
        """The same as a response."""
        return JSONResponse(
            self.document(), self.status, headers=dict(self.headers), media_type=MEDIA_TYPE
        )


def no_such_case() -> Problem:
    """There is no such case, or none that the caller may know of."""
    return Problem(404, "case-unknown", "There is no such case of yours.")


def no_such_order() -> Problem:
    """There is no such order, or it is somebody else's: which of the two is nobody's to know."""
    return Problem(404, Code.ORDER_UNKNOWN, "There is no such order of yours.")


def not_allowed(sentence: str) -> Problem:
    """What people of this role never do."""
    return Problem(403, "not-allowed", sentence)


def misfits(errors: Sequence[ErrorDetails], kinds: Sequence[str] = ()) -> Problem:
    """What does not fit in a body, by its place in it; never a word of what was given.

    `kinds`: of which the body is one; an error's place has it as well.
    """
    inner = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    places = [
        {"pointer": _pointer(error, kinds), "detail": _detail(error, kinds)}
        for error in errors
        # A list of which no entry fits is not too short besides.
        if not (error["type"] == "too_short" and error["loc"] in inner)
    ][:MOST]
    return Problem(422, "bad-input", "What was sent does not fit; see `errors`.", places)


def misfit(error: ValidationError, kinds: Sequence[str] = ()) -> Problem:
    """The same, of all that is wrong with a value."""
    return misfits(error.errors(include_url=False), kinds)


def _pointer(error: ErrorDetails, kinds: Sequence[str]) -> str:
    parts = list(error["loc"])
    if parts and parts[0] in kinds:
        del parts[0]  # it stands in the error's place, but not in what was given
    if error["type"] == "extra_forbidden":
        del parts[-1]  # its name is the sender's
    if field := field_of(error):
        parts.append(field)
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _detail(error: ErrorDetails, kinds: Sequence[str]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "has a field that is not known here; leave it out"
        case "union_tag_invalid":
            return f"must be one of {', '.join(kinds) or error['ctx']['expected_tags']}"
    unsaid: ErrorDetails = {**error, "input": []}  # a list is never repeated
    return without_quotes(in_words(unsaid, kinds)).rstrip(".")


QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")


def without_quotes(sentence: str) -> str:
    """A sentence without what it quotes of what was given."""
    return QUOTED.sub("…", sentence)


def _of_parameters(error: RequestValidationError) -> Problem:
    places = []
    for one in error.errors()[:MOST]:
        where, *names = one["loc"]
        name = str(names[0]) if names else str(where)
        places.append({"parameter": name, "detail": _detail(one, ())})
    return Problem(422, "bad-input", "A parameter or header does not fit; see `errors`.", places)


def _refused(error: RefusedError) -> Problem:
    if error.code == "case-unknown":  # its sentence is for a shell, and repeats the id
        return no_such_case()
    if error.code == Code.ORDER_UNKNOWN:
        return no_such_order()
    return Problem(STATUSES.get(error.code, 409), error.code, str(error))


def unreachable() -> Problem:
    """A server is away."""
    return Problem(503, "unreachable", UNREACHABLE, headers={"Retry-After": str(RETRY_AFTER)})


OF_HTTP = {
    400: ("bad-input", "What was sent cannot be read."),
    404: ("path-unknown", "There is nothing at this path; /v1/openapi.json lists what there is."),
    405: ("method-refused", "This path takes other methods; see the Allow header."),
    413: ("too-large", "The body is larger than is taken here."),
}
"""What the framework itself refuses."""


def problem_of(error: Exception) -> Problem | None:
    """The problem that an error is; None for one that nobody thought of."""
    match error:
        case Problem():
            return error
        case RefusedError():
            return _refused(error)
        case InputError():
            return Problem(422, "bad-input", without_quotes(str(error)))
        case SilentError() | StoreError() | UnreachableError():
            log.warning("away: %s", type(error).__name__)
            return unreachable()
        case RequestValidationError():
            return _of_parameters(error)
        case HTTPException(status_code=status) if status in OF_HTTP:
            code, sentence = OF_HTTP[status]
            return Problem(status, code, sentence, headers=error.headers)
    return None


def defect(error: Exception) -> Problem:
    """One that nobody thought of: the log has where, and neither log nor answer what was sent."""
    trace, where = error.__traceback__, ""
    while trace:
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    log.error("defect: %s at %s", type(error).__name__, where)
    return Problem(500, "defect", DEFECT)


def _allowed(app: FastAPI, path: str) -> dict[str, str]:
    """The Allow header of a path: the methods of all its routes that are described."""
    methods = [
        method.upper()
        for template, operations in app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path)
        for method in operations
    ]
    return {"allow": ", ".join(methods)} if methods else {}


def answer_with_problems(app: FastAPI) -> None:
    """Let every error of an application be answered with a problem document."""

    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error) or defect(error)
        if problem.status == 405:  # the framework knows of one route of the path alone
            problem.headers = {**problem.headers, **_allowed(app, request.url.path)}
        if request.scope.get("doing"):
            request.scope["doing"].code = problem.code
        return problem.response()

    for kind in (
        Problem,
        RefusedError,
        InputError,
        SilentError,
        StoreError,
        UnreachableError,
        RequestValidationError,
        HTTPException,
    ):
        app.add_exception_handler(kind, answer)
