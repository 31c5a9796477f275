"""The log of one revision's replicas: what they print goes to a file, what befalls them becomes an event.

Nothing leaves here with the value of a secret in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hotplate.deployment.masking import Mask
from hotplate.server.capture import Capture, Line
from hotplate.server.log import Log

if TYPE_CHECKING:
    from hotplate.server.journal import Journal

HOTPLATE = "hotplate"
"""The stream of lines that are ours: a replica's states, a crash and its reason."""


class ReplicaLog(Log):
    """A Log, as the pool and the workers' output know it. `mask` takes secrets out of every text."""

    def __init__(
        self, log: Log, *, endpoint: str, revision: str, mask: Callable[[], Mask], capture: Capture, journal: Journal
    ) -> None:
        super().__init__()
        self._log = log
        self._endpoint = endpoint
        self._revision = revision
        self._mask = mask
        self._capture = capture
        self._journal = journal

    def write(self, level: str, text: str, more: dict[str, Any]) -> None:
        """Something happened to a replica, or to all of them."""
        mask = self._mask()
        text = mask(text)
        more = {name: mask(value) if isinstance(value, str) else value for name, value in more.items()}
        number, kind = more.pop("worker", None), more.pop("kind", level)
        self._log.write("debug" if level == "info" else level, f"{self._endpoint}: {text}", more)
        self._line(number or 0, HOTPLATE, text, "")
        if level in ("warning", "error"):
            kind = "replica_crashed" if "last_output" in more else f"replica_{kind}"
            self._journal.event(self._endpoint, kind, text, replica=number, revision=self._revision, data=more)

    def output(self, worker: int, stream: str, line: str, request_id: str = "") -> None:
        """A replica printed a line."""
        self._line(worker, stream, self._mask()(line), request_id)

    def block(self, text: str) -> None:
        """Several lines at once, such as a traceback."""
        text = self._mask()(text)
        self._log.block(f"{self._endpoint}:\n{text}")
        for line in text.splitlines():
            self._line(0, HOTPLATE, line, "")

    def _line(self, number: int, stream: str, text: str, request_id: str) -> None:
        self._capture.put(
            self._endpoint,
            Line(
                at=time.time(),
                replica=number,
                revision=self._revision,
                stream=stream,
                text=text,
                request_id=request_id,
            ),
        )
