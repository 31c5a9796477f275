"""Request heads: bytes in, a validated `RequestHead` or a `Rejection` out. A pure function, so that it can be cached.

Parsing is httptools' (llhttp); what that parser lets through and RFC 9112 or plain hygiene does not is refused here:
a missing or double Host, CL with TE, obs-fold, bare LF, odd header names, too many or too long headers.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

import httptools
import msgspec

_REQUEST_LINE = re.compile(rb"[A-Z-]{1,32} [\x21-\x7e]+ HTTP/1\.[01]\r\n")
_HOST = re.compile(rb"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")
_LOOPBACK = re.compile(r"127(\.[0-9]{1,3}){3}\Z")
_ALLOWED = bytes((0x09, *range(0x20, 0x7F), *range(0x80, 0x100)))
_ONCE = frozenset((b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"expect"))


class Rejection(Exception):
    """A request that is refused by its head alone. The connection closes after it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Sender(NamedTuple):
    """Who sent a request: the id of the token ("" for none), and what it allows where the request goes."""

    id: str
    scopes: frozenset[str]


class RequestHead:
    """A valid request head.

    `path` is percent-decoded once; `query` is as sent. Header names are lower case, values stripped. `length` is
    the Content-Length, or -1 for a chunked body. `plan`, `prefix` and `sender` are the handler's own notes: the
    matched route, what it took off the front of the path, and who sent the request, where that was asked.
    """

    __slots__ = (
        "expects_continue",
        "headers",
        "http_11",
        "keep_alive",
        "length",
        "method",
        "path",
        "plan",
        "prefix",
        "query",
        "sender",
    )

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: dict[bytes, bytes],
        length: int,
        *,
        keep_alive: bool,
        http_11: bool,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.length = length
        self.keep_alive = keep_alive
        self.http_11 = http_11
        self.expects_continue = http_11 and headers.get(b"expect", b"").lower() == b"100-continue"
        self.plan: Any = None
        self.prefix = ""
        self.sender: Sender | None = None

    @property
    def origin(self) -> str:
        """Scheme and host that the caller used, as a proxy in between tells them. The host was validated."""
        scheme = "https" if self.headers.get(b"x-forwarded-proto") == b"https" else "http"
        return f"{scheme}://{self.headers.get(b'host', b'localhost').decode('ascii')}"


class _Collector:
    """What httptools calls while it parses."""

    __slots__ = ("headers", "url")

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


