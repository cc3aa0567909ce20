"""A stand-in marketplace: docs/marketplace-api.md over HTTP, and `/standin/` to steer it."""

import hmac
from collections import Counter
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.base import Value
from standin.behaviour import Behaviour, Mood, Port
from standin.books import Books, Breach, Key, Refund, RefundRequest
from standin.problems import ProblemError, answer_problem

Body = TypeVar("Body", bound=Value)
KEY: TypeAdapter[str] = TypeAdapter(Key)


class Settlement(Value):
    """The body of `POST /standin/refunds/{key}/fail`."""

    reason: str = "payment-method-closed"


class Marketplace:
    """The HTTP side of the books. A `token` must then be the caller's bearer token."""

    def __init__(self, books: Books, token: str | None = None) -> None:
        self._books = books
        self._token = token
        self._mood = Mood()
        self._requests: Counter[Port] = Counter()
        self.app = Starlette(
            routes=[
                Route("/orders/{order_id:path}", self.order),
                Route("/refunds", self.request_refund, methods=["POST"]),
                Route("/refunds/{key:path}", self.refund),
                Route("/breaches", self.receive_breach, methods=["POST"]),
                Route("/standin/behaviour", self.behave, methods=["POST"]),
                Route("/standin/ledger", self.ledger),
                Route("/standin/refunds/{key:path}/confirm", self.confirm, methods=["POST"]),
                Route("/standin/refunds/{key:path}/fail", self.fail, methods=["POST"]),
            ],
            exception_handlers={ProblemError: answer_problem, HTTPException: answer_problem},
        )

    async def order(self, request: Request) -> Response:
        """`GET /orders/{id}`."""
        self._admit(request, "orders")
        order_id = str(request.path_params["order_id"])
        bad = await _misbehave(request, self._mood.at("orders", order_id).orders)
        if bad is not None:
            return bad
        order = self._books.orders.get(order_id)
        if order is None:
            raise ProblemError(404, "order-unknown", "There is no such order.")
        return _json(order)

    async def request_refund(self, request: Request) -> Response:
        """`POST /refunds`."""
        self._admit(request, "refunds")
        key = _idempotency_key(request)
        wanted = await _read(request, RefundRequest)
        behaviour = self._mood.at("refunds", wanted.order_id)
        match behaviour.refunds:
            case "confirm":
                refund = self._books.request(key, wanted, "confirmed")
            case "later":
                refund = self._books.request(key, wanted, "requested")
            case "refuse":
                refund = self._books.request(key, wanted, "failed", behaviour.refusal)
            case "pay-then-hang":
                self._books.request(key, wanted, "confirmed")
                return await _never(request)
            case "hang":
                return await _never(request)
            case "fail":
                raise _out_of_order()
            case "garbage":
                return _garbage()
        if refund.state == "failed":
            raise ProblemError(422, refund.reason, "This refund is refused for good.")
        return _answer(refund, 202 if refund.state == "requested" else 200)

    async def refund(self, request: Request) -> Response:
        """`GET /refunds/{key}`."""
        self._admit(request, "statuses")
        refund = self._books.refund(str(request.path_params["key"]))
        order_id = refund.request.order_id if refund else None
        bad = await _misbehave(request, self._mood.at("statuses", order_id).statuses)
        if bad is not None:
            return bad
        if refund is None:
            raise ProblemError(404, "refund-unknown", "No refund came under this key.")
        return _answer(refund)

    async def receive_breach(self, request: Request) -> Response:
        """`POST /breaches`."""
        self._admit(request, "breaches")
        key = _idempotency_key(request)
        breach = await _read(request, Breach)
        behaviour = self._mood.at("breaches")
        if behaviour.breaches == "refuse":
            raise ProblemError(422, behaviour.refusal, "This breach is refused.")
        bad = await _misbehave(request, behaviour.breaches)
        if bad is not None:
            return bad
        self._books.receive(key, breach)
        return Response(status_code=204)

    async def behave(self, request: Request) -> Response:
        """`POST /standin/behaviour`: how to behave from now on."""
        self._mood.tell(await _read(request, Behaviour))
        return Response(status_code=204)

    async def ledger(self, _request: Request) -> Response:
        """`GET /standin/ledger`: what was really paid and received, and how often it was asked."""
        ports: tuple[Port, ...] = ("orders", "refunds", "statuses", "breaches")
        return JSONResponse(
            {
                "payments": [
                    {
                        "key": payment.key,
                        "order_id": payment.request.order_id,
                        "amount_minor": payment.request.amount_minor,
                        "currency": payment.request.currency,
                    }
                    for payment in self._books.payments
                ],
                "breaches": [
                    {"key": received.key, **received.breach.model_dump(mode="json")}
                    for received in self._books.breaches
                ],
                "requests": {port: self._requests[port] for port in ports},
            }
        )

    async def confirm(self, request: Request) -> Response:
        """`POST /standin/refunds/{key}/confirm`: pays what was only requested."""
        return _answer(self._books.settle(str(request.path_params["key"]), "confirmed"))

    async def fail(self, request: Request) -> Response:
        """`POST /standin/refunds/{key}/fail`: fails what was only requested."""
        body = await _read(request, Settlement) if await request.body() else Settlement()
        return _answer(self._books.settle(str(request.path_params["key"]), "failed", body.reason))

    def _admit(self, request: Request, port: Port) -> None:
        self._requests[port] += 1
        if self._token is None:
            return
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise ProblemError(401, "unauthorized", "Send the marketplace's bearer token.")


async def _misbehave(request: Request, how: str) -> Response | None:
    match how:
        case "fail":
            raise _out_of_order()
        case "hang":
            return await _never(request)
        case "garbage":
            return _garbage()
        case _:
            return None


async def _never(request: Request) -> Response:
    """Waits until the caller has gone away; nobody reads the response."""
    await request.body()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=204)


def _garbage() -> Response:
    return Response("<html>Welcome back!</html>", media_type="text/html")


def _out_of_order() -> ProblemError:
    return ProblemError(503, "out-of-order", "The marketplace is out of order; try again.")


def _json(value: Value, status: int = 200) -> Response:
    return Response(value.model_dump_json(), status_code=status, media_type="application/json")


def _answer(refund: Refund, status: int = 200) -> Response:
    return JSONResponse({"state": refund.state, "reason": refund.reason}, status_code=status)


def _idempotency_key(request: Request) -> str:
    try:
        return KEY.validate_python(request.headers.get("idempotency-key"))
    except ValidationError as error:
        raise ProblemError(
            400, "idempotency-key-missing", "Send an Idempotency-Key of visible ASCII characters."
        ) from error


async def _read(request: Request, form: type[Body]) -> Body:
    try:
        return form.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise ProblemError(400, "malformed", f"{where}: {first['msg']}.") from error
