"""The pages in docs/ are true: what they show as a file is loaded without a rejection, what they run prints that."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from am_agent import DeterministicEmbedder, Memory
from am_agent.formats.detection import KNOWN

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "formats.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^(`{3,})(jsonl|json|markdown)\n(.*?)^\1$", PAGE, re.M | re.S)


@pytest.mark.parametrize(("kind", "content"), [shown[1:] for shown in SHOWN])
def test_every_file_that_is_shown_is_loaded(tmp_path: Path, kind: str, content: str) -> None:
    """Its format is found out, nothing of it is rejected, and the second load records nothing."""
    path = tmp_path / f"shown.{kind}"
    path.write_text(content, encoding="utf-8")
    with Memory(embedder=DeterministicEmbedder(dimension=8)) as memory:
        loaded = memory.load(path)
        assert loaded.recorded > 1
        assert loaded.rejected == 0
        assert memory.load(path).recorded == 0


def test_every_format_has_its_section() -> None:
    """And no section is of a format that there is not."""
    assert re.findall(r"^### `(\w+)`", PAGE, re.M) == list(KNOWN)
    assert len(SHOWN) == 5


@pytest.mark.parametrize(
    ("name", "count"),
    [("embedders.md", 1), ("recall.md", 6), ("learning.md", 2), ("prototypes.md", 7), ("confidence.md", 3)],
)
def test_every_python_block_prints_what_the_page_shows(
    name: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of a page run in order as one program, in an empty folder; each is followed by its output."""
    monkeypatch.chdir(tmp_path)
    page = (DOCS / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", page, re.M | re.S)
    assert len(blocks) == page.count("```python\n") == count
    variables: dict[str, object] = {}
    for code, shown in blocks:
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            exec(compile(code, name, "exec"), variables)
        assert stdout.getvalue() == shown
