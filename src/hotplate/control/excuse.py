"""What answers in place of a control that cannot start: each request is told why, and what to do about it.

The supervisor holds the socket, so without this whoever asks would wait for an answer until they give up.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hotplate.control.api.guard import LOCAL, Guard
from hotplate.control.api.problems import plain_problem
from hotplate.control.service import run

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

LONGEST_S = 15.0
"""Then it ends, and the supervisor tries a whole control again."""


def serve_excuse(reason: str, listener: socket.socket, hosts: Sequence[str] = ()) -> None:
    """Answer every request with 503 and this reason, for a while or until a signal."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        text = f"Control cannot start, so nothing can be looked up or changed; calls are answered as before. {reason}"
        await plain_problem(503, "unavailable", text)(scope, receive, send)

    run(Guard(app, [*LOCAL, *hosts]), listener, longest_s=LONGEST_S)
