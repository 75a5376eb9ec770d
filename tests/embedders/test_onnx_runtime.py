"""ONNX Runtime gives what sentence-transformers gives, without torch, from any number of threads and after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent import Memory
from am_agent.embedders import (
    DEFAULT_MODEL,
    Embedder,
    OnnxEmbedder,
    SentenceTransformerEmbedder,
    minilm,
    named,
    onnx_runtime,
    packaged,
)
from am_agent.embedders.onnx_runtime import _batches
from am_agent.errors import EmbedderUnavailable
from am_agent.testing import EmbedderContract

_SENTENCES = (
    "Ana's dog is called Rex, and he is afraid of thunder.",
    "Le café de la gare ouvre à six heures; der Zug nach Köln fährt um sieben.",
    "def scan(codes: Codes) -> Scope: return Scope(codes.rows @ codes.cue)",
    "これは日本語の文章です。",
    "The invoice (no. 2026-117/b) of 3,250.00 EUR is due on May 4th!",
)

TEXTS = [
    *_SENTENCES,
    "",
    " \t\r\n ",
    "?!",
    "\u200b",
    "🙂",
    "👩‍👩‍👧 and 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "e\u0301 is é, İstanbul, Straße, ﬁne",
    "[CLS] [MASK] [SEP] [PAD] ##ing",
    "a" * 3000,
    "internationalization" * 150,
    "🙂" * 400,
    "日本語" * 200,
    "x " * 253 + "x",
    "x " * 254 + "x",
    *(" ".join(_SENTENCES[: 1 + count % 5] * count) for count in range(1, 14)),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the graph, so that the user's own cache is left alone."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def onnx(cache: Path) -> OnnxEmbedder:
    """The model, loaded once."""
    return OnnxEmbedder(cache=cache)


class TestOnnx(EmbedderContract):
    """The whole contract."""

    @pytest.fixture
    def embedder(self, onnx: OnnxEmbedder) -> Embedder:
        return onnx

    @pytest.fixture
    def another(self, cache: Path) -> Embedder:
        return OnnxEmbedder(cache=cache)


# ------------------------------------------------------------ equivalence


def test_it_has_the_name_and_the_fingerprint_of_the_same_weights(
    onnx: OnnxEmbedder, minilm: SentenceTransformerEmbedder
) -> None:
    """So a file of one is a file of the other."""
    assert (onnx.name, onnx.dimension, onnx.fingerprint) == (minilm.name, minilm.dimension, minilm.fingerprint)


def test_the_vectors_are_those_of_sentence_transformers(
    onnx: OnnxEmbedder, minilm: SentenceTransformerEmbedder
) -> None:
    """Every script, marks, emoji, blanks, words of 3,000 letters, long texts: the same windows, the same vectors."""
    for text, own, theirs in zip(TEXTS, onnx.documents(TEXTS), minilm.documents(TEXTS), strict=True):
        assert own.shape == theirs.shape, text[:40]
        np.testing.assert_allclose(own, theirs, atol=2e-6, err_msg=text[:40])
        assert np.einsum("nd,nd->n", own.astype(np.float64), theirs).min() > 0.9999


def test_alone_and_together_a_text_has_the_same_vectors(onnx: OnnxEmbedder) -> None:
    """Padding and company change nothing, for documents as for queries."""
    for text, together in zip(TEXTS, onnx.documents(TEXTS), strict=True):
        np.testing.assert_allclose(onnx.queries([text])[0], together, atol=2e-6, err_msg=text[:40])


@pytest.mark.parametrize("threads", ["1", "3", "", "many"])
def test_the_number_of_threads_changes_nothing(
    onnx: OnnxEmbedder, monkeypatch: pytest.MonkeyPatch, threads: str
) -> None:
    """OMP_NUM_THREADS is followed where it is a number, and the vectors are the same bytes."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    expected = onnx.documents(TEXTS)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert all(np.array_equal(*pair) for pair in zip(onnx.documents(TEXTS), expected, strict=True))


def test_a_file_of_one_runtime_is_read_with_the_other(
    onnx: OnnxEmbedder, minilm: SentenceTransformerEmbedder, tmp_path: Path
) -> None:
    """What one wrote the other recalls, with the same similarities."""
    with Memory(tmp_path / "memory.db", embedder=minilm) as memory:
        memory.remember_many(_SENTENCES)
        before = memory.recall("What is the dog called?")
    with Memory(tmp_path / "memory.db", embedder=onnx) as memory:
        after = memory.recall("What is the dog called?")
        memory.remember("Ben's cat is called Tom.")
    assert [each.id for each in after] == [each.id for each in before]
    np.testing.assert_allclose([each.similarity for each in after], [each.similarity for each in before], atol=1e-5)


# ------------------------------------------------------------ batches


@given(st.lists(st.integers(2, 256), min_size=1, max_size=80))
def test_every_text_is_in_one_batch_of_bounded_size(lengths: list[int]) -> None:
    """Batches hold each place once, the shorter before the longer, and no more than 384 tokens with the padding."""
    batches = list(_batches(lengths))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    assert [lengths[place] for batch in batches for place in batch] == sorted(lengths)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= 384


