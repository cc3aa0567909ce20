"""What if a history cannot be replayed all the same? Ops see the case and mend it."""

import asyncio
import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.testing import WorkflowEnvironment

from domain.commands import Accept, Offer, Remedy, Say
from store.archive import Archive
from tests.changed_disputes import Dawdling
from tests.conftest import parts_on
from tests.life import Life
from tests.test_command_line import here
from tests.test_two_workers import own_server, replays
from worker import working
from workflows.dispute.process import Dispute
from workflows.processes import PROCESSES

__all__ = ["own_server"]


async def unheard(life: Life) -> None:
    """A command that nobody answers, for the case is stuck; it is in no history."""
    with pytest.raises((TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError)):
        await asyncio.wait_for(life.buyer(Say, text="Is anybody there?"), timeout=3)


async def is_listed(case_id: str) -> bool:
    """Whether the case is seen to be stuck, which takes the server some failures to notice."""
    for _ in range(120):
        answer = await asyncio.to_thread(here, "list", "--stuck", "--json")
        if case_id in [json.loads(line)["case_id"] for line in answer.out.splitlines()]:
            return True
        await asyncio.sleep(0.5)
    return False


@pytest.mark.slow
async def test_a_stuck_case_is_listed_goes_back_and_goes_on_with_all_that_was_said(
    own_server: WorkflowEnvironment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", own_server.client.service_client.config.target_host)
    async with parts_on(own_server, tmp_path) as world:
        monkeypatch.setenv("DATABASE_URL", world.settings.database_url)
        others = [process for process in PROCESSES.values() if process is not Dispute]
        async with working(world.client, world.settings, world.engine, [*others, Dawdling]):
            life = await world.dispute()
            sound = await world.inquiry()
            await life.seller(Say, text="It was whole when I sent it.")
            await life.buyer(Say, text="It is not.")
        assert await replays(life.handle)
        async with working(world.client, world.settings, world.engine):
            await unheard(life)
            assert await is_listed(life.handle.id)
            looked = await asyncio.to_thread(here, "mend", life.handle.id, "--look")
            assert looked.code == 0, looked
            assert "cannot be replayed" in looked.out
            assert await replays(life.handle)
            mended = await asyncio.to_thread(here, "mend", life.handle.id)
            assert mended.code == 0, mended
            assert "goes on from there" in mended.out
            view = await life.sees(lambda view: len(view.messages) >= 3)
            said = [message.text for message in view.messages]
            assert said[1:3] == ["It was whole when I sent it.", "It is not."]
            for each in (life, sound):
                nothing = await asyncio.to_thread(here, "mend", each.handle.id)
                assert "nothing to mend" in nothing.out
            await life.seller(Offer, remedy=Remedy.FULL_REFUND)
            await life.buyer(Accept)
            await life.sees(lambda view: view.ending == "settled")
            assert life.paid == [25999]
        kept = [one.text for one in Archive(world.engine).messages(life.handle.id)]
        assert kept.count("It is not.") == 1
