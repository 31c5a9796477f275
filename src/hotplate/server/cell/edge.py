"""The edge of a replica for a remote server: what that server needs to know of an answer besides what callers see."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from hotplate.edge.connection import Connection
from hotplate.edge.edge import Edge
from hotplate.edge.exchange import Exchange
from hotplate.wire.remote import OUTPUT, PROGRESS, REFUSED

MAX_OUTPUT = 4096
MAX_TEXT = 1024


class CellConnection(Connection):
    """Marks answers that are not the worker's, and passes a call's progress on as interim answers."""

    __slots__ = ()

    def refused(
        self, exchange: Exchange, code: str, status: int, body: bytes, extra: bytes, last_output: str = ""
    ) -> None:
        """Say that no worker gave this answer."""
        extra += b"%b: %b\r\n" % (REFUSED.encode(), code.encode())
        if last_output:
            said = b64encode(last_output.encode(errors="replace")[-MAX_OUTPUT:])
            extra += b"%b: %b\r\n" % (OUTPUT.encode(), said)
        self.answer(exchange, status, body, extra)

    def progress(self, exchange: Exchange, fraction: float | None, text: str) -> None:
        """RFC 9110, 15.2: any number of interim answers may come before the answer."""
        if not exchange.streaming:
            told = "" if fraction is None else f"{fraction:.6g}"
            said = b64encode(text[:MAX_TEXT].encode(errors="replace"))
            self.transport.write(
                b"HTTP/1.1 102 Processing\r\n%b: %b %b\r\n\r\n" % (PROGRESS.encode(), told.encode(), said)
            )


class CellEdge(Edge):
    """The connection on which news is told is owed nothing."""

    make = CellConnection
    news: Exchange | None = None
    busy: Callable[[], bool] = staticmethod(lambda: False)
    """Whether calls run that did not come by HTTP."""

    @property
    def owes(self) -> bool:
        """Whether an answer is still owed."""
        held = (connection.exchange for connection in self.connections)
        return self.busy() or any(exchange is not None and exchange is not self.news for exchange in held)
