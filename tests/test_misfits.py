"""Is everything wrong in what is given told in one sentence that says what to do?"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import starter
from cli.documents import read_opening
from cli.misfits import mistyped
from cli.verbs import MODELS
from config import ConfigurationError, Settings
from domain.commands import COMMAND
from domain.kinds import Kind
from domain.misfits import PATTERNS
from domain.openings import OPENING, ReturnForm
from service.failures import InputError

OPENINGS = Path(__file__).parent.parent / "examples" / "openings"

PROGRAMMERS = re.compile(
    r"[Ii]nput should|[Vv]alue error|Field required|discriminator|unable to|valid |StrEnum|Kind\."
    r"|cannot be used|of the form"
)
"""Words of pydantic, and ours for what has no words of its own."""

A_NAME = "1 to 100 letters a-z, digits, dots, underscores or hyphens"


def of(example: str, /, **changes: Any) -> dict[str, Any]:
    """An example's opening, with these fields changed; Ellipsis leaves one out."""
    document = json.loads((OPENINGS / f"{example}.json").read_text()) | changes
    return {name: value for name, value in document.items() if value is not ...}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "The opening does not fit: it must be a JSON object."),
        (None, "The opening does not fit: it must be a JSON object, not null."),
        ({}, f"The opening does not fit at /kind: it is missing; add one of {', '.join(Kind)}, "
             "return-form."),
        (of("dispute", kind="quarrel"), "The opening does not fit at /kind: it must be one of "
         f"{', '.join(Kind)}, return-form, not 'quarrel'."),
        (of("dispute", country=...), " at /country: it is missing; add it."),
        (of("dispute", country=..., wanted=...), " /country: it is missing; add it (and /wanted)."),
        (of("dispute", country="pl"), " at /country: it must be two capital letters, like PL, "
                                      "not 'pl'."),
        (of("dispute", order_id="a b"), f" at /order_id: it must be {A_NAME}, not 'a b'."),
        (of("dispute", number=0), " at /number: it must be at least 1, not 0."),
        (of("dispute", number=1000), " at /number: it must be at most 999, not 1000."),
        (of("dispute", number=1.5), " at /number: it must be a whole number, not 1.5."),
        (of("dispute", number="two"), " at /number: it must be a whole number, not 'two'."),
        (of("dispute", opened_by="buyer"), " at /opened_by: it must be a JSON object, "
                                           "not 'buyer'."),
        (of("dispute", opened_by={"party": "king", "id": "1"}), " at /opened_by/party: it must be "
         "one of buyer, seller, agent, platform, not 'king'."),
        (of("dispute", opened_by={"party": "buyer", "id": ""}), " at /opened_by/id: it must not be "
                                                                "empty."),
        (of("dispute", text=""), " at /text: it must not be empty."),
        (of("dispute", text=7), " at /text: it must be text, not 7."),
        (of("dispute", text="x" * 100_001), " at /text: it must be at most 100000 characters "
                                            "long."),
        (of("dispute", wanted="money"), " at /wanted: it must be one of full-refund, "
         "partial-refund, replacement, repair, return-for-refund, send-again, not 'money'."),
        (of("dispute", wanted=None), "send-again, not null."),
        (of("dispute", lines={"A": 1}), " at /lines: it must be a list."),
        (of("dispute", lines=["A"]), " at /lines/0: it must be a JSON object, not 'A'."),
        (of("dispute", lines=[{"sku": "A"}]), " at /lines/0/quantity: it is missing; add it."),
        (of("dispute", happened_at="yesterday"), " at /happened_at: it must be a time with its "
         "offset, like 2026-11-20T14:05+01:00, not 'yesterday'."),
        (of("dispute", happened_at="2026-11-20T14:05"), ", not '2026-11-20T14:05'."),
        (of("dispute", happened_at=[]), "like 2026-11-20T14:05+01:00."),
        (of("dispute", amount=40), " at /amount: it must be a JSON object, not 40."),
        (of("dispute", amount={"amount_minor": -1, "currency": "PLN"}),
         " at /amount/amount_minor: it must be at least 0, not -1."),
        (of("dispute", amount={"amount_minor": 1, "currency": "zł"}),
         " at /amount/currency: it must be three capital letters, like PLN, not 'zł'."),
        (of("dispute", colour="red"), " at /colour: it is not known here; leave it out."),
        (of("dispute", dispute=1), " at /dispute: it is not known here; leave it out."),
        (of("dispute", **{"a/b~c\x1b": 1}), " at /a~1b~0c\ufffd: it is not known here"),
        (of("dispute", **{"c" * 500: 1}), "ccc...: it is not known here; leave it out."),
        (of("cancellation", text=""), "The opening does not fit: write in `text` that the order "
                                      "is cancelled."),
        (of("non-delivery", tracking="T1"), "fit: leave `tracking` out; the order tells its "
                                            "parcels."),
        (of("non-delivery", essential_date="maybe"), "it must be true or false, not 'maybe'."),
        (of("uncollected-parcel", tracking="T_1"), " at /tracking: it must be 1 to 60 letters a-z, "
         "digits, spaces, dots, slashes or hyphens, not 'T_1'."),
        (of("complaint", instead_of="dispute"), " at /instead_of: it must be a case's id, like "
                                                "dispute:PL:PL-1001:1, not 'dispute'."),
        (of("return-form", reason="bored"), "The return form does not fit at /reason: it must be "
                                            "one of changed-mind, "),
        (of("return-form", reason="defective", way="sellers-label"), 'The return form does not '
         'fit: "defective" is a reason of complaint; leave `way` out.'),
        (of("return-form", colour="red"), " at /colour: it is not known here; leave it out."),
    ],
)  # fmt: skip
def test_is_a_wrong_field_of_an_opening_told_with_what_to_do(
    document: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "opening.json"
    file.write_text(json.dumps(document))
    assert starter.main(["open", str(file)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.endswith(".\n")
    assert told.count("\n") == 1
    assert not PROGRAMMERS.search(told)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("returned", "--order", "PL-1", "--tracking", "T1"), "--country is missing; add it."),
        (("returned", "--order", "PL-1", "--country", "PL"), "--tracking is missing; add it."),
        (("returned", "--order", "PL 1", "--country", "PL", "--tracking", "T1"),
         f"--order must be {A_NAME}, not 'PL 1'."),
        (("CASE", "arrived", "--tracking", "T_1"), "--tracking must be 1 to 60 letters a-z, "
         "digits, spaces, dots, slashes or hyphens, not 'T_1'."),
        (("CASE", "arrived", "--event-id", ""), "--event-id must not be empty."),
    ],
)  # fmt: skip
def test_is_a_wrong_parcel_event_told_by_its_option(
    typed: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert starter.main(["parcel-event", *typed]) == 2
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"number": ' + b"9" * 5000 + b"}", " holds a number of too many digits; make it short"),
        (json.dumps(of("dispute", text="\ud800")).encode(), "The opening does not fit: it is not "),
    ],
)
def test_is_a_file_that_is_hardly_json_told_in_one_sentence(
    raw: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "opening.json"
    file.write_bytes(raw)
    assert starter.main(["open", str(file)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**30, float("nan"), "", "x y!", "é" * 300, "2026-11-20T14:05",
    "2026-13-45", [], [1], ["x"], {}, {"x": 1},
)  # fmt: skip


def bent(document: Any) -> Iterator[Any]:
    """The document with each part of it, in turn, left out, added to, or something else."""
    if isinstance(document, dict):
        yield {**document, "more": 1}
        for name, value in document.items():
            yield {other: document[other] for other in document if other != name}
            yield from ({**document, name: inner} for inner in bent(value))
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from ([*document[:place], inner, *document[place + 1 :]] for inner in bent(value))
    yield from ODD


def test_does_no_opening_bent_in_any_place_show_a_programmers_words(tmp_path: Path) -> None:
    file, told = tmp_path / "opening.json", set()
    everything = {
        "happened_at": "2026-11-20T14:05Z",
        "amount": {"amount_minor": 1, "currency": "PLN"},
        "attachments": [
            {"name": "a", "size": 1, "media_type": "image/jpeg", "sha256": "0" * 64},
        ],
    }
    for kind in (*Kind, "return-form"):
        for document in bent(of(kind, **(everything if kind == "dispute" else {}))):
            file.write_text(json.dumps(document))
            try:
                read_opening(str(file))
            except InputError as error:
                told.add(str(error))
    assert len(told) > 300
    assert not [sentence for sentence in told if PROGRAMMERS.search(sentence)]


def test_does_no_command_with_any_odd_field_show_a_programmers_words() -> None:
    told = set()
    for model in MODELS:
        for name in (*model.model_fields, "more"):
            for odd in (*ODD, [{"sku": "A", "quantity": "x"}], {"amount_minor": "x"}):
                given = {"verb": model.word(), "command_id": "c", "by": {"party": "buyer"}}
                try:
                    COMMAND.validate_python(given | {name: odd})
                except ValidationError as error:
                    told |= {str(mistyped(error, {}))}
    assert len(told) > 100
    assert not [sentence for sentence in told if PROGRAMMERS.search(sentence)]


def test_has_every_pattern_of_what_is_given_its_words() -> None:
    schemas = [one.json_schema() for one in (OPENING, COMMAND, TypeAdapter(ReturnForm))]
    found = set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(schemas)))
    assert found
    assert {json.loads(pattern) for pattern in found} <= set(PATTERNS)


def test_is_a_wrong_setting_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOURSE_SMTP_PORT", "mail")
    with pytest.raises(ConfigurationError, match="PORT rightly: it must be a whole number, not "):
        Settings.read()
