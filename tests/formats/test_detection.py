"""The format of a file is told by what is in it; its name decides only where that leaves a choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.errors import UnknownFormat
from am_agent.formats.detection import detected
from am_agent.formats.export import header
from am_agent.formats.source import Source

_records = st.fixed_dictionaries({"role": st.just("user"), "content": st.text(max_size=20)})
_LONG = "x" * 100_000


def _detected(folder: Path, content: str, name: str = "file") -> str:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return detected(Source(path))


@given(st.lists(_records, min_size=2, max_size=4), st.sampled_from(["file", "a.txt", "a.md", "a.json", "a.jsonl"]))
def test_json_is_known_by_what_it_is(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]], name: str
) -> None:
    """Whatever the file is called, and however the document is written."""
    folder = tmp_path_factory.mktemp("json")
    assert _detected(folder, "\n".join(map(json.dumps, records)), name) == "jsonl"
    assert _detected(folder, json.dumps(records), name) == "json"
    assert _detected(folder, json.dumps(records, indent=2), name) == "json"
    assert _detected(folder, json.dumps({"messages": records}, indent=1), name) == "json"
    assert _detected(folder, header(None) + "\n", name) == "export"


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        ("Just words.", "file", "text"),
        ("# Title\n\nWords.", "file", "markdown"),
        ("# Title\n\nWords.", "a.txt", "text"),
        ("Words.", "README.MD", "markdown"),
        ("Words.", "a.markdown", "markdown"),
        ("[1] A footnote.", "file", "text"),
        ("[A link](https://example.org) and words.", "file", "text"),
        ("[] boxes", "file", "text"),
        ("{name}, hello", "file", "text"),
        ('{"title": "Front matter"}\n\n# Words', "a.md", "markdown"),
        ('"Hello," she said.', "file", "text"),
        ('"one"\n"two"\n', "file", "jsonl"),
        ('"one"\n"two"\n', "a.txt", "text"),
        ('{"text": "a"}', "file", "json"),
        ('{"text": "a"}', "a.jsonl", "jsonl"),
        ('{"text": "a"}\n{bad', "file", "jsonl"),
        ('{bad\n{"text": "a"}', "file", "jsonl"),
        ('garbage\n{"text": "a"}', "a.jsonl", "jsonl"),
        ('{"messages": [{"role": "us', "file", "json"),
        ('[{"role": "us', "file", "json"),
        ("[", "a.json", "json"),
        ("[]", "file", "json"),
        ("[1, 2]", "a.json", "json"),
        ("42", "a.json", "json"),
        ('{\n"text": "a"}\n{\n"text": "b"}', "file", "json"),
        (f'{{"text": "{_LONG}"}}\n{{"text": "b"}}', "file", "jsonl"),
        (f'{{"text": "{_LONG}"}}', "file", "json"),
        (f'["{_LONG}", "b"]', "file", "json"),
        ('  \n{"text": "a"}\n{"text": "b"}', "file", "jsonl"),
        ('{"version": 1, "format": "am_agent episodes", "embedder": null}', "file", "export"),
        ('{"format": "am_agent episodes", "ver', "file", "export"),
    ],
    ids=lambda each: each[:30],
)
def test_every_choice_has_its_answer(tmp_path: Path, content: str, name: str, expected: str) -> None:
    """What could be two things is what the name says, or what it is more likely."""
    assert _detected(tmp_path, content, name) == expected


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson"])
def test_a_name_that_promises_json_is_not_believed(tmp_path: Path, name: str) -> None:
    """The error shows what is there instead, and how to read it all the same."""
    with pytest.raises(UnknownFormat, match=rf"^{name} .*begins with 'hello.*'.* export, jsonl, .*format='text'"):
        _detected(tmp_path, "hello\nworld", name)
