"""A writer of tiny sets in BEIR's layout, with sentences of the tests' own."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

Row = Mapping[str, Any] | str
Write = Callable[..., Path]


@pytest.fixture(scope="session")
def write_haystack() -> Write:
    """A function that writes one haystack; a row that is a string is written as it is."""

    def write(
        folder: Path, corpus: Iterable[Row], queries: Iterable[Row], qrels: Iterable[tuple[str, str, int]] | None
    ) -> Path:
        folder.mkdir(parents=True)
        for name, rows in (("corpus", corpus), ("queries", queries)):
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))
        if qrels is not None:
            (folder / "qrels").mkdir()
            lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in qrels)]
            (folder / "qrels" / "test.tsv").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return folder

    return write
