"""The codec of `/mcp` in the worker: messages in, tools called, messages out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hotplate.contract import Contract
from hotplate.errors import HotplateError, InvalidInput, UnsupportedMedia
from hotplate.faces import failures, media_type, running
from hotplate.faces import mcp_rules as rules
from hotplate.faces.base import Answer, Buffer, Head, Raised
from hotplate.faces.mcp_messages import Messages, Reply, write_error, write_json
from hotplate.faces.mcp_rules import Refused
from hotplate.faces.mcp_tools import Tool


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


class Exchange:
    """One request: a message or, in an old revision, a list of them."""

    def __init__(self, replies: list[Reply], *, many: bool) -> None:
        self.replies = replies
        self.many = many

    @property
    def pending(self) -> Iterator[Pending]:
        """The calls to make, in order."""
        return (reply.pending for reply in self.replies if reply.pending is not None)


class McpCodec(Messages):
    """The path's decoding and encoding."""

    notes = True

    def __init__(self, contract: Contract, tools: dict[str, Tool]) -> None:
        super().__init__(contract)
        self._tools = tools

    # -- in ----------------------------------------------------------------------------------------------------

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give the exchange. Raises Refused for what is answered as a whole, and InvalidInput as other faces do."""
        assert head is not None
        if not media_type.is_json(media_type.essence(head.content_type)):
            rules.check_origin(head.headers, self._origin)
            raise UnsupportedMedia("Messages of the Model Context Protocol are application/json.")
        replies, many = self.read(bytes(body), head.headers)
        return (Exchange(replies, many=many),)

    def call(self, reply: Reply, asked: dict[str, Any], data: bytes | None) -> None:
        """Read a tool's arguments."""
        name = str(asked.get("name"))
        tool = self._tools.get(name)
        if tool is None and self.trainings.get(name):
            text = f"{name} is no tool: a training is kept as a job. POST its arguments to {self.trainings[name]}"
            raise Refused(rules.INVALID_PARAMS, text)
        if tool is None:
            known = ", ".join(list(self._tools)[:20])
            raise Refused(rules.INVALID_PARAMS, f"Unknown tool: {name[:100]}. There are: {known}")
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
        messages: list[dict[str, Any]] = []
        for reply in exchange.replies:
            pending: Pending | None = reply.pending
            result = reply.result if pending is None else _outcome(pending, head.request_id, raised)
            messages.append(self.written(reply, result))
        first = exchange.replies[0]
        refused = first.refused if first.stateless else None
        body = write_json(messages if exchange.many else messages[0])
        return Answer(status=refused.status if refused else 200, body=body, raised=tuple(raised))

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
            return Answer(status=error.status, body=write_json(write_error(None, error)))
        given = failures.answer(error, request_id)
        code = rules.INTERNAL_ERROR if given.status >= 500 else rules.INVALID_REQUEST
        refused = Refused(code, failures.sentence(error, given))
        status = 400 if given.status == 422 else given.status
        return Answer(status=status, body=write_json(write_error(None, refused)), headers=given.headers)


def _arguments(asked: dict[str, Any], data: bytes | None) -> bytes:
    """The arguments as they came, so that the exact reader sees what was sent; else written again."""
    given = asked.get("arguments")
    if given is None:
        return b"{}"
    if data is not None:
        return bytes(msgspec.json.decode(data, type=_Raw).params.arguments)
    return write_json(given)


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
