"""One path of OpenAI's API: a request into the function's parameters, its result into an answer or into events."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import msgspec

from hotplate.errors import HotplateError, InvalidInput, UnsupportedMedia
from hotplate.faces import failures, json_limits, media_type
from hotplate.faces import openai_answers as answers
from hotplate.faces.base import Answer, Buffer, Head, Stream
from hotplate.faces.cortex_values import takes_whole
from hotplate.faces.encoding import Result
from hotplate.faces.openai_shapes import CHAT, COMPLETE, EMBED, Shape, types_of
from hotplate.faces.openai_stream import Events
from hotplate.faces.plain import PlainCodec

if TYPE_CHECKING:
    from hotplate.dialects.base import Call
    from hotplate.faces.cortex import CortexCodec

_EVENTS = "text/event-stream; charset=utf-8"
_SAME = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""Two names of one thing: a function that takes either gets it."""

_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_PLACE = re.compile(r" - at `\$\.?(.*)`$")


class _Options(msgspec.Struct):
    include_usage: bool | None = None


class _Request(msgspec.Struct):
    """What the face itself reads of a body."""

    model: str | None = None
    stream: bool | None = None
    stream_options: _Options | None = None
    encoding_format: str | None = None
    dimensions: int | None = None


_request = msgspec.json.Decoder(_Request).decode


class Ask(msgspec.Struct):
    """One request, as far as its answer needs it."""

    id: str
    model: str
    created: int
    stream: bool
    usage: bool
    asked: int
    """How many characters the question has."""
    texts: int = 1
    packed: bool = False
    dimensions: int | None = None


class UnknownModel(InvalidInput):
    """There is no such model."""


