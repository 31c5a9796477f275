"""Numbers, sizes and times in few words, for people. Templates use these as filters."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import msgspec

NONE = "\u2013"
"""What stands where there is no number."""

_UNITS = ("B", "kB", "MB", "GB", "TB")


def ago(at: float | None, now: float | None = None) -> str:
    """`12 s ago`, `3 h ago`; `never` for no time."""
    if not at:
        return "never"
    return f"{duration(max(0.0, (time.time() if now is None else now) - at))} ago"


def until(at: float | None) -> str:
    """`in 3 h`, or `expired`."""
    if at is None:
        return "never"
    left = at - time.time()
    return f"in {duration(left)}" if left > 0 else "expired"


def duration(seconds: float | None) -> str:
    """A stretch of time in its largest unit."""
    if seconds is None:
        return NONE
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds / size)} {unit}"
    return f"{int(seconds)} s"


def ms(seconds: float | None) -> str:
    """A time to answer: `0.8 ms`, `120 ms`, `2.4 s`."""
    if seconds is None:
        return NONE
    if seconds >= 1:
        return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds < 0.0095 else f"{seconds * 1e3:.0f} ms"


def rate(per_second: float | None) -> str:
    """A number per second, with as many digits as it deserves."""
    if per_second is None:
        return NONE
    if per_second == 0:
        return "0"
    return f"{per_second:.2f}" if per_second < 1 else f"{per_second:.1f}" if per_second < 100 else f"{per_second:,.0f}"


def percent(share: float | None) -> str:
    """A share of 1 as percent."""
    if share is None:
        return NONE
    text = f"{share * 100:.2f}" if 0 < share < 0.01 else f"{share * 100:.1f}"
    return f"{text.rstrip('0').rstrip('.')} %" if "." in text else f"{text} %"


def size(count: float | None) -> str:
    """Bytes as `831 B`, `12.4 kB`, `3.1 GB`."""
    if count is None:
        return NONE
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return NONE


def when(at: float | None) -> str:
    """A moment in UTC, to the second."""
    return NONE if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(at: float | None) -> str:
    """A moment as the attribute of a `time` element."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def trim(number: float) -> str:
    """`100`, `12.5`."""
    return f"{number:g}"


def to_json(value: Any) -> str:
    """A value as JSON text, to be escaped where it is put."""
    return msgspec.json.encode(value).decode()


FILTERS = (ago, until, duration, ms, rate, percent, size, when, iso, trim, to_json)
