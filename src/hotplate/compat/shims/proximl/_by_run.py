"""Jobs that are a `hotplate run` each: without tokens and without a supervisor, on a free port of their own."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any
from urllib import error as urllib_error
from urllib import request as urllib_request

from proximl import _background as background
from proximl._places import LAST_LINES, Lines, State
from proximl._specification import variables

_URL = re.compile(r"Hotplate running on (http://\S+)")


class ByRun:
    """The process is the endpoint."""

    def reserve(self, job: dict[str, Any]) -> dict[str, Any]:
        """Nothing is taken from others."""
        del job
        return {}

    def start(self, folder: Path, job: dict[str, Any]) -> None:
        """Run it, unless it runs."""
        if background.alive(folder):
            return
        for name in ("stopped", "url"):
            (folder / name).unlink(missing_ok=True)
        words = ["run", *job["options"], "--port", "0", "--log-format", "json"]
        background.start(folder, words, variables(job))

    def stop(self, folder: Path, job: dict[str, Any]) -> None:
        """Ask it to end."""
        del job
        (folder / "stopped").touch()
        background.signal(folder, signal.SIGTERM)

    def forget(self, job: dict[str, Any]) -> None:
        """The process was all that there was."""
        del job

    def state(self, folder: Path, job: dict[str, Any]) -> State:
        """How it is now."""
        del job
        stopped = (folder / "stopped").exists()
        if not background.alive(folder):
            if stopped:
                return State("stopped")
            return State("failed", message="\n".join(background.messages(folder)[-LAST_LINES:]))
        if stopped:
            return State("stopping")
        url = _url(folder)
        if not url:
            return State("waiting for data/model download")
        return State("running" if _ready(url) else "starting", url)

    def lines(self, folder: Path, job: dict[str, Any], after: Any, *, ended: bool) -> Lines:
        """What its log says after a place in it."""
        del job
        return background.lines(folder, after or 0, ended=ended)

    def log(self, folder: Path, job: dict[str, Any]) -> Path:
        """JSON lines of the server, and what it said before it was one."""
        del job
        return folder / "log"


def _ready(url: str) -> bool:
    try:
        with urllib_request.urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310 - of the log that we made
            return answer.status == 200
    except (urllib_error.URLError, TimeoutError, ConnectionError):
        return False


def _url(folder: Path) -> str:
    known = folder / "url"
    if known.exists():
        return known.read_text()
    url = next((found[1] for line in background.messages(folder) if (found := _URL.search(line))), "")
    if url:
        known.write_text(url)
    return url
