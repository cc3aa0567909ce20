"""What needs no case: deadlines and refunds reckoned, the rules of a country, the figures."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field, TypeAdapter

from api.answers import answers, takes, told
from api.bodies import body_of
from api.deeds import only_asks
from api.parameters import Time as Since
from api.parts import parts_of
from api.problems import Problem, not_allowed, without_quotes
from api.roles import Role
from api.tokens import Asking
from domain.base import Value
from domain.deadlines import Counting, UnreckonableError
from domain.kinds import Kind
from domain.openings import Country
from domain.refunds import RefundError, RefundQuestion, reckon_refund
from domain.refusals import Code
from policies import PolicyError, countries, read_policy
from service.failures import InputError
from service.reckoning import in_full, question
from service.records import headline

router = APIRouter(tags=["reckonings"])

Q = TypeVar("Q")

MOST = 1000
"""Questions of one request."""

Time = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?$",
        description="Local to the country where it has no offset.",
    ),
]


class DeadlineQuestion(Value):
    """A deadline that belongs to no case. `held`: spans that are not counted."""

    rule: Counting
    amount: Annotated[int, Field(ge=0, le=100_000)]
    country: Country
    start: Time
    held: Annotated[tuple[Annotated[tuple[Time, Time], Field()], ...], Field(max_length=100)] = ()


class DeadlineQuestions(Value):
    """Deadlines to be reckoned."""

    questions: Annotated[tuple[DeadlineQuestion, ...], Field(min_length=1, max_length=MOST)]


class RefundQuestions(Value):
    """Refunds to be reckoned."""

    questions: Annotated[tuple[RefundQuestion, ...], Field(min_length=1, max_length=MOST)]


QUESTIONS: dict[str, type[Value]] = {
    "DeadlineQuestions": DeadlineQuestions,
    "RefundQuestions": RefundQuestions,
}


@router.post(
    "/deadline-reckonings",
    summary="Reckon deadlines",
    responses=answers("Reckoned", 413, 415, what="An answer for each, or its `error`."),
    dependencies=[Depends(only_asks)],
    openapi_extra=takes(
        "DeadlineQuestions",
        {
            "questions": [
                {
                    "rule": "working-hours",
                    "amount": 24,
                    "country": "SI",
                    "start": "2026-04-03T16:30",
                }
            ]
        },
    ),
)
async def deadlines(
    request: Request,
    _person: Asking,
    asked: Annotated[DeadlineQuestions, Depends(body_of(TypeAdapter(DeadlineQuestions)))],
) -> Response:
    """As law and terms count them, each with its reckoning."""
    rules = parts_of(request).settings.policies

    def answer(one: DeadlineQuestion) -> Any:
        held = [[*span] for span in one.held]
        return in_full(question(one.rule, one.amount, one.country, one.start, held, rules=rules))

    return told({"answers": [_answered(answer, one) for one in asked.questions]})


@router.post(
    "/refund-previews",
    summary="Reckon refunds",
    responses=answers("Reckoned", 413, 415, what="An answer for each, or its `error`."),
    dependencies=[Depends(only_asks)],
    openapi_extra=takes(
        "RefundQuestions",
        {
            "questions": [
                {
                    "event": "withdrawal",
                    "currency": "PLN",
                    "lines": [{"sku": "A", "quantity": 3, "unit_price_minor": 1000}],
                    "units": [{"sku": "A", "quantity": 1}],
                }
            ]
        },
    ),
)
async def refunds(
    _person: Asking,
    asked: Annotated[RefundQuestions, Depends(body_of(TypeAdapter(RefundQuestions)))],
) -> Response:
    """Part by part, each with its reason; nothing is sent anywhere."""
    return told({"answers": [_answered(reckon_refund, one) for one in asked.questions]})


def _answered(answer: Callable[[Q], Any], one: Q) -> Any:
    try:
        return answer(one)
    except (InputError, PolicyError, UnreckonableError, RefundError) as error:
        return {"error": without_quotes(str(error))}


@router.get(
    "/policies/{country}",
    summary="The rules of a country",
    responses=answers("Policy", 404, what="Windows with their sources; `soft`: weakly sourced."),
)
async def policy(
    request: Request,
    _person: Asking,
    country: Annotated[str, Path(pattern="^[A-Z]{2}$", description="Like PL.")],
) -> Response:
    """What cases that are opened now are pinned to."""
    rules = parts_of(request).settings.policies
    if country not in countries(rules):
        raise Problem(404, Code.POLICY_UNKNOWN, "This country has no rules here.")
    return told(read_policy(country, rules))


@router.get(
    "/headline",
    summary="The headline figures",
    responses=answers("Headlines", 403, what="Of all cases, and by country."),
)
async def figures(
    request: Request,
    person: Asking,
    since: Annotated[Since | None, Query(description="Closed from then on.")] = None,
    kind: Annotated[Kind | None, Query(description="Which cases count; all, if left out.")] = None,
) -> Response:
    """How many cases closed, ended in a solution, and needed no agent."""
    if person.role not in (Role.PLATFORM, Role.LEAD, Role.OPS):
        raise not_allowed("The figures are for the platform, leads and ops.")
    found = await headline(parts_of(request).engine, since, kind)
    return told(
        {
            name: {
                "closed": one.closed,
                "solved": one.solved,
                "solved_share": one.solved_share,
                "without_agent": one.without_agent,
                "without_agent_share": one.without_agent_share,
            }
            for name, one in found.items()
        }
    )
