"""Exceptions into answers. What a third party's exception says stays in the log; what the author says gets out."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import msgspec

from hotplate.edge.status import STATUS
from hotplate.errors import HotplateError, InvalidInput, InvalidOutput, MalformedBody, Unavailable
from hotplate.faces import details
from hotplate.faces.base import Answer

_INTERNAL: Final = "Internal Server Error"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade", "trailer", "te"}
)
"""Framing belongs to the server: an author's header of these names is left out."""

_to_json = msgspec.json.Encoder().encode


def answer(error: BaseException, request_id: str) -> Answer:
    """Give the response for an error. Never raises.

    Statuses: 422 for input (with details exactly as FastAPI gives them), 400 for an unreadable body and for a
    `UserError` of the author, 415, 502, 503, 504, what an exception shaped like Starlette's HTTPException says,
    else 500.
    """
    if isinstance(error, HotplateError):
        return _of_ours(error, request_id)
    if _is_http_exception(error):
        return _of_http_exception(error, request_id)
    return _plain(500, _INTERNAL, "internal_error", request_id)


def fields(error: BaseException, request_id: str) -> bytes:
    """Give the JSON for an error in the middle of a stream: `{"detail", "code", "request_id"}`."""
    given = answer(error, request_id)
    try:
        found: Any = msgspec.json.decode(given.body)
    except msgspec.DecodeError:
        found = {}
    members: dict[str, Any] = found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    return _to_json({"detail": _INTERNAL, "code": code_of(error), "request_id": request_id, **members})


def sentence(error: BaseException, given: Answer) -> str:
    """Give the text of an error in one line, for faces that have no room for a list. `given` is its `answer`."""
    items = error.details if isinstance(error, InvalidInput) else []
    if items and items[0]["type"] == "json_invalid":
        return f"failed to parse the request JSON buffer: {items[0]['ctx']['error']}"
    if items:
        places = [(".".join(str(part) for part in item["loc"][1:]), item["msg"]) for item in items[:10]]
        return "; ".join(f"{place}: {text}" if place else text for place, text in places)
    try:
        found: Any = msgspec.json.decode(given.body)
        text = found["detail"]
        return text if isinstance(text, str) else _to_json(text).decode()
    except (msgspec.MsgspecError, KeyError, TypeError):
        return "The request failed."


def code_of(error: BaseException) -> str:
    """Give the stable code of an error: that of its class if it is ours."""
    if isinstance(error, HotplateError):
        return error.code
    return "http_error" if _is_http_exception(error) else "internal_error"


def _of_ours(error: HotplateError, request_id: str) -> Answer:
    if isinstance(error, MalformedBody):  # the shape that FastAPI has for it
        return Answer(status=status_of(error), body=_to_json({"detail": _text(error.message)}))
    if isinstance(error, InvalidInput) and error.details:
        return Answer(status=STATUS[InvalidInput.code], body=details.encode(error.details))
    status = status_of(error)
    told = status < 500 or isinstance(error, (Unavailable, InvalidOutput))
    headers: tuple[tuple[str, str], ...] = ()
    if status == STATUS[Unavailable.code] and isinstance(error, Unavailable):
        headers = (("retry-after", str(max(1, math.ceil(error.retry_after_s)))),)
    return _plain(status, error.message if told else _INTERNAL, error.code, request_id, headers)


def status_of(error: HotplateError) -> int:
    """Give the status of an error: of its own code, or of the nearest class above it (an author's own UserError)."""
    for cls in type(error).__mro__:
        code: Any = getattr(cls, "code", None)
        if code in STATUS:
            return STATUS[code]
    return 500


def _plain(status: int, text: str, code: str, request_id: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    body = _to_json({"detail": _text(text), "code": code, "request_id": _text(request_id)})
    return Answer(status=status, body=body, headers=headers)


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _is_http_exception(error: BaseException) -> bool:
    """The shape of starlette.exceptions.HTTPException: `status_code`, `detail` and `headers`, all three."""
    status: Any = getattr(error, "status_code", None)
    return (
        isinstance(status, int)
        and not isinstance(status, bool)
        and hasattr(error, "detail")
        and hasattr(error, "headers")
        and 200 <= status <= 599
    )


def _of_http_exception(error: BaseException, request_id: str) -> Answer:
    raised: Any = error
    status = int(raised.status_code)
    detail: Any = raised.detail
    try:
        headers, content_type = _headers(raised.headers)
        if status in (204, 205, 304):
            return Answer(status=status, body=b"", content_type="", headers=headers)
        if detail is None:
            import http

            detail = http.HTTPStatus(status).phrase
        body = _to_json({"detail": detail})
    except (ValueError, TypeError, UnicodeEncodeError, RecursionError, OverflowError, msgspec.MsgspecError):
        return _plain(500, _INTERNAL, "internal_error", request_id)
    return Answer(status=status, body=body, content_type=content_type, headers=headers)


def _headers(given: Any) -> tuple[tuple[tuple[str, str], ...], str]:
    """Check an author's headers. Raises ValueError for what would end a header line, or is no header at all."""
    kept: list[tuple[str, str]] = []
    content_type = "application/json"
    for name, value in dict(given or {}).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError
        if name.lower() == "content-type":
            content_type = value
        elif name.lower() not in _OURS:
            kept.append((name, value))
    return tuple(kept), content_type
