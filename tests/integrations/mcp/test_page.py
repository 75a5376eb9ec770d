"""docs/mcp.md and the README show configurations that clients can read, and that start this server."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from am_agent import Memory, cli
from am_agent_integrations.prompt import prompt_of

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```json\n(.*?)^```$", PAGE + README, re.M | re.S)
SPOKEN = re.findall(r"^claude mcp add \w+ -- (.*)$", PAGE, re.M)


def _starts_the_server(command: list[str]) -> None:
    assert command[:2] == ["am", "mcp"]
    server = typer.main.get_command(cli.app).commands["mcp"]
    # Parsed as the program itself would, which refuses what it does not know.
    assert server.make_context("mcp", command[2:]).params["transport"] == "stdio"


@pytest.mark.parametrize("shown", SHOWN)
def test_each_configuration_starts_the_server(shown: str) -> None:
    """The block is JSON with one server in it, and its command line is one of `am mcp`."""
    configuration = json.loads(shown)
    (kind,) = configuration
    assert kind in {"mcpServers", "servers"}
    (server,) = configuration[kind].values()
    assert set(server) <= {"type", "command", "args", "env"}
    assert set(server.get("env", {})) <= {"AM_DB", "AM_EMBEDDER"}
    _starts_the_server([server["command"], *server["args"]])


def test_the_sentence_of_a_weak_match_is_the_one_shown(memory: Memory) -> None:
    """Word for word, and the line before the block."""
    memory.remember_many(["Ana is allergic to peanuts.", "The report is due on Friday."])
    (shown,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.M | re.S)
    assert prompt_of(memory.recall("How do I renew my passport?")).startswith(f"{shown}<memory>\n")


def test_every_client_has_its_configuration() -> None:
    """Three blocks and a command line on the page, one block in the README."""
    assert (len(SHOWN), len(SPOKEN)) == (4, 1)
    _starts_the_server(shlex.split(SPOKEN[0]))
    for client in ("Claude Desktop", "Claude Code", "Cursor", "VS Code"):
        assert f"**{client}**" in PAGE
