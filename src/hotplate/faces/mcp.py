"""The Model Context Protocol over streamable HTTP, at `/mcp`: each route of the project is a tool.

Every request stands alone, in both ages of the protocol: 2026-07-28, where each says all that it needs, and the
revisions before it, which begin with `initialize` (no session id is given out, as they allow). There is nothing to send
unasked, so GET and DELETE have no meaning here, and answers are JSON and never events. The rules are those of
https://modelcontextprotocol.io/specification (basic/transports, server/tools).

Messages that call no tool are answered by the server (`server/spoken.py`): they wait for no model, and wake none.
"""

from __future__ import annotations

from typing import Any

from hotplate.contract import Contract, Mount, Route
from hotplate.dialects.base import MISSING, Call, Parameter
from hotplate.faces.mcp_codec import Exchange, McpCodec
from hotplate.faces.mcp_document import OPERATION
from hotplate.faces.mcp_messages import HEADERS
from hotplate.faces.mcp_tools import Tool, tools_of

PATH = "/mcp"


class McpFace:
    """Tools for language models."""

    name = "mcp"
    headers = HEADERS
    stream_content_type = "text/event-stream"

    def __init__(self) -> None:
        self._contract = Contract(dialect="", entry="")
        self._tools: dict[str, Tool] = {}

    def mounts(self, contract: Contract) -> tuple[Mount, ...]:
        """One path, for every method of the protocol and every tool."""
        self._contract = contract
        if not contract.routes:
            return ()
        return (
            Mount(
                method="POST",
                path=PATH,
                face=self.name,
                call=0,
                joint=True,
                spoken=self.name,
                wants=HEADERS,
                typed=True,
                error_key="error.message",
                operation=OPERATION,
            ),
        )

    def join(self, calls: tuple[Call, ...], mount: Mount) -> Call:
        """Make the call that runs whichever tools a request names."""
        self._tools = tools_of(self._contract, calls)
        asynchronous = any(call.route.asynchronous for call in calls)
        return Call(
            route=Route(path=PATH, name="mcp", asynchronous=asynchronous, source=calls[0].route.source),
            function=_run_async if asynchronous else _run,
            parameters=(Parameter(name="exchange", annotation=Any, default=MISSING),),
            returns=Any,
        )

    def codec(self, call: Call, mount: Mount | None = None) -> McpCodec:
        """Make the codec of the path."""
        return McpCodec(self._contract, self._tools)


def _run(exchange: Exchange) -> Exchange:
    for pending in exchange.pending:
        pending.run()
    return exchange


async def _run_async(exchange: Exchange) -> Exchange:
    for pending in exchange.pending:
        await pending.run_async()
    return exchange
