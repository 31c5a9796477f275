"""Asks the server about an endpoint, with the token of whoever is signed in: the server decides what it may."""

from __future__ import annotations

import http.client
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import msgspec
from starlette.responses import Response, StreamingResponse

from hotplate.control.supervisor import read_url
from hotplate.control.ui.render import HEADERS
from hotplate.errors import Conflict, Forbidden, HotplateError, InvalidInput, NotFound, NotReady, Unavailable

if TYPE_CHECKING:
    from hotplate.control.ui.view import View

ANSWER_S = 15.0
MAX_BYTES = 8 << 20


def ask(view: View, method: str, path: str) -> Any:
    """The JSON at a path below the endpoint.

    Raises:
        NotFound, Forbidden, Conflict, InvalidInput, Unavailable: what the server says, in its words.
    """
    status, value = _exchange(view, method, path)
    if status < 300:
        return value
    raise _error(status, value)


def _error(status: int, value: Any) -> HotplateError:
    said = str(value.get("detail") or "") if isinstance(value, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    kinds = {404: NotFound, 401: Forbidden, 403: Forbidden, 409: Conflict, 410: NotFound, 400: InvalidInput}
    return kinds.get(status, Unavailable)(said or f"The server answered {status}.")


def _exchange(view: View, method: str, path: str) -> tuple[int, Any]:
    url = urlsplit(read_url(view.plane.home))
    if not url.hostname:
        raise NotReady("The server is not running.")
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=ANSWER_S)
    headers = {"authorization": f"Bearer {view.session.token}", "accept": "application/json"}
    try:
        connection.request(method, f"/{view.name}{path}", b"" if method == "POST" else None, headers)
        answer = connection.getresponse()
        body = answer.read(MAX_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"The server did not answer: {type(error).__name__}.") from None
    finally:
        connection.close()
    return answer.status, _decode(body)


async def send_file(view: View, path: str, name: str) -> Response:
    """What the server has at a path below the endpoint, as a file and never as something to be shown."""
    import httpx

    url = read_url(view.plane.home)
    if not url:
        raise NotReady("The server is not running.")
    client = httpx.AsyncClient(timeout=ANSWER_S, trust_env=False)
    headers = {"authorization": f"Bearer {view.session.token}", "accept-encoding": "identity"}
    try:
        answer = await client.send(
            client.build_request("GET", f"{url}/{view.name}{path}", headers=headers), stream=True
        )
        if answer.status_code != 200:
            raise _error(answer.status_code, _decode(await answer.aread()))
    except httpx.HTTPError as error:
        await client.aclose()
        raise Unavailable(f"The server did not answer: {type(error).__name__}.") from None
    except BaseException:
        await client.aclose()
        raise

    async def pieces() -> AsyncGenerator[bytes]:
        try:
            async for piece in answer.aiter_raw():
                yield piece
        finally:
            await answer.aclose()
            await client.aclose()

    kept = {**HEADERS, "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return StreamingResponse(pieces(), headers=kept, media_type="application/octet-stream")


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return {"detail": body[:500].decode(errors="replace")}
