"""What may be written, and how much: every text that comes in is bounded, and is text."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, get_args, get_origin

import pytest
from annotated_types import MaxLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cli.verbs import MODELS
from domain.commands import Attachment, HandOver, Receive, Say
from domain.goods import Received
from domain.openings import Opening, OpenInquiry
from domain.orders import Order, OrderedLine, Person
from domain.parties import Actor, Party
from domain.policy import MessageLimits
from domain.ports import Rules
from domain.refusals import Code
from domain.registering import register
from domain.view import Recalculate
from domain.writing import character_refusal, reason_refusal, text_refusal
from policies import read_calendar, read_policy

LIMITS = MessageLimits(
    text_length=10,
    per_day=1,
    per_case=1,
    attachments=1,
    attachment_bytes=10,
    media_types=("image/png",),
)
BUYER = Actor(party=Party.BUYER, id="b")


def file(name: str) -> Attachment:
    return Attachment(name=name, size=1, media_type="image/png", sha256="0" * 64)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * 10, None),
        ("x" * 11, Code.TEXT_TOO_LONG),
        ("ż" * 5, None),
        ("ż" * 6, Code.TEXT_TOO_LONG),
        ("€" * 3, None),
        ("€" * 4, Code.TEXT_TOO_LONG),
        ("😀" * 2, None),
        ("😀" * 3, Code.TEXT_TOO_LONG),
    ],
)
def test_is_a_text_measured_in_bytes(text: str, code: Code | None) -> None:
    refusal = text_refusal(text, (), LIMITS)
    assert (refusal and refusal.code) == code
    assert text_refusal(text, (), LIMITS, widened=True) is None


@pytest.mark.parametrize(
    ("name", "taken"), [("ż" * 127, True), ("ż" * 128, False), ("x" * 200, True)]
)
def test_is_a_files_name_measured_in_bytes(name: str, taken: bool) -> None:
    refusal = text_refusal("x", (file(name),), LIMITS)
    assert (refusal is None) is taken
    assert refusal is None or refusal.code is Code.ATTACHMENT_REFUSED


HARMFUL = ("\x00", "\x07", "\x1b", "\x7f", "\x85", "\x9b", "\u202e")
LINES = ("\n", "\r", "\t", "\u2028")
TURNS = ("\u202a", "\u2066", "\u2069")


@pytest.mark.parametrize("character", [*HARMFUL, *LINES, *TURNS])
def test_are_control_characters_refused_wherever_they_stand(character: str) -> None:
    word = f"a{character}b"
    said = Say(command_id="c", by=BUYER, text=word)
    refusal = character_refusal(said)
    assert (refusal is None) is (character in (*LINES, *TURNS))
    for place, command in (
        ("by.name", Say(command_id="c", by=Actor(party=Party.BUYER, id="b", name=word), text="x")),
        ("by.id", Say(command_id="c", by=Actor(party=Party.BUYER, id=word), text="x")),
        ("attachments.0.name", Say(command_id="c", by=BUYER, text="x", attachments=(file(word),))),
        ("carrier", HandOver(command_id="c", by=BUYER, carrier=word)),
        ("units.0.sku", Receive(command_id="c", by=BUYER, units=(Received(sku=word, quantity=1),))),
    ):
        refusal = character_refusal(command)
        assert refusal is not None
        assert refusal.code is Code.CHARACTER_REFUSED
        assert refusal.sentence == (
            f"`{place}` holds the character U+{ord(character):04X}, which is no text; leave it out."
        )


@pytest.mark.parametrize("text", ["Zażółć gęślą jaźń 😀👩‍👩‍👧", "שלום", "नमस्ते", "a\u200bb"])
def test_is_text_of_any_language_taken(text: str) -> None:
    assert character_refusal(Say(command_id="c", by=BUYER, text=text)) is None


@pytest.mark.parametrize(
    ("reason", "code"),
    [("ż" * 250, None), ("ż" * 251, Code.TEXT_TOO_LONG), ("a\x1b", Code.CHARACTER_REFUSED)],
)
def test_is_the_reason_of_a_recalculation_bounded_text(reason: str, code: Code | None) -> None:
    refusal = reason_refusal(Recalculate(command_id="c", by=BUYER, reason=reason))
    assert (refusal and refusal.code) == code


@pytest.mark.parametrize(
    ("opening", "code"),
    [
        ({"text": "ż" * 4000}, None),
        ({"text": "ż" * 4001}, Code.TEXT_TOO_LONG),
        ({"text": "a\x00b"}, Code.CHARACTER_REFUSED),
        ({"text": "x", "attachments": (file("a\u202eb"),)}, Code.CHARACTER_REFUSED),
        ({"text": "x", "opened_by": Actor(party=Party.BUYER, id="b", name="\n")},
         Code.CHARACTER_REFUSED),
        ({"text": "ż\x00" * 4000, "instead_of": "inquiry:PL:1:1",
          "opened_by": Actor(party=Party.PLATFORM, id="p")}, None),
    ],
)  # fmt: skip
def test_is_an_opening_bounded_text(opening: dict[str, Any], code: Code | None) -> None:
    policy = read_policy("PL")
    rules = Rules(
        policy_version="1",
        terms=policy.inquiry,
        calendar=read_calendar("PL", 2026, 2027),
    )
    person = {"name": "", "email": "", "locale": "pl"}
    order = Order(
        id="1",
        country="PL",
        currency="PLN",
        placed_at=datetime(2026, 1, 1, tzinfo=UTC),
        buyer=Person(id="b", **person),
        seller=Person(id="s", **person),
        lines=(OrderedLine(sku="A", title="Lamp", quantity=1, unit_price_minor=1),),
    )
    given = {"country": "PL", "order_id": "1", "opened_by": BUYER, **opening}
    refusal = register(OpenInquiry(**given), order, rules, order.placed_at).refusal
    assert (refusal and refusal.code) == code


def test_is_everything_that_comes_in_bounded() -> None:
    openings = get_args(get_args(Opening)[0])
    unbounded = {
        f"{model.__name__}{place}"
        for model in (*MODELS, *openings)
        for place in _unbounded(model, "")
    }
    assert unbounded == set()


def _unbounded(model: type[BaseModel], place: str) -> Iterator[str]:
    """The texts and lists of a model that can be of any length."""
    for name, field in model.model_fields.items():
        yield from _of_field(field.annotation, field, f"{place}.{name}")


def _of_field(annotation: Any, field: FieldInfo | None, place: str) -> Iterator[str]:
    metadata = list(field.metadata) if field else []
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        metadata += [part for one in more for part in getattr(one, "metadata", [one])]
    origin = get_origin(annotation)
    if annotation is str or origin is tuple:
        bounded = any(isinstance(one, MaxLen) for one in metadata)
        patterns = [getattr(one, "pattern", None) for one in metadata]
        if not bounded and not any(one and not one.endswith("+$") for one in patterns):
            yield place
    for part in get_args(annotation) if origin is not None else ():
        yield from _of_field(part, None, place)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _unbounded(annotation, place)
