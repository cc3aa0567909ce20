"""What machines report: parcels scanned, refunds known, carriers' answers, payments. In batches,
each item idempotent by its event's id.
"""

import asyncio
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, TypeAdapter, model_validator

from api.answers import answers, takes, told
from api.bodies import body_of
from api.deeds import note
from api.parts import Parts, parts_of
from api.problems import not_allowed, problem_of, unreachable
from api.roles import Person, Role
from api.tokens import Asking
from domain.base import Instant, Value
from domain.commands import CarrierSays, CommandId, ReportAnswer
from domain.goods import ParcelEvent, Scan
from domain.kinds import CaseId
from domain.money import Money
from domain.openings import Country, Key, OpenUncollectedParcel
from domain.orders import MOST_LINES, Line, Tracking
from domain.ports import PayoutKind, RefundReport, RefundState
from service.failures import InputError, RefusedError
from service.orders import ask_order
from service.payouts import payout_of, record_payout
from service.sending import submit
from service.telling import report_of_order, report_parcel, report_payment, report_refund

router = APIRouter(tags=["machines"])

MOST = 100
"""Events of one batch."""

LARGEST = 100_000
"""Bytes of one batch; payouts, which name the units of whole orders, may have more."""

AT_ONCE = 10
"""Cases that are told side by side. What is about one case is told in its order."""


class Reported(Value):
    """What every event has. Told again under the same id, it is the same event."""

    event_id: CommandId

    @property
    @abstractmethod
    def about(self) -> str:
        """What it is about: events about the same are told one after the other."""


class ParcelReport(Reported):
    """A carrier's scan, of a case, or of an order's parcel: then the cases that run for the parcel
    are told, and one that came back opens its own.
    """

    scan: Scan
    at: Instant
    tracking: Tracking | None = None
    case_id: CaseId | None = None
    order_id: Key | None = None
    country: Country | None = None

    @model_validator(mode="after")
    def _of_a_case_or_an_order(self) -> "ParcelReport":
        of_order = (self.order_id, self.country)
        if (self.case_id is None) is (None in of_order):
            raise ValueError("name `case_id`, or `order_id` with its `country`")
        if self.case_id is None and self.tracking is None:
            raise ValueError("name the `tracking` number of the order's parcel")
        if self.case_id is not None and of_order != (None, None):
            raise ValueError("name `case_id`, or `order_id` with its `country`, not both")
        return self

    @property
    def about(self) -> str:
        """The case or the order."""
        return self.case_id or f"{self.country}:{self.order_id}"


class RefundKnown(Reported):
    """What became of a refund is known: its case asks for it at once. `key` is the refund's."""

    key: Annotated[str, Field(pattern=r"^[a-z-]+:[A-Z]{2}:[A-Za-z0-9._:-]{1,250}:refund:[0-9]+$")]

    @property
    def about(self) -> str:
        """The refund."""
        return self.key


class CarrierAnswer(Reported):
    """What a carrier answers to a claim; `amount` if it accepts a part."""

    case_id: CaseId
    answer: CarrierSays
    amount: Money | None = None

    @property
    def about(self) -> str:
        """The claim."""
        return self.case_id


class RedeliveryPayment(Reported):
    """The buyer has paid for sending the goods again; `key` is that of the charge, or the one that
    is open.
    """

    case_id: CaseId
    key: Annotated[str, Field(min_length=1, max_length=300)] | None = None

    @property
    def about(self) -> str:
        """The case."""
        return self.case_id


E = TypeVar("E", bound=Reported)

Batch = Annotated[tuple[E, ...], Field(min_length=1, max_length=MOST)]


class PayoutReport(Reported):
    """Money that reached the buyer without us, for these units of an order."""

    kind: PayoutKind
    order_id: Key
    amount: Money
    units: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MOST_LINES)]

    @property
    def about(self) -> str:
        """The order."""
        return self.order_id


class ParcelReports(Value):
    """A batch of carriers' scans."""

    events: Batch[ParcelReport]


