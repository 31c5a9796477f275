"""JSON-RPC messages of the protocol: read, answered here or handed to tools, and written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from hotplate import __version__
from hotplate.contract import Contract
from hotplate.errors import HotplateError, InvalidInput, UnsupportedMedia
from hotplate.faces import failures, json_limits, media_type, running
from hotplate.faces import mcp_rules as rules
from hotplate.faces.base import Answer, Buffer, Head, Raised
from hotplate.faces.mcp_rules import Refused
from hotplate.faces.mcp_tools import Tool

HEADERS = ("origin", "host", rules.VERSION_HEADER, rules.METHOD_HEADER, rules.NAME_HEADER)
MAX_MESSAGES = 64
"""Most messages in one body. Only the revision 2025-03-26 has more than one."""
LIST_TTL_MS = 60_000
"""How long a caller may keep the list of tools. It changes with a new revision of the project alone."""

_encode = msgspec.json.Encoder().encode


class Pending:
    """A tool's call: what it is to be given, and then what came of it."""

    def __init__(self, tool: Tool, values: tuple[Any, ...]) -> None:
        self.tool = tool
        self.values = values
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """Call it. What it raises is kept: it is the answer."""
        try:
            self.value = running.run(self.tool.call, self.values)
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is that call's answer
            self.error = error

    async def run_async(self) -> None:
        """Call it in a project with coroutines. The end of the request itself ends it."""
        from asyncio import CancelledError

        try:
            self.value = await running.run_async(self.tool.call, self.values)
        except CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001
            self.error = error


class _Reply(msgspec.Struct):
    """The answer to one message: a result, an error, or a tool's call that is still to be made."""

    id: Any
    stateless: bool = False
    result: dict[str, Any] | None = None
    refused: Refused | None = None
    pending: Pending | None = None


class Exchange:
    """One request: a message or, in an old revision, a list of them."""

    def __init__(self, replies: list[_Reply], *, many: bool) -> None:
        self.replies = replies
        self.many = many

    @property
    def pending(self) -> Iterator[Pending]:
        """The calls to make, in order."""
        return (reply.pending for reply in self.replies if reply.pending is not None)


