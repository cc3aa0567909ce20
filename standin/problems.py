"""Errors as RFC 9457 problem documents."""

from http import HTTPStatus

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from domain.misfits import told


class ProblemError(Exception):
    """An answer that refuses: HTTP status, a code for programs and a sentence for people."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


def malformed(error: ValidationError) -> ProblemError:
    """The problem of a body that is not of its form."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the body"
    return ProblemError(400, "malformed", f"{told(where, first)}.")


def document(problem: ProblemError) -> JSONResponse:
    """The problem as a response."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(problem.status).phrase,
            "status": problem.status,
            "code": problem.code,
            "detail": problem.detail,
        },
        status_code=problem.status,
        media_type="application/problem+json",
    )


async def answer_problem(_request: Request, error: Exception) -> JSONResponse:
    """Answers a problem, and what the router itself refuses, in the same form."""
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        code = phrase.lower().replace(" ", "-")
        return document(ProblemError(error.status_code, code, f"{phrase}."))
    if isinstance(error, ProblemError):
        return document(error)
    raise error
