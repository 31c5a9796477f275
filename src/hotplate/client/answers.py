"""What an answer means: its JSON, its bytes, or an error with a text that says what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, cast

from hotplate.client.errors import (
    CallTimeout,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    InputRefused,
    InvalidAnswer,
    NotAuthorized,
    RateLimited,
    RequestError,
    ServerError,
    ServerUnavailable,
    StatusError,
)
from hotplate.client.exchange import Answer, Failure, Request
from hotplate.client.retry import retry_after_s
from hotplate.client.tokens import Token

SHOWN_CHARACTERS = 500
SHOWN_ITEMS = 5

_KINDS: dict[int, type[StatusError]] = {
    400: InputRefused,
    401: NotAuthorized,
    403: NotAuthorized,
    422: InputRefused,
    429: RateLimited,
    502: ServerUnavailable,
    503: ServerUnavailable,
    504: ServerUnavailable,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    """An answer as bytes: `content` and its `content_type`, the `status`, the `headers` (names in lower case)."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "application/octet-stream")

    def json(self) -> Any:
        """Decode the content as JSON. Raises ValueError where it is not."""
        return json.loads(self.content)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the content to a file and give its path."""
        Path(path).write_bytes(self.content)
        return Path(path)


def read_json(request: Request, answer: Answer) -> Any:
    """Decode a good answer. None for one without a body."""
    if not answer.body:
        return None
    try:
        return json.loads(answer.body)
    except ValueError as error:
        kind = answer.headers.get("content-type", "no content type")
        raise InvalidAnswer(
            f"{request.method} {request.url} answered {answer.status} with {kind}, which is not JSON. "
            "infer_raw() gives the bytes, infer_stream() reads an event stream.",
            url=request.url,
            request_id=request_id(request, answer),
        ) from error


def error_from(request: Request, answer: Answer, token: Token) -> StatusError:
    """Make the error for an answer that is not 2xx."""
    kind = _KINDS.get(answer.status) or (
        RequestError if 400 <= answer.status < 500 else ServerError if answer.status >= 500 else StatusError
    )
    detail = _detail(answer)
    error_id = request_id(request, answer)
    wait = retry_after_s(answer)
    said = _text(detail, answer)
    lines = [f"{request.method} {request.url} answered {answer.status}: {said}{'' if said[-1] in '.!?…' else '.'}"]
    if answer.status == 401:
        lines.append(
            f"The token from {token.source} was not accepted."
            if token.value
            else "No token was sent: set HOTPLATE_TOKEN, or pass Client(token=...). `hotplate token create` makes one."
        )
    elif 300 <= answer.status < 400 and (there := answer.headers.get("location")):
        lines.append(f"It moved to {there}. Redirects are not followed, so that a token goes nowhere unasked.")
    elif wait is not None:
        lines.append(f"Try again in {wait:g} s.")
    if kind is not InputRefused:
        lines.append(f"Request id {error_id}.")
    return kind(
        " ".join(lines),
        status=answer.status,
        body=answer.body,
        detail=detail,
        retry_after_s=wait,
        url=request.url,
        request_id=error_id,
    )


def failure_error(request: Request, failure: Failure, limit_s: float) -> ClientError:
    """Make the error for a call that got no answer."""
    what = f"{request.method} {request.url}"
    sent_id = request_id(request)
    match failure.kind:
        case "not_sent" | "hopeless":
            kind, text = ConnectionFailed, f"{what}: {failure.reason}. Nothing was sent."
        case "lost":
            kind, text = ConnectionLost, f"{what}: {failure.reason}. The model may have run. Request id {sent_id}."
        case "timeout":
            kind = CallTimeout
            text = (
                f"{what}: no answer in {limit_s:g} s. Raise timeout_s if the model needs longer. Request id {sent_id}."
            )
    error = kind(text, url=request.url, request_id=sent_id)
    error.__cause__ = failure.cause
    return error


def request_id(request: Request, answer: Answer | None = None) -> str | None:
    """The id to look for in the server's log: the server's own word, else the one that was sent."""
    if answer is not None:
        for name in ("x-request-id", "x-user-request-id"):
            if name in answer.headers:
                return answer.headers[name]
    return request.headers.get("X-Request-Id")


def _detail(answer: Answer) -> Any:
    """The `detail` of FastAPI's shape and RFC 9457, or the `error` of Open Inference and OpenAI."""
    try:
        body: Any = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    fields = cast("dict[str, Any]", body)
    if "detail" in fields:
        return fields["detail"]
    error: Any = fields.get("error")
    if isinstance(error, dict):
        return cast("dict[str, Any]", error).get("message", cast("Any", error))
    return fields.get("title") if error is None else error


def _text(detail: Any, answer: Answer) -> str:
    if isinstance(detail, str) and detail:
        return _short(detail)
    if isinstance(detail, list) and detail:
        items = cast("list[Any]", detail)
        shown = "; ".join(_item(item) for item in items[:SHOWN_ITEMS])
        more = len(items) - SHOWN_ITEMS
        return _short(shown) + (f"; and {more} more" if more > 0 else "")
    return _short(answer.body.decode(errors="replace").strip()) or "no body"


def _item(item: Any) -> str:
    """One pydantic-shaped item as `boxes.0.x2: Field required`."""
    if not isinstance(item, dict):
        return str(item)
    fields = cast("dict[str, Any]", item)
    where = ".".join(str(step) for step in fields.get("loc", ()) if step != "body")
    return f"{where}: {fields.get('msg', '')}" if where else str(fields.get("msg", fields))


def _short(text: str) -> str:
    # An answer goes into a message, and a message onto a terminal: no control characters, no pages of HTML.
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
