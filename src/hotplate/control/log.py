"""Control's own log: one JSON object a line on standard error. Never a token, never the value of a secret."""

from __future__ import annotations

import sys
import time

import msgspec

from hotplate.control.stamps import stamp


def log(level: str, text: str, **more: object) -> None:
    """Write a line."""
    line = msgspec.json.encode({"time": stamp(time.time()), "level": level, "message": text[:16_384], **more})
    try:
        sys.stderr.buffer.write(line + b"\n")
        sys.stderr.buffer.flush()
    except (OSError, ValueError):  # nobody reads it any more
        pass
