"""No spelling of a URL, no name and no redirect leads the fetcher to a place that is not public.

The corpus follows the advisories named in the comments: a validator and a client that read one URL in two ways,
redirects that were not checked, names that changed their address between check and use.
"""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_network import ScriptedNetwork, redirect, reply

from hotplate.errors import BlockedURL, FetchFailed, LimitExceeded, UserError
from hotplate.media import Image
from hotplate.media.addresses import openings
from hotplate.media.fetch import FetchSettings, fetch

QUICK = FetchSettings(total_s=5, connect_s=2)

# name -> addresses, for names that lead inside
NAMES: dict[str, list[str]] = {
    "public.example": ["93.184.216.34"],
    "localhost": ["127.0.0.1", "::1"],
    "a.localhost": ["127.0.0.1"],
    "localtest.example": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "instance-data": ["169.254.169.254"],
    "private.example": ["10.1.2.3"],
    "cgnat.example": ["100.64.0.1"],
    "alibaba.example": ["100.100.100.200"],
    "azure.example": ["168.63.129.16"],
    "oracle.example": ["192.0.0.192"],
    "multicast.example": ["224.0.0.1"],
    "broadcast.example": ["255.255.255.255"],
    "zero.example": ["0.0.0.0"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "nat64.example": ["64:ff9b::a9fe:a9fe"],
    "sixtofour.example": ["2002:a9fe:a9fe::1"],
    "teredo.example": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "ula.example": ["fd00:ec2::254"],
    "linklocal.example": ["fe80::1%eth0"],
    "mixed.example": ["93.184.216.34", "10.0.0.1"],
    "mixed-six.example": ["93.184.216.34", "::1"],
}

CORPUS = [
    # literal addresses
    "http://127.0.0.1/",
    "http://127.1.2.3/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://168.63.129.16/",
    "http://192.0.0.192/opc/v2/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "https://127.0.0.1/",
    # decimal, octal, hexadecimal and short forms (inet_aton)
    "http://2130706433/",
    "http://2852039166/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://0XA9FEA9FE/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://00000000/",
    "http://169.254.43518/",
    "http://0251.0376.0251.0376/",
    "http://127.000.000.001/",
    "http://127.0.0.1./",
    "http://256.256.256.256/",
    "http://4294967296/",
    "http://1.2.3.4.5/",
    "http://0x/",
    # IPv6 and what hides in it
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1%25lo]/",
    "http://[ff02::1]/",
    "http://[v1.x]/",
    "http://[::1/",
    "http://::1/",
    # user names, backslashes and other ways to be read twice (vLLM CVE-2026-24779)
    "http://public.example@127.0.0.1/",
    "http://public.example:80@127.0.0.1/",
    "http://127.0.0.1@public.example/",
    "http://user:pass@public.example/",
    "http://@127.0.0.1/",
    "http://127.0.0.1\\@public.example/",
    "http://public.example\\@127.0.0.1/",
    "http:\\\\127.0.0.1\\",
    "http:/\\127.0.0.1/",
    "http://public.example\\.127.0.0.1/",
    "http://127.0.0.1#@public.example/",
    "http://127.0.0.1?@public.example/",
    "http:///127.0.0.1/",
    "http:127.0.0.1/",
    "http:/127.0.0.1/",
    "//127.0.0.1/",
    "http://public.example%2f@127.0.0.1/",
    "http://127.0.0.1%2f.public.example/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1%00.public.example/",
    "http://127.0.0.1%0d%0aX/",
    # blanks and control characters
    " http://127.0.0.1/",
    "http://127.0.0.1 .public.example/",
    "http://public.example\t@127.0.0.1/",
    "ht\ntp://127.0.0.1/",
    "http://public.example/\r\nHost: 127.0.0.1",
    "http://public.example/\0",
    # digits, dots and letters of Unicode
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "http://127\u30020\u30020\u30021/",
    "http://127\uff0e0\uff0e0\uff0e1/",
    "http://loc\u00adalhost/",
    "http://\u217docalhost/",
    "http://localho\u017ft/",
    # names
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://a.localhost/",
    *(f"http://{name}/" for name in NAMES if name not in ("public.example", "localhost", "a.localhost")),
    # ports
    "http://public.example:22/",
    "http://public.example:6379/",
    "http://public.example:8080/",
    "http://public.example:65536/",
    "http://public.example:0/",
    "http://public.example:080/",
    "http://public.example:/",
    "http://public.example:-80/",
    "http://public.example:+80/",
    "http://public.example:80:80/",
    "http://public.example:8\uff10/",
    "http://public.example:0x50/",
    # other schemes
    "file:///etc/passwd",
    "ftp://public.example/",
    "gopher://127.0.0.1:6379/_x",
    "dict://127.0.0.1/",
    "data:text/plain,x",
    "unix:///run/docker.sock",
    "jar:http://127.0.0.1!/",
    "httpx://public.example/",
    # no host, and hosts that are none
    "http://",
    "http://./",
    "http://../",
    "http://.public.example/",
    "http://public..example/",
    "http://-public.example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 127 + "example/",
    "http://public.example/" + "x" * 9000,
    "",
]


def test_the_corpus_is_large_enough() -> None:
    assert len(set(CORPUS)) == len(CORPUS) > 100


