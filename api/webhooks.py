"""`/v1/webhook-endpoints`: where the platform is told of events, and what became of each."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field, TypeAdapter

from activities.posting import LONGEST_URL, Reach
from api.answers import answers, takes, told
from api.bodies import body_of
from api.cursors import Limit
from api.parameters import IdempotencyKey, unquoted
from api.parts import parts_of
from api.problems import not_allowed
from api.roles import Person, Role
from api.tokens import Asking
from domain.base import Value
from domain.public_events import EventType
from domain.webhooks import DeliveryState, Endpoint, WebhookDelivery
from service.webhooks import Endpoints

router = APIRouter(tags=["webhooks"])

MOST_NUMBER = 2**62


class EndpointWanted(Value):
    """Where events are to be sent; those of these types, or all if there are none."""

    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]
    types: Annotated[tuple[EventType, ...], Field(max_length=len(EventType))] = ()


WANTED: TypeAdapter[EndpointWanted] = TypeAdapter(EndpointWanted)
EXAMPLE = {"url": "https://platform.example/recourse", "types": ["case.party-awaited"]}

REFUSED = {code: one for code, one in answers("Endpoints", 403, 404).items() if code != 200}

EndpointId = Annotated[str, Path(pattern="^we_[0-9a-f]{24}$", description="The endpoint's id.")]
DeliveryId = Annotated[
    str, Path(pattern=r"^we_[0-9a-f]{24}\.[0-9]{1,18}$", description="The delivery's id.")
]


def endpoints_for(request: Request, person: Person) -> Endpoints:
    """The endpoints; Problem 403 for anybody but the platform, whose they are."""
    if person.role is not Role.PLATFORM:
        raise not_allowed("Endpoints are the platform's own.")
    parts = parts_of(request)
    settings = parts.settings
    return Endpoints(parts.client, parts.engine, settings.task_queue, Reach(settings.inside))


@router.post(
    "/webhook-endpoints",
    status_code=201,
    summary="Add an endpoint",
    responses=answers(
        "EndpointAdded", 403, 413, 415, status=201, also=(200,), what="With its secret."
    ),
    openapi_extra=takes("EndpointWanted", EXAMPLE),
)
async def add(
    request: Request,
    person: Asking,
    idempotency_key: IdempotencyKey,
    wanted: Annotated[EndpointWanted, Depends(body_of(WANTED))],
) -> Response:
    """Events that happen from now on are posted there, signed after the Standard Webhooks
    specification. Added again under the same key it is the same endpoint, and answered with 200.
    """
    key = f"{person.id} {unquoted(idempotency_key)}"
    added = await endpoints_for(request, person).add(wanted.url, wanted.types, key, _now())
    content = {"endpoint": added.endpoint.model_dump(mode="json"), "secret": added.secret}
    return told(content, 200 if added.before else 201)


@router.get(
    "/webhook-endpoints",
    summary="The endpoints",
    responses=answers("Endpoints", 403, what="The oldest first, without their secrets."),
)
async def endpoints(request: Request, person: Asking) -> Response:
    """`paused_at` says that nothing is sent any more, and `paused_why` why."""
    return told({"items": _plain(await endpoints_for(request, person).all())})


@router.delete(
    "/webhook-endpoints/{endpoint_id}",
    status_code=204,
    summary="Take an endpoint out",
    response_class=Response,
    responses={**REFUSED, 204: {"description": "It is out."}},
)
async def remove(request: Request, person: Asking, endpoint_id: EndpointId) -> Response:
    """Nothing is sent there any more."""
    await endpoints_for(request, person).remove(endpoint_id)
    return Response(status_code=204)


@router.post(
    "/webhook-endpoints/{endpoint_id}/secret",
    summary="Replace an endpoint's secret",
    responses=answers("SecretReplaced", 403, 404, what="The new secret."),
)
async def replace_secret(
    request: Request, person: Asking, endpoint_id: EndpointId, idempotency_key: IdempotencyKey
) -> Response:
    """Until `before_until` deliveries are signed with the secret before as well."""
    book = endpoints_for(request, person)
    made = await book.rotate(endpoint_id, unquoted(idempotency_key), _now())
    return told({"secret": made.secret, "before_until": made.until})


@router.post(
    "/webhook-endpoints/{endpoint_id}/resume",
    summary="Send to a paused endpoint again",
    responses=answers("Endpoint", 403, 404, what="The endpoint."),
)
async def resume(request: Request, person: Asking, endpoint_id: EndpointId) -> Response:
    """What waits is sent at once, and has a whole day to arrive."""
    return told(await endpoints_for(request, person).resume(endpoint_id, _now()))


@router.get(
    "/webhook-endpoints/{endpoint_id}/deliveries",
    summary="What became of each event",
    responses=answers(
        "WebhookDeliveryPage", 403, 404, what="In order; what arrived, for three days."
    ),
)
async def deliveries(  # noqa: PLR0917 - each is a parameter of its own
    request: Request,
    person: Asking,
    endpoint_id: EndpointId,
    state: Annotated[DeliveryState | None, Query(description="Only these.")] = None,
    after: Annotated[
        int, Query(ge=0, le=MOST_NUMBER, description="The `number` of the last event of a page.")
    ] = 0,
    limit: Limit = 50,
) -> Response:
    """What waits is tried again at growing intervals; what is `dead` was tried for a day."""
    book = endpoints_for(request, person)
    found = await book.deliveries(endpoint_id, state, after, limit)
    following = found[-1].event.number if len(found) == limit else None
    return told({"items": _plain(found), "next": following})


@router.post(
    "/deliveries/{delivery_id}/retry",
    summary="Send an event again",
    responses=answers("WebhookDelivery", 403, 404, what="The delivery, which waits."),
)
async def retry(request: Request, person: Asking, delivery_id: DeliveryId) -> Response:
    """Whatever became of it before. It comes under the same id."""
    return told(await endpoints_for(request, person).send_again(delivery_id, _now()))


def _plain(found: list[Endpoint] | list[WebhookDelivery]) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in found]


def _now() -> datetime:
    return datetime.now(UTC)
