"""Do the steps of CONTRIBUTING.md lead where they say?"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from config import HERE
from domain.deadlines import Counting, reckon
from domain.kinds import Kind
from domain.parties import Party
from policies import HERE as SHIPPED
from policies import check, countries, read_calendar, read_policy
from store.engine import connect, migrate
from tests.conftest import world_on
from tests.life import CURRENCY, LOCALE, World
from tests.policies import laid_over
from tests.record_histories import (
    cancellation_stopped,
    carrier_claim_appealed,
    complaint_repaired_twice,
    dispute_decided,
    inquiry_breached,
    non_delivery_lost,
    return_repaired,
    uncollected_withdrawn,
    withdrawal_refunded,
)
from tests.skipping import skipping_server

ZONE = "Europe/San_Marino"

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "images")

ABOUT_COUNTRIES = (
    "test_policies",
    "test_deadline_command",
    "test_withdrawing",
    "test_complaining",
    "test_process_pages",
    "test_every_stage_is_looked_at_once",
)
"""The tests that know which countries there are; the others ask each country by its name."""

LIVES = {
    Kind.INQUIRY: inquiry_breached,
    Kind.DISPUTE: dispute_decided,
    Kind.CANCELLATION: cancellation_stopped,
    Kind.WITHDRAWAL: withdrawal_refunded,
    Kind.RETURN: return_repaired,
    Kind.UNCOLLECTED_PARCEL: uncollected_withdrawn,
    Kind.NON_DELIVERY: non_delivery_lost,
    Kind.CARRIER_CLAIM: carrier_claim_appealed,
    Kind.COMPLAINT: complaint_repaired_twice,
}
"""A whole life of each process."""


def section(title: str) -> str:
    """A section of CONTRIBUTING.md."""
    text = (HERE / "CONTRIBUTING.md").read_text()
    [found] = re.findall(rf"^## {title}$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    return str(found)


def steps(title: str, language: str) -> list[str]:
    """The code of a section of CONTRIBUTING.md that is written in a language."""
    fence = rf"^ *```{language}\n(.*?)^ *```$"
    found = re.findall(fence, section(title), re.MULTILINE | re.DOTALL)
    return [dedent(code) for code in found]


def shell(command: str, where: Path, **settings: str) -> str:
    """What a command prints, run as a contributor would."""
    command = command.replace(".venv/bin/python", sys.executable)
    ran = subprocess.run(
        ["bash", "-euc", command],
        cwd=where,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which Freedonia was added, step by step."""
    copy = tmp_path_factory.mktemp("checkout") / "recourse"
    shutil.copytree(HERE, copy, ignore=LEFT_OUT)
    [policy] = steps("Add a country", "toml")
    [look] = steps("Add a country", "sh")
    (copy / "policies" / "fd.toml").write_text(policy)
    (copy / "said.txt").write_text(shell(look, copy))
    return copy


def test_a_new_country_counts_by_its_own_calendar(checkout: Path) -> None:
    said = (checkout / "said.txt").read_text()
    assert "Thu 3 Dec 2026" in said  # 14 days end on Freedonia Day; the day after is one, too
    assert "Freedonia Day" in said


def test_a_new_country_is_named_on_every_page(checkout: Path) -> None:
    for page in (checkout / "docs" / "processes").glob("*.md"):
        assert re.search(r"^It runs in .*\bFD\b", page.read_text(), re.MULTILINE), page.name


async def test_a_case_lives_by_the_rules_of_a_new_country(checkout: Path, tmp_path: Path) -> None:
    policies = checkout / "policies"
    # A clock of its own: that of the other tests may have run past the years that are listed.
    async with skipping_server() as server, world_on(server, tmp_path, policies) as world:
        order = world.alter(await world.in_hand("SI"), country="FD")
        life = await world.withdrawal("FD", order_id=order)
        view = await life.view()
        [refund] = [clock for clock in view.clocks if clock.window == "refund"]
        year = refund.started_at.year
        calendar = read_calendar("FD", year, year + 1, policies)
        due = reckon(Counting.SELLER_DAYS, refund.length, refund.started_at, calendar).due
        assert (refund.due, view.zone) == (due, ZONE)
        assert (await life.ends()).ending == "nothing-came-back"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder of an operator's own, whose only rules are those of Freedonia."""
    [policy] = steps("Add a country", "toml")
    folder = laid_over(SHIPPED, tmp_path / "rules", {})
    (folder / "fd.toml").write_text(policy)
    return folder


