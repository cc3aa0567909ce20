"""Does the API answer whatever is sent to it as its OpenAPI document says?"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.calling import Door

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""No 5xx, no answer that is not described, no nonsense that is taken."""


THOROUGH = os.environ.get("RECOURSE_HYPOTHESIS") == "thorough"

STREAMS = "^events_stream_"
"""They do not end."""

LARGE = f"{STREAMS}|^(cases_(open_case|send)|jobs_begin_job)$"
"""And what takes dozens of forms: every field of each takes minutes."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "phases", "left_out"),
    # What is nonsense is found before it is seen whose it would be to send: so whoever may not open
    # a case is told of every field that does not fit, and no case is opened meanwhile.
    [("agent", "coverage", LARGE), ("platform", "examples,fuzzing", STREAMS)]
    if not THOROUGH
    else [("agent", "coverage", STREAMS), ("platform", "examples,coverage,fuzzing", STREAMS)],
)
async def test_every_answer_is_described_and_no_nonsense_is_taken(
    door: Door, role: str, phases: str, left_out: str, tmp_path: Path
) -> None:
    token = door.issuer.token(role, role, "Anna Nowak", ("disputes-pl",))
    ran = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli"),
        "run",
        f"{door.base}/v1/openapi.json",
        *("--header", f"Authorization: Bearer {token}"),
        *("--checks", ",".join(CHECKS)),
        *("--phases", phases),
        *("--max-examples", "100" if THOROUGH else "10"),
        *("--exclude-operation-id-regex", left_out),
        *("--seed", "7"),
        *("--workers", "2"),
        *("--suppress-health-check", "all"),
        "--continue-on-failure",
        "--no-shrink",
        stdout=PIPE,
        stderr=STDOUT,
        cwd=tmp_path,
    )
    told, _ = await ran.communicate()
    lines = [line[:500] for line in told.decode().splitlines()]
    assert ran.returncode == 0, "\n".join(lines)[-20_000:]
