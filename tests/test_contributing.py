"""Do the steps of CONTRIBUTING.md lead where they say?"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from config import HERE
from domain.deadlines import Counting, reckon
from policies import read_calendar
from tests.conftest import world_on
from tests.skipping import skipping_server

LEFT_OUT = shutil.ignore_patterns(".*", "tests", "__pycache__", "images", "bench")


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


def shell(command: str, where: Path) -> str:
    """What a command prints, run as a contributor would."""
    command = command.replace(".venv/bin/python", sys.executable)
    ran = subprocess.run(
        ["bash", "-euc", command], cwd=where, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
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
        assert (refund.due, view.zone) == (due, "Europe/San_Marino")
        assert (await life.ends()).ending == "nothing-came-back"


def test_the_steps_of_a_process_name_what_is_there() -> None:
    text = section("Add a process")
    named = re.findall(r"`([^`]+)` in `([^`]+)`", text)
    assert len(named) > 10
    for what, where in named:
        assert what in (HERE / where).read_text(), f"{what} is not in {where}"
    for path in re.findall(r"`([a-z/_-]+/[a-z_./-]+)`", text):
        assert (HERE / path).exists(), path
