"""Looks at a shared store before anything is started on it: a wrong URL or another key is said at once."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import msgspec

from hotplate.deployment.home import VARIABLE, Home
from hotplate.errors import PlatformError, SettingError
from hotplate.server.log import Log

LONGEST_S = 60.0


def check(home: Home, url: str, log: Log) -> None:
    """Connect to it, bring its schema up to date, and compare keys.

    A home that has served from it before may start while it is away: calls are answered as they were then.

    Raises:
        SettingError: it cannot be used. PlatformError: it does not answer, or is of a newer version.
    """
    done = subprocess.run(
        [sys.executable, "-m", "hotplate.control", "--check"],
        env={**os.environ, VARIABLE: str(home.root), "HOTPLATE_STORE": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
        timeout=LONGEST_S,
    )
    if done.returncode == 0:
        return
    try:
        said: dict[str, Any] = msgspec.json.decode(done.stdout, type=dict[str, Any])
    except msgspec.DecodeError:
        raise PlatformError("The shared store could not be looked at; the log above says more.") from None
    message, hint = str(said["message"]), said.get("hint")
    if said["code"] == "unavailable" and home.snapshot.exists():
        log.warning(f"{message} What this home served before is served.")
        return
    raise SettingError(message, key="store", hint=hint)
