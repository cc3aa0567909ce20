"""How the parts may depend on each other, and what processes must keep their hands off."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import HERE
from domain.policy import DisputePolicy, InquiryPolicy, Window

OURS = {
    "activities", "bench", "cli", "config", "domain", "policies", "standin", "starter", "store",
    "tests", "worker", "workflows",
}  # fmt: skip

MAY_IMPORT = {
    "domain": {"domain"},
    "policies": {"domain", "policies"},
    "activities": {"activities", "domain", "policies"},
    "workflows": {"activities", "domain", "workflows"},
    "store": {"domain", "store"},
    "standin": {"domain", "standin"},
}
"""Imports point inward: what each package may import of the project when it runs."""

PURE = ("domain", "workflows")

WORLDLY = {
    "os", "subprocess", "socket", "requests", "pathlib", "random", "time", "secrets", "holidays",
    "sqlmodel", "sqlalchemy",
}  # fmt: skip
"""Modules through which a process would read clock, chance, environment, disk or network."""

WORLDLY_CALLS = {"now", "utcnow", "today", "open", "input", "uuid4", "uuid1"}

SILENCE_TESTED_BY = {
    ("dispute", "seller_reply"): "test_silent_seller_is_warned_then_escalated",
    ("dispute", "buyer_reply"): "test_silent_buyer_is_reminded_and_the_case_closed_as_such",
    ("dispute", "help_opens"): "test_one_side_alone_gets_help_only_once_the_window_allows_it",
    (
        "dispute",
        "decision",
    ): "test_task_is_claimed_released_and_times_out_to_the_queue_and_the_lead",
    ("dispute", "lead_decision"): (
        "test_task_is_claimed_released_and_times_out_to_the_queue_and_the_lead"
    ),
    ("dispute", "claim"): "test_task_is_claimed_released_and_times_out_to_the_queue_and_the_lead",
    ("dispute", "appeal"): "test_decision_stands_after_the_appeal_window",
    ("dispute", "reopening"): "test_reopened_case_goes_on_and_silence_closes_it_again",
    ("dispute", "fulfilment"): "test_goods_not_fulfilled_are_a_breach_and_an_agent_decides_again",
    ("dispute", "refund_confirmation"): (
        "test_unconfirmed_refund_blocks_retry_and_close_and_goes_to_an_agent"
    ),
    ("dispute", "agent_question"): "test_agents_question_unanswered_is_decided_without",
    ("dispute", "hold"): "test_forgotten_hold_ends_by_itself",
    ("inquiry", "seller_reply"): (
        "test_silent_seller_is_warned_then_breached_and_the_question_stays_open"
    ),
    ("inquiry", "inactivity"): "test_seller_who_never_answers_is_not_awaited_for_ever",
    ("inquiry", "hold"): "test_held_clock_outlasts_a_new_message_which_has_its_own",
}
"""What happens if nobody answers: a row of the policy, an arm of the process, and this test."""


def files(package: str) -> list[Path]:
    """The package's modules."""
    return sorted((HERE / package).rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported when the code runs, not those for the type checker alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module or ""
        yield from imports(node)


def worldly(source: str) -> list[str]:
    """Where the code reaches for the clock, chance, the environment, the disk or the network."""
    tree = ast.parse(source)
    found = [name for name in imports(tree) if name.partition(".")[0] in WORLDLY]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.rpartition(".")[2] in WORLDLY_CALLS and called != "workflow.now":
                found.append(called)
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_inward(package: str) -> None:
    assert files(package)
    for file in files(package):
        ours = {name.partition(".")[0] for name in imports(ast.parse(file.read_text()))} & OURS
        assert ours <= MAY_IMPORT[package], f"{file.relative_to(HERE)} imports {ours}"


@pytest.mark.parametrize("process", ["dispute", "inquiry"])
def test_a_process_loads_no_database(process: str) -> None:
    program = (
        f"import sys, workflows.{process}\n"
        "print(*sorted({'store', 'sqlmodel', 'sqlalchemy', 'alembic'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=HERE, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize("package", PURE)
def test_processes_read_neither_clock_nor_environment_nor_disk(package: str) -> None:
    for file in files(package):
        assert not worldly(file.read_text()), file.relative_to(HERE)


def test_the_watch_for_worldly_code_sees_it() -> None:
    for source in ("import os", "x = datetime.now(UTC)", "open('f')", "from time import sleep"):
        assert worldly(source), source
    assert not worldly("x = workflow.now()")


def windows() -> list[tuple[str, str]]:
    """Each window of the policies, with the process it belongs to."""
    return [
        (process, name)
        for process, policy in (("dispute", DisputePolicy), ("inquiry", InquiryPolicy))
        for name, field in policy.model_fields.items()
        if field.annotation is Window
    ]


@pytest.mark.parametrize(("process", "window"), windows())
def test_every_window_of_the_policy_is_started_by_its_process(process: str, window: str) -> None:
    files = [HERE / "workflows" / name for name in (f"{process}.py", "case.py")]
    started = {
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert window in started, f'no `self.start("{window}", …)` in workflows/{process}.py'


def test_every_window_has_a_test_of_its_silence() -> None:
    assert set(SILENCE_TESTED_BY) == set(windows())
    for (process, _window), test in SILENCE_TESTED_BY.items():
        lives = (HERE / "tests" / f"test_{process}_lives.py").read_text()
        assert f"async def {test}(" in lives, f"{test} is not in test_{process}_lives.py"
