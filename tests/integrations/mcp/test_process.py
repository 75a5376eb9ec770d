"""The program around the server: it starts light, ends with its client, and keeps stdout for the protocol."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from mcp.client import Client

HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}


def _ask(server: subprocess.Popen[str], method: str, **params: Any) -> Any:
    """One request as bytes on the wire, and the line that comes back."""
    assert server.stdin is not None
    assert server.stdout is not None
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())["result"]


def _hello(server: subprocess.Popen[str]) -> None:
    assert _ask(server, "initialize", **HELLO)["serverInfo"]["name"] == "am_agent"
    assert server.stdin is not None
    server.stdin.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')


def _call(server: subprocess.Popen[str], tool: str, **arguments: Any) -> Any:
    return _ask(server, "tools/call", name=tool, arguments=arguments)["structuredContent"]


def test_a_killed_server_keeps_what_it_acknowledged(sdk) -> None:
    """Over stdio, `kill -9` right after the answer; the next server has everything."""
    ids = []
    for n in range(3):
        with sdk.started() as server:
            _hello(server)
            ids.append(_call(server, "remember", text=f"fact {n}")["id"])
            server.kill()
            server.wait()
    with sdk.started() as server:
        _hello(server)
        assert [each["id"] for each in _call(server, "list")["entries"]] == ids


async def test_a_killed_http_server_keeps_what_it_acknowledged(sdk) -> None:
    """The same over http, where the client outlives the server."""
    with sdk.listening() as (server, address):
        async with Client(address) as client:
            id_ = (await client.call_tool("remember", {"text": "a fact"})).structured_content["id"]
            server.kill()
            server.wait()
    with sdk.listening() as (_, address):
        async with Client(address) as client:
            listed = (await client.call_tool("list", {})).structured_content
            assert [each["id"] for each in listed["entries"]] == [id_]


@pytest.mark.parametrize("wait", [0.0, 2.0])
def test_the_server_ends_with_its_client(sdk, wait: float) -> None:
    """At the end of stdin with the exit code 0 and silence, at once or while torch is being imported."""
    del sdk.environment["AM_EMBEDDER"]
    with sdk.started() as server:
        _hello(server)
        time.sleep(wait)
        out, err = server.communicate(timeout=120)
        assert (server.returncode, out, err) == (0, "", "")


def test_the_client_hears_from_the_server_before_anything_heavy_is_imported(sdk) -> None:
    """Neither torch nor SQLAlchemy is imported, nor a file made, for a client that only says hello."""
    del sdk.environment["AM_EMBEDDER"]
    code = (
        "import sys, threading\nfrom am_agent import cli\nsys.argv = ['am', 'mcp']\ntry:\n    cli.main()\nfinally:\n"
        "    sys.stderr.write(str({'torch', 'sentence_transformers', 'sqlalchemy'} & set(sys.modules)))"
    )
    hello = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}) + "\n"
    run = subprocess.run(
        [sys.executable, "-c", code], input=hello, capture_output=True, text=True, env=sdk.environment, check=True
    )
    assert json.loads(run.stdout)["result"]["serverInfo"]["name"] == "am_agent"
    assert run.stderr == "set()"
    assert not (sdk.folder / "memory.db").exists()


def test_what_a_library_prints_stays_out_of_the_protocol(sdk) -> None:
    """It goes to stderr, and the answer is the only line on stdout."""
    code = (
        "import sys\nfrom am_agent import cli\nfrom am_agent.embedders import DeterministicEmbedder as E\n"
        "def loud(self, texts, do=E.documents):\n    print('loading...', flush=True)\n    return do(self, texts)\n"
        "E.documents = loud\nsys.argv = ['am', 'mcp']\ncli.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=sdk.environment,
    ) as server:  # fmt: skip
        _hello(server)
        assert list(_call(server, "remember", text="a fact")) == ["id"]
        out, err = server.communicate(timeout=60)
    assert (server.returncode, out, err) == (0, "", "loading...\n")


def test_an_encoder_that_cannot_be_loaded_is_logged_and_told(sdk) -> None:
    """The server goes on; its log has the trace, and the call that needs the encoder has the cure."""
    (sdk.folder / "no model").mkdir()
    sdk.environment["AM_EMBEDDER"] = str(sdk.folder / "no model")
    with sdk.log.open("w") as log, sdk.started(log=log) as server:
        _hello(server)
        told = _ask(server, "tools/call", name="remember", arguments={"text": "a fact"})
        assert told["isError"]
        assert "cannot be loaded: " in told["content"][0]["text"]
        assert "Give the folder it lies in" in told["content"][0]["text"]
        for _ in range(600):
            if "EmbedderUnavailable" in sdk.log.read_text():
                break
            time.sleep(0.1)
        assert _call(server, "list") == {"entries": [], "total": 0}
    assert "the memory cannot be used yet" in sdk.log.read_text()


def test_a_file_that_is_no_memory_is_told_by_every_call(sdk) -> None:
    """The client's user reads why, where a server that ended at once would leave a line in a log."""
    (sdk.folder / "memory.db").write_text("shopping list\n" * 100)
    with sdk.started() as server:
        _hello(server)
        told = _ask(server, "tools/call", name="list", arguments={})
        assert told["isError"]
        assert "is not an SQLite database; name another file" in told["content"][0]["text"]


def test_without_the_sdk_the_program_says_how_to_install_it(sdk) -> None:
    """In one line, and the module by itself with the same words."""
    code = "import sys; sys.modules['mcp'] = None; sys.argv = ['am', 'mcp']; "
    run, alone = (
        subprocess.run(
            [sys.executable, "-c", code + rest], capture_output=True, text=True, env=sdk.environment, check=False
        )
        for rest in ("from am_agent import cli; cli.main()", "import am_agent_integrations.mcp")
    )
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1)
    assert run.stderr.startswith("Error: this needs a package that is not installed (")
    for each in (run, alone):
        assert each.stderr.endswith('). Install it with: pip install "am-agent[mcp]"\n')