class HeadRules(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on a head, and the hosts that this server answers to (None: any); `*.example.com` is every name below.

    `known_hosts` remembers Host values that were found good; it is bounded by `KNOWN_HOSTS`.
    """

    max_headers: int = 64
    max_uri_bytes: int = 8 * 1024
    hosts: frozenset[str] | None = None
    known_hosts: set[bytes] = msgspec.field(default_factory=set[bytes])


KNOWN_HOSTS: Final = 64


LOOPBACK_HOSTS: Final = frozenset(("localhost", "127.0.0.1", "[::1]"))


def parse_head(data: bytes, rules: HeadRules) -> RequestHead:
    """Parse a complete head (to and with its empty line). Raises Rejection."""
    if not _REQUEST_LINE.match(data):
        raise Rejection(400, "Malformed request line")
    # What is no printable character or tab can only be the line ends, and these only in their pairs.
    if data.translate(None, _ALLOWED) != b"\r\n" * data.count(b"\r\n"):
        raise Rejection(400, "A control character or a bare line end in the request head")
    collector = _Collector()
    parser = httptools.HttpRequestParser(collector)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        # RFC 9110, 7.8: an offer to change the protocol may be ignored. Java's HttpClient and `curl --http2` make it
        # with every first request. CONNECT is no offer.
        if parser.get_method() == b"CONNECT":
            raise Rejection(501, "This server is no proxy") from None
    except httptools.HttpParserInvalidMethodError:
        raise Rejection(501, "The server does not know this method") from None
    except httptools.HttpParserError:
        raise Rejection(400, "Malformed request head") from None
    pairs = collector.headers
    if len(pairs) > rules.max_headers:
        raise Rejection(431, f"More than {rules.max_headers} header fields")
    headers = {name.lower(): value for name, value in pairs}
    if len(headers) < len(pairs) or b"_" in data or b" \r\n" in data or b"\t" in data:
        headers = _fields(pairs)
    http_11 = parser.get_http_version() == "1.1"
    url = collector.url
    if url.isascii() and url[0] == SLASH and b"%" not in url and b"#" not in url and len(url) <= rules.max_uri_bytes:
        path, _, query = url.decode("ascii").partition("?")
        authority = b""
    else:
        path, query, authority = _target(url, rules)
    host = headers.get(b"host")
    if authority or host not in rules.known_hosts:
        _check_host(host, authority, http_11=http_11, rules=rules)
    length = headers.get(b"content-length", b"0")
    if b"transfer-encoding" in headers or not length.isdigit() or len(length) > LENGTH_DIGITS:
        size = _length(headers, http_11=http_11)
    else:
        size = int(length)
    return RequestHead(
        parser.get_method().decode("ascii"),
        path,
        query,
        headers,
        size,
        keep_alive=parser.should_keep_alive(),
        http_11=http_11,
    )


SLASH: Final = ord("/")
LENGTH_DIGITS: Final = 15


def _fields(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Put header fields together with care: what is doubled, and names and values that only look clean."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        key = name.lower()
        if b"_" in key:
            raise Rejection(400, "A header name has an underscore")
        if key in headers:
            if key in _ONCE:
                raise Rejection(400, f"More than one {key.decode()} header")
            headers[key] = headers[key] + b", " + value
        else:
            headers[key] = value.strip(b" \t")
    return headers


def _target(url: bytes, rules: HeadRules) -> tuple[str, str, bytes]:
    """Split the request target into path, query and, for the absolute form, its authority."""
    if len(url) > rules.max_uri_bytes:
        raise Rejection(414, f"The URI is longer than {rules.max_uri_bytes} bytes")
    authority = b""
    if not url.startswith(b"/"):
        if url == b"*":
            return "*", "", b""
        match = re.match(rb"https?://([^/?#@\\]+)(/.*|\?.*|)\Z", url, re.IGNORECASE)
        if match is None:
            raise Rejection(400, "Malformed request target")
        authority, url = match.group(1), match.group(2) or b"/"
        url = b"/" + url if url.startswith(b"?") else url
    if b"#" in url:
        raise Rejection(400, "A request target has no fragment")
    if not url.isascii():
        raise Rejection(400, "The request target is not ASCII")
    path, _, query = url.partition(b"?")
    if b"%" in path:
        path = unquote_to_bytes(path)
    try:
        return path.decode("utf-8"), query.decode("ascii"), authority
    except UnicodeDecodeError:
        raise Rejection(400, "The path is not UTF-8") from None


def _check_host(host: bytes | None, authority: bytes, *, http_11: bool, rules: HeadRules) -> None:
    if host is None:
        if http_11:
            raise Rejection(400, "Missing Host header")
        return
    for name in (host, authority):
        if name and not _HOST.match(name):
            raise Rejection(400, "Malformed Host")
    if rules.hosts is not None:
        name = host_name(authority or host)
        if name not in rules.hosts and not _is_local(name) and not _is_below(name, rules.hosts):
            raise Rejection(421, "This server does not answer for that host; allow it with allowed_hosts")
    if not authority and len(rules.known_hosts) < KNOWN_HOSTS:
        rules.known_hosts.add(host)


def _is_local(name: str) -> bool:
    return _LOOPBACK.match(name) is not None or name.endswith(".localhost")


def _is_below(name: str, hosts: frozenset[str]) -> bool:
    """Whether one of the names above this one is let in with a star. A host is looked at once and then known."""
    parts = name.split(".")
    return any("*." + ".".join(parts[at:]) in hosts for at in range(1, len(parts)))


def host_name(host: bytes) -> str:
    """The name in a Host value, lower case, without its port."""
    text = host.decode("ascii").lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0].rstrip(".")


def _length(headers: dict[bytes, bytes], *, http_11: bool) -> int:
    coding = headers.get(b"transfer-encoding")
    if coding is None:
        raise Rejection(400, "Malformed Content-Length")
    if b"content-length" in headers:
        raise Rejection(400, "Both Content-Length and Transfer-Encoding")
    if not http_11 or coding.lower() != b"chunked":
        raise Rejection(501 if http_11 else 400, "The only transfer coding is chunked")
    return -1
