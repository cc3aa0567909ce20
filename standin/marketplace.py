"""A stand-in marketplace: docs/marketplace-api.md over HTTP, and `/standin/` to steer it."""

import hmac
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Literal, TypeVar, get_args

from pydantic import BaseModel, JsonValue, RootModel, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.base import Value
from domain.orders import Order, Tracking
from standin.behaviour import Behaviour, Mood
from standin.books import (
    Booking,
    BookingRequest,
    Books,
    Breach,
    Cancellation,
    CarrierClaim,
    ClaimRequest,
    Key,
    Redelivery,
    RedeliveryRequest,
    Refund,
    RefundRequest,
    ReturnLabel,
    UnitsRequest,
    as_told,
)
from standin.misbehaving import misbehave, never
from standin.problems import ProblemError, answer_problem, malformed

Asked = Literal[
    "orders",
    "refunds",
    "statuses",
    "breaches",
    "cancellations",
    "labels",
    "claims",
    "bookings",
    "redeliveries",
]
Body = TypeVar("Body", bound=BaseModel)
Done = TypeVar("Done")
KEY: TypeAdapter[str] = TypeAdapter(Key)


class Settlement(Value):
    """The body of `POST /standin/refunds/{key}/fail`."""

    reason: str = "payment-method-closed"


class Sending(Value):
    """The body of `POST /standin/orders/{id}/shipment`."""

    tracking: Tracking


class Fields(RootModel[dict[str, JsonValue]]):
    """The body of `POST /standin/orders/{id}`."""


