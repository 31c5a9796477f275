"""The pages' own scripts and styles, and those of the documentation page."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from hotplate.server import pages

HERE = Path(__file__).with_name("static")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


async def answer(request: Request) -> Response:
    """One file. It needs no session: there is nothing in it that anybody could not read in the package."""
    name = request.path_params["file"]
    found = read(name)
    if found is None:
        return Response("There is no such file.", 404, media_type="text/plain")
    body, kind, tag = found
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag, "cache-control": "no-cache"})
    return Response(body, media_type=kind, headers={"etag": tag, "cache-control": "no-cache"})


@cache
def names() -> frozenset[str]:
    """Every file, by its name alone: a request never becomes a path."""
    shared = {path.removeprefix("/docs/") for path in pages.PATHS if path.startswith("/docs/")}
    return frozenset(shared - {"docs.css", "app.js", "icon.svg"}) | {path.name for path in HERE.iterdir()}


@cache
def read(name: str) -> tuple[bytes, str, str] | None:
    """A file's bytes, type and tag."""
    if name not in names():
        return None
    own = HERE / name
    if own.suffix in _TYPES and own.is_file():
        body, kind = own.read_bytes(), _TYPES[own.suffix]
    else:
        found = pages.get(f"/docs/{name}")
        if found is None:
            return None
        body, kind = found
    return body, kind, f'"{hashlib.sha256(body).hexdigest()[:16]}"'
