"""Results into JSON: as they are where their exact types fit the annotation, else by pydantic's word."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import msgspec

from hotplate.dialects.base import MISSING, reader_of
from hotplate.errors import InvalidOutput, ProjectError
from hotplate.faces import hints
from hotplate.faces.media_classes import is_upload, media_class

if TYPE_CHECKING:
    from hotplate.dialects.base import Call
    from hotplate.faces.validation import Output

_to_json = msgspec.json.Encoder().encode
_refusals = (msgspec.MsgspecError, UnicodeEncodeError, TypeError, ValueError, OverflowError, RecursionError)
_STREAMS: Final = (Generator, Iterator, Iterable, AsyncGenerator, AsyncIterator, AsyncIterable)

_PACKAGES: Final = frozenset(("numpy", "torch"))


def _as_lists(value: Any) -> Any:
    """Arrays and scalars of numpy's and tensors of torch's, where no hint says what they are to be."""
    if type(value).__module__.partition(".")[0] in _PACKAGES and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError


_to_json_with_arrays = msgspec.json.Encoder(enc_hook=_as_lists).encode


class _Analytics(msgspec.Struct, gc=False):
    inference_time_ms: float
    performance_time_ms: float


class _Envelope(msgspec.Struct, gc=False):
    output: Any
    analytics: _Analytics


class Result:
    """How one route's result, or one piece of a streamed one, becomes JSON. Safe to share between threads."""

    __slots__ = ("_check", "_output", "_returns", "media")

    def __init__(self, call: Call) -> None:
        returns = _item_hint(call.returns) if call.route.stream else _hint(call.returns)
        reader = reader_of(returns)
        self._returns = Any if reader is not None and reader.lenient else returns
        self.media = None if call.route.stream else _returned_media(self._returns)
        self._check = hints.checker(self._returns)
        self._output: Output | None = None
        if self._check is None:
            self._output = self._make_output(call)

    def envelope(self, value: Any, inference_ns: int, elapsed_ns: int) -> bytes:
        """Give `{"output": ..., "analytics": ...}` with the times in milliseconds. Raises as `encode` does."""
        analytics = _Analytics(inference_ns / 1e6, elapsed_ns / 1e6)
        check = self._check
        if check is not None and check(value):
            try:
                return _to_json(_Envelope(value, analytics))
            except _refusals:
                pass  # half a surrogate pair, an integer without end: pydantic says what is wrong
        # join measures first; `%` grows its result step by step, which takes ten times as long for a picture
        return b"".join((b'{"output":', self._settle(value), b',"analytics":', _to_json(analytics), b"}"))

    def encode(self, value: Any) -> bytes:
        """Give a value as JSON. A value that is an exception is raised: the item of a batch that failed alone.

        Raises InvalidOutput when the value does not fit the annotation or cannot be written as JSON.
        """
        check = self._check
        if check is not None and check(value):
            try:
                return _to_json(value)
            except _refusals:
                pass
        return self._settle(value)

    def _settle(self, value: Any) -> bytes:
        if isinstance(value, BaseException):
            raise value
        if self.media is not None and isinstance(value, self.media):
            written = _media_json(value)
            if written is not None:
                return written
        if self._returns is Any and isinstance(value, bytes) and not _is_text(value):
            import pybase64

            return b'{"data":"%b"}' % pybase64.b64encode(value)  # as media has it
        if self._returns is Any and not _PACKAGES.isdisjoint(sys.modules):
            try:
                return _to_json_with_arrays(value)
            except _refusals:
                pass
        output = self._output
        if output is None:
            from hotplate.faces.validation import Output

            output = self._output = Output(self._returns)
        return output.encode(value)

    def _make_output(self, call: Call) -> Output:
        from hotplate.faces.validation import Output

        try:
            return Output(self._returns)
        except Exception as error:
            raise unusable(call, "the return value", self._returns, error) from error


def unusable(call: Call, what: str, annotation: Any, error: Exception) -> ProjectError:
    """The error for an annotation that cannot be put on the wire."""
    name = getattr(annotation, "__name__", None) or str(annotation)
    source = call.route.source
    return ProjectError(
        f"{call.route.name}(): the annotation {name} of {what} cannot be sent as JSON ({type(error).__name__}).",
        file=source.file if source else None,
        line=source.line if source else None,
        hint="Use plain types, dataclasses or pydantic models, or convert the value to a list or to media first.",
    )


def _hint(returns: Any) -> Any:
    return Any if returns is MISSING or getattr(returns, "__qualname__", "") == "_empty" else returns


def _item_hint(returns: Any) -> Any:
    """`str` for `Iterator[str]`; a stream without a hint for its items may yield anything."""
    origin = get_origin(returns)
    if any(returns is stream for stream in _STREAMS):
        return Any
    if any(origin is stream for stream in _STREAMS):
        return (*get_args(returns), Any)[0]
    return _hint(returns)


def _returned_media(returns: Any) -> type[Any] | None:
    cls = media_class(returns)
    return None if cls is None or is_upload(cls) else cls


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _media_json(value: Any) -> bytes | None:
    """Media as `{"data": "<base64>"}`, without pydantic on the payload; None where pydantic must see it."""
    to_wire: Any = getattr(value, "to_wire", None)
    try:
        if to_wire is not None:
            return to_wire()
        data: Any = value.data
        if isinstance(data, bytes):
            import pybase64

            pybase64.b64decode(data, validate=True)  # the alphabet holds nothing that JSON would escape
            return b"".join((b'{"data":"', data, b'"}'))
    except ValueError as error:
        raise InvalidOutput from error
    return None
