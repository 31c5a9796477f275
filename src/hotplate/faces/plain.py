"""The plain face: OctoAI's wire. `{"prompt": ...}` in, `{"output": ..., "analytics": {...}}` out, errors as FastAPI's.

Its source is the server of octoai-sdk 0.10.1, with which it is compared in the tests. Where it differs on purpose is
listed, with the reasons, in docs/coming-from-octoai.md, "On the wire".
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hotplate.contract import Contract, Mount
from hotplate.errors import InvalidInput, UnsupportedMedia
from hotplate.faces import decoding, failures, json_limits, media_type, whole_body
from hotplate.faces.base import Answer, Buffer, Head
from hotplate.faces.details import missing, not_an_object
from hotplate.faces.encoding import Result, unusable
from hotplate.faces.media_classes import kind_of, media_class
from hotplate.faces.media_output import negotiated
from hotplate.faces.whole_body import WholeBody

if TYPE_CHECKING:
    from hotplate.dialects.base import Call
    from hotplate.faces.validation import Inputs

_JSON_HEAD = Head(headers={})
KINDS = 64
"""How many content types a route remembers."""


class PlainFace:
    """OctoAI's and FastAPI's shape."""

    name = "plain"
    headers = ("accept",)
    stream_content_type = "text/event-stream"

    def mounts(self, contract: Contract) -> tuple[Mount, ...]:
        """Every route at its own path and method."""
        return tuple(
            Mount(method=route.method, path=route.path, face=self.name, call=index)
            for index, route in enumerate(contract.routes)
        )

    def codec(self, call: Call, mount: Mount | None = None) -> PlainCodec:
        """Make the codec of one route. Raises ProjectError for annotations that cannot be put on the wire."""
        return PlainCodec(call)


class PlainCodec:
    """One route's decoding and encoding. Used by many threads at once: nothing here changes after the first error."""

    __slots__ = ("_call", "_fast", "_form", "_forms", "_inputs", "_kinds", "_media", "_result", "_whole")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._form = call.route.body == "form"
        self._whole = WholeBody(call, name) if (name := whole_body.name_of(call)) else None
        self._media = [(p.name, cls) for p in call.parameters if (cls := media_class(p.annotation)) is not None]
        self._fast = None if self._form or self._whole else decoding.make(call.parameters)
        self._inputs: Inputs | None = None
        self._forms: Any = None
        if self._form or self._media:
            self._forms = import_module("hotplate.faces.forms")  # now, so that the first call does not wait for it
        if self._fast is None and not self._form and not self._whole:
            self._inputs = self._make_inputs()
        self._result = Result(call)
        self._kinds: dict[str, str] = {}  # what `_raw_kind` said of recent content types

    # -- in ----------------------------------------------------------------------------------------------------

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give the parameters' values in order. Raises InvalidInput."""
        if self._whole is not None:
            return self._whole.decode(body, head)
        if type(body) is not bytes:
            found = self._decode_view(body, head)
            if isinstance(found, tuple):
                return found
            body = found
        if head is None and self._fast is not None:
            values = self._fast(body)
            if values is not None:
                return values
            if body:
                return self._validate(json_limits.load(body))
        return self._decode(body, head or _JSON_HEAD)

    def _decode_view(self, view: Buffer, head: Head | None) -> tuple[Any, ...] | bytes:
        """Read a view of memory that is not ours: give values, or a copy of it for whatever comes next.

        Large media is decoded straight from the view, or borrows it. No exception leaves this frame or those below:
        its traceback would hold their variables, and so the view.
        """
        if head is not None and (kind := self._raw_kind(head)):
            try:
                return self._decode_raw(view, kind, head.query)
            except InvalidInput:
                pass  # said again, about the copy
        if self._media and self._fast is not None and (head is None or _is_json(head.content_type)):
            try:
                values = self._fast(view)
            except InvalidInput:
                values = None
            if values is not None:
                return values
        return bytes(view)

    def _decode(self, body: bytes, head: Head) -> tuple[Any, ...]:
        if self._form:
            forms = self._forms
            return forms.form_values(self._call.parameters, forms.read_parts(body, head.content_type))
        if not body and not self._call.parameters:
            return ()
        if not body:
            raise InvalidInput(details=[missing("body")])
        if _is_json(head.content_type):
            return self._decode_json(body)
        kind = media_type.essence(head.content_type)
        if self._media and kind == "multipart/form-data":
            forms = self._forms
            parts = forms.read_parts(body, head.content_type)
            return self._validate(forms.tree_of_parts(self._call.parameters, parts))
        if self._raw_kind(head):
            return self._decode_raw(body, kind, head.query)
        raise self._refusal(body, kind)

    def _decode_json(self, body: bytes) -> tuple[Any, ...]:
        if self._fast is not None:
            values = self._fast(body)
            if values is not None:
                return values
        return self._validate(json_limits.load(body))

    def _raw_kind(self, head: Head) -> str:
        """The type of a body that is the route's only media itself; else nothing."""
        known = self._kinds.get(head.content_type)
        if known is not None:
            return known
        if self._form or len(self._media) != 1 or _is_json(head.content_type):
            kind = ""
        else:
            kind = media_type.essence(head.content_type)
            kind = kind if self._takes_raw(kind) else ""
        if len(self._kinds) >= KINDS:
            self._kinds.clear()
        self._kinds[head.content_type] = kind
        return kind

    def _decode_raw(self, body: Buffer, kind: str, query: str) -> tuple[Any, ...]:
        """The body is the media, other parameters are in the query string."""
        name, cls = self._media[0]
        value = self._forms.make_media(cls, body, kind, None, name)
        if len(self._call.parameters) == 1:
            return (value,)
        return self._validate(self._forms.tree_of_query(self._call.parameters, query) | {name: value})

    def _takes_raw(self, kind: str) -> bool:
        wanted = kind_of(self._media[0][1])
        if wanted == "file":
            return not kind.startswith("multipart/")
        return kind == "application/octet-stream" or kind.startswith(wanted + "/")

    def _refusal(self, body: bytes, kind: str) -> InvalidInput:
        """Text of another type gets FastAPI's answer. Bytes that are no text get a 415 that says what can be sent."""
        if not media_type.is_binary(kind):
            try:
                return InvalidInput(details=[not_an_object(body.decode())])
            except UnicodeDecodeError:
                pass
        takes = ["application/json"]
        if self._media:
            takes.append("multipart/form-data")
        if len(self._media) == 1:
            wanted = kind_of(self._media[0][1])
            takes.append("any file" if wanted == "file" else f"{wanted}/*")
        return UnsupportedMedia(f"This route takes {', '.join(takes)}. It does not take {kind[:100]}.")

    def _validate(self, tree: Any) -> tuple[Any, ...]:
        inputs = self._inputs
        if inputs is None:
            inputs = self._inputs = self._make_inputs()
        return inputs.validate(tree)

    def _make_inputs(self) -> Inputs:
        from hotplate.faces.validation import Inputs

        for parameter in self._call.parameters:
            try:
                Inputs([parameter])
            except Exception as error:
                raise unusable(self._call, f"parameter {parameter.name}", parameter.annotation, error) from error
        return Inputs(self._call.parameters)

    # -- out ---------------------------------------------------------------------------------------------------

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """Give the envelope; or the media itself, where the route returns one and the caller prefers it.

        Raises InvalidOutput, and the value itself if it is an exception.
        """
        result = self._result
        if result.media is not None and isinstance(value, result.media):
            raw = negotiated(value, head)
            if raw is not None:
                return raw
        body = result.envelope(value, inference_ns, elapsed_ns)
        return body if result.media is None else Answer(body=body, headers=(("vary", "accept"),))

    def encode_item(self, value: Any) -> bytes:
        """One piece of a stream as a server-sent event (HTML standard, 9.2.6)."""
        return b"data: %b\n\n" % self._result.encode(value)

    def encode_end(self) -> bytes:
        """What OctoAI's client takes for the end (octoai/client.py, infer_stream)."""
        return b"data: [DONE]\n\n"

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """An event of type `error`; no `[DONE]` follows."""
        return b"event: error\ndata: %b\n\n" % failures.fields(error, request_id)

    def error(self, error: BaseException, request_id: str) -> Answer:
        """The answer for an error. Never raises."""
        return failures.answer(error, request_id)


def _is_json(content_type: str) -> bool:
    """A body without a Content-Type is JSON, as it was for the servers of OctoAI's time (FastAPI 0.109)."""
    kind = media_type.essence(content_type)
    return not kind or media_type.is_json(kind)
