"""The face of a Cortex RealtimeAPI: the payload by its Content-Type in, the prediction as it is out.

Its source is Cortex 0.32 (pkg/cortex/serve/serve.py, nginx.conf.j2). Where it differs on purpose is listed, with the
reasons, in docs/coming-from-cortex.md.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from hotplate.contract import Contract, Mount
from hotplate.edge.status import STATUS
from hotplate.errors import HotplateError, InvalidInput, MalformedBody, Unavailable
from hotplate.faces import failures, flat_json
from hotplate.faces.base import Answer, Buffer, Head
from hotplate.faces.cortex_values import INPUTS, FormData, Headers, QueryParams, UploadFile

if TYPE_CHECKING:
    from hotplate.dialects.base import Call

TEXT = "text/plain; charset=utf-8"
MESSAGE = "make a prediction by sending a post request to this endpoint with a json payload"
MAX_FIELDS = 1000
_read_json = msgspec.json.Decoder().decode
_CHARSET = re.compile(r"charset=(\S+)")


class CortexFace:
    """What callers of a RealtimeAPI know."""

    name = "cortex"
    headers = ("*",)
    stream_content_type = "text/event-stream"

    def mounts(self, contract: Contract) -> tuple[Mount, ...]:
        """Every route at the paths that its callers know, and the note that a GET of them gives."""
        found: list[Mount] = []
        for index, route in enumerate(contract.routes):
            takes = {param.name for param in route.params}
            wanted = ("*",) if "headers" in takes and takes <= INPUTS else ()
            for path in _paths(route.aliases or (route.path,)):
                found.append(
                    Mount(
                        method=route.method,
                        path=path,
                        face=self.name,
                        call=index,
                        wants=wanted,
                        typed=True,
                    )
                )
        answer = json.dumps({"message": MESSAGE})
        notes = [
            Mount(method="GET", path=path, face=self.name, answer=answer)
            for route in contract.routes
            if route.method == "POST"
            for path in _paths(route.aliases or (route.path,))
        ]
        return (*found, *notes)

    def codec(self, call: Call, mount: Mount | None = None) -> CortexCodec:
        """Make the codec of one route. Raises ProjectError for annotations that cannot be put on the wire."""
        return CortexCodec(call)


def _paths(paths: tuple[str, ...]) -> list[str]:
    return [each for path in paths for each in ((path, path + "/") if path != "/" else (path,))]


class _BadJson(MalformedBody):
    """A body that says it is JSON and is not. Its answer is JSON too."""


class CortexCodec:
    """One route's decoding and encoding."""

    __slots__ = ("_inputs", "_named", "_only_payload")

    def __init__(self, call: Call) -> None:
        self._inputs = tuple(parameter.name for parameter in call.parameters)
        self._only_payload = self._inputs == ("payload",)
        self._named: Any = None
        if not INPUTS.issuperset(self._inputs):  # of another dialect: the payload is an object with its inputs
            from hotplate.faces.plain import PlainCodec

            self._named = PlainCodec(call)

    # -- in ----------------------------------------------------------------------------------------------------

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give the values of `payload`, `query_params` and `headers`, as far as they are asked for, in order."""
        if self._named is not None:
            return self._named.decode(body, head)
        if self._only_payload:
            return (payload(body, head),)
        values: list[Any] = []
        for name in self._inputs:
            if name == "payload":
                values.append(payload(body, head))
            elif name == "query_params":
                values.append(_query(head.query if head is not None else ""))
            else:
                values.append(Headers(head.headers.items() if head is not None else ()))
        return tuple(values)

    # -- out ---------------------------------------------------------------------------------------------------

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """Give bytes and text as they are, a Starlette response as it says, and anything else as JSON.

        Raises TypeError or ValueError for what JSON cannot hold, and the value itself if it is an exception.
        """
        kind: type[Any] = value.__class__
        if kind is dict or kind is list:
            return flat_json.dump(value)
        if kind is bytes:
            return Answer(body=value, content_type="application/octet-stream")
        if kind is str:
            return Answer(body=value.encode(), content_type=TEXT)
        if isinstance(value, BaseException):
            raise value
        if _is_response(value):
            return _response(value)
        return json.dumps(value).encode()

    def encode_item(self, value: Any) -> bytes:
        """One piece of a streamed answer of another dialect, as a server-sent event."""
        return b"data: %b\n\n" % json.dumps(value).encode()

    def encode_end(self) -> bytes:
        """Nothing: the stream just ends."""
        return b""

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """An event of type `error`."""
        return b"event: error\ndata: %b\n\n" % failures.fields(error, request_id)

    def error(self, error: BaseException, request_id: str) -> Answer:
        """The answer for an error. Never raises. What the author's code raised stays in the log."""
        if isinstance(error, _BadJson):
            body = json.dumps({"error": error.message}).encode()
            return Answer(status=STATUS[MalformedBody.code], body=body)
        if isinstance(error, MalformedBody):
            text = error.message.encode("utf-8", "replace")
            return Answer(status=STATUS[MalformedBody.code], body=text, content_type=TEXT)
        if isinstance(error, (InvalidInput, Unavailable)):
            return failures.answer(error, request_id)
        told = failures.answer(error, request_id)
        if told.status < 500 or (failures.code_of(error) == "http_error" and not isinstance(error, HotplateError)):
            return told
        return Answer(status=told.status, body=b"internal server error", content_type=TEXT)


