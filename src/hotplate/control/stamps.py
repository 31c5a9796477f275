"""Times as the API has them: RFC 3339 in UTC, with milliseconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from hotplate.errors import InvalidInput

LATEST = 253_402_300_799.0
"""The last second of the year 9999."""


def stamp(at: float) -> str:
    """`2026-01-31T12:00:00.250Z`."""
    at = min(max(at, 0.0), LATEST)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"


def parse_stamp(text: str, name: str) -> float:
    """Seconds since 1970. A time without a zone is UTC."""
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a `+` that nobody escaped arrives as a blank
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidInput(f"`{name}` must be a time such as 2026-01-31T12:00:00Z.") from None
