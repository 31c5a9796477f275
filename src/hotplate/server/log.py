"""Log lines: for people on a terminal, one JSON object per line elsewhere. Written to standard error in one piece each.

The format of the text is that of the seed systems: time, level, text. A line is never split or joined by what a
caller or a model put into it.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
MAX_LINE_BYTES = 16 * 1024


class Log:
    """Where the server writes what happens."""

    def __init__(self, *, level: str = "info", as_json: bool = False, fd: int = 2) -> None:
        self._level = LEVELS[level]
        self._as_json = as_json
        self._fd = fd

    def debug(self, text: str, **more: Any) -> None:
        """For whoever debugs Hotplate itself."""
        self.write("debug", text, more)

    def info(self, text: str, **more: Any) -> None:
        """What happens in the normal course."""
        self.write("info", text, more)

    def warning(self, text: str, **more: Any) -> None:
        """Something to look at."""
        self.write("warning", text, more)

    def error(self, text: str, **more: Any) -> None:
        """Something failed."""
        self.write("error", text, more)

    def write(self, level: str, text: str, more: dict[str, Any]) -> None:
        """Write one line."""
        if LEVELS[level] < self._level:
            return
        now = time.time()
        if self._as_json:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
            line = encode_json({"time": stamp, "level": level, "message": text[:MAX_LINE_BYTES], **more})
        else:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)) + f",{int(now * 1000) % 1000:03d}"
            line = f"{stamp} {level.upper()} {one_line(text)}".encode(errors="replace")
        self._put(line + b"\n")

    def output(self, worker: int, stream: str, line: str, request_id: str = "") -> None:
        """Pass a line on that a model printed, perhaps while it ran this request."""
        if self._as_json:
            self.write("info", line, {"worker": worker, "stream": stream})
        else:
            self._put((one_line(line) + "\n").encode(errors="replace"))

    def block(self, text: str) -> None:
        """Write text of several lines for people (a traceback), or as one record."""
        if self._as_json:
            self.write("error", text, {})
        else:
            self._put(text.encode(errors="replace"))

    def _put(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:  # nobody reads the log any more; serving goes on
            pass


def encode_json(record: dict[str, Any]) -> bytes:
    """One record as JSON. msgspec is imported here, since the log exists before there is time for it."""
    import msgspec

    return msgspec.json.encode(record)


def one_line(text: str) -> str:
    """Make control characters visible, so that no text can forge a line or move a terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in text)


def make_log(level: str, log_format: str) -> Log:
    """The log that the settings ask for; `auto` looks at standard error."""
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    return Log(level=level, as_json=as_json)
