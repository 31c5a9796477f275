"""What the two shells share of httpx: its settings, one request's arguments, and what its exceptions mean."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import httpx

from hotplate.client.exchange import Answer, Failure, Send

CONNECT_S = 10.0
IDLE_S = 4.0  # shorter than the 5 s after which uvicorn closes, so that no request meets a closing connection
MAX_CONNECTIONS = 100

_DIRECT: Final[dict[str, Any]] = dict.fromkeys(
    f"all://{host}" for host in ("localhost", "*.localhost", "127.0.0.1", "[::1]")
)
"""A proxy from the environment never stands between a client and its own machine."""

C = TypeVar("C", httpx.Client, httpx.AsyncClient)

Verify = bool | str | ssl.SSLContext

BROKEN = (
    httpx.TransportError,
    httpx.InvalidURL,
    httpx.DecodingError,
)


def settings(verify: Verify) -> dict[str, Any]:
    """Keyword arguments for httpx.Client and httpx.AsyncClient."""
    return {
        "verify": ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify,
        "timeout": None,
        "limits": httpx.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=IDLE_S),
        "mounts": dict[str, Any](_DIRECT),
    }


def opened(kind: type[C], given: dict[str, Any]) -> C:
    """Open a client of httpx's with these settings.

    httpx opens none where the environment names a proxy that it cannot use: one of SOCKS without a package for that,
    or `socks://`, as GNOME writes it. This machine is reached without one; any other place says what is wrong.
    """
    try:
        return kind(**given)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        mounts: dict[str, Any] = {"all://": _Unusable(str(error).rstrip(".")), **_DIRECT}
        direct: dict[str, Any] = {**given, "trust_env": False, "mounts": mounts}
        return kind(**direct)


class _Unusable(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def __init__(self, why: str) -> None:
        self.error = httpx.UnsupportedProtocol(f"the proxy that the environment names is of no use: {why}")

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise self.error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self.error


def arguments(step: Send, content: Any) -> dict[str, Any]:
    """Keyword arguments for `stream()`. `content` is the body in the form that the shell can send."""
    limit_s = step.timeout_s
    return {
        "method": step.request.method,
        "url": step.request.url,
        "headers": dict(step.request.headers),
        "content": content,
        "timeout": httpx.Timeout(limit_s, connect=min(CONNECT_S, limit_s)),
    }


def answer(response: httpx.Response, body: bytes = b"", chunks: Any = None) -> Answer:
    return Answer(status=response.status_code, headers=dict(response.headers.items()), body=body, chunks=chunks)


def failure(error: BaseException) -> Failure:
    """Say what an exception of httpx means for the call."""
    match error:
        case httpx.ConnectTimeout():
            return Failure(kind="not_sent", reason=f"no connection in {CONNECT_S:g} s", cause=error)
        case httpx.PoolTimeout():
            return Failure(kind="not_sent", reason=f"all {MAX_CONNECTIONS} connections are busy", cause=error)
        case httpx.TimeoutException() | TimeoutError():
            return Failure(kind="timeout", reason="the time is over", cause=error)
        case httpx.ConnectError():
            return _connect_failure(error)
        case httpx.ProxyError():
            return Failure(kind="not_sent", reason=f"the proxy refused: {error}", cause=error)
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return Failure(kind="hopeless", reason=f"the request cannot be sent: {error}", cause=error)
        case httpx.DecodingError():
            return Failure(kind="lost", reason=f"the answer is not encoded as it says: {error}", cause=error)
        case _:
            reason = "the connection broke before the answer was whole"
            return Failure(kind="lost", reason=f"{reason} ({error})" if str(error) else reason, cause=error)


def _connect_failure(error: httpx.ConnectError) -> Failure:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                reason = f"the certificate is not trusted ({cause.verify_message}; verify= takes the path of a CA file)"
                return Failure(kind="hopeless", reason=reason, cause=error)
            case ssl.SSLError():
                reason = f"no TLS there ({cause.reason or cause}; is it an http:// address?)"
                return Failure(kind="hopeless", reason=reason, cause=error)
            case socket.gaierror() if cause.errno == socket.EAI_NONAME:
                return Failure(kind="hopeless", reason="the host is not known", cause=error)
            case ConnectionRefusedError():
                reason = "the connection was refused (is the server running there?)"
                return Failure(kind="not_sent", reason=reason, cause=error)
            case _:
                pass
    return Failure(kind="not_sent", reason=f"no connection ({error})", cause=error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what is behind it, groups (happy eyeballs tries several addresses) included."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            yield from _causes(one)  # pyright: ignore[reportUnknownArgumentType]
    if (behind := error.__cause__ or error.__context__) is not None:
        yield from _causes(behind)
