"""Carries a call from a page to the server and its answer back, as it comes, with the token of whoever is signed in.

What an endpoint answers must never be a page of this origin. So its status, its headers and its type travel packed in
one header, the body as bytes without a type, and only a script that proves itself can ask for it.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response, StreamingResponse

from hotplate.control.settings import convert, refused
from hotplate.control.supervisor import read_url
from hotplate.control.ui.render import HEADERS
from hotplate.errors import MalformedBody, NotReady, Unavailable

if TYPE_CHECKING:
    import httpx
    from starlette.requests import Request

    from hotplate.control.ui.view import View

CALL_HEADER = "x-hotplate-call"
ANSWER_HEADER = "x-hotplate-answer"
CONNECT_S = 5.0
ANSWER_S = 900.0
MAX_HEADERS = 40

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_OURS = frozenset(
    [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""Headers that are the tunnel's own."""


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The call that a page wants to make. `path` lies below the endpoint."""

    method: Annotated[str, Meta(pattern="^(GET|POST|PUT|PATCH|DELETE)$")]
    path: Annotated[str, Meta(pattern="^/", max_length=8192)]
    headers: Annotated[dict[str, str], Meta(max_length=MAX_HEADERS)] = {}


async def send(view: View) -> Response:
    """Send the call, and give its answer packed."""
    wanted = read_wanted(view.request.headers.get(CALL_HEADER, ""))
    url = read_url(view.plane.home)
    if not url:
        raise NotReady("The server is not running.")
    headers = {name: value for name, value in wanted.headers.items() if _may_go(name, value)}
    headers["authorization"] = f"Bearer {view.session.token}"
    headers["accept-encoding"] = "identity"
    return await _exchange(view.request, wanted, f"{url}/{view.name}{wanted.path}", headers)


async def _exchange(request: Request, wanted: Wanted, url: str, headers: dict[str, str]) -> Response:
    import httpx

    length = request.headers.get("content-length", "0")
    content = None
    if length != "0" or "transfer-encoding" in request.headers:
        headers["content-length"] = length
        content = request.stream()
    client = httpx.AsyncClient(timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S), trust_env=False)
    begun = time.monotonic()
    try:
        made = client.build_request(wanted.method, url, headers=headers, content=content)
        answer = await _unless_left(request, client, made)
    except httpx.HTTPError as error:
        await client.aclose()
        raise Unavailable(f"The server did not answer: {type(error).__name__}.") from None
    except BaseException:
        await client.aclose()
        raise
    ms = (time.monotonic() - begun) * 1e3

    async def pieces() -> AsyncGenerator[bytes]:
        try:
            async for piece in answer.aiter_raw():
                yield piece
        finally:
            await answer.aclose()
            await client.aclose()

    packed = {ANSWER_HEADER: pack(answer.status_code, answer.reason_phrase, dict(answer.headers), ms)}
    policy = {"content-security-policy": "sandbox; default-src 'none'", "content-disposition": "attachment"}
    return StreamingResponse(pieces(), 200, {**HEADERS, **policy, **packed}, media_type="application/octet-stream")


async def _unless_left(request: Request, client: httpx.AsyncClient, made: httpx.Request) -> httpx.Response:
    """The answer's head. Whoever leaves before it comes has the call cancelled, as without this in between."""
    sending = asyncio.create_task(client.send(made, stream=True), name="tunnel")
    try:
        while not sending.done():
            await asyncio.wait({sending}, timeout=0.5)
            if not sending.done() and _is_read(request) and await request.is_disconnected():
                raise MalformedBody("The caller has left.")
        return sending.result()
    except BaseException:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        raise


def _is_read(request: Request) -> bool:
    """Whether the body has come in whole: before that, looking for the end would take pieces of it."""
    return bool(getattr(request, "_stream_consumed", False)) or request.headers.get("content-length", "0") == "0"


def read_wanted(text: str) -> Wanted:
    """Unpack what a page wants. Raises InvalidInput."""
    try:
        value = msgspec.json.decode(base64.b64decode(text, validate=True))
    except (ValueError, msgspec.DecodeError):
        raise refused(CALL_HEADER, "is no call.") from None
    wanted = convert(value, Wanted)
    path = wanted.path.partition("?")[0]
    if not wanted.path.isascii() or not wanted.path.isprintable() or " " in wanted.path or "#" in wanted.path:
        raise refused("path", "must be an encoded path.")
    if any(part in ("..", ".") for part in path.lower().replace("%2e", ".").split("/")):
        raise refused("path", "must lie below the endpoint.")
    return wanted


def _may_go(name: str, value: str) -> bool:
    lower = name.lower()
    clean = bool(_TOKEN.match(name)) and value.isascii() and value.isprintable() and len(value) < 4096
    return clean and lower not in _OURS and not lower.startswith(("x-hotplate-", "sec-", "proxy-"))


def pack(status: int, reason: str, headers: Mapping[str, str], ms: float) -> str:
    """An answer's head as one header. `ms` is how long it took to come."""
    kept = {name: value for name, value in headers.items() if name != "set-cookie"}
    value = {"status": status, "reason": reason, "headers": kept, "ms": round(ms, 2)}
    return base64.b64encode(msgspec.json.encode(value)).decode()
