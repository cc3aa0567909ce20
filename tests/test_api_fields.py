"""Does anybody see more of a case than is theirs?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from api.fields import SEEN, rows, seen
from api.forms import OF_CASES, OF_CASES_IN, OF_THE_PLATFORM, OPENINGS, command_id_of
from api.roles import EVERYBODY, Person, Role
from domain.commands import CostKind, Verdict
from domain.money import Money
from domain.parties import Actor, Party
from domain.ports import LEADS
from domain.view import CostView, DecisionView, Standing, View


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a value of this type can hold, itself among them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for info in annotation.model_fields.values():
            yield from models(info.annotation)
        return
    for part in get_args(annotation):
        yield from models(part)


def test_every_field_of_a_case_says_who_sees_it() -> None:
    for model in {*models(View)}:
        assert rows(model).keys() == model.model_fields.keys(), model.__name__
        for each in model.__mro__:
            own = [name for names in SEEN.get(each.__name__, {}).values() for name in names.split()]
            assert len(own) == len(set(own)), each.__name__


def test_what_is_not_listed_leaves_nobody() -> None:
    class Note(BaseModel):
        text: str = "between us"

    class Grown(Actor):
        secret: str = "x"

    assert rows(Note) == {}
    for role in Role:
        person = Person(role=role, id="p")
        assert seen(Note(), person) == {}
        grown = seen(Grown(party=Party.AGENT, id="a", name="Anna Nowak"), person)
        assert "secret" not in grown


def test_of_people_others_see_the_party_and_the_name_that_an_agent_signs_with() -> None:
    buyer = Person(role=Role.BUYER, id="b")
    assert seen(Actor(party=Party.SELLER, id="s", name="Jan"), buyer) == {"party": "seller"}
    agent = seen(Actor(party=Party.AGENT, id="a-7", name="Anna Nowak"), buyer)
    assert agent == {"party": "agent", "name": "Anna Nowak"}
    ops = Person(role=Role.OPS, id="o")
    assert seen(Actor(party=Party.BUYER, id="b", name="Ewa"), ops) == {"party": "buyer", "id": "b"}


@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_what_was_proposed_and_never_announced_stays_with_those_who_judge(role: Role) -> None:
    person = Person(role=role, id="p")
    at = datetime(2026, 11, 20, tzinfo=UTC)
    decision = DecisionView(
        at=at,
        by=Actor(party=Party.AGENT, id="a", name="Anna Nowak"),
        verdict=Verdict.FOR_BUYER,
        remedy=None,
        amount=None,
        reasoning="Between us: I am not sure.",
    )
    cost = CostView(
        at=at,
        round=1,
        cost=CostKind.STORAGE,
        amount=Money(amount_minor=1, currency="PLN"),
        attachments=(),
    )
    trader = role in (Role.BUYER, Role.SELLER)
    for standing in Standing:
        one = decision.model_copy(update={"standing": standing})
        shown = seen((one,), person)
        internal = standing in (Standing.PROPOSED, Standing.SENT_BACK)
        assert bool(shown) is not (internal and trader)
        said = bool(shown) and "reasoning" in shown[0]
        assert said is (bool(shown) and role is not Role.OPS)
    assert bool(seen((cost,), person)) is (role is not Role.BUYER)
    claims = ("carrier-claim:PL:1:1", "dispute:PL:1:1")
    assert seen(claims, person) == [*(claims if role is not Role.BUYER else claims[1:])]


def test_every_field_of_an_opening_is_said_by_somebody_or_by_a_case() -> None:
    said_by_anybody = {
        "kind", "country", "order_id", "number", "text", "attachments", "reason", "wanted",
        "amount", "lines", "way", "in_hand_on", "received", "tracking", "trouble", "offer",
    }  # fmt: skip
    for model in OPENINGS.values():
        own = OF_CASES_IN.get(model.__name__, set())
        rest = {*model.model_fields} - {"opened_by"} - OF_CASES - OF_THE_PLATFORM - own
        assert rest <= said_by_anybody, model.__name__


def test_a_key_makes_another_command_of_each_person_and_role() -> None:
    people = [Person(role=role, id=id) for role in Role for id in ("p", "p 1", "q")]
    made = {command_id_of(person, key) for person in people for key in ("1", "2", "1:1")}
    assert len(made) == len(people) * 3
    again = Person(role=Role.BUYER, id="p", name="Ewa Zielona", token="another")
    assert command_id_of(again, "1") == command_id_of(Person(role=Role.BUYER, id="p"), "1")


def test_a_lead_has_what_agents_left_and_nobody_else_has_queues() -> None:
    queues = ("disputes-pl",)
    lead, agent, ops = (
        Person(role=role, id="p", queues=queues) for role in (Role.LEAD, Role.AGENT, Role.OPS)
    )
    assert lead.has_queue(LEADS)
    assert not agent.has_queue(LEADS)
    assert agent.has_queue("disputes-pl")
    assert not ops.has_queue("disputes-pl")
    assert Person(role=Role.AGENT, id="p", queues=("*",)).has_queue("letters-si")