class OpenAICodec:
    """Chat, text or embeddings of one function."""

    notes = True

    def __init__(self, call: Call, shape: Shape, main: str, model: str, *, one: bool) -> None:
        self._shape = shape
        self._main = main
        self._model = model
        self._one = one
        self._stream = call.route.stream
        self._names = [parameter.name for parameter in call.parameters]
        self._types = next((types_of(param) for param in call.route.params if param.name == main), set[str]())
        self._plain = PlainCodec(call)
        self._whole = _whole_codec(call)
        self._result = Result(call)

    # -- in ----------------------------------------------------------------------------------------------------

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give the parameters' values in order; members that the function does not take are passed over."""
        assert head is not None
        data = bytes(body)
        kind = media_type.essence(head.content_type)
        if kind and not media_type.is_json(kind):
            raise UnsupportedMedia(f"This path takes application/json, not {kind[:100]}.")
        request, members = _read(data)
        if request.model not in (None, self._model) and "model" not in self._names and self._whole is None:
            raise UnknownModel(f"The model `{str(request.model)[:200]}` does not exist. There is `{self._model}`.")
        main = members.get(self._shape.key, msgspec.Raw(b""))
        ask = Ask(
            id=head.request_id,
            model=request.model or self._model,
            created=int(time.time()),
            stream=bool(request.stream) and self._shape is not EMBED,
            usage=bool(request.stream_options and request.stream_options.include_usage),
            asked=len(main),
            packed=request.encoding_format == "base64",
            dimensions=request.dimensions,
        )
        head.note = ask
        if self._whole is not None:
            if self._shape is EMBED:
                ask.texts = len(_texts(main)) if main else 1
            return self._whole.decode(data, None)
        given = self._given(members)
        if self._shape is EMBED:
            return self._embed(given, ask)
        return self._plain.decode(_object(given), None)

    def _given(self, members: dict[str, msgspec.Raw]) -> dict[str, bytes]:
        """The members that the function takes, by its own names. A null stands for the function's default."""
        own = {name: bytes(raw) for name, raw in members.items() if bytes(raw) != b"null"}
        for name, other in _SAME.items():
            if name in self._names and name not in own and other in own:
                own[name] = own[other]
        main = own.pop(self._shape.key, None)
        given = {name: raw for name, raw in own.items() if name in self._names}
        if main is not None:
            given[self._main] = self._prompt(main) if self._shape is COMPLETE else main
        return given

    def _prompt(self, raw: bytes) -> bytes:
        """A prompt may come as text, or as a list with it alone."""
        if self._types == {"array"}:
            return raw if raw[:1] == b"[" else b"[" + raw + b"]"
        if raw[:1] != b"[":
            return raw
        found = _texts(raw)
        if len(found) == 1 and bytes(found[0])[:1] in (b'"', b"["):
            return bytes(found[0])
        if self._types and "array" not in self._types:
            raise _wrong("This model takes one prompt at a time, as text", self._shape.key)
        return raw

    def _embed(self, given: dict[str, bytes], ask: Ask) -> tuple[Any, ...]:
        raw = given.get(self._main)
        if raw is None:
            return self._plain.decode(_object(given), None)  # says that it is missing
        found = _texts(raw)
        ask.texts = len(found)
        if not found:
            raise _wrong("There is no text", self._shape.key)
        if not self._one:
            return self._plain.decode(_object({**given, self._main: _list(found)}), None)
        rows = [self._plain.decode(_object({**given, self._main: bytes(each)}), None) for each in found]
        place = self._names.index(self._main)
        return (*rows[0][:place], [row[place] for row in rows], *rows[0][place + 1 :])

    # -- out ---------------------------------------------------------------------------------------------------

    def begin(self, head: Head | None) -> Stream | None:
        """Events for a caller that asked for a stream; else the pieces are gathered."""
        assert head is not None
        return Events(self._shape, head.note, self._tree, self._broken) if head.note.stream else None

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """Give the answer. Raises InvalidOutput, and the value itself if it is an exception."""
        assert head is not None
        ask: Ask = head.note
        if self._shape is EMBED:
            return self._vectors(value, ask)
        if self._stream:
            pieces = [answers.piece_of(self._shape, self._tree(each)) for each in value]
            choices, said = answers.gathered(self._shape, pieces)
        else:
            tree = self._tree(value)
            if ask.stream:
                return self._as_events(tree, ask)
            choices, said = answers.whole(self._shape, tree)
        answered = sum(answers.length(choice.get("message") or choice) for choice in choices)
        kind, prefix = ("chat.completion", "chatcmpl") if self._shape is CHAT else ("text_completion", "cmpl")
        return _encode(
            {
                "id": f"{prefix}-{ask.id}",
                "object": kind,
                "created": ask.created,
                "model": ask.model,
                "choices": choices,
                "usage": answers.usage(said, ask.asked, answered),
            }
        )

    def _as_events(self, tree: Any, ask: Ask) -> Answer:
        """A stream of one piece, for a function that is no generator."""
        choices, said = answers.whole(self._shape, tree)
        events = Events(self._shape, ask, self._tree, self._broken)
        parts = [events.whole(choice) for choice in choices]
        events.said = said
        return Answer(body=b"".join((*parts, events.encode_end())), content_type=_EVENTS)

    def _vectors(self, value: Any, ask: Ask) -> bytes:
        tree = [self._tree(each) for each in value] if self._one else self._tree(value)
        found, said = answers.vectors(tree, ask.texts)
        if ask.dimensions is not None and any(len(each) != ask.dimensions for each in found):
            raise _wrong(f"This model gives vectors of {len(found[0])} numbers", "dimensions")
        data = [
            {"object": "embedding", "index": index, "embedding": answers.packed(each) if ask.packed else each}
            for index, each in enumerate(found)
        ]
        used = answers.usage(said, ask.asked, None)
        return _encode({"object": "list", "data": data, "model": ask.model, "usage": used})

    def _tree(self, value: Any) -> Any:
        """A result as JSON values, checked against its annotation. Raises as `Result.encode` does."""
        return msgspec.json.decode(self._result.encode(value))

    def encode_item(self, value: Any) -> bytes:
        """Never asked: `begin` gives what writes the pieces."""
        raise NotImplementedError

    def encode_end(self) -> bytes:
        """Never asked."""
        raise NotImplementedError

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """Never asked."""
        raise NotImplementedError

    def _broken(self, error: BaseException, request_id: str) -> bytes:
        return b"data: %b\n\n" % self.error(error, request_id).body

    def error(self, error: BaseException, request_id: str) -> Answer:
        """`{"error": {"message", "type", "param", "code"}}` with OpenAI's statuses. Never raises."""
        given = failures.answer(error, request_id)
        status = 404 if isinstance(error, UnknownModel) else 400 if given.status == 422 else given.status
        text = failures.sentence(error, given)
        if status == 500 and text == "Internal Server Error":
            text = f"The server had an error while processing your request (request {request_id})."
        param, code = None, failures.code_of(error) if isinstance(error, HotplateError) else None
        if isinstance(error, UnknownModel):
            param, code = "model", "model_not_found"
        elif isinstance(error, InvalidInput) and error.details:
            param = ".".join(str(part) for part in error.details[0]["loc"][1:]) or None
        kind = "invalid_request_error" if status < 500 else "server_error"
        body = _encode({"error": {"message": text, "type": kind, "param": param, "code": code}})
        return Answer(status=status, body=body, headers=given.headers)


def _whole_codec(call: Call) -> CortexCodec | None:
    """What gives a predictor its payload."""
    if not takes_whole(call.route):
        return None
    from hotplate.faces.cortex import CortexCodec

    return CortexCodec(call)


def _read(data: bytes) -> tuple[_Request, dict[str, msgspec.Raw]]:
    try:
        return _request(data), _members(data)
    except msgspec.ValidationError as error:
        json_limits.load(data)
        text = str(error)
        found = _PLACE.search(text)
        raise _wrong(text[: found.start()] if found else text, *(found[1].split(".") if found else ())) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        json_limits.load(data)  # says what is wrong with it
        raise _wrong("The body is no JSON object") from None


def _texts(raw: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The texts of an input: one, or a list of them. A list of numbers is one text that has been made tokens."""
    if bytes(raw)[:1] != b"[":
        return [msgspec.Raw(bytes(raw))]
    try:
        found = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.MsgspecError:
        return [msgspec.Raw(bytes(raw))]
    if found and bytes(found[0])[:1] in b"-0123456789":
        return [msgspec.Raw(bytes(raw))]
    return found


def _list(found: list[msgspec.Raw]) -> bytes:
    return b"[" + b",".join(bytes(each) for each in found) + b"]"


def _object(given: dict[str, bytes]) -> bytes:
    return b"{" + b",".join(b"%b:%b" % (_encode(name), raw) for name, raw in given.items()) + b"}"


def _wrong(text: str, *place: str) -> InvalidInput:
    return InvalidInput(details=[{"type": "value_error", "loc": ["body", *place], "msg": text, "input": None}])
