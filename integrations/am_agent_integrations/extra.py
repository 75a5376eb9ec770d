"""What to say where a framework is missing. Knows names of extras, no framework."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Imports of a framework, which an extra of am-agent brings.

    Raises:
        ImportError: It is not installed; the message has the command that installs it.

    Example:
        >>> with needed("langchain"):
        ...     import no_such_framework
        Traceback (most recent call last):
        ImportError: this needs a package that is not installed (No module named 'no_such_framework'). Install it with:
        pip install "am-agent[langchain]"
    """
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f'this needs a package that is not installed ({error}). Install it with: pip install "am-agent[{extra}]"'
        ) from error
