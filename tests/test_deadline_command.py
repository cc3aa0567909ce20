"""Does `starter.py deadline` answer, explain, and refuse in one sentence?"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from cli.deadline import answer_lines, deadline_command
from tests.policies import COUNTRIES, EVERY_COUNTRY, FIVE

APP = typer.Typer()
APP.command("deadline")(deadline_command)
ROOT = Path(__file__).parent.parent
GOOD = {"rule": "working-hours", "amount": 24, "country": "SI", "start": "2026-04-03T16:30"}


def ask(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(APP, arguments, input=stdin)


def ask_for(rule: str, amount: int | str, country: str, start: str, *more: str) -> Result:
    return ask(
        "--rule", rule, "--amount", str(amount), "--country", country, "--start", start, *more
    )


def answers(*lines: str | bytes | dict[str, Any]) -> list[dict[str, Any]]:
    asked = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    raw = [line.encode() if isinstance(line, str) else line for line in asked]
    return [json.loads(line) for line in answer_lines(raw)]


def test_json_gives_the_due_instant_local_and_in_utc_with_its_reasons() -> None:
    result = ask_for("working-hours", 24, "SI", "2026-04-03T16:30", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["due"] == "2026-04-07T16:30:00+02:00"
    assert answer["due_utc"] == "2026-04-07T14:30:00Z"
    assert "safe" not in answer
    assert answer["notes"] == []
    assert "Mon 6 Apr 2026: skipped, Easter Monday." in answer["explanation"]


def test_a_sellers_duty_prints_the_safe_instant_too() -> None:
    answer = json.loads(ask_for("seller-days", 14, "PL", "2026-11-18T23:30Z", "--json").stdout)
    assert answer["due_utc"] == "2026-12-03T23:00:00Z"
    assert answer["safe"] == "2026-12-04T00:00:00+01:00"
    assert answer["safe_utc"] == "2026-12-03T23:00:00Z"


def test_without_json_it_is_a_page_to_read() -> None:
    result = ask_for("calendar-days", 14, "PL", "2026-12-11")
    assert result.exit_code == 0
    assert "Due: until the end of Mon 28 Dec 2026.\n" in result.stdout


@EVERY_COUNTRY
@pytest.mark.parametrize(
    "rule",
    [
        *("working-hours", "calendar-days", "seller-days", "working-days"),
        *("calendar-months", "calendar-years", "hours", "seconds"),
    ],
)
def test_every_rule_answers_in_every_country(rule: str, country: str) -> None:
    result = ask_for(rule, 5, country, "2026-04-03T16:30", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["due_utc"] > "2026-04-03T14:30:00Z"


def test_held_spans_are_not_counted() -> None:
    answer = json.loads(
        ask_for(
            *("working-hours", 24, "SI", "2026-06-15T20:00", "--json"),
            *("--held", "2026-06-16T14:00/2026-06-17T00:00"),
            *("--held", "2026-06-16T22:00Z/2026-06-17T14:00+02:00"),
        ).stdout
    )
    assert answer["due"] == "2026-06-17T20:00:00+02:00"


def test_a_time_that_the_clock_skips_is_moved_forward_and_said() -> None:
    answer = json.loads(ask_for("hours", 1, "PL", "2026-03-29T02:30", "--json").stdout)
    assert answer["due_utc"] == "2026-03-29T02:30:00Z"
    assert answer["notes"] == [
        "02:30 is skipped by the clock in Europe/Warsaw on that day: taken as 03:30."
    ]
    assert answer["notes"][0] in answer["explanation"]


def test_a_time_that_comes_twice_is_the_first_and_said() -> None:
    answer = json.loads(ask_for("hours", 1, "PL", "2026-10-25T02:30", "--json").stdout)
    assert answer["due_utc"] == "2026-10-25T01:30:00Z"
    assert "comes twice" in answer["notes"][0]
    exact = json.loads(ask_for("hours", 1, "PL", "2026-10-25T02:30+01:00", "--json").stdout)
    assert exact["due_utc"] == "2026-10-25T02:30:00Z"
    assert exact["notes"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say --rule, --amount, --country, --start as well, or --batch FILE."),
        (["--rule", "hours"], "Say --amount, --country, --start as well, or --batch FILE."),
        (["--rule", "days"], "The rule must be one of working-hours,"),
        (["--amount", "1.5"], "--amount must be a whole number, not '1.5'."),
        (["--amount", "٣"], "--amount must be a whole number"),
        (["--amount", "9" * 5000], "--amount must be a whole number, not '999"),
        (["--amount", "0"], "The amount of working-hours must be between 1 and 87840"),
        (["--amount", "-1"], "The amount of working-hours must be between 1 and 87840"),
        (["--amount", str(10**18)], "The amount of working-hours must be between 1 and 87840"),
        (["--country", "DE"], f"The country must be one of {', '.join(COUNTRIES)}, not 'DE'."),
        (["--country", "../pl"], "The country must be one of"),
        (["--start", "yesterday"], "The time of start must be like 2026-04-03T16:30"),
        (["--start", "0001-01-01"], "The time of start must lie between the years 1 and 9999."),
        (["--start", "0002-01-01"], "The calendar of SI covers the years 1992 to 2100, and 2 is"),
        (["--start", "9999-12-31T23:59"], "The calendar of SI covers the years 1992 to 2100"),
        (["--held", "2026-06-16T14:00"], "--held must be FROM/TO, not '2026-06-16T14:00'."),
        (["--held", "2026-06-16/x"], "The time of held must be like 2026-04-03T16:30"),
        (["--held", "2026-06-16/2026-06-15"], "The span held from 2026-06-15 22:00:00+00:00 ends"),
        (["--batch", "/no/such/file"], "--batch goes alone"),
    ],
)
def test_bad_input_is_one_sentence_and_code_2(arguments: list[str], sentence: str) -> None:
    given_all = [word for key, value in GOOD.items() for word in (f"--{key}", str(value))]
    short = not arguments or arguments == ["--rule", "hours"]
    result = ask(*arguments) if short else ask(*given_all, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["/no/such/file", "/", "a\0b"])
def test_a_batch_that_cannot_be_read_is_one_sentence(name: str) -> None:
    result = ask("--batch", name)
    assert result.exit_code == 2
    assert result.stderr.startswith("The file ")
    assert result.stderr.count("\n") == 1


def test_a_batch_answers_each_line_in_order(tmp_path: Path) -> None:
    asked = [
        json.dumps(GOOD),
        "",
        json.dumps({**GOOD, "rule": "seller-days", "amount": 8, "start": "2026-04-17"}),
        "no json",
        json.dumps({**GOOD, "held": [["2026-04-03T16:30", "2026-04-07T00:00"]]}),
    ]
    file = tmp_path / "asked.jsonl"
    file.write_text("\n".join(asked))
    result = ask("--batch", str(file))
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0]["due_utc"] == "2026-04-07T14:30:00Z"
    assert lines[1] == {"error": "The line is blank."}
    assert lines[2]["safe_utc"] == "2026-04-24T22:00:00Z"
    assert lines[3] == {"error": "The line is not JSON."}
    assert lines[4]["due_utc"] == "2026-04-07T22:00:00Z"
    assert ask("--batch", "-", stdin=file.read_bytes()).stdout == result.stdout


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("[1]", "The line must be a JSON object."),
        ("NaN", "The line must be a JSON object."),
        ("[" * 100_000, "The line is not JSON."),
        (b"\xff\xfe", "The line is not UTF-8."),
        ('{"rule": ' + "9" * 5000 + "}", "The line is not JSON."),
        ({**GOOD, "colour": 1}, "The key 'colour' is not known"),
        ({"rule": "hours"}, "The key 'amount' is missing."),
        ({**GOOD, "rule": None}, "The rule must be one of"),
        ({**GOOD, "rule": []}, "The rule must be one of"),
        ({**GOOD, "rule": {}}, "The rule must be one of"),
        ({**GOOD, "amount": True}, "The amount must be a whole number, not True."),
        ({**GOOD, "amount": 24.0}, "The amount must be a whole number, not 24.0."),
        ({**GOOD, "amount": float("nan")}, "The amount must be a whole number, not nan."),
        ({**GOOD, "amount": float("inf")}, "The amount must be a whole number, not inf."),
        ({**GOOD, "amount": "24"}, "The amount must be a whole number, not '24'."),
        ({**GOOD, "amount": 10**18}, "The amount of working-hours must be between 1 and 87840"),
        ({**GOOD, "country": ["SI"]}, "The country must be one of"),
        ({**GOOD, "country": "\ud800"}, "The country must be one of"),
        ({**GOOD, "start": 0}, "The time of start must be text, not 0."),
        ({**GOOD, "start": "x" * 10_000}, "The time of start must be like"),
        ({**GOOD, "held": None}, "The held spans must be a list"),
        ({**GOOD, "held": "ab"}, "The held spans must be a list"),
        ({**GOOD, "held": ["ab"]}, "Each held span must be [from, to]."),
        ({**GOOD, "held": [["2026-04-03"]]}, "Each held span must be [from, to]."),
        ({**GOOD, "held": [["2026-04-03", None]]}, "The time of held must be text"),
        ({**GOOD, "held": [["2026-04-05", "2026-04-03"]]}, "The span held from"),
        ({**GOOD, "held": [["0002-01-01", "9998-01-01"]]}, "The calendar of SI covers"),
    ],
)
def test_a_bad_line_is_an_error_and_the_next_is_answered(
    line: str | bytes | dict[str, Any], sentence: str
) -> None:
    bad, good = answers(line, GOOD)
    assert bad["error"].startswith(sentence)
    assert len(bad["error"]) < 400
    assert good["due_utc"] == "2026-04-07T14:30:00Z"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
MOMENT = st.one_of(
    st.datetimes().map(str),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    ANYTHING,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [
            *("working-hours", "calendar-days", "seller-days", "working-days", "hours"),
            *("calendar-months", "calendar-years"),
        ]
    )
    | ANYTHING,
    st.integers(-2, 100) | ANYTHING,
    st.sampled_from(COUNTRIES) | ANYTHING,
    MOMENT,
    st.lists(st.lists(MOMENT, min_size=2, max_size=2), max_size=3) | ANYTHING,
)
def test_whatever_a_line_holds_it_has_one_answer(
    rule: object, amount: object, country: object, start: object, held: object
) -> None:
    line = {"rule": rule, "amount": amount, "country": country, "start": start, "held": held}
    (answer,) = answers(line)
    assert ("error" in answer) != ("due_utc" in answer)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_bytes_a_line_holds_it_is_an_error(line: bytes) -> None:
    (answer,) = [json.loads(text) for text in answer_lines([line])]
    assert answer["error"]


def test_the_command_imports_neither_temporal_nor_a_database() -> None:
    script = "import sys, cli.deadline; print({'temporalio', 'sqlalchemy'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "set()"


def test_ten_thousand_lines_are_answered(tmp_path: Path) -> None:
    rules = ["working-hours", "calendar-days", "seller-days", "working-days", "hours", "seconds"]
    lines = [
        {
            "rule": rules[n % 6],
            "amount": n % 100 + 1,
            "country": FIVE[n % 5],
            "start": f"{2000 + n % 60}-{n % 12 + 1:02}-{n % 28 + 1:02}T{n % 24:02}:{n % 60:02}",
        }
        for n in range(10_000)
    ]
    file = tmp_path / "asked.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    script = "import typer; from cli.deadline import deadline_command; typer.run(deadline_command)"
    begin = time.perf_counter()
    found = subprocess.run(
        [sys.executable, "-c", script, "--batch", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    took = time.perf_counter() - begin
    print(f"10,000 lines, start-up included: {took:.1f} s")  # noqa: T201 - measured, not asserted
    answered = found.stdout.splitlines()
    assert len(answered) == 10_000
    assert all("due_utc" in json.loads(line) for line in answered)
