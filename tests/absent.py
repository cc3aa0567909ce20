"""A worker that comes and goes: what happens to cases meanwhile, it finds all at once."""

import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from config import data_converter, register_attributes
from policies import DEMO
from tests.conftest import parts_on
from tests.life import World
from tests.policies import COMMON, laid_over
from tests.processes import binary
from worker import working

LONG = 900  # seconds


@dataclass
class Absent:
    """A world whose worker comes and goes."""

    world: World
    _worker: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def comes(self) -> None:
        """The worker is there."""
        world = self.world
        await self._worker.enter_async_context(working(world.client, world.settings, world.engine))

    async def goes(self) -> None:
        """The worker is gone."""
        await self._worker.aclose()


@asynccontextmanager
async def absent_on(folder: Path, policies: Path) -> AsyncIterator[Absent]:
    """A world on a real server, with a worker that is there at first."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"),
        data_converter=data_converter(),
        ui=False,
        dev_server_log_level="error",
    ) as environment:
        await register_attributes(environment.client)
        async with parts_on(environment, folder, policies) as world:
            absent = Absent(world)
            await absent.comes()
            yield absent
            await absent.goes()


def unhurried_policies(folder: Path) -> Path:
    """The policies of the demo with windows that do not run out meanwhile."""
    short = tomllib.loads((DEMO / "common.toml").read_text())
    long: dict[str, object] = {
        f"{section}.{window}.length": LONG
        for section, windows in short.items()
        if isinstance(windows, dict)
        for window in windows
    }
    return laid_over(DEMO, folder / "policies", {COMMON: long})
