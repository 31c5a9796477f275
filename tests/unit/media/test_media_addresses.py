"""Which addresses are public, and how the allow-list is read."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.errors import SettingError
from hotplate.media.addresses import is_public, opening_list, openings


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.167.1.1"]
    + ["223.255.255.255", "198.17.0.1", "198.20.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1", "2003::1"],
)
def test_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"]
    + ["168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192"]
    + ["192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"]
    + ["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:8.8.8.8", "::8.8.8.8"]
    + ["::ffff:169.254.169.254", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:db8::1"]
    + ["2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"]
    + ["ff02::1", "4000::1"],
)
def test_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_calls_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        assert address.is_global
        assert not (address.is_private or address.is_multicast or address.is_reserved or address.is_loopback)


def permits(allow: str, host: str, port: int, address: str) -> bool:
    return any(o.permits(host, port, ipaddress.ip_address(address)) for o in openings(allow))


@pytest.mark.parametrize(
    ("allow", "host", "port", "address", "expected"),
    [
        ("files.internal", "files.internal", 80, "10.0.0.5", True),
        ("files.internal.", "files.internal", 443, "10.0.0.5", True),
        ("FILES.internal", "files.internal", 443, "fd00::5", True),
        ("files.internal", "files.internal", 9000, "10.0.0.5", False),
        ("files.internal", "xfiles.internal", 80, "10.0.0.5", False),
        ("files.internal", "a.files.internal", 80, "10.0.0.5", False),
        ("files.internal:9000", "files.internal", 9000, "10.0.0.5", True),
        ("files.internal:9000", "files.internal", 80, "10.0.0.5", False),
        ("files.internal:*", "files.internal", 12345, "10.0.0.5", True),
        ("*.corp.example", "a.corp.example", 80, "10.0.0.5", True),
        ("*.corp.example", "a.b.corp.example", 80, "10.0.0.5", True),
        ("*.corp.example", "corp.example", 80, "10.0.0.5", False),
        ("*.corp.example", "evilcorp.example", 80, "10.0.0.5", False),
        ("*.corp.example:8443", "a.corp.example", 8443, "10.0.0.5", True),
        ("10.0.0.0/8", "anything", 80, "10.2.3.4", True),
        ("10.0.0.0/8", "anything", 80, "11.2.3.4", False),
        ("10.0.0.0/8", "anything", 8080, "10.2.3.4", False),
        ("10.0.0.0/8:8080", "anything", 8080, "10.2.3.4", True),
        ("127.0.0.1:9000", "127.0.0.1", 9000, "127.0.0.1", True),
        ("127.0.0.1:9000", "localhost", 9000, "127.0.0.1", True),
        ("::1", "x", 80, "::1", True),
        ("fd00::/8", "x", 80, "fd12::1", True),
        ("[fd00::/8]:81", "x", 81, "fd12::1", True),
        ("[::1]:81", "x", 81, "::1", True),
        ("localhost", "localhost", 80, "127.0.0.1", True),
        # a name never leads to metadata, link-local and the like; a network that says so does
        ("files.internal", "files.internal", 80, "169.254.169.254", False),
        ("*.corp.example", "a.corp.example", 80, "fd00:ec2::254", False),
        ("files.internal", "files.internal", 80, "::ffff:10.0.0.1", False),
        ("files.internal", "files.internal", 80, "0.0.0.0", False),
        ("169.254.0.0/16", "x", 80, "169.254.169.254", True),
        ("a.example, b.example:81\n*.c", "b.example", 81, "10.0.0.1", True),
    ],
)
def test_what_an_entry_opens(allow: str, host: str, port: int, address: str, expected: bool) -> None:
    assert permits(allow, host, port, address) is expected


@pytest.mark.parametrize(
    "entry",
    [
        "http://a.example",
        "a.example/path",
        "*",
        "*.*",
        "a.*",
        "10.0.0.1/8",
        "a:0x50",
        "a:99999",
        "10.0.0.0/33",
        "[::1",
        "a:",
    ]
    + ["user@host", "é.example"],
)
def test_an_entry_that_is_none_is_a_setting_error(entry: str) -> None:
    with pytest.raises(SettingError) as caught:
        openings(entry)
    assert caught.value.key == "fetch_allow"
    assert entry in caught.value.message


def test_lists_and_texts_read_alike() -> None:
    assert opening_list(["a.example", "10.0.0.0/8"]) == opening_list("a.example,10.0.0.0/8")
    assert openings("") == ()
