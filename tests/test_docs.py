"""The pages in docs/ are true: what they show as a file is loaded without a rejection, what they run prints that."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from am_agent import DeterministicEmbedder, Memory
from am_agent.formats.detection import KNOWN

PAGE = (Path(__file__).parent.parent / "docs" / "formats.md").read_text(encoding="utf-8")
RECALL = (Path(__file__).parent.parent / "docs" / "recall.md").read_text(encoding="utf-8")
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


def test_the_page_on_recall_prints_what_it_shows() -> None:
    """Its blocks run in order as one program with the real encoder; each is followed by its output."""
    namespace: dict[str, object] = {}
    blocks = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", RECALL, re.M | re.S)
    assert len(blocks) == RECALL.count("```python\n") == 4
    for code, output in blocks:
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            exec(compile(code, "docs/recall.md", "exec"), namespace)
        assert stdout.getvalue() == output
