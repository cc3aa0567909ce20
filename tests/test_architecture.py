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


@pytest.mark.parametrize(("process", "window"), windows())
def test_every_window_has_a_test_that_names_it(process: str, window: str) -> None:
    told = [
        file.name
        for file in files("tests")
        if file.name.startswith("test_")
        and file.name != Path(__file__).name
        and process in file.name
        and window in file.read_text()
    ]
    assert told, f"no test of the {process} names its window {window}"
