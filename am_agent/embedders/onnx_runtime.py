"""Embedding by ONNX Runtime: the packaged model without torch. Knows tokens and batches, nothing of storage."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from am_agent.embedders import minilm
from am_agent.embedders.exported import exported
from am_agent.embedders.protocol import Vectors
from am_agent.embedders.windows import readable
from am_agent.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

_PACKAGES = ("onnx", "onnxruntime", "tokenizers")
_WIDTH = 254  # tokens of a text in a window: the model reads 256, two of which are its own marks
_TOKENS = 384  # in a batch: what the layers hand to each other stays in a processor's cache


class OnnxEmbedder:
    """The packaged all-MiniLM-L6-v2 by ONNX Runtime, loaded when the first text is embedded.

    Same weights, windows, name and fingerprint as `SentenceTransformerEmbedder()`, so files are interchangeable; the
    vectors agree to 1e-6. It needs the extra `onnx`, and imports neither torch nor transformers. Many texts are
    embedded by as many threads as there are cores, or as the environment variable OMP_NUM_THREADS says.

    Args:
        cache: The folder that keeps the model's graph; None for the user's cache.

    Raises:
        EmbedderUnavailable: On first use, when the extra is not installed, or the weights are not the original's.

    Example:
        >>> embedder = OnnxEmbedder()
        >>> embedder.name, embedder.dimension
        ('sentence-transformers/all-MiniLM-L6-v2', 384)
    """

    def __init__(self, *, cache: str | os.PathLike[str] | None = None) -> None:
        self._cache = None if cache is None else Path(cache)
        self._model: _Model | None = None
        self._loading = threading.Lock()

    @property
    def name(self) -> str:
        """The model's name."""
        return minilm.DEFAULT_MODEL

    @property
    def dimension(self) -> int:
        """The length of each vector."""
        return minilm.DIMENSION

    @property
    def fingerprint(self) -> str:
        """The rule by which texts are cut, and the sha256 of the weights."""
        return minilm.fingerprint()

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        """Embed texts that are to be remembered."""
        if not texts:
            return []
        model = self._loaded()
        cut = [readable(text, model.offsets, _WIDTH) for text in texts]
        rows = model.rows([window for each in cut for window in each])
        return np.split(rows, np.cumsum([len(each) for each in cut])[:-1])

    def queries(self, texts: Sequence[str]) -> list[Vectors]:
        """Embed texts that ask; the same as documents."""
        return self.documents(texts)

    def _loaded(self) -> _Model:
        with self._loading:
            if self._model is None:
                if missing := missing_packages():
                    raise EmbedderUnavailable(
                        f"embedding by ONNX Runtime needs {' and '.join(missing)}, which "
                        f"{'is' if len(missing) == 1 else 'are'} not installed. Install it with: "
                        'pip install "am-agent[onnx]"'
                    )
                self._model = _Model(minilm.folder(), self._cache)
            return self._model


def missing_packages() -> list[str]:
    """Which packages of the extra `onnx` are not installed. Nothing is imported to find out."""
    return [name for name in _PACKAGES if find_spec(name) is None]


class _Model:
    """Tokenizer and graph, ready to run. Both are safe from several threads."""

    def __init__(self, folder: Path, cache: Path | None) -> None:
        # Since 1.29 the runtime reports to its maker, unless it is told not to before its first import.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        from onnxruntime import InferenceSession, SessionOptions, disable_telemetry_events
        from tokenizers import Tokenizer

        disable_telemetry_events()  # for a program that has imported it before

        options = SessionOptions()
        options.intra_op_num_threads = 1  # its own threads spin between texts, and hang the end of a forked process
        weights = (folder / minilm.WEIGHTS).resolve()  # the runtime follows no symbolic link out of the folder
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(weights.parent))
        graph = exported(weights, folder=cache)
        self._session: InferenceSession = InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where in a text each token lies, in characters."""
        found: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return found

    def rows(self, windows: Sequence[str]) -> Vectors:
        """Embed windows, one row for each."""
        # One by one: the tokenizer's own batches use threads, and warn in every process that is forked afterwards.
        tokens = [self._tokenizer.encode(window).ids for window in windows]
        if len(tokens) == 1:
            return self._run(tokens)
        rows = np.empty((len(tokens), minilm.DIMENSION), dtype=np.float32)

        def run(batch: Sequence[int]) -> None:
            rows[batch] = self._run([tokens[place] for place in batch])

        batches = list(_batches([len(each) for each in tokens]))
        if (threads := min(_threads(), len(batches))) == 1:
            for batch in batches:
                run(batch)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(run, reversed(batches)))  # the longest first, so that no thread ends long after the rest
        return rows

    def _run(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for place, each in enumerate(tokens):
            ids[place, : len(each)] = each
            mask[place, : len(each)] = 1
        rows: Vectors = self._session.run(["rows"], {"ids": ids, "mask": mask})[0]
        return rows


def _threads() -> int:
    """How many batches run at a time: what people set for torch holds here, too."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of similar length, so that little is padded, as many as have some `_TOKENS` tokens together."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > _TOKENS:
            yield batch
            batch = []
        batch.append(place)
    yield batch
