"""JSON-RPC messages of the protocol: read, and answered as far as that needs no tool. From the contract alone.

The worker's codec is one of these; the server has another, for messages that would otherwise wait behind calls.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from hotplate import __version__
from hotplate.contract import Contract
from hotplate.errors import HotplateError
from hotplate.faces import json_limits, media_type
from hotplate.faces import mcp_rules as rules
from hotplate.faces.mcp_described import describe, trainings
from hotplate.faces.mcp_rules import Refused

HEADERS = ("origin", "host", rules.VERSION_HEADER, rules.METHOD_HEADER, rules.NAME_HEADER)
MAX_MESSAGES = 64
"""Most messages in one body. Only the revision 2025-03-26 has more than one."""
LIST_TTL_MS = 60_000
"""How long a caller may keep the list of tools. It changes with a new revision of the project alone."""

write_json = msgspec.json.Encoder().encode


class Reply(msgspec.Struct):
    """The answer to one message: a result, an error, or a tool's call that is still to be made."""

    id: Any
    stateless: bool = False
    result: dict[str, Any] | None = None
    refused: Refused | None = None
    pending: Any = None


class _ToolCalled(Exception):
    """A message calls a tool, which is not here."""


class Messages:
    """Reads bodies and answers what the contract answers."""

    def __init__(self, contract: Contract) -> None:
        self._origin = os.environ.get("HOTPLATE_ALLOW_ORIGIN", "")
        self._list = [each.part for each in describe(contract)]
        self._about = {"name": contract.name or contract.entry, "version": __version__}
        self._instructions = {"instructions": contract.description} if contract.description else {}
        self.trainings = trainings(contract)

    def answer(self, body: bytes, content_type: str, headers: Mapping[str, str]) -> tuple[int, bytes] | None:
        """Give status and body for a request that needs no tool and has no fault; None: it is for the worker."""
        if b"tools/call" in body or not media_type.is_json(media_type.essence(content_type)):
            return None
        try:
            replies, many = self.read(body, headers)
        except (Refused, HotplateError, _ToolCalled):
            return None
        if any(reply.refused is not None for reply in replies):
            return None
        if not replies:
            return 202, b""
        messages = [self.written(reply, reply.result) for reply in replies]
        return 200, write_json(messages if many else messages[0])

    def read(self, data: bytes, headers: Mapping[str, str]) -> tuple[list[Reply], bool]:
        """Give the replies, and whether they came as a list.

        Raises:
            Refused: what is answered as a whole.
            InvalidInput: as in other faces.
        """
        rules.check_origin(headers, self._origin)
        try:
            json_limits.bound_values(data)
            tree: Any = msgspec.json.decode(data)
            json_limits.bound_depth(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Refused(rules.PARSE_ERROR, "Parse error: the body is not JSON") from None
        if not isinstance(tree, list):
            return list(self._of(tree, headers, data)), False
        many = cast("list[Any]", tree)
        if headers.get(rules.VERSION_HEADER, "2025-03-26") != "2025-03-26" or not 0 < len(many) <= MAX_MESSAGES:
            raise Refused(rules.INVALID_REQUEST, "The body must be one JSON-RPC message")
        return [reply for each in many for reply in self._of(each, headers, None)], True

    def _of(self, message: Any, headers: Mapping[str, str], data: bytes | None) -> Iterator[Reply]:
        """The reply to one message; none to a notification, or to an answer to a question that was never asked."""
        given: dict[str, Any] = message if isinstance(message, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        name, method, params = given.get("id"), given.get("method"), given.get("params")
        if given.get("jsonrpc") != "2.0" or not (isinstance(method, str) or "result" in given or "error" in given):
            raise Refused(rules.INVALID_REQUEST, "The body must be a JSON-RPC message")
        if not isinstance(method, str) or "id" not in given:
            return
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise Refused(rules.INVALID_REQUEST, "The id must be a text or a whole number")
        reply = Reply(id=name, stateless=rules.is_stateless(headers, params))
        try:
            if reply.stateless:
                rules.check_stateless(headers, method, params)
            self._answer(reply, method, params, data)
        except Refused as refused:
            reply.refused = refused
        yield reply

    def _answer(self, reply: Reply, method: str, params: Any, data: bytes | None) -> None:
        asked: dict[str, Any] = params if isinstance(params, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        if method == "tools/call":
            self.call(reply, asked, data)
        elif method == "tools/list":
            cached = {"ttlMs": LIST_TTL_MS, "cacheScope": "private"} if reply.stateless else {}
            reply.result = {"tools": self._list, **cached}
        elif method == "ping" and not reply.stateless:
            reply.result = {}
        elif method == "initialize" and not reply.stateless:
            version = asked.get("protocolVersion")
            version = version if version in rules.WITH_HANDSHAKE else rules.WITH_HANDSHAKE[-1]
            about = {"serverInfo": self._about, **self._instructions}
            reply.result = {"protocolVersion": version, "capabilities": {"tools": {}}, **about}
        elif method == "server/discover" and reply.stateless:
            reply.result = {
                "supportedVersions": list(rules.STATELESS),
                "capabilities": {"tools": {}},
                "ttlMs": LIST_TTL_MS,
                "cacheScope": "private",
                **self._instructions,
            }
        else:
            raise Refused(rules.METHOD_NOT_FOUND, f"Method not found: {method[:100]}", status=404)

    def call(self, reply: Reply, asked: dict[str, Any], data: bytes | None) -> None:
        """Prepare a tool's call, where tools are."""
        raise _ToolCalled

    def written(self, reply: Reply, result: dict[str, Any] | None) -> dict[str, Any]:
        """The message with a result, or with the reply's own error."""
        if reply.refused is not None:
            return write_error(reply.id, reply.refused)
        assert result is not None
        if reply.stateless:
            meta = {"io.modelcontextprotocol/serverInfo": self._about}
            result = {**result, "resultType": "complete", "_meta": meta}
        return {"jsonrpc": "2.0", "id": reply.id, "result": result}


def write_error(name: Any, refused: Refused) -> dict[str, Any]:
    """The message of an error."""
    told: dict[str, Any] = {"code": refused.code, "message": str(refused)}
    if refused.data is not None:
        told["data"] = refused.data
    return {"jsonrpc": "2.0", "id": name, "error": told}
