"""What the supervisor says of itself in run/supervisor.json."""

from __future__ import annotations

from typing import Any

import msgspec

from hotplate.deployment.home import Home


def read_supervisor(home: Home) -> dict[str, Any]:
    """The file's fields; none where nothing runs."""
    try:
        return msgspec.json.decode(home.supervisor_file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return {}


def read_url(home: Home) -> str:
    """Where the server listens, without a slash at its end; empty where nothing runs."""
    return str(read_supervisor(home).get("url") or "").rstrip("/")