@pytest.mark.parametrize("url", CORPUS)
def test_no_spelling_gets_through(url: str) -> None:
    web = ScriptedNetwork(NAMES, [reply(b"secret")])
    with pytest.raises(BlockedURL) as caught:
        fetch(url, settings=QUICK, network=web.network)
    assert web.connections == []
    for name, addresses in NAMES.items():
        if name in url:
            assert not any(address in caught.value.message for address in addresses)


@pytest.mark.parametrize("url", CORPUS)
def test_no_spelling_gets_through_as_media(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way of a caller's URL: pydantic's reading of it first, then the fetcher's reading of the result."""
    web = ScriptedNetwork(NAMES, [reply(b"secret")])
    monkeypatch.setattr(
        "hotplate.media.fetch.fetch", lambda u, follow_redirects: fetch(u, settings=QUICK, network=web.network)
    )
    # pydantic repairs some spellings; then it is a public place under its plain name
    try:
        Image.from_wire({"data": {"url": url}}).to_bytes()
    except (UserError, ValueError):
        assert web.connections == []
    else:
        assert web.connections == [("93.184.216.34", 80)]
    web.answers.clear()
    web.join()


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://metadata.google.internal/",
        "http://localhost/",
        "http://public.example:6379/",
        "http://x@public.example/",
        "\\\\127.0.0.1\\",
        "file:///etc/passwd",
        "http://public.example\\@127.0.0.1/",
        "gopher://127.0.0.1/",
    ],
)
@pytest.mark.parametrize("hops", [0, 2])
def test_redirects_are_checked_like_the_first_url(location: str, hops: int) -> None:
    web = ScriptedNetwork(NAMES, [redirect("/next")] * hops + [redirect(location), reply(b"secret")])
    try:
        with pytest.raises((BlockedURL, FetchFailed)) as caught:
            fetch("http://public.example/", settings=QUICK, network=web.network)
    finally:
        web.join()
    assert set(web.connections) == {("93.184.216.34", 80)}
    if "\\\\" not in location:
        assert isinstance(caught.value, BlockedURL)
    assert "169.254" not in caught.value.message
    assert "google" not in caught.value.message


def test_a_redirect_from_https_to_http_is_refused() -> None:
    pem = str(Path(__file__).parents[1] / "unit/media/tls/media.test.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    web = ScriptedNetwork(
        {"media.test": ["93.184.216.34"], "public.example": ["93.184.216.34"]},
        [redirect("http://public.example/"), reply(b"secret")],
        server,
        ssl.create_default_context(cafile=pem),
    )
    with pytest.raises(BlockedURL, match="https to http"):
        fetch("https://media.test/", settings=QUICK, network=web.network)
    web.join()
    assert len(web.connections) == 1


def test_a_chain_of_redirects_ends() -> None:
    web = ScriptedNetwork(NAMES, [redirect("/again")] * 10)
    with pytest.raises(LimitExceeded):
        fetch("http://public.example/", settings=QUICK, network=web.network)
    web.join()
    assert len(web.connections) == 4


def test_a_name_that_changes_its_address_is_asked_once() -> None:
    """DNS rebinding: the connection goes to the address that was checked, whatever the name says a moment later."""
    web = ScriptedNetwork({"rebind.example": [["93.184.216.34"], ["127.0.0.1"]]}, [reply(b"fine")])
    assert fetch("http://rebind.example/", settings=QUICK, network=web.network) == b"fine"
    web.join()
    assert (web.lookups, web.connections) == (["rebind.example"], [("93.184.216.34", 80)])


def test_a_name_that_changes_its_address_between_redirects_is_checked_again() -> None:
    web = ScriptedNetwork({"rebind.example": [["93.184.216.34"], ["127.0.0.1"]]}, [redirect("/2"), reply(b"secret")])
    with pytest.raises(BlockedURL):
        fetch("http://rebind.example/", settings=QUICK, network=web.network)
    web.join()
    assert web.connections == [("93.184.216.34", 80)]


def test_an_allow_list_entry_opens_nothing_else() -> None:
    allowed = replace(QUICK, allow=openings("private.example"))
    web = ScriptedNetwork(NAMES, [reply(b"fine"), redirect("http://localhost/"), reply(b"secret")])
    assert fetch("http://private.example/", settings=allowed, network=web.network) == b"fine"
    for url in ("http://10.1.2.3/", "http://localhost/", "http://private.example:8080/", "http://private.example/2"):
        with pytest.raises(BlockedURL):
            fetch(url, settings=allowed, network=web.network)
    web.join()
    assert web.connections == [("10.1.2.3", 80)] * 2


def test_an_allowed_name_does_not_open_metadata() -> None:
    allowed = replace(QUICK, allow=openings("*.example"))
    web = ScriptedNetwork({"a.example": ["169.254.169.254"]}, [reply(b"secret")])
    with pytest.raises(BlockedURL):
        fetch("http://a.example/", settings=allowed, network=web.network)
    assert web.connections == []


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    web = ScriptedNetwork(NAMES, [reply(b"fine")])
    assert fetch("http://public.example/", settings=QUICK, network=web.network) == b"fine"
    web.join()
    assert web.connections == [("93.184.216.34", 80)]
