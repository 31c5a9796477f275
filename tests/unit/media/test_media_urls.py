"""The one URL parser: what it takes apart, and that it refuses the rest."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.errors import BlockedURL
from hotplate.media.urls import parse, redirected


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "path", "header"),
    [
        ("http://a.example", "http", "a.example", 80, "/", "a.example"),
        ("HTTPS://A.Example/", "https", "a.example", 443, "/", "a.example"),
        ("https://a.example./x", "https", "a.example", 443, "/x", "a.example"),
        ("http://a.example:8080/x?y=1#z", "http", "a.example", 8080, "/x?y=1", "a.example:8080"),
        ("http://a.example:443/", "http", "a.example", 443, "/", "a.example:443"),
        ("https://a.example:443/", "https", "a.example", 443, "/", "a.example"),
        ("http://a.example?x=http://b", "http", "a.example", 80, "/?x=http://b", "a.example"),
        ("http://1.2.3.4/", "http", "1.2.3.4", 80, "/", "1.2.3.4"),
        ("http://[2606:4700::1]/", "http", "2606:4700::1", 80, "/", "[2606:4700::1]"),
        ("http://[2606:4700:0::1]:81/", "http", "2606:4700::1", 81, "/", "[2606:4700::1]:81"),
        ("http://a_b.example/@x:1/", "http", "a_b.example", 80, "/@x:1/", "a_b.example"),
        (
            "http://xn--bcher-kva.example/%C3%A9",
            "http",
            "xn--bcher-kva.example",
            80,
            "/%C3%A9",
            "xn--bcher-kva.example",
        ),
    ],
)
def test_it_takes_plain_urls_apart(url: str, scheme: str, host: str, port: int, path: str, header: str) -> None:
    target = parse(url)
    assert (target.scheme, target.host, target.port, target.path, target.host_header) == (
        scheme,
        host,
        port,
        path,
        header,
    )
    assert (target.address is not None) == (host[0] in "12" and not host.endswith("example"))


def test_what_is_shown_has_no_query() -> None:
    assert parse("https://a.example:8443/x?sig=SECRET#y").shown == "https://a.example:8443/x"


@given(st.text(max_size=80) | st.from_regex(r"https?://[a-zA-Z0-9.:@\\\[\]%_-]{0,30}(/[ -~]{0,20})?", fullmatch=True))
def test_any_text_is_a_url_of_one_meaning_or_refused(text: str) -> None:
    try:
        target = parse(text)
    except BlockedURL:
        return
    # the standard library's reader sees the same host, so that nobody along the way can see another
    other = urlsplit(text)
    assert (other.hostname or "").rstrip(".") in (target.host, text[text.find("[") + 1 : text.find("]")].lower())
    assert (other.port or {"http": 80, "https": 443}[target.scheme]) == target.port
    assert other.username is None
    assert not set(target.path) & set(" \r\n\t\\#")


@pytest.mark.parametrize(
    ("base", "location", "expected"),
    [
        ("http://a.example/x/y", "z", "http://a.example/x/z"),
        ("http://a.example/x/y", "/z?q", "http://a.example/z?q"),
        ("http://a.example/x/y", "?q", "http://a.example/x/y?q"),
        ("http://a.example/x/y", "//b.example/z", "http://b.example/z"),
        ("http://a.example:81/x", "z", "http://a.example:81/z"),
        ("http://a.example/", "https://b.example/", "https://b.example/"),
        ("http://a.example/", "/caf\xc3\xa9 x", "http://a.example/caf%C3%A9%20x"),
    ],
)
def test_redirects_are_resolved(base: str, location: str, expected: str) -> None:
    target = redirected(parse(base), location.encode("latin-1"))
    assert f"{target.scheme}://{target.host_header}{target.path}" == expected


@pytest.mark.parametrize(
    "location", ["http://b.example/", "ftp://b.example/", "file:///etc/passwd", "data:,x", "//u@b/"]
)
def test_redirects_that_are_refused(location: str) -> None:
    with pytest.raises(BlockedURL):
        redirected(parse("https://a.example/"), location.encode())
