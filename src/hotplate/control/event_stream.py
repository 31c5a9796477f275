"""Server-sent events: what is sent as it comes, to so many at once and no more, and ended with its connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

import msgspec
from starlette.responses import StreamingResponse

from hotplate.errors import TooManyCalls

BEAT_S = 15.0
"""After so much silence a comment is sent, so that nothing in between takes the connection for dead."""
BEAT = b": still here\n\n"
TYPE = "text/event-stream"


class Followers:
    """Those of one kind that are connected to this process. `what` they are is said to who is one too many."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._connected: set[AsyncGenerator[bytes]] = set()

    def answer(self, parts: AsyncGenerator[bytes], headers: Mapping[str, str] | None = None) -> StreamingResponse:
        """Send what a generator gives. Raises TooManyCalls where too many follow already."""
        if len(self._connected) >= self._most:
            raise TooManyCalls(f"{self._most} {self._what} already.", retry_after_s=30)

        async def counted() -> AsyncGenerator[bytes]:
            self._connected.add(parts)
            try:
                yield b": following\n\n"
                async for part in parts:
                    yield part
            finally:
                self._connected.discard(parts)
                await parts.aclose()

        return StreamingResponse(counted(), media_type=TYPE, headers=dict(headers or {}))


def event(value: object, name: str = "") -> bytes:
    """One event with JSON in it."""
    head = b"event: " + name.encode() + b"\n" if name else b""
    return head + b"data: " + msgspec.json.encode(value) + b"\n\n"
