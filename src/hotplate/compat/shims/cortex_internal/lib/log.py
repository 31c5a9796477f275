"""`cortex_internal.lib.log`: one JSON object a line on standard output, as Cortex 0.32 wrote them.

Its keys are asctime, levelname, message and process, then the traceback if there is one, then those of `extra`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import date, datetime, time
from typing import Any, cast

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "message"}


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message: Any = record.msg
        merged = isinstance(message, dict)
        line: dict[str, Any] = {
            "asctime": self.formatTime(record),
            "levelname": record.levelname,
            "message": None if merged else record.getMessage(),
            "process": record.process,
        }
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["exc_info"] = record.exc_text
        if record.stack_info:
            line["stack_info"] = self.formatStack(record.stack_info)
        if merged:
            line.update(cast("dict[str, Any]", message))
        line.update((key, value) for key, value in vars(record).items() if key not in _OWN)
        return json.dumps(line, default=_text)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, (datetime, date, time)) else str(value)


class _Output(logging.StreamHandler[Any]):
    """Standard output as it is now, and not as it was when this module was imported."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def _make() -> logging.Logger:
    made = logging.getLogger("cortex")
    made.setLevel(os.environ.get("CORTEX_LOG_LEVEL", "info").upper())
    made.propagate = False
    handler = _Output()
    handler.setFormatter(_Lines())
    made.handlers = [handler]
    return made


logger = _make()

__all__ = ["logger"]
