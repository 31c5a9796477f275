"""Requests to a whole server, and for each whether our answer is OctoAI's or which listed difference applies.

The bodies that a route can get are in `faces/octoai_corpus.py`; here is what lies around them: methods, paths, headers
and the server's own pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.conformance.faces.octoai_corpus import CORPUS

JSON = {"content-type": "application/json"}
PREFLIGHT = {"origin": "https://a.example", "access-control-request-method": "POST"}
HELLO = b'{"prompt":"Hello world!"}'


@dataclass(frozen=True, kw_only=True)
class Request:
    """`differs` names a row of the table "On the wire"; then `status` and `holds` say what our answer is."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    differs: str = ""
    status: int = 200
    holds: str = ""


def post(path: str, headers: Mapping[str, str] | None = None, body: bytes = HELLO, **ours: object) -> Request:
    return Request(method="POST", path=path, body=body, headers={**JSON, **(headers or {})}, **ours)  # type: ignore[arg-type]


OTHER_METHODS = ("OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")

ROUTES = [
    Request(method=method, path=path)
    for path in ("/infer", "/form", "/typed", "/nope", "/nope/", "/infer_form_data", "/INFER", "//infer", "/infer;x")
    for method in ("GET", "HEAD", *OTHER_METHODS)
]

REDIRECTS = [
    Request(method=method, path=path)
    for path in ("/infer/", "/docs/", "/healthcheck/", "/infer//", "/infer%2F", "/infer/?a=b%20c&d=%C3%A9")
    for method in ("GET", "HEAD", "POST", "PUT")
]

PATHS = [
    post(path)
    for path in (
        "/infer?x=1",
        "/infer?",
        "/%69nfer",
        "/./infer",
        "/a/../infer",
        "/infer%00",
        "/inf%C3%A9r",
        "/%zz",
        "*",
    )
] + [
    post("/infer#x", differs="malformed", status=400, holds="fragment"),
]

HEADERS = [
    post("/infer", {"accept": "text/html"}),
    post("/infer", {"accept": "image/png;q=1, application/json;q=0"}),
    post("/infer", {"accept-encoding": "gzip, br"}),
    post("/infer", {"x-octoai-async": "1"}, differs="async", status=201, holds="poll_url"),
    post("/infer", {"authorization": "Bearer of-nobody"}),
    post("/infer", {"origin": "https://other.example", "sec-fetch-site": "cross-site"}),
    post("/infer", {"expect": "100-continue"}),
    post("/infer", {"content-encoding": "gzip"}),
    post("/infer", {"connection": "close"}),
    post("/infer", {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABk"}),
    post("/infer", {"range": "bytes=0-1", "if-none-match": "*", "cookie": "a=b"}),
    post("/infer", {"x-http-method-override": "GET"}),
    post("/infer", {"x-request-id": "mine"}),
    post("/infer", body=b'{"prompt":"%b"}' % (b"x" * 3_000_000)),
    Request(method="OPTIONS", path="/infer", headers=PREFLIGHT),
    post("/infer", {"host": "other.example"}, differs="hosts", status=421, holds="allowed_hosts"),
    post("/infer", {"x_y": "1"}, differs="malformed", status=400, holds="underscore"),
    Request(method="FOO", path="/infer", differs="malformed", status=501, holds="method"),
]  # fmt: skip

PAGES = [
    Request(method="GET", path="/"),
    Request(method="GET", path="/?x"),
    Request(method="GET", path="/healthcheck"),
    *(
        Request(method=method, path=path, differs="head", status=405, holds="Method Not Allowed")
        for path in ("/", "/healthcheck")
        for method in (*OTHER_METHODS, "POST")
    ),
    Request(method="HEAD", path="/", differs="head"),
    Request(method="HEAD", path="/healthcheck", differs="head"),
    *(
        Request(method=method, path=path, differs="docs", holds="<!doctype html>" if method == "GET" else "")
        for path in ("/docs", "/redoc")
        for method in ("GET", "HEAD")
    ),
    Request(method="GET", path="/docs/oauth2-redirect", differs="docs", status=404, holds="Not Found"),
    Request(method="GET", path="/openapi.json", differs="openapi", holds='"openapi":"3.1.0"'),
]

BODIES = [
    Request(
        method="POST",
        path=request.path,
        body=request.body,
        headers={} if request.content_type is None else {"content-type": request.content_type},
        # By keywords, the exception cannot be pickled on its way out of octoai-sdk's worker.
        differs="user-errors" if b'"object"' in request.body else request.differs,
        status=409 if b'"object"' in request.body else request.status,
        holds='{"detail":{"why":["a",1]}}' if b'"object"' in request.body else request.holds,
    )
    for request in CORPUS
]
BODIES.sort(key=lambda request: request.differs == "user-errors")
"""The last ones leave octoai-sdk's server in a state in which later requests may hang."""

REQUESTS = [*ROUTES, *REDIRECTS, *PATHS, *HEADERS, *PAGES, *BODIES]