# ------------------------------------------------------------ processes


def _run(script: str, **environment: str) -> list[str]:
    """What a new process prints that takes warnings for errors; it must say nothing else."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert run.stderr == ""
    return run.stdout.splitlines()


_LOADED = "\nimport sys; print({*sys.modules} & {'torch', 'transformers', 'sentence_transformers'})"


def test_neither_torch_nor_transformers_is_imported(tmp_path: Path) -> None:
    """Not at the first use, when the graph is built, and not for a memory's first text."""
    script = "from am_agent import OnnxEmbedder; print(OnnxEmbedder().documents(['Rex is a dog'])[0].shape)"
    assert _run(script + _LOADED, XDG_CACHE_HOME=str(tmp_path)) == ["(1, 384)", "set()"]
    memory = "from am_agent import Memory; m = Memory(); m.remember('Rex is a dog'); print(m.recall('dog')[0].text)"
    assert _run(memory + _LOADED, XDG_CACHE_HOME=str(tmp_path)) == ["Rex is a dog", "set()"]


def test_the_command_line_recalls_without_torch(tmp_path: Path) -> None:
    """`am` remembers and recalls a text, and torch is never imported."""
    script = (
        "import sys; from am_agent.cli import main\n"
        f"for words in (['remember', 'Rex is a dog', '--id', 'rex'], ['recall', 'dog', '--json']):\n"
        f"    sys.argv = ['am', *words, '--db', {str(tmp_path / 'memory.db')!r}]\n"
        "    try: main()\n"
        "    except SystemExit as ended: print(ended.code)"
    )
    *printed, loaded = _run(script + _LOADED, XDG_CACHE_HOME=str(tmp_path))
    assert (printed[0], printed[-1], loaded) == ("rex", "0", "set()")
    assert '      "text": "Rex is a dog",' in printed


_FORK = """
import os, sys
from am_agent import OnnxEmbedder
embedder = OnnxEmbedder()
texts = ["What is this thing called love? " * count for count in range(1, 20)]
before = embedder.documents(texts)
child = os.fork()
same = all((one == other).all() for one, other in zip(embedder.documents(texts), before))
if child:
    print(os.waitpid(child, 0)[1], same)
else:
    sys.exit(0 if same else 7)
"""


def test_a_forked_process_embeds_and_ends(tmp_path: Path) -> None:
    """A server may load the model and then fork its workers: they give the same vectors, and none hangs at its end."""
    assert _run(_FORK, XDG_CACHE_HOME=str(tmp_path)) == ["0 True"]


def test_the_runtime_is_told_to_report_nothing(tmp_path: Path) -> None:
    """Newer versions send usage data unless this stands in the environment before they are imported."""
    script = (
        "import os, sys; from am_agent import OnnxEmbedder; e = OnnxEmbedder(); print('onnxruntime' in sys.modules)\n"
        "e.documents(['x']); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    assert _run(script, **environment) == ["False", "1"]


# ------------------------------------------------------------ choice and errors


def test_the_packaged_model_runs_by_onnx_where_the_extra_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not, sentence-transformers runs it, by default, by name and by the command line alike."""
    for choose in (
        packaged,
        lambda: named(DEFAULT_MODEL),
        lambda: named("all-MiniLM-L6-v2"),
        lambda: Memory().embedder,
    ):
        assert type(choose()) is OnnxEmbedder
        with monkeypatch.context() as patched:
            patched.setattr(onnx_runtime, "_PACKAGES", ("onnx", "no_such_runtime"))
            assert type(choose()) is SentenceTransformerEmbedder
    assert type(named("/some/folder")) is SentenceTransformerEmbedder


def test_without_the_extra_everything_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default embedder is then the one of before, and recalls."""
    monkeypatch.setattr(onnx_runtime, "_PACKAGES", ("no_such_runtime",))
    with Memory() as memory:
        memory.remember("Rex is a dog")
        assert memory.recall("dog")[0].text == "Rex is a dog"


def test_a_missing_extra_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by name, it says what is missing and how to install it; nothing to embed needs nothing."""
    monkeypatch.setattr(onnx_runtime, "_PACKAGES", ("onnx", "no_such_runtime"))
    message = r'^embedding by ONNX Runtime needs no_such_runtime, which is .*: pip install "am-agent\[onnx\]"$'
    with pytest.raises(EmbedderUnavailable, match=message):
        OnnxEmbedder().documents(["x"])
    assert OnnxEmbedder().documents([]) == OnnxEmbedder().queries([]) == []


def test_altered_weights_are_refused(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """As with sentence-transformers; once the cause is gone, the same embedder works."""
    embedder = OnnxEmbedder(cache=cache)
    with monkeypatch.context() as patched:
        patched.setattr(minilm, "SHA256", "0" * 64)
        with pytest.raises(EmbedderUnavailable, match=rf"not the original's {'0' * 64}\. .*--force-reinstall"):
            embedder.documents(["x"])
    assert embedder.documents(["x"])[0].shape == (1, 384)
