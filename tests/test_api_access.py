"""Every route, for everybody, about somebody else's case: who is let in, and who is not."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from api.app import ROUTERS, about, application
from api.health import router as health
from api.roles import Role
from tests.calling import Caller, Door

EVERYBODY = dict.fromkeys(Role, 200)
NOT_THEIRS = {
    **dict.fromkeys((Role.BUYER, Role.SELLER, Role.AGENT, Role.LEAD), 404),
    Role.PLATFORM: 200,
    Role.OPS: 200,
}
"""A case of others is not there for those who see their own alone."""

SAY = {"verb": "say", "text": "May I?"}
SCAN = {
    "events": [
        {"event_id": "e", "scan": "arrived", "at": "2026-11-20T14:05:00Z", "case_id": "{case}"}
    ]
}
ANSWER = {"events": [{"event_id": "e", "case_id": "{case}", "answer": "refused"}]}
PAID = {"events": [{"event_id": "e", "case_id": "{case}"}]}
REFUND = {"events": [{"event_id": "e", "key": "{case}:refund:1"}]}
PAYOUT = {
    "events": [
        {
            "event_id": "e",
            "kind": "other",
            "order_id": "{order}",
            "amount": {"amount_minor": 1, "currency": "PLN"},
            "units": [{"sku": "A", "quantity": 1}],
        }
    ]
}
DEADLINE = {"rule": "calendar-days", "amount": 1, "country": "PL", "start": "2026-11-20T14:05"}
SOLD = {"sku": "A", "quantity": 1, "unit_price_minor": 100}
OPENING = {"kind": "inquiry", "country": "PL", "order_id": "{order}", "text": "Does it dim?"}

TEXT_FILE = b"Is this mine?"

PLATFORM_ALONE = dict.fromkeys(Role, 403) | {Role.PLATFORM: 200}
NO_ENDPOINT = PLATFORM_ALONE | {Role.PLATFORM: 404}
WORKS_ON_CASES = EVERYBODY | dict.fromkeys((Role.BUYER, Role.SELLER), 403)

BOOKS_OF_OTHERS = dict.fromkeys(Role, 403) | dict.fromkeys((Role.PLATFORM, Role.OPS), 200)

Row = tuple[Any, dict[Role, int]]

ROWS: dict[tuple[str, str], Row] = {
    ("POST", "/v1/cases"): (
        OPENING,
        {
            **dict.fromkeys((Role.AGENT, Role.LEAD, Role.OPS), 403),
            Role.BUYER: 404,
            Role.SELLER: 403,  # no seller opens an inquiry
            Role.PLATFORM: 201,
        },
    ),
    ("GET", "/v1/cases"): (None, EVERYBODY),
    ("GET", "/v1/orders/{order_id}/cases"): (None, EVERYBODY),
    ("GET", "/v1/orders/{order_id}/ahead"): (None, NOT_THEIRS),
    ("GET", "/v1/cases/{case_id}"): (None, NOT_THEIRS),
    ("POST", "/v1/cases/{case_id}/commands"): (SAY, NOT_THEIRS | {Role.OPS: 403}),
    ("GET", "/v1/cases/{case_id}/commands/{command_id}"): (None, dict.fromkeys(Role, 404)),
    ("POST", "/v1/cases/{case_id}/links"): (
        {"party": "buyer"},
        dict.fromkeys(Role, 403) | {Role.PLATFORM: 201},
    ),
    ("GET", "/v1/cases/{case_id}/timeline"): (None, NOT_THEIRS),
    ("GET", "/v1/cases/{case_id}/messages"): (None, NOT_THEIRS),
    ("GET", "/v1/cases/{case_id}/letters"): (None, NOT_THEIRS),
    ("GET", "/v1/cases/{case_id}/deadlines"): (None, NOT_THEIRS),
    ("GET", "/v1/cases/{case_id}/refund-preview"): (None, NOT_THEIRS),
    ("GET", "/v1/cases/{case_id}/ahead"): (None, NOT_THEIRS),
    ("GET", "/v1/cases/{case_id}/export"): (None, NOT_THEIRS | {Role.OPS: 403}),
    ("GET", "/v1/events"): (None, EVERYBODY),
    ("GET", "/v1/events/stream"): (None, EVERYBODY),
    ("GET", "/v1/cases/{case_id}/events"): (None, NOT_THEIRS),
    ("GET", "/v1/cases/{case_id}/events/stream"): (None, NOT_THEIRS),
    ("POST", "/v1/cases/{case_id}/attachments"): (
        TEXT_FILE,
        NOT_THEIRS | {Role.PLATFORM: 201, Role.OPS: 403},
    ),
    ("POST", "/v1/attachments"): (
        TEXT_FILE,
        dict.fromkeys(Role, 403) | dict.fromkeys((Role.BUYER, Role.SELLER, Role.PLATFORM), 201),
    ),
    ("POST", "/v1/cases/{case_id}/uploads"): (
        {"size": 9, "media_type": "text/plain"},
        NOT_THEIRS | {Role.PLATFORM: 201, Role.OPS: 403},
    ),
    ("GET", "/v1/cases/{case_id}/uploads/{upload_id}"): (None, dict.fromkeys(Role, 404)),
    ("PUT", "/v1/cases/{case_id}/uploads/{upload_id}"): (TEXT_FILE, dict.fromkeys(Role, 404)),
    ("POST", "/v1/cases/{case_id}/uploads/{upload_id}/complete"): (
        None,
        dict.fromkeys(Role, 404),
    ),
    ("GET", "/v1/cases/{case_id}/attachments/{sha256}"): (
        None,
        dict.fromkeys(Role, 404) | {Role.OPS: 403},
    ),
    ("POST", "/v1/command-jobs"): (
        {"items": [{"case_id": "{case}", "command": {"verb": "say", "text": "May I?"}}]},
        dict.fromkeys(Role, 403)
        | dict.fromkeys((Role.AGENT, Role.LEAD, Role.PLATFORM), 202),  # refused item by item
    ),
    ("GET", "/v1/command-jobs/{job_id}"): (None, dict.fromkeys(Role, 404)),
    ("GET", "/v1/command-jobs/{job_id}/items"): (None, dict.fromkeys(Role, 404)),
    ("POST", "/v1/webhook-endpoints"): (
        {"url": "https://10.0.0.1/"},
        NO_ENDPOINT | {Role.PLATFORM: 422},
    ),
    ("GET", "/v1/webhook-endpoints"): (None, PLATFORM_ALONE),
    ("DELETE", "/v1/webhook-endpoints/{endpoint_id}"): (None, NO_ENDPOINT),
    ("POST", "/v1/webhook-endpoints/{endpoint_id}/secret"): (None, NO_ENDPOINT),
    ("POST", "/v1/webhook-endpoints/{endpoint_id}/resume"): (None, NO_ENDPOINT),
    ("GET", "/v1/webhook-endpoints/{endpoint_id}/deliveries"): (None, NO_ENDPOINT),
    ("POST", "/v1/deliveries/{delivery_id}/retry"): (None, NO_ENDPOINT),
    ("GET", "/v1/tasks"): (None, WORKS_ON_CASES),
    ("POST", "/v1/tasks/next"): (
        None,
        dict.fromkeys(Role, 403) | dict.fromkeys((Role.AGENT, Role.LEAD), 204),
    ),
    ("POST", "/v1/parcel-events"): (SCAN, PLATFORM_ALONE),
    ("POST", "/v1/refund-reports"): (REFUND, PLATFORM_ALONE),
    ("POST", "/v1/carrier-answers"): (ANSWER, PLATFORM_ALONE),
    ("POST", "/v1/redelivery-payments"): (PAID, PLATFORM_ALONE),
    ("POST", "/v1/deadline-reckonings"): ({"questions": [DEADLINE]}, EVERYBODY),
    ("POST", "/v1/refund-previews"): (
        {"questions": [{"event": "withdrawal", "currency": "PLN", "lines": [SOLD]}]},
        EVERYBODY,
    ),
    ("GET", "/v1/policies/{country}"): (None, EVERYBODY),
    ("GET", "/v1/headline"): (
        None,
        dict.fromkeys(Role, 403) | dict.fromkeys((Role.PLATFORM, Role.LEAD, Role.OPS), 200),
    ),
    ("GET", "/v1/sellers/{seller_id}/recoveries"): (None, BOOKS_OF_OTHERS),
    ("GET", "/v1/sellers/{seller_id}/costs"): (None, BOOKS_OF_OTHERS),
    ("GET", "/v1/sellers/{seller_id}/inactive-buyers"): (None, BOOKS_OF_OTHERS),
    ("GET", "/v1/messages"): (None, EVERYBODY | dict.fromkeys((Role.BUYER, Role.OPS), 403)),
    ("POST", "/v1/payouts"): (PAYOUT, PLATFORM_ALONE),
    ("POST", "/v1/recalculations"): (
        {"cases": ["{case}"], "reason": "A holiday."},
        dict.fromkeys(Role, 403) | dict.fromkeys((Role.PLATFORM, Role.LEAD), 200),
    ),
    ("GET", "/v1/me"): (None, EVERYBODY),
    ("GET", "/v1/audit"): (
        None,
        dict.fromkeys(Role, 403) | dict.fromkeys((Role.PLATFORM, Role.OPS), 200),
    ),
}
"""Of each route, what is sent to it, and what each role is answered about others' cases. Agents
have queues of which the case was never in one.
"""


QUERIES = {
    ("POST", "/v1/attachments"): "?country=PL",
    ("GET", "/v1/messages"): "?q=light",
    ("PUT", "/v1/cases/{case_id}/uploads/{upload_id}"): "?offset=0",
}
"""What a route needs besides."""


def routes() -> Iterator[tuple[str, str]]:
    """Every route that is described."""
    for path, operations in application().openapi()["paths"].items():
        for method in operations:
            yield method.upper(), path


def test_every_route_has_a_row() -> None:
    assert {*ROWS} == {*routes()}


def test_only_what_needs_no_token_is_not_described() -> None:
    described = [route for router in ROUTERS for route in router.routes]
    assert all(isinstance(route, APIRoute) and route.include_in_schema for route in described)
    hidden = [route for router in (health, about) for route in router.routes]
    assert {getattr(route, "path", "") for route in hidden} == {"/health", "/refusals", "/docs"}


def filled(given: Any, **words: str) -> Any:
    """What is sent, about this case and order."""
    match given:
        case dict():
            return {name: filled(value, **words) for name, value in given.items()}
        case list():
            return [filled(one, **words) for one in given]
        case str():
            return given.format(**words) if "{" in given else given
    return given


def stranger(door: Door, role: Role) -> Caller:
    """Somebody of this role who has nothing to do with the case."""
    queues = ("complaints-si",) if role in (Role.AGENT, Role.LEAD) else ()
    return door.caller(role, f"stranger-{role}", "Obca Osoba", queues)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_who_is_let_into_somebody_elses_case(door: Door, method: str) -> None:
    case_id = await door.opened()
    wrong = []
    for (verb, path), (body, expected) in ROWS.items():
        if verb != method:
            continue
        for role in (None, *Role):
            order_id = door.world.order()
            place = path.format(
                case_id=case_id,
                country="PL",
                order_id=order_id,
                command_id="mine",
                upload_id="0" * 32,
                job_id=f"job-{'0' * 32}",
                sha256="0" * 64,
                seller_id="seller",
                endpoint_id=f"we_{'0' * 24}",
                delivery_id=f"we_{'0' * 24}.1",
            )
            caller = stranger(door, role) if role else door.nobody()
            sent = filled(body, case=case_id, order=order_id)
            key = {"Idempotency-Key": f"k-{role}"}
            if method in ("GET", "DELETE"):
                answer = await caller.ask(method, f"{place}{QUERIES.get((method, path), '')}")
            elif isinstance(sent, bytes):
                headers = {"Content-Type": "text/plain"}
                answer = await caller.ask(
                    method, f"{place}{QUERIES.get((method, path), '')}", sent, headers
                )
            else:
                answer = await caller.post(place, sent, **key)
            wanted = expected[role] if role else 401
            if answer.status != wanted:
                wrong.append((verb, path, role, wanted, answer.status, answer.body))
            assert answer.status < 400 or answer.code
    assert not wrong
    said = (await door.buyer.get(f"/v1/cases/{case_id}/messages")).body["items"]
    assert [one["text"] for one in said if one["by"]["party"] != "platform"] == [
        "The lamp does not light."
    ]
