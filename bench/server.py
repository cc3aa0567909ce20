"""A development server of the bench's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from config import data_converter, register_attributes
from demo.servers import temporal
from standin.serving import listen


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[tuple[Client, str]]:
    """A development server of our own; its client, and its address."""
    with listen(0) as one, listen(0) as other:
        port, ui_port = one.getsockname()[1], other.getsockname()[1]
    with temporal(folder, port, ui_port) as address:
        client = await Client.connect(address, data_converter=data_converter())
        await register_attributes(client)
        yield client, address