class McpCodec:
    """The path's decoding and encoding."""

    notes = True

    def __init__(self, contract: Contract, tools: dict[str, Tool]) -> None:
        self._tools = tools
        self._origin = os.environ.get("HOTPLATE_ALLOW_ORIGIN", "")
        self._list = [tool.described for tool in tools.values()]
        self._about = {"name": contract.name or contract.entry, "version": __version__}
        self._instructions = {"instructions": contract.description} if contract.description else {}

    # -- in ----------------------------------------------------------------------------------------------------

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give the exchange. Raises Refused for what is answered as a whole, and InvalidInput as other faces do."""
        assert head is not None
        rules.check_origin(head.headers, self._origin)
        kind = media_type.essence(head.content_type)
        if not media_type.is_json(kind):
            raise UnsupportedMedia("Messages of the Model Context Protocol are application/json.")
        data = bytes(body)
        try:
            json_limits.bound_values(data)
            tree: Any = msgspec.json.decode(data)
            json_limits.bound_depth(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Refused(rules.PARSE_ERROR, "Parse error: the body is not JSON") from None
        if not isinstance(tree, list):
            return (Exchange(self._of(tree, head, data), many=False),)
        many = cast("list[Any]", tree)
        if head.headers.get(rules.VERSION_HEADER, "2025-03-26") != "2025-03-26" or not 0 < len(many) <= MAX_MESSAGES:
            raise Refused(rules.INVALID_REQUEST, "The body must be one JSON-RPC message")
        return (Exchange([reply for each in many for reply in self._of(each, head, None)], many=True),)

    def _of(self, message: Any, head: Head, data: bytes | None) -> list[_Reply]:
        """The reply to one message; none to a notification, or to an answer to a question that was never asked."""
        given: dict[str, Any] = message if isinstance(message, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        name, method, params = given.get("id"), given.get("method"), given.get("params")
        if given.get("jsonrpc") != "2.0" or not (isinstance(method, str) or "result" in given or "error" in given):
            raise Refused(rules.INVALID_REQUEST, "The body must be a JSON-RPC message")
        if not isinstance(method, str) or "id" not in given:
            return []
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise Refused(rules.INVALID_REQUEST, "The id must be a text or a whole number")
        reply = _Reply(id=name, stateless=rules.is_stateless(head.headers, params))
        try:
            if reply.stateless:
                rules.check_stateless(head.headers, method, params)
            self._answer(reply, method, params, data)
        except Refused as refused:
            reply.refused = refused
        return [reply]

    def _answer(self, reply: _Reply, method: str, params: Any, data: bytes | None) -> None:
        asked: dict[str, Any] = params if isinstance(params, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        if method == "tools/call":
            self._call(reply, asked, data)
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

    def _call(self, reply: _Reply, asked: dict[str, Any], data: bytes | None) -> None:
        tool = self._tools.get(str(asked.get("name")))
        if tool is None:
            known = ", ".join(list(self._tools)[:20])
            raise Refused(rules.INVALID_PARAMS, f"Unknown tool: {str(asked.get('name'))[:100]}. There are: {known}")
        try:
            reply.pending = Pending(tool, tool.values(_arguments(asked, data)))
        except InvalidInput as error:
            text = failures.sentence(error, failures.answer(error, ""))
            reply.result = _failed(f"Invalid arguments for {tool.name}: {text}")

    # -- out ---------------------------------------------------------------------------------------------------

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """Give the answers. What a tool raised is in its own, and is told to its author."""
        assert head is not None
        exchange: Exchange = value
        if not exchange.replies:
            return Answer(status=202, content_type="")
        raised: list[Raised] = []
        messages = [self._written(reply, head.request_id, raised) for reply in exchange.replies]
        first = exchange.replies[0]
        refused = first.refused if first.stateless else None
        body = _encode(messages if exchange.many else messages[0])
        return Answer(status=refused.status if refused else 200, body=body, raised=tuple(raised))

    def _written(self, reply: _Reply, request_id: str, raised: list[Raised]) -> dict[str, Any]:
        if reply.refused is not None:
            return _error(reply.id, reply.refused)
        result = reply.result if reply.pending is None else _outcome(reply.pending, request_id, raised)
        assert result is not None
        if reply.stateless:
            meta = {"io.modelcontextprotocol/serverInfo": self._about}
            result = {**result, "resultType": "complete", "_meta": meta}
        return {"jsonrpc": "2.0", "id": reply.id, "result": result}

    def encode_item(self, value: Any) -> bytes:
        """Never asked: the path is no stream."""
        raise NotImplementedError

    def encode_end(self) -> bytes:
        """Never asked."""
        raise NotImplementedError

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """Never asked."""
        raise NotImplementedError

    def error(self, error: BaseException, request_id: str) -> Answer:
        """A JSON-RPC error without an id, for a request of which no message was read. Never raises."""
        if isinstance(error, Refused):
            return Answer(status=error.status, body=_encode(_error(None, error)))
        given = failures.answer(error, request_id)
        code = rules.INTERNAL_ERROR if given.status >= 500 else rules.INVALID_REQUEST
        refused = Refused(code, failures.sentence(error, given))
        status = 400 if given.status == 422 else given.status
        return Answer(status=status, body=_encode(_error(None, refused)), headers=given.headers)


def _arguments(asked: dict[str, Any], data: bytes | None) -> bytes:
    """The arguments as they came, so that the exact reader sees what was sent; else written again."""
    given = asked.get("arguments")
    if given is None:
        return b"{}"
    if data is not None:
        return bytes(msgspec.json.decode(data, type=_Raw).params.arguments)
    return _encode(given)


class _RawParams(msgspec.Struct):
    arguments: msgspec.Raw


class _Raw(msgspec.Struct):
    params: _RawParams


def _outcome(pending: Pending, request_id: str, raised: list[Raised]) -> dict[str, Any]:
    error = pending.error
    if error is None:
        try:
            return {**pending.tool.content(pending.value), "isError": False}
        except Exception as unfit:  # noqa: BLE001 - a result that cannot be written is the author's
            error = unfit
    given = failures.answer(error, request_id)
    if given.status >= 500:
        raised.append(Raised(pending.tool.call.route.name, pending.tool.where, error, request_id))
    text = failures.sentence(error, given)
    if given.status >= 500 and not isinstance(error, HotplateError):
        text = f"{pending.tool.name} failed (request {request_id})"
    return _failed(text)


def _failed(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": True}


def _error(name: Any, refused: Refused) -> dict[str, Any]:
    told: dict[str, Any] = {"code": refused.code, "message": str(refused)}
    if refused.data is not None:
        told["data"] = refused.data
    return {"jsonrpc": "2.0", "id": name, "error": told}
