"""What is left of a case when everything that it runs on is killed and frozen at random?"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.playing import Plan, play

ONE_RUN = Plan(lives=27, kills=24, seconds=60, seed=7)
"""Three lives of every kind, and every part killed and frozen twice; `python -m tests.chaos` plays
longer and other ones.
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_nothing_is_lost_doubled_or_stuck_whatever_is_killed_or_frozen(
    record_property: Callable[[str, object], None],
) -> None:
    # Not in pytest's folder: another run of it would shut PostgreSQL, another user, out of that.
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    outcome = await play(ONE_RUN, folder)
    for what, number in outcome.figures.items():
        record_property(what, number)
    assert not outcome.findings, "\n".join([f"in {folder}:", *outcome.findings])
    assert outcome.figures["commands taken"] > 50, "little was said: the run proves little"
    shutil.rmtree(folder)