@pytest.fixture
def of_freedonia(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test opens is in Freedonia unless it says otherwise; there one reads Slovene."""
    monkeypatch.setitem(CURRENCY, "FD", "EUR")
    monkeypatch.setitem(LOCALE, "FD", "sl")
    for method in vars(World).values():
        if getattr(method, "__defaults__", None) and method.__defaults__[0] == "PL":
            monkeypatch.setattr(method, "__defaults__", ("FD", *method.__defaults__[1:]))


def test_a_country_may_have_its_rules_in_a_folder_of_the_operator(
    rules: Path, tmp_path: Path
) -> None:
    assert countries(rules) == sorted([*countries(), "FD"])
    check(rules)
    [command, _] = steps("Add a country", "sh")[0].splitlines()
    own = {"RECOURSE_POLICIES": str(rules)}
    assert "Freedonia Day" in shell(command, HERE, **own)
    known = "from service.countries import *; print(zone_of('FD'))"
    assert shell(f'.venv/bin/python -c "{known}"', HERE, **own).split() == [ZONE]
    store = connect(f"sqlite:///{tmp_path / 'recourse.db'}")
    migrate(store)
    figures = shell(
        ".venv/bin/python starter.py headline --json", HERE, **own, DATABASE_URL=str(store.url)
    )
    store.dispose()
    assert list(json.loads(figures)) == ["all", *countries(rules)]


@pytest.mark.slow
@pytest.mark.usefixtures("of_freedonia")
async def test_every_process_lives_in_a_new_country_to_its_end(rules: Path, tmp_path: Path) -> None:
    assert set(LIVES) == set(Kind)
    async with skipping_server() as server, world_on(server, tmp_path, rules) as world:
        for kind, play in LIVES.items():
            life = await play(world)
            assert life.handle.id.startswith(f"{kind}:FD:")
            await life.ends()
            view = await life.view()
            assert (view.zone, view.policy_version) == (ZONE, read_policy("FD", rules).version)
            letters = life.letters_whole(Party.BUYER) or life.letters_whole(Party.SELLER)
            assert letters[0].locale == ("en" if kind is Kind.CARRIER_CLAIM else "sl")
            assert all(f"({ZONE})" in letter.text for letter in letters)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_tests_ask_of_each_country_they_ask_of_a_new_one(checkout: Path) -> None:
    asked = " or ".join(("FD", *ABOUT_COUNTRIES))
    tests = f"({asked}) and not store and not whatever and not ten_thousand"
    run = f".venv/bin/python -m pytest -n 0 -q -p no:cacheprovider -rA -k '{tests}'"
    said = shell(run, checkout)
    passed = re.findall(r"^PASSED (tests/\w+\.py)::\w+\[(?:[^\]]*-)?FD(?:-[^\]]*)?\]$", said, re.M)
    assert len(set(passed)) >= 7, said


def test_the_steps_of_a_process_name_what_is_there() -> None:
    text = section("Add a process")
    named = re.findall(r"`([^`]+)` in `([^`]+)`", text)
    assert len(named) > 10
    for what, where in named:
        assert what in (HERE / where).read_text(), f"{what} is not in {where}"
    for path in re.findall(r"`([a-z/_-]+/[a-z_./-]+)`", text):
        assert (HERE / path).exists(), path


def test_a_process_costs_as_many_files_as_the_steps_say() -> None:
    said = section("Add a process")
    names = re.compile(r"NonDelivery|NON_DELIVERY|non[_-]delivery")
    rooms = ("domain", "policies", "service", "api", "store", "templates", "workflows")
    files = [
        file.relative_to(HERE)
        for room in rooms
        for kind in ("*.py", "*.toml")
        for file in (HERE / room).rglob(kind)
        if names.search(file.read_text())
    ]
    found = Counter(file.parts[0] for file in files)
    assert names.search((HERE / "starter.py").read_text())
    own = [file for file in files if file.parts[:2] == ("workflows", "non_delivery")]
    for count, where in (
        (len(own), " of its own in `workflows/`"),
        (found["domain"], " in `domain/`"),
        (found["policies"], " in `policies/`"),
        (found["service"], " in `service/`"),
        (found["api"], " in `api/`"),
        (found["store"], " in `store/`"),
        (found["templates"], " languages"),
    ):
        assert f"{count}{where}" in " ".join(said.split()), f"{count}{where}"
    assert found["workflows"] == len(own) + 3  # the list, and those that turn into it