class Marketplace:
    """The HTTP side of the books. A `token` must then be the caller's bearer token."""

    def __init__(self, books: Books, token: str | None = None) -> None:
        self._books = books
        self._token = token
        self._mood = Mood()
        self._requests: Counter[Asked] = Counter()
        self.app = Starlette(
            routes=[
                Route("/orders/{order_id:path}", self.order),
                Route("/refunds", self.request_refund, methods=["POST"]),
                Route("/refunds/{key:path}", self.refund),
                Route("/breaches", self.receive_breach, methods=["POST"]),
                Route("/cancellations", self.cancel, methods=["POST"]),
                Route("/labels", self.make_label, methods=["POST"]),
                Route("/carrier-claims", self.file_claim, methods=["POST"]),
                Route("/bookings", self.book, methods=["POST"]),
                Route("/redeliveries", self.charge, methods=["POST"]),
                Route("/redeliveries/{key:path}/void", self.void, methods=["POST"]),
                Route("/standin/redeliveries/{key:path}/pay", self.pay_charge, methods=["POST"]),
                Route("/standin/orders/{order_id:path}/shipment", self.ship, methods=["POST"]),
                Route("/standin/orders/{order_id:path}", self.change, methods=["POST"]),
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
        behaviour = self._mood.at("orders", order_id)
        bad = await misbehave(request, behaviour.orders, behaviour)
        if bad is not None:
            return bad
        order = self._books.orders.get(order_id)
        if order is None:
            raise ProblemError(404, "order-unknown", "There is no such order.")
        return _told(order)

    async def request_refund(self, request: Request) -> Response:
        """`POST /refunds`."""
        self._admit(request, "refunds")
        key = _idempotency_key(request)
        wanted = await _read(request, RefundRequest)
        behaviour = self._mood.at("refunds", wanted.order_id)
        if behaviour.refunds != "refuse":  # which the books remember
            bad = await misbehave(request, behaviour.refunds, behaviour)
            if bad is not None:
                return bad
        match behaviour.refunds:
            case "confirm":
                refund = self._books.request(key, wanted, "confirmed")
            case "later":
                refund = self._books.request(key, wanted, "requested")
            case "refuse":
                refund = self._books.request(key, wanted, "failed", behaviour.refusal)
            case "pay-then-hang":
                self._books.request(key, wanted, "confirmed")
                return await never(request)
        if refund.state == "failed":
            raise ProblemError(422, refund.reason, "This refund is refused for good.")
        return _answer(refund, 202 if refund.state == "requested" else 200)

    async def refund(self, request: Request) -> Response:
        """`GET /refunds/{key}`."""
        self._admit(request, "statuses")
        refund = self._books.refund(str(request.path_params["key"]))
        order_id = refund.request.order_id if refund else None
        behaviour = self._mood.at("statuses", order_id)
        bad = await misbehave(request, behaviour.statuses, behaviour)
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
        bad = await misbehave(request, behaviour.breaches, behaviour)
        if bad is not None:
            return bad
        self._books.receive(key, breach)
        return Response(status_code=204)

    async def cancel(self, request: Request) -> Response:
        """`POST /cancellations`."""
        self._admit(request, "cancellations")
        key = _idempotency_key(request)
        wanted = await _read(request, UnitsRequest)

        def answer(cancellation: Cancellation) -> Response:
            if cancellation.state == "already-shipped":
                raise ProblemError(409, cancellation.state, "These units were sent before.")
            return JSONResponse({"state": cancellation.state})

        stop = partial(self._books.stop, key, wanted)
        return await self._do(request, "shipments", wanted.order_id, stop, answer)

    async def make_label(self, request: Request) -> Response:
        """`POST /labels`."""
        self._admit(request, "labels")
        key = _idempotency_key(request)
        wanted = await _read(request, UnitsRequest)

        def answer(label: ReturnLabel) -> Response:
            return JSONResponse(label.model_dump(mode="json", exclude={"key", "request"}))

        make = partial(self._books.label, key, wanted)
        return await self._do(request, "shipments", wanted.order_id, make, answer)

    async def file_claim(self, request: Request) -> Response:
        """`POST /carrier-claims`."""
        self._admit(request, "claims")
        key = _idempotency_key(request)
        wanted = await _read(request, ClaimRequest)

        def answer(claim: CarrierClaim) -> Response:
            return JSONResponse({"reference": claim.reference})

        file = partial(self._books.file_claim, key, wanted)
        return await self._do(request, "claims", wanted.order_id, file, answer)

    async def book(self, request: Request) -> Response:
        """`POST /bookings`."""
        self._admit(request, "bookings")
        key = _idempotency_key(request)
        wanted = await _read(request, BookingRequest)

        def answer(_booked: object) -> Response:
            return Response(status_code=204)

        book = partial(self._books.book, key, wanted)
        return await self._do(request, "claims", wanted.order_id, book, answer)

    async def charge(self, request: Request) -> Response:
        """`POST /redeliveries`."""
        self._admit(request, "redeliveries")
        key = _idempotency_key(request)
        wanted = await _read(request, RedeliveryRequest)
        charge = partial(self._books.charge, key, wanted)
        return await self._do(request, "shipments", wanted.order_id, charge, _state)

    async def void(self, request: Request) -> Response:
        """`POST /redeliveries/{key}/void`."""
        self._admit(request, "redeliveries")
        key = str(request.path_params["key"])
        charged = {each.key: each.request.order_id for each in self._books.redeliveries}
        void = partial(self._books.void_redelivery, key)
        return await self._do(request, "shipments", charged.get(key), void, _state)

    async def pay_charge(self, request: Request) -> Response:
        """`POST /standin/redeliveries/{key}/pay`: the buyer pays for sending goods again."""
        return _state(self._books.pay_redelivery(str(request.path_params["key"])))

    async def ship(self, request: Request) -> Response:
        """`POST /standin/orders/{id}/shipment`: the seller enters a tracking number."""
        sending = await _read(request, Sending)
        return _told(self._books.ship(str(request.path_params["order_id"]), sending.tracking))

    async def change(self, request: Request) -> Response:
        """`POST /standin/orders/{id}`: gives members of an order other values."""
        fields = await _read(request, Fields)
        return _told(self._books.change(str(request.path_params["order_id"]), fields.root))

    async def behave(self, request: Request) -> Response:
        """`POST /standin/behaviour`: how to behave from now on."""
        self._mood.tell(await _read(request, Behaviour))
        return Response(status_code=204)

    async def ledger(self, _request: Request) -> Response:
        """`GET /standin/ledger`: what was really done, and how often it was asked."""
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
                "shipments": [each.model_dump(mode="json") for each in self._books.shipments],
                "cancellations": [_flat(each) for each in self._books.cancellations],
                "labels": [_flat(each) for each in self._books.labels],
                "claims": [_flat(each) for each in self._books.claims],
                "bookings": [_flat(each) for each in self._books.bookings],
                "redeliveries": [_flat(each) for each in self._books.redeliveries],
                "requests": {asked: self._requests[asked] for asked in get_args(Asked)},
            }
        )

    async def confirm(self, request: Request) -> Response:
        """`POST /standin/refunds/{key}/confirm`: pays what was only requested."""
        return _answer(self._books.settle(str(request.path_params["key"]), "confirmed"))

    async def fail(self, request: Request) -> Response:
        """`POST /standin/refunds/{key}/fail`: fails what was only requested."""
        body = await _read(request, Settlement) if await request.body() else Settlement()
        return _answer(self._books.settle(str(request.path_params["key"]), "failed", body.reason))

    async def _do(
        self,
        request: Request,
        port: Literal["shipments", "claims"],
        order_id: str | None,
        do: Callable[[], Done],
        answer: Callable[[Done], Response],
    ) -> Response:
        """Do what is asked as its port behaves now: not at all, never answered, or well."""
        behaviour = self._mood.at(port, order_id)
        how: str = getattr(behaviour, port)
        bad = await misbehave(request, how, behaviour)
        if bad is not None:
            return bad
        done = do()
        return await never(request) if how.endswith("-then-hang") else answer(done)

    def _admit(self, request: Request, asked: Asked) -> None:
        self._requests[asked] += 1
        if self._token is None:
            return
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise ProblemError(401, "unauthorized", "Send the marketplace's bearer token.")


def _told(order: Order) -> Response:
    return JSONResponse(as_told(order))


def _json(value: Value, status: int = 200) -> Response:
    return Response(value.model_dump_json(), status_code=status, media_type="application/json")


def _flat(
    filed: Cancellation | ReturnLabel | CarrierClaim | Booking | Redelivery,
) -> dict[str, JsonValue]:
    return {
        **filed.request.model_dump(mode="json"),
        **filed.model_dump(mode="json", exclude={"request"}),
    }


def _answer(refund: Refund, status: int = 200) -> Response:
    return JSONResponse({"state": refund.state, "reason": refund.reason}, status_code=status)


def _state(redelivery: Redelivery) -> Response:
    return JSONResponse({"state": redelivery.state})


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
        raise malformed(error) from error
