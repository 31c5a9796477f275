"""One model of the Open Inference Protocol: requests into values, results into tensors, errors into `{"error": …}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from hotplate.contract.tensors import Tensor, tensor_of
from hotplate.dialects.base import MISSING, Call
from hotplate.faces import failures, hints, open_inference_binary, open_inference_quick, whole_body
from hotplate.faces.base import Answer, Buffer, Head
from hotplate.faces.decoding import ABSENT, Defaults
from hotplate.faces.media_classes import media_class
from hotplate.faces.open_inference_quick import Reader
from hotplate.faces.open_inference_request import AnyInputs, Wanted, missing_inputs, read_generate, read_infer
from hotplate.faces.open_inference_result import Written, answer, flat, outputs
from hotplate.faces.whole_body import WholeBody

if TYPE_CHECKING:
    from hotplate.faces.validation import Inputs

_to_json = msgspec.json.Encoder().encode
_EVENTS = "text/event-stream; charset=utf-8"


class OpenInferenceCodec:
    """`infer`, `generate` or `generate_stream` of one model. A streaming model answers all of them with events."""

    notes = True

    def __init__(self, call: Call, model: str, variant: str) -> None:
        self._model = model
        self._variant = variant
        self._stream = call.route.stream
        self._batched = call.route.batching is not None
        self._whole = WholeBody(call, name) if (name := whole_body.name_of(call)) else None
        self._whole_name = name
        self._names = [parameter.name for parameter in call.parameters]
        self._required = {parameter.name for parameter in call.parameters if parameter.default is MISSING}
        self._media = {p.name: cls for p in call.parameters if (cls := media_class(p.annotation)) is not None}
        schemas = {param.name: param.type.schema for param in call.route.params}
        self._tensors = {name: self._tensor(name, schemas.get(name, {})) for name in self._names}
        if self._whole is not None:
            self._tensors = AnyInputs()
        self._fill = Defaults(call.parameters)
        if any(len(tensor.shape) > 1 for tensor in self._tensors.values()):
            open_inference_binary.arrays()  # now, so that the first call does not wait for it
        self._quick: Reader | None = None
        if variant == "infer" and not self._stream and not self._batched and self._whole is None:
            self._quick = Reader(self._tensors)
        self._inputs: Inputs | None = None
        if self._media or not all(map(_is_sure, call.parameters)):
            from hotplate.faces.validation import Inputs

            self._inputs = Inputs(call.parameters)

    def _tensor(self, name: str, schema: Any) -> Tensor:
        return Tensor("BYTES", (1,)) if name in self._media else tensor_of(schema)

    # -- in ----------------------------------------------------------------------------------------------------

    def quick(self, body: bytes) -> tuple[Any, ...]:
        """Give the values of a usual call that came without headers of interest; () for any other: `decode` has it."""
        given = self._quick.read(body) if self._quick is not None and self._inputs is None else None
        if given is None or len(given) != len(self._names):
            return ()
        return tuple([given[name] for name in self._names])

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give the parameters' values in order. Raises InvalidInput."""
        data = body if type(body) is bytes else bytes(body)
        if self._quick is not None and (head is None or not head.headers):
            given = self._quick.read(data)
            if given is not None:
                return self._values(given)
        header = head.headers.get("inference-header-content-length") if head is not None else None
        if self._variant == "infer" and not (self._stream and header is None and not _has_inputs(data)):
            given, wanted = read_infer(data, header, self._tensors, self._model, self._batched)
        else:
            given, wanted = read_generate(data, self._tensors)
        if head is not None:
            head.note = wanted
        return self._values(given)

    def _values(self, given: dict[str, Any]) -> tuple[Any, ...]:
        if self._whole is not None:  # one input of its name is the body itself, others are the members of one
            alone = given.keys() == {self._whole_name}
            return self._whole.around(given[self._whole_name] if alone else given)
        if self._inputs is None and len(given) == len(self._names):
            return tuple([given[name] for name in self._names])
        if not self._required <= given.keys():
            raise missing_inputs(self._model, self._names, self._required, given)
        if self._inputs is None:
            return self._fill(tuple([given.get(name, ABSENT) for name in self._names]))
        tree = {name: self._lift(name, value) for name, value in given.items()}
        return self._inputs.validate(tree)

    def _lift(self, name: str, value: Any) -> Any:
        cls = self._media.get(name)
        if cls is not None and isinstance(value, bytes):
            from hotplate.faces import forms

            return forms.make_media(cls, value, None, None, name)
        return value

    # -- out ---------------------------------------------------------------------------------------------------

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """Give the outputs as the caller asked for them. Raises InvalidOutput, and the value if it is an exception."""
        if self._quick is not None and (head is None or head.note is None):
            body = open_inference_quick.write(value, self._model)
            if body is not None:
                return body
        wanted: Wanted = head.note if head is not None and head.note is not None else Wanted()
        written = outputs(value)
        if self._variant == "infer":
            return answer(written, wanted, self._model, batched=self._batched)
        body = _to_json(self._flat(written, wanted.id))
        if self._variant == "generate":
            return body
        return Answer(body=b"data: %b\n\n" % body, content_type=_EVENTS)

    def _flat(self, written: list[Written], call_id: str = "") -> dict[str, Any]:
        named = {"id": call_id} if call_id else {}
        return {**flat(written), **named, "model_name": self._model, "model_version": "1"}

    def encode_item(self, value: Any) -> bytes:
        """One event of a stream: the outputs by name, those of one element as scalars."""
        return b"data: %b\n\n" % _to_json(self._flat(outputs(value)))

    def encode_end(self) -> bytes:
        """Nothing: the stream just ends."""
        return b""

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """An event that says what went wrong."""
        return b"data: %b\n\n" % self.error(error, request_id).body

    def error(self, error: BaseException, request_id: str) -> Answer:
        """`{"error": text}`; 400 for input. Never raises."""
        given = failures.answer(error, request_id)
        status = 400 if given.status == 422 else given.status
        text = failures.sentence(error, given)
        if status == 500 and text == "Internal Server Error":
            text = f"Failed to process the request(s) for model '{self._model}': {text} (request {request_id})"
        return Answer(status=status, body=_to_json({"error": text}), headers=given.headers)


def _is_sure(parameter: Any) -> bool:
    """Whether a tensor's value needs no second look: scalars, lists of them, or anything."""
    hint = parameter.annotation
    if type(parameter.default).__name__ == "FieldInfo" or parameter.default is ...:
        return False
    return hints.decodable(hint) and _is_exact(hint)


def _is_exact(hint: Any) -> bool:
    """Whether a value read by its tensor always fits the hint: no literal, no member of a JSON text, no union."""
    members: tuple[Any, ...] = getattr(hint, "__args__", ())
    if hint in (str, int, float, bool) or hint is Any:
        return True
    if type(None) in members:
        rest = [member for member in members if member is not type(None)]
        return len(rest) == 1 and _is_exact(rest[0])
    return getattr(hint, "__origin__", None) is list and _is_exact(members[0])


def _has_inputs(body: bytes) -> bool:
    """Whether a streaming model is called with tensors, and not with `{"parameters": {…}}`."""
    try:
        tree: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return True
    return isinstance(tree, dict) and isinstance(tree.get("inputs"), list)  # pyright: ignore[reportUnknownMemberType]