class RefundReports(Value):
    """A batch of refunds of which more is known."""

    events: Batch[RefundKnown]


class CarrierAnswers(Value):
    """A batch of carriers' answers."""

    events: Batch[CarrierAnswer]


class RedeliveryPayments(Value):
    """A batch of payments for sending goods again."""

    events: Batch[RedeliveryPayment]


class Payouts(Value):
    """A batch of money that reached buyers without us."""

    events: Batch[PayoutReport]


BATCHES: dict[str, type[Value]] = {
    "ParcelReports": ParcelReports,
    "RefundReports": RefundReports,
    "CarrierAnswers": CarrierAnswers,
    "RedeliveryPayments": RedeliveryPayments,
    "Payouts": Payouts,
}

Tell = Callable[[Parts, Person, E], Awaitable[list[str]]]

BECAME = answers(
    "Told",
    403,
    413,
    415,
    what="What became of each event, in their order: `told`, or the `problem` that it met.",
)


@router.post(
    "/parcel-events",
    summary="Tell what carriers have scanned",
    responses=BECAME,
    openapi_extra=takes(
        "ParcelReports",
        {
            "events": [
                {
                    "event_id": "inpost-90311",
                    "scan": "arrived",
                    "at": "2026-11-20T14:05:00+01:00",
                    "case_id": "withdrawal:PL:PL-2001:1",
                }
            ]
        },
    ),
)
async def parcels(
    request: Request,
    person: Asking,
    batch: Annotated[ParcelReports, Depends(body_of(TypeAdapter(ParcelReports), largest=LARGEST))],
) -> Response:
    """Late, twice and in any order will do: the event's id keeps it from being heard twice."""
    return await _tell_all(request, person, batch.events, _parcel)


@router.post(
    "/refund-reports",
    summary="Tell that the fate of refunds is known",
    responses=BECAME,
    openapi_extra=takes(
        "RefundReports",
        {"events": [{"event_id": "r-1", "key": "dispute:PL:PL-1001:1:refund:1"}]},
    ),
)
async def refunds(
    request: Request,
    person: Asking,
    batch: Annotated[RefundReports, Depends(body_of(TypeAdapter(RefundReports), largest=LARGEST))],
) -> Response:
    """The case asks the marketplace, whose word counts: a report only saves the waiting."""
    return await _tell_all(request, person, batch.events, _refund)


@router.post(
    "/carrier-answers",
    summary="Tell what carriers answer to claims",
    responses=BECAME,
    openapi_extra=takes(
        "CarrierAnswers",
        {
            "events": [
                {
                    "event_id": "answer-1",
                    "case_id": "carrier-claim:PL:PL-1001:PX-1",
                    "answer": "accepted",
                }
            ]
        },
    ),
)
async def carriers(
    request: Request,
    person: Asking,
    batch: Annotated[
        CarrierAnswers, Depends(body_of(TypeAdapter(CarrierAnswers), largest=LARGEST))
    ],
) -> Response:
    """Each is a command of the platform, whose id is the event's."""
    return await _tell_all(request, person, batch.events, _answer)


@router.post(
    "/redelivery-payments",
    summary="Tell that buyers have paid for sending again",
    responses=BECAME,
    openapi_extra=takes(
        "RedeliveryPayments",
        {"events": [{"event_id": "p-1", "case_id": "uncollected-parcel:PL:PL-1001:PX1"}]},
    ),
)
async def payments(
    request: Request,
    person: Asking,
    batch: Annotated[
        RedeliveryPayments, Depends(body_of(TypeAdapter(RedeliveryPayments), largest=LARGEST))
    ],
) -> Response:
    """A charge is paid once, however often it is told."""
    return await _tell_all(request, person, batch.events, _payment)


