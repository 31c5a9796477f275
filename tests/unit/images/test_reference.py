from __future__ import annotations

import pytest

from hotplate.errors import SettingError
from hotplate.images.reference import check_registry, check_repository, check_tag, parse

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "full", "host"),
    [
        ("debian", "docker.io/library/debian", "registry-1.docker.io"),
        ("ann/hello:v1", "docker.io/ann/hello:v1", "registry-1.docker.io"),
        ("index.docker.io/ann/hello", "docker.io/ann/hello", "registry-1.docker.io"),
        ("localhost/hello:v1", "localhost/hello:v1", "localhost"),
        ("localhost:5000/hello", "localhost:5000/hello", "localhost:5000"),
        ("127.0.0.1:5000/a/b/c:x", "127.0.0.1:5000/a/b/c:x", "127.0.0.1:5000"),
        (f"ghcr.io/ann/hello:v1@{DIGEST}", f"ghcr.io/ann/hello:v1@{DIGEST}", "ghcr.io"),
        ("[::1]:5000/hello", "[::1]:5000/hello", "[::1]:5000"),
    ],
)
def test_a_name_is_read(text, full, host):
    found = parse(text)
    assert (str(found), found.host) == (full, host)
    assert parse(str(found)) == found


def test_what_is_asked_for():
    assert parse("a/b").asked == "latest"
    assert parse("a/b:v1").asked == "v1"
    assert parse(f"a/b:v1@{DIGEST}").asked == DIGEST
    assert str(parse(f"a/b:v1@{DIGEST}").tagged("v2")) == "docker.io/a/b:v2"


@pytest.mark.parametrize(
    "text", ["", "a/B", "../x", "a b", "https://x/y", "a:b:c", "x@sha256:00", "a/b\n", "-a", "a/../b"]
)
def test_what_is_no_name(text):
    with pytest.raises(SettingError):
        parse(text)


@pytest.mark.parametrize("text", ["", "a/b", "http://x", "x:99999999", "-x", "x y", "a..b", "x\n"])
def test_what_is_no_registry(text):
    with pytest.raises(SettingError):
        check_registry(text)


def test_parts_of_names():
    assert [check_registry(one) for one in ("Index.Docker.io", "GHCR.io", "localhost:5000", "[::1]:5000")] == [
        "docker.io",
        "ghcr.io",
        "localhost:5000",
        "[::1]:5000",
    ]
    assert check_repository("ann/hello-world_2") == "ann/hello-world_2"
    for wrong in ("", "Ann", "a//b", "../a", "a/" * 200):
        with pytest.raises(SettingError):
            check_repository(wrong)
    for wrong in ("", ".x", "a b", "x" * 129, "a/b"):
        with pytest.raises(SettingError):
            check_tag(wrong)
