"""Servers as programs of their own, with either SDK, and a real client of SDK 2 in front of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from mcp import StdioServerParameters, stdio_client
from mcp.client import Client

ROOT = Path(__file__).parents[3]
Connect = Callable[..., AbstractAsyncContextManager[Client]]


class Sdk:
    """A folder with a memory, and what a server needs in order to run on one of the two SDKs."""

    def __init__(self, version: str, folder: Path) -> None:
        self.version, self.folder, self.log = version, folder, folder / "stderr"
        paths = [str(ROOT), str(ROOT / "integrations")]
        if version == "1":
            first = os.environ.get("AM_MCP1", "")
            if not (Path(first) / "mcp" / "server" / "fastmcp").is_dir():
                pytest.fail(
                    f"AM_MCP1 is {first!r}, and no folder with the SDK before 2. Run these tests by: make "
                    'test-integrations, or make one with: pip install --target FOLDER "mcp<2"'
                )
            paths.insert(0, first)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AM_", "PYTHON"))},
            "PYTHONPATH": os.pathsep.join(paths),
            "AM_DB": str(folder / "memory.db"),
            "AM_EMBEDDER": "am_agent/deterministic-64",
        }

    @asynccontextmanager
    async def stdio(self, *arguments: str) -> AsyncIterator[Client]:
        """A client whose server is its child."""
        command = StdioServerParameters(
            command=sys.executable, args=["-m", "am_agent", "mcp", *arguments], env=self.environment
        )
        with self.log.open("a") as log:
            async with Client(stdio_client(command, errlog=log)) as client:
                yield client

    @asynccontextmanager
    async def http(self, *arguments: str) -> AsyncIterator[Client]:
        """A client of a server that listens on a free port."""
        with self.listening(*arguments) as (_, address):
            async with Client(address) as client:
                yield client

    @contextmanager
    def listening(self, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """A server that listens on a free port, and ends with the block."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with (
            self.log.open("a") as log,
            self.started(*("--transport", "http", "--port", str(port), *arguments), log=log) as server,
        ):
            for _ in range(600):
                with socket.socket() as knock:
                    if server.poll() is not None or knock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            assert server.poll() is None, self.log.read_text()
            yield server, f"http://localhost:{port}/mcp"

    @contextmanager
    def started(self, *arguments: str, log: object = None) -> Iterator[subprocess.Popen[str]]:
        """The program itself, for what no client shows; killed at the end if it still runs."""
        with subprocess.Popen(
            [sys.executable, "-m", "am_agent", "mcp", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log or subprocess.PIPE,  # type: ignore[call-overload]
            env=self.environment, text=True, encoding="utf-8",
        ) as server:  # fmt: skip
            try:
                yield server
            finally:
                server.kill()


@pytest.fixture(params=["2", "1"], ids=["sdk2", "sdk1"])
def sdk(request: pytest.FixtureRequest, tmp_path: Path) -> Sdk:
    """Each of the two SDKs in turn."""
    return Sdk(request.param, tmp_path)


@pytest.fixture(params=["stdio", "http"])
def connect(request: pytest.FixtureRequest, sdk: Sdk) -> Connect:
    """Each transport in turn: called with arguments of `am mcp`, a client of that server."""
    connected: Connect = getattr(sdk, request.param)
    return connected
