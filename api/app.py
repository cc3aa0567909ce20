"""The application: its routes, its problems, and its description of itself."""

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig

from api import (
    archive,
    attachments,
    audit,
    cases,
    commands,
    events,
    jobs,
    links,
    lists,
    me,
    recalculations,
    reckonings,
    records,
    reports,
    sellers,
    tasks,
    webhooks,
)
from api.deeds import Audited
from api.document import document_of
from api.health import router as health
from api.page import POLICY, page_of
from api.parameters import no_other_parameters
from api.parts import Parts
from api.problems import answer_with_problems, defect
from api.requests import Identified
from config import HERE

OFF: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""The framework's own telemetry would log the texts of errors, which hold what was sent."""

V1 = "/v1"

ROUTERS = (
    cases.router,
    lists.router,
    archive.router,
    commands.router,
    records.router,
    events.router,
    webhooks.router,
    tasks.router,
    reports.router,
    sellers.router,
    recalculations.router,
    reckonings.router,
    links.router,
    me.router,
    attachments.router,
    audit.router,
    jobs.router,
)

about = APIRouter(include_in_schema=False)


@about.get("/refusals")
async def refusals() -> Response:
    """The rows that the `type` of a problem names."""
    text = (HERE / "docs" / "refusals.md").read_text("utf-8")
    return PlainTextResponse(text, media_type="text/markdown")


@about.get("/docs")
async def docs(request: Request) -> Response:
    """The OpenAPI document as a page."""
    headers = {"Content-Security-Policy": POLICY}
    return HTMLResponse(page_of(request.app.openapi()), headers=headers)


def _operation(route: APIRoute) -> str:
    """What generated clients call a route."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def application(parts: Parts | None = None) -> FastAPI:
    """The API; without parts it only describes itself."""
    app = FastAPI(
        title="Recourse",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{V1}/openapi.json",
        redirect_slashes=False,
        telemetry=OFF,
        generate_unique_id_function=_operation,
    )
    app.state.parts = parts
    app.add_middleware(Audited)
    app.add_middleware(Identified, defect=lambda error: defect(error).response())
    answer_with_problems(app)
    for router in ROUTERS:
        app.include_router(router, prefix=V1, dependencies=[Depends(no_other_parameters)])
    app.include_router(health)
    app.include_router(about)
    app.openapi = lambda: document_of(app)  # type: ignore[method-assign]
    return app
