"""Can the processes as they are now go on with cases that were opened before?"""

import asyncio
import base64
import json
import re
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from config import HERE, data_converter
from gate import workflow_runner
from tests.changed_disputes import Pausing, PausingGuarded
from tests.record_histories import ALL, FOLDER
from workflows.processes import PROCESSES

ADVICE = (
    "does not replay: cases that are open now would stop. Guard the change with "
    "`workflow.patched(…)`; only if no such case runs anywhere, record the histories anew with "
    "`python -m tests.record_histories`. See CONTRIBUTING.md."
)
HISTORIES = sorted(FOLDER.glob("*.json"))
DISPUTES = [file for file in HISTORIES if file.name.startswith("dispute")]


def history(file: Path) -> WorkflowHistory:
    """A stored history."""
    kept = json.loads(file.read_text())
    return WorkflowHistory.from_json(kept.pop("workflow_id"), kept)


async def replay(file: Path, *processes: type) -> None:
    """Replay a stored history; NondeterminismError if these processes would act differently."""
    replayer = Replayer(
        workflows=processes, data_converter=data_converter(), workflow_runner=workflow_runner()
    )
    await asyncio.wait_for(replayer.replay_workflow(history(file)), timeout=30)


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
async def test_every_stored_history_replays(file: Path) -> None:
    try:
        await replay(file, *PROCESSES.values())
    except workflow.NondeterminismError as error:
        pytest.fail(f"{file.name} {ADVICE}\n{error}")


@pytest.mark.parametrize("file", DISPUTES, ids=lambda file: file.stem)
async def test_a_change_that_open_cases_cannot_take_is_noticed(file: Path) -> None:
    with pytest.raises(workflow.NondeterminismError):
        await replay(file, Pausing)


@pytest.mark.parametrize("file", DISPUTES, ids=lambda file: file.stem)
async def test_the_same_change_passes_once_it_is_guarded(file: Path) -> None:
    await replay(file, PausingGuarded)


def test_what_every_guard_guards_is_stored() -> None:
    """A case that has gone the new way has a marker of it, and can be replayed as well."""
    guards = {
        found
        for file in (HERE / "workflows").rglob("*.py")
        for found in re.findall(r"\bpatched\(\s*\"([^\"]+)\"", file.read_text())
    }
    marked = {
        json.loads(base64.b64decode(payload["data"]))["id"]
        for file in HISTORIES
        for event in json.loads(file.read_text())["events"]
        for payload in event.get("markerRecordedEventAttributes", {})
        .get("details", {})
        .get("patch-data", {})
        .get("payloads", ())
    }
    assert len(guards) > 10
    assert guards - marked == set()


def test_the_main_branches_are_stored_and_small() -> None:
    assert {file.stem for file in HISTORIES} == set(ALL)
    for file in HISTORIES:
        assert file.stat().st_size < 120_000, f"{file.name} is too large to keep"
