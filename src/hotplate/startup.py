"""What a process does first, so that it is ready soon. Called by the worker's and the server's entry points alone."""

from __future__ import annotations

import sys


def import_msgspec() -> None:
    """Import msgspec without typing_extensions.

    msgspec looks for it before `typing`, where Python 3.11 and later have the same names, and importing it costs
    several times as much as msgspec itself. It is only hidden during this import.
    """
    if "msgspec" in sys.modules or "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # pyright: ignore[reportArgumentType] - how Python spells "not to be found"
    try:
        import msgspec  # noqa: F401  # pyright: ignore[reportUnusedImport]
    finally:
        del sys.modules["typing_extensions"]
