"""The real processes that tests kill: a worker and a Temporal server, each a program of its own."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from config import HERE
from standin.serving import listen


def free_port() -> int:
    """A port on which nothing listens."""
    with listen(0) as bound:
        return int(bound.getsockname()[1])


def binary(name: str) -> str:
    """A server's binary, from the environment that runs the tests."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.defpath]))
    assert found, f"{name} is not installed; run `make env`"
    return found


class Program:
    """A program that can be started, killed, and started again with the same arguments."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        port: int,
        env: Mapping[str, str],
        user: str | None = None,
    ) -> None:
        self.log = log
        self._user = user
        self._command = command
        self._port = port
        self.settings = dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until its port answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                self._command,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.settings},
                user=self._user,
            )
        for _ in range(600):
            assert self._process.poll() is None, self.log.read_text()
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not up within thirty seconds: {self.log.read_text()}")

    def send(self, sign: signal.Signals) -> int:
        """Send a signal that ends it; its exit code."""
        assert self._process
        self._process.send_signal(sign)
        return self._process.wait(timeout=40)

    @property
    def runs(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def tell_family(self, sign: signal.Signals) -> None:
        """Send a signal to it and to every process that it has started, and wait for none."""
        assert self._process
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self._process.pid)
            for each in (first, *first.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(sign)

    def leave(self, sign: signal.Signals) -> None:
        """Send a signal and do not wait for what comes of it: freeze it, thaw it, or kill it."""
        assert self._process
        self._process.send_signal(sign)

    def end(self) -> None:
        """Kill it if it still runs, frozen or not."""
        if self._process and self._process.poll() is None:
            self.tell_family(signal.SIGKILL)
            self._process.wait(timeout=40)


@contextmanager
def worker_program(folder: Path, env: Mapping[str, str]) -> Iterator[Program]:
    """`python worker.py`, not yet started."""
    port = free_port()
    settings = {
        "RECOURSE_HEALTH_ADDRESS": f"127.0.0.1:{port}",
        "RECOURSE_METRICS_ADDRESS": f"127.0.0.1:{free_port()}",
        **env,
    }
    command = [sys.executable, str(HERE / "worker.py")]
    program = Program(command, folder / "worker.log", port, settings)
    try:
        yield program
    finally:
        program.end()


@contextmanager
def api_program(folder: Path, env: Mapping[str, str]) -> Iterator[Program]:
    """`python -m api`, not yet started."""
    port = free_port()
    settings = {"RECOURSE_API_ADDRESS": f"127.0.0.1:{port}", "PYTHONPATH": str(HERE), **env}
    program = Program([sys.executable, "-m", "api"], folder / "api.log", port, settings)
    try:
        yield program
    finally:
        program.end()


@contextmanager
def temporal_program(folder: Path, port: int) -> Iterator[Program]:
    """Temporal's development server with its state in a file, not yet started."""
    command = [
        binary("temporal"), "server", "start-dev", "--headless", "--port", str(port),
        "--db-filename", str(folder / "temporal.db"), "--log-level", "error",
        "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1",
    ]  # fmt: skip
    program = Program(command, folder / "temporal.log", port, {})
    try:
        yield program
    finally:
        program.end()
