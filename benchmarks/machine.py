"""The machine: what it is, what is installed on it, what a process takes of it. Knows nothing of what is measured."""

from __future__ import annotations

import os
import platform
import resource
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

_PACKAGES = (
    "am-agent",
    "numpy",
    "torch",
    "SQLAlchemy",
    "sentence-transformers",
    "faiss-cpu",
    "hnswlib",
    "sqlite-vec",
    "chromadb",
    "lancedb",
    "qdrant-client",
    "langgraph-checkpoint-sqlite",
)
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)


def machine(threads: int) -> dict[str, object]:
    """What figures depend on, beside the programs themselves."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "threads": threads,
        "versions": {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version} | dict(_versions()),
    }


def missing(modules: Iterable[str]) -> list[str]:
    """Those that are not installed."""
    return [name for name in modules if not _installed(name)]


def environment(threads: int) -> dict[str, str]:
    """The environment of a process whose libraries may use so many threads each."""
    quiet = {"ANONYMIZED_TELEMETRY": "False", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return dict(os.environ) | quiet | dict.fromkeys(_THREADS, str(threads))


@contextmanager
def confined(threads: int | None) -> Iterator[None]:
    """Processes that start within it stay on so many processors, whatever their libraries make of it; None for all."""
    if threads is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    whole = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(whole)[-threads:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, whole)


def resident() -> int:
    """The bytes of this process that are in memory; on other systems than Linux, the most there ever were."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def stored(folder: Path) -> int:
    """The bytes of all files in a folder and below it, as they lie on the disk."""
    return sum(each.stat().st_blocks * 512 for each in folder.rglob("*") if each.is_file())


def _installed(name: str) -> bool:
    parts = name.split(".")
    # A name with dots is looked up in its parents, which must be there to look.
    return all(find_spec(".".join(parts[: length + 1])) is not None for length in range(len(parts)))


def _cpu() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        names = [line.partition(":")[2].strip() for line in facts.read_text().splitlines() if "model name" in line]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def _versions() -> Iterator[tuple[str, str]]:
    there: Mapping[str, str] = {each.name.lower(): each.version for each in metadata.distributions()}
    for name in _PACKAGES:
        if name.lower() in there:
            yield name, there[name.lower()]
