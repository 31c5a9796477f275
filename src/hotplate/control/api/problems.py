"""Errors as answers: RFC 9457 with `code`, and never the text of an exception that was not made for callers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from hotplate.edge.status import STATUS
from hotplate.errors import HotplateError, InvalidInput, PlatformError, Unauthorized, Unavailable


def problem(error: HotplateError, request_id: str = "") -> Response:
    """The answer for an error."""
    status = STATUS.get(error.code, 500)
    detail = error.message
    if status == 500 and isinstance(error, PlatformError):
        detail = "An internal error. Control's log has the details under this request's id."
    headers: dict[str, str] = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="hotplate"'
    more = {"errors": error.details} if isinstance(error, InvalidInput) and error.details else {}
    return plain_problem(status, error.code, detail, request_id, headers, more)


def plain_problem(
    status: int,
    code: str,
    detail: str,
    request_id: str = "",
    headers: dict[str, str] | None = None,
    more: dict[str, Any] | None = None,
) -> Response:
    """An error answer from its parts."""
    body: dict[str, Any] = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **(more or {}),
    }
    if request_id:
        body["request_id"] = request_id
    data = msgspec.json.encode(body)
    return Response(data, status, headers, media_type="application/problem+json")
