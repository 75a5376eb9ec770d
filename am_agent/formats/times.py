"""Points in time as files write them: ISO 8601, or seconds since 1970. Knows no records."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

from am_agent.draft import checked_time
from am_agent.errors import InvalidTime

_SECONDS = 1e11  # the year 5138; what is larger counts milliseconds, microseconds or nanoseconds
_NUMBER = re.compile(r"\d{9,}(\.\d+)?")


def read_time(value: Any, name: str = "the time") -> datetime | None:
    """Read a point in time into UTC; one without a zone is taken as UTC.

    Args:
        value: A string of ISO 8601, or a number of seconds (or milli-, micro-, nanoseconds) since 1970.
        name: What to call it in an error.

    Raises:
        InvalidTime: It is neither.

    Example:
        >>> read_time("2026-05-04T11:30:00+02:00") == read_time("2026-05-04 09:30") == read_time(1777887000000)
        True
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value.strip())
            return checked_time(time if time.tzinfo else time.replace(tzinfo=UTC), name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            while abs(value) >= _SECONDS:
                value = value / 1000
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidTime(f"{name} {value!r} is no time in ISO 8601 ({error})") from error
    raise InvalidTime(f"{name} is a string of ISO 8601 or a number of seconds since 1970, not {value!r}")
