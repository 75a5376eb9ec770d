"""The README is true: every block is run, every output compared, every file of its tree is there."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)


def test_every_python_block_prints_what_the_readme_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks run in order as one program, in an empty folder; each text block is the output of the one before."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    output, compared = "", 0
    for language, block in BLOCKS:
        if language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as stdout:
                exec(compile(block, "README.md", "exec"), namespace)
            output = stdout.getvalue()
        elif language == "text":
            assert block == output
            compared += 1
    assert compared == sum(language == "python" for language, _ in BLOCKS) > 4


def test_the_first_lines_show_code_and_its_output() -> None:
    """A newcomer sees what it does within 30 lines, from six lines of Python."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert "```text" in lines[:20]
    assert len([line for line in BLOCKS[0][1].splitlines() if line]) == 6


def test_every_command_runs(tmp_path: Path) -> None:
    """The shell blocks run in the repository itself, as they would for a newcomer with the environment activated."""
    commands = [block for language, block in BLOCKS if language == "sh"]
    assert "make demo\n" in commands
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "AM_"))}
    clean |= {"AM_DB": str(tmp_path / "memory.db"), "PATH": f"{Path(sys.executable).parent}:{clean['PATH']}"}
    for command in commands:
        run = subprocess.run(
            ["sh", "-e"], input=command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        assert "energy" in run.stdout


def test_the_tree_is_that_of_the_repository() -> None:
    """Every path of the tree exists, and every module of the library is in the tree."""
    (tree,) = [block for language, block in BLOCKS if language == "tree"]
    listed, folder = set(), Path()
    for line in tree.splitlines():
        name, depth = line.split()[0], len(line) - len(line.lstrip())
        folder = Path(*folder.parts[: depth // 2])
        listed.add(folder / name)
        if name.endswith("/"):
            folder = folder / name
    assert [path for path in sorted(listed) if not (ROOT / path).exists()] == []
    modules = {path.relative_to(ROOT) for path in (ROOT / "am_agent").rglob("*.py") if path.name != "__init__.py"}
    hidden = {path for path in modules if "migrations" in path.parts}
    assert modules - hidden - listed == set()
