"""The documentation page of an endpoint: fixed files, sent as they are, that need no internet and no build step.

The server asks `get` for a path and sends what it gives, with `HEADERS`. The page reads `openapi.json` beside
itself and nothing else, so it works under any prefix. Nothing of a request ever becomes a file name.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

_HTML: Final = "text/html; charset=utf-8"
_CSS: Final = "text/css; charset=utf-8"
_JS: Final = "text/javascript; charset=utf-8"
_SVG: Final = "image/svg+xml"

_FILES: Final = MappingProxyType(
    {
        "/docs": ("docs.html", _HTML),
        "/redoc": ("docs.html", _HTML),  # where FastAPI and OctoAI keep their second page: old links go on working
        "/docs/docs.css": ("docs.css", _CSS),
        "/docs/icon.svg": ("icon.svg", _SVG),
        "/docs/answer.js": ("answer.js", _JS),
        "/docs/app.js": ("app.js", _JS),
        "/docs/call.css": ("call.css", _CSS),
        "/docs/call.js": ("call.js", _JS),
        "/docs/dom.js": ("dom.js", _JS),
        "/docs/fields.js": ("fields.js", _JS),
        "/docs/media.js": ("media.js", _JS),
        "/docs/nested.js": ("nested.js", _JS),
        "/docs/route.js": ("route.js", _JS),
        "/docs/schema.js": ("schema.js", _JS),
        "/docs/snippets.js": ("snippets.js", _JS),
        "/docs/stream.js": ("stream.js", _JS),
    }
)

PATHS: Final = tuple(_FILES)
"""Every path that `get` answers."""

HEADERS: Final = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data: blob:; media-src data: blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
)
"""What goes out with each file. A text that a model or a caller made cannot become a script or a style here."""


def get(path: str) -> tuple[bytes, str] | None:
    """Give the body and the content type at a path of `PATHS` (below the endpoint's own prefix), else None.

    A file is read when it is first asked for and kept.
    """
    found = _FILES.get(path)
    if found is None:
        return None
    name, content_type = found
    return _read(name), content_type


@cache
def _read(name: str) -> bytes:
    return Path(__file__).with_name("static").joinpath(name).read_bytes()
