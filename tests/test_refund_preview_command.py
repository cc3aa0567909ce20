"""Does `starter.py refund-preview` answer each line in order, and refuse in one sentence?"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.refund_preview import preview_lines

ROOT = Path(__file__).parent.parent
MUG = {"sku": "MUG", "quantity": 3, "unit_price_minor": 1999, "discount_minor": 100}
GOOD: dict[str, Any] = {
    "event": "withdrawal",
    "currency": "PLN",
    "lines": [MUG],
    "delivery": {"paid_minor": 1499, "cheapest_standard_minor": 899},
    "units": [{"sku": "MUG", "quantity": 1}],
    "delivery_share": "proportional",
}
REFUND = 1965 + 299


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "starter.py", "refund-preview", *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )


def answers(*lines: str | bytes | dict[str, Any]) -> list[dict[str, Any]]:
    asked = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    raw = [line.encode() if isinstance(line, str) else line for line in asked]
    return [json.loads(line) for line in preview_lines(raw)]


def test_a_batch_answers_each_line_in_order(tmp_path: Path) -> None:
    asked = [
        json.dumps(GOOD),
        "",
        "no json",
        json.dumps({**GOOD, "event": "complaint", "units": [{"sku": "MUG", "quantity": 4}]}),
        json.dumps({**GOOD, "event": "uncollected", "payment": "cash-on-delivery"}),
        json.dumps({**GOOD, "units": [{"sku": "MUG", "quantity": 2}]}),
    ]
    file = tmp_path / "asked.jsonl"
    file.write_text("\n".join(asked))
    ran = run("--batch", str(file))
    assert ran.returncode == 0
    assert ran.stderr == b""
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [answer.get("refund_minor") for answer in found] == [2264, None, None, None, 0, 4530]
    assert found[0] == {
        "refund_minor": 2264,
        "parts": [
            {
                "what": "1 × MUG",
                "amount_minor": 1965,
                "why": "W1, art. 13(1): the price paid for these units, the discount taken off.",
            },
            {
                "what": "delivery",
                "amount_minor": 299,
                "why": "Art. 13(2): the delivery comes back like the goods, 19.65 PLN of "
                "58.97 PLN of their price; the surcharge of 6.00 PLN for a dearer one stays with "
                "the buyer.",
            },
        ],
    }
    assert found[1:4] == [
        {"error": "The line is blank."},
        {"error": "The line is not JSON."},
        {"error": "'MUG' has 3 left to refund, not 4; name at most what is left."},
    ]
    assert run("--batch", "-", stdin=file.read_bytes()).stdout == ran.stdout


def test_nothing_asked_is_nothing_answered() -> None:
    ran = run("--batch", "-")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def test_file_that_cannot_be_read_is_one_sentence_and_code_2() -> None:
    ran = run("--batch", "/no/such/file")
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert ran.stderr.startswith(b"The file '/no/such/file' cannot be read: ")
    assert ran.stderr.count(b"\n") == 1


def test_command_without_a_batch_is_one_sentence_and_code_2() -> None:
    ran = run()
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert b"--batch" in ran.stderr
    assert ran.stderr.count(b"\n") == 1


def test_help_shows_a_line_that_is_answered() -> None:
    page = " ".join(run("--help").stdout.decode().split())
    assert "whole minor units" in page
    example, _end = json.JSONDecoder().raw_decode(page[page.index("{") :])
    assert answers(example)[0]["refund_minor"] == REFUND


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("[1]", "The line must be a JSON object"),
        ("NaN", "The line must be a JSON object"),
        ("[" * 100_000, "The line is not JSON."),
        (b"\xff\xfe", "The line is not UTF-8."),
        ('{"event": ' + "9" * 5000 + "}", "The line is not JSON."),
        ({}, "'event' is missing; add it."),
        ({**GOOD, "colour": 1}, "'colour' is not known here; leave it out."),
        ({**GOOD, "c" * 500: 1}, "'ccc"),
        ({**GOOD, "lines": [{"sku": "A"}]}, "'lines[0].quantity' is missing; add it."),
        ({**GOOD, "lines": [{**MUG, "title": ""}]}, "'lines[0].title' is not known"),
        ({**GOOD, "lines": []}, "'lines' must not be empty."),
        ({**GOOD, "lines": {}}, "'lines' must be a list."),
        ({**GOOD, "lines": [1]}, "'lines[0]' must be a JSON object, not 1."),
        (
            {**GOOD, "lines": [{**MUG, "quantity": 0}]},
            "'lines[0].quantity' must be at least 1, not 0.",
        ),
        ({**GOOD, "lines": [{**MUG, "quantity": True}]}, "'lines[0].quantity' must be a whole"),
        ({**GOOD, "lines": [{**MUG, "sku": 7}]}, "'lines[0].sku' must be text, not 7."),
        ({**GOOD, "lines": [{**MUG, "sku": ""}]}, "'lines[0].sku' must not be empty."),
        ({**GOOD, "lines": [{**MUG, "sku": "s" * 301}]}, "'lines[0].sku' must be at most 300"),
        (
            {**GOOD, "lines": [{**MUG, "discount_minor": 5998}]},
            "The discount of 'MUG' is above its price; give at most 5997.",
        ),
        (
            {**GOOD, "lines": [{**MUG, "unit_price_minor": -1}]},
            "'lines[0].unit_price_minor' must be at least 0, not -1.",
        ),
        (
            {**GOOD, "lines": [{**MUG, "unit_price_minor": 10**12 + 1}]},
            "'lines[0].unit_price_minor' must be at most 1000000000000, not 1000000000001.",
        ),
        ({**GOOD, "lines": [MUG, MUG]}, "'MUG' is in lines twice; give one line for each sku."),
        ({**GOOD, "event": "theft"}, "'event' must be one of withdrawal, cancellation, "),
        ({**GOOD, "event": None}, "'event' must be one of"),
        (
            {**GOOD, "currency": "zł"},
            "'currency' must be three capital letters, like PLN, not 'zł'.",
        ),
        ({**GOOD, "delivery_share": "difference"}, "'delivery_share' must be one of none, "),
        ({**GOOD, "delivery": {}}, "'delivery.paid_minor' is missing; add it."),
        ({**GOOD, "delivery": 5}, "'delivery' must be a JSON object, not 5."),
        ({**GOOD, "units": []}, "'units' must not be empty."),
        ({**GOOD, "units": [{"sku": "MUG", "quantity": 0}]}, "'units[0].quantity' must be at l"),
        ({**GOOD, "units": [{"sku": "CUP", "quantity": 1}]}, "'CUP' in units is not a line of"),
        ({**GOOD, "units": [{"sku": "MUG", "quantity": 1.0}]}, "'units[0].quantity' must be a w"),
        (
            {**GOOD, "already_refunded": [{"sku": "MUG", "quantity": "1"}]},
            "'already_refunded[0][0].quantity' must be a whole number, not ",
        ),
        (
            {**GOOD, "already_refunded": [[{"sku": "MUG", "quantity": True}]]},
            "'already_refunded[0][0].quantity' must be a whole number, not ",
        ),
        ({**GOOD, "already_refunded": "MUG"}, "'already_refunded' must be a list"),
        ({**GOOD, "already_refunded": None}, "'already_refunded' must be a list"),
        (
            {**GOOD, "already_refunded": [[{"sku": "MUG", "quantity": 3}]], "units": None},
            "Nothing is left to refund",
        ),
        ({**GOOD, "diminished_minor": 1.5}, "'diminished_minor' must be a whole number, not "),
        (
            {**GOOD, "diminished_minor": float("nan")},
            "'diminished_minor' must be a whole number, not ",
        ),
        ({**GOOD, "diminished_minor": "5"}, "'diminished_minor' must be a whole number, not "),
        ({**GOOD, "diminished_minor": False}, "'diminished_minor' must be a whole number, not "),
        ({**GOOD, "diminished_minor": 10**30}, "'diminished_minor' must be at most"),
        ({**GOOD, "buyer_informed": 1}, "'buyer_informed' must be true or false, not "),
        ({**GOOD, "buyer_informed": "yes"}, "'buyer_informed' must be true or false, not "),
        ({**GOOD, "way_back": {"charged_minor": 5}}, "'way_back.announced' is missing; add it."),
        (
            {**GOOD, "payment": "card"},
            "'payment' must be one of prepaid, unpaid, cash-on-delivery, not 'card'.",
        ),
    ],
)
def test_a_bad_line_is_an_error_and_the_next_is_answered(
    line: str | bytes | dict[str, Any], sentence: str
) -> None:
    bad, good = answers(line, GOOD)
    assert bad.keys() == {"error"}
    assert bad["error"].startswith(sentence)
    assert bad["error"].endswith(".")
    assert "\n" not in bad["error"]
    assert len(bad["error"]) < 200
    assert good["refund_minor"] == REFUND


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*GOOD, "already_refunded", "way_back", "payment", "more"]), ANYTHING)
def test_whatever_a_field_holds_it_has_one_answer(name: str, value: object) -> None:
    (answer,) = answers({**GOOD, name: value})
    assert ("error" in answer) != ("refund_minor" in answer)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_bytes_a_line_holds_it_is_an_error(line: bytes) -> None:
    (answer,) = answers(line)
    assert answer["error"]


def test_the_command_imports_neither_temporal_nor_a_database() -> None:
    script = "import sys, starter; print({'temporalio', 'sqlalchemy'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "set()"


def test_ten_thousand_lines_are_answered() -> None:
    events = ["withdrawal", "cancellation", "complaint", "not-delivered", "uncollected"]
    lines = [
        {
            **GOOD,
            "event": events[number % 5],
            "lines": [{**MUG, "unit_price_minor": 1000 + number}, {**MUG, "sku": "CUP"}],
            "already_refunded": [[{"sku": "CUP", "quantity": 1}]],
            "diminished_minor": number % 700,
            "way_back": {"charged_minor": 300, "announced": number % 2 == 0},
        }
        for number in range(10_000)
    ]
    begin = time.perf_counter()
    ran = run("--batch", "-", stdin="\n".join(map(json.dumps, lines)).encode())
    took = time.perf_counter() - begin
    print(f"10,000 lines, start-up included: {took:.1f} s")  # noqa: T201 - measured, not asserted
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(found) == 10_000
    for answer in found:
        assert answer["refund_minor"] == sum(part["amount_minor"] for part in answer["parts"])
