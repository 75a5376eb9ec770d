"""The page docs/langchain.md is true: its blocks run in order, as one program, and the framework may be missing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_every_block_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """What they print is what the page says about scores, filters and what is remembered."""
    names: dict[str, object] = {}
    page = (ROOT / "docs" / "langchain.md").read_text(encoding="utf-8")
    verdicts, sentences = (block.splitlines() for block in re.findall(r"^```text\n(.*?)^```$", page, re.M | re.S))
    for block in re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S):
        exec(compile(block, "langchain.md", "exec"), names)
    assert capsys.readouterr().out.splitlines() == [
        "Ana's dog is called Rex. pets 1.0",
        *verdicts,
        "rex 1.0 ['tom']",
        "[\"Ana's dog is called Rex.\", 'The quarterly report is due on Friday.', 'I moved to Oslo.', 'Noted.']",
        "Remembered. True",
        *sentences,
    ]


def test_a_missing_framework_is_named_with_its_cure() -> None:
    """The import fails with the command that installs it."""
    code = "import sys; sys.modules['langchain_core'] = None; import am_agent_integrations.langchain"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'pip install "am-agent[langchain]"' in done.stderr


def test_the_example_answers_from_the_right_topic(tmp_path: Path) -> None:
    """In a process of its own, two topics are cited, the one of the question first."""
    command = [sys.executable, str(ROOT / "examples" / "integrations" / "langchain_rag.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("break: weight ")
    assert lines[2:] == ["With a break statement."]
