"""What a call from the SDK can raise, split by what it says about the call.

ClientError
├── InvalidCall               nothing was sent: inputs that JSON cannot carry, a file that is not there, a bad URL
├── ConnectionFailed          nothing was sent: no connection could be made
├── ConnectionLost            the connection broke after the request went out: the model may have run
├── CallTimeout               no whole answer within timeout_s: the model may still be running
├── InvalidAnswer             an answer that this call cannot read
│   └── StreamFailed          a stream that the server ended with an error
└── StatusError               the server answered with an error status
    ├── RequestError          4xx: change the request
    │   ├── NotAuthorized     401, 403
    │   ├── InputRefused      400, 422: `detail` lists what does not fit
    │   └── RateLimited       429: try again after `retry_after_s`
    └── ServerError           5xx: the endpoint's fault
        └── ServerUnavailable 502, 503, 504: try again later

Every one has a stable `code`, the `url` of the call, and the `request_id` to look for in the server's log.
"""

from __future__ import annotations

from typing import Any, ClassVar

from hotplate.errors import HotplateError


class ClientError(HotplateError):
    """A call failed."""

    code: ClassVar[str] = "call_failed"

    def __init__(self, message: str | None = None, *, url: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.url = url
        self.request_id = request_id


class InvalidCall(ClientError):
    """The call cannot be sent as asked. Nothing was sent."""

    code = "invalid_call"


class ConnectionFailed(ClientError):
    """No connection could be made. Nothing was sent. Check the address, and that the server runs."""

    code = "connection_failed"


class ConnectionLost(ClientError):
    """The connection broke before the answer was whole. The model may have run."""

    code = "connection_lost"


class CallTimeout(ClientError):
    """No whole answer in time. Raise timeout_s if the model needs longer."""

    code = "call_timeout"


class InvalidAnswer(ClientError):
    """The answer is not of a kind that this call can read."""

    code = "invalid_answer"


class StreamFailed(InvalidAnswer):
    """The server ended the stream with an error. `detail` is what it said."""

    code = "stream_failed"

    def __init__(
        self, message: str | None = None, *, detail: Any = None, url: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message, url=url, request_id=request_id)
        self.detail = detail


class StatusError(ClientError):
    """The server answered with an error status.

    `status` is the HTTP status; `body` the bytes of the answer; `detail` its decoded `detail` (or `error`), a text
    or a list of items `{"type", "loc", "msg", …}`, None where there is none; `retry_after_s` the server's
    Retry-After in seconds, None where it sent none.
    """

    code = "status_error"

    def __init__(
        self,
        message: str | None = None,
        *,
        status: int,
        body: bytes = b"",
        detail: Any = None,
        retry_after_s: float | None = None,
        url: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, url=url, request_id=request_id)
        self.status = status
        self.body = body
        self.detail = detail
        self.retry_after_s = retry_after_s


class RequestError(StatusError):
    """The server refused the request."""

    code = "request_refused"


class NotAuthorized(RequestError):
    """The server refused the token, or there was none."""

    code = "not_authorized"


class InputRefused(RequestError):
    """The inputs do not fit the route."""

    code = "input_refused"


class RateLimited(RequestError):
    """Too many requests. Try again later."""

    code = "rate_limited"


class ServerError(StatusError):
    """The endpoint failed."""

    code = "server_failed"


class ServerUnavailable(ServerError):
    """The endpoint cannot answer right now. Try again later."""

    code = "server_unavailable"
