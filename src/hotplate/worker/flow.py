"""How far one open stream has run ahead of its client, and whether anybody still wants it."""

from __future__ import annotations

STREAM_WINDOW_BYTES = 256 * 1024
"""How far a stream may run ahead of its client."""


class Flow:
    """The state of one stream.

    Each number has one writer, so that no lock is needed: `sent` belongs to whoever runs the stream, `passed`
    (what has left for the client) and `cancelled` to whoever reads frames.
    """

    __slots__ = ("cancelled", "passed", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.passed = 0
        self.cancelled = False

    @property
    def full(self) -> bool:
        """Whether the stream must wait for its client."""
        return self.sent - self.passed > STREAM_WINDOW_BYTES and not self.cancelled
