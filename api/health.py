"""`GET /health`: what of the API fails. It needs no token, and tells nothing of cases."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Engine, text

from api.parts import parts_of

WITHIN = 3.0
"""Seconds in which each part has to answer."""

router = APIRouter(include_in_schema=False)


@router.get("/health")
async def health(request: Request) -> JSONResponse:
    """`ok`, or `failing` (503) with the parts that are missing: `temporal`, `database`."""
    parts = parts_of(request)
    asked = {
        "temporal": parts.client.service_client.check_health(),
        "database": asyncio.to_thread(_answers, parts.engine),
    }
    answered = await asyncio.gather(
        *(asyncio.wait_for(one, WITHIN) for one in asked.values()), return_exceptions=True
    )
    # Whatever is wrong with a part, the answer names it.
    failing = [
        name
        for name, answer in zip(asked, answered, strict=True)
        if isinstance(answer, BaseException)
    ]
    status = "failing" if failing else "ok"
    return JSONResponse({"status": status, "failing": failing}, 503 if failing else 200)


def _answers(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
