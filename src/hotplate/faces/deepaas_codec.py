"""One route of DEEPaaS's API: arguments in, an answer or an error out, in the words of its server."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from hotplate.contract import Param
from hotplate.dialects.base import ABSENT, Argument, Call, Refused
from hotplate.errors import HotplateError, InvalidInput, InvalidOutput, LimitExceeded, Unavailable
from hotplate.faces import failures, flat_json, media_type
from hotplate.faces.base import Answer, Buffer, Head
from hotplate.faces.deepaas_request import InvalidJson, Request

JSON: Final = "application/json; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"

_PLAIN: Final = frozenset((str, int, float, bool, type(None), list, dict))
_TROUBLE: Final = "500 Internal Server Error\n\nServer got itself in trouble"


class InvalidArguments(InvalidInput):
    """Arguments do not fit their fields."""

    def __init__(self, messages: dict[str, Any]) -> None:
        super().__init__()
        self.messages = messages


class DeepaasCodec:
    """Decodes and encodes the calls of one route. Nothing here changes after it is made."""

    __slots__ = ("_accept", "_arguments", "_bare", "_choices", "_members")

    def __init__(self, call: Call) -> None:
        self._arguments = [_argument(parameter.annotation) for parameter in call.parameters]
        self._members = [
            (each, each.key if each.location in ("", "json") else None, each.exact) for each in self._arguments
        ]
        self._bare = bool(call.route.returns.annotation)
        accept = next((param for param in call.route.params if param.name == "accept"), None)
        self._choices = _choices(accept)
        self._accept = next((each for each in self._arguments if each.key == "accept"), None) if self._choices else None

    # -- in ----------------------------------------------------------------------------------------------------

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give the arguments in order, ABSENT where there is nothing to pass. Raises InvalidInput."""
        if head is None and type(body) is bytes and (members := flat_json.load(body)) is not None:
            return self._decode_members(members)
        request = Request(body, head)
        values: list[Any] = []
        messages: dict[str, Any] = {}
        for argument in self._arguments:
            raw = request.find(argument)
            if argument is self._accept:
                raw = self._negotiated(argument, raw, request)
            try:
                values.append(argument.load(raw))
            except Refused as error:
                messages[argument.key] = error.messages
        if messages:
            raise InvalidArguments(messages)
        return tuple(values)

    def _decode_members(self, members: dict[str, Any]) -> tuple[Any, ...]:
        """The same for a plain JSON object that came without a query and without headers of interest."""
        values: list[Any] = []
        messages: dict[str, Any] = {}
        for argument, key, exact in self._members:
            raw = members.get(key, ABSENT) if key is not None else ABSENT
            if type(raw) is exact:
                values.append(raw)
                continue
            if argument.many and raw is not ABSENT and raw is not None:
                raw = [raw]
            try:
                values.append(argument.load(raw))
            except Refused as error:
                messages[argument.key] = error.messages
        if messages:
            raise InvalidArguments(messages)
        return tuple(values)

    def _negotiated(self, argument: Argument, raw: Any, request: Request) -> Any:
        """The Accept header counts where the author reads it from there; else where it names one of the choices."""
        if argument.location == "headers":
            if raw is ABSENT or raw in self._choices:
                return raw
            weight, best = max((media_type.quality(raw, each), -i) for i, each in enumerate(self._choices))
            readable = any(part.partition(";")[0].strip().count("/") == 1 for part in raw.split(","))
            return self._choices[-best] if weight > 0 and readable else raw
        if raw is ABSENT:
            header = request.header("accept")
            if header in self._choices and header != "*/*":
                return header
        return raw

    # -- out ---------------------------------------------------------------------------------------------------

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """Give the answer: media as it is, else JSON, wrapped unless the model has a schema. Raises InvalidOutput."""
        if type(value) not in _PLAIN and hasattr(value, "to_bytes") and hasattr(value, "content_type"):
            name: str | None = value.filename
            shown = (("content-disposition", f'attachment; filename="{_quoted(name)}"'),) if name else ()
            return Answer(body=value.to_bytes(), content_type=value.content_type, headers=shown)
        try:
            if self._bare:
                return Answer(body=json.dumps(value).encode(), content_type=JSON)
            return Answer(body=b'{"status": "OK", "predictions": %b}' % flat_json.dump(value), content_type=JSON)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidOutput(f"predict() returned what JSON cannot write: {error}") from error

    def encode_item(self, value: Any) -> bytes:
        """One piece of a stream, as a line of JSON."""
        return json.dumps(value).encode() + b"\n"

    def encode_end(self) -> bytes:
        """A stream ends without a mark."""
        return b""

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """The error as a line of JSON."""
        return failures.fields(error, request_id) + b"\n"

    def error(self, error: BaseException, request_id: str) -> Answer:
        """The answer for an error. Never raises."""
        if isinstance(error, InvalidArguments):
            return Answer(status=422, body=json.dumps(error.messages, default=str).encode())
        if isinstance(error, InvalidJson):
            return Answer(status=400, body=b'{"json": ["Invalid JSON body."]}')
        if isinstance(error, HotplateError):
            return _of_ours(error)
        status: Any = getattr(error, "status", None)
        reason: Any = getattr(error, "reason", None)
        if _is_status(status) and isinstance(reason, str):  # aiohttp.web.HTTPBadRequest(reason="...")
            return _text(status, f"{status}: {reason}")
        status = getattr(error, "status_code", None)
        detail: Any = getattr(error, "detail", None)
        if _is_status(status) and isinstance(detail, str):
            return _text(status, f"{status}: {detail}")
        return _text(500, _TROUBLE)


def _argument(annotation: Any) -> Argument:
    return next(note for note in annotation.__metadata__ if isinstance(note, Argument))


def _choices(accept: Param | None) -> list[str]:
    found: list[Any] = list(accept.type.schema.get("enum", ())) if accept is not None else []
    return [each for each in found if isinstance(each, str)]


def _of_ours(error: HotplateError) -> Answer:
    status = failures.status_of(error)
    if isinstance(error, LimitExceeded) or status < 500 or isinstance(error, InvalidOutput | Unavailable):
        text = error.message
    else:
        text = error.message if status == 501 else "Internal Server Error"
    answer = _text(status, f"{status}: {text}")
    if isinstance(error, Unavailable):
        answer.headers = (("retry-after", str(max(1, math.ceil(error.retry_after_s)))),)
    return answer


def _is_status(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599


def _text(status: int, text: str) -> Answer:
    return Answer(status=status, body=text.encode("utf-8", "replace"), content_type=TEXT)


def _quoted(name: str) -> str:
    return "".join(each if each.isascii() and each.isprintable() and each not in '"\\' else "_" for each in name)
