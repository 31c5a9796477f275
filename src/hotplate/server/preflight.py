"""Whether a web page of another origin may call: the headers that every answer has then, and the preflight's answer.

The Fetch standard calls it CORS (https://fetch.spec.whatwg.org/#http-cors-protocol). One origin, or every one, may be
allowed, so the headers are the same for every answer, refusals included, and cost nothing to find out.
"""

from __future__ import annotations

import re

from hotplate.edge.exchange import Refusal
from hotplate.edge.head import RequestHead

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
MAX_AGE_S = 600
SHOWN = "x-request-id, retry-after"
"""Headers of answers that a page may read besides those that it always may."""

_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1024}")


def headers(allow_origin: str) -> bytes:
    """Give the header lines of every answer; none where no page may call."""
    if not allow_origin:
        return b""
    lines = f"access-control-allow-origin: {allow_origin}\r\naccess-control-expose-headers: {SHOWN}\r\n"
    return lines.encode()


def preflight(head: RequestHead) -> Refusal | None:
    """Answer a browser that asks whether it may call; None for any other request."""
    if head.method != "OPTIONS" or b"access-control-request-method" not in head.headers:
        return None
    wanted = head.headers.get(b"access-control-request-headers", b"").decode("latin-1")
    given = [("access-control-allow-methods", METHODS), ("access-control-max-age", str(MAX_AGE_S))]
    if _NAMES.fullmatch(wanted):
        given.append(("access-control-allow-headers", wanted))
    if b"access-control-request-private-network" in head.headers:
        given.append(("access-control-allow-private-network", "true"))
    return Refusal(200, b"", tuple(given))