def payload(body: Buffer, head: Head | None) -> Any:
    """Read a body by its Content-Type: JSON, text, a form; anything else is its bytes.

    Raises MalformedBody, with the texts of the parsers.
    """
    data = body if type(body) is bytes else bytes(body)
    if head is None:
        return _json(data)
    content_type = head.content_type.lower()
    if content_type.startswith("text/plain"):
        return _text(data, content_type)
    if content_type.startswith(("multipart/form", "application/x-www-form-urlencoded")):
        return _form(data, head.content_type)
    if content_type.startswith("application/json"):
        return _json(data)
    return data


def _json(data: bytes) -> Any:
    """As json.loads reads it: UTF-8, 16 and 32, NaN, and of equal keys the last.

    msgspec's reader gives the same for whatever it takes, in a fraction of the time.
    """
    try:
        return _read_json(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        return json.loads(data)
    except RecursionError:
        raise _BadJson("the payload is nested too deeply") from None
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, integers of too many digits
        raise _BadJson(str(error)) from None


def charset_of(content_type: str) -> str:
    """The charset that a content type names, else utf-8."""
    found = _CHARSET.findall(content_type)
    return found[-1].rstrip(";") if found else "utf-8"


def _text(data: bytes, content_type: str) -> str:
    try:
        return str(data, charset_of(content_type))
    except (UnicodeError, LookupError) as error:
        raise MalformedBody(str(error)) from None


def _form(data: bytes, content_type: str) -> FormData:
    from hotplate.faces import forms

    parts = forms.read_parts(data, content_type)
    return FormData(
        (part.name, part.text if part.filename is None else UploadFile(part.data, part.filename, part.content_type))
        for part in parts
    )


def _query(query: str) -> QueryParams:
    try:
        return QueryParams(parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise MalformedBody(f"the query string has more than {MAX_FIELDS} fields") from None


def _is_response(value: Any) -> bool:
    """The shape of starlette.responses.Response."""
    kind: type[Any] = value.__class__
    return all(hasattr(kind, name) for name in ("render", "init_headers")) and hasattr(value, "raw_headers")


def _response(value: Any) -> Answer:
    content_type = ""
    headers: list[tuple[str, str]] = []
    for name, each in value.raw_headers:
        if name == b"content-type":
            content_type = each.decode("latin-1")
        elif name != b"content-length":
            headers.append((name.decode("latin-1"), each.decode("latin-1")))
    return Answer(status=value.status_code, body=value.body, content_type=content_type, headers=tuple(headers))