@router.post(
    "/payouts",
    summary="Tell that money reached buyers without us",
    responses=BECAME,
    openapi_extra=takes(
        "Payouts",
        {
            "events": [
                {
                    "event_id": "chargeback-77120",
                    "kind": "chargeback",
                    "order_id": "PL-1001",
                    "amount": {"amount_minor": 25999, "currency": "PLN"},
                    "units": [{"sku": "LAMP", "quantity": 1}],
                }
            ]
        },
    ),
)
async def payouts(
    request: Request,
    person: Asking,
    batch: Annotated[Payouts, Depends(body_of(TypeAdapter(Payouts)))],
) -> Response:
    """Units that a guarantee or a chargeback has paid for are never refunded again. The event's id
    is that of the money. `told` stays empty: cases see it when they refund.
    """
    return await _tell_all(request, person, batch.events, _payout)


async def _parcel(parts: Parts, person: Person, event: ParcelReport) -> list[str]:
    seen = ParcelEvent(
        event_id=event.event_id, scan=event.scan, at=event.at, tracking=event.tracking
    )
    if event.case_id is not None:
        return [await report_parcel(parts.client, parts.engine, event.case_id, seen)]
    told = {name: getattr(event, name) for name in ("country", "order_id", "tracking")}
    opening = OpenUncollectedParcel(opened_by=person.actor, **told)
    queue = parts.settings.task_queue
    return await report_of_order(parts.client, parts.engine, opening, seen, queue)


async def _refund(parts: Parts, _person: Person, event: RefundKnown) -> list[str]:
    report = RefundReport(key=event.key, state=RefundState.REQUESTED)
    return [await report_refund(parts.client, report)]


async def _answer(parts: Parts, person: Person, event: CarrierAnswer) -> list[str]:
    command = ReportAnswer(
        command_id=event.event_id, by=person.actor, answer=event.answer, amount=event.amount
    )
    target, _ = await submit(
        parts.client,
        parts.engine,
        event.case_id,
        lambda _: command,
        of_return=False,
        needs_case=False,
        may_be_known=True,
    )
    return [target]


async def _payment(parts: Parts, _person: Person, event: RedeliveryPayment) -> list[str]:
    await report_payment(parts.client, parts.engine, event.case_id, event.key)
    return [event.case_id]


async def _payout(parts: Parts, _person: Person, event: PayoutReport) -> list[str]:
    if parts.marketplace is None:
        raise unreachable()
    order = await ask_order(parts.marketplace, event.order_id)
    payout = payout_of(order, event.event_id, event.kind, event.amount, event.units)
    await record_payout(parts.engine, payout, datetime.now(UTC))
    return []


async def _tell_all(
    request: Request, person: Person, events: tuple[E, ...], tell: Tell[E]
) -> Response:
    """Tell all of a batch. What a case refuses stands in its item; a server that is away ends the
    whole with 503: what was told already is not heard twice.
    """
    if person.role is not Role.PLATFORM:
        raise not_allowed("Machines report with a token of the platform.")
    parts, turns = parts_of(request), asyncio.Semaphore(AT_ONCE)
    about: dict[str, list[int]] = defaultdict(list)
    for number, event in enumerate(events):
        about[event.about].append(number)
    became: dict[int, dict[str, Any]] = {}

    async def one_after_the_other(numbers: list[int]) -> None:
        async with turns:
            for number in numbers:
                became[number] = await _became(tell(parts, person, events[number]))

    await asyncio.gather(*(one_after_the_other(numbers) for numbers in about.values()))
    results = [{"event_id": events[n].event_id, **became[n]} for n in range(len(events))]
    for event, result in zip(events, results, strict=True):
        note(request, *_deed(event, result))
    return told({"results": results})


def _deed(event: Reported, result: dict[str, Any]) -> tuple[str | None, str, str | None]:
    """The case, the event and the refusal that go on record."""
    told, code = result.get("told", ()), result.get("problem", {}).get("code")
    return getattr(event, "case_id", None) or next(iter(told), None), event.event_id, code


async def _became(telling: Awaitable[list[str]]) -> dict[str, Any]:
    try:
        return {"told": await telling}
    except (RefusedError, InputError) as error:
        problem = problem_of(error)
        assert problem
        return {"problem": problem.document()}
